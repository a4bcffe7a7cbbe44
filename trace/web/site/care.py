"""Stock care in a pharmacy (养护): what expires, what is due for a look, what is kept apart."""

import re
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.care import CareCheckRequest, CareChecksRequest, KeepApartRequest
from schemas.requests import GoodsRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services import hops
from trace.services.care_checks import Looked, due_checks, list_checks, record_check
from trace.services.commands import Command, Some
from trace.services.near_expiry import expiring
from trace.services.quarantine import keep_apart, quarantined
from trace.services.undoing import find_undoable
from trace.web.access import may
from trace.web.delivery_form import names_no_second
from trace.web.parts import PASSWORD_RATE, limiter
from trace.web.site.forms import agreement_typed, asked_by, load, text_of, texts_of

blueprint = Blueprint("care", __name__, url_prefix="/care")
MANY_PACKS = 500
MANY_EVENTS = 10
_LOT = re.compile(r"^lot-(\d{1,3})$")


@blueprint.get("")
@may(Permission.CARE_RECORD)
def page() -> ResponseReturnValue:
    """近效期与养护 / What expires first, what is due, what is kept apart: what needs a hand today stands on top."""
    return _show()


def _show(problem: Failure | None = None) -> str:
    done = request.args.getlist("done")[:MANY_EVENTS]
    return render_template(
        "care.html",
        **expiring(g.session, actor=g.actor, now=g.now),
        checks=due_checks(g.session, actor=g.actor, on=g.now.date(), zone=g.now.tzinfo),
        apart=quarantined(g.session, actor=g.actor),
        done=find_undoable(g.session, actor=g.actor, event_ids=done, now=g.now) if done else None,
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("/apart")
@may(Permission.CARE_RECORD)
def post_apart() -> ResponseReturnValue:
    """移入隔离区 / Everything of a lot off the shelf and kept apart."""
    body = {"lots": [text_of("lot")], "reason": text_of("reason", 200)}
    try:
        asked = load(KeepApartRequest(), body)
        done = keep_apart(g.session, _command(body), lots=asked["lots"], reason=asked["reason"])
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("care.page", done=done["events"]), 303)


@blueprint.get("/checks")
@may(Permission.CARE_RECORD)
def checks() -> ResponseReturnValue:
    """养护检查 / The lots that are due for a look, to be ticked off; earlier checks."""
    return _show_checks()


def _show_checks(problem: Failure | None = None) -> str:
    query = asked_by(CareChecksRequest())
    found = list_checks(g.session, actor=g.actor, limit=query["limit"] + 1, before=query["before"])
    shown = found[: query["limit"]]
    return render_template(
        "care_checks.html",
        **due_checks(g.session, actor=g.actor, on=g.now.date(), zone=g.now.tzinfo),
        checks=shown,
        next=shown[-1]["number"] if len(found) > len(shown) else None,
        typed=request.form,
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.post("/checks")
@may(Permission.CARE_RECORD)
def post_check() -> ResponseReturnValue:
    """养护检查 / What was looked at: good, or in doubt and off the shelf."""
    try:
        body = {"lots": _looked(), "remarks": text_of("remarks", 200)}
        asked = load(CareCheckRequest(), body)
        looked = [Looked(**one) for one in asked["lots"]]
        done = record_check(g.session, _command(body), looked=looked, remarks=asked["remarks"])
    except Failure as failure:
        g.session.rollback()
        return _show_checks(failure), status_of(failure)
    return redirect(url_for("care.checks", done=done["id"]), 303)


def _looked() -> list[dict[str, str]]:
    """The lots that were ticked; those that were not looked at stay due."""
    numbers = sorted(int(match[1]) for name in request.form if (match := _LOT.match(name)))
    ticked = [(n, text_of(f"outcome-{n}", 8)) for n in numbers]
    looked = [
        {"lot": text_of(f"lot-{n}"), "outcome": outcome, "note": text_of(f"note-{n}", 200)}
        for n, outcome in ticked
        if outcome
    ]
    if not looked:
        raise Invalid(N_("Tick the lots that were looked at."), field="lots")
    return looked


@blueprint.get("/quarantine")
@may(Permission.CARE_RECORD)
def quarantine() -> ResponseReturnValue:
    """隔离区 / What is kept apart, why, since when; release it, send it back or destroy it."""
    return _show_quarantine()


def _show_quarantine(problem: Failure | None = None) -> str:
    done = request.args.getlist("done")[:MANY_EVENTS]
    return render_template(
        "quarantine.html",
        apart=quarantined(g.session, actor=g.actor),
        today=g.now.date(),
        done=find_undoable(g.session, actor=g.actor, event_ids=done, now=g.now) if done else None,
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.post("/quarantine")
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_MOVE)
def post_release() -> ResponseReturnValue:
    """解除隔离 / What is in order goes back on the shelf; two people sign where its findings ask for two."""
    try:
        done = _release()
    except Failure as failure:
        g.session.rollback()
        return _show_quarantine(failure), status_of(failure)
    return redirect(url_for("care.quarantine", done=done["events"]), 303)


def _release() -> dict[str, Any]:
    codes = texts_of("codes", MANY_PACKS) if request.form.get("codes") else []
    named: list[dict[str, Any]] = [{"code": code} for code in codes]
    body = {"goods": named or [{"code": text_of("lot"), "amount": text_of("amount", 24)}]}
    reason = text_of("reason", 200)
    if not reason:
        raise Invalid(N_("Say why."), field="reason")
    goods = [Some(one["code"], one["amount"]) for one in load(GoodsRequest(), body)["goods"]]
    command = _command({**body, "reason": reason, "overridden": text_of("override-sign_in", 64)})
    return hops.release(g.session, command, goods=goods, reason=reason, agreement=agreement_typed())


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)
