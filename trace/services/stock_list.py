"""What an organisation has: stock by lot."""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import MICRO, ident, lot, product, stock
from trace.domain.permissions import Actor


def list_stock(
    session: Session, *, actor: Actor, category: str | None = None, limit: int = 500
) -> list[dict[str, Any]]:
    """On hand and held by lot, what expires first on top; single packs of a lot counted together."""
    query = (
        select(
            ident.c.uri,
            lot.c.number,
            lot.c.expires_on,
            product.c.name,
            product.c.category,
            stock.c.unit,
            func.sum(stock.c.on_hand).label("on_hand"),
            func.sum(stock.c.held).label("held"),
        )
        .join(lot, lot.c.item == stock.c.lot)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == actor.organisation, stock.c.on_hand + stock.c.held > 0)
        .group_by(ident.c.uri, lot.c.number, lot.c.expires_on, product.c.name, product.c.category, stock.c.unit)
        .order_by(lot.c.expires_on.is_(None), lot.c.expires_on, product.c.name)
        .limit(limit)
    )
    if category:
        query = query.where(product.c.category == category)
    return [
        {
            "lot": row.uri,
            "lot_number": row.number,
            "product": row.name,
            "category": row.category,
            "expires_on": row.expires_on,
            "unit": row.unit,
            "on_hand": Decimal(int(row.on_hand)) / MICRO,
            "held": Decimal(int(row.held)) / MICRO,
        }
        for row in session.execute(query)
    ]
