"""Acceptance in the browser: one photo of many boxes, each falls to its line, and the delivery is signed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, Site, fits, press
from tests.browser.test_pharmacy import PHARMACY, scan
from tests.scanners.drawing import symbol

IDENTIFIER = "8712611"
CODES = [f"{IDENTIFIER}{n:013d}" for n in range(12)]
DRUG = "测试验收胶囊"


def boxes(folder: Path) -> Path:
    """A photo of twelve boxes in four rows, each with its trace code."""
    width, height = 520, 200
    table = Image.new("L", (3 * width, 4 * height), 190)
    for number, code in enumerate(CODES):
        box = Image.new("L", (width - 40, height - 40), 250)
        bars = symbol(code, "Code128", scale=2)
        box.paste(bars, ((box.width - bars.width) // 2, (box.height - bars.height) // 2))
        table.paste(box, (number % 3 * width + 20, number // 3 * height + 20))
    table.save(folder / "boxes.jpg", quality=90)
    return folder / "boxes.jpg"


def prepare(site: Site, identifier: str = IDENTIFIER) -> str:
    """A drug of the file and an acceptance of twelve boxes of it: the acceptance's id."""
    drug = {"name": DRUG, "category": "drug", "unit": "EA", "code": identifier, "prescription": "otc_b"}
    line = {
        "product": site.call(PHARMACY, "/products", drug)["id"], "lot_number": "B2611", "amount": 12,
        "expires_on": (datetime.now(UTC).date() + timedelta(days=600)).isoformat(),
    }  # fmt: skip
    supplier = {"name": "中卫药材行（演示）", "address": "沙坡头区", "contact": "0955-7000188"}
    body = {"supplier": supplier, "delivery_note": f"KD-{identifier}", "lines": [line]}
    return str(site.call(PHARMACY, "/acceptances", body)["id"])


def test_a_delivery_is_accepted_by_one_photo_of_many_boxes(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None], tmp_path: Path
) -> None:
    opened = prepare(site)
    page = visit("pharmacist", width=PHONE)
    page.goto(f"/acceptance/{opened}")
    page.set_input_files("input[name=photo]", boxes(tmp_path))
    page.wait_for_selector(".done")  # reading twelve boxes may take its seconds on a busy machine
    expect(page.locator(".done")).to_contain_text("12")
    expect(page.locator(".scan polygon")).to_have_count(12)
    expect(page.locator(".rows .amount").first).to_contain_text("12 / 12")
    assert fits(page)
    keep_picture(page, "acceptance-scanned-390")

    page.fill("[name=code]", CODES[0])  # the same box again is no error
    page.press("[name=code]", "Enter")
    expect(page.locator(".scan")).to_have_count(0)
    expect(page.locator(".rows .amount").first).to_contain_text("12 / 12")

    page.click(".dock a.main")
    page.wait_for_selector("section.line")
    expect(page.locator("[name=lines-0-lot_number]")).to_have_value("B2611")
    page.locator("[name=lines-0-decision][value=hold]").check()
    assert fits(page)
    keep_picture(page, "acceptance-check-390")
    press(page, "button[value=accept]")
    assert "/station/receipts/" in page.url, page.locator("[role=alert]").all_inner_texts()
    record = site.call(PHARMACY, f"/acceptances/{opened}/record")
    assert (record["record"]["lines"][0]["amount"], record["lines"][0]["scanned"]) == (12, 12)


def test_boxes_scanned_while_one_is_on_its_way_are_all_taken_over(site: Site, visit: Callable[..., Page]) -> None:
    identifier = "8712612"
    codes = [f"{identifier}{n:013d}" for n in range(4)]
    opened = prepare(site, identifier)
    page = visit("pharmacist", width=PHONE)
    page.goto(f"/acceptance/{opened}")
    page.focus("[name=code]")
    held: list[Route] = []
    page.route(f"**/acceptance/{opened}", lambda route: held.append(route) if not held else route.continue_())
    with page.expect_request(f"**/acceptance/{opened}"):
        scan(page, codes[0])
    scan(page, *codes[1:3])
    page.keyboard.type(codes[3][:9])
    held[0].abort()  # the network is gone: nothing is lost
    expect(page.locator("form .problem")).to_contain_text(codes[2])
    expect(page.locator("[name=code]")).to_have_value(codes[3][:9])
    page.keyboard.type(codes[3][9:])
    page.keyboard.press("Enter")
    expect(page.locator(".rows .amount").first).to_contain_text("4 / 12")
    expect(page.locator("[name=code]")).to_be_focused()
