"""Writing events: one look before, and one statement for events with all that hangs on them (one a table on SQLite)."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.binary_arrays import Column
from storage.bulk import MANY, Lines, Unless, insert_one_with_parts, insert_rows, insert_with_parts
from storage.event_keys import UNDER_SQLITE, add_keys
from storage.events import (
    COLUMNS,
    LANES,
    NO_DECLARER,
    PARTY_COLUMNS,
    EventKey,
    NewEvent,
    StoredEvent,
    chunks,
    find_siblings,
    intern,
    keep_declarations_apart,
    lane_of,
    pack_links,
    with_documents,
)
from storage.packing import pack
from storage.sending import is_postgresql, send
from storage.tables import (
    event,
    event_document,
    event_item,
    event_mention,
    event_party,
    event_vocabulary,
    ident,
)

_EVENT_COLUMNS = ("id", "id_key", "declarer", "links", *COLUMNS)
# Two captures of the same events add them in the same order, so that they never wait for each other in a ring; by time
# first, as most indices of `event` have it: what comes one behind the other is sooner added.
_IN_ORDER = itemgetter(*[_EVENT_COLUMNS.index(name) for name in ("event_time", "id_key", "declarer")])
_NAMED_COLUMNS = ("organisation", "kind", "ident")
_ITEM_COLUMNS = ("item", "time", "event", "line", "role", "peer", "amount")


class Look(NamedTuple):
    """What was found before events are written, in the same transaction: the keys asked for, what has them
    (`storage.events.find_siblings`), {uri: number} of all that they name, ascending numbers for the events, and, of
    many URIs on PostgreSQL, those that were not known; of few there, those that this transaction added, of which nobody
    else can know."""

    asked: Collection[EventKey]
    siblings: dict[EventKey, StoredEvent]
    idents: dict[str, int]
    numbers: Sequence[int]
    new: Set[int] = frozenset()
    ours: Set[int] = frozenset()


def look(session: Session, keys: Collection[EventKey], kinds: Mapping[str, int], events: int) -> Look:
    """Events with the eventIDs of these, the numbers of these URIs, {uri: kind}, and numbers for so many events.

    No error declaration of these is stored from here on until the transaction ends, except by itself
    (`storage.events.keep_declarations_apart`). URIs that are not known are added. One statement on PostgreSQL for a
    single event, unless another session adds one of its URIs at the same moment (`storage.events.intern` decides); on
    SQLite one, and one for what is added.
    Of the numbers PostgreSQL's sequence gives none twice; on SQLite they are what follows the highest, which nobody
    else can take, because a session that writes is the only one. Numbers that are not used are lost.
    """
    on_postgresql, new = is_postgresql(session), frozenset[int]()
    rows = (_look_postgresql if on_postgresql else _look_sqlite)(session, keys, kinds, events)
    siblings = [row[1:5] for row in rows if row[0] == _EVENT]
    idents = {row[5]: row[1] for row in rows if row[0] in (_IDENT, _ADDED)}
    ours = frozenset([row[1] for row in rows if row[0] == _ADDED])
    numbers: Sequence[int] = [row[1] for row in rows if row[0] == _NUMBER]
    if not on_postgresql:
        idents |= _add_idents(session, kinds, idents, highest=numbers[1])
        numbers = range(numbers[0] + 1, numbers[0] + 1 + events)
    elif len(idents) < len(kinds):
        known, idents = idents, intern(session, kinds, idents)
        new = frozenset(idents.values()).difference(known.values())
    return Look(keys, with_documents(session, siblings) if siblings else {}, idents, numbers, new, ours)


def _look_postgresql(
    session: Session, keys: Collection[EventKey], kinds: Mapping[str, int], events: int
) -> Sequence[Any]:
    """A single event takes its lane in the same statement, which may not see what was stored while the lane was waited
    for: `insert_events` asks once more."""
    id_keys, lanes = [key for key, _ in keys], []
    if len(keys) == 1 and len(kinds) < MANY and all(declarer == NO_DECLARER for _, declarer in keys):
        lanes = [lane_of(key) for key in id_keys]
    else:
        keep_declarations_apart(session, keys)
    if len(kinds) >= MANY:  # `intern` adds as many in less time
        asked = (Column("BIGINT", id_keys), Column("TEXT", sorted(kinds)), events)  # the server would sort them slower
        return send(session, _LOOK_POSTGRESQL, asked).rows
    uris = sorted(kinds)  # as `intern` does: no two wait in a ring
    texts, numbers = Column("TEXT", uris), Column("SMALLINT", [kinds[uri] for uri in uris])
    looked = (texts, texts, numbers, Column("INTEGER", lanes), Column("BIGINT", id_keys), events)
    return send(session, _LOOK_AND_ADD_POSTGRESQL, looked).rows


def _look_sqlite(session: Session, keys: Collection[EventKey], kinds: Mapping[str, int], _events: int) -> Sequence[Any]:
    asked = [msgspec.json.encode(values).decode() for values in ([key for key, _ in keys], list(kinds))]
    return send(session, _LOOK_SQLITE, asked).rows


def _add_idents(
    session: Session, kinds: Mapping[str, int], known: Mapping[str, int], *, highest: int
) -> dict[str, int]:
    """Add what is not known under the numbers behind `highest`, on SQLite: {uri: number}."""
    new = {uri: number for number, uri in enumerate(sorted(kinds.keys() - known.keys()), highest + 1)}
    insert_rows(session, ident, ("id", "uri", "kind"), [(n, uri, int(kinds[uri])) for uri, n in new.items()])
    return new


# What a row of these is; on SQLite the numbers are the highest of events, and of identifiers.
_EVENT, _IDENT, _NUMBER, _ADDED = 1, 2, 3, 4
# SELECT hides the number of values from the planner: told that they are many, it would rather read all of `ident`.
_LOOK_POSTGRESQL = """
    SELECT 1, t.id, t.id_key, t.declarer, t.captured_by, NULL
    FROM event AS t WHERE t.id_key = ANY(CAST((SELECT %b::bigint[]) AS bigint[]))
    UNION ALL SELECT 2, t.id, NULL, NULL, NULL, t.uri
    FROM ident AS t WHERE t.uri = ANY(CAST((SELECT %b::text[]) AS text[]))
    UNION ALL SELECT 3, nextval('event_id_seq'), NULL, NULL, NULL, NULL FROM generate_series(1, %b)"""
_LOOK_AND_ADD_POSTGRESQL = f"""
    WITH known AS (SELECT t.id, t.uri FROM ident AS t WHERE t.uri = ANY(%b::text[])),
    added AS (
        INSERT INTO ident (uri, kind) SELECT * FROM unnest(%b::text[], %b::smallint[]) AS w(uri, kind)
        WHERE w.uri NOT IN (SELECT uri FROM known) ON CONFLICT DO NOTHING RETURNING id, uri)
    SELECT 0, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::text
    FROM unnest(%b::int[]) AS w(lane), LATERAL pg_advisory_xact_lock_shared({LANES}, w.lane)
    UNION ALL SELECT 1, t.id, t.id_key, t.declarer, t.captured_by, NULL
    FROM event AS t WHERE t.id_key = ANY(%b::bigint[])
    UNION ALL SELECT 2, id, NULL, NULL, NULL, uri FROM known
    UNION ALL SELECT 4, id, NULL, NULL, NULL, uri FROM added
    UNION ALL SELECT 3, nextval('event_id_seq'), NULL, NULL, NULL, NULL FROM generate_series(1, %b)"""  # noqa: S608
# CROSS JOIN: the values are the outer loop, whatever the planner thinks of them.
_LOOK_SQLITE = f"""
    SELECT 1, t.id, t.id_key, t.declarer, t.captured_by, NULL FROM {UNDER_SQLITE}
    UNION ALL SELECT 2, t.id, NULL, NULL, NULL, t.uri
    FROM json_each(?) AS w CROSS JOIN ident AS t WHERE t.uri = w.value
    UNION ALL SELECT 3, coalesce(max(id), 0), NULL, NULL, NULL, NULL FROM event
    UNION ALL SELECT 3, coalesce(max(id), 0), NULL, NULL, NULL, NULL FROM ident"""  # noqa: S608


def insert_events(session: Session, events: Sequence[NewEvent], found: Look) -> dict[EventKey, int]:
    """Store events with their documents, trace lines and parties, under the numbers that `look` found: {key: number}.

    An event that another session stored meanwhile is left out of the answer: the unique key (id_key, declarer) decides,
    the insert passes over; on SQLite nobody can have (`storage.event_keys`). What came first joins `found.siblings`.
    A single event is sent to PostgreSQL with what follows: where another session stored it meanwhile, or a declaration
    that it is wrong between the look and its lane, the transaction has lost (40001, `storage.again`).
    """
    numbers = dict(zip([e.key for e in events], found.numbers, strict=False))
    if len(events) == 1 and is_postgresql(session):
        _send_along(session, numbers[events[0].key], events[0], found)
        return numbers
    left = list(events) if is_postgresql(session) else _not_there(session, events, found)
    stored = dict[EventKey, int]()
    while left:
        stored |= _insert(session, {numbers[e.key]: e for e in left}, found)
        left = [e for e in left if e.key not in stored]
        if left:
            found.siblings.update(find_siblings(session, {e.key[0] for e in left}))
            left = [e for e in left if e.key not in found.siblings]
    return stored


def _not_there(session: Session, events: Sequence[NewEvent], found: Look) -> list[NewEvent]:
    """Those of these events that SQLite does not have; what the look did not ask for is asked now."""
    unasked = {e.key[0] for e in events}.difference(key for key, _ in found.asked)
    if unasked:
        found.siblings.update(find_siblings(session, unasked))
    return [e for e in events if e.key not in found.siblings]


def _insert(session: Session, events: Mapping[int, NewEvent], found: Look) -> dict[EventKey, int]:
    """Insert {number: event}: {key: number} of those that were not there."""
    if not is_postgresql(session):
        add_keys(session, {number: e.key for number, e in events.items()})
    if insert_with_parts(session, _whole(events), _parts(events, found.new)) < len(events):
        stored = _stored_among(session, events)
        events = {number: e for number, e in events.items() if number in stored}
        for part in _parts(events, found.new):
            insert_rows(session, *part[:3], pass_by=part.pass_by)
    return {e.key: number for number, e in events.items()}


def _send_along(session: Session, number: int, new: NewEvent, found: Look) -> None:
    events, known = {number: new}, [one.id for one in found.siblings.values()]
    unless = Unless(_ANOTHER, (new.key[0], known))
    insert_one_with_parts(session, _whole(events), _parts(events, frozenset()), unless)


def _whole(events: Mapping[int, NewEvent]) -> Lines:
    rows = [(number, *e.key, pack_links(e.lines), *e.values) for number, e in events.items()]
    return Lines(event, _EVENT_COLUMNS, sorted(rows, key=_IN_ORDER), pass_by=True)


_ANOTHER = "SELECT 1 FROM event AS t WHERE t.id_key = %b AND t.id <> ALL(%b::bigint[])"


def _parts(events: Mapping[int, NewEvent], new: Set[int]) -> list[Lines]:
    """What hangs on {number: event}, in the order of each table's key; of the things that they name these are new."""
    fresh = events.items()
    documents = [(n, pack(e.document), hashlib.sha256(e.document).digest()) for n, e in fresh]
    mentions = [(i, e.time, n, kind) for n, e in fresh for i, kind in e.mentions]
    parties = [(party, e.time, n, e.recorded) for n, e in fresh for party in e.parties if party != e.captor]
    named = sorted([(party, *pair) for party, pairs in _named_by(events.values()).items() for pair in pairs])
    first = [row for row in named if row[2] in new]
    return [
        Lines(event_document, ("event", "document", "digest"), documents),
        Lines(event_item, _ITEM_COLUMNS, sorted([row for n, e in fresh for row in _item_rows(n, e)])),
        Lines(event_mention, ("ident", "time", "event", "kind"), sorted(mentions)),
        Lines(event_party, PARTY_COLUMNS, sorted(parties)),
        Lines(event_vocabulary, _NAMED_COLUMNS, [row for row in named if row[2] not in new], pass_by=True),
        Lines(event_vocabulary, _NAMED_COLUMNS, first, pass_by=True, new=True),
    ]


def _named_by(events: Iterable[NewEvent]) -> dict[int, set[tuple[int, int]]]:
    """{party: all that its events name}."""
    found: dict[int, set[tuple[int, int]]] = {}
    for e in events:
        for party in e.parties:
            found.setdefault(party, set()).update(e.named)
    return found


def _item_rows(number: int, new: NewEvent) -> Iterable[tuple[Any, ...]]:
    time = new.time
    return [(x.item, time, number, line, x.role, x.peer, x.amount) for line, x in enumerate(new.lines)]


def _stored_among(session: Session, numbers: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for part in chunks(numbers):
        found.update(session.scalars(select(event.c.id).where(event.c.id.in_(part))))
    return found
