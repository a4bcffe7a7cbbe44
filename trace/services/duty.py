"""Who of the pharmacists is on duty (药师在岗): from one tap at sign-in until the end by hand, sign-out or time."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select, update
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import duty, person, pharmacist
from storage.tables import organisation as organisation_table
from trace.domain.failures import N_, Conflict, Forbidden, Invalid
from trace.domain.permissions import Actor
from trace.services.commands import Command, run_once
from trace.services.remote_review import is_allowed, shops_reviewed_for
from trace.services.rulebook import rules_on

# The sign that has to hang at the counter (药品经营质量管理规范, SAMR 84 Art. 10).
NOBODY = N_("The pharmacist is not on duty: no prescription drugs and no class A OTC drugs are sold.")


def take_duty(
    session: Session,
    command: Command,
    *,
    until: datetime | None = None,
    person_id: str | None = None,
    remote: bool = False,
) -> dict[str, Any]:
    """Go on duty now, till `until` at the latest: the duty as `on_duty` tells it. `remote`: for the shops of the chain,
    too, whose prescriptions one reviews from headquarters (`trace.services.remote_review`).

    A person goes on duty alone; a key names the colleague who signed in to its program (`person_id`). Who is on duty
    already, on another device, gets the same duty. Raises `Forbidden` for anybody without a registration on file here,
    `Conflict` for one that is over, where no shop may be reviewed for and where a duty for this place alone goes on,
    `Invalid` for an end that is past or later than a shift lasts.

    Two at once: the partial unique key `uq_duty_open` (person) lets one in, both get that duty.
    """

    def act() -> dict[str, Any]:
        who = _registered(session, command, person_id)
        if remote and not shops_reviewed_for(session, actor=command.actor, on=command.day):
            raise Conflict(N_("There is no shop whose prescriptions are reviewed from here."), field="remote")
        latest = command.now + timedelta(hours=_longest(session, command))
        if until is not None and not command.now < until <= latest:
            text = N_("A duty ends within {hours} hours of its beginning; {until} came.")
            hours = str(_longest(session, command))
            raise Invalid(text, field="until", hours=hours, until=until.isoformat(timespec="minutes"))
        overdue = (duty.c.person == who.person) & duty.c.ended_at.is_(None) & (duty.c.until <= command.now)
        session.execute(update(duty).where(overdue).values(ended_at=duty.c.until))
        values = {
            "organisation": command.actor.organisation,
            "person": who.person,
            "started_at": command.now,
            "until": until or latest,
            "remote": remote,
        }
        session.execute(insert_for(session, duty).values(values).on_conflict_do_nothing())
        found = session.execute(_open(command.actor.organisation).where(duty.c.person == who.person)).one()
        if remote and not found.remote:
            raise Conflict(N_("You are on duty for this place alone: go off duty, and on again for the shops."))
        return duty_card(found)

    return run_once(session, command, "take_duty", act)


def _longest(session: Session, command: Command) -> int:
    return int(rules_on(session, command.day, command.actor.organisation).number("duty.longest_hours"))


def _registered(session: Session, command: Command, person_id: str | None) -> Row[Any]:
    """The registration of who goes on duty; raises the reason why not."""
    query = (
        select(pharmacist, person.c.name)
        .join(person, person.c.id == pharmacist.c.person)
        .where(pharmacist.c.organisation == command.actor.organisation, person.c.active)
        .where(person.c.organisation == command.actor.organisation)
    )
    found = session.execute(query.where(_named(command, person_id))).one_or_none()
    if found is None:
        text = N_("No registration of this pharmacist is on file here. The administrator of the pharmacy files it.")
        raise Forbidden(text, field="person")
    if found.expires_on is not None and found.expires_on < command.day:
        text = N_("The registration {number} ended on {day}; nobody is on duty without one.")
        raise Conflict(text, field="person", number=found.registration_no, day=found.expires_on.isoformat())
    return found


def _named(command: Command, person_id: str | None) -> ColumnElement[bool]:
    """Whose duty it is: one's own; a key names the person."""
    if command.actor.person is not None:
        return person.c.id == command.actor.person
    if person_id is None:
        raise Invalid(N_("Name the pharmacist: person, as /pharmacists lists them."), field="person")
    return person.c.public_id == person_id


def end_duty(session: Session, command: Command, *, person_id: str | None = None) -> dict[str, Any]:
    """Go off duty: {ended: how many duties ended}; nothing happens to who is not on duty. Keys name the person.

    Two at once: the guarded update lets one through.
    """

    def act() -> dict[str, Any]:
        mine = (duty.c.organisation == command.actor.organisation) & duty.c.ended_at.is_(None)
        who = select(person.c.id).where(person.c.organisation == command.actor.organisation)
        who = who.where(_named(command, person_id))
        ended = update(duty).where(mine, duty.c.person.in_(who), duty.c.until > command.now)
        rows = session.execute(ended.values(ended_at=command.now).returning(duty.c.id)).all()
        return {"ended": len(rows)}

    return run_once(session, command, "end_duty", act)


def on_duty(session: Session, *, organisation: int, at: datetime) -> list[dict[str, Any]]:
    """The pharmacists on duty at a place and moment: {person, name, registration_no, title, since, until, remote}.

    Times are ISO. One whose account ended, or whose registration was over by then, is not on duty.
    """
    return [duty_card(row) for row in duty_rows(session, organisation=organisation, at=at)]


def duty_rows(session: Session, *, organisation: int, at: datetime) -> list[Row[Any]]:
    """The same as rows {id, person, public_id, ...}, the first to come first."""
    query = duties_at(at).where(duty.c.organisation == organisation)
    return list(session.execute(query.order_by(duty.c.started_at, duty.c.id)).all())


def duties_at(at: datetime) -> Select[Any]:
    """Whoever is on duty anywhere at a moment, as rows of `duty_rows`."""
    then = (
        duty.c.started_at <= at,
        duty.c.until > at,
        or_(duty.c.ended_at.is_(None), duty.c.ended_at > at),
        or_(pharmacist.c.expires_on.is_(None), pharmacist.c.expires_on >= at.date()),
    )
    return _all().where(*then)


def remote_rows(session: Session, *, shop: int, at: datetime) -> list[Row[Any]]:
    """The pharmacists on duty for a shop (its number) at its headquarters, where the rule book lets them review for it
    (`trace.services.remote_review`), as rows of `duty_rows`."""
    if not is_allowed(session, shop=shop, on=at.date()):
        return []
    head = select(organisation_table.c.headquarters).where(organisation_table.c.id == shop).scalar_subquery()
    query = duties_at(at).where(duty.c.organisation == head, duty.c.remote)
    return list(session.execute(query.order_by(duty.c.started_at, duty.c.id)).all())


def remote_on_duty(session: Session, *, shop: int, at: datetime) -> list[dict[str, Any]]:
    """The same as `on_duty` tells them."""
    return [duty_card(row) for row in remote_rows(session, shop=shop, at=at)]


def own_duty(session: Session, *, actor: Actor, at: datetime) -> dict[str, Any] | None:
    """The duty the person has now, or None."""
    rows = duty_rows(session, organisation=actor.organisation, at=at)
    return next((duty_card(row) for row in rows if actor.person is not None and row.person == actor.person), None)


def may_take_duty(session: Session, *, actor: Actor, at: datetime) -> bool:
    """Whether this is a pharmacist with a valid registration who is not on duty: who is offered it at sign-in."""
    if actor.person is None or own_duty(session, actor=actor, at=at) is not None:
        return False
    valid = or_(pharmacist.c.expires_on.is_(None), pharmacist.c.expires_on >= at.date())
    mine = (pharmacist.c.person == actor.person) & (pharmacist.c.organisation == actor.organisation)
    return session.execute(select(pharmacist.c.person).where(mine, valid)).one_or_none() is not None


def _all() -> Select[Any]:
    return (
        select(duty, person.c.public_id, person.c.name, pharmacist.c.registration_no, pharmacist.c.title)
        .join(person, person.c.id == duty.c.person)
        .join(pharmacist, pharmacist.c.person == person.c.id)
        .where(pharmacist.c.organisation == duty.c.organisation, person.c.active)
    )


def _open(organisation: int) -> Select[Any]:
    return _all().where(duty.c.organisation == organisation, duty.c.ended_at.is_(None))


def duty_card(row: Row[Any]) -> dict[str, Any]:
    """A row of `duty_rows` as it is told."""
    return {
        "person": row.public_id,
        "name": row.name,
        "registration_no": row.registration_no,
        "title": row.title,
        "since": row.started_at.isoformat(),
        "until": row.until.isoformat(),
        "remote": row.remote,
    }
