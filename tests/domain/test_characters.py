"""Characters as scanners, keyboards and chats send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.characters import (
    FNC1,
    check_readable,
    compacted,
    find_unreadable,
    half_width,
    trimmed,
    without_blanks,
)
from trace.domain.failures import Invalid


def test_full_width_becomes_half_width_and_chinese_stays() -> None:
    assert half_width("（０１）ＡＢｃ－：；\u3000番茄") == "(01)ABc-:; 番茄"


@pytest.mark.parametrize("blank", [" ", "\t", "\r\n", "\u00a0", "\u2003", "\u200b", "\u2060", "\u3000", "\ufeff"])
def test_blanks_of_any_sort_are_taken_out(blank: str) -> None:
    assert without_blanks(f"{blank}1{blank}2{blank}") == "12"


@pytest.mark.parametrize("hyphen", ["-", "\u00ad", "\u2010", "\u2013", "\u2014", "\u2212", "－"])
def test_hyphens_of_any_sort_are_taken_out_of_numbers(hyphen: str) -> None:
    assert compacted(f"838{hyphen}5793") == "8385793"
    assert len(without_blanks(f"838{hyphen}5793")) == 8


def test_fnc1_is_neither_blank_nor_unreadable() -> None:
    assert trimmed(f" {FNC1}01{FNC1}\r\n") == f"{FNC1}01{FNC1}"
    assert without_blanks(FNC1) == FNC1
    assert find_unreadable(FNC1) is None


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x08", "\x0b", "\x1b", "\x1c", "\x1e", "\x7f", "\x9f", "\ud800", "\udfff", "\ufffe", "\uffff"],
)
def test_control_characters_lone_surrogates_and_what_no_xml_holds_are_found(character: str) -> None:
    assert find_unreadable(f"a{character}b") == character
    with pytest.raises(Invalid, match=f"U\\+{ord(character):04X}"):
        check_readable(f"a{character}b", limit=9)


@given(st.text())
def test_no_letter_becomes_a_digit_and_no_digit_a_letter(text: str) -> None:
    kept = [c for c in half_width(text) if c.isascii() and c.isalnum()]
    came = [chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text]
    assert kept == [c for c in came if c.isascii() and c.isalnum()]
    assert compacted(compacted(text)) == compacted(text)
