"""Fields that refuse what a database or a person could not take: each bound has a reason."""

import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

MAX_INTEGER = 2**31 - 1


class Strict(Schema):
    """A body or query whose unknown fields are refused: a typo is told, not ignored."""


class Text(fields.String):
    """Text without NUL, control characters or lone surrogates, blank ends cut, at most `most` characters."""

    def __init__(self, *, most: int = 200, least: int = 0, **kwargs: Any):
        super().__init__(validate=validate.Length(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        for character in text or "":
            if character != "\x1d" and unicodedata.category(character) in ("Cc", "Cs") and character not in "\r\n\t":
                raise ValidationError(f"Holds the character U+{ord(character):04X}, which no text here may hold.")
        return (text or "").strip(" \r\n\t")


class Word(fields.Enum[Any]):
    """One of the words of an enumeration, by value."""

    def __init__(self, enum: Any, **kwargs: Any):
        super().__init__(enum, by_value=True, **kwargs)


class Number(fields.Integer):
    """A whole number between `least` and `most`; no fraction, no text longer than a number is."""

    def __init__(self, *, least: int = 0, most: int = MAX_INTEGER, **kwargs: Any):
        super().__init__(strict=False, validate=validate.Range(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or len(str(value)) > 20:
            raise self.make_error("invalid")
        if isinstance(value, Decimal | float) and value != int(value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Amount(fields.Decimal):
    """A quantity: at most 9 digits before the point and 6 behind (15 in all, so that a double writes it exactly)."""

    def __init__(self, *, least: Decimal = Decimal(0), most: Decimal = Decimal(999_999_999), **kwargs: Any):
        super().__init__(allow_nan=False, validate=validate.Range(min=least, max=most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or len(str(value)) > 24:
            raise self.make_error("invalid")
        number = super()._deserialize(value, attr, data, **kwargs)
        # Rounding more than 28 digits (1e300) is an error of its own; such a number is out of range anyway.
        if isinstance(number, Decimal) and number.adjusted() < 20 and number != round(number, 6):
            raise ValidationError("Has more than 6 digits behind the point.")
        return number


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
