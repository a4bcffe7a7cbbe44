"""Acceptance at a pharmacy (验收): scan what came, by photo or scanner, several people at once; then check and sign."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas import acceptance as bodies
from trace.domain.acceptance import AcceptanceState, OrderState
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.errors import sentence, status_of
from trace.services import acceptance, acceptance_codes, accepting
from trace.services.acceptance_view import acceptance_record, get_acceptance, list_acceptances
from trace.services.commands import Command, run_once
from trace.services.delivery import expected
from trace.services.orders import list_orders
from trace.services.overrides import Agreement
from trace.services.products import list_products
from trace.services.rulebook import rules_on
from trace.services.temperature_logs import file_log
from trace.web.acceptance_form import changes_of, new_line
from trace.web.access import may
from trace.web.delivery_form import names_no_second
from trace.web.parts import PASSWORD_RATE, limiter, parts
from trace.web.printing import pdf_answer, pdf_page
from trace.web.site.acceptance_lines import file_paper, find_drug, on_file, suppliers_here, typed_changes, typed_line
from trace.web.site.forms import load, text_of, texts_of
from trace.web.uploads import scan_uploads

blueprint = Blueprint("acceptance", __name__, url_prefix="/acceptance")
COLD = "temperature.drug_cold"  # the range of cold drugs whose file does not say one


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
def page() -> ResponseReturnValue:
    """验收 / What is being accepted, what is on its way, what was ordered; begin anew."""
    return _show_list()


@blueprint.post("")
@may(Permission.GOODS_RECEIVE)
def begin() -> ResponseReturnValue:
    """开始验收 / Begin to accept a delivery."""
    body = {name: text_of(name, 80) for name in ("order", "announced", "delivery_note")}
    try:
        asked = load(bodies.OpenRequest(), {name: value for name, value in body.items() if value})
        chosen = text_of("supplier", 60)
        asked["supplier"] = on_file(chosen) if chosen else None
        del asked["lines"]
        command = Command(g.actor, g.now, text_of("client_key", 120) or None, request={**body, "supplier": chosen})
        done = acceptance.open_acceptance(g.session, command, **asked)
    except Failure as failure:
        g.session.rollback()
        return _show_list(failure), status_of(failure)
    return redirect(url_for("acceptance.one", public_id=done["id"]), 303)


def _show_list(problem: Failure | None = None) -> str:
    found = list_acceptances(g.session, actor=g.actor)
    coming: dict[str, dict[str, Any]] = {}
    for entry in expected(g.session, actor=g.actor):
        sender = coming.setdefault(entry["sender"]["id"], {**entry["sender"], "lines": 0, "packs": 0})
        sender["lines"] += 1
        sender["packs"] += entry["packs"]
    return render_template(
        "acceptances.html",
        open=[one for one in found if one["state"] == AcceptanceState.OPEN],
        ended=[one for one in found if one["state"] != AcceptanceState.OPEN],
        coming=list(coming.values()),
        orders=list_orders(g.session, actor=g.actor, state=OrderState.OPEN),
        suppliers=suppliers_here(),
        problem=sentence(problem) if problem else None,
    )


@blueprint.get("/<string:public_id>")
@may(Permission.GOODS_RECEIVE)
def one(public_id: str) -> ResponseReturnValue:
    """扫码验收 / Scan into one acceptance: photo, hand scanner, a pasted list."""
    return _show(public_id)


@blueprint.post("/<string:public_id>")
@may(Permission.GOODS_RECEIVE)
def post_one(public_id: str) -> ResponseReturnValue:
    """扫码验收 / What was scanned, a line of the note, which product it is, a logger's file."""
    try:
        done = _act(public_id, text_of("action", 40))
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, problem=failure), status_of(failure)
    if done is None:
        return redirect(url_for("acceptance.page"), 303)
    return _show(public_id, done=done)


def _act(public_id: str, action: str) -> dict[str, Any] | None:
    """Do what a button of the scanning page is for; None where the acceptance has ended by it."""
    command, named = Command(g.actor, g.now), {"public_id": public_id}
    what, _, which = action.partition("-")
    match what:
        case "line":
            line = new_line(load(bodies.NoteLineRequest(), typed_line()))
            return {"added": acceptance.add_lines(g.session, command, **named, lines=[line])}
        case "name":
            length = text_of("length", 3)
            body: dict[str, Any] = {"identifier": text_of("identifier", 200), "level": text_of("level", 1) or 1}
            body |= {"product": find_drug(text_of("product", 300))} | ({"length": length} if length else {})
            asked = load(bodies.LearnRequest(), body)
            return {"named": acceptance_codes.name_identifier(g.session, command, public_id=public_id, **asked)}
        case "place":
            group = next((one for one in _asked(public_id) if one["product"] == text_of("asked", 120)), None)
            if group is None:
                return {}
            texts = group["codes"]
            return acceptance_codes.scan(g.session, command, **named, texts=texts, line=_number(which))
        case "fall":
            return acceptance.change(g.session, command, public_id=public_id, lines={})
        case "leave":
            texts = texts_of("codes") or texts_of("code")
            return acceptance_codes.leave_out(g.session, command, **named, texts=texts)
        case "log":
            return {"log": _file_log(public_id)}
        case "cancel":
            acceptance.cancel(g.session, command, **named)
            return None
    return _scan(command, public_id)


def _scan(command: Command, public_id: str) -> dict[str, Any]:
    """Codes typed by a hand scanner, pasted, or read in photos: all at once."""
    texts = [*texts_of("codes"), *texts_of("code")]
    photos = scan_uploads() if any(file.filename for file in request.files.getlist("photo")) else []
    texts += [reading["text"] for photo in photos for reading in photo["readings"] if reading.get("text")]
    if not texts and not photos:
        return {}
    chosen = text_of("line", 3)
    done = acceptance_codes.scan(
        g.session,
        command,
        public_id=public_id,
        texts=texts,
        line=_number(chosen) if chosen else None,
        scans=[photo["id"] for photo in photos],
    )
    return {**done, "photos": photos}


def _asked(public_id: str) -> list[dict[str, Any]]:
    return list(get_acceptance(g.session, Command(g.actor, g.now), public_id=public_id)["asked"])


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 3:
        raise Invalid(N_("There is no such line."), field="line")
    return int(text)


def _file_log(public_id: str) -> dict[str, Any]:
    """A logger's file, judged by the narrowest range of the cold goods of this delivery."""
    file = request.files.get("log")
    if file is None or not file.filename:
        raise Invalid(N_("Choose the logger's file (CSV)."), field="log")
    card = get_acceptance(g.session, Command(g.actor, g.now), public_id=public_id)
    wide = rules_on(g.session, g.now.date(), g.actor.organisation).value(COLD)
    usual = (Decimal(wide["low"]), Decimal(wide["high"]))
    ranges = [line["celsius_range"] or usual for line in card["lines"] if line["cold"]] or [usual]
    low, high = max(int(low * 100) for low, _ in ranges), min(int(high * 100) for _, high in ranges)
    return file_log(
        g.session, Command(g.actor, g.now), objects=parts().objects, upload=file.read(), low=low, high=high,
        acceptance=public_id,
    )  # fmt: skip


def _show(public_id: str, *, done: dict[str, Any] | None = None, problem: Failure | None = None) -> str:
    card = get_acceptance(g.session, Command(g.actor, g.now), public_id=public_id)
    into = request.args.get("line") or request.form.get("line") or ""
    return render_template(
        "acceptance.html",
        card=card,
        done=done,
        into=next((line for line in card["lines"] if str(line["line"]) == into), None),
        drugs=list_products(g.session, actor=g.actor, category=Category.DRUG, limit=2_000),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.get("/<string:public_id>/check")
@may(Permission.GOODS_RECEIVE)
def check(public_id: str) -> ResponseReturnValue:
    """核对并签字 / How each line stands: papers, findings, decisions."""
    return _show_check(public_id)


@blueprint.post("/<string:public_id>/check")
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_RECEIVE)
def post_check(public_id: str) -> ResponseReturnValue:
    """完成验收 / Keep what was typed, file a paper, set boxes apart, or accept."""
    what, _, which = text_of("action", 40).partition("-")
    try:
        if what == "accept":
            done = _accept(public_id)
            return redirect(url_for("station.receipt", public_id=done["receipt"], new=1), 303)
        _keep(public_id)
        if what == "paper":
            file_paper(public_id, _number(which))
        elif what == "apart":
            _set_apart(public_id, _number(which))
    except Failure as failure:
        g.session.rollback()
        return _show_check(public_id, failure), status_of(failure)
    return redirect(url_for("acceptance.check", public_id=public_id), 303)


def _keep(public_id: str) -> None:
    asked = load(bodies.ChangeRequest(), typed_changes())
    acceptance.change(g.session, Command(g.actor, g.now), public_id=public_id, **changes_of(asked))


def _set_apart(public_id: str, line: int) -> None:
    body = {
        "line": line,
        "codes": texts_of(f"lines-{line}-apart"),
        "decision": text_of(f"lines-{line}-apart_decision", 12) or "refuse",
        "reason": text_of(f"lines-{line}-apart_reason", 200),
    }
    asked = load(bodies.ApartRequest(), body)
    texts = asked.pop("codes")
    acceptance_codes.set_apart(g.session, Command(g.actor, g.now), public_id=public_id, texts=texts, **asked)


def _accept(public_id: str) -> dict[str, Any]:
    """Keep what was typed and accept: one command, so that a doubled click does nothing twice."""
    sign_in, password = text_of("override-sign_in", 64), text_of("override-password", 200)
    agreement = Agreement(sign_in, password, text_of("override-reason", 200)) if sign_in and password else None
    typed = typed_changes()

    def act() -> dict[str, Any]:
        _keep(public_id)
        return accepting.accept(g.session, Command(g.actor, g.now), public_id=public_id, agreement=agreement)

    command = Command(g.actor, g.now, text_of("client_key", 120) or None, request={"id": public_id, **typed})
    return run_once(g.session, command, "accept_form", act)


def _show_check(public_id: str, problem: Failure | None = None) -> str:
    command = Command(g.actor, g.now)
    card = get_acceptance(g.session, command, public_id=public_id)
    looks: dict[int, list[dict[str, Any]]] = {}
    try:
        looks = accepting.look(g.session, command, public_id=public_id)
    except Failure as failure:
        problem = problem or failure
    typed = {line["line"]: line for line in typed_changes()["lines"]} if request.method == "POST" else {}
    return render_template(
        "acceptance_check.html",
        card=card,
        looks=looks,
        typed=typed,
        second=any(look["override"] == "two_people" for found in looks.values() for look in found),
        today=g.now.date().isoformat(),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.get("/<string:public_id>/record.pdf")
@may(Permission.GOODS_RECEIVE)
def printed(public_id: str) -> ResponseReturnValue:
    """验收记录（PDF） / The acceptance record, to print and sign (GSP)."""
    found = acceptance_record(g.session, Command(g.actor, g.now), public_id=public_id)
    data = pdf_page("acceptance.html", card=found, record=found["record"], printed_at=g.now)
    return pdf_answer(data, f"acceptance-{public_id}")
