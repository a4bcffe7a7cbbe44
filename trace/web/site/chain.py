"""A chain's headquarters: how its shops stand, where goods are, moving them, and working in a shop's name."""

import re
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from schemas.chain import ChainMoveRequest, ChainStockQuery
from schemas.stock import StockRequest
from trace.domain.failures import N_, Failure, Invalid, NotFound
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.alerts import page_of_alerts
from trace.services.chain import acting_for, chain_stock, overview
from trace.services.chain_moves import Part, move
from trace.services.commands import Command, Some
from trace.services.stock_list import Shelf, StockQuery, stock_page
from trace.web.access import AT_SHOP, from_replica, may
from trace.web.site.forms import asked_by, load, text_of, texts_of

blueprint = Blueprint("chain", __name__, url_prefix="/chain")
SHELVES = {
    Shelf.OPEN: N_("In stock"),
    Shelf.NEAR: N_("Near expiry"),
    Shelf.EXPIRED: N_("Expired"),
    Shelf.HELD: N_("On hold"),
}
MANY_PACKS = 2_000  # codes for one shop
_PART = re.compile(r"^(?:amount|codes)-([0-9a-z]{26})$")


@blueprint.get("")
@may(Permission.CHAIN_MANAGE)
@from_replica
def page() -> ResponseReturnValue:
    """连锁门店 / How each shop stands today."""
    return render_template("chain.html", places=overview(g.session, actor=g.actor, now=g.now))


@blueprint.get("/shops/<string:public_id>")
@may(Permission.CHAIN_MANAGE)
@from_replica
def shop(public_id: str) -> ResponseReturnValue:
    """门店 / One shop: its stock by lot, its alerts, who is on duty."""
    at_shop = acting_for(g.session, g.actor, public_id)
    query = asked_by(StockRequest())
    found = stock_page(
        g.session,
        actor=at_shop,
        query=StockQuery(**{**query, "shelf": Shelf(query["shelf"])}),
        on=g.now.date(),
    )
    cards = overview(g.session, actor=g.actor, now=g.now)
    return render_template(
        "chain_shop.html",
        **found,
        place=next(card for card in cards if card["id"] == public_id),
        alerts=page_of_alerts(g.session, actor=at_shop, now=g.now, limit=20),
        asked={name: request.args[name] for name in query if request.args.get(name)},
        shelves=SHELVES,
    )


@blueprint.post("/shops/<string:public_id>/work")
@may(Permission.CHAIN_MANAGE)
def work(public_id: str) -> ResponseReturnValue:
    """进入门店 / Work in a shop's name from now on: receive, count, look after its stock, as its clerk does."""
    at_shop = acting_for(g.session, g.actor, public_id)
    if at_shop.organisation != g.actor.organisation:
        session[AT_SHOP] = public_id
    return redirect(url_for("station.page"), 303)


@blueprint.post("/leave")
@may(Permission.SELF_READ)
def leave() -> ResponseReturnValue:
    """返回总部 / Back to headquarters."""
    was = session.pop(AT_SHOP, None)
    return redirect(url_for("chain.shop", public_id=was) if was else url_for("home.page"), 303)


@blueprint.get("/stock")
@may(Permission.CHAIN_MANAGE)
@from_replica
def stock() -> ResponseReturnValue:
    """连锁库存 / Where goods are: by lot and shop."""
    asked = asked_by(ChainStockQuery())
    found = chain_stock(g.session, actor=g.actor, text=asked["text"], lot_uri=asked["lot"] or None)
    moved = request.args.getlist("note")[:20]
    return render_template("chain_stock.html", stock=found, asked=asked, moved=moved)


@blueprint.get("/move")
@may(Permission.CHAIN_MANAGE)
def move_page() -> ResponseReturnValue:
    """门店调拨 / Some of a lot goes from one place to others."""
    return _show_move(request.args.get("lot", ""), request.args.get("from", ""))


@blueprint.post("/move")
@may(Permission.CHAIN_MANAGE)
def post_move() -> ResponseReturnValue:
    """门店调拨 / Move it."""
    lot, sender = text_of("lot"), text_of("from", 26)
    try:
        done = _move(lot, sender)
    except Failure as failure:
        g.session.rollback()
        return _show_move(lot, sender, failure), status_of(failure)
    return redirect(url_for("chain.stock", lot=lot, note=done["delivery_notes"]), 303)


def _move(lot: str, sender: str) -> dict[str, Any]:
    body = {
        "client_key": text_of("client_key", 120),
        "sender": sender,
        "parts": _parts(lot),
        "arrived": text_of("arrived", 3) == "yes",
        "delivery_note": text_of("delivery_note", 80),
        "celsius": text_of("celsius", 8) or None,
    }
    if not body["parts"]:
        raise Invalid(N_("Say which shops get something."), field="parts")
    payload = load(ChainMoveRequest(), body)
    asked = {name: value for name, value in body.items() if name != "client_key"}
    command = Command(g.actor, g.now, client_key=payload.pop("client_key"), request=asked)
    parts = [
        Part(part["shop"], tuple(Some(good["code"], good["amount"]) for good in part["goods"]))
        for part in payload.pop("parts")
    ]
    return move(g.session, command, parts=parts, **payload)


def _parts(lot: str) -> list[dict[str, Any]]:
    """What the form names for each shop: packs by their codes, and so much of the lot."""
    shops = dict.fromkeys(match[1] for name in request.form if (match := _PART.match(name)))
    parts = []
    for public_id in shops:
        goods: list[dict[str, Any]] = [{"code": code} for code in texts_of(f"codes-{public_id}", MANY_PACKS)]
        amount = text_of(f"amount-{public_id}", 24)
        if amount:
            goods.append({"code": lot, "amount": amount})
        if goods:
            parts.append({"shop": public_id, "goods": goods})
    return parts


def _show_move(lot: str, sender: str, problem: Failure | None = None) -> str:
    asked = load(ChainStockQuery(), {"lot": lot or "-"})
    row = next(iter(chain_stock(g.session, actor=g.actor, lot_uri=asked["lot"])), None)
    source = next((place for place in row["places"] if place["id"] == sender), None) if row else None
    if row is None or source is None:
        raise NotFound(N_("Nothing of this lot is there."), field="lot")
    others = [card for card in overview(g.session, actor=g.actor, now=g.now) if card["id"] != sender]
    has = {place["id"]: place["on_hand"] for place in row["places"]}
    return render_template(
        "chain_move.html",
        row=row,
        source=source,
        others=[card | {"on_hand": has.get(card["id"])} for card in others],
        problem=sentence(problem) if problem else None,
        today=g.now.date(),
    )
