"""The form of a delivery (进货查验): its lines, its papers, how each line stands, and the decision on each."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.requests import MANY_SCANS, CertificateRequest
from trace.domain.checks import IdentifierWarning
from trace.domain.codes import parse_code
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.errors import sentence, status_of
from trace.services import hops
from trace.services.certificates import file_certificate, list_certificates
from trace.services.delivery import expected
from trace.services.hops import Command
from trace.services.inspecting import look_at_delivery
from trace.services.organisations import list_organisations
from trace.services.products import list_products, register_product
from trace.services.receiving import receive
from trace.services.recognition import lines_from, propose_lines
from trace.services.scans import codes_in_scans, get_scan, keep_photo
from trace.web.access import may, writes
from trace.web.delivery_form import line_of, supplier_of
from trace.web.parts import parts
from trace.web.site.forms import (
    EMPTY_LINE,
    MANY_CODES_IN_ADDRESS,
    NO_SUPPLIER,
    checked_delivery,
    delivery_form,
    load,
    new_product,
    text_of,
)

blueprint = Blueprint("receiving", __name__, url_prefix="/station/receive")


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
@writes
def delivery() -> ResponseReturnValue:
    """收货单 / The delivery as far as it is recognised, with its papers already looked at."""
    asked = list(dict.fromkeys(request.args.getlist("scan")))[:MANY_SCANS]
    scans = [get_scan(g.session, actor=g.actor, public_id=public_id) for public_id in asked]
    sender = request.args.get("sender")
    if sender:
        proposal = lines_from(g.session, actor=g.actor, sender=sender)
    else:
        codes = codes_in_scans(g.session, actor=g.actor, public_ids=asked)
        typed = request.args.getlist("code")[:MANY_CODES_IN_ADDRESS]
        proposal = propose_lines(g.session, actor=g.actor, texts=typed, codes=codes)
    form = {
        "supplier": {"id": proposal.sender or "", "name": "", "address": "", "contact": ""},
        "delivery_note": "",
        "scans": [one["id"] for one in scans],
        "client_key": str(uuid.uuid4()),
        "lines": [_form_line(line) for line in proposal.lines] or [dict(EMPTY_LINE)],
        "papers": {},
    }
    return _show_form(form, scans=scans, others=proposal.others, decide=True)


def _form_line(line: dict[str, Any]) -> dict[str, Any]:
    product = line["product"] or {}
    return {
        **{name: value for name, value in line.items() if name not in ("product", "lot", "amount", "announced")},
        "product": product.get("id", ""),
        "product_name": product.get("name", ""),
        "category": product.get("category", ""),
        "code": line["lot"] or "",
        "amount": "" if line["amount"] is None else f"{line['amount'].normalize():f}",
        "unit": line["unit"] or product.get("unit", ""),
        "new_code": line["new_product_code"] or "",
        "new_unit": "" if product else line["unit"] or "",
        "new_category": Category.DRUG.value if line["codes"] and not product else "",
        "certificates": [],
        "decision": "accept",
        "produced_on": "" if line["produced_on"] is None else str(line["produced_on"]),
        "expires_on": "" if line["expires_on"] is None else str(line["expires_on"]),
    }


@blueprint.post("")
@may(Permission.GOODS_RECEIVE)
def post_delivery() -> ResponseReturnValue:
    """收货 / Record the delivery; or only look at it again, add a line, file a paper. Faults are said in place."""
    form = delivery_form()
    action = text_of("action", 20)
    try:
        if action == "add":
            form["lines"].append(dict(EMPTY_LINE))
        elif action.startswith("remove-"):
            del form["lines"][_index(form, action)]
        elif action.startswith("paper-"):
            _file_paper(form, _index(form, action))
        elif action == "receive":
            done = _receive(form)
            return redirect(url_for("station.receipt", public_id=done["id"]), 303)
    except Failure as failure:
        g.session.rollback()
        return _show_form(form, problem=failure), status_of(failure)
    return _show_form(form)


def _index(form: dict[str, Any], action: str) -> int:
    """The line that a button such as `paper-0` belongs to."""
    index = action.partition("-")[2]
    number = int(index) if index.isdecimal() and len(index) < 4 else -1
    if not 0 <= number < len(form["lines"]):
        raise Invalid(N_("There is no such line."), field="lines")
    return number


def _receive(form: dict[str, Any]) -> dict[str, Any]:
    """Register what is new and receive: one command, so that a doubled click registers nothing twice.

    The form itself stays as it was typed: what a refused delivery had registered is not there any more.
    """
    typed = {name: value for name, value in form.items() if name != "client_key"}

    def act() -> dict[str, Any]:
        lines = [{**line, "product": _product_of(line, number)} for number, line in enumerate(form["lines"])]
        payload = checked_delivery({**form, "lines": lines})
        return receive(
            g.session,
            Command(g.actor, g.now),
            supplier=supplier_of(payload["supplier"]),
            lines=[line_of(line) for line in payload["lines"]],
            delivery_note=payload["delivery_note"],
            scans=payload["scans"],
        )

    return hops.run_once(g.session, Command(g.actor, g.now, form["client_key"], request=typed), "receive_form", act)


def _product_of(line: dict[str, Any], number: int) -> str:
    """The product of a line: recognised, named as in the file, or registered now from what the person wrote."""
    if line.get("product") or not line.get("new_name"):
        return str(line.get("product", ""))
    known = find_named(line)
    if known is not None:
        return str(known["id"])
    try:
        asked = new_product(line)
    except Failure as failure:
        failure.field = f"lines.{number}.new_{failure.field}"
        raise
    return str(register_product(g.session, actor=g.actor, now=g.now, **asked)["id"])


def find_named(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """The product of the file that has exactly the name typed; none where an unknown code says that it is another."""
    name = line.get("new_name")
    if not name or line.get("new_code"):
        return None
    named = list_products(g.session, actor=g.actor, text=name, limit=50)
    return next((product for product in named if product["name"] == name), None)


def _file_paper(form: dict[str, Any], number: int) -> None:
    """File the paper described under a line, with its photo, and tie it to that line."""
    where = f"paper-{number}"
    body = {
        "kind": text_of(f"{where}-kind"),
        "issuer": text_of(f"{where}-issuer"),
        "number": text_of(f"{where}-number"),
        "issued_on": text_of(f"{where}-issued_on") or g.now.date().isoformat(),
        "valid_until": text_of(f"{where}-valid_until") or None,
    }
    try:
        payload = load(CertificateRequest(), body)
    except Failure as failure:
        failure.field = f"{where}-{failure.field}"
        raise
    photo = request.files.get(f"{where}-photo")
    if photo is not None and photo.filename:
        settings = parts()
        payload["sha256"] = keep_photo(
            g.session, actor=g.actor, objects=settings.objects, data=photo.read(),
            seconds=settings.settings.scan_seconds, now=g.now,
        )["sha256"]  # fmt: skip
    done = file_certificate(g.session, Command(g.actor, g.now), **payload)
    line = form["lines"][number]
    line["certificates"] = [*line["certificates"], done["id"]]
    form["papers"].pop(number, None)


def _show_form(
    form: dict[str, Any],
    *,
    scans: Sequence[dict[str, Any]] = (),
    others: Sequence[dict[str, Any]] = (),
    problem: Failure | None = None,
    decide: bool = False,
) -> str:
    """The form with how each line stands; looking leaves nothing behind (each look is rolled back).

    `decide` proposes the decision that the findings ask for, once: what a person chose is never changed.
    """
    if form["scans"] and not scans:
        scans = [get_scan(g.session, actor=g.actor, public_id=public_id) for public_id in form["scans"]]
    for line in form["lines"]:
        _recognise(line)
    cards = [_look(form, number) for number in range(len(form["lines"]))]
    for line, card in zip(form["lines"], cards, strict=True):
        if decide and card and any(finding["severity"] in ("block", "hold") for finding in card["findings"]):
            line["decision"] = "hold"
    return render_template(
        "receive.html",
        form=form,
        cards=cards,
        doubts=[_doubts(line.get("label", "")) for line in form["lines"]],
        scans=scans,
        others=others,
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
        suppliers=_suppliers(form["supplier"]["id"]),
        products=list_products(g.session, actor=g.actor),
        papers=list_certificates(g.session, actor=g.actor, limit=50),
        other=NO_SUPPLIER,
        categories=list(Category),
        kinds=list(CertificateKind),
        today=date.isoformat(g.now.date()),
    )


def _doubts(label: str) -> Sequence[IdentifierWarning]:
    """What is odd about the code a line came from: typed codes stand in no photo that would tell it."""
    try:
        return parse_code(label).warnings if label else ()
    except Failure:
        return ()


def _recognise(line: dict[str, Any]) -> None:
    """A name typed as it stands in the product file is that product."""
    known = find_named(line) if not line.get("product") else None
    if known is not None:
        line.update(product=known["id"], product_name=known["name"], category=known["category"], unit=known["unit"])


def _look(form: dict[str, Any], number: int) -> dict[str, Any] | None:
    """How one line would stand, its product registered for the look; None while it is not complete enough to tell."""
    line = form["lines"][number]
    try:
        with g.session.begin_nested() as sandbox:
            payload = checked_delivery({**form, "lines": [{**line, "product": _product_of(line, number)}]})
            (card,) = look_at_delivery(
                g.session,
                Command(g.actor, g.now),
                supplier=supplier_of(payload["supplier"]),
                lines=[line_of(line) for line in payload["lines"]],
            )
            sandbox.rollback()
    except Failure:
        return None
    return card


def _suppliers(chosen: str) -> list[dict[str, Any]]:
    """Who may have delivered: those with something on the way first; an authority delivers nothing."""
    coming = {entry["sender"]["id"] for entry in expected(g.session, actor=g.actor)} | {chosen}
    found = [
        o
        for o in list_organisations(g.session, actor=g.actor)
        if o["name"] != g.actor.organisation_name and o["kind"] != OrganisationKind.REGULATOR
    ]
    return sorted(found, key=lambda o: (o["id"] not in coming, o["name"]))
