"""What became of lots at one organisation: stock, sales certain and possible, destruction."""

from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import uris_of
from storage.tables import MICRO, disposal, event_item, event_withdrawn, person, stock
from trace.domain.permissions import Actor
from trace.services.sales import possible_sales


def stock_of(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    """What became of the lots here, single packs counted with their lot."""
    query = select(stock).where(stock.c.organisation == actor.organisation, stock.c.lot.in_(items))
    names = ("came", "on_hand", "held", "sold", "sent", "returned", "destroyed", "used", "missing")
    totals: dict[tuple[int, str], dict[str, int]] = {}
    for row in session.execute(query.order_by(stock.c.item)):
        total = totals.setdefault((row.lot, row.unit), dict.fromkeys(names, 0))
        for name in names:
            total[name] += getattr(row, name)
    uris = uris_of(session, {lot for lot, _ in totals})
    return [
        {"lot": uris[lot], "unit": unit, **{name: Decimal(amount) / MICRO for name, amount in total.items()}}
        for (lot, unit), total in totals.items()
    ]


def sales_of(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    """What was sold here: for certain, by attribution, and what may have been of the lot beside that."""
    uris = uris_of(session, items)
    return [
        {
            "lot": uris[item],
            "unit": unit,
            "certain": Decimal(sales.certain) / MICRO,
            "attributed": Decimal(sales.attributed) / MICRO,
            "possible": Decimal(sales.possible) / MICRO,
        }
        for (whose, item, unit), sales in sorted(possible_sales(session, items).items())
        if whose == actor.organisation
    ]


def disposals_of(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    """How some of the lots was destroyed, before whom; what was undone did not happen."""
    query = (
        select(disposal, person.c.name)
        .join(event_item, event_item.c.event == disposal.c.event)
        .outerjoin(person, person.c.id == disposal.c.person)
        .where(disposal.c.organisation == actor.organisation, event_item.c.item.in_(items))
        .where(disposal.c.event.not_in(select(event_withdrawn.c.event)))
        .distinct()
        .order_by(disposal.c.id)
    )
    names = ("reason", "method", "witness", "place", "disposed_at")
    return [
        {"sha256": row.object, "by": row.name or "", **{name: getattr(row, name) for name in names}}
        for row in session.execute(query)
    ]
