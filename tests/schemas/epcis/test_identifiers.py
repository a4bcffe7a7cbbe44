"""Identifiers of GS1 must be right to the digit; private ones are taken as they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.epcis.event_fields import URI
from schemas.epcis.identifiers import FORMATS, MOST_URI, USUAL, Level, find_identifier_fault
from schemas.epcis.validation import find_faults
from tests.schemas.epcis.events import AGGREGATION, OBJECT
from trace.domain.uris import canonical_uri

OBJECTS = [
    "urn:epc:id:sgtin:0614141.812345.6789%2F%26%25%22!%3F()",
    "urn:epc:id:sgtin:415056789012.0.987654",
    "urn:epc:id:sscc:4012345.0000000111",
    "urn:epc:id:sgln:4012345.00005.122",
    "urn:epc:id:sgln:401234500005..0",
    "urn:epc:id:grai:4012345.00022.334455",
    "urn:epc:id:giai:952005385.w2",
    "urn:epc:id:gsrn:4012345.0000006765",
    "urn:epc:id:gsrnp:4012345.0000000007",
    "urn:epc:id:gdti:987659999999..9",
    "urn:epc:id:cpi:0614141.11111111111111-A%23%2F.1234",
    "urn:epc:id:sgcn:4012345.99999.44",
    "urn:epc:id:ginc:0614141.xyz47%2F11",
    "urn:epc:id:gsin:4012345.222333444",
    "urn:epc:id:itip:4012345.011111.01.02.987",
    "urn:epc:id:upui:1234567.098765.51qIgY)%3C%26Jp3*j7'SDB",
    "urn:epc:id:pgln:999999999999.",
    "urn:epc:id:gid:95100000.12345.400",
    "urn:epc:id:usdod:2S194.12345678901",
    "urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52",
    "urn:epc:id:adi:W81X9C..%23A-12%2F3",
    "urn:epc:id:bic:CSQU3054383",
    "urn:epc:id:imovn:9176187",
    "urn:epc:raw:96.x0123456789ABCDEF01234567",
    "https://id.gs1.org/01/09506000134352/21/12345",
    "https://id.gs1.org/01/09506000134352/10/A/21/12345?17=261231",
    "https://id.gs1.de/00/040123451111111110",
    "https://id.example.com/8003/040123450007718765",
    "https://id.gs1.org/414/9506000134307/254/3",
    "https://id.gs1.org/8004/4000001111",
    "https://farm.example/eartag/obj/15",
    "urn:uuid:fd338495-0e6d-41dd-afee-a862ecd32518",
    "tag:farm.example,2026:7",
]
CLASSES = [
    "urn:epc:class:lgtin:4012345.012345.Lot987",
    "urn:epc:idpat:sgtin:4012345.044444.*",
    "urn:epc:idpat:grai:4012345.66666.*",
    "urn:epc:idpat:gdti:4012345.55555.*",
    "urn:epc:idpat:sgcn:4012345.99999.*",
    "urn:epc:idpat:cpi:4012345.ABC.*",
    "urn:epc:idpat:itip:4012345.012345.01.02.*",
    "urn:epc:idpat:upui:4012345.012345.*",
    "https://id.gs1.org/01/04012345666663",
    "https://id.gs1.org/01/04012345123456/10/998877",
    "https://shop.example/01/4012345666663",
    "https://id.gs1.org/8003/04012345000771",
    "https://farm.example/pork/class/1",
]
WRONG = [
    ("urn:epc:id:sgtin:0614141.1073467.1", "13 digits together, 14 came"),
    ("urn:epc:id:sgtin:06141.107346.1", "calls sgtin"),
    ("urn:epc:id:sgtin:0614141.107346.", "calls sgtin"),
    ("urn:epc:id:sgtin:0614141.107346." + "1" * 21, "calls sgtin"),
    ("urn:epc:id:sgtin:0614141.107346", "calls sgtin"),
    ("urn:epc:id:sgtin:0614141.107346.%FF", "calls sgtin"),
    ("urn:epc:id:sgtin:0614141.107346.%00", "calls sgtin"),
    ("urn:epc:id:sscc:4012345.000000011", "17 digits together, 16 came"),
    ("urn:epc:id:pgln:4012345.000", "12 digits together, 10 came"),
    ("urn:epc:id:gtin:4012345.000", "no scheme"),
    ("urn:epc:tag:sgtin-96:3.0614141.812345.6789", "no scheme"),
    ("urn:epc:class:sgtin:0614141.107346.1", "no scheme"),
    ("urn:epc:", "no scheme"),
    ("https://id.gs1.org/01/09506000134353/21/12345", "check digit"),
    ("https://farm.example/01/09506000134353/21/12345", "check digit"),
    ("https://id.gs1.org/414/9506000134308", "check digit"),
    ("https://id.gs1.org/01/0950600013435", "check digit"),
    ("https://id.gs1.org/01/09506000134352/21/%FF", "no text"),
    ("https://id.gs1.org/01/095060001343521", "no value of 01"),
    ("https://id.gs1.org/00/12", "no value of 00"),
    ("urn:uuid:fd338495-0e6d-41dd-afee-a862ecd3251", "no UUID"),
    ("urn:uuid:fd338495-0e6d-41dd-afee-a862ecd3251g", "no UUID"),
]


@pytest.mark.parametrize("uri", OBJECTS)
def test_an_identifier_of_one_thing_is_taken_where_things_stand(uri: str) -> None:
    assert find_identifier_fault(uri, Level.OBJECT) is None
    assert find_identifier_fault(uri, Level.ANY) is None
    assert canonical_uri(canonical_uri(uri)) == canonical_uri(uri)


@pytest.mark.parametrize("uri", CLASSES)
def test_an_identifier_of_a_class_or_lot_is_taken_where_classes_stand(uri: str) -> None:
    assert find_identifier_fault(uri, Level.CLASS) is None
    assert find_identifier_fault(uri, Level.ANY) is None


@pytest.mark.parametrize(("uri", "why"), WRONG)
@pytest.mark.parametrize("level", [Level.ANY, Level.OBJECT, Level.CLASS])
def test_a_wrong_identifier_is_refused_with_the_reason(uri: str, why: str, level: Level) -> None:
    fault = find_identifier_fault(uri, level)
    assert fault is not None
    assert why in str(fault)
    assert not FORMATS[level](uri)


@pytest.mark.parametrize("uri", [uri for uri in CLASSES if "farm.example" not in uri])
def test_a_class_of_gs1_stands_in_no_list_of_things(uri: str) -> None:
    (fault,) = find_faults(AGGREGATION | {"childEPCs": [uri]})
    assert (fault.path, fault.message.partition(":")[0]) == ("/childEPCs/0", "{uri} names a class or a lot")


@pytest.mark.parametrize("uri", ["urn:epc:id:sgtin:0614141.107346.2018", "https://id.gs1.org/01/09506000134352/21/1"])
def test_a_single_thing_stands_in_no_list_of_quantities(uri: str) -> None:
    (fault,) = find_faults(OBJECT | {"quantityList": [{"epcClass": uri}]})
    assert (fault.path, fault.message) == (
        "/quantityList/0/epcClass",
        "{uri} names a single thing; here stands a class or a lot.",
    )


def test_numbers_in_a_web_address_are_no_key_of_gs1() -> None:
    for uri in ("https://example.com/01/12", "https://example.com/events/8003/2026", "https://example.com/00/a/21/b"):
        assert find_identifier_fault(uri, Level.ANY) is None


def test_an_event_is_named_by_a_uuid_its_hash_or_any_other_uri() -> None:
    good = (
        "urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8",
        f"ni:///sha-256;{'0a' * 32}?ver=CBV2.0",
        "https://a.example/1",
    )
    bad = ("urn:uuid:1", "ni:///sha-256;0a?ver=CBV2.0", f"ni:///sha-256;{'0A' * 32}?ver=CBV2.0", "4711", "")
    assert [find_faults(AGGREGATION | {"eventID": uri}) for uri in good] == [[], [], []]
    assert [[fault.path for fault in find_faults(AGGREGATION | {"eventID": uri})] for uri in bad] == [["/eventID"]] * 5


@given(
    st.sampled_from([*USUAL]).flatmap(
        lambda level: st.tuples(st.just(level), st.from_regex(USUAL[level], fullmatch=True))
    )
)
def test_nothing_is_wrong_with_an_identifier_that_looks_as_usual(told: tuple[Level, str]) -> None:
    level, uri = told
    assert uri.isascii()
    assert find_identifier_fault(uri, level) is None
    assert len(uri) <= MOST_URI
    assert re.fullmatch(URI, uri)


@pytest.mark.parametrize(
    ("level", "uri"),
    [
        (Level.ANY, "urn:epc:id:sgln:6901234.00001.0"),
        (Level.ANY, "urn:epcglobal:cbv:bt:6901234000016:4711"),
        (Level.EVENT, "urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"),
        (Level.OBJECT, "urn:epc:id:sgtin:6901234.000001.15"),
        (Level.OBJECT, "urn:epc:id:sscc:6901234.0000000001"),
        (Level.CLASS, "urn:epc:class:lgtin:6901234.000001.L1"),
    ],
)
def test_what_a_partner_sends_by_the_thousand_looks_as_usual_and_a_digit_more_does_not(level: Level, uri: str) -> None:
    assert re.fullmatch(USUAL[level], uri)
    assert not re.fullmatch(USUAL[level], uri.replace(":6", ":66").replace(":404", ":4404"))
