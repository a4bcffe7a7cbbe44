"""Purchase orders (采购订单): what a pharmacy has ordered of whom; a delivery is compared with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, insert_for
from storage.tables import MICRO, organisation, product, purchase_order, purchase_order_line, supplier
from trace.domain.acceptance import OrderState
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.services.commands import Command, run_once
from trace.services.lots import get_product
from trace.services.organisations import new_public_id
from trace.services.stock_keeping import micro


@dataclass(frozen=True, slots=True)
class OrderLine:
    """So much of a product (its public id), in the product's own unit; `price` in yuan for one of it."""

    product: str
    amount: Decimal
    price: Decimal | None = None


def place_order(
    session: Session,
    command: Command,
    *,
    supplier_file: str,
    lines: Sequence[OrderLine],
    number: str = "",
    ordered_on: date | None = None,
) -> dict[str, Any]:
    """Record an order at a supplier of the own file (its public id); without a number it gets one of ours.

    Raises `Conflict` for a number that is taken: the unique key (organisation, number) decides between two at once.
    """

    def act() -> dict[str, Any]:
        file = select(supplier.c.id).where(
            supplier.c.public_id == supplier_file, supplier.c.organisation == command.actor.organisation
        )
        found = session.scalar(file)
        if found is None:
            raise NotFound(N_("There is no supplier {id}."), field="supplier", id=supplier_file)
        public_id = new_public_id()
        named = number or f"{command.day:%Y%m%d}-{public_id[:5]}"
        row = {
            "public_id": public_id,
            "organisation": command.actor.organisation,
            "supplier": found,
            "number": named,
            "ordered_on": ordered_on or command.day,
            "state": OrderState.OPEN.value,
            "person": command.actor.person,
            "created_at": command.now,
        }
        statement = insert_for(session, purchase_order).values(row).on_conflict_do_nothing()
        made = session.scalar(statement.returning(purchase_order.c.id))
        if made is None:
            raise Conflict(N_("There is an order {number} already."), field="number", number=named)
        session.execute(insert(purchase_order_line), _line_rows(session, made, lines))
        return {"id": public_id, "number": named}

    if not lines:
        raise Invalid(N_("An order has at least one line."), field="lines")
    return run_once(session, command, "place_order", act)


def _line_rows(session: Session, order: int, lines: Sequence[OrderLine]) -> list[dict[str, Any]]:
    rows = []
    for position, line in enumerate(lines):
        made_of = get_product(session, line.product, field=f"lines.{position}.product")
        if line.amount <= 0:
            raise Invalid(N_("Give the quantity, a number above zero."), field=f"lines.{position}.amount")
        rows.append(
            {
                "purchase_order": order,
                "line": position,
                "product": made_of.id,
                "amount": micro(line.amount),
                "unit": made_of.unit,
                "price": None if line.price is None else micro(line.price),
            }
        )
    return rows


def cancel_order(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """Take an order back that was not received; raises `Conflict` for another. The row's lock lines up two at once."""

    def act() -> dict[str, Any]:
        row = find_order_row(session, command.actor, public_id, lock=True)
        if row.state != OrderState.OPEN:
            raise Conflict(N_("The order {number} is not open any more."), field="order", number=row.number)
        end_order(session, row.id, OrderState.CANCELLED)
        return {"id": public_id, "state": OrderState.CANCELLED.value}

    return run_once(session, command, "cancel_order", act)


def end_order(session: Session, order: int, state: OrderState) -> None:
    """Say how an order ended."""
    session.execute(update(purchase_order).where(purchase_order.c.id == order).values(state=state.value))


def find_order_row(session: Session, actor: Actor, public_id: str, *, lock: bool = False) -> Row[Any]:
    """The organisation's own order; raises `NotFound`."""
    query = select(purchase_order).where(
        purchase_order.c.public_id == public_id, purchase_order.c.organisation == actor.organisation
    )
    row = session.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no order {id}."), field="order", id=public_id)
    return row


def list_orders(session: Session, *, actor: Actor, state: OrderState | None = None, limit: int = 100) -> list[Any]:
    """The organisation's orders with their lines, the newest first."""
    query = _orders(actor).order_by(purchase_order.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(purchase_order.c.state == state.value)
    rows = session.execute(query).all()
    lines = order_lines(session, [row.id for row in rows])
    return [_card(row, lines.get(row.id, [])) for row in rows]


def get_order(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """One of the organisation's own orders; raises `NotFound`."""
    row = session.execute(_orders(actor).where(purchase_order.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no order {id}."), field="order", id=public_id)
    return _card(row, order_lines(session, [row.id]).get(row.id, []))


def _orders(actor: Actor) -> Any:
    return (
        select(
            purchase_order,
            supplier.c.public_id.label("file"),
            supplier.c.name,
            supplier.c.address,
            supplier.c.contact,
            organisation.c.public_id.label("partner"),
            organisation.c.name.label("partner_name"),
        )
        .join(supplier, supplier.c.id == purchase_order.c.supplier)
        .outerjoin(organisation, organisation.c.id == supplier.c.partner)
        .where(purchase_order.c.organisation == actor.organisation)
    )


def _card(row: Row[Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "number": row.number,
        "ordered_on": row.ordered_on,
        "state": row.state,
        "supplier": {
            "file": row.file,
            "id": row.partner,
            "name": row.partner_name or row.name,
            "address": row.address,
            "contact": row.contact,
        },
        "lines": list(lines),
    }


def order_lines(session: Session, orders: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """{order's number: its lines, in order}."""
    query = (
        select(
            purchase_order_line,
            product.c.public_id,
            product.c.name,
            product.c.specification,
        )
        .join(product, product.c.id == purchase_order_line.c.product)
        .order_by(purchase_order_line.c.purchase_order, purchase_order_line.c.line)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for part in chunks(orders):
        for row in session.execute(query.where(purchase_order_line.c.purchase_order.in_(part))):
            card = {
                "product": {"id": row.public_id, "name": row.name, "specification": row.specification},
                "amount": Decimal(row.amount) / MICRO,
                "unit": row.unit,
                "price": None if row.price is None else Decimal(row.price) / MICRO,
            }
            found.setdefault(row.purchase_order, []).append(card)
    return found
