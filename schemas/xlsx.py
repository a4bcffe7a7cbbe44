"""One table as an XLSX workbook (ECMA-376, SpreadsheetML): a small writer of our own, because a month of sales is
100,000 cells, for which xlsxwriter takes six times as long; what it wrote for the same table was the model.

Texts stand once, in the shared strings, and are never formulas or links. Templates to fill in, which have colours and
choices, are xlsxwriter's work (`schemas.import_templates`).
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from trace.domain.tables import Table

_WIDEST, _NARROWEST = 40, 6  # characters of a column; .71 of one is its margin
_EXACT = 15  # digits that a spreadsheet's number holds
_LONGEST = 32_767  # characters of a cell, as UTF-16 counts them
_DAY_ZERO = date(1899, 12, 30).toordinal()  # a day is the number of days since, right from March 1900 on
_FIRST_DAY = date(1900, 3, 1).toordinal()  # before it spreadsheets count a 29 February 1900, or nothing at all
_SECONDS_A_DAY = 86_400
_ROWS = 500  # handed on at once
_PRESSED = 4  # a tenth larger than the usual 6, in half the time
# What XML cannot hold, or would change, and what would be taken for one of these (ECMA-376, ST_Xstring).
_UNHEARD = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_HEADING, _DAY, _MOMENT = 1, 2, 3  # of the formats in `_STYLES`

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_KIND}.sharedStrings+xml"/></Types>'
)
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy-mm-dd hh:mm"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1" applyAlignment="1">'
    '<alignment vertical="top" wrapText="1"/></xf>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def xlsx_of(table: Table) -> bytes:
    """The table as a workbook of one sheet, its headings frozen: days and moments (as the clock showed them where they
    are meant) are such, numbers numbers where no digit is lost, all else texts, cut where a cell ends (32,767)."""
    held, texts = io.BytesIO(), _Texts()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=_PRESSED) as package:
        package.writestr("[Content_Types].xml", _TYPES)
        package.writestr("_rels/.rels", _relations({"officeDocument": "xl/workbook.xml"}))
        package.writestr("xl/workbook.xml", _book(table.name))
        parts = {"worksheet": "worksheets/sheet1.xml", "styles": "styles.xml", "sharedStrings": "sharedStrings.xml"}
        package.writestr("xl/_rels/workbook.xml.rels", _relations(parts))
        package.writestr("xl/styles.xml", _STYLES)
        with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for piece in _sheet(table, texts):
                sheet.write(piece.encode())
        package.writestr("xl/sharedStrings.xml", texts.part())
    return held.getvalue()


def _relations(parts: dict[str, str]) -> str:
    told = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(parts.items(), 1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{told}</Relationships>'


def _book(name: str) -> str:
    sheet = f'<sheet name={quoteattr(_sheet_name(name))} sheetId="1" r:id="rId1"/>'
    return f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheet}</sheets></workbook>'


def _sheet_name(name: str) -> str:
    """At most 31 characters, none of []:*?/\\, no apostrophe at the ends, as Excel asks."""
    return _UNHEARD.sub("_", "".join("_" if c in "[]:*?/\\'" else c for c in name))[:31] or "1"


class _Texts(dict[str, str]):
    """The texts of a workbook, each once: what a cell says that shows it, by its number."""

    def __missing__(self, text: str) -> str:
        said = self[text] = f' t="s"><v>{len(self)}'
        return said

    def part(self) -> str:
        """The shared strings in their order. How often each is used is not told: no reader asks."""
        return f'{_XML}<sst xmlns="{_MAIN}" uniqueCount="{len(self)}">{"".join(map(_text, self))}</sst>'


def _text(text: str) -> str:
    if 2 * len(text) > _LONGEST:
        text = text.encode("utf-16-le", "replace")[: 2 * _LONGEST].decode("utf-16-le", "ignore")
    kept = ' xml:space="preserve"' if text != text.strip() else ""
    heard = escape(_UNHEARD.sub(lambda found: f"_x{ord(found[0]):04X}_", text))
    return f"<si><t{kept}>{heard}</t></si>"


def _sheet(table: Table, texts: _Texts) -> Iterator[str]:
    """The sheet in pieces of some rows."""
    widths = [min(max(2 * len(heading) + 2, _NARROWEST), _WIDEST) for heading in table.headings]
    columns = (f'<col min="{n}" max="{n}" width="{wide}.71" customWidth="1"/>' for n, wide in enumerate(widths, 1))
    yield (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>'
        f'</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>{"".join(columns)}</cols><sheetData>'
    )
    letters = [_letters(number) for number in range(len(table.headings))]
    named = zip(letters, table.headings, strict=True)
    yield _row(1, [f'<c r="{letter}1" s="{_HEADING}"{texts[heading]}</v></c>' for letter, heading in named])
    rows = []
    for number, row in enumerate(table.rows, 2):
        cells = [
            f'<c r="{letter}{number}"{texts[cell] if isinstance(cell, str) else _cell(cell, texts)}</v></c>'
            for letter, cell in zip(letters, row, strict=True)
            if cell or cell == 0  # nothing and no text are no cell
        ]
        rows.append(_row(number, cells))
        if len(rows) == _ROWS:
            yield "".join(rows)
            rows.clear()
    yield f"{''.join(rows)}</sheetData></worksheet>"


def _row(number: int, cells: list[str]) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def _letters(column: int) -> str:
    """A, B, ... Z, AA, ...: the name of a column counted from 0."""
    rest, last = divmod(column, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)


def _cell(cell: Decimal | int | date, texts: _Texts) -> str:
    """What a cell that is no text says after its place: format, kind and value."""
    if isinstance(cell, date):  # a moment is one, too
        return _when(cell) if cell.toordinal() >= _FIRST_DAY else texts[str(cell)]
    digits = str(+cell)
    return f"><v>{digits}" if len(digits.strip("-").replace(".", "")) <= _EXACT else texts[str(cell)]


def _when(cell: date) -> str:
    days = cell.toordinal() - _DAY_ZERO
    if isinstance(cell, datetime):
        seconds = cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
        return f' s="{_MOMENT}"><v>{days + seconds / _SECONDS_A_DAY}'
    return f' s="{_DAY}"><v>{days}'
