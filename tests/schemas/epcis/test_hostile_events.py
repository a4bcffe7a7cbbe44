"""Whatever is sent as an event is judged with a sentence, in bounded work, and nothing is raised."""

import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.epcis.faults import MOST_FAULTS
from schemas.epcis.validation import check_events, find_faults, json_schema
from tests.schemas.epcis.events import AGGREGATION, OBJECT, OURS, SENSOR, with_value

HUGE = pytest.param(10**5000, id="10**5000")
NESTED = {"@context": {"example": "https://ns.example.com/"}}


class Odd:
    """A thing that no reader makes."""


def deep(levels: int) -> Any:
    """Lists and objects in one another."""
    value: Any = "a"
    for level in range(levels):
        value = [value] if level % 2 else {"example:a": value}
    return value


def paths(document: Any) -> list[str]:
    """The places of the faults; every fault can be answered as JSON."""
    faults = find_faults(document)
    json.dumps([[fault.path, str(fault)] for fault in faults]).encode()
    assert all(str(fault).encode() and len(str(fault)) < 400 for fault in faults)
    assert len(faults) <= MOST_FAULTS
    return [fault.path for fault in faults]


@pytest.mark.parametrize("document", [None, 5, "x", [], (), b"{}", Odd(), HUGE])
def test_what_is_no_object_is_no_event(document: Any) -> None:
    assert paths(document) == [""]
    assert paths([deep(50_000)]) == [""]


@pytest.mark.parametrize("type_", [None, 5, "objectEvent", "QuantityEvent", ["ObjectEvent"], {}, "\ud800", HUGE])
def test_an_event_has_one_of_five_types(type_: Any) -> None:
    assert paths(OBJECT | {"type": type_}) == ["/type"]
    assert paths({}) == ["/type"]


@pytest.mark.parametrize(
    "value",
    [None, True, "1", [], {}, HUGE, pytest.param(-(10**5000), id="-(10**5000)"), float("nan"), float("inf"), Odd()]
    + [Decimal(text) for text in ("NaN", "sNaN", "Infinity", "1E+999999", "1E-999999", "0E-999999", "0." + "1" * 500)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("document", "steps"),
    [
        (OBJECT, ("quantityList", 0, "quantity")),
        (SENSOR, ("sensorElementList", 0, "sensorReport", 0, "value")),
        (SENSOR, ("sensorElementList", 0, "sensorReport", 0, "percRank")),
    ],
    ids=["quantity", "value", "percRank"],
)
def test_a_number_is_one_that_can_be_written_out(document: Any, steps: Any, value: Any) -> None:
    assert set(paths(with_value(document, steps, value))) == {"".join(f"/{step}" for step in steps)}


@pytest.mark.parametrize(
    "value", [HUGE, Decimal("NaN"), Decimal("1E+99"), Decimal("0E-999999"), Odd(), b"a", {1}, "a\0", "\ud800"]
)
def test_an_extension_field_holds_what_json_and_xml_can_carry(value: Any) -> None:
    assert paths(AGGREGATION | NESTED | {"example:a": value}) == ["/example:a"]
    assert paths(AGGREGATION | NESTED | {"example:a": [{"example:b": value}]}) == ["/example:a/0/example:b"]


def test_the_text_of_an_element_holds_no_elements() -> None:
    for inner in ({"a": 1}, [1]):
        assert paths(AGGREGATION | NESTED | {"example:a": {"#text": inner}}) == ["/example:a/#text"]
    assert paths(AGGREGATION | NESTED | {"example:a": {"#text": 1, "@unit": "kg"}}) == []


def test_an_extension_field_is_of_bounded_depth_and_length() -> None:
    assert paths(AGGREGATION | NESTED | {"example:a": deep(32)}) == []
    assert len(paths(AGGREGATION | NESTED | {"example:a": deep(33)})) == 1
    assert len(paths(AGGREGATION | NESTED | {"example:a": deep(50_000)})) == 1
    assert paths(AGGREGATION | NESTED | {"example:a": "a" * 70_000}) == ["/example:a"]


@pytest.mark.parametrize("key", [key for key in OBJECT if key not in ("type", "@context") and ":" not in key])
def test_depth_and_length_where_the_standard_wants_something_else_are_refused(key: str) -> None:
    for value in (deep(50_000), "a" * 1_000_000, ["a" * 1_000_000], [deep(50_000)], "\ud800", "a\0b", Odd(), [None]):
        found = paths(OBJECT | {key: value})
        assert found
        assert all(path.startswith(f"/{key}") for path in found)


@pytest.mark.parametrize(
    "key",
    [
        "__proto__",
        "constructor",
        "",
        " ",
        "_schema",
        "eventTime.x",
        "\ud800",
        "a\0:b",
        ":",
        "a:",
        ":a",
        "@type",
        "$ref",
        5,
        None,
    ],
)
def test_keys_of_nobody_are_refused(key: Any) -> None:
    assert paths(AGGREGATION | {key: {"a": 1}}) != []
    assert paths(with_value(OBJECT, ("readPoint", key), 1)) != []


@pytest.mark.parametrize(
    "context",
    [
        [], None, "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", 5, deep(50_000),
        {f"p{number}": "https://ns.example.com/" for number in range(10_000)}, {"a b": "https://ns.example.com/"},
        {"a": "no uri"}, {"a": None}, {"a": {"@id": "https://ns.example.com/"}}, {"\ud800": "https://ns.example.com/"},
        {"": "https://ns.example.com/"}, {5: "https://ns.example.com/"}, {"a:b": "https://ns.example.com/"},
        {"a": "https://" + "a" * 10_000},
    ],
)  # fmt: skip
def test_a_context_is_a_short_map_of_namespaces(context: Any) -> None:
    found = paths(AGGREGATION | {"@context": context})
    assert found
    assert all(path.startswith("/@context") for path in found)


@pytest.mark.parametrize(
    "uri",
    [
        "https://a" + "/01/1" * 400 + "//", "https://id.gs1.org" + "/01/1" * 400, "https://" + "a" * 2000 + '"',
        "https://" + "%aa" * 600 + "%", "urn:epc:id:sgtin:0614141.107346." + "%2" * 900, "a" * 2000,
        "a:" + "/" * 1900 + " ",
        "https://a" + "/01/1" * 200_000 + "//", "urn:epc:id:adi:" + "A.." * 600,
    ],
    ids=lambda uri: uri[:24],
)  # fmt: skip
def test_texts_that_make_patterns_slow_are_judged(uri: str) -> None:
    # A pattern that took exponential time would never come back, and the test with it.
    assert all(path.startswith("/childEPCs") for path in paths(AGGREGATION | {"childEPCs": [uri] * 100}))


def test_many_faults_are_told_as_the_first_ones() -> None:
    assert len(paths(OBJECT | {"epcList": [f"no uri {number}" for number in range(10_000)]})) == MOST_FAULTS
    assert len(paths(AGGREGATION | {f"example:{number}": 1 for number in range(10_000)})) == MOST_FAULTS
    assert len(paths(AGGREGATION | {f"bare{number}": 1 for number in range(10_000)})) == MOST_FAULTS
    element = {"epcClass": "https://id.gs1.org/01/06901234567892", "uom": "KGM"}
    assert len(paths(OBJECT | {"quantityList": [element] * 10_000})) == MOST_FAULTS


def test_faults_of_a_document_are_told_by_the_number_of_the_event() -> None:
    events = [*OURS.values(), OBJECT | {"action": "add"}, None]
    assert {number: [fault.path for fault in faults] for number, faults in check_events(events).items()} == {
        len(OURS): ["/action"],
        len(OURS) + 1: [""],
    }


def test_an_event_is_judged_the_same_again_and_is_not_changed() -> None:
    before = repr(OBJECT)
    assert [find_faults(OBJECT | {"bizStep": "recieving"}) for _ in range(2)] == [
        find_faults(OBJECT | {"bizStep": "recieving"})
    ] * 2
    assert repr(OBJECT) == before


def test_a_misspelt_word_is_answered_with_the_one_it_is_like() -> None:
    for wrong in ("recieving", "https://ref.gs1.org/cbv/BizStep-recieving", "urn:epcglobal:cbv:bizstep:recieving"):
        (fault,) = find_faults(OBJECT | {"bizStep": wrong})
        assert str(fault) == f"{wrong} is no word of CBV 2.0 (receiving is like it), nor a URI of another vocabulary."


def test_the_exported_schema_is_json_and_names_every_type_and_field() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert [one["$ref"].rpartition("/")[2] for one in schema["oneOf"]] == [
        "ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent",
    ]  # fmt: skip
    for document in OURS.values():
        known = schema["$defs"][document["type"]]["properties"]
        assert {key for key in document if ":" not in key} <= set(known)
