"""The organisation's papers: the photo beside the form of its fields, the lots it is for, what is left of it."""

import uuid
from datetime import date
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.papers import PaperChangeRequest, PaperLotsRequest, PapersQuery
from schemas.requests import UNITS
from trace.domain.certificate_fields import CONTENTS, OLD_BASES, SHAPES, Shape
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.permissions import Permission
from trace.domain.permissions import may as has
from trace.errors import sentence, status_of
from trace.services import papers
from trace.services.certificates import file_certificate
from trace.services.commands import Command
from trace.services.paper_corrections import correct_paper
from trace.services.paper_late import link_paper
from trace.services.scans import keep_paper
from trace.web.access import from_replica, may, watched
from trace.web.device import device
from trace.web.parts import parts
from trace.web.site.forms import load, text_of
from trace.web.uploads import read_photo

blueprint = Blueprint("papers", __name__, url_prefix="/papers")
MANY_LOTS = 200


@blueprint.get("")
@may(Permission.CERTIFICATE_READ)
@from_replica
def page() -> ResponseReturnValue:
    """证明文件 / What is to be transcribed on top, then the newest; what ends soon."""
    asked = load(PapersQuery(), {name: value for name, value in request.args.items() if value and name in _ASKED})
    query = papers.PaperQuery(**asked)
    return render_template(
        "papers.html",
        found=papers.list_papers(g.session, actor=g.actor, query=query),
        due=papers.due(g.session, actor=g.actor, day=g.now.date()),
        query=query,
        kinds=list(CertificateKind),
        problem=None,
    )


_NOT_TYPED = ("qr_payload", "origin_region")  # read by the reader; the county's number, which the issue page fills in
_ASKED = ("text", "kind", "incomplete", "after")


@blueprint.post("")
@may(Permission.CERTIFICATE_ISSUE)
def file() -> ResponseReturnValue:
    """登记 / Keep a paper by its photo alone; what is known of it already is shown instead of filing it again."""
    try:
        public_id, told = _file()
    except Failure as failure:
        g.session.rollback()
        query = papers.PaperQuery()
        shown = render_template(
            "papers.html",
            found=papers.list_papers(g.session, actor=g.actor, query=query),
            due=papers.due(g.session, actor=g.actor, day=g.now.date()),
            query=query,
            kinds=list(CertificateKind),
            problem=sentence(failure),
        )
        return shown, status_of(failure)
    return redirect(url_for("papers.paper", public_id=public_id, told=told), 303)


def _file() -> tuple[str, str]:
    """(id of the paper, what is said about it): filed now, filed before by somebody here, or issued on this system."""
    photo = request.files.get("photo")
    if photo is None or not photo.filename:
        raise Invalid(N_("Take a photo of the paper."), field="photo")
    kind = text_of("kind", 40)
    if kind not in tuple(CertificateKind):
        raise Invalid(N_("Choose what kind of paper it is."), field="kind")
    read = read_photo(photo, seconds=parts().settings.scan_seconds)
    qr, chosen = read.qr, CertificateKind(kind)
    known = papers.filed_by_qr(g.session, actor=g.actor, qr_payload=qr)
    if known is not None and "again" not in request.form:  # some QR codes open one page for all papers
        return known, "before"
    sha256 = keep_paper(g.session, actor=g.actor, objects=parts().objects, photo=read, now=g.now)
    done = file_certificate(
        g.session,
        Command(g.actor, g.now, text_of("client_key", 120) or None, request={"sha256": sha256, "kind": kind}),
        kind=chosen,
        lots=[],
        issuer="",
        issued_on=None,
        contents={"qr_payload": qr} if qr and "qr_payload" in CONTENTS[chosen].names else {},
        sha256=sha256,
    )
    return done["id"], "here" if done["on_this_system"] else "filed"


@blueprint.get("/<string:public_id>")
@may(Permission.CERTIFICATE_READ)
@watched
@from_replica
def paper(public_id: str) -> ResponseReturnValue:
    """一份证明 / Its photo, its fields, its lots, what came under it."""
    return _show(public_id)


@blueprint.post("/<string:public_id>")
@may(Permission.RECORD_CORRECT)
def correct(public_id: str) -> ResponseReturnValue:
    """补录、更正 / Type what stands on it; every change is kept."""
    try:
        asked = load(PaperChangeRequest(), _typed())
        contents, reason = asked.pop("contents"), asked.pop("reason")
        key = asked.pop("client_key", None)
        command = Command(g.actor, g.now, key, request={"paper": public_id, **request.form.to_dict(flat=True)})
        correct_paper(
            g.session, command, public_id=public_id, changes=asked, contents=contents, reason=reason, device=device()
        )
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure), status_of(failure)
    return redirect(url_for("papers.paper", public_id=public_id, told="saved"), 303)


def _typed() -> dict[str, Any]:
    """The form as a body: empty fields are none, but the ones the form did not show stay as they are."""
    body: dict[str, Any] = {"reason": text_of("reason", 200), "client_key": text_of("client_key", 120) or None}
    body = {name: value for name, value in body.items() if value}
    for name in ("form", "number", "issuer", "issued_on", "valid_until", "amount", "unit"):
        if name in request.form:
            body[name] = text_of(name, 200) or None
    if body.get("amount") is None and "amount" in body:
        body["unit"] = None  # a unit alone says nothing
    fields: dict[str, Any] = {}
    for name, shape in SHAPES.items():
        if f"shown-{name}" not in request.form:
            continue
        match shape:
            case Shape.BASES:
                fields[name] = list(dict.fromkeys(request.form.getlist(f"field-{name}")))[:5]
            case Shape.YES:
                fields[name] = f"field-{name}" in request.form or None
            case Shape.DAY:
                fields[name] = text_of(f"field-{name}", 20) or None
            case _:
                fields[name] = text_of(f"field-{name}", 4_000)
    return body | {"fields": fields}


@blueprint.post("/<string:public_id>/lots")
@may(Permission.CERTIFICATE_ISSUE)
def link(public_id: str) -> ResponseReturnValue:
    """关联批次 / Tie it to the lots that are ticked."""
    try:
        ticked = list(dict.fromkeys(request.form.getlist("lots")))[: MANY_LOTS + 1]
        if not ticked:
            raise Invalid(N_("Tick the lots that the paper is for."), field="lots")
        asked = load(
            PaperLotsRequest(), {"lots": ticked, "client_key": text_of("client_key", 120) or str(uuid.uuid4())}
        )
        key = asked.pop("client_key")
        link_paper(g.session, Command(g.actor, g.now, key, request=asked), public_id=public_id, **asked)
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure), status_of(failure)
    return redirect(url_for("papers.paper", public_id=public_id, told="linked", _anchor="lots"), 303)


def _show(public_id: str, failure: Failure | None = None) -> str:
    found = papers.get_paper(g.session, actor=g.actor, public_id=public_id, now=g.now)
    content = CONTENTS[CertificateKind(found["kind"])]
    mine = found["own"] and not found["issued_here"] and has(g.actor, Permission.RECORD_CORRECT)
    return render_template(
        "paper.html",
        paper=found,
        fields=[(name, SHAPES[name].value) for name in content.names if name not in _NOT_TYPED],
        forms=content.forms,
        bases=[*(basis.value for basis in CommitmentBasis), *OLD_BASES],
        units=UNITS,
        mine=mine,
        lots=papers.open_lots(g.session, actor=g.actor, public_id=public_id)
        if has(g.actor, Permission.CERTIFICATE_ISSUE)
        else [],
        told=request.args.get("told", "") if failure is None else "",
        problem=sentence(failure) if failure else None,
        typed=request.form if failure else None,
        today=date.isoformat(g.now.date()),
    )
