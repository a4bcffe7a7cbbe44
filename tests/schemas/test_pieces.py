"""Large documents are cut into small ones: every event once, in order, with its namespaces, never the whole at once."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from schemas.epcis import pieces
from schemas.epcis.document import EpcisDocument
from schemas.epcis.json_form import read_json
from schemas.epcis.pieces import cut, looks_like_xml
from schemas.epcis.xml_reading import read_xml
from trace.domain.failures import Invalid, TooLarge

EVENT = """<{type}><eventTime>2026-01-02T03:04:05+08:00</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
<epcList><epc>urn:epc:id:sgtin:0614141.107346.{number}</epc></epcList><action>OBSERVE</action>
<ex:note>{number}</ex:note></{type}>"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<!-- a list -->
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" xmlns:ex="https://example.com/ns/"
  schemaVersion="2.0" creationDate="2026-01-02T03:04:05Z">
<EPCISHeader><extension><EPCISMasterData><VocabularyList><Vocabulary type="urn:epcglobal:epcis:vtype:Location">
<VocabularyElementList><VocabularyElement id="urn:epc:id:sgln:0614141.07346.0"/></VocabularyElementList>
</Vocabulary></VocabularyList></EPCISMasterData></extension></EPCISHeader>
<EPCISBody><EventList>{events}</EventList></EPCISBody></epcis:EPCISDocument>"""


def xml(count: int) -> bytes:
    """An XML document of so many events, with comments between them."""
    events = "<!-- next -->".join(EVENT.format(type="ObjectEvent", number=number) for number in range(count))
    return XML.format(events=events).encode()


def event(number: int) -> dict[str, Any]:
    """An event in JSON with an extension field."""
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-01-02T03:04:05+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "epcList": [f"urn:epc:id:sgtin:0614141.107346.{number}"],
        "ex:note": number,
    }


def document(count: int, *, query: bool = False) -> dict[str, Any]:
    """A JSON document of so many events: a captured document, or the answer to a query."""
    body: dict[str, Any] = {"eventList": [event(number) for number in range(count)]}
    if query:
        body = {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": body}}
    location = {"type": "urn:epcglobal:epcis:vtype:Location", "vocabularyElementList": [{"id": "urn:x:1"}]}
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"ex": "https://example.com/ns/"}],
        "type": "EPCISQueryDocument" if query else "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-02T03:04:05Z",
        "epcisHeader": {"epcisMasterData": {"vocabularyList": [location]}},
        "epcisBody": body,
    }


def read(data: bytes) -> EpcisDocument:
    """The document by its form."""
    return read_xml(data) if looks_like_xml(data) else read_json(data)


FORMS = {
    "xml": xml(7),
    "json": json.dumps(document(7)).encode(),
    "query": json.dumps(document(7, query=True)).encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("most", [1, 3, 6])
def test_every_event_comes_once_in_order_with_its_namespaces(tmp_path: Path, form: str, most: int) -> None:
    path = tmp_path / "document"
    path.write_bytes(FORMS[form])
    found = list(cut(path, most))
    documents = [read(piece.data) for piece in found]
    assert [piece.first for piece in found] == list(range(0, 7, most))
    assert [each for one in documents for each in one.events] == read(FORMS[form]).events
    assert all(each["@context"] == {"ex": "https://example.com/ns/"} for one in documents for each in one.events)
    assert [bool(one.master_data) for one in documents] == [True] + [False] * (len(found) - 1)
    assert documents[0].master_data == read(FORMS[form]).master_data


@pytest.mark.parametrize("form", FORMS)
def test_what_needs_no_cutting_is_passed_on_byte_for_byte(tmp_path: Path, form: str) -> None:
    path = tmp_path / "document"
    path.write_bytes(FORMS[form])
    (only,) = cut(path, 7)
    assert (only.data, only.first, only.whole) == (FORMS[form], 0, True)


@pytest.mark.parametrize(
    "data",
    [b"", b" ", b"{", b"[]", b"null", b'{"epcisBody": 3}', b'{"epcisBody": {"eventList": 3}}', b"[" * 100_000, b"<",
     b"<a>", b"<a/>", b"\x00", b"\xff\xfe<\x00",
     b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", json.dumps(event(1)).encode()],
)  # fmt: skip
def test_what_is_no_list_of_events_is_left_to_the_readers(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "document"
    path.write_bytes(data)
    assert [piece.data for piece in cut(path, 1)] == [data]


def test_xml_that_breaks_off_is_told_with_the_events_before(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_bytes(xml(5).partition(b"107346.4<")[0])
    found = cut(path, 2)
    assert next(found).first == 0
    with pytest.raises(Invalid, match="The file breaks off after 4 events"):
        next(found)


def test_a_large_file_that_cannot_be_cut_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LARGEST", 1024**2)
    path = tmp_path / "large.json"
    for data in (b"[" * 3 * 1024**2, b"<a>" * 1024**2):
        path.write_bytes(data)
        with pytest.raises(TooLarge, match="The file has 3 MB"):
            list(cut(path, 1))


@pytest.mark.parametrize("place", ["<EPCISHeader>", "<EventList>", "</EventList>"])
def test_xml_that_is_no_event_is_not_read_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr(pieces, "_MOST_AROUND", 1024**2)
    path = tmp_path / "junk.xml"
    junk = b"<!-- -->" + b"<y>z</y>" * 400_000
    path.write_bytes(xml(2_000).replace(place.encode(), (b"<x>%b</x>" % junk).join([place.encode(), b""])))
    with pytest.raises(TooLarge, match="The file has 3 MB and no list of events"):
        list(cut(path, 100))


@pytest.mark.parametrize("form", ["json", "xml"])
def test_pieces_are_no_larger_than_their_limit_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(pieces, "LARGEST", 900)
    path = tmp_path / "document"
    path.write_bytes(FORMS[form])
    found = list(cut(path, 1_000))
    assert len(found) > 1
    assert max(len(piece.data) for piece in found) < 900 + 1_000  # and the document around them
    assert [each for piece in found for each in read(piece.data).events] == read(FORMS[form]).events


@pytest.mark.parametrize("form", ["json", "xml"])
def test_memory_does_not_grow_with_the_document(tmp_path: Path, form: str) -> None:
    peaks = []
    for count in (2_000, 20_000):
        path = tmp_path / f"{count}"
        path.write_bytes(xml(count) if form == "xml" else json.dumps(document(count)).encode())
        tracemalloc.start()
        assert sum(1 for _ in cut(path, 500)) == count // 500
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Per event no more than the place where it begins, and never its text.
    assert peaks[1] - peaks[0] < 18_000 * 150


def test_the_standards_own_examples_are_cut_event_by_event(shared: Path) -> None:
    folder = shared / "epcis" / "examples"
    cut_up = 0
    for path in sorted([*folder.rglob("*.jsonld"), *folder.rglob("*.xml")]):
        if "CaptureJob" in path.name:
            continue
        found = [read(piece.data) for piece in cut(path, 1)]
        whole = read(path.read_bytes())
        assert [each for one in found for each in one.events] == whole.events, path
        assert [item for one in found for item in one.master_data] == whole.master_data, path
        cut_up += len(found) > 1
    assert cut_up > 10
