"""The trace agrees with a slow, obviously right one, on thousands of generated chains."""

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import storage
from storage.events import find_idents
from storage.store import Store
from storage.trace_reader import TraceReader
from tests.conftest import Databases, make_database
from tests.properties.chains import STEPS, Step, Universe, drawn_steps
from tests.properties.memory import MemoryReader
from tests.properties.oracle import Oracle, differences
from tests.town import NOW, Town
from trace.domain.containment import LAST
from trace.domain.events import Event, utc_milliseconds
from trace.domain.genealogy import Direction, Reader, Trace
from trace.domain.links import links_of
from trace.domain.permissions import Actor
from trace.domain.trace_search import trace
from trace.services.capture import capture

ALL_CHECKS = list(HealthCheck)
CHAINS = 3_000  # that hypothesis makes, and makes smaller where one fails
MORE_CHAINS = 5_000  # drawn evenly, longer on the average
TAG = "00000000000000001"  # of the one universe in memory: 17 digits, the rest of an SSCC


def check(reader: Reader, numbers: Mapping[str, int], events: Mapping[int, Event], start: str, at: int | None) -> None:
    """Both directions of the trace of one thing are what the oracle says: the same events, the same items."""
    oracle = Oracle(events, at)
    uris = {number: uri for uri, number in numbers.items()}
    bound = LAST if at is None else (at, 2**62)
    for direction in Direction:
        found = trace(reader, numbers[start], direction, at=bound)
        ask = oracle.backward if direction is Direction.BACKWARD else oracle.forward
        wanted_events, wanted_items = ask(start)
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


@settings(max_examples=CHAINS, derandomize=True, database=None, deadline=None, suppress_health_check=ALL_CHECKS)
@given(STEPS, st.integers(0, 13), st.none() | st.integers(0, 21))
def test_the_trace_agrees_with_the_oracle_on_thousands_of_chains(steps: list[Step], start: int, at: int | None) -> None:
    check_in_memory(steps, start, at)


def test_the_trace_agrees_with_the_oracle_on_thousands_of_longer_chains() -> None:
    random = Random(20260302)
    for number in range(MORE_CHAINS):
        steps = drawn_steps(random)
        try:
            check_in_memory(steps, random.randrange(14), random.choice((None, random.randrange(22))))
        except AssertionError as fault:
            raise AssertionError(f"chain {number}: {steps}") from fault


# Chains on which the search and the oracle once disagreed, and the rule that decided.
DISAGREEMENTS = {
    "the end of a container ends nothing of what comes into it later": [
        Step("pack", 2, 2, 0, 3, 1, 5),
        Step("nest", 6, 0, 2, 1, None, 5),
        Step("transform", 5, 0, 6, 3, None, 0),
        Step("end", 4, 6, 2, 5, None, 1),
        Step("nest", 6, 6, 0, 3, 1, 0),
    ],
    "nothing is inside itself, and saying so does not take it out of where it is": [
        Step("nest", 1, 5, 4, 4, 1, 0),
        Step("nest", 7, 2, 0, 1, 2, 5),
        Step("pack", 0, 7, 0, 1, 3, 2),
    ],
    "a crate emptied and filled again with the same lot carries it twice": [
        Step("pack", 0, 0, 1, 1, 2, 1),
        Step("empty", 0, 0, 0, 1, 1, 1),
        Step("ship", 0, 0, 0, 1, 1, 1),
        Step("pack", 0, 0, 1, 1, 1, 1),
        Step("ship", 0, 0, 1, 1, 1, 1),
    ],
    "a crate used up twice gives each product what was in it then": [
        Step("pack", 0, 0, 1, 2, 1, 1),
        Step("transform", 0, 0, 3, 2, None, 1),
        Step("pack", 1, 0, 1, 2, 1, 1),
        Step("transform", 0, 0, 4, 2, None, 1),
        Step("transform", 3, 4, 2, 0, 2, 1),
    ],
    "what came into a lot late is not in the crate that was closed before": [
        Step("harvest", 0, 0, 0, 0, 1, 0),
        Step("pack", 1, 0, 1, 1, 2, 1),
        Step("transform", 0, 0, 1, 0, 1, 1),
        Step("ship", 0, 0, 1, 1, 1, 1),
    ],
    "a crate in which some of an unknown amount was put is empty at the first taking out": [
        Step("pack", 0, 0, 1, 1, None, 1),
        Step("empty", 0, 0, 0, 1, 1, 1),
        Step("pack", 0, 0, 1, 1, 3, 1),
        Step("unpack", 0, 0, 0, 1, 1, 1),
        Step("ship", 0, 0, 1, 1, 1, 1),
        Step("empty", 0, 0, 0, 1, 1, 1),
        Step("ship", 0, 0, 1, 1, 1, 1),
    ],
}


@pytest.mark.parametrize("rule", DISAGREEMENTS)
def test_chains_on_which_they_once_disagreed(rule: str) -> None:
    for start in range(14):
        for at in (None, *range(len(DISAGREEMENTS[rule]))):
            check_in_memory(DISAGREEMENTS[rule], start, at)


class StoredChains:
    """Chains that went into a real store through the one way in, each with things of its own."""

    def __init__(self, store: Store, actor: Actor):
        self.store, self.actor, self.count = store, actor, 0

    def check(self, steps: list[Step], start: int, at: int | None, cut: int) -> None:
        """Capture a chain in two parts, then compare."""
        self.count += 1
        universe = Universe(f"{self.count:017d}")
        made = universe.events(steps)
        if not made:
            return
        with self.store.writing() as session:
            parts = [part for part in (made[:cut], made[cut:]) if part]
            done = [one for part in parts for one in capture(session, part, actor=self.actor, now=NOW, strict=False)]
        events = {one.event: event for one, event in zip(done, made, strict=True)}
        moment = None if at is None else utc_milliseconds(made[at % len(made)].event_time)
        with self.store.reading() as session:
            numbers = find_idents(session, {link.item for event in made for link in links_of(event)})
            named = [thing for thing in universe.things if thing in numbers]
            check(TraceReader(session), numbers, events, named[start % len(named)], moment)


@pytest.mark.parametrize(("backend", "chains"), [("sqlite", 300), ("postgresql", 60)])
def test_the_trace_over_a_real_store_agrees_with_the_oracle(databases: Databases, backend: str, chains: int) -> None:
    store = storage.open_store(make_database(databases, backend))
    stored = StoredChains(store, Town(store).organisation())

    @settings(max_examples=chains, derandomize=True, database=None, deadline=None, suppress_health_check=ALL_CHECKS)
    @given(STEPS, st.integers(0, 13), st.none() | st.integers(0, 21), st.integers(0, 22))
    def agrees(steps: list[Step], start: int, at: int | None, cut: int) -> None:
        stored.check(steps, start, at, cut)

    try:
        agrees()
    finally:
        store.close()
