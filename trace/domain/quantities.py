"""A quantity as it stands on a paper -> a number and a unit; what is not plainly one of both is none.

Nothing is guessed: a range, "about", a sum, a number of cases whose content the paper does not tell, a comma that could
be a decimal one, all are None, and a person types the number.
"""

import re
import unicodedata
from decimal import Decimal

from trace.domain.epcis.vocabulary import KILOGRAM, PIECE

GRAM, LITRE = "GRM", "LTR"  # UN/ECE recommendation 20
# How a unit is written -> (unit, how much of it one is). 斤 is the market pound of 500 g, 两 a tenth of it.
_UNITS: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("kg", "kgs", "kgm", "千克", "公斤"), (KILOGRAM, Decimal(1))),
    **dict.fromkeys(("斤", "市斤"), (KILOGRAM, Decimal("0.5"))),
    **dict.fromkeys(("两", "市两"), (KILOGRAM, Decimal("0.05"))),
    **dict.fromkeys(("g", "grm", "克"), (KILOGRAM, Decimal("0.001"))),
    **dict.fromkeys(("t", "吨"), (KILOGRAM, Decimal(1000))),
    **dict.fromkeys(("l", "ltr", "升"), (LITRE, Decimal(1))),
    **dict.fromkeys(("ml", "毫升"), (LITRE, Decimal("0.001"))),
    **dict.fromkeys(("ea", "个", "只", "枚", "头", "羽", "尾", "盒", "瓶", "袋"), (PIECE, Decimal(1))),
}
_WRITTEN = re.compile(r"([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(\.[0-9]{1,6})? ?([a-z]{1,3}|[^\W\d_a-z]{1,2})")
MOST = Decimal(999_999_999)


def parse_quantity(text: str) -> tuple[Decimal, str] | None:
    """(amount above zero, unit: KGM, LTR or EA) of a text such as `500 kg`, `500公斤` or `1,200斤`; else None."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    found = _WRITTEN.fullmatch(plain)
    if found is None or found[3] not in _UNITS:
        return None
    unit, each = _UNITS[found[3]]
    amount = Decimal(found[1].replace(",", "") + (found[2] or "")) * each
    if not 0 < amount <= MOST or amount != round(amount, 6):
        return None
    return amount.normalize() + 0, unit


def comparable(amount: Decimal, unit: str) -> tuple[Decimal, str]:
    """The amount in the unit in which such goods are compared: grams count as kilograms."""
    return (amount / 1000, KILOGRAM) if unit == GRAM else (amount, unit)
