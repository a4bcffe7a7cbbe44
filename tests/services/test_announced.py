"""What a partner announces by the standard alone is on its way like anything else: in no product file, in any form."""

from typing import Any

import pytest

from tests.services.test_epcis_capture import partner_event, send
from tests.town import Town
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.delivery import expected
from trace.services.receiving import Decision, Line, Supplier, receive
from trace.services.recognition import lines_from, propose_lines

LOT = "https://id.gs1.org/01/06901234567892/10/A1"
LOT_URN = "urn:epc:class:lgtin:6901234.056789.A1"
PACKS = ["urn:epc:id:sgtin:6901234.056789.S1", "urn:epc:id:sgtin:6901234.056789.S2"]


@pytest.fixture
def partner(town: Town) -> Actor:
    """A wholesaler whose own software does everything."""
    return town.organisation()


@pytest.fixture
def shop(town: Town) -> Actor:
    """A supermarket."""
    return town.organisation()


def announce(town: Town, partner: Actor, shop: Actor, number: int = 1, **goods: Any) -> None:
    """The partner records by EPCIS that it ships to the shop."""
    event = {
        "action": "OBSERVE",
        "bizStep": "shipping",
        "disposition": "in_transit",
        "epcList": [],
        "sourceList": [{"type": "owning_party", "source": partner.party_uri}],
        "destinationList": [{"type": "owning_party", "destination": shop.party_uri}],
    }
    send(town, partner, partner_event(number, **{**event, **goods}))


def kilograms(amount: float, unit: str = "KGM") -> list[dict[str, Any]]:
    """A quantity of the partner's lot."""
    return [{"epcClass": LOT_URN, "quantity": amount, "uom": unit}]


def test_a_lot_of_a_product_in_no_file_is_expected_with_its_number(town: Town, partner: Actor, shop: Actor) -> None:
    announce(town, partner, shop, quantityList=kilograms(12))
    (entry,) = town.do(expected, actor=shop)
    assert (entry["lot"], entry["lot_number"], entry["amount"], entry["unit"]) == (LOT, "A1", 12, "KGM")
    assert (entry["product"], entry["product_code"], entry["recorded"]) == (None, "06901234567892", False)
    (line,) = lines(town, shop, partner)
    assert (line["product"], line["new_product_code"], line["amount"]) == (None, "06901234567892", 12)


def test_a_lot_of_a_known_product_is_received_as_it_was_announced(town: Town, partner: Actor, shop: Actor) -> None:
    product = town.product(shop, code="6901234567892")
    announce(town, partner, shop, quantityList=kilograms(12))
    (line,) = lines(town, shop, partner)
    assert (line["product"]["id"], line["lot_number"], line["amount"]) == (product, "A1", 12)
    received(town, shop, partner, line)
    assert town.stock(shop, LOT) == (0, 12)
    assert town.do(expected, actor=shop) == []


def test_single_packs_whose_lot_nobody_named_are_one_line(town: Town, partner: Actor, shop: Actor) -> None:
    product = town.product(shop, Category.PACKAGED_FOOD, "EA", code="6901234567892")
    announce(town, partner, shop, epcList=PACKS)
    (entry,) = town.do(expected, actor=shop)
    assert (entry["lot"], entry["packs"], entry["amount"], entry["product"]["id"]) == (None, 2, 2, product)
    (line,) = lines(town, shop, partner)
    assert (len(line["codes"]), line["amount"]) == (2, None)
    received(town, shop, partner, line)
    assert town.do(expected, actor=shop) == []


def test_a_scanned_label_finds_what_a_partner_announced(town: Town, partner: Actor, shop: Actor) -> None:
    announce(town, partner, shop, quantityList=kilograms(12))
    for text in ("6901234567892", "(01)06901234567892(10)A1"):
        proposal = town.do(propose_lines, actor=shop, texts=[text])
        assert [(line["amount"], line["lot_number"]) for line in proposal.lines] == [(12, "A1")]
        assert proposal.sender == town.id_of(partner)


def test_an_amount_in_another_unit_is_never_taken_for_one_in_the_products(
    town: Town, partner: Actor, shop: Actor
) -> None:
    town.product(shop, code="6901234567892")
    announce(town, partner, shop, quantityList=kilograms(12_000, "GRM"))
    (line,) = lines(town, shop, partner)
    assert (line["amount"], line["unit"]) == (None, "KGM")


def test_a_private_identifier_and_hostile_numbers_are_announced_like_any(
    town: Town, partner: Actor, shop: Actor
) -> None:
    announce(town, partner, shop, 1, epcList=["https://partner.example/obj/X-1"])
    announce(
        town, partner, shop, 2, quantityList=[{"epcClass": LOT_URN[:-2] + "%22%3E%3Cb", "quantity": 1, "uom": "KGM"}]
    )
    found = {(entry["lot_number"], entry["packs"]) for entry in town.do(expected, actor=shop)}
    assert found == {("", 1), ('"><b', 0)}
    assert len(lines(town, shop, partner)) == 2


def lines(town: Town, shop: Actor, partner: Actor) -> list[dict[str, Any]]:
    """What the station's form would be filled with."""
    found: list[dict[str, Any]] = town.do(lines_from, actor=shop, sender=town.id_of(partner)).lines
    return found


def received(town: Town, shop: Actor, partner: Actor, line: dict[str, Any]) -> None:
    """Receive a line as it stands in the form."""
    asked = Line(
        product=line["product"]["id"],
        code=line["lot"],
        lot_number=line["lot_number"],
        amount=line["amount"],
        codes=tuple(line["codes"]),
        decision=Decision.HOLD,  # no paper was filed of it
        reason="等证明",
    )
    town.do(receive, town.command(shop), supplier=Supplier(town.id_of(partner)), lines=[asked])
