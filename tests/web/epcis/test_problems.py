"""Refusals as problem documents, in JSON and in XML by GS1's schema, whoever refuses: a view or the framework."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from werkzeug.test import TestResponse

from tests.web.conftest import Demo
from tests.web.epcis.conftest import Partner, event

XML = {"Accept": "application/xml"}
Ask = Callable[[Partner, dict[str, str]], TestResponse]
REFUSALS: dict[str, tuple[int, str, Ask]] = {
    "a bad event": (400, "ValidationException", lambda p, h: p.capture(event(bizStep="shiping"), headers=h)),
    "a bad parameter": (400, "ValidationException", lambda p, h: p.get("/events?EQ_nothing=1", headers=h)),
    "no key": (401, "SecurityException", lambda p, h: p.get("/events", headers=h | {"Authorization": ""})),
    "a wrong key": (
        401,
        "SecurityException",
        lambda p, h: p.get("/events", headers=h | {"Authorization": "Bearer st_x"}),
    ),
    "no such resource": (404, "NoSuchResourceException", lambda p, h: p.get("/events/x", headers=h)),
    "no such query": (404, "NoSuchNameException", lambda p, h: p.get("/queries/x", headers=h)),
    "no such address": (404, "NoSuchResourceException", lambda p, h: p.get("/x", headers=h)),
    "no such method": (405, "ValidationException", lambda p, h: p.call("PUT", "/events", headers=h)),
    "no such version": (406, "NotAcceptableException", lambda p, h: p.get("/", headers=h | {"GS1-EPCIS-Min": "3"})),
    "too many bytes": (
        413,
        "CaptureLimitExceededException",
        lambda p, h: p.call(
            "POST", "/capture", data=b" " * (20 * 1024 * 1024 + 1), content_type="application/json", headers=h
        ),
    ),
    "too long": (414, "URITooLongException", lambda p, h: p.get("/events?EQ_bizStep=" + "x" * 9_000, headers=h)),
    "another form": (415, "UnsupportedMediaTypeException", lambda p, h: p.call("POST", "/capture", headers=h)),
    "not provided": (501, "ImplementationException", lambda p, h: p.call("DELETE", "/nextPageToken/x", headers=h)),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_a_problem_document_in_json_and_in_xml(shop: Partner, shared: Path, name: str) -> None:
    status, exception, ask = REFUSALS[name]
    as_json = ask(shop, {})
    assert (as_json.status_code, as_json.mimetype) == (status, "application/problem+json")
    assert as_json.json["type"] == f"epcisException:{exception}"
    assert as_json.json["status"] == status
    as_xml = ask(shop, XML)
    assert (as_xml.status_code, as_xml.mimetype) == (status, "application/problem+xml")
    root = etree.fromstring(as_xml.data)
    schema = etree.XMLSchema(etree.parse(str(shared / "epcis" / "spec" / "EPCglobal-epcis-2_0.xsd")))
    assert schema.validate(root), schema.error_log
    assert root.tag == "{urn:epcglobal:epcis:xsd:2}EPCISException"
    for key in ("type", "title", "detail"):
        assert root.findtext(key) == as_json.json[key]


def test_a_fault_of_ours_is_a_500_with_a_number_and_tells_nothing(
    running: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("hunter2")

    monkeypatch.setitem(running.app.view_functions, "epcis.top.get_top", fails)
    monkeypatch.setattr(fails, "access", None, raising=False)
    answer = Partner(running, "clerk").get("/")
    assert (answer.status_code, answer.json["type"]) == (500, "epcisException:ImplementationException")
    assert "hunter2" not in answer.text
    assert answer.json["instance"].removeprefix("urn:uuid:") in answer.json["detail"]


def test_a_refusal_is_told_in_the_readers_language(shop: Partner) -> None:
    english = shop.get("/queries/x").json["detail"]
    chinese = shop.get("/queries/x", headers={"Accept-Language": "zh"}).json["detail"]
    assert english == "There is no query x."
    assert chinese != english
