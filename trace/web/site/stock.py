"""Stock by lot: what is here, what has to be sold first, and what happens to it."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.requests import GoodsRequest
from schemas.stock import DisposalRequest, DisposalsRequest, StockRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.errors import sentence, status_of
from trace.services import hops
from trace.services.disposal import dispose, list_disposals
from trace.services.hops import Command, Some
from trace.services.returning import takers_of
from trace.services.rulebook import rules_on
from trace.services.stock_list import Shelf, StockQuery, stock_page
from trace.services.undoing import find_undoable
from trace.web.access import from_replica, may, watched
from trace.web.delivery_form import names_no_second
from trace.web.parts import PASSWORD_RATE, limiter
from trace.web.site.forms import agreement_typed, asked_by, load, text_of, texts_of
from trace.web.uploads import keep_upload

blueprint = Blueprint("stock", __name__, url_prefix="/station/stock")
ACTIONS = {
    "sell": N_("Sell"),
    "hold": N_("Hold"),
    "release": N_("Release"),
    "take_back": N_("Customer returns"),
}
REASONED = ("hold", "release")
SHELVES = {
    Shelf.OPEN: N_("In stock"),
    Shelf.NEAR: N_("Near expiry"),
    Shelf.EXPIRED: N_("Expired"),
    Shelf.HELD: N_("On hold"),
    Shelf.GONE: N_("Nothing left"),
}
MANY_PACKS = 500
MANY_EVENTS = 50


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
def page() -> ResponseReturnValue:
    """库存 / Stock by lot, what expires first on top."""
    return _show_stock()


def _show_stock(problem: Failure | None = None) -> str:
    query = asked_by(StockRequest())
    asked = {name: request.args[name] for name in query if request.args.get(name)}
    done = request.args.getlist("done")[:MANY_EVENTS]
    found = stock_page(
        g.session,
        actor=g.actor,
        query=StockQuery(**{**query, "shelf": Shelf(query["shelf"])}),
        on=g.now.date(),
    )
    return render_template(
        "stock.html",
        **found,
        asked=asked,
        done=find_undoable(g.session, actor=g.actor, event_ids=done, now=g.now) if done else None,
        shelves=SHELVES,
        categories=list(Category),
        actions=ACTIONS,
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.post("")
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_MOVE)
def move() -> ResponseReturnValue:
    """销售、封存、解封、退回 / Something happens to goods in stock."""
    try:
        done = _move()
    except Failure as failure:
        g.session.rollback()
        return _show_stock(failure), status_of(failure)
    return redirect(url_for("stock.page", done=done["events"]), 303)


def _move() -> dict[str, Any]:
    action, reason = text_of("action", 20), text_of("reason", 200)
    goods, body = _goods()
    command = _command({"action": action, "reason": reason, "overridden": text_of("override-sign_in", 64), **body})
    if action in REASONED and not reason:
        raise Invalid(N_("Say why."), field="reason")
    match action:
        case "sell":
            return hops.sell(g.session, command, goods=goods)
        case "take_back":
            return hops.take_back(g.session, command, goods=goods)
        case "hold":
            return hops.hold(g.session, command, goods=goods, reason=reason)
        case "release":
            return hops.release(g.session, command, goods=goods, reason=reason, agreement=agreement_typed())
        case _:
            raise Invalid(N_("Choose what happens to the goods."), field="action")


def _goods() -> tuple[list[Some], dict[str, Any]]:
    """What the form names: some of the lot, or single packs of it; and the same as a body."""
    packs = texts_of("codes", MANY_PACKS) if request.form.get("codes") else []
    named: list[dict[str, Any]] = [{"code": code} for code in packs]
    body = {"goods": named or [{"code": text_of("lot"), "amount": text_of("amount", 24)}]}
    payload = load(GoodsRequest(), body)
    return [Some(entry["code"], entry["amount"]) for entry in payload["goods"]], body


def _command(asked: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=asked)


@blueprint.get("/return")
@may(Permission.GOODS_MOVE)
def send_back() -> ResponseReturnValue:
    """退货给供货者 / Which goods go back, and to whom: who delivered them stands first."""
    return _show_leaving("send_back.html", request.args.get("lot", ""))


@blueprint.post("/return")
@may(Permission.GOODS_MOVE)
def post_send_back() -> ResponseReturnValue:
    """退货给供货者 / Goods go back to the supplier; held and expired ones may (R7)."""
    try:
        goods, body = _goods()
        receiver, note = text_of("receiver", 26), text_of("delivery_note", 80)
        command = _command({"receiver": receiver, "delivery_note": note, **body})
        done = hops.ship(g.session, command, receiver=receiver, goods=goods, delivery_note=note or None, returned=True)
    except Failure as failure:
        g.session.rollback()
        return _show_leaving("send_back.html", text_of("lot"), failure), status_of(failure)
    return redirect(url_for("stock.page", done=done["events"]), 303)


@blueprint.get("/destroy")
@may(Permission.GOODS_MOVE)
def destroy() -> ResponseReturnValue:
    """销毁 / What is destroyed, how, before whom, with the photo."""
    return _show_leaving("destroy.html", request.args.get("lot", ""))


@blueprint.post("/destroy")
@may(Permission.GOODS_MOVE)
def post_destroy() -> ResponseReturnValue:
    """销毁 / Goods are destroyed, photographed and before a witness (R14)."""
    try:
        goods, body = _goods()
        asked = {name: text_of(name, 200) for name in ("reason", "method", "witness", "where")}
        record = load(DisposalRequest(), {**body, **asked, "sha256": _photo()})
        named = {name: record[name] for name in ("reason", "method", "witness", "sha256")}
        # The photo is the same however often the form is sent: what it is kept as says so.
        command = _command({**body, **asked, "sha256": record["sha256"]})
        done = dispose(g.session, command, goods=goods, place=record["where"], **named)
    except Failure as failure:
        g.session.rollback()
        return _show_leaving("destroy.html", text_of("lot"), failure), status_of(failure)
    return redirect(url_for("stock.disposals", done=done["id"]), 303)


def _photo() -> str:
    """The photo of this request, kept: its SHA-256."""
    file = request.files.get("photo")
    if file is None or not file.filename:
        raise Invalid(N_("Take a photo of the goods as they are destroyed."), field="photo")
    kept = keep_upload(file)
    return kept["sha256"]


def _show_leaving(template: str, lot: str, problem: Failure | None = None) -> str:
    """The form of goods of one lot that leave for good."""
    query = StockQuery(text=load(StockRequest(only=("text",)), {"text": lot})["text"] or "-", limit=1)
    rows = stock_page(g.session, actor=g.actor, query=query, on=g.now.date())["stock"]
    return render_template(
        template,
        row=rows[0] if rows else None,
        takers=takers_of(g.session, actor=g.actor, lot=rows[0]["lot"]) if rows else [],
        methods=rules_on(g.session, g.now.date(), g.actor.organisation).value("disposal.methods"),
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.get("/disposals")
@may(Permission.GOODS_READ)
@watched
@from_replica
def disposals() -> ResponseReturnValue:
    """销毁记录 / What was destroyed, with photo and witness."""
    query = load(DisposalsRequest(), {name: request.args[name] for name in ("before",) if name in request.args})
    found = list_disposals(g.session, actor=g.actor, now=g.now, limit=query["limit"] + 1, before=query["before"])
    shown = found[: query["limit"]]
    return render_template(
        "disposals.html", disposals=shown, more=shown[-1]["number"] if len(found) > len(shown) else None
    )
