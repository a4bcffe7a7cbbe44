"""Sales over the counter: by lot where the code says it, else by product and attributed to the lots that are open.

What is attributed is marked so, in the event (`sunshine:attributedBy`) and in `attributed_sale`, with every lot that
may have been it: a recall says both what is certain and what is possible.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, lock_items, share_items, uris_of
from storage.tables import (
    MICRO,
    attributed_lot,
    attributed_sale,
    event_withdrawn,
    lot,
    product,
    receipt,
    receipt_line,
    stock,
)
from trace.domain.attribution import OpenLot, Policy, attribute
from trace.domain.epcis.document import PREFIX
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, ObjectEvent, Quantity, utc_milliseconds
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.rules.weighing import weighing_tolerance
from trace.services.arrivals import Decision
from trace.services.capture import capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.hop_checks import check_certified, check_fresh, check_no_drug
from trace.services.making import Goods, Stamp, seen
from trace.services.recall_reach import recalls_over, with_lots
from trace.services.renewal import needs_new_certificate
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro
from trace.services.till_lines import ByProduct, Sold, resolve_lines

ATTRIBUTED_BY = f"{PREFIX}attributedBy"
MOST_CANDIDATES = 500  # lots of one product that are open at once


def sell_goods(session: Session, command: Command, *, sold: Sequence[Sold]) -> dict[str, Any]:
    """Record sales: all or none. Answers {events, sales: what was attributed to which lots}.

    Raises `Invalid` for a code nobody knows, `Conflict` for more than is on hand (beyond what two scales may differ;
    that little is kept as sold and attributed to no lot), for goods that may not be sold, and for drugs.

    Two tills that sell one product at once: both pass through the locked rows of its lots in `ident`
    (`storage.events.lock_items`), so the second attributes what the first left. So does a hold set at the same moment
    (`trace.services.recall_reach`). Rows of stock are locked by `capture` only, after everything else.
    """

    def act() -> dict[str, Any]:
        certain, by_product = resolve_lines(session, command, sold)
        check_no_drug(session, command, certain)
        shared = _line_up(session, command, certain, by_product)
        check_fresh(session, command, certain)
        check_certified(session, command, certain)
        made = stamp_of(session, command)
        events: list[Any] = []
        if certain:
            events += seen(made, certain, biz_step=BizStep.RETAIL_SELLING, disposition=Disposition.RETAIL_SOLD)
        planned = _plan(session, command, by_product, certain, shared)
        first = len(events)
        events += [_event(made, first + number, plan) for number, plan in enumerate(planned)]
        done = capture(session, events, actor=command.actor, now=command.now)
        _keep(session, command, planned, [captured.event for captured in done[first:]])
        return {"events": [captured.event_id for captured in done], "sales": [_told(plan) for plan in planned]}

    if not sold:
        raise Invalid(N_("Name at least one lot or pack."), field="sold")
    return run_once(session, command, "sell_goods", act)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one product's sale is attributed: {lot number in the store: (URI, millionths)}, and what else was open."""

    sale: ByProduct
    amounts: Mapping[int, tuple[str, int]]
    candidates: Collection[int]
    policy: Policy


def _line_up(session: Session, command: Command, certain: Sequence[Goods], sales: Sequence[ByProduct]) -> set[int]:
    """The lots of these products in stock, lined up for with whoever sells, holds or sends some of them.

    Sales by product take the rows of `ident` alone: two tills would attribute the same kilogram to one lot. They are
    taken with those of what is certain and of the lots of its packs, which `check_not_recalled` shares later, all at
    once and in order, so that no two wait in a ring.
    """
    query = (
        select(stock.c.item)
        .join(lot, lot.c.item == stock.c.item)
        .where(stock.c.organisation == command.actor.organisation, stock.c.on_hand > 0)
        .where(lot.c.product.in_([sale.product.id for sale in sales]))
    )
    lots = set(session.scalars(query)) if sales else set()
    named = find_idents(session, [good.item for good in certain]).values()
    everything = lots.union(*with_lots(session, named).values())
    if lots:
        lock_items(session, everything)
    else:
        share_items(session, everything)
    return lots


def _plan(
    session: Session, command: Command, sales: Sequence[ByProduct], certain: Sequence[Goods], shared: set[int]
) -> list[_Plan]:
    if not sales:
        return []
    rules = rules_on(session, command.day, command.actor.organisation)
    policy = Policy(rules.value("sales_attribution")["policy"])
    rows = _open_lots(session, command, [sale.product.id for sale in sales], certain)
    shelf = _shelf(session, command, rows, certain, shared)
    closed = _recently_open(session, command, sales, int(rules.value("sales_attribution")["days_open"]))
    uris = uris_of(session, {one.item for lots in shelf.values() for one in lots})
    plans = []
    for sale in sales:
        lots = shelf.get(sale.product.id, [])
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
        open_then = {lot.item for lot in lots if not lot.later} | closed.get(sale.product.id, set())
        if command.happened_at is not None:  # what is held by now may have been sold before
            open_then |= {row.item for row in rows if row.product == sale.product.id and row.held > 0}
        amounts = {item: (uris[item], amount) for item, amount in found.amounts.items()}
        plans.append(_Plan(sale, amounts, sorted(open_then)[:MOST_CANDIDATES], policy))
    return plans


def _shelf(
    session: Session, command: Command, rows: Sequence[Row[Any]], certain: Sequence[Goods], shared: set[int]
) -> dict[int, list[OpenLot]]:
    """{product: its lots that may be sold}, less what the same report names by lot."""
    over = recalls_over(session, shared, organisation=command.actor.organisation)
    uris = uris_of(session, {row.item for row in rows})
    named = {good.item: micro(good.amount) for good in certain if good.amount is not None}
    waiting = {row.uri for row in needs_new_certificate(session, command.actor, sorted(uris.values()), on=command.day)}
    came = _came(session, command, uris)
    moment = command.happened_at or command.now
    shelf: dict[int, list[OpenLot]] = {}
    for row in rows:
        left = row.on_hand - named.get(uris[row.item], 0)
        ended = row.expires_on is not None and row.expires_on < command.day
        if row.product is None or row.unit != row.product_unit or left <= 0 or ended:
            continue
        if row.item not in shared or row.item in over or uris[row.item] in waiting:
            continue
        since = utc_milliseconds(came.get(row.item, row.created_at))
        later = row.item in came and came[row.item] > moment
        shelf.setdefault(row.product, []).append(OpenLot(row.item, left, row.expires_on, since, later))
    return shelf


def _open_lots(session: Session, command: Command, products: Sequence[int], certain: Sequence[Goods]) -> list[Row[Any]]:
    """The stock of all lots of these products and of what is certain: `product` is None where no lot is recorded."""
    named = find_idents(session, [good.item for good in certain]).values()
    query = (
        select(
            stock.c.item,
            stock.c.unit,
            stock.c.on_hand,
            stock.c.held,
            lot.c.product,
            lot.c.expires_on,
            lot.c.created_at,
            product.c.unit.label("product_unit"),
        )
        .outerjoin(lot, lot.c.item == stock.c.item)
        .outerjoin(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == command.actor.organisation)
        .where(lot.c.product.in_(products) | stock.c.item.in_(named))
        .order_by(stock.c.item, stock.c.unit)
    )
    return list(session.execute(query))


def _came(session: Session, command: Command, items: Iterable[int]) -> dict[int, datetime]:
    """{lot: when it first came here}, of those that came by a delivery."""
    found: dict[int, datetime] = {}
    for part in chunks(items):
        query = (
            select(receipt_line.c.item, func.min(receipt.c.received_at))
            .join(receipt, receipt.c.id == receipt_line.c.receipt)
            .where(receipt.c.organisation == command.actor.organisation, receipt.c.undone_at.is_(None))
            .where(receipt_line.c.item.in_(part), receipt_line.c.decision != Decision.REFUSE)
            .group_by(receipt_line.c.item)
        )
        found |= dict(session.execute(query).tuples().all())
    return found


def _recently_open(session: Session, command: Command, sales: Sequence[ByProduct], days: int) -> dict[int, set[int]]:
    """{product: lots} sold by attribution of late: by the books they may be gone, on the shelf they may not."""
    query = (
        select(attributed_sale.c.product, attributed_lot.c.item)
        .join(attributed_lot, attributed_lot.c.sale == attributed_sale.c.id)
        .where(
            attributed_sale.c.organisation == command.actor.organisation,
            attributed_sale.c.product.in_([sale.product.id for sale in sales]),
            attributed_sale.c.event.not_in(select(event_withdrawn.c.event)),
            attributed_sale.c.sold_at >= (command.happened_at or command.now) - timedelta(days=days),
            attributed_lot.c.amount > 0,
        )
        .distinct()
    )
    found: dict[int, set[int]] = {}
    for made_of, item in session.execute(query).tuples():
        found.setdefault(made_of, set()).add(item)
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


def _keep(session: Session, command: Command, plans: Sequence[_Plan], events: Sequence[int]) -> None:
    """Write down what was attributed, and what else it may have been; `events` are those of the plans."""
    if not plans:
        return
    sales = [
        {
            "organisation": command.actor.organisation,
            "product": plan.sale.product.id,
            "event": event,
            "amount": plan.sale.amount,
            "unit": plan.sale.product.unit,
            "policy": plan.policy.value,
            "sold_at": command.happened_at or command.now,
        }
        for plan, event in zip(plans, events, strict=True)
    ]
    numbers = session.scalars(
        insert(attributed_sale).returning(attributed_sale.c.id, sort_by_parameter_order=True), sales
    ).all()
    lots = []
    for plan, number in zip(plans, numbers, strict=True):
        amounts = {item: amount for item, (_, amount) in plan.amounts.items()}
        lots += [
            {"sale": number, "item": item, "amount": amounts.get(item, 0)}
            for item in sorted({*plan.candidates, *amounts})
        ]
    session.execute(insert(attributed_lot), lots)


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


def possible_sales(session: Session, items: Iterable[int]) -> dict[tuple[int, int, str], LotSales]:
    """{(organisation, lot, unit): what was sold of it}, lots by their numbers in the store; sales declared wrong are
    none.

    What is held counts as possibly sold: a recall holds what is on hand by the books, and nobody has counted it yet.
    """
    wanted = sorted(set(items))
    attributed: dict[tuple[int, int, str], tuple[int, int]] = {}
    found: dict[tuple[int, int, str], LotSales] = {}
    for part in chunks(wanted):
        sums = (
            select(
                attributed_sale.c.organisation,
                attributed_lot.c.item,
                attributed_sale.c.unit,
                func.sum(attributed_lot.c.amount),
                func.sum(attributed_sale.c.amount),
            )
            .join(attributed_sale, attributed_sale.c.id == attributed_lot.c.sale)
            .where(
                attributed_lot.c.item.in_(part),
                attributed_sale.c.event.not_in(select(event_withdrawn.c.event)),
            )
            .group_by(attributed_sale.c.organisation, attributed_lot.c.item, attributed_sale.c.unit)
        )
        for organisation, item, unit, was, may_have_been in session.execute(sums).tuples():
            attributed[organisation, item, unit] = int(was), int(may_have_been)
        rows = session.execute(select(stock).where(stock.c.item.in_(part), stock.c.came > 0))
        for row in rows:
            key = row.organisation, row.item, row.unit
            was, may_have_been = attributed.get(key, (0, 0))
            certain = max(row.sold - was, 0)
            gone = row.sent + row.returned + row.destroyed + row.used + row.missing + certain
            found[key] = LotSales(certain, was, max(min(may_have_been, row.came - gone), 0))
    return found
