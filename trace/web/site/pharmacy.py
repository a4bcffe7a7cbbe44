"""The sunshine pharmacy (阳光药店): log batches at the station, dispense each code once, see the alerts."""

from typing import Any

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from schemas.requests import DispenseRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.alerts import list_alerts
from trace.services.blocks import blocked_among, own_block
from trace.services.delivery import expected
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Command
from trace.services.receipts import list_receipts
from trace.services.stock_list import list_stock
from trace.web.access import may
from trace.web.site.forms import load, text_of, texts_of

blueprint = Blueprint("pharmacy", __name__, url_prefix="/pharmacy")


@blueprint.get("")
@may(Permission.CODE_DISPENSE)
def page() -> ResponseReturnValue:
    """阳光药店 / The counter: scan what is sold, see what is expected, what expires, what is alarming."""
    return _show()


@blueprint.post("")
@may(Permission.CODE_DISPENSE)
def post_codes() -> ResponseReturnValue:
    """售药或退回 / Dispense the scanned packs, or take them back."""
    codes, prescription = texts_of("codes", 200), text_of("prescription", 80)
    try:
        done = _act(text_of("action", 20), codes, prescription)
    except Failure as failure:
        g.session.rollback()
        return _show(problem=failure, codes=codes, prescription=prescription), status_of(failure)
    return _show(done=done)


def _act(action: str, codes: list[str], prescription: str) -> dict[str, Any]:
    if not codes:
        raise Invalid(N_("Scan at least one pack."), field="codes")
    body = {"codes": codes, "client_key": text_of("client_key", 120), "prescription": prescription or None}
    payload = load(DispenseRequest(), body)
    command = Command(g.actor, g.now, client_key=payload["client_key"], request={"action": action, **body})
    if action == "take_back":
        return {"taken_back": codes, **take_back_packs(g.session, command, codes=codes)}
    return dispense(g.session, command, codes=codes, prescription=payload["prescription"])


def _show(
    *,
    done: dict[str, Any] | None = None,
    problem: Failure | None = None,
    codes: list[str] | None = None,
    prescription: str = "",
) -> str:
    coming = expected(g.session, actor=g.actor)
    return render_template(
        "pharmacy.html",
        done=done,
        problem=sentence(problem) if problem else None,
        codes=codes or [],
        prescription=prescription,
        alerts=list_alerts(g.session, actor=g.actor, now=g.now, limit=20),
        expected=coming,
        blocked=blocked_among(g.session, [entry["sender"]["id"] for entry in coming], on=g.now.date()),
        own_block=own_block(g.session, actor=g.actor, on=g.now.date()),
        stock=list_stock(g.session, actor=g.actor, category="drug", limit=100),
        receipts=list_receipts(g.session, actor=g.actor, limit=5),
        today=g.now.date(),
    )
