"""Look-ups for those who are signed in: the inspector's in their region, written down; a shop's of its own goods."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from trace.domain.codes import parse_code
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Permission
from trace.domain.permissions import may as is_granted
from trace.services.alerts import page_of_alerts
from trace.services.blocks import blocks_on
from trace.services.care_watching import see_care, see_stocktake
from trace.services.look_up_log import list_look_ups
from trace.services.lookup import look_up
from trace.services.organisation_history import history_of_organisation
from trace.services.paper_proof import find_by_address
from trace.services.search import search
from trace.web.access import from_replica, may, watched
from trace.web.site.addresses import code_of_path
from trace.web.site.forms import text_of
from trace.web.site.picture import draw
from trace.web.stocktake_rows import rows_alike
from trace.web.uploads import scan_uploads

blueprint = Blueprint("inspector", __name__, url_prefix="/inspector")


@blueprint.get("")
@may(Permission.LOT_TRACE)
@watched
@from_replica
def page() -> ResponseReturnValue:
    """查询 / A code, typed or photographed, and why it is looked up."""
    return render_template("inspector.html", alerts=page_of_alerts(g.session, actor=g.actor, now=g.now, limit=20))


@blueprint.post("/scan")
@may(Permission.PHOTO_SCAN)
def scan() -> ResponseReturnValue:
    """拍照查询 / Look up the first code in a photo that names something traceable."""
    readings = [reading for one in scan_uploads() for reading in one["readings"] if reading["code"]]
    named = [r for r in readings if r["code"]["lot_uri"] or r["code"]["uri"]] or readings
    if not named:
        raise Invalid(N_("No code was found in the photo. Go closer, avoid glare, and try again."), field="photo")
    text, code = named[0]["text"], named[0]["code"]
    if parse_code(text).uri != code["uri"]:  # typed, the eight digits of a UPC-E would name another product
        text = code["uri"] or text
    return redirect(url_for("inspector.trace", code=text, reason=text_of("reason", 200)), 303)


@blueprint.get("/trace")
@may(Permission.LOT_TRACE)
@watched
@from_replica
def trace() -> ResponseReturnValue:
    """追溯 / History and whole trace of one code; for inspectors the look-up is written down with its reason."""
    code, reason = request.args.get("code", "").strip(), request.args.get("reason", "")[:200]
    if not code:
        return redirect(url_for("inspector.page"))
    if certificate := find_by_address(g.session, code):
        return redirect(url_for("commitment.page", public_id=certificate.public_id))
    after = request.args.get("after", "")[:40]
    try:
        found = look_up(g.session, actor=g.actor, text=code_of_path(code), now=g.now, reason=reason, after=after)
    except (Invalid, NotFound):
        if after:
            raise
        results = search(g.session, actor=g.actor, text=code[:120], now=g.now, reason=reason)
        return render_template("search.html", found=results, reason=reason)
    may_recall = is_granted(g.actor, Permission.RECALL_MANAGE)
    return render_template(
        "trace.html",
        found=found,
        picture=draw(found["flow"]),
        public=False,
        may_recall=may_recall,
        reason=reason,
        is_first=not after,
    )


@blueprint.get("/organisations/<string:public_id>")
@may(Permission.LOT_TRACE)
@watched
@from_replica
def organisation(public_id: str) -> ResponseReturnValue:
    """单位 / An organisation: its card, its licences, its latest events for this reader."""
    reason = request.args.get("reason", "")[:200]
    found = history_of_organisation(
        g.session,
        actor=g.actor,
        public_id=public_id,
        now=g.now,
        reason=reason,
        before=request.args.get("before"),
    )
    return render_template(
        "organisation.html",
        found=found,
        reason=reason,
        today=g.now.date(),
        blocks=blocks_on(g.session, public_id=public_id, actor=g.actor),
        may_block=is_granted(g.actor, Permission.BUSINESS_BLOCK),
    )


@blueprint.get("/organisations/<string:public_id>/care")
@may(Permission.CHECK_READ)
@watched
@from_replica
def care(public_id: str) -> ResponseReturnValue:
    """在库养护 / A shop's quarantine, maintenance checks and stock-takings, or one of these; read only."""
    reason, stocktake = request.args.get("reason", "")[:200], request.args.get("stocktake", "")[:26]
    asked = {"actor": g.actor, "public_id": public_id, "now": g.now, "reason": reason}
    if stocktake:
        taking = see_stocktake(g.session, stocktake=stocktake, **asked)
        return render_template(
            "stocktake_result.html",
            taking=taking,
            result=taking["result"],
            differing=rows_alike(taking["result"]["things"]),
            back=url_for("inspector.care", public_id=public_id, reason=reason),
        )
    found = see_care(g.session, **asked)
    return render_template(
        "watch_care.html", shop=found.pop("organisation"), **found, reason=reason, today=g.now.date()
    )


@blueprint.get("/log")
@may(Permission.LOOKUP_LOG_READ)
@from_replica
def log() -> ResponseReturnValue:
    """查询记录 / Who looked at what."""
    return render_template("look_ups.html", look_ups=list_look_ups(g.session, actor=g.actor, limit=200))
