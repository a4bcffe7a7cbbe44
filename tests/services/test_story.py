"""How events are told: who stands near the field, and what the poorer view keeps to itself."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.town import NOW, Town
from trace.domain.parties import OrganisationKind
from trace.services import hops
from trace.services.hops import Some
from trace.services.lookup import look_up
from trace.services.receiving import Line, Supplier, receive
from trace.services.story import hands, things_in


def handed(source: str, *destinations: str, **more: Any) -> Mapping[str, Any]:
    return {
        "sourceList": [{"type": "owning_party", "source": source}],
        "destinationList": [{"type": "owning_party", "destination": one} for one in destinations],
        **more,
    }


@pytest.mark.parametrize(
    ("documents", "steps"),
    [
        ([handed("farm", "hall"), handed("hall", "shop")], {"farm": 1, "hall": 2, "shop": 3}),
        ([handed("hall", "shop"), handed("farm", "hall")], {"farm": 1, "hall": 2, "shop": 3}),
        ([handed("farm", "hall"), handed("coop", "shop"), handed("hall", "shop")], {"shop": 2, "coop": 1}),
        ([handed("farm", "hall"), handed("hall", "farm", disposition="returned")], {"farm": 1, "hall": 2}),
        (
            [
                handed("farm", "hall", bizStep="shipping"),
                handed("hall", "farm", bizStep="shipping", disposition="returned"),
                handed("hall", "farm", bizStep="receiving"),  # whoever gets goods back receives them like any others
            ],
            {"farm": 1, "hall": 2},
        ),
        (
            [
                handed("farm", "hall", bizStep="shipping"),
                handed("farm", "hall", bizStep="inspecting", disposition="non_conformant"),
                handed("hall", "farm", bizStep="receiving"),  # what was refused came back
            ],
            {"farm": 1},
        ),
        ([handed("farm", "hall"), handed("hall", "shop"), handed("shop", "hall")], {"farm": 1, "hall": 2, "shop": 3}),
        ([handed("one", "two"), handed("two", "one")], {"one": math.inf, "two": math.inf}),
        ([handed("farm", "farm")], {"farm": 1}),
        ([], {}),
    ],
)
def test_hands_are_counted_from_the_field(documents: list[Mapping[str, Any]], steps: dict[str, float]) -> None:
    found = hands(documents)
    assert {party: found[party] for party in steps} == steps


def test_a_carrier_is_no_hand() -> None:
    carried = {
        "sourceList": [{"type": "possessing_party", "source": "lorry"}],
        "destinationList": [{"type": "possessing_party", "destination": "shop"}],
    }
    assert hands([carried]) == {}


def test_every_thing_of_an_event_is_found_in_its_document() -> None:
    document = {
        "epcList": ["a"],
        "quantityList": [{"epcClass": "b"}],
        "parentID": "c",
        "childEPCs": ["d"],
        "childQuantityList": [{"epcClass": "e"}],
        "inputEPCList": ["f"],
        "inputQuantityList": [{"epcClass": "g"}],
        "outputEPCList": ["h"],
        "outputQuantityList": [{"epcClass": "i"}],
        "transformationID": "j",
        "sunshine:lot": "k",
    }
    assert sorted(things_in(document)) == list("abcdefghijk")


def test_goods_that_came_back_hide_nobody_near_the_field(town: Town) -> None:
    farm, hall = town.organisation(OrganisationKind.FARM), town.organisation(OrganisationKind.WHOLESALER)
    made = town.grown(farm)
    town.send(farm, hall, Some(made, Decimal(40)))
    town.arrive(farm, hall, Line(code=made, amount=Decimal(40)))
    back = [Some(made, Decimal(5))]
    town.do(hops.ship, town.command(hall, hours=5), receiver=town.id_of(farm), goods=back, returned=True)
    supplier, line = Supplier(public_id=town.id_of(hall)), Line(code=made, amount=Decimal(5))
    town.do(receive, town.command(farm, hours=4), supplier=supplier, lines=[line])
    found = town.do(look_up, actor=None, text=made, now=NOW)
    assert {entry["by"] for entry in found["timeline"]} == {farm.organisation_name, hall.organisation_name}
    assert sorted(edge["kind"] for edge in found["flow"]["edges"]) == ["moved", "returned"]
