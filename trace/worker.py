"""The worker: takes the jobs that wait and carries them out, in threads beside the server or alone (`./run work`).

No transaction is open while something is sent. Every step is guarded by the job's lease, so that any number of workers
in any number of processes may run, and any of them may be killed at any moment: its job waits until the lease runs out.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from http import HTTPStatus

import structlog

from storage import jobs
from storage.jobs import Job
from storage.store import Store
from trace import clock
from trace.domain.failures import N_, Failure
from trace.erasing_work import work_on_erasing
from trace.export_work import ExportWork
from trace.import_work import work_on_import
from trace.services.exports import export_seal
from trace.services.rounds import MOST_EVENTS, Round, end_round, fail_round, read_round, take_round, waiting_since
from trace.services.webhooks import Undelivered, deliver, parse_destination

THREADS = 4  # a receiver may keep one busy for half a minute
PAUSE = 1.0  # seconds between two looks for work
STOP_SECONDS = 30.0  # a delivery takes no longer
LEASE = timedelta(minutes=2)  # longer than reading a round and one delivery take
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker needs: the store, the clock of schedules, whether receivers on this network are allowed.

    `secret_key` is the service's: it opens the secrets of exports.
    """

    store: Store
    zone: tzinfo
    private: bool
    secret_key: str = field(default="", repr=False)
    now: Callable[[], datetime] = clock.now
    jitter: Callable[[], float] = random.random

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; the job in hand is finished first. Nothing that goes wrong ends the loop."""
        while not stop.is_set():
            try:
                busy = self.work_once()
            except Exception as fault:  # the store is out of reach, or a fault of ours: told, and tried again
                log.error("worker_failed", kind=type(fault).__name__, exc_info=fault)
                busy = False
            if not busy:
                stop.wait(PAUSE)

    def work_once(self) -> bool:
        """Carry out the round that waits longest, else a step of exports, else an erasing, else a table to bring in."""
        exports = ExportWork(self.store, self.now, self.zone, export_seal(self.secret_key), self.private)
        return (
            self._deliver_once()
            or exports.work_once()
            or work_on_erasing(self.store, now=self.now, zone=self.zone)
            or work_on_import(self.store, now=self.now, zone=self.zone)
        )

    def _deliver_once(self) -> bool:
        with self.store.reading() as session:  # a look takes no lock; SQLite's writers have only one
            if waiting_since(session, now=self.now()) is None:
                return False
        now = self.now()
        taken = self.store.write(take_round, now=now, lease=str(uuid.uuid4()), until=now + LEASE)
        if taken is None:
            return False
        try:
            self._carry_out(taken)
        except Failure as failure:
            self._fail(taken, failure)
        except Exception:
            self._fail(taken, Failure(N_("Something went wrong on our side; the log of the service has it.")))
            raise
        return True

    def _carry_out(self, taken: Job) -> None:
        most = MOST_EVENTS
        while True:
            with self.store.reading() as session:
                found = read_round(session, taken, most=most)
            if found is None:  # its subscription is gone, and should have taken the job along
                self.store.write(jobs.finish, taken)
                return
            status = self._send(found) if found.due else None
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(found.documents) > 1:
                most = len(found.documents) // 2  # "asks the server to send EPCIS events in smaller batches"
                continue
            if status is not None and not 200 <= status < 300:
                raise Undelivered(N_("The receiver answered {status}."), status=status)
            kept = self.store.write(end_round, found, sent=status is not None, now=self.now(), zone=self.zone)
            if status is not None:
                log.info("delivered", subscription=found.subscription.public_id, events=len(found.documents), kept=kept)
            return

    def _send(self, found: Round) -> int:
        """The receiver's status. The lease is renewed first: reading may have taken its time."""
        now = self.now()
        if not self.store.write(jobs.extend, found.job, until=now + LEASE):
            raise Undelivered(N_("Another worker took over."))
        row = found.subscription
        destination = parse_destination(row.dest, private=self.private)
        return deliver(destination, found.body(now), token=row.signature_token, private=self.private, now=now)

    def _fail(self, taken: Job, failure: Failure) -> None:
        kept = self.store.write(fail_round, taken, failure, now=self.now(), jitter=self.jitter())
        log.warning(
            "undelivered", job=taken.subject, kind=type(failure).__name__, attempt=taken.attempts + 1, kept=kept
        )


class Crew:
    """Some workers in threads of their own, which end with the process or when they are told to."""

    def __init__(self, worker: Worker, size: int = THREADS):
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=worker.run, args=(self._stop,), name=f"worker-{number}", daemon=True)
            for number in range(size)
        ]

    def start(self) -> "Crew":
        """Begin to work."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Let every worker finish the job in hand, waiting so long at most; what is not finished is done again."""
        self._stop.set()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
