"""Bring in tables: choose a file, read the report, store it; templates to fill in, the report to take away."""

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.import_templates import template_of
from schemas.tables import CSV_TYPE, XLSX_TYPE, csv_of
from trace.domain.failures import N_, Failure, Invalid, NotFound
from trace.domain.import_columns import TableKind
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.bulk_import import bring_in, get_import, list_imports, store_import
from trace.services.commands import Command
from trace.web.access import may
from trace.web.import_report import report_table
from trace.web.parts import parts
from trace.web.site.forms import text_of
from trace.web.words import complaint_text

blueprint = Blueprint("imports", __name__, url_prefix="/imports")
MANY_SHOWN = 200  # rows of a report on the page; all stand in the file to take away


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
def page() -> ResponseReturnValue:
    """导入 / Choose a file; what was brought in before."""
    return _show_list()


def _show_list(problem: str | None = None) -> str:
    found = list_imports(g.session, actor=g.actor)
    return render_template("imports.html", imports=found, kinds=tuple(TableKind), problem=problem)


@blueprint.post("")
@may(Permission.GOODS_RECEIVE)
def upload() -> ResponseReturnValue:
    """导入 / Look at a file; nothing of its rows is stored."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Invalid(N_("Choose a table: .xlsx or .csv."), field="file")
        name = "".join(c for c in file.filename if c.isprintable())[-120:]
        done = bring_in(g.session, _command({"name": name}), objects=parts().objects, name=name, data=file.read())
    except Failure as failure:
        g.session.rollback()
        return _show_list(sentence(failure)), status_of(failure)
    return redirect(url_for("imports.report", public_id=done["id"]), 303)


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)


@blueprint.get("/templates/<string:kind>.xlsx")
@may(Permission.GOODS_RECEIVE)
def template(kind: str) -> ResponseReturnValue:
    """模板 / The workbook to fill in."""
    if kind not in set(TableKind):
        raise NotFound(N_("There is no template {kind}."), kind=kind)
    shown = f'attachment; filename="template-{kind}.xlsx"'
    return Response(template_of(TableKind(kind)), mimetype=XLSX_TYPE, headers={"Content-Disposition": shown})


@blueprint.get("/<string:public_id>")
@may(Permission.GOODS_RECEIVE)
def report(public_id: str) -> ResponseReturnValue:
    """导入报告 / What would be stored, what is wrong, how far it is."""
    return _show_report(public_id)


def _show_report(public_id: str, problem: str | None = None) -> str:
    found = get_import(g.session, actor=g.actor, public_id=public_id)
    faulty = [row for row in found["report"] if row["faults"]]
    sound = [row for row in found["report"] if not row["faults"]]
    return render_template(
        "import.html",
        found=found,
        faulty=faulty[:MANY_SHOWN],
        sound=sound[:MANY_SHOWN],
        more=len(sound) - MANY_SHOWN,
        more_faulty=len(faulty) - MANY_SHOWN,
        complaint=complaint_text,
        problem=problem,
    )


@blueprint.get("/<string:public_id>/report.csv")
@may(Permission.GOODS_RECEIVE)
def report_file(public_id: str) -> ResponseReturnValue:
    """导入报告（CSV） / The report row by row, as a table that no spreadsheet executes."""
    found = get_import(g.session, actor=g.actor, public_id=public_id)
    headers = {"Content-Disposition": f'attachment; filename="import-{public_id}.csv"', "Cache-Control": "no-store"}
    return Response(csv_of(report_table(found)), mimetype=CSV_TYPE, headers=headers)


@blueprint.post("/<string:public_id>/store")
@may(Permission.GOODS_RECEIVE)
def store(public_id: str) -> ResponseReturnValue:
    """入库 / Store what was looked at, whole or not at all."""
    try:
        store_import(g.session, _command({}), public_id=public_id)
    except Failure as failure:
        g.session.rollback()
        if isinstance(failure, NotFound):
            raise
        return _show_report(public_id, sentence(failure)), status_of(failure)
    return redirect(url_for("imports.report", public_id=public_id), 303)
