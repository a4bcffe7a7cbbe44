"""The registrations of a pharmacy's pharmacists (执业药师注册证): filed, corrected, and told before they end (R17)."""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import person, pharmacist
from trace.domain.failures import N_, Forbidden, Invalid, NotFound
from trace.domain.papers import Finding
from trace.domain.parties import DRUG_TRADE
from trace.domain.permissions import Actor, Role
from trace.domain.rules.expiries import Expiring, check_expiries
from trace.services.commands import Command, run_once
from trace.services.kept_changes import keep_changes
from trace.services.rulebook import rules_on

KIND = "pharmacist"  # of its corrections
REGISTRATION = "pharmacist_registration"  # what ends (R17)


def file_pharmacist(
    session: Session,
    command: Command,
    *,
    person_id: str,
    registration_no: str,
    expires_on: date | None,
    title: str = "",
    device: str = "",
) -> dict[str, Any]:
    """Put a colleague's registration on file, or say it anew: {id, registration_no, title, expires_on}.

    What stood there is kept with who changed it (R16). Raises `Forbidden` outside the drug trade, `NotFound` for
    anybody else's people, `Invalid` for somebody whose role is not that of a pharmacist, or without a number.
    Two at once: the primary key (person) of `pharmacist` makes them one file, and the later one counts.
    """

    def act() -> dict[str, Any]:
        if command.actor.organisation_kind not in DRUG_TRADE:
            raise Forbidden(N_("Pharmacists are registered with a business of the drug trade."))
        row = session.execute(
            select(person).where(person.c.public_id == person_id, person.c.organisation == command.actor.organisation)
        ).one_or_none()
        if row is None:
            raise NotFound(N_("There is no person {id}."), field="person", id=person_id)
        if row.role != Role.PHARMACIST:
            text = N_("{name} works here in the role {role}; only a pharmacist has a registration.")
            raise Invalid(text, field="person", name=row.name, role=row.role)
        said = {
            "registration_no": registration_no.strip().upper(),
            "title": title.strip(),
            "expires_on": expires_on,
        }
        if not said["registration_no"]:
            raise Invalid(N_("Give the number of the registration."), field="registration_no")
        before = session.execute(select(pharmacist).where(pharmacist.c.person == row.id)).one_or_none()
        values = {"organisation": command.actor.organisation, "filed_at": command.now, **said}
        statement = insert_for(session, pharmacist).values(person=row.id, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["person"], set_=values))
        keep_changes(session, command, kind=KIND, subject=person_id, before=before, now=said, device=device)
        return {"id": person_id, **said, "expires_on": expires_on.isoformat() if expires_on else None}

    return run_once(session, command, "file_pharmacist", act)


def list_pharmacists(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """The colleagues in the role of a pharmacist, by name: {id, name, registration_no, title, expires_on}.

    Of somebody without a registration on file the last three are None.
    """
    query = (
        select(person.c.public_id, person.c.name, pharmacist.c.registration_no, pharmacist.c.title)
        .add_columns(pharmacist.c.expires_on)
        .join(pharmacist, pharmacist.c.person == person.c.id, isouter=True)
        .where(person.c.organisation == actor.organisation, person.c.active, person.c.role == Role.PHARMACIST)
        .order_by(person.c.name, person.c.id)
    )
    return [
        {
            "id": row.public_id,
            "name": row.name,
            "registration_no": row.registration_no,
            "title": row.title,
            "expires_on": row.expires_on,
        }
        for row in session.execute(query)
    ]


def registration_warnings(session: Session, *, actor: Actor, on: date) -> list[Finding]:
    """R17: registrations of the own pharmacists that are over or end soon, the soonest first."""
    things = [
        Expiring(REGISTRATION, one["name"], one["expires_on"])
        for one in list_pharmacists(session, actor=actor)
        if one["expires_on"] is not None
    ]
    return list(check_expiries(things, rules_on(session, on, actor.organisation)))
