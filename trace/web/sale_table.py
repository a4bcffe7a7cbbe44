"""Sale records of drugs as a table in the reader's language: what CSV and XLSX hand out, by the API and the pages."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from flask_babel import gettext

from trace.domain.failures import N_
from trace.domain.tables import Cell, Table
from trace.web.words import word

_HEADINGS = (
    N_("Sold at"), N_("Receipt"), N_("Generic name"), N_("Dosage form"), N_("Specification"), N_("Approval number"),
    N_("Authorisation holder"), N_("Producer"), N_("Lot number"), N_("Made on"), N_("Expires on"), N_("Trace code"),
    N_("Quantity"), N_("Unit"), N_("Price for one"), N_("Sum"), N_("Prescription"), N_("Reviewed by"), N_("Sold by"),
    N_("Remark"),
)  # fmt: skip


def sale_table(records: Iterable[Mapping[str, Any]], zone: Any) -> Table:
    """The lines as `trace.services.sale_records` tells them, moments in the shop's own time, money as numbers."""
    told = cache(word)  # few words, said in every line
    rows = (_row(record, zone, told) for record in records)
    return Table(gettext("Sale record"), [gettext(heading) for heading in _HEADINGS], rows)


def _row(record: Mapping[str, Any], zone: Any, told: Callable[[str], str]) -> list[Cell]:
    return [
        record["sold_at"].astimezone(zone),
        f"{record['number']:06d}/{record['line']}",
        record["product"],
        record["dosage_form"],
        record["specification"],
        record["approval_no"],
        record["mah"],
        record["producer"],
        record["lot_number"],
        record["produced_on"],
        record["expires_on"],
        record["code"] or told(record["no_code_reason"]),
        record["split_units"] or record["amount"],
        record["unit_name"] if record["split_units"] else told(record["unit"]),
        record["each"],
        record["price"],
        record["prescription"],
        record["reviewed_by"],
        record["sold_by"],
        remark_of(record, zone),
    ]


def remark_of(record: Mapping[str, Any], zone: Any) -> str:
    """What became of a line afterwards, in words."""
    if record["was_wrong"]:
        return str(gettext("was recorded in error"))
    if record["returned_at"] is None:
        return ""
    return f"{gettext('came back')} {record['returned_at'].astimezone(zone):%Y-%m-%d %H:%M}"


def sale_sums(records: Iterable[Mapping[str, Any]]) -> tuple[Decimal, int]:
    """(what was paid for what did not come back, how many of these lines have no price)."""
    stayed = [record["price"] for record in records if record["returned_at"] is None]
    return sum((price for price in stayed if price is not None), Decimal(0)), stayed.count(None)
