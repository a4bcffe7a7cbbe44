"""The mass balance of a shop: what came, and where all of it is (R6)."""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import MICRO, lot, product, stock
from trace.domain.permissions import Actor
from trace.domain.stock import Balance

WHERE = tuple(name for name in Balance._fields if name != "came")


def mass_balance(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """Per product and unit, by name: `came`, and of it on hand, held, sold, sent, returned, destroyed, used,
    missing.

    Exact. `difference` is what came and is nowhere: 0, or the books are wrong. Goods that nobody described stand in
    rows without a product: `product` is None.
    """
    sums = [func.sum(stock.c[name]).label(name) for name in Balance._fields]
    query = (
        select(product.c.public_id, product.c.name, product.c.category, stock.c.unit, *sums)
        .outerjoin(lot, lot.c.item == stock.c.lot)
        .outerjoin(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == actor.organisation)
        .group_by(product.c.public_id, product.c.name, product.c.category, stock.c.unit)
        .order_by(product.c.name.is_(None), product.c.name, product.c.public_id, stock.c.unit)
    )
    rows = []
    for row in session.execute(query).mappings():
        amounts = {name: as_amount(row[name]) for name in Balance._fields}
        known = row["public_id"] and {"id": row["public_id"], "name": row["name"], "category": row["category"]}
        difference = amounts["came"] - sum((amounts[name] for name in WHERE), Decimal(0))
        rows.append({"product": known or None, "unit": row["unit"], **amounts, "difference": difference})
    return rows


def as_amount(micro: Any) -> Decimal:
    """An amount as it is stored, in millionths, or a sum of such, in its unit."""
    return Decimal(int(micro)) / MICRO
