"""The supermarket's main job: photograph what arrived, receive it, trace it back to the farm."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import DESK, PHONE, Site, fits, press, receive

FARM = "沙坡头区绿畦蔬菜专业合作社"
SHOP = "惠邻超市鼓楼店"
PHOTOS = {  # real photos of packs: file, the number on it
    DESK: ("off__3700821902909_1.jpg", "3700821902909"),
    PHONE: ("off__5021047102439_2.jpg", "5021047102439"),
}


def today(days_ago: int = 0) -> str:
    """A day as the API takes it."""
    return (datetime.now(UTC) - timedelta(days=days_ago, hours=12)).date().isoformat()


def grow_and_send(site: Site, code: str, name: str, *, with_paper: bool = True) -> str:
    """A co-operative harvests a lot of the product with this code and sends 18.5 kg to the shop: the lot."""
    product = site.call(FARM, "/products", {"name": name, "category": "vegetable", "unit": "KGM", "code": code})["id"]
    batch = {"product": product, "number": f"L{code[-4:]}", "amount": 60, "produced_on": today(1), "origin": "沙坡头区"}
    lot = site.call(FARM, "/hops/commission", {"batch": batch})["lots"][0]
    if with_paper:
        paper = {
            "lots": [lot], "product_name": name, "quantity": "60 kg", "origin": "宁夏中卫沙坡头区",
            "basis": ["control"], "statement_accepted": True,
        }  # fmt: skip
        site.call(FARM, "/commitment-certificates", paper)
    goods = {"receiver": site.id_of(SHOP), "goods": [{"code": lot, "amount": 18.5}], "delivery_note": "LQ-77"}
    site.call(FARM, "/hops/ship", goods)
    return str(lot)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_photographed_delivery_is_received_and_traced_to_the_farm(
    site: Site, visit: Callable[..., Page], keep_picture: Callable[..., None], shared: Path, width: int
) -> None:
    file, code = PHOTOS[width]
    grow_and_send(site, code, f"礼盒番茄 {width}")
    page = visit("station", width=width)
    keep_picture(page, f"station-{width}")
    page.set_input_files("input[name=photo]", shared / "barcodes" / "images" / file)  # sent at once
    page.wait_for_url("**/station/receive?**")
    expect(page.locator("figure.scan code")).to_have_text(code)
    line = page.locator("section.line")
    expect(line).to_have_count(1)
    expect(line.locator("h2")).to_contain_text(f"礼盒番茄 {width}")
    expect(page.locator("select[name=supplier-id] option:checked")).to_have_text(FARM)
    expect(line.locator("[name=lines-0-amount]")).to_have_value("18.5")
    expect(line.locator(".papers .there")).to_contain_text("承诺达标合格证")
    expect(line.locator("input[value=accept]")).to_be_checked()
    assert fits(page)
    keep_picture(page, f"receive-{width}")
    receive(page)
    expect(page.locator("main")).to_contain_text("18.5")
    expect(page.locator(".verdict")).to_have_class(re.compile("accept"))
    assert fits(page)
    keep_picture(page, f"receipt-{width}")
    page.click("section.line h2 a")
    page.wait_for_url("**/inspector/trace?**")
    expect(page.locator(".timeline")).to_contain_text(FARM)
    expect(page.locator("svg.flow .box .holder").first).to_contain_text(FARM[:8])
    expect(page.locator("svg.flow .box .holder").last).to_contain_text(SHOP[:8])
    assert fits(page)
    keep_picture(page, f"trace-{width}")


def test_everything_a_sender_announced_is_received_with_two_taps(visit: Callable[..., Page]) -> None:
    page = visit("station", width=PHONE)
    page.locator("a.button", has_text=re.compile(r"\(2\)")).first.click()
    expect(page.locator("section.line")).to_have_count(2)
    receive(page)
    expect(page.locator(".verdict.accept")).to_have_count(2)
    page.goto("/station")
    expect(page.locator("a.button", has_text=re.compile(r"\(2\)"))).to_have_count(0)


def test_a_missing_paper_holds_the_line_until_it_is_filed(site: Site, visit: Callable[..., Page]) -> None:
    grow_and_send(site, "6908702990019", "无证黄瓜", with_paper=False)
    page = visit("station")
    page.fill("[name=codes]", "6908702990019")
    page.click("form.capture .bar button")
    page.wait_for_url("**/station/receive?**")
    expect(page.locator(".papers .hold")).to_contain_text("承诺达标合格证")
    expect(page.locator("input[value=hold]")).to_be_checked()
    page.click("summary:has-text('证明')")
    page.fill("[name=paper-0-issuer]", FARM)
    page.fill("[name=paper-0-number]", "HGZ-1")
    page.click("button[value=paper-0]")
    expect(page.locator(".papers .there")).to_contain_text("承诺达标合格证")
    page.check("input[value=accept]")
    receive(page)
    expect(page.locator(".verdict.accept")).to_have_count(1)


def test_an_unknown_code_from_an_unknown_supplier_is_received_by_typing_what_nobody_knows(
    visit: Callable[..., Page],
) -> None:
    page = visit("station")
    page.fill("[name=codes]", "6901028075763")
    page.click("form.capture .bar button")
    page.select_option("[name=supplier-id]", "other")
    page.wait_for_selector("[name=supplier-name]")
    page.fill("[name=supplier-name]", "路边菜贩（测试）")
    page.fill("[name=supplier-address]", "中卫市沙坡头区")
    page.fill("[name=supplier-contact]", "0955-7009999")
    page.fill("[name=lines-0-new_name]", "散装土豆")
    page.fill("[name=lines-0-amount]", "25")
    press(page, "button[value=receive]")
    # Without a commitment certificate the shop has to decide: the refusal names the line's reason.
    expect(page.locator("[role=alert]")).to_be_visible()
    page.fill("[name=lines-0-reason]", "快检合格，先收")
    receive(page)
    expect(page.locator("main")).to_contain_text("散装土豆")
    expect(page.locator("main")).to_contain_text("路边菜贩")


def test_a_wrong_quantity_is_told_in_place_and_nothing_typed_is_lost(site: Site, visit: Callable[..., Page]) -> None:
    grow_and_send(site, "6908702990026", "多报辣椒")
    page = visit("station")
    page.fill("[name=codes]", "6908702990026")
    page.click("form.capture .bar button")
    page.fill("[name=lines-0-amount]", "1850")
    page.click("#more-0 summary")
    page.fill("[name=lines-0-price]", "3.2")
    page.fill("[name=delivery_note]", "LQ-77")
    press(page, "button[value=receive]")
    expect(page.locator("[role=alert]")).to_contain_text("1850")
    expect(page.locator("[name=lines-0-amount]")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name=lines-0-price]")).to_have_value("3.2")
    expect(page.locator("[name=delivery_note]")).to_have_value("LQ-77")


def test_the_enter_of_a_hand_scanner_never_receives(site: Site, visit: Callable[..., Page]) -> None:
    grow_and_send(site, "6908702990033", "回车茄子")
    page = visit("station")
    page.fill("[name=codes]", "6908702990033")
    page.click("form.capture .bar button")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.press("[name=lines-0-amount]", "Enter")
    expect(page.locator("button[value=receive]")).to_be_visible()
    assert "/station/receipts/" not in page.url


def test_what_is_no_photo_is_refused_with_a_sentence(visit: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no photo at all")
    page = visit("station", width=PHONE)
    page.fill("[name=codes]", "6908702990019")
    page.set_input_files("input[name=photo]", tmp_path / "a.jpg")
    expect(page.locator("form.capture [role=alert]")).to_contain_text("JPEG")
    expect(page.locator("[name=codes]")).to_have_value("6908702990019")


def test_stock_is_sold_held_and_released_and_too_much_is_refused(visit: Callable[..., Page]) -> None:
    page = visit("station", width=PHONE)
    page.goto("/station/stock")
    row = page.locator("details.row", has_text="精选番茄").first
    row.locator("summary").click()
    row.locator("[name=amount]").fill("1.5")
    press(page, "details[open] button[value=sell]")
    row = page.locator("details.row", has_text="精选番茄").first
    row.locator("summary").click()
    row.locator("[name=amount]").fill("99999")
    press(page, "details[open] button[value=sell]")
    expect(page.locator("[role=alert]")).to_contain_text("99999")
    row = page.locator("details.row", has_text="精选番茄").first
    row.locator("[name=amount]").fill("2")
    row.locator("[name=reason]").fill("抽检中")
    press(page, "details[open] button[value=hold]")
    expect(page.locator("details.row", has_text="精选番茄").first.locator(".verdict.hold")).to_be_visible()
    assert fits(page)


def test_a_printed_record_names_its_goods_and_what_was_decided(visit: Callable[..., Page]) -> None:
    page = visit("station")
    page.click("a[href*=receipts] >> nth=0")
    page.emulate_media(media="print")
    expect(page.locator("section.line h2").first).to_be_visible()
    expect(page.locator("section.line .verdict").first).to_be_visible()
    expect(page.locator("header.top")).to_be_hidden()


def test_without_a_network_nothing_typed_is_lost_and_pressing_again_receives_once(
    site: Site, visit: Callable[..., Page]
) -> None:
    grow_and_send(site, "6908702990040", "断网白菜")
    page = visit("station", width=PHONE)
    page.fill("[name=codes]", "6908702990040")
    page.click("form.capture .bar button")
    page.wait_for_url("**/station/receive?**")
    page.click("#more-0 summary")
    page.fill("[name=lines-0-price]", "2.4")
    page.context.set_offline(True)
    press(page, "button[value=receive]")
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("[name=lines-0-price]")).to_have_value("2.4")
    page.context.set_offline(False)
    receive(page)
    records = site.call(SHOP, "/receipts?limit=1")["receipts"]
    lines = site.call(SHOP, f"/receipts/{records[0]['id']}")["lines"]
    assert [(line["product"], line["price"]) for line in lines] == [("断网白菜", 2.4)]


def test_neither_a_proxys_page_nor_a_jump_within_the_page_loses_what_was_typed(
    site: Site, visit: Callable[..., Page]
) -> None:
    grow_and_send(site, "6908702990071", "网关黄瓜")
    page = visit("station")
    page.fill("[name=codes]", "6908702990071")
    page.click("form.capture .bar button")
    page.wait_for_url("**/station/receive?**")
    page.click("#more-0 summary")
    page.fill("[name=lines-0-price]", "3.2")
    page.evaluate("window.sameDocument = true")
    page.focus("a.skip")
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    page.route("**/station/receive", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    press(page, "button[value=receive]")
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("[name=lines-0-price]")).to_have_value("3.2")
    assert page.evaluate("window.sameDocument")
    page.unroute("**/station/receive")
    receive(page)


def test_going_back_from_the_record_or_after_adding_a_line_shows_a_page_not_a_fault(
    site: Site, visit: Callable[..., Page]
) -> None:
    grow_and_send(site, "6908702990057", "回退萝卜")
    page = visit("station")
    page.fill("[name=codes]", "6908702990057")
    page.click("form.capture .bar button")
    page.wait_for_url("**/station/receive?**")
    page.click("button[value=add]")
    expect(page.locator("section.line")).to_have_count(2)
    page.click("button[value=remove-1]")
    expect(page.locator("section.line")).to_have_count(1)
    receive(page)
    page.go_back()
    expect(page.locator("h1")).to_have_text("进货查验")
    page.go_back()
    expect(page.locator("form.capture")).to_be_visible()


def test_going_back_twice_before_the_first_page_is_ready_still_shows_the_page_of_the_address(
    site: Site, visit: Callable[..., Page]
) -> None:
    grow_and_send(site, "6908702990176", "快退青椒")
    page = visit("station")
    page.fill("[name=codes]", "6908702990176")
    page.click("form.capture .bar button")
    page.wait_for_url("**/station/receive?**")
    held: list[Route] = []
    gone_back = False
    page.route("**/site.js*", lambda route: route.continue_() if gone_back else held.append(route))
    page.reload(wait_until="commit")
    expect(page.locator("section.line")).to_have_count(1)  # read before the script came
    page.evaluate("history.back()")
    page.wait_for_url("**/station", wait_until="commit")
    gone_back = True
    for route in held:
        route.continue_()
    expect(page.locator("form.capture")).to_be_visible()


def test_signing_in_again_in_another_tab_saves_what_was_typed(site: Site, visit: Callable[..., Page]) -> None:
    grow_and_send(site, "6908702990064", "换人豆角")
    page = visit("station")
    page.fill("[name=codes]", "6908702990064")
    page.click("form.capture .bar button")
    page.wait_for_url("**/station/receive?**")
    page.click("#more-0 summary")
    page.fill("[name=lines-0-price]", "7")
    page.context.clear_cookies()
    press(page, "button[value=receive]")
    expect(page.locator("[role=alert]")).to_contain_text("登录")
    other = page.context.new_page()
    other.goto("/sign-in")
    other.fill("[name=sign_in]", "station")
    other.fill("[name=password]", site.password)
    other.click("main button")
    other.wait_for_url("**/station")
    press(page, "button[value=receive]")
    expect(page.locator("[role=alert]")).to_contain_text("再按一次")
    receive(page)
