"""Sales over the counter: by lot where the code says it, else by product and attributed to the lots that are open.

What is attributed is marked so, in the event (`sunshine:attributedBy`) and in `attributed_sale`, with every lot that
may have been it: a recall says both what is certain and what is possible.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, share_items, uris_of
from storage.tables import MICRO, attributed_lot, attributed_sale, event_withdrawn, lot, stock
from trace.domain.attribution import OpenLot, Policy, attribute
from trace.domain.codes import parse_code
from trace.domain.epcis.document import PREFIX
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.events import Action, ObjectEvent, Quantity
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.products import Category
from trace.domain.rules.weighing import weighing_tolerance
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.hop_checks import check_certified, check_fresh, check_no_drug
from trace.services.lots import MOVABLE, get_product, units_of
from trace.services.making import Goods, Stamp, seen
from trace.services.products import find_product
from trace.services.recall_reach import recalls_over
from trace.services.renewal import needs_new_certificate
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro

ATTRIBUTED_BY = f"{PREFIX}attributedBy"
MOST_CANDIDATES = 500  # lots of one product that are open at once


@dataclass(frozen=True, slots=True)
class Sold:
    """What the till says of one sale: a code (lot, pack, GTIN, PLU, scale label) or a product, and how much of it."""

    code: str | None = None
    product: str | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _ByProduct:
    """So much (millionths) of a product was sold; `line` is the first that says so."""

    product: Row[Any]
    amount: int
    line: int


def sell_goods(session: Session, command: Command, *, sold: Sequence[Sold]) -> dict[str, Any]:
    """Record sales: all or none. Answers {events, sales: what was attributed to which lots}.

    Raises `Invalid` for a code nobody knows, `Conflict` for more than is on hand (beyond what two scales may differ;
    that little is kept as sold and attributed to no lot), for goods that may not be sold, and for drugs.

    Two tills that sell one product at once: both pass through the locked rows of its lots in stock (FOR UPDATE in order
    of item; SQLite's single writer), so the second attributes what the first left. A hold set at the same moment: the
    shared rows of `ident`, taken before those of stock and all at once, decide (`trace.services.recall_reach`).
    """

    def act() -> dict[str, Any]:
        certain, by_product = _resolve(session, command, sold)
        check_no_drug(session, command, certain)
        shared = _share(session, command, certain, by_product)
        check_fresh(session, command, certain)
        check_certified(session, command, certain)
        made = stamp_of(session, command)
        events: list[Any] = []
        if certain:
            events += seen(made, certain, biz_step=BizStep.RETAIL_SELLING, disposition=Disposition.RETAIL_SOLD)
        planned = _plan(session, command, by_product, {good.item for good in certain}, shared)
        firsts = []
        for plan in planned:
            firsts.append(len(events))
            events.append(_event(made, len(events), plan))
        done = capture(session, events, actor=command.actor, now=command.now)
        for plan, first in zip(planned, firsts, strict=True):
            _keep(session, command, plan, done[first].event)
        return {"events": [captured.event_id for captured in done], "sales": [_told(plan) for plan in planned]}

    if not sold:
        raise Invalid(N_("Name at least one lot or pack."), field="sold")
    return run_once(session, command, "sell_goods", act)


def _resolve(session: Session, command: Command, sold: Sequence[Sold]) -> tuple[list[Goods], list[_ByProduct]]:
    """What is certain (lots, single packs, each once) and what is known by its product only (each once)."""
    lots: dict[str, Decimal | None] = {}
    products: dict[int, _ByProduct] = {}
    for number, one in enumerate(sold):
        code = parse_code(one.code) if one.code else None
        amount = one.amount if one.amount is not None else code.amount if code else None
        item = None
        if code is not None:
            item = code.uri if code.uri and uri_kind(code.uri) in MOVABLE else code.lot_uri
        if item is not None:
            lots[item] = _and_more(lots, item, amount, f"sold.{number}")
            continue
        product = _product_of(session, command, one, number)
        _add(products, product, amount, number)
    units = units_of(session, lots)
    return [Goods(item, amount, units.get(item)) for item, amount in lots.items()], list(products.values())


def _and_more(lots: Mapping[str, Decimal | None], item: str, amount: Decimal | None, where: str) -> Decimal | None:
    if uri_kind(item) is not UriKind.LOT:
        if item in lots:
            raise Invalid(
                N_("The same lot or pack is named twice; name it once with the whole quantity."), field=f"{where}.code"
            )
        return None
    if amount is None or amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"{where}.amount")
    return (lots.get(item) or Decimal(0)) + amount


def _product_of(session: Session, command: Command, one: Sold, number: int) -> Row[Any]:
    """The product a line names; raises `Invalid` for a code that names none here and `Conflict` for a drug."""
    if one.product:
        found = get_product(session, one.product, field=f"sold.{number}.product")
    else:
        known = find_product(session, actor=command.actor, code=parse_code(one.code or ""))
        if known is None:
            raise Invalid(
                N_("{code} is no product of the file here. Type its name, or register it when it is received."),
                field=f"sold.{number}.code",
                code=(one.code or "")[:80],
            )
        found = get_product(session, known["id"])
    if found.category == Category.DRUG:
        raise Conflict(
            N_("{product} is a drug: dispense it at the pharmacy desk."), field=f"sold.{number}", product=found.name
        )
    return found


def _add(products: dict[int, _ByProduct], product: Row[Any], amount: Decimal | None, number: int) -> None:
    if amount is None and product.unit == PIECE:
        amount = Decimal(1)  # one scan, one piece
    if amount is None or amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"sold.{number}.amount")
    before = products.get(product.id)
    products[product.id] = _ByProduct(
        product, micro(amount) + (before.amount if before else 0), before.line if before else number
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one product's sale is attributed: {lot number in the store: (URI, millionths)}, and what else was open."""

    sale: _ByProduct
    amounts: Mapping[int, tuple[str, int]]
    candidates: Collection[int]
    policy: Policy


def _share(session: Session, command: Command, certain: Sequence[Goods], sales: Sequence[_ByProduct]) -> set[int]:
    """The lots of these products in stock; their rows of `ident` are shared, with those of what is certain."""
    query = (
        select(stock.c.item)
        .join(lot, lot.c.item == stock.c.item)
        .where(stock.c.organisation == command.actor.organisation, stock.c.on_hand > 0)
        .where(lot.c.product.in_([sale.product.id for sale in sales]))
    )
    lots = set(session.scalars(query)) if sales else set()
    share_items(session, lots | set(find_idents(session, [good.item for good in certain]).values()))
    return lots


def _plan(
    session: Session, command: Command, sales: Sequence[_ByProduct], taken: set[str], shared: set[int]
) -> list[_Plan]:
    if not sales:
        return []
    rules = rules_on(session, command.day, command.actor.organisation)
    policy = Policy(rules.value("sales_attribution")["policy"])
    days = int(rules.value("sales_attribution")["days_open"])
    rows = _lock_lots(session, command, [sale.product.id for sale in sales])
    over = recalls_over(session, shared, organisation=command.actor.organisation)
    uris = uris_of(session, [row.item for row in rows])
    waiting = {row.uri for row in needs_new_certificate(session, command.actor, sorted(uris.values()), on=command.day)}
    closed = _recently_open(session, command, days)
    plans = []
    for sale in sales:
        lots = [
            OpenLot(row.item, row.on_hand, row.expires_on, row.item)
            for row in rows
            if row.product == sale.product.id
            and row.unit == sale.product.unit
            and row.on_hand > 0
            and row.item in shared
            and row.item not in over
            and uris[row.item] not in taken | waiting
            and not (row.expires_on and row.expires_on < command.day)
        ]
        found = attribute(sale.amount, lots, policy)
        if found.missing > int(sale.amount * weighing_tolerance(sale.product.unit, rules)) or not found.amounts:
            raise Conflict(
                N_(
                    "{amount} {unit} of {product} cannot be sold: {on_hand} {unit} are on the shelf. Receive the goods"
                    " first, or correct the quantity."
                ),
                field=f"sold.{sale.line}.amount",
                amount=_text(sale.amount),
                unit=sale.product.unit,
                product=sale.product.name,
                on_hand=_text(sum(lot.on_hand for lot in lots)),
            )
        candidates = {lot.item for lot in lots} | closed.get(sale.product.id, set())
        amounts = {item: (uris[item], amount) for item, amount in found.amounts.items()}
        plans.append(_Plan(sale, amounts, sorted(candidates)[:MOST_CANDIDATES], policy))
    return plans


def _lock_lots(session: Session, command: Command, products: Sequence[int]) -> list[Row[Any]]:
    """The stock of all lots of these products, locked in order of item until the transaction ends."""
    query = (
        select(stock.c.item, stock.c.unit, stock.c.on_hand, lot.c.product, lot.c.expires_on)
        .join(lot, lot.c.item == stock.c.item)
        .where(stock.c.organisation == command.actor.organisation, lot.c.product.in_(products))
        .order_by(stock.c.item, stock.c.unit)
        .with_for_update(of=stock)
    )
    return list(session.execute(query))


def _recently_open(session: Session, command: Command, days: int) -> dict[int, set[int]]:
    """{product: lots} sold by attribution of late: by the books they may be gone, on the shelf they may not."""
    query = (
        select(attributed_sale.c.product, attributed_lot.c.item)
        .join(attributed_lot, attributed_lot.c.sale == attributed_sale.c.id)
        .where(
            attributed_sale.c.organisation == command.actor.organisation,
            attributed_sale.c.sold_at >= (command.happened_at or command.now) - timedelta(days=days),
            attributed_lot.c.amount > 0,
        )
        .distinct()
    )
    found: dict[int, set[int]] = {}
    for product, item in session.execute(query).tuples():
        found.setdefault(product, set()).add(item)
    return found


def _event(made: Stamp, number: int, plan: _Plan) -> ObjectEvent:
    unit = plan.sale.product.unit
    return ObjectEvent(
        **made.common(number),
        action=Action.OBSERVE,
        biz_step=BizStep.RETAIL_SELLING,
        disposition=Disposition.RETAIL_SOLD,
        quantities=tuple(Quantity(uri, Decimal(amount) / MICRO, unit) for uri, amount in plan.amounts.values()),
        extensions={ATTRIBUTED_BY: plan.policy.value},
    )


def _keep(session: Session, command: Command, plan: _Plan, event: int) -> None:
    number = session.execute(
        insert(attributed_sale)
        .values(
            organisation=command.actor.organisation,
            product=plan.sale.product.id,
            event=event,
            amount=plan.sale.amount,
            unit=plan.sale.product.unit,
            policy=plan.policy.value,
            sold_at=command.happened_at or command.now,
        )
        .returning(attributed_sale.c.id)
    ).scalar_one()
    amounts = {item: amount for item, (_, amount) in plan.amounts.items()}
    session.execute(
        insert(attributed_lot),
        [
            {"sale": number, "item": item, "amount": amounts.get(item, 0)}
            for item in sorted({*plan.candidates, *amounts})
        ],
    )


def _told(plan: _Plan) -> dict[str, Any]:
    return {
        "product": plan.sale.product.name,
        "amount": _text(plan.sale.amount),
        "unit": plan.sale.product.unit,
        "policy": plan.policy.value,
        "lots": [{"lot": uri, "amount": _text(amount)} for uri, amount in plan.amounts.values()],
    }


def _text(amount: int) -> str:
    return f"{(Decimal(amount) / MICRO).normalize():f}"


@dataclass(frozen=True, slots=True)
class LotSales:
    """What one organisation sold of a lot, millionths in the product's unit.

    `certain`: the sale named the lot. `attributed`: by the written policy. `possible`: the most that may have been of
    the lot beside what is certain, because the lot was open when the product was sold.
    """

    certain: int
    attributed: int
    possible: int


def possible_sales(session: Session, items: Iterable[int]) -> dict[tuple[int, int], LotSales]:
    """{(organisation, lot): what was sold of it}, lots by their numbers in the store; sales declared wrong are none."""
    wanted = sorted(set(items))
    attributed: dict[tuple[int, int], tuple[int, int]] = {}
    found: dict[tuple[int, int], LotSales] = {}
    for part in chunks(wanted):
        sums = (
            select(
                attributed_sale.c.organisation,
                attributed_lot.c.item,
                func.sum(attributed_lot.c.amount),
                func.sum(attributed_sale.c.amount),
            )
            .join(attributed_sale, attributed_sale.c.id == attributed_lot.c.sale)
            .where(
                attributed_lot.c.item.in_(part),
                attributed_sale.c.event.not_in(select(event_withdrawn.c.event)),
            )
            .group_by(attributed_sale.c.organisation, attributed_lot.c.item)
        )
        for organisation, item, was, may_have_been in session.execute(sums).tuples():
            attributed[organisation, item] = int(was), int(may_have_been)
        rows = session.execute(select(stock).where(stock.c.item.in_(part), stock.c.came > 0))
        for row in rows:
            was, may_have_been = attributed.get((row.organisation, row.item), (0, 0))
            certain = max(row.sold - was, 0)
            gone = row.held + row.sent + row.returned + row.destroyed + row.used + certain
            possible = max(min(may_have_been, row.came - gone), 0)
            found[row.organisation, row.item] = LotSales(certain, was, possible)
    return found
