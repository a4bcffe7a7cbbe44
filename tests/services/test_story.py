"""How events are told: who stands near the field, and what the poorer view keeps to itself."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

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
