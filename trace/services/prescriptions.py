"""Prescriptions as the pharmacy has them: a reference, who reviewed it while on duty, and when (R10). No patient.

No name, ID or diagnosis is taken: the reference finds the paper in the drawer, which is kept as long as the law asks.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, case, select, union
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import duty, organisation, person, prescription
from storage.tenancy import across
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.permissions import Actor, Role
from trace.domain.rules.book import Rules
from trace.domain.rules.retention import KeptRecord, RecordKind, keep_until
from trace.domain.rules.reviews import HandedOut, counts_until, first_needing
from trace.services.commands import Command, run_once
from trace.services.duty import duty_rows, remote_rows
from trace.services.organisations import new_public_id
from trace.services.overrides import Agreement, second_person
from trace.services.remote_review import reviewer_for
from trace.services.rulebook import rules_on


def check_review(
    session: Session,
    command: Command,
    *,
    reference: str | None,
    reviewed_by: str | None,
    products: Sequence[HandedOut] | Sequence[tuple[str, str | None]],
) -> int | None:
    """R10, before anything is handed out: the number of the reviewed prescription's row, None where none is needed.

    `products` are (name, class). A pharmacist on duty who sells reviews by giving the reference; everybody else sells
    what was reviewed before (`review`). A key that has a pharmacist's role names who reviewed (`reviewed_by`, the
    public id of somebody on duty). All is judged as of the moment of the sale.

    Raises `Invalid` without a reference, `Conflict` where no pharmacist is on duty, where nobody reviewed the
    prescription, where it was somebody else, or too long ago. Two at once: see `_keep`.
    """
    rules = rules_on(session, command.day, command.actor.organisation)
    handed = [HandedOut(*product) for product in products]
    written, guarded = first_needing("reference", handed, rules), first_needing("pharmacist", handed, rules)
    text = (reference or "").strip()
    if written is not None and not text:
        sentence = N_("{product} needs the reference of a reviewed prescription.")
        raise Invalid(sentence, field="prescription", details={"rule": "R10"}, product=written.name)
    present = duty_rows(session, organisation=command.actor.organisation, at=_moment(command))
    if guarded is not None and not present and not _remote(session, command):
        sentence = N_("No pharmacist is on duty: {product} is not sold until one is.")
        raise Conflict(sentence, field="prescription", details={"rule": "R10"}, product=guarded.name)
    needing = written or guarded
    if needing is None or not text:
        return None
    found = _find(session, command, text)
    pictured = found is not None and found.object is not None
    if rules.value("prescription.image") != "none" and not pictured:
        sentence = N_("A picture of each prescription is kept here: review {reference} with its picture first.")
        raise Conflict(sentence, field="prescription", details={"rule": "R10"}, reference=text)
    if found is None:
        found = _keep(session, command, text, _reviewer(command, present, reviewed_by, text, needing))
    return int(_checked(session, command, found, reviewed_by).id)


def _remote(session: Session, command: Command) -> list[Row[Any]]:
    """The pharmacists on duty for the shop at its headquarters."""
    return remote_rows(session, shop=command.actor.organisation, at=_moment(command))


def _moment(command: Command) -> datetime:
    """When it happened, in the shop's local time: days of duty and review are the shop's."""
    return (command.happened_at or command.now).astimezone(command.now.tzinfo)


def _rules(session: Session, command: Command) -> Rules:
    return rules_on(session, command.day, command.actor.organisation)


def _counting(command: Command, found: Row[Any], rules: Rules) -> tuple[date, date]:
    """The first and the last day a review counts, in the shop's local time."""
    made_on = found.reviewed_at.astimezone(command.now.tzinfo).date()
    return made_on, counts_until(made_on, rules)


def _counts(command: Command, found: Row[Any], rules: Rules) -> bool:
    first, last = _counting(command, found, rules)
    return first <= command.day <= last


def _checked(session: Session, command: Command, found: Row[Any], reviewed_by: str | None) -> Row[Any]:
    """The review, if it counts for a sale of this day and is that of who is said to have reviewed."""
    rules = _rules(session, command)
    if not _counts(command, found, rules):
        made_on, last = _counting(command, found, rules)
        text = N_(
            "The prescription {reference} was reviewed on {day}; a review counts from then until {last}. A new one"
            " under the same reference is reviewed with the day it was written on."
        )
        raise Conflict(
            text,
            field="prescription",
            details={"rule": "R10"},
            reference=found.reference,
            day=made_on.isoformat(),
            last=last.isoformat(),
        )
    if reviewed_by is not None and reviewed_by != found.reviewer:
        text = N_("The prescription {reference} was reviewed by somebody else.")
        raise Conflict(text, field="reviewed_by", details={"rule": "R10"}, reference=found.reference)
    return found


def _reviewer(
    command: Command, present: Sequence[Row[Any]], reviewed_by: str | None, reference: str, needing: HandedOut
) -> Row[Any]:
    """The duty of who reviews by selling; raises `Conflict` where that is nobody on duty."""
    actor = command.actor
    if actor.person is None and actor.role is Role.PHARMACIST:
        if reviewed_by is None:
            text = N_("Name the pharmacist who reviewed the prescription {reference}.")
            raise Invalid(text, field="reviewed_by", details={"rule": "R10"}, reference=reference)
        who = next((row for row in present if row.public_id == reviewed_by), None)
    else:
        who = next((row for row in present if row.person == actor.person and actor.person is not None), None)
        if who is not None and reviewed_by not in (None, who.public_id):
            who = None
    if who is None:
        text = N_(
            "{product} is handed out once a pharmacist on duty has reviewed the prescription {reference}; nobody on"
            " duty did. Let them review it, here or on their own device."
        )
        field = "prescription" if reviewed_by is None else "reviewed_by"
        raise Conflict(text, field=field, details={"rule": "R10"}, product=needing.name, reference=reference)
    return who


def review(
    session: Session,
    command: Command,
    *,
    reference: str,
    prescribed_on: date | None = None,
    pharmacist: Agreement | None = None,
    reviewed_by: str | None = None,
    shop: str | None = None,
) -> dict[str, Any]:
    """A pharmacist on duty reviewed a prescription (处方审核): the review as `list_reviews` tells it, and whether a
    picture of it has to be kept (`picture_wanted`).

    On a colleague's device the pharmacist says so with sign-in and password (`pharmacist`). The same reference again is
    the review that stands. Once that counts no more, the reference may be that of a new prescription, whose day
    (`prescribed_on`) is then asked for: an old paper is not renewed by reviewing it again. `shop` is one of the
    chain's, whose prescription its headquarters' pharmacist on duty for the shops reviews from afar (远程审方).

    Raises `Invalid` without a reference, for a wrong password, for a prescription of tomorrow or one that is too old;
    `Conflict` for somebody who is not on duty; what `remote_review.reviewer_for` raises. Two at once: see `_keep`.
    """

    def act() -> dict[str, Any]:
        paper = reference.strip()
        if not paper:
            raise Invalid(N_("Give the reference under which the prescription is kept."), field="reference")
        there = command if shop is None else _at_shop(session, command, shop)
        _check_day(session, there, prescribed_on)
        who = command.actor if pharmacist is None else second_person(session, actor=command.actor, agreement=pharmacist)
        here = duty_rows(session, organisation=command.actor.organisation, at=_moment(command))
        present = here if shop is None else _remote(session, there)
        by_key = who.person is None and who.role is Role.PHARMACIST
        on_duty = next(
            (row for row in present if (row.public_id == reviewed_by if by_key else row.person == who.person)), None
        )
        if on_duty is None:
            text = N_("Only a pharmacist on duty reviews prescriptions. Go on duty first.")
            if shop is not None:
                text = N_("Only a pharmacist on duty for the shops reviews from afar. Go on duty for them first.")
            raise Conflict(text, field="reviewed_by" if by_key else "reference", details={"rule": "R10"})
        kept = _find(session, there, paper)
        if kept is None or (prescribed_on is not None and not _counts(there, kept, _rules(session, there))):
            number = 1 if kept is None else kept.number + 1
            kept = _keep(session, there, paper, on_duty, prescribed_on=prescribed_on, number=number)
        wanted = _rules(session, there).value("prescription.image") != "none" and kept.object is None
        return _as_told(_checked(session, there, kept, None)) | {"picture_wanted": wanted}

    return run_once(session, command, "review", act)


def _at_shop(session: Session, command: Command, shop: str) -> Command:
    """The command at a shop of the chain, whose prescription it is."""
    return replace(command, actor=reviewer_for(session, actor=command.actor, shop=shop, on=command.day))


def _check_day(session: Session, command: Command, prescribed_on: date | None) -> None:
    if prescribed_on is None:
        return
    rules = rules_on(session, command.day, command.actor.organisation)
    if prescribed_on > command.day:
        raise Invalid(N_("A prescription is written before it is reviewed."), field="prescribed_on")
    if counts_until(prescribed_on, rules) < command.day:
        text = N_("A prescription of {day} is too old; ask for a new one.")
        raise Invalid(text, field="prescribed_on", day=prescribed_on.isoformat())


@across(because="headquarters' pharmacist reviews for its shops")
def _keep(
    session: Session,
    command: Command,
    reference: str,
    on_duty: Row[Any],
    *,
    prescribed_on: date | None = None,
    number: int = 1,
) -> Row[Any]:
    """The review of this number of a reference, written now if there is none.

    Two at once: the unique key (organisation, reference, number) of `prescription` makes them one, and both get it.
    """
    rules = rules_on(session, command.day, command.actor.organisation)
    values = {
        "public_id": new_public_id(),
        "organisation": command.actor.organisation,
        "reference": reference,
        "number": number,
        "prescribed_on": prescribed_on,
        "reviewed_by": on_duty.person,
        "duty": on_duty.id,
        "reviewed_at": _moment(command),
        "keep_until": keep_until(KeptRecord(RecordKind.PRESCRIPTION, command.day), rules),
        "recorded_at": command.now,
    }
    session.execute(insert_for(session, prescription).values(values).on_conflict_do_nothing())
    mine = (prescription.c.reference == reference) & (prescription.c.number == number)
    return session.execute(_all(command.actor.organisation).where(mine)).one()


@across(because="headquarters' pharmacist reviews for its shops")
def _find(session: Session, command: Command, reference: str) -> Row[Any] | None:
    """The latest review of a reference by the moment of the command; the first of all where none was made by then."""
    later = prescription.c.reviewed_at > _moment(command)
    query = _all(command.actor.organisation).where(prescription.c.reference == reference)
    number = prescription.c.number
    return session.execute(query.order_by(later, case((later, number), else_=-number)).limit(1)).one_or_none()


def _all(of: int) -> Select[Any]:
    return _told().where(prescription.c.organisation == of)


def _told() -> Select[Any]:
    return (
        select(prescription, person.c.public_id.label("reviewer"), person.c.name.label("reviewer_name"))
        .add_columns(duty.c.organisation.label("on_duty_at"), organisation.c.name.label("shop"))
        .join(person, person.c.id == prescription.c.reviewed_by)
        .join(duty, duty.c.id == prescription.c.duty)
        .join(organisation, organisation.c.id == prescription.c.organisation)
    )


@across(because="headquarters' pharmacist reviews for its shops")
def list_reviews(session: Session, *, actor: Actor, since: datetime, limit: int = 100) -> list[dict[str, Any]]:
    """The own reviews since a moment, the newest first, and those made from here for shops of the chain.

    {id, reference, prescribed_on, reviewed_at, reviewed_by, pictured, name, shop, remote}; `shop` is whose prescription
    it is, `remote` whether it was reviewed from headquarters.
    """
    ours = select(prescription.c.id).where(
        prescription.c.organisation == actor.organisation, prescription.c.reviewed_at >= since
    )
    from_here = select(prescription.c.id).where(
        prescription.c.duty.in_(select(duty.c.id).where(duty.c.organisation == actor.organisation)),
        prescription.c.reviewed_at >= since,
    )
    query = _told().where(prescription.c.id.in_(union(ours, from_here)))
    rows = session.execute(query.order_by(prescription.c.id.desc()).limit(limit))
    return [_as_told(row) for row in rows]


def _as_told(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "reference": row.reference,
        "prescribed_on": row.prescribed_on.isoformat() if row.prescribed_on else None,
        "reviewed_at": row.reviewed_at.isoformat(),
        "reviewed_by": row.reviewer,
        "pictured": row.object is not None,
        "name": row.reviewer_name,
        "shop": row.shop,
        "remote": row.on_duty_at != row.organisation,
    }
