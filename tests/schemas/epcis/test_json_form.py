"""EPCIS documents as JSON: every form of context and name is read into one, and written again without loss."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.epcis.json_form import MAX_DEPTH, read_json, write_document, write_event, write_query_document
from trace.domain.failures import Invalid

GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NOW = datetime(2026, 11, 24, 6, 12, 9, 250_000, UTC)


def an_event(**fields: Any) -> dict[str, Any]:
    """A small event; `fields` are added or replaced."""
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-11-24T14:12:09.250+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "epcList": ["urn:epc:id:sscc:0614141.1234567890"],
    } | fields


def a_document(*events: Any, context: Any = GS1, **fields: Any) -> bytes:
    """An EPCISDocument with these events, as bytes."""
    document = {"@context": context, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-11-24"}
    return json.dumps(document | fields | {"epcisBody": {"eventList": list(events)}}).encode()


def read_one(context: Any = GS1, **fields: Any) -> dict[str, Any]:
    """The event document of one event, in a document with this context."""
    (event,) = read_json(a_document(an_event(**fields), context=context)).events
    return event


def refusal(data: bytes) -> str:
    """The sentence with which a document is refused."""
    with pytest.raises(Invalid) as refused:
        read_json(data)
    return str(refused.value)


# ---- documents -----------------------------------------------------------------------------------------------------


def test_an_event_without_anything_special_is_read_as_it_is() -> None:
    assert read_one() == an_event()


def test_a_bare_event_is_a_document_of_one() -> None:
    read = read_json(json.dumps(an_event() | {"@context": [GS1, {"ex": "https://ex.org/"}], "ex:f": 1}).encode())
    assert read.events == [an_event() | {"ex:f": 1, "@context": {"ex": "https://ex.org/"}}]
    assert (read.master_data, read.header) == ([], {})


def test_events_of_a_query_document_are_found() -> None:
    body = {"queryResults": {"queryName": "q", "resultsBody": {"eventList": [an_event()]}}}
    document = {"@context": GS1, "type": "EPCISQueryDocument", "epcisBody": body}
    assert read_json(json.dumps(document).encode()).events == [an_event()]


def test_the_single_event_of_drafts_is_found() -> None:
    document = {"@context": GS1, "isA": "EPCISDocument", "epcisBody": {"event": an_event()}}
    assert read_json(json.dumps(document).encode()).events == [an_event()]


def test_the_header_keeps_what_the_document_says_besides() -> None:
    context = [GS1, {"ex": "https://ex.org/"}]
    header = read_json(a_document(context=context, sender="urn:x:1", **{"https://ex.org/batch": {"ex:n": 7}})).header
    assert header == {
        "@context": {"ex": "https://ex.org/"},
        "schemaVersion": "2.0",
        "creationDate": "2026-11-24",
        "sender": "urn:x:1",
        "ex:batch": {"ex:n": 7},
    }


def test_master_data_of_the_header_is_read_and_written() -> None:
    place = {
        "id": "urn:epc:id:sgln:0037000.00729.0",
        "attributes": [{"id": "cbvmda:site", "attribute": "0037000729023"}],
        "children": ["urn:epc:id:sgln:0037000.00729.8201"],
    }
    vocabulary = {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "vocabularyElementList": [place]}
    header = {"epcisMasterData": {"vocabularyList": [vocabulary]}}
    read = read_json(a_document(epcisHeader=header))
    assert read.master_data == [{"type": "urn:epcglobal:epcis:vtype:BusinessLocation", **place}]
    written = json.loads(write_document([], created=NOW, master_data=read.master_data))
    assert written["epcisHeader"] == header
    answer = json.loads(write_query_document([], created=NOW, master_data=read.master_data))
    assert answer["epcisBody"]["queryResults"]["resultsBody"]["vocabularyList"] == [vocabulary]


def test_an_event_that_is_no_object_is_an_event_without_fields() -> None:
    assert read_json(a_document("receipt", None, [an_event()])).events == [{}, {}, {}]


def test_events_are_not_judged() -> None:
    wrong = {"type": ["?"], "eventTime": 7, "bizStep": {"a": None}, "epcList": {"x": 1}, "readPoint": "urn:x:1", "y": 2}
    assert read_json(a_document(wrong)).events == [wrong]


# ---- words and standard names --------------------------------------------------------------------------------------


def test_words_become_bare_whichever_form_they_came_in() -> None:
    event = read_one(
        bizStep="cbv:BizStep-shipping",
        disposition="https://ref.gs1.org/cbv/Disp-in_transit",
        persistentDisposition={"set": ["urn:epcglobal:cbv:disp:recalled"], "unset": ["damaged"]},
        bizTransactionList=[{"type": "cbv:BTT-po", "bizTransaction": "urn:x:1"}, {"bizTransaction": "urn:x:2"}],
        sourceList=[{"type": "urn:epcglobal:cbv:sdt:owning_party", "source": "urn:x:3"}],
        destinationList=[{"type": "location", "destination": "urn:x:4"}],
        errorDeclaration={"reason": "https://ref.gs1.org/cbv/ER-incorrect_data"},
        sensorElementList=[{"sensorReport": [{"type": "gs1:Temperature", "component": "cbv:Comp-x", "value": 1}]}],
    )
    assert event["bizStep"] == "shipping"
    assert event["disposition"] == "in_transit"
    assert event["persistentDisposition"] == {"set": ["recalled"], "unset": ["damaged"]}
    assert [t.get("type") for t in event["bizTransactionList"]] == ["po", None]
    assert event["sourceList"][0]["type"] == "owning_party"
    assert event["destinationList"][0]["type"] == "location"
    assert event["errorDeclaration"]["reason"] == "incorrect_data"
    assert event["sensorElementList"][0]["sensorReport"] == [{"type": "Temperature", "component": "x", "value": 1}]


def test_private_words_are_written_in_full() -> None:
    context = [GS1, {"ex": "https://ex.org/", "smoking": "https://ex.org/smoking", "packed": "cbv:BizStep-packing"}]
    assert read_one(context, bizStep="ex:smoking")["bizStep"] == "https://ex.org/smoking"
    assert read_one(context, bizStep="smoking")["bizStep"] == "https://ex.org/smoking"
    assert read_one(context, bizStep="packed")["bizStep"] == "packing"
    assert read_one(context, bizStep="https://ex.org/a")["bizStep"] == "https://ex.org/a"
    assert read_one(context, bizStep="recieving")["bizStep"] == "recieving"
    assert read_one(bizStep="cbv:BizStep-recieving")["bizStep"] == "https://ref.gs1.org/cbv/BizStep-recieving"


def test_a_sensors_private_words_stay_as_they_came_with_their_prefix() -> None:
    report = {"sensorReport": [{"type": "ex:Sweetness", "component": "no:x"}]}
    event = read_one([GS1, {"ex": "https://ex.org/"}], sensorElementList=[report])
    assert event["sensorElementList"] == [report]
    assert event["@context"] == {"ex": "https://ex.org/"}


def test_standard_fields_are_known_under_their_other_names() -> None:
    event = read_one(
        [GS1, {"when": "epcis:recordTime"}],
        **{
            "@id": "urn:x:id",
            "epcis:disposition": "cbv:Disp-active",
            "https://ref.gs1.org/epcis/bizStep": "cbv:BizStep-holding",
            "when": "2026-11-24T06:12:09Z",
            "readPoint": {"@id": "urn:x:place"},
        },
    )
    assert event == an_event(
        eventID="urn:x:id",
        disposition="active",
        bizStep="holding",
        recordTime="2026-11-24T06:12:09Z",
        readPoint={"id": "urn:x:place"},
    )


def test_the_type_of_an_event_is_known_in_every_form() -> None:
    for type_ in ("epcis:ObjectEvent", "https://ref.gs1.org/epcis/ObjectEvent"):
        assert read_one(type=type_)["type"] == "ObjectEvent"
    without = {name: value for name, value in an_event().items() if name != "type"}
    for name in ("@type", "isA"):
        assert read_json(a_document(without | {name: "ObjectEvent"})).events == [an_event()]


def test_two_names_of_one_field_do_not_hide_each_other() -> None:
    event = read_one(**{"bizStep": "holding", "epcis:bizStep": "cbv:BizStep-packing"})
    assert event == an_event(bizStep="holding") | {"epcis:bizStep": "cbv:BizStep-packing"}


# ---- hostile bytes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"type": "EPCISDocument", "x": NaN}',
        b'{"type": "EPCISDocument", "x": -Infinity}',
        b'{"type": "EPCISDocument", "x": "\\ud800"}',
        b'{"type": "EPCISDocument", "x": 1e' + b"9" * 30 + b"}",
        b'{"type": "EPCISDocument", "x": 1.' + b"1" * 60 + b"}",
        b'{"type": "EPCISDocument", "x": ' + b"1" * 5_000 + b"}",
        b"<?xml version='1.0'?><a/>",
    ],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    assert "JSON" in refusal(data)


@pytest.mark.parametrize("levels", [MAX_DEPTH, 10_000, 1_000_000])
def test_what_nests_too_deep_is_refused(levels: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        nested = opening * levels + "1" + closing * levels
        assert "deeper" in refusal(f'{{"type": "EPCISDocument", "x": {nested}}}'.encode())


def test_honest_nesting_is_read() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH - 5):
        value = {"ex:a": value}
    assert read_one([GS1, {"ex": "https://ex.org/"}], **{"ex:a": value})["ex:a"] == value


@pytest.mark.parametrize(
    "document",
    [
        [],
        7,
        "text",
        {},
        {"type": "Invoice"},
        {"type": {"a": 1}},
        {"type": "EPCISDocument"},
        {"type": "EPCISDocument", "epcisBody": []},
        {"type": "EPCISDocument", "epcisBody": {"eventList": "x"}},
        {"type": "EPCISDocument", "epcisBody": {"eventList": None}},
        {"type": "EPCISQueryDocument", "epcisBody": {"eventList": []}},
        {"type": "EPCISDocument", "epcisHeader": 7, "epcisBody": {"eventList": []}},
        {"type": "EPCISDocument", "epcisHeader": {"epcisMasterData": {"vocabularyList": [7]}}},
    ],
)
def test_what_is_no_epcis_document_is_refused(document: Any) -> None:
    assert refusal(json.dumps(document).encode())


def test_of_a_key_that_comes_twice_the_last_holds() -> None:
    data = a_document(an_event()).replace(b'"action": "OBSERVE"', b'"action": "ADD", "action": "DELETE"')
    assert read_json(data).events == [an_event(action="DELETE")]


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read_json(b"\xef\xbb\xbf" + a_document(an_event())).events == [an_event()]


def test_fractions_are_never_floats() -> None:
    event = read_one(quantityList=[{"epcClass": "urn:x:1", "quantity": 0.1}], **{"gs1:n": 12345678901234567890})
    assert event["quantityList"][0]["quantity"] == Decimal("0.1")
    assert event["gs1:n"] == 12345678901234567890


# ---- writing -------------------------------------------------------------------------------------------------------


def test_prefixes_are_said_once_for_the_whole_document() -> None:
    events = [an_event() | {"ex:f": 1, "@context": {"ex": "https://ex.org/"}}, an_event()]
    written = json.loads(write_document(events, created=NOW))
    assert written["@context"] == [GS1, {"ex": "https://ex.org/"}]
    assert ["@context" in event for event in written["epcisBody"]["eventList"]] == [False, False]
    assert read_json(json.dumps(written).encode()).events == events


def test_prefixes_that_clash_stay_in_their_events() -> None:
    events = [
        an_event() | {"ex:f": 1, "@context": {"ex": "https://one.example/"}},
        an_event() | {"ex:f": 2, "@context": {"ex": "https://two.example/"}},
        an_event() | {"parentID": "ex:3"},
        an_event() | {"sensorElementList": [{"sensorReport": [{"type": "ex:q"}]}]},
    ]
    assert read_json(write_document(events, created=NOW)).events == events
    assert read_json(write_query_document(events, created=NOW)).events == events


def test_a_document_says_what_the_standard_asks_for() -> None:
    written = json.loads(write_document([an_event()], created=NOW, header={"sender": "urn:x:1", "schemaVersion": "9"}))
    assert written == {
        "@context": [GS1],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-24T06:12:09.250+00:00",
        "sender": "urn:x:1",
        "epcisBody": {"eventList": [an_event()]},
    }


def test_a_query_document_names_its_query_and_subscription() -> None:
    answer = json.loads(write_query_document([], created=NOW, query_name="lots", subscription_id="s1"))
    results = {"queryName": "lots", "subscriptionID": "s1", "resultsBody": {"eventList": []}}
    assert answer["epcisBody"] == {"queryResults": results}
    assert b'"queryName":"SimpleEventQuery"' in write_query_document([], created=NOW)


def test_an_event_alone_carries_its_context() -> None:
    event = an_event() | {"ex:f": Decimal("1.50"), "@context": {"ex": "https://ex.org/"}}
    data = write_event(event)
    assert b'"ex:f":1.50' in data
    assert json.loads(data)["@context"] == [GS1, {"ex": "https://ex.org/"}]
    assert read_json(data).events == [event]


def test_every_example_of_gs1_is_read_and_written_again(shared: Path) -> None:
    files = sorted((shared / "epcis/examples/json").rglob("*.jsonld"))
    assert len(files) == 47
    for path in files:
        read = read_json(path.read_bytes())
        assert read.events, path
        sent = write_document(read.events, created=NOW, header=read.header, master_data=read.master_data)
        assert read_json(sent) == read or read_json(sent).events == read.events, path
        assert read_json(write_query_document(read.events, created=NOW)).events == read.events, path
        assert [read_json(write_event(event)).events for event in read.events] == [[e] for e in read.events], path
