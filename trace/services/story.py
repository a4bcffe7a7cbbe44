"""Events as people read them: in full for those who took part, poorer for everybody else.

The poorer view (R18) keeps what a consumer may know: what happened, on which day, in which county, and who grew or made
it and who handled it next. No price, quantity, person, exact time, or name of a commercial partner below the first two
steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import documents_of, parties_of, uris_of
from storage.tables import event, organisation, place
from trace.domain.epcis.document import load_document, parse_time
from trace.domain.permissions import Actor, View, view_of
from trace.domain.regions import region_name
from trace.domain.uris import PRIVATE
from trace.services.lots import find_lots

NAMED_STEPS = 2  # the field and the first hands after it: the names the public sees
_ITEM_KEYS = {
    "epcList": "item",
    "childEPCs": "item",
    "inputEPCList": "input",
    "outputEPCList": "output",
    "quantityList": "item",
    "childQuantityList": "item",
    "inputQuantityList": "input",
    "outputQuantityList": "output",
}


@dataclass(slots=True)
class Story:
    """What is needed to tell some events: loaded in a handful of statements, whatever their number."""

    documents: dict[int, dict[str, Any]]
    captors: dict[int, int]
    parties: dict[int, set[int]]
    organisations: dict[int, Any]
    by_party: dict[str, Any]
    places: dict[str, str]
    lots: dict[str, Any]
    steps: dict[str, int] = field(default_factory=dict)

    def tell(self, number: int, actor: Actor | None) -> dict[str, Any]:
        """One event for one reader."""
        regions = {p: self.organisations[p].region for p in self.parties.get(number, ()) if p in self.organisations}
        view = view_of(actor, regions)
        return self._full(number) if view is View.FULL else self._public(number)

    def _full(self, number: int) -> dict[str, Any]:
        document = self.documents[number]
        captor = self.organisations[self.captors[number]]
        return {
            "view": View.FULL.value,
            "event": document["eventID"],
            "time": parse_time(document["eventTime"], document["eventTimeZoneOffset"]),
            "type": document["type"],
            "step": document.get("bizStep", ""),
            "disposition": document.get("disposition", ""),
            "by": captor.name,
            "by_kind": captor.kind,
            "place": self.places.get(document.get("bizLocation", {}).get("id", ""), ""),
            "region": region_name(captor.region),
            "source": self._party_name(document, "sourceList", "source"),
            "destination": self._party_name(document, "destinationList", "destination"),
            "container": document.get("parentID"),
            "reason": document.get("sunshine:reason", ""),
            "things": list(self._things(document, full=True)),
        }

    def _public(self, number: int) -> dict[str, Any]:
        document = self.documents[number]
        captor = self.organisations[self.captors[number]]
        named = self.steps.get(captor.party_uri, 1) <= NAMED_STEPS
        return {
            "view": View.PUBLIC.value,
            "day": parse_time(document["eventTime"], document["eventTimeZoneOffset"]).date(),
            "type": document["type"],
            "step": document.get("bizStep", ""),
            "disposition": document.get("disposition", ""),
            "by": captor.name if named else "",
            "by_kind": captor.kind,
            "region": region_name(captor.region),
            "things": list(self._things(document, full=False)),
        }

    def _things(self, document: Mapping[str, Any], *, full: bool) -> Iterable[dict[str, Any]]:
        """The things of an event; single packs counted together, lots by their name.

        The poorer view says which goods they were and nothing that names a trade item: a GTIN names its brand owner.
        """
        for key, part in _ITEM_KEYS.items():
            elements = document.get(key, ())
            single = [element for element in elements if isinstance(element, str)]
            if single and full:
                yield {"part": part, "name": "", "code": single[0], "count": len(single)}
            for element in elements:
                if isinstance(element, str):
                    continue
                lot = self.lots.get(element["epcClass"])
                thing = {"part": part, "name": lot.product_name if lot else "", "category": lot.category if lot else ""}
                if full:
                    thing |= {
                        "code": element["epcClass"],
                        "lot_number": lot.number if lot else "",
                        "amount": element.get("quantity"),
                        "unit": element.get("uom"),
                    }
                yield thing

    def _party_name(self, document: Mapping[str, Any], key: str, inner: str) -> str:
        for element in document.get(key, ()):
            if element.get("type") in ("owning_party", "possessing_party"):
                return self.party_name(element[inner])
        return ""

    def party_name(self, uri: str) -> str:
        """The name of a party: of an organisation on this system, or as a receiver wrote its supplier's name down."""
        known = self.by_party.get(uri)
        if known is not None:
            return str(known.name)
        return unquote(uri.removeprefix(PRIVATE)).rpartition(":")[2]


def load_story(session: Session, events: Iterable[int]) -> Story:
    """Load what is needed to tell these events."""
    numbers = sorted(set(events))
    documents = {number: load_document(data) for number, data in documents_of(session, numbers).items()}
    query = select(event.c.id, event.c.captured_by).where(event.c.id.in_(numbers))
    captors = dict(session.execute(query).tuples().all())
    parties = parties_of(session, numbers)
    wanted = set(captors.values()) | {p for group in parties.values() for p in group}
    rows = session.execute(select(organisation).where(organisation.c.id.in_(wanted))).all()
    spots = {d["bizLocation"]["id"] for d in documents.values() if d.get("bizLocation")}
    places = session.execute(select(place.c.uri, place.c.name).where(place.c.uri.in_(spots))).tuples().all()
    story = Story(
        documents=documents,
        captors=captors,
        parties=parties,
        organisations={row.id: row for row in rows},
        by_party={row.party_uri: row for row in rows},
        places=dict(places),
        lots=find_lots(session, sorted(set(_lots_in(documents.values())))),
    )
    story.steps = hands(documents.values())
    return story


def _lots_in(documents: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for document in documents:
        for key in _ITEM_KEYS:
            yield from (e["epcClass"] for e in document.get(key, ()) if not isinstance(e, str))


def hands(documents: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many hands from the field each party is: {party URI: 1 for the first hands, 2 for the next ...}.

    Read off the changes of owner. A party nobody handed anything to is at step 1; loops (returns) do not count up.
    """
    gives: dict[str, set[str]] = {}
    takers: set[str] = set()
    for document in documents:
        if document.get("disposition") == "returned":
            continue
        sources = {e["source"] for e in document.get("sourceList", ()) if e.get("type") == "owning_party"}
        takes = {e["destination"] for e in document.get("destinationList", ()) if e.get("type") == "owning_party"}
        for source in sources:
            gives.setdefault(source, set()).update(takes - {source})
        takers |= takes - sources
    steps = dict.fromkeys((party for party in gives if party not in takers), 1)
    frontier = list(steps)
    while frontier:
        following = []
        for party in frontier:
            for taker in gives.get(party, ()):
                if taker not in steps:
                    steps[taker] = steps[party] + 1
                    following.append(taker)
        frontier = following
    return steps


def day_of(entry: Mapping[str, Any]) -> Any:
    """What a timeline is sorted by where an entry has no exact time."""
    moment = entry.get("time")
    return moment.date() if isinstance(moment, datetime) else entry["day"]


def names_of(session: Session, items: Iterable[int]) -> dict[int, tuple[str, Any]]:
    """{item number: (URI, lot row or None)} for labels."""
    uris = uris_of(session, items)
    lots = find_lots(session, list(uris.values()))
    return {number: (uri, lots.get(uri)) for number, uri in uris.items()}
