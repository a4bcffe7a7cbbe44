"""The page of what a name or number finds says what it left out."""

import pytest

from tests.web.conftest import Demo
from trace.services import search

TOLD = {
    "zh": ("更早的没有列出", "名称含有这些字的还有更多"),
    "en": ("older lots were left out", "More names contain this text"),
}


def test_search_says_in_both_languages_where_older_lots_or_further_names_were_left_out(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = demo.browser("inspector")
    for most, is_whole in ((50, True), (1, False)):
        monkeypatch.setattr(search, "MOST", most)
        monkeypatch.setattr(search, "MOST_ORGANISATIONS", most)
        for language, sentences in TOLD.items():
            browser.client.set_cookie("lang", language)
            page = browser.get("/inspector/trace?code=超市").text
            assert "惠邻超市鼓楼店" in page
            assert [sentence in page for sentence in sentences] == [not is_whole] * 2
