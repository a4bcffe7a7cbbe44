"""Events that a query asks for: along the shortest route, exactly, in pages by key, and within a budget.

Each statement reads a bounded piece of one index, asks of its events what columns and indices know, and gives back the
numbers of those that pass; their documents are loaded and `Query.matches` decides. So no query, however odd, holds a
statement for long, and a meter counts what the whole of it reads.
"""

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row, case, func, select
from sqlalchemy.orm import Session

from storage.event_routes import EVENT_TIME, RECORD_TIME, Route, Ways, choose, find_ways
from storage.events import documents_of
from storage.parties import Viewer
from storage.region_walk import RegionWalk
from storage.tables import event
from trace.domain.epcis.document import as_time, load_document
from trace.domain.epcis.predicates import MasterData
from trace.domain.epcis.query_language import Query

FIRST_PIECE, LARGEST_PIECE = 250, 2_000  # rows of an index in one statement: the first page of most queries is short
DOCUMENTS = 100  # loaded at once, and at first no more than a page takes
# Long queries that one process answers at once: its other threads stay free for the desks (`trace.cli.THREADS`).
LONG_QUERIES = 2
LONG = 10  # a query is long once it has read one part in so many of its budget
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_turns = threading.BoundedSemaphore(LONG_QUERIES)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one page of one query may read.

    Measured on one core: a row of an index with what is asked of its event takes some 10 microseconds, a document
    loaded and judged some 100. So each number is about two seconds of work; the seconds are for a machine that is busy.
    """

    rows: int = 200_000
    documents: int = 20_000
    seconds: float = 5.0


class Exhausted(Exception):
    """The budget is used up before the answer is complete; what was found until then is right."""


@dataclass(slots=True)
class Meter:
    """Counts what a query reads, and raises `Exhausted` before it reads more than its budget; `clock` gives seconds.

    A long query takes one of `LONG_QUERIES` turns, and is as good as out of budget where none is free: it waits for
    none, because whoever waits keeps a thread of the server busy. `close` gives the turn back.
    """

    budget: Budget
    clock: Callable[[], float]
    rows: int = 0
    documents: int = 0
    began: float = field(init=False)
    has_turn: bool = field(init=False, default=False)
    is_crowded_out: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def check(self) -> None:
        """Raise `Exhausted` if nothing more may be read."""
        spent = self.clock() - self.began
        if self.rows >= self.budget.rows or self.documents >= self.budget.documents or spent >= self.budget.seconds:
            raise Exhausted
        # By what was read, not by the time: on a busy machine everything takes long.
        if max(self.rows / self.budget.rows, self.documents / self.budget.documents) * LONG >= 1 and not self.has_turn:
            self.has_turn = _turns.acquire(blocking=False)
            self.is_crowded_out = not self.has_turn
            if self.is_crowded_out:
                raise Exhausted

    def close(self) -> None:
        """The query is answered: another long one may begin."""
        if self.has_turn:
            self.has_turn = False
            _turns.release()


@dataclass(frozen=True, slots=True)
class Match:
    """An event of the answer: its place in the order, its number, its time (UTC milliseconds), its document."""

    key: tuple[Any, ...]
    event: int
    event_time: int
    document: Mapping[str, Any]


class Search:
    """One page's walk through a query's events, in its order.

    `route` and `is_short` are for the next page to take up the same route; `reached` is the place up to which every
    event has been looked at, None where that is not by place (`is_sorted`) or nothing has been.
    """

    def __init__(
        self,
        session: Session,
        query: Query,
        *,
        viewer: Viewer,
        known: MasterData,
        meter: Meter,
        newest: int,
        route: tuple[str, bool] | None = None,
    ):
        self._session, self._query, self._known, self._meter = session, query, known, meter
        self._ways = find_ways(session, query, viewer=viewer, known=known, newest=newest)
        self.route, self.is_short = route or ("", False)
        if self._ways is not None and self.route not in self._ways.routes:
            chosen = choose(session, self._ways, query)
            if chosen is None:
                self._ways = None
            else:
                self.route, self.is_short = chosen
        self.reached: tuple[int, int] | None = None

    @property
    def is_sorted(self) -> bool:
        """Whether the route is in another order than the query's: then all events are found before any is told."""
        wanted = self._query.order_by
        return self._ways is not None and wanted is not None and self._ways.routes[self.route].order != wanted

    def matches(self, *, after: tuple[Any, ...] | None, most: int) -> Iterator[Match]:
        """The events behind a place, in order; raises `Exhausted`.

        `most` is how many will be taken: where the documents tell the order they are all read, and no more of them
        kept. Where the rows of the index do, documents are read as far as they are taken.
        """
        if self._ways is None:
            return iter(())
        first = min(most, DOCUMENTS)
        if not self.is_sorted:
            return self._walk(self._ways, after, first)
        if self._query.order_by in (EVENT_TIME, RECORD_TIME):
            return self._in_order(self._ways, after, first)
        behind = (m for m in self._keyed(self._ways) if after is None or self._is_behind(m.key, after))
        best = heapq.nlargest if self._query.descending else heapq.nsmallest
        return iter(best(most, behind, key=lambda match: match.key))

    def _is_behind(self, key: tuple[Any, ...], place: tuple[Any, ...]) -> bool:
        return key < place if self._query.descending else key > place

    def _keyed(self, ways: Ways) -> Iterator[Match]:
        for match in self._walk(ways, None, DOCUMENTS):
            key = (*self._query.sort_key(match.document), match.event)
            yield Match(key, match.event, match.event_time, match.document)

    def _in_order(self, ways: Ways, after: tuple[Any, ...] | None, first: int) -> Iterator[Match]:
        """The matching events behind a place, sorted by a time that the rows know."""
        rows = ((self._key(row), row) for passed in self._pieces(ways, None) for row in passed)
        behind = [(key, row) for key, row in rows if after is None or self._is_behind(key, after)]
        behind.sort(key=lambda pair: pair[0], reverse=self._query.descending)
        for part in _parts(behind, first):
            yield from self._judged([row for _, row in part], [key for key, _ in part])

    def _key(self, row: Row[Any]) -> tuple[Any, ...]:
        by_record = self._query.order_by == RECORD_TIME
        return (_record_time(row) if by_record else row.event_time, row.event)

    def _walk(self, ways: Ways, after: tuple[Any, ...] | None, first: int) -> Iterator[Match]:
        """The matching events in the order of the route."""
        for passed in self._pieces(ways, after):
            for part in _parts(passed, first):
                yield from self._judged(part, [(row.time, row.event) for row in part])

    def _pieces(self, ways: Ways, after: tuple[Any, ...] | None) -> Iterator[list[Row[Any]]]:
        """The rows of the route whose events pass the filter, piece by piece."""
        size, place, route = FIRST_PIECE, after, ways.routes[self.route]
        others = None
        if ways.viewer.organisation is None and not self.is_short:
            others = RegionWalk(self._session, ways, route.order, self._query.descending)
        while True:
            self._meter.check()
            if others is not None and others.is_due():
                rows, is_last = others.rows(place, partial(self._piece, ways))
                self._meter.rows += len(rows) + others.cost
                size = FIRST_PIECE  # who was in the way may be passed
            else:
                rows = self._piece(ways, route, place, size)
                self._meter.rows += len(rows)
                is_last = len(rows) < size
                size = min(size * 2, LARGEST_PIECE)
            passed = [row for row in rows if row.passes]
            yield passed
            if is_last:
                return
            if others is not None:
                others.in_vain += len(rows) - len(passed)
            if rows:
                place = self.reached = (rows[-1].time, rows[-1].event)

    def _judged(self, rows: Sequence[Row[Any]], keys: Sequence[tuple[Any, ...]]) -> Iterator[Match]:
        """Of these rows, each with its place in the order, the events that match."""
        documents = documents_of(self._session, [row.event for row in rows])
        for row, key in zip(rows, keys, strict=True):
            self._meter.check()  # each time: a document may be large, and take a second by itself
            self._meter.documents += 1
            document = load_document(documents[row.event])
            document["recordTime"] = _record_time(row)
            if self._query.matches(document, self._known):
                yield Match(key, row.event, row.event_time, document)
            self.reached = (row.time, row.event)

    def _piece(self, ways: Ways, route: Route, after: Any, size: int) -> list[Row[Any]]:
        """The next rows of a route, each with whether its event passes the filter."""
        down = self._query.descending
        found: list[Any] = []
        selects = route.rows(ways.window, after, descending=down, most=size, is_short=self.is_short)
        for chosen in selects:
            part = chosen.subquery("part")
            order = [c.desc() if down else c.asc() for c in (part.c.time, part.c.event)]
            # An outer join: SQLite's planner turns an inner one around after ANALYZE, and reads all events.
            found += self._session.execute(
                select(
                    part.c.time,
                    part.c.event,
                    event.c.record_time,
                    event.c.event_time,
                    case((ways.filter_of(route), 1), else_=0).label("passes"),
                )
                .select_from(part.outerjoin(event, event.c.id == part.c.event))
                .order_by(*order)
            ).all()
        if len(selects) > 1:
            unique = {(row.time, row.event): row for row in found}
            found = [unique[key] for key in sorted(unique, reverse=down)[:size]]
        return found


def _parts(rows: Sequence[T], first: int) -> Iterator[Sequence[T]]:
    """The rows whose documents are loaded at once: the first so many, then `DOCUMENTS` each time."""
    if rows:
        yield rows[:first]
    for start in range(first, len(rows), DOCUMENTS):
        yield rows[start : start + DOCUMENTS]


def _record_time(row: Row[Any]) -> str:
    return as_time(_EPOCH + timedelta(milliseconds=row.record_time))


def newest_event(session: Session) -> int:
    """The number of the newest event: an answer in pages is that of the moment of its first page."""
    return int(session.scalar(select(func.max(event.c.id))) or 0)
