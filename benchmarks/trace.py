"""Traces in stores of several sizes: what they cost must follow from the answer, not from what the store holds.

The stores are made-up cities (`benchmarks.city`), in which the same stories are told whatever the size: of each form of
story one is asked about, back from what was sold last or forward from what was made first, the same in every store.
First touch: asked for the first time, with the store's files no longer in memory. Warm: the best of `ROUNDS`, the
stores taking turns question by question, so that a busy machine slows all of them alike. And graphs that a search may
choke on (`benchmarks.worst_graphs`), each in two sizes, in parts where one trace does not reach to the end.
"""

import argparse
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import text

from benchmarks.stores import Opened, Processor, let_go, measured, on_both, percentile
from benchmarks.worst_graphs import GRAPHS, Worst
from storage.events import chunks, find_idents
from storage.store import Store
from storage.trace_reader import TraceReader
from trace.domain.genealogy import Direction
from trace.domain.permissions import Actor
from trace.domain.trace_search import go_on, trace
from trace.services.capture import capture

NAME = "trace"
SIZES = (10_000, 100_000)
ROOTS, ROUNDS = 1_000, 3
NOW = datetime(2026, 12, 24, tzinfo=UTC)


class Question(NamedTuple):
    """Of a thing, by its URI, where it came from or went to."""

    uri: str
    direction: Direction


class Cost(NamedTuple):
    """What an answer has and took."""

    events: int
    rows: int
    statements: int
    seconds: float
    processor: float = 0.0


def add_options(group: argparse._ArgumentGroup) -> None:
    """How many roots."""
    group.add_argument("--roots", type=int, default=ROOTS, metavar="N", help=f"things asked about (default {ROOTS})")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """{backend: figures, or why it could not run}."""
    return on_both(asked, SIZES, lambda stores: measure(stores, asked.roots))


def measure(stores: Mapping[int, Opened], roots: int, graphs: Mapping[str, Worst] = GRAPHS) -> dict[str, Any]:
    """The figures of one backend: of each size, of each size against the one before, of the worst graphs."""
    forms = sorted(set.intersection(*(set(one.filled.asked) for one in stores.values())))[:roots]
    first = {size: _first_touch(one, forms) for size, one in stores.items()}
    warm = _warm(stores, forms)
    sizes = {
        str(size): {"events_stored": one.filled.events} | _summary(warm[size], *first[size])
        for size, one in stores.items()
    }
    smallest = stores[min(stores)]
    return {
        "roots": len(forms),
        "sizes": sizes,
        "growth": {
            f"{small} to {large}": _growth(warm[small], warm[large]) for small, large in pairwise(sorted(stores))
        },
        "worst": {
            name: measure_worst(smallest.store, smallest.filled.actors[0], name, worst)
            for name, worst in graphs.items()
        },
    }


def question(one: Opened, form: int) -> Question:
    """What is asked of a form of story: of every second one where it came from, of the others where it went."""
    end, start = one.filled.asked[form]
    return Question(end, Direction.BACKWARD) if form % 2 else Question(start, Direction.FORWARD)


def ask(store: Store, asked: Question, processor: Processor | None = None) -> Cost:
    """One trace as a look-up has it: a session of its own."""
    spent = processor.seconds() if processor else 0.0
    started = time.perf_counter()
    with store.reading() as session:
        item = find_idents(session, [asked.uri])[asked.uri]
        found = trace(TraceReader(session), item, asked.direction)
    took, spent = time.perf_counter() - started, processor.seconds() - spent if processor else 0.0
    return Cost(len(found.events), found.rows_read, found.statements, took, spent)


def _first_touch(one: Opened, forms: Sequence[int]) -> tuple[bool, list[Cost]]:
    """(were the files out of memory; each question's first time), in an order that is not that of the disk."""
    ask(one.store, question(one, forms[0]))  # statements are put together
    were_out = let_go(one.store)
    shuffled = random.Random(1).sample(forms, len(forms))
    return were_out, [ask(one.store, question(one, form)) for form in shuffled]


def _warm(stores: Mapping[int, Opened], forms: Sequence[int]) -> dict[int, list[Cost]]:
    """{size: the quickest answer to each question}."""
    best: dict[int, list[Cost]] = {size: [] for size in stores}
    processors = {size: Processor(one.store) for size, one in stores.items()}
    for number, form in enumerate(forms):
        asked = {size: question(one, form) for size, one in stores.items()}
        answers: dict[int, list[Cost]] = {size: [] for size in stores}
        for turn in range(ROUNDS + 1):  # the first brings everything into memory
            for size in _rotated(list(stores), number + turn):
                answers[size].append(ask(stores[size].store, asked[size], processors[size]))
        for size, costs in answers.items():
            quickest = min(costs[1:], key=lambda cost: cost.seconds)
            best[size].append(quickest._replace(processor=statistics.fmean(cost.processor for cost in costs[1:])))
    return best


def _rotated(sizes: list[int], by: int) -> list[int]:
    by %= len(sizes)
    return sizes[by:] + sizes[:by]


def _summary(costs: Sequence[Cost], were_out: bool, first: Sequence[Cost]) -> dict[str, Any]:
    events = sum(cost.events for cost in costs)
    return {
        "events_an_answer": statistics.median(cost.events for cost in costs),
        "events_most": max(cost.events for cost in costs),
        "rows_an_event": round(sum(cost.rows for cost in costs) / events, 2),
        "statements": statistics.median(cost.statements for cost in costs),
        "warm_ms": _spread(costs),
        "warm_processor_ms": round(statistics.fmean(cost.processor for cost in costs) * 1000, 2),
        "first_touch_ms": _spread(first),
        "first_touch_from_disk": were_out,
    }


def _spread(costs: Sequence[Cost]) -> dict[str, float]:
    seconds = [cost.seconds for cost in costs]
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: round(percentile(seconds, share) * 1000, 2) for name, share in shares.items()}


def _growth(small: Sequence[Cost], large: Sequence[Cost]) -> dict[str, Any]:
    pairs = list(zip(small, large, strict=True))
    medians = [statistics.median(cost.seconds for cost in costs) for costs in (small, large)]
    return {
        "ratio_of_medians": round(medians[1] / medians[0], 3),
        "ratio_of_processor": round(sum(c.processor for c in large) / sum(c.processor for c in small), 3),
        "median_of_ratios": round(statistics.median(b.seconds / a.seconds for a, b in pairs), 3),
        "other_answers": sum(a.events != b.events for a, b in pairs),
        "other_rows": sum(a.rows != b.rows for a, b in pairs),
        "other_statements": sum(a.statements != b.statements for a, b in pairs),
    }


def measure_worst(store: Store, actor: Actor, name: str, worst: Worst) -> list[dict[str, Any]]:
    """Of each question its figures in both sizes, and how the time grows with the answer: 1 is in step with it."""
    told = []
    for size in worst.sizes:
        unique = f"{name}-{size}".replace(" ", "-")
        with store.writing() as session:
            for part in chunks(worst.events(size, unique), 1_000):
                capture(session, part, actor=actor, now=NOW, strict=False)
        with store.writing() as session:
            session.execute(text("ANALYZE"))
        told.append([_ask_to_the_end(store, Question(*asked)) for asked in worst.questions(size, unique)])
    return [
        {
            "direction": direction.value,
            "sizes": list(worst.sizes),
            "events": [small.events, large.events],
            "rows": [small.rows, large.rows],
            "ms": [round(small.seconds * 1000, 1), round(large.seconds * 1000, 1)],
            "processor_ms": [round(small.processor * 1000, 1), round(large.processor * 1000, 1)],
            "growth": round((large.seconds / small.seconds) / max(large.rows / small.rows, 1), 2),
            "processor_growth": round(
                (large.processor / max(small.processor, 1e-3)) / max(large.rows / small.rows, 1), 2
            ),
        }
        for (_, direction), small, large in zip(worst.questions(worst.sizes[0], ""), *told, strict=True)
    ]


def _ask_to_the_end(store: Store, asked: Question) -> Cost:
    """The whole of an answer, in as many parts as it takes; the quickest of three."""
    costs, processor = [], Processor(store)
    for _ in range(3):
        with store.reading() as session:
            spent = processor.seconds()
            item = find_idents(session, [asked.uri])[asked.uri]
            started = time.perf_counter()
            part = trace(TraceReader(session), item, asked.direction)
            events, rows, statements = len(part.events), part.rows_read, part.statements
            while part.rest is not None:
                part = go_on(part.rest)
                events += len(part.events)
                rows += part.rows_read
                statements += part.statements
            took, spent = time.perf_counter() - started, processor.seconds() - spent
            costs.append(Cost(events, rows, statements, took, spent))
    quickest = min(costs, key=lambda cost: cost.seconds)
    return quickest._replace(processor=statistics.fmean(cost.processor for cost in costs))


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told: list[str] = []
    for backend, found in measured(figures, told):
        told.append(f"{backend}: {found['roots']} roots")
        for row in found["sizes"].values():
            told.append(
                f"  {row['events_stored']:>9} events stored: {row['rows_an_event']} rows read an event of the answer,"
                f" {row['statements']:.0f} statements; warm {_times(row['warm_ms'])}, first touch"
                f" {_times(row['first_touch_ms'])}; {row['events_an_answer']:.0f} events an answer, at most"
                f" {row['events_most']}"
            )
        for name, row in found["growth"].items():
            told.append(
                f"  {name}: medians {row['ratio_of_medians']}, pairs {row['median_of_ratios']}, processor"
                f" {row['ratio_of_processor']}; other rows in"
                f" {row['other_rows']}, other statements in {row['other_statements']} of them"
            )
        for name, rows in found["worst"].items():
            for row in rows:
                told.append(
                    f"  {name} {row['direction']}: {row['ms'][0]} ms for {row['events'][0]} events, {row['ms'][1]} ms"
                    f" for {row['events'][1]}: grows {row['growth']} times as fast as the rows of the answer (processor"
                    f" {row['processor_growth']})"
                )
    return told


def _times(row: dict[str, float]) -> str:
    return " ".join(f"{name} {value}" for name, value in row.items()) + " ms"
