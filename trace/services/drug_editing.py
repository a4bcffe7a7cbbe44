"""The drug file as people keep it: search, one drug with its codes, corrections that keep what stood, 首营品种.

The file is shared by everybody on the system: whoever has the pack in hand adds what is missing, and what stands is
corrected by who registered the product. Every change keeps what stood before, who changed it, when and why (R16).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.names import Name, keep_names, named, product_names
from storage.one_of import one_of
from storage.tables import maker_code, organisation, person, product, product_change, product_check, product_code
from trace.domain.drugs import Storage, is_approval_no, is_national_drug_code
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.chain import headquarters_of
from trace.services.commands import Command, run_once
from trace.services.drug_file import identifier_key, learn
from trace.services.products import EVERYWHERE, as_card, register_product
from trace.services.rulebook import rules_on

FIELDS = (
    "name", "specification", "dosage_form", "producer", "mah", "approval_no", "national_drug_code", "prescription",
    "drug_class", "storage", "celsius_low", "celsius_high", "split_units", "split_unit_name",
)  # fmt: skip
_COLD = "temperature.drug_cold"


def register_drug(session: Session, command: Command, *, code: str | None = None, **details: Any) -> dict[str, Any]:
    """Put a drug into the file, or give back the one its code names; a cold one gets the cold range of the rule book.

    `details` are `FIELDS`, temperatures in hundredths of a degree. Two at once: see `register_product`.
    """

    def act() -> dict[str, Any]:
        made = _with_cold_range(session, command, details)
        card = register_product(
            session, actor=command.actor, category=Category.DRUG, unit="EA", now=command.now, code=code, **made
        )
        return {"id": card["id"]}

    return run_once(session, command, "register_drug", act)


def change_drug(
    session: Session,
    command: Command,
    *,
    public_id: str,
    changes: Mapping[str, Any],
    reason: str = "",
    device: str = "",
) -> dict[str, Any]:
    """Change fields of a drug; what stood is kept. Answers {id, changed: names of the fields}.

    Raises `Conflict` for what stands and was registered by somebody else, `Invalid` where what stands is corrected
    without a reason. Two at once: the locked row of the product lines them up, and each keeps what it found.
    """

    def act() -> dict[str, Any]:
        row = _drug_row(session, public_id, lock=True)
        asked = {name: value for name, value in changes.items() if value != getattr(row, name)}
        if asked.get("storage", row.storage) == Storage.COLD and row.celsius_low is None:
            asked = _with_cold_range(session, command, {"storage": Storage.COLD.value, **asked})
            asked = {name: value for name, value in asked.items() if value != getattr(row, name)}
        corrected = [name for name in asked if getattr(row, name) not in (None, "")]
        if corrected:
            _check_own(session, command.actor, row)
            if not reason.strip():
                raise Invalid(N_("Say why what stands in the file is corrected."), field="reason")
        if asked:
            session.execute(update(product).where(product.c.id == row.id).values(asked))
            keep_names(session, product_names(row.id, asked))
            told = {name: (getattr(row, name), value) for name, value in asked.items()}
            _note(session, command, row.id, told, reason, device)
        return {"id": public_id, "changed": list(asked)}

    return run_once(session, command, "change_drug", act)


def add_identifier(
    session: Session,
    command: Command,
    *,
    public_id: str,
    identifier: str,
    level: int | None = None,
    cascade: str | None = None,
    length: int | None = None,
    device: str = "",
) -> dict[str, Any]:
    """Say that an identifier is this drug's (`trace.services.drug_file.learn`), and keep who said so."""

    def act() -> dict[str, Any]:
        row = _drug_row(session, public_id)
        learn(session, command, identifier=identifier, product=public_id, level=level, cascade=cascade, length=length)
        _note(session, command, row.id, {"identifier": (None, identifier)}, "", device)
        return {"id": public_id}

    return run_once(session, command, "add_identifier", act)


def correct_identifier(
    session: Session,
    command: Command,
    *,
    public_id: str,
    identifier: str,
    product_id: str | None = None,
    level: int | None = None,
    cascade: str | None = None,
    reason: str,
    device: str = "",
) -> dict[str, Any]:
    """Correct what an identifier of a drug stands for: another product (public id), level or cascade; the old is kept.

    By whose shop learnt it, or who registered the drug. What was received by it before stays as it was recorded. Two at
    once: the locked row of the product.
    """

    def act() -> dict[str, Any]:
        row = _drug_row(session, public_id, lock=True)
        key = identifier_key(identifier)
        where = (product_code.c.organisation == EVERYWHERE) & (product_code.c.code == key)
        stands = session.execute(select(product_code).where(where, product_code.c.product == row.id)).one_or_none()
        if stands is None:
            raise NotFound(
                N_("The identifier {identifier} is not one of this drug's."), field="identifier", identifier=key[-40:]
            )
        if stands.learnt_by != command.actor.organisation:
            _check_own(session, command.actor, row)
        target = row if product_id is None else _drug_row(session, product_id)
        told = {
            "product": (row.public_id, target.public_id),
            "pack_level": (stands.pack_level, stands.pack_level if level is None else level),
            "pack_cascade": (stands.pack_cascade, stands.pack_cascade if cascade is None else cascade or None),
        }
        told = {name: pair for name, pair in told.items() if pair[0] != pair[1]}
        values = {"product": target.id, **{name: new for name, (_, new) in told.items() if name != "product"}}
        session.execute(update(product_code).where(product_code.c.id == stands.id).values(values))
        _note(session, command, row.id, told, reason, device, code=key)
        return {"id": public_id, "changed": list(told)}

    return run_once(session, command, "correct_identifier", act)


def check_product(
    session: Session, command: Command, *, public_id: str, seen: Sequence[str], remark: str = "", device: str = ""
) -> dict[str, Any]:
    """Make the first-product file (首营品种): it is made once every item of the rule book's list was looked at.

    Raises `Invalid` for what is not on the list, and for what of it is missing. Made again, the newer one stands and
    the older is kept as a change. Two at once: the primary key of `product_check`; the later writes over.
    """

    def act() -> dict[str, Any]:
        row = _drug_row(session, public_id, lock=True)
        wanted = rules_on(session, command.day, command.actor.organisation).value("first_product.items")
        unknown = [item for item in seen if item not in wanted]
        missing = [item for item in wanted if item not in seen]
        if unknown:
            raise Invalid(N_("{item} is not looked at with a product."), field="seen", item=unknown[0])
        if missing:
            raise Invalid(
                N_("{count} of {all} items are not ticked yet; the file is made once all were looked at."),
                field="seen",
                details={"missing": missing},
                count=len(missing),
                all=len(wanted),
            )
        values = {
            "checked": list(wanted),
            "remarks": remark,
            "checked_by": command.actor.person,
            "checked_at": command.now,
        }
        key = {"organisation": command.actor.organisation, "product": row.id}
        statement = insert_for(session, product_check).values(key | values)
        session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
        _note(session, command, row.id, {"checked": (None, ", ".join(wanted))}, remark, device)
        return {"id": public_id}

    return run_once(session, command, "check_product", act)


def list_drugs(
    session: Session, *, actor: Actor, text: str = "", unchecked: bool = False, limit: int = 100
) -> list[dict[str, Any]]:
    """The drugs whose name, maker or approval number a text is part of, or whose code it is, by name.

    Each tells whether its first-product file (首营品种) is made (`checked`); `unchecked`: those without one alone.
    """
    checked = _checked(session, actor)
    query = select(product, product.c.id.in_(checked).label("checked")).where(
        product.c.category == Category.DRUG, product.c.discontinued_on.is_(None)
    )
    if text:
        coded = select(product_code.c.product).where(
            product_code.c.organisation == EVERYWHERE, product_code.c.code == text[:7]
        )
        parts = [named(session, kind, text) for kind in (Name.PRODUCT, Name.PRODUCER, Name.APPROVAL)]
        # Asked first: beside a SELECT no planner looks for the names by their numbers, and all products would be read.
        query = query.where(or_(*parts, one_of(session, product.c.id, session.scalars(coded).all())))
    if unchecked:
        query = query.where(product.c.id.not_in(checked))
    rows = session.execute(query.order_by(product.c.name, product.c.id).limit(limit))
    return [as_card(row) | {"checked": bool(row.checked)} for row in rows]


def get_drug(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """One drug: its card, temperatures in hundredths, identifiers and makers' codes, 首营品种, changes, what is odd.

    Raises `NotFound`. What others changed is told without who of them did.
    """
    row = _drug_row(session, public_id)
    return {
        **as_card(row),
        "celsius_low": row.celsius_low,
        "celsius_high": row.celsius_high,
        "mine": row.registered_by == actor.organisation,
        "identifiers": _identifiers(session, actor, row),
        "check": _check_told(session, actor, row),
        "changes": _changes(session, actor, row),
        "doubts": _doubts(row),
    }


# ---- what of it --------------------------------------------------------------------------------------------------


def _drug_row(session: Session, public_id: str, *, lock: bool = False) -> Row[Any]:
    query = select(product).where(product.c.public_id == public_id, product.c.category == Category.DRUG)
    row = session.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no drug {id} in the file."), field="id", id=public_id)
    return row


def _check_own(session: Session, actor: Actor, row: Row[Any]) -> None:
    if row.registered_by in (None, actor.organisation):
        return
    name = session.execute(select(organisation.c.name).where(organisation.c.id == row.registered_by)).scalar_one()
    raise Conflict(
        N_("{name} registered {product}: what stands in its file is corrected there. What is missing may be added."),
        name=name,
        product=row.name,
    )


def _with_cold_range(session: Session, command: Command, said: Mapping[str, Any]) -> dict[str, Any]:
    """A cold drug without a range of its own is kept in the cold range, or its arrival would not be judged (R11)."""
    if said.get("storage") != Storage.COLD or said.get("celsius_low") is not None:
        return dict(said)
    cold = rules_on(session, command.day, command.actor.organisation).value(_COLD)
    return {**said, "celsius_low": int(cold["low"]) * 100, "celsius_high": int(cold["high"]) * 100}


def _note(
    session: Session,
    command: Command,
    number: int,
    told: Mapping[str, tuple[Any, Any]],
    reason: str,
    device: str,
    *,
    code: str = "",
) -> None:
    rows = [
        {
            "product": number,
            "code": code,
            "field": name,
            "old": None if old is None else str(old),
            "new": None if new is None else str(new),
            "reason": reason,
            "organisation": command.actor.organisation,
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "device": device[:120],
            "changed_at": command.now,
        }
        for name, (old, new) in told.items()
    ]
    if rows:
        session.execute(insert(product_change), rows)


def _checked(session: Session, actor: Actor) -> Any:
    """The products whose first-product file the organisation made, or the headquarters of its chain."""
    holders = {actor.organisation, headquarters_of(session, actor.organisation) or actor.organisation}
    return select(product_check.c.product).where(product_check.c.organisation.in_(holders))


def _identifiers(session: Session, actor: Actor, row: Row[Any]) -> list[dict[str, Any]]:
    codes = select(product_code).where(product_code.c.product == row.id, product_code.c.organisation == EVERYWHERE)
    found = [
        {
            "identifier": one.code,
            "level": one.pack_level,
            "cascade": one.pack_cascade,
            "length": None,
            "learnt_at": one.learnt_at,
            "mine": actor.organisation in (one.learnt_by, row.registered_by),
        }
        for one in session.execute(codes.order_by(product_code.c.pack_level, product_code.c.code))
    ]
    makers = select(maker_code).where(maker_code.c.product == row.id).order_by(maker_code.c.prefix)
    return found + [
        {
            "identifier": one.prefix,
            "level": one.pack_level,
            "cascade": None,
            "length": one.length,
            "learnt_at": one.learnt_at,
            "mine": False,
        }
        for one in session.execute(makers)
    ]


def _check_told(session: Session, actor: Actor, row: Row[Any]) -> dict[str, Any]:
    """{items: the list, at, by, remark}: the own file's, else that of the chain's headquarters; `at` None: not made."""
    query = (
        select(product_check, person.c.name)
        .join(person, person.c.id == product_check.c.checked_by, isouter=True)
        .where(product_check.c.product == row.id)
    )
    holders = (actor.organisation, headquarters_of(session, actor.organisation))
    rows = {one.organisation: one for one in session.execute(query.where(product_check.c.organisation.in_(holders)))}
    made = rows.get(actor.organisation) or next(iter(rows.values()), None)
    if made is None:
        return {"at": None, "by": "", "remark": "", "seen": []}
    return {"at": made.checked_at, "by": made.name or "", "remark": made.remarks, "seen": made.checked}


def _changes(session: Session, actor: Actor, row: Row[Any]) -> list[dict[str, Any]]:
    query = (
        select(product_change, person.c.name)
        .join(person, person.c.id == product_change.c.person, isouter=True)
        .where(product_change.c.product == row.id)
        # Others' first-product files are their own affair; the product's file is everybody's.
        .where(or_(product_change.c.field != "checked", product_change.c.organisation == actor.organisation))
        .order_by(product_change.c.id.desc())
        .limit(100)
    )
    return [
        {
            "field": one.field,
            "code": one.code,
            "old": one.old,
            "new": one.new,
            "reason": one.reason,
            "by": one.name or "" if one.organisation == actor.organisation else "",
            "at": one.changed_at,
        }
        for one in session.execute(query)
    ]


def _doubts(row: Row[Any]) -> list[str]:
    """The fields whose number has no known shape: shown, never refused (R20)."""
    checks = (("approval_no", is_approval_no), ("national_drug_code", is_national_drug_code))
    return [name for name, is_right in checks if getattr(row, name) and not is_right(getattr(row, name))]
