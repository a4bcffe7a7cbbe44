"""Purchase inspection records of a period: to page through, to print, to hand out as tables; one record as PDF."""

from datetime import timedelta
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, g, render_template, request
from flask.typing import ResponseReturnValue

from schemas.records import RecordsPageQuery
from schemas.tables import CSV_TYPE, XLSX_TYPE, csv_of
from schemas.xlsx import xlsx_of
from trace.domain.permissions import Permission
from trace.services.receipts import get_receipt
from trace.services.records import MOST_ROWS, Period, all_records, list_records, whose_records
from trace.web.access import from_replica, may, watched
from trace.web.printing import pdf_answer
from trace.web.record_print import record_pdf
from trace.web.record_table import record_table
from trace.web.site.forms import load

blueprint = Blueprint("records", __name__, url_prefix="/records")
PAGE = 100
MOST_PRINTED = 1_000  # lines of one PDF, which are 100 pages
A_WEEK = timedelta(days=6)


@blueprint.get("")
@may(Permission.GOODS_READ)
@watched
@from_replica
def page() -> ResponseReturnValue:
    """进货查验记录 / The records of a period, a page at a time."""
    period, after = _asked()
    rows = list_records(g.session, actor=g.actor, period=period, now=g.now, limit=PAGE, after=after)
    asked = {name: value for name, value in request.args.to_dict().items() if name != "after"}
    return render_template(
        "records.html",
        period=period,
        receipts=_by_receipt(rows),
        asked=asked | {"first": period.first.isoformat(), "last": period.last.isoformat()},
        after=rows[-1]["key"] if len(rows) == PAGE else None,
        begun=bool(after),
    )


@blueprint.get("/table.csv")
@may(Permission.GOODS_READ)
@watched
@from_replica
def table_csv() -> ResponseReturnValue:
    """进货查验记录（CSV） / The lines of a period for a spreadsheet; no cell is executed."""
    return _file(csv_of(record_table(_all(), g.now.tzinfo)), CSV_TYPE, "csv")


@blueprint.get("/table.xlsx")
@may(Permission.GOODS_READ)
@watched
@from_replica
def table_xlsx() -> ResponseReturnValue:
    """进货查验记录（XLSX） / The lines of a period as a workbook."""
    return _file(xlsx_of(record_table(_all(), g.now.tzinfo)), XLSX_TYPE, "xlsx")


@blueprint.get("/print.pdf")
@may(Permission.GOODS_READ)
@watched
@from_replica
def printed() -> ResponseReturnValue:
    """进货查验记录（PDF） / The records of a period, to print and sign."""
    period, _ = _asked()
    receipts = _by_receipt(_all(MOST_PRINTED))
    whose = whose_records(g.session, actor=g.actor, period=period)
    data = record_pdf(receipts, period=period, organisation=whose, printed_at=g.now)
    return pdf_answer(data, f"records-{period.first}-{period.last}")


@blueprint.get("/<string:public_id>/print.pdf")
@may(Permission.GOODS_READ)
@watched
@from_replica
def printed_one(public_id: str) -> ResponseReturnValue:
    """一次进货的查验记录（PDF） / One record, to print and sign."""
    found = get_receipt(g.session, actor=g.actor, public_id=public_id, now=g.now)
    lines = [{**line, **_head(found)} for line in found["lines"]]
    data = record_pdf(_by_receipt(lines), period=None, organisation=found["organisation"], printed_at=g.now)
    return pdf_answer(data, f"record-{public_id}")


def _head(found: dict[str, Any]) -> dict[str, Any]:
    names = ("supplier", "delivery_note", "received_at", "recorded_at", "recorded_by", "undone_at")
    return {"receipt": found["id"], **{name: found[name] for name in names}}


def _asked() -> tuple[Period, str]:
    """The period asked for, the last seven days where none is, and where its page begins."""
    args = {name: value for name, value in request.args.to_dict().items() if value}
    today = g.now.date()
    args = {"first": (today - A_WEEK).isoformat(), "last": today.isoformat(), **args}
    query = load(RecordsPageQuery(), args)
    after = query.pop("after")
    del query["limit"]
    return Period(zone=g.now.tzinfo, **query), after


def _all(most: int = MOST_ROWS) -> list[dict[str, Any]]:
    period, _ = _asked()
    return list(all_records(g.session, actor=g.actor, period=period, now=g.now, most=most))


def _by_receipt(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [list(lines) for _, lines in groupby(rows, key=lambda row: row["receipt"])]


def _file(data: bytes, media_type: str, ending: str) -> Response:
    period, _ = _asked()
    answer = Response(data, content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="records-{period.first}-{period.last}.{ending}"'
    return answer
