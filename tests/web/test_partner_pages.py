"""Events that partners send by the standard alone are told on every page like our own, whatever they leave out."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from storage.tables import event, event_item, ident, organisation
from tests.web.conftest import Demo
from trace.services import lookup
from trace.web.parts import limiter

CAPTURE = "/epcis/v2/capture"
BARE: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-20T08:00:00Z",
    "eventTimeZoneOffset": "+08:00",
    "action": "OBSERVE",
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877"}],
}


@pytest.fixture(autouse=True)
def unlimited() -> Iterator[None]:
    """Without the limit on questions from one address."""
    limiter.enabled, before = False, limiter.enabled
    yield
    limiter.enabled = before


def send(demo: Demo, *events: dict[str, Any], role: str = "clerk") -> None:
    """Capture events as the clerk's (or another role's) organisation."""
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-21T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    capture(demo, json.dumps(document).encode(), "application/json", role)


def capture(demo: Demo, data: bytes, media_type: str, role: str = "clerk") -> None:
    """Send a document as the clerk's (or another role's) organisation, good events stored."""
    headers = demo.headers(role) | {"GS1-Capture-Error-Behaviour": "proceed"}
    answer = demo.client.post(CAPTURE, data=data, headers=headers, content_type=media_type)
    assert answer.status_code == 202, answer.text


def broken_pages(demo: Demo, since: int) -> list[str]:
    """Which pages about a thing of each event after number `since` are faults of ours."""
    first = select(func.min(event_item.c.item)).where(event_item.c.event > since).group_by(event_item.c.event)
    with demo.store.reading() as session:
        uris = list(session.scalars(select(ident.c.uri).where(ident.c.id.in_(first))))
    assert len(uris) > 20
    public, inspector = demo.browser(), demo.browser("inspector")
    asked = [(public, f"/t/{quote(uri, safe='')}") for uri in uris]
    asked += [(inspector, f"/inspector/trace?code={quote(uri, safe='')}") for uri in uris]
    return [address for browser, address in asked if browser.get(address).status_code >= 500]


def newest(demo: Demo) -> int:
    """The number of the newest event."""
    with demo.store.reading() as session:
        return session.scalars(select(func.max(event.c.id))).one()


def test_an_event_that_says_the_least_is_told(demo: Demo) -> None:
    send(
        demo,
        BARE,
        BARE | {"bizStep": "https://acme.example/steps/polishing", "eventTime": "2026-11-20T09:00:00+09:00"},
        BARE | {"eventTime": "2026-11-20T10:00:00Z", "readPoint": {"id": "urn:epc:id:sgln:0614141.07346.1234"},
                "quantityList": [BARE["quantityList"][0] | {"quantity": 3.5, "uom": "XBX"}]},
        BARE | {"eventTime": "2026-11-20T11:00:00Z", "sourceList": [{"type": "location", "source": "urn:x:1"}],
                "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00001"}]},
    )  # fmt: skip
    page = demo.browser().get("/01/04012345123456/10/998877", follow_redirects=True)
    assert page.status_code == 200
    assert page.text.count("<time>") == 2  # what the poorer view tells alike is told once
    assert "polishing" in page.text
    assert "已记录" in page.text
    assert (
        demo.browser("inspector").get("/inspector/trace?code=urn:epc:class:lgtin:4012345.012345.998877").status_code
        == 200
    )


def test_what_a_partner_announces_is_on_the_station_and_fills_the_form(demo: Demo) -> None:
    with demo.store.reading() as session:
        parties = dict(session.execute(select(organisation.c.name, organisation.c.party_uri)).tuples().all())
    goods = {"quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.%3Cb%3E7", "quantity": 7, "uom": "KGM"}]}
    sender = "沙枣花大药房文昌店"
    way = {
        "bizStep": "shipping",
        "sourceList": [{"type": "owning_party", "source": parties[sender]}],
        "destinationList": [{"type": "owning_party", "destination": parties["惠邻超市鼓楼店"]}],
    }
    send(demo, BARE | way | goods, role="pharmacist")
    clerk = demo.browser("station")
    page = clerk.get("/station").text
    assert "04012345123456" in page
    assert "&lt;b&gt;7" in page
    address = re.search(rf"{sender}</strong>\s*<a class=\"button\" href=\"([^\"]+)\"", page)
    assert address is not None
    form = clerk.get(address[1].replace("&amp;", "&")).text
    assert 'name="lines-0-lot_number" type="text" value="&lt;b&gt;7"' in form
    assert 'name="lines-0-new_code" value="04012345123456"' in form
    assert 'name="lines-0-amount" type="text" value="7"' in form


def test_a_field_of_anothers_namespace_is_never_told_as_ours(demo: Demo) -> None:
    theirs = {"@context": {"sunshine": "https://acme.example/ns/"}, "sunshine:reason": "THEIRS"}
    ours = {"@context": {"sunshine": "https://ns.sunshine-trace.example/epcis/"}}
    send(
        demo,
        BARE | theirs,
        BARE | ours | {"sunshine:reason": "OURS", "eventTime": "2026-11-20T09:00:00Z"},
        BARE | ours | {"sunshine:reason": {"sunshine:deep": "DEEP"}, "eventTime": "2026-11-20T10:00:00Z"},
    )
    page = demo.browser("inspector").get("/inspector/trace?code=urn:epc:class:lgtin:4012345.012345.998877").text
    assert "OURS" in page
    assert "THEIRS" not in page
    assert "DEEP" not in page


def test_a_history_longer_than_a_page_is_read_page_by_page(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "EVENT_LIMIT", 2)
    lot = "urn:epc:class:lgtin:4012345.012345.PARTS"
    seen = [{"eventTime": f"2026-11-20T0{n}:00:00Z", "quantityList": [{"epcClass": lot}]} for n in range(5)]
    send(demo, *(BARE | one for one in seen))
    inspector, address, told = demo.browser("inspector"), f"/inspector/trace?code={lot}", []
    while address:
        page = inspector.get(address).text
        told += re.findall(r"2026-11-20 1[0-9]|11-20 0[89]:00|11-20 1[0-9]:00", page)
        link = re.search(r'href="([^"]*after=[^"]*)"', page)
        address = html.unescape(link[1]) if link else ""
        assert ("这里是其中一部分" in page) is True
    assert len(set(told)) == len(seen)
    assert "请重新查询该码" in inspector.get(f"/inspector/trace?code={lot}&after=nonsense").text


def test_all_examples_of_the_standard_are_told_on_every_page(demo: Demo, shared: Any) -> None:
    folder, before = shared / "epcis" / "examples", newest(demo)
    for path in sorted([*folder.rglob("*.jsonld"), *folder.rglob("*.xml")]):
        if "CaptureJob" not in path.name:
            media_type = "application/xml" if path.suffix == ".xml" else "application/ld+json"
            capture(demo, path.read_bytes(), media_type)
    assert broken_pages(demo, before) == []
    names = [row["id"] for row in demo.get("/organisations?limit=100").json["organisations"]]
    inspector = demo.browser("inspector")
    assert [name for name in names if inspector.get(f"/inspector/organisations/{name}").status_code != 200] == []


def test_a_refused_document_is_told_in_one_language(standing: Demo) -> None:
    bad = json.dumps(
        BARE | {"bizStep": "shiping", "@context": "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"}
    )
    for language, wanted, other in (("zh", "不是", "is no word"), ("en", "is no word", "不是")):
        headers = standing.headers("clerk") | {"Accept-Language": language}
        answer = standing.client.post(CAPTURE, data=bad, headers=headers, content_type="application/json")
        assert answer.status_code == 400
        assert wanted in answer.json["detail"]
        assert other not in answer.json["detail"]
