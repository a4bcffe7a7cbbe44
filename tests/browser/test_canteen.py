"""The canteen on a phone: yesterday's dish in one tap, a new one of lots, and the board at the door."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.conftest import DESK, PHONE, fits, press


def test_a_dish_is_repeated_in_one_tap_a_new_one_recorded_and_both_stand_on_the_board(
    visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    page = visit("canteen", width=PHONE)
    page.goto("/canteen")
    assert page.locator("nav.desks a").count() == 3
    press(page, "button[name=again]")
    assert page.locator(".rows li:has-text('糖拌番茄')").count() == 2
    page.fill("[name=name]", "番茄面")
    page.fill(".taken:has-text('精选番茄') [name=amount]", "2.5")
    press(page, "button.main")
    assert page.locator("[role=alert]").count() == 0
    assert page.locator(".rows li:has-text('番茄面')").count() == 1
    assert fits(page)
    keep_picture(page, "canteen-390")
    page.set_viewport_size({"width": DESK, "height": 844})
    page.click("a[href^='/board/']")
    page.wait_for_selector(".board .dish:has-text('番茄面')")
    assert page.locator(".board .dish:has-text('中宁县')").count() == 4
    assert "2.5" not in page.inner_text("body")
    assert fits(page)
    keep_picture(page, "board-1280")
