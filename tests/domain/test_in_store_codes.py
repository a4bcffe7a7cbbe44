"""A shop's own codes are read by its own profile, and by nobody else's."""

from decimal import Decimal
from typing import Any

import pytest

from trace.domain.codes import parse_code
from trace.domain.failures import Invalid
from trace.domain.in_store_codes import by_profile, profiles_of


def profile(digits: int, prefixes: list[str], plu: int, *measures: str) -> dict[str, Any]:
    """One profile as it stands in the rule book."""
    return {"digits": digits, "prefixes": prefixes, "plu_digits": plu, "measures": list(measures)}


@pytest.mark.parametrize(
    ("text", "given", "plu", "amount", "price"),
    [
        ("2112345015002", profile(13, ["21"], 5, "grams"), "12345", Decimal("1.5"), None),
        ("2112345015002", profile(13, ["21"], 5, "fen"), "12345", None, Decimal(15)),
        ("2112345015002", profile(13, ["2"], 5, "grams"), "11234", Decimal("501.5"), None),
        ("2112345015002", profile(13, ["22"], 5, "grams"), "12345", None, None),  # another kind of label
        ("2112345015002", profile(13, ["21"], 4, "unknown_measure"), "1234", None, None),
        ("211234501500023456", profile(18, ["21"], 5, "grams", "fen"), "12345", Decimal("1.5"), Decimal("23.45")),
        ("211234501500023456", profile(18, ["21"], 5, "fen", "grams"), "12345", Decimal("2.345"), Decimal(15)),
    ],
)
def test_the_profile_says_what_the_digits_mean(
    text: str, given: dict[str, Any], plu: str, amount: Decimal | None, price: Decimal | None
) -> None:
    code = by_profile(parse_code(text), profiles_of({"profiles": [given]}))
    assert (code.plu, code.amount, code.price) == (plu, amount, price)
    assert code.unit == ("KGM" if amount else None)
    assert by_profile(code, profiles_of({"profiles": [given]})) == code


def test_without_a_profile_the_measure_stays_unknown_and_other_codes_are_left_alone() -> None:
    assert by_profile(parse_code("2112345015002"), ()).amount is None
    gtin = parse_code("6901028075763")
    assert by_profile(gtin, profiles_of({"profiles": [profile(13, ["2"], 5, "grams")]})) == gtin


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"profiles": 3},
        {"profiles": [{}]},
        {"profiles": [profile(12, ["21"], 5, "grams")]},
        {"profiles": [profile(13, ["31"], 5, "grams")]},
        {"profiles": [profile(13, [], 5, "grams")]},
        {"profiles": [profile(13, ["21"], 9, "grams")]},
        {"profiles": [profile(13, ["21"], 5)]},
        {"profiles": [profile(13, ["21"], 5, "grams", "fen")]},
        {"profiles": [profile(13, ["21"], 5, "ounces")]},
        {"profiles": [profile(13, ["２1"], 5, "grams")]},
    ],
)
def test_a_profile_that_could_read_nothing_is_refused(value: Any) -> None:
    with pytest.raises(Invalid):
        profiles_of(value)
