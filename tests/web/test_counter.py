"""The counter: what a person scans or types, one a line, as it is meant."""

import re
from decimal import Decimal

import pytest

from tests.web.conftest import Demo
from trace.services.till_lines import Sold
from trace.web.site.counter import _sold

LOT = "https://id.gs1.org/01/09520701000020/10/BX20261126"


@pytest.mark.parametrize(
    ("line", "code", "amount"),
    [
        ("6901028075763", "6901028075763", None),
        ("12345 1.5", "12345", "1.5"),
        ("12345*1.5", "12345", "1.5"),
        ("12345 × 1.5", "12345", "1.5"),
        (LOT, LOT, None),
        (f"{LOT} 2", LOT, "2"),
        ("010952070100002010L1\x1d2177", "010952070100002010L1\x1d2177", None),
        ("(01)09520701000020(10)A*2", "(01)09520701000020(10)A*2", None),
    ],
)  # fmt: skip
def test_a_line_is_a_code_and_a_quantity_where_one_is_typed_behind_it(line: str, code: str, amount: str | None) -> None:
    assert _sold(line) == Sold(code=code, amount=None if amount is None else Decimal(amount))


def test_what_was_sold_a_moment_ago_is_undone_by_one_tap(standing: Demo) -> None:
    desk = standing.browser("station")
    lot = next(row["lot"] for row in standing.get("/stock").json["stock"] if row["on_hand"] > 1)
    before = standing.get("/stock").json["stock"]
    sold = desk.post("/counter", {"codes": f"{lot} 1"})
    assert sold.status_code == 200
    events = re.findall(r'name="event" value="([^"]+)"', sold.text)
    assert standing.get("/stock").json["stock"] != before
    assert desk.post("/station/stock/undo", {"event": events}).status_code == 303
    assert standing.get("/stock").json["stock"] == before
