"""The search itself: its bounds, its answer's distances and edges. What it finds is tried in tests/properties."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.properties.memory import MemoryReader
from trace.domain.events import Action, AggregationEvent, Event, ObjectEvent, Quantity, TransformationEvent
from trace.domain.genealogy import Direction, EdgeKind, Trace
from trace.domain.trace_search import trace
from trace.domain.uris import crate_uri, gtin_uri, private_uri

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
CRATE = crate_uri("C-1")
CLASS = private_uri("goods", "class", "salt")


def lot(name: object) -> str:
    return gtin_uri("06901234567892", lot=str(name))


def some(*items: str) -> tuple[Quantity, ...]:
    return tuple(Quantity(item, Decimal(1), "KGM") for item in items)


def common(number: int) -> dict[str, Any]:
    return {"event_time": BEGIN + timedelta(seconds=number), "event_id": f"urn:uuid:{number}"}


def becomes(number: int, inputs: tuple[str, ...], *outputs: str) -> Event:
    return TransformationEvent(**common(number), input_quantities=some(*inputs), output_quantities=some(*outputs))


def seen(number: int, *items: str) -> Event:
    return ObjectEvent(**common(number), action=Action.OBSERVE, quantities=some(*items))


def ask(events: list[Event], start: str, direction: Direction, **bounds: Any) -> tuple[Trace, Mapping[int, str]]:
    reader = MemoryReader(dict(enumerate(events, start=1)))
    answer = trace(reader, reader.numbers[start], direction, **bounds)
    assert answer.statements == reader.statements
    return answer, reader.uris


def long_chain(length: int) -> list[Event]:
    return [becomes(number, (lot(number),), lot(number + 1)) for number in range(length)]


def test_edges_follow_time_whichever_way_was_asked() -> None:
    events = [becomes(1, (lot("a"), lot("b")), lot("mix"))]
    for start, direction in ((lot("mix"), Direction.BACKWARD), (lot("a"), Direction.FORWARD)):
        answer, uris = ask(events, start, direction)
        edges = {(uris[e.source], uris[e.target], e.kind) for e in answer.edges}
        assert (lot("a"), lot("mix"), EdgeKind.BECAME) in edges


def test_distances_count_from_the_start() -> None:
    answer, uris = ask(long_chain(3), lot(3), Direction.BACKWARD)
    assert {uris[item]: depth for item, depth in answer.items.items()} == {lot(n): 3 - n for n in range(4)}


def test_a_class_connects_nothing_and_its_own_events_are_not_read() -> None:
    events = [becomes(1, (CLASS, lot("a")), lot("x")), becomes(2, (CLASS, lot("b")), lot("y"))]
    events += [seen(number, CLASS) for number in range(3, 40)]
    answer, uris = ask(events, lot("x"), Direction.BACKWARD)
    assert {uris[item] for item in answer.items} == {lot("x"), lot("a"), CLASS}
    assert set(answer.events) == {1}
    assert answer.rows_read <= 3


def test_the_bound_on_rows_cuts_with_a_word_and_what_was_found_is_right() -> None:
    events = long_chain(50)
    whole, _ = ask(events, lot(50), Direction.BACKWARD)
    answer, _ = ask(events, lot(50), Direction.BACKWARD, rows=20)
    assert answer.truncated and not whole.truncated
    assert set(answer.events) < set(whole.events) and set(answer.edges) < set(whole.edges)
    assert answer.rows_read <= 21


def test_the_bound_on_levels_cuts_with_a_word() -> None:
    answer, _ = ask(long_chain(50), lot(50), Direction.BACKWARD, levels=10)
    assert answer.truncated and len(answer.events) == 10


def test_an_item_with_more_rows_than_anybody_reads_tells_its_own_history() -> None:
    events: list[Event] = [
        AggregationEvent(
            **common(number), action=Action.ADD, parent=crate_uri(f"C-{number}"), child_quantities=some(lot("a"))
        )
        for number in range(40)
    ]
    answer, _ = ask(events, lot("a"), Direction.FORWARD, rows=10)
    assert answer.truncated and len(answer.events) == 10 and answer.edges == {}


@pytest.mark.parametrize("direction", list(Direction))
def test_rework_in_a_circle_comes_to_an_end(direction: Direction) -> None:
    events = [becomes(n, (lot(n % 3),), lot((n + 1) % 3)) for n in range(9)]
    answer, uris = ask(events, lot(0), direction)
    assert {uris[item] for item in answer.items} == {lot(0), lot(1), lot(2)}
    assert not answer.truncated


def test_sales_do_not_add_statements() -> None:
    chain = long_chain(3)
    few, _ = ask([*chain, seen(9, lot(3))], lot(3), Direction.BACKWARD)
    many, _ = ask([*chain, *(seen(n, lot(3)) for n in range(9, 999))], lot(3), Direction.BACKWARD)
    assert many.statements == few.statements
    assert {edge.event for edge in many.edges} == {edge.event for edge in few.edges}


def test_an_empty_crate_leads_nowhere() -> None:
    packed = AggregationEvent(**common(1), action=Action.ADD, parent=CRATE, child_quantities=some(lot("a")))
    emptied = AggregationEvent(**common(2), action=Action.DELETE, parent=CRATE)
    for direction in Direction:
        answer, uris = ask([packed, emptied], CRATE, direction)
        assert [uris[item] for item in answer.items] == [CRATE]
        assert set(answer.events) == {1, 2}
