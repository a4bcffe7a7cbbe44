"""Credit codes and licences: doubts are told, never block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from trace.domain.checks import IdentifierWarning, Reason
from trace.domain.parties import (
    LicenceKind,
    check_licence,
    check_uscc,
    is_uscc_shape,
    licence_kind_of,
    normalised_number,
)


def reasons(doubts: tuple[IdentifierWarning, ...]) -> list[Reason]:
    return [doubt.reason for doubt in doubts]


@pytest.mark.parametrize("number", ["91640502MA7TE5T19M", "92640521MA7TE5T27X", "93640522MA7TE5T354"])
def test_a_right_credit_code_raises_no_doubt(number: str) -> None:
    assert check_uscc(number) == ()


@pytest.mark.parametrize(
    "number", ["", "9164050", "91640502MA7TE5T19MM", "91640502MA7TE5T1O1", "9164050SMA7TE5T19M", "91640502MA7TE5T19M\n"]
)
def test_what_cannot_be_a_credit_code_is_told_by_its_shape(number: str) -> None:
    assert reasons(check_uscc(number)) == [Reason.SHAPE]


@pytest.mark.parametrize("letter", "IOSVZ")
def test_letters_that_look_like_digits_are_in_no_credit_code(letter: str) -> None:
    assert not is_uscc_shape(f"91640502MA7TE5T1{letter}1")


def test_a_real_credit_code_whose_check_character_is_wrong_is_only_a_doubt() -> None:
    assert reasons(check_uscc("91350211M0000XUF46")) == [Reason.CHECK_DIGIT]


@given(st.from_regex(r"91640502[0-9A-HJ-NP-RTUW-Y]{9}", fullmatch=True))
def test_exactly_one_check_character_is_right(body: str) -> None:
    right = [c for c in "0123456789ABCDEFGHJKLMNPQRTUWXY" if not check_uscc(body + c)]
    assert right == [uscc.calc_check_digit(body)]


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (LicenceKind.FOOD_PRODUCTION, "SC10464050200016"),
        (LicenceKind.FOOD_BUSINESS, "JY16405020000016"),
        (LicenceKind.FOOD_BUSINESS, "YB16405020000011"),
        (LicenceKind.DRUG, "宁DA955000011"),
        (LicenceKind.DRUG, "琼AA898000001"),
        (LicenceKind.DRUG, "宁1050001-01"),
        (LicenceKind.BUSINESS, "91640502MA7TE5T19M"),
        (LicenceKind.BUSINESS, "640502000000019"),
        (LicenceKind.SLAUGHTER, "any text"),
        (LicenceKind.DRUG_PRODUCTION, "宁20200001"),
    ],
)
def test_a_licence_as_it_should_be_raises_no_doubt(kind: LicenceKind, number: str) -> None:
    assert check_licence(kind, number) == ()


@pytest.mark.parametrize(
    ("kind", "number", "reason"),
    [
        (LicenceKind.FOOD_PRODUCTION, "SC10464050200017", Reason.CHECK_DIGIT),
        (LicenceKind.FOOD_BUSINESS, "JY16405020000017", Reason.CHECK_DIGIT),
        (LicenceKind.FOOD_BUSINESS, "SC10464050200016", Reason.SHAPE),  # the other licence was typed
        (LicenceKind.FOOD_PRODUCTION, "SC1046405020001", Reason.SHAPE),
        (LicenceKind.FOOD_PRODUCTION, "SC1O464050200016", Reason.SHAPE),
        (LicenceKind.FOOD_PRODUCTION, "SC１０４６４０５０２０００１６", Reason.SHAPE),
        (LicenceKind.DRUG, "宁EA955000011", Reason.SHAPE),
        (LicenceKind.BUSINESS, "12345", Reason.SHAPE),
        (LicenceKind.BUSINESS, "91350211M0000XUF46", Reason.CHECK_DIGIT),
    ],
)
def test_a_doubt_about_a_licence_has_its_reason(kind: LicenceKind, number: str, reason: Reason) -> None:
    assert reasons(check_licence(kind, number)) == [reason]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (" sc104 6405 0200016\n", "SC10464050200016"),
        ("ＪＹ１６４０５０２００００１６", "JY1640502000016"),
        ("91640502-MA7TE5T19M", "91640502MA7TE5T19M"),
        ("宁1050001-01", "宁1050001-01"),
        ("宁DA-955000011", "宁DA955000011"),
        ("自编-12-3", "自编-12-3"),
    ],
)
def test_numbers_are_kept_as_the_register_writes_them(typed: str, number: str) -> None:
    assert normalised_number(typed) == number
    assert normalised_number(number) == number


def test_a_licence_number_tells_its_kind() -> None:
    assert licence_kind_of("SC10464050200016") is LicenceKind.FOOD_PRODUCTION
    assert licence_kind_of("JY16405020000016") is LicenceKind.FOOD_BUSINESS
    assert licence_kind_of("宁DA955000011") is LicenceKind.DRUG
    assert licence_kind_of("6901028075763") is None
