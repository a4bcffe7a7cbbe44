"""/events and /events/{eventID}: the query in the address, pages, and single events."""

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from lxml import etree

from schemas.epcis.xml_writing import write_xml_document
from tests.web.epcis.conftest import EPCIS, GTIN, Partner, bare, document, event, events_of, expect_problem, ids_of
from trace.clock import now

HASH_ID = "ni:///sha-256;df7bb3c352fef055578554f09f5e2aa41782150ced7bd0b8af24dd3ccb30ba69?ver=CBV2.0"


def local(address: str) -> str:
    """An address of ours below /epcis/v2."""
    parts = urlsplit(address)
    return parts.path.removeprefix(EPCIS) + (f"?{parts.query}" if parts.query else "")


def next_of(answer: Any) -> str | None:
    """The address of the next page, or None on the last."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    assert link.startswith("<http")
    assert link.endswith('>; rel="next"')
    return link[1 : link.index(">")]


# ---- POST /events --------------------------------------------------------------------------------------------------


def test_one_event_is_created_with_201_and_its_location(shop: Partner) -> None:
    sent = event()
    answer = shop.post("/events", bare(sent))
    assert answer.status_code == 201
    assert answer.json["eventID"] == sent["eventID"]
    assert answer.json["epcList"] == sent["epcList"]
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    assert answer.headers["Location"] == f"{EPCIS}/events/{quote(sent['eventID'], safe='')}"
    assert ids_of(shop.get(local(answer.headers["Location"]))) == [sent["eventID"]]


def test_one_event_of_an_xml_document_is_created_too(shop: Partner) -> None:
    sent = event()
    body = write_xml_document([sent], created=now())
    answer = shop.call(
        "POST", "/events", data=body, content_type="application/xml", headers={"Accept": "application/xml"}
    )
    assert answer.status_code == 201, answer.text
    assert etree.fromstring(answer.data).tag.endswith("ObjectEvent")
    assert ids_of(shop.get(local(answer.headers["Location"]))) == [sent["eventID"]]


def test_the_xml_that_answers_is_an_event_that_may_be_sent(shop: Partner) -> None:
    sent, xml = event(), {"Accept": "application/xml"}
    first = shop.post("/events", bare(sent), headers=xml)
    assert (first.status_code, first.mimetype) == (201, "application/xml")
    before = shop.demo.counts()
    again = shop.call("POST", "/events", data=first.data, content_type="application/xml", headers=xml)
    assert (again.status_code, again.data) == (201, first.data)
    assert shop.demo.counts() == before


def test_the_same_event_again_is_201_and_stored_once(shop: Partner) -> None:
    sent = event()
    first = shop.post("/events", bare(sent))
    before = shop.demo.counts()
    again = shop.post("/events", bare(sent))
    assert (again.status_code, again.headers["Location"]) == (201, first.headers["Location"])
    assert shop.demo.counts() == before


def test_an_event_id_that_is_known_with_other_content_is_409(shop: Partner) -> None:
    sent = event()
    assert shop.post("/events", bare(sent)).status_code == 201
    answer = shop.post("/events", bare(sent | {"disposition": "in_progress"}))
    expect_problem(answer, 409, "ResourceAlreadyExistsException")


def test_an_event_without_id_is_created_under_its_hash(shop: Partner) -> None:
    answer = shop.post("/events", bare(event(eventID=None)))
    assert answer.status_code == 201
    event_id = answer.json["eventID"]
    assert event_id.startswith("ni:///sha-256;")
    assert answer.headers["Location"] == f"{EPCIS}/events/{quote(event_id, safe='')}"
    assert ids_of(shop.get(local(answer.headers["Location"]))) == [event_id]


def test_an_event_that_is_not_valid_is_400_with_the_list(shop: Partner) -> None:
    before = shop.demo.counts()
    problem = expect_problem(shop.post("/events", bare(event(bizStep="shiping"))), 400, "ValidationException")
    assert problem["errors"][0]["path"] == "/bizStep"
    assert shop.demo.counts() == before


def test_a_document_of_several_events_belongs_to_capture(shop: Partner) -> None:
    before = shop.demo.counts()
    for body in (document(event(), event()), document()):
        expect_problem(shop.post("/events", body), 400, "ValidationException", "/capture")
    assert shop.demo.counts() == before


# ---- GET /events/{eventID} -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event_id",
    [
        HASH_ID,
        "https://partner.example.com/events/7?version=2#part",
        "urn:example:a%2Fb",
        "https://partner.example.com/%E4%BA%8B%E4%BB%B6/1",
        "https://partner.example.com/events",
    ],
)
def test_an_event_is_found_by_its_url_encoded_id(shop: Partner, event_id: str) -> None:
    sent = event(eventID=event_id)
    answer = shop.post("/events", bare(sent))
    assert answer.status_code == 201, answer.text
    for address in (answer.headers["Location"].removeprefix(EPCIS), f"/events/{quote(event_id, safe='')}"):
        found = shop.get(address)
        assert ids_of(found) == [event_id]
        assert "Link" not in found.headers


def test_an_event_and_the_declaration_that_it_was_in_error_are_answered_together(shop: Partner) -> None:
    sent = event()
    declared = sent | {"errorDeclaration": {"declarationTime": "2026-01-06T08:00:00+08:00", "reason": "incorrect_data"}}
    assert shop.capture(sent).status_code == 202
    assert shop.capture(declared).status_code == 202
    told = events_of(shop.get(f"/events/{sent['eventID']}"))
    assert [found["eventID"] for found in told] == [sent["eventID"]] * 2
    assert sum("errorDeclaration" in found for found in told) == 1


def test_an_event_that_is_not_there_is_404(shop: Partner) -> None:
    for event_id in ("nothing", "urn:uuid:nothing", "..%2F..", "a" * 5_000, "%F0%9F%92%8A"):
        expect_problem(shop.get(f"/events/{event_id}"), 404, "NoSuchResourceException")


def test_an_event_is_answered_as_xml(shop: Partner) -> None:
    sent = shop.captured()
    answer = shop.get(f"/events/{sent['eventID']}", headers={"Accept": "application/xml"})
    assert [found.text for found in etree.fromstring(answer.data).iter("eventID")] == [sent["eventID"]]


# ---- GET /events ---------------------------------------------------------------------------------------------------


def test_the_query_in_the_address_picks_events(shop: Partner) -> None:
    product = f"{GTIN}/21/Q"
    sent = [shop.captured(epcList=[f"{product}{n}"], bizStep=step) for n, step in enumerate(("storing", "loading"))]
    both = "|".join(found["epcList"][0] for found in sent)
    assert set(ids_of(shop.get("/events", query_string={"MATCH_epc": both}))) == {e["eventID"] for e in sent}
    asked = {"MATCH_epc": both, "EQ_bizStep": "storing"}
    assert ids_of(shop.get("/events", query_string=asked)) == [sent[0]["eventID"]]
    asked = {"MATCH_epc": both, "eventType": "AggregationEvent"}
    assert ids_of(shop.get("/events", query_string=asked)) == []


def test_gs1_extensions_explains_the_prefixes_of_a_query(shop: Partner) -> None:
    sent = shop.captured(**{"example:colour": "amber"})
    headers = {"GS1-Extensions": "ex=https://ns.example.com/epcis/"}
    assert ids_of(shop.get("/events?EQ_ex:colour=amber", headers=headers)) == [sent["eventID"]]
    expect_problem(shop.get("/events", headers={"GS1-Extensions": "ex"}), 406, "NotAcceptableException")


@pytest.mark.parametrize(
    "query",
    [
        "EQ_nothing=1",
        "perpage=1",
        "GE_eventTime=yesterday",
        "eventType=NoSuchEvent",
        "perPage=0",
        "perPage=-1",
        "perPage=many",
        "perPage=1&perPage=2",
        "nextPageToken=forged",
        "nextPageToken=",
        "nextPageToken=%00",
        "nextPageToken=" + "a" * 2_000,
        "maxEventCount=x",
        "orderBy=nothing",
    ],
)
def test_a_parameter_that_nobody_knows_or_of_a_wrong_value_is_400(shop: Partner, query: str) -> None:
    answer = shop.get(f"/events?{query}")
    problem = expect_problem(answer, 400, "ValidationException")
    assert problem["detail"]


def test_more_events_than_max_event_count_are_413(shop: Partner) -> None:
    for _ in range(3):
        shop.captured()
    expect_problem(shop.get("/events?maxEventCount=2"), 413, "QueryTooLargeException")


def test_an_address_that_is_too_long_is_414(shop: Partner) -> None:
    answer = shop.get("/events", query_string={"MATCH_epc": "x" * 9_000})
    expect_problem(answer, 414, "URITooLongException")


# ---- pages ---------------------------------------------------------------------------------------------------------


def test_events_come_in_pages_each_event_once_and_the_last_page_has_no_link(shop: Partner) -> None:
    epc = f"{GTIN}/21/PAGES"
    sent = {shop.captured(epcList=[epc], eventTime=f"2026-01-05T08:00:0{n}+08:00")["eventID"] for n in range(5)}
    path: str | None = f"/events?MATCH_epc={quote(epc, safe='')}&perPage=2"
    told, pages = [], 0
    while path is not None:
        answer = shop.get(path)
        assert len(events_of(answer)) <= 2
        assert ("GS1-Next-Page-Token-Expires" in answer.headers) == ("Link" in answer.headers)
        told += ids_of(answer)
        pages += 1
        following = next_of(answer)
        if following is not None:
            assert parse_qs(urlsplit(following).query)["perPage"] == ["2"]
        path = local(following) if following else None
    assert pages == 3
    assert len(told) == 5
    assert set(told) == sent


def test_a_page_has_30_events_unless_asked_otherwise(shop: Partner) -> None:
    shop.capture(*(event(epcList=[f"{GTIN}/21/THIRTY"]) for _ in range(31)))
    asked = {"MATCH_epc": f"{GTIN}/21/THIRTY"}
    assert len(events_of(shop.get("/events", query_string=asked))) == 30
    assert len(events_of(shop.get("/events", query_string=asked | {"perPage": "1000000"}))) == 31


def test_a_token_serves_its_own_list_and_its_own_reader_only(shop: Partner, pharmacy: Partner) -> None:
    for _ in range(2):
        shop.captured(bizStep="unloading")
    following = next_of(shop.get("/events?EQ_bizStep=unloading&perPage=1"))
    assert following is not None
    own = local(following)
    token = parse_qs(urlsplit(following).query)["nextPageToken"][0]
    assert len(events_of(shop.get(own))) == 1
    for reader, path in (
        (pharmacy, own),
        (shop, f"/events?EQ_bizStep=loading&nextPageToken={token}"),
        (shop, f"/events?nextPageToken={token}"),
        (shop, f"/bizSteps/unloading/events?nextPageToken={token}"),
        (shop, f"/capture?nextPageToken={token}"),
        (shop, f"/events?EQ_bizStep=unloading&nextPageToken={token[:-1]}"),
    ):
        expect_problem(reader.get(path), 400, "ValidationException", "nextPageToken")


def test_an_inspectors_question_is_written_down(inspector: Partner) -> None:
    before = inspector.demo.counts()["lookup_log"]
    assert inspector.get("/events?perPage=1").status_code == 200
    assert inspector.get("/events/urn:uuid:nothing").status_code == 404
    assert inspector.demo.counts()["lookup_log"] == before + 2
