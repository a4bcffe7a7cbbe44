"""JSON read strictly: what a lenient reader lets through is refused with a sentence, whatever its size."""

import json
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.failures import TooLarge
from trace.web.strict_json import MAX_DEPTH, MOST_VALUES, StrictJSONProvider, check_depth

provider = StrictJSONProvider(Flask(__name__))

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: Any) -> int:
    """How deep a value nests, told slowly."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def nested(value: Any, levels: int) -> Any:
    for number in range(levels):
        value = {"key": value} if number % 2 else [value]
    return value


@given(JSON_VALUES, st.booleans())
def test_what_json_writes_is_read_back(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert provider.loads(text) == value


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "[NaN]", '{"a": -Infinity}', "1e999", "-1e999", "1e99999999999999999999"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no JSON number|out of range"):
        provider.loads(text)


@pytest.mark.parametrize(
    "text", ["1" * 41, "-" + "1" * 40, "0." + "1" * 40, "1" * 1_000_000, "1e-99999999999999999999"]
)
def test_numbers_of_more_than_forty_digits_and_absurd_exponents_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        provider.loads(f'{{"amount": {text}}}')


@pytest.mark.parametrize("value", ["{}", "[]", "0", '""', '{"a":0}'])
def test_more_values_than_any_request_has_are_refused_before_they_are_made(value: str) -> None:
    with pytest.raises(TooLarge, match="more than 100,000 values"):
        provider.loads(f"[{','.join([value] * (MOST_VALUES + 1))}]")
    assert len(provider.loads(f"[{','.join([value] * (MOST_VALUES // 3))}]")) == MOST_VALUES // 3


def test_fractions_are_exact() -> None:
    assert provider.loads("[0.1, 1.10, 2e3]") == [Decimal("0.1"), Decimal("1.10"), Decimal("2000")]


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "c": 2, "a": 3}}]', '{"a": 1, "\\u0061": 2}'])
def test_a_key_named_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names a key twice"):
        provider.loads(text)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_text_that_nests_200000_levels_is_refused_before_it_is_parsed(opening: str) -> None:
    with pytest.raises(ValueError, match="nests deeper"):
        provider.loads(opening * 200_000)


@given(JSON_VALUES, st.integers(0, 2 * MAX_DEPTH))
def test_depth_is_told_exactly_whatever_the_strings_hold(value: Any, levels: int) -> None:
    # Strings made of brackets, quotes and backslashes stand beside, before and inside the nesting.
    whole = nested([value, '[{"\\', "\\\\", '\\"[[', {"]}": '"'}], levels)
    text = json.dumps(whole, ensure_ascii=False)
    if depth_of(whole) > MAX_DEPTH:
        with pytest.raises(ValueError, match="nests deeper"):
            check_depth(text)
    else:
        check_depth(text)


def test_brackets_in_a_string_are_no_depth() -> None:
    assert provider.loads(json.dumps(["[{" * 10_000])) == ["[{" * 10_000]


@given(st.text(alphabet='[]{}"\\, a1:', max_size=300))
def test_a_text_that_passes_never_nests_too_deep_and_never_fails_but_with_a_value_error(text: str) -> None:
    try:
        value = provider.loads(text)
    except ValueError:
        return
    assert depth_of(value) <= MAX_DEPTH


@pytest.mark.parametrize("data", [b"\xff", b'{"a": "\xc3"}', b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b""])
def test_bytes_that_are_no_utf8_json_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        provider.loads(data)


def test_decimals_are_written_as_numbers() -> None:
    value = {"a": Decimal("1.50"), "b": Decimal("3.000"), "c": "阳光"}
    assert provider.dumps(value) == '{"a": 1.5, "b": 3, "c": "阳光"}'
