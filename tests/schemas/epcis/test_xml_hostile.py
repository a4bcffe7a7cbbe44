"""XML that means no good is refused with a sentence, and never costs memory or a look at a file or the network."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.epcis.validation import find_faults
from schemas.epcis.xml_reading import MOST_NODES, read_xml
from tests.conftest import ROOT
from tests.schemas.epcis.xml_samples import WHOLE_2, document, object_event, read_inside
from trace.domain.failures import Invalid

NESTED = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 20}">' for n in range(8))
LAUGHS = f'<!DOCTYPE a [<!ENTITY e0 "{"ha" * 20}">{NESTED}]>'
BLOW_UP = f'<!DOCTYPE a [<!ENTITY big "{"x" * 50_000}">]>'
UTF_7 = b'<?xml version="1.0" encoding="UTF-7"?>+ADw-ObjectEvent/+AD4-'


def with_doctype(doctype: str, inside: str) -> bytes:
    return document(object_event(inside)).replace(b"?>\n", b"?>\n" + doctype.encode(), 1)


ENTITIES = {
    "billion laughs": with_doctype(LAUGHS, "<ex:a>&e8;</ex:a>"),
    "billion laughs in an attribute": with_doctype(LAUGHS, '<ex:a b="&e8;"/>'),
    "billion laughs nobody tells": with_doctype(LAUGHS, ""),
    "quadratic": with_doctype(BLOW_UP, f"<ex:a>{'&big;' * 50_000}</ex:a>"),
    "quadratic in an attribute": with_doctype(BLOW_UP, f"<ex:a b='{'&big;' * 50_000}'/>"),
    "one entity": with_doctype('<!DOCTYPE a [<!ENTITY x "y">]>', "<ex:a>&x;</ex:a>"),
    "a file": with_doctype('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "<ex:a>&x;</ex:a>"),
    "a parameter entity": with_doctype('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>', ""),
    "an outside DTD": with_doctype('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">', ""),
    "a public DTD": with_doctype('<!DOCTYPE a PUBLIC "-//x//y" "http://127.0.0.1:9/x.dtd">', "<ex:a>&x;</ex:a>"),
    "undefined under a DOCTYPE": with_doctype("<!DOCTYPE project>", "<ex:a>&x;</ex:a>"),
    "a ring": with_doctype('<!DOCTYPE a [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', "<ex:a>&a;</ex:a>"),
    "undefined": document(object_event("<ex:a>&x;</ex:a>")),
}
ELEMENTS = b"<ObjectEvent>" + b"<a/>" * (MOST_NODES + 1) + b"</ObjectEvent>"
ATTRIBUTES = b"<ObjectEvent " + b" ".join(b"a%d=''" % number for number in range(MOST_NODES + 1)) + b"/>"
# 600 MB of addresses, of which Python and lxml need a quarter.
UNDER_A_LIMIT = """
import resource, sys
from schemas.epcis.xml_reading import read_xml
from trace.domain.failures import Invalid
resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000))
try:
    read_xml(sys.stdin.buffer.read())
except Invalid as refusal:
    print(refusal)
"""


@pytest.mark.parametrize("sent", ENTITIES.values(), ids=ENTITIES.keys())
def test_entities_are_refused(sent: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_xml(sent)
    assert "Nothing was recorded." in str(refused.value)
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize(
    "sent", [*list(ENTITIES.values())[:5], ELEMENTS, ATTRIBUTES], ids=[*list(ENTITIES)[:5], "elements", "attributes"]
)
def test_a_bomb_is_refused_in_little_memory(sent: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT],
        input=sent, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
    )  # fmt: skip
    assert b"Nothing was recorded." in done.stdout


@pytest.mark.parametrize("sent", [ELEMENTS, ATTRIBUTES], ids=["elements", "attributes"])
def test_a_flood_of_elements_or_attributes_is_refused(sent: bytes) -> None:
    with pytest.raises(Invalid, match="more than 1,000,000 elements and attributes"):
        read_xml(sent)


def test_an_empty_doctype_is_harmless_and_gives_no_default_attributes() -> None:
    assert read_xml(with_doctype("<!DOCTYPE project>", "<ex:a/>")).events[0]["ex:a"] == ""
    defaults = '<!DOCTYPE a [<!ATTLIST ex:a b CDATA "c">]>'
    assert read_xml(with_doctype(defaults, "<ex:a/>")).events[0]["ex:a"] == ""


def test_xinclude_schema_locations_and_instructions_are_never_followed() -> None:
    inside = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    inside += '<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>'
    sent = document(object_event(inside)).replace(b"schemaVersion", b'xsi:schemaLocation="a b.xsd" schemaVersion', 1)
    read = read_xml(sent)
    assert read.events[0]["xi:include"] == {"@href": "file:///etc/passwd", "@parse": "text"}
    assert "@xsi:schemaLocation" not in read.header


@pytest.mark.parametrize("levels", [70, 300, 10_000])
def test_too_many_levels_are_refused(levels: int) -> None:
    with pytest.raises(Invalid, match="nests too deep at line 2; 64 levels are read"):
        read_inside("<ex:a>" * levels + "</ex:a>" * levels)


def test_levels_of_attributes_in_json_do_not_get_deeper() -> None:
    name = 'xmlns:json="https://ns.sunshine-trace.example/epcis/json/"'
    for levels in (100, 3_000, 100_000):
        text = "[" * levels + "]" * levels
        report = f"<sensorReport {name} json:values='{{\"ex:a\": {text}}}'/>"
        read = read_inside(f"<sensorElementList><sensorElement>{report}</sensorElement></sensorElementList>")
        assert read["sensorElementList"][0]["sensorReport"][0] == {"@json:values": f'{{"ex:a": {text}}}'}


def test_a_flood_of_namespaces_is_refused_where_it_would_be_looked_up_again_and_again() -> None:
    many = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(300))
    for inside in ('<ex:b xsi:type="xsd:int">1</ex:b>', '<b k:a="1" xmlns:k="urn:k"/>'):
        with pytest.raises(Invalid, match="more than 200 namespaces in scope at line 2"):
            read_inside(f"<ex:a {many}>{inside}</ex:a>")
    with pytest.raises(Invalid, match="more than 200 namespaces"):
        read_inside(f"<ex:a {many}/><bizStep {many}>ex:drying</bizStep>")


def test_a_thousand_namespaces_one_after_another_are_told_apart() -> None:
    read = read_inside("".join(f'<x:a xmlns:x="urn:{number}">{number}</x:a>' for number in range(1_000)))
    assert len(read.pop("@context")) == 1_000
    assert sorted(int(value) for value in read.values()) == list(range(1_000))


@pytest.mark.parametrize("sent", [b"<a>" + b"x" * 11_000_000 + b"</a>", b"<a b='" + b"x" * 11_000_000 + b"'/>"])
def test_one_endless_text_is_refused(sent: bytes) -> None:
    with pytest.raises(Invalid, match="cannot be read at line 1"):
        read_xml(sent)


@pytest.mark.parametrize(
    "sent",
    [
        UTF_7,
        b"<?xml version='1.0'" + b" " * 900 + b"encoding='UTF-7'?><a/>",
        '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-7").replace(b"UTF-16", b"UTF-7"),
        "<?xml version='1.0' encoding='IBM037'?><a/>".encode("cp037"),
        "<?xml version='1.0' encoding='UCS-4'?><a/>".encode("utf-32-be"),
        b"<?xml version='1.0' encoding='no such'?><a/>",
        b"<?xml version='1.0' encoding='rot13'?><a/>",
    ],
)
def test_encodings_that_hide_markup_are_refused(sent: bytes) -> None:
    with pytest.raises(Invalid, match=r"encoding|no XML|cannot be read"):
        read_xml(sent)


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (b"", "no XML"),
        (b"{}", "no XML"),
        (b"\x00\x01\x02", "no XML"),
        (b"<a>\n<b></a>", "line 2, column 8"),
        (b"<a/><b/>", "line 1"),
        (b"<a>\x00</a>", "line 1"),
        (b"<a>&#0;</a>", "line 1"),
        (b"<a>\xff</a>", "line 1"),
        (b"<x:a/>", "line 1"),
        (b'<a b="1" b="2"/>', "line 1"),
        (b"<a>" + b"&#x41;" * 3 + b"]]></a>", "line 1"),
    ],
)
def test_what_is_no_xml_is_refused_with_its_place(sent: bytes, place: str) -> None:
    with pytest.raises(Invalid, match=place):
        read_xml(sent)


@given(st.integers(0, len(document(WHOLE_2)) - 1), st.binary(max_size=3), st.integers(0, 60))
def test_a_damaged_document_is_read_or_refused_with_a_sentence(place: int, put: bytes, cut: int) -> None:
    sent = document(WHOLE_2)
    try:
        read = read_xml(sent[:place] + put + sent[place + cut :])
    except Invalid as refusal:
        assert "Nothing was recorded." in str(refusal)
    else:
        assert all(isinstance(find_faults(event), list) for event in read.events)


def test_a_sentence_does_not_repeat_an_endless_name() -> None:
    with pytest.raises(Invalid) as refused:
        read_xml(b"<" + b"a" * 40_000 + b"/>")
    assert len(str(refused.value)) < 500


def test_marks_of_ours_in_strangers_hands_do_no_harm() -> None:
    name = 'xmlns:json="https://ns.sunshine-trace.example/epcis/json/"'
    read = read_inside(
        f'<ex:a {name} json:as="array"><ex:b/>text</ex:a><ex:c {name} json:as="literal">no number</ex:c>'
        f'<json:entry {name}>stray</json:entry><ex:d {name} json:as="escaped">\\u12</ex:d>'
        f'<ex:e {name} json:as="nonsense">e</ex:e><json:item {name}>i</json:item>'
    )
    assert read["ex:a"] == [""]
    assert read["ex:c"] is None
    assert read[""] == []
    assert read["ex:d"] == "\\u12"
    assert read["ex:e"] == "e"
    assert read["json:item"] == "i"
    sent = document(object_event("")).replace(b"<ObjectEvent>", f'<ObjectEvent {name} json:context="[1]">'.encode())
    assert "@context" not in read_xml(sent).events[0]


def test_an_element_of_half_a_million_attributes_is_refused_before_they_are_read() -> None:
    attributes = " ".join(f"ex:a{number}='1'" for number in range(500_000))
    with pytest.raises(Invalid, match="attributes"):
        read_xml(document(object_event(f"<ex:a {attributes}/>")))
