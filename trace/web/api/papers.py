"""API: certificates and other papers: filed, found, transcribed, linked to lots, watched until they end."""

from typing import Any

from flask import g

from schemas.papers import PaperChangeRequest, PaperLotsRequest, PapersQuery
from schemas.requests import CertificateRequest
from trace.domain.permissions import Permission
from trace.services import papers
from trace.services.paper_corrections import correct_paper
from trace.services.paper_late import file_paper, link_paper
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.device import device

blueprint = Blueprint("api_papers", __name__, description="Certificates")


@blueprint.post("/certificates")
@blueprint.arguments(CertificateRequest)
@blueprint.response(201)
@may(Permission.CERTIFICATE_ISSUE)
def post_certificate(payload: dict[str, Any]) -> Any:
    """登记证明文件 / File a paper that came with goods."""
    command = command_of(payload)
    return file_paper(g.session, command, **payload)


@blueprint.get("/certificates")
@blueprint.arguments(PapersQuery, location="query")
@blueprint.response(200)
@may(Permission.CERTIFICATE_READ)
@from_replica
def get_certificates(query: dict[str, Any]) -> Any:
    """证明文件列表 / One's own certificates, those to be transcribed first, a page at a time."""
    found = papers.list_papers(g.session, actor=g.actor, query=papers.PaperQuery(**query))
    return {"certificates": found["papers"], "next": found["next"]}


@blueprint.get("/certificates/due")
@blueprint.response(200)
@may(Permission.CERTIFICATE_READ)
@from_replica
def get_due() -> Any:
    """到期提醒 / Licences and papers in use that end soon or have ended."""
    return {"due": papers.due(g.session, actor=g.actor, day=g.now.date())}


@blueprint.get("/certificates/<string:public_id>")
@blueprint.response(200)
@may(Permission.CERTIFICATE_READ)
@watched
@from_replica
def get_certificate(public_id: str) -> Any:
    """证明文件 / One certificate and what came under it; an inspector's look is written down."""
    found = papers.get_paper(g.session, actor=g.actor, public_id=public_id, now=g.now)
    return {**found, "lots": [lot["lot"] for lot in found["lots"]]}


@blueprint.patch("/certificates/<string:public_id>")
@blueprint.arguments(PaperChangeRequest)
@blueprint.response(200)
@may(Permission.RECORD_CORRECT)
def patch_certificate(payload: dict[str, Any], public_id: str) -> Any:
    """补录或更正证明文件 / Transcribe or correct a paper of one's own; the old values are kept."""
    command = command_of(payload)
    contents, reason = payload.pop("contents"), payload.pop("reason")
    return correct_paper(
        g.session, command, public_id=public_id, changes=payload, contents=contents, reason=reason, device=device()
    )


@blueprint.post("/certificates/<string:public_id>/lots")
@blueprint.arguments(PaperLotsRequest)
@blueprint.response(200)
@may(Permission.CERTIFICATE_ISSUE)
def post_lots(payload: dict[str, Any], public_id: str) -> Any:
    """关联批次 / Tie a paper to more lots."""
    command = command_of(payload)
    return link_paper(g.session, command, public_id=public_id, **payload)
