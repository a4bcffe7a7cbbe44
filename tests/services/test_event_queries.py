"""Events asked for by the query language: who sees them, in which order, page by page, within a budget."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from storage.events import TYPES
from storage.tables import event as event_table
from tests.services.asking import (
    CHAIN,
    EX,
    GOODS,
    ORDER_ID,
    RICH,
    SITE,
    SITE_LINK,
    START,
    ask,
    event,
    every_page,
    number_of,
    numbers,
    record,
)
from tests.town import NOW, Town
from trace.domain.failures import Invalid, QueryTooLarge
from trace.domain.permissions import Actor, Role
from trace.services.look_up_log import list_look_ups


@pytest.fixture
def shop(town: Town) -> Actor:
    """An organisation with forty events, a minute apart."""
    shop = town.organisation()
    record(town, shop, *(event(number, after=number) for number in range(40)))
    return shop


# ---- who sees what -------------------------------------------------------------------------------------------------


def test_organisation_finds_the_events_it_took_part_in(town: Town, shop: Actor) -> None:
    other = town.organisation()
    record(
        town, other, event(100), event(101, destinationList=[{"type": "owning_party", "destination": shop.party_uri}])
    )
    assert set(numbers(town, shop)) == {*range(40), 101}
    assert numbers(town, other) == [101, 100]


def test_inspector_finds_the_events_of_the_region_and_every_query_is_written_down_once(town: Town, shop: Actor) -> None:
    inspector = town.organisation(licensed=False, role=Role.INSPECTOR, region="640500")
    elsewhere = town.organisation(region="110101")
    record(town, elsewhere, event(100))
    assert sorted(numbers(town, inspector, {"EQ_bizStep": ["shipping"]}, size=15)) == list(range(40))
    auditor = Actor(**{**_fields(inspector), "role": Role.AUDITOR})
    log = town.do(list_look_ups, actor=auditor)
    assert [(entry["what"], entry["subject"]) for entry in log] == [("query", '{"EQ_bizStep": ["shipping"]}')]


def test_platform_administrator_finds_no_events(town: Town, shop: Actor) -> None:
    administrator = Actor(**{**_fields(shop), "role": Role.PLATFORM_ADMINISTRATOR})
    assert numbers(town, administrator) == []


def _fields(actor: Actor) -> dict[str, Any]:
    return {name: getattr(actor, name) for name in Actor.__slots__}


# ---- what is found -------------------------------------------------------------------------------------------------


def test_documents_come_back_as_sent_with_their_record_time(town: Town) -> None:
    shop = town.organisation()
    sent = event(1, bizLocation={"id": SITE}, **EX, **{"ex:note": "red"})
    record(town, shop, sent)
    assert ask(town, shop).documents == [sent | {"recordTime": "2026-11-24T02:00:00.000+00:00"}]


ASKED: list[dict[str, Any]] = [
    {"EQ_bizStep": ["https://ref.gs1.org/cbv/BizStep-receiving", "packing"]},
    {"EQ_disposition": ["in_transit"]},
    {"EQ_readPoint": [SITE_LINK]},
    {"EQ_bizLocation": [SITE]},
    {"WD_bizLocation": [SITE]},
    {"MATCH_epc": ["https://id.gs1.org/01/10614141073464/21/100"]},
    {"MATCH_anyEPC": ["urn:epc:id:sgtin:0614141.107346.100", "urn:epc:id:sgtin:0614141.107346.5000"]},
    {"MATCH_epc": ["urn:epc:idpat:sgtin:0614141.107346.*"], "EQ_bizStep": ["receiving"]},
    {"MATCH_anyEPCClass": ["https://id.gs1.org/01/04012345123456/10/998877"]},
    {"EQ_bizTransaction_po": [ORDER_ID]},
    {"EQ_source_owning_party": ["https://id.gs1.org/417/4000001000050"]},
    {"EQ_destination_owning_party": ["urn:epc:id:pgln:4000001.00006"]},
    {"EQ_eventID": ["urn:uuid:00000000-0000-4000-8000-000000000100"]},
    {"GE_value_FAH": 78},
    {"EQ_quantity_GRM": [10_000]},
    {"GE_eventTime": (START + timedelta(minutes=99)).isoformat()},
    {"GE_recordTime": (NOW + timedelta(minutes=1)).isoformat()},
]


@pytest.mark.parametrize("reader", ["party", "inspector"])
def test_each_parameter_with_an_index_finds_its_event(town: Town, shop: Actor, reader: str) -> None:
    record(town, shop, event(100, after=100, bizStep="receiving", **RICH), now=NOW + timedelta(minutes=1))
    record(town, shop, event(101, after=3, bizStep="storing", action="ADD"))
    actor = shop if reader == "party" else town.organisation(licensed=False, role=Role.INSPECTOR)
    assert [numbers(town, actor, asked) for asked in ASKED] == [[100]] * len(ASKED)


def test_type_action_and_error_are_told_apart(town: Town, shop: Actor) -> None:
    parent = "urn:epc:id:sscc:0614141.1234567890"
    packed = event(
        100, type="AggregationEvent", action="ADD", parentID=parent, childEPCs=["urn:epc:id:sgtin:0614141.107346.1"]
    )
    del packed["epcList"]
    wrong = event(5, after=5, errorDeclaration={"declarationTime": NOW.isoformat(), "reason": "incorrect_data"})
    record(town, shop, packed, wrong)
    assert numbers(town, shop, {"eventType": ["AggregationEvent"]}) == [100]
    assert numbers(town, shop, {"EQ_action": ["ADD"]}) == [100]
    assert numbers(town, shop, {"EXISTS_errorDeclaration": True}) == [5]
    assert numbers(town, shop, {"EQ_errorReason": ["incorrect_data"]}) == [5]
    assert numbers(town, shop, {"MATCH_parentID": [parent]}) == [100]
    assert sorted(numbers(town, shop, {"MATCH_epc": ["urn:epc:id:sgtin:0614141.107346.1"]})) == [1, 100]


def test_transformation_is_found_by_its_id(town: Town, shop: Actor) -> None:
    knot = "urn:epc:id:gdti:0614141.06012.1234"
    made = event(
        100, type="TransformationEvent", action=None, epcList=None, transformationID=knot, bizStep="commissioning",
        inputEPCList=["urn:epc:id:sgtin:0614141.107346.1"], outputQuantityList=[{"epcClass": GOODS}],
    )  # fmt: skip
    record(town, shop, made)
    assert numbers(town, shop, {"EQ_transformationID": [knot]}) == [100]
    assert numbers(town, shop, {"MATCH_outputEPCClass": [GOODS]}) == [100]
    assert numbers(town, shop, {"MATCH_inputEPC": ["urn:epc:id:sgtin:0614141.107346.1"]}) == [100]


def test_places_inside_a_place_and_attributes_are_found_by_master_data(town: Town, shop: Actor) -> None:
    record(
        town, shop, event(100, bizLocation={"id": SITE}), event(101, bizLocation={"id": CHAIN}),
        master_data=[
            {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "id": CHAIN, "children": [SITE_LINK]},
            {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "id": SITE,
             "attributes": [{"id": "urn:epcglobal:cbv:mda#city", "attribute": "Yinchuan"}], "children": [CHAIN]},
        ],
    )  # fmt: skip
    assert sorted(numbers(town, shop, {"WD_bizLocation": [CHAIN]})) == [100, 101]
    assert numbers(town, shop, {"EQ_bizLocation": [CHAIN]}) == [101]
    assert numbers(town, shop, {"HASATTR_bizLocation": ["cbvmda:city"]}) == [100]
    assert numbers(town, shop, {"EQ_ATTR_bizLocation_city": ["Yinchuan"]}) == [100]
    assert numbers(town, shop, {"EQ_ATTR_bizLocation_city": ["Beijing"]}) == []
    stranger = town.organisation()
    record(town, stranger, event(200, bizLocation={"id": SITE}))
    assert numbers(town, stranger, {"WD_bizLocation": [CHAIN]}) == [], "master data is its sender's own word"


def test_what_no_event_names_is_not_found(town: Town, shop: Actor) -> None:
    for asked in (
        {"MATCH_epc": ["urn:epc:id:sgtin:0614141.107346.777"]}, {"EQ_bizStep": ["urn:x:never"]},
        {"EQ_bizLocation": [SITE]}, {"EQ_eventID": ["urn:x:1"]}, {"eventType": ["https://x.example/Type"]},
    ):  # fmt: skip
        assert numbers(town, shop, asked) == []


def test_types_are_numbered_as_capture_stores_them(town: Town) -> None:
    shop = town.organisation()
    record(town, shop, event(1))
    with town.store.reading() as session:
        assert session.scalars(select(event_table.c.type)).all() == [TYPES["ObjectEvent"]]


# ---- order and limits ----------------------------------------------------------------------------------------------


def test_order_by_event_time_either_way_over_pages(town: Town, shop: Actor) -> None:
    assert numbers(town, shop, {"orderBy": "eventTime"}, size=7) == list(range(39, -1, -1))
    assert numbers(town, shop, {"orderBy": "eventTime", "orderDirection": "ASC"}, size=7) == list(range(40))


def test_order_by_event_time_is_found_along_record_times_where_those_are_fewer(town: Town, shop: Actor) -> None:
    inspector = town.organisation(licensed=False, role=Role.INSPECTOR, region="640500")
    for number in range(100, 110):
        record(town, shop, event(number, after=-number), now=NOW + timedelta(seconds=number))
    for asked in ({}, {"GE_recordTime": (NOW + timedelta(seconds=100)).isoformat()}):
        found = numbers(town, inspector, {"orderBy": "eventTime"} | asked, size=4)
        assert [number for number in found if number >= 100] == list(range(100, 110))
        asked |= {"orderBy": "eventTime", "orderDirection": "ASC"}
        assert numbers(town, inspector, asked, size=4) == found[::-1]


@pytest.mark.parametrize("asked", [{}, {"EQ_bizStep": ["packing"]}], ids=["walked", "sorted"])
def test_order_by_record_time_over_pages(town: Town, shop: Actor, asked: dict[str, Any]) -> None:
    for number in range(100, 110):
        record(town, shop, event(number, after=-number, bizStep="packing"), now=NOW + timedelta(seconds=number))
    found = numbers(town, shop, {"orderBy": "recordTime"} | asked, size=4)
    assert found[:10] == list(range(109, 99, -1))
    assert numbers(town, shop, {"orderBy": "recordTime", "orderDirection": "ASC"} | asked, size=4) == found[::-1]


def test_order_by_a_field_of_ones_own_over_pages(town: Town) -> None:
    shop = town.organisation()
    values = {1: 5, 2: 3, 3: None, 4: 10, 5: 3, 6: 7}
    record(
        town, shop, *(event(n, after=n, **(EX | {"ex:rank": value} if value else {})) for n, value in values.items())
    )
    query = {"orderBy": "https://ns.example.com/epcis#rank", "orderDirection": "ASC"}
    assert numbers(town, shop, query, size=2) == [2, 5, 1, 6, 4, 3]
    assert numbers(town, shop, query | {"orderDirection": "DESC"}, size=2) == [4, 6, 1, 5, 2, 3]
    assert numbers(town, shop, query | {"eventCountLimit": 3}, size=2) == [2, 5, 1]


def test_event_count_limit_holds_over_pages(town: Town, shop: Actor) -> None:
    query = {"orderBy": "eventTime", "eventCountLimit": 10}
    assert every_page(town, shop, query, size=4) == [[39, 38, 37, 36], [35, 34, 33, 32], [31, 30]]
    assert every_page(town, shop, query, size=5) == [[39, 38, 37, 36, 35], [34, 33, 32, 31, 30]]
    assert len(numbers(town, shop, query | {"eventCountLimit": 1_000})) == 40


def test_more_events_than_max_event_count_are_refused(town: Town, shop: Actor) -> None:
    with pytest.raises(QueryTooLarge, match="more than 39 events"):
        ask(town, shop, {"maxEventCount": 39})
    with pytest.raises(QueryTooLarge):
        ask(town, shop, {"maxEventCount": 39, "orderBy": "https://ns.example.com/epcis#rank"})
    assert len(numbers(town, shop, {"maxEventCount": 40}, size=15)) == 40


# ---- pages ---------------------------------------------------------------------------------------------------------


def test_events_captured_meanwhile_shift_no_page(town: Town, shop: Actor) -> None:
    for query in ({}, {"orderBy": "eventTime", "orderDirection": "ASC"}, {"orderBy": "recordTime"},
                  {"orderBy": "https://ns.example.com/epcis#rank"}, {"EQ_bizStep": ["shipping"]}):  # fmt: skip
        before, found, token = set(numbers(town, shop, query)), [], None
        for number in itertools.count(1_000):
            page = ask(town, shop, query, size=6, token=token)
            found += [number_of(document) for document in page.documents]
            new = event(number + max(before) * 7 + 1, after=number % 50)
            record(town, shop, new, now=NOW + timedelta(seconds=number))
            token = page.next_token
            if token is None:
                break
        assert len(found) == len(set(found)), "nothing twice"
        assert set(found) == before, "nothing missed, nothing new"


def test_pages_hold_every_event_once_while_others_record(town: Town, shop: Actor) -> None:
    done = threading.Event()

    def go_on_recording() -> None:
        for number in itertools.count(1_000):
            record(town, shop, event(number, after=number % 40), now=NOW + timedelta(seconds=number))
            if done.is_set():
                return

    with ThreadPoolExecutor(2) as others:
        recording = others.submit(go_on_recording)
        try:
            for query in ({}, {"orderBy": "recordTime", "orderDirection": "ASC"}, {"EQ_bizStep": ["shipping"]}):
                found = numbers(town, shop, query, size=9)
                assert len(found) == len(set(found)), "nothing twice"
                assert set(range(40)) <= set(found), "nothing missed"
        finally:
            done.set()
        recording.result()


def test_last_full_page_has_no_next(town: Town, shop: Actor) -> None:
    assert [len(page) for page in every_page(town, shop, size=20)] == [20, 20]
    assert [len(page) for page in every_page(town, shop, size=40)] == [40]
    assert [len(page) for page in every_page(town, shop, size=39)] == [39, 1]


def test_events_of_one_moment_are_not_lost_between_pages(town: Town) -> None:
    shop = town.organisation()
    record(town, shop, *(event(number) for number in range(25)))
    assert sorted(numbers(town, shop, size=4)) == list(range(25))
    assert sorted(numbers(town, shop, {"orderBy": "recordTime"}, size=4)) == list(range(25))


def test_many_values_are_merged_in_order(town: Town, shop: Actor) -> None:
    epcs = [f"urn:epc:id:sgtin:0614141.107346.{number}" for number in range(350)]
    record(town, shop, *(event(number, after=number % 13) for number in range(100, 350)))
    moved = event(400, after=100, epcList=epcs[:250])
    record(town, shop, moved)
    found = numbers(town, shop, {"MATCH_epc": epcs, "orderBy": "eventTime"}, size=50)
    assert sorted(found) == [*range(40), *range(100, 350), 400]
    assert found[0] == 400
    times = {**{n: n for n in range(40)}, **{n: n % 13 for n in range(100, 350)}, 400: 100}
    assert [times[number] for number in found] == sorted(times.values(), reverse=True)


def test_forged_token_is_refused(town: Town, shop: Actor) -> None:
    for forged in ("", "x", "{}", "[1,2]", "[]", '["a","time",true,[1,2],5,null]', "null", '[1,2,3,4,"x"]', "\0"):
        with pytest.raises(Invalid, match="not given for this query"):
            ask(town, shop, token=forged)


def test_token_of_another_query_or_organisation_is_refused(town: Town, shop: Actor) -> None:
    token = ask(town, shop, {"EQ_action": ["OBSERVE"]}, size=5).next_token
    other = town.organisation()
    for actor, query in ((shop, {}), (shop, {"EQ_action": ["ADD"]}), (other, {"EQ_action": ["OBSERVE"]})):
        with pytest.raises(Invalid, match="not given for this query"):
            ask(town, actor, query, token=token)
    assert token is not None
    bond, route, is_short, _, newest, left = json.loads(token)
    for wrong in (
        [bond, route, is_short, ["sx", 1], newest, left],
        [bond, route, is_short, [], newest, left],
        [bond, route, is_short, [1], newest, left],
    ):
        with pytest.raises(Invalid, match="not given for this query"):
            ask(town, shop, {"EQ_action": ["OBSERVE"]}, token=json.dumps(wrong))
