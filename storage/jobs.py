"""The queue of work waiting: put with the fact that needs it, taken under a lease, done at least once.

A job is a row of `job`. Whoever takes it gets a lease: a token of its own and a time until which nobody else takes
the job. A worker that crashes leaves a lease that runs out; a worker that comes back too late finds another's token
in the row and can neither finish nor reschedule the job, so what it did in the same transaction is rolled back.
All moments are told by the caller: workers on several machines need clocks that agree to a few seconds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, true, update
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import job

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as taken: what it is about, how often it failed in a row, and the lease that proves it is ours."""

    id: int
    kind: str
    subject: int
    due_at: datetime
    attempts: int
    lease: str


def put(session: Session, *, kind: str, subject: int, due_at: datetime) -> None:
    """Ask for work on a subject at a time, in the transaction of the fact that needs it; asked twice is asked once.

    The unique key (kind, subject) of `job` decides between two at once.
    """
    values = {"kind": kind, "subject": subject, "due_at": due_at, "attempts": 0}
    session.execute(insert_for(session, job).values(values).on_conflict_do_nothing(index_elements=["kind", "subject"]))


def drop(session: Session, *, kind: str, subject: int) -> None:
    """Nothing is to be done about a subject any more; a worker that has it now cannot finish it."""
    session.execute(delete(job).where(job.c.kind == kind, job.c.subject == subject))


def take(
    session: Session, *, now: datetime, lease: str, until: datetime, ready: ColumnElement[bool] | None = None
) -> Job | None:
    """The job that has waited longest and that nobody has, leased to the caller until a time; None if there is none.

    `ready` is a further condition on the rows of `job` (a stream is not ready while nothing is new).
    PostgreSQL: FOR UPDATE SKIP LOCKED on the row, so that of two workers at once the second passes on to the next job.
    SQLite: the caller's session writes, so it began with BEGIN IMMEDIATE: the second looks when the first is done.
    """
    free = (
        select(job.c.id)
        .where(_takeable(now, ready))
        .order_by(job.c.due_at, job.c.id)
        .limit(1)
        .with_for_update(of=job, skip_locked=True)
        .scalar_subquery()
    )
    statement = update(job).where(job.c.id == free).values(lease=lease, lease_until=until).returning(job)
    row = session.execute(statement).one_or_none()
    return None if row is None else Job(row.id, row.kind, row.subject, row.due_at, row.attempts, lease)


def waiting_since(session: Session, *, now: datetime, ready: ColumnElement[bool] | None = None) -> datetime | None:
    """Since when the job that has waited longest could have been taken, or None if none waits. Takes no lock."""
    first: datetime | None = session.execute(select(func.min(job.c.due_at)).where(_takeable(now, ready))).scalar_one()
    return first


def extend(session: Session, taken: Job, *, until: datetime) -> bool:
    """Keep the job longer; False if the lease is no longer ours (the guarded update of its row decides)."""
    return _change(session, taken, lease_until=until)


def reschedule(session: Session, taken: Job, *, due_at: datetime) -> bool:
    """Give the job back, done for now, due again at a time; False if the lease is no longer ours.

    The guarded update locks the row until the transaction ends: what the caller writes besides is kept only if nobody
    took the job over meanwhile.
    """
    return _change(session, taken, lease=None, lease_until=None, due_at=due_at, attempts=0, last_error=None)


def retry(session: Session, taken: Job, *, due_at: datetime, error: str) -> bool:
    """Give the job back, failed, due again at a time; False if the lease is no longer ours."""
    return _change(
        session, taken, lease=None, lease_until=None, due_at=due_at, attempts=taken.attempts + 1, last_error=error
    )


def finish(session: Session, taken: Job) -> bool:
    """The job is done for good; False if the lease is no longer ours."""
    mine = (job.c.id == taken.id) & (job.c.lease == taken.lease)
    return session.execute(delete(job).where(mine).returning(job.c.id)).one_or_none() is not None


def back_off(attempts: int, *, jitter: float) -> timedelta:
    """How long to wait after so many failures in a row (from 1): 5 s, doubling, an hour at the most.

    `jitter` from 0 to 1 takes up to half of it away, so that many jobs that failed together do not come back together.
    """
    longest: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    return longest * (1 - jitter / 2)


def _takeable(now: datetime, ready: ColumnElement[bool] | None) -> ColumnElement[bool]:
    unleased = job.c.lease_until.is_(None) | (job.c.lease_until <= now)
    return (job.c.due_at <= now) & unleased & (true() if ready is None else ready)


def _change(session: Session, taken: Job, **values: Any) -> bool:
    mine = (job.c.id == taken.id) & (job.c.lease == taken.lease)
    return session.execute(update(job).where(mine).values(values).returning(job.c.id)).one_or_none() is not None
