"""Dispensing: one code, one sale; a second one is refused in the shop and told across shops."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import alert, dispensing, event, ident, lot
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import Conflict, Failure, Forbidden, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Prescription
from trace.services import hops
from trace.services.alerts import page_of_alerts
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Some
from trace.services.look_up_log import list_look_ups
from trace.services.packs_elsewhere import TWO_STOCKS
from trace.services.prescriptions import review
from trace.services.receiving import Decision, Line, receive

K = OrganisationKind


def pharmacy(town: Town, **more: Any) -> Actor:
    return town.organisation(K.PHARMACY, role=Role.PHARMACIST, **more)


def stocked(town: Town, count: int = 1, **lot: Any) -> tuple[Actor, tuple[str, ...]]:
    """A pharmacy with packs in stock: (pharmacy, their codes)."""
    shop, packs = pharmacy(town), town.packs(count)
    town.drugs_at(shop, packs, **lot)
    return shop, packs


def also_at(town: Town, shop: Actor, codes: tuple[str, ...], like: str | None = None) -> None:
    """The same codes in another pharmacy's stock: boxes that should not exist twice."""
    supplier = town.organisation(K.DRUG_DISTRIBUTOR)
    line = Line(code=like, codes=codes, certificates=(town.paper(shop, CertificateKind.DELIVERY_NOTE),))
    town.arrive(supplier, shop, line)


def second_sales(town: Town, actor: Actor) -> list[dict[str, Any]]:
    """The alerts of codes sold twice; that two pharmacies had one code in stock was told before."""
    return list(town.do(page_of_alerts, actor=actor, now=town.now, but={TWO_STOCKS})["alerts"])


def refused(town: Town, failure: type[Failure], shop: Actor, codes: Any, **more: Any) -> Failure:
    before = (town.count(event), town.count(dispensing), town.count(alert))
    with pytest.raises(failure) as found:
        town.do(dispense, more.pop("command", town.command(shop)), codes=codes, **more)
    assert (town.count(event), town.count(dispensing), town.count(alert)) == before
    return found.value


def test_a_pack_is_dispensed_by_its_code(town: Town) -> None:
    shop, (code, other) = stocked(town, 2)
    done = town.do(dispense, town.command(shop), codes=[code])
    (document,) = town.events(*done["events"])
    assert (document["bizStep"], document["disposition"], document["epcList"]) == ("dispensing", "dispensed", [code])
    assert (done["codes"], done["alerts"]) == ([code.rpartition("/")[2]], [])
    assert (town.stock(shop, code), town.stock(shop, other)) == ((0, 0), (1, 0))


def test_a_code_read_again_and_again_is_one_pack(town: Town) -> None:
    shop, (code,) = stocked(town)
    digits = code.rpartition("/")[2]
    done = town.do(dispense, town.command(shop), codes=[code, digits, f"{digits[:7]} {digits[7:]}", code])
    assert len(done["events"]) == 1


def test_a_second_sale_in_the_same_shop_is_refused(town: Town) -> None:
    shop, (code, other) = stocked(town, 2)
    town.do(dispense, town.command(shop, hours=1), codes=[code])
    failure = refused(town, Conflict, shop, [other, code])
    assert failure.field == "codes.1"
    assert "One code is sold once" in str(failure)
    assert town.stock(shop, other) == (1, 0)  # all or none


def test_a_second_sale_in_another_shop_is_recorded_and_alerts_both_and_the_inspector(town: Town) -> None:
    shop, other, (code,) = pharmacy(town), pharmacy(town, region="640521"), town.packs(1)
    made = town.drugs_at(shop, (code,))
    also_at(town, other, (code,), made)
    first = town.do(dispense, town.command(shop, hours=1), codes=[code])
    second = town.do(dispense, town.command(other), codes=[code])
    assert first["alerts"] == []
    assert second["alerts"] == [{"kind": "second_sale", "code": code.rpartition("/")[2], "sales": 2}]
    assert town.count(dispensing) == 2
    for actor in (shop, other):
        (told,) = second_sales(town, actor)
        assert [sale["event"] for sale in told["sales"]] == first["events"] + second["events"]
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    county = town.organisation(K.REGULATOR, region="640521", role=Role.INSPECTOR)
    readers = (city, county, pharmacy(town))
    assert [len(second_sales(town, actor)) for actor in readers] == [2, 1, 0]
    # Who sold it where is for the inspector, whose look is written down; a shop reads its own name only.
    (seen, _) = second_sales(town, city)
    assert [sale["by"] for sale in seen["sales"]] == [shop.organisation_name, other.organisation_name]
    (own,) = second_sales(town, shop)
    assert [sale["by"] for sale in own["sales"]] == [shop.organisation_name, ""]
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert {entry["what"] for entry in log} == {"alert"}


def test_a_return_opens_the_code_again_and_holds_the_pack(town: Town) -> None:
    shop, (code,) = stocked(town)
    town.do(dispense, town.command(shop, hours=3), codes=[code])
    done = town.do(take_back_packs, town.command(shop, hours=2), codes=[code])
    assert town.events(*done["events"])[0]["bizStep"] == "receiving"
    assert town.stock(shop, code) == (0, 1)
    assert "held" in str(refused(town, Conflict, shop, [code]))
    town.do(hops.release, town.command(shop, hours=1), goods=[Some(code)], reason="sealed")
    town.do(dispense, town.command(shop), codes=[code])
    assert (town.stock(shop, code), town.count(dispensing)) == ((0, 0), 2)


def test_a_return_in_one_shop_leaves_one_sale_and_no_new_alert(town: Town) -> None:
    shop, other, (code,) = pharmacy(town), pharmacy(town), town.packs(1)
    also_at(town, other, (code,), town.drugs_at(shop, (code,)))
    town.do(dispense, town.command(shop, hours=3), codes=[code])
    town.do(take_back_packs, town.command(shop, hours=2), codes=[code])
    assert town.do(dispense, town.command(other, hours=1), codes=[code])["alerts"] == []
    assert second_sales(town, shop) == second_sales(town, other) == []


def test_only_what_was_dispensed_here_comes_back_here(town: Town) -> None:
    shop, (code, unsold) = stocked(town, 2)
    town.do(dispense, town.command(shop, hours=1), codes=[code])
    for actor, codes in ((pharmacy(town), [code]), (shop, [code, unsold])):
        with pytest.raises(NotFound):
            town.do(take_back_packs, town.command(actor), codes=codes)
    assert town.stock(shop, code) == (0, 0)
    town.do(take_back_packs, town.command(shop), codes=[code])
    with pytest.raises(NotFound):
        town.do(take_back_packs, town.command(shop), codes=[code])
    assert town.stock(shop, code) == (0, 1)


def test_a_return_sent_twice_acts_once_and_answers_alike(town: Town) -> None:
    shop, (code,) = stocked(town)
    town.do(dispense, town.command(shop, hours=1), codes=[code])
    answers = [town.do(take_back_packs, town.command(shop, key="back-1"), codes=[code]) for _ in range(2)]
    assert answers[0] == answers[1]
    assert town.stock(shop, code) == (0, 1)


def test_a_code_that_was_never_logged_is_not_there(town: Town) -> None:
    shop, _ = stocked(town)
    _, theirs = stocked(town)
    unknown = refused(town, NotFound, shop, town.packs(1))
    elsewhere = refused(town, NotFound, shop, theirs)
    assert unknown.message == elsewhere.message


def test_held_packs_are_not_dispensed(town: Town) -> None:
    shop, (code,) = stocked(town)
    town.do(hops.hold, town.command(shop, hours=1), goods=[Some(code)], reason="recall")
    assert "held" in str(refused(town, Conflict, shop, [code]))


def test_a_sale_is_told_late_within_the_hours_of_the_rule_and_no_later(town: Town) -> None:
    shop, codes = stocked(town, 1, expires_on=NOW.date(), produced_on=NOW.date() - timedelta(days=700))
    late = replace(town.command(shop), happened_at=NOW, now=NOW + timedelta(hours=72))  # the pack has expired meanwhile
    past = refused(town, Invalid, shop, codes, command=replace(late, now=NOW + timedelta(hours=72, seconds=1)))
    assert (past.field, "within 72 hours" in str(past)) == ("happened_at", True)
    assert len(town.do(dispense, late, codes=codes)["codes"]) == 1


def test_expired_packs_are_not_dispensed_and_the_last_day_counts(town: Town) -> None:
    shop, (code,) = stocked(town, expires_on=NOW.date(), produced_on=NOW.date() - timedelta(days=700))
    tomorrow = replace(town.command(shop), now=NOW + timedelta(days=1))
    assert "expired" in str(refused(town, Conflict, shop, [code], command=tomorrow))
    town.do(dispense, town.command(shop), codes=[code])


@pytest.mark.parametrize("kind", [Prescription.RX, Prescription.OTC_A])
@pytest.mark.parametrize("given", [None, "  "])
def test_what_needs_a_prescription_asks_for_its_reference(town: Town, kind: Prescription, given: str | None) -> None:
    maker = town.organisation(K.DRUG_MAKER)
    shop, codes = stocked(town, product=town.drug(maker, prescription=kind.value))
    on_duty = town.pharmacist(shop)
    assert refused(town, Invalid, on_duty, codes, prescription=given).field == "prescription"
    done = town.do(dispense, town.command(on_duty), codes=codes, prescription="CF-2026-118")
    (document,) = town.events(*done["events"])
    assert document["bizTransactionList"][0]["type"].endswith("prescription")


def test_a_lot_or_a_product_names_no_pack(town: Town) -> None:
    shop = pharmacy(town)
    made = town.drugs_at(shop, town.packs(1))
    assert "no single pack" in str(refused(town, Invalid, shop, [made]))
    assert refused(town, Invalid, shop, []).field == "codes"


def legacy(town: Town, shop: Actor, amount: int = 5, **product: Any) -> str:
    """Old stock without codes at a pharmacy: its lot."""
    line = Line(
        product=town.drug(shop, **product), lot_number="OLD1", amount=Decimal(amount), expires_on=town.day(-300),
        no_code_reason="legacy", decision=Decision.HOLD, reason="papers are looked for",
    )  # fmt: skip
    town.do(receive, town.command(shop, hours=5), supplier=STRANGER, lines=[line])
    with town.store.reading() as session:
        made = session.scalars(select(ident.c.uri).join(lot, lot.c.item == ident.c.id)).one()
    town.complete(shop, made)
    town.do(hops.release, town.command(shop, hours=4), goods=[Some(made, Decimal(amount))], reason="papers found")
    return made


def test_old_packs_without_codes_are_dispensed_by_lot_and_quantity(town: Town) -> None:
    shop = pharmacy(town)
    made = legacy(town, shop)
    assert refused(town, Invalid, shop, [], goods=[Some(made, Decimal(2))]).field == "no_code_reason"
    done = town.do(dispense, town.command(shop), goods=[Some(made, Decimal(2))], no_code_reason="legacy")
    (document,) = town.events(*done["events"])
    assert document["quantityList"] == [{"epcClass": made, "quantity": 2, "uom": "EA"}]
    assert town.stock(shop, made) == (3, 0)
    more = {"goods": [Some(made, Decimal(4))], "no_code_reason": "legacy"}
    assert refused(town, Conflict, shop, [], **more).field == "quantity"


def test_part_of_a_pack_without_a_code_is_not_sold_as_no_register_would_show_the_rest(town: Town) -> None:
    shop = pharmacy(town)
    made = legacy(town, shop)
    for amount in ("0.5", "1.000001"):
        more = {"goods": [Some(made, Decimal(amount))], "no_code_reason": "legacy"}
        refusal = refused(town, Invalid, shop, [], **more)
        assert (refusal.field, "sold whole" in str(refusal)) == ("goods.0.amount", True)
    town.do(dispense, town.command(shop), goods=[Some(made, Decimal("2.0"))], no_code_reason="legacy")
    assert town.stock(shop, made) == (3, 0)


@pytest.mark.parametrize("role", [Role.CLERK, Role.ORGANISATION_ADMINISTRATOR])
def test_what_needs_a_prescription_is_handed_out_once_a_pharmacist_on_duty_reviewed_it(town: Town, role: Role) -> None:
    maker = town.organisation(K.DRUG_MAKER)
    shop, codes = stocked(town, product=town.drug(maker, prescription=Prescription.RX.value))
    other = town.command(town.as_role(shop, role))
    refusal = refused(town, Conflict, shop, codes, prescription="CF-1", command=other)
    assert "No pharmacist is on duty" in str(refusal)
    on_duty = town.pharmacist(shop)
    refusal = refused(town, Conflict, shop, codes, prescription="CF-1", command=other)
    assert "handed out once a pharmacist on duty has reviewed" in str(refusal)
    town.do(review, town.command(on_duty), reference="CF-1")
    town.do(dispense, other, codes=codes, prescription="CF-1")  # reviewed: whoever is at the counter hands it out


def test_old_packs_ask_for_the_prescription_too(town: Town) -> None:
    shop = pharmacy(town)
    made = legacy(town, shop, prescription=Prescription.RX.value)
    more = {"goods": [Some(made, Decimal(1))], "no_code_reason": "legacy"}
    assert refused(town, Invalid, town.pharmacist(shop), [], **more).field == "prescription"


def test_packs_logged_by_code_are_not_dispensed_by_quantity(town: Town) -> None:
    shop, codes = pharmacy(town), town.packs(2)
    made = town.drugs_at(shop, codes)
    more = {"goods": [Some(made, Decimal(1))], "no_code_reason": "legacy"}
    assert refused(town, Conflict, shop, [], **more).field == "quantity"
    assert refused(town, Invalid, shop, [], goods=[Some(codes[0])]).field == "goods.0.code"


def test_food_is_not_dispensed(town: Town) -> None:
    shop = pharmacy(town)
    made = town.lot(shop, town.product(shop), 5)
    assert "no drug" in str(refused(town, Invalid, shop, [], goods=[Some(made, Decimal(1))]))


def test_drugs_are_dispensed_in_the_drug_trade_only(town: Town) -> None:
    shop, codes = town.organisation(role=Role.ORGANISATION_ADMINISTRATOR), town.packs(1)
    town.drugs_at(shop, codes)
    assert shop.organisation_name in str(refused(town, Forbidden, shop, codes))


def test_a_sale_sent_twice_acts_once_and_answers_alike(town: Town) -> None:
    shop, codes = stocked(town)
    answers = [town.do(dispense, town.command(shop, key="sale-1"), codes=codes) for _ in range(2)]
    assert answers[0] == answers[1]
    assert town.count(dispensing) == 1
