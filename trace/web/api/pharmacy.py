"""API: the counter of a pharmacy."""

from typing import Any

from flask import Response, g

from schemas.alerts import AlertsQuery, SettlementRequest
from schemas.counter import (
    CheckQuery,
    CounterRequest,
    DrugSalesQuery,
    PaperQuery,
    PricesQuery,
    PricesRequest,
    SaleRecordsQuery,
    SaleReturnRequest,
)
from schemas.requests import CodesRequest, PageQuery
from schemas.tables import CSV_TYPE, XLSX_TYPE, csv_of
from schemas.xlsx import xlsx_of
from trace.domain.periods import Days
from trace.domain.permissions import Permission
from trace.domain.tables import Table
from trace.services.alert_settling import settle_alert
from trace.services.alerts import page_of_alerts
from trace.services.counter import check_codes
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.drug_returns import take_back_lines
from trace.services.drug_sales import get_sale, list_sales
from trace.services.prices import Priced, list_prices, set_prices
from trace.services.sale_records import sale_records
from trace.services.split_packs import list_open_packs
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of, some_of
from trace.web.drug_receipts import receipt_pdf
from trace.web.parts import parts
from trace.web.printing import pdf_answer
from trace.web.sale_table import sale_table
from trace.web.words import say

blueprint = Blueprint("api_pharmacy", __name__, description="Dispensing: one code, one sale")
FILE = {"type": "string", "format": "binary"}


@blueprint.post("/dispensings")
@blueprint.arguments(CounterRequest)
@blueprint.response(201)
@may(Permission.CODE_DISPENSE)
def post_dispensing(payload: dict[str, Any]) -> Any:
    """售药 / Dispense packs by their trace codes, or units of them; old packs without codes by lot and quantity."""
    command = command_of(payload)
    goods, parts = some_of(payload.pop("goods")), [Part(**part) for part in payload.pop("parts")]
    prices = [Priced(**price) for price in payload.pop("prices")]
    return dispense(g.session, command, goods=goods, parts=parts, prices=prices, **payload)


@blueprint.get("/dispensings/check")
@blueprint.arguments(CheckQuery, location="query")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_check(query: dict[str, Any]) -> Any:
    """核对追溯码 / What the counter should know of one code before it is sold; nothing is recorded."""
    (told,) = check_codes(g.session, [query["code"]], actor=g.actor, on=g.now.date())
    message, values = told.pop("message"), told.pop("values")
    return {**told, "message": None if message is None else say(message, values)}


@blueprint.post("/dispensings/returns")
@blueprint.arguments(CodesRequest)
@blueprint.response(201)
@may(Permission.CODE_DISPENSE)
def post_dispensing_return(payload: dict[str, Any]) -> Any:
    """药品退回 / Take dispensed packs back."""
    command = command_of(payload)
    return take_back_packs(g.session, command, **payload)


@blueprint.get("/drug-sales")
@blueprint.arguments(DrugSalesQuery, location="query")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
@from_replica
def get_sales(query: dict[str, Any]) -> Any:
    """销售小票 / Receipts with their trace codes, the latest first."""
    return {"sales": list_sales(g.session, actor=g.actor, now=g.now, **query)}


@blueprint.get("/drug-sales.csv")
@blueprint.arguments(SaleRecordsQuery, location="query")
@blueprint.doc(responses={"200": {"description": "CSV, UTF-8 with BOM", "content": {CSV_TYPE: {"schema": FILE}}}})
@may(Permission.CODE_DISPENSE)
@from_replica
def get_sales_csv(query: dict[str, Any]) -> Response:
    """销售记录（表格） / The lines sold in a period, with their prices, as CSV."""
    return Response(csv_of(_sales(query)), content_type=f"{CSV_TYPE}; charset=utf-8")


@blueprint.get("/drug-sales.xlsx")
@blueprint.arguments(SaleRecordsQuery, location="query")
@blueprint.doc(responses={"200": {"description": "XLSX", "content": {XLSX_TYPE: {"schema": FILE}}}})
@may(Permission.CODE_DISPENSE)
@from_replica
def get_sales_xlsx(query: dict[str, Any]) -> Response:
    """销售记录（工作簿） / The lines sold in a period, with their prices, as XLSX."""
    return Response(xlsx_of(_sales(query)), content_type=XLSX_TYPE)


def _sales(query: dict[str, Any]) -> Table:
    records = sale_records(g.session, actor=g.actor, period=Days(**query, zone=parts().settings.timezone))
    return sale_table(records, g.now.tzinfo)


@blueprint.get("/drug-sales/<string:public_id>")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
@from_replica
def get_one_sale(public_id: str) -> Any:
    """销售小票 / One receipt with its trace codes."""
    return get_sale(g.session, public_id, actor=g.actor)


@blueprint.get("/drug-sales/<string:public_id>/receipt.pdf")
@blueprint.arguments(PaperQuery, location="query")
@blueprint.response(200, content_type="application/pdf")
@may(Permission.CODE_DISPENSE)
@from_replica
def get_receipt(query: dict[str, Any], public_id: str) -> Response:
    """打印小票 / The receipt on 58 mm paper, or on A4."""
    found = get_sale(g.session, public_id, actor=g.actor)
    return pdf_answer(receipt_pdf(found, query["paper"]), f"receipt-{found['number']}")


@blueprint.post("/drug-sales/<string:public_id>/returns")
@blueprint.arguments(SaleReturnRequest)
@blueprint.response(201)
@may(Permission.CODE_DISPENSE)
def post_sale_return(payload: dict[str, Any], public_id: str) -> Any:
    """药品退回 / Take lines of a receipt back: packs, units of a pack, packs without a code."""
    return take_back_lines(g.session, command_of(payload), sale=public_id, **payload)


@blueprint.get("/prices")
@blueprint.arguments(PricesQuery, location="query")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_prices(query: dict[str, Any]) -> Any:
    """零售价 / What one's own shop sells drugs for, and what they were bought for; those without a price first."""
    return {"prices": list_prices(g.session, actor=g.actor, **query)}


@blueprint.post("/prices")
@blueprint.arguments(PricesRequest)
@blueprint.response(200)
@may(Permission.PRICE_SET)
def post_prices(payload: dict[str, Any]) -> Any:
    """设定零售价 / Say what drugs are sold for from now on; what stood is kept."""
    command = command_of(payload)
    return set_prices(g.session, command, prices=[Priced(**price) for price in payload["prices"]])


@blueprint.get("/split-packs")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_split_packs(query: dict[str, Any]) -> Any:
    """拆零记录 / Packs that are open on the counter and sold in parts."""
    return {"packs": list_open_packs(g.session, actor=g.actor, today=g.now.date(), **query)}


@blueprint.get("/alerts")
@blueprint.arguments(AlertsQuery, location="query")
@blueprint.response(200)
@may(Permission.ALERT_READ)
@watched
def get_alerts(query: dict[str, Any]) -> Any:
    """预警 / Alerts of one's own organisation, or of the region: what is open, or settled; `next` for older ones."""
    return page_of_alerts(g.session, actor=g.actor, now=g.now, **query)


@blueprint.post("/alerts/<int:number>/settlement")
@blueprint.arguments(SettlementRequest)
@blueprint.response(201)
@may(Permission.ALERT_SETTLE)
def post_settlement(payload: dict[str, Any], number: int) -> Any:
    """预警处理 / Say what was done about an alert (`by_hand`): it is open no more for one's own organisation."""
    command = command_of({**payload, "alert": number})
    return settle_alert(g.session, command, number=number, action=payload["action"])
