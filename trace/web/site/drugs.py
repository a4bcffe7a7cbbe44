"""The drug file: the list, one drug with its codes and changes, the first-product file, relation files."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.drugs import DrugChangeRequest, IdentifierCorrectionRequest, IdentifierRequest, NewDrugRequest
from schemas.suppliers import FirstCheckRequest
from trace.domain.drugs import LEVELS, DrugClass, Storage
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.domain.products import Prescription
from trace.errors import sentence, status_of
from trace.services import drug_editing
from trace.services.code_relations import bring_in_relations, get_relation_file, list_relation_files
from trace.services.commands import Command
from trace.services.rulebook import rules_on
from trace.web.access import from_replica, may
from trace.web.device import device
from trace.web.parts import parts
from trace.web.site.forms import load, text_of

blueprint = Blueprint("drugs", __name__, url_prefix="/drugs")
_CHOICES: dict[str, Any] = {"prescription": Prescription, "drug_class": DrugClass, "storage": Storage}
_NUMBERS = ("celsius_low", "celsius_high", "split_units")


@blueprint.get("")
@may(Permission.PRODUCT_READ)
@from_replica
def page() -> ResponseReturnValue:
    """药品档案 / The drugs of the file; those whose first-product file is still to be made."""
    text, unchecked = request.args.get("text", "").strip()[:60], bool(request.args.get("unchecked"))
    found = drug_editing.list_drugs(g.session, actor=g.actor, text=text, unchecked=unchecked)
    return render_template("drugs.html", drugs=found, text=text, unchecked=unchecked)


@blueprint.get("/new")
@may(Permission.PRODUCT_MANAGE)
def new() -> ResponseReturnValue:
    """新药品 / The form of a new drug."""
    return _show_new({"code": request.args.get("code", "")[:200]})


@blueprint.post("/new")
@may(Permission.PRODUCT_MANAGE)
def register() -> ResponseReturnValue:
    """新药品 / Put a drug into the file, or go to the one that its code names."""
    typed = {name: value for name in ("code", *drug_editing.FIELDS) if (value := text_of(name, 200))}
    try:
        done = drug_editing.register_drug(g.session, _command(typed), **load(NewDrugRequest(), typed))
    except Failure as failure:
        g.session.rollback()
        return _show_new(typed, failure), status_of(failure)
    return redirect(url_for("drugs.drug", public_id=done["id"]), 303)


def _show_new(typed: dict[str, str], failure: Failure | None = None) -> str:
    return render_template("drug_new.html", typed=typed, choices=_CHOICES, problem=_told(failure))


@blueprint.get("/<string:public_id>")
@may(Permission.PRODUCT_READ)
@from_replica
def drug(public_id: str) -> ResponseReturnValue:
    """药品 / One drug."""
    return _show(public_id)


@blueprint.post("/<string:public_id>")
@may(Permission.PRODUCT_MANAGE)
def change(public_id: str) -> ResponseReturnValue:
    """更改 / Add to the file of a drug, or correct it."""
    stands = drug_editing.get_drug(g.session, actor=g.actor, public_id=public_id)
    body: dict[str, Any] = {}
    for name in drug_editing.FIELDS:
        typed = text_of(name, 200) if name in request.form else None
        if typed or (typed == "" and stands[name] and name not in (*_NUMBERS, "name", "prescription", "storage")):
            body[name] = typed or (None if name == "drug_class" else "")
    return _do(public_id, DrugChangeRequest, body | {"reason": text_of("reason", 200)}, _change, "change")


def _change(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    reason = asked.pop("reason")
    drug_editing.change_drug(g.session, command, public_id=public_id, changes=asked, reason=reason, device=device())


@blueprint.post("/<string:public_id>/identifiers")
@may(Permission.PRODUCT_MANAGE)
def identifier(public_id: str) -> ResponseReturnValue:
    """标识码 / Say that an identifier is this drug's."""
    return _do(public_id, IdentifierRequest, _filled("identifier", "level", "cascade", "length"), _add, "codes")


def _add(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    drug_editing.add_identifier(g.session, command, public_id=public_id, **asked, device=device())


@blueprint.post("/<string:public_id>/identifiers/correct")
@may(Permission.PRODUCT_MANAGE)
def correct(public_id: str) -> ResponseReturnValue:
    """更正标识码 / Correct what an identifier stands for."""
    body = _filled("identifier", "product", "level", "cascade", "reason")
    return _do(public_id, IdentifierCorrectionRequest, body, _correct, "codes")


def _correct(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    asked["product_id"] = asked.pop("product")
    drug_editing.correct_identifier(g.session, command, public_id=public_id, **asked, device=device())


@blueprint.post("/<string:public_id>/check")
@may(Permission.PRODUCT_MANAGE)
def check(public_id: str) -> ResponseReturnValue:
    """首营品种审核 / Make the first-product file."""
    asked = {"seen": request.form.getlist("seen"), "remark": text_of("remark", 200)}
    return _do(public_id, FirstCheckRequest, asked, _check, "check")


def _check(command: Command, public_id: str, asked: dict[str, Any]) -> None:
    drug_editing.check_product(g.session, command, public_id=public_id, **asked, device=device())


# ---- relation files ------------------------------------------------------------------------------------------------


@blueprint.get("/relations")
@may(Permission.GOODS_RECEIVE)
def relations() -> ResponseReturnValue:
    """关联关系 / Choose a relation file; what was brought in before."""
    return _show_relations()


@blueprint.post("/relations")
@may(Permission.GOODS_RECEIVE)
def upload() -> ResponseReturnValue:
    """关联关系 / Bring in a relation file, whole or not at all."""
    file, product = request.files.get("file"), text_of("product", 26) or None
    try:
        if file is None or not file.filename:
            raise Invalid(N_("Choose a relation file: .xml, .csv or .xlsx."), field="file")
        name = "".join(c for c in file.filename if c.isprintable())[-120:]
        command = _command({"name": name, "product": product})
        done = bring_in_relations(
            g.session, command, objects=parts().objects, name=name, data=file.read(), product=product
        )
    except Failure as failure:
        g.session.rollback()
        return _show_relations(failure), status_of(failure)
    return redirect(url_for("drugs.relation", public_id=done["id"]), 303)


def _show_relations(failure: Failure | None = None) -> str:
    asked = failure.details if failure is not None and failure.field == "product" else {}
    return render_template(
        "relations.html",
        files=list_relation_files(g.session, actor=g.actor),
        drugs=drug_editing.list_drugs(g.session, actor=g.actor, limit=2_000) if asked else [],
        asked=asked,
        problem=_told(failure),
    )


@blueprint.get("/relations/<string:public_id>")
@may(Permission.GOODS_RECEIVE)
def relation(public_id: str) -> ResponseReturnValue:
    """关联关系 / What one relation file said."""
    return render_template("relation.html", file=get_relation_file(g.session, actor=g.actor, public_id=public_id))


# ---- what the forms share ------------------------------------------------------------------------------------------


def _do(
    public_id: str, schema: Any, body: dict[str, Any], act: Callable[[Command, str, dict[str, Any]], None], part: str
) -> ResponseReturnValue:
    """Carry out a form of a drug's page; a refusal is shown in its part of the page, with what was typed."""
    try:
        act(_command(body), public_id, load(schema(), body))
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure, part), status_of(failure)
    return redirect(url_for("drugs.drug", public_id=public_id, _anchor=part), 303)


def _filled(*names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := text_of(name, 200))}


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=dict(body))


def _show(public_id: str, failure: Failure | None = None, part: str = "") -> str:
    found = drug_editing.get_drug(g.session, actor=g.actor, public_id=public_id)
    entry = rules_on(g.session, g.now.date(), g.actor.organisation).entry("first_product.items")
    stands = {name: found[name] for name in drug_editing.FIELDS}
    for name in ("celsius_low", "celsius_high"):
        stands[name] = None if stands[name] is None else f"{stands[name] / 100:g}"
    return render_template(
        "drug.html",
        found=found,
        stands=stands,
        typed=request.form if part == "change" else stands,
        items=entry.value if entry else [],
        source=entry.source if entry else "",
        choices=_CHOICES,
        others=drug_editing.list_drugs(g.session, actor=g.actor, limit=300),
        levels=range(1, LEVELS + 1),
        part=part,
        problem=_told(failure),
    )


def _told(failure: Failure | None) -> str | None:
    return sentence(failure) if failure else None
