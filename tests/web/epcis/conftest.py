"""A repository with two partners in it, on both databases; each file of tests has its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from tests.conftest import BACKENDS, Databases
from tests.web.conftest import Demo, demonstration

EPCIS = "/epcis/v2"
GS1_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
EXAMPLE = {"example": "https://ns.example.com/epcis/"}
GTIN = "https://id.gs1.org/01/10614141073464"
GTIN_URN = "urn:epc:id:sgtin:0614141.107346"
HERE, HERE_URN = "https://id.gs1.org/414/0614141000005", "urn:epc:id:sgln:0614141.00000.0"
_numbers = count(1)


def event(**fields: Any) -> dict[str, Any]:
    """A valid event of its own ID about a thing of its own; fields of value None are left out."""
    number = next(_numbers)
    made = {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventID": f"urn:uuid:{UUID(int=number)}",
        "eventTime": "2026-01-05T08:00:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "epcList": [f"{GTIN}/21/T{number}"],
        "bizStep": "shipping",
        "disposition": "in_transit",
        "readPoint": {"id": HERE},
        "bizLocation": {"id": HERE},
    } | fields
    return {key: value for key, value in made.items() if value is not None}


def document(*events: Any, **fields: Any) -> dict[str, Any]:
    """An EPCISDocument of these events."""
    return {
        "@context": [GS1_CONTEXT, EXAMPLE],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-05T09:00:00Z",
        "epcisBody": {"eventList": list(events)},
    } | fields


def bare(made: dict[str, Any]) -> dict[str, Any]:
    """An event that stands alone."""
    return {"@context": [GS1_CONTEXT, EXAMPLE], **made}


def events_of(answer: TestResponse) -> list[dict[str, Any]]:
    """The events of an EPCISQueryDocument in JSON."""
    assert answer.status_code == 200, answer.text
    body = answer.json
    assert body["type"] == "EPCISQueryDocument"
    return list(body["epcisBody"]["queryResults"]["resultsBody"]["eventList"])


def ids_of(answer: TestResponse) -> list[str]:
    """The eventIDs of an EPCISQueryDocument in JSON."""
    return [found["eventID"] for found in events_of(answer)]


@dataclass
class Partner:
    """A partner's software: a key of one role, and requests in one line each."""

    demo: Demo
    role: str
    sent: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        """Any request below /epcis/v2, in English."""
        headers = self.demo.headers(self.role) | {"Accept-Language": "en"} | more.pop("headers", {})
        return self.demo.client.open(EPCIS + path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        """Ask."""
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> TestResponse:
        """Send a JSON body."""
        more.setdefault("content_type", "application/json")
        return self.call("POST", path, data=json.dumps(body), **more)

    def capture(self, *events: Any, **more: Any) -> TestResponse:
        """Capture events as a document."""
        return self.post("/capture", document(*events), **more)

    def captured(self, **fields: Any) -> dict[str, Any]:
        """An event that is captured now."""
        made = event(**fields)
        answer = self.capture(made)
        assert answer.status_code == 202, answer.text
        return made


@pytest.fixture(params=BACKENDS, scope="module")
def running(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Demo]:
    """The application over the demonstration, on a database that the file's tests share and may write to."""
    with demonstration(databases, request.param, tmp_path_factory.mktemp("epcis")) as made:
        yield made


@pytest.fixture
def shop(running: Demo) -> Partner:
    """A supermarket's software."""
    return Partner(running, "clerk")


@pytest.fixture
def pharmacy(running: Demo) -> Partner:
    """Another organisation's software: a pharmacy's."""
    return Partner(running, "pharmacist")


@pytest.fixture
def inspector(running: Demo) -> Partner:
    """An inspector's software."""
    return Partner(running, "inspector")


def expect_problem(answer: TestResponse, status: int, exception: str, *words: str) -> dict[str, Any]:
    """Assert a refusal: its status, its EPCIS name, a sentence with these words in it; the problem is given back."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text[:500]
    body: dict[str, Any] = answer.json
    assert body["type"] == f"epcisException:{exception}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    for word in words:
        assert word in body["detail"]
    return body
