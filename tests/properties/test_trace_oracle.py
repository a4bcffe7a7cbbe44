"""The trace agrees with a slow, obviously right one, on thousands of generated chains."""

from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.chains import STEPS, Step, Universe
from tests.properties.memory import MemoryReader
from tests.properties.oracle import Oracle, differences
from trace.domain.containment import LAST
from trace.domain.events import Event, utc_milliseconds
from trace.domain.genealogy import Direction, Reader, Trace
from trace.domain.trace_search import trace

CHAINS = 6_000
TAG = "00000000000000001"  # of the one universe in memory: 17 digits, the rest of an SSCC


def check(reader: Reader, numbers: Mapping[str, int], events: Mapping[int, Event], start: str, at: int | None) -> None:
    """Both directions of the trace of one thing are what the oracle says: the same events, the same items."""
    oracle = Oracle(events, at)
    uris = {number: uri for uri, number in numbers.items()}
    bound = LAST if at is None else (at, 2**62)
    for direction in Direction:
        found = trace(reader, numbers[start], direction, at=bound)
        wanted_events, wanted_items = oracle.backward(start) if found.direction == "backward" else oracle.forward(start)
        items = {uris[item] for item in found.items}
        assert set(found.events) == wanted_events, (direction, start, differences(wanted_events, found.events))
        assert items == wanted_items, (direction, start, differences(wanted_items, items))
        assert not found.truncated
        assert connected(found, numbers[start]) == set(found.items), "an item hangs in the air"


def connected(found: Trace, start: int) -> set[int]:
    """The items that the edges lead to."""
    beside: dict[int, set[int]] = {}
    for edge in found.edges:
        beside.setdefault(edge.source, set()).add(edge.target)
        beside.setdefault(edge.target, set()).add(edge.source)
    reached, frontier = {start}, [start]
    while frontier:
        new = beside.get(frontier.pop(), set()) - reached
        reached |= new
        frontier += new
    return reached


def check_in_memory(steps: list[Step], start: int, at: int | None) -> None:
    """Compare over a reader in memory."""
    universe = Universe(TAG)
    events = dict(enumerate(universe.events(steps), start=1))
    reader = MemoryReader(events)
    moment = None if at is None or not events else utc_milliseconds(list(events.values())[at % len(events)].event_time)
    named = [thing for thing in universe.things if thing in reader.numbers]
    if named:
        check(reader, reader.numbers, events, named[start % len(named)], moment)


@settings(max_examples=CHAINS, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.integers(0, 13), st.none() | st.integers(0, 21))
def test_the_trace_agrees_with_the_oracle_on_thousands_of_chains(steps: list[Step], start: int, at: int | None) -> None:
    check_in_memory(steps, start, at)
