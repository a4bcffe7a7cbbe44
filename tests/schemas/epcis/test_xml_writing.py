"""Event documents written as EPCIS XML 2.0 and 1.2, and read again."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.epcis.xml_reading import read_xml
from schemas.epcis.xml_writing import write_xml_document, write_xml_event, write_xml_query_document
from tests.schemas.epcis.test_xml_reading import MASTER_DATA
from tests.schemas.epcis.xml_samples import CREATED, EVENTS, JSON_ONLY, WHOLE, expanded, official

MINIMAL = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-25T08:00:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2018"],
    "action": "OBSERVE",
}
VERSIONS = ("2.0", "1.2")


def written(*events: dict[str, Any], **kind: Any) -> Any:
    return etree.fromstring(write_xml_document(events, created=CREATED, **kind))


def again(event: dict[str, Any], **kind: Any) -> dict[str, Any]:
    [read] = read_xml(write_xml_document([event], created=CREATED, **kind)).events
    return read


def tags(element: Any) -> list[str]:
    return [child.tag for child in element]


# ---- order and place -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["type"])
def test_every_type_of_event_comes_back_as_it_was(event: dict[str, Any], version: str) -> None:
    assert again(event, version=version) == event


def test_the_elements_of_2_0_stand_in_the_order_of_the_schema() -> None:
    [element] = written(WHOLE).iter("ObjectEvent")
    assert tags(element) == [
        "eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "errorDeclaration", "certificationInfo",
        "epcList", "action", "bizStep", "disposition", "readPoint", "bizLocation", "bizTransactionList",
        "quantityList", "sourceList", "destinationList", "sensorElementList", "persistentDisposition", "ilmd",
        "{https://example.org/f/}vendor",
    ]  # fmt: skip


def test_what_1_2_does_not_know_stands_where_its_schema_leaves_room() -> None:
    root = written(WHOLE, *EVENTS, version="1.2")
    assert root.tag == "{urn:epcglobal:epcis:xsd:1}EPCISDocument"
    assert root.get("schemaVersion") == "1.2"
    event = root.find("EPCISBody/EventList/ObjectEvent")
    assert tags(event) == [
        "eventTime", "recordTime", "eventTimeZoneOffset", "baseExtension", "epcList", "action", "bizStep",
        "disposition", "readPoint", "bizLocation", "bizTransactionList", "extension", "{https://example.org/f/}vendor",
    ]  # fmt: skip
    assert tags(event.find("baseExtension")) == ["eventID", "errorDeclaration", "extension"]
    assert tags(event.find("baseExtension/extension")) == ["certificationInfo"]
    assert tags(event.find("extension")) == ["quantityList", "sourceList", "destinationList", "ilmd", "extension"]
    assert tags(event.find("extension/extension")) == ["sensorElementList", "persistentDisposition"]
    places = [path.find("EPCISBody/EventList/extension/TransformationEvent") for path in (root,)]
    assert places[0] is not None
    assert root.find("EPCISBody/EventList/extension/extension/AssociationEvent") is not None


def test_1_2_gets_the_empty_lists_it_demands_and_they_say_nothing() -> None:
    event = {key: value for key, value in MINIMAL.items() if key != "epcList"}
    assert written(event, version="1.2").find("EPCISBody/EventList/ObjectEvent/epcList") is not None
    assert written(event).find("EPCISBody/EventList/ObjectEvent/epcList") is None
    assert again(event, version="1.2") == event


def test_words_are_written_as_urns_or_as_web_uris() -> None:
    [urns], [webs] = ([*written(WHOLE, cbv=form).iter("ObjectEvent")] for form in ("urn", "web"))
    assert urns.findtext("bizStep") == "urn:epcglobal:cbv:bizstep:commissioning"
    assert webs.findtext("bizStep") == "https://ref.gs1.org/cbv/BizStep-commissioning"
    assert urns.find("bizTransactionList/bizTransaction").get("type") == "urn:epcglobal:cbv:btt:po"
    assert webs.find("sourceList/source").get("type") == "https://ref.gs1.org/cbv/SDT-owning_party"
    assert next(urns.iter("sensorReport")).get("type") == "https://gs1.org/voc/Temperature"
    private = {**MINIMAL, "bizStep": "https://example.org/drying"}
    assert written(private).findtext(".//bizStep") == "https://example.org/drying"


# ---- what the schema has in another way ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_several_certificates_are_all_written(version: str) -> None:
    event = {**MINIMAL, "certificationInfo": ["https://a.example/1", "https://a.example/2", "https://a.example/3"]}
    assert again(event, version=version) == event
    assert again({**MINIMAL, "certificationInfo": []}) == MINIMAL
    assert again({**MINIMAL, "certificationInfo": ["urn:a:1"]}) == {**MINIMAL, "certificationInfo": "urn:a:1"}


def test_a_unit_without_a_quantity_is_written_with_a_nil_one() -> None:
    event = {**MINIMAL, "quantityList": [{"epcClass": "urn:c:1", "uom": "KGM"}]}
    assert written(event).find(".//quantity").attrib == {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}
    assert again(event) == event


def test_a_quantity_has_no_exponent() -> None:
    event = {**MINIMAL, "quantityList": [{"epcClass": "urn:c:1", "quantity": Decimal("1.5E+3")}]}
    assert written(event).findtext(".//quantity") == "1500"
    assert again(event) == event


def test_empty_lists_that_the_schema_does_not_have_are_left_out() -> None:
    empty = {key: [] for key in ("bizTransactionList", "sourceList", "destinationList", "sensorElementList")}
    assert again({**MINIMAL, **empty}) == MINIMAL
    kept = {**MINIMAL, "epcList": [], "quantityList": []}
    assert again(kept) == kept


def test_fields_without_a_namespace_stand_in_the_wrapper_the_schema_has_for_them() -> None:
    place = {"id": "urn:a:1", "floor": "2", "extension": "own", "ex:gate": "3"}
    event = {**MINIMAL, "readPoint": place, "@context": {"ex": "https://example.org/f/"}}
    assert tags(written(event).find(".//readPoint/extension")) == ["floor"]
    assert again(event) == event


# ---- extension fields ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", JSON_ONLY, ids=repr)
def test_what_only_json_can_say_comes_back_from_xml(value: Any) -> None:
    event = {**MINIMAL, "ex:f": value, "ilmd": {"ex:g": {"ex:h": value}}, "@context": {"ex": "https://example.org/f/"}}
    sensed = {
        "sensorMetadata": {"ex:m": value},
        "sensorReport": [{"type": "Temperature", "ex:r": value}],
        "ex:s": value,
    }
    event |= {"sensorElementList": [sensed]}
    for version in VERSIONS:
        assert again(event, version=version) == event
        [back] = read_xml(write_xml_event(event, version=version)).events  # type: ignore[arg-type]
        assert back == event


def test_types_of_numbers_survive() -> None:
    event = {**MINIMAL, "ex:f": [1, Decimal("1.0"), True, "1"], "@context": {"ex": "https://example.org/f/"}}
    assert [type(item) for item in again(event)["ex:f"]] == [int, Decimal, bool, str]


@pytest.mark.parametrize(
    "context",
    [
        {"xsd": "urn:a", "xsi": "urn:b", "epcis": "urn:c", "json": "urn:d"},
        {"ns0": "urn:a", "ns1": "urn:b", "p": "urn:c"},
        {"a.b-c": "urn:a", "阳光": "urn:b#x y", "_": "relative"},
        {"1a": "urn:a", "xmlns": "urn:b", "xml1": "urn:c", "x y": "urn:d"},
        {"p": "", "q": "urn:{b}", "r": "http://www.w3.org/2000/xmlns/", "s": "urn:\x00"},
        {"j": "https://ns.sunshine-trace.example/epcis/json/", "i": "http://www.w3.org/2001/XMLSchema-instance"},
    ],
    ids=repr,
)
def test_any_prefix_and_namespace_survives(context: dict[str, str]) -> None:
    fields = {f"{prefix}:f": {f"{prefix}:g": 1, f"@{prefix}:h": "i"} for prefix in context}
    event = {**MINIMAL, **fields, "@context": context}
    assert expanded(again(event)) == expanded(event)


def test_prefixes_of_gs1_need_no_context() -> None:
    event = {**MINIMAL, "gs1:a": {"xsd:b": 5}, "ilmd": {"cbvmda:lotNumber": "L"}, "epcis:c": {"@dcterms:d": "e"}}
    assert again(event) == event
    lot = written(event).find(".//ilmd/{urn:epcglobal:cbv:mda}lotNumber")
    assert (lot.prefix, lot.text) == ("cbvmda", "L")


def test_events_of_one_document_keep_their_own_prefixes() -> None:
    events = [
        {**MINIMAL, "p:f": "1", "@context": {"p": "urn:a"}},
        {**MINIMAL, "p:f": "2", "@context": {"p": "urn:b"}},
        {**MINIMAL, "q:f": "3", "@context": {"q": "urn:a"}},
        MINIMAL,
    ]
    assert read_xml(write_xml_document(events, created=CREATED)).events == events


# ---- documents -----------------------------------------------------------------------------------------------------


def test_a_document_says_when_it_was_made_and_what_it_is() -> None:
    root = written(header={"schemaVersion": "1.2", "creationDate": "1999-01-01T00:00:00Z"})
    assert root.tag == "{urn:epcglobal:epcis:xsd:2}EPCISDocument"
    assert dict(root.attrib)["schemaVersion"] == "2.0"
    assert root.get("creationDate").startswith("2026-11-26T08:00:00")
    assert tags(root) == ["EPCISBody"]


@pytest.mark.parametrize("version", VERSIONS)
def test_master_data_comes_back(version: str) -> None:
    context = {"ex": "https://example.org/f/"}
    odd = [
        {"type": "urn:t:1", "id": "urn:i:1", "attributes": [{"id": "urn:a:1", "attribute": value}], "children": []}
        for value in (*JSON_ONLY, 12, Decimal("0.5"), False, None, {"@id": "x", "#text": "y"}, {"@b": "c", "d": "e"})
    ]
    data = [*MASTER_DATA, *odd, {**odd[0], "ex:more": "yes", "@ex:own": "o"}]
    sent = write_xml_document([], created=CREATED, header={"@context": context}, master_data=data, version=version)
    read = read_xml(sent)
    assert read.master_data == data
    assert read.header["@context"] == context


def test_sender_and_receiver_of_json_become_a_business_header() -> None:
    header = {"sender": "urn:a:1", "receiver": "urn:a:2", "instanceIdentifier": "9"}
    read = read_xml(write_xml_document([], created=CREATED, header=header)).header
    assert {key: read[key] for key in header} == header
    again = read_xml(write_xml_document([], created=CREATED, header=read)).header
    assert again["sbdh"] == read["sbdh"]
    only = read_xml(write_xml_document([], created=CREATED, header={"sender": "urn:a:1"})).header
    assert (only["sender"], only.get("receiver")) == ("urn:a:1", None)


def test_extensions_of_a_document_come_back() -> None:
    header = {"ex:f": {"ex:g": [1, "2"]}, "id": "urn:d:1", "@ex:h": "i", "@context": {"ex": "https://example.org/f/"}}
    read = read_xml(write_xml_document([MINIMAL], created=CREATED, header=header)).header
    assert {key: read[key] for key in header} == header


@pytest.mark.parametrize("version", VERSIONS)
def test_a_query_document_names_its_query_and_subscription(version: str) -> None:
    sent = write_xml_query_document(
        [MINIMAL], created=CREATED, query_name="Q", subscription_id="S", master_data=MASTER_DATA, version=version,
        header={"@context": {"ex": "https://example.org/f/"}},
    )  # fmt: skip
    read = read_xml(sent)
    assert (read.header["queryName"], read.header["subscriptionID"]) == ("Q", "S")
    assert (read.events, read.master_data) == ([MINIMAL], MASTER_DATA)
    assert read_xml(write_xml_query_document([], created=CREATED)).header["queryName"] == "SimpleEventQuery"


# ---- GS1's schema --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cbv", ["urn", "web"])
def test_everything_written_here_is_valid_by_the_official_schema(shared: Path, cbv: str) -> None:
    context = {"ex": "https://example.org/f/"}
    odd = [{**MINIMAL, "ex:f": value, "ilmd": {"ex:g": value}, "@context": context} for value in JSON_ONLY]
    sensed = [
        {"sensorMetadata": {"ex:m": value}, "sensorReport": [{"type": "Temperature", "ex:r": value}], "ex:s": value}
        for value in JSON_ONLY
    ]
    events = [
        *(WHOLE, *EVENTS, *odd, {**MINIMAL, "sensorElementList": sensed, "@context": context}),
        {
            **MINIMAL,
            "certificationInfo": ["urn:a:1", "urn:a:2"],
            "quantityList": [{"epcClass": "urn:c:1", "uom": "EA"}],
        },
        {**MINIMAL, "readPoint": {"id": "urn:a:1", "floor": "2", "extension": "own"}, "sourceList": []},
        {**MINIMAL, "1a:f": 5, "@context": {"1a": "urn:a"}},
    ]
    attributes = [{"id": "urn:a:1", "attribute": value} for value in (*JSON_ONLY, 12, True, None, {"@id": "x"})]
    data = [*MASTER_DATA, {"type": "urn:t:1", "id": "urn:i:1", "attributes": attributes, "children": []}]
    header = {"sender": "urn:a:1", "ex:f": 5, "id": "urn:d:1", "@context": context}
    kind: dict[str, Any] = {"created": CREATED, "header": header, "master_data": data, "cbv": cbv}
    for name, write in (("epcis", write_xml_document), ("epcis-query", write_xml_query_document)):
        schema = official(shared, name)
        assert schema.validate(etree.fromstring(write(events, **kind))), schema.error_log
