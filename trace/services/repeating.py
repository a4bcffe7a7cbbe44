"""The last delivery of a supplier taken over: what came before most probably comes again."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from storage.tables import MICRO, lot, organisation, product, receipt, receipt_line, supplier, transit
from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.arrivals import Decision
from trace.services.prices import as_yuan
from trace.services.recognition import Proposal, lines_from

LOOKED_BACK = 500  # deliveries that are looked through for who delivers here


def recent_suppliers(session: Session, *, actor: Actor, now: datetime, limit: int = 30) -> list[dict[str, Any]]:
    """Who delivered here lately, the latest first; who came today already (by the zone of `now`) after the others.

    Of each the last delivery that stands (`receipt`, taken over by `last_delivery`), when it came and its number of
    lines, whether it came today already, whether more of theirs is on the way.
    """
    query = (
        select(receipt)
        .where(receipt.c.organisation == actor.organisation, receipt.c.undone_at.is_(None))
        .order_by(receipt.c.id.desc())
        .limit(LOOKED_BACK)
    )
    last: dict[tuple[int | None, str], Row[Any]] = {}
    for row in session.execute(query):
        last.setdefault((row.supplier, "" if row.supplier else row.supplier_name), row)
    rows = list(last.values())[:limit]
    lines = _line_counts(session, [row.id for row in rows])
    coming = select(transit.c.sender).where(transit.c.receiver == actor.organisation, transit.c.amount > 0)
    announced = set(session.scalars(coming.distinct()))
    cards = [
        {
            "receipt": row.public_id,
            "name": row.supplier_name,
            "received_at": row.received_at,
            "lines": lines.get(row.id, 0),
            "today": row.received_at.astimezone(now.tzinfo).date() == now.date(),
            "announced": row.supplier in announced,
        }
        for row in rows
    ]
    return sorted(cards, key=lambda card: bool(card["today"]))


def _line_counts(session: Session, receipts: list[int]) -> dict[int, int]:
    query = select(receipt_line.c.receipt, func.count().label("lines")).where(receipt_line.c.receipt.in_(receipts))
    return {row.receipt: row.lines for row in session.execute(query.group_by(receipt_line.c.receipt))}


def last_delivery(session: Session, *, actor: Actor, public_id: str) -> Proposal:
    """What came with one of the organisation's own deliveries, proposed again: products, units, quantities, origin.

    Never what was true of those lots only: numbers, dates, codes, papers. What was refused is not proposed; what is
    made no more neither, and is told (`left_out`). Where the supplier recorded goods as on their way, those are
    proposed instead: they say what really comes. Raises `NotFound` for another's delivery.
    """
    query = (
        select(
            receipt,
            organisation.c.public_id.label("sender"),
            supplier.c.public_id.label("file"),
            supplier.c.name.label("file_name"),
            supplier.c.address.label("file_address"),
            supplier.c.contact.label("file_contact"),
        )
        .outerjoin(organisation, organisation.c.id == receipt.c.supplier)
        .outerjoin(supplier, supplier.c.id == receipt.c.supplier_file)
        .where(receipt.c.public_id == public_id, receipt.c.organisation == actor.organisation)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no receipt {id}."), id=public_id)
    if row.sender is not None:
        announced = lines_from(session, actor=actor, sender=row.sender)
        if announced.lines:
            return announced
    proposal = Proposal(sender=row.sender, supplier=_supplier(row))
    for came in _came(session, row.id):
        if came["discontinued"]:
            proposal.left_out.append(came["product"]["name"])
        else:
            proposal.lines.append({name: value for name, value in came.items() if name != "discontinued"})
    return proposal


def _supplier(row: Any) -> dict[str, str]:
    """Name, address and contact as the file has them now; of before there was one, as the record has them."""
    return {
        "file": row.file or "",
        "name": row.file_name or row.supplier_name,
        "address": row.file_address or row.supplier_address,
        "contact": row.file_contact or row.supplier_contact,
    }


def _came(session: Session, number: int) -> Iterable[dict[str, Any]]:
    """The lines of a delivery as lines of the next: one a product and origin, quantities added up."""
    query = (
        select(
            receipt_line.c.amount,
            receipt_line.c.price,
            product.c.public_id,
            product.c.name,
            product.c.category,
            product.c.unit,
            product.c.discontinued_on,
            lot.c.origin,
            lot.c.origin_region,
        )
        .join(product, product.c.id == receipt_line.c.product)
        .join(lot, lot.c.item == receipt_line.c.item)
        .where(receipt_line.c.receipt == number, receipt_line.c.decision != Decision.REFUSE.value)
        .order_by(receipt_line.c.line)
    )
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in session.execute(query):
        amount = Decimal(row.amount) / MICRO
        line = lines.get((row.public_id, row.origin))
        if line is None:
            lines[row.public_id, row.origin] = _line(row, amount)
        elif line["amount"] is not None:
            line["amount"] += amount
    return lines.values()


def _line(row: Any, amount: Decimal) -> dict[str, Any]:
    counted = row.category != Category.DRUG  # a drug's quantity is that of the codes scanned
    return {
        "label": "",
        "in_store": False,
        "product": {"id": row.public_id, "name": row.name, "category": row.category, "unit": row.unit},
        "lot": None,
        "lot_number": "",
        "produced_on": None,
        "expires_on": None,
        "origin": row.origin,
        "origin_region": row.origin_region or "",
        "amount": amount if counted else None,
        "unit": row.unit,
        "codes": [],
        "container": None,
        "new_product_code": None,
        # A drug's price stands in its record by law and is the same for months; that of vegetables is new each morning.
        "price": None if counted or row.price is None else as_yuan(row.price),
        "discontinued": row.discontinued_on is not None,
    }


def suppliers_on_file(session: Session, *, actor: Actor) -> list[dict[str, str]]:
    """The suppliers of the organisation's own file that are not on this system, as the record needs them."""
    query = (
        select(supplier.c.public_id, supplier.c.name, supplier.c.address, supplier.c.contact)
        .where(supplier.c.organisation == actor.organisation, supplier.c.partner.is_(None))
        .order_by(supplier.c.name)
    )
    return [
        {"file": row.public_id, "name": row.name, "address": row.address, "contact": row.contact}
        for row in session.execute(query)
    ]
