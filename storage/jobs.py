"""The queue of work waiting: put with the fact that needs it, taken under a lease, done at least once.

A job is a row of `job`. Whoever takes it gets a lease: a token of its own and a time until which nobody else takes
the job. A worker that crashes leaves a lease that runs out; a worker that comes back too late finds another's token
in the row and can neither finish nor reschedule the job, so what it did in the same transaction is rolled back.
All moments are told by the caller: workers on several machines need clocks that agree to a few seconds. Whoever sets a
moment in a job writes beside it when it was set (`set_at`): where that is in the future, the clock was put back since,
and `mend` puts the job's moments back as far.

What failed too often is dead: it stays, is shown, and nobody takes it until somebody says so (`revive`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, true, update
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import job

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
LONGEST_ERROR = 500
CLOCKS_AGREE = timedelta(minutes=1)  # to so much at least, or something is wrong with one of them


# Of a job that did not fail, or does not count as failed any more.
_FRESH: dict[str, Any] = {
    "lease": None,
    "lease_until": None,
    "attempts": 0,
    "failing_since": None,
    "dead_at": None,
    "last_error": None,
}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as taken: what it is about, how often it failed in a row, and the lease that proves it is ours.

    `organisation` is the number of the one whose work it is, None for the service's own.
    """

    id: int
    kind: str
    subject: int
    due_at: datetime
    attempts: int
    lease: str
    organisation: int | None = None
    failing_since: datetime | None = None


def put(
    session: Session, *, kind: str, subject: int, due_at: datetime, now: datetime, organisation: int | None
) -> None:
    """Ask for work on a subject at a time, in the transaction of the fact that needs it; asked twice is asked once.

    The unique key (kind, subject) of `job` decides between two at once.
    """
    values = {
        "kind": kind,
        "subject": subject,
        "due_at": due_at,
        "set_at": now,
        "organisation": organisation,
        "attempts": 0,
    }
    session.execute(insert_for(session, job).values(values).on_conflict_do_nothing(index_elements=["kind", "subject"]))


def drop(session: Session, *, kind: str, subject: int) -> None:
    """Nothing is to be done about a subject any more; a worker that has it now cannot finish it."""
    session.execute(delete(job).where(job.c.kind == kind, job.c.subject == subject))


def take(
    session: Session,
    *,
    now: datetime,
    lease: str,
    until: datetime | ColumnElement[datetime],
    ready: ColumnElement[bool] | None = None,
) -> Job | None:
    """The job that has waited longest and that nobody has, leased to the caller until a time; None if there is none.

    `until` may depend on the job's row; `ready` is a further condition on it (a stream is not ready while nothing is
    new).
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
    # Whoever had it before and did not say how it ended was killed: that counts as a failure, or a job that kills its
    # workers would be tried for ever. Without an error: nobody was left to say one.
    killed = job.c.lease.is_not(None)
    values = {
        "lease": lease,
        "lease_until": until,
        "set_at": now,
        "attempts": job.c.attempts + case((killed, 1), else_=0),
        "failing_since": case((killed, func.coalesce(job.c.failing_since, now)), else_=job.c.failing_since),
        "last_error": case((killed, None), else_=job.c.last_error),
    }
    row = session.execute(update(job).where(job.c.id == free).values(values).returning(job)).one_or_none()
    if row is None:
        return None
    return Job(row.id, row.kind, row.subject, row.due_at, row.attempts, lease, row.organisation, row.failing_since)


def waiting_since(session: Session, *, now: datetime, ready: ColumnElement[bool] | None = None) -> datetime | None:
    """Since when the job that has waited longest could have been taken, or None if none waits. Takes no lock."""
    first: datetime | None = session.execute(select(func.min(job.c.due_at)).where(_takeable(now, ready))).scalar_one()
    return first


def extend(session: Session, taken: Job, *, until: datetime, now: datetime) -> bool:
    """Keep the job longer; False if the lease is no longer ours (the guarded update of its row decides)."""
    return _change(session, taken, lease_until=until, set_at=now)


def reschedule(session: Session, taken: Job, *, due_at: datetime, now: datetime) -> bool:
    """Give the job back, done for now, due again at a time; False if the lease is no longer ours.

    The guarded update locks the row until the transaction ends: what the caller writes besides is kept only if nobody
    took the job over meanwhile.
    """
    return _change(session, taken, **_FRESH, due_at=due_at, set_at=now)


def give_back(session: Session, taken: Job, *, due_at: datetime, now: datetime) -> bool:
    """Give the job back, neither done nor failed, due again at a time; False if the lease is no longer ours."""
    return _change(session, taken, lease=None, lease_until=None, due_at=due_at, set_at=now)


def retry(session: Session, taken: Job, *, due_at: datetime, error: str, now: datetime, dead: bool = False) -> bool:
    """Give the job back, failed, due again at a time, or `dead`; False if the lease is no longer ours."""
    return _change(
        session,
        taken,
        lease=None,
        lease_until=None,
        due_at=due_at,
        set_at=now,
        attempts=taken.attempts + 1,
        failing_since=taken.failing_since or now,
        dead_at=now if dead else None,
        last_error=error[:LONGEST_ERROR],
    )


def bury(session: Session, taken: Job, *, now: datetime) -> bool:
    """The job is dead: nobody takes it until somebody says so; False if the lease is no longer ours."""
    return _change(session, taken, lease=None, lease_until=None, dead_at=now, set_at=now)


def revive(session: Session, number: int, *, now: datetime) -> bool:
    """Have a job that failed or is dead tried again now, as if it were new; False where somebody has it, or it is gone.

    The guarded update of its row decides between two at once, and against a worker that is just taking it.
    """
    free = (job.c.id == number) & (job.c.lease_until.is_(None) | (job.c.lease_until <= now))
    values = _FRESH | {"due_at": now, "set_at": now}
    return session.execute(update(job).where(free).values(values).returning(job.c.id)).one_or_none() is not None


def mend(session: Session, *, now: datetime) -> int:
    """Put back the moments of jobs that were set in the future, by as much as the clock was put back; how many.

    Each update is guarded by what was read, so that of two who mend at once one does.
    """
    ahead = job.c.set_at > now + CLOCKS_AGREE
    mended = 0
    for row in session.execute(select(job).where(ahead)).all():
        by = row.set_at - now
        same = (job.c.id == row.id) & (job.c.set_at == row.set_at)
        values = {
            "set_at": now,
            "due_at": row.due_at - by,
            "lease_until": None if row.lease_until is None else row.lease_until - by,
            "failing_since": None if row.failing_since is None else min(row.failing_since, now),
        }
        changed = session.execute(update(job).where(same).values(values).returning(job.c.id))
        mended += len(changed.all())
    return mended


def is_to_mend(session: Session, *, now: datetime) -> bool:
    """Whether a job was set in the future. Takes no lock."""
    latest: datetime | None = session.execute(select(func.max(job.c.set_at))).scalar_one()
    return latest is not None and latest > now + CLOCKS_AGREE


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
    return (job.c.due_at <= now) & unleased & job.c.dead_at.is_(None) & (true() if ready is None else ready)


def _change(session: Session, taken: Job, **values: Any) -> bool:
    mine = (job.c.id == taken.id) & (job.c.lease == taken.lease)
    return session.execute(update(job).where(mine).values(values).returning(job.c.id)).one_or_none() is not None
