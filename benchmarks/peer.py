"""The same events and look-ups in one run against another EPCIS repository: quartet_epcis, over SQLite like ours.

It is AGPL, so it is nobody's dependency: it is installed for the run, from the package index, into an environment of
its own in a temporary folder (or the one that `--peer-environment` names), and runs as a process of its own. Both get
the same bytes, EPCIS 1.2 in XML, 500 events a document, by turns; then both are asked by turns for the events of the
same packs. Ours takes and answers through its whole web layer (`POST /epcis/v2/capture`, `GET /epcis/v2/events`),
called in the process without a network between; the peer's documents go straight to its parser, with its rules
enforced, as its capture step does it, and its look-ups through its own view (`events-by-entry-id`). Databases lie on
the disk, each with its framework's settings; both wait for it at each commit (ours: WAL, synchronous=FULL).

They are not the same thing: the peer keeps who contains whom as it is now; ours keeps which things were where at any
time, the stock, the event hash, and the document as it came.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import storage
from benchmarks.peer_documents import PACKS, STEPS, document, pack
from benchmarks.stores import percentile
from tests.servers import CannotRun
from tests.town import Town
from trace import clock, create_app
from trace.config import load_settings
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.keys import issue_key

NAME = "peer"
EVENTS, LOOK_UPS = 10_000, 1_000
STORIES = 100  # of a document
PEER = "quartet_epcis 4.1.5"
# What it needs and does not say that it needs stands here, too.
PACKAGES = (
    "quartet_epcis==4.1.5", "quartet_capture==4.1.0", "quartet_masterdata==3.1.2", "django>=5.2,<5.3",
    "djangorestframework", "djangorestframework-xml", "django-filter", "haikunator", "gs123", "setuptools",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """One thing that one side did: seconds by the clock and of its processor, events that it has or tells of."""

    seconds: float
    processor: float
    found: int


@dataclass(slots=True)
class Costs:
    """What one side did."""

    captures: list[Cost] = field(default_factory=list)
    look_ups: list[Cost] = field(default_factory=list)


def add_options(group: argparse._ArgumentGroup) -> None:
    """Where the peer is."""
    group.add_argument("--peer-environment", metavar="FOLDER", help="a virtual environment that has the peer already")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Figures of both, or why the peer could not be installed."""
    events = int(asked.size.split(",")[0]) if asked.size else EVENTS
    try:
        with tempfile.TemporaryDirectory(prefix="sunshine-peer-", dir=asked.folder) as made:
            folder = Path(made)
            python = _environment(asked.peer_environment, folder)
            with Ours(folder).opened() as ours, Peer(python, folder).opened() as peer:
                return measure({"ours": ours, "peer": peer}, events, LOOK_UPS, folder)
    except CannotRun as reason:
        return {"skipped": str(reason)}


def _environment(given: str | None, folder: Path) -> Path:
    """The Python that has the peer; raises `CannotRun`."""
    if given:
        return Path(given) / "bin" / "python"
    python = folder / "environment" / "bin" / "python"
    steps = (
        [sys.executable, "-m", "venv", str(python.parents[1])],
        [str(python), "-m", "pip", "install", "-q", *PACKAGES],
    )
    for command in steps:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotRun(f"{PEER} cannot be installed: {done.stderr.strip()[-300:]}")
    return python


class Ours:
    """Our service over SQLite, called in this process."""

    def __init__(self, folder: Path):
        self._folder = folder / "ours"
        self._folder.mkdir()

    @contextmanager
    def opened(self) -> Iterator["Ours"]:
        """While the block runs."""
        url = f"sqlite:///{self._folder / 'sunshine.db'}"
        storage.prepare(url)
        settings = {"SUNSHINE_DATA": str(self._folder), "SUNSHINE_DATABASE_URL": url, "SUNSHINE_DEMO": "0"}
        with (self._folder / "log").open("w") as log, redirect_stderr(log):  # a line a request
            app = create_app(load_settings(settings))
            store = app.extensions["sunshine"].store
            partner = Town(store, clock.now()).organisation(OrganisationKind.FARM)
            with store.writing() as session:
                key = issue_key(session, role=Role.CLERK, organisation_id=partner.organisation, now=clock.now())
            self._client, self._headers = app.test_client(), {"Authorization": f"Bearer {key}"}
            yield self
            store.close()

    def capture(self, file: Path) -> Cost:
        """Capture a document."""
        data = file.read_bytes()
        processor, started = time.process_time(), time.perf_counter()
        answer = self._client.post(
            "/epcis/v2/capture", data=data, headers=self._headers, content_type="application/xml"
        )
        cost = Cost(time.perf_counter() - started, time.process_time() - processor, 0)
        if answer.status_code != 202:
            raise RuntimeError(answer.text[:2_000])
        return cost

    def look_up(self, epc: str) -> Cost:
        """Ask for the events of a thing."""
        processor, started = time.process_time(), time.perf_counter()
        answer = self._client.get(f"/epcis/v2/events?MATCH_anyEPC={quote(epc)}", headers=self._headers)
        body = json.loads(answer.data)
        cost = time.perf_counter() - started, time.process_time() - processor
        return Cost(*cost, len(body["epcisBody"]["queryResults"]["resultsBody"]["eventList"]))


class Peer:
    """The peer, a process of its own (`benchmarks.peer_side`)."""

    def __init__(self, python: Path, folder: Path):
        side = Path(__file__).with_name("peer_side.py")
        self._command = [str(python), "-W", "ignore", str(side), str(folder / "peer.db")]
        self._streams: tuple[IO[str], IO[str]] | None = None

    @contextmanager
    def opened(self) -> Iterator["Peer"]:
        """While the block runs; raises `CannotRun` where it does not start."""
        with subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None and process.stdout is not None and process.stderr is not None
            if not process.stdout.readline():
                raise CannotRun(f"{PEER} does not start: {process.stderr.read()[-600:]}")
            self._streams = process.stdin, process.stdout
            yield self
            process.stdin.close()

    def capture(self, file: Path) -> Cost:
        """Capture a document."""
        return self._ask({"capture": str(file)})

    def look_up(self, epc: str) -> Cost:
        """Ask for the events of a thing."""
        return self._ask({"look_up": epc})

    def _ask(self, what: dict[str, str]) -> Cost:
        assert self._streams is not None
        told, answers = self._streams
        told.write(json.dumps(what) + "\n")
        told.flush()
        return Cost(**json.loads(answers.readline()))


def measure(sides: dict[str, Any], events: int, look_ups: int, folder: Path) -> dict[str, Any]:
    """Have the sides capture the same documents and answer the same questions, taking turns."""
    costs = {name: Costs() for name in sides}
    stories, size = events // STEPS, 0
    for number, first in enumerate(range(0, stories, STORIES)):
        file = folder / "document.xml"
        file.write_bytes(document(first, min(STORIES, stories - first)))
        size += file.stat().st_size
        for name in _in_turn(list(sides), number):
            costs[name].captures.append(sides[name].capture(file))
    draw = random.Random(1)
    for number in range(look_ups):
        epc = pack(draw.randrange(stories), draw.randrange(PACKS))
        for name in _in_turn(list(sides), number):
            costs[name].look_ups.append(sides[name].look_up(epc))
    figures = {name: _summary(one, stories * STEPS) for name, one in costs.items()}
    return {"events": stories * STEPS, "bytes": size, "look_ups": look_ups, "sides": figures}


def _in_turn(names: Sequence[str], number: int) -> Sequence[str]:
    return names if number % 2 == 0 else names[::-1]


def _summary(costs: Costs, events: int) -> dict[str, Any]:
    asked = [one.seconds for one in costs.look_ups]
    return {
        "events_a_second": round(events / sum(one.seconds for one in costs.captures), 1),
        "events_a_processor_second": round(events / sum(one.processor for one in costs.captures), 1),
        "look_ups_a_second": round(len(asked) / sum(asked), 1),
        "look_ups_a_processor_second": round(len(asked) / sum(one.processor for one in costs.look_ups), 1),
        "look_up_p50_ms": round(percentile(asked, 0.5) * 1_000, 1),
        "look_up_p99_ms": round(percentile(asked, 0.99) * 1_000, 1),
        "events_told": statistics.median(one.found for one in costs.look_ups),
        "last_document_against_first": round(costs.captures[-1].processor / costs.captures[0].processor, 2),
    }


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    if "skipped" in figures:
        return [f"skipped, {figures['skipped']}"]
    told = [
        f"{figures['events']:,} events ({figures['bytes']:,} bytes of XML), {figures['look_ups']:,} look-ups, SQLite"
    ]
    for name, row in figures["sides"].items():
        told.append(
            f"  {'ours' if name == 'ours' else PEER}: {row['events_a_second']} events/s"
            f" ({row['events_a_processor_second']} a second of processor), {row['look_ups_a_second']} look-ups/s"
            f" ({row['look_ups_a_processor_second']}), p50 {row['look_up_p50_ms']} ms, p99 {row['look_up_p99_ms']} ms;"
            f" {row['events_told']:g} events told of a pack; the last document cost"
            f" {row['last_document_against_first']} times the first"
        )
    return told
