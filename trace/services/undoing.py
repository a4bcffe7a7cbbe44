"""Taking back what was recorded a moment ago: one tap, no typing, by who recorded it. Later it is corrected.

Nothing is deleted: each event is declared wrong (EPCIS 2.0 section 7.4.1.2, did_not_occur), and `capture` takes back
what it moved. For how long: `undo.seconds` of the rule book.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, documents_of, find_by_event_ids, find_idents, id_key, lock_items
from storage.stock import Passage, lock_transit, note_passages
from storage.tables import (
    care_check_line,
    correction,
    dish,
    dispensing,
    event,
    event_item,
    event_withdrawn,
    receipt,
    receipt_line,
)
from trace.domain.epcis.document import as_time, load_document, parse_document
from trace.domain.epcis.vocabulary import PIECE, BizStep
from trace.domain.events import Event, utc_milliseconds
from trace.domain.failures import N_, Conflict, NotFound
from trace.domain.links import Link, Role, links_of
from trace.domain.permissions import Actor
from trace.domain.stock import FULL, STOCKTAKE
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.commands import Command, run_once
from trace.services.goods_told import goods_of_events, stored_events
from trace.services.order_progress import lock_order, order_of_receipt, settle_order
from trace.services.recall_stock import OF_RECALL
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro
from trace.services.stock_list import earlier_lots

NOT_THIS_WAY = N_("This cannot be undone here: open its own page, where it was recorded.")
# A record of their own hangs on these: they are undone, or taken back, where they were made.
_OTHERS = (
    receipt_line.c.event,
    dish.c.event,
    care_check_line.c.event,
)


def undo_receipt(session: Session, command: Command, *, receipt_id: str, device: str = "") -> dict[str, Any]:
    """Take a delivery back as if it had not come: {id, undone_at}; the record stays readable, marked undone.

    Only by who recorded it, and only for `undo.seconds`; raises `NotFound` for another's, `Conflict` for one that is
    too old or whose goods have moved on. Papers stay filed, and what came under them counts no longer.

    Two at once: the locked row of `receipt` decides, the second finds it undone and says the same.
    """

    def act() -> dict[str, Any]:
        row = own_receipt(session, command.actor, receipt_id)
        if row.undone_at is not None:
            return {"id": receipt_id, "undone_at": row.undone_at.astimezone(UTC).isoformat()}
        order = order_of_receipt(session, row.id)
        if order is not None:
            lock_order(session, order)
        numbers = _events_of_receipt(session, row)
        _check_in_time(session, command, numbers, since=row.recorded_at)
        _line_up(session, row.supplier, numbers, command.actor)
        declare_wrong(session, command, numbers)
        _call_off_ways_back(session, row, numbers)
        session.execute(update(receipt).where(receipt.c.id == row.id).values(undone_at=command.now))
        if order is not None:
            settle_order(session, order)
        session.execute(
            insert(correction).values(
                organisation=command.actor.organisation,
                kind="receipt",
                subject=receipt_id,
                field="undone_at",
                new=command.now.isoformat(),
                reason="undone",
                person=command.actor.person,
                api_key=command.actor.api_key,
                device=device[:120],
                corrected_at=command.now,
            )
        )
        return {"id": receipt_id, "undone_at": command.now.astimezone(UTC).isoformat()}

    return run_once(session, command, "undo_receipt", act)


def own_receipt(session: Session, actor: Actor, receipt_id: str) -> Row[Any]:
    """The organisation's own record, locked until the transaction ends; raises `NotFound`."""
    query = select(receipt).where(receipt.c.public_id == receipt_id, receipt.c.organisation == actor.organisation)
    row = session.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise NotFound(N_("There is no receipt {id}."), id=receipt_id)
    return row


def undo_events(session: Session, command: Command, *, event_ids: Sequence[str]) -> dict[str, Any]:
    """Take back what was just done with goods (sold, held, released, sent, destroyed, brought back): {undone}.

    The rules are those of `undo_receipt`. Raises `NotFound` for events that are not one's own, `Conflict` for those
    that belong to a record of their own (a delivery, a dispensing, a dish). A sale that was attributed to lots is none
    any more once its event is declared wrong (`trace.services.sales`).

    Two at once (a double tap): the locked rows of `event` decide, the second finds it undone and says the same.
    """

    def act() -> dict[str, Any]:
        numbers = _own_events(session, command.actor, event_ids)
        mine = select(event.c.id).where(event.c.id.in_(numbers)).order_by(event.c.id)
        session.execute(mine.with_for_update(key_share=True)).all()
        if set(numbers) & _of_other_records(session, numbers):
            raise Conflict(NOT_THIS_WAY, field="event_ids")
        if not set(numbers) <= _withdrawn(session, numbers):
            _check_in_time(session, command, numbers)
            declare_wrong(session, command, numbers)
        return {"undone": list(event_ids)}

    return run_once(session, command, "undo_events", act)


def seconds_to_undo(session: Session, *, actor: Actor, receipt_id: str, now: datetime) -> int:
    """For how many seconds the actor may still undo a record; 0: not, or not any more."""
    query = select(receipt).where(receipt.c.public_id == receipt_id, receipt.c.organisation == actor.organisation)
    row = session.execute(query).one_or_none()
    if row is None or row.undone_at is not None:
        return 0
    lines = select(receipt_line.c.event).where(receipt_line.c.receipt == row.id)
    return _seconds_left(session, actor, list(session.scalars(lines)), now, since=row.recorded_at)


def find_undoable(session: Session, *, actor: Actor, event_ids: Sequence[str], now: datetime) -> dict[str, Any] | None:
    """What was just done and can still be undone, None where nothing can.

    {event_ids, step, disposition, goods, seconds, earlier}; `goods` as `trace.services.goods_told` tells them.
    `earlier`: where a lot was sold though an earlier one is open (`trace.services.stock_list.earlier_lots`).
    """
    try:
        numbers = _own_events(session, actor, event_ids)
    except NotFound:
        return None
    seconds = _seconds_left(session, actor, numbers, now)
    if not seconds or set(numbers) & (_of_other_records(session, numbers) | _withdrawn(session, numbers)):
        return None
    events = stored_events(session, numbers)
    goods = [thing for things in goods_of_events(session, actor, events).values() for thing in things]
    first = next(iter(events.values()))
    sold = find_idents(session, [thing["lot"] for thing in goods]) if first.biz_step == BizStep.RETAIL_SELLING else {}
    return {
        "event_ids": list(event_ids),
        "step": first.biz_step or "",
        "disposition": first.disposition or "",
        "goods": goods,
        "seconds": seconds,
        "earlier": earlier_lots(session, actor=actor, items=sold.values(), on=now.date()),
    }


def declare_wrong(
    session: Session,
    command: Command,
    numbers: Iterable[int],
    *,
    reason: str = "did_not_occur",
    instead: Sequence[Event] = (),
) -> list[int]:
    """Declare own events wrong, and capture what really happened `instead`: the numbers of those, in order."""
    declared = {
        "declarationTime": as_time(command.now),
        "reason": reason,
        **({"correctiveEventIDs": [one.event_id for one in instead]} if instead else {}),
    }
    documents = [load_document(data) for _, data in sorted(documents_of(session, numbers).items())]
    wrong = [parse_document({**document, "errorDeclaration": declared}) for document in documents]
    done = capture(session, [*wrong, *instead], actor=command.actor, now=command.now)
    return [one.event for one in done[len(wrong) :]]


def _own_events(session: Session, actor: Actor, event_ids: Sequence[str]) -> list[int]:
    """The numbers of own events; raises `NotFound`."""
    found = find_by_event_ids(session, [(event_id, 0) for event_id in event_ids])
    numbers = []
    for event_id in event_ids:
        stored = found.get((id_key(event_id), 0))
        if stored is None or stored.captured_by != actor.organisation:
            raise NotFound(N_("There is no event {id}."), field="event_ids", id=event_id)
        numbers.append(stored.id)
    return numbers


def _of_other_records(session: Session, numbers: Sequence[int]) -> set[int]:
    events = stored_events(session, list(numbers))
    found = {number for number, one in events.items() if one.extensions.keys() & {OF_RECALL, STOCKTAKE}}
    for column in _OTHERS:
        found.update(session.scalars(select(column).where(column.in_(numbers))))
    # Sales are found by their packs: an index of their events would be one more for each code at the counter.
    named = find_idents(session, {link.item for one in events.values() for link in links_of(one)})
    sales = select(dispensing.c.event, dispensing.c.returned_event)
    for part in chunks(sorted(named.values())):
        for pair in session.execute(sales.where(dispensing.c.item.in_(part))).tuples():
            found.update(number for number in pair if number in events)
    return found


def _withdrawn(session: Session, numbers: Sequence[int]) -> set[int]:
    return set(session.scalars(select(event_withdrawn.c.event).where(event_withdrawn.c.event.in_(numbers))))


def _events_of_receipt(session: Session, row: Row[Any]) -> list[int]:
    """All events of a record: the first of each line stands there, the cases on a pallet hang on it.

    A case and the pallet it is on are seen at the same moment, each in an event of its own: the one is the parent there
    and a child here.
    """
    lines = select(receipt_line.c.event).where(receipt_line.c.receipt == row.id)
    known = set(session.scalars(lines))
    new = known
    while new:
        links = [link for one in stored_events(session, list(new)).values() for link in links_of(one)]
        boxes = {link.item for link in links if link.role is Role.PARENT_SEEN}
        boxes |= {
            link.item for link in links if link.role is Role.SEEN_INSIDE and uri_kind(link.item) is not UriKind.LOT
        }
        new = _seen_with(session, row, boxes) - known
        known |= new
    return sorted(known)


def _seen_with(session: Session, row: Row[Any], boxes: set[str]) -> set[int]:
    """The events of a record in which one of these is seen, as what others are in or as what is in another."""
    found: set[int] = set()
    for part in chunks(find_idents(session, boxes).values()):
        query = (
            select(event_item.c.event)
            .join(event, event.c.id == event_item.c.event)
            .where(
                event_item.c.item.in_(part),
                event_item.c.time == utc_milliseconds(row.received_at),
                event.c.captured_by == row.organisation,
                event.c.record_time == utc_milliseconds(row.recorded_at),
                event.c.declarer == 0,
            )
        )
        found.update(session.scalars(query))
    return found


def _check_in_time(session: Session, command: Command, numbers: Sequence[int], since: datetime | None = None) -> None:
    if _seconds_left(session, command.actor, numbers, command.now, since):
        return
    seconds = int(rules_on(session, command.now.date(), command.actor.organisation).number("undo.seconds"))
    raise Conflict(
        N_("Only who recorded it can undo it, within {seconds} seconds. Correct it now, with the reason."),
        field="event_ids",
        seconds=seconds,
    )


def _seconds_left(
    session: Session, actor: Actor, numbers: Sequence[int], now: datetime, since: datetime | None = None
) -> int:
    """For how long the actor may still undo these events; 0 where somebody else recorded one of them.

    `since` is when the record was made that they stand in: to correct a line makes an old record no younger.
    """
    columns = select(event.c.record_time, event.c.person, event.c.api_key, event.c.captured_by)
    rows = [row for part in chunks(numbers) for row in session.execute(columns.where(event.c.id.in_(part)))]
    me = (actor.person, actor.api_key, actor.organisation)
    if not rows or any((row.person, row.api_key, row.captured_by) != me for row in rows):
        return 0
    begun = min(int(row.record_time) for row in rows)
    age = (utc_milliseconds(now) - (min(begun, utc_milliseconds(since)) if since else begun)) // 1_000
    seconds = int(rules_on(session, now.date(), actor.organisation).number("undo.seconds"))
    return max(seconds - age, 0)


def _goods_seen(session: Session, numbers: Iterable[int]) -> dict[int, tuple[Event, list[Link]]]:
    """{event: it and its goods}: lots with amounts, single packs."""
    found = {}
    for number, one in stored_events(session, list(numbers)).items():
        kinds = (UriKind.LOT, UriKind.INSTANCE)
        goods = [link for link in links_of(one) if link.role in (Role.OBSERVED, Role.SEEN_INSIDE)]
        found[number] = one, [link for link in goods if uri_kind(link.item) in kinds]
    return found


def _line_up(session: Session, supplier: int | None, numbers: Sequence[int], actor: Actor) -> None:
    """Lock what receiving locks, in its order (`arrivals.lock_arrivals`): nobody receives the same meanwhile."""
    goods = _goods_seen(session, numbers).values()
    items = find_idents(session, {link.item for _, links in goods for link in links}).values()
    lock_items(session, items)
    if supplier is not None:
        lock_transit(session, sender=supplier, receiver=actor.organisation, items=items)


def _call_off_ways_back(session: Session, row: Row[Any], numbers: Sequence[int]) -> None:
    """What was refused and sent back is not on its way back: it is still coming (`receiving._send_back`)."""
    if row.supplier is None:
        return
    here, there = row.organisation, row.supplier
    for number, (one, goods) in _goods_seen(session, numbers).items():
        if one.biz_step != BizStep.INSPECTING:
            continue
        ids = find_idents(session, [link.item for link in goods])
        back = lock_transit(session, sender=here, receiver=there, items=ids.values())
        for link in goods:
            item, unit = ids[link.item], link.unit or PIECE
            amount = micro(link.amount if link.amount is not None else Decimal(1))
            if back.get(item, 0) < amount:
                continue  # the sender never recorded it as sent, or has it again
            ways = [(there, here, amount), (here, there, -amount)]
            note_passages(session, [Passage(item, unit, a, b, left, number, None, -FULL) for a, b, left in ways])
