"""Tables that people send: what is read of good ones, and how hostile ones end."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import xlsxwriter
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from schemas.sheets import Doubt, Limits, read_sheet
from trace.domain.failures import Invalid, TooLarge

LIMITS = Limits(
    bytes=5_000_000, rows=2_000, columns=60, cell=500, empty_rows=200,
    parts=200, unpacked=32_000_000, part=512_000, ratio=200,
)  # fmt: skip
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
GOOD = [["名称", "数量"], ["番茄", "12.5"], ["黄瓜", "3"]]


def workbook(sheet: str, more: Mapping[str, str | bytes] | None = None, *, kind: str = KIND) -> bytes:
    """A workbook put together by hand: the XML of its one sheet, and further parts."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="一" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet if sheet[:2] == "<?" else f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>',
        **(more or {}),
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return held.getvalue()


def cells(data: bytes) -> list[list[object]]:
    return [list(row.cells.values()) for row in read_sheet(data, LIMITS).rows]


def refusal(data: bytes) -> str:
    with pytest.raises(Invalid) as found:
        read_sheet(data, LIMITS)
    return str(found.value)


@contextmanager
def peak(most: int) -> Iterator[None]:
    """What happens inside takes less memory at once than so many bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def written(rows: list[list[object]], **options: object) -> bytes:
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True, **options}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy/m/d"})
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(number, column, value, day)
                else:
                    sheet.write(number, column, value)
    return held.getvalue()


# ---- good ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "，"])
def test_csv_in_every_encoding_and_with_every_separator_is_one_table(encoding: str, separator: str) -> None:
    text = "\r\n".join(separator.join(row) for row in GOOD)
    assert cells(text.encode(encoding)) == GOOD


def test_quotes_hold_separators_and_line_ends() -> None:
    assert cells('名称,产地\r\n"番茄, 大","中卫\n沙坡头"\r\n'.encode()) == [
        ["名称", "产地"],
        ["番茄, 大", "中卫\n沙坡头"],
    ]


@pytest.mark.parametrize("old", [False, True])
def test_numbers_and_dates_of_a_workbook_are_what_people_saw(old: bool) -> None:
    rows = [["a", 0.1 + 0.2, date(2026, 11, 25), 6901028075763, True]]
    data = written(rows, date_1904=old)
    assert cells(data) == [["a", Decimal("0.3"), date(2026, 11, 25), Decimal(6901028075763), "1"]]
    assert read_sheet(data, LIMITS).epoch == (date(1904, 1, 1) if old else date(1899, 12, 30))


def test_a_workbook_of_another_program_reads_alike() -> None:
    book, held = Workbook(), io.BytesIO()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    for row in (["名称", None, "数量"], [], ["番茄", date(2026, 11, 25), 12.5]):
        sheet.append(row)
    sheet.merge_cells("A3:A4")
    sheet["C4"] = 7
    book.create_sheet("二")
    book.save(held)
    read = read_sheet(held.getvalue(), LIMITS)
    assert [(row.number, dict(row.cells)) for row in read.rows] == [
        (1, {0: "名称", 2: "数量"}),
        (3, {0: "番茄", 1: date(2026, 11, 25), 2: Decimal("12.5")}),
        (4, {0: "番茄", 2: Decimal(7)}),
    ]
    assert len(read.notes) == 2  # of the second sheet, and of the merged cell


def test_what_begins_like_a_formula_is_text() -> None:
    texts = ["=1+1", "+86 955", "-", "@x"]
    assert cells(",".join(texts).encode()) == [texts]
    assert cells(written([texts], strings_to_formulas=False)) == [texts]


# ---- cells that are not believed -----------------------------------------------------------------------------------


def test_formulas_and_errors_are_doubts_of_their_cells() -> None:
    sheet = (
        '<sheetData><row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="e"><v>#REF!</v></c>'
        '<c r="C1"><v>81502310064000000004</v></c><c r="D1" t="s"><v>7</v></c><c r="E1"><v>1e999</v></c>'
        f'<c r="F1" t="inlineStr"><is><t>{"长" * 501}</t></is></c>'
        '<c r="G1" t="inlineStr"><is><t>好</t></is></c></row></sheetData>'
    )
    (row,) = cells(workbook(sheet))
    assert [isinstance(cell, Doubt) for cell in row] == [True] * 6 + [False]
    assert "formula" in str(row[0])
    assert "15 digits" in str(row[2])


def test_control_and_lost_characters_are_doubts_of_their_cells() -> None:
    (row,) = cells("a,b\x7fc,d\ufffd".encode())
    assert [isinstance(cell, Doubt) for cell in row] == [False, True, True]


# ---- hostile ones --------------------------------------------------------------------------------------------------


def test_a_bomb_is_told_before_it_is_unpacked() -> None:
    row = '<row><c t="inlineStr"><is><t>' + "0" * 400 + "</t></is></c></row>"
    bomb = workbook("<sheetData>" + row * 10_000 + "</sheetData>")
    assert len(bomb) < 40_000
    with peak(1_000_000), pytest.raises(Invalid, match="unpacks to more"):
        read_sheet(bomb, replace(LIMITS, unpacked=4_000_000))
    with peak(5_000_000), pytest.raises(Invalid, match="more than 2000 rows"):
        read_sheet(bomb, LIMITS)


def test_a_part_that_declares_less_than_it_holds_gives_no_more() -> None:
    data = bytearray(workbook("<sheetData>" + "<row><c><v>1</v></c></row>" * 1_000 + "</sheetData>"))
    entry = data.rindex(b"xl/worksheets/sheet1.xml") - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    data[entry + 24 : entry + 28] = (300).to_bytes(4, "little")
    assert "damaged" in refusal(bytes(data))


@pytest.mark.parametrize(
    "sheet",
    [
        "<sheetData>" + '<row r="1"><c r="A1"><v>1</v></c></row>' + "<row/>" * 1_000_000 + "</sheetData>",
        '<dimension ref="A1:XFD1048576"/><sheetData><row><c><v>1</v></c></row>'
        '<row r="1048576"><c><v>2</v></c></row></sheetData>',
        "<sheetData><row>" + "<c><v>1</v></c>" + '<c s="1"/>' * 16_000 + "</row></sheetData>",
    ],
    ids=["a million empty rows", "a far row", "a wide empty row"],
)
def test_empty_rows_and_cells_end_quickly_and_cost_nothing(sheet: str) -> None:
    data = workbook(sheet)
    with peak(5_000_000):
        read = read_sheet(data, replace(LIMITS, ratio=10_000))
    assert [list(row.cells.values()) for row in read.rows] == [[Decimal(1)]]


def test_a_sheet_of_nothing_but_empty_cells_is_refused() -> None:
    few = replace(LIMITS, rows=20, ratio=10_000)
    with pytest.raises(Invalid, match="far more cells"):
        read_sheet(workbook("<sheetData><row>" + "<c/>" * 4_801 + "</row></sheetData>"), few)


def test_a_million_empty_lines_of_csv_end_quickly() -> None:
    read = read_sheet(("名称\n番茄\n" + "\n" * 1_000_000 + "黄瓜\n").encode(), LIMITS)
    assert (len(read.rows), len(read.notes)) == (2, 1)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "old or a locked Excel file"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (workbook("<sheetData/>")[:-40], "damaged"),
        (workbook("<sheetData><row>"), "damaged"),
        (workbook("<sheetData/>", {"xl/vbaProject.bin": b"x"}), "macros"),
        (workbook("<sheetData/>", kind=KIND.replace("sheet.main", "sheet.macroEnabled.main")), "macros"),
        (workbook("<sheetData/>", {"xl/externalLinks/externalLink1.xml": "<a/>"}), "links to other files"),
        (workbook("<sheetData/>", {f"xl/media/{n}.png": b"" for n in range(300)}), "unpacks"),
        (workbook('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "declares"),
        (workbook('<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'), "declares"),
        (workbook('<sheetData><row><c r="ZZZ1"><v>1</v></c></row></sheetData>'), "columns"),
        (workbook("<sheetData>" + "<row><c><v>1</v></c></row>" * 2_001 + "</sheetData>"), "more than 2000 rows"),
        (("1\n" * 2_001).encode(), "more than 2000 rows"),
        (("1," * 61).encode(), "columns"),
        ("a,b\n1,2\n".encode("utf-16-le"), "U+0000"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "neither UTF-8 nor GB18030"),
        ("名称\n番茄西红柿\n".encode() + "黄瓜新鲜\n".encode("gbk"), "two encodings"),
        ("甲\n".encode("gbk") + b"\xff\xff\n", "neither"),
        (b'a,"b\nc,d\n', "quotation marks"),
        (b"\xff\xfea", "neither"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_told_why(data: bytes, told: str) -> None:
    assert told in refusal(data)


def test_a_number_past_all_bounds_and_a_day_that_is_none_are_doubts_of_their_cells() -> None:
    row = '<c><v>1e999999999</v></c><c><v>-1e999999999</v></c><c t="d"><v>2026-11-31</v></c><c><v>7</v></c>'
    *odd, good = cells(workbook(f"<sheetData><row>{row}</row></sheetData>"))[0]
    assert (len(odd), good) == (3, Decimal(7))
    assert all(isinstance(one, Doubt) for one in odd)


@pytest.mark.parametrize("encoding", ["hex", "rot13", "undefined"])
def test_an_encoding_that_is_none_of_text_is_damage(encoding: str) -> None:
    assert "damaged" in refusal(workbook(f'<?xml version="1.0" encoding="{encoding}"?><worksheet/>'))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_part_packed_as_no_spreadsheet_program_packs_is_damage(method: int) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook("<sheetData/>"))) as good, zipfile.ZipFile(held, "w", method) as other:
        for name in good.namelist():
            other.writestr(name, good.read(name))
    assert "damaged" in refusal(held.getvalue())


def test_a_number_format_longer_than_any_program_writes_is_no_date() -> None:
    # openpyxl's patterns take a time that grows with the square of the length: 20 s for these, before.
    styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="200" formatCode="{"[$" * 60_000}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="200"/></cellXfs></styleSheet>'
    )
    data = workbook('<sheetData><row><c s="1"><v>45000</v></c></row></sheetData>', {"xl/styles.xml": styles})
    assert read_sheet(data, replace(LIMITS, ratio=10_000)).rows[0].cells == {0: Decimal(45000)}


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(TooLarge):
        read_sheet(b"a" * 5_000_001, LIMITS)
