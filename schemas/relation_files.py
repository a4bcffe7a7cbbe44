"""Relation files (关联关系) as makers and wholesalers send them: XML of the trace platform, or a table.

XML: `<Batch batchNo madeDate validateDate>` around `<Code curCode packLayer parentCode flag/>`, whatever stands around
them; names in any case. A table (CSV, XLSX) has one row a code. The file comes from strangers: no DTD, no entities, a
bounded number of elements, texts of bounded length.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from xml.parsers import expat

from schemas.sheets import Cell, Doubt, Limits, decoded_text, read_sheet
from trace.domain.code_relations import PackedBatch, Relation
from trace.domain.failures import N_, Invalid, TooLarge

MAX_DEPTH = 20
LONGEST = 200  # characters of an attribute
OTHER_ELEMENTS = 2_000  # that are no codes
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{2})[-/.月]?(\d{2})日?")
_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "code": ("追溯码", "药品追溯码", "当前码", "子码", "curcode", "code"),
    "parent": ("上级码", "父码", "上级追溯码", "parentcode", "parent"),
    "level": ("包装级别", "包装层级", "级别", "packlayer", "level"),
    "lot": ("批号", "生产批号", "产品批号", "batchno", "lot"),
    "made": ("生产日期", "madedate", "produced_on"),
    "ends": ("有效期", "有效期至", "validatedate", "expires_on"),
}
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<|\xff\xfe<\x00|\xfe\xff\x00<")


def read_relations(data: bytes, limits: Limits) -> list[PackedBatch]:
    """The batches of a relation file; raises `TooLarge` for too many bytes, `Invalid` for what is none."""
    if len(data) > limits.bytes:
        text = N_("The file has {came} MB; at most {most} MB are read. Send it in parts.")
        raise TooLarge(text, field="file", came=f"{len(data) / 1e6:.1f}", most=f"{limits.bytes / 1e6:g}")
    batches = _read_xml(data, limits) if _XML.match(data) else _read_table(data, limits)
    if not any(batch.relations for batch in batches):
        raise Invalid(
            N_("There are no codes in this file: a relation file says which box is in which case."), field="file"
        )
    return batches


# ---- XML -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Stream:
    """Handlers for the XML: codes go to the batch that is open."""

    most: int
    depth: int = 0
    others: int = 0
    codes: int = 0
    cascade: str = ""
    batches: list[tuple[PackedBatch, list[Relation]]] = field(default_factory=list)
    opened: list[tuple[int, list[Relation]]] = field(default_factory=list)  # open batches: depth, their codes
    outside: list[Relation] = field(default_factory=list)  # codes of no batch

    def start(self, tag: str, found: dict[str, str]) -> None:
        """An element: a batch, a code, or something around them."""
        self.depth += 1
        if self.depth > MAX_DEPTH or len(found) > 40 or any(len(text) > LONGEST for text in found.values()):
            raise _no_relations()
        said = {name.rpartition(":")[2].lower(): text.strip() for name, text in found.items()}
        name = tag.rpartition(":")[2].lower()
        if name == "code" and "curcode" in said:
            self._code(said)
            return
        self.others += 1
        if self.others > OTHER_ELEMENTS:
            raise _no_relations()
        self.cascade = said.get("cascade", self.cascade)
        if name == "batch":
            made, ends = _day(said.get("madedate", "")), _day(said.get("validatedate", ""))
            self.batches.append((PackedBatch(said.get("batchno", "")[:60], made, ends, self.cascade, ()), []))
            self.opened.append((self.depth, self.batches[-1][1]))

    def end(self, _tag: str) -> None:
        """The end of an element."""
        if self.opened and self.opened[-1][0] == self.depth:
            self.opened.pop()
        self.depth -= 1

    def _code(self, said: Mapping[str, str]) -> None:
        self.codes += 1
        if self.codes > self.most:
            raise _too_many(self.most)
        level = _level(said.get("packlayer", ""), self.codes)
        relation = Relation(said["curcode"], said.get("parentcode") or None, level, self.codes)
        (self.opened[-1][1] if self.opened else self.outside).append(relation)


def _read_xml(data: bytes, limits: Limits) -> list[PackedBatch]:
    stream = _Stream(limits.rows)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = stream.start, stream.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        # As text: what the declaration says of the encoding (GBK, GB18030) is no encoding that the parser knows.
        parser.Parse(decoded_text(data), True)
    except expat.ExpatError as fault:
        raise Invalid(
            N_("The XML cannot be read at line {line}: it is cut off or damaged. Ask for the file again."),
            field="file",
            line=fault.lineno,
        ) from None
    outside = PackedBatch("", None, None, stream.cascade, ())
    return [
        replace(batch, relations=tuple(relations))
        for batch, relations in [*stream.batches, (outside, stream.outside)]
        if relations
    ]


def _refuse_doctype(*_: object) -> None:
    """Entities stand in a DTD, and nothing that a packing line writes needs one."""
    raise Invalid(N_("The XML has a DTD; none is read here. Ask for the file without."), field="file")


def _no_relations() -> Invalid:
    return Invalid(N_("This XML is no relation file: it holds much that is no code."), field="file")


def _too_many(most: int) -> Invalid:
    return Invalid(N_("A relation file has at most {most} codes. Send it in parts."), field="file", most=most)


# ---- tables --------------------------------------------------------------------------------------------------------


def _read_table(data: bytes, limits: Limits) -> list[PackedBatch]:
    sheet = read_sheet(data, limits)
    columns: dict[str, int] = {}
    batches: dict[tuple[str, date | None, date | None], list[Relation]] = {}
    for row in sheet.rows:
        if not columns:
            columns = _columns(row.cells)
            continue
        said = {name: _text(row.cells.get(place), row.number) for name, place in columns.items()}
        if not said["code"]:
            raise Invalid(N_("Row {row}: the code is missing."), field="file", row=row.number)
        key = (said.get("lot", "")[:60], _day(said.get("made", "")), _day(said.get("ends", "")))
        level = _level(said.get("level", ""), row.number)
        batches.setdefault(key, []).append(Relation(said["code"], said.get("parent") or None, level, row.number))
    if not columns:
        raise Invalid(
            N_("A relation file has a column of codes (追溯码) and one of the cases they are in (上级码)."),
            field="file",
        )
    return [PackedBatch(*key, "", tuple(relations)) for key, relations in batches.items()]


def _columns(cells: Mapping[int, Cell]) -> dict[str, int]:
    """{what: column} of a row of headings; nothing where it is none."""
    titles = {place: cell.strip().lower() for place, cell in cells.items() if isinstance(cell, str)}
    found = {name: place for place, title in titles.items() for name, known in _HEADINGS.items() if title in known}
    return found if {"code", "parent"} <= found.keys() else {}


def _text(cell: Cell | None, row: int) -> str:
    if isinstance(cell, Doubt):
        raise Invalid(N_("Row {row} cannot be read: {came}"), field="file", row=row, came=cell.came)
    if isinstance(cell, Decimal):
        # A spreadsheet keeps 15 digits of a number: the last ones of a code are lost, and nobody can tell.
        if len(cell.as_tuple().digits) > 15 or cell >= 10**15:
            text = N_(
                "Row {row}: the code is kept as a number, so its last digits are lost. Format the column as text."
            )
            raise Invalid(text, field="file", row=row)
        return f"{cell:f}"
    return "" if cell is None else str(cell).strip()


def _level(text: str, row: int) -> int | None:
    if not text:
        return None
    if text not in tuple("123456789"):
        raise Invalid(N_("Row {row}: {came} is no level of packing."), field="file", row=row, came=text[:20])
    return int(text)


def _day(text: str) -> date | None:
    """A whole date; None for what is none, such as a month alone: nobody guesses the day."""
    found = _DAY.fullmatch(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None
