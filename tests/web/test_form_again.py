"""A form from before its reader signed in anew, sent without scripts: it is there again, and one button sends it."""

import io
import re
from html import unescape
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.conftest import ROOT
from tests.web.conftest import Browser, Demo
from trace.web.form_again import SECRET

OURS = {"Sec-Fetch-Site": "same-origin"}
TYPED = {"name": '陈记"批发"<b>&amp;', "kind": "wholesaler"}


def signed_in_anew(demo: Demo, who: str = "station") -> Browser:
    """A browser with a page that was opened before somebody signed in once more in another tab."""
    browser = demo.browser("station")
    opened = browser.token
    browser.sign_in(who)
    browser.token = opened
    return browser


def form_of(page: TestResponse) -> MultiDict[str, str]:
    """What pressing the page's one button sends."""
    (form,) = re.findall(r"<main.*?(<form.*?</form>).*?</main>", page.text, re.DOTALL)
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    assert form.count("<button") == 1
    return MultiDict([(unescape(name), unescape(text)) for name, text in hidden])


def test_what_was_typed_is_kept_and_sent_by_one_button(demo: Demo) -> None:
    browser = signed_in_anew(demo, "manager")
    before = demo.counts()
    page = browser.post("/suppliers/new?a=1", TYPED, headers=OURS)
    assert page.status_code == 403
    assert demo.counts() == before
    assert "再提交一次" in page.text
    assert 'action="/suppliers/new?a=1"' in page.text
    form = form_of(page)
    assert {name: form[name] for name in TYPED} == TYPED
    assert form.getlist("csrf_token") != [browser.token], "the new session's"
    sent = browser.client.post("/suppliers/new?a=1", data=form, headers=OURS)
    assert sent.status_code == 303
    assert unescape(browser.get("/suppliers").text).count(TYPED["name"]) >= 1


def test_what_another_site_sent_is_offered_to_nobody(standing: Demo) -> None:
    browser = signed_in_anew(standing)
    elsewhere: tuple[dict[str, str], ...] = (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    )
    for headers in elsewhere:
        page = browser.post("/suppliers/new", TYPED, headers=headers)
        assert (page.status_code, "再提交一次" in page.text, "wholesaler" in page.text) == (403, False, False), headers
    assert "wholesaler" in browser.post("/suppliers/new", TYPED, headers={"Origin": "http://localhost"}).text


@pytest.mark.parametrize("token", ["", "made-up"])
def test_a_token_that_is_nobodys_is_refused_as_ever(standing: Demo, token: str) -> None:
    browser = standing.browser("station")
    page = browser.client.post("/suppliers/new", data=TYPED | {"csrf_token": token}, headers=OURS)
    assert (page.status_code, "再提交一次" in page.text) == (403, False)
    stranger = standing.browser()
    page = stranger.client.post("/sign-in", data={"sign_in": "x", "csrf_token": browser.token}, headers=OURS)
    assert (page.status_code, "再提交一次" in page.text) == (403, False), "who is nobody is offered nothing"


def test_no_password_is_shown_again_and_files_are_chosen_anew(standing: Demo) -> None:
    browser = signed_in_anew(standing)
    typed = {"sign_in": "station", "password": "hunter2-hunter2", "lot": ["1", "2"]}
    files = {"photo": [(io.BytesIO(b"one"), "one.jpg"), (io.BytesIO(b"two"), "two.jpg")], "sheet": (io.BytesIO(), "")}
    page = browser.post("/sign-in", typed | files, headers=OURS, content_type="multipart/form-data")
    assert page.status_code == 403
    assert "hunter2" not in page.text
    assert form_of(page).getlist("lot") == ["1", "2"]
    assert re.findall(r'<input type="(password|file)" name="(\w+)"', page.text) == [
        ("password", "password"),
        ("file", "photo"),
    ]
    assert 'enctype="multipart/form-data"' in page.text


def test_every_field_of_a_password_is_known_for_one() -> None:
    pages = [path.read_text(encoding="utf-8") for path in Path(ROOT / "trace/web/templates").rglob("*.html")]
    fields = [field for page in pages for field in re.findall(r'<input[^>]*type="password"[^>]*>', page)]
    names = {re.findall(r'name="([^"]*)"', field)[0] for field in fields} - {"{{ name }}"}
    assert len(names) >= 3
    assert all(any(word in name for word in SECRET) for name in names)
