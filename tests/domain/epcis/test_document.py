"""Events as EPCIS 2.0 JSON: nothing is lost on the way out and back, and equal events have equal bytes."""

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.epcis.document import (
    NAMESPACE,
    as_document,
    as_offset,
    as_time,
    canonical_bytes,
    load_document,
    parse_document,
    parse_time,
)
from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    BizTransaction,
    Endpoint,
    ErrorDeclaration,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
    offset_minutes,
    utc_milliseconds,
)
from trace.domain.failures import Invalid

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
URIS = TEXTS.map(lambda text: f"https://id.example.cn/a/obj/{text}")
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.builds(
    lambda moment, zone, milliseconds: moment.replace(microsecond=milliseconds * 1000, tzinfo=UTC).astimezone(zone),
    st.datetimes(datetime(1990, 1, 2), datetime(2100, 12, 30)),
    ZONES,
    st.integers(0, 999),
)
AMOUNTS = st.decimals(0, 999_999_999, places=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | AMOUNTS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
LISTS = {
    "uris": st.lists(URIS, max_size=3).map(tuple),
    "quantities": st.lists(
        st.builds(Quantity, URIS, st.none() | AMOUNTS, st.none() | st.sampled_from(["KGM", "EA"])), max_size=3
    ).map(tuple),
}
EXTENSIONS = st.dictionaries(TEXTS.map("sunshine:{}".format), JSON, max_size=3)
COMMON = {
    "event_time": MOMENTS,
    "event_id": URIS,
    "biz_step": st.none() | TEXTS,
    "disposition": st.none() | TEXTS,
    "persistent_disposition": st.none() | st.just({"set": ["damaged"], "unset": ["expired"]}),
    "read_point": st.none() | URIS,
    "biz_location": st.none() | URIS,
    "biz_transactions": st.lists(st.builds(BizTransaction, URIS, st.none() | TEXTS), max_size=2).map(tuple),
    "sources": st.lists(st.builds(Endpoint, TEXTS, URIS), max_size=2).map(tuple),
    "destinations": st.lists(st.builds(Endpoint, TEXTS, URIS), max_size=2).map(tuple),
    "certification_info": st.none() | URIS | st.lists(URIS, min_size=1, max_size=2),
    "sensor_elements": st.lists(
        st.fixed_dictionaries(
            {"sensorReport": st.lists(st.fixed_dictionaries({"value": AMOUNTS}), min_size=1, max_size=2)}
        ),
        max_size=2,
    ).map(tuple),
    "ilmd": st.dictionaries(TEXTS.map("cbvmda:{}".format), JSON, max_size=2),
    "extensions": EXTENSIONS,
    "error_declaration": st.none()
    | st.builds(ErrorDeclaration, MOMENTS, st.none() | TEXTS, st.lists(URIS, max_size=2).map(tuple), EXTENSIONS),
}
ACTIONS = st.sampled_from(Action)
PARENT = st.none() | URIS
EVENTS = st.one_of(
    st.builds(ObjectEvent, **COMMON, action=ACTIONS, epcs=LISTS["uris"], quantities=LISTS["quantities"]),
    st.builds(
        TransactionEvent, **COMMON, action=ACTIONS, parent=PARENT, epcs=LISTS["uris"], quantities=LISTS["quantities"]
    ),
    st.builds(
        AggregationEvent,
        **COMMON,
        action=ACTIONS,
        parent=PARENT,
        child_epcs=LISTS["uris"],
        child_quantities=LISTS["quantities"],
    ),
    st.builds(
        AssociationEvent,
        **COMMON,
        action=ACTIONS,
        parent=URIS,
        child_epcs=LISTS["uris"],
        child_quantities=LISTS["quantities"],
    ),
    st.builds(
        TransformationEvent,
        **COMMON,
        transformation_id=PARENT,
        input_epcs=LISTS["uris"],
        input_quantities=LISTS["quantities"],
        output_epcs=LISTS["uris"],
        output_quantities=LISTS["quantities"],
    ),
)


@given(EVENTS)
def test_an_event_comes_back_from_its_document_with_every_field(event: Event) -> None:
    back = parse_document(as_document(event))
    assert back == event
    assert offset_minutes(back.event_time) == offset_minutes(event.event_time)


@given(EVENTS)
def test_an_event_comes_back_from_its_bytes_with_exact_amounts(event: Event) -> None:
    assert parse_document(load_document(canonical_bytes(as_document(event)))) == event


@given(EVENTS, st.randoms(use_true_random=False))
def test_equal_documents_have_equal_bytes_whatever_the_order_of_their_keys(event: Event, chance: random.Random) -> None:
    document = as_document(event)
    keys = list(document)
    chance.shuffle(keys)
    data = canonical_bytes(document)
    assert canonical_bytes({key: document[key] for key in keys}) == data
    assert canonical_bytes(load_document(data)) == data


def test_the_bytes_are_readable_utf8_json_without_blanks() -> None:
    document = {"b": Decimal("1.50"), "a": "番茄", "c": [Decimal("3.000"), Decimal("0.000001")]}
    assert canonical_bytes(document).decode() == '{"a":"番茄","b":1.50,"c":[3.000,0.000001]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object(), {1, 2}, range(2)])
def test_what_is_no_json_is_not_stored(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical_bytes({"a": value})


def test_empty_fields_are_left_out_and_empty_extensions_are_kept() -> None:
    moment = datetime(2026, 11, 24, 6, 12, 9, 250_000, timezone(timedelta(hours=8)))
    event = ObjectEvent(
        event_time=moment,
        event_id="urn:uuid:1",
        action=Action.OBSERVE,
        extensions={"sunshine:list": [], "sunshine:none": None},
    )
    assert as_document(event) == {
        "type": "ObjectEvent",
        "eventID": "urn:uuid:1",
        "eventTime": "2026-11-24T06:12:09.250+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "sunshine:list": [],
        "sunshine:none": None,
        "@context": {"sunshine": NAMESPACE},
    }


@given(MOMENTS)
def test_a_time_keeps_its_instant_and_its_offset(moment: datetime) -> None:
    back = parse_time(as_time(moment), as_offset(offset_minutes(moment)))
    assert (back, back.utcoffset()) == (moment, moment.utcoffset())


@pytest.mark.parametrize(
    ("text", "offset", "seen"),
    [
        ("2026-11-24T00:00:00Z", "+08:00", "2026-11-24T08:00:00.000+08:00"),
        ("2026-11-24T00:00:00.123456Z", "-00:30", "2026-11-23T23:30:00.123-00:30"),
        ("2026-11-24T06:12:09+08:00", None, "2026-11-24T06:12:09.000+08:00"),
    ],
)
def test_a_time_is_seen_in_the_offset_of_the_event(text: str, offset: str | None, seen: str) -> None:
    assert as_time(parse_time(text, offset)) == seen


WHOLE = {
    "type": "ObjectEvent",
    "eventID": "urn:uuid:1",
    "eventTime": "2026-11-24T06:12:09+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "ADD",
    "epcList": ["urn:epc:id:sgtin:6901234.056789.1"],
}


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Event"},
        {"type": None},
        {"type": ["ObjectEvent"]},
        {"eventID": None},
        {"eventTime": None},
        {"eventTime": 5},
        {"eventTime": "2026-11-24T06:12:09"},
        {"eventTime": "9999-12-31T23:59:59Z"},
        {"eventTime": "0001-01-01T00:00:00Z", "eventTimeZoneOffset": "-08:00"},
        {"eventTimeZoneOffset": ""},
        {"eventTimeZoneOffset": "08:00"},
        {"eventTimeZoneOffset": "Z"},
        {"eventTimeZoneOffset": "+14:01"},
        {"eventTimeZoneOffset": "+8"},
        {"eventTimeZoneOffset": "+99:00"},
        {"eventTimeZoneOffset": "+08:00:00"},
        {"eventTimeZoneOffset": 8},
        {"action": "LOOK"},
        {"action": None},
        {"epcList": 5},
        {"epcList": "urn:epc:id:sgtin:6901234.056789.1"},
        {"epcList": [5]},
        {"quantityList": [{"quantity": 1}]},
        {"quantityList": [{"epcClass": "a", "quantity": "many"}]},
        {"quantityList": [{"epcClass": "a", "quantity": "NaN"}]},
        {"quantityList": [{"epcClass": "a", "quantity": True}]},
        {"quantityList": {"epcClass": "a"}},
        {"readPoint": "urn:epc:id:sgln:6901234.00000.0"},
        {"bizTransactionList": [{"type": "po"}]},
        {"sourceList": ["a"]},
        {"errorDeclaration": {}},
        {"errorDeclaration": {"declarationTime": "yesterday"}},
        {"ilmd": ["a"]},
        {"sensorElementList": 1},
        {"type": "AssociationEvent", "parentID": None},
    ],
    ids=str,
)
def test_what_is_no_event_is_refused_with_a_sentence(change: dict[str, Any]) -> None:
    parse_document(WHOLE)
    with pytest.raises(Invalid, match="EPCIS"):
        parse_document(WHOLE | change)


@given(
    st.dictionaries(
        st.sampled_from([*WHOLE, "quantityList", "readPoint", "ilmd", "sourceList", "errorDeclaration"]), JSON
    )
)
def test_any_json_object_is_an_event_or_refused(change: dict[str, Any]) -> None:
    try:
        event = parse_document(WHOLE | change)
    except Invalid:
        return
    assert parse_document(as_document(event)) == event


def test_times_are_counted_in_whole_milliseconds_before_1970_too() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC)
    assert utc_milliseconds(moment) == -1


def gs1_events(shared: Path) -> list[tuple[str, dict[str, Any]]]:
    """(name, event) of every event in GS1's official JSON examples."""
    found = []
    folder = shared / "epcis" / "examples" / "json"
    for path in sorted(folder.rglob("*.jsonld")):
        body = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)["epcisBody"]
        events = body.get("eventList") or body["queryResults"]["resultsBody"]["eventList"]
        found += [(f"{path.stem} {number}", event) for number, event in enumerate(events)]
    return found


def test_gs1s_own_examples_come_back_as_they_are(shared: Path, subtests: pytest.Subtests) -> None:
    events = gs1_events(shared)
    assert len(events) >= 56
    for name, event in events:
        with subtests.test(name):
            # A capture interface gives an event without eventID one (EPCIS 2.0 section 7.4.1); recordTime is ours.
            whole = {"eventID": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"} | event
            back = as_document(parse_document(whole))
            assert comparable(back) == comparable(whole)


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """An event's document with its times as instants, without what is set on capture and without empty fields."""
    document = {key: value for key, value in document.items() if key != "recordTime" and value not in ([], {})}
    document["eventTime"] = parse_time(document["eventTime"], None)
    if "errorDeclaration" in document:
        declared = document["errorDeclaration"]
        document["errorDeclaration"] = declared | {"declarationTime": parse_time(declared["declarationTime"], None)}
    return document
