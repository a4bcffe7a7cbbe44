"""Bringing tables in over the pages and the API: choose, read the report, store; hostile files end in a report."""

import csv
import io
import re
from typing import Any

import pytest

from tests.web.conftest import Browser, Demo
from trace.domain.import_columns import find_headings

HEAD = "供货者,供货者地址,供货者联系方式,进货日期,品名,数量,单位,批号,理由"
ROW = "=cmd|' /C calc'!A0,沙坡头区,0955-7000199,2026-11-02,{name},{amount},公斤,{lot},老供货者"


def table(demo: Demo, *amounts: str) -> bytes:
    """A table of a vegetable that the demonstration's product file has."""
    products = demo.get("/products").json["products"]
    name = next(one["name"] for one in products if (one["category"], one["unit"]) == ("vegetable", "KGM"))
    rows = [ROW.format(name=name, amount=amount, lot=f"B{n}") for n, amount in enumerate(amounts)]
    return "\n".join((HEAD, *rows)).encode("gbk")


def choose(browser: Browser, data: bytes, name: str = "进货.csv") -> Any:
    return browser.post("/imports", {"file": (io.BytesIO(data), name)})


def test_a_table_is_chosen_read_and_stored_without_a_script(demo: Demo) -> None:
    clerk = demo.browser("station")
    sent = choose(clerk, table(demo, "3", "4.5"))
    assert sent.status_code == 303
    page = clerk.get(sent.location).text
    assert "/store" in page
    before = demo.counts()["receipt"]
    assert clerk.post(f"{sent.location}/store", {}).status_code == 303
    assert demo.counts()["receipt"] == before + 1
    page = clerk.get(sent.location).text
    record = re.search(r"/station/receipts/\w{26}", page)
    assert record is not None
    assert "4.5" in clerk.get(record[0]).text
    again = choose(clerk, table(demo, "3", "4.5"))
    assert "/store" not in clerk.get(again.location).text


def test_faults_stand_on_top_and_the_report_is_a_table_that_executes_nothing(demo: Demo) -> None:
    clerk = demo.browser("station")
    sent = choose(clerk, table(demo, "3", "viel"))
    page = clerk.get(sent.location).text
    assert (">viel</code>" in page, "/store" in page) == (True, False)
    answer = clerk.get(f"{sent.location}/report.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [next(row for row in rows if row[4] == "viel")[n] for n in (0, 3, 4)] == ["3", "数量", "viel"]
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    refused = clerk.post(f"{sent.location}/store", {})
    assert refused.status_code == 409


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_headings_of_our_own_records_are_known(standing: Demo, language: str) -> None:
    clerk = standing.browser("station")
    clerk.get(f"/language/{language}?back=/station")
    head = next(csv.reader(io.StringIO(clerk.get("/records/table.csv").data.decode("utf-8-sig"))))
    found = find_headings([(1, dict(enumerate(head)))])
    assert found is not None
    assert not found.missing
    told = {"supplier_address", "supplier_contact", "delivery_note", "expires_on", "lot_number", "celsius", "decision"}
    assert told <= found.titles.keys()


def test_hostile_files_end_in_a_report_and_store_nothing(demo: Demo) -> None:
    clerk = demo.browser("station")
    before = {name: rows for name, rows in demo.counts().items() if name in ("receipt", "event", "lot", "product")}
    for data in (b"PK\x03\x04" + bytes(500), b"\xff\xfe\x00", b"\x00" * 100, b'"' * 5_000, b"\n" * 200_000, b"x"):
        sent = choose(clerk, data, "../../etc/passwd\x00.xlsx")
        assert sent.status_code == 303, data[:10]
        assert 'class="problem"' in clerk.get(sent.location).text
    assert choose(clerk, b"x" * 5_000_001).status_code == 413
    assert clerk.post("/imports", {}).status_code == 422
    assert {name: demo.counts()[name] for name in before} == before
    for kind in ("deliveries", "products"):
        assert clerk.get(f"/imports/templates/{kind}.xlsx").data.startswith(b"PK")
    assert clerk.get("/imports/templates/x.xlsx").status_code == 404


def test_the_api_looks_at_a_table_and_stores_it(demo: Demo) -> None:
    form = {"file": (io.BytesIO(table(demo, "3")), "a.csv")}
    report = demo.call("POST", "/imports", data=form)
    assert (report.status_code, report.json["ready"]) == (201, True), report.json
    at = f"/imports/{report.json['id']}"
    assert demo.get(at, "pharmacist").status_code == 404
    assert demo.post(f"{at}/store", {}).json["state"] == "stored"
    assert [one["state"] for one in demo.get("/imports").json["imports"]] == ["stored"]
