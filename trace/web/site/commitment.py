"""The commitment certificate (承诺达标合格证): issued on one screen, printed, revoked; and the page of its QR code."""

import base64
import binascii
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO, cast

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.commitment import CertificateLabelQuery, CommitmentRequest
from trace.domain.commitment import TITLE
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.papers import STATEMENTS, CommitmentBasis
from trace.domain.permissions import Permission
from trace.domain.regions import regions
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.commitment import Contents, issue_commitment, revoke_commitment
from trace.services.issued_certificates import (
    basis_texts,
    certifiable_lots,
    draft_commitment,
    list_issued,
    own_certificate,
    public_certificate,
    signature_of,
)
from trace.services.scans import keep_photo
from trace.web.access import from_replica, may, public
from trace.web.certificate_print import a4_pdf, address_of, label_pdf, label_values
from trace.web.parts import PUBLIC_RATE, limiter, parts
from trace.web.printing import pdf_answer
from trace.web.site.forms import load, text_of

blueprint = Blueprint("commitment", __name__)
MOST_DRAWN = 300_000  # characters of a signature drawn on the screen: a picture of 600 x 200 has far fewer
DRAWN = "data:image/png;base64,"
SIGNATURE_SECONDS = 0.1  # nobody looks for barcodes in a signature
TEXTS = (("product_name", 120), ("amount", 24), ("unit", 3), ("region", 6), ("origin", 120), ("contact", 80))
NINGXIA = "64"


@blueprint.get("/certificates/issue")
@may(Permission.CERTIFICATE_ISSUE)
def issue() -> ResponseReturnValue:
    """开具合格证 / Choose the goods; then what the records know is filled in."""
    asked = [lot[:2_000] for lot in request.args.getlist("lot")][:100]
    if not asked:
        lots = certifiable_lots(g.session, actor=g.actor, on=g.now.date())
        return render_template("commitment_choose.html", lots=lots, today=g.now.date())
    return _form(draft_commitment(g.session, actor=g.actor, lots=asked, now=g.now))


def _form(draft: dict[str, Any], problem: Failure | None = None) -> str:
    counties = {code: name for code, name in regions().items() if code[:2] == NINGXIA and not code.endswith("00")}
    return render_template(
        "commitment_issue.html",
        draft=draft,
        bases=list(CommitmentBasis),
        statements=STATEMENTS,
        counties=counties,
        title=TITLE,
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )


@blueprint.post("/certificates/issue")
@may(Permission.CERTIFICATE_ISSUE)
def post_issue() -> ResponseReturnValue:
    """开具合格证 / Issue it; what is wrong is said in place."""
    typed: dict[str, Any] = {name: text_of(name, most) for name, most in TEXTS}
    typed |= {
        "lots": list(dict.fromkeys(lot[:2_000] for lot in request.form.getlist("lots")[:100])),
        "basis": list(dict.fromkeys(word[:20] for word in request.form.getlist("basis")[:3])),
        "form": text_of("form", 20),
        "drawn": request.form.get("drawn", "")[:MOST_DRAWN],
    }
    try:
        done = _issue(typed)
    except Failure as failure:
        g.session.rollback()
        draft = draft_commitment(g.session, actor=g.actor, lots=typed["lots"] or [""], now=g.now)
        return _form(draft | typed, failure), status_of(failure)
    return redirect(url_for("commitment.issued", public_id=done["id"]), 303)


def _issue(typed: dict[str, Any]) -> dict[str, Any]:
    body = {name: typed[name] or None for name in ("amount", "unit", "region", "form")}
    body |= {name: typed[name] for name in ("product_name", "origin", "contact", "lots", "basis")}
    payload = load(CommitmentRequest(), {**body, "statement_accepted": text_of("statement_accepted", 3) == "yes"})
    asked = {**body, "drawn": typed["drawn"]}
    command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=asked)
    contents = Contents(
        **{name: payload[name] for name in ("product_name", "amount", "unit", "region", "origin", "contact")}
    )
    return issue_commitment(
        g.session,
        command,
        lots=payload["lots"],
        contents=contents,
        basis=payload["basis"],
        statement_accepted=payload["statement_accepted"],
        form=payload["form"],
        signature=_signature(typed["drawn"]),
    )


def _signature(drawn: str) -> str | None:
    """The signature's picture, uploaded or drawn with the finger, kept like every photo; None where there is none."""
    photo = request.files.get("signature")
    upload = cast(BinaryIO, photo.stream) if photo is not None and photo.filename else BytesIO()
    if not upload.read(1) and drawn:
        try:
            upload = BytesIO(base64.b64decode(drawn.removeprefix(DRAWN), validate=True))
        except (binascii.Error, ValueError) as fault:
            raise Invalid(N_("The signature did not arrive whole. Sign again."), field="signature") from fault
    if not upload.seek(0, SEEK_END):
        return None
    kept = keep_photo(
        g.session, actor=g.actor, objects=parts().objects, upload=upload, seconds=SIGNATURE_SECONDS, now=g.now
    )
    return kept["sha256"]


@blueprint.get("/certificates/issued")
@may(Permission.CERTIFICATE_ISSUE)
def listed() -> ResponseReturnValue:
    """已开具的合格证 / What was issued here, newest first."""
    return render_template("commitment_list.html", certificates=list_issued(g.session, actor=g.actor))


@blueprint.get("/certificates/issued/<string:public_id>")
@may(Permission.CERTIFICATE_ISSUE)
def issued(public_id: str) -> ResponseReturnValue:
    """合格证 / One of one's own: print it, show it, take it back."""
    return _show(public_id)


def _show(public_id: str, problem: Failure | None = None) -> str:
    found = own_certificate(g.session, actor=g.actor, public_id=public_id)
    return render_template(
        "commitment_issued.html",
        certificate=found,
        basis=basis_texts(found["basis"]),
        address=address_of(found),
        title=TITLE,
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("/certificates/issued/<string:public_id>")
@may(Permission.CERTIFICATE_ISSUE)
def post_revocation(public_id: str) -> ResponseReturnValue:
    """撤销 / Take the certificate back; its public page says so at once."""
    reason = text_of("reason", 200)
    asked = {"id": public_id, "reason": reason}
    command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=asked)
    try:
        revoke_commitment(g.session, command, public_id=public_id, reason=reason)
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure), status_of(failure)
    return redirect(url_for("commitment.issued", public_id=public_id), 303)


@blueprint.get("/certificates/issued/<string:public_id>/label")
@may(Permission.CERTIFICATE_ISSUE)
def label(public_id: str) -> ResponseReturnValue:
    """合格证标签 / For a label printer, from the browser."""
    asked = load(CertificateLabelQuery(), request.args.to_dict())
    found = own_certificate(g.session, actor=g.actor, public_id=public_id)
    return render_template("commitment_label.html", **label_values(found, asked["size"], asked["copies"]))


@blueprint.get("/certificates/issued/<string:public_id>/label.pdf")
@may(Permission.CERTIFICATE_ISSUE)
def label_file(public_id: str) -> Response:
    """合格证标签 PDF / For a label printer, as a file."""
    asked = load(CertificateLabelQuery(), request.args.to_dict())
    found = own_certificate(g.session, actor=g.actor, public_id=public_id)
    return pdf_answer(label_pdf(found, asked["size"], asked["copies"]), found["number"])


@blueprint.get("/certificates/issued/<string:public_id>/a4.pdf")
@may(Permission.CERTIFICATE_ISSUE)
def sheet(public_id: str) -> Response:
    """合格证 A4 / On A4, two copies."""
    found = own_certificate(g.session, actor=g.actor, public_id=public_id)
    return pdf_answer(a4_pdf(found), found["number"])


@blueprint.get("/c/<string:public_id>")
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def page(public_id: str) -> ResponseReturnValue:
    """承诺达标合格证 / What the QR code opens: all that stands on the certificate, and how it stands today."""
    found = public_certificate(g.session, public_id=public_id)
    return render_template("commitment.html", certificate=found, basis=basis_texts(found["basis"]), title=TITLE)


@blueprint.get("/c/<string:public_id>/signature")
@limiter.limit(PUBLIC_RATE)
@public
@from_replica
def signature(public_id: str) -> Response:
    """签名 / The signature on the certificate."""
    data, media_type = signature_of(g.session, objects=parts().objects, public_id=public_id)
    return Response(data, mimetype=media_type, headers={"Cache-Control": "public, max-age=3600"})
