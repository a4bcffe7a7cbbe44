"""API: a chain's headquarters and its shops."""

from typing import Any

from flask import g

from schemas.chain import ChainDeliveryRequest, ChainMoveRequest, ChainStockQuery
from schemas.stock import StockRequest
from trace.domain.permissions import Permission
from trace.services.chain import acting_for, chain_stock, overview
from trace.services.chain_moves import Part, Share, move, receive_for_shops
from trace.services.stock_list import Shelf, StockQuery, stock_page
from trace.web.access import from_replica, may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of, some_of
from trace.web.delivery_form import line_of, supplier_of

blueprint = Blueprint("api_chain", __name__, description="A chain's headquarters and its shops")


@blueprint.get("/chain")
@blueprint.response(200)
@may(Permission.CHAIN_MANAGE)
@from_replica
def get_chain() -> Any:
    """连锁门店总览 / How each place of one's own chain stands today; the headquarters' own store comes first."""
    return {"places": overview(g.session, actor=g.actor, now=g.now)}


@blueprint.get("/chain/stock")
@blueprint.arguments(ChainStockQuery, location="query")
@blueprint.response(200)
@may(Permission.CHAIN_MANAGE)
@from_replica
def get_chain_stock(query: dict[str, Any]) -> Any:
    """连锁库存 / Where goods are in the chain: by lot and shop, what expires first on top."""
    return {"stock": chain_stock(g.session, actor=g.actor, text=query["text"], lot_uri=query["lot"] or None)}


@blueprint.get("/chain/shops/<string:public_id>/stock")
@blueprint.arguments(StockRequest, location="query")
@blueprint.response(200)
@may(Permission.CHAIN_MANAGE)
@from_replica
def get_shop_stock(query: dict[str, Any], public_id: str) -> Any:
    """门店库存 / The stock of one shop of the chain by lot, as the shop itself sees it."""
    asked = StockQuery(**{**query, "shelf": Shelf(query["shelf"])})
    at_shop = acting_for(g.session, g.actor, public_id)
    return stock_page(g.session, actor=at_shop, query=asked, on=g.now.date())


@blueprint.post("/chain/moves")
@blueprint.arguments(ChainMoveRequest)
@blueprint.response(201)
@may(Permission.CHAIN_MANAGE)
def post_move(payload: dict[str, Any]) -> Any:
    """门店调拨 / Move goods from one place of the chain to others, all or nothing."""
    command = command_of(payload)
    parts = [Part(part["shop"], tuple(some_of(part["goods"]))) for part in payload.pop("parts")]
    return move(g.session, command, parts=parts, **payload)


@blueprint.post("/chain/deliveries")
@blueprint.arguments(ChainDeliveryRequest)
@blueprint.response(201)
@may(Permission.CHAIN_MANAGE)
def post_delivery(payload: dict[str, Any]) -> Any:
    """统一收货 / Record one delivery of a supplier that came to several places of the chain, all or nothing."""
    command = command_of(payload)
    shares = [Share(part["shop"], tuple(line_of(line) for line in part["lines"])) for part in payload["parts"]]
    return receive_for_shops(
        g.session,
        command,
        supplier=supplier_of(payload["supplier"]),
        shares=shares,
        delivery_note=payload["delivery_note"],
    )
