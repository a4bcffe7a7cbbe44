"""The public: a search box, the page of one code, the service's health, the language."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from trace.domain.commitment import certificate_id_of
from trace.services.lookup import look_up
from trace.web.access import from_replica, public
from trace.web.parts import LANGUAGES, PUBLIC_RATE, limiter, pack_checks_where
from trace.web.site.addresses import code_of_path, inside
from trace.web.site.picture import draw

blueprint = Blueprint("home", __name__)
YEAR = 365 * 24 * 3600


@blueprint.get("/")
@public
def page() -> ResponseReturnValue:
    """公众查询 / Type or scan a code."""
    code = request.args.get("code", "").strip()
    if certificate := certificate_id_of(code):
        return redirect(url_for("commitment.page", public_id=certificate))
    if code:
        return redirect(url_for("home.code", text=code))
    return render_template("home.html")


@blueprint.get("/t/<path:text>")
@limiter.limit(PUBLIC_RATE)
@pack_checks_where(lambda: code_of_path((request.view_args or {}).get("text", "")))
@public
@from_replica
def code(text: str) -> ResponseReturnValue:
    """阳光追溯公众页 / What the public may know of a code."""
    found = look_up(g.session, actor=None, text=code_of_path(text), now=g.now)
    return render_template("trace.html", found=found, picture=draw(found["flow"]), public=True)


@blueprint.get("/language/<string:chosen>")
@public
def language(chosen: str) -> ResponseReturnValue:
    """语言 / Chinese or English, kept for a year."""
    response = redirect(inside(request.args.get("back", "")) or url_for("home.page"))
    if chosen in LANGUAGES:
        response.set_cookie("lang", chosen, max_age=YEAR, samesite="Lax", httponly=True)
    return response
