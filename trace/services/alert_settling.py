"""What was done about an alert that nothing else ends: a sentence, by whoever answers for their side of it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import alert, alert_settlement
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.services.alerts import BY_HAND, is_seen_by, settlements_of
from trace.services.commands import Command, run_once

MOST_NUMBER = 2**62  # what the stores take as a number; addresses may name any


def settle_alert(session: Session, command: Command, *, number: int, action: str) -> dict[str, Any]:
    """Say what was done about an alert: it leaves the list of the actor's organisation, no other's, and is kept.

    Raises `NotFound` for an alert that the actor does not see, `Invalid` without a sentence, `Conflict` for a kind that
    ends with the work it asks for and for one that a colleague has settled. Two at once: the primary key of
    `alert_settlement` lets one through, the other reads what the first one said.
    """

    def act() -> dict[str, Any]:
        actor = command.actor
        seen = (alert.c.id == min(number, MOST_NUMBER)) & is_seen_by(actor)
        row = session.execute(select(alert).where(seen)).one_or_none()
        if row is None:
            raise NotFound(N_("There is no such alert."))
        if row.kind not in BY_HAND:
            raise Conflict(N_("This alert is not settled by a sentence: it ends with what it asks for."))
        if not action.strip():
            raise Invalid(N_("Say what was done with the pack, and who was told."), field="action")
        values = {
            "alert": row.id,
            "organisation": actor.organisation,
            "action": action.strip(),
            "person": actor.person,
            "api_key": actor.api_key,
            "settled_at": command.now,
        }
        statement = insert_for(session, alert_settlement).values(values).on_conflict_do_nothing()
        if session.execute(statement.returning(alert_settlement.c.alert)).one_or_none() is None:
            (first,) = settlements_of(session, [row.id], by=actor.organisation)[row.id]
            text = N_("{name} has settled this alert, at {time}: {action}")
            moment = first["at"].astimezone(command.now.tzinfo).isoformat(timespec="minutes")
            raise Conflict(text, name=first["by"], time=moment, action=first["action"])
        return {"id": row.id, "action": action.strip()}

    return run_once(session, command, "settle_alert", act)
