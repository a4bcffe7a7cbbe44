"""The story of a single pack is the pack's own: what became of other packs of its lot is no part of it."""

import pytest

from tests.web.conftest import Demo

SOLD_LAST = "81502310064000000003"


@pytest.mark.parametrize("role", ["inspector", "pharmacist"])
def test_a_sold_packs_history_tells_no_sale_of_its_siblings(standing: Demo, role: str) -> None:
    found = standing.get(f"/trace?code={SOLD_LAST}", role).json
    steps = [entry["step"] for entry in found["timeline"]]
    assert steps.count("dispensing") == 1
    assert steps[-1] == "dispensing"
    assert {"commissioning", "packing", "unpacking"} <= set(steps)
    assert all(entry["relation"] == "own" for entry in found["timeline"])


def test_the_public_page_of_a_sold_pack_tells_one_sale(standing: Demo) -> None:
    assert standing.browser().get(f"/t/{SOLD_LAST}").text.count("<strong>售药</strong>") == 1


def test_the_lots_history_tells_the_sales_of_all_its_packs(standing: Demo) -> None:
    lot = standing.get(f"/trace?code={SOLD_LAST}", "inspector").json["thing"]["lot"]
    found = standing.get("/trace", "inspector", query_string={"code": lot}).json
    assert [entry["step"] for entry in found["timeline"]].count("dispensing") > 4
