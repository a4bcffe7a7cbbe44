"""To whom goods go back: who delivered the lot, by the records of its arrival."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.tables import organisation, receipt, receipt_line, supplier
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
