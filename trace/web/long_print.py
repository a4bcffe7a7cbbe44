"""Long tables on paper, A4 across, set by Typst (`templates/print/long.typ`): a thousand lines in half a second.

WeasyPrint, which sets all other pages (`trace.web.printing`), takes a millisecond for every cell. What is said goes to
Typst as data, never as markup, and its template asks for no file and no package.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typst
from flask_babel import get_locale

Run = tuple[str, str]  # style ("", "bold", "dim") and text
Said = str | Sequence[Run]

_TEMPLATE = Path(__file__).parent / "templates" / "print" / "long.typ"
_FAMILIES = ("Noto Sans CJK SC", "Source Han Sans SC", "DejaVu Sans")  # as many of them as are there
_KEPT = 10  # compilations for which Typst remembers what it set
# The template's measures: what is between the margins, what of a cell is not its text (mm), and type (pt).
_BETWEEN, _INSET, _TYPE, _CELL_TYPE = 277, 2, 8.5, 7.5
_MM = 72 / 25.4
_WORD = re.compile(r"[^\s\u2e80-\uffef]{8,}")  # Chinese may break anywhere as it is


@dataclass(frozen=True, slots=True)
class Lines:
    """A table: widths in percent, headings, at least one row of as many cells, which columns are numbers, what is said
    below, and what is signed there: labels, each with a line behind it."""

    widths: Sequence[float]
    headings: Sequence[str]
    rows: Sequence[Sequence[Said]]
    sign: Sequence[str]
    right: Sequence[int] = ()
    below: Said = ""


def long_pdf(title: str, foot: str, parts: Sequence[Said | Lines]) -> bytes:
    """The PDF (bytes) of a title, texts and tables, with `foot` and the page's number on each page.

    A text stays on the page of what follows it, the last line of a table on that of its signatures.
    """
    fonts = _fonts()
    data = {
        "title": title,
        "foot": foot,
        "language": get_locale().language,
        "fonts": [family for family in _FAMILIES if family in fonts.families()],
        "parts": [_part(part) for part in parts],
    }
    held = {"data": json.dumps(data, ensure_ascii=False)}
    made = typst.compile(_template(), font_paths=fonts, sys_inputs=held, pdf_tags=False)
    for _ in range(_KEPT + 1):  # else a process that prints keeps ten of these, up to a gigabyte
        typst.compile(b"", font_paths=fonts)
    return made


@cache
def _fonts() -> typst.Fonts:
    """The machine's fonts, looked for once."""
    return typst.Fonts(include_embedded_fonts=False)


@cache
def _template() -> bytes:
    return _TEMPLATE.read_bytes()


def _part(part: Said | Lines) -> dict[str, Any]:
    if not isinstance(part, Lines):
        return {"kind": "text", "said": _fitting(part, _BETWEEN * _MM / _TYPE)}
    rooms = [(_BETWEEN * share / 100 - _INSET) * _MM / _CELL_TYPE for share in part.widths]
    rows = (part.headings, *part.rows)
    headings, *cells = ([_fitting(cell, room) for cell, room in zip(row, rooms, strict=True)] for row in rows)
    return {
        "kind": "lines",
        "widths": part.widths,
        "headings": headings,
        "cells": [cell for row in cells for cell in row],
        "right": part.right,
        "below": part.below,
        "sign": part.sign,
    }


def _fitting(said: Said, room: float) -> Said:
    """The same with the words marked that may be wider than `room` (in ems): they may break anywhere."""
    runs = [("", said)] if isinstance(said, str) else said
    if not any(_ems(word) > room for _, text in runs for word in _WORD.findall(text)):
        return said
    return [piece for style, text in runs for piece in _pieces(style, text, room)]


def _pieces(style: str, text: str, room: float) -> Iterator[Run]:
    told = 0
    for found in _WORD.finditer(text):
        if _ems(found[0]) > room:
            yield style, text[told : found.start()]
            yield f"{style} long", found[0]
            told = found.end()
    yield style, text[told:]


def _ems(word: str) -> float:
    """How wide a word is at most, commonly: small letters, digits and marks are narrower than others."""
    return sum(0.6 if "!" <= letter <= "~" and not letter.isupper() else 0.8 for letter in word)
