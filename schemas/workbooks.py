"""Workbooks (XLSX, ISO/IEC 29500) read as a stream: the table of contents first, then one sheet, cell by cell.

openpyxl's read-only mode looks into every sheet for its size, holds whole rows and all shared strings, and believes
what a file says of itself; a file of 40 kB can make it take gigabytes. Here the parts are counted before any is
unpacked, a part gives no more bytes than it declared, and the parser keeps nothing but the cells of the row at hand.
Of openpyxl only the knowledge remains which number formats are dates.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import Any
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

from schemas.sheets import (
    ERROR_VALUE,
    FORMULA,
    STOPPED,
    Cell,
    Doubt,
    Limits,
    Sheet,
    SheetRow,
    text_cell,
)
from schemas.workbook_streams import Enough, Found, RawCell, SheetStream, StringStream
from trace.domain.failures import N_, Invalid

_PIECE = 65_536
_DAMAGED = N_("The workbook is damaged or is none. Open it in a spreadsheet program and save it again as .xlsx.")
_BOMB = N_("The workbook unpacks to more than is read ({most} MB). Copy the cells into a new one.")
_ACTIVE = N_(
    "The workbook holds macros, links to other files or embedded things ({part}). Save the values alone as .xlsx."
)
_DECLARED = N_("The workbook declares things that no spreadsheet program writes. Copy the cells into a new one.")
_LOST_DIGITS = N_("A spreadsheet keeps 15 digits of a number; this one has lost some. Format the column as text.")
_NO_NUMBER = N_("The number cannot be read.")
# Parts that do something when somebody opens the file, or that lead elsewhere.
_ACTIVE_PARTS = re.compile(
    r"vbaProject|vbaData|macrosheets/|dialogsheets/|externalLinks/|embeddings/|activeX/|ctrlProps/|connections\.xml|queryTables/",
    re.IGNORECASE,
)
_LONG_FORMAT = 255  # characters of a number format in a spreadsheet program; patterns for longer ones take forever
_EPOCH_1900, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)  # 1900 had no 29 February, and Excel counts one


def read_workbook(data: bytes, limits: Limits) -> Sheet:
    """The rows of the first visible sheet; raises `Invalid` with a sentence for a workbook that cannot be believed."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = _check_contents(archive, limits)
            return _Reader(archive, names, limits).read()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, KeyError) as fault:
        raise Invalid(_DAMAGED, field="file") from fault
    except (expat.ExpatError, ValueError, LookupError) as fault:  # LookupError: an encoding that is none of text
        raise Invalid(_DAMAGED, field="file") from fault


def _check_contents(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """The parts by name; raises `Invalid` for too many, too large, packed too well, active, or named twice."""
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if len(parts) > limits.parts or unpacked > limits.unpacked or unpacked > limits.ratio * max(packed, 1):
        raise Invalid(_BOMB, field="file", most=f"{limits.unpacked / 1e6:.0f}")
    found: dict[str, zipfile.ZipInfo] = {}
    for part in parts:
        name = part.filename.lstrip("/")
        if _ACTIVE_PARTS.search(name):
            raise Invalid(_ACTIVE, field="file", part=name[:80])
        plain = part.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # ISO/IEC 29500-2 knows no other
        if name in found or part.flag_bits & 0x1 or not plain:  # twice, or encrypted
            raise Invalid(_DAMAGED, field="file")
        found[name] = part
    return found


class _Reader:
    """One workbook at a time; every part is parsed as a stream, and no part may declare entities."""

    def __init__(self, archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], limits: Limits):
        self.archive, self.names, self.limits = archive, names, limits

    def read(self) -> Sheet:
        """The first visible sheet."""
        types = {one["ContentType"] for tag, one in self._elements("[Content_Types].xml") if "ContentType" in one}
        if any("macroEnabled" in one for one in types):
            raise Invalid(_ACTIVE, field="file", part="macroEnabled")
        book = next((name for name in self.names if re.fullmatch(r"xl/workbook\d*\.xml", name)), None)
        if book is None:
            raise Invalid(_DAMAGED, field="file")
        sheets, epoch = [], _EPOCH_1900
        for tag, one in self._elements(book):
            if tag == "workbookPr" and one.get("date1904", "0") in ("1", "true"):
                epoch = _EPOCH_1904
            if tag == "sheet" and one.get("state", "visible") == "visible":
                sheets.append((one.get("name", ""), next((one[key] for key in one if key.endswith("id")), "")))
        if not sheets:
            raise Invalid(_DAMAGED, field="file")
        targets = {one["Id"]: one for tag, one in self._elements(_relations_of(book)) if tag == "Relationship"}
        if any(one.get("TargetMode") == "External" for one in targets.values()):
            raise Invalid(_ACTIVE, field="file", part="TargetMode=External")
        target = "xl/" + targets[sheets[0][1]]["Target"].removeprefix("/xl/").removeprefix("xl/").removeprefix("/")
        found = self._cells(target)
        shared = self._shared(
            {
                int(raw.text)
                for _, cells in found.rows
                for raw in cells.values()
                if raw.kind == "s" and raw.text.isdigit()
            }
        )
        sheet = self._sheet(found, shared, self._date_styles(), epoch)
        if len(sheets) > 1:
            text = N_("Only the first sheet was read: {name}.")
            sheet.notes.append(Doubt(text, {"name": sheets[0][0][:80]}))
        return sheet

    def _sheet(self, found: Found, shared: Mapping[int, str], dates: set[int], epoch: date) -> Sheet:
        sheet = Sheet(epoch=epoch)
        by_number: dict[int, dict[int, Cell]] = {}
        for number, raws in found.rows:
            cells = {c: cell for c, raw in raws.items() if (cell := self._cell(raw, shared, dates, epoch)) is not None}
            if cells:
                by_number[number] = cells
        for column, first, last in found.merges:
            value = by_number.get(first, {}).get(column)
            if value is not None:
                for number, cells in by_number.items():
                    if first < number <= last:
                        cells.setdefault(column, value)
        sheet.rows = [SheetRow(number, cells) for number, cells in by_number.items()]
        if found.stopped_at is not None:
            values = {"row": str(found.stopped_at), "count": str(self.limits.empty_rows)}
            sheet.notes.append(Doubt(STOPPED, values))
        if found.merges:
            sheet.notes.append(Doubt(N_("A merged cell counts for every row it spans."), {}))
        return sheet

    def _cell(self, raw: RawCell, shared: Mapping[int, str], dates: set[int], epoch: date) -> Cell | None:
        """A cell's value; a formula is none, whatever value stands beside it: who wrote the file chose both."""
        if raw.formula:
            return Doubt(FORMULA, {}, raw.text[:40])
        if raw.kind == "e":
            return Doubt(ERROR_VALUE, {"came": raw.text[:20]}, raw.text[:20])
        if raw.kind == "s":
            text = shared.get(int(raw.text)) if raw.text.isdigit() else None
            return Doubt(_NO_NUMBER, {}, raw.text[:40]) if text is None else text_cell(text, self.limits)
        if raw.kind == "d":
            return _written_day(raw.text)
        if raw.kind != "n":
            return text_cell(raw.text, self.limits)
        return _number(raw.text, epoch if raw.style in dates else None)

    def _cells(self, name: str) -> Found:
        stream = SheetStream(self.limits)
        self._parse(name, stream.start, stream.end, stream.data, most=self.limits.unpacked)
        return stream.found

    def _shared(self, wanted: set[int]) -> dict[int, str]:
        """Those shared strings that the sheet names, each no longer than can be told to be too long."""
        name = "xl/sharedStrings.xml"
        if not wanted or name not in self.names:
            return {}
        stream = StringStream(wanted, self.limits.cell + 1)
        self._parse(name, stream.start, stream.end, stream.data, most=self.limits.unpacked)
        return stream.found

    def _date_styles(self) -> set[int]:
        """The numbers of the cell styles that show a number as a date."""
        formats: dict[int, str] = dict(BUILTIN_FORMATS)
        styles: list[int] = []
        inside = False
        if "xl/styles.xml" not in self.names:
            return set()
        for tag, one in self._elements("xl/styles.xml"):
            if tag == "numFmt":
                text = one.get("formatCode", "")
                formats[int(one["numFmtId"])] = text if len(text) <= _LONG_FORMAT else ""
            elif tag in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
                inside = tag == "cellXfs"
            elif tag == "xf" and inside:
                styles.append(int(one.get("numFmtId", "0")))
        known = {number: is_date_format(text) for number, text in formats.items()}
        chinese = {*range(27, 32), 36, *range(50, 55), 57, 58}  # built-in dates of Chinese versions
        return {n for n, style in enumerate(styles) if known.get(style, False) or style in chinese}

    def _elements(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """(local name, attributes) of a small part's elements."""
        found: list[tuple[str, dict[str, str]]] = []
        self._parse(name, lambda tag, one: found.append((tag, one)), None, None, most=self.limits.part)
        return found

    def _parse(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None,
        data: Callable[[str], None] | None,
        *,
        most: int,
    ) -> None:
        """Run a part through the parser until it ends or a handler has enough."""
        part = self.names[name]
        if part.file_size > most:
            raise Invalid(_BOMB, field="file", most=f"{most / 1e6:g}")
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = _refuse_declarations
        parser.StartElementHandler = lambda tag, one: start(tag.rpartition(" ")[2], one)
        if end is not None:
            parser.EndElementHandler = lambda tag: end(tag.rpartition(" ")[2])
        if data is not None:
            parser.CharacterDataHandler = data
        with self.archive.open(part) as source:
            try:
                for piece in _pieces(source):
                    parser.Parse(piece)
                parser.Parse(b"", True)
            except Enough:
                return


def _pieces(source: Any) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def _relations_of(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/_rels/{file}.rels"


def _refuse_declarations(*_: Any) -> None:
    raise Invalid(_DECLARED, field="file")


def _number(text: str, epoch: date | None) -> Cell:
    """A number as a spreadsheet shows it (15 digits), or the day it stands for."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Doubt(_NO_NUMBER, {}, text[:40])
    if not number.is_finite() or (number and number.adjusted() >= 15):  # abs() of 1e999999999 would overflow
        return Doubt(_LOST_DIGITS if number.is_finite() else _NO_NUMBER, {}, text[:40])
    if epoch is not None:
        return day_of(number, epoch) or Doubt(_NO_NUMBER, {}, text[:40])
    if not number:
        return Decimal(0)
    if number.adjusted() < -15:
        return Doubt(_NO_NUMBER, {}, text[:40])
    return round(number, 14 - number.adjusted()).normalize() + 0


def _written_day(text: str) -> Cell:
    """A day that stands in the cell as text (ISO 8601)."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return Doubt(_NO_NUMBER, {}, text[:40])


def day_of(number: Decimal, epoch: date) -> date | None:
    """The day that a number counts from a workbook's first one; None outside of the years 1990 to 2100."""
    if not 0 <= number < 100_000:
        return None
    day = epoch + timedelta(days=int(number))
    return day if 1990 <= day.year <= 2100 else None
