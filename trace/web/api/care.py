"""API: stock care in a pharmacy: expiry, maintenance checks, quarantine, stock-taking."""

from typing import Any

from flask import g

from schemas.care import (
    CareCheckRequest,
    CareChecksRequest,
    CountRequest,
    ExpiringRequest,
    KeepApartRequest,
    StocktakeClosingRequest,
    StocktakeRequest,
)
from schemas.requests import PageQuery
from trace.domain.permissions import Permission
from trace.services import care_checks, stocktake_result, stocktaking
from trace.services.near_expiry import expiring
from trace.services.quarantine import keep_apart, quarantined
from trace.services.recall_codes import recall_codes
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of, some_of
from trace.web.delivery_form import agreement_of, names_no_second
from trace.web.parts import PASSWORD_RATE, limiter

blueprint = Blueprint("api_care", __name__, description="Stock care and stock-taking")


@blueprint.get("/care/expiring")
@blueprint.arguments(ExpiringRequest, location="query")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_expiring(query: dict[str, Any]) -> Any:
    """近效期 / What is past its day, in red, and near its expiry."""
    return expiring(g.session, actor=g.actor, now=g.now, **query)


@blueprint.get("/care/due")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_due_checks() -> Any:
    """待养护 / The lots of drugs that are due for a look."""
    return care_checks.due_checks(g.session, actor=g.actor, on=g.now.date(), zone=g.now.tzinfo)


@blueprint.get("/care/checks")
@blueprint.arguments(CareChecksRequest, location="query")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_care_checks(query: dict[str, Any]) -> Any:
    """养护检查记录 / Maintenance checks, newest first."""
    return {"checks": care_checks.list_checks(g.session, actor=g.actor, **query)}


@blueprint.post("/care/checks")
@blueprint.arguments(CareCheckRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_care_check(payload: dict[str, Any]) -> Any:
    """养护检查 / Record a maintenance check; what is in doubt goes off the shelf."""
    command = command_of(payload)
    looked = [care_checks.Looked(**one) for one in payload["lots"]]
    return care_checks.record_check(g.session, command, looked=looked, remarks=payload["remarks"])


@blueprint.get("/quarantine")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_quarantine() -> Any:
    """隔离区 / What is kept apart, and why."""
    return quarantined(g.session, actor=g.actor)


@blueprint.post("/quarantine")
@blueprint.arguments(KeepApartRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_quarantine(payload: dict[str, Any]) -> Any:
    """移入隔离区 / Keep everything on hand of lots apart."""
    command = command_of(payload)
    return keep_apart(g.session, command, **payload)


@blueprint.get("/stocktakes")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_stocktakes(query: dict[str, Any]) -> Any:
    """盘点列表 / Stock-takings, open ones first."""
    return {"stocktakes": stocktake_result.list_stocktakes(g.session, actor=g.actor, **query)}


@blueprint.post("/stocktakes")
@blueprint.arguments(StocktakeRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_stocktake(payload: dict[str, Any]) -> Any:
    """开始盘点 / Begin to take stock of everything, a category, or one product."""
    command = command_of(payload)
    named = {"note": payload["note"], "category": payload["category"], "product_id": payload["product"]}
    return stocktaking.start(g.session, command, **named)


@blueprint.get("/stocktakes/<string:public_id>")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_stocktake(public_id: str) -> Any:
    """盘点结果 / A stock-taking: what agrees, is missing, too much, strange."""
    return stocktake_result.get_stocktake(g.session, actor=g.actor, public_id=public_id)


@blueprint.post("/stocktakes/<string:public_id>/counts")
@blueprint.arguments(CountRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_count(payload: dict[str, Any], public_id: str) -> Any:
    """盘点计数 / Count packs by their codes and lots by quantity."""
    command = command_of(payload)
    goods = some_of(payload["goods"])
    return stocktaking.count(
        g.session, command, public_id=public_id, codes=payload["codes"], goods=goods, anew=payload["anew"]
    )


@blueprint.post("/stocktakes/<string:public_id>/closing")
@blueprint.arguments(StocktakeClosingRequest)
@blueprint.response(201)
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_MOVE)
def post_stocktake_closing(payload: dict[str, Any], public_id: str) -> Any:
    """结束盘点 / Close a stock-taking and book the difference; two people answer for it."""
    agreement = agreement_of(payload)
    command = command_of(payload)
    return stocktaking.close(g.session, command, public_id=public_id, reason=payload["reason"], agreement=agreement)


@blueprint.get("/recalls/<string:public_id>/codes")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_recall_codes(public_id: str) -> Any:
    """召回药品追溯码 / Packs of a recall that are here, and the receipts on which others went."""
    return recall_codes(g.session, actor=g.actor, public_id=public_id)
