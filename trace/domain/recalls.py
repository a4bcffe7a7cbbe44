"""Holds and recalls: what they reach, what lifting one releases, when a holder is late."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trace.domain.genealogy import Edge, EdgeKind, Trace
from trace.domain.stock import Balance

LEVELS = (1, 2, 3)  # 一级 (death or serious harm), 二级 (general harm), 三级 (false label)


class RecallKind(StrEnum):
    """A hold stops the goods in one's own shop, a recall everywhere."""

    HOLD = "hold"
    RECALL = "recall"


class RetestMethod(StrEnum):
    """How a re-test was done; after a rapid test it may not be another one (食品安全法 Art. 88)."""

    LABORATORY = "laboratory"
    RAPID = "rapid_test"


class Standing(StrEnum):
    """How a hold or recall stands."""

    OPEN = "open"
    CLOSED = "closed"  # finished: the goods went back or were destroyed, and stay blocked
    LIFTED = "lifted"  # the goods are in order


def reached_by(found: Trace, start: int, unbelieved: Collection[Edge] = ()) -> tuple[set[int], set[int]]:
    """Of a forward trace: (the start and all that was made of it, the single packs among them that a lot names).

    A crate carries goods and is none: what it held another day is not reached. Kinds of things are the caller's to
    tell: classes without a lot and transformation ids are among what was made. What only edges that are `unbelieved`
    lead to is not reached.
    """
    ways: dict[int, list[Edge]] = {}
    for edge in found.edges:
        if edge not in unbelieved:
            ways.setdefault(edge.source, []).append(edge)
    seen, waiting = {start}, [start]
    while waiting:
        nearest = {edge.target for edge in ways.get(waiting.pop(), ())} - seen
        seen |= nearest
        waiting += nearest
    led = [edge for source in seen for edge in ways.get(source, ())]
    made = {start} | {edge.target for edge in led if edge.kind is EdgeKind.BECAME}
    packs = {edge.target for edge in led if edge.kind is EdgeKind.SERIALISED}
    return made | packs, packs - made


def state_of(lifted_at: datetime | None, closed_at: datetime | None) -> Standing:
    """How a recall with these moments stands."""
    if lifted_at is not None:
        return Standing.LIFTED
    return Standing.CLOSED if closed_at is not None else Standing.OPEN


def gone_of(balance: Balance) -> int:
    """What is not here any more without being sold: returned, destroyed, used and missing (millionths)."""
    return balance.returned + balance.destroyed + balance.used + balance.missing


def releasable(held_by_it: int, gone_before: int, now: Balance) -> int:
    """How much of what a hold moved to held (millionths) goes back on hand when it is lifted.

    What went back or was destroyed since is counted as the hold's own, and no more is released than is held now: what
    may be held for another reason stays held until a person releases it.
    """
    return max(0, min(held_by_it - max(0, gone_of(now) - gone_before), now.held))


@dataclass(frozen=True, slots=True)
class Answers:
    """How many holders were told, answered, and are late."""

    told: int
    answered: int
    late: int


def answers_of(notices: Iterable[tuple[datetime, datetime | None]], now: datetime) -> Answers:
    """Of notices (due, acknowledged or None)."""
    notices = list(notices)
    return Answers(
        told=len(notices),
        answered=sum(answered is not None for _, answered in notices),
        late=sum(answered is None and now > due for due, answered in notices),
    )


def to_the_minute(moment: datetime) -> datetime:
    """A moment without its seconds: the clock of a re-test runs to the minute."""
    return moment.replace(second=0, microsecond=0)
