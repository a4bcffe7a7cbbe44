"""The pharmacy: log a batch from a photo, dispense a box, and no box twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, Site, fits, receive
from trace.domain.rules.book import shipped

NEVER_LOGGED = tuple(f"8150231006400000{n:04d}" for n in (249, 250, 251))
MAKER, PHARMACY = "宁夏六盘清源制药有限公司", "沙枣花大药房文昌店"


def drug_code_in(shared: Path) -> tuple[Path, str]:
    """A photo of a drug's trace code and the code, from the manifest."""
    import csv

    folder = shared / "barcodes"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if "drug128_clean1" in row["file"]:
                return folder / row["file"], row["text"]
    raise AssertionError("the manifest has no clean photo of a drug's trace code")


def make_and_send(site: Site, code: str) -> None:
    """The maker makes two boxes, one with this code, files their papers, and sends them to the pharmacy."""
    other = code[:-1] + str((int(code[-1]) + 1) % 10)
    day = datetime.now(UTC).date()
    product = {
        "name": "测试感冒灵颗粒", "category": "drug", "unit": "EA", "code": code[:7],
        "approval_no": "国药准字Z64020009", "prescription": "otc_b",
    }  # fmt: skip
    batch = {
        "product": site.call(MAKER, "/products", product)["id"], "number": "B2611", "amount": 2, "codes": [code, other],
        "produced_on": (day - timedelta(days=30)).isoformat(), "expires_on": (day + timedelta(days=600)).isoformat(),
    }  # fmt: skip
    (lot,) = site.call(MAKER, "/hops/commission", {"batch": batch})["lots"]
    for kind in ("drug_test_report", "delivery_note"):
        paper = {
            "kind": kind,
            "lots": [lot],
            "issuer": MAKER,
            "number": kind,
            "issued_on": (day - timedelta(days=20)).isoformat(),
        }
        site.call(MAKER, "/certificates", paper)
    # Before the first delivery of a drug it is looked at (首营品种, GSP); its maker has delivered here before.
    (items,) = [entry.value for entry in shipped().written if entry.name == "first_product.items"]
    site.call(PHARMACY, f"/drugs/{batch['product']}/check", {"seen": items})
    goods = {"receiver": site.id_of(PHARMACY), "goods": [{"code": code}, {"code": other}], "delivery_note": "KD-9"}
    site.call(MAKER, "/hops/ship", goods)


def test_a_batch_is_logged_from_a_photo_dispensed_once_and_refused_the_second_time(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None], shared: Path
) -> None:
    photo, code = drug_code_in(shared)
    make_and_send(site, code)
    page = visit("pharmacist", width=PHONE)
    page.goto("/station")
    page.set_input_files("input[name=photo]", photo)
    page.wait_for_url("**/station/receive?**")
    line = page.locator("section.line")
    expect(line.locator("h2")).to_contain_text("测试感冒灵颗粒")
    expect(line).to_contain_text("B2611")
    expect(line.locator(".papers .there")).to_have_count(2)
    receive(page)
    expect(page.locator(".verdict.accept")).to_have_count(1)

    page.goto("/pharmacy")
    page.fill("[name=codes]", code)
    page.click("button[value=dispense]")
    expect(page.locator(".done")).to_contain_text(code)
    assert fits(page)
    keep_picture(page, "pharmacy-dispensed-390")

    page.fill("[name=codes]", code)
    page.click("button[value=dispense]")
    expect(page.locator("[role=alert]")).to_contain_text(code)
    expect(page.locator(".done")).to_have_count(0)
    expect(page.locator("[name=codes]")).to_have_value(code)
    keep_picture(page, "pharmacy-refused-390")

    page.click("button[value=take_back]")
    expect(page.locator(".done")).to_contain_text(code)


def test_a_hand_scanner_is_told_of_each_box_and_a_box_sold_in_parts_is_on_the_receipt(
    visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    page = visit("pharmacist", width=PHONE)
    page.goto("/pharmacy")
    for n, code in enumerate(("89001030065000000010", "81502310064000000000"), 1):
        page.focus("[name=codes]")
        page.keyboard.type(code)
        page.keyboard.press("Enter")  # as the scanner does: nothing else is touched
        expect(page.locator(".rows .verdict").filter(has_text="销售" if n == 1 else "已售")).to_have_count(1)
        expect(page.locator("[name=codes]")).to_be_focused()
    assert fits(page)
    keep_picture(page, "pharmacy-scanned-390")
    page.fill("[name=codes]", "89001030065000000010")
    page.keyboard.press("Enter")
    expect(page.locator("[name=units]")).to_have_count(1)
    page.fill("[name=units]", "20")
    page.click("button[value=dispense]")
    page.locator(".done a").last.click()
    expect(page.locator("main")).to_contain_text("89001030065000000010")
    expect(page.locator("main")).to_contain_text("20 片")
    assert fits(page)
    keep_picture(page, "pharmacy-receipt-390")


def test_a_code_that_was_never_logged_is_refused(visit: Callable[..., Page]) -> None:
    page = visit("pharmacist2")
    page.fill("[name=codes]", "81502310064000000249")
    page.click("button[value=dispense]")
    expect(page.locator("[role=alert]")).to_contain_text("81502310064000000249")


def test_a_code_sold_in_two_shops_is_an_alert_in_both_and_at_the_inspectors(visit: Callable[..., Page]) -> None:
    for who in ("pharmacist", "pharmacist2", "inspector"):
        page = visit(who)
        expect(page.locator(".alarm")).to_contain_text("81502310064000000000")


def scan(page: Page, *codes: str) -> None:
    """As a hand scanner types: code, Enter, code, Enter, and waits for nobody."""
    for code in codes:
        page.keyboard.type(code)
        page.keyboard.press("Enter")


def test_what_is_scanned_while_a_sale_is_on_its_way_is_the_next_basket(visit: Callable[..., Page]) -> None:
    page = visit("pharmacist2", width=PHONE)
    page.fill("[name=codes]", NEVER_LOGGED[0])
    held: list[Route] = []
    page.route("**/pharmacy", lambda route: held.append(route) if not held else route.continue_())
    with page.expect_request("**/pharmacy"):
        page.click("button[value=take_back]")
    scan(page, NEVER_LOGGED[1])
    page.keyboard.type(NEVER_LOGGED[2][:9])
    held[0].continue_()
    expect(page.locator("[role=alert]")).to_contain_text(NEVER_LOGGED[0])
    page.keyboard.type(NEVER_LOGGED[2][9:])
    page.keyboard.press("Enter")
    expect(page.locator(".rows .verdict")).to_have_count(3)
    assert page.input_value("[name=codes]").split() == list(NEVER_LOGGED)
