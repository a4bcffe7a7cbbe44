"""The file a shop keeps of each supplier: who it is, its licences, what was looked at, its standing (进货查验)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import correction, licence, object_owner, organisation, supplier, supplier_licence
from trace.domain.checks import IdentifierWarning
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.parties import (
    DRUG_LICENCES,
    FOOD_LICENCES,
    UNLICENSED,
    LicenceKind,
    OrganisationKind,
    check_licence,
    check_uscc,
    normalised_number,
)
from trace.domain.permissions import Actor, Permission, may
from trace.domain.products import Category
from trace.domain.suppliers import NEEDS_REASON, Standing, SupplierFacts, missing_items
from trace.services.arrivals import Sender
from trace.services.chain import headquarters_of, same_chain
from trace.services.commands import Command, run_once
from trace.services.organisations import get_organisation_row, new_public_id
from trace.services.rulebook import rules_on

KIND = "supplier"  # of its corrections
LONGEST_USCC = 18
OWN_FIELDS = ("name", "kind", "uscc", "address", "contact")  # of one that is on this system, they stand there


def note_delivery(session: Session, command: Command, sender: Sender) -> int:
    """The file of who delivered, opened by the first delivery: the number of its row.

    A file that was opened by hand under the same name is linked to the organisation once that delivers. Two clerks at
    once: the unique key (organisation, name) of `supplier` decides, both get the one file.
    """
    mine = supplier.c.organisation == command.actor.organisation
    if sender.number is not None:
        known = select(supplier.c.id).where(mine, supplier.c.partner == sender.number).order_by(supplier.c.id).limit(1)
        found = session.scalar(known)
        if found is not None:
            return int(found)
    _open(session, command, _file_values(sender))
    row = session.execute(select(supplier).where(mine, supplier.c.name == sender.name)).one()
    if sender.number is not None and row.partner is None:
        session.execute(update(supplier).where(supplier.c.id == row.id).values(partner=sender.number))
        _note(session, command, row.public_id, {"partner": (None, sender.name)}, "delivered under this name", "")
    return int(row.id)


def _file_values(sender: Sender) -> dict[str, Any]:
    return {
        "partner": sender.number,
        "name": sender.name,
        "kind": sender.kind or "",
        "address": sender.address,
        "contact": sender.contact,
    }


def _open(session: Session, command: Command, values: Mapping[str, Any]) -> str | None:
    """A new file; its public id, or None where the shop has one of this name."""
    row = {
        "public_id": new_public_id(),
        "organisation": command.actor.organisation,
        "standing": Standing.ORDINARY.value,
        "standing_reason": "",
        "checked": {},
        "created_at": command.now,
        **values,
    }
    statement = (
        insert_for(session, supplier).values(row).on_conflict_do_nothing(index_elements=["organisation", "name"])
    )
    made = session.execute(statement.returning(supplier.c.public_id)).one_or_none()
    return None if made is None else str(made.public_id)


def open_file(
    session: Session,
    command: Command,
    *,
    organisation_id: str | None = None,
    name: str = "",
    kind: OrganisationKind | None = None,
    uscc: str = "",
    address: str = "",
    contact: str = "",
    override_reason: str = "",
    device: str = "",
) -> dict[str, Any]:
    """Open a file by hand: of an organisation on this system by its public id, or of a business by name.

    A credit code that looks wrong is refused with the doubt (`Invalid`) until it comes with a reason (R20). Raises
    `Conflict` for a supplier that has a file: the unique key (organisation, name) decides between two at once.
    """

    def act() -> dict[str, Any]:
        if organisation_id:
            row = get_organisation_row(session, organisation_id)
            if row.id == command.actor.organisation:
                raise Invalid(N_("A supplier is somebody else, not yourself."), field="organisation")
            values = {"partner": row.id} | {field: getattr(row, field) or "" for field in OWN_FIELDS}
        else:
            number = _sure_uscc(uscc, override_reason)
            values = {"name": name, "kind": kind or "", "uscc": number or "", "address": address, "contact": contact}
            if not name:
                raise Invalid(N_("Give the supplier's name as it stands on its licence."), field="name")
        values["uscc"] = values["uscc"] or None
        public_id = _open(session, command, values)
        if public_id is None:
            raise Conflict(N_("There is a file of {name} already."), field="name", name=values["name"])
        kept = {"uscc": (None, values["uscc"])} if override_reason and values["uscc"] else {"file": (None, "opened")}
        _note(session, command, public_id, kept, override_reason, device)
        return {"id": public_id}

    return run_once(session, command, "open_supplier_file", act)


def change_file(
    session: Session,
    command: Command,
    *,
    public_id: str,
    changes: Mapping[str, Any],
    reason: str,
    override_reason: str = "",
    device: str = "",
) -> dict[str, Any]:
    """Change fields of a file (name, kind, uscc, address, contact, standing); what stood there is kept, and why.

    Of an organisation on this system only the standing is the shop's to change. To accept the goods of a blocked one
    takes two people; so nobody but who leads the shop (`PERSON_MANAGE`) ends that (raises `Forbidden`). The row's lock
    lines up two at once.
    """

    def act() -> dict[str, Any]:
        row = get_file_row(session, command.actor, public_id, lock=True)
        new = {field: str(value) for field, value in changes.items() if value is not None}
        if row.partner is not None and new.keys() & set(OWN_FIELDS):
            text = N_("{name} is on this system: its name, number and address are what it says itself.")
            raise Invalid(text, field=min(new.keys() & set(OWN_FIELDS)), name=row.name)
        if "uscc" in new:
            new["uscc"] = _sure_uscc(new["uscc"], override_reason) or ""
        if new.get("standing") in NEEDS_REASON and not reason:
            raise Invalid(N_("Say why this supplier is watched or blocked."), field="reason")
        freed = row.standing == Standing.BLOCKED and new.get("standing", row.standing) != Standing.BLOCKED
        if freed and not may(command.actor, Permission.PERSON_MANAGE):
            raise Forbidden(N_("{name} was blocked here: the shop's administrator ends that."), name=row.name)
        changed = {field: (getattr(row, field), value) for field, value in new.items() if _differs(row, field, value)}
        if "name" in changed:
            _check_name_free(session, command.actor, new["name"])
        values: dict[str, Any] = {field: value for field, (_, value) in changed.items()}
        if "uscc" in values:
            values["uscc"] = values["uscc"] or None
        if "standing" in changed:
            values["standing_reason"] = reason
        if values:
            _write(session, row, values)
        _note(session, command, public_id, changed, override_reason or reason, device)
        return {"id": public_id, "changed": sorted(changed)}

    return run_once(session, command, "change_supplier_file", act)


def _differs(row: Row[Any], field: str, value: str) -> bool:
    return (getattr(row, field) or "") != value


def _write(session: Session, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Change a file's row; two files that get one name at once: the unique key refuses the second (`Conflict`)."""
    try:
        with session.begin_nested():
            session.execute(update(supplier).where(supplier.c.id == row.id).values(values))
    except IntegrityError as fault:
        text = N_("There is a file of {name} already.")
        raise Conflict(text, field="name", name=values.get("name", row.name)) from fault


def _check_name_free(session: Session, actor: Actor, name: str) -> None:
    """A sentence where the name is taken; of two at once `_write` refuses the second."""
    if session.scalar(
        select(supplier.c.id).where(supplier.c.organisation == actor.organisation, supplier.c.name == name)
    ):
        raise Conflict(N_("There is a file of {name} already."), field="name", name=name)


def file_licence(
    session: Session,
    command: Command,
    *,
    public_id: str,
    kind: LicenceKind,
    number: str,
    expires_on: date | None = None,
    sha256: str | None = None,
    override_reason: str = "",
    device: str = "",
) -> dict[str, Any]:
    """Put a licence, or its renewal under the same number, into a supplier's file, with its photo (an own upload).

    A number that looks wrong is refused with the doubt until it comes with a reason (R20). The unique key (supplier,
    kind, number) and the lock of the file's row decide between two at once.
    """

    def act() -> dict[str, Any]:
        row = get_file_row(session, command.actor, public_id, lock=True)
        clean = normalised_number(number)
        doubts = check_licence(kind, clean)
        _insist(doubts, override_reason, "number")
        if sha256:
            _check_own_upload(session, command.actor, sha256)
        values = {
            "expires_on": expires_on,
            "warnings": [doubt.as_dict() for doubt in doubts],
            "override_reason": override_reason if doubts else "",
            "filed_at": command.now,
        } | ({"object": sha256} if sha256 else {})
        key = {"supplier": row.id, "kind": kind.value, "number": clean}
        same = [supplier_licence.c[name] == value for name, value in key.items()]
        old = session.execute(select(supplier_licence).where(*same)).one_or_none()
        if old is None:
            session.execute(insert(supplier_licence).values(key | values))
        else:
            session.execute(update(supplier_licence).where(*same).values(values))
        before = None if old is None else f"{clean} {old.expires_on or ''}".strip()
        change = {kind.value: (before, f"{clean} {expires_on or ''}".strip())}
        _note(session, command, public_id, change, override_reason, device)
        return {"id": public_id, "number": clean, "warnings": values["warnings"]}

    return run_once(session, command, "file_supplier_licence", act)


def record_first_check(
    session: Session, command: Command, *, public_id: str, seen: Sequence[str], remark: str = "", device: str = ""
) -> dict[str, Any]:
    """Keep what was looked at before a supplier's first delivery; it is done once every item of its list is ticked.

    Raises `Invalid` for an item that its kind of supplier does not have. The row's lock lines up two at once.
    """

    def act() -> dict[str, Any]:
        row = get_file_row(session, command.actor, public_id, lock=True)
        rules = rules_on(session, command.day, command.actor.organisation)
        kind = kind_of(session, row)
        wanted = missing_items(kind, (), rules)
        unknown = [item for item in seen if item not in wanted]
        if unknown:
            raise Invalid(N_("{item} is not looked at with such a supplier."), field="seen", item=unknown[0])
        left = missing_items(kind, seen, rules)
        checked = {"items": [item for item in wanted if item in seen], "remark": remark}
        done = {"checked_at": None if left else command.now, "checked_by": command.actor.person}
        session.execute(update(supplier).where(supplier.c.id == row.id).values(checked=checked, **done))
        change = {"checked": (", ".join(row.checked.get("items", ())), ", ".join(checked["items"]))}
        _note(session, command, public_id, change, remark, device)
        return {"id": public_id, "done": not left, "missing": left}

    return run_once(session, command, "check_supplier", act)


def facts_of(session: Session, actor: Actor, sender: Sender) -> SupplierFacts:
    """What the shop's file says of who delivers; a supplier without file is one that nobody looked at."""
    row = find_file(session, actor, sender)
    if row is None:
        return SupplierFacts(kind=sender.kind or "", known=_known_to_chain(session, actor, sender))
    blocked = row.standing == Standing.BLOCKED
    why = row.standing_reason if blocked else ""
    known = row.checked_at is not None or _known_to_chain(session, actor, sender)
    return SupplierFacts(sender.kind or row.kind, row.uscc or "", known, why)


def _known_to_chain(session: Session, actor: Actor, sender: Sender) -> bool:
    """Whether the chain answers for who delivers: a chain's headquarters looks at suppliers for its shops (GSP), and
    among themselves they are no strangers."""
    head = headquarters_of(session, actor.organisation)
    if sender.number is not None and same_chain(session, actor.organisation, sender.number):
        return True
    file = find_file(session, replace(actor, organisation=head), sender) if head is not None else None
    return file is not None and file.checked_at is not None


def licence_valid(session: Session, actor: Actor, sender: Sender, category: Category, day: date) -> bool | None:
    """R2: whether a licence for such goods is valid on the day, here or in the shop's file; None where none is needed.

    Farms and co-operatives sell what they grow without one (农产品质量安全法): their name and code are looked at in the
    first-delivery check.
    """
    file = find_file(session, actor, sender)
    kind = sender.kind or (file.kind if file is not None else "")
    if kind in UNLICENSED and category is not Category.DRUG:
        return None
    kinds = DRUG_LICENCES if category is Category.DRUG else FOOD_LICENCES
    ends: list[date | None] = []
    if sender.number is not None:
        own = select(licence.c.expires_on).where(licence.c.organisation == sender.number, licence.c.kind.in_(kinds))
        ends += session.scalars(own)
    if file is not None:
        kept = (supplier_licence.c.supplier == file.id, supplier_licence.c.kind.in_(kinds))
        ends += session.scalars(select(supplier_licence.c.expires_on).where(*kept))
    return any(end is None or day <= end for end in ends)


def find_file(session: Session, actor: Actor, sender: Sender) -> Row[Any] | None:
    """The shop's file of who delivers: by the organisation, or by the name."""
    mine = supplier.c.organisation == actor.organisation
    by_name: ColumnElement[bool] = supplier.c.name == sender.name
    meant = by_name if sender.number is None else or_(supplier.c.partner == sender.number, by_name)
    query = select(supplier).where(mine, meant).order_by(supplier.c.partner.is_(None), supplier.c.id).limit(1)
    return session.execute(query).one_or_none()


def get_file_row(session: Session, actor: Actor, public_id: str, *, lock: bool = False) -> Row[Any]:
    """The organisation's own file; raises `NotFound`. `lock`: nobody else changes it until this transaction ends."""
    query = select(supplier).where(supplier.c.public_id == public_id, supplier.c.organisation == actor.organisation)
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no supplier {id}."), id=public_id)
    return row


def kind_of(session: Session, row: Row[Any]) -> str:
    """What kind of business a file is of: as the organisation says itself, where it is on this system."""
    if row.partner is None:
        return str(row.kind)
    return str(session.scalar(select(organisation.c.kind).where(organisation.c.id == row.partner)))


def _sure_uscc(text: str, override_reason: str) -> str | None:
    """A credit code as it is kept; raises `Invalid` for a doubtful one without a reason (R20)."""
    number = normalised_number(text) if text else None
    if number:
        if len(number) > LONGEST_USCC:
            raise Invalid(N_("A credit code has 18 characters; {came} came."), field="uscc", came=len(number))
        _insist(check_uscc(number), override_reason, "uscc")
    return number


def _insist(doubts: Sequence[IdentifierWarning], reason: str, field: str) -> None:
    if doubts and not reason:
        raise Invalid(
            N_("{doubt} If it stands there like this, say so in the field for the reason."),
            field=field,
            details={"rule": "R20"},
            doubt=doubts[0],
        )


def _check_own_upload(session: Session, actor: Actor, sha256: str) -> None:
    own = select(object_owner.c.object).where(
        object_owner.c.object == sha256, object_owner.c.organisation == actor.organisation
    )
    if session.execute(own).one_or_none() is None:
        raise NotFound(N_("There is no picture {sha256}."), field="sha256", sha256=sha256)


def _note(
    session: Session,
    command: Command,
    public_id: str,
    changes: Mapping[str, tuple[str | None, str | None]],
    reason: str,
    device: str,
) -> None:
    """Keep what stood in a file and what stands there now (R16)."""
    for field, (old, new) in changes.items():
        session.execute(
            insert(correction).values(
                organisation=command.actor.organisation,
                kind=KIND,
                subject=public_id,
                field=field,
                old=old,
                new=new,
                reason=reason,
                person=command.actor.person,
                api_key=command.actor.api_key,
                device=device[:120],
                corrected_at=command.now,
            )
        )
