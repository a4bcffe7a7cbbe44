"""The report of an import as a table, in the reader's words; the pages and the API hand it out."""

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _

from trace.domain.import_columns import TableKind
from trace.domain.tables import Cell, Table
from trace.web.words import complaint_text, say, word


def report_table(found: dict[str, Any]) -> Table:
    """One row for each fault or finding of a row, and one for each row without any."""
    headings = (_("Row"), _("Goods"), _("State"), _("Column"), _("What came"), _("What is wrong or found"))
    return Table(str(found["name"]), headings, _rows(found))


def _rows(found: dict[str, Any]) -> Iterator[list[Cell]]:
    for one in (*found["file"], *found["notes"]):
        yield ["", "", "", one["column"], one["came"], fault_text(one)]
    for row in found["report"]:
        goods = goods_text(row)
        for one in row["faults"]:
            yield [row["row"], goods, _("Faulty"), one["column"], one["came"], fault_text(one)]
        for one in row["findings"]:
            yield [row["row"], goods, word(one["severity"]), one["rule"], "", say(one["message"], one["values"])]
        if not row["faults"] and not row["findings"]:
            yield [row["row"], goods, _("In order"), "", "", ""]


def goods_text(row: dict[str, Any]) -> str:
    """What a row is about."""
    cells = row["cells"]
    names = ("supplier", "product", "code", "amount", "unit") if "supplier" in cells else ("name", "code")
    return " ".join(cells[name] for name in names if name in cells)


def fault_text(one: dict[str, Any]) -> str:
    """A fault in the reader's words."""
    return complaint_text(one["message"]) if one.get("schema") else say(one["message"], one["values"])


def kind_word(kind: str) -> str:
    """What a table brings in."""
    return word(f"table_{kind}") if kind in set(TableKind) else ""
