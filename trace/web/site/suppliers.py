"""Suppliers: the list, a file with licences, first-delivery check, deliveries and findings; forms to change it."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.suppliers import FirstCheckRequest, NewSupplierRequest, SupplierChangeRequest, SupplierLicenceRequest
from trace.domain.failures import Failure
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Permission
from trace.domain.suppliers import Standing
from trace.errors import sentence, status_of
from trace.services import suppliers
from trace.services.blocks import own_block
from trace.services.commands import Command
from trace.services.organisations import list_organisations
from trace.services.supplier_list import get_supplier, list_suppliers
from trace.web.access import from_replica, may, watched
from trace.web.device import device
from trace.web.site.forms import load, text_of
from trace.web.uploads import keep_upload

blueprint = Blueprint("suppliers", __name__, url_prefix="/suppliers")
# Those who sell to shops; regulators and the platform do not.
KINDS = tuple(kind for kind in OrganisationKind if kind not in (OrganisationKind.REGULATOR, OrganisationKind.PLATFORM))


@blueprint.get("")
@may(Permission.SUPPLIER_READ)
@from_replica
def page() -> ResponseReturnValue:
    """供货者 / Who delivers, the latest first: standing, licences, what was refused."""
    return render_template(
        "suppliers.html",
        suppliers=list_suppliers(g.session, actor=g.actor, now=g.now),
        own_block=own_block(g.session, actor=g.actor, on=g.now.date()),
        today=g.now.date(),
    )


@blueprint.get("/new")
@may(Permission.SUPPLIER_MANAGE)
def new() -> ResponseReturnValue:
    """新供货者 / The form of a new file."""
    return _show_new()


@blueprint.post("/new")
@may(Permission.SUPPLIER_MANAGE)
def open_file() -> ResponseReturnValue:
    """新供货者 / Open a file."""
    names = ("organisation", "name", "kind", "uscc", "address", "contact", "override_reason")
    body = {name: value for name in names if (value := text_of(name, 200))}
    try:
        asked = load(NewSupplierRequest(), body)
        asked["organisation_id"] = asked.pop("organisation")
        done = suppliers.open_file(g.session, _command(body), **asked, device=device())
    except Failure as failure:
        g.session.rollback()
        return _show_new(body, failure), status_of(failure)
    return redirect(url_for("suppliers.supplier", public_id=done["id"]), 303)


def _show_new(form: dict[str, str] | None = None, failure: Failure | None = None) -> str:
    known = {row["organisation"] for row in list_suppliers(g.session, actor=g.actor, now=g.now)}
    others = [
        card
        for card in list_organisations(g.session, actor=g.actor, limit=500)
        if card["kind"] in KINDS and card["id"] not in known and card["name"] != g.actor.organisation_name
    ]
    return render_template("supplier_new.html", form=form or {}, organisations=others, kinds=KINDS, **_told(failure))


@blueprint.get("/<string:public_id>")
@may(Permission.SUPPLIER_READ)
@watched
@from_replica
def supplier(public_id: str) -> ResponseReturnValue:
    """供货者档案 / One file."""
    return _show(public_id)


@blueprint.post("/<string:public_id>")
@may(Permission.SUPPLIER_MANAGE)
def change(public_id: str) -> ResponseReturnValue:
    """更改 / Change what stands in a file."""
    names = ("name", "kind", "uscc", "address", "contact", "standing")
    body = {name: text_of(name, 200) for name in names if name in request.form}
    body = {name: value for name, value in body.items() if value or name not in ("kind", "standing", "name")}
    asked = body | {"reason": text_of("reason", 200), "override_reason": text_of("override_reason", 200)}
    return _do(public_id, SupplierChangeRequest, asked, _change, "change")


def _change(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    reason, override = asked.pop("reason"), asked.pop("override_reason")
    suppliers.change_file(
        g.session,
        command,
        public_id=public_id,
        changes=asked,
        reason=reason,
        override_reason=override,
        device=device(),
    )


@blueprint.post("/<string:public_id>/licences")
@may(Permission.SUPPLIER_MANAGE)
def licence(public_id: str) -> ResponseReturnValue:
    """证照 / File a licence with its photo."""
    names = ("kind", "number", "expires_on", "override_reason")
    return _do(public_id, SupplierLicenceRequest, {n: v for n in names if (v := text_of(n, 200))}, _licence, "licence")


def _licence(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    file = request.files.get("file")
    if file is not None and file.filename:
        kept = keep_upload(file)
        asked["sha256"] = kept["sha256"]
    suppliers.file_licence(g.session, command, public_id=public_id, **asked, device=device())


@blueprint.post("/<string:public_id>/check")
@may(Permission.SUPPLIER_MANAGE)
def check(public_id: str) -> ResponseReturnValue:
    """首次进货查验 / Tick what was looked at."""
    asked = {"seen": request.form.getlist("seen"), "remark": text_of("remark", 200)}
    return _do(public_id, FirstCheckRequest, asked, _check, "check")


def _check(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    suppliers.record_first_check(g.session, command, public_id=public_id, **asked, device=device())


def _do(public_id: str, schema: Any, body: dict[str, Any], act: Any, part: str) -> ResponseReturnValue:
    """Carry out a form of a file's page; a refusal is shown in its part of the page, with what was typed."""
    try:
        act(_command(body), public_id, load(schema(), body))
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure, part), status_of(failure)
    return redirect(url_for("suppliers.supplier", public_id=public_id, _anchor=part), 303)


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=dict(body))


def _show(public_id: str, failure: Failure | None = None, part: str = "") -> str:
    found = get_supplier(
        g.session, actor=g.actor, public_id=public_id, now=g.now, reason=request.args.get("reason", "")[:200]
    )
    return render_template(
        "supplier.html",
        found=found,
        kinds=KINDS,
        standings=tuple(Standing),
        licence_kinds=tuple(LicenceKind),
        today=g.now.date(),
        part=part,
        **_told(failure),
    )


def _told(failure: Failure | None) -> dict[str, Any]:
    """A refusal as a page shows it; `doubtful`: a number is taken with a reason (R20)."""
    doubtful = failure is not None and failure.details.get("rule") == "R20"
    return {"problem": sentence(failure) if failure else None, "doubtful": doubtful}
