"""One event, one transaction, against a bare one-row commit on the same store, by 1 to 32 clients at once.

The event is a harvest as it is scanned: a new lot comes to be at a place, which is new in every index. The bare commit
is its document, in one table with a running number, through the same store: what a commit costs at least. Here commits
wait for the disk (`synchronous=FULL`; PostgreSQL with fsync). The clients are threads of this process, as those of one
process of the server, and take turns block by block: captures, bare commits, captures ...
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, event, insert

import storage
from benchmarks.processor import Clock
from benchmarks.stores import BACKENDS, measured, percentile, prepare_as_in_production
from storage.store import Store
from storage.tenancy import EVERYTHING
from tests.servers import CannotRun, postgres
from trace.collector import settle
from trace.domain.checks import check_digit
from trace.domain.epcis.document import as_document, canonical_bytes
from trace.domain.events import Action, Event, ObjectEvent, Quantity
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.uris import gtin_uri, key_uri
from trace.services.capture import capture
from trace.services.organisations import create_organisation, get_organisation_row

NAME = "scan-commit"
CLIENTS = (1, 2, 4, 8, 16, 32)
BLOCKS, ACTS = 6, 32  # blocks of either kind for each number of clients, and in each so many commits, shared out
DURABLE = "shared_buffers=128MB"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Shanghai"))
_numbers = itertools.count(1)
_bare = Table("bare_commit", MetaData(), Column("id", Integer, primary_key=True), Column("document", LargeBinary))


def add_options(_parser: Any) -> None:
    """None of its own: `--folder` is everybody's, and says on which disk."""


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """{backend: figures, or why it could not run}."""
    figures: dict[str, Any] = {}
    for backend in [asked.store] if asked.store else BACKENDS:
        try:
            with _url(backend, asked.folder) as url:
                figures[backend] = measure(url)
        except CannotRun as reason:
            figures[backend] = {"skipped": str(reason)}
    return figures


@contextmanager
def _url(backend: str, folder: str | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as where:
        if backend == "sqlite":
            yield prepare_as_in_production(f"sqlite:///{Path(where) / 'bench.db'}")
            return
        Path(where).chmod(0o755)  # as root, the server runs as somebody else
        with postgres(where, DURABLE) as server:
            yield prepare_as_in_production(f"{server}/postgres")


def measure(url: str, clients: Sequence[int] = CLIENTS, blocks: int = BLOCKS, acts: int = ACTS) -> dict[str, Any]:
    """{clients: milliseconds of both sides and their ratio}; statements and processor time of one capture alone.

    `url` is that of a database that is prepared and empty.
    """
    store = storage.open_store(url).seeing(EVERYTHING)
    try:
        _bare.create(store.engine)
        actor = _farm(store)

        def scan(made: Event) -> None:
            store.write(capture, [made], actor=actor, now=NOW)

        def commit(made: Event) -> None:
            with store.writing() as session:
                session.execute(insert(_bare), [{"document": canonical_bytes(as_document(made))}])

        for _ in range(acts):  # statements are compiled and planned, pages made
            scan(_event())
            commit(_event())
        settle()
        alone = _alone(store, scan, commit, acts)
        taken = {str(count): _taking_turns(count, blocks, acts, scan, commit) for count in clients}
    finally:
        store.close()
    return {"clients": taken} | alone


def _alone(store: Store, scan: Callable[[Event], None], commit: Callable[[Event], None], acts: int) -> dict[str, Any]:
    """Of one capture, and of the bare commit: statements, milliseconds of processor here and in the server."""
    clock, sent = Clock(store), list[str]()
    pairs = [(clock.of(partial(scan, _event())), clock.of(partial(commit, _event()))) for _ in range(acts)]

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    scan(_event())
    event.remove(store.engine, "before_cursor_execute", note)
    return {
        "statements": len(sent),
        "processor_scan": round(statistics.median(ours for ours, _ in pairs) * 1e3, 2),
        "processor_bare": round(statistics.median(bare for _, bare in pairs) * 1e3, 2),
    }


def _taking_turns(
    count: int, blocks: int, acts: int, scan: Callable[[Event], None], commit: Callable[[Event], None]
) -> dict[str, float]:
    scans: list[float] = []
    bare: list[float] = []
    rates: list[float] = []
    with ThreadPoolExecutor(count) as clients:
        for _ in range(blocks):
            begun = time.perf_counter()
            scans += clients.map(_timed(scan), [_event() for _ in range(acts)])
            rates.append(acts / (time.perf_counter() - begun))
            bare += clients.map(_timed(commit), [_event() for _ in range(acts)])
    middle, least = statistics.median(scans) * 1e3, statistics.median(bare) * 1e3
    return {
        "scan_p50": round(middle, 2),
        "scan_p99": round(percentile(scans, 0.99) * 1e3, 2),
        "bare_p50": round(least, 2),
        "ratio": round(middle / least, 2),
        "scans_a_second": round(statistics.median(rates)),
    }


def _timed(act: Callable[[Event], None]) -> Callable[[Event], float]:
    def timed(made: Event) -> float:
        begun = time.perf_counter()
        act(made)
        return time.perf_counter() - begun

    return timed


def _farm(store: Store) -> Actor:
    with store.writing() as session:
        card = create_organisation(session, name="测量农场", kind=OrganisationKind.FARM, region="640502", now=NOW)
        row = get_organisation_row(session, card["id"])
        return Actor(row.id, row.name, row.kind, row.party_uri, row.region, Role.CLERK)


def _event() -> Event:
    """A harvest: a new lot of one of 200 products comes to be at one of 50 places."""
    number = next(_numbers)
    body = f"0690{number % 200:09d}"
    place = f"690{number % 50:09d}"
    return ObjectEvent(
        event_time=NOW - timedelta(seconds=number % 80_000),
        event_id=f"urn:uuid:00000000-0000-4000-8000-{number:012x}",
        biz_step="commissioning",
        disposition="active",
        read_point=key_uri("414", place + check_digit(place)),
        biz_location=key_uri("414", place + check_digit(place)),
        action=Action.ADD,
        quantities=(Quantity(gtin_uri(body + check_digit(body), lot=f"L{number}"), Decimal(100), "KGM"),),
        ilmd={"cbvmda:lotNumber": f"L{number}", "cbvmda:countryOfOrigin": "CN"},
    )


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told: list[str] = []
    for backend, found in measured(figures, told):
        told.append(
            f"{backend}: {found['statements']} statements a capture, {found['processor_scan']} ms of processor; a bare"
            f" commit {found['processor_bare']} ms"
        )
        told += [
            "  {clients:>2} clients: capture p50 {scan_p50} ms, p99 {scan_p99} ms, {scans_a_second} a second; bare"
            " commit p50 {bare_p50} ms: {ratio} times".format(clients=clients, **row)
            for clients, row in found["clients"].items()
        ]
    return told
