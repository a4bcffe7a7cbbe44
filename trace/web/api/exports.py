"""API: what is told to the medical insurance, the trace platform and partners, file by file."""

from typing import Any

from flask import Response, g

from schemas.export_requests import (
    ExportFilesQuery,
    ExportRequest,
    ExportSettlementRequest,
    ExportTargetRequest,
    InsuranceCodesRequest,
)
from trace.domain.exports import Kind
from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Permission
from trace.services import exports
from trace.services.exports import Setting, export_seal
from trace.services.insurance_codes import enter_codes, list_codes
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.parts import parts

blueprint = Blueprint("api_exports", __name__, url_prefix="/exports", description="Exports")


@blueprint.get("/targets")
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def get_targets() -> Any:
    """上传对象 / The targets, with how many files are in which state."""
    return {"targets": exports.list_targets(g.session, actor=g.actor)}


@blueprint.post("/targets/<string:kind>")
@blueprint.arguments(ExportTargetRequest)
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def post_target(payload: dict[str, Any], kind: str) -> Any:
    """设置上传对象 / Set up a target of a kind, or change it."""
    if kind not in set(Kind):
        raise NotFound(N_("There is no such target of exports."), field="kind")
    settings = parts().settings
    secret = payload.pop("secret")  # not among what is kept of a request, even as a digest
    command = command_of(payload)
    return exports.set_target(
        g.session,
        command,
        setting=Setting(kind=Kind(kind), secret=secret or None, **payload),
        seal=export_seal(settings.secret_key),
        private=settings.webhook_private,
    )


@blueprint.post("/targets/<string:public_id>/files")
@blueprint.arguments(ExportRequest)
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def post_files(payload: dict[str, Any], public_id: str) -> Any:
    """立即生成 / Make the files of a target now and send them."""
    return exports.make_now(g.session, command_of({**payload, "target": public_id}), target_id=public_id)


@blueprint.get("/files")
@blueprint.arguments(ExportFilesQuery, location="query")
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def get_files(query: dict[str, Any]) -> Any:
    """上传文件 / Files, the latest first."""
    return exports.list_files(
        g.session, actor=g.actor, target_id=query["target"], state=query["state"], before=query["before"]
    )


@blueprint.get("/files/<string:public_id>")
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def get_file(public_id: str) -> Any:
    """文件状态 / One file with every answer to it."""
    return exports.get_file(g.session, actor=g.actor, file_id=public_id, now=g.now)


@blueprint.get("/files/<string:public_id>/content")
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def get_content(public_id: str) -> Any:
    """文件内容 / The bytes of a file, as they are sent."""
    content, media_type, name = exports.file_content(g.session, actor=g.actor, file_id=public_id)
    shown = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, mimetype=media_type, headers=shown)


@blueprint.post("/files/<string:public_id>/send")
@blueprint.arguments(ExportRequest)
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def post_send(payload: dict[str, Any], public_id: str) -> Any:
    """重新发送 / Send a file again; a refused one is made anew."""
    return exports.send_again(g.session, command_of({**payload, "file": public_id}), file_id=public_id)


@blueprint.post("/files/<string:public_id>/settlement")
@blueprint.arguments(ExportSettlementRequest)
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def post_settlement(payload: dict[str, Any], public_id: str) -> Any:
    """登记结果 / Write down what came of a file that was handed in by hand."""
    command = command_of(payload)
    return exports.settle_by_hand(g.session, command, file_id=public_id, **payload)


@blueprint.get("/insurance-codes")
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def get_codes() -> Any:
    """医保目录编码 / The drugs, and what the insurance calls them."""
    return {"drugs": list_codes(g.session, actor=g.actor)}


@blueprint.post("/insurance-codes")
@blueprint.arguments(InsuranceCodesRequest)
@blueprint.response(200)
@may(Permission.EXPORT_MANAGE)
def post_codes(payload: dict[str, Any]) -> Any:
    """录入医保目录编码 / Enter what the insurance calls drugs."""
    return enter_codes(g.session, command_of(payload), codes={one["product"]: one["code"] for one in payload["codes"]})
