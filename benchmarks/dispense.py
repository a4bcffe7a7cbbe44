"""The counter of a pharmacy in a large store: the check of one scanned code, and a sale; a delivery of 2,000 codes.

The check and the sale run on PostgreSQL over `--codes` trace codes (`benchmarks.pharmacy_store`), the server with its
data on the disk and safe against power cuts, the asking process beside it on the same machine. A check is one
transaction that reads, from the pool's connection to the answer; a sale is one that writes and commits, of one or two
packs. Shops and packs are drawn at random: most are on the shelf, some sold, some recalled, some unknown.
On a machine that others use, the clock counts them, too; so processor time is told beside it, ours and the server's.
The legal bar is 300 ms for 95 % of queries; ours is 20 ms for the check of one code at ten million codes.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import storage
from benchmarks.pharmacy_delivery import measure_delivery
from benchmarks.pharmacy_store import NOW, Filled, fill
from benchmarks.stores import prepare_as_in_production
from storage.store import Store
from storage.tenancy import sight_of
from tests.servers import CannotRun, postgres
from trace.services.commands import Command
from trace.services.counter import check_codes
from trace.services.dispensing import dispense

NAME = "dispense"
CODES, LEAST_CODES = 100_000, 10_000  # of fewer, fewer lie on the shelves than are sold
CHECKS, SALES = 2_000, 300
# Asked before what counts, and told apart: statements are compiled, and what a running server has in memory is read.
WARM = 1_000
SETTINGS = "shared_buffers=512MB max_wal_size=8GB wal_level=minimal max_wal_senders=0 work_mem=64MB autovacuum=off"


def add_options(parser: Any) -> None:
    """The options of this benchmark."""
    parser.add_argument("--codes", type=int, default=CODES, help=f"trace codes in the store ({CODES:,})")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Figures of the counter (or why PostgreSQL could not run), and of the delivery on SQLite."""
    if asked.codes < LEAST_CODES:
        raise SystemExit(f"--codes takes {LEAST_CODES:,} or more: of fewer, fewer lie on the shelves than are sold.")
    try:
        with postgres(folder=tempfile.gettempdir(), settings=SETTINGS) as server:
            counter = measure_counter(f"{server}/postgres", asked.codes)
    except CannotRun as reason:
        counter = {"skipped": str(reason)}
    return {"counter": counter, "delivery": measure_delivery()}


def measure_counter(
    url: str, codes: int, *, checks: int = CHECKS, sales: int = SALES, warm: int = WARM
) -> dict[str, Any]:
    """Fill a fresh database (`url` is its owner's), then check and sell at its counters as the service, whom row-level
    security binds, each shop with its own sight; milliseconds."""
    served = prepare_as_in_production(url)
    owner = storage.open_store(url)
    try:
        started = time.monotonic()
        filled = fill(owner, codes)
        seconds = round(time.monotonic() - started, 1)
    finally:
        owner.close()
    store = storage.open_store(served)
    try:
        draw = random.Random(7)  # the same questions at every run
        print(f"{filled.codes:,} codes in {seconds} s; now the counter", file=sys.stderr, flush=True)
        size = _bytes(store)
        told = Counted(store)
        check = told.timed(lambda number: _check(store, filled, number), _questions(filled, draw), warm, checks)
        sale = told.timed(lambda number: _sell(store, filled, number), _on_shelf(filled, draw), min(warm, sales), sales)
    finally:
        store.close()
    return {
        "codes": filled.codes,
        "shops": len(filled.shops),
        "filled_seconds": seconds,
        "gigabytes": round(size / 1e9, 2),
        "check": check,
        "sale": sale,
        "verdicts": told.answers,
    }


class Counted:
    """Times calls on the clock and in processor time, ours and the database server's, and counts their answers."""

    def __init__(self, store: Store) -> None:
        self.answers: dict[str, int] = {}
        with store.reading() as session:  # one thread takes one connection of the pool, always the same
            self._server = int(session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    def timed(self, call: Callable[[int], str], numbers: Iterator[int], warm: int, count: int) -> dict[str, Any]:
        """Milliseconds of `count` calls, and (`cold`) of the `warm` ones before them."""
        cold = []
        for _ in range(warm):
            number, started = next(numbers), time.perf_counter_ns()
            call(number)
            cold.append(time.perf_counter_ns() - started)
        clock, ours, theirs = [], [], []
        for _ in range(count):
            number = next(numbers)
            here, there, started = time.process_time_ns(), busy_nanoseconds(self._server), time.perf_counter_ns()
            answer = call(number)
            clock.append(time.perf_counter_ns() - started)
            ours.append(time.process_time_ns() - here)
            theirs.append(busy_nanoseconds(self._server) - there)
            self.answers[answer] = self.answers.get(answer, 0) + 1
        return {
            "count": count,
            "clock": quantiles(clock),
            "cold": quantiles(cold),
            "busy": quantiles([mine + its for mine, its in zip(ours, theirs, strict=True)]),
            "server": quantiles(theirs),
        }


def quantiles(nanoseconds: Sequence[int]) -> dict[str, float]:
    """The median, the 95th and 99th percentile and the most, in milliseconds."""
    parts = statistics.quantiles(nanoseconds, n=100)
    named = {"p50": parts[49], "p95": parts[94], "p99": parts[98], "most": max(nanoseconds)}
    return {name: round(value / 1e6, 2) for name, value in named.items()}


def busy_nanoseconds(process: int) -> int:
    """How long a process was on a processor, by the Linux scheduler; 0 where that is not told."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])
    except OSError:
        return 0


def _check(store: Store, filled: Filled, number: int) -> str:
    shop = filled.shop_of(max(number, 0))
    text = filled.code(number) if number >= 0 else f"89{-number:018d}"
    with store.seeing(sight_of(shop.organisation)).reading() as session:
        (told,) = check_codes(session, [text], actor=shop, on=NOW.date())
    return str(told["verdict"])


def _sell(store: Store, filled: Filled, number: int) -> str:
    """Sell a pack, and the next one of its share with every second."""
    codes = [filled.code(number)] + ([filled.code(number + 1)] if number % 2 == 0 else [])
    command = Command(filled.shop_of(number), NOW)
    with store.seeing(sight_of(command.actor.organisation)).writing() as session:
        dispense(session, command, codes=codes, passed_by="measured")
    return "sale"


def _questions(filled: Filled, draw: random.Random) -> Iterator[int]:
    """Packs as a counter scans them: of 20, 17 from the shelf, 2 any (most are sold), 1 unknown (below 0)."""
    while True:
        number = draw.randrange(filled.codes)
        kind = draw.randrange(20)
        if kind < 17:
            number = next(_on_shelf(filled, draw))
        yield -number - 1 if kind == 19 else number


def _on_shelf(filled: Filled, draw: random.Random) -> Iterator[int]:
    """Numbers of packs that are on hand and not recalled, each once; the next one of its share is, too."""
    taken: set[int] = set()
    while True:
        number = draw.randrange(filled.codes) // 2 * 2 + draw.randrange(2)
        pair = number // 2
        if pair not in taken and not filled.is_sold(number) and not filled.is_recalled(number):
            taken.add(pair)
            yield number


def _bytes(store: Store) -> int:
    with store.reading() as session:
        query = "SELECT pg_database_size(current_database())"
        return int(session.connection().exec_driver_sql(query).scalar_one())


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    counter, told = figures["counter"], []
    if "skipped" in counter:
        told.append(f"counter: skipped, {counter['skipped']}")
    else:
        told.append(
            f"PostgreSQL, {counter['codes']:,} codes in {counter['shops']} shops ({counter['gigabytes']} GB, filled in"
            f" {counter['filled_seconds']} s):"
        )
        for what, text in (("check", "check of one code"), ("sale", "sale of one or two packs")):
            row = counter[what]
            clock, busy = row["clock"], row["busy"]
            told.append(
                f"  {text}, {row['count']} times: p50 {clock['p50']} ms, p95 {clock['p95']} ms, p99 {clock['p99']} ms"
                f" on the clock; p50 {busy['p50']} ms, p95 {busy['p95']} ms, p99 {busy['p99']} ms of processor time,"
                f" {row['server']['p50']} ms of it the server's; p95 {row['cold']['p95']} ms before it was warm"
            )
        told.append(f"  answers: {', '.join(f'{name} {count}' for name, count in sorted(counter['verdicts'].items()))}")
    delivery = figures["delivery"]
    told.append(
        f"SQLite, a delivery of {delivery['codes']:,} codes accepted in one request: {delivery['seconds']} s on the"
        f" clock, {delivery['cpu']} s of our process (best of {delivery['times']}; the slowest {delivery['most']} s)"
    )
    return told
