"""POST /capture, and the jobs that tell what became of a document."""

import json
from typing import Any

import pytest
from lxml import etree

from schemas.epcis.xml_writing import write_xml_document
from tests.web.epcis.conftest import (
    EPCIS,
    EXAMPLE,
    GS1_CONTEXT,
    GTIN,
    HERE,
    Partner,
    document,
    event,
    events_of,
    expect_problem,
    ids_of,
)
from trace.clock import now

XML = {"Accept": "application/xml"}


def bad(**fields: Any) -> dict[str, Any]:
    """An event that no validator lets pass."""
    return event(bizStep="shiping") | fields


def as_query_document(*events: dict[str, Any]) -> dict[str, Any]:
    """The events as the answer to a query."""
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": list(events)}}
    return document() | {"type": "EPCISQueryDocument", "epcisBody": {"queryResults": results}}


def test_an_epcis_document_is_captured_with_202_and_the_location_of_its_job(shop: Partner) -> None:
    sent = event()
    answer = shop.capture(sent)
    assert answer.status_code == 202
    assert answer.data == b""
    assert "Content-Type" not in answer.headers
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    assert answer.headers["GS1-CBV-Version"] == "2.0.0"
    assert "GS1-Extensions" in answer.headers
    assert answer.headers["Location"].startswith(f"{EPCIS}/capture/")
    assert events_of(shop.get(f"/events/{sent['eventID']}"))[0]["epcList"] == sent["epcList"]


def test_an_epcis_query_document_is_captured_too(shop: Partner) -> None:
    sent = event()
    assert shop.post("/capture", as_query_document(sent)).status_code == 202
    assert ids_of(shop.get(f"/events/{sent['eventID']}")) == [sent["eventID"]]


def test_one_bare_event_is_captured_too(shop: Partner) -> None:
    sent = event()
    assert shop.post("/capture", {"@context": [GS1_CONTEXT], **sent}).status_code == 202
    assert ids_of(shop.get(f"/events/{sent['eventID']}")) == [sent["eventID"]]


@pytest.mark.parametrize("version", ["2.0", "1.2"])
@pytest.mark.parametrize("media_type", ["application/xml", "text/xml"])
def test_xml_is_captured(shop: Partner, version: str, media_type: str) -> None:
    sent = event()
    body = write_xml_document([sent], created=now(), version=version)
    headers = {"GS1-EPCIS-Version": version}
    answer = shop.call("POST", "/capture", data=body, content_type=media_type, headers=headers)
    assert answer.status_code == 202, answer.text
    [told] = events_of(shop.get(f"/events/{sent['eventID']}"))
    assert (told["bizStep"], told["epcList"]) == (sent["bizStep"], sent["epcList"])


def test_an_event_without_id_is_given_one(shop: Partner) -> None:
    sent = event(eventID=None, bizStep="inspecting")
    assert shop.capture(sent).status_code == 202
    [told] = events_of(shop.get("/events", query_string={"MATCH_epc": sent["epcList"][0]}))
    assert told["eventID"].startswith("ni:///sha-256;")
    assert told["eventID"].endswith("?ver=CBV2.0")


def test_masterdata_in_the_header_is_captured_and_can_be_asked_for(shop: Partner) -> None:
    place = "https://id.gs1.org/414/0614141000012"
    element = {"id": place, "attributes": [{"id": "urn:epcglobal:cbv:mda:name", "attribute": "Warehouse 7"}]}
    vocabulary = {"type": "urn:epcglobal:epcis:vtype:Location", "vocabularyElementList": [element]}
    sent = event(readPoint={"id": place})
    header = {"epcisHeader": {"epcisMasterData": {"vocabularyList": [vocabulary]}}}
    assert shop.post("/capture", document(sent, **header)).status_code == 202
    asked = {"EQ_ATTR_readPoint_urn:epcglobal:cbv:mda:name": "Warehouse 7"}
    assert sent["eventID"] in ids_of(shop.get("/events", query_string=asked))


# ---- error behaviour -----------------------------------------------------------------------------------------------


def test_rollback_is_the_default_and_one_bad_event_stores_nothing(shop: Partner) -> None:
    before = shop.demo.counts()
    for headers in ({}, {"GS1-Capture-Error-Behaviour": "rollback"}):
        answer = shop.capture(event(), bad(), event(eventTime="yesterday"), headers=headers)
        problem = expect_problem(answer, 400, "ValidationException")
        assert {error["event"] for error in problem["errors"]} == {1, 2}
        assert {error["type"] for error in problem["errors"]} == {"epcisException:ValidationException"}
        assert all(error["detail"] and error["title"] and error["path"] for error in problem["errors"])
        assert "shiping" in problem["errors"][0]["detail"]
        assert problem["errors"][0]["eventID"].startswith("urn:uuid:")
    assert shop.demo.counts() == before


def test_proceed_stores_the_rest_and_the_job_lists_the_bad_ones(shop: Partner) -> None:
    good, wrong = event(), bad()
    answer = shop.capture(good, wrong, headers={"GS1-Capture-Error-Behaviour": "proceed"})
    assert answer.status_code == 202
    job = shop.get(answer.headers["Location"].removeprefix(EPCIS)).json
    assert (job["running"], job["success"], job["captureErrorBehaviour"]) == (False, False, "proceed")
    [error] = job["errors"]
    assert (error["event"], error["eventID"], error["status"]) == (1, wrong["eventID"], 400)
    assert "shiping" in error["detail"]
    assert ids_of(shop.get(f"/events/{good['eventID']}")) == [good["eventID"]]
    assert shop.get(f"/events/{wrong['eventID']}").status_code == 404


def test_a_finished_job_of_either_behaviour_succeeded_if_all_is_stored(shop: Partner) -> None:
    for behaviour in ("rollback", "proceed"):
        answer = shop.capture(event(), headers={"GS1-Capture-Error-Behaviour": behaviour})
        job = shop.get(answer.headers["Location"].removeprefix(EPCIS)).json
        assert job.keys() == {
            "captureID", "running", "success", "captureErrorBehaviour", "createdAt", "finishedAt", "errors"
        }  # fmt: skip
        assert (job["running"], job["success"], job["errors"]) == (False, True, [])
        assert job["captureErrorBehaviour"] == behaviour
        assert job["captureID"] == answer.headers["Location"].rpartition("/")[2]


@pytest.mark.parametrize("word", ["all", "ROLLBACK", "", "maybe"])
def test_another_error_behaviour_is_refused(shop: Partner, word: str) -> None:
    before = shop.demo.counts()
    answer = shop.capture(event(), headers={"GS1-Capture-Error-Behaviour": word})
    expect_problem(answer, 400, "ValidationException", "rollback")
    assert shop.demo.counts() == before


# ---- the same again ------------------------------------------------------------------------------------------------


def test_a_capture_sent_twice_is_stored_once(shop: Partner) -> None:
    sent, without_id = event(), event(eventID=None)
    assert shop.capture(sent, without_id).status_code == 202
    events = shop.demo.counts()["event"]
    again = shop.capture(sent, without_id)
    assert again.status_code == 202
    assert shop.get(again.headers["Location"].removeprefix(EPCIS)).json["success"] is True
    assert shop.demo.counts()["event"] == events


def test_the_same_event_id_with_other_content_is_409_and_names_both(shop: Partner) -> None:
    first = shop.captured()
    before = shop.demo.counts()
    answer = shop.capture(first | {"bizStep": "receiving"})
    problem = expect_problem(answer, 409, "ResourceAlreadyExistsException")
    assert first["eventID"].removeprefix("urn:uuid:") in json.dumps(problem)
    assert shop.demo.counts() == before


def test_the_same_event_id_with_other_content_is_listed_when_proceeding(shop: Partner) -> None:
    first, good = shop.captured(), event()
    clash = first | {"bizStep": "receiving"}
    answer = shop.capture(clash, good, headers={"GS1-Capture-Error-Behaviour": "proceed"})
    job = shop.get(answer.headers["Location"].removeprefix(EPCIS)).json
    assert job["success"] is False
    assert [(error["event"], error["status"], error["type"]) for error in job["errors"]] == [
        (0, 409, "epcisException:ResourceAlreadyExistsException")
    ]
    assert ids_of(shop.get(f"/events/{good['eventID']}")) == [good["eventID"]]


# ---- limits --------------------------------------------------------------------------------------------------------


def expect_limits(answer: Any) -> None:
    """Assert a 413 with both limits announced."""
    expect_problem(answer, 413, "CaptureLimitExceededException")
    assert int(answer.headers["GS1-EPCIS-Capture-Limit"]) >= 1
    assert int(answer.headers["GS1-EPCIS-Capture-File-Size-Limit"]) == 20 * 1024 * 1024


def test_more_events_than_the_limit_are_413_with_both_limits(shop: Partner) -> None:
    limit = int(shop.call("OPTIONS", "/capture").headers["GS1-EPCIS-Capture-Limit"])
    before = shop.demo.counts()
    expect_limits(shop.capture(*[{"type": "ObjectEvent"}] * (limit + 1)))
    assert shop.demo.counts() == before


@pytest.mark.parametrize("path", ["/capture", "/events"])
def test_more_bytes_than_the_limit_are_413_with_both_limits(shop: Partner, path: str) -> None:
    body = b'{"a":"' + b"x" * (20 * 1024 * 1024) + b'"}'
    expect_limits(shop.call("POST", path, data=body, content_type="application/json"))


@pytest.mark.parametrize("value", [b"{}", b"[]", b'""'])
def test_more_values_than_the_limit_are_413_before_one_of_them_is_made(shop: Partner, value: bytes) -> None:
    body = b'{"type":"EPCISDocument","epcisBody":{"eventList":[' + b",".join([value] * 1_000_001) + b"]}}"
    answer = shop.call("POST", "/capture", data=body, content_type="application/json")
    expect_limits(answer)
    assert "1,000,000" in answer.json["detail"]


# ---- jobs ----------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_newest_first_page_by_page(shop: Partner) -> None:
    made = [shop.capture(event()).headers["Location"].rpartition("/")[2] for _ in range(3)]
    first = shop.get("/capture?perPage=2")
    assert [job["captureID"] for job in first.json] == made[:0:-1]
    assert 'rel="next"' in first.headers["Link"]
    assert first.headers["GS1-Next-Page-Token-Expires"] > now().isoformat()
    following = first.headers["Link"].partition("<")[2].partition(">")[0].partition(EPCIS)[2]
    second = shop.get(following)
    assert second.json[0]["captureID"] == made[0]
    assert second.headers["GS1-EPCIS-Version"] == "2.0.0"


def test_a_job_that_is_not_there_is_404(shop: Partner) -> None:
    for path in ("/capture/nothing", "/capture/" + "0" * 26, "/capture/%F0%9F%92%8A"):
        expect_problem(shop.get(path), 404, "NoSuchResourceException")


def test_jobs_are_told_as_xml_by_gs1s_schema(shop: Partner) -> None:
    answer = shop.capture(event(), bad(), headers={"GS1-Capture-Error-Behaviour": "proceed"})
    told = shop.get(answer.headers["Location"].removeprefix(EPCIS), headers=XML)
    root = etree.fromstring(told.data)
    assert root.tag == "{urn:epcglobal:epcis:xsd:2}EPCISCaptureJob"
    assert (root.get("running"), root.get("success")) == ("false", "false")
    assert len(root.findall("errors/error")) == 1
    assert etree.fromstring(shop.get("/capture", headers=XML).data).tag.endswith("EPCISCaptureJobList")


# ---- lossless ------------------------------------------------------------------------------------------------------


def test_every_field_comes_back_as_it_was_sent(shop: Partner) -> None:
    sent = event(
        action="ADD",
        eventTime="2026-01-05T08:00:00.1234567+08:00",
        persistentDisposition={"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
        quantityList=[{"epcClass": f"{GTIN}/10/L1", "quantity": 12.5, "uom": "KGM"}],
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:0614141000005:1"}],
        sourceList=[{"type": "location", "source": HERE}],
        destinationList=[{"type": "owning_party", "destination": "https://id.gs1.org/417/0614141000005"}],
        sensorElementList=[
            {
                "sensorMetadata": {"time": "2026-01-05T08:00:00+08:00", "deviceID": "urn:epc:id:giai:0614141.7"},
                "sensorReport": [{"type": "Temperature", "value": 3.9, "uom": "CEL"}],
            }
        ],
        ilmd={"example:bestBefore": "2026-02-01", "example:deep": {"example:list": [1, {"example:yes": True}]}},
        **{"example:note": "extension", "example:empty": [], "example:number": 100.10},
    )
    assert shop.capture(sent).status_code == 202
    answer = json.loads(shop.get(f"/events/{sent['eventID']}").data)
    [told] = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert told.pop("recordTime")
    assert told == sent
    assert answer["@context"] == [GS1_CONTEXT, EXAMPLE]
