"""Events and questions about them: documents of partners captured in a line, and all pages of an answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from schemas.epcis.document import EpcisDocument
from storage.event_search import Budget
from tests.town import NOW, Town
from trace.domain.epcis.query_language import Query, parse_query
from trace.domain.permissions import Actor
from trace.services.epcis_capture import capture_document
from trace.services.event_queries import Page, find_events

Document = dict[str, Any]
# A busy machine is no fault: tests that are about the budget bring their own.
PATIENT = Budget(seconds=600)
START = NOW - timedelta(days=30)
SITE = "urn:epc:id:sgln:0614141.07346.1234"
SITE_LINK = "https://id.gs1.org/414/0614141073467/254/1234"
CHAIN = "urn:epc:id:sgln:0614141.00001.0"
ORDER_ID = "urn:epc:id:gdti:0614141.00001.1618034"
GOODS = "urn:epc:class:lgtin:4012345.012345.998877"
EX = {"@context": {"ex": "https://ns.example.com/epcis/"}}
RICH: dict[str, Any] = {
    "disposition": "in_transit",
    "readPoint": {"id": SITE},
    "bizLocation": {"id": SITE_LINK},
    "quantityList": [{"epcClass": GOODS, "quantity": 10, "uom": "KGM"}],
    "bizTransactionList": [{"type": "po", "bizTransaction": ORDER_ID}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4000001.00005"}],
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:4000001.00006"}],
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 26, "uom": "CEL"}]}],
}


def event(number: int, *, after: float = 0, **more: Any) -> Document:
    """An observation, `after` minutes after `START`; keys set to None are left out."""
    document = {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        "eventTime": (START + timedelta(minutes=after)).isoformat(timespec="milliseconds"),
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "bizStep": "shipping",
        "epcList": [f"urn:epc:id:sgtin:0614141.107346.{number}"],
    } | more
    return {key: value for key, value in document.items() if value is not None}


def record(town: Town, actor: Actor, *documents: Mapping[str, Any], now: datetime = NOW, **more: Any) -> None:
    """Capture event documents for an organisation, with master data if there is any."""
    document = EpcisDocument([dict(d) for d in documents], more.get("master_data", []), {})
    town.do(capture_document, actor=actor, document=document, behaviour="rollback", now=now)


def ask(
    town: Town, actor: Actor, query: Query | dict[str, Any] | None = None, *, size: int = 30, token: str | None = None,
    budget: Budget | None = None, **more: Any,
) -> Page:  # fmt: skip
    """One page of an answer."""
    asked = query if isinstance(query, Query) else parse_query(query or {})
    opened = town.store.writing() if actor.watches else town.store.reading()
    with opened as session:
        return find_events(
            session, actor=actor, query=asked, page_size=size, token=token, now=NOW, budget=budget or PATIENT, **more
        )


def every_page(town: Town, actor: Actor, query: Query | dict[str, Any] | None = None, **more: Any) -> list[list[int]]:
    """The numbers of the events on each page."""
    pages, token = [], None
    while True:
        page = ask(town, actor, query, token=token, **more)
        pages.append([number_of(document) for document in page.documents])
        token = page.next_token
        if token is None:
            return pages


def numbers(town: Town, actor: Actor, query: Query | dict[str, Any] | None = None, **more: Any) -> list[int]:
    """The numbers of all events of an answer, in order."""
    return [number for page in every_page(town, actor, query, **more) for number in page]


def number_of(document: Mapping[str, Any]) -> int:
    return int(document["eventID"][-12:])
