"""Documents of 1,000 events through `POST /epcis/v2/capture`, against bare inserts of the same bytes."""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from benchmarks.documents import document
from storage.store import Store
from storage.tables import event_document
from trace import clock, create_app
from trace.config import load_settings
from trace.domain.permissions import Actor, Role
from trace.services.keys import issue_key

EVENTS, DOCUMENTS = 1_000, 12
WARM = 2  # documents before the first that counts: statements are compiled, pages made


def measure_documents(url: str, store: Store, actor: Actor, bare: Any) -> dict[str, Any]:
    """Interleaved rounds: events a second, processor time an event of both sides, and memory after each round."""
    with store.writing() as session:
        key = issue_key(session, role=Role.CLERK, organisation_id=actor.organisation, now=clock.now())
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(load_settings({"SUNSHINE_DATA": folder, "SUNSHINE_DATABASE_URL": url, "SUNSHINE_DEMO": "0"}))
        client = app.test_client()
        gc.collect()
        gc.freeze()  # as trace.wsgi does
        rounds = [_round(store, client, key, number, bare) for number in range(WARM + DOCUMENTS)][WARM:]
    captured, inserted, memory = zip(*rounds, strict=True)
    return {
        "documents": DOCUMENTS,
        "events_a_document": EVENTS,
        "bytes_a_document": len(document(0, EVENTS)),
        "capture_events_a_second": _rate(wall for wall, _ in captured),
        "bare_events_a_second": _rate(wall for wall, _ in inserted),
        "capture_events_a_processor_second": _rate(cpu for _, cpu in captured),
        "bare_events_a_processor_second": _rate(cpu for _, cpu in inserted),
        "processor_ratio": round(statistics.median(c[1] / b[1] for c, b in zip(captured, inserted, strict=True)), 1),
        "memory_first_mb": round(memory[0] / 1e6, 1),
        "memory_last_mb": round(memory[-1] / 1e6, 1),
    }


def _rate(seconds: Any) -> int:
    return int(EVENTS / statistics.median(seconds))


def _round(
    store: Store, client: FlaskClient, key: str, number: int, bare: Any
) -> tuple[tuple[float, float], tuple[float, float], int]:
    """((seconds, processor seconds) captured, the same inserted bare, bytes of memory afterwards)."""
    data = document(number * EVENTS, EVENTS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post() -> None:
        answer = client.post("/epcis/v2/capture", data=data, headers=headers)
        assert answer.status_code == 202, answer.text

    gc.collect()
    captured = _measured(post)
    with store.reading() as session:
        newest = select(event_document.c.document).order_by(event_document.c.event.desc()).limit(EVENTS)
        rows = [{"document": bytes(stored)} for stored in session.scalars(newest)]

    def insert_bare() -> None:
        with store.writing() as session:
            session.execute(insert(bare), rows)

    memory = int(psutil.Process().memory_info().rss)
    return captured, _measured(insert_bare), memory


def _measured(work: Callable[[], None]) -> tuple[float, float]:
    servers = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "postgres"]
    before, processor, started = _spent(servers), time.process_time(), time.perf_counter()
    work()
    wall, ours = time.perf_counter() - started, time.process_time() - processor
    return wall, ours + _spent(servers) - before


def _spent(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            total += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return total


def line(found: dict[str, Any]) -> str:
    """The figures as a sentence."""
    return (
        "POST /capture, {documents} documents of {events_a_document} events ({bytes_a_document} bytes): "
        "{capture_events_a_second} events/s, {capture_events_a_processor_second} a processor second "
        "(bare {bare_events_a_second} and {bare_events_a_processor_second}): {processor_ratio} times the processor of "
        "the bare insert; memory {memory_first_mb} MB after the first, {memory_last_mb} MB after the last"
    ).format(**found)
