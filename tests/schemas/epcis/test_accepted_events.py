"""Whatever the validator takes is parsed, hashed, stored, written in both forms and read again: nothing fails later."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.epcis.json_form import read_json, write_event
from schemas.epcis.validation import find_faults
from schemas.epcis.xml_reading import read_xml
from schemas.epcis.xml_writing import write_xml_document
from tests.schemas.epcis.events import OURS
from trace.domain.epcis.document import canonical_bytes, load_document, parse_document
from trace.domain.epcis.event_hash import event_hash

EVENT_ID = "urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"
KEYS = st.text(min_size=1, max_size=4) | st.sampled_from(
    ["example:a", "example:b", "@example:c", "@d", "#text", "id", "type", "bare", "cbvmda:x", "a b", "@type", "gs1:x"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(st.sampled_from(["object", "sensor", "transformation", "association"]), VALUES)
@settings(max_examples=150, deadline=None)
def test_an_accepted_event_survives_every_form(name: str, value: Any) -> None:
    document = OURS[name] | {"example:any": value}
    assume(find_faults(document) == [])
    parse_document({"eventID": EVENT_ID} | document)
    digest = event_hash(document)
    (from_json,) = read_json(write_event(document)).events
    (from_xml,) = read_xml(write_xml_document([document], created=datetime(2026, 11, 24, tzinfo=UTC))).events
    for again in (load_document(canonical_bytes(document)), from_json, from_xml):
        assert find_faults(again) == []
        assert event_hash(again) == digest
