"""A recall in the shop, pack by pack: which of it are here, and on which receipts the others went.

To whom is told by receipt and code, never by person: nobody's name is kept at the counter (R18; PIPL). Who keeps the
receipt, or scans the pack at home in the public window, is found that way.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from storage.events import uris_of
from storage.tables import (
    drug_sale,
    drug_sale_line,
    lot,
    product,
    recall_lot,
    recall_notice,
    stock,
)
from trace.domain.dispensing import code_text
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.services.balance import as_amount
from trace.services.recalls import get_recall_row, no_recall

LISTED = 500


def recall_codes(session: Session, *, actor: Actor, public_id: str, limit: int = LISTED) -> dict[str, Any]:
    """{here, gone, more_here, more_gone}: packs of a hold or recall in the own shop, and where the others went.

    Each is {uri, code, product, lot_number, amount, unit}; goods without codes are lots by quantity (`code` ""). `here`
    has `held`, and what is on hand still stands first: it is to be taken off the shelf. `gone`, the newest first, has
    {split_units, receipt, number, sold_at, returned_at}: `receipt` is the public id of the sale, `number` is printed on
    it. Raises `NotFound` for a recall of others of which the shop had no notice; a watcher has no shop of its own.
    """
    row = get_recall_row(session, public_id)
    if actor.watches:
        return {"here": [], "gone": [], "more_here": 0, "more_gone": 0}
    if row.organisation != actor.organisation and not _was_told(session, row, actor):
        raise no_recall(public_id)
    here, gone = _here(session, actor, row), _gone(session, actor, row)
    uris = uris_of(session, {one.item for one in (*here[:limit], *gone[:limit])})
    return {
        "here": [
            {**_card(one, uris[one.item]), "amount": as_amount(one.on_hand + one.held), "held": one.on_hand == 0}
            for one in here[:limit]
        ],
        "gone": [_sold(one, uris[one.item]) for one in gone[:limit]],
        "more_here": max(len(here) - limit, 0),
        "more_gone": max(len(gone) - limit, 0),
    }


def _was_told(session: Session, row: Row[Any], actor: Actor) -> bool:
    mine = (recall_notice.c.recall == row.id) & (recall_notice.c.organisation == actor.organisation)
    return session.execute(select(recall_notice.c.recall).where(mine)).one_or_none() is not None


_NAMES = (lot.c.number, product.c.name)


def _here(session: Session, actor: Actor, row: Row[Any]) -> Sequence[Any]:
    reached = select(recall_lot.c.item).where(recall_lot.c.recall == row.id)
    query = (
        select(stock.c.item, stock.c.unit, stock.c.on_hand, stock.c.held, *_NAMES)
        .join(lot, lot.c.item == stock.c.lot, isouter=True)
        .join(product, product.c.id == lot.c.product, isouter=True)
        .where(stock.c.organisation == actor.organisation, stock.c.on_hand + stock.c.held > 0)
        .where(or_(stock.c.item.in_(reached), stock.c.lot.in_(reached)))
        .order_by((stock.c.on_hand > 0).desc(), stock.c.item)
    )
    return session.execute(query).all()


def _gone(session: Session, actor: Actor, row: Row[Any]) -> Sequence[Any]:
    reached = select(recall_lot.c.item).where(recall_lot.c.recall == row.id)
    query = (
        select(drug_sale_line, drug_sale.c.public_id, drug_sale.c.number.label("receipt_number"), drug_sale.c.sold_at)
        .add_columns(*_NAMES)
        .join(drug_sale, drug_sale.c.id == drug_sale_line.c.sale)
        .join(lot, lot.c.item == drug_sale_line.c.lot)
        .join(product, product.c.id == drug_sale_line.c.product)
        .where(drug_sale.c.organisation == actor.organisation)
        # A line that an error declaration took back went nowhere (`trace.services.code_sales`).
        .where(
            or_(drug_sale_line.c.returned_event.is_(None), drug_sale_line.c.returned_event != drug_sale_line.c.event)
        )
        .where(or_(drug_sale_line.c.lot.in_(reached), drug_sale_line.c.item.in_(reached)))
        .order_by(drug_sale_line.c.returned_at.is_not(None), drug_sale.c.sold_at.desc(), drug_sale_line.c.line)
    )
    return session.execute(query).all()


def _card(one: Any, uri: str) -> dict[str, Any]:
    return {
        "uri": uri,
        "code": code_text(uri) if uri_kind(uri) is UriKind.INSTANCE else "",
        "product": one.name or "",
        "lot_number": one.number or "",
        "unit": one.unit,
    }


def _sold(one: Any, uri: str) -> dict[str, Any]:
    return {
        **_card(one, uri),
        "amount": as_amount(one.amount),
        "split_units": one.split_units,
        "receipt": one.public_id,
        "number": one.receipt_number,
        "sold_at": one.sold_at,
        "returned_at": one.returned_at,
    }
