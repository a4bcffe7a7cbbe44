"""The one way in: every fact becomes an EPCIS event through `capture`.

All or nothing (the caller's transaction), never overwriting, idempotent by eventID: the same event again is stored
once, the same eventID with other content is refused and both are named (EPCIS 2.0 section 8.2.7).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from functools import lru_cache, partial
from time import perf_counter

from msgspec import Struct
from sqlalchemy.orm import Session

from storage import events as store
from storage.event_writing import Look, insert_events, look
from storage.parties import parties_of
from storage.store import once_kept
from trace.domain.epcis.document import as_document, as_time, event_bytes, load_document, parse_document
from trace.domain.epcis.event_hash import event_hash, untold
from trace.domain.events import Event, offset_minutes, utc_milliseconds
from trace.domain.failures import N_, Conflict, Failure, Invalid
from trace.domain.links import Link, Role, links_of
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.metrics import count_capture
from trace.services.code_sales import keep_sales
from trace.services.recall_reach import follow_recalls, tell_holder
from trace.services.stock_keeping import Recorded, keep_stock, micro

# A clock in a shop may run a little ahead; an event later than this has not happened yet.
CLOCK_TOLERANCE = timedelta(minutes=5)
LONGEST_URI = 2_000  # bytes; an index of PostgreSQL takes 2,700
# Attributes of enumerations take their time, and so do their members as numbers.
_THING, _LOT, _TYPE = int(store.Named.EPC), int(store.Named.LOT), int(store.Named.EVENT_TYPE)
_TRANSACTION, _SOURCE, _DESTINATION = map(int, store.Mention)
# In the order of `_words`.
_WORD_KINDS = tuple(
    int(kind)
    for kind in (store.Named.BIZ_STEP, store.Named.DISPOSITION, store.Named.READ_POINT, store.Named.BIZ_LOCATION)
)
_AMOUNTS_MATTER = (Role.PACKED, Role.UNPACKED)
_KNOT, _IS_LOT = Role.TRANSFORMATION, UriKind.LOT


class Captured(Struct, frozen=True):
    """The outcome of one event: its number in the store, and whether this call stored it."""

    event: int
    event_id: str
    fresh: bool


def capture(
    session: Session,
    events: Sequence[Event],
    *,
    actor: Actor,
    now: datetime,
    strict: bool = True,
    refused: dict[int, Failure] | None = None,
    also: Mapping[str, int] | None = None,
) -> list[Captured]:
    """Store events for the actor's organisation and bring stock up to date; one `Captured` per event, in order.

    Raises `Invalid` for an event in the future or one whose identifiers cannot be, `Conflict` for a known eventID with
    other content, and, with `strict`, for goods that leave without being there ("more out than in"), for more
    brought back than was sold, and for an event declared wrong whose goods have moved on since.
    Not strict is for partners' events, which report facts about goods this service may never have seen arrive. Where
    `refused` is given, such events and those of a known eventID are left out and noted there by their positions.
    `also`, {uri: kind}, are further identifiers to be known from now on: no two captures wait for each other in a ring
    if all new ones are added at once.

    Two captures of one eventID at once: their key decides (`storage.event_keys`), the later compares and answers alike;
    a single event on PostgreSQL is captured again for that, with its whole transaction (`storage.again`).
    """
    begun = perf_counter()
    refuse = _refuser(refused)
    drafts = list(_drafts(events, actor, now, refuse))
    kinds = {uri: uri_kind(uri) for uri in {uri for draft in drafts for uri in draft.named}} | dict(also or {})
    found = look(session, {draft.store_key for draft in drafts}, kinds, len(drafts))
    known, ids = found.siblings, found.idents
    sees = partial(_is_party, session, actor)
    drafts = [draft for draft in drafts if _agrees(draft, known, refuse, sees)]
    fresh = [draft for draft in _once_each(drafts, refuse) if draft.store_key not in known]
    numbers = _store(session, fresh, found, actor, now)
    stored = [draft for draft in fresh if draft.store_key in numbers]
    told = [draft for draft in drafts if draft.store_key in numbers or _agrees(draft, known, refuse, sees)]
    _share(session, [draft for draft in told if draft.store_key not in numbers], ids, known, actor)
    withdrawn = _withdraw(session, told, numbers, known, actor)
    recorded = [
        Recorded(draft.event, draft.links, number)
        for draft in stored
        if (number := numbers[draft.store_key]) not in withdrawn  # wrong from the first: it moves nothing
    ]
    undone = _undone(session, withdrawn, known, ids) if withdrawn else []
    keep_sales(session, [*undone, *recorded], ids, actor=actor, now=now, strict=strict)
    reached = follow_recalls(session, recorded, ids)
    # The last to lock anything: whoever waits for a row of stock has all the rest, and nobody waits for that.
    containers = _seen_as_containers([*(draft.links for draft in drafts), *(one.links for one in undone)])
    moved = [*undone, *recorded]
    keep_stock(session, moved, ids, actor=actor, strict=strict, containers=containers, ours=found.ours)
    if reached:
        tell_holder(session, reached, actor=actor, now=now)
    if stored:
        once_kept(session, lambda: count_capture(len(stored), perf_counter() - begun))
    return [_outcome(draft, numbers, known) for draft in told if draft.position not in (refused or {})]


def _withdraw(
    session: Session,
    drafts: Sequence["_Draft"],
    numbers: Mapping[store.EventKey, int],
    known: Mapping[store.EventKey, store.StoredEvent],
    actor: Actor,
) -> set[int]:
    """An error declaration takes the event it repeats out of every trace, whichever came first, and is in none itself.

    Only who captured an event can take it back: a stranger's declaration stands beside it and changes nothing.
    The answer is what was withdrawn now, and not before.
    """
    ours = {key: other.id for key, other in known.items() if other.captured_by == actor.organisation} | dict(numbers)
    wrong = []
    for draft in drafts:
        key, declarer = draft.store_key
        declares, itself = declarer != store.NO_DECLARER, (key, store.NO_DECLARER)
        if declares and itself in ours:
            wrong.append(ours[itself])
        if draft.store_key in numbers and (declares or (key, actor.organisation) in ours):
            wrong.append(numbers[draft.store_key])
    return store.withdraw(session, wrong) if wrong else set()


def _undone(
    session: Session, withdrawn: Set[int], known: Mapping[store.EventKey, store.StoredEvent], ids: dict[str, int]
) -> list[Recorded]:
    """Events of earlier captures that were withdrawn now, as they were stored: what they moved is moved back.

    What they name joins `ids`.
    """
    found = []
    for (_, declarer), other in known.items():
        if other.id in withdrawn and declarer == store.NO_DECLARER:
            event = parse_document(load_document(other.document))
            found.append(Recorded(event, links_of(event), other.id, undone=True))
    named = {uri for one in found for link in one.links for uri in (link.item, link.peer) if uri}
    ids |= store.find_idents(session, named)
    return found


def _share(
    session: Session,
    drafts: Sequence["_Draft"],
    ids: dict[str, int],
    known: Mapping[store.EventKey, store.StoredEvent],
    actor: Actor,
) -> None:
    """Who captures what somebody else captured before has the event, too, and may read it from now on."""
    drafts = [draft for draft in drafts if known[draft.store_key].captured_by != actor.organisation]
    if not drafts:
        return
    named = {pair for draft in drafts for pair in _resources(draft, _words(draft.event, ids), ids)}
    store.add_party(session, actor.organisation, [known[draft.store_key].id for draft in drafts], named)


Refuse = Callable[[int, Failure], None]


def _refuser(refused: dict[int, Failure] | None) -> Refuse:
    """What is done with an event that cannot be stored: noted, or raised."""

    def refuse(position: int, failure: Failure) -> None:
        if refused is None:
            raise failure
        refused.setdefault(position, failure)

    return refuse


def _drafts(events: Iterable[Event], actor: Actor, now: datetime, refuse: Refuse) -> Iterator["_Draft"]:
    """What can be stored of the events; the rest is refused."""
    for position, event in enumerate(events):
        try:
            draft = _Draft(event, position, actor)
            if event.event_time > now:
                check_time(event.event_time, now, field=f"events.{position}.eventTime")
            if max(map(len, draft.named), default=0) > LONGEST_URI // 4:  # no character has more than four bytes
                _check_length(draft.named, field=f"events.{position}")
        except Invalid as failure:
            refuse(position, failure)
        else:
            yield draft


def _check_length(uris: Iterable[str], *, field: str) -> None:
    """Raise `Invalid` for an identifier that no index of the store can take."""
    for uri in uris:
        if is_too_long(uri):
            raise Invalid(
                N_(
                    "An identifier has at most {most} characters here (each that is not ASCII counts as up to four);"
                    " {uri}... is longer."
                ),
                field=field,
                most=LONGEST_URI,
                uri=uri[:60],
            )


def is_too_long(uri: str) -> bool:
    """Whether no index of the store can take an identifier; a text that is no URI has more bytes than characters."""
    return len(uri) > LONGEST_URI or (not uri.isascii() and len(uri.encode()) > LONGEST_URI)


class _Draft:
    """An event with what is derived from it once: bytes, links, keys, and the URIs of all that it names."""

    __slots__ = ("bytes", "event", "links", "mentions", "named", "position", "store_key")

    def __init__(self, event: Event, position: int, actor: Actor):
        self.event = event
        self.position = position
        self.links = links_of(event)
        self.bytes = event_bytes(event)
        self.mentions = _mentions(event)
        self.named = _uris(event, self.links, self.mentions)
        declarer = store.NO_DECLARER if event.error_declaration is None else actor.organisation
        self.store_key = (store.id_key(event.event_id), declarer)

    def says_the_same(self, document: bytes) -> bool:
        """Whether a stored event has the same content: the event hash (CBV 2.0 section 8.9), which is the same for the
        XML and the JSON form and for URN and Digital Link, and what the hash leaves out.

        The hash is worked out here, where it is asked for, of both by the same code: few events come twice and differ.
        """
        if self.bytes == document:
            return True
        stored, ours = load_document(document), as_document(self.event)
        if event_hash(ours) != event_hash(stored):
            return False
        # The eventID, too: two IDs may share a key (`storage.events.id_key`).
        is_same = all(stored.get(name) == ours.get(name) for name in ("eventID", "errorDeclaration"))
        return is_same and untold(stored) == untold(ours)


def _uris(event: Event, links: Iterable[Link], mentions: Iterable[tuple[str, int]]) -> list[str]:
    named: list[str | None] = [uri for uri, _ in mentions]
    named += (event.read_point, event.biz_location, event.biz_step, event.disposition)
    for link in links:
        named += (link.item, link.peer)
    return list(filter(None, named))


def _mentions(event: Event) -> list[tuple[str, int]]:
    """(URI, `Mention`) of what the event names besides things, places and words."""
    found = [(one.id, _TRANSACTION) for one in event.biz_transactions]
    if event.sources or event.destinations:
        found += [(one.id, _SOURCE) for one in event.sources] + [(one.id, _DESTINATION) for one in event.destinations]
    return found


def check_time(moment: datetime, now: datetime, *, field: str) -> None:
    """Raise `Invalid` for a time still to come."""
    if moment > now + CLOCK_TOLERANCE:
        raise Invalid(
            N_("An event must have happened already; its time is {time}, and it is {now}. Correct the date or time."),
            field=field,
            time=as_time(moment),
            now=as_time(now),
        )


def _once_each(drafts: Iterable[_Draft], refuse: Refuse) -> list[_Draft]:
    """Each event once; the same eventID twice in one capture with other content is refused."""
    seen: dict[store.EventKey, _Draft] = {}
    for draft in drafts:
        other = seen.setdefault(draft.store_key, draft)
        if other is not draft and not draft.says_the_same(other.bytes):
            refuse(draft.position, _same_id_other_content(draft, other.bytes))
    return list(seen.values())


def _is_party(session: Session, actor: Actor, stored: store.StoredEvent) -> bool:
    return actor.organisation in parties_of(session, {stored.id: stored.captured_by})[stored.id]


def _agrees(
    draft: _Draft,
    known: Mapping[store.EventKey, store.StoredEvent],
    refuse: Refuse,
    sees: Callable[[store.StoredEvent], bool],
) -> bool:
    """Whether nothing else is known under the event's ID."""
    stored = known.get(draft.store_key)
    if stored is None or draft.says_the_same(stored.document):
        return True
    refuse(draft.position, _same_id_other_content(draft, stored.document) if sees(stored) else _strange_id(draft))
    return False


def _store(
    session: Session, drafts: Sequence[_Draft], found: Look, actor: Actor, now: datetime
) -> dict[store.EventKey, int]:
    """Look up parties, insert: {store key: event number} of what this call stored."""
    ends = {end.id for draft in drafts for end in (*draft.event.sources, *draft.event.destinations)}
    organisations = store.organisations_by_party(session, ends) if ends else {}
    return insert_events(session, _new_events(drafts, found.idents, organisations, utc_milliseconds(now), actor), found)


def _new_events(
    drafts: Sequence[_Draft], ids: Mapping[str, int], organisations: Mapping[str, int], record_time: int, actor: Actor
) -> list[store.NewEvent]:
    """Column by column: loops that do one thing each take a fifth less than one that does all."""
    events = [draft.event for draft in drafts]
    times = [utc_milliseconds(event.event_time) for event in events]
    offsets = [offset_minutes(event.event_time) for event in events]
    types = [store.TYPES[type(event).__name__] for event in events]
    actions = [store.ACTIONS[event.action] if hasattr(event, "action") else None for event in events]
    words = [_words(event, ids) for event in events]
    by = (actor.organisation, actor.person, actor.api_key)
    told = zip(times, offsets, types, actions, words, strict=True)
    made = map(
        store.NewEvent,
        [draft.bytes for draft in drafts],
        [(time, record_time, offset, type_, action, *said, *by) for time, offset, type_, action, said in told],
        [[_line(link, ids) for link in draft.links] for draft in drafts],
        [_parties(event, organisations, actor) for event in events],
        [draft.store_key for draft in drafts],
        [{(ids[uri], kind) for uri, kind in draft.mentions} for draft in drafts],
        [_resources(draft, said, ids) for draft, said in zip(drafts, words, strict=True)],
    )
    return list(made)


def _parties(event: Event, organisations: Mapping[str, int], actor: Actor) -> Set[int]:
    ends = [end.id for end in (*event.sources, *event.destinations)] if event.sources or event.destinations else ()
    return {actor.organisation, *[organisations[end] for end in ends if end in organisations]}


def _words(event: Event, ids: Mapping[str, int]) -> tuple[int | None, ...]:
    """The numbers of step, disposition, read point and business location."""
    words = (event.biz_step, event.disposition, event.read_point, event.biz_location)
    return tuple([ids[word] if word else None for word in words])


def _resources(draft: _Draft, words: tuple[int | None, ...], ids: Mapping[str, int]) -> list[tuple[int, int]]:
    """The top-level resources an event belongs to, as (`Named`, number); one may stand there twice."""
    uris = [link.item for link in draft.links if link.role is not _KNOT]
    found = [(_LOT if uri_kind(uri) is _IS_LOT else _THING, ids[uri]) for uri in uris]
    found.append((_TYPE, store.TYPES[type(draft.event).__name__]))
    found += _of_words(words)
    return found


@lru_cache(maxsize=4_096)
def _of_words(words: tuple[int | None, ...]) -> tuple[tuple[int, int], ...]:
    return tuple([(kind, word) for kind, word in zip(_WORD_KINDS, words, strict=True) if word is not None])


def _line(link: Link, ids: Mapping[str, int]) -> store.ItemLine:
    amount = micro(link.amount) if link.amount is not None and link.role in _AMOUNTS_MATTER else None
    return store.ItemLine(ids[link.item], int(link.role), ids[link.peer] if link.peer else None, amount)


def _outcome(
    draft: _Draft, numbers: dict[store.EventKey, int], known: dict[store.EventKey, store.StoredEvent]
) -> Captured:
    if draft.store_key in numbers:
        return Captured(numbers[draft.store_key], draft.event.event_id, True)
    return Captured(known[draft.store_key].id, draft.event.event_id, False)


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


def _strange_id(draft: _Draft) -> Conflict:
    """The same of an event that the capturer may not see: nothing of its content is told."""
    return Conflict(
        N_(
            "The event {event_id} is already recorded with other content by another organisation. Give your event an"
            " eventID of its own."
        ),
        field="eventID",
        event_id=draft.event.event_id,
    )


def _seen_as_containers(events: Iterable[Iterable[Link]]) -> set[str]:
    return {link.item for links in events for link in links if link.role is Role.PARENT_SEEN}
