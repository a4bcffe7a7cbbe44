"""Taking back what was recorded a moment ago, and correcting a line of a record later."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.corrections import CorrectionRequest
from trace.domain.failures import N_, Failure, NotFound
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.arrivals import Decision
from trace.services.commands import Command
from trace.services.corrections import correct_receipt_line
from trace.services.receipts import get_receipt
from trace.services.undoing import undo_events, undo_receipt
from trace.web.access import may
from trace.web.correction_form import correction_of
from trace.web.device import device
from trace.web.site.forms import load, text_of

blueprint = Blueprint("corrections", __name__, url_prefix="/station")
MANY_EVENTS = 50
FIELDS = ("amount", "decision", "produced_on", "expires_on", "price")


@blueprint.post("/receipts/<string:public_id>/undo")
@may(Permission.RECORD_CORRECT)
def undo(public_id: str) -> ResponseReturnValue:
    """撤销收货 / The delivery just recorded did not come."""
    undo_receipt(g.session, Command(g.actor, g.now), receipt_id=public_id, device=device())
    return redirect(url_for("station.receipt", public_id=public_id), 303)


@blueprint.post("/stock/undo")
@may(Permission.RECORD_CORRECT)
def undo_moved() -> ResponseReturnValue:
    """撤销 / What was just done with goods did not happen."""
    undo_events(g.session, Command(g.actor, g.now), event_ids=request.form.getlist("event")[:MANY_EVENTS])
    return redirect(url_for("stock.page"), 303)


@blueprint.get("/receipts/<string:public_id>/lines/<int:line>/correct")
@may(Permission.RECORD_CORRECT)
def correct(public_id: str, line: int) -> ResponseReturnValue:
    """更正 / What one line of a record says, to be corrected."""
    return _show(public_id, line)


@blueprint.post("/receipts/<string:public_id>/lines/<int:line>/correct")
@may(Permission.RECORD_CORRECT)
def post_correct(public_id: str, line: int) -> ResponseReturnValue:
    """更正 / Correct the line; the old value stays beside the new one."""
    try:
        body = {name: text_of(name, 40) or None for name in FIELDS} | {"reason": text_of("reason", 200)}
        payload = load(CorrectionRequest(), body)
        command = Command(g.actor, g.now, text_of("client_key", 120) or None, request=body)
        correct_receipt_line(
            g.session,
            command,
            receipt_id=public_id,
            line=line,
            to=correction_of(payload),
            reason=payload["reason"],
            device=device(),
        )
    except NotFound:
        raise
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, line, failure), status_of(failure)
    return redirect(url_for("station.receipt", public_id=public_id, _anchor=f"line-{line}"), 303)


def _show(public_id: str, line: int, problem: Failure | None = None) -> str:
    receipt = get_receipt(g.session, actor=g.actor, public_id=public_id, now=g.now)
    found: list[dict[str, Any]] = [one for one in receipt["lines"] if one["line"] == line]
    if not found:
        raise NotFound(N_("There is no such line."), field="line")
    return render_template(
        "correct.html",
        receipt=receipt,
        line=found[0],
        decisions=(Decision.ACCEPT, Decision.HOLD),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )
