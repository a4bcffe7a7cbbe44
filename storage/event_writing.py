"""Writing events: one look before, and one statement for events with all that hangs on them (one a table on SQLite)."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from storage.bulk import MANY, Lines, insert_rows, insert_with_parts
from storage.events import COLUMNS, EventKey, NewEvent, StoredEvent, chunks, intern, pack_links, with_documents
from storage.packing import pack
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
_ITEM_COLUMNS = ("item", "time", "event", "line", "role", "peer", "amount")


class Look(NamedTuple):
    """What was found before events are written: their `storage.events.find_siblings`, {uri: number} of all that they
    name, and ascending numbers for the events."""

    siblings: dict[EventKey, StoredEvent]
    idents: dict[str, int]
    numbers: Sequence[int]


def look(session: Session, keys: Collection[int], kinds: Mapping[str, int], events: int) -> Look:
    """Events under these `id_key`s, the numbers of these URIs, {uri: kind}, and numbers for so many events.

    URIs that are not known are added. One statement on PostgreSQL where they are few and no other session adds one of
    them at the same moment (`storage.events.intern` decides); on SQLite one, and one for what is added.
    Of the numbers PostgreSQL's sequence gives none twice; on SQLite they are what follows the highest, which nobody
    else can take, because a session that writes is the only one. Numbers that are not used are lost.
    """
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    rows = (_look_postgresql if on_postgresql else _look_sqlite)(session.connection(), keys, kinds, events)
    siblings = [row[1:5] for row in rows if row[0] == _EVENT]
    idents = {row[5]: row[1] for row in rows if row[0] == _IDENT}
    numbers: Sequence[int] = [row[1] for row in rows if row[0] == _NUMBER]
    if not on_postgresql:
        idents |= _add_idents(session, kinds, idents, highest=numbers[1])
        numbers = range(numbers[0] + 1, numbers[0] + 1 + events)
    elif len(idents) < len(kinds):
        idents = intern(session, kinds, idents)
    return Look(with_documents(session, siblings), idents, numbers)


def _look_postgresql(
    connection: Connection, keys: Collection[int], kinds: Mapping[str, int], events: int
) -> Sequence[Any]:
    if len(kinds) >= MANY:  # `intern` adds as many in less time
        return connection.exec_driver_sql(_LOOK_POSTGRESQL, (list(keys), list(kinds), events)).all()
    uris = sorted(kinds)  # as `intern` does: no two wait in a ring
    asked = (list(keys), uris, [int(kinds[uri]) for uri in uris], events)
    return connection.exec_driver_sql(_LOOK_AND_ADD_POSTGRESQL, asked).all()


def _look_sqlite(
    connection: Connection, keys: Collection[int], kinds: Mapping[str, int], _events: int
) -> Sequence[Any]:
    return connection.exec_driver_sql(_LOOK_SQLITE, (json.dumps(list(keys)), json.dumps(list(kinds)))).all()


def _add_idents(
    session: Session, kinds: Mapping[str, int], known: Mapping[str, int], *, highest: int
) -> dict[str, int]:
    """Add what is not known under the numbers behind `highest`, on SQLite: {uri: number}."""
    new = {uri: number for number, uri in enumerate(sorted(kinds.keys() - known.keys()), highest + 1)}
    insert_rows(session, ident, ("id", "uri", "kind"), [(n, uri, int(kinds[uri])) for uri, n in new.items()])
    return new


# What a row of these is; on SQLite the numbers are the highest of events, and of identifiers.
_EVENT, _IDENT, _NUMBER = 1, 2, 3
_LOOK_POSTGRESQL = """
    SELECT 1, t.id, t.id_key, t.declarer, t.captured_by, NULL FROM event AS t WHERE t.id_key = ANY(%b::bigint[])
    UNION ALL SELECT 2, t.id, NULL, NULL, NULL, t.uri FROM ident AS t WHERE t.uri = ANY(%b::text[])
    UNION ALL SELECT 3, nextval('event_id_seq'), NULL, NULL, NULL, NULL FROM generate_series(1, %b)"""
_LOOK_AND_ADD_POSTGRESQL = """
    WITH asked AS (SELECT %b::bigint[] AS keys, %b::text[] AS uris, %b::smallint[] AS kinds, %b::int AS events),
    known AS (SELECT t.id, t.uri FROM ident AS t WHERE t.uri = ANY((SELECT uris FROM asked)::text[])),
    added AS (
        INSERT INTO ident (uri, kind)
        SELECT w.uri, w.kind FROM asked, unnest(asked.uris, asked.kinds) WITH ORDINALITY AS w(uri, kind, place)
        WHERE w.uri NOT IN (SELECT uri FROM known) ORDER BY w.place
        ON CONFLICT DO NOTHING RETURNING id, uri)
    SELECT 1, t.id, t.id_key, t.declarer, t.captured_by, NULL FROM event AS t
    WHERE t.id_key = ANY((SELECT keys FROM asked)::bigint[])
    UNION ALL SELECT 2, id, NULL, NULL, NULL, uri FROM known
    UNION ALL SELECT 2, id, NULL, NULL, NULL, uri FROM added
    UNION ALL SELECT 3, nextval('event_id_seq'), NULL, NULL, NULL, NULL
    FROM generate_series(1, (SELECT events FROM asked))"""
# CROSS JOIN: the values are the outer loop, whatever the planner thinks of them.
_LOOK_SQLITE = """
    SELECT 1, t.id, t.id_key, t.declarer, t.captured_by, NULL
    FROM json_each(?) AS w CROSS JOIN event AS t WHERE t.id_key = w.value
    UNION ALL SELECT 2, t.id, NULL, NULL, NULL, t.uri
    FROM json_each(?) AS w CROSS JOIN ident AS t WHERE t.uri = w.value
    UNION ALL SELECT 3, coalesce(max(id), 0), NULL, NULL, NULL, NULL FROM event
    UNION ALL SELECT 3, coalesce(max(id), 0), NULL, NULL, NULL, NULL FROM ident"""


def insert_events(session: Session, events: Sequence[NewEvent], numbers: Sequence[int]) -> dict[EventKey, int]:
    """Store events with their documents, trace lines and parties: {key: event number}. `numbers` are those of `look`.

    An event whose ID another session stored meanwhile is left out of the answer: the unique key (id_key, declarer)
    decides, the insert passes over, and the caller looks what came first.
    """
    of = {e.key: number for e, number in zip(events, numbers, strict=False)}
    rows = [(of[e.key], *e.key, pack_links(e.lines), *e.values) for e in events]
    # In the order of the key, so that two captures of the same events never wait for each other in a ring.
    whole = Lines(event, _EVENT_COLUMNS, sorted(rows, key=lambda row: row[1:3]), pass_by=True)
    if insert_with_parts(session, whole, _parts([(of[e.key], e) for e in events])) < len(events):
        stored = _stored_among(session, of.values())
        of = {key: number for key, number in of.items() if number in stored}
        for part in _parts([(of[e.key], e) for e in events if e.key in of]):
            insert_rows(session, *part[:3], pass_by=part.pass_by)
    return of


def _parts(fresh: Sequence[tuple[int, NewEvent]]) -> list[Lines]:
    """What hangs on the events, in the order of each table's key."""
    documents = [(n, pack(e.document), hashlib.sha256(e.document).digest()) for n, e in fresh]
    mentions = [(i, e.time, n, kind) for n, e in fresh for i, kind in e.mentions]
    parties = [(party, e.time, n) for n, e in fresh for party in e.parties]
    named = {(party, kind, i) for _, e in fresh for party in e.parties for kind, i in e.named}
    return [
        Lines(event_document, ("event", "document", "digest"), documents),
        Lines(event_item, _ITEM_COLUMNS, sorted([row for n, e in fresh for row in _item_rows(n, e)])),
        Lines(event_mention, ("ident", "time", "event", "kind"), sorted(mentions)),
        Lines(event_party, ("organisation", "time", "event"), sorted(parties)),
        Lines(event_vocabulary, ("organisation", "kind", "ident"), sorted(named), pass_by=True),
    ]


def _item_rows(number: int, new: NewEvent) -> Iterable[tuple[Any, ...]]:
    time = new.time
    return [(item, time, number, line, role, peer, amount) for line, (item, role, peer, amount) in enumerate(new.lines)]


def _stored_among(session: Session, numbers: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for part in chunks(numbers):
        found.update(session.scalars(select(event.c.id).where(event.c.id.in_(part))))
    return found
