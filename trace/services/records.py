"""Purchase inspection records (进货查验记录) of a period, line by line: to page through, to print, to hand out.

The fields are those of 食品安全法 Art. 53 and 65, for drugs those of the acceptance record of GSP, and what was found.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import MICRO, ident, lot, person, product, recall, recall_lot, receipt, receipt_line
from trace.domain.drugs import DrugClass
from trace.domain.failures import N_, Invalid, NotFound, TooLarge
from trace.domain.periods import Days
from trace.domain.permissions import Actor, region_prefix
from trace.domain.products import Category
from trace.domain.recalls import RecallKind
from trace.domain.rules.book import EVERYWHERE
from trace.domain.rules.retention import KeptRecord, RecordKind, keep_until
from trace.services.arrivals import Decision
from trace.services.look_up_log import note_look_up
from trace.services.organisations import get_organisation_row
from trace.services.rulebook import rules_on

MOST_ROWS = 20_000  # of one table


@dataclass(frozen=True, slots=True)
class Period(Days):
    """Which records: those of goods received from the first day to the last, both included, in the shop's own time."""

    supplier: str = ""  # a part of the name
    product: str = ""  # a part of the name
    decision: str = ""
    organisation: str = ""  # public id; for an inspector: whose


class Hold(NamedTuple):
    """Whether a hold or recall is on a lot, and the day the last one ended."""

    on: bool = False
    ended_on: date | None = None


NO_HOLD = Hold()


def list_records(
    session: Session, *, actor: Actor, period: Period, now: datetime, limit: int = MOST_ROWS, after: str = ""
) -> list[dict[str, Any]]:
    """The lines received in a period, in the order of their receipts; `after` is the `key` of the last line of the page
    before. Receipts that were undone are not in it.

    An inspector names an organisation of the region, and the look is written down (R18); prices are the shop's own.
    Raises `Invalid` for a period that ends before it begins or is longer than a year, `NotFound` for an organisation
    one may not look at.
    """
    period.check()
    whose = _whose(session, actor, period, now)
    query = _query(whose, period)
    if after:
        number, line = _key(after)
        query = query.where((receipt.c.id > number) | ((receipt.c.id == number) & (receipt_line.c.line > line)))
    rows = session.execute(query.limit(limit)).all()
    holds = holds_over(session, {row.item for row in rows}, organisation=whose, zone=period.zone)
    own = whose == actor.organisation
    return [_told(session, row, period.zone, holds.get(row.item, NO_HOLD), own=own) for row in rows]


def all_records(
    session: Session, *, actor: Actor, period: Period, now: datetime, most: int = MOST_ROWS
) -> Iterator[dict[str, Any]]:
    """All lines of a period, as `list_records`; raises `TooLarge` for more than `most`: take a shorter period."""
    rows = list_records(session, actor=actor, period=period, now=now, limit=most + 1)
    if len(rows) > most:
        raise TooLarge(N_("The period has more than {most} lines. Take a shorter one."), field="last", most=most)
    return iter(rows)


def whose_records(session: Session, *, actor: Actor, period: Period) -> str:
    """The name of the business whose records `list_records` gives for the same period."""
    return str(get_organisation_row(session, period.organisation).name) if actor.watches else actor.organisation_name


def accepted_of(amount: int, decision: str) -> Decimal:
    """How much of what arrived passed (GSP: 验收合格数量); `amount` in millionths."""
    return Decimal(amount if decision == Decision.ACCEPT else 0) / MICRO


def _whose(session: Session, actor: Actor, period: Period, now: datetime) -> int:
    if not actor.watches:
        return actor.organisation
    row = get_organisation_row(session, period.organisation)
    if not row.region.startswith(region_prefix(actor.region)):
        raise NotFound(N_("There is no organisation {id}."), id=period.organisation)
    note_look_up(session, actor=actor, what="receipt", subject=row.name, now=now)
    return int(row.id)


def _query(whose: int, period: Period) -> Select[Any]:
    clerk, second = person.alias("clerk"), person.alias("second")
    begin, end = period.bounds
    query = (
        select(
            receipt_line,
            receipt.c.public_id,
            receipt.c.supplier_name,
            receipt.c.supplier_address,
            receipt.c.supplier_contact,
            receipt.c.delivery_note,
            receipt.c.received_at,
            receipt.c.recorded_at,
            ident.c.uri,
            lot.c.number,
            lot.c.produced_on,
            lot.c.expires_on,
            lot.c.origin,
            product.c.name,
            product.c.category,
            product.c.specification,
            product.c.producer,
            product.c.approval_no,
            product.c.dosage_form,
            product.c.drug_class,
            product.c.shelf_life_days,
            clerk.c.name.label("clerk"),
            second.c.name.label("second"),
        )
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .join(ident, ident.c.id == receipt_line.c.item)
        .join(lot, lot.c.item == receipt_line.c.item)
        .join(product, product.c.id == receipt_line.c.product)
        .outerjoin(clerk, clerk.c.id == receipt.c.recorded_by)
        .outerjoin(second, second.c.id == receipt_line.c.overridden_by)
        .where(
            receipt.c.organisation == whose,
            receipt.c.received_at >= begin,
            receipt.c.received_at < end,
            receipt.c.undone_at.is_(None),
        )
        .order_by(receipt.c.id, receipt_line.c.line)
    )
    if period.supplier:
        query = query.where(receipt.c.supplier_name.contains(period.supplier, autoescape=True))
    if period.product:
        query = query.where(product.c.name.contains(period.product, autoescape=True))
    return query.where(receipt_line.c.decision == period.decision) if period.decision else query


def _told(session: Session, row: Row[Any], zone: tzinfo, hold: Hold, *, own: bool) -> dict[str, Any]:
    """A line as the law's record has it."""
    return {
        "key": f"{row.receipt}-{row.line}",
        "receipt": row.public_id,
        "line": row.line,
        "received_at": row.received_at,
        "recorded_at": row.recorded_at,
        "recorded_by": row.clerk or "",
        "supplier": {"name": row.supplier_name, "address": row.supplier_address, "contact": row.supplier_contact},
        "delivery_note": row.delivery_note,
        "lot": row.uri,
        "lot_number": row.number,
        "product": row.name,
        "category": row.category,
        "specification": row.specification,
        "producer": row.producer,
        "approval_no": row.approval_no or "",
        "dosage_form": row.dosage_form or "",
        "origin": row.origin,
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
        "shelf_life_days": row.shelf_life_days,
        "amount": Decimal(row.amount) / MICRO,
        "accepted": accepted_of(row.amount, row.decision),
        "unit": row.unit,
        "price": Decimal(row.price) / MICRO if own and row.price is not None else None,
        "celsius": None if row.celsius is None else Decimal(row.celsius) / 100,
        "decision": row.decision,
        "reason": row.reason,
        "findings": row.findings,
        "papers": row.papers,
        "overridden_by": row.second or "",
        "override_reason": row.override_reason,
        "corrected_at": row.corrected_at,
        "keep_until": kept_until(
            session,
            row.category,
            row.received_at.astimezone(zone).date(),
            row.expires_on,
            hold,
            drug_class=row.drug_class,
        ),
    }


def holds_over(session: Session, items: Iterable[int], *, organisation: int, zone: tzinfo) -> dict[int, Hold]:
    """{lot: the holds of an organisation and the recalls over it}; one that was closed has ended like one lifted."""
    found: dict[int, Hold] = {}
    for part in chunks(items):
        query = (
            select(recall_lot.c.item, recall.c.lifted_at, recall.c.closed_at)
            .join(recall, recall.c.id == recall_lot.c.recall)
            .where(recall_lot.c.item.in_(part))
            .where((recall.c.kind == RecallKind.RECALL) | (recall.c.organisation == organisation))
        )
        for item, lifted_at, closed_at in session.execute(query).tuples():
            before, ended = found.get(item, NO_HOLD), lifted_at or closed_at
            days = [day for day in (before.ended_on, ended and ended.astimezone(zone).date()) if day]
            found[item] = Hold(before.on or ended is None, max(days, default=None))
    return found


def kept_until(
    session: Session,
    category: str,
    received_on: date,
    expires_on: date | None,
    hold: Hold = NO_HOLD,
    *,
    drug_class: str | None = None,
) -> date | None:
    """The last day the record of a line is kept (R15); None while a hold is on. Vaccines have a term of their own."""
    kind = RecordKind.VACCINE if drug_class == DrugClass.VACCINE else _KINDS.get(category, RecordKind.PRODUCE)
    record = KeptRecord(kind, received_on, expires_on, hold.on, hold_lifted_on=hold.ended_on)
    return keep_until(record, rules_on(session, received_on, EVERYWHERE))


_KINDS: dict[str, RecordKind] = {
    Category.DRUG: RecordKind.DRUG,
    Category.PACKAGED_FOOD: RecordKind.FOOD,
    Category.IMPORTED_FOOD: RecordKind.FOOD,
}


def _key(text: str) -> tuple[int, int]:
    """The receipt and line a page ended with; raises `Invalid` for a text that is no such key."""
    receipt_number, _, line = text.partition("-")
    parts = (receipt_number, line)
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Invalid(
            N_("The page after {after} is not known. Begin with the first page."), field="after", after=text[:40]
        )
    return int(receipt_number), int(line)
