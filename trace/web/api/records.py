"""API: purchase inspection records of a period, as JSON, CSV and XLSX."""

from typing import Any

from flask import Response, g

from schemas.records import LotQuery, RecordsPageQuery, RecordsQuery
from schemas.tables import CSV_TYPE, XLSX_TYPE, csv_of
from schemas.xlsx import xlsx_of
from trace.domain.permissions import Permission
from trace.services.records import Period, all_records, list_records
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint
from trace.web.evidence import ZIP_TYPE, evidence_of
from trace.web.record_table import record_table

blueprint = Blueprint("api_records", __name__, description="Purchase inspection records of a period")
FILE = {"type": "string", "format": "binary"}


@blueprint.get("/records")
@blueprint.arguments(RecordsPageQuery, location="query")
@blueprint.response(200)
@may(Permission.GOODS_READ)
@watched
@from_replica
def get_records(query: dict[str, Any]) -> Any:
    """进货查验记录 / The lines received in a period; `next` is what to ask for after this page."""
    limit, after = query.pop("limit"), query.pop("after")
    rows = list_records(g.session, actor=g.actor, period=period_of(query), now=g.now, limit=limit, after=after)
    return {"records": rows, "next": rows[-1]["key"] if len(rows) == limit else None}


def period_of(query: dict[str, Any]) -> Period:
    """The period of a query, in the shop's own time."""
    return Period(zone=g.now.tzinfo, **query)


@blueprint.get("/records.csv")
@blueprint.arguments(RecordsQuery, location="query")
@blueprint.doc(responses={"200": {"description": "CSV, UTF-8 with BOM", "content": {CSV_TYPE: {"schema": FILE}}}})
@may(Permission.GOODS_READ)
@watched
@from_replica
def get_records_csv(query: dict[str, Any]) -> Response:
    """进货查验记录（表格） / The lines of a period as CSV; no cell is executed by a spreadsheet."""
    rows = all_records(g.session, actor=g.actor, period=period_of(query), now=g.now)
    return Response(csv_of(record_table(rows, g.now.tzinfo)), content_type=f"{CSV_TYPE}; charset=utf-8")


@blueprint.get("/records.xlsx")
@blueprint.arguments(RecordsQuery, location="query")
@blueprint.doc(responses={"200": {"description": "XLSX", "content": {XLSX_TYPE: {"schema": FILE}}}})
@may(Permission.GOODS_READ)
@watched
@from_replica
def get_records_xlsx(query: dict[str, Any]) -> Response:
    """进货查验记录（工作簿） / The lines of a period as a workbook."""
    rows = all_records(g.session, actor=g.actor, period=period_of(query), now=g.now)
    return Response(xlsx_of(record_table(rows, g.now.tzinfo)), content_type=XLSX_TYPE)


@blueprint.get("/lots/evidence.zip")
@blueprint.arguments(LotQuery, location="query")
@blueprint.doc(responses={"200": {"description": "ZIP", "content": {ZIP_TYPE: {"schema": FILE}}}})
@may(Permission.GOODS_RECEIVE)
@from_replica
def get_evidence(query: dict[str, Any]) -> Response:
    """尽职免责证据包 / Everything there is about a lot of one's own: PDF, JSON, originals, hashes."""
    return Response(evidence_of(query["lot"]), content_type=ZIP_TYPE)
