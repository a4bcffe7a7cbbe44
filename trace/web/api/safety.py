"""API: holds, recalls, rapid tests."""

from typing import Any

from flask import g

from schemas.requests import CommandRequest, PageQuery
from schemas.safety import (
    AcknowledgementRequest,
    ClosingRequest,
    LiftingRequest,
    RapidTestRequest,
    ReachQuery,
    RecallRequest,
    RetestRequest,
)
from trace.domain.permissions import Permission
from trace.services import rapid_tests, recall_views, recalls
from trace.web.access import may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of

blueprint = Blueprint("api_safety", __name__, description="Holds, recalls, rapid tests")


@blueprint.post("/recalls")
@blueprint.arguments(RecallRequest)
@blueprint.response(201)
@may(Permission.RECALL_MANAGE)
def post_recall(payload: dict[str, Any]) -> Any:
    """封存或召回 / Hold a lot here, or recall it everywhere, with everything that was made of it."""
    command = command_of(payload)
    return recalls.open_recall(g.session, command, **payload)


@blueprint.get("/recalls")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200)
@may(Permission.RECALL_READ)
@watched
def get_recalls(query: dict[str, Any]) -> Any:
    """召回列表 / Notices to answer, own holds and recalls; an inspector sees the region's."""
    return recall_views.list_recalls(g.session, actor=g.actor, now=g.now, limit=query["limit"])


@blueprint.get("/recalls/reach")
@blueprint.arguments(ReachQuery, location="query")
@blueprint.response(200)
@may(Permission.RECALL_READ)
@watched
def get_reach(query: dict[str, Any]) -> Any:
    """涉及范围 / What a hold or recall of a lot would reach; nothing is changed."""
    return recall_views.reach(g.session, actor=g.actor, lot=query["lot"], now=g.now)


@blueprint.get("/recalls/<string:public_id>")
@blueprint.response(200)
@may(Permission.RECALL_READ)
@watched
def get_recall(public_id: str) -> Any:
    """召回 / One hold or recall, as much of it as the reader may see."""
    return recall_views.get_recall(g.session, actor=g.actor, public_id=public_id, now=g.now)


@blueprint.post("/recalls/<string:public_id>/acknowledgement")
@blueprint.arguments(AcknowledgementRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_acknowledgement(payload: dict[str, Any], public_id: str) -> Any:
    """确认召回 / Answer a recall notice: what is here of it is held."""
    command = command_of(payload)
    return recalls.acknowledge(g.session, command, public_id=public_id, **payload)


@blueprint.post("/recalls/<string:public_id>/lifting")
@blueprint.arguments(LiftingRequest)
@blueprint.response(201)
@may(Permission.RECALL_MANAGE)
def post_lifting(payload: dict[str, Any], public_id: str) -> Any:
    """解除 / The goods are in order: what it held here is released."""
    command = command_of(payload)
    return recalls.lift_recall(g.session, command, public_id=public_id, **payload)


@blueprint.post("/recalls/<string:public_id>/closing")
@blueprint.arguments(ClosingRequest)
@blueprint.response(201)
@may(Permission.RECALL_MANAGE)
def post_closing(payload: dict[str, Any], public_id: str) -> Any:
    """结束召回 / The goods went back or were destroyed; what is left stays blocked."""
    command = command_of(payload)
    return recalls.close_recall(g.session, command, public_id=public_id, **payload)


@blueprint.post("/recalls/<string:public_id>/return-to-sale")
@blueprint.arguments(CommandRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_return_to_sale(payload: dict[str, Any], public_id: str) -> Any:
    """恢复销售 / Put back on hand what a recall held here that was lifted since."""
    command = command_of(payload)
    return recalls.put_back(g.session, command, public_id=public_id)


@blueprint.post("/recalls/<string:public_id>/search")
@blueprint.arguments(CommandRequest)
@blueprint.response(201)
@may(Permission.RECALL_MANAGE)
def post_search(payload: dict[str, Any], public_id: str) -> Any:
    """继续追查 / Trace again where the search came to no end."""
    command = command_of(payload)
    return recalls.look_again(g.session, command, public_id=public_id)


@blueprint.post("/rapid-tests")
@blueprint.arguments(RapidTestRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_rapid_test(payload: dict[str, Any]) -> Any:
    """登记快检 / Record a rapid test: failed, it holds the lot at once; passed, it is a paper of the lot."""
    command = command_of(payload)
    return rapid_tests.record_test(g.session, command, **payload)


@blueprint.get("/rapid-tests")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200)
@may(Permission.RECALL_READ)
@watched
def get_rapid_tests(query: dict[str, Any]) -> Any:
    """快检列表 / Rapid tests with the clock of the re-test; an inspector sees the region's."""
    tests = rapid_tests.list_tests(g.session, actor=g.actor, now=g.now, limit=query["limit"])
    return {"tests": tests}


@blueprint.post("/rapid-tests/<string:public_id>/retest")
@blueprint.arguments(RetestRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_retest(payload: dict[str, Any], public_id: str) -> Any:
    """复检 / Ask for the re-test, or, with `passed`, record its result."""
    command = command_of(payload)
    if payload["passed"] is None:
        return rapid_tests.ask_retest(g.session, command, public_id=public_id)
    return rapid_tests.record_retest(g.session, command, public_id=public_id, **payload)
