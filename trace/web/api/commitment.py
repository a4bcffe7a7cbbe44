"""API: commitment certificates, issued, revoked, printed."""

from typing import Any

from flask import Response, g

from schemas.commitment import CertificateLabelQuery, CommitmentRequest, RevocationRequest
from trace.domain.permissions import Permission
from trace.services.commitment import Contents, issue_commitment, revoke_commitment
from trace.services.issued_certificates import own_certificate
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.certificate_print import a4_pdf, label_pdf
from trace.web.printing import pdf_answer

blueprint = Blueprint("api_commitment", __name__, description="Commitment certificates")
PDF = {"type": "string", "format": "binary"}
CONTENTS = ("product_name", "amount", "unit", "quantity", "region", "origin", "contact")


@blueprint.post("/commitment-certificates")
@blueprint.arguments(CommitmentRequest)
@blueprint.response(201)
@may(Permission.CERTIFICATE_ISSUE)
def post_commitment(payload: dict[str, Any]) -> Any:
    """开具承诺达标合格证 / Issue a commitment certificate."""
    command = command_of(payload)
    contents = Contents(**{name: payload.pop(name) for name in CONTENTS})
    return issue_commitment(g.session, command, contents=contents, **payload)


@blueprint.post("/commitment-certificates/<string:public_id>/revocation")
@blueprint.arguments(RevocationRequest)
@blueprint.response(201)
@may(Permission.CERTIFICATE_ISSUE)
def post_revocation(payload: dict[str, Any], public_id: str) -> Any:
    """撤销承诺达标合格证 / Take back a certificate of one's own; its public page says so at once."""
    return revoke_commitment(g.session, command_of(payload), public_id=public_id, reason=payload["reason"])


@blueprint.get("/commitment-certificates/<string:public_id>/label.pdf")
@blueprint.arguments(CertificateLabelQuery, location="query")
@blueprint.response(200, PDF, content_type="application/pdf")
@may(Permission.CERTIFICATE_ISSUE)
def get_label_pdf(query: dict[str, Any], public_id: str) -> Response:
    """合格证标签 / The certificate for a label printer, with its QR code."""
    found = own_certificate(g.session, actor=g.actor, public_id=public_id)
    return pdf_answer(label_pdf(found, query["size"], query["copies"]), found["number"])


@blueprint.get("/commitment-certificates/<string:public_id>/a4.pdf")
@blueprint.response(200, PDF, content_type="application/pdf")
@may(Permission.CERTIFICATE_ISSUE)
def get_a4_pdf(public_id: str) -> Response:
    """合格证打印件 / The certificate on A4, two copies."""
    found = own_certificate(g.session, actor=g.actor, public_id=public_id)
    return pdf_answer(a4_pdf(found), found["number"])
