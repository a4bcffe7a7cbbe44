"""What the benchmarks of reading count by: the same stories cost the same in a larger city."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from benchmarks import filters, trace
from benchmarks.stores import Opened, opened
from benchmarks.worst_graphs import GRAPHS

SIZES = (600, 2_400)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[int, Opened]]:
    """A small city and a larger one."""
    with opened("sqlite", SIZES, str(tmp_path_factory.mktemp("cities"))) as found:
        yield found


def test_traces_of_the_same_stories_read_the_same_in_a_larger_city(stores: Mapping[int, Opened]) -> None:
    tank = replace(GRAPHS["filled tank"], sizes=(30, 60))
    found = trace.measure(stores, 20, {"filled tank": tank})
    assert found["roots"] >= 5
    growth = found["growth"]["600 to 2400"]
    assert (growth["other_answers"], growth["other_rows"], growth["other_statements"]) == (0, 0, 0)
    assert all(row["rows_an_event"] <= 2.5 for row in found["sizes"].values())
    backward, forward = found["worst"]["filled tank"]
    assert backward["events"] == [61, 121] and forward["events"] == [32, 62]
    assert trace.lines({"sqlite": found, "postgresql": {"skipped": "not asked"}})


def test_every_query_is_asked_and_what_is_nowhere_is_found_nowhere(stores: Mapping[int, Opened]) -> None:
    found = filters.measure(stores, rounds=1)
    assert {name for name, row in found.items() if max(row["found"].values()) == 0} >= {
        name for name in found if "nothing" in name
    }
    assert all(min(row["found"].values()) >= 0 for row in found.values()), "none is refused as too much"
    for name in ("busiest: all, newest first", "busiest: a step at a place", "inspector: a type", "page: look-up"):
        assert found[name]["found"]["2400"] > 0, name
    assert filters.lines({"sqlite": found, "postgresql": {"skipped": "not asked"}})
