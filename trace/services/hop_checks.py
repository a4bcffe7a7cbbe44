"""What a hop of goods is refused for, that the store cannot know by itself: expiry, drugs, doubles, mass balance."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from storage.events import find_idents, lock_items
from storage.stock import items_ever_here, items_here, on_hand_and_held
from storage.tables import MICRO
from trace.domain.epcis.vocabulary import KILOGRAM
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.papers import Severity
from trace.domain.rules.movement import Mixing, check_mixing
from trace.domain.uris import UriKind, uri_kind
from trace.services.commands import Command
from trace.services.lots import check_not_expired, drugs_among, lots_of
from trace.services.making import Counterpart, Goods
from trace.services.open_containers import containers_among, goods_inside
from trace.services.recall_reach import check_not_recalled
from trace.services.renewal import needs_new_certificate
from trace.services.returning import senders_of
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro

GRAM = "GRM"  # UN/ECE recommendation 20


def check_fresh(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Conflict` for goods that may go back or be destroyed, and nothing else (R7): expired, held or recalled.

    食品安全法 Art. 34, 54, 63; 药品管理法 Art. 98. Everybody who sells, sends, packs, splits, mixes or cooks asks this.
    A hold set at the same moment: the rows of `ident` decide (`trace.services.recall_reach`); what is held
    by its quantity only is refused by the stock itself (`trace.services.stock_keeping`).
    """
    items = [g.item for g in goods]
    check_not_recalled(session, items, organisation=command.actor.organisation, field="goods")
    check_not_expired(session, items, seen_by=command.actor.organisation, on=command.day, field="goods")


def check_certified(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Conflict` for what was mixed or re-packed here and has no certificate of its own (R6)."""
    lots = lots_of(session, [g.item for g in goods], seen_by=command.actor.organisation)
    waiting = needs_new_certificate(session, command.actor, sorted(set(lots.values())), on=command.day)
    if waiting:
        raise Conflict(
            N_(
                "{lots} was mixed or re-packed here and has no commitment certificate of its own yet; it may go when"
                " one is issued (农产品质量安全法 Art. 39)."
            ),
            field="goods",
            details={"rule": "R6", "lots": [row.uri for row in waiting]},
            lots="、".join(f"{row.product_name} {row.number}" for row in waiting),
        )


def check_may_go_back(session: Session, command: Command, goods: Sequence[Goods], to: Counterpart) -> None:
    """Raise `Conflict` for goods that may go back (`check_fresh`) and are sent to somebody they did not come from (R7).

    Else whoever wanted to move expired goods would call it a return. They came from who delivered them here, by a
    record or by what the other side recorded as sent, or who made them.
    """
    if _may_go_anywhere(session, command, goods):
        return
    here = command.actor.organisation
    lots = lots_of(session, [good.item for good in goods], seen_by=here)
    ids = find_idents(session, {*lots.values(), *(good.item for good in goods)})
    known = senders_of(session, organisation=here, sender=to.number, name=to.name, items=ids.values())
    for good in goods:
        if not {ids.get(good.item), ids.get(lots.get(good.item, ""))} & known:
            raise Conflict(
                N_(
                    "{item} did not come from {receiver}: expired, held or recalled goods go back to who delivered"
                    " them, or are destroyed."
                ),
                field="receiver",
                details={"rule": "R7", "item": good.item},
                item=good.item.rpartition("/")[2],
                receiver=to.name,
            )


def _may_go_anywhere(session: Session, command: Command, goods: Sequence[Goods]) -> bool:
    """Whether nothing of these goods is expired, held or recalled; what goes back is taken from what is held first."""
    try:
        check_fresh(session, command, goods)
    except Conflict:
        return False
    here = on_hand_and_held(session, command.actor.organisation, find_idents(session, [good.item for good in goods]))
    return not any(held for _, held in here.values())


def check_may_pack(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """`check_fresh` for what goes into a container, and for what is in the containers among it; no held goods either.

    Packing moves no stock, so that the stock itself cannot refuse it.
    """
    boxes = containers_among(session, [good.item for good in goods])
    inside = [good for good in goods if good.item not in boxes]
    inside += [good for box in sorted(boxes) for good in goods_inside(session, box).goods]
    check_fresh(session, command, inside)
    here = on_hand_and_held(session, command.actor.organisation, find_idents(session, [g.item for g in inside]))
    for good in inside:
        on_hand, held = here.get(good.item, (0, 0))
        if held and (MICRO if good.amount is None else micro(good.amount)) > on_hand:
            raise Conflict(
                N_("{item} is held here and is not packed. Release it first, send it back, or destroy it."),
                field="goods",
                item=good.item.rpartition("/")[2],
            )


def check_no_drug(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Invalid` for a drug: it is dispensed, never just sold (R8, R10)."""
    for uri in drugs_among(session, [g.item for g in goods], seen_by=command.actor.organisation):
        text = (
            N_("{item} is a drug: dispense it at the pharmacy desk, by lot and quantity as it has no trace codes.")
            if uri_kind(uri) is UriKind.LOT
            else N_("{item} is a drug: dispense it at the pharmacy desk by its trace code.")
        )
        raise Invalid(text, field="goods", item=uri.rpartition("/")[2])


def check_no_drug_pack(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Invalid` for a single pack of a drug: its code has to be opened again where it was dispensed."""
    packs = [g.item for g in goods if uri_kind(g.item) is UriKind.INSTANCE]
    for uri in drugs_among(session, packs, seen_by=command.actor.organisation):
        raise Invalid(
            N_("{item} is a drug: take it back at the pharmacy desk by its trace code."),
            field="goods",
            item=uri.rpartition("/")[2],
        )


def check_not_here(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Conflict` for a single pack that is to come in although it is in stock: there is one of each code.

    Two at once: both pass through the locked rows of `ident`, so the later one sees the earlier's stock.
    """
    ids = find_idents(session, [g.item for g in goods if uri_kind(g.item) is UriKind.INSTANCE])
    lock_items(session, ids.values())
    here = items_here(session, command.actor.organisation, ids.values())
    for uri, item in ids.items():
        if item in here:
            raise Conflict(
                N_("{item} is in stock here; it cannot come in again. Read the code again."),
                field="goods",
                item=uri.rpartition("/")[2],
            )


def check_was_here(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Conflict` for goods that the organisation never had.

    Whoever could pack, unpack or take back a stranger's lot would change its history, and see its papers. A case that
    goes onto a pallet is in nobody's stock itself; what is in it is.
    """
    for good in _never_here(session, command, goods):
        inside = goods_inside(session, good.item).goods
        if not inside or _never_here(session, command, inside):
            raise Conflict(
                N_("{item} was never recorded here. Receive it first, or read the code again."),
                field="goods",
                item=good.item.rpartition("/")[2],
            )


def check_may_refill(session: Session, command: Command, container: str) -> None:
    """Raise `Conflict` for a pallet or case full of goods that the organisation never had: filling would empty it.

    A returnable crate comes back from strangers, and its last content may still stand in the records.
    """
    inside = goods_inside(session, container).goods
    if uri_kind(container) is not UriKind.RETURNABLE and _never_here(session, command, inside):
        raise Conflict(
            N_("{item} was never recorded here. Receive it first, or read the code again."),
            field="container",
            item=container.rpartition("/")[2],
        )


def check_not_in_itself(session: Session, container: str, goods: Sequence[Goods]) -> None:
    """Raise `Conflict` for a container that is to go into itself, or into what is in it."""
    named = {good.item for good in goods}
    holding = {
        uri
        for uri in containers_among(session, named)
        if container in (box.item for box in goods_inside(session, uri).containers)
    }
    for uri in sorted(holding | (named & {container})):
        raise Conflict(
            N_("{item} cannot go into {container}: it is, or holds, that container. Read the codes again."),
            field="goods",
            item=uri.rpartition("/")[2],
            container=container.rpartition("/")[2],
        )


def _never_here(session: Session, command: Command, goods: Sequence[Goods]) -> list[Goods]:
    ids = find_idents(session, [good.item for good in goods])
    had = items_ever_here(session, command.actor.organisation, ids.values())
    return [good for good in goods if ids.get(good.item) not in had]


def check_balance(
    session: Session, command: Command, goods: Sequence[Goods], outputs: Sequence[tuple[Decimal, str]]
) -> None:
    """Raise `Conflict` where more comes out than went in, unit by unit (R6; 农产品质量安全法 Art. 39)."""
    went_in = _totals((good.amount, good.unit) for good in goods if good.amount is not None and good.unit)
    mixing = Mixing(went_in, _totals(outputs), parents=tuple(good.item for good in goods))
    for finding in check_mixing(mixing, rules_on(session, command.day, command.actor.organisation)):
        if finding.severity is Severity.BLOCK:
            raise Conflict(
                N_("{why} Check the quantities of what went in and came out."),
                field="outputs",
                details={"rule": finding.rule, "source": finding.source},
                why=finding,
            )


def _totals(amounts: Iterable[tuple[Decimal, str]]) -> dict[str, Decimal]:
    """The sum of each unit; grams count as kilograms, so that nobody makes weight by changing the unit."""
    totals: dict[str, Decimal] = {}
    for amount, unit in amounts:
        same, factor = (KILOGRAM, Decimal("0.001")) if unit == GRAM else (unit, Decimal(1))
        totals[same] = totals.get(same, Decimal(0)) + amount * factor
    return totals
