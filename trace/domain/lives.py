"""What the search knows of a thing while it looks into containers: the part of its life that counts, and its rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trace.domain.containment import Position, Row, Stay, stays_of
from trace.domain.links import Role


@dataclass(frozen=True, slots=True)
class Span:
    """A container after `after` and up to `until`: while something rides in it, or whose content is asked for."""

    container: int
    after: Position
    until: Position

    def covers(self, other: "Span") -> bool:
        """Whether all of the other span lies in this one."""
        return self.after <= other.after and self.until >= other.until


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


def ends_asked(life: Life) -> Iterable[tuple[int, Position, Position]]:
    """For each packing of a thing: from when until when an end of its container would end the stay."""
    stays = stays_of(life.rows, alone=life.alone)
    unknown = set() if life.alone else {row.peer for row in life.rows if row.amount is None}
    for row in life.rows:
        if row.role != Role.PACKED or row.peer is None or row.peer == life.item:
            continue
        until = life.until
        if row.peer not in unknown:  # the thing's own rows alone give the latest end there can be
            own = (s.until for s in stays if s.parent == row.peer and s.since <= row.at < s.until)
            until = min(until, next(own, until))
        if row.at < until:
            yield (row.peer, row.at, until)


def entry_of(life: Life, stay: Stay) -> Position | None:
    """When the part of the thing that counts came into the container: its first packing that counts, if any."""
    if stay.since >= life.packed_from:
        return stay.since
    packings = (row.at for row in life.rows if row.role == Role.PACKED and row.peer == stay.parent)
    return min((at for at in packings if life.packed_from <= at < stay.until), default=None)


def by_item(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each item."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.item, []).append(row)
    return found


def united(ranges: Iterable[tuple[int, Position, Position]]) -> list[tuple[int, Position, Position]]:
    """The ranges with those of one item that touch made one, so that no row is read twice."""
    joined: list[tuple[int, Position, Position]] = []
    for item, low, high in sorted(ranges):
        if joined and joined[-1][0] == item and low <= joined[-1][2]:
            joined[-1] = (item, joined[-1][1], max(high, joined[-1][2]))
        else:
            joined.append((item, low, high))
    return joined


def just_after(position: Position) -> Position:
    """The first position behind this one."""
    return (position[0], position[1] + 1)


def just_before(position: Position) -> Position:
    """The last position before this one."""
    return (position[0], position[1] - 1)
