"""A workbook of our own writing: well-formed whatever a cell holds, and read as it was meant."""

import io
import re
import zipfile
from datetime import date, datetime
from decimal import Decimal

import openpyxl
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from schemas.xlsx import xlsx_of
from trace.domain.tables import Cell, Table

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _values(table: Table) -> list[list[object]]:
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_of(table))).active
    assert sheet is not None
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
@example("_x0041_")
@example("_x_x000D_\r\n")
@example(" <&>\"' \x00\x0b\ufffe")
def test_every_text_comes_out_of_the_workbook_as_it_went_in(text: str) -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_of(Table(text, [text], [[text]])))) as package:
        parts = {name: etree.fromstring(package.read(name)) for name in package.namelist()}
    kept = [item.text or "" for item in parts["xl/sharedStrings.xml"].iter(f"{_MAIN}t")]
    heard = [re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), item) for item in kept]
    assert heard == [text]
    assert parts["xl/workbook.xml"].find(f"{_MAIN}sheets/{_MAIN}sheet") is not None


def test_tables_may_be_empty_wider_than_the_alphabet_and_name_columns_alike() -> None:
    assert _values(Table("", ["批号", "批号"], [])) == [["批号", "批号"]]
    wide = [str(number) for number in range(703)]
    book = openpyxl.load_workbook(io.BytesIO(xlsx_of(Table("宽", wide, [wide]))))
    assert (book["宽"]["Z2"].value, book["宽"]["AA2"].value, book["宽"]["AAA2"].value) == ("25", "26", "702")
    assert book["宽"].freeze_panes == "A2"


def test_what_a_spreadsheet_cannot_count_or_hold_is_text_or_cut() -> None:
    row: list[Cell] = [
        date(1900, 2, 28),
        date(1900, 3, 1),
        10**15,
        -(10**14),
        Decimal("1E+3"),
        "长" * 40_000,
        "𠮷" * 20_000,
    ]
    read = _values(Table("表", [str(n) for n in range(len(row))], [row]))[1]
    assert read == [
        "1900-02-28",
        datetime(1900, 3, 1),
        "1000000000000000",
        -(10**14),
        1000,
        "长" * 32_767,
        "𠮷" * 16_383,
    ]
