"""Goods on the way: announced once, whichever record comes first, and closed when all that was sent is here."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.town import Town
from trace.domain.failures import Conflict
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.services import hops
from trace.services.delivery import expected
from trace.services.hops import Some
from trace.services.receiving import Decision, Line


def kilograms(town: Town, shop: Actor) -> list[Decimal]:
    """What is announced to a shop."""
    with town.store.reading() as session:
        return [entry["amount"] for entry in expected(session, actor=shop)]


@pytest.fixture
def farm(town: Town) -> Actor:
    """A farm."""
    return town.organisation(OrganisationKind.FARM)


@pytest.fixture
def shop(town: Town) -> Actor:
    """A supermarket."""
    return town.organisation()


def came(lot: str, amount: str) -> Line:
    """A line of a delivery."""
    return Line(code=lot, amount=Decimal(amount), reason="快检合格")


def test_a_shipment_recorded_after_its_goods_arrived_announces_nothing(town: Town, farm: Actor, shop: Actor) -> None:
    lot = town.grown(farm)
    town.arrive(farm, shop, came(lot, "10"), delivery_note="N-1")
    town.send(farm, shop, Some(lot, Decimal(10)))
    assert kilograms(town, shop) == []
    with pytest.raises(Conflict, match="has been received already"):
        town.arrive(farm, shop, came(lot, "10"), delivery_note="N-1")
    assert town.stock(shop, lot) == (10, 0)


def test_of_a_larger_shipment_recorded_late_the_rest_is_still_on_its_way(town: Town, farm: Actor, shop: Actor) -> None:
    lot = town.grown(farm)
    town.arrive(farm, shop, came(lot, "10"), delivery_note="N-1")
    town.send(farm, shop, Some(lot, Decimal(25)))
    assert kilograms(town, shop) == [Decimal(15)]


@pytest.mark.parametrize(("arrived", "left"), [("39.6", []), ("40.4", []), ("39", [Decimal(1)]), ("25", [Decimal(15)])])
def test_what_two_scales_differ_by_is_on_no_way(
    town: Town, farm: Actor, shop: Actor, arrived: str, left: list[Decimal]
) -> None:
    lot = town.grown(farm)
    town.send(farm, shop, Some(lot, Decimal(40)))
    town.arrive(farm, shop, came(lot, arrived))
    assert kilograms(town, shop) == left


def test_what_two_scales_differ_by_is_on_no_way_when_goods_are_refused_either(
    town: Town, farm: Actor, shop: Actor
) -> None:
    lot = town.grown(farm)
    town.send(farm, shop, Some(lot, Decimal(40)))
    town.arrive(farm, shop, replace(came(lot, "39.9"), decision=Decision.REFUSE, reason="rotten"))
    assert kilograms(town, shop) == []
    assert kilograms(town, farm) == [Decimal("39.9")]


def test_held_goods_are_sampled_first(town: Town, farm: Actor) -> None:
    lot = town.grown(farm)
    town.do(hops.hold, town.command(farm, hours=2), goods=[Some(lot, Decimal(30))], reason="抽检")
    town.do(hops.sample, town.command(farm, hours=1), goods=[Some(lot, Decimal(2))])
    assert town.stock(farm, lot) == (70, 28)
