"""An event says the same as JSON and as XML, whichever way it goes: GS1's examples, and trees nobody would think of."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from schemas.epcis.document import EpcisDocument
from schemas.epcis.json_form import read_json, write_document
from schemas.epcis.xml_reading import read_xml
from schemas.epcis.xml_writing import write_xml_document, write_xml_event, write_xml_query_document
from tests.conftest import SHARED
from tests.schemas.epcis.xml_samples import CREATED, EVENTS, WHOLE, document, expanded, official, read_inside
from trace.domain.epcis.event_hash import event_hash

# Those of the capture interface are answers, no documents.
FILES = [
    path.relative_to(SHARED)
    for pattern in ("examples/xml/**/*.xml", "hash-vectors/*.xml", "examples/json/**/*.jsonld", "hash-vectors/*.jsonld")
    for path in sorted((SHARED / "epcis").glob(pattern))
    if "CaptureJob" not in path.parts
]
GS1S = pytest.mark.parametrize("file", FILES or [Path("no examples")], ids=lambda file: "/".join(file.parts[1:]))


def read(shared: Path, file: Path) -> EpcisDocument:
    data = (shared / file).read_bytes()
    return read_xml(data) if file.suffix == ".xml" else read_json(data)


def hashes(events: list[dict[str, Any]]) -> list[bytes]:
    return [event_hash(event) for event in events]


def same(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    """Equal, hash included; prefixes may differ where a sender gave one of GS1's another meaning."""
    return [expanded(event) for event in before] == [expanded(event) for event in after] and hashes(before) == hashes(
        after
    )


def without_empty_lists(event: dict[str, Any]) -> dict[str, Any]:
    """In 1.2 an empty list says nothing."""
    return {key: value for key, value in event.items() if value != []}


# ---- GS1's examples ------------------------------------------------------------------------------------------------


def test_all_examples_are_there(shared: Path) -> None:
    assert shared
    assert sum(file.suffix == ".xml" for file in FILES) == 33 + 9
    assert sum(file.suffix == ".jsonld" for file in FILES) >= 47


@GS1S
def test_an_example_written_as_xml_is_valid_and_comes_back(shared: Path, file: Path) -> None:
    sent = read(shared, file)
    assert sent.events or sent.master_data
    for cbv in ("urn", "web"):
        kind: dict[str, Any] = {
            "created": CREATED, "header": sent.header, "master_data": sent.master_data, "cbv": cbv
        }  # fmt: skip
        for name, made in (
            ("epcis", write_xml_document(sent.events, **kind)),
            ("epcis-query", write_xml_query_document(sent.events, **kind)),
        ):
            schema = official(shared, name)
            assert schema.validate(etree.fromstring(made)), schema.error_log
            back = read_xml(made)
            assert same(sent.events, back.events)
            assert back.master_data == sent.master_data


@GS1S
def test_an_example_written_as_version_1_2_comes_back(shared: Path, file: Path) -> None:
    sent = read(shared, file)
    back = read_xml(write_xml_document(sent.events, created=CREATED, version="1.2"))
    assert same([without_empty_lists(e) for e in sent.events], [without_empty_lists(e) for e in back.events])
    for event in sent.events:
        for version in ("2.0", "1.2"):
            [alone] = read_xml(write_xml_event(event, version=version)).events  # type: ignore[arg-type]
            assert same([without_empty_lists(event)], [without_empty_lists(alone)])


@GS1S
def test_an_example_says_the_same_through_json_and_xml_and_back(shared: Path, file: Path) -> None:
    sent = read(shared, file)
    through_json = read_json(write_document(sent.events, created=CREATED))
    through_both = read_xml(write_xml_document(through_json.events, created=CREATED))
    and_back = read_json(write_document(through_both.events, created=CREATED))
    assert same(sent.events, through_both.events)
    assert same(sent.events, and_back.events)


# ---- our own -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [WHOLE, *EVENTS], ids=["everything", *(event["type"] for event in EVENTS)])
def test_an_event_says_the_same_through_xml_and_json_and_back(event: dict[str, Any]) -> None:
    for version in ("2.0", "1.2"):
        as_xml = read_xml(write_xml_document([event], created=CREATED, version=version)).events  # type: ignore[arg-type]
        as_json = read_json(write_document(as_xml, created=CREATED)).events
        assert as_xml == as_json == [event]
        assert hashes(as_json) == hashes([event])


def test_an_event_of_version_1_2_has_the_hash_of_that_of_2_0() -> None:
    from tests.schemas.epcis.xml_samples import WHOLE_1, WHOLE_2

    [old], [new] = read_xml(document(WHOLE_1, "1.2")).events, read_xml(document(WHOLE_2)).events
    assert event_hash(old) == event_hash(new)


# ---- trees nobody would think of -----------------------------------------------------------------------------------

CONTEXT = {"ex": "https://example.org/f/", "阳": "urn:example:yang"}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["", " ", "\r\n", "]]>", "true", "1", "\x00"]
)
NUMBERS = st.integers(-(10**39), 10**39) | st.decimals(allow_nan=False, allow_infinity=False, places=5).filter(
    lambda number: abs(number) < 10**30
)
NAMES = st.sampled_from(["f", "g", "f.g-h", "场"])
KEYS = st.builds("{}:{}".format, st.sampled_from([*CONTEXT, "gs1", "cbvmda"]), NAMES)
INNER_KEYS = (
    KEYS
    | NAMES
    | st.builds("@{}".format, KEYS | NAMES)
    | st.sampled_from(["#text", "#content", "id"])
    | st.text(max_size=5)
)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER_KEYS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(KEYS, VALUES, max_size=3)


@given(at_event=FIELDS, in_ilmd=FIELDS, in_place=FIELDS, in_error=FIELDS, in_sensor=FIELDS, in_report=FIELDS)
def test_any_tree_of_extensions_survives_xml(
    at_event: Any, in_ilmd: Any, in_place: Any, in_error: Any, in_sensor: Any, in_report: Any
) -> None:
    event = {
        **EVENTS[0], **at_event, "ilmd": in_ilmd, "@context": CONTEXT, "readPoint": {"id": "urn:a:1", **in_place},
        "errorDeclaration": {"declarationTime": "2026-11-25T08:00:00Z", **in_error},
        "sensorElementList": [{"sensorReport": [{"type": "Temperature", **in_report}], **in_sensor}],
    }  # fmt: skip
    del event["ex:f"]
    for version in ("2.0", "1.2"):
        [back] = read_xml(write_xml_document([event], created=CREATED, version=version)).events  # type: ignore[arg-type]
        assert expanded(back) == expanded(event)


LEAVES = st.sampled_from(
    ["<a/>", "<ex:a b='c'>d</ex:a>", "text", " ", "<!-- c -->", "<x xmlns='urn:x'>&lt;</x>", "<?p?>"]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name.partition(' ')[0]}>",
        st.sampled_from(["ex:b", "c", "ex:d e='f'", "y:g xmlns:y='urn:y'", "ex:h xmlns:ex='urn:other'"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=15,
)


@given(TREES)
def test_any_xml_in_an_extension_survives_json_and_xml(tree: str) -> None:
    sent = {**EVENTS[0], **read_inside(f"<ex:f>{tree}</ex:f>")}
    through_json = read_json(write_document([sent], created=CREATED)).events
    assert through_json == [sent]
    [back] = read_xml(write_xml_document(through_json, created=CREATED)).events
    assert expanded(back) == expanded(sent)
    assert event_hash(back) == event_hash(sent)


def test_exact_numbers_survive_both_forms() -> None:
    event = {**EVENTS[1], "ex:f": [Decimal("0.10"), 10**30, Decimal("1E-7")]}
    through_json = read_json(write_document([event], created=CREATED)).events
    [back] = read_xml(write_xml_document(through_json, created=CREATED)).events
    assert [str(number) for number in back["ex:f"]] == ["0.10", str(10**30), "1E-7"]
