"""What GS1's own JSON schema of EPCIS 2.0.1 refuses, we refuse: judged over examples and their mutations."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from schemas.epcis.validation import find_faults
from tests.schemas.epcis.events import OURS, shared_events, with_value
from tests.schemas.epcis.test_mutations import MUTATIONS

# Words that CBV 2.0 no longer has, or never had, and that GS1's own examples say nevertheless (cbv.toml).
TOLERATED = {
    "xml/WithSensorData/SensorDataExamples.xml",
    "xml/WithExtension/TransactionEvent.xml",
    "xml/Example-PersistentDisposition.xml",
    "json/PersistentDisposition-example.jsonld",
}


@pytest.fixture(scope="module")
def official(shared: Path) -> dict[str, Any]:
    """GS1's schema, compiled for one event of each type, formats checked."""
    schema = json.loads((shared / "epcis/spec/epcis-json-schema-2.0.1.json").read_bytes())
    return {
        document["type"]: jsonschema_rs.Draft7Validator(
            {"$ref": f"#/definitions/{document['type']}", "definitions": schema["definitions"]}, validate_formats=True
        )
        for document in OURS.values()
    }


def may_differ(event: dict[str, Any]) -> bool:
    """A report of an exception without a type: GS1's XSD and example take it, its JSON schema does not."""
    return any(
        "type" not in report and "exception" in report
        for element in event.get("sensorElementList", [])
        for report in element["sensorReport"]
    )


@pytest.mark.parametrize("name", OURS)
def test_our_valid_events_are_valid_by_the_official_schema(official: dict[str, Any], name: str) -> None:
    assert official[OURS[name]["type"]].is_valid(OURS[name]) != may_differ(OURS[name])


def test_valid_examples_are_valid_by_the_official_schema_as_event_documents(
    official: dict[str, Any], shared: Path
) -> None:
    refused = {
        name
        for name, event in shared_events(shared)
        if not may_differ(event) and not official[event["type"]].is_valid(event)
    }
    assert {name.rpartition(":")[0] for name in refused} <= TOLERATED


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_what_the_official_schema_refuses_is_refused(official: dict[str, Any], mutation: Any) -> None:
    let_through = [
        where
        for event in OURS.values()
        for where, spoilt in mutation(event)
        if not official[event["type"]].is_valid(spoilt) and not find_faults(spoilt)
    ]
    assert let_through == []


@pytest.mark.parametrize(
    "uri",
    [
        "", "a", "a b:c", "://a", "https://a b", "https://ä.example/", "https://a.example/[1]", "urn:a b", "https://a:x",
        "https://a.example/%zz", "https://a.example/<b>", 'https://a.example/"', "1a:b", "a:b#c#d", "https://[::1]/",
        ":a", "https://a\\b", "https://a.example/{b}", "a:^", "a:|", "https://a@b@c/", "a:", "https:",
    ],
)  # fmt: skip
def test_a_uri_that_the_official_schema_refuses_is_refused(official: dict[str, Any], uri: str) -> None:
    event = with_value(OURS["object"], ("bizTransactionList", 1, "bizTransaction"), uri)
    if not official["ObjectEvent"].is_valid(event):
        assert [fault.path for fault in find_faults(event)] == ["/bizTransactionList/1/bizTransaction"]
