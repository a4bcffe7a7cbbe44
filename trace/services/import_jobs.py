"""What the worker does with a large table, step by step; `trace.import_work` gives each its transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from storage import jobs
from storage.jobs import Job
from storage.tables import bulk_import
from trace.domain.failures import N_, Failure, Forbidden
from trace.domain.permissions import Permission, authorize
from trace.services.bulk_import import CHECKING, JOB, STORING, end_checking, refuse, store_all
from trace.services.commands import Command
from trace.services.on_behalf import find_actor_behind

# So long a table waits whose worker was killed. A step may take longer: each is a transaction that begins with the
# job's row, and whoever has that is passed by, or waited for (`storage.jobs.take`).
LEASE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Task:
    """An import to go on with: its row, the lease that proves it is ours, and for whom it is done."""

    job: Job
    row: Row[Any]
    command: Command

    @property
    def looks(self) -> bool:
        """Whether the table is still looked at; else it is stored."""
        return bool(self.row.state == CHECKING)


def read_task(session: Session, taken: Job, *, now: datetime) -> Task | None:
    """What is to be done, for whoever asked, as they stand today; None where nothing is left to do.

    `now` carries the zone of the shop's days. Raises `Forbidden` where they may not receive any more.
    """
    row = session.execute(select(bulk_import).where(bulk_import.c.id == taken.subject)).one_or_none()
    if row is None or row.state not in (CHECKING, STORING):
        return None
    actor = find_actor_behind(session, organisation=row.organisation, person=row.person, api_key=row.api_key)
    if actor is None:
        raise Forbidden(N_("Whoever brought the table in has left, or the key is revoked. Bring it in anew."))
    authorize(actor, Permission.GOODS_RECEIVE)
    return Task(taken, row, Command(actor, now))


def hold(session: Session, task: Task, *, now: datetime) -> bool:
    """Begin a step: nobody takes the job until the transaction ends; False if the lease is no longer ours."""
    return jobs.extend(session, task.job, until=now + LEASE, now=now)


def note_progress(session: Session, task: Task, *, done: int) -> None:
    """Tell how many rows were looked at."""
    session.execute(update(bulk_import).where(bulk_import.c.id == task.row.id).values(done=done))


def end_look(session: Session, task: Task) -> bool:
    """Write the report of a table that was looked at; False, to be rolled back, if the lease is no longer ours."""
    end_checking(session, task.row.id, task.row.report)
    return jobs.finish(session, task.job)


def store(session: Session, task: Task) -> bool:
    """Store a table whole; False, to be rolled back, if the lease is no longer ours."""
    store_all(session, task.command, task.row)
    return jobs.finish(session, task.job)


def refuse_import(session: Session, taken: Job, failure: Failure, *, now: datetime) -> None:
    """End an import that cannot go on, with the reason; nothing of it is stored."""
    if jobs.finish(session, taken):
        end_import(session, taken.subject, failure, now=now)


def give_import_up(session: Session, number: int, *, now: datetime) -> None:
    """Somebody gave an import up: it is refused, and its job goes."""
    jobs.drop(session, kind=JOB, subject=number)
    end_import(session, number, Failure(N_("It was given up. Bring the table in anew.")), now=now)


def end_import(session: Session, number: int, failure: Failure, *, now: datetime) -> None:
    """Refuse an import with a reason, if it is there."""
    row = session.execute(select(bulk_import).where(bulk_import.c.id == number)).one_or_none()
    if row is not None:
        refuse(session, row.id, row.report, failure, now)
