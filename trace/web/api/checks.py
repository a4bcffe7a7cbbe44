"""API: the self-checks 日管控、周排查、月调度."""

from typing import Any

from flask import g

from schemas.checks import ChecksQuery, SignatureRequest
from trace.domain.permissions import Permission
from trace.services.self_checks import get_check, list_checks, sign
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.check_address import day_of, kind_of

blueprint = Blueprint("api_checks", __name__, description="Daily, weekly and monthly self-checks")


@blueprint.get("/checks")
@blueprint.arguments(ChecksQuery, location="query")
@blueprint.response(200)
@may(Permission.CHECK_SIGN)
def get_checks(query: dict[str, Any]) -> Any:
    """自查记录 / The signed self-checks of a span of days."""
    return {"checks": list_checks(g.session, actor=g.actor, **query)}


@blueprint.get("/checks/<string:kind>/<string:day>")
@blueprint.response(200)
@may(Permission.CHECK_SIGN)
def get_one(kind: str, day: str) -> Any:
    """自查表 / A self-check: as it was signed, or its draft."""
    return get_check(g.session, actor=g.actor, kind=kind_of(kind), day=day_of(day), now=g.now)


@blueprint.post("/checks/<string:kind>/<string:day>/signature")
@blueprint.arguments(SignatureRequest)
@blueprint.response(201)
@may(Permission.CHECK_SIGN)
def post_signature(payload: dict[str, Any], kind: str, day: str) -> Any:
    """签字 / Sign a self-check; a person does."""
    problems, remarks = payload["problems"], payload["remarks"]
    asked = {**payload, "kind": kind, "day": day}
    return sign(g.session, command_of(asked), kind=kind_of(kind), day=day_of(day), problems=problems, remarks=remarks)
