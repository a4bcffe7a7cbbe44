"""The worker's part of bringing in a large table: looking at it delivery by delivery, then storing it whole.

Each delivery is tried in a short transaction of its own, which keeps nothing but how far it is. Storing is one
transaction with the end of the job: a worker that lost its lease meanwhile has stored nothing.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import structlog
from sqlalchemy.orm import Session

from storage import jobs
from storage.jobs import Job
from storage.store import Store
from trace.domain.failures import N_, Failure
from trace.services.bulk_import import parts_of, try_part
from trace.services.import_jobs import (
    Task,
    end_look,
    give_up,
    import_waits,
    note_progress,
    read_task,
    store,
    take_import,
)

LEASE = timedelta(minutes=30)  # longer than storing the largest table takes
MOST_ATTEMPTS = 3
PAUSE = timedelta(seconds=30)
log = structlog.get_logger()
_OURS = N_("Something went wrong on our side; the log of the service has it.")


class LeaseLost(Exception):
    """Another worker took over; what this one did is rolled back."""


def work_on_import(kept: Store, *, now: Callable[[], datetime], zone: tzinfo) -> bool:
    """Carry out the import that has waited longest; False if there is none."""
    with kept.reading() as session:
        if not import_waits(session, now=now()):
            return False
    taken = kept.write(take_import, now=now(), lease=str(uuid.uuid4()), until=now() + LEASE)
    if taken is None:
        return False
    try:
        _carry_out(kept, taken, now, zone)
    except LeaseLost:
        log.warning("import_lost", job=taken.subject)
    except Failure as failure:
        kept.write(give_up, taken, failure, now=now())
    except Exception:
        if taken.attempts + 1 >= MOST_ATTEMPTS:
            kept.write(give_up, taken, Failure(_OURS), now=now())
        else:
            kept.write(jobs.retry, taken, due_at=now() + PAUSE, error=_OURS)
        raise
    return True


def _carry_out(kept: Store, taken: Job, now: Callable[[], datetime], zone: tzinfo) -> None:
    with kept.reading() as session:
        task = read_task(session, taken, now=now().astimezone(zone))
    if task is None:
        kept.write(jobs.finish, taken)
        return
    if task.looks:
        _look(kept, task, now)
        return
    kept.write(_store, task)
    log.info("imported", job=taken.subject, rows=task.row.rows)


def _look(kept: Store, task: Task, now: Callable[[], datetime]) -> None:
    done = 0
    for part in parts_of(task.row.report):
        done += 1 if isinstance(part, dict) else len(part.rows)
        kept.write(_try_part, task, part, done=done, until=now() + LEASE)
    kept.write(_end_look, task)


def _store(session: Session, task: Task) -> None:
    if not store(session, task):
        raise LeaseLost


def _try_part(session: Session, task: Task, part: Any, *, done: int, until: datetime) -> None:
    try_part(session, task.command, task.row.report, part)
    if not note_progress(session, task, done=done, until=until):
        raise LeaseLost


def _end_look(session: Session, task: Task) -> None:
    if not end_look(session, task):
        raise LeaseLost
