"""Events as they are stored: interning, locks, the packed links, look-up by eventID and by party.

How they are written: `storage.event_writing`; who sees them: `storage.parties`.
"""

import hashlib
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.bulk import Beside, insert_numbered, insert_rows, select_among
from storage.event_keys import find_keyed
from storage.one_of import one_of
from storage.packing import unpack
from storage.sending import is_postgresql, send
from storage.tables import (
    event,
    event_document,
    event_item,
    event_party,
    event_vocabulary,
    event_withdrawn,
    ident,
    organisation,
)
from storage.tenancy import across
from trace.domain.events import Action
from trace.domain.genealogy import EventLink
from trace.domain.links import Role

CHUNK = 5_000  # parameters in one IN list; SQLite's limit is 32,766
# As `event.type` stores them; never renumber.
TYPES = {
    "ObjectEvent": 0,
    "AggregationEvent": 1,
    "TransformationEvent": 2,
    "TransactionEvent": 3,
    "AssociationEvent": 4,
}
ACTIONS = {Action.ADD: 1, Action.OBSERVE: 2, Action.DELETE: 3}  # as `event.action` stores them
# How an event says that something came to be.
BEGAN = event_item.c.role.in_((Role.ADDED, Role.OUTPUT)) | (
    (event_item.c.role == Role.SERIALISED) & (event.c.action == ACTIONS[Action.ADD])
)
_LINK = struct.Struct("<qqB")
_NO_PEER = -1
# What a `NewEvent` says of itself, as columns of `event`; the rest is derived here.
COLUMNS = (
    "event_time",
    "record_time",
    "offset_minutes",
    "type",
    "action",
    "step",
    "disposition",
    "read_point",
    "biz_location",
    "captured_by",
    "person",
    "api_key",
)


# Of `event_party`, in the order in which its rows are added: that of its key.
PARTY_COLUMNS = ("organisation", "time", "event", "recorded")
_CAPTOR = COLUMNS.index("captured_by")

# What finds an event: `id_key` of its eventID, and the number of the organisation that declares an error with it.
EventKey = tuple[int, int]
NO_DECLARER = 0  # of an event that declares none


class Mention(IntEnum):
    """What an event names besides things, places and words: `event_mention.kind`, never renumber."""

    TRANSACTION = 1
    SOURCE = 2
    DESTINATION = 3


class Named(IntEnum):
    """A top-level resource of EPCIS 2.0: `event_vocabulary.kind`, never renumber."""

    EPC = 1  # any thing but a lot: instance, class, container
    BIZ_STEP = 2
    DISPOSITION = 3
    READ_POINT = 4
    BIZ_LOCATION = 5
    EVENT_TYPE = 6  # by its number in `TYPES`
    LOT = 7  # of the things of the standard's list; apart, so that nobody's lots are looked for among all their packs


THINGS = (Named.EPC, Named.LOT)


class ItemLine(Struct, frozen=True):
    """One row of the trace index to be: `amount` in millionths, only where a stay in a container needs it."""

    item: int
    role: int
    peer: int | None
    amount: int | None = None


class NewEvent(Struct, frozen=True):
    """An event ready to be stored: numbers interned, bytes final.

    `values` are those of `COLUMNS`, the first of which are event and record time; `key` is (`id_key`, declarer);
    `mentions` are {(ident, `Mention`)}, `named` (`Named`, ident), once at least.
    """

    document: bytes
    values: tuple[int | None, ...]
    lines: Sequence[ItemLine]
    parties: Set[int]
    key: EventKey
    mentions: Collection[tuple[int, int]] = ()
    named: Collection[tuple[int, int]] = ()

    @property
    def time(self) -> int:
        """When it happened, in UTC milliseconds."""
        return self.values[0] or 0

    @property
    def recorded(self) -> int:
        """When it was captured, in UTC milliseconds."""
        return self.values[1] or 0

    @property
    def captor(self) -> int | None:
        """The organisation that captured it."""
        return self.values[_CAPTOR]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as found: its number, its canonical bytes, the organisation that captured it."""

    id: int
    document: bytes
    captured_by: int


def insert_for(session: Session, table: Any) -> Any:
    """The dialect's own INSERT, for ON CONFLICT."""
    return (postgresql if is_postgresql(session) else sqlite).insert(table)


def id_key(event_id: str) -> int:
    """63 bits of the SHA-256 of an eventID, as a signed 64-bit number: what finds an event by its ID."""
    return int.from_bytes(hashlib.sha256(event_id.encode()).digest()[:8], "big") >> 1


def intern(session: Session, kinds: Mapping[str, int], known: Mapping[str, int] | None = None) -> dict[str, int]:
    """The numbers of these URIs, {uri: kind} -> {uri: id}; new ones are added. `known` are those of a look just taken.

    Correct when two sessions bring the same new URI: `ident.uri` is unique, the insert passes over the other's row
    (waiting for it to commit, on PostgreSQL) and the second look finds it. Sorted, so that no two wait in a ring.
    """
    found = find_idents(session, kinds) if known is None else {uri: known[uri] for uri in kinds if uri in known}
    missing = sorted(uri for uri in kinds if uri not in found)
    if missing:
        added = insert_numbered(session, ident, ("uri", "kind"), [(uri, int(kinds[uri])) for uri in missing], "uri")
        found |= added if len(added) == len(missing) else find_idents(session, missing)
    return found


def find_idents(session: Session, uris: Iterable[str]) -> dict[str, int]:
    """The numbers of those of these URIs that are known: {uri: id}."""
    return dict(select_among(session, ident, ("uri", "id"), "uri", uris))


def uris_of(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """{id: uri} of interned things."""
    return dict(select_among(session, ident, ("id", "uri"), "id", set(ids)))


def find_by_event_ids(session: Session, keys: Iterable[tuple[str, int]]) -> dict[EventKey, StoredEvent]:
    """Events already stored under these (eventID, declarer) pairs: {key: event}."""
    wanted = {(id_key(event_id), declarer) for event_id, declarer in keys}
    return {key: stored for key, stored in find_siblings(session, (key for key, _ in wanted)).items() if key in wanted}


def find_siblings(session: Session, keys: Iterable[int]) -> dict[EventKey, StoredEvent]:
    """Events under these `id_key`s, and all error declarations that repeat their IDs: {key: event}."""
    return with_documents(session, find_keyed(session, keys))


@across(
    because="an eventID names one event, whoever sends it (EPCIS 2.0 section 7.4.1); callers tell what each may see"
)
def with_documents(session: Session, rows: Iterable[Sequence[Any]]) -> dict[EventKey, StoredEvent]:
    """What `find_siblings` answers, of rows as `find_keyed` tells them."""
    found: dict[EventKey, StoredEvent] = {}
    of = {row[0]: row[1:4] for row in rows}
    for number, document in select_among(session, event_document, ("event", "document"), "event", of):
        key, declarer, captured_by = of[number]
        found[key, declarer] = StoredEvent(number, unpack(document), captured_by)
    return found


def lock_items(session: Session, items: Iterable[int]) -> None:
    """Line up with everybody else who is about to change these things, until the transaction ends.

    The lock is that of their rows in `ident` (FOR NO KEY UPDATE on PostgreSQL, which foreign keys pass by; SQLite's
    single writer needs none). What a look afterwards does not find, nobody else can be adding. Ordered by number, so
    that no two wait in a ring.
    """
    for part in chunks(sorted(set(items))):
        query = select(ident.c.id).where(ident.c.id.in_(part)).order_by(ident.c.id)
        session.execute(query.with_for_update(key_share=True)).all()


def share_items(session: Session, items: Iterable[int]) -> None:
    """Let nobody who locks these things (`lock_items`) pass until the transaction ends; others may share them, too.

    FOR SHARE on their rows in `ident` on PostgreSQL; SQLite's single writer needs none. Ordered like `lock_items`, and
    to be called before it: of two that share a row and then want it alone, neither would get it.
    """
    for part in chunks(sorted(set(items))):
        query = select(ident.c.id).where(ident.c.id.in_(part)).order_by(ident.c.id)
        session.execute(query.with_for_update(read=True)).all()


def line_up(session: Session, *, alone: Collection[int], shared: Collection[int]) -> None:
    """`lock_items` of some things and `share_items` of others, in one order: a statement for each run of a kind."""
    modes = dict.fromkeys(shared, share_items) | dict.fromkeys(alone, lock_items)
    for take, run in groupby(sorted(modes), key=modes.__getitem__):
        take(session, run)


def makers_of(session: Session, items: Iterable[int]) -> dict[int, set[int]]:
    """{item: the organisations that recorded that it came to be}: commissioned, or the output of a transformation.

    A lot whose packs are commissioned by their codes comes to be with them (`Role.SERIALISED` of an ADD).
    """
    found: dict[int, set[int]] = {}
    for part in chunks(items):
        query = (
            select(event_item.c.item, event.c.captured_by)
            .join(event, event.c.id == event_item.c.event)
            .where(one_of(session, event_item.c.item, part), BEGAN)
            .distinct()
        )
        for item, organisation_id in session.execute(query):
            found.setdefault(item, set()).add(organisation_id)
    return found


def keep_declarations_apart(session: Session, keys: Iterable[EventKey]) -> None:
    """Let no event and the declaration that it is wrong be captured at once: who comes second sees who came first.

    Their keys differ, so no unique key lines the two up. On PostgreSQL each takes a
    lane by its `id_key` until the transaction ends: events share theirs, a declaration has it alone. All at once and in
    order, so that no two wait in a ring. SQLite's single writer needs none.
    """
    if not is_postgresql(session):
        return
    lanes: dict[int, bool] = {}
    for key, declarer in keys:
        lane = lane_of(key)
        lanes[lane] = lanes.get(lane, False) or declarer != NO_DECLARER
    ordered = sorted(lanes.items())
    numbers, alone = [lane for lane, _ in ordered], [declares for _, declares in ordered]
    send(session, _TAKE_LANES, (numbers, alone))


def lane_of(key: int) -> int:
    """The lane of an `id_key`, under `LANES`: few, because a server has room for some thousand locks; many, because a
    declaration is waited for."""
    return key % 32


LANES = 20190102  # the first half of the advisory locks' numbers
_TAKE_LANES = f"""
    SELECT CASE WHEN alone THEN pg_advisory_xact_lock({LANES}, lane)
                ELSE pg_advisory_xact_lock_shared({LANES}, lane) END
    FROM unnest(%b::int[], %b::bool[]) AS w(lane, alone)"""  # noqa: S608 - a number of ours


def withdraw(session: Session, events: Iterable[int]) -> set[int]:
    """Let no trace follow these events: who captured them declared them wrong. Those that were followed until now.

    Two declarations of one event at once: the primary key decides whose it is; the other finds it withdrawn.
    """
    found: set[int] = set()
    for part in chunks(sorted(set(events))):
        statement = insert_for(session, event_withdrawn).values([{"event": number} for number in part])
        found.update(session.scalars(statement.on_conflict_do_nothing().returning(event_withdrawn.c.event)))
    return found


def add_party(session: Session, organisation_id: int, events: Iterable[int], named: Iterable[tuple[int, int]]) -> None:
    """Let an organisation see events that others captured, by their numbers, and what they name."""
    times = select_among(session, event, ("event_time", "id", "record_time"), "id", sorted(set(events)))
    insert_rows(session, event_party, PARTY_COLUMNS, sorted((organisation_id, *row) for row in times), pass_by=True)
    words = sorted((organisation_id, kind, i) for kind, i in named)
    insert_rows(session, event_vocabulary, ("organisation", "kind", "ident"), words, pass_by=True)


def documents_of(session: Session, events: Iterable[int]) -> dict[int, bytes]:
    """The canonical bytes of these events: {event number: bytes}."""
    rows = select_among(session, event_document, ("event", "document"), "event", sorted(set(events)))
    return {number: unpack(document) for number, document in rows}


def told_of(session: Session, events: Iterable[int]) -> dict[int, tuple[bytes, int]]:
    """What these events tell, and who captured them: {event number: (canonical bytes, organisation number)}."""
    captor = Beside(event, ("captured_by",), "id", "event")
    rows = select_among(session, event_document, ("event", "document"), "event", sorted(set(events)), captor)
    return {number: (unpack(document), captured_by) for number, document, captured_by in rows}


def organisations_by_party(session: Session, uris: Iterable[str]) -> dict[str, int]:
    """{party URI: organisation number} of those parties that are organisations on this system."""
    return dict(select_among(session, organisation, ("party_uri", "id"), "party_uri", uris))


def pack_links(lines: Sequence[ItemLine]) -> bytes:
    """The (item, role, peer) triples of an event in one value, so that an event gives its items without an index."""
    return b"".join([_LINK.pack(x.item, _NO_PEER if x.peer is None else x.peer, x.role) for x in lines])


def unpack_links(packed: bytes) -> list[EventLink]:
    """The triples that `pack_links` packed."""
    return [EventLink(item, role, None if peer == _NO_PEER else peer) for item, peer, role in _LINK.iter_unpack(packed)]


def chunks(values: Iterable[Any], size: int = CHUNK) -> Iterable[Sequence[Any]]:
    """The values in parts that fit into one statement's parameters (`CHUNK`), in order."""
    values = list(values)
    for start in range(0, len(values), size):
        yield values[start : start + size]
