"""Named queries."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.web.epcis.conftest import EPCIS, EXAMPLE, GTIN, Partner, event, events_of, expect_problem, ids_of

QUERY = {"eventType": ["ObjectEvent"], "EQ_bizStep": ["shipping", "receiving"]}


def put(partner: Partner, name: str, query: dict[str, Any] | None = None) -> Any:
    """Keep a query under a name."""
    return partner.post("/queries", {"name": name, "query": QUERY if query is None else query})


def test_a_query_is_kept_with_201_and_its_location(shop: Partner) -> None:
    answer = put(shop, "mine")
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{EPCIS}/queries/mine"
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    told = shop.get("/queries/mine")
    assert told.json == {"name": "mine", "query": QUERY}


def test_a_name_that_is_taken_is_409_and_nothing_changes(shop: Partner) -> None:
    assert put(shop, "taken").status_code == 201
    before = shop.demo.counts()
    expect_problem(put(shop, "taken"), 409, "ResourceAlreadyExistsException", "taken")
    expect_problem(put(shop, "taken", {"eventType": ["AggregationEvent"]}), 409, "ResourceAlreadyExistsException")
    assert shop.demo.counts() == before
    assert shop.get("/queries/taken").json["query"] == QUERY


def test_queries_are_listed_page_by_page(shop: Partner) -> None:
    for name in ("page-a", "page-b", "page-c"):
        put(shop, name)
    found, path = [], "/queries?perPage=2"
    while path:
        answer = shop.get(path)
        assert len(answer.json) <= 2
        found += [query["name"] for query in answer.json]
        path = answer.headers.get("Link", "").partition(EPCIS)[2].partition(">")[0]
    assert found == sorted(found)
    assert {"page-a", "page-b", "page-c"} <= set(found)


def test_a_query_is_deleted_with_204_and_its_name_is_free_again(shop: Partner) -> None:
    put(shop, "short-lived")
    answer = shop.call("DELETE", "/queries/short-lived")
    assert (answer.status_code, answer.data) == (204, b"")
    expect_problem(shop.get("/queries/short-lived"), 404, "NoSuchNameException", "short-lived")
    expect_problem(shop.call("DELETE", "/queries/short-lived"), 404, "NoSuchNameException")
    assert put(shop, "short-lived").status_code == 201


@pytest.mark.parametrize("name", ["每日 发货", "a.b~c_d-e", "50%", "q?x=1#y", "name with spaces"])
def test_a_name_may_be_any_text_that_an_address_can_hold(shop: Partner, name: str) -> None:
    answer = put(shop, name)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{EPCIS}/queries/{quote(name, safe='')}"
    assert shop.get(answer.headers["Location"].removeprefix(EPCIS)).json["name"] == name


@pytest.mark.parametrize("name", ["", "a/b", ".", "..", " a", "a\x00b", "a\x1bb", "a\ufffe", "n" * 121, 7, None, ["a"]])
def test_a_name_that_no_address_can_hold_is_400(shop: Partner, name: Any) -> None:
    before = shop.demo.counts()
    expect_problem(shop.post("/queries", {"name": name, "query": QUERY}), 400, "ValidationException")
    assert shop.demo.counts() == before


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"query": QUERY},
        {"name": "x", "query": []},
        {"name": "x", "query": "EQ_bizStep"},
        {"name": "x", "query": QUERY, "more": 1},
        {"name": "x", "query": {"EQ_nothing": ["1"]}},
        {"name": "x", "query": {"GE_eventTime": "yesterday"}},
        {"name": "x", "query": {"eventType": ["NoSuchEvent"]}},
        {"name": "x", "query": {"MATCH_epc": [{}]}},
        {"name": "x", "query": {"EQ_example:\ud800": ["1"]}},
        {"name": "x", "query": {"EQ_example:\u0000": ["1"]}},
        {"name": "x", "query": {"@context": {"\ud800": "\ud800"}, "EQ_example:a": ["1"]}},
        {"name": "x", "query": {"@context": ["\ud800"], "EQ_example:a": ["1"]}},
        [],
        "x",
        7,
        None,
    ],
)
def test_a_body_that_is_no_query_is_400_and_nothing_is_kept(shop: Partner, body: Any) -> None:
    before = shop.demo.counts()
    expect_problem(shop.post("/queries", body), 400, "ValidationException")
    assert shop.demo.counts() == before


def test_a_query_of_a_great_many_values_is_refused(shop: Partner) -> None:
    answer = put(shop, "great", {"MATCH_epc": [f"{GTIN}/21/{n}" for n in range(5_000)]})
    assert answer.status_code in (400, 413)
    assert answer.json["type"].startswith("epcisException:")


def test_a_query_larger_than_what_is_kept_is_413_before_its_patterns_are_made(shop: Partner) -> None:
    patterns = [f"urn:epc:idpat:wrong:*.{n}.{'9' * 1_900}" for n in range(40)]  # each would be a 400 by itself
    answer = put(shop, "great", {"MATCH_epc": patterns})
    assert answer.status_code == 413, answer.text


def test_a_prefix_that_the_header_explains_is_kept_with_the_query(shop: Partner) -> None:
    sent = shop.captured(**{"example:mark": "kept"})
    headers = {"GS1-Extensions": f"other={EXAMPLE['example']}"}
    answer = shop.post("/queries", {"name": "explained", "query": {"EQ_other:mark": ["kept"]}}, headers=headers)
    assert answer.status_code == 201
    assert ids_of(shop.get("/queries/explained/events")) == [sent["eventID"]]
    assert shop.get("/queries/explained").json["query"]["@context"] == {"other": EXAMPLE["example"]}


def test_the_events_of_a_query_are_those_it_finds_now(shop: Partner) -> None:
    epc = f"{GTIN}/21/NAMED"
    put(shop, "of-one", {"MATCH_epc": [epc]})
    assert events_of(shop.get("/queries/of-one/events")) == []
    sent = [shop.captured(epcList=[epc], eventTime=f"2026-01-0{n}T08:00:00+08:00")["eventID"] for n in (5, 6, 7)]
    answer = shop.get("/queries/of-one/events?perPage=2")
    assert answer.json["epcisBody"]["queryResults"]["queryName"] == "of-one"
    assert len(ids_of(answer)) == 2
    path = answer.headers["Link"].partition(EPCIS)[2].partition(">")[0]
    assert {*ids_of(answer), *ids_of(shop.get(path))} == set(sent)


def test_a_named_query_that_finds_more_than_its_max_event_count_is_413(shop: Partner) -> None:
    epc = f"{GTIN}/21/MANY"
    put(shop, "bounded", {"MATCH_epc": [epc], "maxEventCount": 2})
    shop.capture(*(event(epcList=[epc]) for _ in range(3)))
    expect_problem(shop.get("/queries/bounded/events"), 413, "QueryTooLargeException")


def test_a_named_query_takes_no_further_parameters(shop: Partner) -> None:
    put(shop, "closed")
    expect_problem(shop.get("/queries/closed/events?EQ_bizStep=shipping"), 400, "ValidationException", "EQ_bizStep")


def test_a_websocket_is_501_and_says_what_to_use_instead(shop: Partner) -> None:
    put(shop, "socket")
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer = shop.get("/queries/socket/events?stream=true", headers=headers)
    expect_problem(answer, 501, "ImplementationException", "/queries/socket/subscriptions")


def test_queries_are_told_as_xml_too(shop: Partner) -> None:
    put(shop, "as-xml")
    for path in ("/queries", "/queries/as-xml"):
        answer = shop.get(path, headers={"Accept": "text/xml"})
        assert answer.mimetype == "text/xml"
        assert b"as-xml" in answer.data
