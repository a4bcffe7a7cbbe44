"""What a search behind the trace has read and has still to read, and how it reads: within a budget, in batches.

Whatever is to be read stands in a queue until it has been. So a search can stop after any batch and go on there later.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from trace.domain.containment import FIRST, Position, Row
from trace.domain.genealogy import TELLING_KEPT, Direction, EventLink, Reader, Trace
from trace.domain.links import Role
from trace.domain.lives import (
    Span,
)
from trace.domain.uris import UriKind

ALONE = frozenset({UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE})
TERMINAL = frozenset({UriKind.CLASS, UriKind.PLACE, UriKind.PARTY, UriKind.TRANSACTION})
# Roles of rows that tell and lead nowhere, by direction: there may be very many of them.
_TELLING = {
    Direction.BACKWARD: frozenset({Role.OBSERVED, Role.SERIALISED}),
    Direction.FORWARD: frozenset({Role.OBSERVED}),
}


class Enough(Exception):
    """There is no room for the rows of what was read last: it is incomplete, and nothing was changed by it."""

    def __init__(self, rows: Sequence[Row]):
        super().__init__()
        self.rows = rows


T = TypeVar("T")
Range = tuple[int, Position, Position]  # (item, from, to): both ends included


class Reading:
    """One search under way: what has been read, and what is still to be read."""

    def __init__(self, reader: Reader, start: int, direction: Direction, at: Position):
        self.reader = reader
        self.start = start
        self.back = direction is Direction.BACKWARD
        self.at = at
        self.answer = Trace(direction)
        self.room = 0  # rows that this part may still read
        self.has_read = False  # whether this part has read any
        self.is_stuck = False
        self.depth = 0
        self.told: set[int] = set()  # events of the parts before
        self.kinds: dict[int, UriKind] = {}
        self.bounds: dict[int, Position] = {}  # how far each item counts: back to front or front to back
        self.rows: dict[int, list[Row]] = {}  # what was read of each item, in order
        self.noted: set[Row] = set()
        self.packs: dict[int, dict[int, None]] = {}  # lot -> its instances found, forward
        self.ridden: dict[int, list[tuple[Position, Position]]] = {}
        self.opened: set[Span] = set()
        self.tied: set[int] = set()  # transformation ids whose events are known
        # The queues: what is to be read.
        self.wanted: dict[int, Position] = {start: at if self.back else FIRST}  # items to follow (further)
        self.rides: list[Span] = []
        self.knots: dict[int, None] = {}
        self.openings: list[Span] = []

    def begin(self, rows: int) -> None:
        """A new part, of so many rows at most."""
        self.told.update(self.answer.events)
        self.answer = Trace(self.answer.direction, items={self.start: 0})
        self.room, self.has_read = rows, False

    def end(self) -> None:
        """The part is told: what it speaks of and a part before it found is among its items, too."""
        items = self.answer.items
        for edge in self.answer.edges:
            items.setdefault(edge.source, self.depth)
            items.setdefault(edge.target, self.depth)
        for rows in self.answer.events.values():
            for row in rows:
                items.setdefault(row.item, self.depth)

    def has_work(self) -> bool:
        """Whether anything is left to read."""
        return bool(self.wanted or self.rides or self.knots or self.openings)

    def _want(self, item: int, bound: Position) -> None:
        """Follow an item up to (backward) or from (forward) `bound`, unless it was followed that far already."""
        widest = max if self.back else min
        known = self.bounds.get(item)
        if known is None or widest(known, bound) != known:
            self.wanted[item] = widest(self.wanted.get(item, bound), bound)
        self._mention(item)

    def _mention(self, item: int) -> None:
        self.answer.items.setdefault(item, self.depth + 1)

    def _read_some(
        self, queue: Sequence[T], ranges_of: Callable[[Sequence[T]], Sequence[Range]]
    ) -> tuple[Sequence[T], list[Row]]:
        """(as much of a queue as there is room for, as a rule all of it; its rows).

        Raises `Enough` where that is nothing. A part that has read nothing yet tries with less and less.
        """
        batch = queue
        while True:
            try:
                return batch, self._read(ranges_of(batch), self.room)
            except Enough as enough:
                if self.has_read:
                    raise
                if len(batch) == 1:
                    self.is_stuck = True
                    self._note(enough.rows)
                    raise
                batch = batch[: len(batch) // 2]

    def _read(self, ranges: Sequence[Range], room: int) -> list[Row]:
        """The rows of these ranges, for which there is so much room; raises `Enough` if they are more."""
        if not ranges:
            return []
        answer, telling = self.answer, _TELLING[self.answer.direction]
        answer.statements += 1
        rows = self.reader.rows(ranges, telling=telling, most=room + 1)
        answer.rows_read += len(rows)
        if len(rows) > room:
            raise Enough(rows[:room])
        self.room -= len(rows)
        self.has_read = self.has_read or bool(rows)
        told: dict[int, int] = {}
        for row in rows:
            if row.role in telling and (row.role != Role.OBSERVED or row.peer is None):
                told[row.item] = told.get(row.item, 0) + 1
        cut = [one for one in ranges if told.get(one[0], 0) > TELLING_KEPT]
        if cut:
            answer.statements += 1
            answer.left_out += self.reader.count_left_out(cut, telling=telling)
        return rows

    def _note(self, rows: Iterable[Row]) -> None:
        """The rows' events belong to the answer, because of these items."""
        for row in rows:
            if row not in self.noted and row.event not in self.told:
                self.noted.add(row)
                self.answer.events.setdefault(row.event, []).append(row)

    def _learn_kinds(self, items: Iterable[int]) -> None:
        unknown = list(dict.fromkeys(item for item in items if item not in self.kinds))
        if unknown:
            self.answer.statements += 1
            self.kinds.update(self.reader.kinds(unknown))

    def _is_terminal(self, item: int) -> bool:
        return self.kinds.get(item) in TERMINAL

    def _is_alone(self, item: int) -> bool:
        return self.kinds.get(item) in ALONE

    def _links(self, events: Iterable[int]) -> dict[int, Sequence[EventLink]]:
        unique = list(dict.fromkeys(events))
        if not unique:
            return {}
        self.answer.statements += 1
        return self.reader.links(unique)
