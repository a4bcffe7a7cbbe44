"""API: certificates."""

from typing import Any

from flask import g

from schemas.requests import CertificateRequest, PageQuery
from trace.domain.permissions import Permission
from trace.services import certificates
from trace.web.access import may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of

blueprint = Blueprint("api_papers", __name__, description="Certificates")


@blueprint.post("/certificates")
@blueprint.arguments(CertificateRequest)
@blueprint.response(201)
@may(Permission.CERTIFICATE_ISSUE)
def post_certificate(payload: dict[str, Any]) -> Any:
    """登记证明文件 / File a paper that came with goods."""
    command = command_of(payload)
    return certificates.file_certificate(g.session, command, **payload)


@blueprint.get("/certificates")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200)
@may(Permission.CERTIFICATE_READ)
def get_certificates(query: dict[str, Any]) -> Any:
    """证明文件列表 / One's own certificates."""
    return {"certificates": certificates.list_certificates(g.session, actor=g.actor, limit=query["limit"])}


@blueprint.get("/certificates/<string:public_id>")
@blueprint.response(200)
@may(Permission.CERTIFICATE_READ)
@watched
def get_certificate(public_id: str) -> Any:
    """证明文件 / One certificate; an inspector's look is written down."""
    return certificates.get_certificate(g.session, actor=g.actor, public_id=public_id, now=g.now)
