"""A certificate issued with a finger on a phone: goods, bases, signature, and the label off the printer reads back."""

from collections.abc import Callable

from playwright.sync_api import Page

from scanners import read_file
from tests.browser.conftest import PHONE, Site, fits, press


def test_a_certificate_is_signed_on_the_phone_and_its_label_scanned(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    page = visit("wholesale", width=PHONE)
    page.goto("/certificates/issue")
    page.click(".door:has-text('精选番茄')")
    page.click("label.choice:has-text('自行检测合格')")
    pad = page.locator("canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 80, steps=5)
    page.mouse.up()
    assert fits(page)
    press(page, "button.main")
    assert "/certificates/issued/" in page.url, page.locator("[role=alert]").all_inner_texts()
    assert page.locator("img.signature").count() == 1
    keep_picture(page, "commitment-390")
    made = page.url.rpartition("/")[2]
    page.click("a[href$='/label']")
    page.wait_for_selector(".commitment")
    printed = read_file(page.pdf(prefer_css_page_size=True), seconds=5)
    assert len(printed) == 1
    assert abs(printed[0].width / printed[0].height - 60 / 40) < 0.02
    assert [reading.text for reading in printed[0].readings] == [f"{site.address}/c/{made}"]
