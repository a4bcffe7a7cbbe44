"""Money is whole fen where it is paid, and exact where it is a price for one."""

from decimal import Decimal

import pytest

from trace.domain.money import line_price, money_text


@pytest.mark.parametrize(
    ("price", "amount", "paid"),
    [
        ("19.90", "1", "19.90"),
        ("19.90", "3", "59.70"),
        ("0.1", "3", "0.30"),  # a float would have 0.30000000000000004
        ("19.90", "0.125", "2.49"),  # three of 24 capsules: 2.4875
        ("0.01", "0.5", "0.01"),  # half a fen is one
        ("0", "2", "0.00"),
        ("999999999.99", "999", "998999999990.01"),
    ],
)  # fmt: skip
def test_a_line_costs_whole_fen(price: str, amount: str, paid: str) -> None:
    assert str(line_price(Decimal(price), Decimal(amount))) == paid


@pytest.mark.parametrize(
    ("price", "text"), [("12.8", "12.80"), ("12", "12.00"), ("1E+2", "100.00"), ("12.8333", "12.8333")]
)  # fmt: skip
def test_a_price_is_written_with_two_digits_and_more_only_where_it_has_them(price: str, text: str) -> None:
    assert money_text(Decimal(price)) == text
