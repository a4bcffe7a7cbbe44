"""Holds, recalls and rapid tests on the pages: two taps from the stock, notices and clocks on top of the station."""

import re
from urllib.parse import quote

from tests.web.conftest import Demo


def stock_of(demo: Demo) -> list[str]:
    """The lots on hand at the clerk's shop."""
    return [row["lot"] for row in demo.get("/stock").json["stock"] if row["on_hand"] > 0]


def test_a_failed_test_is_recorded_from_the_stock_page_and_its_clock_stands_on_the_station(demo: Demo) -> None:
    lot, *_ = stock_of(demo)
    shop = demo.browser("station")
    assert f"/tests?lot={quote(lot, safe=':/')}" in shop.get("/station/stock").text
    form = {"lot": lot, "tested_for": "农药残留", "official": "yes", "client_key": "t1"}
    assert shop.post("/tests", form).status_code == 422  # neither passed nor failed
    done = shop.post("/tests", form | {"result": "failed"})
    assert done.status_code == 303
    held = shop.get(done.location).text
    assert "快检不合格：农药残留" in held
    assert 'value="lift"' not in held  # only the re-test lifts it
    assert "data-until" in shop.get("/station").text
    number = re.search(r"/tests/(\w+)/retest", shop.get("/tests").text)
    assert number
    assert shop.post(f"/tests/{number[1]}/retest", {"action": "ask"}).status_code == 303
    result = {"action": "result", "laboratory": "市质检所"}
    assert (
        shop.post(f"/tests/{number[1]}/retest", result | {"method": "rapid_test", "result": "passed"}).status_code
        == 422
    )
    assert (
        shop.post(f"/tests/{number[1]}/retest", result | {"method": "laboratory", "result": "passed"}).status_code
        == 303
    )
    assert "data-until" not in shop.get("/station").text


def test_an_inspectors_recall_is_answered_by_the_shop_and_closed(demo: Demo) -> None:
    lot = stock_of(demo)[-1]
    inspector, shop = demo.browser("inspector"), demo.browser("station")
    assert "recalls/new" in inspector.get(f"/inspector/trace?code={quote(lot, safe='')}").text
    form = {"lot": lot, "kind": "recall", "level": "1", "reason": "铅超标", "client_key": "r1"}
    assert inspector.post("/recalls/new", form | {"level": "9"}).status_code == 422
    one = inspector.post("/recalls/new", form).location
    assert one in shop.get("/station").text
    assert one in shop.get("/recalls").text
    notice = shop.get(f"{one}/notice.pdf")
    assert (notice.status_code, notice.data[:5]) == (200, b"%PDF-")
    assert inspector.post(one, {"action": "close", "reason": "全部退回"}).status_code == 409
    assert shop.post(one, {"action": "acknowledge", "answer": "已下架"}).status_code == 303
    assert one not in shop.get("/station").text
    assert "已下架" in inspector.get(one).text
    closing = {"action": "close", "reason": "全部退回", "unanswered": "其余单位已电话确认"}
    assert inspector.post(one, closing).status_code == 303
    assert 'value="lift"' not in inspector.get(one).text
    assert demo.post("/hops/sell", {"goods": [{"code": lot, "amount": 1}]}).status_code == 409


def test_what_is_no_lot_is_told_in_place(demo: Demo) -> None:
    shop = demo.browser("station")
    assert shop.get("/recalls/new?lot=hello").status_code == 200
    assert shop.post("/recalls/new", {"lot": "hello", "kind": "hold", "reason": "x"}).status_code == 422
    assert shop.get("/recalls/none").status_code == 404
    assert shop.post("/recalls/none", {"action": "lift", "reason": "x"}).status_code == 404
