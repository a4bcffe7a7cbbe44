"""API: look-ups."""

from typing import Any

from flask import g, request

from schemas.requests import HistoryQuery, PageQuery, SearchTextQuery, TraceQuery
from trace.domain.genealogy import Direction
from trace.domain.permissions import Permission
from trace.services.events import get_event
from trace.services.look_up_log import list_look_ups
from trace.services.lookup import look_up
from trace.services.organisation_history import history_of_organisation
from trace.services.search import search
from trace.web.access import from_replica, may, public, watched
from trace.web.api.arguments import Blueprint
from trace.web.parts import PUBLIC_RATE, limiter, pack_checks_where

blueprint = Blueprint("api_look", __name__, description="Look-ups")


@blueprint.get("/trace")
@blueprint.arguments(TraceQuery, location="query")
@blueprint.response(200)
@may(Permission.LOT_TRACE)
@watched
@from_replica
def get_trace(query: dict[str, Any]) -> Any:
    """追溯 / History and whole trace of any code; an inspector's look-up is written down."""
    return _look_up(query, public_view=False)


@blueprint.get("/public/trace")
@blueprint.arguments(TraceQuery(only=("code", "limit")), location="query")
@blueprint.response(200)
@limiter.limit(PUBLIC_RATE)
@pack_checks_where(lambda: request.args.get("code", ""))
@public
@from_replica
def get_public_trace(query: dict[str, Any]) -> Any:
    """公众查询 / What the public may know of a code."""
    return _look_up(query, public_view=True)


def _look_up(query: dict[str, Any], *, public_view: bool) -> Any:
    direction = query.get("direction")
    return look_up(
        g.session,
        actor=None if public_view else g.actor,
        text=query["code"],
        now=g.now,
        reason=query.get("reason", ""),
        direction=Direction(direction) if direction else None,
        limit=query["limit"],
        at=query.get("at"),
        after=query.get("after"),
    )


@blueprint.get("/search")
@blueprint.arguments(SearchTextQuery, location="query")
@blueprint.response(200)
@may(Permission.LOT_TRACE)
@watched
@from_replica
def get_search(query: dict[str, Any]) -> Any:
    """搜索 / Lots by number, certificates by number, organisations by name or credit code.

    An organisation is told with its newest lots: to inspectors and its own people those that it had to do with, to
    others those that went from it to them or back. `left_out` names those lists that are not whole: of an
    organisation's lots, the older ones.
    """
    return search(g.session, actor=g.actor, text=query["text"], now=g.now, reason=query["reason"])


@blueprint.get("/organisations/<string:public_id>/history")
@blueprint.arguments(HistoryQuery, location="query")
@blueprint.response(200)
@may(Permission.LOT_TRACE)
@watched
@from_replica
def get_history(query: dict[str, Any], public_id: str) -> Any:
    """单位记录 / An organisation's card, and its latest events as far as the caller may read them."""
    return history_of_organisation(g.session, actor=g.actor, public_id=public_id, now=g.now, **query)


@blueprint.get("/events/<path:event_id>")
@blueprint.response(200)
@may(Permission.EVENT_READ)
@watched
@from_replica
def get_one_event(event_id: str) -> Any:
    """事件原文 / One event as EPCIS 2.0 JSON, as captured."""
    return get_event(g.session, actor=g.actor, event_id=event_id, now=g.now)


@blueprint.get("/look-ups")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200)
@may(Permission.LOOKUP_LOG_READ)
@from_replica
def get_look_ups(query: dict[str, Any]) -> Any:
    """查询记录 / Who looked at what, in the auditor's region."""
    return {"look_ups": list_look_ups(g.session, actor=g.actor, limit=query["limit"])}
