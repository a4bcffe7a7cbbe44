"""Who looked at what: every look by an inspector or auditor is written down, and auditors read the log (R18)."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage.store import write_at_end
from storage.tables import api_key, lookup_log, organisation, person
from trace.domain.permissions import Actor, region_prefix


def note_look_up(session: Session, *, actor: Actor, what: str, subject: str, now: datetime, reason: str = "") -> None:
    """Write down that an inspector or auditor looked at something; others look at their own records, unwatched.

    The line is written when the session ends, before anything is answered.
    """
    if actor.watches:
        note_own_look(session, actor=actor, what=what, subject=subject, now=now, reason=reason)


def note_own_look(session: Session, *, actor: Actor, what: str, subject: str, now: datetime, reason: str = "") -> None:
    """Write down a look whoever takes it: at what is so delicate that one's own people are watched, too."""
    write_at_end(
        session,
        insert(lookup_log).values(
            looked_up_at=now,
            organisation=actor.organisation,
            person=actor.person,
            api_key=actor.api_key,
            region=actor.region,
            what=what,
            subject=subject,
            reason=reason,
        ),
    )


def list_look_ups(session: Session, *, actor: Actor, limit: int = 100) -> list[dict[str, Any]]:
    """The look-up log of the auditor's region, newest first; `by` is the person, or the prefix of the key."""
    query = (
        select(lookup_log, organisation.c.name, person.c.name.label("person_name"), api_key.c.prefix)
        .join(organisation, organisation.c.id == lookup_log.c.organisation)
        .join(person, person.c.id == lookup_log.c.person, isouter=True)
        .join(api_key, api_key.c.id == lookup_log.c.api_key, isouter=True)
        .where(lookup_log.c.region.startswith(region_prefix(actor.region)))
        .order_by(lookup_log.c.id.desc())
        .limit(limit)
    )
    return [
        {
            "looked_up_at": row.looked_up_at,
            "organisation": row.name,
            "by": row.person_name or (f"st_{row.prefix}" if row.prefix else ""),
            "what": row.what,
            "subject": row.subject,
            "reason": row.reason,
        }
        for row in session.execute(query)
    ]
