"""To whom goods go back: who delivered the lot, by the records of its arrival."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, makers_of
from storage.tables import organisation, receipt, receipt_line, supplier, transit
from trace.domain.permissions import Actor


def takers_of(session: Session, *, actor: Actor, lot: str) -> list[dict[str, Any]]:
    """Who may take a lot (its URI) back: {id, name, delivered}, who delivered it (the latest first) before the others.

    `id` is the public id of the organisation, or, of who is not on this system, of the file kept of it.
    """
    delivered = (
        select(func.max(receipt.c.id))
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .where(
            receipt.c.organisation == actor.organisation,
            receipt.c.supplier_file == supplier.c.id,
            receipt.c.undone_at.is_(None),
            receipt_line.c.item == find_idents(session, [lot]).get(lot, -1),
        )
        .scalar_subquery()
    )
    query = (
        select(
            func.coalesce(organisation.c.public_id, supplier.c.public_id).label("id"),
            func.coalesce(organisation.c.name, supplier.c.name).label("name"),
            delivered.label("delivered"),
        )
        .outerjoin(organisation, organisation.c.id == supplier.c.partner)
        .where(supplier.c.organisation == actor.organisation)
    )
    rows = session.execute(query).all()
    return [
        {"id": row.id, "name": row.name, "delivered": row.delivered is not None}
        for row in sorted(rows, key=lambda row: (-(row.delivered or 0), row.name))
    ]


def senders_of(session: Session, *, organisation: int, sender: int | None, name: str, items: Iterable[int]) -> set[int]:
    """Those of these lots and packs (numbers) that an organisation has from a sender, or that the sender made.

    `sender` is None for who is not on this system: then the `name` in the records of deliveries tells.
    """
    found: set[int] = set()
    by_name = receipt.c.supplier.is_(None) & (receipt.c.supplier_name == name)
    from_it = by_name if sender is None else by_name | (receipt.c.supplier == sender)
    for part in chunks(sorted(items)):
        delivered = (
            select(receipt_line.c.item)
            .join(receipt, receipt.c.id == receipt_line.c.receipt)
            .where(receipt.c.organisation == organisation, receipt.c.undone_at.is_(None), from_it)
            .where(receipt_line.c.item.in_(part))
        )
        found.update(session.scalars(delivered))
        if sender is not None:
            sent = select(transit.c.item).where(
                transit.c.sender == sender, transit.c.receiver == organisation, transit.c.item.in_(part)
            )
            found.update(session.scalars(sent))
            found |= {item for item, makers in makers_of(session, part).items() if sender in makers}
    return found
