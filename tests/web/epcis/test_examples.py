"""GS1's own examples: captured over HTTP, read back equal, answered by the official schema and XSD."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import jsonschema_rs
import pytest
from lxml import etree

from schemas.epcis.document import EpcisDocument
from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml
from tests.web.epcis.conftest import Partner
from trace.domain.epcis.event_hash import event_hash, hash_uri

NO_WORDS = (None, "https://gs1.org/voc/EffectiveDoseRate", "https://gs1.org/voc/Molar_concentration")
NOTHING_REFUSED = jsonschema_rs.validator_for({})
FORMS = {"json": "application/json", "xml": "application/xml"}


@pytest.fixture(scope="module")
def examples(shared: Path) -> list[Path]:
    """All example documents; capture-job answers are no documents."""
    folder = shared / "epcis" / "examples"
    found = [path for path in sorted(folder.glob("**/*")) if path.is_file() and path.parent.name != "CaptureJob"]
    assert len(found) > 70
    return found


@pytest.fixture(scope="module")
def official(shared: Path) -> Any:
    """GS1's JSON schema, compiled."""
    text = (shared / "epcis" / "spec" / "epcis-json-schema-2.0.1.json").read_text(encoding="utf-8")
    return jsonschema_rs.validator_for(json.loads(text))


@pytest.fixture(scope="module")
def xsd(shared: Path) -> Any:
    """GS1's XML schema of query documents."""
    return etree.XMLSchema(etree.parse(str(shared / "epcis" / "spec" / "EPCglobal-epcis-query-2_0.xsd")))


def read(data: bytes, form: str) -> EpcisDocument:
    """A document's events."""
    return read_xml(data) if form == "xml" else read_json(data)


def unlike_any_other(data: bytes, number: int) -> bytes:
    """The document with IDs of its own: some of GS1's examples share one, each for another event."""

    def of_its_own(found: re.Match[bytes]) -> bytes:
        digest = hashlib.sha256(found[0] + b"%d" % number).hexdigest()
        if found[0].startswith(b"sha"):
            return f"sha-256;{digest}".encode()
        return f"urn:uuid:{UUID(digest[:32])}".encode()

    return re.sub(rb"urn:uuid:[0-9a-fA-F-]{36}|sha-256;[0-9a-f]{64}", of_its_own, data)


def test_every_example_is_captured_and_read_back_equal_in_json_and_xml_valid_by_gs1s_own_schemas(
    shop: Partner, examples: list[Path], official: Any, xsd: Any
) -> None:
    faults, seen = [], {}
    for number, path in enumerate(examples):
        form = "xml" if path.suffix == ".xml" else "json"
        data = path.read_bytes()
        said = contents_of(data, form)
        if any(seen.get(key, content) != content for key, content in said.items()):
            data = unlike_any_other(data, number)
        seen |= said
        faults += [f"{path.name}: {fault}" for fault in faults_of(shop, data, form, official, xsd)]
    assert not faults, "\n".join(faults)


def contents_of(data: bytes, form: str) -> dict[Any, Any]:
    """{(eventID, whether it declares an error): what the event says}."""
    return {
        (id_of(sent), "errorDeclaration" in sent): (event_hash(sent), sent.get("errorDeclaration"))
        for sent in read(data, form).events
    }


def id_of(sent: dict[str, Any]) -> str:
    """The eventID that an event brings, or is given."""
    return str(sent.get("eventID") or hash_uri(event_hash(sent)))


def faults_of(shop: Partner, data: bytes, form: str, official: Any, xsd: Any) -> Iterator[str]:
    """What is wrong with capturing an example and reading its events back."""
    answer = shop.call("POST", "/capture", data=data, content_type=FORMS[form])
    if answer.status_code != 202:
        yield f"{answer.status_code} {answer.text[:300]}"
        return
    for sent in read(data, form).events:
        for back in FORMS:
            yield from faults_of_event(shop, sent, id_of(sent), back, official if back == "json" else xsd)


def faults_of_event(shop: Partner, sent: dict[str, Any], event_id: str, form: str, schema: Any) -> Iterator[str]:
    """What is wrong with an event as it is told in a form."""
    answer = shop.get(f"/events/{quote(event_id, safe='')}", headers={"Accept": FORMS[form]})
    if answer.status_code != 200:
        yield f"{event_id} as {form}: {answer.status_code} {answer.text[:300]}"
        return
    if form == "json" and is_xml_only(sent):
        schema = NOTHING_REFUSED
    valid = (
        schema.is_valid(json.loads(answer.data)) if form == "json" else schema.validate(etree.fromstring(answer.data))
    )
    if not valid:
        yield f"{event_id}: not valid {form}: {answer.text[:2000]}"
    told = [
        told for told in read(answer.data, form).events if ("errorDeclaration" in told) == ("errorDeclaration" in sent)
    ]
    if len(told) != 1 or event_hash(told[0]) != event_hash(sent):
        yield f"{event_id}: another event as {form}"
    elif form == "json" and "eventID" in sent and without_record_time(told[0]) != without_record_time(sent):
        yield f"{event_id}: {without_record_time(told[0])} is not {without_record_time(sent)}"


def is_xml_only(document: dict[str, Any]) -> bool:
    """Whether GS1's JSON schema refuses what the XML schema and GS1's XML examples have: sensor reports without a type,
    and two types that are no words of CBV."""
    reports = [r for element in document.get("sensorElementList", []) for r in element.get("sensorReport", [])]
    return any(report.get("type") in NO_WORDS for report in reports)


def without_record_time(document: dict[str, Any]) -> dict[str, Any]:
    """The event without when it was recorded, which each repository says for itself (ISO/IEC 19987 section 7.4.1)."""
    return {name: value for name, value in document.items() if name != "recordTime"}


@pytest.mark.parametrize("version", ["2.0.0", "1.2.0"])
def test_pages_of_our_own_events_are_valid_by_gs1s_schemas_and_say_the_same_in_both_forms(
    shop: Partner, official: Any, xsd: Any, version: str
) -> None:
    path, told = "/events?perPage=50", []
    while path:
        as_json = shop.get(path)
        as_xml = shop.get(path, headers={"Accept": FORMS["xml"], "GS1-EPCIS-Version": version})
        events = read_json(as_json.data).events
        assert official.is_valid(json.loads(as_json.data)) or any(map(is_xml_only, events))
        assert as_xml.headers["GS1-EPCIS-Version"] == version
        if version == "2.0.0":
            assert xsd.validate(etree.fromstring(as_xml.data)), xsd.error_log
        assert [event_hash(event) for event in read_xml(as_xml.data).events] == [event_hash(event) for event in events]
        told += [event["eventID"] for event in events]
        path = as_json.headers.get("Link", "").partition("/epcis/v2")[2].partition(">")[0]
    assert len(told) > 50
