"""Look-ups: one trace, told to each reader as much as they may know; popular lots still lead to the field."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from storage.events import find_idents
from storage.store import Store
from storage.tenancy import EVERYTHING
from storage.trace_reader import TraceReader
from tests.town import NOW, Town
from trace.domain.events import Action, AggregationEvent, Endpoint, Event, ObjectEvent, Quantity
from trace.domain.failures import Invalid, NotFound
from trace.domain.genealogy import TELLING_KEPT, Direction
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.trace_search import trace
from trace.domain.uris import crate_uri, drug_class_uri, lot_uri
from trace.services import lookup
from trace.services.capture import capture
from trace.services.hops import Batch, Some, process, sell, ship
from trace.services.look_up_log import list_look_ups
from trace.services.lookup import look_up
from trace.services.lots import NewLot
from trace.services.organisations import list_places
from trace.services.receiving import Line, Supplier, receive

K = OrganisationKind
FARM, HALL, SHOP, OTHER_SHOP = "向阳农场（演示）", "大河批发（演示）", "甲超市（演示）", "乙超市（演示）"
AMOUNTS = ("61.25", "33.5", "27.75", "4.375")
PRICES = ("8.88", "9.77")


@dataclass
class Chain:
    """Tomatoes from a farm, repacked at a wholesaler, at two shops; one sold some."""

    farm: Actor
    hall: Actor
    shop: Actor
    other: Actor
    harvest: str
    lot: str
    certificate: str


def chain(town: Town) -> Chain:
    farm = town.organisation(K.FARM, name=FARM)
    hall = town.organisation(K.WHOLESALER, name=HALL)
    shop, other = town.organisation(name=SHOP), town.organisation(name=OTHER_SHOP)
    product = town.product(farm, name="番茄")
    harvest = town.lot(farm, product, AMOUNTS[0], number="FIELD-7")
    paper = town.paper(farm, CertificateKind.COMMITMENT, harvest, form="producer", number="CNR-2211")
    town.send(farm, hall, Some(harvest, Decimal(AMOUNTS[0])))
    town.arrive(farm, hall, Line(code=harvest, amount=Decimal(AMOUNTS[0]), price=Decimal(PRICES[0])))
    boxes = Batch(NewLot(town.product(hall, name="番茄盒装"), "PACKED-9", town.day(1)), Decimal(AMOUNTS[0]))
    inputs = [Some(harvest, Decimal(AMOUNTS[0]))]
    lot = town.do(process, town.command(hall, hours=7), inputs=inputs, outputs=[boxes])["lots"][0]
    for receiver, amount in ((shop, AMOUNTS[1]), (other, AMOUNTS[2])):
        supplier_paper = town.paper(
            hall, CertificateKind.COMMITMENT, lot, form="purchaser", number=f"NO-{receiver.organisation}"
        )
        town.do(ship, town.command(hall, hours=6), receiver=town.id_of(receiver), goods=[Some(lot, Decimal(amount))])
        line = Line(
            code=lot,
            amount=Decimal(amount),
            price=Decimal(PRICES[1]),
            certificates=(),
            reason="papers " + supplier_paper,
        )
        town.do(
            receive,
            town.command(receiver, hours=5),
            supplier=Supplier(public_id=town.id_of(hall)),
            lines=[line],
        )
    town.do(sell, town.command(shop, hours=1), goods=[Some(lot, Decimal(AMOUNTS[3]))])
    return Chain(farm, hall, shop, other, harvest, lot, paper)


def look(town: Town, actor: Actor | None, code: str, **more: Any) -> dict[str, Any]:
    return dict(town.do(look_up, actor=actor, text=code, now=NOW, **more))


def text_of(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, default=str)


def named(answer: dict[str, Any]) -> set[str]:
    """The businesses that an answer names in its timeline and its picture."""
    return ({entry["by"] for entry in answer["timeline"]} | {node["holder"] for node in answer["flow"]["nodes"]}) - {""}


def watcher(town: Town, region: str, role: Role = Role.INSPECTOR) -> Actor:
    return town.organisation(K.REGULATOR, region=region, role=role, licensed=False)


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Every statement that goes to the store meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sqlalchemy_event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy_event.remove(store.engine, "before_cursor_execute", note)


def sales(town: Town, shop: Actor, lot: str, count: int, first: int = 0) -> None:
    """So many sales over the counter, one a second."""
    events: list[Event] = [
        ObjectEvent(
            event_time=NOW - timedelta(hours=4) + timedelta(seconds=number % 10_000),
            event_id=f"urn:uuid:00000000-0000-4000-9000-{shop.organisation:04x}{number:08x}",
            action=Action.OBSERVE,
            biz_step="retail_selling",
            disposition="retail_sold",
            quantities=(Quantity(lot, Decimal("0.001"), "KGM"),),
        )
        for number in range(first, first + count)
    ]
    for start in range(0, len(events), 1_000):
        town.do(capture, events[start : start + 1_000], actor=shop, now=NOW, strict=False)


# ---- who sees what -------------------------------------------------------------------------------------------------


def test_the_public_sees_the_field_and_the_first_hands_and_nothing_that_is_others_business(town: Town) -> None:
    made = chain(town)
    answer = look(town, None, made.lot)
    text = text_of(answer)
    assert FARM in text and HALL in text
    assert named(answer) == {FARM, HALL}
    forbidden = [SHOP, OTHER_SHOP, *AMOUNTS, *PRICES, "FIELD-7", "CNR-2211", "NO-", made.harvest, "papers "]
    assert [word for word in forbidden if word in text] == []
    assert re.search(r"\d\d:\d\d", text) is None, "an exact time"
    assert answer["view"] == "public" and answer["holders"] == [] and answer["left_out"] == 0
    assert set(answer["traces"]) == {"backward"}
    assert {card["kind"] for card in answer["certificates"]} == {"commitment_certificate"}
    assert {card["issuer"] for card in answer["certificates"]} == {FARM, HALL}
    assert all("time" not in entry and entry["day"] for entry in answer["timeline"])


def test_the_public_is_told_once_what_happened_alike_many_times(town: Town) -> None:
    made = chain(town)
    sales(town, made.shop, made.lot, 5)
    told = [entry for entry in look(town, None, made.lot)["timeline"] if entry["step"] == "retail_selling"]
    assert len(told) == 1, "the number of sales is a quantity"


def test_what_else_was_in_a_delivery_is_not_told_to_others(town: Town) -> None:
    farm, hall = town.organisation(K.FARM), town.organisation(K.WHOLESALER)
    carrots = town.grown(farm, product=town.product(farm, name="胡萝卜"))
    pears = town.grown(farm, product=town.product(farm, name="香梨"))
    town.send(farm, hall, Some(carrots, Decimal(5)), Some(pears, Decimal(6)))
    assert "香梨" not in text_of(look(town, None, carrots)["timeline"])
    assert "香梨" in text_of(look(town, hall, carrots)["timeline"])


def test_a_shop_sees_its_own_records_and_the_step_before_and_after(town: Town) -> None:
    made = chain(town)
    answer = look(town, made.shop, made.lot)
    text = text_of(answer)
    assert answer["view"] == "organisation" and answer["holders"] == []
    full = [entry for entry in answer["timeline"] if entry["view"] == "full"]
    assert {entry["step"] for entry in full} == {"shipping", "receiving", "retail_selling"}
    assert all(entry["by"] in (SHOP, HALL) for entry in full)
    assert AMOUNTS[1] in text and AMOUNTS[3] in text and "PACKED-9" in text
    for hidden in (OTHER_SHOP, AMOUNTS[0], AMOUNTS[2], "FIELD-7", made.harvest, "CNR-2211", PRICES[0]):
        assert hidden not in text, hidden


def test_what_is_told_whole_says_by_name_where_it_was_and_what_is_not_does_not(town: Town) -> None:
    made = chain(town)
    (store_room,) = town.do(list_places, actor=made.shop)
    told = look(town, made.shop, made.lot)["timeline"]
    assert {entry["place"] for entry in told if entry["step"] == "retail_selling"} == {store_room["name"]}
    assert store_room["name"] and store_room["name"] not in text_of(look(town, None, made.lot)["timeline"])


def test_a_wholesaler_sees_both_sides_of_its_own_trade(town: Town) -> None:
    made = chain(town)
    text = text_of(look(town, made.hall, made.lot))
    for seen in (FARM, SHOP, OTHER_SHOP, "FIELD-7", "PACKED-9", *AMOUNTS[:3], "CNR-2211"):
        assert seen in text, seen
    assert AMOUNTS[3] not in text, "what a shop sells is its own affair"


def test_a_farm_sees_whom_it_delivered_to_and_no_further(town: Town) -> None:
    made = chain(town)
    answer = look(town, made.farm, made.harvest)
    text = text_of(answer)
    assert named(answer) == {FARM, HALL}
    for hidden in (SHOP, OTHER_SHOP, AMOUNTS[1], AMOUNTS[2], AMOUNTS[3], "PACKED-9", made.lot, "NO-"):
        assert hidden not in text, hidden
    assert "番茄盒装" in text, "which goods they became may be known"


def test_a_stranger_sees_what_the_public_sees_both_ways(town: Town) -> None:
    made = chain(town)
    stranger = town.organisation(name="路人超市（演示）")
    answer = look(town, stranger, made.lot)
    assert named(answer) == {FARM, HALL}
    assert [word for word in (SHOP, OTHER_SHOP, *AMOUNTS, "FIELD-7", "CNR-2211") if word in text_of(answer)] == []


@pytest.mark.parametrize("role", [Role.INSPECTOR, Role.AUDITOR])
def test_inspectors_and_auditors_see_all_in_their_region_and_it_is_written_down(town: Town, role: Role) -> None:
    made = chain(town)
    reader = watcher(town, "640500", role)
    answer = look(town, reader, made.harvest, reason="抽检")
    text = text_of(answer)
    for seen in (FARM, HALL, SHOP, OTHER_SHOP, "FIELD-7", "PACKED-9", "CNR-2211", *AMOUNTS):
        assert seen in text, seen
    assert PRICES[0] not in text, "prices are in the purchase records of who bought"
    with town.store.reading() as session:
        logged = list_look_ups(session, actor=town.as_role(reader, Role.AUDITOR))
    assert [(row["what"], row["subject"], row["reason"]) for row in logged] == [("trace", made.harvest, "抽检")]


def test_inspectors_see_who_holds_what_became_of_a_lot(town: Town) -> None:
    made = chain(town)
    holders = look(town, watcher(town, "640500"), made.harvest)["holders"]
    left = {(row["name"], row["lot_number"]): row["on_hand"] for row in holders}
    first, second, sold = (Decimal(AMOUNTS[n]) for n in (1, 2, 3))
    assert left == {(SHOP, "PACKED-9"): first - sold, (OTHER_SHOP, "PACKED-9"): second}


def test_an_inspector_of_another_region_sees_no_more_than_the_public(town: Town) -> None:
    made = chain(town)
    answer = look(town, watcher(town, "640100"), made.lot)
    text = text_of(answer)
    assert answer["holders"] == [] and named(answer) == {FARM, HALL}
    assert [word for word in (SHOP, OTHER_SHOP, *AMOUNTS, "FIELD-7", "CNR-2211") if word in text] == []


def test_the_platform_administrator_sees_no_business_data(town: Town) -> None:
    made = chain(town)
    platform = town.organisation(K.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR, licensed=False)
    with pytest.raises(NotFound):
        look(town, platform, made.lot)


def test_a_loop_that_nobody_gave_anything_into_names_nobody(town: Town) -> None:
    one, two = town.organisation(name="子公司一（演示）"), town.organisation(name="子公司二（演示）")
    lot = lot_uri(drug_class_uri("8000001"), "LOOP")
    for number, (source, target) in enumerate(((one, two), (two, one))):
        event = ObjectEvent(
            event_time=NOW - timedelta(hours=5 - number),
            event_id=f"urn:event:loop-{number}",
            action=Action.OBSERVE,
            biz_step="shipping",
            quantities=(Quantity(lot, Decimal(1), "EA"),),
            sources=(Endpoint("owning_party", source.party_uri),),
            destinations=(Endpoint("owning_party", target.party_uri),),
        )
        town.do(capture, [event], actor=source, now=NOW, strict=False)
    assert named(look(town, None, lot)) == set()


# ---- how it stood, and which way -----------------------------------------------------------------------------------


def test_asked_as_of_a_moment_nothing_later_counts(town: Town) -> None:
    made = chain(town)
    inspector = watcher(town, "640500")
    steps = [entry["step"] for entry in look(town, inspector, made.harvest, at=NOW - timedelta(hours=9))["timeline"]]
    assert steps == ["commissioning", "shipping"]


def test_one_way_only_when_one_way_is_asked(town: Town) -> None:
    made = chain(town)
    answer = look(town, made.hall, made.lot, direction=Direction.BACKWARD)
    assert set(answer["traces"]) == {"backward"}
    assert "retail_selling" in {entry["step"] for entry in answer["timeline"]}, "a lot's own history is whole"


def test_the_movements_of_a_crate_are_those_of_what_is_in_it(town: Town) -> None:
    farm, hall = town.organisation(K.FARM), town.organisation(K.WHOLESALER)
    lots = [town.grown(farm) for _ in range(2)]
    crate = crate_uri("TUB-1")
    for number, lot in enumerate(lots):
        common = [
            {"event_time": NOW - timedelta(hours=8 - 3 * number - n), "event_id": f"urn:event:{number}-{n}"}
            for n in range(3)
        ]
        packed = AggregationEvent(
            **common[0], action=Action.ADD, parent=crate, child_quantities=(Quantity(lot, Decimal(2), "KGM"),)
        )
        moved = ObjectEvent(**common[1], action=Action.OBSERVE, biz_step="receiving", epcs=(crate,))
        emptied = AggregationEvent(**common[2], action=Action.DELETE, parent=crate)
        town.do(capture, [packed, moved, emptied], actor=hall, now=NOW, strict=False)
    first, second = (look(town, hall, lot)["timeline"] for lot in lots)
    assert [entry["event"] for entry in first if "event" in entry] == [
        "urn:event:0-0",
        "urn:event:0-1",
        "urn:event:0-2",
    ]
    assert [entry["event"] for entry in second if "event" in entry] == [f"urn:event:1-{n}" for n in range(3)]


@pytest.mark.parametrize("text", ["06901234567892", "no code at all", "https://id.gs1.org/01/06901234567892"])
def test_what_names_no_single_thing_is_refused_with_a_sentence(town: Town, text: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        look(town, None, text)


# ---- popular lots --------------------------------------------------------------------------------------------------


def test_a_lot_with_three_thousand_sales_still_leads_the_public_to_the_farm(town: Town) -> None:
    made = chain(town)
    with statements(town.store) as few:
        look(town, None, made.lot)
    sales(town, made.shop, made.lot, 3_000)
    with statements(town.store) as many:
        answer = look(town, None, made.lot)
    assert FARM in named(answer)
    assert "commissioning" in {entry["step"] for entry in answer["timeline"]}
    assert not answer["truncated"], "only sales are left out"
    # One statement more says how many of the oldest sales were not even read.
    assert len(few) <= len(many) <= len(few) + 2


def test_what_a_trace_found_is_told_in_a_handful_of_statements(town: Town) -> None:
    made = chain(town)
    for reader, ways, most in ((None, (Direction.BACKWARD,), 7), (made.hall, tuple(Direction), 10)):
        with statements(town.store) as searching, town.store.seeing(EVERYTHING).reading() as session:
            item = find_idents(session, [made.lot])[made.lot]
            reads = TraceReader(session)
            assert all(trace(reads, item, way).events for way in ways)
        with statements(town.store) as looking:
            look(town, reader, made.lot)
        # Its events, names, documents, parties, organisations, papers; what is read in full has places, other lots and
        # papers that are shown whole besides.
        assert len(looking) - len(searching) <= most


def test_what_is_left_out_is_counted_for_those_who_may_know(town: Town) -> None:
    made = chain(town)
    sales(town, made.shop, made.lot, 40)
    inspector = watcher(town, "640500")
    whole = len(look(town, inspector, made.lot)["timeline"])
    for reader, left_out in ((inspector, whole - 12), (made.hall, 0), (None, 0)):
        answer = look(town, reader, made.lot, limit=12)
        assert len(answer["timeline"]) <= 12
        assert answer["left_out"] == left_out
        assert answer["truncated"] is False
    told = look(town, inspector, made.lot, limit=12)["timeline"]
    assert {"commissioning", "shipping", "receiving"} <= {entry["step"] for entry in told}
    sold = [entry["time"] for entry in told if entry["step"] == "retail_selling"]
    newest = sorted(e["time"] for e in look(town, inspector, made.lot)["timeline"] if e["step"] == "retail_selling")
    assert sold == newest[-len(sold) :]


def test_old_sales_of_a_very_popular_lot_are_left_to_a_count(town: Town) -> None:
    made = chain(town)
    sales(town, made.shop, made.lot, TELLING_KEPT + 300)
    answer = look(town, watcher(town, "640500"), made.lot, direction=Direction.BACKWARD)
    told = [entry for entry in answer["timeline"] if entry["step"] == "retail_selling"]
    assert len(told) + answer["left_out"] == TELLING_KEPT + 301, "the chain itself sold once"
    assert {"shipping", "receiving"} <= {entry["step"] for entry in answer["timeline"]}, "only sales are left out"
    assert FARM in named(answer)


def test_a_cut_trace_says_so_and_names_nobody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    made = chain(town)
    monkeypatch.setattr(lookup, "PUBLIC_ROWS", 8)  # the bound itself, smaller
    answer = look(town, None, made.lot)
    assert answer["truncated"] and named(answer) == set(), "nobody knows who stands near the field"


def test_who_stands_near_the_field_is_told_by_all_handovers_and_not_by_those_that_are_told_alone(town: Town) -> None:
    made = chain(town)
    salad = Batch(NewLot(town.product(made.shop, name="番茄沙拉"), "SALAD-3", town.day(0)), Decimal(1))
    inputs = [Some(made.lot, Decimal(1))]
    lot = town.do(process, town.command(made.shop, hours=2), inputs=inputs, outputs=[salad])["lots"][0]
    few = look(town, None, lot, limit=3)
    assert "shipping" not in {entry["step"] for entry in few["timeline"]}, "what things were made of is told first"
    assert named(few) == named(look(town, None, lot)) == {FARM, HALL}
