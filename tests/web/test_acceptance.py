"""The pages and the API of acceptance: begin, scan, name a drug, check and sign; orders; the printed record."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.conftest import Browser, Demo

PHARMACIST = "pharmacist"


def a_drug(demo: Demo, identifier: str = "8777001", **more: Any) -> str:
    """A drug of the file whose codes begin with the identifier: its public id."""
    body = {
        "name": f"测试药 {identifier}",
        "category": "drug",
        "unit": "EA",
        "code": identifier,
        "prescription": "otc_b",
    }
    return str(demo.post("/products", {**body, **more}, PHARMACIST).json["id"])


def codes(count: int, identifier: str = "8777001") -> list[str]:
    return [f"{identifier}{n:013d}" for n in range(count)]


def supplier_of(demo: Demo) -> str:
    """A file of a supplier that was looked at."""
    return str(demo.get("/suppliers", PHARMACIST).json["suppliers"][0]["id"])


def begun(demo: Demo, shop: Browser) -> str:
    """The address of an acceptance that was just begun."""
    form = {"supplier": supplier_of(demo), "delivery_note": "KD-77", "client_key": "begin-1"}
    answer = shop.post("/acceptance", form)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def problem_of(answer: TestResponse) -> str:
    found = re.search(r'role="alert">([^<]+)<', answer.text)
    return found[1] if found else ""


@pytest.fixture
def shop(demo: Demo) -> Browser:
    return demo.browser("pharmacist")


def test_a_delivery_is_scanned_checked_and_signed(demo: Demo, shop: Browser) -> None:
    a_drug(demo)
    page = begun(demo, shop)
    line = {"action": "line", "product": "测试药 8777001", "lot_number": "B1", "amount": "3"}
    assert "测试药" in shop.post(page, {**line, "expires_on": f"{date.today() + timedelta(days=400)}"}).text
    scanned = shop.post(page, {"action": "scan", "codes": "\n".join(codes(2)), "code": codes(3)[2]})
    assert (scanned.status_code, 'role="status"' in scanned.text) == (200, True)
    check = shop.get(f"{page}/check")
    assert "lines-0-lot_number" in check.text
    refused = shop.post(f"{page}/check", {"action": "accept", "client_key": "k1", "lines-0-decision": "accept"})
    assert (refused.status_code, bool(problem_of(refused))) == (409, True)  # no test report, no delivery note
    form = {"action": "accept", "client_key": "k2", "lines-0-decision": "hold", "lines-0-reason": "缺检验报告书"}
    done = shop.post(f"{page}/check", form)
    assert (done.status_code, "/station/receipts/" in done.location) == (303, True), done.text
    assert shop.post(f"{page}/check", form).location == done.location  # pressed twice
    printed = shop.get(f"{page}/record.pdf")
    assert (printed.status_code, printed.data[:5]) == (200, b"%PDF-")
    assert shop.get("/acceptance").status_code == 200


def test_papers_are_filed_for_the_batch_and_for_the_whole_delivery(demo: Demo, shop: Browser) -> None:
    a_drug(demo)
    page = begun(demo, shop)
    line = {"action": "line", "product": "测试药 8777001", "lot_number": "B1", "amount": "1"}
    shop.post(page, {**line, "expires_on": f"{date.today() + timedelta(days=400)}"})
    shop.post(page, {"action": "scan", "code": codes(1)[0]})
    for kind in ("drug_test_report", "delivery_note"):
        form = {"action": "paper-0", "paper-0-kind": kind, "paper-0-number": "N1"}
        assert shop.post(f"{page}/check", form).status_code == 303
    assert shop.get(f"{page}/check").text.count('class="there"') == 2


def test_an_unknown_prefix_is_named_on_the_page(demo: Demo, shop: Browser) -> None:
    a_drug(demo)
    page = begun(demo, shop)
    asked = shop.post(page, {"action": "scan", "code": "87770990000000000001"})
    assert "8777099" in asked.text
    wrong = shop.post(page, {"action": "name", "identifier": "8777099", "product": "没有这个药"})
    assert wrong.status_code == 422
    named = shop.post(page, {"action": "name", "identifier": "8777099", "product": "测试药 8777001"})
    assert (named.status_code, 'value="8777099"' in named.text) == (200, False)


def test_a_drug_that_was_not_in_the_file_is_entered_and_its_codes_are_taken_over(demo: Demo, shop: Browser) -> None:
    page = begun(demo, shop)
    scanned = codes(3, "8777098")
    asked = shop.post(page, {"action": "scan", "codes": "\n".join(scanned)})
    assert f'href="/drugs/new?code={scanned[0]}"' in asked.text
    assert shop.post("/drugs/new", {"code": scanned[0], "name": "新来的药", "prescription": "otc_b"}).status_code == 303
    assert 'value="fall"' in shop.get(page).text
    assert shop.get(page + "/check").text.count(f'href="{page}"') == 2  # the way back, told on top as well
    taken = shop.post(page, {"action": "fall"})
    assert ("新来的药" in taken.text, 'value="fall"' in taken.text) == (True, False)


def test_an_order_is_placed_accepted_against_and_taken_back(demo: Demo, shop: Browser) -> None:
    a_drug(demo)
    form = {"supplier": supplier_of(demo), "lines-0-product": "测试药 8777001", "lines-0-amount": "5", "number": "CG-9"}
    assert shop.post("/orders", form).status_code == 303
    again = shop.post("/orders", form)
    assert (again.status_code, "CG-9" in problem_of(again)) == (409, True)
    (order,) = demo.get("/orders?state=open", PHARMACIST).json["orders"]
    answer = shop.post("/acceptance", {"order": order["id"]})
    assert answer.status_code == 303
    assert "CG-9" in shop.get(answer.location).text
    assert shop.post(answer.location, {"action": "cancel"}).location == "/acceptance"
    assert shop.post(f"/orders/{order['id']}/cancellation", {}).status_code == 303
    assert demo.get(f"/orders/{order['id']}", PHARMACIST).json["state"] == "cancelled"


def test_a_whole_delivery_is_accepted_in_one_request(demo: Demo) -> None:
    drug = a_drug(demo)
    line = {"product": drug, "lot_number": "B1", "expires_on": f"{date.today() + timedelta(days=400)}", "amount": 40}
    body = {
        "supplier": {"name": "药商", "address": "沙坡头区", "contact": "1"},
        "delivery_note": "KD-8",
        "lines": [{**line, "decision": "hold", "reason": "x"}],
        "codes": codes(40),
    }
    done = demo.post("/acceptances/whole", body, PHARMACIST)
    assert (done.status_code, done.json["lines"]) == (201, 1), done.json
    record = demo.get(f"/acceptances/{done.json['id']}/record", PHARMACIST).json
    assert (record["record"]["lines"][0]["amount"], record["state"]) == (40, "done")
    assert len(demo.get(f"/acceptances/{done.json['id']}/lines/0/codes", PHARMACIST).json["codes"]) == 40
    unknown = demo.post(
        "/acceptances/whole", {**body, "delivery_note": "KD-9", "codes": codes(2, "8777098")}, PHARMACIST
    )
    assert (unknown.status_code, unknown.json["unknown"]) == (409, ["8777098"])
