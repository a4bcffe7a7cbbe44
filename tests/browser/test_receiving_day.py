"""A supplier comes again: the delivery is received in taps; what differs is typed, each paper photographed once."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import DESK, PHONE, Site, fits, press, receive
from tests.scanners.drawing import file_of, on_paper, symbol

SHOP = "惠邻超市鼓楼店"
WHOLESALER = {"name": "四季鲜配送（试）", "address": "中卫市沙坡头区批发市场3号", "contact": "0955-7006666"}
PRODUCE = ("试西红柿", "试黄瓜", "试茄子", "试青椒", "试土豆", "试苹果", "试香梨")
PORK = ("试猪前腿", "试猪排骨", "试猪五花")


@dataclass
class Hand:
    """A person's hand on the page: every tap and every field typed is counted; typing needs a tap into the field."""

    page: Page
    taps: int = 0
    typed: int = 0

    def tap(self, target: str) -> None:
        """One tap, on something large enough for a wet thumb."""
        box = self.page.locator(target).first.bounding_box()
        assert box is not None and box["height"] >= 44, (target, box)
        self.taps += 1
        self.page.click(target)
        self.page.wait_for_selector("form.busy", state="detached")

    def write(self, field: str, text: str) -> None:
        """One tap into a field, which selects what is in it, and one text typed over it."""
        self.taps += 1
        self.typed += 1
        self.page.click(field)
        self.page.keyboard.type(text)

    def photograph(self, picture: Path) -> None:
        """One tap: the camera opens, the picture is sent."""
        self.taps += 1
        sheets = self.page.locator(".sheet").count()
        self.page.set_input_files("input[name=sheet-photo]", picture)
        self.page.wait_for_selector("form.busy", state="detached")
        assert self.page.locator(".sheet").count() == sheets + 1


def paper(folder: Path, name: str, number: str = "") -> Path:
    """The photo of a paper; with its number as a barcode where there is one."""
    drawn = on_paper(symbol(number or name, "Code128" if number else "QRCode"), size=(420, 300))
    (folder / f"{name}.jpg").write_bytes(file_of(drawn))
    return folder / f"{name}.jpg"


def delivered_before(site: Site) -> dict[str, str]:
    """What the wholesaler brought last time: ten products, seven of produce and three of pork: {name: public id}."""
    ids: dict[str, str] = {}
    for name, category in [*((n, "vegetable") for n in PRODUCE), *((n, "pork") for n in PORK)]:
        body: dict[str, Any] = {"name": name, "category": category, "unit": "KGM"}
        if name == PORK[0]:
            body |= {"celsius_low": 0, "celsius_high": 4}
        ids[name] = site.call(SHOP, "/products", body)["id"]
    lines = [
        {"product": ids[name], "amount": 20 + n, "decision": "hold", "reason": "上次到货", "origin": "沙坡头区"}
        for n, name in enumerate(ids)
    ]
    site.call(SHOP, "/receipts", {"supplier": WHOLESALER, "lines": lines})
    return ids


@pytest.fixture(scope="module")
def products(site: Site) -> dict[str, str]:
    """The products of the wholesaler's last delivery."""
    return delivered_before(site)


def last_record(site: Site) -> dict[str, Any]:
    """The latest purchase inspection record of the shop."""
    return site.call(SHOP, f"/receipts/{site.call(SHOP, '/receipts?limit=1')['receipts'][0]['id']}")


def test_ten_lines_with_three_papers_of_a_known_supplier_take_a_few_taps(
    site: Site,
    products: dict[str, str],
    visit: Callable[..., Page],
    keep_picture: Callable[..., None],
    tmp_path: Path,
) -> None:
    page = visit("station", width=PHONE)
    expect(page.locator(".known a", has_text=WHOLESALER["name"])).to_be_visible()
    keep_picture(page, "receiving-station-390")
    hand = Hand(page)
    hand.tap(f".known a:has-text('{WHOLESALER['name']}')")
    expect(page.locator("section.line")).to_have_count(10)
    expect(page.locator("[name=lines-0-amount]")).to_have_value("20")
    expect(page.locator("input[value=hold]:checked")).to_have_count(10)  # no paper yet
    hand.tap("button[value=made-all-1]")
    for line, amount in ((0, "25.5"), (3, "18"), (6, "30"), (8, "42.3")):
        hand.write(f"[name=lines-{line}-amount]", amount)
    hand.write("[name=lines-7-celsius]", "2.5")
    hand.photograph(paper(tmp_path, "hgz"))
    hand.write("[name=sheet-0-number]", "HGZ-2026-118")
    hand.photograph(paper(tmp_path, "quarantine"))
    hand.write("[name=sheet-1-number]", "6400123456")
    hand.photograph(paper(tmp_path, "meat", number="RP64000987"))
    expect(page.locator("[name=sheet-2-number]")).to_have_value("RP64000987")
    expect(page.locator("[name^=sheet-][type=radio]:checked")).to_have_count(3)
    expect(page.locator("input[value=accept]:checked")).to_have_count(10)
    assert fits(page)
    keep_picture(page, "receiving-form-390")
    hand.tap("button[value=receive]")
    assert "/station/receipts/" in page.url, page.locator("[role=alert]").all_inner_texts()
    assert hand.taps <= 40
    assert hand.typed <= 12
    print(f"taps: {hand.taps}, fields typed: {hand.typed}")
    keep_picture(page, "receiving-record-390")
    assert fits(page)
    lines = last_record(site)["lines"]
    assert [line["decision"] for line in lines] == ["accept"] * 10
    assert sum(Decimal(str(line["amount"])) for line in lines) == sum(range(20, 30)) + Decimal("5.5") - 5 + 4 + Decimal(
        "14.3"
    )
    kinds = [sorted(one["kind"] for one in line["papers"]) for line in lines]
    assert kinds == [["commitment_certificate"]] * 7 + [["meat_inspection_certificate", "quarantine_certificate"]] * 3
    numbers = {one["number"] for line in lines for one in line["papers"]}
    assert numbers == {"HGZ-2026-118", "6400123456", "RP64000987"}
    assert len({one["id"] for line in lines for one in line["papers"]}) == 3  # filed once each
    page.set_viewport_size({"width": DESK, "height": 844})
    keep_picture(page, "receiving-record-1280")


def test_what_is_made_no_more_is_not_proposed_again_and_a_lost_network_loses_nothing(
    site: Site, products: dict[str, str], visit: Callable[..., Page], keep_picture: Callable[..., None], tmp_path: Path
) -> None:
    site.call(SHOP, f"/products/{products[PRODUCE[6]]}/discontinued", {"on": "2026-01-01"}, method="PUT")
    page = visit("station", width=PHONE)
    page.click(f".known a:has-text('{WHOLESALER['name']}')")
    expect(page.locator("section.line")).to_have_count(9)
    expect(page.locator(".advice")).to_contain_text(PRODUCE[6])
    page.fill("[name=lines-1-amount]", "7.25")
    page.context.set_offline(True)
    page.set_input_files("input[name=sheet-photo]", paper(tmp_path, "offline"))
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("[name=lines-1-amount]")).to_have_value("7.25")
    page.context.set_offline(False)
    press(page, "button[value=receive]")  # the photo goes first, and nobody receives what they have not seen
    expect(page.locator(".sheet")).to_have_count(1)
    expect(page.locator("[name=lines-1-amount]")).to_have_value("7.25")
    press(page, "button[value=remove-8]")
    expect(page.locator("section.line")).to_have_count(8)
    page.set_viewport_size({"width": DESK, "height": 844})
    keep_picture(page, "receiving-form-1280")


def test_names_and_codes_come_into_one_field_without_a_question_each(
    products: dict[str, str], visit: Callable[..., Page]
) -> None:
    page = visit("station", width=PHONE)
    page.goto("/station/receive")
    page.fill("[name=more]", PRODUCE[0])
    page.press("[name=more]", "Enter")
    expect(page.locator("section.line h2", has_text=PRODUCE[0])).to_have_count(1)
    expect(page.locator("[name=more]")).to_be_focused()
    page.keyboard.type("试猪")
    page.keyboard.press("Enter")
    expect(page.locator("button[value^=take-]")).to_have_count(3)
    press(page, "button[value^=take-] >> nth=0")
    expect(page.locator("section.line h2", has_text="试猪")).to_have_count(1)
    page.fill("[name=more]", PRODUCE[0])
    page.press("[name=more]", "Enter")  # again: it stands there already
    expect(page.locator("section.line h2", has_text=PRODUCE[0])).to_have_count(1)


def begin_with(site: Site, visit: Callable[..., Page], product: dict[str, Any]) -> Page:
    """The receiving page, on which a new supplier and a product of the shop are named."""
    site.call(SHOP, "/products", product)
    page = visit("station", width=PHONE)
    page.goto("/station/receive")
    page.select_option("[name=supplier-id]", "other")
    page.wait_for_selector("[name=supplier-name]")
    for name, text in WHOLESALER.items():
        page.fill(f"[name=supplier-{name}]", text)
    page.fill("[name=lines-0-new_name]", product["name"])
    return page


def test_what_came_too_warm_is_accepted_by_two_people_on_one_screen(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    chilled = {"name": "试冷藏豆芽", "category": "vegetable", "unit": "KGM", "celsius_low": 0, "celsius_high": 4}
    page = begin_with(site, visit, chilled)
    page.fill("[name=lines-0-amount]", "12")
    page.press("[name=lines-0-amount]", "Enter")
    page.fill("[name=lines-0-celsius]", "9")
    page.press("[name=lines-0-celsius]", "Enter")
    expect(page.locator(".decide")).to_contain_text("两人")
    page.check("input[value=accept]")
    page.fill("[name=override-sign_in]", "manager")
    page.fill("[name=override-password]", "not the password")
    page.fill("[name=lines-0-reason]", "途中开门，表面温度，抽查正常")
    press(page, "button[value=receive]")
    expect(page.locator("[role=alert]")).to_contain_text("密码不正确")
    assert "not the password" not in page.content()
    page.fill("[name=override-password]", site.password)
    keep_picture(page, "receiving-two-people-390")
    receive(page)
    expect(page.locator("main")).to_contain_text("抽查正常")
    line = last_record(site)["lines"][0]
    assert (line["decision"], line["override_reason"]) == ("accept", "途中开门，表面温度，抽查正常")
    assert line["overridden_by"]


def test_what_is_typed_while_a_look_is_under_way_is_kept_and_looked_at(site: Site, visit: Callable[..., Page]) -> None:
    chilled = {"name": "试冰鲜虾", "category": "vegetable", "unit": "KGM", "celsius_low": 0, "celsius_high": 4}
    page = begin_with(site, visit, chilled)
    page.focus("[name=lines-0-amount]")
    page.wait_for_selector("[name=lines-0-celsius]")
    page.fill("[name=lines-0-amount]", "12")
    held: list[Route] = []
    page.route("**/station/receive", lambda route: held.append(route) if not held else route.continue_())
    page.focus("[name=lines-0-amount]")
    with page.expect_request("**/station/receive"):
        page.evaluate(
            "(form => form.requestSubmit(form.querySelector('[value=look]')))(document.querySelector('[data-look]'))"
        )
    page.fill("[name=lines-0-celsius]", "9")  # typed while the answer to the first Enter is on its way
    held[0].continue_()
    expect(page.locator(".decide")).to_contain_text("两人")
    expect(page.locator("[name=lines-0-celsius]")).to_have_value("9")
