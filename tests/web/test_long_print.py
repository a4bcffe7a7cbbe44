"""Long tables on paper: what is said stands there as it was typed, within its cell, and signatures beside a line."""

import re

import pypdfium2
from flask import Flask
from flask_babel import Babel

from trace.web.long_print import Lines, Said, long_pdf


def _pages(*parts: Said | Lines) -> list[str]:
    """What stands on each page; a PDF's text has its lines broken as they were set."""
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: "zh")
    with app.test_request_context():
        printed = pypdfium2.PdfDocument(long_pdf("销售记录", "药店 · 打印于今天", parts))
    return [page.get_textpage().get_text_bounded() for page in printed]


def _table(count: int, *, cell: Said = "阿莫西林胶囊") -> Lines:
    rows: list[list[Said]] = [[f"第{number}行", cell] for number in range(count)]
    return Lines(widths=(10, 90), headings=("序号", "名称"), rows=rows, sign=["查验人", "日期"], below="合计")


def test_markup_is_printed_and_not_carried_out() -> None:
    typed = '#read("/etc/passwd") *b* _i_ $x$ = h @a <b> // \\ "'
    (page,) = _pages(typed, _table(1, cell=[("bold", typed), ("dim", typed)]))
    assert page.count(typed) == 3


def test_the_last_line_stands_beside_the_signatures_under_repeated_headings() -> None:
    for count in (1, *range(30, 40)):
        pages = _pages([("bold", "某药店")], _table(count))
        assert all("序号" in page and f"{number} / {len(pages)}" in page for number, page in enumerate(pages, 1))
        assert f"第{count - 1}行" in pages[-1] and "查验人" in pages[-1] and "合计" in pages[-1]
        assert sum(len(re.findall("第\\d+行", page)) for page in pages) == count


def test_a_word_wider_than_its_cell_is_broken_and_loses_nothing() -> None:
    word = "GS1-" + "WX0123456789" * 12
    lines = Lines(widths=(10, 90), headings=("a", "b"), rows=[[f"批号 {word}", "c"]], sign=[])
    (page,) = _pages(lines)
    assert word not in page  # in several lines
    assert word in re.sub(r"\s", "", page)
