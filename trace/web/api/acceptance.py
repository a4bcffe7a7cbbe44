"""API: orders and acceptance at a pharmacy, step by step or in one request."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import g

from schemas import acceptance as bodies
from schemas.requests import CommandRequest
from trace.domain.permissions import Permission
from trace.services import acceptance, acceptance_codes, accepting, orders
from trace.services.acceptance_view import acceptance_record, codes_of_line, get_acceptance, list_acceptances
from trace.services.commands import Command
from trace.services.orders import OrderLine
from trace.web.acceptance_form import changes_of, new_line
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.delivery_form import agreement_of, names_no_second, supplier_of
from trace.web.parts import PASSWORD_RATE, limiter

blueprint = Blueprint("api_acceptance", __name__, description="Orders, acceptance at a pharmacy")


@blueprint.get("/orders")
@blueprint.arguments(bodies.StateQuery, location="query")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_orders(query: dict[str, Any]) -> Any:
    """采购订单列表 / One's own orders, the newest first."""
    return {"orders": orders.list_orders(g.session, actor=g.actor, **query)}


@blueprint.post("/orders")
@blueprint.arguments(bodies.OrderRequest)
@blueprint.response(201)
@may(Permission.GOODS_RECEIVE)
def post_order(payload: dict[str, Any]) -> Any:
    """登记采购订单 / Record an order."""
    command = command_of(payload)
    lines = [OrderLine(**line) for line in payload.pop("lines")]
    return orders.place_order(g.session, command, supplier_file=payload.pop("supplier"), lines=lines, **payload)


@blueprint.get("/orders/<string:public_id>")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_one_order(public_id: str) -> Any:
    """采购订单 / One order with its lines."""
    return orders.get_order(g.session, actor=g.actor, public_id=public_id)


@blueprint.post("/orders/<string:public_id>/cancellation")
@blueprint.arguments(CommandRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_order_cancellation(payload: dict[str, Any], public_id: str) -> Any:
    """取消采购订单 / Take an order back."""
    return orders.cancel_order(g.session, _command(payload, public_id), public_id=public_id)


@blueprint.get("/acceptances")
@blueprint.arguments(bodies.AcceptanceQuery, location="query")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_acceptances(query: dict[str, Any]) -> Any:
    """验收列表 / One's own acceptances, the newest first."""
    return {"acceptances": list_acceptances(g.session, actor=g.actor, **query)}


@blueprint.post("/acceptances")
@blueprint.arguments(bodies.OpenRequest)
@blueprint.response(201)
@may(Permission.GOODS_RECEIVE)
def post_acceptance(payload: dict[str, Any]) -> Any:
    """开始验收 / Begin to accept a delivery."""
    command = command_of(payload)
    lines = [new_line(line) for line in payload.pop("lines")]
    return acceptance.open_acceptance(g.session, command, supplier=_supplier(payload), lines=lines, **payload)


@blueprint.post("/acceptances/whole")
@blueprint.arguments(bodies.WholeRequest)
@blueprint.response(201)
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_RECEIVE)
def post_whole_acceptance(payload: dict[str, Any]) -> Any:
    """整单验收 / Accept a whole delivery in one request, with all its codes."""
    agreement = agreement_of(payload)
    command = command_of(payload)
    payload.pop("overridden", None)
    lines = [(new_line(line), line["codes"]) for line in payload.pop("lines")]
    asked = {"supplier": _supplier(payload), "lines": lines, "agreement": agreement, **payload}
    return accepting.accept_at_once(g.session, command, **asked)


@blueprint.get("/acceptances/<string:public_id>")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_one_acceptance(public_id: str) -> Any:
    """验收情况 / One acceptance: its lines, what differs, what waits for an answer."""
    return get_acceptance(g.session, Command(g.actor, g.now), public_id=public_id)


@blueprint.get("/acceptances/<string:public_id>/record")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_acceptance_record(public_id: str) -> Any:
    """验收记录 / The acceptance record of one that is done."""
    return acceptance_record(g.session, Command(g.actor, g.now), public_id=public_id)


@blueprint.get("/acceptances/<string:public_id>/lines/<int:line>/codes")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_line_codes(public_id: str, line: int) -> Any:
    """验收行的追溯码 / The codes on one line."""
    return {"codes": codes_of_line(g.session, actor=g.actor, public_id=public_id, line=line)}


@blueprint.post("/acceptances/<string:public_id>/codes")
@blueprint.arguments(bodies.ScannedRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_acceptance_codes(payload: dict[str, Any], public_id: str) -> Any:
    """扫码验收 / Put scanned codes into an acceptance; the same again is harmless."""
    command = _command(payload, public_id)
    payload["texts"] = payload.pop("codes")
    return acceptance_codes.scan(g.session, command, public_id=public_id, **payload)


@blueprint.post("/acceptances/<string:public_id>/left-out")
@blueprint.arguments(bodies.LeftOutRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_left_out(payload: dict[str, Any], public_id: str) -> Any:
    """移出误扫的码 / Take codes out that were scanned by mistake."""
    command = _command(payload, public_id)
    return acceptance_codes.leave_out(g.session, command, public_id=public_id, texts=payload["codes"])


@blueprint.post("/acceptances/<string:public_id>/apart")
@blueprint.arguments(bodies.ApartRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_apart(payload: dict[str, Any], public_id: str) -> Any:
    """单独处理 / Put boxes of a line apart, to hold or refuse them."""
    command = _command(payload, public_id)
    payload["texts"] = payload.pop("codes")
    return acceptance_codes.set_apart(g.session, command, public_id=public_id, **payload)


@blueprint.post("/acceptances/<string:public_id>/lines")
@blueprint.arguments(bodies.NoteLinesRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_acceptance_lines(payload: dict[str, Any], public_id: str) -> Any:
    """补充随货同行单 / Further lines of the delivery note."""
    lines = [new_line(line) for line in payload["lines"]]
    return acceptance.add_lines(g.session, _command(payload, public_id), public_id=public_id, lines=lines)


@blueprint.post("/acceptances/<string:public_id>/changes")
@blueprint.arguments(bodies.ChangeRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_acceptance_changes(payload: dict[str, Any], public_id: str) -> Any:
    """填写验收内容 / What is typed on the lines, the note's number, how it came."""
    command = _command(payload, public_id)
    return acceptance.change(g.session, command, public_id=public_id, **changes_of(payload))


@blueprint.post("/acceptances/<string:public_id>/identifiers")
@blueprint.arguments(bodies.LearnRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_identifier(payload: dict[str, Any], public_id: str) -> Any:
    """指认药品标识码 / Say which product an unknown identifier is of."""
    command = _command(payload, public_id)
    return acceptance_codes.name_identifier(g.session, command, public_id=public_id, **payload)


@blueprint.post("/acceptances/<string:public_id>/acceptance")
@blueprint.arguments(bodies.AcceptRequest)
@blueprint.response(200)
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_RECEIVE)
def post_accept(payload: dict[str, Any], public_id: str) -> Any:
    """完成验收 / Accept the delivery: its receipt is made."""
    agreement = agreement_of(payload)
    return accepting.accept(g.session, _command(payload, public_id), public_id=public_id, agreement=agreement)


@blueprint.post("/acceptances/<string:public_id>/cancellation")
@blueprint.arguments(CommandRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_acceptance_cancellation(payload: dict[str, Any], public_id: str) -> Any:
    """取消验收 / End an acceptance without receipt."""
    return acceptance.cancel(g.session, _command(payload, public_id), public_id=public_id)


def _command(payload: dict[str, Any], public_id: str) -> Command:
    """The command of a body sent to one record: which one is part of what was asked."""
    command = command_of(payload)
    return replace(command, request={**command.request, "id": public_id})


def _supplier(payload: dict[str, Any]) -> Any:
    told: Mapping[str, Any] | None = payload.pop("supplier")
    return supplier_of(dict(told)) if told else None
