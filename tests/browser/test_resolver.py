"""A GS1 Digital Link on a label, opened by a phone's camera and at a desk: the public page, and the way to it stays."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Site, fits

GS1 = "https://id.gs1.org"
SHOP = "惠邻超市鼓楼店"


def a_lot(site: Site) -> tuple[str, str]:
    """(the address of a lot under a GTIN that the shop has, the lot's number)."""
    lots = [row for row in site.call(SHOP, "/stock")["stock"] if row["lot"].startswith(f"{GS1}/01/")]
    return lots[0]["lot"].removeprefix(GS1), lots[0]["lot_number"]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_label_opens_the_public_page(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None], width: int
) -> None:
    address, number = a_lot(site)
    page = visit(None, width=width)
    answer = page.goto(f"{address}/21/PACK-7?17=271231")
    assert answer is not None
    assert answer.status == 200
    assert page.url == f"{site.address}/t{address}?17=271231"
    expect(page.locator("main")).to_contain_text(number)
    expect(page.locator("main")).not_to_contain_text(SHOP)
    assert fits(page)
    keep_picture(page, f"digital-link-{width}")


def test_a_misread_label_is_a_page_with_a_sentence_and_a_way_back(
    visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    page = visit(None, width=PHONE)
    answer = page.goto("/01/06901234567893/10/A1")
    assert answer is not None
    assert answer.status == 400
    expect(page.locator(".refusal")).to_contain_text("06901234567893")
    assert fits(page)
    keep_picture(page, "digital-link-misread-390")
    page.click("main a")
    expect(page.locator("form[role=search]")).to_be_visible()


def test_a_browser_shows_the_set_of_links_as_text(site: Site, visit: Callable[..., Page]) -> None:
    address, _ = a_lot(site)
    page = visit(None)
    answer = page.goto(f"{address}?linkType=linkset")
    assert answer is not None
    assert answer.status == 200
    expect(page.locator("body")).to_contain_text("https://ref.gs1.org/voc/traceability")
