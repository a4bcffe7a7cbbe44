"""The records that are told to others: purchases, returns to suppliers, sales, returns of sales, as `Record`s.

Each reader answers what was recorded since a moment, or, for a file that is made anew, the records of some subjects.
A subject is the key under which a record is told once (`export_entry`):

* a purchase: its receipt and line, `12.0`; after a correction with the moment of it, `12.0@1764147600`, so that the
  corrected line is told, and the one before is withdrawn;
* what withdraws a record: the number by which the insurance knows it, `P12.0`;
* a return to a supplier: its event and the number of the lot in it, `77.0`;
* a sale, and the return of one: the sale and its line, `5.0`; on the trace platform the code, which it knows as sold
  once, however often a pack is opened, or comes back and is sold again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.tables import api_key, drug_sale, drug_sale_line, ident, lot, person, product
from trace.domain.exports import Form, Record, is_of_platform
from trace.domain.uris import UriKind, drug_code_uri
from trace.services.export_goods import GOODS, Window, amount_of, code_text, goods_of, listing_of
from trace.services.export_purchases import (
    NUMBERS,
    purchase_returns,
    purchase_withdrawals,
    purchases,
    told_of,
    withdrawn,
)

# A sale that an error declaration took back is closed by its own event (`trace.services.code_sales`).
_DECLARED_WRONG = drug_sale_line.c.returned_event == drug_sale_line.c.event
_NOT_WRONG = or_(drug_sale_line.c.returned_event.is_(None), ~_DECLARED_WRONG)


def read_records(session: Session, form: Form, window: Window) -> list[Record]:
    """The records of a form, in the order in which they were recorded."""
    return _READERS[form](session, window)


def _sales(session: Session, window: Window) -> list[Record]:
    query = _sale_lines(window).where(_NOT_WRONG)
    if window.subjects is None:
        query = query.where(drug_sale.c.recorded_at >= window.since)
    else:
        query = query.where(drug_sale.c.id.in_(window.heads))
    rows = session.execute(query.order_by(drug_sale.c.id, drug_sale_line.c.line)).all()
    made = [_sale(row, window, Form.SALE, row.recorded_at, row.sold_at) for row in rows]
    return [record for record in made if window.subjects is None or record.subject in window.subjects]


def _sale_returns(session: Session, window: Window) -> list[Record]:
    came_back = drug_sale_line.c.returned_event.is_not(None) & ~_DECLARED_WRONG
    query = _sale_lines(window).where(came_back)
    if window.subjects is None:
        query = query.where(drug_sale_line.c.returned_at >= window.since)
    else:
        query = query.where(drug_sale.c.id.in_(window.heads))
    rows = session.execute(query.order_by(drug_sale_line.c.returned_event, drug_sale.c.id, drug_sale_line.c.line)).all()
    made = [_sale(row, window, Form.SALE_RETURN, row.returned_at, row.returned_at) for row in rows]
    return [record for record in made if window.subjects is None or record.subject in window.subjects]


def _withdrawals(session: Session, window: Window) -> list[Record]:
    """What was told and is no longer so: purchases, and sales that were declared wrong."""
    wrong = (
        select(drug_sale.c.id, drug_sale_line.c.line, drug_sale_line.c.returned_at)
        .join(drug_sale_line, drug_sale_line.c.sale == drug_sale.c.id)
        .where(drug_sale.c.organisation == window.organisation, _DECLARED_WRONG)
        .order_by(drug_sale.c.id, drug_sale_line.c.line)
    )
    if window.subjects is None:
        wrong = wrong.where(drug_sale_line.c.returned_at >= window.since)
    rows = {f"{row.id}.{row.line}": row.returned_at for row in session.execute(wrong)}
    told = told_of(session, window, Form.SALE, set(rows))
    sales = [withdrawn(Form.SALE, subject, rows[subject], window) for subject in told]
    found = [*purchase_withdrawals(session, window), *sales]
    return [record for record in found if window.subjects is None or record.subject in window.subjects]


def _retail_codes(session: Session, window: Window) -> list[Record]:
    """The codes sold, each once: the platform's own are told there, the others pass it by (`is_of_platform`).

    What came back before it was told is in the shop, and no news: it is told of when it is sold again.
    """
    query = _sale_lines(window).where(ident.c.kind == UriKind.INSTANCE, drug_sale_line.c.returned_event.is_(None))
    if window.subjects is None:
        query = query.where(drug_sale.c.recorded_at >= window.since)
    else:
        uris = [drug_code_uri(subject) for subject in window.subjects]
        query = query.where(drug_sale_line.c.item.in_(find_idents(session, uris).values()))
    found: dict[str, Record] = {}
    for row in session.execute(query.order_by(drug_sale.c.id, drug_sale_line.c.line)):
        record = _sale(row, window, Form.RETAIL_BILL, row.recorded_at, row.sold_at)
        if is_of_platform(record.subject):
            found.setdefault(record.subject, record)
    return list(found.values())


def _sale_lines(window: Window) -> Select[Any]:
    return (
        select(
            drug_sale.c.id, drug_sale.c.number.label("receipt_number"), drug_sale.c.sold_at, drug_sale.c.recorded_at,
            func.coalesce(person.c.name, api_key.c.label).label("operator"), drug_sale_line.c.line,
            drug_sale_line.c.amount, drug_sale_line.c.price, drug_sale_line.c.split_units,
            drug_sale_line.c.returned_at, ident.c.uri, ident.c.kind, *GOODS, listing_of(window),
        )
        .join(drug_sale_line, drug_sale_line.c.sale == drug_sale.c.id)
        .join(ident, ident.c.id == drug_sale_line.c.item)
        .join(product, product.c.id == drug_sale_line.c.product)
        .join(lot, lot.c.item == drug_sale_line.c.lot)
        .outerjoin(person, person.c.id == drug_sale.c.person)
        .outerjoin(api_key, api_key.c.id == drug_sale.c.api_key)
        .where(drug_sale.c.organisation == window.organisation)
    )  # fmt: skip


def _sale(row: Row[*tuple[Any, ...]], window: Window, form: Form, recorded: datetime, happened: datetime) -> Record:
    code = code_text(row.uri) if row.kind == UriKind.INSTANCE else ""
    subject = code if form is Form.RETAIL_BILL else f"{row.id}.{row.line}"
    amount = amount_of(row.amount)
    # A line's price is for the line; the insurance asks for that of one.
    price = None if row.price is None or not amount else amount_of(row.price) / amount
    return Record(
        form=form,
        subject=subject,
        number=f"{NUMBERS.get(form, '')}{row.id}.{row.line}",
        recorded_at=recorded,
        happened_at=happened.astimezone(window.zone),
        operator=row.operator or "",
        document=str(row.receipt_number),
        amount=amount,
        price=price,
        split=row.split_units is not None,
        codes=(code,) if code else (),
        **goods_of(row),
    )


_READERS: Mapping[Form, Callable[[Session, Window], list[Record]]] = {
    Form.WITHDRAWAL: _withdrawals,
    Form.PURCHASE: purchases,
    Form.PURCHASE_RETURN: purchase_returns,
    Form.SALE: _sales,
    Form.SALE_RETURN: _sale_returns,
    Form.RETAIL_BILL: _retail_codes,
}
