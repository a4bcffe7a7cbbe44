"""API: taking back and correcting what was recorded."""

from typing import Any

from flask import g

from schemas.corrections import CorrectionRequest, UndoRequest
from trace.domain.permissions import Permission
from trace.services.corrections import correct_receipt_line
from trace.services.undoing import undo_receipt
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.correction_form import correction_of
from trace.web.device import device

blueprint = Blueprint("api_corrections", __name__, description="Undo, corrections")


@blueprint.post("/receipts/<string:public_id>/undo")
@blueprint.arguments(UndoRequest)
@blueprint.response(200)
@may(Permission.RECORD_CORRECT)
def post_undo(payload: dict[str, Any], public_id: str) -> Any:
    """撤销收货 / Take a delivery back that was recorded a moment ago, by who recorded it."""
    return undo_receipt(g.session, command_of(payload), receipt_id=public_id, device=device())


@blueprint.post("/receipts/<string:public_id>/lines/<int:line>/correction")
@blueprint.arguments(CorrectionRequest)
@blueprint.response(200)
@may(Permission.RECORD_CORRECT)
def post_correction(payload: dict[str, Any], public_id: str, line: int) -> Any:
    """更正收货记录 / Correct one line of a record; the old value stays beside the new one."""
    return correct_receipt_line(
        g.session,
        command_of(payload),
        receipt_id=public_id,
        line=line,
        to=correction_of(payload),
        reason=payload["reason"],
        device=device(),
    )
