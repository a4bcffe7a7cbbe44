"""A browser that runs no scripts: what was typed is not lost there, either."""

from playwright.sync_api import Browser

from tests.browser.conftest import DESK, Site


def test_form_from_before_signing_in_again_in_another_tab_is_sent_by_one_press(site: Site, browser: Browser) -> None:
    context = browser.new_context(
        viewport={"width": DESK, "height": 844}, locale="zh-CN", base_url=site.address, java_script_enabled=False
    )
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto("/sign-in?next=/suppliers/new")
        tab.fill("[name=sign_in]", "station")
        tab.fill("[name=password]", site.password)
        tab.click("main form button")
        if tab is page:
            tab.fill("main [name=name]", "没有脚本的供货商")
            context.clear_cookies()
    page.click("main form:has([name=name]) button")
    assert "尚未记录任何内容" in page.inner_text(".refusal")
    page.click("main form button")
    assert "没有脚本的供货商" in page.inner_text("main")
    context.close()
