"""The form of a delivery (进货查验): its lines, its papers, how each line stands, and the decision on each."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.requests import MANY_SCANS
from trace.domain.failures import N_, Conflict, Failure, Invalid
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.domain.rules.overrides import Override
from trace.errors import sentence, status_of
from trace.services import hops
from trace.services.certificates import list_certificates
from trace.services.delivery import expected
from trace.services.hops import Command
from trace.services.inspecting import look_at_delivery
from trace.services.logged_way import narrowest, tie_logs, with_logs
from trace.services.organisations import list_organisations
from trace.services.overrides import Agreement
from trace.services.products import list_products
from trace.services.receiving import receive
from trace.services.recognition import Proposal, lines_from, propose_lines
from trace.services.repeating import last_delivery, suppliers_on_file
from trace.services.scans import codes_in_scans, get_scan
from trace.services.temperature_logs import file_log, get_log
from trace.web.access import may, writes
from trace.web.delivery_form import line_of, names_no_second, supplier_of
from trace.web.parts import PASSWORD_RATE, limiter, parts
from trace.web.site.delivery_lines import (
    common_findings,
    doubts_of,
    form_line,
    is_fresh,
    made_on,
    product_of,
    recognise,
    take_in,
    take_product,
)
from trace.web.site.delivery_papers import (
    adopt,
    file_paper,
    file_sheets,
    keep_photos,
    kinds_for,
    missing_papers,
    read_photos,
    reassign,
)
from trace.web.site.forms import (
    EMPTY_LINE,
    MANY_CODES_IN_ADDRESS,
    NO_SUPPLIER,
    ON_FILE,
    checked_delivery,
    delivery_form,
    text_of,
)

blueprint = Blueprint("receiving", __name__, url_prefix="/station/receive")
Form = dict[str, Any]
Cards = list[dict[str, Any] | None]
MANY_LOGS = 10
PAPERS_RULE = "R3"  # told by the lists of papers
_RECORDED = N_(
    "This delivery is recorded already, as it was before you went back. Correct or undo it in its record; begin anew"
    " for further goods."
)
_FOR_THE_EYE = ("was", "last")  # of a line; what is asked is the same without


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
@writes
def delivery() -> ResponseReturnValue:
    """收货单 / The delivery as far as it is recognised, or as the last one was; its papers already looked at."""
    asked = list(dict.fromkeys(request.args.getlist("scan")))[:MANY_SCANS]
    scans = [get_scan(g.session, actor=g.actor, public_id=public_id) for public_id in asked]
    sender, repeated = request.args.get("sender"), request.args.get("repeat")
    if repeated:
        proposal = last_delivery(g.session, actor=g.actor, public_id=repeated)
    elif sender:
        proposal = lines_from(g.session, actor=g.actor, sender=sender)
    else:
        codes = codes_in_scans(g.session, actor=g.actor, public_ids=asked)
        typed = request.args.getlist("code")[:MANY_CODES_IN_ADDRESS]
        proposal = propose_lines(g.session, actor=g.actor, texts=typed, codes=codes, on=g.now.date())
    form = {
        "supplier": _proposed_supplier(proposal),
        "delivery_note": "",
        "scans": [one["id"] for one in scans],
        "client_key": str(uuid.uuid4()),
        "lines": [form_line(line, repeated=bool(repeated)) for line in proposal.lines] or [dict(EMPTY_LINE)],
        "papers": {},
        "sheets": [],
        "others": proposal.others,
        "left_out": proposal.left_out,
        "override": {"sign_in": ""},
        "logs": [],
    }
    return _show_form(form, scans=scans)


def _proposed_supplier(proposal: Proposal) -> dict[str, str]:
    known = proposal.supplier
    if proposal.sender or known is None:
        return {"id": proposal.sender or "", "name": "", "address": "", "contact": ""}
    return {**known, "id": f"{ON_FILE}{known['file']}" if known["file"] else NO_SUPPLIER}


@blueprint.post("")
@limiter.shared_limit(PASSWORD_RATE, scope="second person", exempt_when=names_no_second)
@may(Permission.GOODS_RECEIVE)
def post_delivery() -> ResponseReturnValue:
    """收货 / Record the delivery; or only look at it again, add a line, keep a paper. Faults are said in place."""
    form = delivery_form() | {"logs": _logs()}
    try:
        if _act(form, text_of("action", 80)):
            done = _receive(form)
            return redirect(url_for("station.receipt", public_id=done["id"], new=1), 303)
    except Failure as failure:
        g.session.rollback()
        form["sheets"] = [sheet for sheet in form["sheets"] if not sheet.get("fresh")]  # not kept, so not there
        form["logs"] = _logs()
        return _show_form(form, problem=failure), status_of(failure)
    return _show_form(form)


def _act(form: Form, action: str) -> bool:
    """Do what a button of the form is for; True where the delivery is to be received.

    What was scanned or photographed and is not on the form yet comes first: nobody receives what they have not seen.
    """
    what, _, which = action.partition("-")
    photos, of_line = read_photos(form, which)
    _find_on_file(form)
    logged = _file_log(form, asked=what == "log")
    more = text_of("more", 2_000)
    if more:
        form.update(choices=take_in(form, more), brought=True)
    keep_photos(form, photos, lambda: _looks(form))
    match what:
        case "add" if not more:
            form["lines"].append({**EMPTY_LINE, "fresh": True})
        case "take":
            take_product(form, which)
        case "remove":
            del form["lines"][_index(form, which)]
        case "made":
            number, _, days_ago = which.partition("-")
            made_on(form, number, days_ago)
        case "paper":
            file_paper(form, _index(form, which), of_line)
        case "unpaper":
            form["sheets"] = [sheet for sheet in form["sheets"] if sheet["sha256"] != which]
        case _:
            reassign(form, lambda: _looks(form))
    adopt(form, lambda: _looks(form))
    return what == "receive" and not photos and not more and not logged


def _logs() -> list[str]:
    """The logs that the form carries, each once."""
    return list(dict.fromkeys(public_id[:26] for public_id in request.form.getlist("logs")))[:MANY_LOGS]


def _file_log(form: Form, *, asked: bool) -> bool:
    """Keep a logger's file that was chosen, judged by the narrowest range of the cold goods; whether one was."""
    file = request.files.get("log")
    if file is None or not file.filename:
        if asked:
            raise Invalid(N_("Choose the logger's file (CSV)."), field="log")
        return False
    recognise(form["lines"])
    allowed = narrowest(g.session, Command(g.actor, g.now), products=_products(form))
    if allowed is None:
        raise Invalid(N_("Nothing of this delivery is kept cold; name the cold goods first."), field="log")
    low, high = allowed
    log = file_log(g.session, Command(g.actor, g.now), objects=parts().objects, upload=file.read(), low=low, high=high)
    form["logs"].append(log["id"])
    return True


def _products(form: Form) -> list[str]:
    return [line["product"] for line in form["lines"] if line.get("product")]


def _index(form: Form, text: str) -> int:
    """The line that a button such as `paper-0` belongs to."""
    number = int(text) if text.isdecimal() and len(text) < 4 else -1
    if not 0 <= number < len(form["lines"]):
        raise Invalid(N_("There is no such line."), field="lines")
    return number


def _find_on_file(form: Form) -> None:
    """Put name, address and contact of a supplier of the own file, who is not on this system, into the form."""
    chosen = form["supplier"]["id"]
    if chosen.startswith(ON_FILE):
        known = suppliers_on_file(g.session, actor=g.actor)
        found = next((one for one in known if one["file"] == chosen.removeprefix(ON_FILE)), None)
        if found is None:
            form["supplier"]["id"] = ""
        else:
            form["supplier"].update({name: found[name] for name in ("name", "address", "contact")})


def _receive(form: Form) -> dict[str, Any]:
    """Register what is new, file the papers, and receive: one command, so that a doubled click does nothing twice.

    The form itself stays as it was typed: what a refused delivery had registered is not there any more.
    """
    typed = {name: value for name, value in form.items() if name != "client_key"}
    typed["lines"] = [{k: v for k, v in line.items() if k not in _FOR_THE_EYE} for line in form["lines"]]
    sign_in, password = form["override"]["sign_in"], text_of("override-password", 200)
    agreement = Agreement(sign_in, password) if sign_in and password else None

    def act() -> dict[str, Any]:
        filed = file_sheets(form, _issuer(form))
        lines = [
            {**line, "product": product_of(line, number), "certificates": _papers_of(line, filed)}
            for number, line in enumerate(form["lines"])
        ]
        payload = checked_delivery({**form, "lines": lines})
        command = Command(g.actor, g.now)
        done = receive(
            g.session,
            command,
            supplier=supplier_of(payload["supplier"]),
            lines=with_logs(g.session, command, lines=[line_of(line) for line in payload["lines"]], logs=form["logs"]),
            delivery_note=payload["delivery_note"],
            scans=payload["scans"],
            agreement=agreement,
        )
        tie_logs(g.session, g.actor, logs=form["logs"], receipt_id=done["id"])
        return done

    try:
        return hops.run_once(g.session, Command(g.actor, g.now, form["client_key"], request=typed), "receive_form", act)
    except Invalid as failure:
        if failure.field == "client_key":  # back in the browser, and something changed
            raise Conflict(_RECORDED) from failure
        raise


def _papers_of(line: dict[str, Any], filed: dict[str, str]) -> list[str]:
    """The papers of a line: filed ones, and those photographed for it."""
    return [*line["certificates"], *(filed[sheet] for sheet in line["sheets"] if sheet in filed)]


def _issuer(form: Form) -> str:
    """Who issued the papers as long as nobody transcribed them: the supplier."""
    chosen = form["supplier"]["id"]
    if chosen and chosen != NO_SUPPLIER and not chosen.startswith(ON_FILE):
        found = next((o for o in list_organisations(g.session, actor=g.actor) if o["id"] == chosen), None)
        return str(found["name"]) if found else ""
    return str(form["supplier"]["name"])


def _looks(form: Form) -> Cards:
    """How each line would stand; None for one that is not complete enough to tell.

    All that are complete are looked at as one delivery: what two lines take of one paper counts together (R5).
    """
    issuer = _issuer(form)
    cards: Cards = [None] * len(form["lines"])
    says = ("amount", "codes", "code", "container")  # one of them, or there is nothing to tell yet
    told = [n for n, line in enumerate(form["lines"]) if any(line.get(name) for name in says)]
    found = _look(form, told, issuer)
    if found is None:  # some line has a fault: which ones have none?
        alone = {n: one[0] for n in told if (one := _look(form, [n], issuer))}
        told, found = list(alone), list(alone.values())
        if len(told) > 1:
            found = _look(form, told, issuer) or found
    for number, card in zip(told, found, strict=True):
        cards[number] = card
    return cards


def _look(form: Form, numbers: Sequence[int], issuer: str) -> list[dict[str, Any]] | None:
    """How these lines would stand, products registered and papers filed for the look, nothing of it kept.

    None where one of them is not complete enough to tell.
    """
    if not numbers:
        return []
    try:
        with g.session.begin_nested() as sandbox:
            filed = file_sheets(form, issuer, only=numbers)
            asked = [
                {**line, "product": product_of(line, number), "certificates": _papers_of(line, filed)}
                for number, line in ((n, form["lines"][n]) for n in numbers)
            ]
            payload = checked_delivery({**form, "lines": asked})
            command = Command(g.actor, g.now)
            lines = [line_of(line) for line in payload["lines"]]
            cards = look_at_delivery(
                g.session,
                command,
                supplier=supplier_of(payload["supplier"]),
                lines=with_logs(g.session, command, lines=lines, logs=form["logs"]),
            )
            sandbox.rollback()
    except Failure:
        return None
    return cards


def _show_form(form: Form, *, scans: Sequence[dict[str, Any]] = (), problem: Failure | None = None) -> str:
    """The form with how each line stands; looking leaves nothing behind (each look is rolled back).

    The decision that the findings ask for is proposed as long as nobody chose another.
    """
    if form["scans"] and not scans:
        scans = [get_scan(g.session, actor=g.actor, public_id=public_id) for public_id in form["scans"]]
    _find_on_file(form)
    recognise(form["lines"])
    cards = _looks(form)
    for line, card in zip(form["lines"], cards, strict=True):
        _propose_decision(line, card, asked=problem is not None)
    today = g.now.date()
    return render_template(
        "receive.html",
        form=form,
        cards=cards,
        doubts=[doubts_of(line.get("label", "")) for line in form["lines"]],
        fresh=[is_fresh(line) for line in form["lines"]],
        undated=sum(is_fresh(line) and not line.get("produced_on") for line in form["lines"]),
        common=[one for one in common_findings(cards) if one["rule"] != PAPERS_RULE],
        missing=missing_papers(cards),
        paper_kinds=kinds_for(form),
        scans=scans,
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
        suppliers=_suppliers(form["supplier"]["id"]),
        on_file=suppliers_on_file(g.session, actor=g.actor),
        products=list_products(g.session, actor=g.actor),
        papers=list_certificates(g.session, actor=g.actor, limit=50),
        other=NO_SUPPLIER,
        file_prefix=ON_FILE,
        categories=list(Category),
        kinds=list(CertificateKind),
        second=any(
            card and card["override"] == Override.TWO_PEOPLE and line["decision"] == "accept"
            for line, card in zip(form["lines"], cards, strict=True)
        ),
        cold=narrowest(g.session, Command(g.actor, g.now), products=_products(form)) is not None,
        logs=[get_log(g.session, actor=g.actor, public_id=public_id) for public_id in form["logs"]],
        today=date.isoformat(today),
        yesterday=date.isoformat(today - timedelta(days=1)),
    )


def _propose_decision(line: dict[str, Any], card: dict[str, Any] | None, *, asked: bool) -> None:
    """Accept or hold, as the findings have it, where nobody chose otherwise.

    `asked`: the delivery was to be received so, and what was accepted then is accepted by choice.
    """
    if asked and line["decision"] == "accept":
        line["was"] = ""
    elif card is not None and line["decision"] == line["was"]:
        grave = any(finding["severity"] in ("block", "hold") for finding in card["findings"])
        line["decision"] = line["was"] = "hold" if grave else "accept"


def _suppliers(chosen: str) -> list[dict[str, Any]]:
    """Who may have delivered: those with something on the way first; an authority delivers nothing."""
    coming = {entry["sender"]["id"] for entry in expected(g.session, actor=g.actor)} | {chosen}
    found = [
        o
        for o in list_organisations(g.session, actor=g.actor)
        if o["name"] != g.actor.organisation_name and o["kind"] != OrganisationKind.REGULATOR
    ]
    return sorted(found, key=lambda o: (o["id"] not in coming, o["name"]))
