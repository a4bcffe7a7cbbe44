"""Tables on the wire: CSV that Excel reads as Chinese, XLSX with real dates and numbers; neither executes anything."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from trace.domain.tables import Cell, Table, inert

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDEST, _NARROWEST = 40, 6  # characters of a column
_EXACT = 15  # digits that a spreadsheet's number holds


def csv_of(table: Table) -> bytes:
    """A table as CSV: UTF-8 with a byte order mark (else Excel takes it for GBK), CRLF, texts inert."""
    held = io.StringIO(newline="")
    writer = csv.writer(held, lineterminator="\r\n")
    held.write("\ufeff")
    writer.writerow([inert(heading) for heading in table.headings])
    writer.writerows([_as_text(cell) for cell in row] for row in table.rows)
    return held.getvalue().encode()


def xlsx_of(table: Table) -> bytes:
    """A table as a workbook of one sheet, headings frozen: texts are texts, whatever they begin with."""
    held = io.BytesIO()
    settings = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(held, settings) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        day, moment = (book.add_format({"num_format": f}) for f in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
        sheet = book.add_worksheet(_sheet_name(table.name))
        for column, heading in enumerate(table.headings):
            sheet.set_column(column, column, min(max(2 * len(heading) + 2, _NARROWEST), _WIDEST))
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(table.headings):
            sheet.write_string(0, column, heading, bold)
        for number, row in enumerate(table.rows, 1):
            for column, cell in enumerate(row):
                _write(sheet, number, column, cell, day, moment)
    return held.getvalue()


def _as_text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.strftime("%Y-%m-%d %H:%M")
        case date():
            return cell.isoformat()
        case Decimal():
            return f"{cell.normalize():f}"
        case int():
            return str(cell)
    return inert(cell)


def _write(sheet: Any, row: int, column: int, cell: Cell, day: Any, moment: Any) -> None:
    match cell:
        case None | "":
            pass
        case datetime():
            sheet.write_datetime(row, column, cell.replace(tzinfo=None), moment)
        case date():
            sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), day)  # noqa: DTZ001
        case Decimal() | int() if len(str(cell).strip("-").replace(".", "")) <= _EXACT:
            sheet.write_number(row, column, cell)
        case _:
            sheet.write_string(row, column, str(cell))


def _sheet_name(name: str) -> str:
    """At most 31 characters, none of []:*?/\\, no apostrophe at the ends, as Excel asks."""
    return "".join("_" if c in "[]:*?/\\'" else c for c in name)[:31] or "1"
