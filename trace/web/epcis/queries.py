"""EPCIS: named queries, and the events that they find."""

from typing import Any

from flask import Response, g

from trace.domain.epcis.query_language import parse_query
from trace.domain.failures import N_, Invalid, NotProvided
from trace.domain.permissions import Permission
from trace.services.named_queries import create_query, delete_query, get_query, list_queries
from trace.web.access import from_replica, may, watched
from trace.web.epcis.answers import at, record_answer, records_answer
from trace.web.epcis.blueprints import Resources
from trace.web.epcis.bodies import read_object
from trace.web.epcis.finding import find_and_answer
from trace.web.epcis.headers import discovery
from trace.web.epcis.negotiation import read_extensions, read_wishes
from trace.web.epcis.paging import PARAMETERS, add_next, read_paging
from trace.web.epcis.parameters import check_parameters

blueprint = Resources("queries", __name__)
XML_NAME = "QueryDefinition"


@blueprint.get("/queries")
@may(Permission.EVENT_READ)
def get_queries() -> Response:
    """The organisation's queries, by name."""
    check_parameters(*PARAMETERS)
    wishes, paging = read_wishes(), read_paging()
    queries, mark = list_queries(g.session, actor=g.actor, size=paging.size, after=paging.after)
    return add_next(records_answer([query.as_dict() for query in queries], wishes, name=XML_NAME), mark)


@blueprint.post("/queries")
@may(Permission.QUERY_MANAGE)
def post_query() -> Response:
    """Keep a query under a name."""
    check_parameters()
    wishes, body = read_wishes(), read_object()
    name, parameters = body.get("name"), body.get("query")
    if not isinstance(name, str) or not isinstance(parameters, dict) or body.keys() - {"name", "query", "@context"}:
        raise Invalid(N_('Send {"name": text, "query": {"parameter": value}} and nothing else.'))
    made = create_query(g.session, actor=g.actor, name=name, parameters=_explained(parameters), now=g.now)
    response = record_answer(made.as_dict(), wishes, name=XML_NAME)
    response.status_code = 201
    response.headers["Location"] = at("epcis.queries.get_queries", made.name)
    return response


def _explained(parameters: dict[str, Any]) -> dict[str, Any]:
    """The query with the prefixes that the header GS1-Extensions explains: it will be asked without the header."""
    told, own = read_extensions(), parameters.get("@context")
    if not told:
        return parameters
    # What comes later counts: the query's own context.
    return {**parameters, "@context": told if own is None else [told, *(own if isinstance(own, list) else [own])]}


@blueprint.get("/queries/<string:name>")
@may(Permission.EVENT_READ)
def get_one_query(name: str) -> Response:
    """What is asked under a name."""
    check_parameters()
    found = get_query(g.session, actor=g.actor, name=name)
    return record_answer(found.as_dict(), read_wishes(), name=XML_NAME)


@blueprint.delete("/queries/<string:name>")
@may(Permission.QUERY_MANAGE)
def delete_one_query(name: str) -> Response:
    """Take a name back; its subscriptions end."""
    check_parameters()
    delete_query(g.session, actor=g.actor, name=name)
    return Response(status=204)


@blueprint.get("/queries/<string:name>/events")
@may(Permission.EVENT_READ)
@watched
@from_replica
def get_events_of_query(name: str) -> Response:
    """What a named query finds now."""
    found = get_query(g.session, actor=g.actor, name=name)
    check_parameters(*PARAMETERS)
    return find_and_answer(parse_query(found.parameters), query_name=found.name)


@blueprint.get("/queries/<string:name>/events", websocket=True)
@may(Permission.EVENT_READ)
def open_socket(name: str) -> Response:
    """A WebSocket would hold a worker of this synchronous server for as long as it is open."""
    get_query(g.session, actor=g.actor, name=name)
    raise NotProvided(
        N_("Subscriptions by WebSocket are not provided here; use a webhook: POST /queries/{name}/subscriptions."),
        name=name,
    )


@blueprint.route("/queries", methods=["OPTIONS"])
@may(Permission.EVENT_READ)
def discover_queries() -> Response:
    """What the list takes."""
    read_wishes()
    return discovery("GET", "POST")


@blueprint.route("/queries/<string:name>", methods=["OPTIONS"])
@may(Permission.EVENT_READ)
def discover_query(name: str) -> Response:
    """What a query takes, if there is one."""
    read_wishes()
    get_query(g.session, actor=g.actor, name=name)
    return discovery("GET", "DELETE")


@blueprint.route("/queries/<string:name>/events", methods=["OPTIONS"])
@may(Permission.EVENT_READ)
def discover_events_of_query(name: str) -> Response:
    """What its events take."""
    read_wishes()
    get_query(g.session, actor=g.actor, name=name)
    return discovery("GET")
