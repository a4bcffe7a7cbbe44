"""Stock-taking by scanning: one scan after the other, several people at once; then the difference, and two sign it."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.care import CountRequest, StocktakeClosingRequest, StocktakeRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.errors import sentence, status_of
from trace.services.commands import Command, Some
from trace.services.overrides import Agreement
from trace.services.scans import codes_in_scans
from trace.services.stock_list import list_stock
from trace.services.stocktake_result import get_stocktake, list_stocktakes, standing
from trace.services.stocktaking import close, count, start
from trace.web.access import may
from trace.web.delivery_form import names_no_second
from trace.web.parts import PASSWORD_RATE, limiter
from trace.web.site.forms import load, text_of, texts_of
from trace.web.stocktake_rows import rows_alike
from trace.web.uploads import scan_uploads

blueprint = Blueprint("stocktaking", __name__, url_prefix="/stocktaking")
MANY_CODES = 2_000  # of one paste
EVERYTHING = "everything"
LOTS = 200  # that are offered to be counted by quantity


@blueprint.get("")
@may(Permission.CARE_RECORD)
def page() -> ResponseReturnValue:
    """盘点 / Open stock-takings, a new one, earlier ones."""
    return _show_list()


def _show_list(problem: Failure | None = None) -> str:
    return render_template(
        "stocktakes.html",
        stocktakes=list_stocktakes(g.session, actor=g.actor),
        categories=list(Category),
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("")
@may(Permission.CARE_RECORD)
def post_start() -> ResponseReturnValue:
    """开始盘点 / Begin a stock-taking."""
    body = {name: text_of(name, 200) for name in ("note", "category")}
    try:
        if not body["category"]:
            raise Invalid(N_("Choose what is counted."), field="category")
        asked = load(StocktakeRequest(), {name: value for name, value in body.items() if value not in ("", EVERYTHING)})
        done = start(g.session, _command(body), note=asked["note"], category=asked["category"])
    except Failure as failure:
        g.session.rollback()
        return _show_list(failure), status_of(failure)
    return redirect(url_for("stocktaking.one", public_id=done["id"]), 303)


@blueprint.get("/<string:public_id>")
@may(Permission.CARE_RECORD)
def one(public_id: str) -> ResponseReturnValue:
    """盘点 / Count: scan after scan; closed: what it came to."""
    return _show(public_id)


@blueprint.post("/<string:public_id>")
@may(Permission.CARE_RECORD)
def post_count(public_id: str) -> ResponseReturnValue:
    """盘点计数 / What was scanned, pasted, photographed, or counted by quantity."""
    try:
        done = _count(public_id)
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, problem=failure), status_of(failure)
    return _show(public_id, done=done)


def _count(public_id: str) -> dict[str, Any]:
    texts = texts_of("codes", MANY_CODES) if request.form.get("codes") else []
    if any(file.filename for file in request.files.getlist("photo")):
        scans = [scan["id"] for scan in scan_uploads()]
        texts += [code.text for code in codes_in_scans(g.session, actor=g.actor, public_ids=scans)]
        if not texts:
            text = N_(
                "No code was found in this photo. Type the code, or take the photo again, closer and without glare."
            )
            raise Invalid(text, field="photo")
    body: dict[str, Any] = {"codes": texts, "anew": text_of("anew", 3) == "yes"}
    if text_of("lot"):
        body["goods"] = [{"code": text_of("lot"), "amount": text_of("amount", 24) or None}]
    asked = load(CountRequest(), body)
    goods = [Some(one["code"], one["amount"]) for one in asked["goods"]]
    return count(g.session, _command(body), public_id=public_id, codes=asked["codes"], goods=goods, anew=asked["anew"])


@blueprint.get("/<string:public_id>/result")
@may(Permission.CARE_RECORD)
def result(public_id: str) -> ResponseReturnValue:
    """盘点差异 / What agrees, is missing, too much, strange; the form that closes it."""
    return _show_result(public_id)


@blueprint.post("/<string:public_id>/result")
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_MOVE)
def post_close(public_id: str) -> ResponseReturnValue:
    """结束盘点 / Book the difference and close; two people answer for it."""
    reason, sign_in = text_of("reason", 200), text_of("override-sign_in", 64)
    password = request.form.get("override-password", "")[:200]
    try:
        load(StocktakeClosingRequest(), {"reason": reason})
        agreement = Agreement(sign_in, password) if sign_in and password else None
        command = _command({"id": public_id, "reason": reason, "overridden": sign_in})
        close(g.session, command, public_id=public_id, reason=reason, agreement=agreement)
    except Failure as failure:
        g.session.rollback()
        return _show_result(public_id, failure), status_of(failure)
    return redirect(url_for("stocktaking.result", public_id=public_id), 303)


def _show(public_id: str, *, done: dict[str, Any] | None = None, problem: Failure | None = None) -> str:
    now = standing(g.session, actor=g.actor, public_id=public_id)
    if now["closed_at"] is not None:
        return _show_result(public_id, problem)
    stock = list_stock(g.session, actor=g.actor, category=now["category"] or None, limit=LOTS)
    return render_template(
        "stocktake.html",
        taking=now,
        done=done,
        lots=stock,
        codes=text_of("codes") if problem and len(request.form.get("codes", "")) < 2_000 else "",
        problem=sentence(problem) if problem else None,
    )


def _show_result(public_id: str, problem: Failure | None = None) -> str:
    found = get_stocktake(g.session, actor=g.actor, public_id=public_id)
    totals = found["result"]["totals"]
    return render_template(
        "stocktake_result.html",
        taking=found,
        result=found["result"],
        differing=rows_alike(found["result"]["things"]),
        differs=any(totals[name] for name in ("missing", "surplus", "strange")),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
        back=url_for("stocktaking.page"),
    )


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)
