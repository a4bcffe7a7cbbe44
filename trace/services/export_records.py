"""The records that are told to others: purchases, returns to suppliers, sales, returns of sales, as `Record`s.

Each reader answers what was recorded since a moment, or, for a file that is made anew, the records of some subjects.
A subject is the key under which a record is told once (`export_entry`):

* a purchase: its receipt and line, `12.0`; after a correction with the number of it, `12.0@88`, so that the corrected
  line is told, and the one before is withdrawn;
* what withdraws a record: the number by which the insurance knows it, `P12.0`;
* a return to a supplier: its event and the number of the lot in it, `77.0`;
* a sale: the sale and its line, `5.0`; the return of one: its event before them, `78.5.0`;
* on the trace platform: `trace.services.export_retail`.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage.tables import drug_sale, drug_sale_line, event_withdrawn
from trace.domain.exports import Form, Record
from trace.services.export_goods import Window
from trace.services.export_purchases import (
    purchase_returns,
    purchase_withdrawals,
    purchases,
    return_withdrawals,
    told_of,
    withdrawn,
)
from trace.services.export_retail import codes_back, codes_sold
from trace.services.export_sale_lines import record_of_line, sale_lines

# A sale that an error declaration took back is closed by its own event (`trace.services.code_sales`).
_DECLARED_WRONG = drug_sale_line.c.returned_event == drug_sale_line.c.event
_NOT_WRONG = or_(drug_sale_line.c.returned_event.is_(None), ~_DECLARED_WRONG)


def read_records(session: Session, form: Form, window: Window) -> list[Record]:
    """The records of a form, in the order in which they were recorded."""
    return _READERS[form](session, window)


def _sales(session: Session, window: Window) -> list[Record]:
    query = sale_lines(window).where(_NOT_WRONG)
    if window.subjects is None:
        query = query.where(drug_sale.c.recorded_at >= window.since)
    else:
        query = query.where(drug_sale.c.id.in_(window.heads))
    rows = session.execute(query.order_by(drug_sale.c.id, drug_sale_line.c.line)).all()
    made = [record_of_line(row, window, Form.SALE, f"{row.id}.{row.line}") for row in rows]
    return [record for record in made if window.subjects is None or record.subject in window.subjects]


def _sale_returns(session: Session, window: Window) -> list[Record]:
    came_back = drug_sale_line.c.returned_event.is_not(None) & ~_DECLARED_WRONG
    never = select(event_withdrawn.c.event).where(event_withdrawn.c.event == drug_sale_line.c.returned_event)
    query = sale_lines(window).where(came_back, ~never.exists())
    if window.subjects is None:
        query = query.where(drug_sale_line.c.returned_at >= window.since)
    else:
        query = query.where(drug_sale_line.c.returned_event.in_(window.heads))
    rows = session.execute(query.order_by(drug_sale_line.c.returned_event, drug_sale.c.id, drug_sale_line.c.line)).all()
    made = [record_of_line(row, window, Form.SALE_RETURN, f"{row.returned_event}.{row.id}.{row.line}") for row in rows]
    return [record for record in made if window.subjects is None or record.subject in window.subjects]


def _withdrawals(session: Session, window: Window) -> list[Record]:
    """What was told and is no longer so: purchases, and sales and returns that were declared wrong."""
    wrong = (
        select(drug_sale.c.id, drug_sale_line.c.line, drug_sale_line.c.returned_at)
        .join(drug_sale_line, drug_sale_line.c.sale == drug_sale.c.id)
        .where(drug_sale.c.organisation == window.organisation, _DECLARED_WRONG)
        .order_by(drug_sale.c.id, drug_sale_line.c.line)
    )
    if window.subjects is None:
        wrong = wrong.where(drug_sale_line.c.returned_at >= window.since)
    rows = {f"{row.id}.{row.line}": row.returned_at for row in session.execute(wrong)}
    told = told_of(session, window, Form.SALE, set(rows), "@")
    sales = [withdrawn(Form.SALE, subject, rows[subject], window) for subject in told]
    found = [*purchase_withdrawals(session, window), *sales, *return_withdrawals(session, window)]
    return [record for record in found if window.subjects is None or record.subject in window.subjects]


_READERS: Mapping[Form, Callable[[Session, Window], list[Record]]] = {
    Form.WITHDRAWAL: _withdrawals,
    Form.PURCHASE: purchases,
    Form.PURCHASE_RETURN: purchase_returns,
    Form.SALE: _sales,
    Form.SALE_RETURN: _sale_returns,
    Form.RETAIL_BILL: codes_sold,
    Form.RETAIL_RETURN: codes_back,
}
