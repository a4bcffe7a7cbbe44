"""The server is killed with SIGKILL, again and again, while clients capture, deliver, sell, and scan photos.

A round: `./run serve` starts; requests of the round before that were not answered are sent again, and some that were,
with the same keys and event IDs; clients send until so many answers came as are drawn at random, and a moment longer;
then the whole process group is killed. On PostgreSQL every fourth round kills the database, too, all its processes.
Before anything is sent again: what was acknowledged is there, whole and once; what was not is there whole or not at
all; nothing in the store is half; stock adds up; every photo's file is what its name says. At the end everything that
was ever sent is there once, and nothing else; but for photos, which have no key: one that was kept and got no answer is
there twice when it was sent again, and is not counted.

A killed process loses nothing that it gave to the system: this is no test of a power cut (there the disk has to keep
what `fsync` was told, which both stores wait for: SQLite `synchronous=FULL`, PostgreSQL `fsync=on`).
"""

import argparse
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

import storage
from benchmarks.crash_checks import check_objects, check_requests, check_store, count_events, is_whole, kept
from benchmarks.crash_scene import CAPTURE, DELIVERY, KINDS, PHOTO, SALE, Crowd, Refused, Sent, begin, send
from benchmarks.serving import NO_ANSWER, Service
from benchmarks.stores import BACKENDS, DURABLE, measured, prepare_as_in_production
from storage.store import Store
from tests.servers import CannotRun, database_gone, postgres
from trace.services.balance import mass_balance

NAME = "crash"
ROUNDS = 5
CLIENTS = 6
ANSWERS = (0, 60)  # before a kill: at least, at most
MOMENT, PATIENCE = 0.1, 60.0  # seconds: a kill comes so much later at most; and where the answers do not come
PATIENT = "30"  # seconds for a photo: on a machine that does much else one that is not read in time is refused
AGAIN = 10  # acknowledged requests that are sent again in each round
DATABASE_TOO = 4  # every so many rounds PostgreSQL is killed with the service


def add_options(parser: Any) -> None:
    """The options of this benchmark."""
    parser.add_argument("--seed", type=int, default=1, help="what is sent and when it is killed is drawn from it (1)")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """{store: figures, or why it could not run}; ends with status 1 where anything was lost, doubled or half."""
    figures: dict[str, Any] = {}
    for name in [asked.store] if asked.store else BACKENDS:
        try:
            with _database(name, asked.folder) as (data, url):
                figures[name] = measure(url, data, asked.rounds or ROUNDS, seed=asked.seed)
        except CannotRun as reason:
            figures[name] = {"skipped": str(reason)}
    if any(found.get("faults") for found in figures.values()):
        sys.exit("\n".join(["What was acknowledged is not what is there.", *lines(figures)]))
    return figures


@contextmanager
def _database(name: str, folder: str | None) -> Iterator[tuple[Path, str]]:
    """(a data folder on the disk, the address of an empty database)."""
    with tempfile.TemporaryDirectory(prefix="sunshine-crash-", dir=folder, ignore_cleanup_errors=True) as made:
        data = Path(made)
        if name == "sqlite":
            yield data, f"sqlite:///{data / 'sunshine.db'}"
            return
        data.chmod(0o755)  # as root, the server runs as somebody else
        with postgres(made, DURABLE) as server:
            yield data, f"{server}/postgres"


# Told also where there was none.
COUNTED = ("acknowledged", "not acknowledged", "of these kept", "of these not kept", "sent again", "rounds cut short")


@dataclass
class Tally:
    """What happened in all rounds together."""

    crowd: Crowd
    first_events: int = 0  # before anything was sent
    sent: list[Sent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COUNTED, 0)))
    starts: list[float] = field(default_factory=list)  # seconds

    def events(self) -> int:
        """How many events there ought to be: those of the documents, one of a delivery's lot, one of each pack sold."""
        count = self.first_events
        for one in self.sent:
            match one.request.kind:
                case "capture":
                    count += len(one.request.things)
                case "delivery":
                    count += 1
                case "sale":
                    count += len(one.answer["events"])
        return count


def measure(
    url: str, data: Path, rounds: int, *, answers: tuple[int, int] = ANSWERS, clients: int = CLIENTS, seed: int = 1
) -> dict[str, Any]:
    """Kill the server of an empty database so many times; the figures, with the `faults` that were found."""
    service_url = prepare_as_in_production(url)
    store = storage.open_store(url)
    tally = Tally(Crowd(store, seed))
    with store.reading() as session:
        tally.first_events = count_events(session)
    service = Service(data, service_url, SUNSHINE_SCAN_SECONDS=PATIENT)
    draw, begun = random.Random(seed), time.monotonic()
    try:
        for number in range(1, rounds + 1):
            fresh, faults = len(tally.sent), len(tally.faults)
            tally.starts.append(service.start())
            _again(tally, service.port, draw)
            threads = begin(tally.crowd, service.port, clients, tally.sent, tally.faults)
            _wait(tally, fresh, draw.randint(*answers), draw.uniform(0, MOMENT))
            _kill(service, store, with_database=number % DATABASE_TOO == 0)
            for thread in threads:
                thread.join()
            _look(tally, store, data, tally.sent[fresh:])
            told = [f"round {number} of {rounds}: {_progress(tally)}", *tally.faults[faults:]]
            print(*told, sep="\n  ", file=sys.stderr, flush=True)
        tally.starts.append(service.start())
        _again(tally, service.port, draw)
        tally.counts["stopped with status"] = service.stop()
        if tally.counts["stopped with status"]:
            tally.faults.append(f"told to stop, it ended with status {tally.counts['stopped with status']}")
        _look_at_all(tally, store, data)
    finally:
        service.kill()
        store.close()
    return _figures(tally, rounds, time.monotonic() - begun)


def _again(tally: Tally, port: int, draw: random.Random) -> None:
    """Send again what got no answer, until it gets one, and some of what did: that one says the same as before."""
    callers = {kind: tally.crowd.caller(kind, port) for kind in KINDS}
    unanswered = [one for one in tally.sent if not one.answered]
    known = [one for one in tally.sent if one.answered and one.request.kind != PHOTO]
    for one in [*unanswered, *draw.sample(known, min(AGAIN, len(known)))]:
        try:
            answer = send(one, callers[one.request.kind])
        except NO_ANSWER as fault:
            tally.faults.append(f"{one.request.kind} {one.request.key}, sent again: no answer ({fault})")
            continue
        except Refused as refused:
            tally.faults.append(f"sent again: {refused}")
            continue
        tally.counts["sent again"] += 1
        if one.answered and answer != one.answer:
            tally.faults.append(f"{one.request.kind} {one.request.key} is answered differently the second time")
        tally.crowd.answered(one, answer)


def _wait(tally: Tally, fresh: int, wanted: int, moment: float) -> None:
    """Let the clients go on for so many answers, which make it the same on a busy machine, and a moment longer."""
    end, faults = time.monotonic() + PATIENCE, len(tally.faults)
    while sum(one.answered for one in tally.sent[fresh:]) < wanted and len(tally.faults) == faults:
        if time.monotonic() > end:
            tally.counts["rounds cut short"] += 1  # a kill that tells less: nobody was answered any more
            break
        time.sleep(0.005)
    time.sleep(moment)


def _kill(service: Service, store: Store, *, with_database: bool) -> None:
    """Kill the service, and PostgreSQL with it in some rounds."""
    if with_database and store.engine.dialect.name == "postgresql":
        with database_gone(store.url, signal.SIGKILL):
            service.kill()
        store.close()  # its connections are gone
        _until_it_answers(store)
    else:
        service.kill()


def _until_it_answers(store: Store) -> None:
    """Return when a database that was killed has read through its log; raises what it says after a minute."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with store.reading() as session:
                count_events(session)
        except DBAPIError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def _look(tally: Tally, store: Store, data: Path, sent: Sequence[Sent]) -> None:
    """Look at what a round left, before anything is sent again."""
    with store.reading() as session:
        tally.faults += check_requests(session, sent)
        tally.faults += check_store(session)
        for one in sent:
            tally.counts["acknowledged" if one.answered else "not acknowledged"] += 1
            if not one.answered and one.request.kind != PHOTO:
                tally.counts["of these kept" if is_whole(kept(session, one)) else "of these not kept"] += 1
        tally.faults += check_objects(session, data / "objects")


def _look_at_all(tally: Tally, store: Store, data: Path) -> None:
    """At the end all that was ever sent is there once, and nothing else."""
    with store.reading() as session:
        tally.faults += check_requests(session, tally.sent)
        tally.faults += check_store(session, tally.events())
        tally.faults += check_objects(session, data / "objects")
        tally.faults += [
            f"the mass balance of {row['product']} differs by {row['difference']}"
            for row in mass_balance(session, actor=tally.crowd.scene.shop)
            if row["difference"]
        ]
        tally.counts["events at the end"] = count_events(session)


def _figures(tally: Tally, rounds: int, seconds: float) -> dict[str, Any]:
    sent = Counter(one.request.kind for one in tally.sent)
    things = Counter[str]()
    for one in tally.sent:
        things[one.request.kind] += len(one.request.things)
    return {
        "rounds": rounds,
        "requests": dict(sent) | {"all": len(tally.sent)},
        "events captured": things[CAPTURE],
        "packs delivered": things[DELIVERY],
        "packs sold": things[SALE],
        **tally.counts,
        "faults": tally.faults,
        "start_seconds": round(statistics.median(tally.starts), 1),
        "run_seconds": round(seconds),
    }


def _progress(tally: Tally) -> str:
    return f"{len(tally.sent)} requests, {dict(tally.counts)}, {len(tally.faults)} faults"


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told: list[str] = []
    for name, found in measured(figures, told):
        told += [
            f"{name}: killed {found['rounds']} times in {found['run_seconds']} s;"
            f" a start took {found['start_seconds']} s",
            f"  {found['requests']['all']} requests: {found['acknowledged']} acknowledged,"
            f" {found['not acknowledged']} not, of which {found['of these kept']} were kept all the same;"
            f" {found['sent again']} sent again",
            f"  {found['events captured']} events captured, {found['packs delivered']} packs delivered,"
            f" {found['packs sold']} sold, {found['requests'].get(PHOTO, 0)} photos;"
            f" {found['events at the end']} events in the end",
            *([f"  {cut} rounds cut short: no answers came"] if (cut := found["rounds cut short"]) else []),
            f"  {len(found['faults'])} faults" + "".join(f"\n    {fault}" for fault in found["faults"][:20]),
        ]
    return told
