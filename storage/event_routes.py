"""The ways to a query's events: which index is walked, and what is asked of each event it leads to.

A `Route` is a range of one index, in order of event time or record time. Which is the shortest is found out by counting
each up to a bound, all in one statement. What the other parameters ask, as far as a column or an index knows it, is a
filter on the rows of the route; the rest is for `Query.matches`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, select, tuple_, union
from sqlalchemy.orm import Session

from storage.event_keys import find_keyed
from storage.events import ACTIONS, TYPES, Mention, Named, chunks, find_idents, id_key
from storage.one_of import there_is
from storage.parties import Viewer, taken_part
from storage.tables import event, event_item, event_mention, event_vocabulary
from trace.domain.epcis.predicates import MasterData
from trace.domain.epcis.query_language import Hint, Index, Query
from trace.domain.events import Action, utc_milliseconds

EVENT_TIME, RECORD_TIME = "eventTime", "recordTime"
# A route is short if it has at most so many rows: to look at all of them takes some 10 ms.
SHORT = 2_000
# To read the range of each value by itself is work of some milliseconds a value: so many rows are sorted meanwhile.
ROWS_A_VALUE, MOST_SORTED = 200, 100_000
# Ranges in one statement; SQLite takes 500.
_RANGES = 100
# Values of a parameter that are looked up for each row of another route: each is one descent into an index.
_LOOKED_UP = 20
# Where no route is short, the first there is: how much each narrows, as a rule. What an organisation took part in
# is less than what was ever shipped.
_PREFERENCE = (
    *("id", "item", "mention", "site_step", "biz_location", "read_point", "party", "type", "step", "disposition"),
    "time",
)
_MENTIONS = {
    Index.TRANSACTION: Mention.TRANSACTION,
    Index.SOURCE: Mention.SOURCE,
    Index.DESTINATION: Mention.DESTINATION,
}
_COLUMNS = {
    Index.BIZ_STEP: event.c.step,
    Index.DISPOSITION: event.c.disposition,
    Index.READ_POINT: event.c.read_point,
    Index.BIZ_LOCATION: event.c.biz_location,
    Index.WITHIN_READ_POINT: event.c.read_point,
    Index.WITHIN_BIZ_LOCATION: event.c.biz_location,
}
_NAMED = (*_COLUMNS, *_MENTIONS, Index.ITEM)  # hints whose values are interned
# As what an organisation's events name them (`event_vocabulary`).
_VOCABULARY = {
    Index.BIZ_STEP: Named.BIZ_STEP,
    Index.DISPOSITION: Named.DISPOSITION,
    Index.READ_POINT: Named.READ_POINT,
    Index.BIZ_LOCATION: Named.BIZ_LOCATION,
    Index.WITHIN_READ_POINT: Named.READ_POINT,
    Index.WITHIN_BIZ_LOCATION: Named.BIZ_LOCATION,
    Index.TYPE: Named.EVENT_TYPE,
}
_OBJECT = TYPES["ObjectEvent"]


@dataclass(frozen=True, slots=True)
class Route:
    """A range of an index: the rows whose `key` is one of `values` (all rows where None), by (time, event).

    All events of one that `is_own` are those of who asks.
    """

    name: str
    order: str
    time: Any
    event: Any
    key: Any = None
    values: Sequence[int] = ()
    where: ColumnElement[bool] | None = None
    is_own: bool = False

    @property
    def bound(self) -> int:
        """Up to how many rows it is cheaper to sort them all than to read the range of each value."""
        return min(max(SHORT, ROWS_A_VALUE * len(self.values)), MOST_SORTED)

    def count(self, window: "Window") -> Select[Any]:
        """How many rows it has, counted up to one more than `bound`."""
        conditions = self._conditions(window)
        if self.key is not None:
            conditions.append(self.key.in_(self.values))
        some = select(self.event.label("event")).where(*conditions).limit(self.bound + 1)
        return select(func.count()).select_from(some.subquery())

    def rows(
        self, window: "Window", after: tuple[int, int] | None, *, descending: bool, most: int, is_short: bool
    ) -> list[Any]:
        """Selects of (time, event), each in order and at most `most` long; together they hold the first `most`.

        A short route is sorted whole; of a long one the range of each value is read no further than needed.
        """
        if self.key is None or is_short:
            # An eventID that many declared wrong is that of many events: more than a statement takes parameters.
            parts = list(chunks(self.values)) or [self.values]
            return [self._range(window, after, part, descending=descending, most=most) for part in parts]
        found = []
        for start in range(0, len(self.values), _RANGES):
            parts = [
                self._range(window, after, [value], descending=descending, most=most)
                for value in self.values[start : start + _RANGES]
            ]
            found.append(parts[0] if len(parts) == 1 else _merged(parts, descending=descending, most=most))
        return found

    def _range(
        self, window: "Window", after: tuple[int, int] | None, values: Sequence[int], *, descending: bool, most: int
    ) -> Any:
        chosen = self._behind(window, after, descending=descending)
        if self.key is not None:
            chosen = chosen.where(self.key == values[0] if len(values) == 1 else self.key.in_(values))
        # An event may name several of the values, and an item in several lines.
        return (chosen.distinct() if self.name in ("item", "mention") else chosen).limit(most)

    def next_of(self, value: Any, window: "Window", after: tuple[int, int] | None, *, descending: bool) -> Any:
        """The time of the first row of a value behind a place, as a column of a statement that has the value."""
        chosen = self._behind(window, after, descending=descending).where(self.key == value)
        return chosen.with_only_columns(self.time).limit(1).scalar_subquery().label("time")

    def _behind(self, window: "Window", after: tuple[int, int] | None, *, descending: bool) -> Select[Any]:
        """(time, event) behind a place, in order."""
        conditions = self._conditions(window)
        if after is not None:
            # Redundant, but a bound on the first column alone is what every planner sees.
            conditions.append(self.time <= after[0] if descending else self.time >= after[0])
            place, mark = tuple_(self.time, self.event), tuple_(*after)
            conditions.append(place < mark if descending else place > mark)
        order = [c.desc() if descending else c.asc() for c in (self.time, self.event)]
        return select(self.time.label("time"), self.event.label("event")).where(*conditions).order_by(*order)

    def _conditions(self, window: "Window") -> list[ColumnElement[bool]]:
        low, high = window.of(self.order)
        found = [] if self.where is None else [self.where]
        if low is not None:
            found.append(self.time >= low)
        if high is not None:
            found.append(self.time <= high)
        return found


@dataclass(frozen=True, slots=True)
class Window:
    """Bounds of event and record time in UTC milliseconds, both ends included; None where there is none."""

    bounds: Mapping[str, tuple[int | None, int | None]]

    def of(self, order: str) -> tuple[int | None, int | None]:
        """(first, last) of event time or record time."""
        return self.bounds.get(order, (None, None))


@dataclass(frozen=True, slots=True)
class Ways:
    """All routes to a query's events, by name, the window of time, and what else a row of `event` must have.

    `named` are conditions on the organisation, not on its events: that they name such words and places at all.
    """

    routes: Mapping[str, Route]
    window: Window
    filters: Sequence[ColumnElement[bool]]
    viewer: Viewer
    named: Sequence[ColumnElement[bool]] = ()

    def filter_of(self, route: Route) -> ColumnElement[bool]:
        """What else a row of `event` must have on this route; whose events are walked need not be asked again."""
        return and_(*self.filters) if route.is_own else and_(*self.filters, self.viewer.sees())


def find_ways(session: Session, query: Query, *, viewer: Viewer, known: MasterData, newest: int) -> Ways | None:
    """The routes to a query's events among those numbered up to `newest`; None where no event can match.

    An identifier or word that no event names is not in the store, and so nothing is found by it.
    """
    hints = [_expanded(hint, known) for hint in query.hints]
    numbers = find_idents(session, {value for hint in hints if hint.index in _NAMED for value in hint.values})
    window = _window(hints)
    routes: dict[str, Route] = {}
    named: list[ColumnElement[bool]] = []
    filters = [event.c.id <= newest, *_window_filters(window)]
    for hint in hints:
        values = _identified(session, hint) if hint.index is Index.EVENT_ID else _stored(hint, numbers)
        if values is None:
            continue
        if not values:
            return None
        if hint.index in _VOCABULARY and viewer.organisation is not None:
            named.append(_is_named(viewer.organisation, _VOCABULARY[hint.index], values))
        route, condition = _way(hint.index, values)
        if condition is not None:
            filters.append(condition)
        if route is not None:
            name = route.name if route.name not in routes else f"{route.name}{len(routes)}"
            routes[name] = route
    for route in (*_site_step(routes), *_general(viewer)):
        routes.setdefault(route.name, route)
    return Ways(routes, window, filters, viewer, named)


def _is_named(organisation_id: int, kind: Named, values: Sequence[int]) -> ColumnElement[bool]:
    """Whether any event of the organisation names one of these words or places."""
    v = event_vocabulary.c
    return exists().where(v.organisation == organisation_id, v.kind == int(kind), v.ident.in_(values))


def _site_step(routes: Mapping[str, Route]) -> Iterable[Route]:
    """Of one step at some places: an index of its own, for there may be little of it among much else."""
    site, step = routes.get("biz_location"), routes.get("step")
    if site is not None and step is not None and len(step.values) == 1:
        yield replace(site, name="site_step", where=event.c.step == step.values[0])


def choose(session: Session, ways: Ways, query: Query) -> tuple[str, bool] | None:
    """The name of the route to take: the shortest if one is short, else the one that as a rule narrows most.

    The second value says whether it is sorted whole. None where the organisation's events, however many, never name
    what is asked for: no route leads to any.

    A query in order of record time that has no short route walks the index of record times, which needs no sorting. Of
    routes of the same length the one in the query's order is taken.
    """
    if "id" in ways.routes:
        return "id", True
    names = list(ways.routes)
    counts = [ways.routes[name].count(ways.window).scalar_subquery() for name in names]
    found = session.execute(select(*counts, *ways.named)).one()
    if not all(found[len(names) :]):
        return None
    lengths = dict(zip(names, found, strict=False))
    shortest = min(names, key=lambda name: (lengths[name], ways.routes[name].order != query.order_by, name))
    if lengths[shortest] <= SHORT:
        return shortest, True
    if query.order_by == RECORD_TIME:
        return "recorded", False
    others = (name for name in ways.routes if name != "recorded")
    chosen = min(others, key=lambda name: _PREFERENCE.index(name.rstrip("0123456789")))
    return chosen, lengths[chosen] <= ways.routes[chosen].bound


def _general(viewer: Viewer) -> Iterable[Route]:
    if viewer.organisation is None:
        yield Route("recorded", RECORD_TIME, event.c.record_time, event.c.id)
    else:
        c, own = taken_part.c, (viewer.organisation,)
        yield Route("party", EVENT_TIME, c.time, c.event, c.organisation, own, is_own=True)
        yield Route("recorded", RECORD_TIME, c.recorded, c.event, c.organisation, own, is_own=True)
    yield Route("time", EVENT_TIME, event.c.event_time, event.c.id)


def _way(index: Index, values: Sequence[int]) -> tuple[Route | None, ColumnElement[bool] | None]:
    """A hint's own route, and its filter for the rows of others."""
    if index in _COLUMNS:
        column = _COLUMNS[index]
        return Route(column.name, EVENT_TIME, event.c.event_time, event.c.id, column, values), column.in_(values)
    if index is Index.ITEM:
        c = event_item.c
        route = Route("item", EVENT_TIME, c.time, c.event, c.item, values)
        return route, _looked_up(c.item, c.time, c.event, values)
    if index in _MENTIONS:
        m = event_mention.c
        kind = m.kind == int(_MENTIONS[index])
        route = Route("mention", EVENT_TIME, m.time, m.event, m.ident, values, kind)
        return route, _looked_up(m.ident, m.time, m.event, values)
    if index is Index.EVENT_ID:
        # No filter: this route is taken wherever there is one.
        return Route("id", EVENT_TIME, event.c.event_time, event.c.id, event.c.id, values), None
    if index is Index.DECLARES_ERROR:
        return None, event.c.declarer != 0
    if index is Index.TYPE:
        return None if _OBJECT in values else _of_types(values), event.c.type.in_(values)
    return None, event.c.action.in_(values)


def _of_types(values: Sequence[int]) -> Route:
    """Along the index of the rare types; its condition is said in its own words, or no planner knows it for a part."""
    rare = event.c.type != literal_column(str(_OBJECT))
    return Route("type", EVENT_TIME, event.c.event_time, event.c.id, event.c.type, values, rare)


def _looked_up(key: Any, time: Any, number: Any, values: Sequence[int]) -> ColumnElement[bool] | None:
    if len(values) > _LOOKED_UP:
        return None
    return there_is(number, key.in_(values), time == event.c.event_time, number == event.c.id)


def _stored(hint: Hint, numbers: Mapping[str, int]) -> Sequence[int] | None:
    """A hint's values as the store has them; None for bounds of time, and types that only extensions know."""
    match hint.index:
        case Index.EVENT_FROM | Index.EVENT_BEFORE | Index.RECORD_FROM | Index.RECORD_BEFORE:
            return None
        case Index.TYPE:
            return [TYPES[name] for name in sorted(hint.values) if name in TYPES]
        case Index.ACTION:
            return [ACTIONS[Action(value)] for value in sorted(hint.values)]
        case Index.DECLARES_ERROR:
            return [1]
    return sorted({numbers[value] for value in hint.values if value in numbers})


def _identified(session: Session, hint: Hint) -> Sequence[int]:
    return sorted(number for number, *_ in find_keyed(session, map(id_key, hint.values)))


def _expanded(hint: Hint, known: MasterData) -> Hint:
    if hint.index in (Index.WITHIN_BIZ_LOCATION, Index.WITHIN_READ_POINT):
        return Hint(hint.index, known.within(hint.values))
    return hint


def _window(hints: Iterable[Hint]) -> Window:
    """Times are stored in whole milliseconds: the window includes the one a bound falls into."""
    bounds: dict[str, tuple[int | None, int | None]] = {}
    froms = {Index.EVENT_FROM: EVENT_TIME, Index.RECORD_FROM: RECORD_TIME}
    befores = {Index.EVENT_BEFORE: EVENT_TIME, Index.RECORD_BEFORE: RECORD_TIME}
    for hint in hints:
        for moment in hint.values if hint.index in froms or hint.index in befores else ():
            bound = utc_milliseconds(moment)
            order = froms.get(hint.index) or befores[hint.index]
            low, high = bounds.get(order, (None, None))
            if hint.index in froms:
                low = bound if low is None else max(low, bound)
            else:
                high = bound if high is None else min(high, bound)
            bounds[order] = (low, high)
    return Window(bounds)


def _window_filters(window: Window) -> Iterable[ColumnElement[bool]]:
    for order, column in ((EVENT_TIME, event.c.event_time), (RECORD_TIME, event.c.record_time)):
        low, high = window.of(order)
        if low is not None:
            yield column >= low
        if high is not None:
            yield column <= high


def _merged(parts: Sequence[Any], *, descending: bool, most: int) -> Any:
    every = union(*(select(part.subquery()) for part in parts)).subquery()
    order = [c.desc() if descending else c.asc() for c in (every.c.time, every.c.event)]
    return select(every.c.time, every.c.event).order_by(*order).limit(most)
