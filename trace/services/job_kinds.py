"""The kinds of work in the background, registered in one place; `trace.worker.WORK` has the function of each.

Whoever records a fact that needs work puts a job in the same transaction (`storage.jobs.put`); a worker takes the job
of any kind that has waited longest. A new kind is a name in the service that puts it, an entry here, a function
`(workplace, job)` in `trace.worker.WORK`, words in `trace.web.word_list_desk`, and, where one gives up some day, a line
in the rule book's `job.patience`.

Work of the service itself (a sweep, a move) is `standing`: there is one job of the kind, which every worker puts where
it is missing, and which comes again by itself at the time that `again` tells. Its function does the work and no more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, literal, or_, select
from sqlalchemy.orm import Session

from storage import jobs
from storage.jobs import Job
from storage.tables import job
from storage.tables.columns import Moment
from trace.domain.failures import N_
from trace.domain.jobs import patience_for
from trace.services import (
    export_files,
    export_sending,
    import_jobs,
    object_keeping,
    prescription_images,
    rounds,
    subscriptions,
    trace_parts,
)
from trace.services.bulk_import import JOB as IMPORT
from trace.services.job_failing import tell_dead
from trace.services.rulebook import rules_on

SERVICE = 0  # subject of the service's own work


@dataclass(frozen=True, slots=True)
class JobKind:
    """How work of a kind is taken and ended.

    `lease`: longer than anything it does between two renewals. `ready`: a further condition on the row of `job`.
    `give_up(session, subject, now)` ends the work for good or for now, and `outcome` says how; None where nobody may.
    `again(session, now)`: of standing work, when it is due next; `now` carries the zone of the shops.
    """

    lease: timedelta
    ready: Callable[[Session], ColumnElement[bool]] | None = None
    give_up: Callable[[Session, int, datetime], None] | None = None
    outcome: str = ""
    again: Callable[[Session, datetime], datetime] | None = None


def _export(kind: str) -> JobKind:
    def give_up(session: Session, subject: int, now: datetime) -> None:
        export_sending.leave_until_tonight(session, subject, kind, now=now)

    return JobKind(export_sending.LEASE, give_up=give_up, outcome=N_("It is left until its time of the next day."))


KINDS: Mapping[str, JobKind] = {
    subscriptions.KIND: JobKind(
        rounds.LEASE,
        ready=rounds.has_news,
        give_up=lambda session, subject, now: subscriptions.end_subscription(session, subject),
        outcome=N_("The subscription ends: its receiver is told nothing any more."),
    ),
    export_files.BUILD: _export(export_files.BUILD),
    export_files.SEND: _export(export_files.SEND),
    export_files.ASK: _export(export_files.ASK),
    prescription_images.ERASE: JobKind(prescription_images.LEASE),  # the law's: nobody gives it up
    IMPORT: JobKind(
        import_jobs.LEASE,
        give_up=lambda session, subject, now: import_jobs.give_import_up(session, subject, now=now),
        outcome=N_("The table is refused; nothing of it is stored."),
    ),
    object_keeping.KEEP: JobKind(object_keeping.LEASE, again=object_keeping.next_keeping),
    object_keeping.SWEEP: JobKind(object_keeping.LEASE, again=object_keeping.next_sweep),
    trace_parts.SWEEP: JobKind(trace_parts.LEASE, again=trace_parts.next_sweep),
}


def work_waits(session: Session, *, now: datetime, kinds: Mapping[str, JobKind] = KINDS) -> bool:
    """Whether work of any kind could be taken. Takes no lock."""
    return jobs.waiting_since(session, now=now, ready=ready(session, kinds)) is not None


def take_work(session: Session, *, now: datetime, lease: str, kinds: Mapping[str, JobKind] = KINDS) -> Job | None:
    """The job of any kind that has waited longest, under a lease as long as its kind's (`storage.jobs.take`)."""
    leases = {name: literal(now + kind.lease, Moment) for name, kind in kinds.items()}
    until = case(leases, value=job.c.kind)
    return jobs.take(session, now=now, lease=lease, until=until, ready=ready(session, kinds))


def ready(session: Session, kinds: Mapping[str, JobKind] = KINDS) -> ColumnElement[bool]:
    """Of a row of `job`: its kind is known here, and nothing of the kind's own keeps it back."""
    plain = [name for name, kind in kinds.items() if kind.ready is None]
    others = [(job.c.kind == name) & kind.ready(session) for name, kind in kinds.items() if kind.ready is not None]
    return or_(job.c.kind.in_(plain), *others)


def bury_if_over(session: Session, taken: Job, *, now: datetime) -> bool:
    """Whether a job that killed its workers is dead by now: the patience of the rule book is over before it begins."""
    patience = patience_for(taken.kind, rules_on(session, now.date(), taken.organisation or 0).value("job.patience"))
    since = taken.failing_since or now
    if patience is None or not patience.is_over(taken.attempts, since, now):
        return False
    if not jobs.bury(session, taken, now=now):
        return False
    tell_dead(session, taken, now=now)
    return True


def is_to_tend(session: Session, *, now: datetime, kinds: Mapping[str, JobKind] = KINDS) -> bool:
    """Whether `tend` would do anything. Takes no lock."""
    return bool(_missing(session, kinds)) or jobs.is_to_mend(session, now=now)


def tend(session: Session, *, now: datetime, kinds: Mapping[str, JobKind] = KINDS) -> int:
    """Put the service's own work where it is missing, and put right what a clock that was put back has left.

    How many jobs were put right. Two at once: the key of `job` and the guarded updates of `storage.jobs.mend`.
    """
    for name in _missing(session, kinds):
        jobs.put(session, kind=name, subject=SERVICE, due_at=now, now=now, organisation=None)
    return jobs.mend(session, now=now)


def _missing(session: Session, kinds: Mapping[str, JobKind]) -> list[str]:
    standing = [name for name, kind in kinds.items() if kind.again is not None]
    if not standing:
        return []
    there = set(session.scalars(select(job.c.kind).where(job.c.kind.in_(standing))))
    return [name for name in standing if name not in there]


def come_again(session: Session, taken: Job, kind: JobKind, *, now: datetime) -> bool:
    """Have standing work come again at its time; False if the lease is no longer ours."""
    if kind.again is None:
        raise TypeError(f"work of the kind {taken.kind} does not come again by itself")
    return jobs.reschedule(session, taken, due_at=kind.again(session, now), now=now)
