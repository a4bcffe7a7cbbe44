"""Inspections (监督检查): an inspector records one on the spot; its outcome and grade are shown to the public."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.window import InspectionRequest
from trace.domain.failures import Failure
from trace.domain.inspections import Grade, Outcome
from trace.domain.parties import PHARMACIES
from trace.domain.permissions import Permission
from trace.domain.permissions import may as is_granted
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.inspections import list_inspected, list_inspections, record_inspection
from trace.web.access import may, watched
from trace.web.site.forms import load, text_of

blueprint = Blueprint("inspections", __name__, url_prefix="/inspections")
FIELDS = (("organisation", 26), ("inspected_on", 10), ("outcome", 16), ("grade", 1), ("remarks", 1_000))


@blueprint.get("")
@may(Permission.RECALL_READ)
@watched
def page() -> ResponseReturnValue:
    """监督检查 / The inspections of the region, or one's own."""
    return _show(typed={"organisation": request.args.get("organisation", "")[:26]})


def _show(problem: Failure | None = None, typed: dict[str, Any] | None = None) -> str:
    recorder = is_granted(g.actor, Permission.INSPECTION_RECORD)
    kinds = sorted(kind.value for kind in PHARMACIES)
    return render_template(
        "inspections.html",
        inspections=list_inspections(g.session, actor=g.actor, now=g.now),
        businesses=list_inspected(g.session, actor=g.actor, kinds=kinds) if recorder else [],
        recorder=recorder,
        outcomes=list(Outcome),
        grades=list(Grade),
        typed=typed or {},
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("")
@may(Permission.INSPECTION_RECORD)
def post_inspection() -> ResponseReturnValue:
    """监督检查 / Record an inspection."""
    typed: dict[str, Any] = {name: text_of(name, most) for name, most in FIELDS}
    typed["inspectors"] = [name.strip()[:40] for name in request.form.getlist("inspector")[:10] if name.strip()]
    try:
        asked = load(InspectionRequest(), {name: value for name, value in typed.items() if value})
        command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=typed)
        record_inspection(
            g.session,
            command,
            organisation_id=asked["organisation"],
            inspected_on=asked["inspected_on"],
            outcome=asked["outcome"],
            grade=asked["grade"],
            inspectors=asked["inspectors"],
            remarks=asked["remarks"],
        )
    except Failure as failure:
        g.session.rollback()
        return _show(failure, typed), status_of(failure)
    return redirect(url_for("inspections.page"), 303)
