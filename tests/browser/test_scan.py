"""The page where one drops a photo: outlines and rows, at the desk and on the phone."""

import base64
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, fits
from tests.scanners.drawing import file_of, symbol

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type: "image/jpeg" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


def delivery() -> bytes:
    """A photo of three packs: a case's number above its lot and date, a drug's trace code, a number of another."""
    paper = Image.new("L", (1400, 1000), 230)
    paper.paste(symbol("6901234567892", "EAN13", scale=3), (80, 80))
    paper.paste(symbol("(10)A1(17)270131", "Code128", scale=3, gs1=True), (80, 260))
    paper.paste(symbol("83857930000879766660", "Code128", scale=3), (760, 560))
    paper.paste(symbol("6901028075763", "EAN13", scale=3), (80, 800))
    return file_of(paper)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_dropped_photo_shows_each_code_outlined_and_in_the_list(
    visit: Callable[..., Page], keep_picture: Callable[..., None], width: int
) -> None:
    page = visit("station", width=width)
    page.goto("/scan")
    assert fits(page)
    page.evaluate(DROP, ["delivery.jpg", base64.b64encode(delivery()).decode()])
    page.wait_for_url("**/scan/*")
    expect(page.locator(".mark polygon")).to_have_count(4)
    expect(page.locator(".boxes li")).to_have_count(3)
    expect(page.locator(".boxes li").first).to_contain_text("A1")
    expect(page.locator(".boxes li").first).to_contain_text("6901234567892")
    assert fits(page)
    keep_picture(page, f"scan-{width}")
    page.click("#mark-3 text")
    expect(page.locator("#code-3")).to_have_class(re.compile("chosen"))
    expect(page.locator("#code-3")).to_be_in_viewport()
    page.click("#code-1 .badge")
    expect(page.locator("#mark-1")).to_have_class(re.compile("chosen"))
    expect(page.locator("#mark-3")).not_to_have_class(re.compile("chosen"))
    page.click("a.main")
    page.wait_for_url("**/station/receive?**")
    expect(page.locator("section.line")).to_have_count(3)
