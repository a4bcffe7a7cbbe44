"""What is on its way to us, and whether it has arrived before."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import stock as stock_store
from storage.events import chunks, find_idents
from storage.tables import MICRO, ident, lot, organisation, product, receipt, receipt_line, transit
from trace.domain.codes import Code, parse_code
from trace.domain.failures import N_, Conflict, Failure
from trace.domain.papers import Finding, Severity
from trace.domain.permissions import Actor
from trace.domain.rules.weighing import weighing_tolerance
from trace.services.commands import Command
from trace.services.making import Goods
from trace.services.products import products_of_classes
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro

MOST_PASSAGES = 100_000  # lots and single packs on the way to one organisation that are told at once


def expected(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """Shipped to the actor's organisation and not yet received: by sender and lot, single packs counted together.

    A partner that sends by the standard alone names lots and packs that nobody described here: `recorded` is False,
    `product` is what the file knows of their class, or None, and `product_code` the number to register it under. Packs
    whose lot nobody named are counted by class, and `lot` is None. `codes` are the single packs.
    At most `MOST_PASSAGES` lots and packs are told, described ones first: a partner may announce what it likes.
    """
    pack, of_lot = ident.alias("pack"), ident.alias("of_lot")
    query = (
        select(
            organisation.c.public_id.label("sender_id"),
            organisation.c.name.label("sender"),
            transit.c.unit,
            transit.c.amount,
            pack.c.uri.label("item"),
            of_lot.c.uri.label("lot"),
            lot.c.number,
            lot.c.produced_on,
            lot.c.expires_on,
            product.c.public_id.label("id"),
            product.c.name,
            product.c.category,
            product.c.class_uri,
            product.c.unit.label("product_unit"),
        )
        .join(organisation, organisation.c.id == transit.c.sender)
        .join(pack, pack.c.id == transit.c.item)
        .outerjoin(of_lot, of_lot.c.id == transit.c.lot)
        .outerjoin(lot, lot.c.item == transit.c.lot)
        .outerjoin(product, product.c.id == lot.c.product)
        .where(transit.c.receiver == actor.organisation, transit.c.amount > 0)
        .order_by(lot.c.item.is_(None), organisation.c.name, product.c.name, lot.c.number, of_lot.c.uri, pack.c.uri)
        .limit(MOST_PASSAGES)
    )
    rows = session.execute(query).all()
    codes = {uri: code for row in rows if row.id is None and (code := _code_of(uri := row.lot or row.item))}
    known = products_of_classes(session, {code.class_uri for code in codes.values() if code.class_uri})
    grouped: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        code = codes.get(row.lot or row.item)
        key = (row.sender_id, row.lot or (code and code.class_uri) or row.item, row.unit)
        entry = grouped.setdefault(key, _entry(row, code, known))
        entry["amount"] += Decimal(row.amount) / MICRO
        if row.item != row.lot:
            entry["codes"].append(row.item)
    return [entry | {"packs": len(entry["codes"])} for entry in grouped.values()]


def _code_of(uri: str) -> Code | None:
    """What an identifier says of itself: its class, its number."""
    try:
        return parse_code(uri)
    except Failure:
        return None


def _entry(row: Any, code: Code | None, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if row.id is not None:
        product_card: dict[str, Any] | None = {
            "id": row.id, "name": row.name, "category": row.category, "class": row.class_uri, "unit": row.product_unit
        }  # fmt: skip
    else:
        card = known.get((code and code.class_uri) or "")
        product_card = {name: card[name] for name in ("id", "name", "category", "class", "unit")} if card else None
    return {
        "sender": {"id": row.sender_id, "name": row.sender},
        "lot": row.lot,
        "lot_number": row.number or (code and code.lot) or "",
        "product": product_card,
        "product_code": (code.gtin or code.drug_identifier) if code else None,
        "recorded": row.id is not None,
        "unit": row.unit,
        "amount": Decimal(0),
        "codes": [],
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
    }


def check_against_shipment(
    session: Session, command: Command, sender: int | None, sender_name: str, goods: Sequence[Goods], where: str
) -> list[Finding]:
    """Compare what arrives with what a sender on this system recorded as sent.

    Raises `Conflict` for what has arrived already, and for more than was sent beyond what two scales may differ.
    The rows are locked (`storage.stock.lock_transit`), so two clerks cannot receive one delivery twice.
    """
    if sender is None:
        return []
    ids = find_idents(session, [g.item for g in goods])
    left = stock_store.lock_transit(
        session, sender=sender, receiver=command.actor.organisation, items=list(ids.values())
    )
    rules = rules_on(session, command.day, command.actor.organisation)
    unsent = [good for good in goods if left.get(ids.get(good.item, -1), -1) < 0]
    for good in goods:
        remaining = left.get(ids.get(good.item, -1), -1)
        if remaining < 0:
            continue
        amount = micro(good.amount if good.amount is not None else Decimal(1))
        if remaining == 0:
            raise Conflict(
                N_(
                    "{item} of {sender} has been received already."
                    " If more of it came, let the sender record it as sent."
                ),
                field=where,
                item=good.item,
                sender=sender_name,
            )
        if amount > remaining * (1 + weighing_tolerance(good.unit, rules)):
            raise Conflict(
                N_("{sender} sent {sent} of {item} and {came} came: more than was sent. Correct the quantity."),
                field=f"{where}.amount",
                sender=sender_name,
                sent=f"{Decimal(remaining) / MICRO:f}",
                came=f"{Decimal(amount) / MICRO:f}",
                item=good.item,
            )
    if not unsent:
        return []
    text = N_("{sender} has not recorded sending this.")
    return [Finding("TRACE", Severity.WARN, text, {"sender": sender_name}, "食品安全法实施条例 Art. 18")]


def check_not_received_before(
    session: Session, actor: Actor, sender: int | None, sender_name: str, delivery_note: str, lots: Sequence[str]
) -> None:
    """Raise `Conflict` if a supplier's lot came before with the same delivery note (or, again, without one).

    What a supplier on this system recorded as sent is told apart by that (`check_against_shipment`).
    """
    ids = find_idents(session, lots)
    if sender is not None:
        sent = stock_store.lock_transit(session, sender=sender, receiver=actor.organisation, items=ids.values())
        ids = {uri: item for uri, item in ids.items() if sent.get(item, -1) < 0}
    query = (
        select(receipt.c.received_at, receipt.c.public_id, ident.c.uri)
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .join(ident, ident.c.id == receipt_line.c.item)
        .where(
            receipt.c.organisation == actor.organisation,
            receipt.c.supplier_name == sender_name if sender is None else receipt.c.supplier == sender,
            receipt.c.delivery_note == delivery_note,
            receipt.c.undone_at.is_(None),
        )
        .limit(1)
    )
    for part in chunks(ids.values()):
        earlier = session.execute(query.where(receipt_line.c.item.in_(part))).one_or_none()
        if earlier is None:
            continue
        raise Conflict(
            N_(
                "The lot {lot} of {supplier} was received on {day} already. If this is another delivery, type the"
                " number of its delivery note."
            ),
            field="delivery_note",
            details={"receipt": earlier.public_id},
            lot=earlier.uri,
            supplier=sender_name,
            day=earlier.received_at.isoformat(),
        )
