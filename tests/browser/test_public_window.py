"""The public window: opened by the manager, read on a phone and as a screen at the door, and a pack checked."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, fits, press

# The demonstration's boxes: sold once, sold in two shops, still on the shelf; and what is no code.
ANSWERS = (
    ("8150231 0064000000001", "在本店售出一次"),
    ("81502310064000000000", "此追溯码被售出不止一次"),
    ("81502310064000000004", "此追溯码不是本店售出的"),
    ("6901028075763", "这不是药品追溯码"),
)


def test_the_window_tells_a_passer_by_who_is_on_duty_and_whether_a_pack_was_sold_here_once(
    visit: Callable[..., Page], keep_picture: Callable[..., None]
) -> None:
    manager = visit("pharmacy_manager", width=PHONE)
    manager.goto("/pharmacy/window")
    manager.check("[name=names]")
    press(manager, "main form button")
    assert fits(manager)
    address = str(manager.locator("a[href^='/w/']").first.get_attribute("href"))

    page = visit(None, width=PHONE)
    page.goto(address)
    expect(page.locator(".duty")).to_contain_text("药师（演示）")
    expect(page.locator(".tiles")).to_contain_text("药品经营许可证")
    for code, said in ANSWERS:
        page.fill("[name=code]", code)
        page.click(".box button")
        expect(page.locator(".answer b")).to_contain_text(said)
    page.fill("[name=code]", ANSWERS[1][0])
    page.click(".box button")
    expect(page.locator(".answer.bad")).to_contain_text("12315")
    assert fits(page)
    keep_picture(page, "window-390")
    page.set_viewport_size({"width": DESK, "height": 900})
    keep_picture(page, "window-1280")

    page.goto(f"{address}/door")
    for width, height in ((1920, 1080), (1080, 1920)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
            width,
            height,
        ]
        keep_picture(page, f"door-{width}")

    pharmacist = visit("pharmacist")
    pharmacist.goto("/pharmacy/duty")
    press(pharmacist, "form[action$='/end'] button")
    page.reload()
    expect(page.locator(".sign")).to_contain_text("药师不在岗，暂停销售处方药和甲类非处方药")
    keep_picture(page, "door-nobody-1080")
    press(pharmacist, "form[action$='/take'] button")
    page.reload()
    expect(page.locator(".duty li")).to_have_count(1)
