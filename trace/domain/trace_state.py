"""A search that pauses: what it needs to go on, as plain lists and numbers, and the search of these again.

The rows that were read are not among it, nor what kind of thing each is: both are asked for again where they matter.
"""

from typing import Any

from trace.domain.genealogy import Direction, Reader, Trace
from trace.domain.lives import Span
from trace.domain.trace_search import Search


def as_state(search: Search) -> dict[str, Any]:
    """What `search_of` makes the search of, for JSON."""
    return {
        "start": search.start,
        "direction": search.answer.direction.value,
        "at": search.at,
        "depth": search.depth,
        "told": _as_steps(search.told | search.answer.events.keys()),
        "bounds": [(item, *bound) for item, bound in search.bounds.items()],
        "packs": [(item, list(packs)) for item, packs in search.packs.items()],
        "ridden": [(item, spans) for item, spans in search.ridden.items()],
        "opened": [_as_list(span) for span in search.opened],
        "tied": list(search.tied),
        "wanted": [(item, *bound) for item, bound in search.wanted.items()],
        "rides": [_as_list(span) for span in search.rides],
        "knots": list(search.knots),
        "openings": [_as_list(span) for span in search.openings],
    }


def search_of(reader: Reader, state: dict[str, Any]) -> Search:
    """The search that goes on where the one of this state paused."""
    search = Search(reader, state["start"], Direction(state["direction"]), tuple(state["at"]))
    search.answer = Trace(search.answer.direction)
    search.depth = state["depth"]
    search.told = _of_steps(state["told"])
    search.bounds = {item: (time, event) for item, time, event in state["bounds"]}
    search.packs = {item: dict.fromkeys(packs) for item, packs in state["packs"]}
    search.ridden = {item: [(tuple(low), tuple(high)) for low, high in spans] for item, spans in state["ridden"]}
    search.opened = {_span(parts) for parts in state["opened"]}
    search.tied = set(state["tied"])
    search.wanted = {item: (time, event) for item, time, event in state["wanted"]}
    search.rides = [_span(parts) for parts in state["rides"]]
    search.knots = dict.fromkeys(state["knots"])
    search.openings = [_span(parts) for parts in state["openings"]]
    return search


def _as_steps(numbers: set[int]) -> list[int]:
    """Numbers in order, each as how much it is above the one before: most are small."""
    ordered = sorted(numbers)
    return [number - before for before, number in zip([0, *ordered], ordered, strict=False)]


def _of_steps(steps: list[int]) -> set[int]:
    found, number = set(), 0
    for step in steps:
        number += step
        found.add(number)
    return found


def _as_list(span: Span) -> list[int]:
    return [span.container, *span.after, *span.until]


def _span(parts: list[int]) -> Span:
    container, low, before, high, last = parts
    return Span(container, (low, before), (high, last))
