"""What a hop of goods is refused for, that the store cannot know by itself: expiry, drugs, doubles, mass balance."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from storage.events import find_idents, lock_items
from storage.stock import items_ever_here, items_here
from trace.domain.epcis.vocabulary import KILOGRAM
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.uris import UriKind, uri_kind
from trace.services.commands import Command
from trace.services.lots import check_not_expired, drugs_among
from trace.services.making import Goods
from trace.services.open_containers import containers_among, goods_inside

GRAM = "GRM"  # UN/ECE recommendation 20


def check_fresh(session: Session, command: Command, goods: Sequence[Goods]) -> None:
    """Raise `Conflict` for goods whose lot is past its expiry date on the day of the command."""
    items = [g.item for g in goods]
    check_not_expired(session, items, seen_by=command.actor.organisation, on=command.day, field="goods")


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


def check_balance(goods: Sequence[Goods], outputs: Sequence[tuple[Decimal, str]]) -> None:
    """More cannot come out than went in, unit by unit (R6; 农产品质量安全法 Art. 39: a mix keeps its sources)."""
    went_in = _totals((good.amount, good.unit) for good in goods if good.amount is not None and good.unit)
    for unit, amount in _totals(outputs).items():
        if unit in went_in and amount > went_in[unit]:
            raise Conflict(
                N_("{out} {unit} cannot come out of {into} {unit}. Check the quantities of what went in and came out."),
                field="outputs",
                out=str(amount),
                into=str(went_in[unit]),
                unit=unit,
            )


def _totals(amounts: Iterable[tuple[Decimal, str]]) -> dict[str, Decimal]:
    """The sum of each unit; grams count as kilograms, so that nobody makes weight by changing the unit."""
    totals: dict[str, Decimal] = {}
    for amount, unit in amounts:
        same, factor = (KILOGRAM, Decimal("0.001")) if unit == GRAM else (unit, Decimal(1))
        totals[same] = totals.get(same, Decimal(0)) + amount * factor
    return totals
