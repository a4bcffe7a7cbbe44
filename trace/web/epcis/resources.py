"""EPCIS: event types, EPCs, business steps, locations, read points and dispositions, and the events that name them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, g

from storage.events import Named
from trace.domain.epcis import cbv
from trace.domain.epcis.translation import translate_uri
from trace.domain.permissions import Permission
from trace.services.event_resources import Listed, get_event_type, get_named, list_event_types, list_named, narrowed
from trace.web.access import from_replica, may, watched
from trace.web.epcis.answers import collection_answer
from trace.web.epcis.blueprints import Resources
from trace.web.epcis.finding import find_and_answer
from trace.web.epcis.headers import discovery
from trace.web.epcis.negotiation import Wishes, read_wishes
from trace.web.epcis.paging import PARAMETERS, add_next, read_paging
from trace.web.epcis.parameters import check_parameters, read_query

blueprint = Resources("resources", __name__)
URIS = "UriCollection"


@dataclass(frozen=True, slots=True)
class Resource:
    """A top-level resource: its list (None: the event types), its schema's name, and the words in it."""

    kind: Named | None
    collection: str
    words: cbv.Kind | None = None

    def told(self, members: Sequence[str], wishes: Wishes) -> list[str]:
        """The members in the form asked for: identifiers by GS1-EPC-Format, words in XML by GS1-CBV-XML-Format."""
        if self.words is not None and wishes.xml:
            write = cbv.web_uri if wishes.cbv == "web" else cbv.urn
            return [write(self.words, word) for word in members]
        if self.collection == URIS:
            return list(dict.fromkeys(translate_uri(uri, wishes.epc_format) for uri in members))
        return list(members)


RESOURCES = {
    "eventTypes": Resource(None, "EventTypeCollection"),
    "epcs": Resource(Named.EPC, URIS),
    "bizSteps": Resource(Named.BIZ_STEP, "BizStepCollection", cbv.Kind.BIZ_STEP),
    "bizLocations": Resource(Named.BIZ_LOCATION, URIS),
    "readPoints": Resource(Named.READ_POINT, URIS),
    "dispositions": Resource(Named.DISPOSITION, "DispositionCollection", cbv.Kind.DISPOSITION),
}


@may(Permission.EVENT_READ)
@watched
@from_replica
def get_list(resource: str) -> Response:
    """What the events that one may see name."""
    check_parameters(*PARAMETERS)
    asked, wishes, paging = RESOURCES[resource], read_wishes(), read_paging()
    page = _list(asked, paging.size, paging.after)
    return add_next(collection_answer(asked.told(page.members, wishes), wishes, name=asked.collection), page.mark)


@may(Permission.EVENT_READ)
@watched
@from_replica
def get_one(resource: str, value: str) -> Response:
    """What there is below one of them: its events."""
    check_parameters(*PARAMETERS)
    _get(resource, value)
    return collection_answer(["events"], read_wishes(), name="ResourceCollection")


@may(Permission.EVENT_READ)
@watched
@from_replica
def get_events_of(resource: str, value: str) -> Response:
    """The events that name it, and that the query in the address picks."""
    found = _get(resource, value)
    return find_and_answer(narrowed(read_query(), RESOURCES[resource].kind, found))


@may(Permission.EVENT_READ)
def discover_list(resource: str) -> Response:
    """What the list takes."""
    read_wishes()
    return discovery("GET")


@may(Permission.EVENT_READ)
@watched
def discover_one(resource: str, value: str) -> Response:
    """What one of them takes, if there is one."""
    read_wishes()
    _get(resource, value)
    return discovery("GET")


def _list(asked: Resource, size: int, after: str | None) -> Listed:
    if asked.kind is None:
        return list_event_types(size=size, after=after)
    return list_named(g.session, actor=g.actor, kind=asked.kind, size=size, after=after, now=g.now)


def _get(resource: str, value: str) -> str:
    kind = RESOURCES[resource].kind
    if kind is None:
        return get_event_type(value)
    return get_named(g.session, actor=g.actor, kind=kind, text=value, now=g.now)


def _offer(name: str, tail: str, view: Callable[..., Response], method: str) -> None:
    """One route of one resource. The endpoints differ, or werkzeug would redirect from one default to another."""
    endpoint = f"{name}_{view.__name__}{tail.count('/')}"
    blueprint.add_url_rule(f"/{name}{tail}", endpoint, view, defaults={"resource": name}, methods=[method])


for _name in RESOURCES:
    _offer(_name, "", get_list, "GET")
    _offer(_name, "", discover_list, "OPTIONS")
    _offer(_name, "/<path:value>", get_one, "GET")
    _offer(_name, "/<path:value>", discover_one, "OPTIONS")
    _offer(_name, "/<path:value>/events", get_events_of, "GET")
    _offer(_name, "/<path:value>/events", discover_one, "OPTIONS")
