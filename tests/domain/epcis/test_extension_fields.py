"""Fields of one's own in a query: named by namespace, whatever the prefix, and compared in the event's own type."""

from decimal import Decimal
from typing import Any

import pytest

from tests.domain.epcis.questions import EX, SGTIN, SGTIN_LINK, Atlas, finds
from trace.domain.epcis.extension_fields import FieldName, number_of, parse_field, plain_values
from trace.domain.epcis.query_language import parse_query

NS = "https://ns.example.com/epcis"


def event(**fields: Any) -> dict[str, Any]:
    """An event whose prefix for the namespace is one that no query uses."""
    return {"@context": {"ns1": f"{NS}/"}} | {name.replace("__", ":"): value for name, value in fields.items()}


# ---- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [f"EQ_{NS}#size", f"EQ_{NS}/#size", f"EQ_{NS}/size", "EQ_ex:size"], ids=["hash", "both", "iri", "curie"]
)
def test_field_is_known_by_its_namespace_whatever_the_prefix(name: str) -> None:
    assert finds({name: ["5"]}, event(ns1__size="5"))
    assert not finds({name: ["5"]}, {"@context": {"ns1": "https://other.example/"}, "ns1:size": "5"})
    assert not finds({name: ["5"]}, event(ns1__sizes="5"))


def test_namespace_with_and_without_its_last_sign_is_one() -> None:
    for namespace in (NS, f"{NS}/", f"{NS}#"):
        assert finds({f"EQ_{NS}#size": ["5"]}, {"@context": {"x": namespace}, "x:size": "5"})


def test_prefix_is_explained_by_the_querys_own_context_before_the_header() -> None:
    body = {
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"p": f"{NS}/"}],
        "EQ_p:size": ["5"],
    }
    assert parse_query(body, namespaces={"p": "https://other.example/"}).matches(event(ns1__size="5"))
    assert not parse_query({"EQ_p:size": ["5"]}, namespaces={"p": "https://other.example/"}).matches(
        event(ns1__size="5")
    )


def test_prefix_that_nobody_explained_is_compared_as_text() -> None:
    assert parse_query({"EQ_ns1:size": ["5"]}).matches(event(ns1__size="5"))
    assert not parse_query({"EQ_ns2:size": ["5"]}).matches(event(ns1__size="5"))
    assert parse_query({"EQ_sunshine:reason": ["x"]}).matches({"sunshine:reason": "x"})


def test_gs1s_own_prefixes_need_no_explanation() -> None:
    milk = {"ilmd": {"cbvmda:lotNumber": "A1"}}
    assert finds({"EQ_ILMD_cbvmda:lotNumber": ["A1"]}, milk)
    assert finds({"EQ_ILMD_urn:epcglobal:cbv:mda:lotNumber": ["A1"]}, milk)
    assert finds({"EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber": ["A1"]}, milk)


def test_inner_field_may_be_in_no_namespace() -> None:
    nested = event(ns1__outer=[{"plain": "here", "ns1:size": {"plain": 3}}])
    assert finds({"EQ_INNER_#plain": ["here"]}, nested)
    assert finds({"GT_INNER_#plain": 2}, nested)
    assert not finds({"EQ_#plain": ["here"]}, nested), "at the top every field has a namespace"
    assert not finds({"EXISTS_INNER_#outer": True}, nested)


def test_inner_fields_are_those_inside_extensions_only() -> None:
    nested = event(readPoint={"id": "urn:x:1", "ns1:size": 1}, ns1__outer={"ns1:size": 2}, ns1__size=3)
    assert finds({"EQ_INNER_ex:size": [2]}, nested)
    assert not finds({"EQ_INNER_ex:size": [1, 3]}, nested)
    assert finds({"EQ_readPoint_ex:size": ["1"]}, nested)


def test_attributes_of_xml_are_no_fields() -> None:
    assert not finds({"EXISTS_ex:unit": True}, event(**{"@ns1:unit": "kg"}))


@pytest.mark.parametrize("text", ["size", "ex:", ":size", "ex:a b", "http://", "a:b:c", "ex:size#", "", "urn:x"])
def test_text_that_is_no_qualified_name_names_no_field(text: str) -> None:
    field = parse_field(text, {})
    assert field is None or text == "a:b:c"


def test_qualified_names_are_read_in_every_form() -> None:
    assert parse_field("ex:size", {"ex": EX}) == FieldName(NS, "ex", "size")
    assert parse_field("ex:size", {}) == FieldName(None, "ex", "size")
    assert parse_field("#size", {}) == FieldName("", "", "size")
    assert parse_field("urn:example:size", {}) == FieldName("urn:example", "", "size")


# ---- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "asked", "found"),
    [
        (20, "20", True), (20, "20.0", True), (20, Decimal("20.0"), True), (20, "21", False), (20, "twenty", False),
        (Decimal("0.50"), "0.5", True), ("20", 20, True), ("20.0", 20, True), ("20", "20.0", False), ("x", 20, False),
        (True, "true", True), (True, True, True), (False, "true", False), (True, "1", False), (1, "true", False),
        ("2026-04-03T20:00:00+08:00", "2026-04-03T12:00:00Z", True),
        ("2026-04-03T20:00:00+08:00", "2026-04-03T12:00:01Z", False),
        (SGTIN, SGTIN_LINK, True), (SGTIN_LINK, SGTIN, True), (SGTIN, f"{SGTIN}9", False),
        ("Red", "red", False), ({"#text": "7", "@unit": "kg"}, "7", True), ({"@value": 7}, "7", True),
        ({"id": SGTIN}, SGTIN_LINK, True), (["a", {"#text": "b"}], "b", True), (None, "None", False), ({}, "x", False),
    ],
)  # fmt: skip
def test_values_are_equal_in_the_events_own_type(value: Any, asked: Any, found: bool) -> None:
    assert finds({"EQ_ex:it": [asked]}, event(ns1__it=value)) is found


@pytest.mark.parametrize(
    ("value", "asked", "found"),
    [
        (20, 19, True), (20, "20", False), ("20", "19", True), ("100", "20", True), (True, 0, False), ("red", 0, False),
        ("2026-04-03T20:00:00+08:00", "2026-04-03T11:59:59Z", True),
        ("2026-04-03T20:00:00+08:00", "2026-04-03T12:00:00Z", False),
        ("2026-04-03T20:00:00+08:00", 5, False), (20, "2026-04-03T12:00:00Z", False),
    ],
)  # fmt: skip
def test_numbers_and_times_are_ordered(value: Any, asked: Any, found: bool) -> None:
    assert finds({"GT_ex:it": asked}, event(ns1__it=value)) is found


def test_number_in_a_text_is_a_plain_one() -> None:
    assert number_of("1e5") == 100_000
    for text in ("1e99999", "nan", "Infinity", "1_000", "٣", "", " 1", "0x10", "9" * 101):
        assert number_of(text) is None


def test_values_are_found_in_lists_and_objects() -> None:
    assert list(plain_values([1, [2, {"#text": "3"}], {"other": 4}, None])) == [1, 2, "3"]


# ---- standard fields that have several forms -----------------------------------------------------------------------


def test_private_word_may_be_a_curie_of_a_known_namespace() -> None:
    private = {"bizStep": f"{NS}/smoking", "bizTransactionList": [{"type": f"{NS}/note", "bizTransaction": "urn:x:1"}]}
    assert finds({"EQ_bizStep": ["ex:smoking"]}, private)
    assert finds({"EQ_bizTransaction_ex:note": ["urn:x:1"]}, private)
    assert not parse_query({"EQ_bizStep": ["ex:smoking"]}).matches(private, Atlas())


def test_type_may_be_written_as_curie() -> None:
    assert finds({"eventType": ["epcis:ObjectEvent"]}, {"type": "ObjectEvent"})


def test_device_is_found_in_a_sensors_metadata_and_in_its_reports() -> None:
    device = "urn:epc:id:giai:4000001.111"
    for part in ({"sensorMetadata": {"deviceID": device}}, {"sensorReport": [{"deviceID": device}]}):
        assert finds({"EQ_deviceID": ["https://id.gs1.org/8004/4000001111"]}, {"sensorElementList": [part]})


def test_pattern_without_extension_is_the_place_itself() -> None:
    place, corner = ({"epcList": [f"urn:epc:id:sgln:0614141.12345.{extension}"]} for extension in ("0", "7"))
    assert finds({"MATCH_epc": ["urn:epc:idpat:sgln:0614141.12345.0"]}, place)
    assert not finds({"MATCH_epc": ["urn:epc:idpat:sgln:0614141.12345.0"]}, corner)
    assert finds({"MATCH_epc": ["urn:epc:idpat:sgln:0614141.12345.7"]}, corner)
