"""The search behind the trace: in batches, over (item, time bound). See `trace.domain.genealogy`.

It goes breadth first, as far as its budget reaches, and may stop after any batch: what it was about to read stands in
its queues, so it goes on exactly there (`trace.domain.trace_state` keeps it meanwhile).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from trace.domain.containment import FIRST, LAST, Position, Row
from trace.domain.genealogy import Direction, Edge, EdgeKind, EventLink, Reader, Trace
from trace.domain.links import NAMES_LOT, Role
from trace.domain.lives import Life, Span, at, by_item, just_after, just_before
from trace.domain.trace_containers import Containers
from trace.domain.trace_reading import Enough, Range

ROWS = 50_000  # read for one trace: about a second
LEVELS = 400


def trace(
    reader: Reader,
    start: int,
    direction: Direction,
    *,
    at: Position = LAST,
    rows: int = ROWS,
    levels: int = LEVELS,
) -> Trace:
    """Everything `start` came from (backward) or went into (forward), exactly.

    `at` is the moment of asking: nothing later counts, and if `start` is a container it is opened as it stood then (a
    single-use logistic unit, SSCC, for its whole life: GS1 General Specifications 3.1, an SSCC is not used again).
    Cost is linear in the rows of the answer. The search stops after `rows` rows or `levels` levels and then has
    `truncated` set: what it has found is right, and there is more. `go_on` takes it up again where it stopped.
    """
    return go_on(Search(reader, start, direction, at), rows=rows, levels=levels)


def go_on(search: "Search", *, rows: int = ROWS, levels: int = LEVELS) -> Trace:
    """The next part of a search, of so many rows and levels at most: only events that no part before it told.

    `Trace.rest` is the search to go on with; None where nothing is left, and where one single thing has more rows than
    a part may have: then the beginning of its own history is told and no part comes after it.
    """
    search.begin(rows)
    end = search.depth + levels
    answer = search.answer
    try:
        while search.has_work() and search.depth < end:
            search.step()
    except Enough:
        pass
    search.end()
    answer.truncated = search.has_work()
    answer.rest = search if answer.truncated and not search.is_stuck else None
    return answer


class Search(Containers):
    """One search under way."""

    def step(self) -> None:
        """One level: all wanted rows in one statement, all rides in one, all containers to open in one ..."""
        fresh = self._read_items()
        rides: list[Life] = []
        try:
            rides = self._read_rides()
        finally:  # what was read is followed, whether or not there is room for more
            self._follow(fresh, rides)
            self._board([self._life(item) for item in fresh if not self._is_terminal(item)] + rides)
        self._read_knots()
        self._open_containers()
        self.depth += 1

    def _read_items(self) -> dict[int, list[Row]]:
        """The rows that count now and did not before: {item: rows}.

        Backward, the rows between an item's old bound and its new one are read. Forward an item is read whole: how much
        of a lot a crate holds is the balance of all that was ever put in and taken out.
        """
        if not self.wanted:
            return {}
        self._learn_kinds(self.wanted)
        if self.depth == 0 and self.start not in self.bounds:
            self._open_start()
        items, rows = self._read_some(list(self.wanted), self._ranges_of)
        found = by_item(rows)
        fresh: dict[int, list[Row]] = {}
        for item in items:
            known, self.bounds[item] = self.bounds.get(item), self.wanted.pop(item)
            if self._is_terminal(item) and item != self.start:
                continue
            self.rows.setdefault(item, []).extend(found.get(item, ()))
            fresh[item] = self._since(item, known)
            for pack in () if self.back else self.packs.get(item, ()):
                self._want(pack, self.bounds[item])
        self._note(row for rows in fresh.values() for row in rows)
        return fresh

    def _ranges_of(self, items: Sequence[int]) -> list[Range]:
        """What is to be read of wanted items."""
        found: list[Range] = []
        for item in items:
            if self._is_terminal(item) and item != self.start:
                continue
            if not self.back:
                found += [] if item in self.rows else [(item, FIRST, self.at)]
            else:
                # After a pause all rows are read again: how long a thing was where depends on all of them.
                known = self.bounds.get(item) if item in self.rows else None
                found.append((item, FIRST if known is None else just_after(known), self.wanted[item]))
        return found

    def _since(self, item: int, known: Position | None) -> list[Row]:
        """The rows within an item's bound that were not within the one before."""
        rows, bound = self.rows[item], self.bounds[item]
        if self.back:
            return rows if known is None else rows[bisect_right(rows, known, key=at) :]
        end = len(rows) if known is None else bisect_left(rows, known, key=at)
        return rows[bisect_left(rows, bound, key=at) : end]

    def _life(self, item: int) -> Life:
        bound = self.bounds[item]
        packed_from, until = (FIRST, bound) if self.back else (bound, self.at)
        return Life(item, self.rows[item], self._is_alone(item), packed_from, FIRST, until)

    # ---- from an item to others through the events it stands in ------------------------------------------------------

    def _follow(self, fresh: Mapping[int, Sequence[Row]], rides: Sequence[Life]) -> None:
        """From the new rows, and what containers went through with something inside, to the items they lead to."""
        turning = Role.OUTPUT if self.back else Role.INPUT
        turns: list[Row] = []
        for item, rows in fresh.items():
            if self._is_terminal(item):
                continue  # "a tomato" leads to every tomato there ever was
            for row in rows:
                if row.role == turning or (row.role == Role.SERIALISED and not self.back):
                    turns.append(row)
                elif self.back and row.role in NAMES_LOT and row.peer is not None:
                    self._connect(item, row.peer, row.event, EdgeKind.SERIALISED)
                    self._want(row.peer, row.at)
        if not self.back:  # a container was an input: what was inside went into the outputs
            turns += [
                row
                for life in rides
                for row in life.rows
                if row.role == Role.INPUT and life.after < row.at <= life.until
            ]
        self._turn_all(self._untie(turns, turning))

    def _untie(self, turns: Iterable[Row], turning: Role) -> list[Row]:
        """The turns without those that have a transformation id: all events of that id are one, and its turn comes."""
        plain: list[Row] = []
        for row in turns:
            if row.role != turning or row.peer is None:
                plain.append(row)
                continue
            self._connect(row.item, row.peer, row.event, EdgeKind.BECAME)
            self._mention(row.peer)
            if row.peer not in self.tied:
                self.tied.add(row.peer)
                self.knots[row.peer] = None
        return plain

    def _read_knots(self) -> None:
        """Read which events transformation ids tie together, and turn through them."""
        if not self.knots:
            return
        batch, rows = self._read_some(list(self.knots), lambda knots: [(knot, FIRST, self.at) for knot in knots])
        for knot in batch:
            del self.knots[knot]
        self._turn_all([row for row in rows if row.role == Role.TRANSFORMATION])

    def _turn_all(self, turns: Sequence[Row]) -> None:
        links = self._links(row.event for row in turns)
        for row in turns:
            self._turn(row, links[row.event])

    def _turn(self, row: Row, links: Sequence[EventLink]) -> None:
        """Step through one event: from an output to its inputs, an input to its outputs, a lot to its instances."""
        if row.role == Role.SERIALISED:
            for link in links:
                if link.peer == row.item and link.role in NAMES_LOT:
                    self._connect(row.item, link.item, row.event, EdgeKind.SERIALISED)
                    self.packs.setdefault(row.item, {})[link.item] = None
                    self._want(link.item, self.bounds[row.item])
            return
        other = Role.INPUT if self.back else Role.OUTPUT
        for link in links:
            if link.role == other:
                self._note([row])
                self._connect(row.item, link.item, row.event, EdgeKind.BECAME)
                self._want(link.item, row.at)
                if self.back:
                    self._open(Span(link.item, just_before(row.at), row.at))

    def _connect(self, here: int, there: int, event: int, kind: EdgeKind) -> None:
        """The search went from `here` to `there`; the edge is kept in the direction of time."""
        self.answer.edges[Edge(there, here, event, kind) if self.back else Edge(here, there, event, kind)] = None
