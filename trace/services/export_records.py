"""The records that are told to others: purchases, returns to suppliers, sales, returns of sales, as `Record`s.

Each reader answers what was recorded since a moment, or, for a file that is made anew, the records of some subjects.
A subject is the key under which a record is told once (`export_entry`):

* a purchase: its receipt and line, `12.0`; after a correction with the moment of it, `12.0@1764147600`, so that the
  corrected line is told, and the one before is withdrawn;
* a return to a supplier: its event and the number of the lot in it, `77.0`;
* a sale, and the return of one: the sale and its line, `5.0`; on the trace platform the code, which it knows as sold
  once, however often a pack is opened, or comes back and is sold again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.orm import Session

from storage.events import chunks, documents_of, find_idents
from storage.tables import (
    MICRO,
    api_key,
    drug_sale,
    drug_sale_line,
    event,
    event_withdrawn,
    export_entry,
    export_file,
    ident,
    insurance_code,
    lot,
    organisation,
    person,
    product,
    receipt,
    receipt_line,
    stock,
)
from trace.domain.epcis.document import load_document, parse_document
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import ObjectEvent, utc_milliseconds
from trace.domain.exports import Form, Record, State, is_of_platform
from trace.domain.products import Category
from trace.domain.uris import UriKind, drug_code_uri, parse_digital_link, split_private_uri, uri_kind

_REFUSED = "refuse"  # of a line of a delivery: it never came in


@dataclass(frozen=True, slots=True)
class Window:
    """Which records: of an organisation, recorded since a moment, or those of some subjects."""

    organisation: int
    target: int
    zone: tzinfo
    since: datetime
    subjects: frozenset[str] | None = None

    @property
    def heads(self) -> set[int]:
        """The numbers of the receipts, sales or events in the subjects."""
        numbers = (subject.partition(".")[0] for subject in self.subjects or ())
        return {int(number) for number in numbers if number.isdigit()}


def read_records(session: Session, form: Form, window: Window) -> list[Record]:
    """The records of a form, in the order in which they were recorded."""
    return _READERS[form](session, window)


# ---- purchases -----------------------------------------------------------------------------------------------------


def _purchases(session: Session, window: Window) -> list[Record]:
    if window.subjects is None:
        changed = or_(receipt.c.recorded_at >= window.since, receipt_line.c.corrected_at >= window.since)
        rows = session.execute(_receipt_lines(window).where(changed)).all()
    else:
        rows = session.execute(_receipt_lines(window).where(receipt.c.id.in_(window.heads))).all()
        rows = [row for row in rows if _purchase_subject(row) in window.subjects]
    codes = _codes_of_events(session, {row.event for row in rows if row.event})
    return [_purchase(row, window, codes.get(row.event, ())) for row in rows]


def _receipt_lines(window: Window) -> Select[Any]:
    return (
        select(
            receipt.c.id, receipt.c.public_id, receipt.c.recorded_at, receipt.c.received_at, receipt.c.delivery_note,
            receipt.c.supplier_name, receipt_line.c.line, receipt_line.c.amount, receipt_line.c.price,
            receipt_line.c.event, receipt_line.c.corrected_at, person.c.name.label("operator"), *_GOODS,
            _listing(window),
        )
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .join(product, product.c.id == receipt_line.c.product)
        .join(lot, lot.c.item == receipt_line.c.item)
        .outerjoin(person, person.c.id == receipt.c.recorded_by)
        .where(
            receipt.c.organisation == window.organisation,
            receipt.c.undone_at.is_(None),
            receipt_line.c.decision != _REFUSED,
            receipt_line.c.amount > 0,
            product.c.category == Category.DRUG,
        )
        .order_by(receipt.c.id, receipt_line.c.line)
    )  # fmt: skip


def _purchase_subject(row: Row[*tuple[Any, ...]]) -> str:
    subject = f"{row.id}.{row.line}"
    return subject if row.corrected_at is None else f"{subject}@{int(row.corrected_at.timestamp())}"


def _purchase(row: Row[*tuple[Any, ...]], window: Window, codes: Sequence[str]) -> Record:
    subject = _purchase_subject(row)
    return Record(
        form=Form.PURCHASE,
        subject=subject,
        number=f"P{subject}",
        recorded_at=max(row.recorded_at, row.corrected_at or row.recorded_at),
        happened_at=row.received_at.astimezone(window.zone),
        operator=row.operator or "",
        document=row.delivery_note or row.public_id,
        partner=row.supplier_name,
        amount=_amount(row.amount),
        price=None if row.price is None else _amount(row.price),
        codes=tuple(codes),
        **_goods(row),
    )


def _withdrawals(session: Session, window: Window) -> list[Record]:
    """Purchases that were told and are no longer so: taken back as a whole, or corrected since."""
    changed = or_(receipt.c.undone_at >= window.since, receipt_line.c.corrected_at >= window.since)
    if window.subjects is not None:
        changed = receipt.c.id.in_(window.heads)
    query = (
        select(receipt.c.id, receipt.c.undone_at, receipt_line.c.line, receipt_line.c.corrected_at)
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .where(receipt.c.organisation == window.organisation, changed)
        .order_by(receipt.c.id, receipt_line.c.line)
    )
    rows = session.execute(query).all()
    if not rows:
        return []
    told = _told_purchases(session, window, {f"{row.id}.{row.line}" for row in rows})
    found = []
    for row in rows:
        now_told = None if row.undone_at is not None else _purchase_subject(row)
        moment = max(moment for moment in (row.undone_at, row.corrected_at) if moment is not None)
        for subject in told.get(f"{row.id}.{row.line}", ()):
            if subject != now_told:
                at = moment.astimezone(window.zone)
                found.append(Record(Form.WITHDRAWAL, subject, f"P{subject}", moment, at, operator=""))
    wanted = window.subjects
    return [record for record in found if wanted is None or record.subject in wanted]


def _told_purchases(session: Session, window: Window, bases: set[str]) -> dict[str, list[str]]:
    """{receipt and line: the subjects under which it was told}, without files that were refused."""
    query = (
        select(export_entry.c.subject)
        .join(export_file, export_file.c.id == export_entry.c.export_file)
        .where(
            export_entry.c.target == window.target,
            export_entry.c.form == Form.PURCHASE,
            export_file.c.state != State.REFUSED,
        )
        .order_by(export_entry.c.subject)
    )
    found: dict[str, list[str]] = {}
    for part in chunks(sorted(bases), 100):
        corrected = [export_entry.c.subject.startswith(f"{base}@") for base in part]
        for subject in session.scalars(query.where(or_(export_entry.c.subject.in_(part), *corrected))):
            found.setdefault(subject.partition("@")[0], []).append(subject)
    return found


# ---- returns to suppliers ------------------------------------------------------------------------------------------


def _purchase_returns(session: Session, window: Window) -> list[Record]:
    words = find_idents(session, [BizStep.SHIPPING, Disposition.RETURNED])
    if len(words) < 2:
        return []
    query = (
        select(event.c.id, event.c.record_time, event.c.person, person.c.name.label("operator"))
        .outerjoin(person, person.c.id == event.c.person)
        .outerjoin(event_withdrawn, event_withdrawn.c.event == event.c.id)
        .where(
            event.c.captured_by == window.organisation,
            event.c.step == words[BizStep.SHIPPING],
            event.c.disposition == words[Disposition.RETURNED],
            event_withdrawn.c.event.is_(None),
            _recorded(window, event.c.id),
        )
        .order_by(event.c.id)
    )
    rows = session.execute(query).all()
    documents = documents_of(session, [row.id for row in rows])
    found = []
    for row in rows:
        sent = parse_document(load_document(documents[row.id]))
        if isinstance(sent, ObjectEvent):
            found += _returned_lots(session, window, row, sent)
    return [record for record in found if window.subjects is None or record.subject in window.subjects]


def _recorded(window: Window, number: ColumnElement[int]) -> ColumnElement[bool]:
    if window.subjects is None:
        return event.c.record_time >= utc_milliseconds(window.since)
    return number.in_(window.heads)


def _returned_lots(session: Session, window: Window, row: Row[*tuple[Any, ...]], sent: ObjectEvent) -> list[Record]:
    """One record a lot of what an event sent back; packs belong to the lot they have in the shop's stock."""
    ids = find_idents(session, [*sent.epcs, *(quantity.item for quantity in sent.quantities)])
    amounts: dict[int, Decimal] = {}
    codes: dict[int, list[str]] = {}
    held = _lots_in_stock(session, window.organisation, ids.values())
    for quantity in sent.quantities:
        item = ids.get(quantity.item, 0)
        amounts[item] = amounts.get(item, Decimal(0)) + (quantity.amount or Decimal(0))
    for uri in sent.epcs:
        of = held.get(ids.get(uri, 0))
        if of is not None and uri_kind(uri) is UriKind.INSTANCE:
            amounts[of] = amounts.get(of, Decimal(0)) + 1
            codes.setdefault(of, []).append(code_text(uri))
    partner = _partner(session, window.organisation, [end.id for end in sent.destinations])
    goods = _drug_lots(session, window, amounts)
    at = sent.event_time.astimezone(window.zone)
    recorded = datetime.fromtimestamp(row.record_time / 1000, tz=window.zone)
    return [
        Record(
            form=Form.PURCHASE_RETURN,
            subject=f"{row.id}.{n}",
            number=f"R{row.id}.{n}",
            recorded_at=recorded,
            happened_at=at,
            operator=row.operator or "",
            document=str(row.id),
            partner=partner,
            amount=amounts[item],
            codes=tuple(codes.get(item, ())),
            **_goods(goods[item]),
        )
        for n, item in enumerate(sorted(amounts))
        if item in goods
    ]


def _lots_in_stock(session: Session, organisation_id: int, items: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for part in chunks(sorted(set(items))):
        query = select(stock.c.item, stock.c.lot).where(
            stock.c.organisation == organisation_id, stock.c.item.in_(part), stock.c.lot.is_not(None)
        )
        found.update((row.item, row.lot) for row in session.execute(query))
    return found


def _drug_lots(session: Session, window: Window, items: Iterable[int]) -> dict[int, Row[*tuple[Any, ...]]]:
    query = (
        select(lot.c.item, *_GOODS, _listing(window))
        .join(product, product.c.id == lot.c.product)
        .where(product.c.category == Category.DRUG)
    )
    return {
        row.item: row for part in chunks(sorted(items)) for row in session.execute(query.where(lot.c.item.in_(part)))
    }


def _partner(session: Session, organisation_id: int, parties: Sequence[str]) -> str:
    """The name of who the goods went to: on this system, or of the file kept of it."""
    here = select(organisation.c.name).where(
        organisation.c.party_uri.in_(parties), organisation.c.id != organisation_id
    )
    name = session.scalars(here.limit(1)).first()
    if name is None:
        # Who is not on this system is a party by its name (`trace.services.making.find_counterpart`).
        values = [unquote(split_private_uri(party)[2] or "") for party in parties]
        name = next((value.rpartition(":")[2] for value in values if ":" in value), "")
    return name


# ---- sales ---------------------------------------------------------------------------------------------------------


def _sales(session: Session, window: Window) -> list[Record]:
    query = _sale_lines(window)
    if window.subjects is None:
        query = query.where(drug_sale.c.recorded_at >= window.since)
    else:
        query = query.where(drug_sale.c.id.in_(window.heads))
    rows = session.execute(query.order_by(drug_sale.c.id, drug_sale_line.c.line)).all()
    made = [_sale(row, window, Form.SALE, row.recorded_at, row.sold_at) for row in rows]
    return [record for record in made if window.subjects is None or record.subject in window.subjects]


def _sale_returns(session: Session, window: Window) -> list[Record]:
    query = _sale_lines(window).add_columns(event.c.record_time)
    query = query.join(event, event.c.id == drug_sale_line.c.returned_event)
    if window.subjects is None:
        query = query.where(event.c.record_time >= utc_milliseconds(window.since))
    else:
        query = query.where(drug_sale.c.id.in_(window.heads))
    rows = session.execute(query.order_by(event.c.id, drug_sale.c.id, drug_sale_line.c.line)).all()
    made = []
    for row in rows:
        recorded = datetime.fromtimestamp(row.record_time / 1000, tz=window.zone)
        made.append(_sale(row, window, Form.SALE_RETURN, recorded, row.returned_at or recorded))
    return [record for record in made if window.subjects is None or record.subject in window.subjects]


def _retail_codes(session: Session, window: Window) -> list[Record]:
    """The codes sold, each once: the platform's own are told there, the others pass it by (`is_of_platform`)."""
    query = _sale_lines(window).where(ident.c.kind == UriKind.INSTANCE)
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
            drug_sale_line.c.returned_at, ident.c.uri, ident.c.kind, *_GOODS, _listing(window),
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
    amount = _amount(row.amount)
    # A line's price is for the line; the insurance asks for that of one.
    price = None if row.price is None or not amount else _amount(row.price) / amount
    return Record(
        form=form,
        subject=subject,
        number=f"{'T' if form is Form.SALE_RETURN else 'S'}{row.id}.{row.line}",
        recorded_at=recorded,
        happened_at=happened.astimezone(window.zone),
        operator=row.operator or "",
        document=str(row.receipt_number),
        amount=amount,
        price=price,
        split=row.split_units is not None,
        codes=(code,) if code else (),
        **_goods(row),
    )


# ---- common to all -------------------------------------------------------------------------------------------------

_GOODS = (
    product.c.id.label("product"),
    product.c.public_id.label("product_id"),
    product.c.name,
    product.c.prescription,
    product.c.approval_no,
    product.c.producer,
    product.c.drug_class,
    lot.c.number.label("lot_number"),
    lot.c.produced_on,
    lot.c.expires_on,
)


def _listing(window: Window) -> Any:
    """What the insurance calls the drug, by this pharmacy's latest entry."""
    return (
        select(insurance_code.c.code)
        .where(insurance_code.c.organisation == window.organisation, insurance_code.c.product == product.c.id)
        .order_by(insurance_code.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("listing")
    )


def _goods(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "product": row.product,
        "product_id": row.product_id,
        "name": row.name,
        "prescription": row.prescription,
        "approval_no": row.approval_no or "",
        "producer": row.producer,
        "drug_class": row.drug_class or "",
        "listing": row.listing,
        "lot_number": row.lot_number,
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
    }


def _amount(millionths: int) -> Decimal:
    return Decimal(millionths) / MICRO


def _codes_of_events(session: Session, events: Iterable[int]) -> Mapping[int, list[str]]:
    """{event: the codes of the single packs in it}."""
    found: dict[int, list[str]] = {}
    for number, data in documents_of(session, sorted(events)).items():
        seen = load_document(data).get("epcList") or ()
        found[number] = [code_text(uri) for uri in seen if uri_kind(uri) is UriKind.INSTANCE]
    return found


def code_text(uri: str) -> str:
    """A pack's code as it is read from the box: 20 digits, GS1's (01)(21) without brackets, a maker's own."""
    link = parse_digital_link(uri)
    if link is not None:
        return "".join(f"{ai}{value}" for ai, value in link.items() if ai in ("01", "21"))
    value = split_private_uri(uri)[2]
    return uri if value is None else unquote(value)


_READERS = {
    Form.WITHDRAWAL: _withdrawals,
    Form.PURCHASE: _purchases,
    Form.PURCHASE_RETURN: _purchase_returns,
    Form.SALE: _sales,
    Form.SALE_RETURN: _sale_returns,
    Form.RETAIL_BILL: _retail_codes,
}
