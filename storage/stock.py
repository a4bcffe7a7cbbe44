"""Stock, goods on the way, and their guarded updates.

Every change is one UPDATE with its condition in the WHERE clause: two counters that sell the last piece at once run
one after the other on the row (its lock on PostgreSQL, the single writer on SQLite) and the second finds nothing to
sell. Callers pass changes sorted by item, so that no two wait for each other in a ring.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, case, select, true, update
from sqlalchemy.orm import Session

from storage.events import chunks, insert_for
from storage.tables import stock, transit


def stock_row(session: Session, organisation: int, item: int, unit: str) -> tuple[int, int, int] | None:
    """(on hand, held, sold and not brought back) in millionths, or None where the organisation never had it."""
    query = select(stock.c.on_hand, stock.c.held, stock.c.sold).where(
        stock.c.organisation == organisation, stock.c.item == item, stock.c.unit == unit
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row.on_hand, row.held, row.sold)


def known_lots(session: Session, items: Iterable[int], *, seen_by: int | None = None) -> dict[int, int]:
    """{item: lot} of instances whose lot somebody's stock names.

    Where two organisations say differently, `seen_by`'s own word counts, else that of who was registered last.
    """
    found: dict[int, int] = {}
    for part in chunks(items):
        query = (
            select(stock.c.item, stock.c.lot)
            .where(stock.c.item.in_(part), stock.c.lot.is_not(None))
            .order_by(case((stock.c.organisation == seen_by, 1), else_=0), stock.c.organisation)
        )
        found.update(session.execute(query).tuples().all())
    return found


def items_here(session: Session, organisation: int, items: Iterable[int]) -> set[int]:
    """Those of these items of which the organisation has some, on hand or held."""
    found: set[int] = set()
    for part in chunks(items):
        query = select(stock.c.item).where(
            stock.c.organisation == organisation, stock.c.item.in_(part), stock.c.on_hand + stock.c.held > 0
        )
        found.update(session.scalars(query))
    return found


def items_ever_here(session: Session, organisation: int, items: Iterable[int]) -> set[int]:
    """Those of these items that the organisation has or had."""
    found: set[int] = set()
    for part in chunks(items):
        query = select(stock.c.item).where(stock.c.organisation == organisation, stock.c.item.in_(part))
        found.update(session.scalars(query))
    return found


def put_in(session: Session, organisation: int, item: int, unit: str, lot: int | None, amount: int, held: int) -> None:
    """Add to what is on hand and to what is held, making the row where there is none."""
    statement = insert_for(session, stock).values(
        organisation=organisation, item=item, unit=unit, lot=lot, on_hand=amount, held=held
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["organisation", "item", "unit"],
            set_={"on_hand": stock.c.on_hand + amount, "held": stock.c.held + held},
        )
    )


def take_out(session: Session, organisation: int, item: int, unit: str, amount: int, *, held_too: bool) -> bool:
    """Take from what is on hand (with `held_too`: from what is held first); False if there is not that much."""
    if held_too:
        from_held = case((stock.c.held >= amount, amount), else_=stock.c.held)
        enough: Any = stock.c.on_hand + stock.c.held >= amount
        change = {"held": stock.c.held - from_held, "on_hand": stock.c.on_hand - (amount - from_held)}
    else:
        enough = stock.c.on_hand >= amount
        change = {"on_hand": stock.c.on_hand - amount}
    return _updated(session, organisation, item, unit, enough, change)


def sell(session: Session, organisation: int, item: int, unit: str, amount: int) -> bool:
    """Move from on hand to sold; False if there is not that much on hand."""
    change = {"on_hand": stock.c.on_hand - amount, "sold": stock.c.sold + amount}
    return _updated(session, organisation, item, unit, stock.c.on_hand >= amount, change)


def take_back(
    session: Session, organisation: int, item: int, unit: str, amount: int, *, unsold_too: bool = False
) -> bool:
    """Move from sold to held; False if not that much was sold (with `unsold_too`: if the organisation never had it)."""
    left = case((stock.c.sold >= amount, stock.c.sold - amount), else_=0)
    enough: Any = true() if unsold_too else stock.c.sold >= amount
    return _updated(session, organisation, item, unit, enough, {"sold": left, "held": stock.c.held + amount})


def set_apart(session: Session, organisation: int, item: int, unit: str, amount: int) -> bool:
    """Move from on hand to held; False if there is not that much on hand."""
    change = {"on_hand": stock.c.on_hand - amount, "held": stock.c.held + amount}
    return _updated(session, organisation, item, unit, stock.c.on_hand >= amount, change)


def release(session: Session, organisation: int, item: int, unit: str, amount: int) -> bool:
    """Move from held back to on hand; False if there is not that much held."""
    change = {"on_hand": stock.c.on_hand + amount, "held": stock.c.held - amount}
    return _updated(session, organisation, item, unit, stock.c.held >= amount, change)


def add_transit(
    session: Session, *, sender: int, receiver: int, item: int, unit: str, lot: int | None, amount: int, event: int
) -> None:
    """Goods left `sender` for `receiver`."""
    statement = insert_for(session, transit).values(
        sender=sender, receiver=receiver, item=item, unit=unit, lot=lot, amount=amount, event=event
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["receiver", "sender", "item", "unit"],
            set_={"amount": transit.c.amount + amount, "event": event},
        )
    )


def take_transit(
    session: Session,
    *,
    sender: int,
    receiver: int,
    item: int,
    unit: str,
    lot: int | None,
    amount: int,
    event: int,
    crumb: int,
) -> None:
    """Goods on the way arrived; what is left of at most `crumb` is what two scales differ by, and is on no way.

    What arrives before its sender recorded it as sent is kept below nothing, so that the late record does not announce
    the same goods again.
    """
    left = transit.c.amount - amount
    statement = insert_for(session, transit).values(
        sender=sender, receiver=receiver, item=item, unit=unit, lot=lot, amount=-amount, event=event
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["receiver", "sender", "item", "unit"],
            set_={"amount": case((transit.c.amount <= 0, left), (left <= crumb, 0), else_=left)},
        )
    )


def lock_transit(session: Session, *, sender: int, receiver: int, items: Iterable[int]) -> dict[int, int]:
    """{item: amount on the way} of what was ever sent or came (0: all arrived, below 0: came before it was recorded as
    sent), locked until the transaction ends.

    The lock (FOR UPDATE on PostgreSQL, the single writer on SQLite) is what keeps two clerks from receiving one
    delivery twice. Ordered, so that no two wait in a ring.
    """
    found: dict[int, int] = {}
    for part in chunks(sorted(set(items))):
        query = (
            select(transit.c.item, transit.c.amount)
            .where(transit.c.sender == sender, transit.c.receiver == receiver, transit.c.item.in_(part))
            .order_by(transit.c.item)
            .with_for_update()
        )
        found.update(session.execute(query).tuples().all())
    return found


def _updated(session: Session, organisation: int, item: int, unit: str, enough: Any, change: dict[str, Any]) -> bool:
    row = and_(stock.c.organisation == organisation, stock.c.item == item, stock.c.unit == unit, enough)
    return int(session.execute(update(stock).where(row).values(change)).rowcount) == 1  # type: ignore[attr-defined]
