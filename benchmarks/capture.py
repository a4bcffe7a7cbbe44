"""Events a second: one by one through `capture`, and documents of 1,000 through `POST /epcis/v2/capture`.

Both against bare inserts of the same bytes: the least any store could do, the event's document into one table of the
same database, in transactions of the same size. Rounds are interleaved, so that a busy machine slows both sides; the
ratio is the median. A document goes the whole way (reading, validation, hash, indices, stock, commit) in this process,
so its processor time is counted whole; PostgreSQL's own is counted by the clocks of its processes.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, func, insert, select

import storage
from benchmarks.post_capture import line, measure_documents
from storage.store import Store
from storage.tables import event as event_table
from tests.servers import CannotRun, postgres
from trace.domain.checks import check_digit
from trace.domain.epcis.document import as_document, canonical_bytes
from trace.domain.events import Action, Event, ObjectEvent, Quantity
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.uris import gtin_uri, key_uri
from trace.services.capture import capture
from trace.services.organisations import create_organisation, get_organisation_row

NAME = "capture"
ROUNDS = 7
SIZES = ((1, 100), (100, 5))  # (events a transaction, transactions a round)
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Shanghai"))
_numbers = itertools.count(1)
_bare = Table("bare_insert", MetaData(), Column("id", Integer, primary_key=True), Column("document", LargeBinary))


def run() -> dict[str, Any]:
    """{backend: figures, or why it could not run}."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        figures["sqlite"] = measure(f"sqlite:///{Path(folder) / 'bench.db'}")
    try:
        with _server() as url:
            figures["postgresql"] = measure(url)
    except CannotRun as reason:
        figures["postgresql"] = {"skipped": str(reason)}
    return figures


@contextmanager
def _server() -> Iterator[str]:
    with postgres() as server:
        yield f"{server}/postgres"


def measure(url: str) -> dict[str, Any]:
    """Interleaved rounds on one fresh database: events a second of both sides by transaction size, and their ratio."""
    storage.prepare(url)
    store = storage.open_store(url)
    try:
        _bare.create(store.engine)
        actor = _farm(store)
        _round(store, actor, 100, 1)  # the first statements are compiled, the first pages made
        rounds = {size: [_round(store, actor, size, times) for _ in range(ROUNDS)] for size, times in SIZES}
        documents = measure_documents(url, store, actor, _bare)
        with store.reading() as session:
            events = session.execute(select(func.count()).select_from(event_table)).scalar_one()
    finally:
        store.close()
    return {
        "events_stored": events,
        "bytes_a_document": len(_bytes(_event())),
        "rounds": ROUNDS,
        "documents": documents,
        "sizes": {str(size): _summary(pairs) for size, pairs in rounds.items()},
    }


def _round(store: Store, actor: Actor, size: int, times: int) -> tuple[float, float]:
    """(events a second captured, events a second inserted bare), taking turns transaction by transaction."""
    captured = inserted = 0.0
    for turn in range(times):
        events = [_event() for _ in range(size)]
        rows = [{"document": _bytes(event)} for event in events]
        sides: list[Callable[[], None]] = [
            lambda events=events: _capture(store, actor, events),  # type: ignore[misc]
            lambda rows=rows: _insert(store, rows),  # type: ignore[misc]
        ]
        if turn % 2:
            inserted += _seconds(sides[1])
            captured += _seconds(sides[0])
        else:
            captured += _seconds(sides[0])
            inserted += _seconds(sides[1])
    return size * times / captured, size * times / inserted


def _capture(store: Store, actor: Actor, events: Sequence[Event]) -> None:
    with store.writing() as session:
        capture(session, events, actor=actor, now=NOW)


def _insert(store: Store, rows: Sequence[dict[str, bytes]]) -> None:
    with store.writing() as session:
        session.execute(insert(_bare), rows)


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _summary(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    ratios = [bare / ours for ours, bare in pairs]
    return {
        "capture_events_a_second": round(statistics.median(ours for ours, _ in pairs)),
        "bare_events_a_second": round(statistics.median(bare for _, bare in pairs)),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_least": round(min(ratios), 2),
        "ratio_most": round(max(ratios), 2),
    }


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


def _bytes(event: Event) -> bytes:
    return canonical_bytes(as_document(event))


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told = []
    for backend in ("sqlite", "postgresql"):
        found = figures[backend]
        if "skipped" in found:
            told.append(f"{backend}: skipped, {found['skipped']}")
            continue
        note = "WAL, synchronous=FULL" if backend == "sqlite" else "fsync off: the server of the tests"
        told.append(
            f"{backend} ({note}): median of {found['rounds']} rounds, {found['events_stored']} events at the end,"
            f" {found['bytes_a_document']} bytes a document"
        )
        for size, row in found["sizes"].items():
            told.append(
                f"  {size:>4} a transaction: {row['capture_events_a_second']:>6} events/s captured,"
                f" {row['bare_events_a_second']:>7} inserted bare: a capture costs {row['ratio']} bare inserts"
                f" ({row['ratio_least']} to {row['ratio_most']})"
            )
        told.append(f"  {line(found['documents'])}")
    return told
