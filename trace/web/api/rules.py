"""API: the rule book."""

from typing import Any

from flask import g

from schemas.rules import RuleRequest, RulesQuery
from trace.domain.permissions import Permission
from trace.services import rule_writing
from trace.web.access import from_replica, may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of

blueprint = Blueprint("api_rules", __name__, description="The rule book")


@blueprint.get("/rules")
@blueprint.arguments(RulesQuery, location="query")
@blueprint.response(200)
@may(Permission.RULE_READ)
@from_replica
def get_rules(query: dict[str, Any]) -> Any:
    """规则列表 / The rules in force on a day, each with its source and since when."""
    return {"rules": rule_writing.list_rules(g.session, actor=g.actor, on=query["on"] or g.now.date())}


@blueprint.post("/rules")
@blueprint.arguments(RuleRequest)
@blueprint.response(201)
@may(Permission.RULE_MANAGE)
def post_rule(payload: dict[str, Any]) -> Any:
    """新增规则条目 / Add an entry to the rule book; nothing is overwritten."""
    command = command_of(payload)
    return rule_writing.write_rule(g.session, command, **payload)


@blueprint.get("/rules/<string:name>")
@blueprint.response(200)
@may(Permission.RULE_READ)
@from_replica
def get_rule(name: str) -> Any:
    """规则沿革 / Every entry of one rule, with who wrote it, when and why."""
    return rule_writing.rule_history(g.session, actor=g.actor, name=name)
