"""Chains that a search may choke on: where there are very many ways, very long ways, or very much in one thing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trace.domain.events import Action, AggregationEvent, Event, ObjectEvent, Quantity, TransformationEvent
from trace.domain.genealogy import Direction
from trace.domain.uris import crate_uri, gtin_uri

BEGIN = datetime(2026, 2, 2, tzinfo=UTC)
KILOGRAM = "KGM"


@dataclass(frozen=True, slots=True)
class Worst:
    """A kind of graph: how its events are made for a size and a name of its own, its two sizes, and what is asked."""

    events: Callable[[int, str], Iterator[Event]]
    sizes: tuple[int, int]
    questions: Callable[[int, str], Sequence[tuple[str, Direction]]]


def _lot(name: str, *parts: object) -> str:
    return gtin_uri("06901234567892", lot="-".join([name, *map(str, parts)]))


def _common(name: str, number: int, step: str) -> dict[str, Any]:
    return {
        "event_time": BEGIN + timedelta(minutes=number),
        "event_id": f"urn:example:{name}:{number}",
        "biz_step": step,
    }


def _made(name: str, number: int, inputs: Sequence[str], outputs: Sequence[str]) -> Event:
    return TransformationEvent(
        **_common(name, number, "commissioning"),
        input_quantities=tuple(Quantity(lot, Decimal(1), KILOGRAM) for lot in inputs),
        output_quantities=tuple(Quantity(lot, Decimal(1), KILOGRAM) for lot in outputs),
    )


WIDTH = 40


def _ladder(depth: int, name: str) -> Iterator[Event]:
    """Each of 40 lots of a level is made of two of the level before: 2 ** depth ways, 40 * depth events."""
    for level in range(depth):
        for place in range(WIDTH):
            inputs = [_lot(name, level, place), _lot(name, level, (place + 1) % WIDTH)]
            yield _made(name, level * WIDTH + place, inputs, [_lot(name, level + 1, place)])


def _rework(times: int, name: str) -> Iterator[Event]:
    """Two lots, each of them worked into the other, time after time."""
    for turn in range(times):
        lots = [_lot(name, turn % 2), _lot(name, (turn + 1) % 2)]
        yield _made(name, turn, lots[:1], lots[1:])


def _chain(length: int, name: str) -> Iterator[Event]:
    """One lot becomes the next, and so on."""
    for turn in range(length):
        yield _made(name, turn, [_lot(name, turn)], [_lot(name, turn + 1)])


def _mixed_tank(times: int, name: str) -> Iterator[Event]:
    """A tank's lot that never ends: milk is added to it, time after time."""
    for turn in range(times):
        yield _made(name, turn, [_lot(name, "milk", turn), _lot(name, "tank")], [_lot(name, "tank")])


def _filled_tank(times: int, name: str) -> Iterator[Event]:
    """A tank that is filled up, seen and never emptied; at last something is made of all that is in it."""
    tank = crate_uri(f"tank-{name}")
    for turn in range(times):
        milk = (Quantity(_lot(name, "milk", turn), Decimal(1), KILOGRAM),)
        yield AggregationEvent(
            **_common(name, 2 * turn, "packing"), action=Action.ADD, parent=tank, child_quantities=milk
        )
        yield ObjectEvent(**_common(name, 2 * turn + 1, "storing"), action=Action.OBSERVE, epcs=(tank,))
    yield TransformationEvent(
        **_common(name, 2 * times, "commissioning"),
        input_epcs=(tank,),
        output_quantities=(Quantity(_lot(name, "cheese"), Decimal(1), KILOGRAM),),
    )


def _drawn_tank(times: int, name: str) -> Iterator[Event]:
    """One lot is put into a tank and drawn from it, a litre each time; the tank is seen between."""
    tank, lot = crate_uri(f"drawn-{name}"), _lot(name, "milk")
    for turn in range(times):
        milk = (Quantity(lot, Decimal(1), KILOGRAM),)
        for action, step in ((Action.ADD, "packing"), (Action.DELETE, "unpacking")):
            number = 3 * turn + 2 * (action is Action.DELETE)
            yield AggregationEvent(**_common(name, number, step), action=action, parent=tank, child_quantities=milk)
        yield ObjectEvent(**_common(name, 3 * turn + 1, "storing"), action=Action.OBSERVE, epcs=(tank,))


def _packed(count: int, name: str) -> Iterator[Event]:
    """So many packs are made at once, put into one case, and go with it."""
    packs = tuple(gtin_uri("06901234567892", serial=f"{name}-{n}") for n in range(count))
    lot, case = Quantity(_lot(name), Decimal(count)), crate_uri(f"case-{name}")
    yield ObjectEvent(**_common(name, 0, "commissioning"), action=Action.ADD, epcs=packs, quantities=(lot,))
    yield AggregationEvent(**_common(name, 1, "packing"), action=Action.ADD, parent=case, child_epcs=packs)
    for turn in range(10):
        yield ObjectEvent(**_common(name, 2 + turn, "storing"), action=Action.OBSERVE, epcs=(case,))


_BACK, _ON = Direction.BACKWARD, Direction.FORWARD
GRAPHS = {
    "ladder 40 wide": Worst(_ladder, (20, 40), lambda n, name: [(_lot(name, n, 0), _BACK), (_lot(name, 0, 0), _ON)]),
    "rework loop": Worst(_rework, (500, 1_000), lambda n, name: [(_lot(name, n % 2), _BACK), (_lot(name, 0), _ON)]),
    "chain": Worst(_chain, (1_500, 3_000), lambda n, name: [(_lot(name, n), _BACK), (_lot(name, 0), _ON)]),
    "mixed tank": Worst(
        _mixed_tank, (2_500, 5_000), lambda n, name: [(_lot(name, "tank"), _BACK), (_lot(name, "milk", 0), _ON)]
    ),
    "filled tank": Worst(
        _filled_tank, (2_500, 5_000), lambda n, name: [(_lot(name, "cheese"), _BACK), (_lot(name, "milk", 0), _ON)]
    ),
    "drawn tank": Worst(
        _drawn_tank, (2_500, 5_000), lambda n, name: [(_lot(name, "milk"), _BACK), (_lot(name, "milk"), _ON)]
    ),
    "packs of a case": Worst(
        _packed,
        (2_500, 5_000),
        lambda n, name: [(gtin_uri("06901234567892", serial=f"{name}-0"), _BACK), (_lot(name), _ON)],
    ),
}
