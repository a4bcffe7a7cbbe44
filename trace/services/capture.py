"""The one way in: every fact becomes an EPCIS event through `capture`.

All or nothing (the caller's transaction), never overwriting, idempotent by eventID: the same event again is stored
once, the same eventID with other content is refused and both are named (EPCIS 2.0 section 8.2.7).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from storage import events as store
from storage import stock as stock_store
from storage.tables import MICRO
from trace.domain.epcis.document import as_document, as_time, canonical_bytes, load_document
from trace.domain.events import Endpoint, Event, offset_minutes, utc_milliseconds
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.links import Link, Role, links_of
from trace.domain.permissions import Actor
from trace.domain.rules.weighing import weighing_tolerance
from trace.domain.stock import Effect, Movement, movements_of
from trace.domain.uris import UriKind, uri_kind

# A clock in a shop may run a little ahead; an event later than this has not happened yet.
CLOCK_TOLERANCE = timedelta(minutes=5)
TYPES = ("ObjectEvent", "AggregationEvent", "TransformationEvent", "TransactionEvent", "AssociationEvent")
_AMOUNTS_MATTER = (Role.PACKED, Role.UNPACKED)


@dataclass(frozen=True, slots=True)
class Captured:
    """The outcome of one event: its number in the store, and whether this call stored it."""

    event: int
    event_id: str
    fresh: bool


def capture(
    session: Session, events: Sequence[Event], *, actor: Actor, now: datetime, strict: bool = True
) -> list[Captured]:
    """Store events for the actor's organisation and bring stock up to date; one `Captured` per event, in order.

    Raises `Invalid` for an event in the future, `Conflict` for a known eventID with other content, and, with
    `strict`, for goods that leave without being there ("more out than in") and for more brought back than was sold.
    Not strict is for partners' events, which report facts about goods this service may never have seen arrive.

    Two captures of one eventID at once: the unique key of `event` decides, the later compares and answers alike.
    """
    for position, event in enumerate(events):
        check_time(event.event_time, now, field=f"events.{position}.eventTime")
    drafts = [_Draft(event) for event in events]
    known = store.find_by_event_ids(session, [draft.key for draft in drafts])
    fresh = [draft for draft in _once_each(drafts) if draft.store_key not in known]
    numbers = _store(session, fresh, actor, now) if fresh else {}
    overtaken = [draft for draft in fresh if draft.store_key not in numbers]
    if overtaken:
        known |= store.find_by_event_ids(session, [draft.key for draft in overtaken])
    stored = [draft for draft in fresh if draft.store_key in numbers]
    _move_stock(session, stored, numbers, actor, strict, containers=_seen_as_containers(drafts))
    return [_outcome(draft, numbers, known) for draft in drafts]


class _Draft:
    """An event with what is derived from it once: document, links, keys."""

    __slots__ = ("bytes", "event", "key", "links", "store_key")

    def __init__(self, event: Event):
        self.event = event
        self.links = links_of(event)
        self.bytes = canonical_bytes(as_document(event))
        self.key = (event.event_id, event.error_declaration is not None)
        self.store_key = (store.id_key(event.event_id), self.key[1])


def check_time(moment: datetime, now: datetime, *, field: str) -> None:
    """Raise `Invalid` for a time still to come."""
    if moment > now + CLOCK_TOLERANCE:
        raise Invalid(
            N_("An event must have happened already; its time is {time}, and it is {now}. Correct the date or time."),
            field=field,
            time=as_time(moment),
            now=as_time(now),
        )


def _once_each(drafts: Iterable[_Draft]) -> list[_Draft]:
    """Each event once; the same eventID twice in one capture with other content is refused."""
    seen: dict[tuple[int, bool], _Draft] = {}
    for draft in drafts:
        other = seen.setdefault(draft.store_key, draft)
        if other.bytes != draft.bytes:
            raise _same_id_other_content(draft, other.bytes)
    return list(seen.values())


def _store(session: Session, drafts: Sequence[_Draft], actor: Actor, now: datetime) -> dict[tuple[int, bool], int]:
    """Intern, look up parties, insert: {store key: event number} of what this call stored."""
    ids = store.intern(session, _idents(drafts))
    ends = {end.id for draft in drafts for end in (*draft.event.sources, *draft.event.destinations)}
    organisations = store.organisations_by_party(session, ends) if ends else {}
    return store.insert_events(session, [_new_event(draft, ids, organisations, actor, now) for draft in drafts])


def _idents(drafts: Iterable[_Draft]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for draft in drafts:
        for link in draft.links:
            kinds[link.item] = uri_kind(link.item)
            if link.peer:
                kinds[link.peer] = uri_kind(link.peer)
        for place in (draft.event.read_point, draft.event.biz_location):
            if place:
                kinds[place] = UriKind.PLACE
        for word in (draft.event.biz_step, draft.event.disposition):
            if word:
                kinds[word] = UriKind.OTHER
    return kinds


def _new_event(
    draft: _Draft, ids: dict[str, int], organisations: dict[str, int], actor: Actor, now: datetime
) -> store.NewEvent:
    event = draft.event
    action = getattr(event, "action", None)
    columns = {
        "event_time": utc_milliseconds(event.event_time),
        "record_time": utc_milliseconds(now),
        "offset_minutes": offset_minutes(event.event_time),
        "declares_error": draft.key[1],
        "type": TYPES.index(type(event).__name__),
        "action": store.ACTIONS.get(action) if action else None,
        "step": ids.get(event.biz_step or ""),
        "disposition": ids.get(event.disposition or ""),
        "read_point": ids.get(event.read_point or ""),
        "biz_location": ids.get(event.biz_location or ""),
        "captured_by": actor.organisation,
        "person": actor.person,
        "api_key": actor.api_key,
    }
    named = {organisations[e.id] for e in (*event.sources, *event.destinations) if e.id in organisations}
    lines = [_line(link, ids) for link in draft.links]
    return store.NewEvent(
        event.event_id, draft.key[1], draft.bytes, columns, lines, frozenset(named | {actor.organisation})
    )


def _line(link: Link, ids: dict[str, int]) -> store.ItemLine:
    amount = micro(link.amount) if link.amount is not None and link.role in _AMOUNTS_MATTER else None
    return store.ItemLine(ids[link.item], link.role, ids[link.peer] if link.peer else None, amount)


def micro(amount: Decimal) -> int:
    """An amount in millionths of its unit, as it is stored; finer than that is rounded half to even."""
    return int((amount * MICRO).to_integral_value())


def _outcome(
    draft: _Draft, numbers: dict[tuple[int, bool], int], known: dict[tuple[int, bool], store.StoredEvent]
) -> Captured:
    if draft.store_key in numbers:
        return Captured(numbers[draft.store_key], draft.event.event_id, True)
    stored = known[draft.store_key]
    if stored.document != draft.bytes:
        raise _same_id_other_content(draft, stored.document)
    return Captured(stored.id, draft.event.event_id, False)


def _same_id_other_content(draft: _Draft, stored: bytes) -> Conflict:
    other = load_document(stored)
    return Conflict(
        N_(
            "The event {event_id} is already recorded with other content ({step} at {time}). An event is never"
            " overwritten: record a correction as a new event with an error declaration."
        ),
        field="eventID",
        event_id=draft.event.event_id,
        step=other.get("bizStep", other.get("type", "")),
        time=other.get("eventTime", ""),
    )


def _seen_as_containers(drafts: Iterable[_Draft]) -> set[str]:
    """What moved with something in it: of a case on a pallet, what is in it is goods, and not the case as well."""
    return {link.item for draft in drafts for link in draft.links if link.role is Role.PARENT_SEEN}


def _move_stock(
    session: Session,
    drafts: Sequence[_Draft],
    numbers: dict[tuple[int, bool], int],
    actor: Actor,
    strict: bool,
    *,
    containers: set[str],
) -> None:
    """Apply the stock movements of what was stored, in order of item so that two captures never wait in a ring.

    An event that declares an error repeats an earlier one and moves nothing again (EPCIS 2.0 section 7.4.1.2): what was
    really moved is told by the corrective events.
    """
    planned = [
        (position, movement, draft)
        for position, draft in enumerate(drafts)
        if draft.event.error_declaration is None
        for movement in movements_of(draft.event, draft.links)
        if movement.item not in containers
    ]
    if not planned:
        return
    uris = {m.item for _, m, _ in planned} | {m.lot for _, m, _ in planned if m.lot}
    ids = store.find_idents(session, uris)
    ends = {end.id for _, _, d in planned for end in (*d.event.sources, *d.event.destinations)}
    organisations = store.organisations_by_party(session, ends) if ends else {}
    lots = _lots(session, planned, ids)
    for _, movement, draft in sorted(planned, key=lambda plan: (ids[plan[1].item], plan[0])):
        lot = lots.get(ids[movement.item])
        _apply(session, movement, ids[movement.item], lot, actor, strict)
        _note_transit(session, movement, draft, ids[movement.item], lot, organisations, actor, numbers[draft.store_key])


def _lots(session: Session, planned: Sequence[tuple[int, Movement, _Draft]], ids: dict[str, int]) -> dict[int, int]:
    """{item: its lot}: what the events say, else what was known of the item when it was last in stock anywhere."""
    lots = {ids[m.item]: ids[m.lot] for _, m, _ in planned if m.lot}
    unknown = [ids[m.item] for _, m, _ in planned if ids[m.item] not in lots]
    return stock_store.known_lots(session, unknown) | lots if unknown else lots


def _apply(session: Session, movement: Movement, item: int, lot: int | None, actor: Actor, strict: bool) -> None:
    unit, amount = movement.unit, micro(movement.amount)
    here = (session, actor.organisation, item, unit)
    match movement.effect:
        case Effect.IN | Effect.IN_HELD:
            held = movement.effect is Effect.IN_HELD
            stock_store.put_in(*here, lot, 0 if held else amount, amount if held else 0)
            return
        case Effect.SELL:
            done = stock_store.sell(*here, amount)
        case Effect.TAKE_BACK:
            if stock_store.take_back(*here, amount, unsold_too=not strict):
                return
            if strict:
                raise _not_that_much_sold(session, movement, actor, item)
            stock_store.put_in(*here, lot, 0, amount)
            return
        case Effect.OUT | Effect.OUT_ANY:
            done = stock_store.take_out(*here, amount, held_too=movement.effect is Effect.OUT_ANY)
        case Effect.HOLD:
            done = stock_store.set_apart(*here, amount)
        case Effect.RELEASE:
            done = stock_store.release(*here, amount)
    if not done and strict:
        raise _not_that_much(session, movement, actor, item)


def _not_that_much(session: Session, movement: Movement, actor: Actor, item: int) -> Conflict:
    on_hand, held, _ = stock_store.stock_row(session, actor.organisation, item, movement.unit) or (0, 0, 0)
    return Conflict(
        N_(
            "{amount} {unit} of {item} cannot go: {on_hand} {unit} are on hand and {held} {unit} are held."
            " Check the quantity, or receive or release the goods first."
        ),
        field="quantity",
        details={"item": movement.item, "on_hand": on_hand / MICRO, "held": held / MICRO},
        amount=f"{movement.amount.normalize():f}",
        unit=movement.unit,
        item=movement.item,
        on_hand=f"{Decimal(on_hand) / MICRO:f}",
        held=f"{Decimal(held) / MICRO:f}",
    )


def _not_that_much_sold(session: Session, movement: Movement, actor: Actor, item: int) -> Conflict:
    *_, sold = stock_store.stock_row(session, actor.organisation, item, movement.unit) or (0, 0, 0)
    return Conflict(
        N_(
            "{amount} {unit} of {item} cannot come back: {sold} {unit} were sold here and not brought back yet."
            " Check the quantity, or read the code again."
        ),
        field="quantity",
        details={"item": movement.item, "sold": sold / MICRO},
        amount=f"{movement.amount.normalize():f}",
        unit=movement.unit,
        item=movement.item,
        sold=f"{Decimal(sold) / MICRO:f}",
    )


def _note_transit(
    session: Session,
    movement: Movement,
    draft: _Draft,
    item: int,
    lot: int | None,
    organisations: dict[str, int],
    actor: Actor,
    number: int,
) -> None:
    """Goods that left for an organisation on this system are on the way to it until it receives them."""
    unit, amount = movement.unit, micro(movement.amount)
    if draft.event.biz_step == "shipping" and movement.effect in (Effect.OUT, Effect.OUT_ANY):
        for receiver in _others(draft.event.destinations, organisations, actor):
            stock_store.add_transit(
                session,
                sender=actor.organisation,
                receiver=receiver,
                item=item,
                unit=unit,
                lot=lot,
                amount=amount,
                event=number,
            )
    elif draft.event.biz_step == "receiving":
        for sender in _others(draft.event.sources, organisations, actor):
            stock_store.take_transit(
                session,
                sender=sender,
                receiver=actor.organisation,
                item=item,
                unit=unit,
                lot=lot,
                amount=amount,
                event=number,
                crumb=int(amount * weighing_tolerance(unit)),
            )


def _others(ends: Iterable[Endpoint], organisations: dict[str, int], actor: Actor) -> set[int]:
    return {organisations[end.id] for end in ends if end.id in organisations} - {actor.organisation}
