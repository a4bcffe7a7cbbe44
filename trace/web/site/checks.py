"""The self-checks (日管控、周排查、月调度): what is open, what is signed; one tap signs, and it prints as its form."""

import calendar
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.checks import SignatureRequest
from trace.domain.failures import Failure
from trace.domain.permissions import Permission
from trace.domain.self_checks import CheckKind, period_of
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.self_checks import get_check, list_checks, sign
from trace.web.access import from_replica, may, watched
from trace.web.check_address import day_of, kind_of
from trace.web.printing import pdf_answer, pdf_page
from trace.web.site.forms import load, text_of

blueprint = Blueprint("checks", __name__, url_prefix="/checks")


@blueprint.get("")
@may(Permission.CHECK_SIGN)
def page() -> ResponseReturnValue:
    """自查 / The month: what is signed, what is open, today's on top."""
    today = g.now.date()
    shown = day_of(request.args["month"] + "-01") if request.args.get("month") else today
    first, last = period_of(CheckKind.MONTHLY, shown)
    signed = list_checks(g.session, actor=g.actor, first=first - timedelta(days=6), last=last)
    by_day = {(one["kind"], one["first_day"]): one for one in signed}
    weeks = calendar.Calendar().monthdatescalendar(shown.year, shown.month)
    return render_template(
        "checks.html",
        today=today,
        first=first,
        weeks=weeks,
        signed=by_day,
        before=first - timedelta(days=1),
        after=last + timedelta(days=1),
    )


@blueprint.get("/<string:kind>/<string:day>")
@may(Permission.CHECK_READ)
@watched
@from_replica
def check(kind: str, day: str) -> ResponseReturnValue:
    """自查表 / One self-check: its draft to sign, or as it was signed."""
    return _show(kind, day)


@blueprint.post("/<string:kind>/<string:day>")
@may(Permission.CHECK_SIGN)
def post_signature(kind: str, day: str) -> ResponseReturnValue:
    """签字 / Sign it."""
    wrong = {name.removeprefix("problem-"): text_of(name, 200) for name in request.form if name.startswith("problem-")}
    body = {"problems": {code: said for code, said in wrong.items() if said}, "remarks": text_of("remarks", 1_000)}
    try:
        payload = load(SignatureRequest(), body)
        asked = {**body, "kind": kind, "day": day}
        command = Command(g.actor, g.now, text_of("client_key", 120) or None, request=asked)
        sign(
            g.session, command, kind=kind_of(kind), day=day_of(day),
            problems=payload["problems"], remarks=payload["remarks"],
        )  # fmt: skip
    except Failure as failure:
        g.session.rollback()
        return _show(kind, day, failure), status_of(failure)
    return redirect(url_for("checks.check", kind=kind, day=day), 303)


@blueprint.get("/<string:kind>/<string:day>/print.pdf")
@may(Permission.CHECK_READ)
@watched
@from_replica
def printed(kind: str, day: str) -> ResponseReturnValue:
    """自查表（PDF） / The form as it is filed."""
    return pdf_answer(pdf_page("check.html", found=_found(kind, day), printed_at=g.now), f"{kind}-{day_of(day)}")


def _found(kind: str, day: str) -> dict[str, Any]:
    whose = request.args.get("organisation", "")[:26]
    return get_check(g.session, actor=g.actor, kind=kind_of(kind), day=day_of(day), now=g.now, whose=whose)


def _show(kind: str, day: str, problem: Failure | None = None) -> str:
    return render_template(
        "check.html", found=_found(kind, day), kind=kind, day=day, problem=sentence(problem) if problem else None
    )
