"""Destruction with photo and witness (R14; 食品安全法实施条例 Art. 29: kept apart, and destroyed with a record)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from storage.tables import disposal, event_withdrawn, organisation, person
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, ObjectEvent, Quantity
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor, region_prefix
from trace.domain.rules.safety import Disposal, check_disposal
from trace.services.capture import capture
from trace.services.certificates import check_own_object
from trace.services.commands import Command, Some, goods_of, run_once, stamp_of
from trace.services.goods_told import goods_of_events, stored_events
from trace.services.look_up_log import note_look_up
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on


def dispose(
    session: Session,
    command: Command,
    *,
    goods: Sequence[Some],
    reason: str,
    method: str,
    witness: str,
    sha256: str,
    place: str = "",
) -> dict[str, Any]:
    """Destroy goods, held ones first (ObjectEvent DELETE, CBV destroying), with its record: {id, events}.

    `sha256` is the photo (one's own upload), `witness` somebody else than who does it, `method` one of the rule book's
    `disposal.methods`. Raises `Invalid`, `NotFound` for a photo that is not there, `Conflict` for more than is there.
    Two at once: `storage.stock.lock_stock` decides who destroys the last of it. Reason and witness stay in the record;
    the public trace knows that the goods were destroyed.
    """

    def act() -> dict[str, Any]:
        methods = rules_on(session, command.day, command.actor.organisation).value("disposal.methods")
        if method not in methods:
            text = N_("Choose how the goods are destroyed: {methods}.")
            raise Invalid(text, field="method", methods=", ".join(methods))
        _check_record(session, command, Disposal(reason, method, place, witness, bool(sha256), command.actor.name))
        check_own_object(session, command.actor, sha256)
        event = _event(session, command, goods, reason)
        (done,) = capture(session, [event], actor=command.actor, now=command.now)
        public_id = new_public_id()
        session.execute(
            insert(disposal).values(
                public_id=public_id,
                organisation=command.actor.organisation,
                event=done.event,
                reason=reason,
                method=method,
                witness=witness.strip(),
                object=sha256,
                place=place,
                person=command.actor.person,
                disposed_at=command.happened_at or command.now,
            )
        )
        return {"id": public_id, "events": [done.event_id]}

    return run_once(session, command, "destroy", act)


def _check_record(session: Session, command: Command, facts: Disposal) -> None:
    """Raise `Invalid` where the record lacks what the rule book asks for, or where nobody else was there (R14)."""
    found = next(iter(check_disposal(facts, rules_on(session, command.day, command.actor.organisation))), None)
    if found is not None:
        lacking = found.values.get("fields", "witness").partition(", ")[0]
        field = {"photo": "sha256"}.get(lacking, lacking)
        raise Invalid(found.message, field=field, details={"rule": found.rule}, **found.values)


def _event(session: Session, command: Command, goods: Sequence[Some], reason: str) -> ObjectEvent:
    gone = goods_of(session, goods, "goods")
    return ObjectEvent(
        **stamp_of(session, command).common(),
        action=Action.DELETE,
        biz_step=BizStep.DESTROYING,
        disposition=Disposition.DESTROYED,
        epcs=tuple(good.item for good in gone if good.amount is None),
        quantities=tuple(Quantity(good.item, good.amount, good.unit) for good in gone if good.amount is not None),
        extensions={"sunshine:reason": reason},
    )


def list_disposals(
    session: Session, *, actor: Actor, now: datetime, limit: int = 50, before: int | None = None
) -> list[dict[str, Any]]:
    """The organisation's destructions, newest first, a page at a time (`before`: the last one's `number`).

    An inspector sees those of the region, and the look is written down (R18); the photos are shown by
    `trace.services.scans.get_object`.
    """
    if actor.watches:
        note_look_up(session, actor=actor, what="disposals", subject=actor.region, now=now)
    query = (
        select(
            disposal,
            organisation.c.name.label("by"),
            person.c.name.label("done_by"),
            event_withdrawn.c.event.is_not(None).label("undone"),
        )
        .join(organisation, organisation.c.id == disposal.c.organisation)
        .outerjoin(event_withdrawn, event_withdrawn.c.event == disposal.c.event)
        .outerjoin(person, person.c.id == disposal.c.person)
        .order_by(disposal.c.id.desc())
        .limit(limit)
    )
    if actor.watches:
        query = query.where(organisation.c.region.startswith(region_prefix(actor.region)))
    else:
        query = query.where(disposal.c.organisation == actor.organisation)
    if before is not None:
        query = query.where(disposal.c.id < before)
    rows = session.execute(query).all()
    goods = goods_of_events(session, actor, stored_events(session, [row.event for row in rows]))
    return [_card(row, goods[row.event]) for row in rows]


def _card(row: Row[Any], goods: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "number": row.id,
        "organisation": row.by,
        "goods": goods,
        "reason": row.reason,
        "method": row.method,
        "witness": row.witness,
        "by": row.done_by or "",
        "place": row.place,
        "sha256": row.object,
        "disposed_at": row.disposed_at,
        "undone": row.undone,
    }
