"""The one way in: every fact becomes an EPCIS event through `capture`.

All or nothing (the caller's transaction), never overwriting, idempotent by eventID: the same event again is stored
once, the same eventID with other content is refused and both are named (EPCIS 2.0 section 8.2.7).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from storage import events as store
from trace.domain.epcis.document import as_document, as_time, canonical_bytes, load_document
from trace.domain.events import Event, offset_minutes, utc_milliseconds
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.links import Link, Role, links_of
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.services.stock_keeping import Recorded, keep_stock, micro


def event_hash(document: Mapping[str, Any]) -> bytes:
    """Stand-in until trace.domain.epcis.event_hash is there."""
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(canonical_bytes(document)).digest()


# A clock in a shop may run a little ahead; an event later than this has not happened yet.
CLOCK_TOLERANCE = timedelta(minutes=5)
TYPES = ("ObjectEvent", "AggregationEvent", "TransformationEvent", "TransactionEvent", "AssociationEvent")
_NAMED_COLUMNS = (
    (store.Named.BIZ_STEP, "step"),
    (store.Named.DISPOSITION, "disposition"),
    (store.Named.READ_POINT, "read_point"),
    (store.Named.BIZ_LOCATION, "biz_location"),
)
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
    recorded = [Recorded(draft.event, draft.links, numbers[draft.store_key]) for draft in stored]
    keep_stock(session, recorded, actor=actor, strict=strict, containers=_seen_as_containers(drafts))
    return [_outcome(draft, numbers, known) for draft in drafts]


class _Draft:
    """An event with what is derived from it once: document, hash, links, keys."""

    __slots__ = ("bytes", "document", "event", "hash", "key", "links", "mentions", "store_key")

    def __init__(self, event: Event):
        self.event = event
        self.links = links_of(event)
        self.document = as_document(event)
        self.bytes = canonical_bytes(self.document)
        self.hash = event_hash(self.document)
        self.mentions = list(_mentions(event))
        self.key = (event.event_id, event.error_declaration is not None)
        self.store_key = (store.id_key(event.event_id), self.key[1])

    def says_the_same(self, document: bytes, hash_: bytes) -> bool:
        """Whether a stored event has the same content: the event hash (CBV 2.0 section 8.9), which is the same for the
        XML and the JSON form and for URN and Digital Link, and the error declaration, which the hash leaves out."""
        if self.bytes == document:
            return True
        declared = load_document(document).get("errorDeclaration") if self.key[1] else None
        return self.hash == hash_ and declared == self.document.get("errorDeclaration")


def _mentions(event: Event) -> Iterator[tuple[str, store.Mention]]:
    for transaction in event.biz_transactions:
        yield transaction.id, store.Mention.TRANSACTION
    for source in event.sources:
        yield source.id, store.Mention.SOURCE
    for destination in event.destinations:
        yield destination.id, store.Mention.DESTINATION


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
        if not draft.says_the_same(other.bytes, other.hash):
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
        for uri, _ in draft.mentions:
            kinds.setdefault(uri, uri_kind(uri))
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
        event.event_id,
        draft.key[1],
        draft.bytes,
        draft.hash,
        columns,
        lines,
        frozenset(named | {actor.organisation}),
        frozenset((ids[uri], kind) for uri, kind in draft.mentions),
        _named(draft.links, columns, ids),
    )


def _named(links: Iterable[Link], columns: Mapping[str, Any], ids: Mapping[str, int]) -> frozenset[tuple[int, int]]:
    """The top-level resources an event belongs to."""
    things = {(int(store.Named.EPC), ids[link.item]) for link in links if link.role is not Role.TRANSFORMATION}
    words = {(int(kind), columns[name]) for kind, name in _NAMED_COLUMNS if columns[name] is not None}
    return frozenset(things | words)


def _line(link: Link, ids: dict[str, int]) -> store.ItemLine:
    amount = micro(link.amount) if link.amount is not None and link.role in _AMOUNTS_MATTER else None
    return store.ItemLine(ids[link.item], link.role, ids[link.peer] if link.peer else None, amount)


def _outcome(
    draft: _Draft, numbers: dict[tuple[int, bool], int], known: dict[tuple[int, bool], store.StoredEvent]
) -> Captured:
    if draft.store_key in numbers:
        return Captured(numbers[draft.store_key], draft.event.event_id, True)
    stored = known[draft.store_key]
    if not draft.says_the_same(stored.document, stored.hash):
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
    return {link.item for draft in drafts for link in draft.links if link.role is Role.PARENT_SEEN}
