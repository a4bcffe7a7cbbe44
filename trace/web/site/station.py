"""The station: photograph or scan what arrives, receive it, see what is in stock. The pharmacy receives here too."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.requests import GoodsRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services import hops
from trace.services.blocks import blocked_among, own_block
from trace.services.delivery import expected
from trace.services.hops import Command, Some
from trace.services.receipts import get_receipt, list_receipts
from trace.services.repeating import recent_suppliers
from trace.services.stock_list import list_stock
from trace.web.access import may, watched
from trace.web.site.forms import MANY_CODES_IN_ADDRESS, load, text_of, texts_of
from trace.web.uploads import kept_object, scan_uploads

blueprint = Blueprint("station", __name__, url_prefix="/station")
GOODS_ACTIONS = {
    "sell": N_("Sell"),
    "hold": N_("Hold"),
    "release": N_("Release"),
    "destroy": N_("Destroy"),
    "take_back": N_("Customer returns"),
}


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
def page() -> ResponseReturnValue:
    """收货台 / What is expected today, the camera, the last records."""
    deliveries = _by_sender(expected(g.session, actor=g.actor))
    senders = [sender["id"] for sender in deliveries]
    return render_template(
        "station.html",
        known=recent_suppliers(g.session, actor=g.actor, now=g.now),
        deliveries=deliveries,
        blocked=blocked_among(g.session, senders, on=g.now.date()),
        own_block=own_block(g.session, actor=g.actor, on=g.now.date()),
        receipts=list_receipts(g.session, actor=g.actor, limit=10),
    )


def _by_sender(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    senders: dict[str, dict[str, Any]] = {}
    for entry in entries:
        sender = senders.setdefault(entry["sender"]["id"], {**entry["sender"], "entries": []})
        sender["entries"].append(entry)
    return list(senders.values())


@blueprint.post("/scan")
@may(Permission.PHOTO_SCAN)
def scan() -> ResponseReturnValue:
    """识别 / Read the photos and typed codes, then go on to the form they fill."""
    codes = texts_of("codes", MANY_CODES_IN_ADDRESS)
    photos = any(file.filename for file in request.files.getlist("photo"))
    if not photos and not codes:
        raise Invalid(N_("Take a photo of the goods, or type the code on them."), field="photo")
    scans = [done["id"] for done in scan_uploads()] if photos else []
    return redirect(url_for("receiving.delivery", scan=scans, code=codes), 303)


@blueprint.get("/receipts/<string:public_id>")
@may(Permission.GOODS_READ)
@watched
def receipt(public_id: str) -> ResponseReturnValue:
    """进货查验记录 / One record."""
    return render_template(
        "receipt.html", receipt=get_receipt(g.session, actor=g.actor, public_id=public_id, now=g.now)
    )


@blueprint.get("/photos/<string:sha256>")
@may(Permission.GOODS_READ)
@watched
def photo(sha256: str) -> Response:
    """照片 / A photo or paper that one may see."""
    return kept_object(sha256)


@blueprint.get("/stock")
@may(Permission.GOODS_RECEIVE)
def stock() -> ResponseReturnValue:
    """库存 / Stock by lot, what expires first on top."""
    return render_template("stock.html", stock=_stock(), actions=GOODS_ACTIONS, today=g.now.date(), problem=None)


def _stock() -> list[dict[str, Any]]:
    return list_stock(g.session, actor=g.actor)


@blueprint.post("/stock")
@may(Permission.GOODS_MOVE)
def move() -> ResponseReturnValue:
    """销售、封存、解封、销毁、退回 / Something happens to goods in stock."""
    try:
        _move()
    except Failure as failure:
        g.session.rollback()
        page = render_template(
            "stock.html", stock=_stock(), actions=GOODS_ACTIONS, today=g.now.date(), problem=sentence(failure)
        )
        return page, status_of(failure)
    return redirect(url_for("station.stock"), 303)


def _move() -> None:
    action, reason = text_of("action", 20), text_of("reason", 200)
    body = {"goods": [{"code": text_of("lot"), "amount": text_of("amount", 24)}]}
    payload = load(GoodsRequest(), body)
    goods = [Some(entry["code"], entry["amount"]) for entry in payload["goods"]]
    asked = {"action": action, "reason": reason, **body}
    command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=asked)
    if action in ("hold", "release", "destroy") and not reason:
        raise Invalid(N_("Say why."), field="reason")
    match action:
        case "sell":
            hops.sell(g.session, command, goods=goods)
        case "take_back":
            hops.take_back(g.session, command, goods=goods)
        case "hold":
            hops.hold(g.session, command, goods=goods, reason=reason)
        case "release":
            hops.release(g.session, command, goods=goods, reason=reason)
        case "destroy":
            hops.destroy(g.session, command, goods=goods, reason=reason)
        case _:
            raise Invalid(N_("Choose what happens to the goods."), field="action")
