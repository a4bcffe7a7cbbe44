"""The trace: where did this come from, where did it go? One search serves both directions.

A breadth-first search in batches over states (item, time bound). It respects time:

* backward from an output at moment t only what happened to its inputs up to t counts; forward only what happened since,
  and only what was packed since: a crate closed before t holds nothing of what came at t;
* a container passes its movements on to what is inside, while it is inside; never from one content to another;
* a container that is an input is used up with what is inside it at that moment, and with nothing else;
* a transformation id ties all its events into one transformation (EPCIS 2.0 section 7.4.5);
* an instance descends from its lot (up to the event that says so), a lot goes on in its instances;
* what names no single thing is terminal, or everything would connect: a class without lot or serial, a place, a party.
  It is told, and its own events are not looked at;
* an error declaration is told beside the event it speaks of; it takes nothing away.

This module holds what goes in and out of the search; `trace.domain.trace_search` is the search. It knows nothing of
tables: a `Reader` answers a few questions in batches, so the number of statements grows with the depth of the answer,
not with the store.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from trace.domain.containment import Position, Row
from trace.domain.uris import UriKind


class Direction(StrEnum):
    """Back to the field, or forward to every shelf."""

    BACKWARD = "backward"
    FORWARD = "forward"


class EdgeKind(StrEnum):
    """Why one item leads to another."""

    BECAME = "became"
    CARRIED = "carried"
    SERIALISED = "serialised"


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` led to `target` in `event`, always in the direction of time (field to table)."""

    source: int
    target: int
    event: int
    kind: EdgeKind


class EventLink(NamedTuple):
    """One (item, role, peer) of an event, by their numbers in the store."""

    item: int
    role: int
    peer: int | None


# Of rows that only tell of sales (a lot sold a hundred thousand times) a reader may give the newest of each item.
TELLING_KEPT = 2_000


class Reader(Protocol):
    """What the trace asks of the store; each call is at most one statement, whatever the number of items."""

    def rows(
        self, wanted: Sequence[tuple[int, Position, Position]], *, telling: Collection[int], most: int
    ) -> list[Row]:
        """The rows of each (item, from, to), both ends included, in order of (item, position), `most` at the most.

        Rows that only tell, those with a role in `telling` (and, of OBSERVED, without a peer), lead nowhere. Where a
        range has more than `TELLING_KEPT` of them, a reader may leave out the older ones that are of sales; it then
        gives more than `TELLING_KEPT` all the same.
        """

    def count_left_out(self, wanted: Sequence[tuple[int, Position, Position]], *, telling: Collection[int]) -> int:
        """How many rows `rows` left out of these ranges."""

    def last_packings(self, wanted: Sequence[tuple[int, Position]]) -> list[Row]:
        """For each (item, before) its last PACKED row (into something else) before that position, if any."""

    def first_ends(self, wanted: Sequence[tuple[int, Position, Position]]) -> list[Row]:
        """For each (container, after, until) the first row after `after`, and not after `until`, that ends all stays
        in it (`containment.ENDS_STAYS`), if any."""

    def links(self, events: Sequence[int]) -> dict[int, Sequence[EventLink]]:
        """The links of each event."""

    def kinds(self, items: Sequence[int]) -> dict[int, UriKind]:
        """What kind of thing each item is."""


@dataclass(slots=True)
class Trace:
    """The answer: events in the order they were found, each with the items that led to it, and how items connect."""

    direction: Direction
    events: dict[int, list[Row]] = field(default_factory=dict)
    items: dict[int, int] = field(default_factory=dict)  # item -> distance from the start
    edges: dict[Edge, None] = field(default_factory=dict)
    truncated: bool = False
    rest: Any = None  # what goes on where this stopped: `trace_search.Search`, `trace_search.go_on`
    left_out: int = 0  # rows that only tell and were left to a count
    rows_read: int = 0
    statements: int = 0
