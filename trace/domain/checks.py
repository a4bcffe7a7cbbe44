"""Doubts about identifiers: what they are about, and the GS1 check digit. A doubt is shown; it does not block (R20)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trace.domain.failures import N_


class Reason(StrEnum):
    """What a doubt is about."""

    SHAPE = "shape"  # too short, a letter where a digit belongs: it cannot be such a number
    CHECK_DIGIT = "check_digit"  # it could be, but a digit was misread, or it is one of the real numbers that fail
    REGION = "region"  # the administrative division in it is not known
    GS1 = "gs1"  # an application identifier could not be read
    DATE = "date"  # a date in it is no day of the calendar


@dataclass(frozen=True, slots=True)
class IdentifierWarning:
    """A doubt: its reason, a translatable text, and the values that fill the text."""

    reason: Reason
    message: str
    values: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.message.format(**self.values)

    def as_dict(self) -> dict[str, Any]:
        """As it is kept in a record and answered by the API."""
        return {"message": self.message, "values": dict(self.values)}


_CHECK_DIGIT = N_("The check digit of {number} is wrong: read it again, or confirm that it is printed like this.")


def check_digit(digits: str) -> str:
    """The GS1 mod-10 check digit of the digits before it (GS1 General Specifications 7.9)."""
    codes = digits.encode("ascii")  # "0" is 48
    triple, single = codes[::-2], codes[-2::-2]
    return str((48 * (3 * len(triple) + len(single)) - 3 * sum(triple) - sum(single)) % 10)


def is_check_digit_right(digits: str) -> bool:
    """Whether a text is digits of which the last is the GS1 check digit of those before it."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    # Every identifier of every captured event comes here: sums over bytes take a sixth of the time of `check_digit`.
    codes = digits.encode("ascii")
    single, triple = codes[-1::-2], codes[-2::-2]
    return (sum(single) + 3 * sum(triple) - 48 * (len(single) + 3 * len(triple))) % 10 == 0  # "0" is 48


def check_gs1_digit(digits: str) -> tuple[IdentifierWarning, ...]:
    """The doubt about a GS1 number whose check digit is wrong; nothing for a right one."""
    return () if is_check_digit_right(digits) else (wrong_digit(digits),)


def wrong_digit(number: str) -> IdentifierWarning:
    """The doubt about a number whose check digit or character is wrong."""
    return IdentifierWarning(Reason.CHECK_DIGIT, _CHECK_DIGIT, {"number": number})
