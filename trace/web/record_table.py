"""Purchase inspection records as a table in the reader's language: what CSV and XLSX hand out."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext

from trace.domain.failures import N_
from trace.domain.tables import Cell, Table
from trace.web.words import say, word

_HEADINGS = (
    N_("Received on"), N_("Supplier"), N_("Supplier's address"), N_("Supplier's contact"), N_("Delivery note"),
    N_("Product"), N_("Kind of goods"), N_("Specification"), N_("Producer"), N_("Approval number"), N_("Dosage form"),
    N_("Lot number"), N_("Made on"), N_("Expires on"), N_("Days of shelf life"), N_("Origin (county)"), N_("Quantity"),
    N_("Quantity accepted"), N_("Unit"), N_("Price"), N_("Temperature on arrival (°C)"), N_("Papers"), N_("Result"),
    N_("Reason"), N_("Findings"), N_("Overridden by"), N_("Recorded by"), N_("Recorded at"), N_("Keep until"),
    N_("Record"),
)  # fmt: skip


def record_table(records: Iterable[Mapping[str, Any]], zone: Any) -> Table:
    """The lines as `trace.services.records` tells them, moments in the shop's own time."""
    rows = (_row(record, zone) for record in records)
    return Table(gettext("Purchase inspection record"), [gettext(heading) for heading in _HEADINGS], rows)


def _row(record: Mapping[str, Any], zone: Any) -> list[Cell]:
    supplier = record["supplier"]
    why = "; ".join(part for part in (record["reason"], record["override_reason"]) if part)
    return [
        record["received_at"].astimezone(zone),
        supplier["name"],
        supplier["address"],
        supplier["contact"],
        record["delivery_note"],
        record["product"],
        word(record["category"]),
        record["specification"],
        record["producer"],
        record["approval_no"],
        record["dosage_form"],
        record["lot_number"],
        record["produced_on"],
        record["expires_on"],
        record["shelf_life_days"],
        record["origin"],
        record["amount"],
        record["accepted"],
        word(record["unit"]),
        record["price"],
        record["celsius"],
        papers_text(record["papers"]),
        word(record["decision"]),
        why,
        "; ".join(say(found["message"], found["values"]) for found in record["findings"]),
        record["overridden_by"],
        record["recorded_by"],
        record["recorded_at"].astimezone(zone),
        record["keep_until"],
        f"{record['receipt']}/{record['line'] + 1}",
    ]


def papers_text(papers: Iterable[Mapping[str, Any]]) -> str:
    """Papers in a cell: kind, number, issuer, day."""
    return "; ".join(
        " ".join(str(part) for part in (word(p["kind"]), p["number"], p["issuer"], p["issued_on"]) if part)
        for p in papers
    )
