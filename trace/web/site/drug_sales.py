"""Receipts of the pharmacy's counter: of a day, one of them, on paper, what comes back; the register of open packs."""

from datetime import date

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.counter import PAPERS, SaleRecordsQuery, SaleReturnRequest
from schemas.tables import CSV_TYPE, XLSX_TYPE, csv_of
from schemas.xlsx import xlsx_of
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.periods import Days
from trace.domain.permissions import Permission
from trace.domain.tables import Table
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.drug_returns import take_back_lines
from trace.services.drug_sales import get_sale, list_sales
from trace.services.sale_records import sale_records
from trace.services.split_packs import list_open_packs
from trace.web.access import from_replica, may
from trace.web.drug_receipts import receipt_pdf
from trace.web.parts import parts
from trace.web.printing import pdf_answer
from trace.web.sale_print import sale_pdf
from trace.web.sale_table import sale_table
from trace.web.site.forms import load, text_of

blueprint = Blueprint("drug_sales", __name__, url_prefix="/pharmacy/sales")
MANY_LINES = 600
MOST_PRINTED = 1_000  # lines of one PDF, some 30 pages


@blueprint.get("")
@may(Permission.CODE_DISPENSE)
@from_replica
def page() -> ResponseReturnValue:
    """销售小票 / The receipts of a day, today where none is named."""
    try:
        day = date.fromisoformat(request.args.get("day", "") or g.now.date().isoformat())
    except ValueError as fault:
        raise Invalid(N_("Give the day as year-month-day."), field="day") from fault
    sales = list_sales(g.session, actor=g.actor, now=g.now, day=day, limit=500)
    return render_template("drug_sales.html", sales=sales, day=day, month=day.replace(day=1).isoformat())


@blueprint.get("/open-packs")
@may(Permission.CODE_DISPENSE)
def open_packs() -> ResponseReturnValue:
    """拆零记录 / The register of packs that are sold in parts."""
    found = list_open_packs(g.session, actor=g.actor, today=g.now.date(), limit=200)
    return render_template("open_packs.html", packs=found, today=g.now.date())


def _asked() -> Days:
    """The period asked for; today where none is."""
    today = g.now.date().isoformat()
    args = {name: request.args.get(name) or today for name in ("first", "last")}
    return Days(**load(SaleRecordsQuery(), args), zone=parts().settings.timezone)


def _table(period: Days) -> Table:
    return sale_table(sale_records(g.session, actor=g.actor, period=period), period.zone)


def _file(data: bytes, media_type: str, period: Days, ending: str) -> Response:
    answer = Response(data, content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="sales-{period.first}-{period.last}.{ending}"'
    return answer


@blueprint.get("/table.csv")
@may(Permission.CODE_DISPENSE)
@from_replica
def table_csv() -> Response:
    """销售记录（CSV） / The lines sold in a period, with their prices, for a spreadsheet."""
    period = _asked()
    return _file(csv_of(_table(period)), CSV_TYPE, period, "csv")


@blueprint.get("/table.xlsx")
@may(Permission.CODE_DISPENSE)
@from_replica
def table_xlsx() -> Response:
    """销售记录（XLSX） / The lines sold in a period as a workbook."""
    period = _asked()
    return _file(xlsx_of(_table(period)), XLSX_TYPE, period, "xlsx")


@blueprint.get("/print.pdf")
@may(Permission.CODE_DISPENSE)
@from_replica
def record() -> Response:
    """销售记录（PDF） / The lines sold in a period, to print and sign."""
    period = _asked()
    records = sale_records(g.session, actor=g.actor, period=period, most=MOST_PRINTED)
    data = sale_pdf(records, period=period, organisation=g.actor.organisation_name, printed_at=g.now)
    return pdf_answer(data, f"sales-{period.first}-{period.last}")


@blueprint.get("/<string:public_id>")
@may(Permission.CODE_DISPENSE)
@from_replica
def one(public_id: str) -> ResponseReturnValue:
    """销售小票 / One receipt with its trace codes."""
    return _show(public_id)


@blueprint.get("/<string:public_id>/print.pdf")
@may(Permission.CODE_DISPENSE)
@from_replica
def printed(public_id: str) -> Response:
    """打印小票 / The receipt on a roll of 58 mm, or on A4."""
    paper = request.args.get("paper", PAPERS[0])
    found = get_sale(g.session, public_id, actor=g.actor)
    return pdf_answer(receipt_pdf(found, paper if paper in PAPERS else PAPERS[0]), f"receipt-{found['number']}")


@blueprint.post("/<string:public_id>/return")
@may(Permission.CODE_DISPENSE)
def post_return(public_id: str) -> ResponseReturnValue:
    """药品退回 / Take lines of the receipt back."""
    lines = [line for line in request.form.getlist("line")[:MANY_LINES] if line.isascii() and line.isdigit()]
    body = {"lines": lines, "reason": text_of("reason", 200), "client_key": text_of("client_key", 120) or None}
    try:
        if not lines:
            raise Invalid(N_("Choose what comes back."), field="lines")
        if not body["reason"]:
            raise Invalid(N_("Say why it comes back: sold drugs come back for their quality only."), field="reason")
        payload = load(SaleReturnRequest(), {name: value for name, value in body.items() if value is not None})
        command = Command(g.actor, g.now, payload.get("client_key"), request={**body, "sale": public_id})
        take_back_lines(g.session, command, sale=public_id, lines=payload["lines"], reason=payload["reason"])
    except Failure as failure:
        g.session.rollback()
        return _show(public_id, failure), status_of(failure)
    return redirect(url_for("drug_sales.one", public_id=public_id), 303)


def _show(public_id: str, problem: Failure | None = None) -> str:
    found = get_sale(g.session, public_id, actor=g.actor)
    return render_template("drug_sale.html", sale=found, problem=sentence(problem) if problem else None)
