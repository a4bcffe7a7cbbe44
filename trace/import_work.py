"""The worker's part of bringing in a large table: looking at it delivery by delivery, then storing it whole.

Each delivery is tried in a short transaction of its own, which keeps nothing but how far it is. Storing is one
transaction with the end of the job: a worker that lost its lease meanwhile has stored nothing. Each begins with the
job's row, so that nobody takes the job while one of them is at work, and soon after its worker was killed others do.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from storage import jobs
from storage.again import is_out_of_reach
from storage.jobs import Job
from trace.domain.failures import N_, Failure
from trace.services.bulk_import import parts_of, try_part
from trace.services.import_jobs import Task, end_look, hold, note_progress, read_task, refuse_import, store
from trace.services.job_failing import OURS, retry_or_bury
from trace.workplace import LeaseLost, Workplace

MOST_ATTEMPTS = 3  # then the table is refused, which whoever brought it in sees
PAUSE = timedelta(seconds=30)
BROKEN_OFF = N_(
    "The work on this table was broken off {times} times: the service was killed, or the database gone. Nothing of it"
    " is stored. Bring the table in again, in parts where that goes on."
)
log = structlog.get_logger()


def bring_in(at: Workplace, taken: Job) -> None:
    """Look at a large table, or store it; what a person can mend ends it, a fault of ours comes again a few times."""
    try:
        if taken.attempts >= MOST_ATTEMPTS:  # what fails so often otherwise is refused at once
            log.error("job_dead", job=taken.kind, subject=taken.subject)
            raise Failure(BROKEN_OFF, times=taken.attempts)
        _carry_out(at, taken)
    except Failure as failure:
        at.store.write(refuse_import, taken, failure, now=at.now())
    except LeaseLost:
        raise
    except Exception as fault:
        now = at.now()
        if is_out_of_reach(fault):  # the table waits until the database has room, or is there
            at.store.write(jobs.give_back, taken, due_at=now + PAUSE, now=now)
        elif taken.attempts + 1 >= MOST_ATTEMPTS:
            at.store.write(refuse_import, taken, Failure(OURS), now=now)
        else:
            at.store.write(retry_or_bury, taken, Failure(OURS), due_at=now + PAUSE, now=now)
        raise


def _carry_out(at: Workplace, taken: Job) -> None:
    with at.store.reading() as session:
        task = read_task(session, taken, now=at.local())
    if task is None:
        at.store.write(jobs.finish, taken)
        return
    if task.looks:
        _look(at, task)
        return
    at.store.write(_store, task, now=at.now())
    log.info("imported", job=taken.subject, rows=task.row.rows)


def _look(at: Workplace, task: Task) -> None:
    done = 0
    for part in parts_of(task.row.report):
        done += 1 if isinstance(part, dict) else len(part.rows)
        at.store.write(_try_part, task, part, done=done, now=at.now())
    at.store.write(_end_look, task, now=at.now())


def _store(session: Session, task: Task, *, now: datetime) -> None:
    if not hold(session, task, now=now) or not store(session, task):
        raise LeaseLost


def _try_part(session: Session, task: Task, part: Any, *, done: int, now: datetime) -> None:
    if not hold(session, task, now=now):
        raise LeaseLost
    note_progress(session, task, done=done)
    try_part(session, task.command, task.row.report, part)


def _end_look(session: Session, task: Task, *, now: datetime) -> None:
    if not hold(session, task, now=now) or not end_look(session, task):
        raise LeaseLost
