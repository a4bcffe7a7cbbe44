"""The event hash of CBV 2.0 section 8.9: equal to all published vectors, and one for all forms of an event."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.epcis.document import EpcisDocument
from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml
from trace.domain import uris
from trace.domain.epcis.event_hash import digest, event_hash, hash_uri, prehash

# The file of this string is damaged, its hash is not: SHA-256 of the one is not the other.
DAMAGED = {"epcisDocWithAllGS1Keys"}
# The one document that declares this namespace without the colon of GS1's context; the vectors take it as it is.
DECLARED = {"SensorDataExamples": {"cbvmda": "urn:epcglobal:cbv:mda"}}
EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-24T14:12:09.250+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "OBSERVE",
    "bizStep": "shipping",
    "epcList": ["urn:epc:id:sscc:4012345.0000000333", "urn:epc:id:sscc:4012345.0000000111"],
}


def read(path: Path) -> EpcisDocument:
    """A document in whichever form its file is."""
    return (read_xml if path.suffix == ".xml" else read_json)(path.read_bytes())


def ignored(document: EpcisDocument) -> list[str]:
    """The fields that a vector's document names to be left out."""
    return next((value for key, value in document.header.items() if key.endswith(":ignoreFields")), [])


def vectors(shared: Path) -> list[Path]:
    """All documents that have hashes beside them."""
    found = sorted(path for path in (shared / "epcis/hash-vectors").iterdir() if path.suffix in (".jsonld", ".xml"))
    assert len(found) == 20
    return found


def test_every_published_vector_is_met(shared: Path) -> None:
    for path in vectors(shared):
        document = read(path)
        strings = [
            prehash(event, ignoring=ignored(document), namespaces=DECLARED.get(path.stem)) for event in document.events
        ]
        if path.stem not in DAMAGED:
            assert strings == path.with_suffix(".prehashes").read_text(encoding="utf-8").splitlines(), path
        hashes = [hash_uri(digest(string)) for string in strings]
        assert hashes == path.with_suffix(".hashes").read_text(encoding="utf-8").split(), path


def test_documents_in_both_forms_have_the_same_strings(shared: Path) -> None:
    """The published documents that say the same in both forms; the others differ in more than their form."""
    examples = shared / "epcis/examples"
    pairs = [
        (path, path.with_suffix(".xml"))
        for path in vectors(shared)
        if path.suffix == ".jsonld" and path.with_suffix(".xml").exists()
    ]
    assert len(pairs) == 6
    for json_form, xml_form in pairs:
        assert [prehash(e) for e in read(json_form).events] == [prehash(e) for e in read(xml_form).events], json_form
    associations = read(examples / "xml/AssociationEvent/AssociationEventExamples.xml").events
    for letter, event in zip("abcdefgh", associations, strict=True):
        (other,) = read(examples / f"json/AssociationEvent/AssociationEvent-{letter}.jsonld").events
        assert event_hash(event) == event_hash(other), letter


def test_events_that_gs1_calls_identical_have_one_hash(shared: Path) -> None:
    """All but the second, whose eventTimeZoneOffset is another one: the text has this field in the string."""
    folder = shared / "epcis/examples/xml/WithEventHashID"
    hashes = [event_hash(read(folder / f"event_with_identical_hash_id_{n}.xml").events[0]) for n in range(1, 7)]
    assert len(set(hashes)) == 2
    assert hashes.count(hashes[0]) == 5
    assert hashes[1] != hashes[0]


def with_field(name: str, value: Any, **others: Any) -> str:
    """The string of the event with one more field."""
    return prehash(EVENT | {name: value} | others)


def test_the_string_of_a_small_event() -> None:
    assert prehash(EVENT) == (
        "eventType=ObjectEventeventTime=2026-11-24T06:12:09.250ZeventTimeZoneOffset=+08:00"
        "epcListepc=https://id.gs1.org/00/040123450000001112epc=https://id.gs1.org/00/040123450000003338"
        "action=OBSERVEbizStep=https://ref.gs1.org/cbv/BizStep-shipping"
    )
    assert hash_uri(event_hash(EVENT)).startswith("ni:///sha-256;")
    assert hash_uri(bytes(32)) == f"ni:///sha-256;{'0' * 64}?ver=CBV2.0"


def test_what_says_nothing_of_the_event_itself_is_left_out() -> None:
    beside: dict[str, Any] = {
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "recordTime": "2026-11-24T06:12:10Z",
        "errorDeclaration": {"declarationTime": "2026-11-25T06:12:10Z", "reason": "did_not_occur"},
        "rdfs:comment": "a comment",
        "disposition": None,
        "quantityList": [],
        "ilmd": {"rdfs:comment": "another"},
    }
    assert prehash(EVENT | beside) == prehash(EVENT)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-24T06:12:09Z", "2026-11-24T06:12:09.000Z"),
        ("2026-11-24T06:12:09.1Z", "2026-11-24T06:12:09.100Z"),
        ("2026-11-24T14:12:09.25+08:00", "2026-11-24T06:12:09.250Z"),
        ("2026-11-24T00:42:09-05:30", "2026-11-24T06:12:09.000Z"),
        ("2026-11-24T06:12:09.0005Z", "2026-11-24T06:12:09.001Z"),
        ("2026-11-24T06:12:09.00049999999999Z", "2026-11-24T06:12:09.000Z"),
        ("2026-12-31T23:59:59.9995Z", "2027-01-01T00:00:00.000Z"),
        ("2026-12-31T23:59:59.99949Z", "2026-12-31T23:59:59.999Z"),
        (" 2026-11-24T06:12:09.000+00:00 ", "2026-11-24T06:12:09.000Z"),
        ("2026-11-24T06:12:09", "2026-11-24T06:12:09"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59-01:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_are_in_utc_with_milliseconds(time: str, expected: str) -> None:
    assert f"eventTime={expected}eventTimeZoneOffset" in with_field("eventTime", time)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (26, "26"),
        (Decimal("26.0"), "26"),
        ("26.0", "26"),
        (Decimal("0.3434000"), "0.3434"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.5E-7"), "0.00000015"),
        (Decimal("-0.0"), "0"),
        (0, "0"),
        (100, "100"),
        (Decimal("12345678901234567890.10"), "12345678901234567890.1"),
        (Decimal("1E+999999"), "1E+999999"),
    ],
)
def test_numbers_have_no_trailing_zeros_and_no_exponents(number: Any, expected: str) -> None:
    string = with_field("quantityList", [{"epcClass": "urn:x:1", "quantity": number, "uom": "KGM"}])
    assert f"quantityElementepcClass=urn:x:1quantity={expected}uom=KGM" in string


def test_words_are_web_uris_in_whichever_form_they_are() -> None:
    forms = (
        "packing",
        "cbv:BizStep-packing",
        "urn:epcglobal:cbv:bizstep:packing",
        "https://ref.gs1.org/cbv/BizStep-packing",
    )
    assert len({with_field("bizStep", form) for form in forms}) == 1
    assert "bizStep=https://ex.org/smokingreadPoint" in with_field(
        "bizStep", "https://ex.org/smoking", readPoint={"id": "urn:x:1"}
    )


def test_extension_fields_have_their_namespace_and_are_sorted() -> None:
    fields = {
        "b:z": [3, True, "x ", None],
        "a:y": {"a:q": "urn:epc:id:sscc:4012345.0000000111", "#text": "t", "@a:p": "1", "@n": "2"},
        "@context": {"a": "https://a.example/", "b": "https://b.example"},
    }
    assert prehash(EVENT | fields).removeprefix(prehash(EVENT)) == (
        "{https://a.example/}y=tn=2{https://a.example/}p=1{https://a.example/}q=https://id.gs1.org/00/040123450000001112"
        "{https://b.example}z{https://b.example}z=3{https://b.example}z=true{https://b.example}z=x"
    )


def test_names_of_prefixes_do_not_matter() -> None:
    one = EVENT | {"a:f": {"a:g": 1}, "@context": {"a": "https://a.example/"}}
    other = EVENT | {"zz:f": {"zz:g": 1}, "@context": {"zz": "https://a.example/"}}
    assert event_hash(one) == event_hash(other)


def test_lots_that_look_like_numbers_are_not_mixed_up() -> None:
    lots = ("0012", "12", "12.0", "1e1", "20261124000000000001", "20261124000000000002")
    assert len({with_field("ilmd", {"cbvmda:lotNumber": lot}) for lot in lots}) == len(lots)


def test_extensions_of_a_place_stand_behind_it() -> None:
    place = {"id": "urn:epc:id:sgln:4012345.00005.0", "gs1:note": "n"}
    assert "readPointid=https://id.gs1.org/414/4012345000054{https://gs1.org/voc/}note=n" in with_field(
        "readPoint", place
    )


def test_identifiers_of_our_own_are_taken_as_they_were_sent() -> None:
    ours = f"{uris.PRIVATE}/lot/obj/%41"
    assert f"parentID={ours}" in with_field("parentID", ours)
    assert "parentID=https://partner.example/a%27b" in with_field("parentID", "https://partner.example/a%27b")
    assert "parentID=urn:epc:id:sgtin:1.2.3" in with_field("parentID", "urn:epc:id:sgtin:1.2.3")


def test_an_event_that_is_no_event_has_a_hash_all_the_same() -> None:
    wrong = {
        name: [7, {"a": None}, "x"] for name in ("bizStep", "readPoint", "sensorElementList", "sourceList", "ilmd")
    }
    assert len(event_hash(wrong | {"@context": 7, "eventTime": {"a": 1}, "quantityList": 7, "epcList": "x"})) == 32
