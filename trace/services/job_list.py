"""Work in the background as administrators see it: what waits, what fails, what is dead, and what they say of it.

An organisation's administrator sees its own work; the platform's sees all, without the names of anybody's business, and
ends nobody else's. Every decision is kept in `job_decision`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, insert, select
from sqlalchemy.orm import Session

from storage import jobs
from storage.tables import (
    api_key,
    bulk_import,
    export_target,
    job,
    job_decision,
    named_query,
    organisation,
    person,
    subscription,
)
from storage.tenancy import across
from trace.domain.failures import N_, Conflict, Failure, Forbidden, Invalid, NotFound
from trace.domain.jobs import Decision, JobState
from trace.domain.permissions import Actor, Permission, Role, authorize
from trace.services import export_files, subscriptions
from trace.services.bulk_import import JOB as IMPORT
from trace.services.commands import Command, run_once
from trace.services.job_failing import BROKEN_OFF, as_failure
from trace.services.job_kinds import KINDS, SERVICE, ready

PAGE = 50
LATEST = 20  # decisions shown
LONGEST_REASON = 200
MOST_NUMBER = 2**62  # what the stores take as a number; addresses may name any
TROUBLE = (JobState.DEAD, JobState.FAILING)
# What a job is about, in the words of its organisation: {kind: the name by the subject's number}.
_NAMES: Mapping[str, Any] = {
    subscriptions.KIND: select(named_query.c.name)
    .join(subscription, subscription.c.query == named_query.c.id)
    .where(subscription.c.id == job.c.subject)
    .scalar_subquery(),
    IMPORT: select(bulk_import.c.name).where(bulk_import.c.id == job.c.subject).scalar_subquery(),
    **{
        kind: select("export_" + export_target.c.kind).where(export_target.c.id == job.c.subject).scalar_subquery()
        for kind in (export_files.BUILD, export_files.SEND, export_files.ASK)
    },
}


def count_jobs(session: Session, *, now: datetime, organisation: int | None = None) -> list[dict[str, Any]]:
    """How many jobs of each kind are in each state: [{kind, states: {state: number}, due_since}], by kind.

    `due_since` is since when the one that has waited longest could have been taken, None where none waits. All jobs, or
    an organisation's own. Ready to be told as figures of the service: no text of anybody's is in it.
    """
    state = _state(now)
    late = (job.c.due_at <= now) & (state.in_((JobState.WAITING, JobState.FAILING))) & ready(session)
    query = select(job.c.kind, state, func.count(), func.min(case((late, job.c.due_at)))).group_by(job.c.kind, state)
    if organisation is not None:
        query = query.where(job.c.organisation == organisation)
    found: dict[str, dict[str, Any]] = {}
    for kind, name, many, since in session.execute(query):
        one = found.setdefault(kind, {"kind": kind, "states": dict.fromkeys(JobState, 0), "due_since": None})
        one["states"][JobState(name)] = many
        one["due_since"] = min(filter(None, (one["due_since"], since)), default=None)
    return [found[kind] for kind in sorted(found)]


def check_jobs(session: Session, *, now: datetime) -> str | None:
    """None if no work is dead, else a sentence for whoever runs the service."""
    dead = {one["kind"]: one["states"][JobState.DEAD] for one in count_jobs(session, now=now)}
    told = ", ".join(f"{kind} {many}" for kind, many in dead.items() if many)
    return f"stopped after too many failures ({told}): decide at /jobs" if told else None


@across(because="the platform's administrators see whose work failed; the WHERE says what each may see")
def count_stopped(session: Session, *, actor: Actor) -> int:
    """How much work that the actor may see is dead. Raises `Forbidden` for who may not."""
    authorize(actor, Permission.JOB_MANAGE)
    query = select(func.count()).select_from(job).where(job.c.dead_at.is_not(None))
    if not _is_platform(actor):
        query = query.where(job.c.organisation == actor.organisation)
    return int(session.execute(query).scalar_one())


@across(because="the platform's administrators see whose work failed; the WHERE says what each may see")
def list_jobs(
    session: Session, *, actor: Actor, now: datetime, state: JobState | None = None, before: int | None = None
) -> dict[str, Any]:
    """Jobs in a state, or those in trouble, the latest first, at most `PAGE`: {jobs, next, counts, decisions}.

    Of a page, those that are dead come first: they wait for whoever reads it.

    `next` is what to give as `before` for those behind. Raises `Forbidden` for who may not.
    """
    authorize(actor, Permission.JOB_MANAGE)
    wanted = [state] if state is not None else list(TROUBLE)
    query = _jobs(actor, now).where(_state(now).in_(wanted)).order_by(job.c.id.desc()).limit(PAGE + 1)
    if before is not None:
        query = query.where(job.c.id < before)
    rows = session.execute(query).all()
    own = None if _is_platform(actor) else actor.organisation
    counted = count_jobs(session, now=now, organisation=own)
    return {
        "jobs": [_card(row, actor) for row in sorted(rows[:PAGE], key=lambda row: row.state != JobState.DEAD)],
        "next": rows[PAGE - 1].id if len(rows) > PAGE else None,
        "counts": {state.value: sum(one["states"][state] for one in counted) for state in JobState},
        "decisions": _decisions(session, actor),
    }


@across(because="the platform's administrators see whose work failed; the WHERE says what each may see")
def get_job(session: Session, *, actor: Actor, number: int, now: datetime) -> dict[str, Any]:
    """One job; raises `NotFound`, also for another organisation's."""
    authorize(actor, Permission.JOB_MANAGE)
    return _card(_get(session, actor, number, now), actor)


@across(because="the platform's administrators see whose work failed; the WHERE says what each may see")
def decide_on_job(
    session: Session, command: Command, *, number: int, decision: Decision, reason: str = ""
) -> dict[str, Any]:
    """Have a job tried again now, or give it up for a reason, which ends it as its kind says. Written down.

    Raises `NotFound`, `Forbidden` for another's work given up by the platform, `Invalid` without a reason, `Conflict`
    for what nobody may give up and for what a worker has in hand. Two at once, or a worker that is just taking it: the
    guarded update of the job's row (`storage.jobs.revive`) lets one through, the other is refused.
    """

    def act() -> dict[str, Any]:
        actor = command.actor
        authorize(actor, Permission.JOB_MANAGE)
        row = _get(session, actor, number, command.now)
        if decision is Decision.GIVE_UP:
            _check_may_give_up(row, actor, reason)
        if not jobs.revive(session, number, now=command.now):
            raise Conflict(N_("Somebody is working on it at this moment; look again in a minute."))
        if decision is Decision.GIVE_UP:
            _give_up(session, row, command.now)
        session.execute(
            insert(job_decision).values(
                organisation=actor.organisation, job=row.id, kind=row.kind, subject=row.subject, whose=row.organisation,
                decision=decision, reason=reason, last_error=row.last_error, person=actor.person,
                api_key=actor.api_key, decided_at=command.now,
            )
        )  # fmt: skip
        return {"id": number, "decision": decision}

    return run_once(session, command, "decide_on_job", act)


def _check_may_give_up(row: Row[*tuple[Any, ...]], actor: Actor, reason: str) -> None:
    if not _may_be_given_up(row, actor):
        if row.kind in KINDS and row.organisation not in (None, actor.organisation):
            raise Forbidden(N_("Only its organisation gives this up; you can have it tried again."))
        raise Conflict(N_("This is not given up: it has to be done. Have it tried again."))
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(N_("Say why, in 1 to {most} characters."), field="reason", most=LONGEST_REASON)


def _may_be_given_up(row: Row[*tuple[Any, ...]], actor: Actor) -> bool:
    kind = KINDS.get(row.kind)
    ends = kind is not None and (kind.give_up is not None or kind.again is not None)
    return ends and row.organisation in (None, actor.organisation)


def _give_up(session: Session, row: Row[*tuple[Any, ...]], now: datetime) -> None:
    kind = KINDS[row.kind]
    if kind.give_up is not None:
        kind.give_up(session, row.subject, now)
    elif kind.again is not None:  # the service's own: left out this once
        jobs.drop(session, kind=row.kind, subject=row.subject)
        jobs.put(session, kind=row.kind, subject=SERVICE, due_at=kind.again(session, now), now=now, organisation=None)


def _is_platform(actor: Actor) -> bool:
    return actor.role is Role.PLATFORM_ADMINISTRATOR


def _state(now: datetime) -> ColumnElement[str]:
    return case(
        (job.c.dead_at.is_not(None), JobState.DEAD),
        (job.c.lease_until > now, JobState.WORKING),
        (job.c.attempts > 0, JobState.FAILING),
        else_=JobState.WAITING,
    )


def _jobs(actor: Actor, now: datetime) -> Any:
    whose = organisation.c.name.label("whose")
    query = select(job, _state(now).label("state"), whose, _name().label("name")).join(
        organisation, organisation.c.id == job.c.organisation, isouter=True
    )
    return query if _is_platform(actor) else query.where(job.c.organisation == actor.organisation)


def _name() -> ColumnElement[str]:
    return case(_NAMES, value=job.c.kind)


def _get(session: Session, actor: Actor, number: int, now: datetime) -> Row[*tuple[Any, ...]]:
    found = _jobs(actor, now).where(job.c.id == min(number, MOST_NUMBER))
    row: Row[*tuple[Any, ...]] | None = session.execute(found).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such work; it may be done by now."))
    return row


def _card(row: Row[*tuple[Any, ...]], actor: Actor) -> dict[str, Any]:
    kind = KINDS.get(row.kind)
    own = row.organisation == actor.organisation
    # Whoever is killed says nothing: what failed without a word was broken off (`storage.jobs.take`).
    failure = as_failure(row.last_error) if row.last_error else Failure(BROKEN_OFF) if row.attempts else None
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "organisation": row.whose,
        "name": row.name if own else None,
        "due_at": row.due_at,
        "failures": row.attempts,
        "failing_since": row.failing_since,
        "dead_at": row.dead_at,
        "last_error": str(failure) if failure else None,
        "said": {"message": failure.message, "values": failure.values} if failure else None,
        "may_be_given_up": _may_be_given_up(row, actor),
        "outcome": kind.outcome if kind else "",
    }


def _decisions(session: Session, actor: Actor) -> list[dict[str, Any]]:
    query = (
        select(
            job_decision.c.kind, job_decision.c.decision, job_decision.c.reason, job_decision.c.decided_at,
            func.coalesce(person.c.name, api_key.c.label, "").label("who"),
        )
        .join(person, person.c.id == job_decision.c.person, isouter=True)
        .join(api_key, api_key.c.id == job_decision.c.api_key, isouter=True)
        .order_by(job_decision.c.id.desc())
        .limit(LATEST)
    )  # fmt: skip
    # What the platform decided about an organisation's work, the organisation reads, too.
    mine = (job_decision.c.organisation == actor.organisation) | (job_decision.c.whose == actor.organisation)
    return [dict(row._mapping) for row in session.execute(query.where(mine))]
