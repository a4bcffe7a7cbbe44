"""The public window of a pharmacy (阳光药店): its page, the screen at its door, the box for one's pack; settings."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.window import WindowRequest
from trace.domain.failures import Failure
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.issued_certificates import symbol_of
from trace.services.pack_check import check_pack
from trace.services.public_window import see_window, set_window, window_settings
from trace.web.access import from_replica, may, public
from trace.web.device import device
from trace.web.parts import PUBLIC_RATE, limiter, pack_checks
from trace.web.site.forms import load, text_of

blueprint = Blueprint("window", __name__)
REFRESH_SECONDS = 60  # the screen at the door asks again
ROOM = 60.0  # mm for the QR code; a screen draws it in its own size
MOST_CODE = 200


@blueprint.get("/w/<string:public_id>")
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def page(public_id: str) -> ResponseReturnValue:
    """阳光药店 / A pharmacy's window, for everybody."""
    return _show(public_id)


def _show(public_id: str, said: dict[str, Any] | None = None, code: str = "") -> str:
    found = see_window(g.session, public_id=public_id, now=g.now)
    return render_template("window.html", window=found, said=said, code=code, now=g.now)


@blueprint.get("/w/<string:public_id>/check")
@pack_checks
@public
@from_replica
def check(public_id: str) -> ResponseReturnValue:
    """查追溯码 / Was the pack in my hand sold here, once."""
    code = request.args.get("code", "").strip()[:MOST_CODE]
    if not code:
        return redirect(url_for("window.page", public_id=public_id))
    return _show(public_id, check_pack(g.session, public_id=public_id, text=code, now=g.now), code)


@blueprint.get("/w/<string:public_id>/door")
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def door(public_id: str) -> ResponseReturnValue:
    """门口屏幕 / The same for a screen at the door: large, and new every minute."""
    found = see_window(g.session, public_id=public_id, now=g.now)
    symbol = symbol_of(f"{request.url_root}w/{public_id}", room=ROOM)
    return render_template("window_door.html", window=found, symbol=symbol, now=g.now, refresh=REFRESH_SECONDS)


@blueprint.get("/pharmacy/window")
@may(Permission.WINDOW_MANAGE)
def settings() -> ResponseReturnValue:
    """公示窗口设置 / What one's own window shows."""
    return _settings()


def _settings(problem: Failure | None = None, typed: dict[str, Any] | None = None) -> str:
    found = window_settings(g.session, actor=g.actor)
    return render_template(
        "window_settings.html",
        window=found | (typed or {}),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.post("/pharmacy/window")
@may(Permission.WINDOW_MANAGE)
def post_settings() -> ResponseReturnValue:
    """公示窗口设置 / Open or close the window, and say what it shows."""
    typed: dict[str, Any] = {name: text_of(name, 3) == "yes" for name in ("shown", "names")}
    typed |= {"complaint_number": text_of("complaint_number", 40), "notice": text_of("notice", 200)}
    typed["zone"] = text_of("zone", 26) or None
    try:
        asked = load(WindowRequest(), typed)
        command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=typed)
        names = ("shown", "names", "complaint_number", "notice", "zone")
        set_window(g.session, command, **{name: asked[name] for name in names}, device=device())
    except Failure as failure:
        g.session.rollback()
        return _settings(failure, typed), status_of(failure)
    return redirect(url_for("window.settings"), 303)
