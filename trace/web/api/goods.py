"""API: the hops of goods, receiving, stock."""

from typing import Any

from flask import Response, g, request

from schemas import requests
from trace.domain.permissions import Permission
from trace.services import hops
from trace.services.delivery import expected
from trace.services.inspecting import look_at_delivery
from trace.services.labels import Label, label_of_lot
from trace.services.receipts import get_receipt, list_receipts
from trace.services.receiving import receive
from trace.services.recognition import propose_lines
from trace.services.scans import codes_in_scans
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import batch_of, command_of, some_of
from trace.web.delivery_form import agreement_of, line_of, names_no_second, supplier_of
from trace.web.parts import PASSWORD_RATE, limiter

blueprint = Blueprint("api_goods", __name__, description="Hops of goods, receiving, stock")
PICTURE = {"type": "string", "format": "binary"}


@blueprint.post("/hops/commission")
@blueprint.arguments(requests.CommissionRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_commission(payload: dict[str, Any]) -> Any:
    """采收、屠宰、生产 / Harvest, slaughter or manufacture: a lot comes to be."""
    return hops.commission(g.session, command_of(payload), batch=batch_of(payload["batch"]))


@blueprint.post("/hops/process")
@blueprint.arguments(requests.ProcessRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_process(payload: dict[str, Any]) -> Any:
    """加工、分割、混装 / Inputs become outputs."""
    return hops.process(
        g.session,
        command_of(payload),
        inputs=some_of(payload["inputs"]),
        outputs=[batch_of(batch) for batch in payload["outputs"]],
    )


@blueprint.post("/hops/pack")
@blueprint.arguments(requests.PackRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_pack(payload: dict[str, Any]) -> Any:
    """装箱 / Put goods into a crate, case or pallet."""
    command = command_of(payload)
    return hops.pack(g.session, command, container=payload["container"], goods=some_of(payload["goods"]))


@blueprint.post("/hops/unpack")
@blueprint.arguments(requests.UnpackRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_unpack(payload: dict[str, Any]) -> Any:
    """拆箱 / Take goods out of a container."""
    command = command_of(payload)
    return hops.unpack(g.session, command, container=payload["container"], goods=some_of(payload["goods"]))


@blueprint.post("/hops/ship")
@blueprint.arguments(requests.ShipRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_ship(payload: dict[str, Any]) -> Any:
    """发货 / Send goods to another organisation."""
    return _ship(payload, returned=False)


@blueprint.post("/hops/return")
@blueprint.arguments(requests.ShipRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_return(payload: dict[str, Any]) -> Any:
    """退货给供货者 / Send goods back to the supplier; held and expired ones may go this way."""
    return _ship(payload, returned=True)


def _ship(payload: dict[str, Any], *, returned: bool) -> Any:
    command = command_of(payload)
    return hops.ship(
        g.session,
        command,
        receiver=payload["receiver"],
        goods=some_of(payload["goods"]),
        containers=payload["containers"],
        delivery_note=payload["delivery_note"],
        returned=returned,
    )


@blueprint.post("/hops/sell")
@blueprint.arguments(requests.GoodsRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_sell(payload: dict[str, Any]) -> Any:
    """销售 / Sell food over the counter."""
    return hops.sell(g.session, command_of(payload), goods=some_of(payload["goods"]))


@blueprint.post("/hops/take-back")
@blueprint.arguments(requests.GoodsRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_take_back(payload: dict[str, Any]) -> Any:
    """顾客退回 / A customer brings goods back; they are held."""
    return hops.take_back(g.session, command_of(payload), goods=some_of(payload["goods"]))


@blueprint.post("/hops/hold")
@blueprint.arguments(requests.ReasonedGoodsRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_hold(payload: dict[str, Any]) -> Any:
    """封存 / Seal goods off."""
    return hops.hold(g.session, command_of(payload), goods=some_of(payload["goods"]), reason=payload["reason"])


@blueprint.post("/hops/release")
@blueprint.arguments(requests.ReleaseRequest)
@blueprint.response(201)
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_MOVE)
def post_release(payload: dict[str, Any]) -> Any:
    """解封 / Held goods are in order; two people say so where what was found when they came asks for two."""
    agreement = agreement_of(payload)
    command, goods = command_of(payload), some_of(payload["goods"])
    return hops.release(g.session, command, goods=goods, reason=payload["reason"], agreement=agreement)


@blueprint.post("/hops/sample")
@blueprint.arguments(requests.SampleRequest)
@blueprint.response(201)
@may(Permission.GOODS_MOVE)
def post_sample(payload: dict[str, Any]) -> Any:
    """抽样 / Take a sample for a test."""
    return hops.sample(g.session, command_of(payload), goods=some_of(payload["goods"]), report=payload["report"])


@blueprint.get("/expected")
@blueprint.response(200)
@may(Permission.GOODS_READ)
def get_expected() -> Any:
    """待收货 / Shipped to us and not yet received."""
    return {"expected": expected(g.session, actor=g.actor)}


@blueprint.post("/deliveries/propose")
@blueprint.arguments(requests.ProposalRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_proposal(payload: dict[str, Any]) -> Any:
    """识别到货 / The lines that scanned or typed codes, or the boxes in photos, most probably are."""
    codes = codes_in_scans(g.session, actor=g.actor, public_ids=payload["scans"])
    return propose_lines(g.session, actor=g.actor, texts=payload["codes"], codes=codes, on=g.now.date()).as_dict()


@blueprint.post("/deliveries/look")
@blueprint.arguments(requests.ReceiptRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_look(payload: dict[str, Any]) -> Any:
    """查验预览 / How a delivery would stand: papers present or missing, findings; nothing is recorded."""
    agreement_of(payload)
    cards = look_at_delivery(
        g.session,
        command_of(payload),
        supplier=supplier_of(payload["supplier"]),
        lines=[line_of(line) for line in payload["lines"]],
    )
    g.session.rollback()
    return {"lines": cards}


@blueprint.post("/receipts")
@blueprint.arguments(requests.ReceiptRequest)
@blueprint.response(201)
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_RECEIVE)
def post_receipt(payload: dict[str, Any]) -> Any:
    """登记到货 / Record goods received."""
    agreement = agreement_of(payload)
    command = command_of(payload)
    done = receive(
        g.session,
        command,
        supplier=supplier_of(payload["supplier"]),
        lines=[line_of(line) for line in payload["lines"]],
        delivery_note=payload["delivery_note"],
        scans=payload["scans"],
        agreement=agreement,
    )
    return get_receipt(g.session, actor=g.actor, public_id=done["id"], now=g.now)


@blueprint.get("/receipts")
@blueprint.arguments(requests.PageQuery, location="query")
@blueprint.response(200)
@may(Permission.GOODS_READ)
@from_replica
def get_receipts(query: dict[str, Any]) -> Any:
    """进货查验记录列表 / One's own purchase inspection records."""
    return {"receipts": list_receipts(g.session, actor=g.actor, limit=query["limit"])}


@blueprint.get("/receipts/<string:public_id>")
@blueprint.response(200)
@may(Permission.GOODS_READ)
@watched
@from_replica
def get_one_receipt(public_id: str) -> Any:
    """进货查验记录 / One purchase inspection record; an inspector's look is written down."""
    return get_receipt(g.session, actor=g.actor, public_id=public_id, now=g.now)


@blueprint.get("/lots/label.svg")
@blueprint.arguments(requests.LabelQuery(exclude=("resolution",)), location="query")
@blueprint.response(200, PICTURE, content_type="image/svg+xml")
@may(Permission.GOODS_MOVE)
def get_label_svg(query: dict[str, Any]) -> Response:
    """标签条码（SVG） / The barcode of one's own lot at true size, as SVG in millimetres."""
    return Response(_label(query).symbol.svg, mimetype="image/svg+xml")


@blueprint.get("/lots/label.png")
@blueprint.arguments(requests.LabelQuery, location="query")
@blueprint.response(200, PICTURE, content_type="image/png")
@may(Permission.GOODS_MOVE)
def get_label_png(query: dict[str, Any]) -> Response:
    """标签条码（PNG） / The barcode of one's own lot at true size, as PNG in whole dots of a printer's resolution."""
    return Response(_label(query).symbol.png, mimetype="image/png")


def _label(query: dict[str, Any]) -> Label:
    return label_of_lot(
        g.session, actor=g.actor, text=query["lot"], site=request.url_root, resolution=query.get("resolution", 300)
    )
