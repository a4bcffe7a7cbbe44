"""What is read of EPCIS XML 2.0 and 1.2."""

from decimal import Decimal

import pytest

from schemas.epcis.validation import find_faults
from schemas.epcis.xml_reading import read_xml
from tests.schemas.epcis.xml_samples import TIMES, WHOLE, WHOLE_1, WHOLE_2, document, object_event, read_inside
from trace.domain.failures import Invalid

EX = {"ex": "https://example.org/f/"}


# ---- the standard's fields -----------------------------------------------------------------------------------------


def test_every_field_of_an_event_is_read() -> None:
    read = read_xml(document(WHOLE_2))
    assert read.events == [WHOLE]
    assert read.header == {"schemaVersion": "2.0", "creationDate": "2026-11-26T08:00:00Z"}


def test_an_event_of_version_1_2_is_the_same_document_as_that_of_2_0() -> None:
    assert read_xml(document(WHOLE_1, "1.2")).events == [WHOLE]


def test_the_five_types_of_events_and_a_transformation_in_the_wrapper_of_1_2() -> None:
    kinds = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
    bare = "".join(f"<{kind}>{TIMES}</{kind}>" for kind in kinds)
    wrapped = f"<extension><TransformationEvent>{TIMES}</TransformationEvent></extension>"
    assert [event["type"] for event in read_xml(document(bare + wrapped)).events] == [*kinds, "TransformationEvent"]


def test_lists_of_inputs_outputs_and_children() -> None:
    [event] = read_xml(
        document(
            f"<TransformationEvent>{TIMES}<inputEPCList><epc>urn:a:1</epc><epc>urn:a:2</epc></inputEPCList>"
            "<inputQuantityList><quantityElement><epcClass>urn:c:1</epcClass><quantity>3</quantity></quantityElement>"
            "</inputQuantityList><outputEPCList/><transformationID>urn:t:1</transformationID></TransformationEvent>"
        )
    ).events
    assert event["inputEPCList"] == ["urn:a:1", "urn:a:2"]
    assert event["inputQuantityList"] == [{"epcClass": "urn:c:1", "quantity": 3}]
    assert event["outputEPCList"] == []
    assert event["transformationID"] == "urn:t:1"


def test_an_empty_list_that_1_2_demands_says_nothing() -> None:
    assert "epcList" not in read_xml(document(object_event(""), "1.2")).events[0]
    assert read_xml(document(object_event(""), "2.0")).events[0]["epcList"] == []


def test_a_quantity_event_of_1_0_is_an_object_event_with_a_quantity() -> None:
    old = f"<QuantityEvent>{TIMES}<epcClass>urn:c:1</epcClass><quantity>7</quantity></QuantityEvent>"
    [event] = read_xml(document(old, "1.2")).events
    assert (event["type"], event["action"]) == ("ObjectEvent", "OBSERVE")
    assert event["quantityList"] == [{"epcClass": "urn:c:1", "quantity": 7}]
    assert "epcClass" not in event


@pytest.mark.parametrize(
    "form",
    [
        "urn:epcglobal:cbv:bizstep:receiving",
        "https://ref.gs1.org/cbv/BizStep-receiving",
        "cbv:BizStep-receiving",
        "\n receiving ",
    ],
)
def test_words_of_cbv_are_read_in_every_form(form: str) -> None:
    assert read_inside(f"<bizStep>{form}</bizStep>") == {"bizStep": "receiving"}


def test_a_private_word_is_read_in_full() -> None:
    assert read_inside("<bizStep>ex:drying</bizStep>") == {"bizStep": "https://example.org/f/drying"}
    assert read_inside("<bizStep>https://example.org/f/drying</bizStep>")["bizStep"] == "https://example.org/f/drying"
    assert read_inside("<bizStep>cbv:BizStep-drying</bizStep>")["bizStep"] == "https://ref.gs1.org/cbv/BizStep-drying"


def test_a_private_name_in_a_sensor_report_stays_a_curie_and_is_explained() -> None:
    report = '<sensorReport type="ex:Ripeness" component="other:x"/>'
    read = read_inside(f"<sensorElementList><sensorElement>{report}</sensorElement></sensorElementList>")
    assert read["sensorElementList"] == [{"sensorReport": [{"type": "ex:Ripeness", "component": "other:x"}]}]
    assert read["@context"] == EX


def test_a_quantity_that_is_not_known_is_absent_though_it_has_a_unit() -> None:
    item = '<quantityElement><epcClass>urn:c:1</epcClass><quantity xsi:nil="true"/><uom>KGM</uom></quantityElement>'
    assert read_inside(f"<quantityList>{item}</quantityList>")["quantityList"] == [
        {"epcClass": "urn:c:1", "uom": "KGM"}
    ]


def test_numbers_keep_their_digits_and_what_is_none_stays_text() -> None:
    def value(text: str) -> object:
        report = f'<sensorReport type="gs1:Temperature" value="{text}"/>'
        read = read_inside(f"<sensorElementList><sensorElement>{report}</sensorElement></sensorElementList>")
        return read["sensorElementList"][0]["sensorReport"][0]["value"]

    assert str(value("26.0")) == "26.0"
    assert isinstance(value("26"), int)
    assert value(" 1e-3 ") == Decimal("0.001")
    assert [value(text) for text in ("INF", "NaN", "1e99999", "9" * 41, "", "１")] == [
        "INF", "NaN", "1e99999", "9" * 41, "", "１",
    ]  # fmt: skip


def test_what_stands_at_the_wrong_place_is_read_for_the_validator_to_refuse() -> None:
    assert read_inside("<actoin>ADD</actoin><action>ADD</action><bizStep><ex:a>1</ex:a></bizStep>") == {
        "actoin": "ADD", "bizStep": {"ex:a": "1"}, "@context": EX,
    }  # fmt: skip
    [event] = read_xml(document(object_event("<action>ADD</action>"))).events
    assert event["action"] == ["OBSERVE", "ADD"]
    [event] = read_xml(document(object_event("<epcList><epc>urn:a:1</epc><wrong/></epcList>"))).events
    assert event["epcList"] == [[], ["urn:a:1", {"wrong": ""}]]
    [event] = read_xml(document("<ex:OwnEvent/>")).events
    assert event == {"type": "ex:OwnEvent", "@context": EX}


def test_text_and_attributes_where_none_belong_are_read_for_the_validator_to_refuse() -> None:
    assert read_inside("lost<bizStep>receiving</bizStep>") == {"bizStep": "receiving", "#text": "lost"}
    inside = '<bizTransactionList a="b">x<bizTransaction>urn:b:1</bizTransaction></bizTransactionList>'
    assert read_inside(inside)["bizTransactionList"] == [{"bizTransaction": "urn:b:1"}, {"@a": "b", "#text": "x"}]
    place = read_inside("<readPoint><id>urn:a:1</id>Gate 3</readPoint>")["readPoint"]
    assert place == {"id": "urn:a:1", "#text": "Gate 3"}
    for wrong in (
        "lost",
        inside,
        "<readPoint><id>urn:a:1</id>Gate 3</readPoint>",
        '<bizStep a="b">receiving</bizStep>',
    ):
        assert find_faults(read_xml(document(object_event(wrong))).events[0]) != []


def test_no_element_of_a_stranger_gives_an_event_another_type_or_context() -> None:
    entry = '<json:entry xmlns:json="https://ns.sunshine-trace.example/epcis/json/" name="@context"><a/></json:entry>'
    [event] = read_xml(document(object_event(f"<extension><type>X</type></extension>{entry}"))).events
    assert event["type"] == ["ObjectEvent", "X"]
    assert "@context" not in event
    assert find_faults(event) != []
    header = read_xml(document("").replace(b"</EPCISBody>", f"</EPCISBody>{entry}".encode())).header
    assert header == {"schemaVersion": "2.0", "creationDate": "2026-11-26T08:00:00Z"}


# ---- extensions ----------------------------------------------------------------------------------------------------


def test_elements_become_texts_objects_and_lists() -> None:
    inside = "<ex:a>x</ex:a><ex:b><ex:c>1</ex:c><ex:c>2</ex:c><d> e </d></ex:b><ex:f/><ex:g><ex:h/></ex:g>"
    assert read_inside(inside) == {
        "ex:a": "x", "ex:b": {"ex:c": ["1", "2"], "d": " e "}, "ex:f": "", "ex:g": {"ex:h": ""}, "@context": EX,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "10", 10),
        ("int", "-3", -3),
        ("nonNegativeInteger", " 3 ", 3),
        ("decimal", "2.50", Decimal("2.50")),
        ("double", "1.5E3", Decimal("1500")),
        ("float", "INF", "INF"),
        ("integer", "ten", "ten"),
        ("boolean", "true", True),
        ("boolean", "0", False),
        ("boolean", "maybe", "maybe"),
        ("string", "10", "10"),
        ("dateTime", "2026-11-26T00:00:00Z", "2026-11-26T00:00:00Z"),
        ("noSuchType", "1", "1"),
    ],
)
def test_a_type_makes_a_number_or_a_truth_value(kind: str, text: str, value: object) -> None:
    [read] = [read_inside(f'<ex:a xsi:type="xsd:{kind}">{text}</ex:a>')["ex:a"]]
    assert read == value
    assert type(read) is type(value)


def test_only_xml_schemas_own_types_count() -> None:
    assert read_inside('<ex:a xsi:type="ex:integer">1</ex:a><ex:b xsi:type="no:integer">1</ex:b>')["ex:a"] == "1"
    inside = '<ex:a xmlns:s="http://www.w3.org/2001/XMLSchema" xsi:type="s:integer">1</ex:a>'
    assert read_inside(inside)["ex:a"] == 1
    assert read_inside('<ex:a xmlns="http://www.w3.org/2001/XMLSchema" xsi:type="integer">1</ex:a>')["ex:a"] == 1


def test_attributes_come_with_the_text_or_the_children() -> None:
    inside = '<ex:a unit="KGM">3.5</ex:a><ex:b ex:c="d"/><ex:e f="g"><ex:h>i</ex:h></ex:e><ex:n xsi:nil="true"/>'
    assert read_inside(inside) == {
        "ex:a": {"@unit": "KGM", "#text": "3.5"},
        "ex:b": {"@ex:c": "d"},
        "ex:e": {"@f": "g", "ex:h": "i"},
        "ex:n": None,
        "@context": EX,
    }


def test_an_attribute_of_an_event_and_of_a_place_is_kept() -> None:
    [event] = read_xml(
        document(f'<ObjectEvent ex:a="b">{TIMES}<readPoint c="d"><id>urn:a:1</id></readPoint></ObjectEvent>')
    ).events
    assert event["@ex:a"] == "b"
    assert event["readPoint"] == {"@c": "d", "id": "urn:a:1"}


def test_mixed_content_keeps_its_order() -> None:
    read = read_inside("<ex:a>one <ex:b>two</ex:b> three</ex:a>")
    assert read["ex:a"] == {"#content": ["one ", {"ex:b": "two"}, " three"]}


def test_comments_instructions_and_cdata_are_seen_through() -> None:
    inside = "<!-- c --><ex:a>x<!-- c -->y<?go now?><![CDATA[<&]]></ex:a><ex:b>\n <!-- c --> <ex:c>1</ex:c>\n</ex:b>"
    assert read_inside(inside) == {"ex:a": "xy<&", "ex:b": {"ex:c": "1"}, "@context": EX}


def test_white_space_of_a_text_is_kept_and_chinese_spaces_are_text() -> None:
    assert read_inside("<ex:a>\n a </ex:a><ex:b>  </ex:b>")["ex:a"] == "\n a "
    assert read_inside("<ex:a><ex:b/>\u3000</ex:a>")["ex:a"] == {"#content": [{"ex:b": ""}, "\u3000"]}


# ---- namespaces ----------------------------------------------------------------------------------------------------


def test_only_the_prefixes_that_an_event_uses_are_in_its_context() -> None:
    two = object_event("<ex:a>1</ex:a>") + object_event('<b:a xmlns:b="urn:b">2</b:a>') + object_event("")
    assert [event.get("@context") for event in read_xml(document(two)).events] == [EX, {"b": "urn:b"}, None]


def test_one_prefix_may_name_two_namespaces() -> None:
    inside = '<ex:a>1</ex:a><ex:a xmlns:ex="urn:two">2</ex:a><ns1:b xmlns:ns1="urn:three">3</ns1:b>'
    assert read_inside(inside) == {
        "ex:a": "1", "ns1:a": "2", "ns2:b": "3",
        "@context": {**EX, "ns1": "urn:two", "ns2": "urn:three"},
    }  # fmt: skip


def test_a_namespace_without_a_prefix_gets_one() -> None:
    read = read_inside('<a xmlns="urn:default" b="c"><d/></a><e:f xmlns:e="urn:default">g</e:f>')
    assert read == {"ns1:a": {"@b": "c", "ns1:d": ""}, "ns1:f": "g", "@context": {"ns1": "urn:default"}}


def test_prefixes_of_gs1_and_names_of_uri_schemes_keep_their_meaning() -> None:
    inside = (
        '<g:a xmlns:g="https://gs1.org/voc/">1</g:a><gs1:b xmlns:gs1="urn:other">2</gs1:b>'
        '<https:c xmlns:https="urn:third">3</https:c><m:lotNumber xmlns:m="urn:epcglobal:cbv:mda">L</m:lotNumber>'
    )
    assert read_inside(inside) == {
        "gs1:a": "1", "ns1:b": "2", "ns2:c": "3", "cbvmda:lotNumber": "L",
        "@context": {"ns1": "urn:other", "ns2": "urn:third"},
    }  # fmt: skip


# ---- documents -----------------------------------------------------------------------------------------------------

BUSINESS_HEADER = """<sbdh:StandardBusinessDocumentHeader xmlns:sbdh="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader">
  <sbdh:HeaderVersion>1.0</sbdh:HeaderVersion>
  <sbdh:Sender><sbdh:Identifier Authority="GS1">urn:epc:id:pgln:0614141.00001</sbdh:Identifier></sbdh:Sender>
  <sbdh:Receiver><sbdh:Identifier>urn:epc:id:pgln:0614142.00001</sbdh:Identifier></sbdh:Receiver>
  <sbdh:DocumentIdentification>
    <sbdh:Standard>EPCglobal</sbdh:Standard><sbdh:TypeVersion>1.0</sbdh:TypeVersion>
    <sbdh:InstanceIdentifier>100002</sbdh:InstanceIdentifier><sbdh:Type>Events</sbdh:Type>
    <sbdh:CreationDateAndTime>2026-11-26T08:00:00Z</sbdh:CreationDateAndTime>
  </sbdh:DocumentIdentification>
</sbdh:StandardBusinessDocumentHeader>"""
VOCABULARY = """<VocabularyList><Vocabulary type="urn:epcglobal:epcis:vtype:BusinessLocation"><VocabularyElementList>
  <VocabularyElement id="urn:epc:id:sgln:0037000.00729.0">
    <attribute id="urn:epcglobal:cbv:mda#sst">201</attribute>
    <attribute id="urn:epcglobal:cbv:mda#sst">202</attribute>
    <attribute id="urn:example:address">
      <ex:Address><Street>长安街 1</Street><Zip xsi:type="xsd:integer">100000</Zip></ex:Address>
    </attribute>
    <children><id>urn:epc:id:sgln:0037000.00729.8201</id><id>urn:epc:id:sgln:0037000.00729.8202</id></children>
  </VocabularyElement>
</VocabularyElementList></Vocabulary></VocabularyList>"""
MASTER_DATA = [
    {
        "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
        "id": "urn:epc:id:sgln:0037000.00729.0",
        "attributes": [
            {"id": "urn:epcglobal:cbv:mda#sst", "attribute": "201"},
            {"id": "urn:epcglobal:cbv:mda#sst", "attribute": "202"},
            {"id": "urn:example:address", "attribute": {"ex:Address": {"Street": "长安街 1", "Zip": 100000}}},
        ],
        "children": ["urn:epc:id:sgln:0037000.00729.8201", "urn:epc:id:sgln:0037000.00729.8202"],
    }
]


@pytest.mark.parametrize("version", ["2.0", "1.2"])
def test_the_header_gives_sender_and_master_data(version: str) -> None:
    wrapped = f"<extension><EPCISMasterData>{VOCABULARY}</EPCISMasterData></extension>"
    read = read_xml(document("", version, f"<EPCISHeader>{BUSINESS_HEADER}{wrapped}</EPCISHeader>"))
    assert read.master_data == MASTER_DATA
    assert read.events == []
    assert read.header["@context"] == EX
    assert read.header["sender"] == "urn:epc:id:pgln:0614141.00001"
    assert read.header["receiver"] == "urn:epc:id:pgln:0614142.00001"
    assert read.header["instanceIdentifier"] == "100002"
    assert read.header["sbdh"]["Sender"] == {
        "Identifier": {"@Authority": "GS1", "#text": "urn:epc:id:pgln:0614141.00001"}
    }


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_query_document_gives_its_events_its_query_and_its_subscription(version: str) -> None:
    body = f"<resultsBody><EventList>{object_event('<ex:a>1</ex:a>')}</EventList></resultsBody>"
    read = read_xml(
        f'<q:EPCISQueryDocument xmlns:q="urn:epcglobal:epcis-query:xsd:{version}" xmlns:ex="urn:ex" '
        f'schemaVersion="1.2" creationDate="2026-11-26T08:00:00Z"><EPCISBody><q:QueryResults><queryName>Q</queryName>'
        f"<subscriptionID>S</subscriptionID>{body}</q:QueryResults></EPCISBody></q:EPCISQueryDocument>".encode()
    )
    assert (read.header["queryName"], read.header["subscriptionID"]) == ("Q", "S")
    assert read.events[0]["ex:a"] == "1"
    assert ("epcList" in read.events[0]) == (version == "2")


def test_master_data_may_be_a_document_or_a_query_result() -> None:
    names = 'xmlns:ex="https://example.org/f/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    names += 'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    alone = f'<m:EPCISMasterDataDocument xmlns:m="urn:epcglobal:epcis-masterdata:xsd:1" {names}><EPCISBody>{VOCABULARY}'
    alone += "</EPCISBody></m:EPCISMasterDataDocument>"
    assert read_xml(alone.encode()).master_data == MASTER_DATA
    result = f'<q:EPCISQueryDocument xmlns:q="urn:epcglobal:epcis-query:xsd:2" {names}><EPCISBody><q:QueryResults>'
    result += f"<queryName>Q</queryName><resultsBody>{VOCABULARY}</resultsBody></q:QueryResults></EPCISBody>"
    assert read_xml(f"{result}</q:EPCISQueryDocument>".encode()).master_data == MASTER_DATA


def test_identifiers_of_master_data_are_texts_whatever_came() -> None:
    place = VOCABULARY.replace("<id>", '<id xsi:nil="true"><ex:odd>').replace("</id>", "</ex:odd></id>")
    wrapped = f"<EPCISHeader><extension><EPCISMasterData>{place}</EPCISMasterData></extension></EPCISHeader>"
    assert read_xml(document("", "2.0", wrapped)).master_data == MASTER_DATA


def test_extensions_of_a_document_are_kept_in_the_header() -> None:
    sent = document("").replace(b"</EPCISBody>", b"</EPCISBody><extension><a>1</a></extension><ex:b ex:c='d'>2</ex:b>")
    header = read_xml(sent.replace(b"schemaVersion", b"ex:root='r' schemaVersion")).header
    assert header["a"] == "1"
    assert header["ex:b"] == {"@ex:c": "d", "#text": "2"}
    assert header["@ex:root"] == "r"
    assert header["@context"] == EX


@pytest.mark.parametrize("root", ["ObjectEvent", "epcis:ObjectEvent"])
def test_a_bare_event_is_read(root: str) -> None:
    sent = f'<{root} xmlns:epcis="urn:epcglobal:epcis:xsd:2">{TIMES}<epcList/></{root}>'
    assert read_xml(sent.encode()).events == [
        {
            "type": "ObjectEvent", "eventTime": "2026-11-25T08:00:00.5+08:00", "eventTimeZoneOffset": "+08:00",
            "epcList": [],
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [
        "<a/>",
        "<EPCISDocument/>",
        '<x:EPCISDocument xmlns:x="urn:epcglobal:epcis:xsd:3"/>',
        '<x:EPCISDocument xmlns:x="urn:epcglobal:epcis:xsd:2"/>',
        '<x:EPCISCaptureJob xmlns:x="urn:epcglobal:epcis:xsd:2"/>',
        '<q:EPCISQueryDocument xmlns:q="urn:epcglobal:epcis-query:xsd:2"><EPCISBody><q:Poll/></EPCISBody>'
        "</q:EPCISQueryDocument>",
    ],
)
def test_what_is_no_epcis_document_is_refused_with_a_sentence(sent: str) -> None:
    with pytest.raises(Invalid, match="EPCIS document"):
        read_xml(sent.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings_of_partners_are_read(encoding: str) -> None:
    text = document(object_event("<ex:a>阳光</ex:a>")).decode()
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    assert read_xml(text.replace("UTF-8", declared).encode(encoding)).events[0]["ex:a"] == "阳光"
