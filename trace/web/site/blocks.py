"""Blocked businesses (一处违法、处处受限): the inspector's list, blocking and lifting."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.suppliers import BlockRequest, LiftRequest
from trace.domain.failures import Failure
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services import blocks
from trace.services.commands import Command
from trace.services.organisations import get_organisation
from trace.web.access import may, watched
from trace.web.site.forms import load, text_of

blueprint = Blueprint("blocks", __name__, url_prefix="/inspector/blocks")


@blueprint.get("")
@may(Permission.BUSINESS_BLOCK)
@watched
def page() -> ResponseReturnValue:
    """受限单位 / Who is blocked, and the form to block a business."""
    return _show(request.args.get("organisation", "")[:26])


@blueprint.post("")
@may(Permission.BUSINESS_BLOCK)
def block() -> ResponseReturnValue:
    """限制 / Block a business in every shop."""
    names = ("organisation", "uscc", "name", "reason", "decision_no")
    body = {name: value for name in names if (value := text_of(name, 200))}
    try:
        asked = load(BlockRequest(), body)
        asked["organisation_id"] = asked.pop("organisation")
        blocks.block_business(g.session, _command(body), **asked)
    except Failure as failure:
        g.session.rollback()
        return _show(body.get("organisation", ""), body, failure), status_of(failure)
    return redirect(url_for("blocks.page"), 303)


@blueprint.post("/<string:public_id>/lift")
@may(Permission.BUSINESS_BLOCK)
def lift(public_id: str) -> ResponseReturnValue:
    """解除 / End a block."""
    body = {"reason": text_of("reason", 200)}
    try:
        blocks.lift_block(g.session, _command(body), public_id=public_id, **load(LiftRequest(), body))
    except Failure as failure:
        g.session.rollback()
        return _show("", failure=failure), status_of(failure)
    return redirect(url_for("blocks.page"), 303)


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)


def _show(organisation: str, form: dict[str, str] | None = None, failure: Failure | None = None) -> str:
    card = None
    if organisation:
        card = get_organisation(g.session, actor=g.actor, public_id=organisation, now=g.now)
    return render_template(
        "blocks.html",
        blocks=blocks.list_blocks(g.session, actor=g.actor),
        card=card,
        form=form or {},
        problem=sentence(failure) if failure else None,
    )
