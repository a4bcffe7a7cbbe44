"""OPTIONS everywhere: 204, what the address takes, the versions and limits; and the list of resources."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.web.conftest import Demo
from tests.web.epcis.conftest import EPCIS, HERE, Partner, expect_problem

VERSIONS = {
    "GS1-EPCIS-Version": "2.0.0",
    "GS1-EPCIS-Min": "1.2.0",
    "GS1-EPCIS-Max": "2.0.0",
    "GS1-CBV-Version": "2.0.0",
    "GS1-CBV-Min": "1.2.0",
    "GS1-CBV-Max": "2.0.0",
    "GS1-EPC-Format": "No_Preference",
    "GS1-CBV-XML-Format": "No_Preference",
    "GS1-Extensions": "sunshine=https://ns.sunshine-trace.example/epcis/",
    "GS1-Vendor-Version": "sunshine-trace-1",
}


@pytest.fixture
def named(shop: Partner) -> dict[str, str]:
    """One of everything that an address may name, by the names of GS1's OpenAPI file."""
    made = shop.captured()
    job = shop.get("/capture?perPage=1").json[0]["captureID"]
    if shop.get("/queries/discovered").status_code == 404:
        query = {"name": "discovered", "query": {"EQ_bizStep": ["shipping"]}}
        assert shop.post("/queries", query).status_code == 201
    hook = {"dest": "https://partner.example.com/hook", "signatureToken": "s" * 40, "stream": True}
    subscribed = shop.post("/queries/discovered/subscriptions", hook)
    assert subscribed.status_code == 201, subscribed.text
    return {
        "captureID": job,
        "eventID": made["eventID"],
        "eventType": "ObjectEvent",
        "epc": made["epcList"][0],
        "bizStep": "shipping",
        "bizLocation": HERE,
        "readPoint": HERE,
        "disposition": "in_transit",
        "queryName": "discovered",
        "subscriptionID": subscribed.json["subscriptionID"],
        "token": "abc",
    }


def filled(path: str, named: dict[str, str]) -> str:
    """An address of the OpenAPI file with something in it that exists, escaped whole."""
    return re.sub(r"\{(\w+)\}", lambda name: quote(named[name[1]], safe=""), path)


@pytest.fixture(scope="module")
def paths(shared: Path) -> dict[str, Any]:
    """The addresses of GS1's OpenAPI file."""
    text = (shared / "epcis" / "spec" / "openapi.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["paths"]
    assert len(found) == 29
    return found


def test_options_on_every_resource_answers_204_with_allow_and_all_headers(
    shop: Partner, named: dict[str, str], paths: dict[str, Any]
) -> None:
    for path, operations in paths.items():
        if "options" not in operations:
            continue
        answer = shop.call("OPTIONS", filled(path, named))
        assert answer.status_code == 204, path
        assert answer.data == b""
        allowed = {method.upper() for method in operations if method != "parameters"}
        assert set(answer.headers["Allow"].split(", ")) == allowed, path
        assert {name: answer.headers.get(name) for name in VERSIONS} == VERSIONS, path


def test_every_method_of_every_resource_of_the_openapi_file_is_there(
    shop: Partner, named: dict[str, str], paths: dict[str, Any]
) -> None:
    missing = []
    for path, operations in paths.items():
        for method in operations.keys() - {"parameters", "options", "delete"}:
            answer = shop.call(method.upper(), filled(path, named))
            fine = (200, 201, 202) if method == "get" else (415,)  # a body is missing
            if answer.status_code not in fine:
                missing.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    assert missing == []


def test_options_on_capture_tells_the_limits_and_that_both_error_behaviours_are_there(shop: Partner) -> None:
    answer = shop.call("OPTIONS", "/capture")
    assert answer.headers["GS1-EPCIS-Capture-Limit"] == "5000"
    assert answer.headers["GS1-EPCIS-Capture-File-Size-Limit"] == str(20 * 1024 * 1024)
    assert answer.headers["GS1-Capture-Error-Behaviour"] == "all"


def test_options_on_a_subscription_tells_its_smallest_record_time(shop: Partner, named: dict[str, str]) -> None:
    answer = shop.call("OPTIONS", filled("/queries/{queryName}/subscriptions/{subscriptionID}", named))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", answer.headers["GS1-Query-Min-Record-Time"])


@pytest.mark.parametrize(
    "path",
    [
        "/capture/nothing",
        "/events/urn:uuid:nothing",
        "/eventTypes/NoSuchEvent",
        "/epcs/urn:uuid:nothing/events",
        "/bizSteps/nothing",
        "/queries/nothing",
        "/queries/nothing/events",
        "/queries/nothing/subscriptions",
        "/queries/nothing/subscriptions/nothing",
    ],
)
def test_options_on_what_does_not_exist_is_404(shop: Partner, path: str) -> None:
    assert shop.call("OPTIONS", path).status_code == 404


def test_options_asks_for_a_key_and_for_the_permission_like_everything_else(running: Demo) -> None:
    for path in ("/", "/capture", "/events", "/events/x", "/epcs", "/epcs/x", "/epcs/x/events", "/queries"):
        nobody = running.client.options(EPCIS + path, headers={"Accept-Language": "en"})
        expect_problem(nobody, 401, "SecurityException")
        assert nobody.headers["WWW-Authenticate"] == "Bearer"
        expect_problem(Partner(running, "platform_administrator").call("OPTIONS", path), 403, "SecurityException")


def test_the_root_lists_the_top_level_resources(shop: Partner) -> None:
    for path in ("/", ""):
        answer = shop.get(path)
        assert answer.status_code == 200
        assert answer.json["type"] == "Collection"
        assert answer.json["@context"].startswith("https://")
        assert sorted(answer.json["member"]) == [
            "bizLocations", "bizSteps", "capture", "dispositions", "epcs", "eventTypes", "events", "queries",
            "readPoints",
        ]  # fmt: skip
        assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
        assert answer.headers["GS1-CBV-Version"] == "2.0.0"


def test_the_root_is_told_as_xml_too(shop: Partner) -> None:
    answer = shop.get("/", headers={"Accept": "application/xml"})
    assert answer.mimetype == "application/xml"
    assert answer.data.count(b"<member>") == 9


def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(shop: Partner) -> None:
    answer = shop.call("DELETE", "/capture")
    expect_problem(answer, 405, "ValidationException", "DELETE")
    assert {"GET", "POST", "OPTIONS"} <= set(answer.headers["Allow"].split(", "))


def test_a_page_token_holds_nothing_that_could_be_released(shop: Partner) -> None:
    expect_problem(shop.call("DELETE", "/nextPageToken/abc"), 501, "ImplementationException", "nextPageToken")
