"""What becomes of a job that failed: it is tried again, or, when that was often enough, it is dead and shown."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import jobs
from storage.events import intern
from storage.jobs import Job
from storage.tables import organisation
from trace.domain.failures import N_, Failure
from trace.domain.jobs import patience_for
from trace.domain.uris import UriKind
from trace.services.alerts import DEAD, raise_alert
from trace.services.rulebook import rules_on

OURS = N_("Something went wrong on our side; the log of the service has it.")
BROKEN_OFF = N_("It was broken off: its worker was killed or had no memory, or the database was gone.")


def retry_or_bury(session: Session, taken: Job, failure: Failure, *, due_at: datetime, now: datetime) -> bool:
    """Have a job that failed tried again at a time; dead where the rule book's patience (`job.patience`) is over.

    What is dead raises an alert. False, and nothing is changed, if the lease is no longer ours (the guarded update of
    `storage.jobs.retry`).
    """
    rules = rules_on(session, now.date(), taken.organisation or 0)
    patience = patience_for(taken.kind, rules.value("job.patience"))
    since = taken.failing_since or now
    dead = patience is not None and patience.is_over(taken.attempts + 1, since, now)
    if not jobs.retry(session, taken, due_at=due_at, error=as_kept(failure), now=now, dead=dead):
        return False
    if dead:
        tell_dead(session, taken, now=now)
    return True


def tell_dead(session: Session, taken: Job, *, now: datetime) -> None:
    """Raise an alert with the organisation whose work it is; the platform's administrator sees it on their own page.

    Called in the transaction of the guarded update that made the job dead, so once each time. No region is told: it is
    no matter of food or drugs.
    """
    if taken.organisation is None:
        return
    of = select(organisation.c.party_uri).where(organisation.c.id == taken.organisation)
    uri = session.execute(of).scalar_one()
    raise_alert(
        session,
        kind=DEAD,
        item=intern(session, {uri: int(UriKind.PARTY)})[uri],
        organisation=taken.organisation,
        region="",
        details={"subject": str(taken.id), "facts": {"work": f"job_{taken.kind}"}},
        now=now,
    )


def as_kept(failure: Failure) -> str:
    """A failure as a job keeps it: its sentence and values apart, so that each reader has it in their language."""
    values = {name: str(value)[:100] for name, value in failure.values.items()}
    kept = msgspec.json.encode({"message": failure.message, "values": values}).decode()
    return kept if len(kept) <= jobs.LONGEST_ERROR else str(failure)


def as_failure(kept: str) -> Failure:
    """What a job keeps, as a failure again."""
    try:
        found: dict[str, Any] = msgspec.json.decode(kept)
        return Failure(found["message"], **found["values"])
    except (msgspec.DecodeError, TypeError, KeyError):
        return Failure("{said}", said=kept)  # of another version, or too long to be kept apart
