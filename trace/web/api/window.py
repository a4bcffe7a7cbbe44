"""API: the public window of a pharmacy, and inspections."""

from typing import Any

from flask import g

from schemas.window import InspectionRequest, InspectionsQuery, PackQuery, WindowRequest
from trace.domain.permissions import Permission
from trace.services.inspections import list_inspections, record_inspection
from trace.services.pack_check import check_pack
from trace.services.public_window import see_window, set_window, window_settings
from trace.web.access import from_replica, may, public, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.device import device
from trace.web.parts import PUBLIC_RATE, limiter, pack_checks

blueprint = Blueprint("api_window", __name__, description="The public window of a pharmacy, and inspections")


@blueprint.get("/public/windows/<string:public_id>")
@blueprint.response(200)
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def get_public_window(public_id: str) -> Any:
    """阳光药店 / What a pharmacy's window shows everybody."""
    return see_window(g.session, public_id=public_id, now=g.now)


@blueprint.get("/public/windows/<string:public_id>/check")
@blueprint.arguments(PackQuery, location="query")
@blueprint.response(200)
@pack_checks
@public
@from_replica
def get_pack_check(query: dict[str, Any], public_id: str) -> Any:
    """查追溯码 / Was a pack sold at this pharmacy, once: a word and a day."""
    return check_pack(g.session, public_id=public_id, text=query["code"], now=g.now)


@blueprint.get("/public-window")
@blueprint.response(200)
@may(Permission.WINDOW_MANAGE)
def get_window() -> Any:
    """公示窗口设置 / The settings of the own window."""
    return window_settings(g.session, actor=g.actor)


@blueprint.post("/public-window")
@blueprint.arguments(WindowRequest)
@blueprint.response(201)
@may(Permission.WINDOW_MANAGE)
def post_window(payload: dict[str, Any]) -> Any:
    """公示窗口设置 / Open or close the own window, and say what it shows."""
    return set_window(g.session, command_of(payload), **payload, device=device())


@blueprint.get("/inspections")
@blueprint.arguments(InspectionsQuery, location="query")
@blueprint.response(200)
@may(Permission.RECALL_READ)
@watched
def get_inspections(query: dict[str, Any]) -> Any:
    """监督检查 / Inspections: the own ones; of the region for a watcher, which is written down."""
    found = list_inspections(g.session, actor=g.actor, now=g.now, organisation_id=query["organisation"])
    return {"inspections": found}


@blueprint.post("/inspections")
@blueprint.arguments(InspectionRequest)
@blueprint.response(201)
@may(Permission.INSPECTION_RECORD)
def post_inspection(payload: dict[str, Any]) -> Any:
    """监督检查 / Record an inspection: its outcome and grade are shown to the public."""
    command = command_of(payload)
    return record_inspection(g.session, command, organisation_id=payload.pop("organisation"), **payload)
