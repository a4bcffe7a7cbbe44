"""Answers the trace's questions from the tables, each in one statement whatever the number of items.

The wanted (item, from, to) triples travel as one JSON parameter and are joined to the index from the outside in:
CROSS JOIN keeps SQLite's planner from turning the join around after ANALYZE, and on PostgreSQL a lateral range scan of
the primary key follows from the same text.
"""

import json
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from storage.events import unpack_links
from trace.domain.containment import Position, Row
from trace.domain.genealogy import EventLink
from trace.domain.links import Role
from trace.domain.uris import UriKind

_SQLITE_ROWS = text("""
    SELECT ei.item, ei.time, ei.event, ei.role, ei.peer, ei.amount
    FROM json_each(:wanted) AS w CROSS JOIN event_item AS ei
    WHERE ei.item = json_extract(w.value, '$[0]')
      AND (ei.time, ei.event) >= (json_extract(w.value, '$[1]'), json_extract(w.value, '$[2]'))
      AND (ei.time, ei.event) <= (json_extract(w.value, '$[3]'), json_extract(w.value, '$[4]'))
    ORDER BY ei.item, ei.time, ei.event, ei.line
""")
_POSTGRES_ROWS = text("""
    SELECT ei.item, ei.time, ei.event, ei.role, ei.peer, ei.amount
    FROM jsonb_to_recordset(CAST(:wanted AS jsonb)) AS w(i bigint, t0 bigint, e0 bigint, t1 bigint, e1 bigint)
    CROSS JOIN LATERAL (
        SELECT * FROM event_item AS x
        WHERE x.item = w.i AND (x.time, x.event) >= (w.t0, w.e0) AND (x.time, x.event) <= (w.t1, w.e1)
        ORDER BY x.item, x.time, x.event OFFSET 0
    ) AS ei
    ORDER BY ei.item, ei.time, ei.event, ei.line
""")
# Where was this container itself, just before? The last packing row below a position, found from the key's end.
_SQLITE_LAST = text(
    f"""
    SELECT ei.item, ei.time, ei.event, ei.role, ei.peer, ei.amount
    FROM json_each(:wanted) AS w CROSS JOIN event_item AS ei
    WHERE (ei.item, ei.time, ei.event, ei.line) = (
        SELECT x.item, x.time, x.event, x.line FROM event_item AS x
        WHERE x.item = json_extract(w.value, '$[0]')
          AND (x.time, x.event) < (json_extract(w.value, '$[1]'), json_extract(w.value, '$[2]'))
          AND x.role IN ({Role.PACKED:d}, {Role.UNPACKED:d}, {Role.INPUT:d}, {Role.ENDED:d})
        ORDER BY x.time DESC, x.event DESC, x.line DESC LIMIT 1)
"""  # noqa: S608 - the roles are numbers of our own enumeration
)
_POSTGRES_LAST = text(
    f"""
    SELECT ei.item, ei.time, ei.event, ei.role, ei.peer, ei.amount
    FROM jsonb_to_recordset(CAST(:wanted AS jsonb)) AS w(i bigint, t0 bigint, e0 bigint)
    CROSS JOIN LATERAL (
        SELECT * FROM event_item AS x
        WHERE x.item = w.i AND (x.time, x.event) < (w.t0, w.e0)
          AND x.role IN ({Role.PACKED:d}, {Role.UNPACKED:d}, {Role.INPUT:d}, {Role.ENDED:d})
        ORDER BY x.time DESC, x.event DESC, x.line DESC LIMIT 1
    ) AS ei
"""  # noqa: S608 - see above
)
_SQLITE_LINKS = text("SELECT id, links FROM event WHERE id IN (SELECT value FROM json_each(:ids))")
_POSTGRES_LINKS = text(
    "SELECT id, links FROM event WHERE id IN (SELECT CAST(v AS bigint) FROM jsonb_array_elements_text(:ids) AS v)"
)
_SQLITE_KINDS = text("SELECT id, kind FROM ident WHERE id IN (SELECT value FROM json_each(:ids))")
_POSTGRES_KINDS = text(
    "SELECT id, kind FROM ident WHERE id IN (SELECT CAST(v AS bigint) FROM jsonb_array_elements_text(:ids) AS v)"
)


class TraceReader:
    """`trace.domain.genealogy.Reader` over a session."""

    def __init__(self, session: Session):
        self._session = session
        self._postgres = session.get_bind().dialect.name == "postgresql"

    def rows(self, wanted: Sequence[tuple[int, Position, Position]]) -> list[Row]:
        """The rows of each (item, from, to), both ends included, in order of (item, position)."""
        triples = [(item, *low, *high) for item, low, high in wanted]
        return self._select(_POSTGRES_ROWS if self._postgres else _SQLITE_ROWS, triples)

    def last_packings(self, wanted: Sequence[tuple[int, Position]]) -> list[Row]:
        """For each (item, before) the last row before it that says where the item was, or that it ended."""
        pairs = [(item, *before) for item, before in wanted]
        return self._select(_POSTGRES_LAST if self._postgres else _SQLITE_LAST, pairs)

    def links(self, events: Sequence[int]) -> dict[int, Sequence[EventLink]]:
        """The links of each event."""
        statement = _POSTGRES_LINKS if self._postgres else _SQLITE_LINKS
        found = self._session.execute(statement, {"ids": json.dumps(list(events))})
        return {number: unpack_links(bytes(packed)) for number, packed in found}

    def kinds(self, items: Sequence[int]) -> dict[int, UriKind]:
        """What kind of thing each item is."""
        statement = _POSTGRES_KINDS if self._postgres else _SQLITE_KINDS
        found = self._session.execute(statement, {"ids": json.dumps(list(items))})
        return {number: UriKind(kind) for number, kind in found}

    def _select(self, statement: object, wanted: Sequence[tuple[int, ...]]) -> list[Row]:
        if self._postgres:
            names = ("i", "t0", "e0", "t1", "e1")
            payload = json.dumps([dict(zip(names, triple, strict=False)) for triple in wanted])
        else:
            payload = json.dumps(wanted)
        return [Row(*row) for row in self._session.execute(statement, {"wanted": payload})]  # type: ignore[call-overload]
