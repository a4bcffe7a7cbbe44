"""The hops of goods: what each records, what it does to stock, what it refuses."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from storage.tables import event
from tests.town import Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services import hops
from trace.services.dispensing import dispense
from trace.services.disposal import dispose
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.organisations import add_place
from trace.services.receiving import Line, Supplier, receive

K = OrganisationKind
CRATE = "https://id.sunshine-trace.example/crate/obj/T-1"


def with_expired_packs(town: Town) -> tuple[Actor, str, tuple[str, ...]]:
    """A maker with packs of a lot that ended yesterday: (maker, case they are in, packs)."""
    maker = town.organisation(K.DRUG_MAKER)
    packs, (case,) = town.packs(3), town.packs(1)
    town.lot(maker, town.drug(maker), 3, packs, produced_on=town.day(400), expires_on=town.day(1))
    town.do(hops.pack, town.command(maker, hours=19), container=case, goods=[Some(code) for code in packs[:2]])
    return maker, case, packs


# ---- pack, unpack --------------------------------------------------------------------------------------------------


def test_a_reused_crate_never_carries_its_former_content_on(town: Town) -> None:
    one, two, hall = town.organisation(K.FARM), town.organisation(K.FARM), town.organisation(K.WHOLESALER)
    carrots, tomatoes = town.lot(one, town.product(one)), town.lot(two, town.product(two))
    # Nobody records that the crate was emptied at the hall; it comes back full of something else.
    for farm, goods, kilograms, hours in ((one, carrots, 20, 15), (two, tomatoes, 7, 5)):
        some = [Some(goods, Decimal(kilograms))]
        town.do(hops.pack, town.command(farm, hours=hours), container=CRATE, goods=some)
        town.do(hops.ship, town.command(farm, hours=hours - 1), receiver=town.id_of(hall), containers=[CRATE])
        line = Line(container=CRATE, reason="papers follow")
        supplier = Supplier(public_id=town.id_of(farm))
        town.do(receive, town.command(hall, hours=hours - 2), supplier=supplier, lines=[line])
    assert town.stock(hall, carrots) == (20, 0)
    assert town.stock(hall, tomatoes) == (7, 0)


def test_filling_a_leftover_crate_empties_it_first(town: Town) -> None:
    one, two = town.organisation(K.FARM), town.organisation(K.FARM)
    carrots, tomatoes = town.lot(one, town.product(one)), town.lot(two, town.product(two))
    town.do(hops.pack, town.command(one, hours=9), container=CRATE, goods=[Some(carrots, Decimal(20))])
    done = town.do(hops.pack, town.command(two, hours=2), container=CRATE, goods=[Some(tomatoes, Decimal(5))])
    emptied, filled = town.events(*done["events"])
    assert (emptied["action"], emptied["bizStep"], emptied.get("childQuantityList")) == ("DELETE", "unpacking", None)
    assert (filled["action"], filled["bizStep"]) == ("ADD", "packing")


def test_a_crate_filled_in_several_goes_keeps_what_is_in_it(town: Town) -> None:
    farm = town.organisation(K.FARM)
    one, two = town.lot(farm, town.product(farm)), town.lot(farm, town.product(farm))
    shop = town.organisation()
    town.do(hops.pack, town.command(farm, hours=9), container=CRATE, goods=[Some(one, Decimal(20))])
    done = town.do(hops.pack, town.command(farm, hours=8), container=CRATE, goods=[Some(two, Decimal(5))])
    assert len(done["events"]) == 1
    shipped = town.do(hops.ship, town.command(farm, hours=7), receiver=town.id_of(shop), containers=[CRATE])
    (document,) = town.events(*shipped["events"])
    assert document["parentID"] == CRATE
    assert {q["epcClass"]: q["quantity"] for q in document["childQuantityList"]} == {one: 20, two: 5}


def test_everything_leaves_an_unpacked_container_by_name(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm))
    town.do(hops.pack, town.command(farm, hours=9), container=CRATE, goods=[Some(made, Decimal(20))])
    done = town.do(hops.unpack, town.command(farm, hours=8), container=CRATE)
    (document,) = town.events(*done["events"])
    assert (document["action"], document["bizStep"]) == ("DELETE", "unpacking")
    assert document["childQuantityList"] == [{"epcClass": made, "quantity": 20, "uom": "KGM"}]
    failure = town.refuses(Conflict, hops.ship, town.command(farm), receiver=town.id_of(shop), containers=[CRATE])
    assert failure.field == "containers.0"


# ---- ship, sell, hold ... ------------------------------------------------------------------------------------------


def test_a_shipment_names_both_sides_and_its_note(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm))
    done = town.do(
        hops.ship, town.command(farm), receiver=town.id_of(shop), goods=[Some(made, Decimal(40))], delivery_note="N7"
    )
    (document,) = town.events(*done["events"])
    assert (document["bizStep"], document["disposition"]) == ("shipping", "in_transit")
    assert {s["source"] for s in document["sourceList"]} == {farm.party_uri}
    assert {d["destination"] for d in document["destinationList"]} == {shop.party_uri}
    assert document["bizTransactionList"][0]["type"] == "desadv"
    assert (town.stock(farm, made), town.stock(shop, made)) == ((60, 0), (0, 0))


def test_goods_go_to_an_organisation_that_there_is_and_that_is_another_one(town: Town) -> None:
    farm = town.organisation(K.FARM)
    goods = [Some(town.lot(farm, town.product(farm)), Decimal(1))]
    assert town.refuses(NotFound, hops.ship, town.command(farm), receiver="0" * 26, goods=goods).field == "receiver"
    mine = town.id_of(farm)
    assert town.refuses(Invalid, hops.ship, town.command(farm), receiver=mine, goods=goods).field == "receiver"


@pytest.mark.parametrize("hop", ["ship", "sell", "process", "sample", "dispose", "hold"])
def test_more_cannot_go_than_is_there(town: Town, hop: str) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm), 10)
    goods = [Some(made, Decimal("10.000001"))]
    arguments: dict[str, dict[str, Any]] = {
        "ship": {"receiver": town.id_of(shop), "goods": goods},
        "process": {"inputs": goods, "outputs": [Batch(NewLot(town.product(farm), "M1"), Decimal(1))]},
        "dispose": {
            "goods": goods,
            "reason": "rotten",
            "method": "denatured",
            "witness": "x",
            "sha256": town.photo(farm),
        },
        "hold": {"goods": goods, "reason": "smells"},
    }
    before = town.count(event)
    service = dispose if hop == "dispose" else getattr(hops, hop)
    town.refuses(Conflict, service, town.command(farm), **arguments.get(hop, {"goods": goods}))
    assert town.stock(farm, made) == (10, 0)
    assert town.count(event) == before


def test_held_stock_does_not_move_until_it_is_released(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    goods = [Some(made, Decimal(10))]
    held = town.do(hops.hold, town.command(shop, hours=3), goods=goods, reason="rapid test failed")
    (document,) = town.events(*held["events"])
    assert (document["bizStep"], document["disposition"]) == ("holding", "non_sellable_other")
    assert document["sunshine:reason"] == "rapid test failed"
    assert town.stock(shop, made) == (0, 10)
    town.refuses(Conflict, hops.sell, town.command(shop), goods=[Some(made, Decimal(1))])
    town.refuses(Conflict, hops.ship, town.command(shop), receiver=town.id_of(town.organisation()), goods=goods)
    town.do(hops.release, town.command(shop, hours=1), goods=goods, reason="re-test passed")
    town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(4))])
    assert town.stock(shop, made) == (6, 0)


def test_held_and_expired_goods_may_go_back_to_the_supplier(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.grown(farm, 10, produced_on=town.day(9), expires_on=town.day(2))
    goods = [Some(made, Decimal(10))]
    town.do(hops.ship, town.command(farm, days=4), receiver=town.id_of(shop), goods=goods)
    line = Line(code=made, amount=Decimal(10), reason="known")
    town.do(receive, town.command(shop, days=3), supplier=Supplier(public_id=town.id_of(farm)), lines=[line])
    town.do(hops.hold, town.command(shop, hours=3), goods=[Some(made, Decimal(6))], reason="smells")
    town.refuses(Conflict, hops.ship, town.command(shop), receiver=town.id_of(farm), goods=[Some(made, Decimal(8))])
    done = town.do(
        hops.ship, town.command(shop), receiver=town.id_of(farm), goods=[Some(made, Decimal(8))], returned=True
    )
    assert town.events(*done["events"])[0]["disposition"] == "returned"
    assert town.stock(shop, made) == (2, 0)  # what was held went first


def test_expired_goods_are_not_sold_and_may_be_destroyed(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10, produced_on=town.day(9), expires_on=town.day(1))
    failure = town.refuses(Conflict, hops.sell, town.command(shop), goods=[Some(made, Decimal(1))])
    assert town.day(1).isoformat() in str(failure)
    done = town.destroy(shop, Some(made, Decimal(10)), reason="expired")
    (document,) = town.events(*done["events"])
    assert (document["action"], document["bizStep"], document["sunshine:reason"]) == ("DELETE", "destroying", "expired")
    assert town.stock(shop, made) == (0, 0)


def test_goods_may_be_sold_on_their_last_day(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10, expires_on=town.day(0))
    town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(1))])
    assert town.stock(shop, made) == (9, 0)


def test_single_packs_expire_with_their_lot(town: Town) -> None:
    maker, case, packs = with_expired_packs(town)
    shop = town.organisation(K.PHARMACY)
    for sent in ({"containers": [case]}, {"goods": [Some(packs[2])]}):
        failure = town.refuses(Conflict, hops.ship, town.command(maker), receiver=town.id_of(shop), **sent)
        assert town.day(1).isoformat() in str(failure)
    outputs = [Batch(NewLot(town.drug(maker), "M1"), Decimal(1))]
    town.refuses(Conflict, hops.process, town.command(maker), inputs=[Some(packs[2])], outputs=outputs)


def test_expired_packs_of_food_are_not_sold(town: Town) -> None:
    shop, dairy = town.organisation(), town.organisation(K.PROCESSOR)
    product = town.product(dairy, Category.PACKAGED_FOOD, "EA", code="6901234567892")
    pack = "https://id.gs1.org/01/06901234567892/21/S1"
    town.lot(shop, product, 1, (pack,), produced_on=town.day(30), expires_on=town.day(1))
    assert town.refuses(Conflict, hops.sell, town.command(shop), goods=[Some(pack)]).field == "goods"


def test_a_sale_is_recorded_as_retail_selling(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    done = town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal("1.25"))])
    (document,) = town.events(*done["events"])
    assert (document["action"], document["bizStep"], document["disposition"]) == (
        "OBSERVE", "retail_selling", "retail_sold",
    )  # fmt: skip
    assert town.stock(shop, made) == (Decimal("8.75"), 0)


def test_a_drug_pack_is_dispensed_never_just_sold(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(1)
    town.drugs_at(shop, packs)
    failure = town.refuses(Invalid, hops.sell, town.command(shop), goods=[Some(packs[0])])
    assert "pharmacy desk by its trace code" in str(failure)
    assert town.stock(shop, packs[0]) == (1, 0)


def test_a_drug_lot_is_dispensed_never_just_sold(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.drug(shop), 10)
    failure = town.refuses(Invalid, hops.sell, town.command(shop), goods=[Some(made, Decimal(1))])
    assert "pharmacy desk" in str(failure)


def test_a_drug_code_of_an_unknown_lot_is_a_drug_all_the_same(town: Town) -> None:
    shop = town.organisation()
    failure = town.refuses(Invalid, hops.sell, town.command(shop), goods=[Some(town.packs(1)[0])])
    assert "pharmacy desk" in str(failure)


def test_what_a_customer_brings_back_is_held(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    town.do(hops.sell, town.command(shop, hours=2), goods=[Some(made, Decimal(3))])
    done = town.do(hops.take_back, town.command(shop), goods=[Some(made, Decimal(1))])
    assert town.events(*done["events"])[0]["bizStep"] == "receiving"
    assert town.stock(shop, made) == (7, 1)


def test_no_more_comes_back_than_was_sold(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.grown(farm)
    town.send(farm, shop, Some(made, Decimal(10)))
    town.arrive(farm, shop, Line(code=made, amount=Decimal(10)))

    def bring_back(amount: str) -> None:
        town.do(hops.take_back, town.command(shop), goods=[Some(made, Decimal(amount))])

    with pytest.raises(Conflict, match="0 KGM"):
        bring_back("1")
    town.do(hops.sell, town.command(shop, hours=2), goods=[Some(made, Decimal(2))])
    with pytest.raises(Conflict) as refusal:
        bring_back("5000")
    assert (refusal.value.field, refusal.value.details) == ("quantity", {"item": made, "sold": 2})
    assert "5000 KGM" in str(refusal.value) and "2 KGM were sold" in str(refusal.value)
    bring_back("1.5")
    with pytest.raises(Conflict, match=r"0\.5 KGM"):
        bring_back("0.500001")
    bring_back("0.5")
    assert town.stock(shop, made) == (8, 2)


def test_what_was_sent_used_or_destroyed_was_not_sold(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm), 10)
    town.send(farm, shop, Some(made, Decimal(3)))
    town.do(hops.sample, town.command(farm), goods=[Some(made, Decimal(3))])
    town.destroy(farm, Some(made, Decimal(3)), reason="frost")
    failure = town.refuses(Conflict, hops.take_back, town.command(farm), goods=[Some(made, Decimal(1))])
    assert failure.details["sold"] == 0


def test_what_was_brought_back_and_sold_again_may_come_back_again(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 1)
    some = [Some(made, Decimal(1))]
    for _ in range(2):
        town.do(hops.sell, town.command(shop), goods=some)
        town.do(hops.take_back, town.command(shop), goods=some)
        town.do(hops.release, town.command(shop), goods=some, reason="unopened")
    assert town.stock(shop, made) == (1, 0)


def test_a_pack_that_is_in_stock_cannot_be_brought_back(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, Category.PACKAGED_FOOD, "EA", code="6901234567892")
    pack = "https://id.gs1.org/01/06901234567892/21/S1"
    town.lot(shop, product, 1, (pack,))
    town.refuses(Conflict, hops.take_back, town.command(shop), goods=[Some(pack)])
    town.do(hops.sell, town.command(shop, hours=2), goods=[Some(pack)])
    town.do(hops.take_back, town.command(shop), goods=[Some(pack)])
    assert town.stock(shop, pack) == (0, 1)


def test_a_dispensed_pack_is_taken_back_at_the_pharmacy_desk_only(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(1)
    town.drugs_at(shop, packs)
    town.do(dispense, town.command(shop, hours=1), codes=packs)
    failure = town.refuses(Invalid, hops.take_back, town.command(shop), goods=[Some(packs[0])])
    assert "pharmacy desk" in str(failure)


def test_a_sample_is_used_up(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    done = town.do(hops.sample, town.command(shop), goods=[Some(made, Decimal(2))], report="T-9")
    (document,) = town.events(*done["events"])
    assert (document["bizStep"], document["bizTransactionList"][0]["type"]) == ("sampling", "testres")
    assert town.stock(shop, made) == (8, 0)


def test_the_same_goods_named_twice_are_refused(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    goods = [Some(made, Decimal(2)), Some(made, Decimal(3))]
    assert town.refuses(Invalid, hops.sell, town.command(shop), goods=goods).field == "goods"


@pytest.mark.parametrize("amount", [None, Decimal(0), Decimal(-1)])
def test_a_lot_moves_by_an_amount_above_nothing(town: Town, amount: Decimal | None) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    assert town.refuses(Invalid, hops.sell, town.command(shop), goods=[Some(made, amount)]).field == "goods.0.amount"


def test_another_organisations_goods_are_not_there_to_move(town: Town) -> None:
    farm, thief = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm), 10)
    there = town.refuses(Conflict, hops.sell, town.command(thief), goods=[Some(made, Decimal(1))])
    nowhere = town.refuses(Conflict, hops.sell, town.command(thief), goods=[Some(f"{made}x", Decimal(1))])
    assert there.message == nowhere.message
    assert (there.values["on_hand"], nowhere.values["on_hand"]) == ("0", "0")


# ---- where ---------------------------------------------------------------------------------------------------------


def test_it_happens_at_the_first_place_unless_another_is_named(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    backyard = town.do(add_place, actor=shop, name="backyard")["place"]
    goods = [Some(made, Decimal(1))]
    usual = town.do(hops.sell, town.command(shop), goods=goods)
    named = town.do(hops.sell, replace(town.command(shop), place=backyard), goods=goods)
    first, second = town.events(usual["events"][0], named["events"][0])
    assert first["readPoint"]["id"] == first["bizLocation"]["id"] != backyard
    assert second["readPoint"]["id"] == second["bizLocation"]["id"] == backyard


def test_another_organisations_place_looks_like_one_that_does_not_exist(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    theirs = town.do(add_place, actor=other, name="hall")["place"]
    failures = [
        town.refuses(NotFound, hops.sell, replace(town.command(shop), place=place), goods=[Some(made, Decimal(1))])
        for place in (theirs, f"{theirs}x")
    ]
    assert failures[0].message == failures[1].message
    assert failures[0].field == failures[1].field == "place"
    assert town.stock(shop, made) == (10, 0)
