"""Rapid tests (快检): record one by two taps from the stock page, see the clock of the re-test, ask for it."""

from datetime import datetime
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.safety import RapidTestRequest, RetestRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services import rapid_tests
from trace.services.commands import Command
from trace.services.recall_views import reach
from trace.web.access import may, watched
from trace.web.site.forms import load, text_of
from trace.web.uploads import keep_upload

blueprint = Blueprint("rapid", __name__, url_prefix="/tests")
RESULTS = {"passed": True, "failed": False}


@blueprint.get("")
@may(Permission.RECALL_READ)
@watched
def page() -> ResponseReturnValue:
    """快检 / The form for a new test, and the tests with the clocks of their re-tests."""
    return _show(request.args.get("lot", "").strip()[:2_000])


@blueprint.post("")
@may(Permission.GOODS_MOVE)
def record() -> ResponseReturnValue:
    """登记快检 / Record a test: failed, the lot is held at once."""
    lot = text_of("lot")
    try:
        body: dict[str, Any] = {
            "lot": lot,
            "tested_for": text_of("tested_for", 120),
            "passed": RESULTS.get(text_of("result", 8)),
            "official": bool(text_of("official", 3)),
            "result_at": _local_moment(text_of("result_at", 20)),
        }
        asked = load(RapidTestRequest(), {name: value for name, value in body.items() if value is not None})
        command = _command(body)
        asked["photo"] = _photo()
        done = rapid_tests.record_test(g.session, command, **asked)
    except Failure as failure:
        g.session.rollback()
        return _show(lot, failure), status_of(failure)
    if "hold" in done:
        return redirect(url_for("recalls.one", public_id=done["hold"]["id"]), 303)
    return redirect(url_for("rapid.page"), 303)


def _local_moment(text: str) -> str | None:
    """What a browser's date and time field sends, with the shop's offset."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=g.now.tzinfo).isoformat() if text else None
    except ValueError as fault:
        raise Invalid(N_("Not a valid datetime."), field="result_at") from fault


def _photo() -> str | None:
    file = request.files.get("photo")
    if file is None or not file.filename:
        return None
    kept = keep_upload(file)
    return str(kept["sha256"])


@blueprint.post("/<string:public_id>/retest")
@may(Permission.GOODS_MOVE)
def retest(public_id: str) -> ResponseReturnValue:
    """复检 / Ask for the re-test, or record its result."""
    body: dict[str, Any] = {"laboratory": text_of("laboratory", 120)}
    try:
        if text_of("action", 8) == "ask":
            rapid_tests.ask_retest(g.session, _command({"id": public_id}), public_id=public_id)
        else:
            body |= {"passed": RESULTS.get(text_of("result", 8)), "method": text_of("method", 12)}
            if body["passed"] is None:
                raise Invalid(N_("Say whether the test was passed."), field="passed")
            asked = load(RetestRequest(), body)
            rapid_tests.record_retest(g.session, _command({"id": public_id, **body}), public_id=public_id, **asked)
    except Failure as failure:
        g.session.rollback()
        return _show("", failure), status_of(failure)
    return redirect(url_for("rapid.page"), 303)


def _show(lot: str, failure: Failure | None = None) -> str:
    return render_template(
        "rapid_tests.html",
        lot=lot,
        known=_known(lot),
        tests=rapid_tests.list_tests(g.session, actor=g.actor, now=g.now),
        problem=sentence(failure) if failure else None,
        now=g.now,
    )


def _known(lot: str) -> dict[str, Any] | None:
    """The lot by its name where the page was opened from the stock; None where there is nothing to say of it."""
    try:
        return reach(g.session, actor=g.actor, lot=lot, now=g.now) if lot else None
    except Failure:
        return None


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)
