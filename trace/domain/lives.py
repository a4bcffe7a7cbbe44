"""What the search knows of a thing while it looks into containers: the part of its life that counts, and its rows.

A tank may be filled five thousand times: nothing here looks through all rows of a thing for each of its rows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trace.domain.containment import Position, Row, Stay, stays_of
from trace.domain.links import Role


@dataclass(frozen=True, slots=True)
class Span:
    """A container after `after` and up to `until`: while something rides in it, or whose content is asked for."""

    container: int
    after: Position
    until: Position


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of a thing that may have been in containers, and the part of it that counts.

    Only a stay that has begun at `packed_from` or later counts, and of it what lies after `after` and up to `until`.
    """

    item: int
    rows: Sequence[Row]
    alone: bool
    packed_from: Position
    after: Position
    until: Position


Ask = tuple[int, Position, Position]  # (container, after, until): its first end in that time


def ends_asked(life: Life) -> Iterator[Ask]:
    """For each packing of a thing: from when until when an end of its container would end the stay."""
    stays: dict[int, list[Stay]] = {}
    for stay in sorted(stays_of(life.rows, alone=life.alone), key=lambda one: (one.since, one.until)):
        stays.setdefault(stay.parent, []).append(stay)
    unknown = set() if life.alone else {row.peer for row in life.rows if row.amount is None}
    for row in life.rows:
        if row.role != Role.PACKED or row.peer is None or row.peer == life.item:
            continue
        until = life.until
        if row.peer not in unknown:  # the thing's own rows alone give the latest end there can be
            of_parent = stays.get(row.peer, [])
            last = bisect_right(of_parent, row.at, key=lambda one: one.since) - 1
            if last >= 0 and row.at < of_parent[last].until:
                until = min(until, of_parent[last].until)
        if row.at < until:
            yield (row.peer, row.at, until)


def ends_among(ends: Mapping[int, Sequence[Row]], asks: Iterable[Ask]) -> list[Row]:
    """Of each ask the first of these ends, {container: rows in order}, that is an answer; each row once."""
    found: dict[Row, None] = {}
    for container, after, until in asks:
        rows = ends.get(container, ())
        first = bisect_right(rows, after, key=at)
        if first < len(rows) and rows[first].at <= until:
            found[rows[first]] = None
    return list(found)


def entries_of(life: Life, stays: Iterable[Stay]) -> Iterator[tuple[Stay, Position]]:
    """The stays in which the part of the thing that counts is, and when it came in: its first packing that counts."""
    packings: dict[int | None, list[Position]] | None = None
    for stay in stays:
        if stay.since >= life.packed_from:
            yield stay, stay.since
            continue
        if packings is None:
            packings = {}
            for row in life.rows:
                if row.role == Role.PACKED:
                    packings.setdefault(row.peer, []).append(row.at)
        into = packings.get(stay.parent, [])
        first = bisect_left(into, life.packed_from)
        if first < len(into) and into[first] < stay.until:
            yield stay, into[first]


def by_item(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each item, in the order they come."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.item, []).append(row)
    return found


def in_order(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each item, each once, in order of time."""
    return {item: sorted(set(own), key=at) for item, own in by_item(rows).items()}


def at(row: Row) -> Position:
    """Where a row's event stands in the order of all events."""
    return (row.time, row.event)


def between(rows: Sequence[Row], after: Position, until: Position) -> Sequence[Row]:
    """Of rows in order those after one position and up to another."""
    return rows[bisect_right(rows, after, key=at) : bisect_right(rows, until, key=at)]


def united(ranges: Iterable[tuple[int, Position, Position]]) -> list[tuple[int, Position, Position]]:
    """The ranges with those of one item that touch made one, so that no row is read twice."""
    joined: list[tuple[int, Position, Position]] = []
    for item, low, high in sorted(ranges):
        if joined and joined[-1][0] == item and low <= joined[-1][2]:
            joined[-1] = (item, joined[-1][1], max(high, joined[-1][2]))
        else:
            joined.append((item, low, high))
    return joined


def add_span(
    done: list[tuple[Position, Position]], after: Position, until: Position
) -> list[tuple[Position, Position]]:
    """Add a span to these, which are in order and do not touch: the parts of it that were in none of them."""
    first = bisect_left(done, after, key=lambda one: one[1])
    last = bisect_right(done, until, key=lambda one: one[0])
    new, reached = [], after
    for low, high in done[first:last]:
        if reached < low:
            new.append((reached, low))
        reached = max(reached, high)
    if reached < until:
        new.append((reached, until))
    if new:
        touched = done[first:last]
        low = min([after, *(one[0] for one in touched[:1])])
        high = max([until, *(one[1] for one in touched[-1:])])
        done[first:last] = [(low, high)]
    return new


def just_after(position: Position) -> Position:
    """The first position behind this one."""
    return (position[0], position[1] + 1)


def just_before(position: Position) -> Position:
    """The last position before this one."""
    return (position[0], position[1] - 1)
