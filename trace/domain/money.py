"""Money: yuan as `Decimal`, never a float; what is paid for a line is whole fen (分)."""

from decimal import ROUND_HALF_UP, Decimal

FEN = Decimal("0.01")
MOST_PAID = 999_999_999  # yuan for a line: more is a slip, and would not fit where it is stored


def line_price(price: Decimal, amount: Decimal) -> Decimal:
    """What so many of a thing cost, in yuan, to the fen (half a fen is one): `price` is for one.

    Of a pack sold in parts (拆零) `amount` is its part of one, so what is paid for all its parts may differ from the
    price of the pack by some fen.
    """
    return (price * amount).quantize(FEN, ROUND_HALF_UP)


def money_text(price: Decimal) -> str:
    """A price as it is written: 12.80, and with more digits only where it has them (12.8333)."""
    return f"{price.quantize(FEN)}" if price == price.quantize(FEN) else f"{price.normalize():f}"
