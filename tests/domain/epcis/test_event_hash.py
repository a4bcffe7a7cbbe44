"""The event hash of CBV 2.0 section 8.9: equal to all published vectors, and one for all forms of an event."""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.epcis.document import EpcisDocument
from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml
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
            assert strings == path.with_suffix(".prehashes").read_text(encoding="utf-8").split("\n")[: len(strings)], path
        hashes = [hash_uri(digest(string)) for string in strings]
        assert hashes == path.with_suffix(".hashes").read_text(encoding="utf-8").split(), path
