"""Exports: what waits, what was refused and what to do about it; the settings of each target; insurance codes."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from trace.domain.exports import FORMS, Kind, State
from trace.domain.failures import N_, Failure, Invalid, NotFound
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services import exports
from trace.services.commands import Command
from trace.services.exports import ACCOUNTS, Setting, export_seal
from trace.services.insurance_codes import count_missing, enter_codes, list_codes
from trace.web.access import may
from trace.web.parts import parts
from trace.web.site.forms import text_of

blueprint = Blueprint("exports", __name__, url_prefix="/exports")
MANY_CODES = 500


@blueprint.get("")
@may(Permission.EXPORT_MANAGE)
def page() -> ResponseReturnValue:
    """上传 / The targets with what waits, and the files."""
    return _show()


def _show(problem: Failure | None = None) -> str:
    state = request.args.get("state", "")
    found = exports.list_files(
        g.session,
        actor=g.actor,
        target_id=request.args.get("target", "")[:26],
        state=State(state) if state in set(State) else None,
        before=request.args.get("before", "")[:26],
    )
    targets = exports.list_targets(g.session, actor=g.actor)
    there = {target["kind"] for target in targets}
    insured = Kind.MEDICAL_INSURANCE in there
    return render_template(
        "exports.html",
        targets=targets,
        others=[kind.value for kind in Kind if kind not in there],
        missing=count_missing(g.session, actor=g.actor) if insured else 0,
        files=found["files"],
        following=found["next"],
        state=state,
        chosen=request.args.get("target", ""),
        states=tuple(State),
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("/make")
@may(Permission.EXPORT_MANAGE)
def make() -> ResponseReturnValue:
    """立即生成 / Make the files of a target now."""
    target = text_of("target", 26)
    try:
        exports.make_now(g.session, _command({"target": target}), target_id=target)
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("exports.page", target=target), 303)


@blueprint.get("/targets/<string:kind>")
@may(Permission.EXPORT_MANAGE)
def target(kind: str) -> ResponseReturnValue:
    """上传设置 / The settings of a target."""
    return _show_target(_kind(kind))


def _show_target(kind: Kind, problem: Failure | None = None) -> str:
    known = {one["kind"]: one for one in exports.list_targets(g.session, actor=g.actor)}
    typed = {name: value[:400] for name, value in request.form.items()} if problem else None
    return render_template(
        "export_target.html",
        kind=kind.value,
        known=known.get(kind),
        typed=typed,
        fields=ACCOUNTS[kind],
        forms=FORMS[kind],
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("/targets/<string:kind>")
@may(Permission.EXPORT_MANAGE)
def set_target(kind: str) -> ResponseReturnValue:
    """上传设置 / Keep the settings of a target."""
    chosen, settings = _kind(kind), parts().settings
    try:
        setting = Setting(
            kind=chosen,
            address=text_of("address", 400),
            account={name: text_of(f"account-{name}", 100) for name, _, _ in ACCOUNTS[chosen]},
            secret=text_of("secret", 200) or None,
            enabled=bool(text_of("enabled", 3)),
            begins_on=_day(text_of("begins_on", 10)),
        )
        command = _command({"kind": kind, "address": setting.address, "account": setting.account})
        seal = export_seal(settings.secret_key)
        exports.set_target(g.session, command, setting=setting, seal=seal, private=settings.webhook_private)
    except Failure as failure:
        g.session.rollback()
        return _show_target(chosen, failure), status_of(failure)
    return redirect(url_for("exports.page"), 303)


def _kind(text: str) -> Kind:
    if text not in set(Kind):
        raise NotFound(N_("There is no such target of exports."), field="kind")
    return Kind(text)


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=g.now.tzinfo) if text else None
    except ValueError as fault:
        raise Invalid(N_("Not a valid date."), field="begins_on") from fault


@blueprint.get("/files/<string:public_id>")
@may(Permission.EXPORT_MANAGE)
def file(public_id: str) -> ResponseReturnValue:
    """上传文件 / One file: its state, what they said, what to do."""
    return _show_file(public_id)


def _show_file(public_id: str, problem: Failure | None = None) -> str:
    found = exports.get_file(g.session, actor=g.actor, file_id=public_id, now=g.now)
    return render_template("export_file.html", found=found, problem=sentence(problem) if problem else None)


@blueprint.get("/files/<string:public_id>/content")
@may(Permission.EXPORT_MANAGE)
def content(public_id: str) -> ResponseReturnValue:
    """下载 / The file as it is sent."""
    data, media_type, name = exports.file_content(g.session, actor=g.actor, file_id=public_id)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, mimetype=media_type, headers=headers)


@blueprint.post("/files/<string:public_id>/send")
@may(Permission.EXPORT_MANAGE)
def send(public_id: str) -> ResponseReturnValue:
    """重新发送 / Send it again; a refused one is made anew."""
    try:
        done = exports.send_again(g.session, _command({"file": public_id}), file_id=public_id)
    except Failure as failure:
        return _refused(public_id, failure)
    if not done["files"]:  # it is sent as it is, or nothing was left to make: its own page says which
        return redirect(url_for("exports.file", public_id=public_id), 303)
    return redirect(url_for("exports.page"), 303)


@blueprint.post("/files/<string:public_id>/settle")
@may(Permission.EXPORT_MANAGE)
def settle(public_id: str) -> ResponseReturnValue:
    """登记结果 / What came of a file that was handed in by hand."""
    try:
        taken, note = text_of("outcome", 10), text_of("note", 200)
        if taken not in ("taken", "refused") or not note:
            raise Invalid(N_("Say whether it was taken, and how you know."), field="note")
        exports.settle_by_hand(
            g.session, _command({"file": public_id, "note": note}), file_id=public_id, taken=taken == "taken", note=note
        )
    except Failure as failure:
        return _refused(public_id, failure)
    return redirect(url_for("exports.file", public_id=public_id), 303)


def _refused(public_id: str, failure: Failure) -> ResponseReturnValue:
    g.session.rollback()
    if isinstance(failure, NotFound):
        raise failure
    return _show_file(public_id, failure), status_of(failure)


@blueprint.get("/insurance-codes")
@may(Permission.EXPORT_MANAGE)
def codes() -> ResponseReturnValue:
    """医保目录编码 / What the insurance calls each drug."""
    return _show_codes()


def _show_codes(problem: Failure | None = None) -> str:
    drugs = list_codes(g.session, actor=g.actor)
    return render_template("insurance_codes.html", drugs=drugs, problem=sentence(problem) if problem else None)


@blueprint.post("/insurance-codes")
@may(Permission.EXPORT_MANAGE)
def set_codes() -> ResponseReturnValue:
    """医保目录编码 / Keep the codes that were typed; a tick says that a drug is not listed."""
    try:
        names = [name.removeprefix("code-") for name in request.form if name.startswith("code-")][:MANY_CODES]
        typed = {name[:26]: text_of(f"code-{name}", 60) for name in names}
        wanted: dict[str, Any] = {name: code for name, code in typed.items() if code}
        wanted |= {name: "" for name in typed if text_of(f"unlisted-{name}", 3)}
        if wanted:
            enter_codes(g.session, _command(wanted), codes=wanted)
    except Failure as failure:
        g.session.rollback()
        return _show_codes(failure), status_of(failure)
    return redirect(url_for("exports.page"), 303)


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)
