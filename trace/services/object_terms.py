"""Until which day each photo and paper has to be kept, by the records it belongs to (R15)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Select, case, func, null, or_, select
from sqlalchemy.orm import Session

from storage.tables import (
    bulk_import,
    certificate,
    certificate_lot,
    dish,
    disposal,
    licence,
    lot,
    organisation,
    prescription,
    product,
    rapid_test,
    recall,
    recall_lot,
    receipt,
    receipt_line,
    receipt_scan,
    relation_file,
    scan,
    stored_object,
    supplier,
    supplier_licence,
    temperature_log,
)
from trace.domain.parties import DRUG_TRADE
from trace.domain.recalls import RecallKind
from trace.domain.rules.book import EVERYWHERE
from trace.domain.rules.retention import KeptRecord, RecordKind, keep_until
from trace.services.records import Hold, kept_until
from trace.services.rulebook import rules_on

_ON_LINES = (scan.c.object, certificate.c.object, certificate.c.signature)
# What names an object itself: (the object, when it was made, the last day it speaks of, whose it is).
_OWN = (
    (certificate.c.object, certificate.c.created_at, certificate.c.valid_until, certificate.c.organisation),
    (certificate.c.signature, certificate.c.created_at, certificate.c.valid_until, certificate.c.organisation),
    (bulk_import.c.object, bulk_import.c.created_at, None, bulk_import.c.organisation),
    (dish.c.object, dish.c.cooked_at, None, dish.c.organisation),
    (disposal.c.object, disposal.c.disposed_at, None, disposal.c.organisation),
    (rapid_test.c.object, rapid_test.c.result_at, None, rapid_test.c.organisation),
    (relation_file.c.object, relation_file.c.brought_in_at, None, relation_file.c.organisation),
)


def days_of(session: Session, names: Sequence[str], *, now: datetime) -> dict[str, date]:
    """The last day each of some objects has to be kept; none for one that is part of no record.

    The record that is kept longest counts. A photo that nothing was recorded from has no such day. `now` carries the
    zone of the shops.
    """
    found: dict[str, date] = {}
    for sha256, day in (*_of_lines(session, names, now), *_of_records(session, names, now)):
        found[sha256] = max(day, found.get(sha256, date.min))
    return found


# ---- photos of deliveries, papers of what came ---------------------------------------------------------------------


def _of_lines(session: Session, names: Sequence[str], now: datetime) -> Iterable[tuple[str, date]]:
    """By the lines of purchase records. Of many lines of one kind the latest day and the latest expiry count."""
    ended = _holds(session, names, now)
    for column in _ON_LINES:
        kinds = _lines_of(column, names).add_columns(
            product.c.category,
            product.c.drug_class,
            func.max(receipt.c.received_at, type_=receipt.c.received_at.type).label("received_at"),
            func.max(lot.c.expires_on).label("expires_on"),
        )
        for row in session.execute(kinds.group_by(column, product.c.category, product.c.drug_class)):
            day = row.received_at.astimezone(now.tzinfo).date()
            hold = Hold(ended_on=ended.get(row.object))
            until = kept_until(session, row.category, day, row.expires_on, hold, drug_class=row.drug_class)
            yield row.object, until or day


def _lines_of(column: Column[Any], names: Sequence[str]) -> Select[Any]:
    """The lines of records that objects belong to: as the photo of the delivery, or as the paper of its lot."""
    if column is scan.c.object:
        source = scan.join(receipt_scan, receipt_scan.c.scan == scan.c.id)
        source = source.join(receipt, receipt.c.id == receipt_scan.c.receipt)
        source = source.join(receipt_line, receipt_line.c.receipt == receipt.c.id)
    else:
        source = certificate.join(certificate_lot, certificate_lot.c.certificate == certificate.c.id)
        source = source.join(receipt_line, receipt_line.c.item == certificate_lot.c.item)
        source = source.join(receipt, receipt.c.id == receipt_line.c.receipt)
    source = source.join(lot, lot.c.item == receipt_line.c.item).join(product, product.c.id == receipt_line.c.product)
    return select(column.label("object")).select_from(source).where(column.in_(names))


def _holds(session: Session, names: Sequence[str], now: datetime) -> dict[str, date]:
    """When the last hold or recall of what an object belongs to ended; of one that is on, as if it ended today."""
    found: dict[str, date] = {}
    ended = func.coalesce(recall.c.lifted_at, recall.c.closed_at, type_=recall.c.lifted_at.type)
    for column in _ON_LINES:
        over = (
            _lines_of(column, names)
            .add_columns(func.max(ended, type_=ended.type), func.max(case((ended.is_(None), 1), else_=0)))
            .join(recall_lot, recall_lot.c.item == receipt_line.c.item)
            .join(recall, recall.c.id == recall_lot.c.recall)
            .where(or_(recall.c.kind == RecallKind.RECALL, recall.c.organisation == receipt.c.organisation))
        )
        for sha256, at, on in session.execute(over.group_by(column)).tuples():
            day = now.date() if on else at.astimezone(now.tzinfo).date()
            found[sha256] = max(day, found.get(sha256, date.min))
    return found


# ---- everything else that names an object --------------------------------------------------------------------------


def _of_records(session: Session, names: Sequence[str], now: datetime) -> Iterable[tuple[str, date]]:
    """By the records that name an object themselves, as long as such records of their business are kept."""
    for query in (*(_own(*one) for one in _OWN), _licences(), _licences_of_suppliers()):
        columns = query.subquery()
        rows = session.execute(select(columns).where(columns.c.object.in_(names)))
        for sha256, moment, last_day, business in rows.tuples():
            made_on = max(moment.astimezone(now.tzinfo).date(), last_day or date.min)
            kind = RecordKind.DRUG if business in DRUG_TRADE else RecordKind.PRODUCE
            yield sha256, _end(session, kind, made_on)
    logs = select(temperature_log.c.object, temperature_log.c.filed_at).where(temperature_log.c.object.in_(names))
    for sha256, moment in session.execute(logs).tuples():
        yield sha256, _end(session, RecordKind.CARE, moment.astimezone(now.tzinfo).date())
    pictures = select(prescription.c.object, prescription.c.keep_until).where(prescription.c.object.in_(names))
    for sha256, day in session.execute(pictures).tuples():
        yield str(sha256), day


def _own(column: Column[Any], made_at: Column[Any], last_day: Column[Any] | None, owner: Column[Any]) -> Select[Any]:
    day = null() if last_day is None else last_day
    made = select(column.label("object"), made_at.label("made_at"), day.label("last_day"), organisation.c.kind)
    return made.join(organisation, organisation.c.id == owner)


def _licences() -> Select[Any]:
    """One's own licences: filed when their photo came."""
    return (
        select(licence.c.object, stored_object.c.stored_at.label("made_at"), licence.c.expires_on, organisation.c.kind)
        .join(stored_object, stored_object.c.sha256 == licence.c.object)
        .join(organisation, organisation.c.id == licence.c.organisation)
    )


def _licences_of_suppliers() -> Select[Any]:
    """The licences of suppliers, whose keeper is the shop that buys there."""
    return (
        select(
            supplier_licence.c.object, supplier_licence.c.filed_at, supplier_licence.c.expires_on, organisation.c.kind
        )
        .join(supplier, supplier.c.id == supplier_licence.c.supplier)
        .join(organisation, organisation.c.id == supplier.c.organisation)
    )


def _end(session: Session, kind: RecordKind, made_on: date) -> date:
    return keep_until(KeptRecord(kind, made_on), rules_on(session, made_on, EVERYWHERE)) or made_on
