"""R8 in full: one code, one sale; parts of a pack; what a return and an error declaration do; whoever reports it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.events import find_by_event_ids, id_key
from storage.tables import alert, dispensing, drug_sale_line, event, split_pack
from tests.services.test_concurrency import at_once
from tests.services.test_dispensing import also_at, legacy, pharmacy, second_sales, stocked
from tests.town import NOW, STRANGER, Town
from trace.domain.dispensing import code_text
from trace.domain.events import Action, ObjectEvent
from trace.domain.failures import Conflict, Failure, Invalid, NotFound
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.domain.products import Prescription
from trace.domain.rules.book import Confidence
from trace.domain.uris import gtin_uri
from trace.services import hops
from trace.services.alerts import page_of_alerts
from trace.services.capture import capture
from trace.services.commands import Some
from trace.services.counter import check_codes, find_packs
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.drug_returns import take_back_lines
from trace.services.drug_sales import get_sale, list_sales
from trace.services.receiving import Decision, Line, receive
from trace.services.rule_writing import write_rule
from trace.services.split_packs import list_open_packs
from trace.services.stock_list import list_stock
from trace.services.undoing import declare_wrong


def tablets(town: Town, count: int = 1, units: int = 10, **drug: Any) -> tuple[Actor, tuple[str, ...]]:
    """A pharmacy with packs of so many tablets."""
    made = town.drug(town.organisation(K.DRUG_MAKER), split_units=units, split_unit_name="片", **drug)
    return stocked(town, count, product=made)


def wrong(town: Town, shop: Actor, event_id: str) -> None:
    """An own event is declared wrong."""
    with town.store.reading() as session:
        number = find_by_event_ids(session, [(event_id, 0)])[id_key(event_id), 0].id
    town.do(declare_wrong, town.command(shop), [number])


def reported(town: Town, shop: Actor, code: str, event_id: str, **fields: Any) -> None:
    """A pharmacy's own program tells of a sale by EPCIS: a fact, whatever we know of the code."""
    fields = {"biz_step": "dispensing", "disposition": "dispensed", **fields}
    told = ObjectEvent(event_time=town.now, event_id=event_id, action=Action.OBSERVE, epcs=(code,), **fields)
    town.do(capture, [told], actor=shop, now=town.now, strict=False)


# ---- R8, case by case -----------------------------------------------------------------------------------------------


CASES: tuple[tuple[tuple[Any, ...], Any, str], ...] = (
    # what happened to the pack before, by whom it is sold now (whole, or so many of its 10 units), what comes of it
    ((), "here", "sold"),
    (("here",), "here", "refused"),
    (("here",), "there", "alarm"),
    (("here", "back"), "here", "refused"),  # it is held until somebody looked at it
    (("here", "back", "release"), "here", "sold"),
    (("here", "back"), "there", "sold"),
    (("here", "wrong"), "here", "sold"),
    (("here", "wrong"), "there", "sold"),
    (("there", "here"), "here", "refused"),
    ((4,), 6, "sold"),
    ((4,), 7, "refused"),
    ((10,), 1, "refused"),
    ((4,), "here", "refused"),  # an open pack is no whole one
    ((4,), "there", "alarm"),
    (("there",), 1, "alarm"),
    (("here",), 1, "refused"),
    ((4, "wrong"), "here", "sold"),  # it was never opened
    ((4, "back"), "here", "refused"),  # it was
    ((4, "back", "release"), 10, "sold"),
    ((), 11, "refused"),
)  # fmt: skip


def test_r8_one_code_one_sale(town: Town) -> None:
    shop, codes = tablets(town, len(CASES))
    other = pharmacy(town)
    also_at(town, other, codes, lot_of(town, shop, codes[0]))

    def do(code: str, what: Any, last: dict[str, Any]) -> dict[str, Any]:
        command = town.command(other if what == "there" else shop)
        if what == "back":
            more = {"sale": last["receipt"]["id"], "lines": [1], "reason": "broken blister"}
            town.do(take_back_lines, command, **more)
        elif what == "release":
            town.do(hops.release, command, goods=[Some(code)], reason="in order")
        elif what == "wrong":
            wrong(town, shop, last["events"][0])
        else:
            sold = {"codes": [code]} if isinstance(what, str) else {"parts": [Part(code, what)]}
            return dict(town.do(dispense, command, **sold))
        return last

    for code, (before, second, outcome) in zip(codes, CASES, strict=True):
        last: dict[str, Any] = {}
        for what in before:
            last = do(code, what, last)
        alarms = town.count(alert)
        asked = {"actor": other if second == "there" else shop, "on": town.now.date()}
        (looked,) = town.do(check_codes, [code], **asked)
        if outcome != "refused":  # the counter is told before the box is handed out
            assert (before, second, looked["sold_elsewhere"]) == (before, second, outcome == "alarm")
        try:
            told = do(code, second, last)["alerts"]
            came = "alarm" if told else "sold"
            assert [one["code"] for one in told] == ([code_text(code)] if told else [])
        except Conflict:
            came = "refused"
        assert (before, second, came) == (before, second, outcome)
        # Both shops are told, and through them the inspectors of their regions.
        assert town.count(alert) - alarms == (2 if outcome == "alarm" else 0)


def test_units_that_a_shops_own_program_sold_are_told_as_no_other_shops(town: Town) -> None:
    shop, (code,) = tablets(town)
    other = pharmacy(town)
    also_at(town, other, [code], lot_of(town, shop, code))
    reported(town, shop, code, "urn:uuid:00000000-0000-4000-8000-000000000001", disposition="partially_dispensed")
    for who, elsewhere in ((shop, False), (other, True)):
        (looked,) = town.do(check_codes, [code], actor=who, on=town.now.date())
        assert looked["sold_elsewhere"] is elsewhere


def lot_of(town: Town, shop: Actor, code: str) -> str:
    """The lot of a pack in a shop, as the counter is told it."""
    with town.store.reading() as session:
        return str(find_packs(session, actor=shop, uris=[code])[code].lot["uri"])


def test_fifty_clients_sell_one_code_at_once_and_exactly_one_wins(town: Town) -> None:
    shop, (code,) = stocked(town)
    answers = at_once(*[lambda: town.do(dispense, town.command(shop), codes=[code])] * 50)
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert all(isinstance(answer, dict | Conflict) for answer in answers)
    assert (town.count(dispensing), town.count(alert), town.stock(shop, code)) == (1, 0, (0, 0))


def test_fifty_clients_in_two_shops_are_two_sales_and_both_shops_know(town: Town) -> None:
    shop, (code,) = stocked(town)
    other = pharmacy(town)
    also_at(town, other, (code,), lot_of(town, shop, code))
    acts = [lambda who=who: town.do(dispense, town.command(who), codes=[code]) for who in (shop, other) * 25]
    won = [answer for answer in at_once(*acts) if isinstance(answer, dict)]
    assert sorted(len(answer["alerts"]) for answer in won) == [0, 1]
    for who in (shop, other):
        (told,) = second_sales(town, who)
        assert {sale["event"] for sale in told["sales"]} == {answer["events"][0] for answer in won}


def test_ten_counters_sell_the_units_of_one_pack_and_never_more_than_it_has(town: Town) -> None:
    shop, (code,) = tablets(town, units=10)
    answers = at_once(*[lambda: town.do(dispense, town.command(shop), parts=[Part(code, 3)])] * 8)
    answers += at_once(*[lambda: town.do(dispense, town.command(shop), codes=[code])] * 2)
    assert sum(isinstance(answer, dict) for answer in answers) == 3
    with town.store.reading() as session:
        assert session.scalars(select(split_pack.c.sold)).one() == 9
    town.do(dispense, town.command(shop), parts=[Part(code, 1)])
    assert town.stock(shop, code) == (0, 0)  # the last unit takes the pack out


# ---- whoever reports it ---------------------------------------------------------------------------------------------


def test_a_sale_that_a_shops_own_program_reports_counts_like_one_of_the_counter(town: Town) -> None:
    shop, (code, other) = stocked(town, 2)
    reported(town, shop, code, "urn:uuid:00000000-0000-4000-8000-000000000001")
    with pytest.raises(Conflict, match="dispensed here already"):
        town.do(dispense, town.command(shop), codes=[code])
    town.do(dispense, town.command(shop), codes=[other])
    reported(town, shop, other, "urn:uuid:00000000-0000-4000-8000-000000000002", biz_step="retail_selling")
    (told,) = town.do(page_of_alerts, actor=shop, now=town.now)["alerts"]  # it cannot be refused: it happened
    assert (told["code"], len(told["sales"])) == (code_text(other), 2)
    reported(town, shop, other, "urn:uuid:00000000-0000-4000-8000-000000000002", biz_step="retail_selling")
    assert town.count(alert) == 1  # told twice, happened once


@pytest.mark.parametrize("known_by", ["its stock", "the file"])
def test_a_till_that_sells_a_drug_with_a_gs1_code_counts_and_food_does_not(town: Town, known_by: str) -> None:
    shop, serial = pharmacy(town), gtin_uri("06901028075763", serial="A1")
    if known_by == "its stock":
        town.drugs_at(shop, (serial,))
    else:
        town.drug(shop, code="6901028075763")
    reported(town, shop, serial, "urn:uuid:00000000-0000-4000-8000-000000000003", biz_step="retail_selling")
    reported(town, shop, serial, "urn:uuid:00000000-0000-4000-8000-000000000004", biz_step="retail_selling")
    assert (town.count(dispensing), town.count(alert)) == (1, 1)
    food = gtin_uri("06901028000017", serial="A1")
    reported(town, shop, food, "urn:uuid:00000000-0000-4000-8000-000000000005", biz_step="retail_selling")
    assert town.count(dispensing) == 1


def test_a_sale_declared_wrong_opens_the_code_and_closes_the_line_of_the_receipt(town: Town) -> None:
    shop, (code, kept) = stocked(town, 2)
    done = town.do(dispense, town.command(shop), codes=[code, kept])
    wrong(town, shop, done["events"][0])
    lines = town.do(get_sale, done["receipt"]["id"], actor=shop)["lines"]
    assert [(line["was_wrong"], line["returned_at"] is None) for line in lines] == [(True, False), (False, True)]
    assert town.stock(shop, code) == (1, 0)
    assert town.do(dispense, town.command(shop), codes=[code])["alerts"] == []
    back = town.do(take_back_packs, town.command(shop), codes=[kept])
    wrong(town, shop, back["events"][0])  # it never came back
    with pytest.raises(Conflict, match="dispensed here already"):
        town.do(dispense, town.command(shop), codes=[kept])
    assert town.do(get_sale, done["receipt"]["id"], actor=shop)["lines"][1]["returned_at"] is None


# ---- parts of a pack ------------------------------------------------------------------------------------------------


def test_an_open_pack_stands_in_the_register_until_its_days_are_over_and_goes_nowhere_else(town: Town) -> None:
    shop, (code,) = tablets(town, units=24)
    sold = town.do(dispense, town.command(shop), parts=[Part(code, 6)])
    (document,) = town.events(*sold["events"])
    assert (document["disposition"], document["sunshine:units"]) == ("partially_dispensed", "6")
    (entry,) = town.do(list_open_packs, actor=shop, today=town.now.date())
    assert (entry["left"], entry["unit_name"], entry["held"], entry["over"]) == (18, "片", False, False)
    refused = town.refuses(
        Conflict, hops.ship, town.command(shop), receiver=town.id_of(pharmacy(town)), goods=[Some(code)]
    )
    assert "open" in str(refused)
    late = replace(town.command(shop), now=NOW + timedelta(days=200))
    assert "was to be used until" in str(town.refuses(Conflict, dispense, late, parts=[Part(code, 1)]))
    with pytest.raises(Conflict, match="18 are left"):
        town.do(dispense, town.command(shop), parts=[Part(code, 19)])


def test_units_take_a_number_in_the_drugs_file(town: Town) -> None:
    shop, (code,) = stocked(town)
    assert "how many units" in str(town.refuses(Conflict, dispense, town.command(shop), parts=[Part(code, 2)]))
    for parts in ([Part(code, 0)], [Part(code, 1), Part(code, 1)]):
        assert town.refuses(Invalid, dispense, town.command(shop), parts=parts).field.startswith("parts.")


def test_a_part_of_a_held_pack_is_not_sold(town: Town) -> None:
    shop, (code,) = tablets(town)
    town.do(dispense, town.command(shop), parts=[Part(code, 2)])
    town.do(hops.hold, town.command(shop), goods=[Some(code)], reason="wet")
    assert "held" in str(town.refuses(Conflict, dispense, town.command(shop), parts=[Part(code, 2)]))
    town.destroy(shop, Some(code))
    assert "no longer in stock" in str(town.refuses(Conflict, dispense, town.command(shop), parts=[Part(code, 2)]))


# ---- nearest expiry first, classes, packs without a code -------------------------------------------------------------


def test_an_earlier_lot_on_the_shelf_is_named_and_passed_by_with_a_reason(town: Town) -> None:
    shop, drug = pharmacy(town), town.drug(town.organisation(K.DRUG_MAKER))
    old, new = town.packs(2), town.packs(2)
    town.drugs_at(shop, new, product=drug, number="NEW", expires_on=town.day(-500))
    town.drugs_at(shop, old, product=drug, number="OLD", expires_on=town.day(-30))
    refusal = town.refuses(Conflict, dispense, town.command(shop), codes=new[:1])
    assert (refusal.field, refusal.values["number"]) == ("passed_by", "OLD")
    (checked,) = town.do(check_codes, new[:1], actor=shop, on=town.now.date())
    assert (checked["verdict"], checked["earlier"]["lot_number"]) == ("ready", "OLD")
    done = town.do(dispense, town.command(shop), codes=new[:1], passed_by="the box is dented")
    assert done["earlier"][0]["instead_of"] == "NEW"
    (line,) = town.do(get_sale, done["receipt"]["id"], actor=shop)["lines"]
    assert line["passed_by"] == "the box is dented"
    # Whoever takes all of the earlier lot passes nothing by; and held packs are not on the shelf.
    town.do(hops.hold, town.command(shop), goods=[Some(old[0])], reason="wet")
    assert town.do(dispense, town.command(shop), codes=[new[1], old[1]])["earlier"] == []


def test_a_house_may_be_told_of_the_earlier_lot_only(town: Town) -> None:
    shop, drug = pharmacy(town), town.drug(town.organisation(K.DRUG_MAKER))
    (old,), (new,) = town.packs(1), town.packs(1)
    town.drugs_at(shop, (new,), product=drug, expires_on=town.day(-500))
    town.drugs_at(shop, (old,), product=drug, expires_on=town.day(-30))
    write_house_rule(town, shop, "dispensing.earlier_first", {"asks": "tell"})
    assert len(town.do(dispense, town.command(shop), codes=[new])["earlier"]) == 1


def write_house_rule(town: Town, shop: Actor, name: str, value: Any) -> None:
    """A rule of the shop's own."""
    said = {"effective_from": town.day(1), "source": "house", "confidence": Confidence.HOUSE, "reason": "house"}
    manager = town.as_role(shop, Role.ORGANISATION_ADMINISTRATOR)
    town.do(write_rule, town.command(manager), name=name, value=value, everywhere=False, **said)


@pytest.mark.parametrize(
    ("drug_class", "packs", "sold"),
    [("ephedrine", 2, True), ("ephedrine", 3, False), (None, 5, True)],
)
def test_of_some_classes_only_so_many_packs_go_at_once(
    town: Town, drug_class: str | None, packs: int, sold: bool
) -> None:
    shop, codes = stocked(town, packs, product=town.drug(town.organisation(K.DRUG_MAKER), drug_class=drug_class))
    if sold:
        town.do(dispense, town.command(shop), codes=codes)
    else:
        town.refuses(Conflict, dispense, town.command(shop), codes=codes)
    assert town.count(dispensing) == (packs if sold else 0)


@pytest.mark.parametrize(
    ("drug_class", "given", "kept"),
    [
        (None, None, None),
        (None, "damaged", "damaged"),
        ("herbal_pieces", None, "exempt"),
        ("herbal_granules", "legacy", "exempt"),
    ],
)
def test_r9_packs_without_a_code_are_sold_with_a_reason_or_of_an_exempt_class(
    town: Town, drug_class: str | None, given: str | None, kept: str | None
) -> None:
    shop = pharmacy(town)
    goods = [Some(legacy(town, shop, drug_class=drug_class), Decimal(2))]
    if kept is None:
        refusal = town.refuses(Invalid, dispense, town.command(shop), goods=goods, no_code_reason=given)
        assert refusal.field == "no_code_reason"
        return
    done = town.do(dispense, town.command(shop), goods=goods, no_code_reason=given)
    (line,) = town.do(get_sale, done["receipt"]["id"], actor=shop)["lines"]
    assert (line["no_code_reason"], line["code"], line["amount"]) == (kept, "", 2)
    more = {"sale": done["receipt"]["id"], "lines": [1]}
    assert town.refuses(Invalid, take_back_lines, town.command(shop), **more, reason=" ").field == "reason"
    town.do(take_back_lines, town.command(shop), **more, reason="damp")
    assert town.stock(shop, goods[0].code) == (3, 2)
    assert "came back before" in str(town.refuses(Conflict, take_back_lines, town.command(shop), **more, reason="damp"))


def test_the_reason_that_was_given_on_arrival_is_the_reason_at_the_counter(town: Town) -> None:
    shop = pharmacy(town)
    line = Line(product=town.drug(shop), lot_number="OLD2", amount=Decimal(3), expires_on=town.day(-300),
                no_code_reason="damaged", decision=Decision.HOLD)  # fmt: skip
    town.do(receive, town.command(shop, hours=5), supplier=STRANGER, lines=[line])
    (made,) = [row["lot"] for row in town.do(list_stock, actor=shop)]
    town.complete(shop, made)
    town.do(hops.release, town.command(shop, hours=4), goods=[Some(made, Decimal(3))], reason="papers found")
    done = town.do(dispense, town.command(shop), goods=[Some(made, Decimal(1))])
    assert town.do(get_sale, done["receipt"]["id"], actor=shop)["lines"][0]["no_code_reason"] == "damaged"


# ---- receipts -------------------------------------------------------------------------------------------------------


def test_receipts_are_numbered_without_a_gap_whoever_sells_at_once(town: Town) -> None:
    shop, codes = stocked(town, 6)
    at_once(*[lambda code=code: town.do(dispense, town.command(shop), codes=[code]) for code in codes])
    town.refuses(Conflict, dispense, town.command(shop), codes=codes[:1])
    found = town.do(list_sales, actor=shop, now=town.now, day=town.now.date())
    assert [sale["number"] for sale in found] == [6, 5, 4, 3, 2, 1]
    assert town.do(list_sales, actor=shop, now=town.now, day=town.day(1)) == []
    assert town.do(list_sales, actor=pharmacy(town), now=town.now) == []
    with pytest.raises(NotFound):
        town.do(get_sale, found[0]["id"], actor=pharmacy(town))
    with pytest.raises(NotFound):
        town.do(take_back_lines, town.command(pharmacy(town)), sale=found[0]["id"], lines=[1], reason="x")


def test_a_receipt_names_the_reviewed_prescription_and_who_reviewed_it(town: Town) -> None:
    shop, codes = stocked(town, product=town.drug(town.organisation(K.DRUG_MAKER), prescription=Prescription.RX.value))
    on_duty = town.pharmacist(shop)
    done = town.do(dispense, town.command(on_duty), codes=codes, prescription="CF-7")
    found = town.do(get_sale, done["receipt"]["id"], actor=shop)
    assert (found["prescription"], found["reviewed_by"], found["sold_by"]) == ("CF-7", on_duty.name, on_duty.name)


def test_a_receipt_line_comes_back_once_from_many_hands(town: Town) -> None:
    shop, codes = stocked(town, 2)
    done = town.do(dispense, town.command(shop), codes=codes)
    more = {"sale": done["receipt"]["id"], "lines": [2], "reason": "damaged"}
    answers = at_once(*[lambda: town.do(take_back_lines, town.command(shop), **more)] * 6)
    assert sum(isinstance(answer, Failure) for answer in answers) == 5
    assert [town.stock(shop, code) for code in codes] == [(0, 0), (0, 1)]
    with town.store.reading() as session:
        assert (
            len(
                session.scalars(
                    select(event.c.id).join(drug_sale_line, drug_sale_line.c.returned_event == event.c.id)
                ).all()
            )
            == 1
        )


def test_the_counter_is_told_of_a_code_before_it_is_sold(town: Town) -> None:
    shop, (ready, sold, held, opened) = tablets(town, 4)
    town.do(dispense, town.command(shop), codes=[sold], parts=[Part(opened, 3)])
    town.do(hops.hold, town.command(shop), goods=[Some(held)], reason="wet")
    texts = [ready, sold, held, opened, opened, town.packs(1)[0], "板蓝根"]
    told = town.do(check_codes, texts, actor=shop, on=town.now.date())
    assert [one["verdict"] for one in told] == ["ready", "sold", "held", "open", "not_here", "unknown"]
    assert [one["message"] is None for one in told] == [True, False, False, True, False, False]
    assert [one["opened"]["left"] for one in told if one["opened"]] == [7]
