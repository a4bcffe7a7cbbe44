"""The counter: what is sold, one code a line; and the preparation table, where lots are split, mixed and re-packed."""

import re
from decimal import Decimal
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.sales import RepackRequest, SalesRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.commands import Command, Some
from trace.services.renewal import needs_new_certificate
from trace.services.repacking import Portion, repack
from trace.services.rulebook import rules_on
from trace.services.sales import sell_goods
from trace.services.stock_list import list_stock
from trace.services.till_lines import Sold
from trace.services.undoing import find_undoable
from trace.web.access import may
from trace.web.site.forms import load, text_of, texts_of

blueprint = Blueprint("counter", __name__, url_prefix="/counter")
MANY_SALES = 500
MANY_EVENTS = 50  # of one undo (`trace.web.site.corrections`)
# "6901028075763", "12345 1.5", "12345 × 1.5", and "12345*1.5" for digits only: a lot may be called "BX20261126". Blanks
# are what a person types: a separator that a scanner sends (FNC1, 0x1D) belongs to the code.
_BLANK = "[ \t\u3000]"
_LINE = re.compile(
    rf"(?P<code>.*?){_BLANK}+(?:[*×xX]{_BLANK}*)?(?P<amount>\d{{1,9}}(?:\.\d{{1,6}})?)"
    rf"|(?P<digits>\d+)[*×xX]{_BLANK}*(?P<times>\d{{1,9}}(?:\.\d{{1,6}})?)"
)


@blueprint.get("")
@may(Permission.GOODS_MOVE)
def page() -> ResponseReturnValue:
    """销售 / The till without a till: scan, and sold."""
    return _show_counter()


@blueprint.post("")
@may(Permission.GOODS_MOVE)
def sell() -> ResponseReturnValue:
    """销售 / Record what was scanned as sold."""
    lines = texts_with_doubles("codes")
    sold = [_sold(line) for line in lines]
    body = {"sold": [{"code": one.code, "amount": one.amount} for one in sold]}
    try:
        load(SalesRequest(), body)
        key = text_of("client_key", 120) or None
        done = sell_goods(g.session, Command(g.actor, g.now, key, request=body), sold=sold)
    except Failure as failure:
        g.session.rollback()
        return _show_counter(problem=failure, codes="\n".join(lines)), status_of(failure)
    return _show_counter(done={**done, "lines": len(lines)})


def texts_with_doubles(name: str) -> list[str]:
    """The lines of a field of scanned codes: the same code twice is two packs sold, of a product."""
    texts_of(name, MANY_SALES)  # bounds, characters
    return [line.strip() for line in request.form.get(name, "").split("\n") if line.strip()]


def _sold(line: str) -> Sold:
    found = _LINE.fullmatch(line)
    if found and found["digits"]:
        return Sold(code=found["digits"], amount=Decimal(found["times"]))
    if found and found["code"].strip():
        return Sold(code=found["code"].strip(), amount=Decimal(found["amount"]))
    return Sold(code=line)


def _show_counter(*, problem: Failure | None = None, codes: str = "", done: dict[str, Any] | None = None) -> str:
    rules = rules_on(g.session, g.now.date(), g.actor.organisation)
    return render_template(
        "counter.html",
        problem=sentence(problem) if problem else None,
        codes=codes,
        done=done,
        undo=_undo(done),
        policy=rules.value("sales_attribution"),
    )


def _undo(done: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the button takes back; None for a till's report, which is longer than a mistake of a moment."""
    if done is None or len(done["events"]) > MANY_EVENTS:
        return None
    return find_undoable(g.session, actor=g.actor, event_ids=done["events"], now=g.now)


@blueprint.get("/repack")
@may(Permission.GOODS_MOVE)
def preparing() -> ResponseReturnValue:
    """分装、混装 / Choose lots and say what comes out of them."""
    return _show_repack()


@blueprint.post("/repack")
@may(Permission.GOODS_MOVE)
def post_repack() -> ResponseReturnValue:
    """分装、混装 / Make the new lots."""
    used = [
        {"code": lot, "amount": text_of(f"amount-{number}", 24)}
        for number, lot in enumerate(request.form.getlist("lot"))
        if text_of(f"amount-{number}", 24)
    ]
    made = [
        {"amount": amount, "number": text_of(f"number-{n}", 60)}
        for n in range(10)
        if (amount := text_of(f"out-{n}", 24))
    ]
    body = {"inputs": used, "portions": made}
    try:
        if not used or not made:
            raise Invalid(N_("Type how much of which lots goes in, and how much comes out."), field="inputs")
        payload = load(RepackRequest(), body)
        done = repack(
            g.session,
            Command(g.actor, g.now, text_of("client_key", 120) or None, request=body),
            inputs=[Some(entry["code"], entry["amount"]) for entry in payload["inputs"]],
            portions=[Portion(**portion) for portion in payload["portions"]],
        )
    except Failure as failure:
        g.session.rollback()
        return _show_repack(failure), status_of(failure)
    return redirect(url_for("counter.preparing", made=done["lots"]), 303)


def _show_repack(problem: Failure | None = None) -> str:
    lots = [row for row in list_stock(g.session, actor=g.actor) if row["on_hand"] > 0]
    lots.sort(key=lambda row: row["lot"] != request.args.get("lot"))  # what one came from the stock for stands on top
    made = [one[:2_000] for one in request.args.getlist("made")][:10]
    waiting = needs_new_certificate(g.session, g.actor, made, on=g.now.date())
    return render_template(
        "repack.html",
        lots=lots,
        made=made,
        waiting=[row.uri for row in waiting],
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
    )
