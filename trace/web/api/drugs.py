"""API: the drug file, its code identifiers, first-product files, codes read in all forms, relation files."""

from typing import Any

from flask import g, request

from schemas.drugs import (
    DrugChangeRequest,
    DrugsQuery,
    IdentifierCorrectionRequest,
    IdentifierRequest,
    NewDrugRequest,
    ReadCodesRequest,
)
from schemas.suppliers import FirstCheckRequest
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Permission
from trace.services import drug_editing, drug_file
from trace.services.code_relations import bring_in_relations, get_relation_file, list_relation_files
from trace.services.commands import Command
from trace.web.access import from_replica, may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.device import device
from trace.web.parts import parts

blueprint = Blueprint("api_drugs", __name__, description="Drugs and their codes")
_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "product": {"type": "string", "maxLength": 26},
                },
            }
        }
    },
}


@blueprint.get("/drugs")
@blueprint.arguments(DrugsQuery, location="query")
@blueprint.response(200)
@may(Permission.PRODUCT_READ)
@from_replica
def get_drugs(query: dict[str, Any]) -> Any:
    """药品档案列表 / Drugs of the file, by name."""
    return {"drugs": drug_editing.list_drugs(g.session, actor=g.actor, **query)}


@blueprint.post("/drugs")
@blueprint.arguments(NewDrugRequest)
@blueprint.response(201)
@may(Permission.PRODUCT_MANAGE)
def post_drug(payload: dict[str, Any]) -> Any:
    """登记药品 / Put a drug into the file."""
    command = command_of(payload)
    return drug_editing.register_drug(g.session, command, **payload)


@blueprint.get("/drugs/<string:public_id>")
@blueprint.response(200)
@may(Permission.PRODUCT_READ)
@from_replica
def get_one_drug(public_id: str) -> Any:
    """药品档案 / One drug: its file, identifiers, first-product file, changes."""
    return drug_editing.get_drug(g.session, actor=g.actor, public_id=public_id)


@blueprint.post("/drugs/<string:public_id>/changes")
@blueprint.arguments(DrugChangeRequest)
@blueprint.response(200)
@may(Permission.PRODUCT_MANAGE)
def post_drug_change(payload: dict[str, Any], public_id: str) -> Any:
    """更改药品档案 / Add to a drug's file or correct it; what stood there is kept."""
    command, reason = command_of(payload), payload.pop("reason")
    return drug_editing.change_drug(
        g.session, command, public_id=public_id, changes=payload, reason=reason, device=device()
    )


@blueprint.post("/drugs/<string:public_id>/identifiers")
@blueprint.arguments(IdentifierRequest)
@blueprint.response(201)
@may(Permission.PRODUCT_MANAGE)
def post_identifier(payload: dict[str, Any], public_id: str) -> Any:
    """登记标识码 / Say that an identifier is this drug's, at which level of packing."""
    command = command_of(payload)
    return drug_editing.add_identifier(g.session, command, public_id=public_id, **payload, device=device())


@blueprint.post("/drugs/<string:public_id>/identifiers/correct")
@blueprint.arguments(IdentifierCorrectionRequest)
@blueprint.response(200)
@may(Permission.PRODUCT_MANAGE)
def post_identifier_correction(payload: dict[str, Any], public_id: str) -> Any:
    """更正标识码 / Correct what an identifier stands for; what stood there is kept."""
    command = command_of(payload)
    payload["product_id"] = payload.pop("product")
    return drug_editing.correct_identifier(g.session, command, public_id=public_id, **payload, device=device())


@blueprint.post("/drugs/<string:public_id>/check")
@blueprint.arguments(FirstCheckRequest)
@blueprint.response(200)
@may(Permission.PRODUCT_MANAGE)
def post_product_check(payload: dict[str, Any], public_id: str) -> Any:
    """首营品种审核 / Make the first-product file."""
    command = command_of(payload)
    return drug_editing.check_product(g.session, command, public_id=public_id, **payload, device=device())


@blueprint.post("/codes/read")
@blueprint.arguments(ReadCodesRequest)
@blueprint.response(200)
@may(Permission.PRODUCT_READ)
def post_codes_read(payload: dict[str, Any]) -> Any:
    """识读追溯码 / Read drug codes in all forms: the pack, its product and level; what is to be asked about."""
    read = drug_file.read_codes(g.session, payload["codes"], actor=g.actor)
    return {"codes": [_as_dict(code) for code in read], "new_identifiers": [_asked(n) for n in _new(read)]}


def _new(read: list[drug_file.DrugCode]) -> list[drug_file.NewIdentifier]:
    return drug_file.new_identifiers(read)


def _as_dict(code: drug_file.DrugCode) -> dict[str, Any]:
    return {
        "text": code.text,
        "form": code.form.value,
        "uri": code.uri,
        "identifier": code.identifier,
        "product": code.product,
        "pack_level": code.pack_level,
        "cascade": code.cascade,
        "lot_number": code.lot,
        "expires_on": code.expires_on,
    }


def _asked(new: drug_file.NewIdentifier) -> dict[str, Any]:
    return {"identifier": new.identifier, "length": new.length, "codes": len(new.codes)}


@blueprint.post("/code-relations")
@blueprint.doc(requestBody=_FORM)
@blueprint.response(201)
@may(Permission.GOODS_RECEIVE)
def post_relations() -> Any:
    """导入关联关系 / Bring in a relation file (form field `file`): which boxes are in which case."""
    file = request.files.get("file")
    if file is None:
        raise Invalid(N_("Choose a relation file: .xml, .csv or .xlsx."), field="file")
    name = "".join(c for c in file.filename or "" if c.isprintable())[-120:]
    product = request.form.get("product") or None
    key = command_of({}).client_key
    command = Command(g.actor, g.now, client_key=key, request={"name": name, "product": product})
    done = bring_in_relations(g.session, command, objects=parts().objects, name=name, data=file.read(), product=product)
    return get_relation_file(g.session, actor=g.actor, public_id=done["id"])


@blueprint.get("/code-relations")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_relations() -> Any:
    """关联关系列表 / The relation files brought in, the latest first."""
    return {"files": list_relation_files(g.session, actor=g.actor)}


@blueprint.get("/code-relations/<string:public_id>")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_one_relation_file(public_id: str) -> Any:
    """关联关系 / What one relation file said."""
    return get_relation_file(g.session, actor=g.actor, public_id=public_id)
