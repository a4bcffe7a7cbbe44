"""EPCIS: events one by one, and the query in the address."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from flask import Response, g

from trace.domain.epcis.query_language import parse_query
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Permission
from trace.services.epcis_capture import capture_event
from trace.services.event_queries import find_events
from trace.web.access import from_replica, may, watched
from trace.web.epcis.answers import at, event_answer, events_answer
from trace.web.epcis.blueprints import Resources
from trace.web.epcis.bodies import read_document
from trace.web.epcis.finding import find_and_answer
from trace.web.epcis.headers import discovery
from trace.web.epcis.negotiation import read_wishes
from trace.web.epcis.parameters import check_parameters, read_query

MOST_DECLARATIONS = 20  # that an event was in error: of the parties to it, each its own
blueprint = Resources("events", __name__)


@blueprint.get("/events")
@may(Permission.EVENT_READ)
@watched
@from_replica
def get_events() -> Response:
    """The events that the query in the address finds."""
    return find_and_answer(read_query())


@blueprint.post("/events")
@may(Permission.EVENT_CAPTURE)
def post_event() -> Response:
    """Capture one event."""
    check_parameters()
    wishes, sent = read_wishes(), read_document()
    if len(sent.events) != 1 or sent.master_data:
        raise Invalid(
            N_("One event is captured here, without master data; {count} came. Send a document to /capture."),
            count=len(sent.events),
        )
    done = capture_event(g.session, actor=g.actor, document=sent.events[0], now=g.now)
    response = event_answer({**sent.events[0], "eventID": done.event_id}, wishes)
    response.status_code = 201
    response.headers["Location"] = at("epcis.events.get_events", done.event_id)
    return response


@blueprint.get("/events/<path:event_id>")
@may(Permission.EVENT_READ)
@watched
@from_replica
def get_one_event(event_id: str) -> Response:
    """The event of this ID; and where there is one, the declaration that it was in error, which repeats the ID."""
    check_parameters()
    return events_answer(_find(event_id), read_wishes())


def _find(event_id: str) -> Sequence[Mapping[str, Any]]:
    with suppress(Invalid):  # what is no URI is nobody's ID
        query = parse_query({"EQ_eventID": [event_id]})
        found = find_events(g.session, actor=g.actor, query=query, page_size=MOST_DECLARATIONS + 1, now=g.now).documents
        if found:
            return found
    raise NotFound(N_("There is no event {id}."), id=event_id[:120])


@blueprint.route("/events", methods=["OPTIONS"])
@may(Permission.EVENT_READ)
def discover_events() -> Response:
    """What the list takes."""
    read_wishes()
    return discovery("GET", "POST")


@blueprint.route("/events/<path:event_id>", methods=["OPTIONS"])
@may(Permission.EVENT_READ)
@watched
def discover_event(event_id: str) -> Response:
    """What an event takes, if there is one."""
    read_wishes()
    _find(event_id)
    return discovery("GET")
