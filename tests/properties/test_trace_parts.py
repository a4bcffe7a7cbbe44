"""A trace told in parts is the trace told at once: nothing is missing, no event comes twice, wherever it pauses."""

import json
from random import Random

from tests.properties.chains import Universe, drawn_steps
from tests.properties.memory import MemoryReader
from tests.properties.test_trace_oracle import TAG
from trace.domain.genealogy import Direction, Reader, Trace
from trace.domain.trace_search import go_on, trace
from trace.domain.trace_state import as_state, search_of

CHAINS = 600


def in_parts(reader: Reader, start: int, direction: Direction, *, rows: int, levels: int) -> list[Trace]:
    """All parts, each from what was kept of the search as JSON."""
    parts = [trace(reader, start, direction, rows=rows, levels=levels)]
    while parts[-1].rest is not None:
        kept = json.loads(json.dumps(as_state(parts[-1].rest)))
        parts.append(go_on(search_of(reader, kept), rows=rows, levels=levels))
    return parts


def test_parts_together_are_the_whole_on_hundreds_of_chains() -> None:
    random = Random(20260303)
    several = 0
    for number in range(CHAINS):
        events = dict(enumerate(Universe(TAG).events(drawn_steps(random)), start=1))
        reader = MemoryReader(events)
        start = random.choice(sorted(reader.uris))
        for direction in Direction:
            whole = trace(reader, start, direction)
            rows, levels = random.choice((12, 20, 60)), random.choice((1, 2, 400))
            parts = in_parts(reader, start, direction, rows=rows, levels=levels)
            told = [event for part in parts for event in part.events]
            if parts[-1].truncated:  # one thing alone has more rows than a part
                assert set(told) <= set(whole.events), number
                continue
            several += len(parts) > 1
            assert len(told) == len(set(told)), (number, "an event is told twice")
            assert set(told) == set(whole.events), number
            assert {item for part in parts for item in part.items} == set(whole.items), number
            assert {edge for part in parts for edge in part.edges} == set(whole.edges), number
    assert several > CHAINS // 3
