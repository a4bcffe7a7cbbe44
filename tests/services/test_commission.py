"""How goods come to be: harvested, slaughtered, made, or processed from others; by one organisation, once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from storage.tables import event, lot
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import Conflict, Invalid
from trace.domain.parties import OrganisationKind
from trace.domain.products import Category
from trace.domain.uris import ear_tag_uri
from trace.services import hops
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.receiving import Line, receive

K = OrganisationKind


# ---- commission ----------------------------------------------------------------------------------------------------


def test_a_harvest_is_a_commissioning_of_its_lot(town: Town) -> None:
    farm = town.organisation(K.FARM)
    batch = Batch(NewLot(town.product(farm), "A1", town.day(0), town.day(-5), "640502"), Decimal("12.5"))
    done = town.do(hops.commission, town.command(farm), batch=batch)
    (lot_uri,) = done["lots"]
    (document,) = town.events(*done["events"])
    assert (document["type"], document["action"], document["bizStep"]) == ("ObjectEvent", "ADD", "commissioning")
    assert document["quantityList"] == [{"epcClass": lot_uri, "quantity": Decimal("12.5"), "uom": "KGM"}]
    assert document["ilmd"]["cbvmda:lotNumber"] == "A1"
    assert document["ilmd"]["cbvmda:itemExpirationDate"] == town.day(-5).isoformat()
    assert town.stock(farm, lot_uri) == (Decimal("12.5"), 0)


def test_packs_with_codes_are_counted_one_by_one(town: Town) -> None:
    maker, packs = town.organisation(K.DRUG_MAKER), town.packs(3)
    made = town.lot(maker, town.drug(maker), 3, packs)
    assert [town.stock(maker, code) for code in packs] == [(1, 0)] * 3
    assert town.stock(maker, made) == (0, 0)


def test_as_many_codes_as_packs_are_asked_for(town: Town) -> None:
    maker = town.organisation(K.DRUG_MAKER)
    batch = Batch(NewLot(town.drug(maker), "A1"), Decimal(3), codes=town.packs(2))
    failure = town.refuses(Invalid, hops.commission, town.command(maker), batch=batch)
    assert failure.field == "batch.codes"
    assert town.count(lot) == 0


def test_a_lot_may_be_harvested_in_several_goes(town: Town) -> None:
    farm = town.organisation(K.FARM)
    product = town.product(farm)
    made = town.lot(farm, product, 10, number="A1")
    assert town.lot(farm, product, 15, number="A1") == made
    assert town.stock(farm, made) == (25, 0)


@pytest.mark.parametrize("first", ["commissioned", "output"])
def test_nobody_makes_more_of_another_organisations_lot(town: Town, first: str) -> None:
    maker, forger = town.organisation(K.PROCESSOR), town.organisation(K.PROCESSOR)
    product = town.product(maker)
    if first == "commissioned":
        made = town.lot(maker, product, 10, number="A1")
    else:
        raw = town.lot(maker, town.product(maker), 10)
        outputs = [Batch(NewLot(product, "A1"), Decimal(9))]
        (made,) = town.do(hops.process, town.command(maker, hours=5), inputs=[Some(raw, Decimal(10))], outputs=outputs)[
            "lots"
        ]
    batch = Batch(NewLot(product, "A1"), Decimal(50))
    failure = town.refuses(Conflict, hops.commission, town.command(forger), batch=batch)
    assert failure.field == "batch.lot.number"
    assert town.stock(forger, made) == (0, 0)


def test_nobody_makes_more_of_another_organisations_packs(town: Town) -> None:
    maker, forger = town.organisation(K.DRUG_MAKER), town.organisation(K.DRUG_MAKER)
    product, packs = town.drug(maker), town.packs(2)
    town.lot(maker, product, 2, packs, number="A1")
    again = Batch(NewLot(town.drug(forger), "Z9"), Decimal(2), codes=packs)
    assert town.refuses(Conflict, hops.commission, town.command(forger), batch=again).field == "batch.codes"
    more = Batch(NewLot(product, "A1"), Decimal(1), codes=town.packs(1))
    assert town.refuses(Conflict, hops.commission, town.command(forger), batch=more).field == "batch.lot.number"


def test_a_code_is_given_once_even_by_its_own_maker(town: Town) -> None:
    farm, tags = town.organisation(K.FARM), (ear_tag_uri("164050220260001"),)
    product = town.product(farm, Category.ANIMAL, "EA")
    town.lot(farm, product, 1, tags, number="A1")
    batch = Batch(NewLot(product, "A2"), Decimal(1), codes=tags)
    assert "164050220260001" in str(town.refuses(Conflict, hops.commission, town.command(farm), batch=batch))


def test_a_lot_that_was_only_received_may_still_be_recorded_by_its_maker(town: Town) -> None:
    shop, farm = town.organisation(), town.organisation(K.FARM)
    product = town.product(shop)
    line = Line(product=product, lot_number="A1", amount=Decimal(5), reason="first delivery")
    town.do(receive, town.command(shop, hours=3), supplier=STRANGER, lines=[line])
    made = town.lot(farm, product, 10, number="A1")
    assert town.stock(farm, made) == (10, 0)


def test_the_unit_is_that_of_the_product(town: Town) -> None:
    farm = town.organisation(K.FARM)
    batch = Batch(NewLot(town.product(farm), "A1"), Decimal(500), unit="GRM")
    assert town.refuses(Invalid, hops.commission, town.command(farm), batch=batch).field == "batch.unit"


def test_what_is_made_in_the_future_is_not_there_yet(town: Town) -> None:
    farm = town.organisation(K.FARM)
    tomorrow = Batch(NewLot(town.product(farm), "A1", town.day(-1)), Decimal(5))
    assert town.refuses(Invalid, hops.commission, town.command(farm), batch=tomorrow).field == "batch.lot.produced_on"
    command = replace(town.command(farm), happened_at=NOW + timedelta(hours=1))
    batch = Batch(NewLot(town.product(farm), "A2"), Decimal(5))
    assert town.refuses(Invalid, hops.commission, command, batch=batch).field == "happened_at"
    assert (town.count(event), town.count(lot)) == (0, 0)


def test_what_expires_before_it_was_made_was_misread(town: Town) -> None:
    farm = town.organisation(K.FARM)
    batch = Batch(NewLot(town.product(farm), "A1", town.day(1), town.day(2)), Decimal(5))
    assert town.refuses(Invalid, hops.commission, town.command(farm), batch=batch).field == "batch.lot.expires_on"


def test_the_same_lot_with_another_date_was_misread(town: Town) -> None:
    farm = town.organisation(K.FARM)
    product = town.product(farm)
    town.lot(farm, product, number="A1", expires_on=town.day(-5))
    batch = Batch(NewLot(product, "A1", expires_on=town.day(-6)), Decimal(5))
    assert town.refuses(Conflict, hops.commission, town.command(farm), batch=batch).field == "batch.lot.expires_on"


def test_a_date_that_nobody_knew_is_added_and_counts(town: Town) -> None:
    farm = town.organisation(K.FARM)
    product = town.product(farm)
    made = town.lot(farm, product, number="A1", produced_on=town.day(9))
    town.lot(farm, product, number="A1", produced_on=town.day(9), expires_on=town.day(2))
    assert town.refuses(Conflict, hops.sell, town.command(farm), goods=[Some(made, Decimal(1))])


# ---- process -------------------------------------------------------------------------------------------------------


def test_inputs_become_outputs_in_one_event(town: Town) -> None:
    cutter = town.organisation(K.PROCESSOR)
    one, two = town.lot(cutter, town.product(cutter), 60), town.lot(cutter, town.product(cutter), 40)
    outputs = [
        Batch(NewLot(town.product(cutter), "M1"), Decimal(70)),
        Batch(NewLot(town.product(cutter), "M2"), Decimal(25)),
    ]
    inputs = [Some(one, Decimal(60)), Some(two, Decimal(40))]
    done = town.do(hops.process, town.command(cutter), inputs=inputs, outputs=outputs)
    (document,) = town.events(*done["events"])
    assert document["type"] == "TransformationEvent"
    assert {q["epcClass"] for q in document["inputQuantityList"]} == {one, two}
    assert [q["epcClass"] for q in document["outputQuantityList"]] == done["lots"]
    assert [town.stock(cutter, item)[0] for item in (one, two, *done["lots"])] == [0, 0, 70, 25]


@pytest.mark.parametrize(("amount", "unit", "of_unit"), [("101", None, "KGM"), ("100001", None, "GRM")])
def test_more_cannot_come_out_than_went_in(town: Town, amount: str, unit: str | None, of_unit: str) -> None:
    cutter = town.organisation(K.PROCESSOR)
    raw = town.lot(cutter, town.product(cutter), 100)
    outputs = [Batch(NewLot(town.product(cutter, unit=of_unit), "M1"), Decimal(amount), unit)]
    failure = town.refuses(
        Conflict, hops.process, town.command(cutter), inputs=[Some(raw, Decimal(100))], outputs=outputs
    )
    assert failure.field == "outputs"
    assert town.stock(cutter, raw) == (100, 0)


def test_an_output_is_nobody_elses_lot(town: Town) -> None:
    maker, cutter = town.organisation(K.PROCESSOR), town.organisation(K.PROCESSOR)
    product = town.product(maker)
    town.lot(maker, product, 10, number="A1")
    raw = town.lot(cutter, town.product(cutter), 100)
    outputs = [Batch(NewLot(product, "A1"), Decimal(50))]
    failure = town.refuses(
        Conflict, hops.process, town.command(cutter), inputs=[Some(raw, Decimal(100))], outputs=outputs
    )
    assert failure.field == "outputs.0.lot.number"


def test_an_animal_becomes_carcasses_by_weight(town: Town) -> None:
    house, tag = town.organisation(K.SLAUGHTERHOUSE), ear_tag_uri("164050220260007")
    town.lot(house, town.product(house, Category.ANIMAL, "EA"), 1, (tag,))
    outputs = [Batch(NewLot(town.product(house, Category.PORK), "C1"), Decimal("92.5"))]
    done = town.do(hops.process, town.command(house), inputs=[Some(tag)], outputs=outputs)
    assert town.stock(house, tag) == (0, 0)
    assert town.stock(house, done["lots"][0]) == (Decimal("92.5"), 0)
    assert town.refuses(Conflict, hops.process, town.command(house), inputs=[Some(tag)], outputs=outputs)
