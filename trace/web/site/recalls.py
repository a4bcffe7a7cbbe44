"""Holds and recalls: notices to answer on top, then one's own; opening, answering, lifting, closing one."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.safety import AcknowledgementRequest, ClosingRequest, LiftingRequest, RecallRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.domain.permissions import may as is_granted
from trace.domain.products import Category
from trace.domain.recalls import LEVELS, RecallKind
from trace.errors import sentence, status_of
from trace.services import recall_views, recalls
from trace.services.commands import Command
from trace.services.rapid_tests import list_tests
from trace.services.recall_codes import recall_codes
from trace.web.access import may, watched
from trace.web.printing import pdf_answer, pdf_page
from trace.web.site.forms import load, text_of

blueprint = Blueprint("recalls", __name__, url_prefix="/recalls")


@blueprint.get("")
@may(Permission.RECALL_READ)
@watched
def page() -> ResponseReturnValue:
    """封存与召回 / Notices to answer, own holds and recalls; an inspector sees the region's."""
    return render_template(
        "recalls.html",
        found=recall_views.list_recalls(g.session, actor=g.actor, now=g.now),
        may_manage=is_granted(g.actor, Permission.RECALL_MANAGE),
        now=g.now,
    )


@blueprint.get("/new")
@may(Permission.RECALL_MANAGE)
@watched
def new() -> ResponseReturnValue:
    """新的封存或召回 / What a hold or recall of a lot would reach, and the form to open it."""
    return _form(request.args.get("lot", "").strip()[:2_000])


@blueprint.post("/new")
@may(Permission.RECALL_MANAGE)
def post_new() -> ResponseReturnValue:
    """封存或召回 / Hold the lot here, or recall it everywhere."""
    lot, kind = text_of("lot"), text_of("kind", 12)
    body: dict[str, Any] = {"lot": lot, "kind": kind, "reason": text_of("reason", 200)}
    if kind == RecallKind.RECALL and text_of("level", 1):
        body["level"] = int(text_of("level", 1)) if text_of("level", 1).isdecimal() else 0
    try:
        asked = load(RecallRequest(), body)
        done = recalls.open_recall(g.session, _command(body), **asked)
    except Failure as failure:
        g.session.rollback()
        return _form(lot, failure), status_of(failure)
    return redirect(url_for("recalls.one", public_id=done["id"]), 303)


def _form(lot: str, failure: Failure | None = None) -> str:
    found, problem = None, failure
    if lot:
        try:
            found = recall_views.reach(g.session, actor=g.actor, lot=lot, now=g.now)
        except Failure as unknown:
            problem = unknown
    return render_template(
        "recall_new.html",
        lot=lot,
        found=found,
        levels=LEVELS,
        problem=sentence(problem) if problem else None,
    )


@blueprint.get("/<string:public_id>")
@may(Permission.RECALL_READ)
@watched
def one(public_id: str) -> ResponseReturnValue:
    """召回 / One hold or recall: who answered, what came back, what is to be done."""
    return _show(public_id)


@blueprint.post("/<string:public_id>")
@may(Permission.RECALL_MANAGE)
def act(public_id: str) -> ResponseReturnValue:
    """确认、解除、结束 / Answer, lift, close, put back, search further."""
    try:
        _act(public_id, text_of("action", 20))
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure), status_of(failure)
    return redirect(url_for("recalls.one", public_id=public_id), 303)


def _act(public_id: str, action: str) -> None:
    body = {name: text_of(name, 200) for name in ("reason", "unanswered", "answer") if name in request.form}
    command = _command({"id": public_id, "action": action, **body})
    match action:
        case "acknowledge":
            recalls.acknowledge(g.session, command, public_id=public_id, **load(AcknowledgementRequest(), body))
        case "lift":
            recalls.lift_recall(g.session, command, public_id=public_id, **load(LiftingRequest(), body))
        case "close":
            recalls.close_recall(g.session, command, public_id=public_id, **load(ClosingRequest(), body))
        case "put_back":
            recalls.put_back(g.session, command, public_id=public_id)
        case "search":
            recalls.look_again(g.session, command, public_id=public_id)
        case _:
            raise Invalid(N_("Choose what is to be done."), field="action")


def _show(public_id: str, failure: Failure | None = None) -> str:
    found = recall_views.get_recall(g.session, actor=g.actor, public_id=public_id, now=g.now)
    tests = list_tests(g.session, actor=g.actor, now=g.now) if found["view"] == "own" else []
    return render_template(
        "recall.html",
        found=found,
        packs=_packs(found),
        test=next((test for test in tests if test["hold"] == public_id), None),
        problem=sentence(failure) if failure else None,
        now=g.now,
    )


def _packs(found: dict[str, Any]) -> dict[str, Any] | None:
    """Of a drug, the packs here and the receipts on which others went; a watcher sees no shop's receipts."""
    if found["category"] != Category.DRUG or g.actor.watches:
        return None
    packs = recall_codes(g.session, actor=g.actor, public_id=found["id"])
    return packs if packs["here"] or packs["gone"] else None


@blueprint.get("/<string:public_id>/notice.pdf")
@may(Permission.RECALL_READ)
@watched
def notice(public_id: str) -> ResponseReturnValue:
    """召回公告（PDF） / What a shop puts up for its customers."""
    found = recall_views.customer_notice(g.session, actor=g.actor, public_id=public_id, now=g.now)
    return pdf_answer(pdf_page("recall_notice.html", notice=found), f"notice-{public_id}")


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)
