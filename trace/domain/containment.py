"""When was a thing inside another? Intervals of containment, read off the rows of the thing and of its containers.

A crate, pallet or case holds different things at different times, so a thing shares the movements of its container
only while it is inside. What ends a stay:

* it is taken out (DELETE that names it); a lot stays until as much was taken out as had been put in, and where an
  amount is not known the first taking out ends the stay;
* the container is emptied (DELETE that names no child), ends, or is used up: what is put in later is a new stay;
* an instance is put into another parent, used up, or ends: one box is in one case at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from trace.domain.links import Role

Position = tuple[int, int]  # (event time in UTC milliseconds, event id): the total order of all events
FIRST: Position = (-(2**62), 0)
LAST: Position = (2**62, 2**62)

# Roles of a container that end every stay in it.
ENDS_STAYS = frozenset({Role.EMPTIED, Role.ENDED, Role.INPUT})


class Row(NamedTuple):
    """One line of the trace index: an item's role in an event; `amount` in millionths of the event's unit."""

    item: int
    time: int
    event: int
    role: int
    peer: int | None
    amount: int | None

    @property
    def at(self) -> Position:
        """Where the event stands in the order of all events."""
        return (self.time, self.event)


@dataclass(frozen=True, slots=True)
class Stay:
    """`item` was inside `parent` after `since` (its packing) and up to `until` (LAST while nothing ended it)."""

    parent: int
    since: Position
    until: Position


def stays_of(rows: Iterable[Row], ends: Iterable[Row] = (), *, alone: bool) -> list[Stay]:
    """The stays of one item in containers, from its own rows and the `ends` of its containers (roles of ENDS_STAYS).

    `alone` says that the item is an instance: it can be in one container at a time and ends with its own end. Nothing
    is inside itself.
    """
    open_stays: dict[int, tuple[Position, int | None]] = {}  # parent -> (since, balance; None: "some")
    closed: list[Stay] = []

    def close(parent: int, until: Position) -> None:
        since, _ = open_stays.pop(parent)
        closed.append(Stay(parent, since, until))

    told = [(row.at, False, row) for row in rows] + [(row.at, True, row) for row in ends]
    for _, is_end, row in sorted(told, key=lambda one: one[:2]):
        parent = row.peer
        if is_end:
            if row.item in open_stays:
                close(row.item, row.at)
        elif row.role == Role.PACKED and parent is not None and parent != row.item:
            if alone:
                for other in [p for p in open_stays if p != parent]:
                    close(other, row.at)
            since, balance = open_stays.get(parent, (row.at, 0))
            total = None if balance is None or row.amount is None else balance + row.amount
            open_stays[parent] = (since, total)
        elif row.role == Role.UNPACKED and parent in open_stays:
            since, balance = open_stays[parent]
            left = None if balance is None or row.amount is None else balance - row.amount
            if alone or left is None or left <= 0:
                close(parent, row.at)
            else:
                open_stays[parent] = (since, left)
        elif alone and row.role in (Role.INPUT, Role.ENDED):
            for other in list(open_stays):
                close(other, row.at)
    return closed + [Stay(parent, since, LAST) for parent, (since, _) in open_stays.items()]
