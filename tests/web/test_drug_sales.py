"""The counter of a pharmacy, by its pages and its API: looked at, sold whole and in parts, printed, brought back."""

import csv
import re
from datetime import datetime
from io import BytesIO, StringIO
from zoneinfo import ZoneInfo

import openpyxl
import pypdfium2

from tests.web.conftest import Demo
from trace.services.demonstration_cast import gtin

VITAMIN = "8900103006500000000{}"  # the demonstration's tablets, 100 in a pack


def test_a_code_is_looked_at_before_it_is_sold_and_told_in_the_readers_language(demo: Demo) -> None:
    ready = demo.get(f"/dispensings/check?code={VITAMIN.format(7)}", "pharmacist").json
    assert (ready["verdict"], ready["message"], ready["product"]["split_units"]) == ("ready", None, 100)
    demo.post("/dispensings", {"codes": [VITAMIN.format(7)]}, "pharmacist")
    sold = demo.get(f"/dispensings/check?code={VITAMIN.format(7)}", "pharmacist", headers={"Accept-Language": "en"})
    assert sold.json["verdict"] == "sold"
    assert "One code is sold once" in sold.json["message"]
    assert demo.get(f"/dispensings/check?code={VITAMIN.format(7)}", "clerk").json["verdict"] == "not_here"  # a shop's


def test_a_sale_leaves_a_receipt_with_its_trace_codes_as_data_and_on_paper(demo: Demo) -> None:
    body = {"codes": [VITAMIN.format(8)], "parts": [{"code": VITAMIN.format(9), "units": 12}]}
    done = demo.post("/dispensings", body, "pharmacist")
    assert done.status_code == 201, done.text
    receipt = done.json["receipt"]
    found = demo.get(f"/drug-sales/{receipt['id']}", "pharmacist").json
    assert [(line["code"], line["split_units"]) for line in found["lines"]] == [
        (VITAMIN.format(8), None),
        (VITAMIN.format(9), 12),
    ]
    assert demo.get("/drug-sales", "pharmacist").json["sales"][0]["number"] == receipt["number"]
    assert VITAMIN.format(9) in [pack["code"] for pack in demo.get("/split-packs", "pharmacist").json["packs"]]
    for paper, width in (("58mm", 58), ("a4", 210)):
        printed = demo.get(f"/drug-sales/{receipt['id']}/receipt.pdf?paper={paper}", "pharmacist")
        (page,) = pypdfium2.PdfDocument(BytesIO(printed.data))
        assert round(page.get_width() / 72 * 25.4) == width
        assert VITAMIN.format(8) in page.get_textpage().get_text_bounded()
    assert demo.get(f"/drug-sales/{receipt['id']}", "clerk").status_code == 404  # another's
    back = {"lines": [2], "reason": "受潮"}
    assert demo.post(f"/drug-sales/{receipt['id']}/returns", back, "pharmacist").status_code == 201
    assert demo.post(f"/drug-sales/{receipt['id']}/returns", back, "pharmacist").status_code == 409
    assert demo.get(f"/dispensings/check?code={VITAMIN.format(9)}", "pharmacist").json["verdict"] == "held"


def test_the_page_looks_sells_and_takes_back_by_the_receipt(demo: Demo) -> None:
    desk = demo.browser("pharmacist")
    codes = "\n".join(VITAMIN.format(n) for n in (7, 8))
    looked = desk.post("/pharmacy", {"action": "look", "codes": codes}).text
    assert looked.count('class="verdict "') == 2
    form = {"action": "dispense", "codes": codes, "units_of": VITAMIN.format(8), "units": "30", "client_key": "k1"}
    sold = desk.post("/pharmacy", form)
    receipt = re.search(r'href="/pharmacy/sales/(\w{26})"', sold.text)
    assert sold.status_code == 200 and receipt, sold.text
    page = f"/pharmacy/sales/{receipt[1]}"
    assert "30 片" in desk.get(page).text
    assert desk.get(f"{page}/print.pdf").mimetype == "application/pdf"
    assert receipt[1] in desk.get("/pharmacy/sales").text
    assert VITAMIN.format(8) in desk.get("/pharmacy/sales/open-packs").text
    assert desk.post(f"{page}/return", {"line": "1", "reason": ""}).status_code == 422
    assert desk.post(f"{page}/return", {"line": "1", "reason": "受潮"}).status_code == 303
    again = desk.post("/pharmacy", {"action": "dispense", "codes": VITAMIN.format(7), "client_key": "k2"})
    assert again.status_code == 409  # held until somebody looked at it
    assert desk.get("/pharmacy/sales?day=nonsense").status_code == 422


def test_a_price_is_set_once_taken_by_the_counter_and_stands_on_receipt_and_record(demo: Demo) -> None:
    desk, insulin = demo.browser("pharmacist"), f"(01){gtin('952070300001'):0>14}(21)S0001"
    looked = desk.post("/pharmacy", {"action": "look", "codes": f"{VITAMIN.format(7)}\n{insulin}"}).text
    (unknown, known) = re.findall(r'name="price_of" value="(\w{26})"', looked)
    assert "16.50" in looked  # the total of what has a price
    typed = {"action": "look", "codes": insulin, "price_of": unknown, "price": "48.5"}
    assert "48.50" in desk.post("/pharmacy", typed).text
    kept = desk.post("/pharmacy/prices", {"product": [unknown, known], "price": ["", "17"], "client_key": "p1"})
    assert kept.status_code == 303
    assert desk.post("/pharmacy/prices", {"product": known, "price": "much"}).status_code == 422
    sold = demo.post("/dispensings", {"codes": [VITAMIN.format(7)]}, "pharmacist").json["receipt"]
    assert sold["total"] == "17.00"
    assert demo.get(f"/drug-sales/{sold['id']}", "pharmacist").json["total"] == 17
    printed = demo.get(f"/drug-sales/{sold['id']}/receipt.pdf", "pharmacist")
    (page,) = pypdfium2.PdfDocument(BytesIO(printed.data))
    assert page.get_textpage().get_text_bounded().count("17.00") == 2  # of the line, and in all
    sold_at = datetime.fromisoformat(demo.get("/drug-sales", "pharmacist").json["sales"][0]["sold_at"])
    today = sold_at.astimezone(ZoneInfo("Asia/Shanghai")).date()  # at night it is another day than in UTC
    rows = list(csv.DictReader(StringIO(desk.get(f"/pharmacy/sales/table.csv?last={today}").data.decode("utf-8-sig"))))
    assert ("17", "17", VITAMIN.format(7)) in [(row["单价"], row["金额"], row["追溯码"]) for row in rows]
    sheet = openpyxl.load_workbook(BytesIO(demo.get(f"/drug-sales.xlsx?first={today}&last={today}", "pharmacist").data))
    assert sheet.active is not None and 17 in [row[15].value for row in sheet.active.rows]
    assert desk.get(f"/pharmacy/sales/print.pdf?first={today}&last={today}").mimetype == "application/pdf"
    assert demo.post("/prices", {"prices": [{"product": known, "price": "1"}]}, "clerk").status_code == 403
