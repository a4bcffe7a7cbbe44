"""The stock that a hold or recall holds: moved to held by one event, put back by another when it is lifted."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, case, select, update
from sqlalchemy.orm import Session

from storage.events import insert_for, uris_of
from storage.tables import MICRO, recall_held, recall_lot, stock
from trace.domain.epcis.document import PREFIX
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.failures import Conflict
from trace.domain.recalls import RecallKind, gone_of, releasable
from trace.domain.stock import Balance
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.commands import Command, stamp_of
from trace.services.making import Goods, seen
from trace.services.recall_reach import recalls_over

OF_RECALL = (
    f"{PREFIX}recall"  # in the events by which a hold or recall moves stock: they end with it, and not by undoing
)
_TRIES = 3  # a partner's program may move the stock while it is being held


def hold_here(session: Session, command: Command, row: Row[Any]) -> list[dict[str, Any]]:
    """Move everything of the recall that is on hand in the actor's organisation to held, by one event.

    A partner's program may move the same stock meanwhile without asking; capture then refuses, and what is there is
    looked at again.
    """
    for attempt in range(_TRIES):
        rows = _stock_of(session, row.id, command.actor.organisation)
        if not rows:
            return []
        try:
            with session.begin_nested():
                return _hold_rows(session, command, row, rows)
        except Conflict:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _stock_of(session: Session, recall_id: int, organisation_id: int) -> Sequence[Row[Any]]:
    reached = select(recall_lot.c.item).where(recall_lot.c.recall == recall_id)
    query = (
        select(stock)
        .where(stock.c.organisation == organisation_id, stock.c.on_hand > 0)
        .where(stock.c.item.in_(reached) | stock.c.lot.in_(reached))
        .order_by(stock.c.item, stock.c.unit)
    )
    return session.execute(query).all()


def _hold_rows(session: Session, command: Command, row: Row[Any], rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    uris = uris_of(session, [one.item for one in rows])
    recalled = row.kind == RecallKind.RECALL
    events = seen(
        stamp_of(session, command),
        [_goods(uris[one.item], one.on_hand, one.unit) for one in rows],
        biz_step=BizStep.HOLDING,
        disposition=Disposition.RECALLED if recalled else Disposition.NON_SELLABLE,
        extensions={"sunshine:reason": row.reason, OF_RECALL: row.public_id},
    )
    capture(session, events, actor=command.actor, now=command.now)
    values = [
        {
            "recall": row.id,
            "organisation": command.actor.organisation,
            "item": one.item,
            "unit": one.unit,
            "amount": one.on_hand,
            "gone": gone_of(_balance(one)),
        }
        for one in rows
    ]
    for value in values:
        _note_held(session, value)
    return [_told(uris[one.item], one.on_hand, one.unit) for one in rows]


def _goods(uri: str, amount: int, unit: str) -> Goods:
    return Goods(uri, Decimal(amount) / MICRO, unit) if uri_kind(uri) is UriKind.LOT else Goods(uri)


def _told(uri: str, amount: int, unit: str) -> dict[str, Any]:
    return {"item": uri, "amount": f"{Decimal(amount) / MICRO:f}", "unit": unit}


def _balance(row: Row[Any]) -> Balance:
    return Balance(*(int(getattr(row, name)) for name in Balance._fields))


def _note_held(session: Session, value: Mapping[str, Any]) -> None:
    """Add to what a recall holds: what came later, or what another recall held before it was lifted."""
    statement = insert_for(session, recall_held).values(dict(value))
    fewer = statement.excluded.gone < recall_held.c.gone
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["recall", "organisation", "item", "unit"],
            set_={
                "amount": recall_held.c.amount + statement.excluded.amount,
                "gone": case((fewer, statement.excluded.gone), else_=recall_held.c.gone),
            },
        )
    )


def release_here(session: Session, command: Command, row: Row[Any]) -> list[dict[str, Any]]:
    """Put back on hand what a lifted recall holds in the actor's organisation, unless another one is over it still.

    That other one holds it from then on, and lifting it releases it.
    """
    mine = (recall_held.c.recall == row.id) & (recall_held.c.organisation == command.actor.organisation)
    query = (
        select(recall_held.c.amount, recall_held.c.gone, stock)
        .join(
            stock,
            (stock.c.organisation == recall_held.c.organisation)
            & (stock.c.item == recall_held.c.item)
            & (stock.c.unit == recall_held.c.unit),
        )
        .where(mine, recall_held.c.amount > 0)
        .order_by(stock.c.item, stock.c.unit)
    )
    rows = session.execute(query).all()
    over = recalls_over(session, [one.item for one in rows], organisation=command.actor.organisation)
    goods: list[tuple[Row[Any], int]] = []
    for one in rows:
        if one.item in over:
            value = {name: getattr(one, name) for name in ("organisation", "item", "unit", "amount", "gone")}
            _note_held(session, {"recall": over[one.item][0].id, **value})
        elif amount := releasable(int(one.amount), int(one.gone), _balance(one)):
            goods.append((one, amount))
    session.execute(update(recall_held).where(mine).values(amount=0))
    if not goods:
        return []
    uris = uris_of(session, [one.item for one, _ in goods])
    events = seen(
        stamp_of(session, command),
        [_goods(uris[one.item], amount, one.unit) for one, amount in goods],
        biz_step=BizStep.STORING,
        disposition=Disposition.SELLABLE_ACCESSIBLE,
        extensions={"sunshine:reason": row.lifted_reason, OF_RECALL: row.public_id},
    )
    capture(session, events, actor=command.actor, now=command.now)
    return [_told(uris[one.item], amount, one.unit) for one, amount in goods]
