"""Requests a second, and how long they take: public pages, look-ups, scanned codes, photos, by 1 to 64 clients.

The service is the real one, `./run serve` (one worker process; photos are read in processes beside it), over a made-up
city (`--size` events) on the disk, on both stores, PostgreSQL's server on the same machine. The clients are a process
of their own (`benchmarks.load`) and send as fast as they are answered: at 64 clients an answer waits for the 63 others,
so requests a second tell what the machine can do, and the waits of one client tell how quick an answer is. Processor
time is told apart: of the service (with PostgreSQL), and of the clients, who take theirs from the same machine.

public: the page that a label's QR code leads to, from addresses of their own (one address may ask 120 times a minute);
look-up: the whole trace of a lot as JSON, by who took part in its story; scan: one scanned code recorded, an event that
nobody sent before, durably; photo: one of four photos of a label (1280 x 960), read, its record kept; the picture
itself is written the first time only, for the same bytes are stored once.
"""

import argparse
import itertools
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import psutil

from benchmarks.documents import GS1, event
from benchmarks.drawn_photos import draw_label
from benchmarks.filters import ground_of
from benchmarks.serving import ROOT, Service
from benchmarks.stores import BACKENDS, DURABLE, Opened, measured, opened, percentile, server_of, sizes_of
from tests.servers import CannotRun
from trace import clock
from trace.domain.permissions import Role
from trace.services.keys import issue_key
from trace.web.site.addresses import public_path

NAME = "serve"
SIZES = (20_000,)
CLIENTS = (1, 4, 16, 64)
SECONDS = 10.0
SCANS, VISITORS, PHOTOS = 10_000, 10_000, 4  # of each load
_MARK = "between-the-parts"


def add_options(group: argparse._ArgumentGroup) -> None:
    """How many clients, how long."""
    group.add_argument("--clients", default=",".join(map(str, CLIENTS)), metavar="N,N", help="clients at once")
    group.add_argument("--load-seconds", type=float, default=SECONDS, metavar="S", help=f"of each load ({SECONDS:.0f})")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """{backend: figures, or why it could not run}."""
    clients, figures = [int(part) for part in asked.clients.split(",")], {}
    for backend in [asked.store] if asked.store else BACKENDS:
        try:
            with opened(backend, sizes_of(asked, SIZES)[:1], asked.folder, settings=DURABLE) as stores:
                (one,) = stores.values()
                figures[backend] = measure(one, clients, asked.load_seconds)
        except CannotRun as reason:
            figures[backend] = {"skipped": str(reason)}
    return figures


def measure(one: Opened, clients: Sequence[int], seconds: float) -> dict[str, Any]:
    """{kind: {clients: figures}} of one store, served by the real service."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), one.store.url, SUNSHINE_PROXIES="1")
        server = server_of(one.store)
        try:
            service.start()
            loads = load_all(one, service.port, clients, seconds, lambda: [*service.processes(), *server])
        finally:
            service.stop()
    return {"events": one.filled.events, "seconds": seconds, "loads": loads}


def load_all(
    one: Opened, port: int, clients: Sequence[int], seconds: float, processes: Callable[[], Iterable[psutil.Process]]
) -> dict[str, Any]:
    """{kind: {clients: figures}}; of each kind some are asked before, so that all is loaded.

    `processes` are those whose processor time is told as the service's, with what they started.
    """
    found: dict[str, Any] = {}
    for kind, make in requests_of(one).items():
        load(make(), port, 1, min(seconds, 2))
        found[kind] = {}
        for count in clients:
            requests, before = make(), _spent(processes())
            told = load(requests, port, count, seconds)
            found[kind][str(count)] = _summary(told, _spent(processes()) - before)
    return found


def load(requests: Sequence[bytes], port: int, clients: int, seconds: float) -> dict[str, Any]:
    """What the clients saw (`benchmarks.load.load`), who are a process of their own."""
    with tempfile.NamedTemporaryFile() as plan:
        plan.write(pickle.dumps(list(requests)))
        plan.flush()
        command = [sys.executable, "-m", "benchmarks.load", plan.name, str(port), str(clients), str(seconds)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return dict(json.loads(done.stdout))


def _spent(processes: Iterable[psutil.Process]) -> float:
    """Seconds of processor of processes, and of what they started and still runs."""
    found = {one.pid: one for parent in processes for one in (parent, *parent.children(recursive=True))}
    spent = 0.0
    for process in found.values():
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:2])
    return spent


def _summary(told: Mapping[str, Any], spent: float) -> dict[str, Any]:
    waits, good = told["waits"], sum(count for status, count in told["statuses"].items() if status[0] == "2")
    others = {status: count for status, count in told["statuses"].items() if status[0] != "2"}
    return {
        "requests": len(waits),
        "a_second": round(good / told["seconds"], 1),
        **{f"p{share}_ms": round(percentile(waits, share / 100) * 1_000, 1) for share in (50, 95, 99)},
        "service_processor_ms": round(spent / max(good, 1) * 1_000, 2),
        "clients_processor_ms": round(told["processor"] / max(len(waits), 1) * 1_000, 2),
        "others": others,
    }


# ---- what is sent --------------------------------------------------------------------------------------------------


def requests_of(one: Opened) -> dict[str, Callable[[], list[bytes]]]:
    """{kind: whole HTTP requests for one load}; those that record something are new each time."""
    ground = ground_of(one)
    with one.store.writing() as session:
        owners = {owner.organisation for owner in ground.owners} | {ground.busy.organisation}
        keys = {
            number: issue_key(session, role=Role.CLERK, organisation_id=number, now=clock.now())
            for number in sorted(owners)
        }
    mine, numbers = keys[ground.busy.organisation], itertools.count()
    begins = [
        (quote(things["start"], safe=""), keys[owner.organisation])
        for things, owner in zip(ground.stories, ground.owners, strict=True)
    ]
    ends = [quote(public_path(things["end"])) for things in ground.stories]
    photos = [_form(draw_label("qr", seed=seed).data) for seed in range(PHOTOS)]
    as_form = {"Content-Type": f"multipart/form-data; boundary={_MARK}"}
    return {
        "public": lambda: [
            request("GET", f"/t/{ends[n % len(ends)]}", fields=_from_elsewhere(n)) for n in range(VISITORS)
        ],
        "look-up": lambda: [request("GET", f"/api/v1/trace?code={uri}", key) for uri, key in begins],
        "scan": lambda: [
            request("POST", "/epcis/v2/events", mine, _event(next(numbers)), {"Content-Type": "application/json"})
            for _ in range(SCANS)
        ],
        "photo": lambda: [request("POST", "/api/v1/scans", mine, photo, as_form) for photo in photos],
    }


def _from_elsewhere(number: int) -> dict[str, str]:
    """What the reverse proxy says of a visitor who has an address of his own."""
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def request(
    method: str, path: str, key: str = "", body: bytes = b"", fields: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """A whole HTTP/1.1 request."""
    told = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **fields}
    told |= {"Authorization": f"Bearer {key}"} if key else {}
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*head, "", ""]).encode() + body


def _event(number: int) -> bytes:
    return json.dumps({"@context": [GS1, {"farm": "https://ns.example.org/farm/"}], **event(number)}).encode()


def _form(photo: bytes) -> bytes:
    head = f'--{_MARK}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
    return head.encode() + photo + f"\r\n--{_MARK}--\r\n".encode()


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told: list[str] = []
    for backend, found in measured(figures, told):
        told.append(f"{backend}, {found['events']:,} events; {found['seconds']:g} s each")
        for kind, levels in found["loads"].items():
            for clients, row in levels.items():
                others = "".join(f", {count} times {status}" for status, count in row["others"].items())
                told.append(
                    f"  {kind:<8} {clients:>3} clients: {row['a_second']:>7}/s, p50 {row['p50_ms']} ms, p95"
                    f" {row['p95_ms']} ms, p99 {row['p99_ms']} ms; processor {row['service_processor_ms']} ms of the"
                    f" service, {row['clients_processor_ms']} ms of the clients{others}"
                )
    return told
