"""The public page: Chinese first, English a click away, on a phone, and poorer than what the trade sees."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, fits

BOX = "81502310064000000004"


def test_a_box_of_medicine_tells_its_maker_and_no_shop(
    visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    page = visit(None, width=PHONE)
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.fill("[name=code]", BOX)
    page.click("form[role=search] button")
    page.wait_for_url("**/t/*")
    main = page.locator("main")
    expect(main).to_contain_text("宁夏六盘清源制药有限公司")
    for hidden in ("沙枣花大药房", "驼铃药店", "18.5", "KD-1101", ":00"):
        expect(main).not_to_contain_text(hidden)
    assert fits(page)
    keep_picture(page, "public-390")


def test_english_is_a_click_away_and_stays(visit: Callable[..., Page]) -> None:
    page = visit(None)
    page.goto("/sign-in")
    page.click("text=English")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.goto("/")
    expect(page.locator("h1")).to_have_text("Where does it come from?")
    page.click("text=中文")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_an_unknown_code_is_a_page_with_a_way_back(visit: Callable[..., Page]) -> None:
    page = visit(None, width=PHONE)
    answer = page.goto("/t/81502310064999999999")
    assert answer is not None
    assert answer.status == 404
    page.click("main a")
    expect(page.locator("form[role=search]")).to_be_visible()
