"""What an inspector sees of a shop's stock care: quarantine, maintenance checks, stock-takings; never without a line
in the log (R18)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Actor, in_region
from trace.services.care_checks import list_checks
from trace.services.look_up_log import note_look_up
from trace.services.organisations import get_organisation_row
from trace.services.quarantine import quarantined
from trace.services.stocktake_result import get_stocktake, list_stocktakes


def see_care(session: Session, *, actor: Actor, public_id: str, now: datetime, reason: str = "") -> dict[str, Any]:
    """How an organisation keeps its stock: {organisation: {id, name}, apart, checks, stocktakes}.

    `apart` as `quarantine.quarantined` has it, `checks` as `care_checks.list_checks`, `stocktakes` as
    `stocktake_result.list_stocktakes`. An organisation sees its own; inspectors and auditors those of their region, and
    that is written down. Raises `NotFound` for any other.
    """
    there = _reader_at(session, actor, public_id)
    note_look_up(session, actor=actor, what="stock_care", subject=there.organisation_name, reason=reason, now=now)
    return {
        "organisation": {"id": public_id, "name": there.organisation_name},
        "apart": quarantined(session, actor=there),
        "checks": list_checks(session, actor=there),
        "stocktakes": list_stocktakes(session, actor=there),
    }


def see_stocktake(
    session: Session, *, actor: Actor, public_id: str, stocktake: str, now: datetime, reason: str = ""
) -> dict[str, Any]:
    """One stock-taking of an organisation, as `stocktake_result.get_stocktake` has it; who may, as for `see_care`."""
    there = _reader_at(session, actor, public_id)
    found = get_stocktake(session, actor=there, public_id=stocktake)
    subject = f"{there.organisation_name} {stocktake}"
    note_look_up(session, actor=actor, what="stock_care", subject=subject, reason=reason, now=now)
    return found


def _reader_at(session: Session, actor: Actor, public_id: str) -> Actor:
    """The actor as a reader of that organisation's own records."""
    row = get_organisation_row(session, public_id)
    if row.id != actor.organisation and not (actor.watches and in_region(row.region, actor.region)):
        raise NotFound(N_("There is no organisation {id}."), id=public_id)
    return replace(actor, organisation=row.id, organisation_name=row.name, organisation_kind=row.kind)
