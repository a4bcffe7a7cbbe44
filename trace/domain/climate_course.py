"""The course of a zone's climate: which readings are kept, which become events, and when a stay outside is over.

A thermometer at its bound flickers. What leaves the range is told at once; that it came back is told once it stayed
inside for `Keeping.calm`, as of when it came back. Until then all of it is one stay, told once.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from trace.domain.climate import Bounds, Reading


@dataclass(frozen=True, slots=True)
class Keeping:
    """How often a reading of a machine is kept, inside the bounds and outside them; how long inside ends a stay."""

    inside: timedelta
    outside: timedelta
    calm: timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading that stands in the record: when, and whether it lies within the zone's bounds."""

    at: datetime
    inside: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a zone stands by a moment, of what is kept: the last reading, and the last one inside; the last outside of
    a stay that is not over, and the first inside since (None: there is none)."""

    last: Kept | None = None
    inside: datetime | None = None
    outside: datetime | None = None
    back: datetime | None = None

    def is_over(self, at: datetime, keeping: Keeping) -> bool:
        """Whether by then the zone has stayed inside long enough for its stay outside to be over."""
        return self.back is not None and at - self.back >= keeping.calm

    def settled(self) -> "Standing":
        """The same with the stay outside over."""
        return replace(self, outside=None, back=None)

    def then(self, one: Kept) -> "Standing":
        """Where the zone stands after a reading that is kept."""
        if not one.inside:
            return Standing(one, self.inside, one.at)
        back = self.back or (None if self.outside is None else one.at)
        return Standing(one, one.at, self.outside, back)

    def keeps(self, one: Kept, after: Kept | None, keeping: Keeping) -> bool:
        """Whether a reading of a machine is kept before `after`, the next one kept: it crosses, or none is near.

        Of a thermometer that flickers no more is kept on either side than outside the range: what comes back inside
        too soon after the last that did is left out. What leaves the range again is kept: it did not stay inside.
        """
        step = keeping.inside if one.inside else keeping.outside
        if after is not None and after.inside == one.inside and after.at - one.at < step:
            return False
        if self.last is None or (self.last.inside and not one.inside):
            return True
        if self.last.inside == one.inside:
            return one.at - self.last.at >= step
        return self.inside is None or one.at - self.inside >= keeping.outside


@dataclass(frozen=True, slots=True)
class Noted:
    """A reading to keep: whether it lies inside, is part of the record (an event), and begins a stay outside."""

    reading: Reading
    inside: bool
    told: bool
    alarm: bool


@dataclass(frozen=True, slots=True)
class Course:
    """What comes of new readings: those to keep, and when the zone came back inside to stay."""

    noted: tuple[Noted, ...]
    back: frozenset[datetime]


def follow(
    readings: Sequence[Reading],
    known: Iterable[Kept],
    *,
    standing: Standing,
    last: Kept | None,
    bounds: Bounds,
    keeping: Keeping,
    typed: bool,
    seen: Iterable[Any],
    part_of: Callable[[datetime], Any],
) -> Course:
    """What comes of new readings, in order of time, one a moment, at a zone.

    `standing` is before the first of them, `known` are the kept ones from there on, `last` the next after all of these.
    Typed readings are all kept and told, and so is the first of each part of a day (`part_of` a moment) not in `seen`.
    """
    there = sorted(known, key=lambda one: one.at)
    moments = [one.at for one in there]
    taken = set(moments)
    told_of = set(seen)
    noted: list[Noted] = []
    back: set[datetime] = set()
    for at, new in sorted([(one.at, None) for one in there] + [(one.at, one) for one in readings], key=lambda p: p[0]):
        place = bisect_right(moments, at)
        if standing.is_over(at, keeping) and standing.back is not None:
            back.add(standing.back)
            standing = standing.settled()
        if new is None:
            standing = standing.then(there[place - 1])
            continue
        one = Kept(at, bounds.hold(new))
        after = there[place] if place < len(there) else last
        if at in taken or not (typed or standing.keeps(one, after, keeping)):
            continue
        leaves = not one.inside and standing.outside is None
        told = typed or leaves or part_of(at) not in told_of
        told_of.add(part_of(at))
        # Where the next one kept lies outside, too, the stay began earlier than we knew and was told then.
        noted.append(Noted(new, one.inside, told, leaves and (after is None or after.inside)))
        standing = standing.then(one)
    return Course(tuple(noted), frozenset(back))
