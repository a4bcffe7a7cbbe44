"""Events as people read them: in full for those who took part, poorer for everybody else.

The poorer view (R18) keeps what a consumer may know: what happened, on which day, in which county, and who grew or made
it and who handled it next. No price, quantity, person, exact time, or name of a commercial partner below the first two
steps.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote

from sqlalchemy.orm import Session

from storage.bulk import select_among
from storage.events import documents_of, told_of
from storage.parties import parties_of
from storage.tables import organisation, place
from trace.domain.epcis.document import NAMESPACE, PREFIX, load_document, parse_time
from trace.domain.epcis.translation import with_canonical_uris
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.links import LOT_EXTENSION
from trace.domain.permissions import Actor, View, view_of
from trace.domain.regions import region_name
from trace.domain.uris import PRIVATE
from trace.services.lots import find_lots

_NOT_TAKEN = (Disposition.RETURNED, Disposition.NON_CONFORMANT)  # sent back, or refused on arrival
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


class Party(NamedTuple):
    """What is told of an organisation."""

    id: int
    name: str
    kind: str
    region: str
    party_uri: str


@dataclass(slots=True)
class Story:
    """What is needed to tell some events to one reader: loaded in a handful of statements, whatever their number."""

    documents: dict[int, dict[str, Any]]
    captors: dict[int, Party]
    by_party: dict[str, Party]
    places: dict[str, str]  # of the events that the reader sees all of, as are the lots
    lots: dict[str, Any]  # and those that the story is about
    open: frozenset[int]  # the events that the reader sees all of
    among: frozenset[str] = frozenset()  # the things the story is about: of others the poorer view says nothing
    named: frozenset[str] = frozenset()  # the parties that the poorer view names

    def tell(self, number: int) -> dict[str, Any]:
        """One event."""
        return self._full(number) if number in self.open else self._public(number)

    def open_things(self) -> set[str]:
        """The things that stand in events the reader sees all of: of no other they may know the name."""
        return {uri for number in self.open for uri in things_in(self.documents[number])}

    def _full(self, number: int) -> dict[str, Any]:
        document, captor = self.documents[number], self.captors[number]
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
            "reason": _reason(document),
            "attributed": f"{PREFIX}attributedBy" in document,
            "things": list(self._things(document, full=True)),
        }

    def _public(self, number: int) -> dict[str, Any]:
        document, captor = self.documents[number], self.captors[number]
        return {
            "view": View.PUBLIC.value,
            "day": parse_time(document["eventTime"], document["eventTimeZoneOffset"]).date(),
            "type": document["type"],
            "step": document.get("bizStep", ""),
            "disposition": document.get("disposition", ""),
            "by": captor.name if captor.party_uri in self.named else "",
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
                asked = next((code for code in single if code in self.among), single[0])
                yield {"part": part, "name": "", "code": asked, "count": len(single)}
            for element in elements:
                if isinstance(element, str):
                    continue
                if not full and element["epcClass"] not in self.among:
                    continue  # what else was in the delivery is the parties' own affair
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


def load_story(
    session: Session,
    events: Iterable[int],
    actor: Actor | None,
    *,
    names: Mapping[int, tuple[str, Any]] = MappingProxyType({}),
    handovers: Iterable[int] = (),
    whole: bool = True,
) -> Story:
    """Load what is needed to tell somebody these events of the things that have these `names` (`lots.names_of`).

    `handovers` are the events of the trace that say who gave goods to whom, told or not: they decide who stands near
    the field. Where the trace is not `whole`, nobody knows who does, and the poorer view names nobody.
    """
    stored = told_of(session, events)
    numbers = sorted(stored)
    documents = {number: _document(stored[number][0]) for number in numbers}
    parties = parties_of(session, {number: stored[number][1] for number in numbers})
    wanted = {party for group in parties.values() for party in group}
    rows = select_among(session, organisation, Party._fields, "id", wanted)
    organisations = {party.id: party for party in map(Party._make, rows)}
    opened = frozenset(number for number in numbers if _is_open(parties[number], organisations, actor))
    story = Story(
        documents=documents,
        captors={number: organisations[stored[number][1]] for number in numbers},
        by_party={row.party_uri: row for row in organisations.values()},
        places=_places(session, (documents[number] for number in opened)),
        lots=_lots(session, (documents[number] for number in opened), names),
        open=opened,
        among=frozenset(uri for uri, _ in names.values()),
    )
    if whole:
        untold = documents_of(session, set(handovers) - documents.keys())
        steps = hands([*documents.values(), *map(_document, untold.values())])
        story.named = frozenset(party for party, step in steps.items() if step <= NAMED_STEPS) | (
            _makers(story) - steps.keys()
        )
    return story


def _is_open(parties: Iterable[int], organisations: Mapping[int, Party], actor: Actor | None) -> bool:
    """Whether a reader sees all of an event of these parties."""
    regions = {party: organisations[party].region for party in parties if party in organisations}
    return view_of(actor, regions) is View.FULL


def _places(session: Session, documents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    uris = {document["bizLocation"]["id"] for document in documents if document.get("bizLocation")}
    return dict(select_among(session, place, ("uri", "name"), "uri", sorted(uris)))


def _lots(
    session: Session, documents: Iterable[Mapping[str, Any]], names: Mapping[int, tuple[str, Any]]
) -> dict[str, Any]:
    """{URI: lot row} of the lots that have these names, and of others that events speak of."""
    known = dict(names.values())
    others = find_lots(session, sorted(set(_lots_in(documents)) - known.keys()))
    return {uri: row for uri, row in known.items() if row is not None} | others


def _document(data: bytes) -> dict[str, Any]:
    """An event document whose identifiers can be compared, whatever form a partner sent them in."""
    return with_canonical_uris(load_document(data))


def _makers(story: Story) -> set[str]:
    """Parties that recorded that something came to be."""
    return {
        story.captors[number].party_uri
        for number, document in story.documents.items()
        if document["type"] == "TransformationEvent"
        or (document["type"] == "ObjectEvent" and document["action"] == "ADD")
    }


def things_in(document: Mapping[str, Any]) -> Iterable[str]:
    """The URIs of everything an event's document speaks of."""
    for key in _ITEM_KEYS:
        yield from (e if isinstance(e, str) else e["epcClass"] for e in document.get(key, ()))
    named = (document.get("parentID"), document.get("transformationID"), document.get(LOT_EXTENSION))
    yield from (uri for uri in named if isinstance(uri, str))


def _reason(document: Mapping[str, Any]) -> str:
    """Why somebody did it, in our own field; a partner may have bound our prefix to a namespace of its own."""
    said = document.get(f"{PREFIX}reason")
    ours = document.get("@context", {}).get(PREFIX[:-1]) == NAMESPACE
    return said if ours and isinstance(said, str) else ""


def _lots_in(documents: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for document in documents:
        for key in _ITEM_KEYS:
            yield from (e["epcClass"] for e in document.get(key, ()) if not isinstance(e, str))


def hands(documents: Iterable[Mapping[str, Any]]) -> dict[str, int | float]:
    """How many hands from the field each party is: {party URI: 1 for the first hands, 2 for the next ...}.

    Read off the changes of owner: at step 1 is who gave and was given nothing. Returns do not count, loops do not count
    up, and who is only found in a loop that nobody gave anything into is infinitely far: nobody knows.
    """
    documents = list(documents)
    back = returns(documents)
    gives: dict[str, set[str]] = {}
    takers: set[str] = set()
    for document in documents:
        if document.get("disposition") in _NOT_TAKEN:
            continue
        sources, takes = _owners(document)
        for source in sources:
            gives.setdefault(source, set()).update(taker for taker in takes - {source} if (source, taker) not in back)
        takers |= {taker for taker in takes - sources if any((source, taker) not in back for source in sources)}
    steps: dict[str, int | float] = dict.fromkeys((party for party in gives if party not in takers), 1)
    frontier = list(steps)
    while frontier:
        following = []
        for party in frontier:
            for taker in gives.get(party, ()):
                if taker not in steps:
                    steps[taker] = steps[party] + 1
                    following.append(taker)
        frontier = following
    return dict.fromkeys(gives.keys() | takers, math.inf) | steps


def returns(documents: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """(giver, taker) of goods that only ever went back: sent as returned, or refused on arrival.

    Whoever gets goods back records that they arrived like any others; that they are a return stands in the event of who
    sent them back.
    """
    back: set[tuple[str, str]] = set()
    sent: set[tuple[str, str]] = set()
    for document in documents:
        sources, takes = _owners(document)
        pairs = {(source, taker) for source in sources for taker in takes}
        if document.get("disposition") == Disposition.RETURNED:
            back |= pairs
        elif document.get("disposition") == Disposition.NON_CONFORMANT:
            back |= {(taker, source) for source, taker in pairs}
        elif document.get("bizStep") == BizStep.SHIPPING:
            sent |= pairs
    return back - sent


def _owners(document: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Who gave and who took, as the event tells."""
    return (
        {e["source"] for e in document.get("sourceList", ()) if e.get("type") == "owning_party"},
        {e["destination"] for e in document.get("destinationList", ()) if e.get("type") == "owning_party"},
    )


def day_of(entry: Mapping[str, Any]) -> Any:
    """What a timeline is sorted by where an entry has no exact time."""
    moment = entry.get("time")
    return moment.date() if isinstance(moment, datetime) else entry["day"]
