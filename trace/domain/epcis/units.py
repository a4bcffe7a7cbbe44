"""Units of measure: amounts compared across units, by pint.

A unit is a common code of UN/ECE Recommendation 20 (`CEL`, `KGM`); `data/units.toml` says which and what they mean.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal, Overflow
from functools import lru_cache
from importlib import resources

# Two amounts of different units are equal if they agree to twelve digits: 98.6 FAH is 37 CEL, though 5/9 has no end.
_DIGITS = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Scale:
    """How a unit's amounts become those of its kind's base unit: `amount * factor + offset`."""

    kind: str
    factor: Decimal
    offset: Decimal


def compare(amount: Decimal | int, unit: str, other: Decimal | int, other_unit: str, *, spread: bool) -> int | None:
    """-1, 0 or 1 as the first amount is less than, equal to or more than the other; None where units do not compare.

    `spread` is for differences (a standard deviation): 1 CEL of spread is 1.8 FAH, whatever the zeros of the scales.
    Equal codes compare exactly, also those that are in no table.
    """
    if unit == other_unit:
        return (amount > other) - (amount < other)
    scale, other_scale = scales().get(unit), scales().get(other_unit)
    if scale is None or other_scale is None or scale.kind != other_scale.kind:
        return None
    try:
        first, second = amount * scale.factor, other * other_scale.factor
        if not spread:
            first, second = first + scale.offset, second + other_scale.offset
        difference = first - second
    except Overflow:  # a number of a million digits: nothing is measured so
        return None
    if abs(difference) <= _DIGITS * max(abs(first), abs(second)):
        return 0
    return 1 if difference > 0 else -1


@lru_cache(maxsize=1)
def scales() -> dict[str, Scale]:
    """{code: scale} of all codes in `data/units.toml`.

    Made when the first query asks for a unit: pint reads a thousand definitions, which takes half a second.
    """
    import pint  # noqa: PLC0415 - see above

    registry = pint.UnitRegistry(non_int_type=Decimal)
    found: dict[str, Scale] = {}
    for kind, units in _tables().items():
        for code, unit in units.items():
            parsed = registry.Quantity(registry.parse_expression(unit))
            zero, one = (
                Decimal(registry.Quantity(n * parsed.magnitude, parsed.units).to_base_units().magnitude) for n in (0, 1)
            )
            found[code] = Scale(kind, one - zero, zero)
    return found


def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads((resources.files("trace.domain") / "data" / "units.toml").read_text(encoding="utf-8"))
