"""The inspector: one look-up, back to the field and forward to every shelf, and it is written down."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, fits

MIXED = re.compile(r"^JX\d{8}$")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_lot_is_traced_to_both_fields_and_every_shelf_and_the_look_up_is_written_down(
    visit: Callable[..., Page], keep_picture: Callable[..., None], width: int
) -> None:
    clerk = visit("station")
    clerk.goto("/station/stock")
    number = (
        clerk.locator("details.row", has_text="冷鲜猪后腿肉").first.locator("summary .quiet").first.inner_text().strip()
    )
    page = visit("inspector", width=width)
    page.fill("[name=code]", number)
    page.fill("[name=reason]", f"监督检查 {width}")
    page.click("form[role=search] button")
    page.click(f"main a:has-text('{number}')")
    page.wait_for_url("**/inspector/trace?**")
    flow = page.locator("svg.flow")
    for name in ("沙坡头区沙柳湾生猪养殖场", "海原县白崖山黑猪养殖场", "惠邻超市鼓楼店", "沙都生活超市应理店"):
        expect(flow.locator(f".box:has-text('{name[:8]}')").first).to_be_attached()
        expect(page.locator("main")).to_contain_text(name)
    assert fits(page)
    keep_picture(page, f"inspector-trace-{width}")
    log = visit("auditor")
    expect(log.locator("table")).to_contain_text(f"监督检查 {width}")


def test_nothing_found_is_said_and_hints_at_nothing(visit: Callable[..., Page]) -> None:
    page = visit("inspector")
    page.fill("[name=code]", "NO-SUCH-LOT")
    page.click("form[role=search] button")
    expect(page.locator("main")).to_contain_text("NO-SUCH-LOT")
    expect(page.locator("main .rows")).to_have_count(0)


def test_a_photo_of_a_label_is_looked_up(visit: Callable[..., Page], shared: Path) -> None:
    page = visit("inspector", width=PHONE)
    page.set_input_files("input[name=photo]", shared / "barcodes" / "images" / "off__8697431460361_1.jpg")
    page.wait_for_url("**/inspector/trace?**")
    expect(page.locator("main")).to_contain_text("8697431460361")
