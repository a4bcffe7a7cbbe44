"""API: stock by lot, destruction."""

from typing import Any

from flask import g

from schemas.stock import DisposalRequest, DisposalsRequest, StockRequest
from trace.domain.permissions import Permission
from trace.services.disposal import dispose, list_disposals
from trace.services.stock_list import Shelf, StockQuery, stock_page
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of, some_of

blueprint = Blueprint("api_stock", __name__, description="Stock by lot, destruction")


@blueprint.get("/stock")
@blueprint.arguments(StockRequest, location="query")
@blueprint.response(200)
@may(Permission.GOODS_READ)
@from_replica
def get_stock(query: dict[str, Any]) -> Any:
    """库存 / Stock by lot, what expires first on top; `next` is the page's successor, `after` asks for it."""
    asked = StockQuery(**{**query, "shelf": Shelf(query["shelf"])})
    return stock_page(g.session, actor=g.actor, query=asked, on=g.now.date())


@blueprint.post("/hops/destroy")
@blueprint.arguments(DisposalRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_destroy(payload: dict[str, Any]) -> Any:
    """销毁 / Destroy goods, with photo and witness."""
    named = {name: payload[name] for name in ("reason", "method", "witness", "sha256")}
    goods = some_of(payload["goods"])
    return dispose(g.session, command_of(payload), goods=goods, place=payload["where"], **named)


@blueprint.get("/disposals")
@blueprint.arguments(DisposalsRequest, location="query")
@blueprint.response(200)
@may(Permission.GOODS_READ)
@watched
@from_replica
def get_disposals(query: dict[str, Any]) -> Any:
    """销毁记录 / What was destroyed, with photo and witness; an inspector sees the region's."""
    return {"disposals": list_disposals(g.session, actor=g.actor, now=g.now, **query)}
