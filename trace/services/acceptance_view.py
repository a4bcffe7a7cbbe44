"""Reading acceptances: the list, and one with its lines, what differs, and what still waits for an answer."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from storage.events import chunks
from storage.tables import MICRO, acceptance, acceptance_code, person, purchase_order, receipt
from trace.domain.acceptance import AcceptanceState, Sorted
from trace.domain.failures import N_, NotFound
from trace.domain.papers import Finding
from trace.domain.permissions import Actor
from trace.domain.rules.special_drugs import check_first_product
from trace.services.acceptance_codes import waiting_codes, would_fall
from trace.services.accepting import Came, came_of, findings_of, is_cold
from trace.services.code_uses import uses_elsewhere
from trace.services.commands import Command
from trace.services.drug_file import DrugCode, new_identifiers
from trace.services.first_products import first_products
from trace.services.orders import get_order
from trace.services.prices import Purchase, agreed_prices, as_yuan, last_purchases
from trace.services.receipts import get_receipt
from trace.services.rulebook import rules_on
from trace.services.temperature_logs import logs_of


def list_acceptances(
    session: Session, *, actor: Actor, state: AcceptanceState | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The organisation's acceptances, the newest first, each with how many codes were scanned."""
    query = _heads(actor).order_by(acceptance.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(acceptance.c.state == state.value)
    rows = session.execute(query).all()
    counts: dict[int, int] = {}
    for part in chunks([row.id for row in rows]):
        mine = acceptance_code.c.acceptance
        query = select(mine, func.count()).where(mine.in_(part)).group_by(mine)
        counts |= dict(session.execute(query).tuples().all())
    return [{**_head(row), "codes": counts.get(row.id, 0)} for row in rows]


def get_acceptance(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """One of the organisation's own acceptances; raises `NotFound`. `command` says who asks, and on which day.

    `lines` with what the note says, what was scanned, what differs, and, while it is open, the `proposed_price` (of the
    order, or of the last delivery: {price, source}), which is a price once somebody sends it; `unknown` identifiers
    ("which product is this?"); `asked` packs that fit several lines; `known_since`, how many waiting codes the file has
    come to know, which fall by the next change; `elsewhere` codes that were used before; `people` who scanned; `logs`
    of the way. Of one that is done, `receipt` is the public id of its record.
    """
    actor = command.actor
    row = session.execute(_heads(actor).where(acceptance.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no acceptance {id}."), field="acceptance", id=public_id)
    came = came_of(session, row)
    rules = rules_on(session, command.day, actor.organisation)
    found = findings_of(session, row, came, rules)
    is_open = row.state == AcceptanceState.OPEN
    first = first_products(session, actor, [one.row.product for one in came]) if is_open else set[int]()
    found = [told + check_first_product(one.row.product in first, rules) for one, told in zip(came, found, strict=True)]
    waiting = waiting_codes(session, actor, row.id)
    asked_of = waiting if is_open else []  # of one that was given up nobody is asked anything
    fall = would_fall(asked_of, [one.row for one in came])
    proposed = _proposed_prices(session, actor, row, came) if is_open else {}
    return {
        **_head(row),
        "order": get_order(session, actor=actor, public_id=row.order_id) if row.order_id else None,
        "transport": row.transport,
        "scans": row.scans,
        "lines": [_line(one, told, proposed.get(one.row.product)) for one, told in zip(came, found, strict=True)],
        "codes": sum(len(one.codes) for one in came) + len(waiting),
        "unknown": [_unknown(asked, waiting) for asked in new_identifiers(asked_of)],
        "asked": [] if fall.placed else _asked(waiting, fall),  # they may open lines that are to be asked about
        "known_since": len(fall.placed),
        "elsewhere": uses_elsewhere(session, actor=actor, acceptance_number=row.id) if is_open else [],
        "people": _people(session, row.id),
        "logs": logs_of(session, actor=actor, acceptance=public_id),
        "cold": any(is_cold(one.row) for one in came),
    }


def acceptance_record(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """The acceptance record (验收记录, GSP) of one that is done: it, and its receipt; raises `NotFound` for others."""
    card = get_acceptance(session, command, public_id=public_id)
    if not card["receipt"]:
        raise NotFound(N_("There is no acceptance {id}."), field="acceptance", id=public_id)
    found = get_receipt(session, actor=command.actor, public_id=card["receipt"], now=command.now)
    return {**card, "record": found}


def codes_of_line(session: Session, *, actor: Actor, public_id: str, line: int) -> list[str]:
    """The codes on one line of an own acceptance, as URIs."""
    query = (
        select(acceptance_code.c.uri)
        .join(acceptance, acceptance.c.id == acceptance_code.c.acceptance)
        .where(
            acceptance.c.public_id == public_id,
            acceptance.c.organisation == actor.organisation,
            acceptance_code.c.line == line,
        )
        .order_by(acceptance_code.c.uri)
    )
    return list(session.scalars(query))


def _heads(actor: Actor) -> Any:
    first, second = aliased(person), aliased(person)
    return (
        select(
            acceptance,
            receipt.c.public_id.label("receipt_id"),
            purchase_order.c.public_id.label("order_id"),
            purchase_order.c.number.label("order_number"),
            first.c.name.label("opened_by"),
            second.c.name.label("second_name"),
        )
        .outerjoin(receipt, receipt.c.id == acceptance.c.receipt)
        .outerjoin(purchase_order, purchase_order.c.id == acceptance.c.purchase_order)
        .outerjoin(first, first.c.id == acceptance.c.person)
        .outerjoin(second, second.c.id == acceptance.c.second_person)
        .where(acceptance.c.organisation == actor.organisation)
    )


def _head(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "state": row.state,
        "supplier": row.supplier,
        "supplier_name": row.supplier["name"],
        "delivery_note": row.delivery_note,
        "order_number": row.order_number or "",
        "opened_at": row.opened_at,
        "opened_by": row.opened_by or "",
        "closed_at": row.closed_at,
        "receipt": row.receipt_id,
        "second_person": row.second_name or "",
    }


def _proposed_prices(session: Session, actor: Actor, row: Row[Any], came: Sequence[Came]) -> dict[int, Purchase]:
    """{product: what one probably costs}: as ordered, else as in the last delivery."""
    products = {one.row.product for one in came if one.row.price is None}
    before = last_purchases(session, actor, products, supplier=row.supplier["name"])
    return before | agreed_prices(session, row.purchase_order)


def _line(one: Came, told: Sequence[Finding], proposed: Purchase | None) -> dict[str, Any]:
    row, more = one.row, one.row.more
    low, high = row.celsius_low, row.celsius_high
    return {
        "line": row.line,
        "product": {
            "id": row.public_id,
            "name": row.name,
            "category": row.category,
            "specification": row.specification,
            "dosage_form": row.dosage_form or "",
            "approval_no": row.approval_no or "",
            "producer": row.producer,
            "drug_class": row.drug_class,
        },
        "lot_number": row.lot_number,
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
        "noted": None if row.amount is None else Decimal(row.amount) / MICRO,
        "unit": row.unit,
        "price": None if row.price is None else as_yuan(row.price),
        "proposed_price": None
        if proposed is None or row.price is not None
        else {"price": proposed.price, "source": proposed.source},
        "scanned": len(one.codes),
        "came": one.amount,
        "celsius_range": None if low is None or high is None else (Decimal(low) / 100, Decimal(high) / 100),
        "cold": is_cold(row),
        "findings": [finding.as_dict() for finding in told],
        "decision": more.get("decision") or "accept",
        "reason": more.get("reason") or "",
        "no_code_reason": more.get("no_code_reason") or "",
        "celsius": more.get("celsius") or "",
        "origin": more.get("origin") or "",
        "certificates": more.get("certificates") or [],
        "apart": bool(more.get("apart")),
    }


def _unknown(asked: Any, waiting: Iterable[DrugCode]) -> dict[str, Any]:
    of_it = set(asked.codes)
    example = next(code for code in waiting if code.uri in of_it)
    return {
        "form": asked.form.value,
        "identifier": asked.identifier,
        "length": asked.length,
        "codes": len(asked.codes),
        "example": example.text.rpartition("/")[2],
        "lot_number": example.lot or "",
        "expires_on": example.expires_on,
    }


def _asked(waiting: Sequence[DrugCode], fall: Sorted) -> list[dict[str, Any]]:
    """Packs that several lines fit, by product: how many, which lines."""
    names: Mapping[str, str] = {str(code.uri): str(code.product["name"]) for code in waiting if code.product}
    groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for uri, lines in fall.asked.items():
        groups.setdefault((names[uri], tuple(lines)), []).append(uri)
    return [
        {"product": name, "lines": list(lines), "count": len(uris), "codes": uris}
        for (name, lines), uris in groups.items()
    ]


def _people(session: Session, number: int) -> list[dict[str, Any]]:
    query = (
        select(person.c.name, func.count().label("codes"))
        .join(person, person.c.id == acceptance_code.c.person)
        .where(acceptance_code.c.acceptance == number)
        .group_by(person.c.name)
        .order_by(person.c.name)
    )
    return [{"name": row.name, "codes": row.codes} for row in session.execute(query)]
