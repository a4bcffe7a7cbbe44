"""The page of the mass balance shows every product with a difference of zero."""

import io

import openpyxl

from tests.web.conftest import Demo


def test_the_balance_of_every_product_is_on_the_page_and_in_the_table(standing: Demo) -> None:
    browser = standing.browser("station")
    names = {row["product"] for row in standing.get("/stock").json["stock"]}
    page = browser.get("/station/balance", headers={"Accept-Language": "zh-CN"}).text
    assert all(name in page for name in names)
    sheet = openpyxl.load_workbook(io.BytesIO(browser.get("/station/balance/table.xlsx").data)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert names <= {row[0] for row in rows}
    assert {row[-1] for row in rows} == {0}
    assert all(row[2] == sum(row[3:-1]) for row in rows)  # type: ignore[arg-type,operator]
