"""Tables that leave the house execute nothing, and numbers and days stay numbers and days."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import csv_of
from schemas.xlsx import xlsx_of
from trace.domain.tables import Table, inert

HOSTILE = (
    "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠A1", "  =1",
    "\u3000=1", "\u00a0+1",
)  # fmt: skip


def read_csv(data: bytes) -> list[list[str]]:
    """The cells of a CSV as a spreadsheet sees them."""
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    table = Table("表", [text], [[text]])
    assert read_csv(csv_of(table)) == [[f"'{text}"], [f"'{text}"]]
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_of(table))).active
    assert sheet is not None
    assert [cell.data_type for row in sheet.iter_rows() for cell in row] == ["s", "s"]


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=30))
def test_what_does_not_begin_like_a_formula_stays_as_it_is(text: str) -> None:
    made = inert(text)
    assert made in (text, f"'{text}")
    assert not made.strip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


def test_days_moments_and_numbers_keep_their_kind() -> None:
    row = [
        date(2026, 11, 24),
        datetime(2026, 11, 24, 6, 0, tzinfo=UTC),
        Decimal("-1.50"),
        7,
        None,
        "6901028075763",
        Decimal("1234567890123456"),
    ]
    table = Table("进货查验记录/2026:11", [str(n) for n in range(len(row))], [row])
    assert read_csv(csv_of(table))[1] == [
        "2026-11-24", "2026-11-24 06:00", "-1.5", "7", "", "6901028075763", "1234567890123456"
    ]  # fmt: skip
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_of(table))).active
    assert sheet is not None
    cells = [cell.value for cell in next(sheet.iter_rows(min_row=2))]
    assert cells == [
        datetime(2026, 11, 24), datetime(2026, 11, 24, 6, 0), -1.5, 7, None, "6901028075763", "1234567890123456"
    ]  # fmt: skip
