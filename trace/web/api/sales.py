"""API: sales as a till reports them, and what the shop splits, mixes and re-packs."""

from typing import Any

from flask import g

from schemas.sales import RepackRequest, SalesRequest
from trace.domain.permissions import Permission
from trace.services.repacking import Portion, repack
from trace.services.sales import sell_goods
from trace.services.till_lines import Sold
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of, some_of

blueprint = Blueprint("api_sales", __name__, description="Sales by lot or product; splitting, mixing, re-packing")


@blueprint.post("/sales")
@blueprint.arguments(SalesRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_sales(payload: dict[str, Any]) -> Any:
    """销售记录 / Record sales; what names a product only is attributed to its open lots, and marked so."""
    return sell_goods(g.session, command_of(payload), sold=[Sold(**line) for line in payload["sold"]])


@blueprint.post("/repacking")
@blueprint.arguments(RepackRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_repacking(payload: dict[str, Any]) -> Any:
    """分装、混装、换包装 / Split, mix or re-pack lots in stock into new ones."""
    portions = [Portion(**portion) for portion in payload["portions"]]
    return repack(g.session, command_of(payload), inputs=some_of(payload["inputs"]), portions=portions)
