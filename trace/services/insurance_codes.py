"""What the medical insurance calls a pharmacy's drugs (医疗目录编码): entered once, added to, never changed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage.tables import insurance_code, lot, product, stock
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor, Permission, authorize
from trace.domain.products import Category
from trace.services.commands import Command, run_once

LONGEST = 50


def list_codes(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """The drugs a pharmacy has or had, those without a code first: {id, name, specification, producer, code}.

    `code` is None where nobody entered one, empty where the insurance does not list the drug.
    """
    authorize(actor, Permission.EXPORT_MANAGE)
    latest = (
        select(insurance_code.c.code)
        .where(insurance_code.c.organisation == actor.organisation, insurance_code.c.product == product.c.id)
        .order_by(insurance_code.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    here = (
        select(lot.c.product)
        .join(stock, (stock.c.lot == lot.c.item) & (stock.c.organisation == actor.organisation))
        .distinct()
    )
    rows = session.execute(
        select(
            product.c.public_id, product.c.name, product.c.specification, product.c.producer,
            product.c.national_drug_code, latest.label("code"),
        )
        .where(product.c.category == Category.DRUG, product.c.id.in_(here))
        .order_by(product.c.name, product.c.id)
    ).all()  # fmt: skip
    cards = [
        {
            "id": row.public_id,
            "name": row.name,
            "specification": row.specification,
            "producer": row.producer,
            "national_drug_code": row.national_drug_code,
            "code": row.code,
        }
        for row in rows
    ]
    return sorted(cards, key=lambda card: card["code"] is not None)


def enter_codes(session: Session, command: Command, *, codes: Mapping[str, str]) -> dict[str, Any]:
    """Enter codes: {public id of the product: code, empty for "not listed"}; answers how many changed.

    Raises `NotFound` for a product that is none, `Invalid` for a code that is none. Insert-only: of two at once the
    later one's row counts.
    """

    def act() -> dict[str, Any]:
        authorize(command.actor, Permission.EXPORT_MANAGE)
        known = {card["id"]: card["code"] for card in list_codes(session, actor=command.actor)}
        numbers = _numbers(session, codes)
        changed = 0
        for public_id, text in codes.items():
            code = text.strip()
            if len(code) > LONGEST or not (code.isascii() and code.isprintable()) or " " in code:
                raise Invalid(N_("The insurance's code of a drug has up to 50 letters and digits."), field=public_id)
            if public_id in known and known[public_id] == code:
                continue
            session.execute(
                insert(insurance_code).values(
                    organisation=command.actor.organisation, product=numbers[public_id], code=code,
                    person=command.actor.person, entered_at=command.now,
                )
            )  # fmt: skip
            changed += 1
        return {"changed": changed}

    return run_once(session, command, "enter_insurance_codes", act)


def count_missing(session: Session, *, actor: Actor) -> int:
    """How many drugs of the pharmacy have no code yet."""
    return sum(card["code"] is None for card in list_codes(session, actor=actor))


def _numbers(session: Session, codes: Mapping[str, str]) -> dict[str, int]:
    rows = session.execute(select(product.c.public_id, product.c.id).where(product.c.public_id.in_(list(codes))))
    found = {row.public_id: row.id for row in rows}
    for public_id in codes:
        if public_id not in found:
            raise NotFound(N_("There is no product {id}."), field=public_id, id=public_id)
    return found
