"""What those who run the service ask it: is it alive, can it work, what did it count."""

from hmac import compare_digest
from ipaddress import ip_address

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from trace.domain.failures import N_, Forbidden, Unauthenticated
from trace.kept_objects import folders_of
from trace.metrics import exposition
from trace.services.figures import find_figures
from trace.services.health import check_health
from trace.web.access import public, unasked
from trace.web.parts import parts

blueprint = Blueprint("operations", __name__)
# A request that bears one of these came through a proxy, whatever address it came from.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@blueprint.get("/health/live")
@unasked
@public
def live() -> ResponseReturnValue:
    """存活 / The process answers; nothing else is looked at. Who restarts it asks this."""
    return jsonify(status="ok")


@blueprint.get("/health")
@blueprint.get("/health/ready")
@unasked
@public
def ready() -> ResponseReturnValue:
    """就绪 / Whether work can be done: 503 while the database or the photo store does not answer, 200 and `degraded`
    while a disk is full and what is there can be read.

    What is wrong is told to this machine, or to who bears the token; others are told one word.
    """
    folders = folders_of(parts().settings)
    state = check_health(g.session, parts().objects, g.now, replica=parts().store.replica, folders=folders)
    told = state if _is_operator() else {"status": state["status"]}
    return jsonify(told), 503 if state["status"] == "failing" else 200


@blueprint.get("/metrics")
@unasked
@public
def metrics() -> ResponseReturnValue:
    """指标 / What was counted since the process began, for Prometheus."""
    if not _is_operator():
        if parts().settings.metrics_token:
            raise Unauthenticated(N_("The figures are for who sends SUNSHINE_METRICS_TOKEN as Authorization: Bearer."))
        raise Forbidden(N_("The figures are read on this machine only, unless SUNSHINE_METRICS_TOKEN is set."))
    told = exposition(find_figures(g.session, parts().store, parts().objects, g.now))
    return Response(told, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _is_operator() -> bool:
    """Whether who asks runs the service: bears its token, or, where none is set, asks on this machine itself."""
    token = parts().settings.metrics_token
    if token:
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and compare_digest(sent.strip().encode(), token.encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
