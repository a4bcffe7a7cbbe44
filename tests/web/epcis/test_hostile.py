"""Whatever is sent: a 4xx with an EPCIS name and a sentence, never a 5xx, and nothing stored."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from tests.web.epcis.conftest import EPCIS, GTIN, Partner, bare, document, event
from tests.web.test_hostile_addresses import PATHS

JSON, XML = "application/json", "application/xml"
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">%s]><x>&z;</x>""" % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("z") + 1)
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    b'<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0"'
    b' creationDate="2026-01-05T08:00:00Z"><EPCISBody><EventList><ObjectEvent>&e;</ObjectEvent></EventList>'
    b"</EPCISBody></epcis:EPCISDocument>"
)
DEEP = 10_000
BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", JSON),
    "no JSON": (b"{", JSON),
    "a list": (b"[]", JSON),
    "a text": (b'"x"', JSON),
    "null": (b"null", JSON),
    "NaN": (b'{"type": NaN}', JSON),
    "not UTF-8": (b'{"type": "\xff\xfe"}', JSON),
    "UTF-16": (json.dumps(document(event())).encode("utf-16"), JSON),
    "a lone surrogate": (b'{"type": "EPCISDocument", "x": "\\ud800"}', JSON),
    "a NUL": (b'{"type": "EPCISDocument\\u0000"}', JSON),
    "10000 lists": (b"[" * DEEP + b"]" * DEEP, JSON),
    "10000 objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, JSON),
    "a number of 5000 digits": (b'{"type":"EPCISDocument","schemaVersion":' + b"9" * 5_000 + b"}", JSON),
    "a name twice": (b'{"type":"EPCISDocument","type":"EPCISDocument"}', JSON),
    "another document": (b'{"type":"Feature"}', JSON),
    "no XML": (b"<", XML),
    "XML of something else": (b"<html/>", XML),
    "an entity bomb": (BOMB, XML),
    "a file from outside": (OUTSIDE, XML),
    "10000 elements": (b"<a>" * DEEP + b"</a>" * DEEP, XML),
    "JSON as XML": (b"{}", XML),
    "XML as JSON": (b"<a/>", JSON),
}


def complaint(answer: Any) -> str | None:
    """What is wrong with a refusal, or None."""
    if not 400 <= answer.status_code < 500:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.mimetype != "application/problem+json":
        return f"{answer.status_code} as {answer.mimetype}"
    if not answer.json["type"].startswith("epcisException:") or not answer.json["detail"]:
        return f"no sentence: {answer.text[:200]}"
    return None


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/capture", "/events"])
def test_a_body_that_cannot_be_read_is_refused(shop: Partner, path: str, name: str) -> None:
    before = shop.demo.counts()
    data, media_type = BODIES[name]
    for behaviour in ("rollback", "proceed"):
        headers = {"GS1-Capture-Error-Behaviour": behaviour}
        answer = shop.call("POST", path, data=data, content_type=media_type, headers=headers)
        assert complaint(answer) is None
        assert answer.status_code == 400
        assert "root:" not in answer.text
    assert shop.demo.counts() == before


@pytest.mark.parametrize("name", [name for name, (_, media_type) in BODIES.items() if media_type == JSON])
@pytest.mark.parametrize("path", ["/queries", "/queries/bounded/subscriptions"])
def test_a_query_or_subscription_that_cannot_be_read_is_refused(shop: Partner, path: str, name: str) -> None:
    if shop.get("/queries/bounded").status_code == 404:
        assert shop.post("/queries", {"name": "bounded", "query": {}}).status_code == 201
    before = shop.demo.counts()
    answer = shop.call("POST", path, data=BODIES[name][0], content_type=JSON)
    assert complaint(answer) is None
    assert answer.status_code == 400
    assert shop.demo.counts() == before


def wrong_events() -> Iterator[tuple[str, Any]]:
    """Events that look right and are not (issue: bad input), by name."""
    yield "wrong vocabulary", event(bizStep="shiping")
    yield "a business step of another list", event(bizStep="in_transit")
    yield "no event time", event(eventTime=None)
    yield "an event time without offset", event(eventTime="2026-01-05T08:00:00")
    yield "no offset", event(eventTimeZoneOffset=None)
    yield "an extension without namespace", event(colour="amber")
    yield "an ilmd without namespace", event(action="ADD", ilmd={"colour": "amber"})
    yield (
        "an association without parent",
        event(type="AssociationEvent", action="ADD", epcList=None, childEPCs=[f"{GTIN}/21/1"]),
    )
    yield (
        "an association without children",
        event(type="AssociationEvent", action="ADD", epcList=None, parentID=f"{GTIN}/21/1"),
    )
    yield "no action", event(action=None)
    yield "no type", event(type=None)
    yield "another type", event(type="QuantityEvent")
    yield "an EPC that is none", event(epcList=["urn:epc:id:sgtin:1.2.3"])
    yield "an EPC that is no URI", event(epcList=["abc"])
    yield "a number for a text", event(eventID=7)
    yield "a text for a list", event(epcList="abc")
    yield "a list for an object", event(readPoint=[1])
    yield "an empty ID", event(eventID="")
    yield "a NUL in a text", event(**{"example:x": "a\x00b"})
    yield "a date of the year 0", event(eventTime="0000-01-01T00:00:00Z")
    yield "a date of the year 9999", event(eventTime="9999-12-31T23:59:59-14:00")
    yield "an event that is a text", "event"
    yield "an event that is nothing", None
    yield "a context from the network", {"@context": ["https://evil.example/context.jsonld"], **event()}


WRONG = dict(wrong_events())


@pytest.mark.parametrize("name", WRONG)
def test_an_event_that_is_wrong_is_refused_and_the_fault_is_told(shop: Partner, name: str) -> None:
    before = shop.demo.counts()
    answer = shop.capture(event(), WRONG[name])
    assert complaint(answer) is None, name
    assert answer.status_code == 400
    assert answer.json["type"] == "epcisException:ValidationException"
    if isinstance(WRONG[name], dict):
        answer = shop.post("/events", bare(WRONG[name]) if "@context" not in WRONG[name] else WRONG[name])
        assert complaint(answer) is None, name
    assert shop.demo.counts() == before


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_event_keeps_no_right_one_back_when_proceeding(shop: Partner, name: str) -> None:
    good = event()
    headers = {"GS1-Capture-Error-Behaviour": "proceed"}
    answer = shop.capture(WRONG[name], good, headers=headers)
    assert answer.status_code == 202, answer.text
    job = shop.get(answer.headers["Location"].removeprefix(EPCIS)).json
    assert job["success"] is False
    assert {error["event"] for error in job["errors"]} == {0}
    assert shop.get(f"/events/{good['eventID']}").status_code == 200


class Endless(BytesIO):
    """A body of which nobody should read more than the limit."""

    read_so_far = 0

    def readinto(self, buffer: Any, /) -> int:
        """Fill whatever anybody wants filled."""
        self.read_so_far += len(buffer)
        buffer[:] = b" " * len(buffer)
        return len(buffer)


def test_a_document_of_100_megabytes_is_refused_before_it_is_read(shop: Partner) -> None:
    body, before = Endless(), shop.demo.counts()
    length = {"CONTENT_LENGTH": str(100 * 1024 * 1024)}
    answer = shop.call("POST", "/capture", input_stream=body, content_type=JSON, environ_overrides=length)
    assert complaint(answer) is None
    assert answer.status_code == 413
    assert body.read_so_far <= 21 * 1024 * 1024
    assert shop.demo.counts() == before


def test_a_document_that_does_not_say_how_long_it_is_is_refused_at_the_limit(shop: Partner) -> None:
    body, before = Endless(), shop.demo.counts()
    for path, media_type in (("/capture", JSON), ("/capture", XML), ("/events", JSON), ("/queries", JSON)):
        answer = shop.call(
            "POST",
            path,
            input_stream=body,
            content_type=media_type,
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert complaint(answer) is None
        assert answer.status_code == 413
        assert "GS1-EPCIS-Capture-File-Size-Limit" in answer.headers
    assert body.read_so_far <= 4 * 21 * 1024 * 1024
    assert shop.demo.counts() == before


@pytest.mark.parametrize(
    "base", ["/", "/capture/", "/events/", "/eventTypes/", "/epcs/", "/bizSteps/", "/readPoints/", "/queries/"]
)
def test_an_address_that_names_nothing_is_refused(shop: Partner, base: str) -> None:
    before = shop.demo.counts()
    faults = []
    for path in PATHS:
        answer = shop.get(base + path)
        if answer.status_code in (301, 308) or (base == "/" and path in (".",)):
            continue
        if complaint(answer) and answer.status_code != 200:
            faults.append(f"{path[:40]}: {complaint(answer)}")
    assert faults == []
    assert shop.demo.counts() == before


def test_what_is_no_address_of_ours_is_an_epcis_problem_too(shop: Partner) -> None:
    for path in ("/nothing", "/events/a/b/../c", "/capture/a/b"):
        answer = shop.get(path)
        assert (answer.status_code, answer.json["type"]) == (404, "epcisException:NoSuchResourceException")
    answer = shop.demo.client.get("/epcis/v1/events", headers={"Accept": XML})
    assert answer.mimetype == "application/problem+xml"
    assert b"NoSuchResourceException" in answer.data


def test_headers_that_nobody_expects_do_no_harm(shop: Partner) -> None:
    for name in ("Accept", "GS1-EPCIS-Version", "GS1-EPC-Format", "GS1-Extensions", "GS1-CBV-Min", "Accept-Charset"):
        for value in ("\x7f", "a" * 5_000, "=,=,;q=x", "application/json;q=99", "☃".encode().decode("latin-1")):
            assert shop.get("/events?perPage=1", headers={name: value}).status_code in (200, 406)
