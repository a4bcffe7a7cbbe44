"""The canteen: what is cooked today and of which lots; and its board, for everybody who eats there (明厨亮灶)."""

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.dishes import CookRequest
from trace.domain.dishes import Meal, meal_at
from trace.domain.failures import Failure
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.commands import Command, Some
from trace.services.dishes import (
    board,
    board_id,
    cook,
    cook_again,
    dish_names,
    last_dishes,
    list_dishes,
    photo_of,
    proposals,
    take_back,
)
from trace.services.pictures import public_picture
from trace.services.rulebook import rules_on
from trace.web.access import from_replica, may, public
from trace.web.device import device
from trace.web.parts import PUBLIC_RATE, limiter, parts
from trace.web.site.forms import load, text_of
from trace.web.uploads import keep_upload

blueprint = Blueprint("canteen", __name__)
MANY_LOTS = 60
REFRESH_SECONDS = 60  # the board on a screen at the door asks again
PHOTO_SECONDS = 0.1  # nobody looks for barcodes in a dish


@blueprint.get("/canteen")
@may(Permission.GOODS_MOVE)
def page() -> ResponseReturnValue:
    """今日菜品 / Today's dishes: tap what went in."""
    return _show()


@blueprint.post("/canteen")
@may(Permission.GOODS_MOVE)
def post_dish() -> ResponseReturnValue:
    """今日菜品 / Record a dish, or the same as before; or take one back."""
    again, back = text_of("again", 26), text_of("back", 26)
    try:
        if back:
            said = {"back": back, "reason": text_of("reason", 200)}
            command = Command(g.actor, g.now, text_of("client_key", 120) or None, request=said)
            take_back(g.session, command, public_id=back, reason=said["reason"], device=device())
        elif again:
            command = Command(g.actor, g.now, text_of("client_key", 120) or None, request={"again": again})
            cook_again(g.session, command, public_id=again)
        else:
            _cook()
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("canteen.page"), 303)


def _cook() -> None:
    lots, amounts = request.form.getlist("lot")[:MANY_LOTS], request.form.getlist("amount")[:MANY_LOTS]
    typed = [(lot, amount.strip()) for lot, amount in zip(lots, amounts, strict=False) if amount.strip()]
    body = {
        "name": text_of("name", 60),
        "meal": text_of("meal", 12),
        "goods": [{"code": lot[:2_000], "amount": amount[:24]} for lot, amount in typed],
        "retained": text_of("retained", 3) == "yes",
        "client_key": text_of("client_key", 120) or None,
    }
    payload = load(CookRequest(), {name: value for name, value in body.items() if value is not None})
    photo = _photo()
    command = Command(g.actor, g.now, client_key=payload.get("client_key"), request=body)
    goods = [Some(entry["code"], entry["amount"]) for entry in payload["goods"]]
    cook(
        g.session,
        command,
        name=payload["name"],
        meal=payload["meal"],
        goods=goods,
        photo=photo,
        retained=payload["retained"],
    )


def _photo() -> str | None:
    file = request.files.get("photo")
    if file is None or not file.filename:
        return None
    kept = keep_upload(file, seconds=PHOTO_SECONDS)
    return kept["sha256"]


def _show(problem: Failure | None = None) -> str:
    typed: dict[str, Any] = {}
    if problem is not None:
        amounts = zip(request.form.getlist("lot"), request.form.getlist("amount"), strict=False)
        typed = {"name": text_of("name", 60), "meal": text_of("meal", 12), "amounts": dict(amounts)}
        typed["back"] = text_of("back", 26)
    return render_template(
        "canteen.html",
        dishes=list_dishes(g.session, actor=g.actor, day=g.now.date()),
        before=last_dishes(g.session, actor=g.actor, before=g.now.date()),
        lots=proposals(g.session, actor=g.actor, now=g.now),
        names=dish_names(g.session, actor=g.actor),
        board=board_id(g.session, actor=g.actor),
        meals=list(Meal),
        meal=typed.get("meal") or meal_at(g.now.hour).value,
        typed=typed,
        today=g.now.date(),
        sample=rules_on(g.session, g.now.date(), g.actor.organisation).value("retained_sample"),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.get("/board/<string:public_id>")
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def shown(public_id: str) -> ResponseReturnValue:
    """明厨亮灶 / A canteen's board: today's dishes, where they are from, their papers."""
    found = board(g.session, public_id=public_id, day=g.now.date())
    return render_template("board.html", board=found, public_id=public_id, now=g.now, refresh=REFRESH_SECONDS)


@blueprint.get("/board/<string:public_id>/<string:dish>.jpg")
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def photo(public_id: str, dish: str) -> Response:
    """菜品照片 / The photo of a dish on a board."""
    sha256 = photo_of(g.session, public_id=dish, canteen=public_id)
    data, media_type = public_picture(g.session, objects=parts().objects, sha256=sha256)
    return Response(data, mimetype=media_type, headers={"Cache-Control": "public, max-age=3600"})
