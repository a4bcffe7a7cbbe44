"""Fields that refuse what a database or a person could not take: each bound has a reason."""

from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from trace.domain.characters import find_unreadable

MAX_INTEGER = 2**31 - 1


class Strict(Schema):
    """A body or query whose unknown fields are refused: a typo is told, not ignored."""


class Text(fields.String):
    """Text without NUL, control characters or lone surrogates, blank ends cut, at most `most` characters."""

    def __init__(self, *, most: int = 200, least: int = 0, **kwargs: Any):
        super().__init__(validate=validate.Length(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs) or ""
        _refuse_unreadable(text)
        return text.strip(" \r\n\t")


class Secret(fields.String):
    """A password: kept to the character, blanks included, but of characters that can be hashed; never answered."""

    def __init__(self, *, least: int, most: int = 200, **kwargs: Any):
        super().__init__(load_only=True, validate=validate.Length(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs) or ""
        _refuse_unreadable(text)
        return text


def _refuse_unreadable(text: str) -> None:
    found = find_unreadable(text)
    if found:
        raise ValidationError(f"Holds the character U+{ord(found):04X}, which no text here may hold.")


class Word(fields.Enum[Any]):
    """One of the words of an enumeration, by value."""

    def __init__(self, enum: Any, **kwargs: Any):
        super().__init__(enum, by_value=True, **kwargs)


def is_absurd(value: Any, *, most: int) -> bool:
    """Whether a value cannot be a number of at most `most` characters: true, NaN, 1e300, 10**5000."""
    if isinstance(value, bool):
        return True
    if isinstance(value, Decimal):
        return not value.is_finite() or abs(value) >= 10**most
    if isinstance(value, int | float):
        return not abs(value) < 10**most  # NaN is not less than anything
    return len(str(value)) > most or "_" in str(value)  # Python reads 1_0 as ten; nobody writes it so


class Number(fields.Integer):
    """A whole number between `least` and `most`; no fraction, no text longer than a number is."""

    def __init__(self, *, least: int = 0, most: int = MAX_INTEGER, **kwargs: Any):
        super().__init__(strict=False, validate=validate.Range(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if is_absurd(value, most=20) or (isinstance(value, Decimal | float) and value % 1 != 0):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Amount(fields.Decimal):
    """A quantity: at most 9 digits before the point and 6 behind (15 in all, so that a double writes it exactly)."""

    def __init__(self, *, least: Decimal = Decimal(0), most: Decimal = Decimal(999_999_999), **kwargs: Any):
        super().__init__(allow_nan=False, validate=validate.Range(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if is_absurd(value, most=24):
            raise self.make_error("invalid")
        number = super()._deserialize(value, attr, data, **kwargs)
        if not number:
            return number if number is None else Decimal(0)  # -0 and 0E+999999 are 0
        if number.adjusted() > 20:
            return number  # out of range, which the validator says
        if number.adjusted() < -6 or number != round(number, 6):
            raise ValidationError("Has more than 6 digits behind the point.")
        return number.normalize() + 0  # 1E+3 is 1000


class Day(fields.Date):
    """A date as YYYY-MM-DD between 1990 and 2100."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value == "":
            return None
        day = super()._deserialize(value, attr, data, **kwargs)
        if isinstance(day, date) and not date(1990, 1, 1) <= day <= date(2100, 12, 31):
            raise ValidationError("Is not between 1990-01-01 and 2100-12-31.")
        return day


class Moment(fields.AwareDateTime):
    """A time with its offset, between 1990 and 2100."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        moment = super()._deserialize(value, attr, data, **kwargs)
        if not 1990 <= moment.year <= 2100:
            raise ValidationError("Is not between the years 1990 and 2100.")
        return moment
