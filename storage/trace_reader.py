"""Answers the trace's questions from the tables, each in one statement whatever the number of items.

The wanted (item, from, to) travel as one JSON parameter, the statement to the driver's own cursor (`storage.sending`:
a trace is some twenty of them), and are joined to the index from the outside in: CROSS JOIN
keeps SQLite's planner from turning the join around after ANALYZE, and on PostgreSQL a lateral range scan of the
primary key follows.

What is read into memory is bounded: by `most` for a statement, and of the sales of each item (a lot may be sold a
hundred thousand times) to about the newest `TELLING_KEPT`. The database still walks that item's range of the index,
which lies in one place, and looks at the step of each old row: about half a second for 100,000 of them.
"""

import json
from collections.abc import Collection, Sequence
from functools import lru_cache

from sqlalchemy.orm import Session

from storage.bulk import select_among
from storage.events import unpack_links, uris_of
from storage.sending import is_postgresql, send
from storage.tables import event
from storage.tables.facts import ENDING_ROLES
from trace.domain.containment import Position, Row
from trace.domain.epcis.vocabulary import SALES
from trace.domain.genealogy import TELLING_KEPT, EventLink
from trace.domain.links import Role
from trace.domain.uris import UriKind, uri_kind

_COLUMNS = ", ".join(f"ei.{name}" for name in Row._fields)
# One wanted range as the columns i, t0, e0, t1, e1 of `w`.
_SQLITE_WANTED = """(
    SELECT json_extract(value, '$[0]') AS i, json_extract(value, '$[1]') AS t0, json_extract(value, '$[2]') AS e0,
           json_extract(value, '$[3]') AS t1, json_extract(value, '$[4]') AS e1
    FROM json_each(?)
) AS w"""
_POSTGRES_WANTED = """(
    SELECT CAST(value ->> 0 AS bigint) AS i, CAST(value ->> 1 AS bigint) AS t0, CAST(value ->> 2 AS bigint) AS e0,
           CAST(value ->> 3 AS bigint) AS t1, CAST(value ->> 4 AS bigint) AS e1
    FROM jsonb_array_elements(CAST(%s AS jsonb)) AS elements(value)
) AS w"""
# What its captor declared wrong is no part of any history.
_STANDS = "NOT EXISTS (SELECT 1 FROM event_withdrawn AS wrong WHERE wrong.event = {x}.event)"
_BETWEEN = "{x}.item = w.i AND ({x}.time, {x}.event) >= (w.t0, w.e0) AND ({x}.time, {x}.event) <= (w.t1, w.e1)"
_BETWEEN += f" AND {_STANDS}"
_TELLS = f"({{x}}.role IN ({{telling}}) AND ({{x}}.role <> {Role.OBSERVED:d} OR {{x}}.peer IS NULL))"
_IN_SCAN, _IN_CUT = _BETWEEN.format(x="ei"), _BETWEEN.format(x="x")


_SALES = ", ".join(f"'{step}'" for step in sorted(SALES))
_IS_SALE = f"""(
    COALESCE((SELECT e.step FROM event AS e WHERE e.id = ei.event), 0)
    IN (SELECT s.id FROM ident AS s WHERE s.uri IN ({_SALES}))
)"""


@lru_cache(maxsize=16)
def _rows_statement(postgres: bool, telling: frozenset[int], *, left_out: bool = False) -> str:
    """Rows of ranges without the old sales, which few items have; or the number of these."""
    roles = ", ".join(str(int(role)) for role in sorted(telling))
    tells = _TELLS.format(x="ei", telling=roles)
    cut = f"""(
        SELECT x.time FROM event_item AS x WHERE {_IN_CUT} AND {_TELLS.format(x="x", telling=roles)}
        ORDER BY x.time DESC, x.event DESC, x.line DESC LIMIT 1 OFFSET {TELLING_KEPT}
    )"""
    # MATERIALIZED: the cut is looked for once an item, not once a row. What is newer than the cut, or none of the many,
    # is kept before the event of a row is looked at.
    wanted = (
        f"WITH w AS MATERIALIZED (SELECT w.*, {cut} AS cut FROM {_POSTGRES_WANTED if postgres else _SQLITE_WANTED})"
    )
    if left_out:
        chosen = f"w.cut IS NOT NULL AND ei.time < w.cut AND {tells} AND {_IS_SALE}"
    else:
        chosen = f"(w.cut IS NULL OR ei.time >= w.cut OR NOT {tells} OR NOT {_IS_SALE})"
    if postgres:
        source = f"w CROSS JOIN LATERAL (SELECT * FROM event_item AS ei WHERE {_IN_SCAN} AND {chosen} OFFSET 0) AS ei"
    else:
        source = f"w CROSS JOIN event_item AS ei WHERE {_IN_SCAN} AND {chosen}"
    if left_out:
        return f"{wanted} SELECT count(*) FROM {source}"
    order = "ei.item, ei.time, ei.event, ei.line"
    return f"{wanted} SELECT {_COLUMNS} FROM {source} ORDER BY {order} LIMIT {'%s' if postgres else '?'}"


@lru_cache(maxsize=4)
def _one_row_statement(postgres: bool, index: str, condition: str, order: str) -> str:
    """For each wanted range the first row, in an order, that meets a condition, as the index of such rows tells.

    Before ANALYZE SQLite's planner would take the primary key, and read all the rows between; so would PostgreSQL's if
    the order were that of the key, to the line. Lines of one event stand at one place in time: any of them will do.
    """
    by = "" if postgres else f"INDEXED BY {index}"
    one = f"""
        SELECT {{columns}} FROM event_item AS x {by} WHERE x.item = w.i AND {condition} AND {_STANDS.format(x="x")}
        ORDER BY x.time {order}, x.event {order} LIMIT 1"""
    if postgres:
        source = f"{_POSTGRES_WANTED} CROSS JOIN LATERAL ({one.format(columns='*')}) AS ei"
    else:
        key = one.format(columns="x.item, x.time, x.event, x.line")
        source = f"{_SQLITE_WANTED} CROSS JOIN event_item AS ei WHERE (ei.item, ei.time, ei.event, ei.line) = ({key})"
    return f"SELECT {_COLUMNS} FROM {source}"


# Nothing is inside itself, whatever a partner's event says.
_LAST_PACKING = (
    "ix_event_item_packed",
    f"(x.time, x.event) < (w.t0, w.e0) AND x.role = {Role.PACKED:d} AND x.peer <> x.item",
    "DESC",
)
_FIRST_END = (
    "ix_event_item_ended",
    f"(x.time, x.event) > (w.t0, w.e0) AND (x.time, x.event) <= (w.t1, w.e1) AND x.role IN ({ENDING_ROLES})",
    "ASC",
)


class TraceReader:
    """`trace.domain.genealogy.Reader` over a session."""

    def __init__(self, session: Session):
        self._session = session
        self._postgres = is_postgresql(session)
        self._kinds: dict[int, UriKind] = {}  # known from an earlier search: who asks for one way asks for the other

    def rows(
        self, wanted: Sequence[tuple[int, Position, Position]], *, telling: Collection[int], most: int
    ) -> list[Row]:
        """The rows of each (item, from, to); see `Reader.rows`."""
        statement = _rows_statement(self._postgres, frozenset(telling))
        return self._select(statement, [(item, *low, *high) for item, low, high in wanted], most)

    def count_left_out(self, wanted: Sequence[tuple[int, Position, Position]], *, telling: Collection[int]) -> int:
        """How many rows `rows` left out of these ranges."""
        statement = _rows_statement(self._postgres, frozenset(telling), left_out=True)
        ranges = json.dumps([(item, *low, *high) for item, low, high in wanted])
        [(count,)] = send(self._session, statement, (ranges,)).rows
        return int(count)

    def last_packings(self, wanted: Sequence[tuple[int, Position]]) -> list[Row]:
        """For each (item, before) its last PACKED row before that position, if any."""
        statement = _one_row_statement(self._postgres, *_LAST_PACKING)
        return self._select(statement, [(item, *before) for item, before in wanted])

    def first_ends(self, wanted: Sequence[tuple[int, Position, Position]]) -> list[Row]:
        """For each (container, after, until) the first row that ends all stays in it, if any."""
        statement = _one_row_statement(self._postgres, *_FIRST_END)
        return self._select(statement, [(item, *low, *high) for item, low, high in wanted])

    def links(self, events: Sequence[int]) -> dict[int, Sequence[EventLink]]:
        """The links of each event."""
        found = select_among(self._session, event, ("id", "links"), "id", events)
        return {number: unpack_links(packed) for number, packed in found}

    def kinds(self, items: Sequence[int]) -> dict[int, UriKind]:
        """What kind of thing each item is, told by its URI: a partner may have named the same URI as a place."""
        unknown = [item for item in items if item not in self._kinds]
        self._kinds |= {number: uri_kind(uri) for number, uri in uris_of(self._session, unknown).items()}
        return {item: self._kinds[item] for item in items if item in self._kinds}

    def _select(self, statement: str, wanted: Sequence[tuple[int, ...]], *more: int) -> list[Row]:
        return list(map(Row._make, send(self._session, statement, (json.dumps(wanted), *more)).rows))
