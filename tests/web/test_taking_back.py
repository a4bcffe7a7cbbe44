"""Undo and correction over the API and on the pages."""

import re
from typing import Any

from tests.web.conftest import Demo

SUPPLIER = {"name": "某某行（演示）", "address": "中卫", "contact": "0955-7000000"}


def received(demo: Demo, number: str) -> dict[str, Any]:
    """A delivery of 10 of a new lot from somebody who is not on the system, held for want of papers."""
    products = demo.get("/products").json["products"]
    product = next(one["id"] for one in products if one["category"] == "vegetable")
    line = {"product": product, "lot_number": number, "amount": "10", "decision": "hold", "reason": "x"}
    answer = demo.post("/receipts", {"supplier": SUPPLIER, "lines": [line]})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def held(demo: Demo, number: str) -> list[tuple[Any, Any]]:
    rows = demo.get(f"/stock?text={number}").json["stock"]
    return [(row["held"], row["came"]) for row in rows]


def test_a_delivery_is_corrected_and_another_undone_over_the_api(demo: Demo) -> None:
    first, second = received(demo, "UNDO-1"), received(demo, "UNDO-2")
    path = f"/receipts/{first['id']}/lines/0/correction"
    corrected = demo.post(path, {"amount": "9", "reason": "misread"})
    assert corrected.status_code == 200, corrected.text
    assert corrected.json["changed"] == ["amount"]
    assert demo.post(path, {"amount": "9", "reason": "misread"}).status_code == 422
    assert held(demo, "UNDO-1") == [(9, 9)]
    (line,) = demo.get(f"/receipts/{first['id']}").json["lines"]
    assert [(one["old"], one["new"]) for one in line["corrections"]] == [("10", "9")]
    undone = demo.post(f"/receipts/{second['id']}/undo", {})
    assert undone.status_code == 200, undone.text
    assert held(demo, "UNDO-2") == []
    assert demo.get(f"/receipts/{second['id']}").json["undone_at"]


def test_what_was_just_held_is_undone_on_the_page(demo: Demo) -> None:
    clerk = demo.browser()
    clerk.sign_in("station")
    row = next(row for row in demo.get("/stock").json["stock"] if row["on_hand"] > 2 and row["category"] != "drug")
    moved = clerk.post("/station/stock", {"action": "hold", "lot": row["lot"], "amount": "1.5", "reason": "wet"})
    page = clerk.get(moved.location).text
    events = re.findall(r'name="event" value="([^"]+)"', page)
    assert 'data-seconds="10"' in page or 'data-seconds="9"' in page
    assert clerk.post("/station/stock/undo", {"event": events}).status_code == 303
    again = next(one for one in demo.get("/stock").json["stock"] if one["lot"] == row["lot"])
    assert (again["on_hand"], again["held"]) == (row["on_hand"], row["held"])
