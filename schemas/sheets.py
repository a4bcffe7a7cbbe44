"""A table that somebody sends, as rows of cells: XLSX or CSV told by content, and never believed before it is bounded.

What a file may cost is told by the caller (`Limits`). A file that breaks them, or that is no table, raises `Invalid`
with a sentence; a cell that cannot be believed (a formula, an error value, a text too long) is a `Doubt` in its row, so
that the rest of the file can be told as well.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from trace.domain.characters import find_unreadable
from trace.domain.failures import N_, Invalid, TooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost: rows and columns of the table, characters of a cell, empty rows in a row before reading
    stops; and of a workbook its parts, their bytes unpacked (all, and one that is no sheet), and how far they unpack.
    """

    bytes: int
    rows: int
    columns: int
    cell: int
    empty_rows: int
    parts: int
    unpacked: int
    part: int
    ratio: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a cell cannot be believed: a translatable text with its values, and what came."""

    message: str
    values: Mapping[str, str] = field(default_factory=dict, hash=False)
    came: str = ""


Cell = str | Decimal | date | Doubt


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that is not empty: its number in the file (from 1), its cells by column (from 0) without empty ones."""

    number: int
    cells: Mapping[int, Cell]


@dataclass(slots=True)
class Sheet:
    """The rows of a table in order, and what has to be said about how it was read.

    `epoch` is the first day of the workbook's calendar, from which numbers are days; None for text.
    """

    rows: list[SheetRow] = field(default_factory=list)
    notes: list[Doubt] = field(default_factory=list)
    epoch: date | None = None


FORMULA = N_("A formula is not calculated here: put in its value.")
ERROR_VALUE = N_("The cell shows the error {came}.")
TOO_LONG = N_("The text has more than {most} characters.")
UNREADABLE = N_("The text holds the character U+{point}, which no text here may hold.")
LOST_CHARACTERS = N_("The text holds characters that were lost when the file was made: save it again as UTF-8.")
STOPPED = N_("Reading stopped at row {row}, after {count} empty rows. What stands below was not read.")
_TOO_MANY_ROWS = N_("The table has more than {most} rows. Send it in parts.")
_TOO_WIDE = N_("Row {row} has more than {most} columns.")
_SEPARATORS = ",;\t，；|"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CJK = re.compile("[\u3400-\u9fff]")


def read_sheet(data: bytes, limits: Limits) -> Sheet:
    """The rows of the first sheet of a workbook, or of a CSV file.

    Raises `TooLarge` for more bytes than may be sent, `Invalid` with a sentence for what is no table that can be read.
    """
    from schemas.workbooks import read_workbook  # noqa: PLC0415 (they share the values of this file)

    if len(data) > limits.bytes:
        text = N_("The file has {came} MB; at most {most} MB are read. Send it in parts.")
        raise TooLarge(text, field="file", came=f"{len(data) / 1e6:.1f}", most=f"{limits.bytes / 1e6:g}")
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return read_workbook(data, limits)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid(
            N_("This is an old or a locked Excel file. Save it as .xlsx without a password, or as CSV."), field="file"
        )
    return _read_csv(decoded_text(data), limits)


def check_rows(count: int, limits: Limits) -> None:
    """Raise `Invalid` for more rows than a table may have."""
    if count > limits.rows:
        raise Invalid(_TOO_MANY_ROWS, field="file", most=str(limits.rows))


def check_width(row: int, width: int, limits: Limits) -> None:
    """Raise `Invalid` for a row with more columns than a table may have."""
    if width > limits.columns:
        raise Invalid(_TOO_WIDE, field="file", row=str(row), most=str(limits.columns))


def text_cell(text: str, limits: Limits) -> Cell | None:
    """A text as a cell: blanks around it cut, None where nothing is left, a doubt where it cannot be kept."""
    clean = text.strip(" \t\r\n\u3000\u00a0\ufeff\u200b")
    if not clean:
        return None
    if len(clean) > limits.cell:
        return Doubt(TOO_LONG, {"most": str(limits.cell)}, clean[:40])
    found = find_unreadable(clean)
    if found or "\x1d" in clean:
        return Doubt(UNREADABLE, {"point": f"{ord(found or chr(0x1D)):04X}"}, ascii(clean[:40]))
    if "\ufffd" in clean:
        return Doubt(LOST_CHARACTERS, {}, clean[:40])
    return clean


# ---- CSV -----------------------------------------------------------------------------------------------------------


def decoded_text(data: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8, else GB18030 (Excel in China writes GBK).

    Raises `Invalid` where it is neither, holds both, or is no text at all.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _checked(_strictly(data, name))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        _check_one_encoding(data)
        text = _strictly(data, "gb18030")
    return _checked(text)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as fault:
        raise Invalid(
            N_("Line {line} is neither UTF-8 nor GB18030 (GBK). Save the file again as CSV UTF-8."),
            field="file",
            line=str(data.count(b"\n", 0, fault.start) + 1),
        ) from fault


def _check_one_encoding(data: bytes) -> None:
    """Raise `Invalid` for a file that is UTF-8 in one line and GBK in another: two files were put together.

    Two Chinese characters in UTF-8 are three in GBK only by rare accident, so a line that reads as UTF-8 with at least
    two of them is one.
    """
    kinds: dict[str, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.isascii():
            continue
        try:
            if len(_CJK.findall(line.decode("utf-8"))) >= 2:
                kinds.setdefault("utf-8", number)
        except UnicodeDecodeError:
            kinds.setdefault("other", number)
    if len(kinds) == 2:
        raise Invalid(
            N_("Line {one} is UTF-8 and line {other} is not: two encodings in one file. Save it again as CSV UTF-8."),
            field="file",
            one=str(kinds["utf-8"]),
            other=str(kinds["other"]),
        )


def _checked(text: str) -> str:
    """The text; raises `Invalid` for one that holds NUL or other signs that tell of a file that is no text."""
    found = _CONTROL.search(text)
    if found and found[0] != "\x1d":
        raise Invalid(
            N_("Line {line} holds the character U+{point}: this is no table. Send .xlsx or CSV."),
            field="file",
            line=str(text.count("\n", 0, found.start()) + 1),
            point=f"{ord(found[0]):04X}",
        )
    return text


def _read_csv(text: str, limits: Limits) -> Sheet:
    sheet, empty, separator, lines = Sheet(), 0, _separator(text), io.StringIO(text, newline="")
    for number, fields in _records(lines, separator):
        check_width(number, len(fields), limits)
        cells = {column: cell for column, one in enumerate(fields) if (cell := text_cell(one, limits)) is not None}
        if not cells:
            empty += 1
            if empty > limits.empty_rows:
                if lines.read().strip(f' \t\r\n"{separator}'):
                    sheet.notes.append(Doubt(STOPPED, {"row": str(number), "count": str(limits.empty_rows)}))
                break
            continue
        empty = 0
        sheet.rows.append(SheetRow(number, cells))
        check_rows(len(sheet.rows), limits)
    return sheet


def _separator(text: str) -> str:
    """What parts the fields: the sign that the first lines have most of, outside quotation marks."""
    head = re.sub(r'"[^"]*"', "", "\n".join(line for line in text[:20_000].splitlines() if line.strip())[:8_000])
    return max(_SEPARATORS, key=head.count)


def _records(lines: io.StringIO, separator: str) -> Iterator[tuple[int, Sequence[str]]]:
    """(number of the record, its fields); raises `Invalid` for quotation marks that do not close."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = 0
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            raise Invalid(
                N_("The quotation marks in line {line} do not fit: each field ends with the mark it began with."),
                field="file",
                line=str(reader.line_num),
            ) from fault
        number += 1
        yield number, fields
