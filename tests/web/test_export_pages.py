"""The pages of exports: set up a target, make its files, fetch one, write down what came of it."""

import re
from datetime import timedelta

import pytest

from tests.web.conftest import Demo
from trace import clock

PLATFORM = "/exports/targets/trace_platform"


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_a_pharmacys_manager_sets_up_makes_fetches_and_settles(demo: Demo) -> None:
    browser = demo.browser("pharmacy_manager")
    form = {"account-app_key": "23000000", "account-ref_user_id": "3f2e", "secret": "s3cret-word", "enabled": "yes"}
    refused = browser.post(PLATFORM, form | {"account-ref_user_id": "", "address": "http://10.0.0.1/"})
    assert refused.status_code == 422
    assert 'value="http://10.0.0.1/"' in refused.text, "what was typed stays"
    assert "s3cret-word" not in refused.text
    begins = (clock.now() - timedelta(days=25)).date().isoformat()
    assert browser.post(PLATFORM, form | {"begins_on": begins}).status_code == 303
    assert "s3cret-word" not in browser.get(PLATFORM).text
    page = browser.get("/exports").text
    target = re.search(r'name="target" value="(\w+)"', page)
    assert target is not None
    assert browser.post("/exports/make", {"target": target[1]}).status_code == 303
    path = re.search(r'href="(/exports/files/\w+)"', browser.get("/exports").text)
    assert path is not None
    assert b'"billType":321' in browser.get(f"{path[1]}/content").data
    assert browser.post(f"{path[1]}/settle", {"outcome": "taken", "note": ""}).status_code == 422
    assert browser.post(f"{path[1]}/settle", {"outcome": "taken", "note": "回执 20261126"}).status_code == 303
    shown = browser.get(path[1]).text
    assert "已接收" in shown
    assert "回执 20261126" in shown


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_codes_of_the_insurance_are_entered_on_one_page(demo: Demo) -> None:
    browser = demo.browser("pharmacy_manager")
    names = re.findall(r'name="code-(\w+)"', browser.get("/exports/insurance-codes").text)
    typed = {f"code-{names[0]}": "XA01ABD075A002010100483", f"code-{names[1]}": "", f"unlisted-{names[1]}": "yes"}
    assert browser.post("/exports/insurance-codes", typed).status_code == 303
    page = browser.get("/exports/insurance-codes").text
    assert 'value="XA01ABD075A002010100483"' in page
    assert browser.post("/exports/insurance-codes", {f"code-{names[0]}": "有空格 的"}).status_code == 422
