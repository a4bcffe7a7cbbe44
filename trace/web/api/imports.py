"""API: tables brought in (XLSX, CSV): looked at, reported row by row, stored whole."""

from typing import Any

from flask import g, request

from schemas.imports import StoreRequest
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Permission
from trace.services.bulk_import import bring_in, get_import, list_imports, store_import
from trace.services.commands import Command
from trace.web.access import may
from trace.web.api.arguments import FILE_FORM, Blueprint
from trace.web.api.commands import command_of
from trace.web.parts import parts

blueprint = Blueprint("api_imports", __name__, description="Tables brought in")


@blueprint.post("/imports")
@blueprint.doc(requestBody=FILE_FORM)
@blueprint.response(201)
@may(Permission.GOODS_RECEIVE)
def post_import() -> Any:
    """导入表格 / Look at a table (form field `file`): its report; nothing of its rows is stored."""
    file = request.files.get("file")
    if file is None:
        raise Invalid(N_("Choose a table: .xlsx or .csv."), field="file")
    name = "".join(c for c in file.filename or "" if c.isprintable())[-120:]
    key = command_of({}).client_key
    command = Command(g.actor, g.now, client_key=key, request={"name": name})
    done = bring_in(g.session, command, objects=parts().objects, name=name, data=file.read())
    return get_import(g.session, actor=g.actor, public_id=done["id"])


@blueprint.get("/imports")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_imports() -> Any:
    """导入记录 / The tables brought in, the latest first."""
    return {"imports": list_imports(g.session, actor=g.actor)}


@blueprint.get("/imports/<string:public_id>")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def get_one_import(public_id: str) -> Any:
    """导入报告 / One table: its state, and its report row by row."""
    return get_import(g.session, actor=g.actor, public_id=public_id)


@blueprint.post("/imports/<string:public_id>/store")
@blueprint.arguments(StoreRequest)
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
def post_store(payload: dict[str, Any], public_id: str) -> Any:
    """导入入库 / Store a table without faults, whole or not at all; a large one is stored by and by."""
    store_import(g.session, command_of(payload), public_id=public_id)
    return get_import(g.session, actor=g.actor, public_id=public_id)
