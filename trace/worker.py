"""The worker: takes the jobs that wait and carries them out, in threads beside the server or alone (`./run worker`).

No transaction is open while something is sent. Every step is guarded by the job's lease, so that any number of workers
in any number of processes may run, and any of them may be killed at any moment: its job waits until the lease runs out.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog
from sqlalchemy.exc import SQLAlchemyError

from storage import jobs
from storage.again import is_out_of_reach
from storage.jobs import Job
from storage.objects import ObjectStore
from storage.store import Store
from storage.tenancy import sight_of
from trace.config import Settings
from trace.delivery_work import deliver_round
from trace.domain.failures import Failure
from trace.erasing_work import erase_picture
from trace.export_work import take_step
from trace.import_work import bring_in
from trace.kept_objects import objects_of
from trace.object_work import keep_objects, move_spooled, sweep_objects
from trace.services import export_files, object_keeping, prescription_images, subscriptions, trace_parts
from trace.services.bulk_import import JOB as IMPORT
from trace.services.job_failing import OURS, retry_or_bury
from trace.services.job_kinds import KINDS, JobKind, bury_if_over, come_again, is_to_tend, take_work, tend, work_waits
from trace.sweeping_work import sweep_traces
from trace.workplace import LeaseLost, Workplace

THREADS = 4  # a receiver may keep one busy for half a minute
PAUSE = 1.0  # seconds between two looks for work
TEND_SECONDS = 60.0  # between two looks for what is missing or out of time
STOP_SECONDS = 30.0  # a delivery takes no longer
log = structlog.get_logger()

# What is done for each kind of `trace.services.job_kinds.KINDS`. The function ends the job (finish, reschedule, retry),
# in one transaction with what it writes; only standing work is ended for it. What it raises is a failure of the job.
WORK: Mapping[str, Callable[[Workplace, Job], None]] = {
    subscriptions.KIND: deliver_round,
    export_files.BUILD: take_step,
    export_files.SEND: take_step,
    export_files.ASK: take_step,
    prescription_images.ERASE: erase_picture,
    IMPORT: bring_in,
    object_keeping.KEEP: keep_objects,
    object_keeping.SWEEP: sweep_objects,
    trace_parts.SWEEP: sweep_traces,
}


@dataclass(frozen=True, slots=True)
class Worker(Workplace):
    """A worker at its place; `kinds` and `work` are all there are, unless a test has some of its own."""

    kinds: Mapping[str, JobKind] = field(default_factory=lambda: KINDS)
    work: Mapping[str, Callable[[Workplace, Job], None]] = field(default_factory=lambda: WORK)
    in_hand: set[Job] = field(default_factory=set)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; the job in hand is finished first. Nothing that goes wrong ends the loop."""
        tended = -TEND_SECONDS
        while not stop.is_set():
            try:
                if time.monotonic() - tended >= TEND_SECONDS:
                    move_spooled(self.objects)
                    self.tend()
                    tended = time.monotonic()
                busy = self.work_once()
            except Exception as fault:  # told, and tried again
                if is_out_of_reach(fault):
                    log.warning("store_failure", kind=type(getattr(fault, "orig", None) or fault).__name__)
                else:
                    log.error("worker_failed", kind=type(fault).__name__, exc_info=fault)
                busy = False
            if not busy:
                stop.wait(PAUSE)

    def tend(self) -> None:
        """See that the service's own work is there, and that a clock that was put back keeps nothing waiting."""
        with self.store.reading() as session:
            if not is_to_tend(session, now=self.now(), kinds=self.kinds):
                return
        mended = self.store.write(tend, now=self.now(), kinds=self.kinds)
        if mended:
            log.warning("clock_put_back", jobs=mended)

    def work_once(self) -> bool:
        """Carry out the job that has waited longest; False if there is none."""
        with self.store.reading() as session:  # a look takes no lock; SQLite's writers have only one
            if not work_waits(session, now=self.now(), kinds=self.kinds):
                return False
        taken = self.store.write(take_work, now=self.now(), lease=str(uuid.uuid4()), kinds=self.kinds)
        if taken is None:
            return False
        if taken.attempts and self.store.write(bury_if_over, taken, now=self.now()):
            log.error("job_dead", job=taken.kind, subject=taken.subject)
            return True
        self.in_hand.add(taken)
        try:
            self._carry_out(taken)
        except LeaseLost:
            log.warning("job_lost", job=taken.kind, subject=taken.subject)
        except Failure as failure:
            self._fail(taken, failure, failure)
        except Exception as fault:
            self._fail(taken, Failure(OURS), fault)
            raise
        finally:
            self.in_hand.discard(taken)
        return True

    def give_back(self) -> None:
        """Leave what is still in hand to others, who begin it anew: whoever is told to stop did not fail at it.

        Where the store is out of reach the leases run out, as when a worker is killed.
        """
        for taken in tuple(self.in_hand):
            try:
                given = self.store.write(jobs.give_back, taken, due_at=taken.due_at, now=self.now())
            except SQLAlchemyError as fault:  # the process ends all the same
                log.warning("job_not_given_back", job=taken.kind, subject=taken.subject, kind=type(fault).__name__)
            else:
                log.info("job_given_back", job=taken.kind, subject=taken.subject, given=given)

    def _carry_out(self, taken: Job) -> None:
        # What leaves for a subscriber or an export is one organisation's: so the second line stands behind it, too.
        of = None if taken.organisation is None else self.store.seeing(sight_of(taken.organisation))
        self.work[taken.kind](self if of is None else replace(self, store=of), taken)
        kind = self.kinds[taken.kind]
        if kind.again is not None and not self.store.write(come_again, taken, kind, now=self.local()):
            raise LeaseLost

    def _fail(self, taken: Job, failure: Failure, fault: Exception) -> None:
        """What the kind's own function did not end itself is tried again, later and later.

        The log has the fault's class and the failure's sentence without its values, which may be names or secrets.
        """
        now = self.now()
        due_at = now + jobs.back_off(taken.attempts + 1, jitter=self.jitter())
        if self.store.write(retry_or_bury, taken, failure, due_at=due_at, now=now):
            kind = type(getattr(fault, "orig", None) or fault).__name__
            about = {"job": taken.kind, "subject": taken.subject, "attempt": taken.attempts + 1}
            log.warning("job_failed", **about, kind=kind, reason=failure.message)


def worker_of(settings: Settings, store: Store, objects: ObjectStore | None = None) -> Worker:
    """The worker of an installation; with the objects of the server beside which it works, where there is one."""
    return Worker(
        store,
        settings.timezone,
        private=settings.webhook_private,
        secret_key=settings.secret_key,
        objects=objects or objects_of(settings),
    )


class Crew:
    """Some workers in threads of their own, which end with the process or when they are told to."""

    def __init__(self, worker: Worker, size: int = THREADS):
        self._worker = worker
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
        """Let every worker finish the job in hand, waiting so long at most; what is not finished is given back."""
        self._stop.set()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._worker.give_back()
