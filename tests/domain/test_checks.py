"""Check digits, and doubts as sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from trace.domain.checks import IdentifierWarning, Reason, check_digit, check_gs1_digit, is_check_digit_right


@given(st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_the_check_digit_is_that_of_an_independent_library(body: str) -> None:
    assert check_digit(body) == ean.calc_check_digit(body)
    assert is_check_digit_right(body + check_digit(body))


@given(st.from_regex(r"[0-9]{7,17}", fullmatch=True), st.integers(0, 16), st.integers(1, 9))
def test_one_misread_digit_is_always_noticed(body: str, place: int, change: int) -> None:
    number = body + check_digit(body)
    place %= len(number)
    misread = number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :]
    assert not is_check_digit_right(misread)


@pytest.mark.parametrize("text", ["", "a", "690102807576x", "²", "٦٩٠"])
def test_what_is_no_number_has_no_right_check_digit(text: str) -> None:
    assert not is_check_digit_right(text)


def test_a_doubt_is_a_sentence_with_its_reason() -> None:
    (doubt,) = check_gs1_digit("6901028075764")
    assert doubt.reason is Reason.CHECK_DIGIT
    assert str(doubt).startswith("The check digit of 6901028075764 is wrong")
    assert doubt.as_dict() == {"message": doubt.message, "values": {"number": "6901028075764"}}
    assert check_gs1_digit("6901028075763") == ()


def test_doubts_can_be_kept_in_sets() -> None:
    assert len({IdentifierWarning(Reason.GS1, "a"), IdentifierWarning(Reason.GS1, "a")}) == 1
