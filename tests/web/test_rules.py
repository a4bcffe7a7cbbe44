"""The rule book's page: what is in force in plain words, its history, and the form of who may write."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.web.conftest import Demo
from trace.domain.rules.book import shipped
from trace.web import words
from trace.web.rule_words import THEMES, TITLES, sentences_of, theme_of, title_of

CHINESE = {"Accept-Language": "zh-CN"}
# What a shipped entry's words may hold besides Chinese: numbers, days, marks.
PLAIN = re.compile(r"[A-Za-z_]{3,}")


def test_every_entry_that_is_shipped_is_told_in_plain_chinese(demo: Demo) -> None:
    with demo.app.test_request_context(headers=CHINESE):
        for entry in shipped().written:
            assert entry.name in TITLES
            assert theme_of(entry.name)[0] in {anchor for anchor, _, _ in THEMES}
            told = [words.say(*title_of(entry.name)), *(words.say(*s) for s in sentences_of(entry.name, entry.value))]
            assert len(told) > 1
            assert [said for said in told if PLAIN.search(said)] == []


def test_a_rule_is_written_and_read_again(demo: Demo) -> None:
    browser = demo.browser("manager")
    page = browser.get("/rules", headers=CHINESE)
    assert page.status_code == 200
    assert "快检后的复检" in page.text
    form = {
        "name": "weighing_tolerance",
        "effective_from": datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat(),
        "value": '"0.03"',
    }
    refused = browser.post("/rules", form | {"source": "本店规定", "reason": ""}, headers=CHINESE)
    assert refused.status_code == 422
    assert "本店规定" in refused.text  # what was typed is kept
    assert browser.post("/rules", form | {"value": "0.03", "source": "x", "reason": "y"}).status_code == 422
    written = browser.post("/rules", form | {"source": "本店规定", "reason": "新秤"}, headers=CHINESE)
    assert written.status_code == 303
    shown = browser.get(written.location, headers=CHINESE).text
    assert "新秤" in shown
    assert "不超过 3 %" in shown
    rules = {rule["name"]: rule for rule in demo.get("/rules").json["rules"]}
    assert (rules["weighing_tolerance"]["value"], rules["weighing_tolerance"]["everywhere"]) == ("0.03", False)
