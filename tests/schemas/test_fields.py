"""Fields refuse what a database or a person could not take, and nothing but `ValidationError` comes out of them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from schemas.fields import MAX_INTEGER, Amount, Day, Moment, Number, Secret, Strict, Text, Word
from schemas.requests import ProductRequest

HUGE = pytest.param(10**5000, id="10**5000")  # Python writes no integer of more than 4300 digits as text


class Colour(StrEnum):
    RED = "red"


FIELDS = {
    "text": Text(most=50),
    "word": Word(Colour),
    "number": Number(least=1, most=500),
    "amount": Amount(),
    "day": Day(),
    "moment": Moment(),
}
NUMBERS = (
    st.integers()
    | st.floats()
    | st.decimals()
    | st.sampled_from([-(10**40), 2**63, 2**64, Decimal("1e999999"), Decimal("sNaN"), Decimal("0e999999")])
)
TEXTS = st.text(st.characters()) | st.from_regex(
    r"[-+]?[0-9]{0,30}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,20})?", fullmatch=True
)
TIMES = st.from_regex(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([+-][0-9]{2}:?[0-9]{2}|Z)?)?",
    fullmatch=True,
)
HOSTILE = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | TIMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", FIELDS)
@given(value=HOSTILE)
@example(value="0e999999")
@example(value="-0")
@example(value="\ud800")
@example(value="2026-11-24T06:12:09+23:59")
def test_a_field_gives_a_bounded_value_or_a_validation_error(name: str, value: Any) -> None:
    try:
        loaded = FIELDS[name].deserialize(value)
    except ValidationError:
        return
    assert is_storable(name, loaded), repr(loaded)


def is_storable(name: str, loaded: Any) -> bool:
    match name:
        case "text":
            loaded.encode("utf-8")
            return len(loaded) <= 50 and "\x00" not in loaded and loaded == loaded.strip(" \r\n\t")
        case "word":
            return isinstance(loaded, Colour)
        case "number":
            return type(loaded) is int and 1 <= loaded <= 500
        case "amount":
            exponent = loaded.as_tuple().exponent
            return 0 <= loaded <= 999_999_999 and -6 <= exponent <= 0 and str(loaded)[0] != "-"
        case "day":
            return loaded is None or (type(loaded) is date and 1990 <= loaded.year <= 2100)
    assert isinstance(loaded, datetime)
    return 1990 <= loaded.year <= 2100 and loaded.utcoffset() is not None


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "a\udfff", "\x1b[31m", "\x7f", "\x85", "\x9f", "\x08"])
def test_text_with_control_characters_or_lone_surrogates_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"U\+"):
        Text().deserialize(text)


@pytest.mark.parametrize(
    ("text", "kept"), [("  番茄\r\n", "番茄"), ("a\nb\tc", "a\nb\tc"), ("10A\x1d21B", "10A\x1d21B"), ("", "")]
)
def test_text_keeps_lines_tabs_and_fnc1_and_loses_its_blank_ends(text: str, kept: str) -> None:
    assert Text().deserialize(text) == kept


def test_a_secret_keeps_every_character_and_holds_none_that_cannot_be_hashed() -> None:
    assert Secret(least=4).deserialize(" 密码\t") == " 密码\t"
    for text in ("\ud800bcdefghij", "abc\x00defghij", "abc", "a" * 201, 12345678, None):
        with pytest.raises(ValidationError):
            Secret(least=4).deserialize(text)


def test_text_counts_its_length_without_the_blank_ends() -> None:
    assert Text(most=3).deserialize("  abc  ") == "abc"
    with pytest.raises(ValidationError):
        Text(most=3).deserialize("abcd")
    with pytest.raises(ValidationError):
        Text(least=1).deserialize("   ")


@pytest.mark.parametrize(
    "value", [True, False, -1, 0, 501, 1.5, Decimal("1.5"), "1.5", "one", float("nan"), float("inf")]
)
def test_a_number_out_of_its_limits_or_with_a_fraction_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        FIELDS["number"].deserialize(value)


@pytest.mark.parametrize(
    "value", [2**31, 2**63, 2**64, 10**40, HUGE, Decimal("1e300"), pytest.param("9" * 5000, id="long text")]
)
def test_a_number_past_the_databases_integers_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Number(most=MAX_INTEGER).deserialize(value)


@pytest.mark.parametrize("value", [3, "3", Decimal("3"), Decimal("3.0"), 3.0])
def test_a_whole_number_is_taken_however_it_is_written(value: Any) -> None:
    assert FIELDS["number"].deserialize(value) == 3


@pytest.mark.parametrize(
    "value",
    [True, "NaN", "sNaN", "Infinity", "-1", "1000000000", "0.0000001", "1e300", "1e-999999999", "1e999999999",
     Decimal("NaN"), float("nan"), float("inf"), HUGE, "1" * 30, None, [], {}],
)  # fmt: skip
def test_an_amount_that_is_no_quantity_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Amount().deserialize(value)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("0.000001", "0.000001"),
        ("999999999", "999999999"),
        (Decimal("1.50"), "1.50"),
        (0.1, "0.1"),
        ("1e3", "1000"),
        (7, "7"),
    ],
)
def test_an_amount_is_exact(value: Any, amount: str) -> None:
    loaded = Amount().deserialize(value)
    assert (loaded, type(loaded)) == (Decimal(amount), Decimal)


@pytest.mark.parametrize(
    "value", ["1989-12-31", "2101-01-01", "9999-12-31", "0001-01-01", "2026-02-30", "24.11.2026", 20261124]
)
def test_a_day_outside_the_calendar_or_the_century_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Day().deserialize(value)


def test_an_empty_day_of_a_form_is_no_day() -> None:
    assert Day(allow_none=True).deserialize("") is None
    assert Day().deserialize("2026-02-28") == date(2026, 2, 28)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-24T06:12:09",
        "1989-12-31T23:59:59+00:00",
        "2101-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        0,
        True,
    ],
)
def test_a_moment_without_offset_or_outside_the_century_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Moment().deserialize(value)


def test_a_moment_keeps_its_offset() -> None:
    loaded = Moment().deserialize("2026-11-24T06:12:09.250+08:00")
    assert loaded.utcoffset() == timedelta(hours=8)
    assert loaded.microsecond == 250_000


def test_an_unknown_word_and_an_unknown_field_are_told() -> None:
    class Wanted(Strict):
        colour = Word(Colour, required=True)
        other = fields.Nested(Strict)

    with pytest.raises(ValidationError) as refused:
        Wanted().load({"colour": "blue", "colr": "red"})
    assert set(refused.value.normalized_messages()) == {"colour", "colr"}


@pytest.mark.parametrize("low_high", [{"celsius_low": 2}, {"celsius_low": 8, "celsius_high": 2}])
def test_a_cold_range_has_both_ends_the_colder_first(low_high: dict[str, int]) -> None:
    with pytest.raises(ValidationError) as found:
        ProductRequest().load({"name": "酸奶", "category": "packaged_food", "unit": "EA", **low_high})
    assert set(found.value.normalized_messages()) == {"celsius_low"}


def test_a_cold_range_is_kept_in_hundredths_of_a_degree() -> None:
    said = {"name": "酸奶", "category": "packaged_food", "unit": "EA", "celsius_low": "-18.5", "celsius_high": 6}
    loaded = ProductRequest().load(said)
    assert (loaded["celsius_low"], loaded["celsius_high"]) == (-1850, 600)
