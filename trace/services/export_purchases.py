"""Purchases, and what goes back to suppliers, as records that are told (3503, 3504; 3507 withdraws)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Label, Row, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from storage.bulk import select_among
from storage.event_keys import find_keyed
from storage.events import NO_DECLARER, chunks, documents_of, find_idents
from storage.prefixes import beginning_with
from storage.tables import (
    correction,
    event,
    event_withdrawn,
    export_entry,
    export_file,
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
from trace.domain.exports import Form, Record, State
from trace.domain.products import Category
from trace.domain.uris import UriKind, split_private_uri, uri_kind
from trace.services.export_goods import GOODS, Window, amount_of, code_text, codes_of_events, goods_of, listing_of
from trace.services.prices import bought_for

# What the number begins with by which the insurance knows a record.
NUMBERS = {Form.PURCHASE: "P", Form.PURCHASE_RETURN: "R", Form.SALE: "S", Form.SALE_RETURN: "T"}
_REFUSED = "refuse"  # of a line of a delivery: it never came in


def purchases(session: Session, window: Window) -> list[Record]:
    """What came in of drugs, line by line; what was refused at the door never did."""
    if window.subjects is None:
        changed = or_(receipt.c.recorded_at >= window.since, receipt_line.c.corrected_at >= window.since)
        rows = session.execute(_receipt_lines(window).where(changed)).all()
    else:
        rows = session.execute(_receipt_lines(window).where(receipt.c.id.in_(window.heads))).all()
        rows = [row for row in rows if _purchase_subject(row) in window.subjects]
    codes = codes_of_events(session, {row.event for row in rows if row.event})
    return [_purchase(row, window, codes.get(row.event, ())) for row in rows]


def _receipt_lines(window: Window) -> Select[Any]:
    return (
        select(
            receipt.c.id, receipt.c.public_id, receipt.c.recorded_at, receipt.c.received_at, receipt.c.delivery_note,
            receipt.c.supplier_name, receipt_line.c.line, receipt_line.c.amount, receipt_line.c.price,
            receipt_line.c.event, receipt_line.c.corrected_at, _last_correction(window), *GOODS, listing_of(window),
            person.c.name.label("operator"),
        )
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .join(product, product.c.id == receipt_line.c.product)
        .join(lot, lot.c.item == receipt_line.c.item)
        .outerjoin(person, person.c.id == receipt.c.recorded_by)
        .where(
            receipt.c.organisation == window.organisation,
            receipt.c.undone_at.is_(None),
            receipt.c.recorded_at >= window.begins,  # corrected since or not: an older one is nobody's to tell
            receipt_line.c.decision != _REFUSED,
            receipt_line.c.amount > 0,
            product.c.category == Category.DRUG,
        )
        .order_by(receipt.c.id, receipt_line.c.line)
    )  # fmt: skip


def _last_correction(window: Window) -> Label[Any]:
    """The number of the last correction of a line: that of its price or of its dates has no event of its own."""
    of_line = receipt.c.public_id.concat("/").concat(cast(receipt_line.c.line, String))
    return (
        select(func.max(correction.c.id))
        .where(
            correction.c.organisation == window.organisation,
            correction.c.kind == "receipt_line",
            correction.c.subject == of_line,
        )
        .correlate(receipt, receipt_line)
        .scalar_subquery()
        .label("correction")
    )


def _purchase_subject(row: Row[*tuple[Any, ...]]) -> str:
    subject = f"{row.id}.{row.line}"
    return subject if row.corrected_at is None else f"{subject}@{row.correction}"


def _purchase(row: Row[*tuple[Any, ...]], window: Window, codes: Sequence[str]) -> Record:
    subject = _purchase_subject(row)
    return Record(
        form=Form.PURCHASE,
        subject=subject,
        number=f"{NUMBERS[Form.PURCHASE]}{subject}",
        recorded_at=max(row.recorded_at, row.corrected_at or row.recorded_at),
        happened_at=row.received_at.astimezone(window.zone),
        operator=row.operator or "",
        document=row.delivery_note or row.public_id,
        partner=row.supplier_name,
        amount=amount_of(row.amount),
        price=None if row.price is None else amount_of(row.price),
        codes=tuple(codes),
        **goods_of(row),
    )


def purchase_withdrawals(session: Session, window: Window) -> list[Record]:
    """Purchases that were told and are no longer so: taken back as a whole, or corrected since."""
    changed = or_(receipt.c.undone_at >= window.since, receipt_line.c.corrected_at >= window.since)
    if window.subjects is not None:
        changed = or_(receipt.c.undone_at.is_not(None), receipt_line.c.corrected_at.is_not(None))
    query = (
        select(
            receipt.c.id, receipt.c.undone_at, receipt_line.c.line, receipt_line.c.corrected_at,
            _last_correction(window),
        )
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .where(receipt.c.organisation == window.organisation, changed)
        .order_by(receipt.c.id, receipt_line.c.line)
    )  # fmt: skip
    found = []
    rows = session.execute(query).all()
    told = told_of(session, window, Form.PURCHASE, {f"{row.id}.{row.line}" for row in rows}, "@")
    for row in rows:
        base, now_told = f"{row.id}.{row.line}", None if row.undone_at is not None else _purchase_subject(row)
        moment = max(moment for moment in (row.undone_at, row.corrected_at) if moment is not None)
        of_line = [subject for subject in told if subject.partition("@")[0] == base]
        found += [withdrawn(Form.PURCHASE, subject, moment, window) for subject in of_line if subject != now_told]
    return found


def withdrawn(form: Form, subject: str, moment: datetime, window: Window) -> Record:
    """The record that takes back another, known by its number."""
    number = f"{NUMBERS[form]}{subject}"
    return Record(Form.WITHDRAWAL, number, number, moment, moment.astimezone(window.zone), operator="", withdraws=form)


def told_of(session: Session, window: Window, form: Form, bases: set[str], mark: str) -> list[str]:
    """The subjects told that are one of these or go on behind it with a mark; without files that were refused."""
    query = (
        select(export_entry.c.subject)
        .join(export_file, export_file.c.id == export_entry.c.export_file)
        .where(
            export_entry.c.target == window.target,
            export_entry.c.form == form,
            export_file.c.state != State.REFUSED,
        )
    )
    found: list[str] = []
    for part in chunks(bases, 100):
        found += session.scalars(query.where(export_entry.c.subject.in_(part)))
        found += session.scalars(beginning_with(query, export_entry.c.subject, (f"{base}{mark}" for base in part)))
    return sorted(found)


def declared_wrong(session: Session, window: Window) -> dict[int, datetime]:
    """{event: when} of what the pharmacy declared wrong itself (EPCIS 2.0 section 7.4.1.2).

    Since the window's moment; of a window of subjects, the events in the numbers of what they withdraw (`R77.0`).
    """
    ours = event.c.captured_by == window.organisation
    if window.subjects is None:
        since = event.c.record_time >= utc_milliseconds(window.since)
        of = select(event.c.id_key).where(ours, event.c.declarer == window.organisation, since)
    else:
        numbers = {subject[1:].partition(".")[0] for subject in window.subjects}
        told = event.c.id.in_(int(number) for number in numbers if number.isdigit())
        of = select(event.c.id_key).where(ours, event.c.declarer == NO_DECLARER, told)
    rows = [row for row in find_keyed(session, session.scalars(of)) if row[-1] == window.organisation]
    wrong = {key: number for number, key, declarer, _ in rows if declarer == NO_DECLARER}
    declarations = [number for number, key, declarer, _ in rows if declarer != NO_DECLARER and key in wrong]
    times = select_among(session, event, ("id_key", "record_time"), "id", declarations)
    return {wrong[key]: datetime.fromtimestamp(time / 1000, tz=window.zone) for key, time in times}


def return_withdrawals(session: Session, window: Window) -> list[Record]:
    """Returns that were told and declared wrong since: to suppliers, and of customers; both begin with their event."""
    wrong = declared_wrong(session, window)
    return [
        withdrawn(form, subject, wrong[int(subject.partition(".")[0])], window)
        for form in (Form.PURCHASE_RETURN, Form.SALE_RETURN)
        for subject in told_of(session, window, form, {str(number) for number in wrong}, ".")
    ]


# ---- returns to suppliers ------------------------------------------------------------------------------------------


def purchase_returns(session: Session, window: Window) -> list[Record]:
    """What went back to suppliers, one record a lot of each shipment."""
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
    prices = bought_for(session, window.organisation, amounts)
    at = sent.event_time.astimezone(window.zone)
    recorded = datetime.fromtimestamp(row.record_time / 1000, tz=window.zone)
    return [
        Record(
            form=Form.PURCHASE_RETURN,
            subject=f"{row.id}.{n}",
            number=f"{NUMBERS[Form.PURCHASE_RETURN]}{row.id}.{n}",
            recorded_at=recorded,
            happened_at=at,
            operator=row.operator or "",
            document=str(row.id),
            partner=partner,
            amount=amounts[item],
            price=prices.get(item),
            codes=tuple(codes.get(item, ())),
            **goods_of(goods[item]),
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
        select(lot.c.item, *GOODS, listing_of(window))
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
