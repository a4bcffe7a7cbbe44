"""Tables on the wire as CSV that Excel reads as Chinese and that executes nothing; as XLSX: `schemas.xlsx`."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal

from trace.domain.tables import Cell, Table, inert

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def csv_of(table: Table) -> bytes:
    """A table as CSV: UTF-8 with a byte order mark (else Excel takes it for GBK), CRLF, texts inert."""
    held = io.StringIO(newline="")
    writer = csv.writer(held, lineterminator="\r\n")
    held.write("\ufeff")
    writer.writerow([inert(heading) for heading in table.headings])
    writer.writerows([_as_text(cell) for cell in row] for row in table.rows)
    return held.getvalue().encode()


def _as_text(cell: Cell) -> str:
    if isinstance(cell, str):  # most are
        return inert(cell)
    match cell:
        case None:
            return ""
        case datetime():
            return cell.isoformat(" ", "minutes")[:16]
        case date():
            return cell.isoformat()
        case Decimal():
            return f"{cell.normalize():f}"
    return str(cell)
