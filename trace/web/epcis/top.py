"""EPCIS: the list of top-level resources, and page tokens."""

from flask import Response

from trace.domain.failures import N_, NotProvided
from trace.domain.permissions import Permission
from trace.web.access import may
from trace.web.epcis.answers import collection_answer
from trace.web.epcis.blueprints import Resources
from trace.web.epcis.headers import discovery
from trace.web.epcis.negotiation import read_wishes
from trace.web.epcis.parameters import check_parameters

blueprint = Resources("top", __name__)
TOP_LEVEL = (
    "queries",
    "capture",
    "events",
    "eventTypes",
    "epcs",
    "readPoints",
    "bizLocations",
    "dispositions",
    "bizSteps",
)


@blueprint.get("/")
@may(Permission.EVENT_READ)
def get_top() -> Response:
    """What there is."""
    check_parameters()
    return collection_answer(TOP_LEVEL, read_wishes(), name="TopLevelResourceCollection")


@blueprint.route("/", methods=["OPTIONS"])
@may(Permission.EVENT_READ)
def discover_top() -> Response:
    """What this service can."""
    read_wishes()
    return discovery("GET")


@blueprint.delete("/nextPageToken/<path:token>")
@may(Permission.EVENT_READ)
def delete_token(token: str) -> Response:
    """Nothing is kept for a token, so there is nothing to release (the standard allows 501)."""
    raise NotProvided(N_("A nextPageToken holds nothing here that could be released; it runs out by itself."))
