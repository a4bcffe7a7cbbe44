"""Inspections of businesses by the regulator: recorded on the spot, their outcome and grade shown to the public (R19).

食品生产经营监督检查管理办法 Art. 39 has the result hang in the shop until the next one; a pharmacy's window shows it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage.tables import inspection, organisation
from trace.domain.failures import N_, Forbidden, Invalid, NotFound
from trace.domain.inspections import Grade, Outcome
from trace.domain.permissions import Actor, in_region, region_prefix
from trace.services.commands import Command, run_once
from trace.services.look_up_log import note_look_up
from trace.services.organisations import get_organisation_row, new_public_id
from trace.services.rulebook import rules_on


def record_inspection(
    session: Session,
    command: Command,
    *,
    organisation_id: str,
    inspected_on: date,
    outcome: Outcome,
    inspectors: Sequence[str],
    grade: Grade | None = None,
    remarks: str = "",
) -> dict[str, Any]:
    """An inspector's record of an inspection: {id}. A correction is a new record; the last one of a day counts.

    Raises `NotFound` for a business outside the inspector's region, `Invalid` for a day to come and for fewer
    inspectors than the rule book asks for. Nothing is unique here: the client key keeps one from being two.
    """

    def act() -> dict[str, Any]:
        if not command.actor.watches:
            raise Forbidden(N_("Inspections are recorded by the regulator."))
        row = get_organisation_row(session, organisation_id)
        if not in_region(row.region, command.actor.region):
            raise NotFound(N_("There is no organisation {id}."), field="organisation", id=organisation_id)
        if inspected_on > command.day:
            raise Invalid(N_("An inspection is recorded when it has been made."), field="inspected_on")
        names = list(dict.fromkeys(name.strip() for name in inspectors if name.strip()))
        least = int(rules_on(session, command.day, row.id).number("inspection.inspectors"))
        if len(names) < least:
            text = N_("An inspection is made by at least {least} inspectors; name each of them.")
            raise Invalid(text, field="inspectors", least=str(least))
        public_id = new_public_id()
        values = {
            "public_id": public_id,
            "organisation": row.id,
            "region": row.region,
            "inspected_on": inspected_on,
            "outcome": outcome.value,
            "grade": grade.value if grade else None,
            "remarks": remarks.strip(),
            "inspectors": names,
            "inspected_by": command.actor.organisation,
            "person": command.actor.person,
            "recorded_at": command.now,
        }
        session.execute(insert(inspection).values(values))
        return {"id": public_id}

    return run_once(session, command, "record_inspection", act)


def list_inspections(
    session: Session, *, actor: Actor, now: datetime, organisation_id: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Inspections, the latest first: a business reads its own; a watcher those of the region, and that is written down.

    {id, organisation: {id, name}, inspected_on, outcome, grade, remarks, inspectors}.
    """
    query = select(inspection, organisation.c.public_id.label("of"), organisation.c.name).join(
        organisation, organisation.c.id == inspection.c.organisation
    )
    if actor.watches:
        note_look_up(session, actor=actor, what="inspection", subject=organisation_id or actor.region, now=now)
        query = query.where(organisation.c.region.startswith(region_prefix(actor.region)))
        if organisation_id:
            query = query.where(organisation.c.public_id == organisation_id)
    else:
        query = query.where(inspection.c.organisation == actor.organisation)
    rows = session.execute(query.order_by(inspection.c.inspected_on.desc(), inspection.c.id.desc()).limit(limit))
    return [
        {
            "id": row.public_id,
            "organisation": {"id": row.of, "name": row.name},
            "inspected_on": row.inspected_on,
            "outcome": row.outcome,
            "grade": row.grade,
            "remarks": row.remarks,
            "inspectors": row.inspectors,
        }
        for row in rows
    ]


def list_inspected(session: Session, *, actor: Actor, kinds: Sequence[str], limit: int = 500) -> list[dict[str, Any]]:
    """The businesses of these kinds in a watcher's region, by name: {id, name}; for the form of a record."""
    query = (
        select(organisation.c.public_id, organisation.c.name)
        .where(organisation.c.region.startswith(region_prefix(actor.region)), organisation.c.kind.in_(kinds))
        .order_by(organisation.c.name)
        .limit(limit)
    )
    return [{"id": row.public_id, "name": row.name} for row in session.execute(query)]
