"""Prices of drugs (药品管理法 Art. 57: 购销价格): what the shop sells for, and what is proposed for what it buys.

Yuan, `Decimal`, for one of the product's unit. A price is a secret of the trade: it stands in no event, and another
organisation never sees it. Nobody types one that is known: a sale takes the shop's price, a delivery that of its
order or of the last delivery.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, BindParameter, bindparam, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.names import Name, named
from storage.tables import (
    MICRO,
    api_key,
    lot,
    organisation,
    person,
    product,
    purchase_order_line,
    receipt,
    receipt_line,
    selling_price,
    stock,
)
from trace.domain.failures import N_, Forbidden, Invalid
from trace.domain.permissions import Actor, Permission, may
from trace.domain.products import Category
from trace.services.arrivals import Decision
from trace.services.commands import Command, run_once
from trace.services.lots import get_product
from trace.services.stock_keeping import micro

LOOKED_BACK = 500  # deliveries that are looked through for what a product cost
_HERE: BindParameter[int] = bindparam("here", type_=BigInteger)
# The counter asks at every scan: the statement is put together once.
_LATEST = (
    select(func.max(selling_price.c.id))
    .where(
        selling_price.c.product.in_(bindparam("products", expanding=True)),
        or_(
            selling_price.c.organisation == _HERE,
            selling_price.c.organisation
            == select(organisation.c.headquarters).where(organisation.c.id == _HERE).scalar_subquery(),
        ),
    )
    .group_by(selling_price.c.organisation, selling_price.c.product)
)
_STANDING = select(selling_price).where(selling_price.c.id.in_(_LATEST))


@dataclass(frozen=True, slots=True)
class Priced:
    """What a product (its public id) is sold for, in yuan for one."""

    product: str
    price: Decimal


def selling_prices(session: Session, actor: Actor, products: Collection[int]) -> dict[int, Decimal]:
    """{product's number: what the actor's shop sells one for}: its own price, else that of its headquarters.

    As it stands now, also for a sale that is recorded later than it happened. One statement.
    """
    return {number: as_yuan(row.price) for number, row in _standing(session, actor, products).items()}


def _standing(session: Session, actor: Actor, products: Collection[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for part in chunks(products):
        for row in session.execute(_STANDING, {"here": actor.organisation, "products": list(part)}):
            if row.product not in found or row.organisation == actor.organisation:
                found[row.product] = row
    return found


def as_yuan(price: int) -> Decimal:
    """Stored millionths of a yuan as yuan."""
    return Decimal(price) / MICRO


def set_prices(session: Session, command: Command, *, prices: Sequence[Priced]) -> dict[str, Any]:
    """Say what the shop sells products for, from now on: {changed: public ids}; what stood is kept.

    Raises `NotFound` for no product, `Invalid` for one that is named twice. Of headquarters it is the price in all its
    shops that have none of their own. Rows are only added, so two at once take no lock: the later one stands.
    """

    def act() -> dict[str, Any]:
        numbers = {get_product(session, one.product, field=f"prices.{n}.product").id: n for n, one in enumerate(prices)}
        if len(numbers) != len(prices):
            raise Invalid(N_("The same product is named twice."), field="prices")
        stands = _standing(session, command.actor, numbers)
        wanted = {number: prices[n].price for number, n in numbers.items()}
        changed = {number: price for number, price in wanted.items() if _differs(stands.get(number), price)}
        keep_prices(session, command, changed)
        return {"changed": [prices[numbers[number]].product for number in changed]}

    if not prices:
        raise Invalid(N_("Name at least one product and its price."), field="prices")
    return run_once(session, command, "set_prices", act)


def _differs(stands: Any, price: Decimal) -> bool:
    """Whether a price is news. One like that of headquarters is none: the shop would keep it when theirs changes."""
    return stands is None or as_yuan(stands.price) != price


def keep_prices(session: Session, command: Command, prices: Mapping[int, Decimal]) -> None:
    """Write what the shop sells products for ({number: yuan for one}), within another command."""
    rows = [
        {
            "organisation": command.actor.organisation,
            "product": number,
            "price": micro(price),
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "set_at": command.now,
        }
        for number, price in prices.items()
    ]
    if rows:
        session.execute(insert(selling_price), rows)


def prices_of_sale(
    session: Session, command: Command, *, sold: Mapping[str, tuple[int, str]], given: Sequence[Priced]
) -> dict[int, Decimal]:
    """{product's number: the price of one} in a sale of `sold`, {public id: (number, name)}; what has none is left out.

    A price that is given where the shop had none becomes the shop's. One that departs from it is for this sale only,
    and takes PRICE_SET: raises `Forbidden`. Raises `Invalid` for a price of what is not sold.
    """
    standing = selling_prices(session, command.actor, [number for number, _ in sold.values()])
    found, first = dict(standing), dict[int, Decimal]()
    for n, one in enumerate(given):
        if one.product not in sold:
            raise Invalid(N_("Nothing of this product is sold here; give the price of what is."), field=f"prices.{n}")
        number, name = sold[one.product]
        if number not in standing:
            first[number] = one.price
        elif one.price != standing[number] and not may(command.actor, Permission.PRICE_SET):
            text = N_("{product} is sold for {price} yuan. Another price takes who may set prices.")
            raise Forbidden(text, field=f"prices.{n}", product=name, price=f"{standing[number]:f}")
        found[number] = one.price
    keep_prices(session, command, first)
    return found


def list_prices(session: Session, *, actor: Actor, text: str = "", limit: int = 200) -> list[dict[str, Any]]:
    """Drugs of the shop (in stock, or priced) with what they are sold for; those without a price first, then by name.

    With `text` all drugs of the file that have it in their name: headquarters has nothing in stock. {product: {id,
    name, specification, producer}, price, own, set_at, set_by, bought_for}; `own` is False for a price of headquarters,
    `bought_for` what the last delivery cost.
    """
    here = (stock.c.organisation == actor.organisation) & (stock.c.on_hand + stock.c.held > 0)
    in_stock = select(lot.c.product).join(stock, stock.c.lot == lot.c.item).where(here)
    priced = select(selling_price.c.product).where(selling_price.c.organisation == actor.organisation)
    has_own = exists().where(
        selling_price.c.organisation == actor.organisation, selling_price.c.product == product.c.id
    )
    shown = or_(product.c.id.in_(in_stock), product.c.id.in_(priced))
    query = (
        select(product)
        .where(product.c.category == Category.DRUG)
        .where(named(session, Name.PRODUCT, text) if text else shown)
        .order_by(has_own, product.c.name, product.c.id)
        .limit(limit)
    )
    rows = session.execute(query).all()
    numbers = [row.id for row in rows]
    standing, bought = _standing(session, actor, numbers), last_purchases(session, actor, numbers)
    names = _names(session, standing.values())
    cards = [_card(row, standing.get(row.id), bought.get(row.id), names, actor) for row in rows]
    return sorted(cards, key=lambda card: card["price"] is not None)


def _names(session: Session, rows: Collection[Any]) -> dict[int, str]:
    """{row of a price: who set it}."""
    query = (
        select(selling_price.c.id, func.coalesce(person.c.name, api_key.c.label))
        .outerjoin(person, person.c.id == selling_price.c.person)
        .outerjoin(api_key, api_key.c.id == selling_price.c.api_key)
    )
    found: dict[int, str] = {}
    for part in chunks([row.id for row in rows]):
        found |= {number: name or "" for number, name in session.execute(query.where(selling_price.c.id.in_(part)))}
    return found


def _card(row: Any, price: Any, bought: "Purchase | None", names: Mapping[int, str], actor: Actor) -> dict[str, Any]:
    return {
        "product": {
            "id": row.public_id,
            "name": row.name,
            "specification": row.specification,
            "producer": row.producer,
        },
        "price": None if price is None else as_yuan(price.price),
        "own": price is not None and price.organisation == actor.organisation,
        "set_at": None if price is None else price.set_at,
        "set_by": "" if price is None or price.organisation != actor.organisation else names.get(price.id, ""),
        "bought_for": None if bought is None else bought.price,
    }


# ---- what things were bought for -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Purchase:
    """What one of a product cost in a delivery, and where the price is from: `order`, or `delivery`."""

    price: Decimal
    source: str


def last_purchases(
    session: Session, actor: Actor, products: Collection[int], *, supplier: str = ""
) -> dict[int, Purchase]:
    """{product's number: what one cost in the last delivery}, of this supplier (its name) where one of theirs had it.

    Refused lines and deliveries that were undone cost nothing. The latest `LOOKED_BACK` deliveries are looked through.
    """
    if not products:
        return {}
    late = (
        select(receipt.c.id, receipt.c.supplier_name)
        .where(receipt.c.organisation == actor.organisation, receipt.c.undone_at.is_(None))
        .order_by(receipt.c.received_at.desc(), receipt.c.id.desc())
        .limit(LOOKED_BACK)
        .subquery()
    )
    query = (
        select(receipt_line.c.product, receipt_line.c.price, late.c.supplier_name)
        .join(late, late.c.id == receipt_line.c.receipt)
        .where(receipt_line.c.price.is_not(None), receipt_line.c.decision != Decision.REFUSE)
        .order_by(late.c.id.desc(), receipt_line.c.line)
    )
    found: dict[int, Purchase] = {}
    theirs: dict[int, Purchase] = {}
    for part in chunks(products):
        for row in session.execute(query.where(receipt_line.c.product.in_(part))):
            bought = Purchase(as_yuan(row.price), "delivery")
            found.setdefault(row.product, bought)
            if row.supplier_name == supplier:
                theirs.setdefault(row.product, bought)
    return found | theirs


def agreed_prices(session: Session, order: int | None) -> dict[int, Purchase]:
    """{product's number: what one costs by an order (its number)}; none where there is no order, or no price on it."""
    if order is None:
        return {}
    query = select(purchase_order_line.c.product, purchase_order_line.c.price)
    of_order = query.where(purchase_order_line.c.purchase_order == order, purchase_order_line.c.price.is_not(None))
    rows = session.execute(of_order.order_by(purchase_order_line.c.line.desc())).tuples()
    return {number: Purchase(as_yuan(price), "order") for number, price in rows}


def bought_for(session: Session, organisation_id: int, lots: Collection[int]) -> dict[int, Decimal]:
    """{lot: what one of it cost when it came last}: the price at which it goes back to its supplier."""
    query = (
        select(receipt_line.c.item, receipt_line.c.price)
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .where(
            receipt.c.organisation == organisation_id,
            receipt.c.undone_at.is_(None),
            receipt_line.c.price.is_not(None),
            receipt_line.c.decision != Decision.REFUSE,
        )
        .order_by(receipt.c.id, receipt_line.c.line)
    )
    found: dict[int, Decimal] = {}
    for part in chunks(lots):
        for item, price in session.execute(query.where(receipt_line.c.item.in_(part))).tuples():
            found[item] = as_yuan(price)
    return found
