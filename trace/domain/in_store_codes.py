"""What the digits of a shop's own codes mean: by the shop's profile (`domain.md` section 7; GB/T 18283).

A scale prints prefix, PLU, and weight or price; how many digits each has is the shop's own affair, and a PLU of one
shop says nothing in another. The profile is the house entry `in_store_codes` of the rule book:

    { profiles = [ { digits = 13, prefixes = ["21"], plu_digits = 5, measures = ["grams"] },
                   { digits = 18, prefixes = ["2"],  plu_digits = 6, measures = ["grams", "fen"] } ] }

`digits` counts the check digit. What is left between PLU and check digit is shared out evenly among the measures, in
this order. Codes that no profile fits are read as without one: five digits of PLU, five of an unknown measure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trace.domain.code_values import Code, CodeKind
from trace.domain.failures import N_, Invalid

ENTRY = "in_store_codes"
_LENGTHS = (13, 18)


class Measure(StrEnum):
    """What digits behind the PLU say."""

    GRAMS = "grams"
    FEN = "fen"  # hundredths of a yuan
    UNKNOWN = "unknown_measure"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of label of a shop is read."""

    digits: int
    prefixes: tuple[str, ...]
    plu_digits: int
    measures: tuple[Measure, ...]

    def fits(self, text: str) -> bool:
        """Whether a code is of this kind."""
        return len(text) == self.digits and text.startswith(self.prefixes)

    def parts(self, text: str) -> tuple[str, list[str]]:
        """(PLU, the digits of each measure) of a code that fits; the longest prefix counts."""
        prefix = max((known for known in self.prefixes if text.startswith(known)), key=len)
        plu, rest = text[len(prefix) :][: self.plu_digits], text[len(prefix) + self.plu_digits : -1]
        each = len(rest) // len(self.measures)
        return plu, [rest[n * each : (n + 1) * each] for n in range(len(self.measures))]


def profiles_of(value: Any) -> tuple[Profile, ...]:
    """The profiles of an entry's value; raises `Invalid` for one that could not be read so."""
    given = value.get("profiles") if isinstance(value, Mapping) else None
    if not isinstance(given, list):
        raise Invalid(N_("A profile of in-store codes is a list under the name profiles."), field="value")
    return tuple(_profile(one) for one in given)


def _profile(given: Any) -> Profile:
    try:
        profile = Profile(
            int(given["digits"]),
            tuple(str(prefix) for prefix in given["prefixes"]),
            int(given["plu_digits"]),
            tuple(Measure(measure) for measure in given["measures"]),
        )
    except (KeyError, TypeError, ValueError) as fault:
        text = N_("A profile names digits (13 or 18), prefixes, plu_digits and measures (grams, fen, unknown_measure).")
        raise Invalid(text, field="value") from fault
    prefixes_right = profile.prefixes and all(
        prefix.isascii() and prefix.isdigit() and prefix.startswith("2") and len(prefix) <= 3
        for prefix in profile.prefixes
    )
    left = profile.digits - 1 - max(map(len, profile.prefixes or ("",))) - profile.plu_digits
    if profile.digits not in _LENGTHS or not prefixes_right or not 1 <= profile.plu_digits <= 7:
        text = N_("In-store codes have 13 or 18 digits, prefixes that begin with 2, and a PLU of 1 to 7 digits.")
        raise Invalid(text, field="value")
    if not profile.measures or left < 3 * len(profile.measures):
        raise Invalid(N_("Too few digits are left for the measures behind the PLU."), field="value")
    return profile


def by_profile(code: Code, profiles: Iterable[Profile]) -> Code:
    """An in-store code as the shop reads it: PLU, amount in kg, price in yuan; any other code as it is."""
    if code.kind not in (CodeKind.IN_STORE, CodeKind.SCALE_LABEL):
        return code
    profile = next((known for known in profiles if known.fits(code.text)), None)
    if profile is None:
        return code
    plu, digits = profile.parts(code.text)
    said = {measure: int(part) for measure, part in zip(profile.measures, digits, strict=True)}
    grams, fen = said.get(Measure.GRAMS), said.get(Measure.FEN)
    return replace(
        code,
        plu=plu,
        measure=digits[0],
        amount=Decimal(grams) / 1000 if grams else None,
        unit="KGM" if grams else None,
        price=Decimal(fen) / 100 if fen else None,
    )
