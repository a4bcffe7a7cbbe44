"""How much of a purchase order came, over all its deliveries; it is received when all of it did."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import MICRO, acceptance, purchase_order, purchase_order_line, receipt, receipt_line
from trace.domain.acceptance import OrderState
from trace.services.arrivals import Decision
from trace.services.orders import end_order

_COUNTED = (Decision.ACCEPT, Decision.HOLD)


def lock_order(session: Session, order: int) -> None:
    """Line up with every other delivery of an order, and with who takes one back: before their goods are locked."""
    mine = select(purchase_order.c.id).where(purchase_order.c.id == order)
    session.execute(mine.with_for_update(key_share=True)).one()


def order_of_receipt(session: Session, number: int) -> int | None:
    """The number of the order that a receipt (its number) delivered of, if any."""
    query = select(acceptance.c.purchase_order).where(acceptance.c.receipt == number)
    return session.scalars(query).one_or_none()


def ordered(session: Session, order: int) -> dict[int, Decimal]:
    """{product's number: how much was ordered}."""
    query = select(purchase_order_line).where(purchase_order_line.c.purchase_order == order)
    found: dict[int, Decimal] = {}
    for line in session.execute(query):
        found[line.product] = found.get(line.product, Decimal(0)) + Decimal(line.amount) / MICRO
    return found


def came_before(session: Session, order: int) -> dict[int, Decimal]:
    """{product's number: how much of an order came so far}; what was refused or undone did not come."""
    query = (
        select(receipt_line.c.product, func.sum(receipt_line.c.amount))
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .join(acceptance, acceptance.c.receipt == receipt.c.id)
        .where(
            acceptance.c.purchase_order == order,
            receipt.c.undone_at.is_(None),
            receipt_line.c.decision.in_([decision.value for decision in _COUNTED]),
        )
        .group_by(receipt_line.c.product)
    )
    return {product: Decimal(int(amount)) / MICRO for product, amount in session.execute(query).tuples()}


def settle_order(session: Session, order: int) -> None:
    """Say whether an order is received, all of it, or open; one that was cancelled stays so. Its row is locked."""
    state = session.execute(select(purchase_order.c.state).where(purchase_order.c.id == order)).scalar_one()
    if state == OrderState.CANCELLED:
        return
    came = came_before(session, order)
    whole = all(came.get(product, Decimal(0)) >= amount for product, amount in ordered(session, order).items())
    end_order(session, order, OrderState.RECEIVED if whole else OrderState.OPEN)
