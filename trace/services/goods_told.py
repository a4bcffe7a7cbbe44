"""What goods an event moved, in the words of the shop: product, lot number, amount."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from storage.events import documents_of
from trace.domain.epcis.document import load_document, parse_document
from trace.domain.events import Event
from trace.domain.links import links_of
from trace.domain.permissions import Actor
from trace.domain.stock import movements_of
from trace.services.lots import find_lots, lots_of


def stored_events(session: Session, numbers: list[int]) -> dict[int, Event]:
    """{event number: event}, as it was stored."""
    return {number: parse_document(load_document(data)) for number, data in documents_of(session, numbers).items()}


def goods_of_events(session: Session, actor: Actor, events: Mapping[int, Event]) -> dict[int, list[dict[str, Any]]]:
    """{event number: goods}: {lot, product, lot_number, amount, unit} by lot, single packs of a lot counted together.

    Where nobody recorded what it is, `product` and `lot_number` are empty and `lot` is the thing itself.
    """
    moved = {number: list(movements_of(event, links_of(event))) for number, event in events.items()}
    items = {movement.item for movements in moved.values() for movement in movements}
    of = lots_of(session, items, seen_by=actor.organisation)
    lots = find_lots(session, set(of.values()))
    found: dict[int, list[dict[str, Any]]] = {}
    for number, movements in moved.items():
        amounts: dict[tuple[str, str], Decimal] = {}
        for movement in movements:
            key = of.get(movement.item, movement.item), movement.unit
            amounts[key] = amounts.get(key, Decimal(0)) + movement.amount
        found[number] = [
            {
                "lot": uri,
                "product": lots[uri].product_name if uri in lots else "",
                "lot_number": lots[uri].number if uri in lots else "",
                "amount": amount,
                "unit": unit,
            }
            for (uri, unit), amount in amounts.items()
        ]
    return found
