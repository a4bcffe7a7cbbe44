"""Where a scanned code was used before: in stock here, sold, in another acceptance; the first use is named."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.stock import items_here
from storage.tables import acceptance, acceptance_code, dispensing, event_item, receipt, receipt_line, stock
from storage.tenancy import across
from trace.domain.acceptance import AcceptanceState
from trace.domain.permissions import Actor

MOST_TOLD = 20  # codes that are named one by one


@across(because="a code that came in one delivery cannot come in another (R8)")
def uses_elsewhere(session: Session, *, actor: Actor, acceptance_number: int) -> list[dict[str, Any]]:
    """The codes of an acceptance that are somewhere else already: {code, uri, use, at, receipt, delivery_note, count}.

    `use` is in_stock (of an earlier delivery: its receipt), sold (here), sold_elsewhere (by another pharmacy, which is
    not named), or other_acceptance (open just now: its public id). At most `MOST_TOLD` are named; `count` is all.
    """
    mine = select(acceptance_code.c.uri).where(acceptance_code.c.acceptance == acceptance_number)
    uris = session.scalars(mine).all()
    ids = find_idents(session, uris)
    names = {item: uri for uri, item in ids.items()}
    here = items_here(session, actor.organisation, names)
    sold = _sold(session, names)
    others = _in_others(session, actor, acceptance_number, uris)
    told: list[dict[str, Any]] = []
    for item in sorted(here)[:MOST_TOLD]:
        told.append(_use(names[item], "in_stock", **_first_receipt(session, actor, item)))
    for item, sale in sorted(sold.items())[:MOST_TOLD]:
        if item not in here:
            own = sale.organisation == actor.organisation
            told.append(_use(names[item], "sold" if own else "sold_elsewhere", at=sale.dispensed_at))
    for row in others[:MOST_TOLD]:
        told.append(_use(row.uri, "other_acceptance", at=row.scanned_at, acceptance=row.public_id))
    count = len(here | sold.keys()) + len(others)
    return [one | {"count": count} for one in told[:MOST_TOLD]]


def _use(uri: str, use: str, **more: Any) -> dict[str, Any]:
    nothing = {"at": None, "receipt": None, "delivery_note": "", "supplier": "", "acceptance": None}
    return {"code": uri.rpartition("/")[2], "uri": uri, "use": use, **nothing, **more}


def _sold(session: Session, items: Iterable[int]) -> dict[int, Any]:
    """{pack: its sale that nobody took back}, the earliest of each."""
    found: dict[int, Any] = {}
    query = select(dispensing.c.item, dispensing.c.organisation, dispensing.c.dispensed_at)
    for part in chunks(items):
        still = query.where(dispensing.c.item.in_(part), dispensing.c.returned_event.is_(None))
        for row in session.execute(still.order_by(dispensing.c.id)):
            found.setdefault(row.item, row)
    return found


def _in_others(session: Session, actor: Actor, number: int, uris: Iterable[str]) -> list[Any]:
    query = (
        select(acceptance_code.c.uri, acceptance_code.c.scanned_at, acceptance.c.public_id)
        .join(acceptance, acceptance.c.id == acceptance_code.c.acceptance)
        .where(
            acceptance.c.organisation == actor.organisation,
            acceptance.c.state == AcceptanceState.OPEN.value,
            acceptance.c.id != number,
        )
        .order_by(acceptance_code.c.acceptance, acceptance_code.c.uri)
    )
    if session.execute(query.limit(1)).first() is None:
        return []
    return [row for part in chunks(uris) for row in session.execute(query.where(acceptance_code.c.uri.in_(part)))]


def _first_receipt(session: Session, actor: Actor, item: int) -> dict[str, Any]:
    """The delivery that first brought a pack here, where one did."""
    query = (
        select(receipt.c.public_id, receipt.c.received_at, receipt.c.delivery_note, receipt.c.supplier_name)
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .join(stock, (stock.c.lot == receipt_line.c.item) & (stock.c.item == item))
        .join(event_item, (event_item.c.event == receipt_line.c.event) & (event_item.c.item == item))
        .where(receipt.c.organisation == actor.organisation, stock.c.organisation == actor.organisation)
        .order_by(receipt.c.id)
        .limit(1)
    )
    row = session.execute(query).first()
    if row is None:
        return {}
    return {
        "at": row.received_at,
        "receipt": row.public_id,
        "delivery_note": row.delivery_note,
        "supplier": row.supplier_name,
    }
