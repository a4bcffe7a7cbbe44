"""Labels as they come out of the printer: each a page of the paper's size, its barcode at true size and readable."""

from collections.abc import Callable

from playwright.sync_api import Page

from scanners import read_file
from tests.browser.conftest import PHONE, Site, fits
from tests.browser.test_station import FARM


def test_labels_are_printed_a_page_each_and_scanned_off_the_paper(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    page = visit("wholesale", width=PHONE)
    page.goto("/station/stock")
    page.locator("details summary").first.click()
    page.locator("a[href*='/station/label']").first.click()
    lot = page.input_value("input[name=lot]")
    page.fill("input[name=copies]", "3")
    page.click("button:not([data-print]):has-text('显示')")
    assert fits(page)
    keep_picture(page, "labels-390")
    drawn = page.locator(".symbol svg").first
    millimetres = float(str(drawn.get_attribute("width")).removesuffix("mm"))
    assert abs(drawn.evaluate("each => each.getBoundingClientRect().width") / 96 * 25.4 - millimetres) < 0.02

    printed = read_file(page.pdf(prefer_css_page_size=True), seconds=5)
    assert len(printed) == 3
    assert all(abs(sheet.width / sheet.height - 60 / 40) < 0.02 for sheet in printed)
    told = [reading for sheet in printed for reading in sheet.readings]
    assert len({reading.text for reading in told}) == 1
    assert [(reading.symbology, reading.identifier) for reading in told] == [("DataMatrix", "]d2")] * 3
    found = site.call(FARM, f"/codes?text={told[0].text}")
    assert found["lot_uri"] == lot
