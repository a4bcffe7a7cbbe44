"""一处违法、处处受限: a business that a regulator blocked is blocked in every shop, until the block is lifted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from typing import Any

from sqlalchemy import Row, Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import business_block, organisation
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.parties import is_uscc_shape, normalised_number
from trace.domain.permissions import Actor, in_region
from trace.domain.suppliers import name_key
from trace.services.commands import Command, run_once
from trace.services.organisations import get_organisation_row, new_public_id

CHINA = timezone(timedelta(hours=8))  # one legal time for the whole country: the day a block begins is one day


def block_of(session: Session, *, organisation: int | None, uscc: str | None, name: str, on: date) -> str:
    """Why a business is blocked on a day: the decision's reason and number; "" where it is not.

    A business is known by its number on this system or by its credit code (USCC). Its name counts, exactly but for
    blanks and width, only where nobody knows a credit code on one of the two sides: names are not unique (every county
    has its 张三蔬菜店), so a name alone must not stop an innocent whose code says that it is somebody else; and whoever
    changes the name stays blocked by the code. A credit code typed in the place of the name is one.
    """
    if organisation is not None:
        return blocks_of(session, [organisation], on=on).get(organisation, "")
    typed = normalised_number(name)
    business = Business(None, uscc or (typed if is_uscc_shape(typed) else ""), name_key(name))
    return _said((row for row in _candidates(session, [business]) if business.is_meant_by(row)), on)


def blocks_of(session: Session, organisations: Iterable[int], *, on: date) -> dict[int, str]:
    """{organisation's number: why it is blocked on a day}, of those that are; two statements for many."""
    businesses: list[Business] = []
    for part in chunks(sorted(set(organisations))):
        rows = session.execute(select(organisation).where(organisation.c.id.in_(part)))
        businesses += [_as_business(row) for row in rows]
    found = _candidates(session, businesses)
    said = {business.number: _said((row for row in found if business.is_meant_by(row)), on) for business in businesses}
    return {number: text for number, text in said.items() if number is not None and text}


def said_of(session: Session, businesses: Sequence["Business"], *, on: date) -> list[str]:
    """Why each of these is blocked on a day, "" where it is not, in their order; one statement for many."""
    found = _candidates(session, businesses)
    return [_said((row for row in found if business.is_meant_by(row)), on) for business in businesses]


def blocked_among(session: Session, public_ids: Iterable[str], *, on: date) -> dict[str, str]:
    """{public id: why that organisation is blocked on a day}, of those that are."""
    numbers: dict[int, str] = {}
    for part in chunks(sorted(set(public_ids))):
        query = select(organisation.c.id, organisation.c.public_id).where(organisation.c.public_id.in_(part))
        numbers |= {row.id: row.public_id for row in session.execute(query)}
    return {numbers[number]: text for number, text in blocks_of(session, numbers, on=on).items()}


@dataclass(frozen=True, slots=True)
class Business:
    """Who may be meant by a block: its number on this system, its credit code ("" where unknown), its name's key."""

    number: int | None
    uscc: str
    key: str

    def is_meant_by(self, row: Row[Any]) -> bool:
        """Whether a block is one of this business (`block_of` says how a business is known)."""
        if self.number is not None and row.blocked is not None:
            return bool(row.blocked == self.number)
        if self.uscc and row.uscc:
            return bool(row.uscc == self.uscc)
        return bool(row.name_key == self.key)


def _as_business(row: Row[Any]) -> Business:
    return Business(row.id, row.uscc or "", name_key(row.name))


def _candidates(session: Session, businesses: Sequence[Business]) -> list[Row[Any]]:
    """The blocks that may be of these: by number, code or name. What is blocked is few, so one list serves all."""
    found: dict[int, Row[Any]] = {}
    for part in chunks(list(businesses)):
        b = business_block.c
        query = select(business_block).where(
            or_(
                b.blocked.in_([one.number for one in part if one.number is not None]),
                b.uscc.in_([one.uscc for one in part if one.uscc]),
                b.name_key.in_([one.key for one in part]),
            )
        )
        found |= {row.id: row for row in session.execute(query)}
    return [found[number] for number in sorted(found)]


def _said(rows: Iterable[Row[Any]], on: date) -> str:
    """The reason and number of the first block in force on the day; "" where none is."""
    return next((as_text(row.reason, row.decision_no) for row in rows if _in_force(row, on)), "")


def _in_force(row: Row[Any], on: date) -> bool:
    lifted = row.lifted_at and row.lifted_at.astimezone(CHINA).date()
    return row.blocked_at.astimezone(CHINA).date() <= on and (lifted is None or on < lifted)


def as_text(reason: str, decision_no: str) -> str:
    """A block's reason, with the number of the decision."""
    return f"{reason}（{decision_no}）" if decision_no else reason


def block_business(
    session: Session,
    command: Command,
    *,
    reason: str,
    decision_no: str = "",
    organisation_id: str | None = None,
    uscc: str = "",
    name: str = "",
) -> dict[str, Any]:
    """Block a business in every shop: an organisation on this system by its public id, another by its credit code.

    An inspector blocks organisations of the own region only, and businesses that are not on the system (raises
    `Forbidden`, `Invalid`). The unique index of `business_block` on what is in force decides between two inspectors of
    one regulator at once; two regulators may each block one business, and it is free when both have lifted.
    """

    def act() -> dict[str, Any]:
        values = _business(session, command.actor, organisation_id, uscc, name)
        row = {
            **values,
            "public_id": new_public_id(),
            "name_key": name_key(values["name"]),
            "reason": reason,
            "decision_no": decision_no,
            "region": command.actor.region,
            "blocked_by": command.actor.organisation,
            "person": command.actor.person,
            "blocked_at": command.now,
        }
        try:
            with session.begin_nested():
                session.execute(insert(business_block).values(row))
        except IntegrityError as fault:
            text = N_("{name} is blocked by your office already; lift that block first.")
            raise Conflict(text, field="name", name=values["name"]) from fault
        return {"id": row["public_id"], "name": values["name"]}

    return run_once(session, command, "block_business", act)


def _business(session: Session, actor: Actor, public_id: str | None, uscc: str, name: str) -> dict[str, Any]:
    """{blocked, uscc, name} of the business to block; raises `Forbidden` for one of another region."""
    number = normalised_number(uscc) if uscc else ""
    row = get_organisation_row(session, public_id) if public_id else _registered(session, number, name)
    if row is not None:
        if not in_region(row.region, actor.region):
            raise Forbidden(
                N_("{name} is registered in the region {region}; its own regulator blocks it."),
                name=row.name,
                region=row.region,
            )
        return {"blocked": row.id, "uscc": row.uscc or "", "name": row.name}
    if not is_uscc_shape(number):
        text = N_("A business that is not on this system is blocked by its credit code (USCC): 18 characters.")
        raise Invalid(text, field="uscc")
    if not name.strip():
        raise Invalid(N_("Give the name of the business as it stands on its licence."), field="name")
    return {"blocked": None, "uscc": number, "name": name.strip()}


def _registered(session: Session, uscc: str, name: str) -> Row[Any] | None:
    """The organisation on the system that the code, or, where it has none, the name means."""
    by_code = select(organisation).where(organisation.c.uscc == uscc)
    by_name = select(organisation).where(organisation.c.name == name.strip(), organisation.c.uscc.is_(None))
    found = session.execute(by_code).one_or_none() if uscc else None
    return found or session.execute(by_name).one_or_none()


def lift_block(session: Session, command: Command, *, public_id: str, reason: str) -> dict[str, Any]:
    """End a block, with a reason; by an inspector of the office that set it, or of one above it.

    Raises `NotFound` for a block of another region, `Conflict` for one that is lifted: the guarded update of its row
    decides between two at once.
    """

    def act() -> dict[str, Any]:
        row = session.execute(select(business_block).where(business_block.c.public_id == public_id)).one_or_none()
        if row is None or not in_region(row.region, command.actor.region):
            raise NotFound(N_("There is no block {id}."), id=public_id)
        lifted = (
            update(business_block)
            .where(business_block.c.id == row.id, business_block.c.lifted_at.is_(None))
            .values(lifted_at=command.now, lifted_by=command.actor.person, lifted_reason=reason)
            .returning(business_block.c.id)
        )
        if session.execute(lifted).one_or_none() is None:
            raise Conflict(N_("The block of {name} is lifted already."), name=row.name)
        return {"id": public_id, "name": row.name}

    return run_once(session, command, "lift_block", act)


def list_blocks(session: Session, *, actor: Actor, limit: int = 200) -> list[dict[str, Any]]:
    """Blocks in force everywhere first, then those that were lifted; `mine` says that the actor may lift it."""
    return [as_card(row, actor) for row in session.execute(_with_office().limit(limit))]


def blocks_on(session: Session, *, public_id: str, actor: Actor) -> list[dict[str, Any]]:
    """The blocks in force of an organisation on the system: everybody who trades may know, and it itself."""
    business = _as_business(get_organisation_row(session, public_id))
    meant = [row.id for row in _candidates(session, [business]) if business.is_meant_by(row)]
    query = _with_office().where(business_block.c.id.in_(meant), business_block.c.lifted_at.is_(None))
    return [as_card(row, actor) for row in session.execute(query)]


def _with_office() -> Select[Any]:
    """Blocks with the office that set them and, where it is on this system, the business; the latest first."""
    office = organisation.alias("office")
    return (
        select(business_block, office.c.name.label("office"), organisation.c.public_id.label("organisation"))
        .join(office, office.c.id == business_block.c.blocked_by)
        .outerjoin(organisation, organisation.c.id == business_block.c.blocked)
        .order_by(business_block.c.lifted_at.is_not(None), business_block.c.id.desc())
    )


def own_block(session: Session, *, actor: Actor, on: date) -> str:
    """Why the actor's own organisation is blocked; "" where it is not."""
    return block_of(session, organisation=actor.organisation, uscc=None, name="", on=on)


def as_card(row: Row[Any], actor: Actor) -> dict[str, Any]:
    """A block as lists show it."""
    return {
        "id": row.public_id,
        "organisation": row.organisation,
        "name": row.name,
        "uscc": row.uscc,
        "reason": row.reason,
        "decision_no": row.decision_no,
        "text": as_text(row.reason, row.decision_no),
        "region": row.region,
        "office": row.office,
        "blocked_at": row.blocked_at,
        "lifted_at": row.lifted_at,
        "lifted_reason": row.lifted_reason,
        "mine": actor.watches and row.lifted_at is None and in_region(row.region, actor.region),
    }
