"""The shapes of zones and their climate on the wire."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.fields import Amount, Day, Moment, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.climate import ZoneKind

MANY_ZONES = 60


def _degrees() -> Amount:
    return Amount(least=Decimal(-60), most=Decimal(80), load_default=None, allow_none=True)


def _percent() -> Amount:
    return Amount(least=Decimal(0), most=Decimal(100), load_default=None, allow_none=True)


class BoundsFields(Strict):
    """The house's own bounds, all of them or none: degrees Celsius, percent."""

    low = _degrees()
    high = _degrees()
    humidity_low = _percent()
    humidity_high = _percent()

    @validates_schema
    def check_order(self, data: dict[str, Any], **_: Any) -> None:
        """The lower end comes first."""
        for low, high in (("low", "high"), ("humidity_low", "humidity_high")):
            least, most = data.get(low), data.get(high)
            if least is not None and most is not None and least > most:
                raise ValidationError("Give both ends of the range, the lower one first.", low)


class ZoneRequest(CommandRequest, BoundsFields):
    """A new zone; without bounds the rule book's for its kind hold."""

    name = Text(most=60, least=1, required=True)
    kind = Word(ZoneKind, required=True)
    sensor = Text(most=40, load_default="", metadata={"description": "The last part of its sensor's topic."})


class ZoneChangeRequest(CommandRequest, BoundsFields):
    """Other bounds or another sensor; none means the rule book's, and no sensor."""

    sensor = Text(most=40, load_default="")
    reason = Text(most=200, least=1, required=True)


class ZoneClosingRequest(CommandRequest):
    """Why a zone is used no more."""

    reason = Text(most=200, least=1, required=True)


class TypedRequest(Strict):
    """What somebody read off one zone's thermometer."""

    zone = Text(most=26, least=1, required=True)
    celsius = Amount(least=Decimal(-999), most=Decimal(999), required=True)
    humidity = Amount(least=Decimal(0), most=Decimal(999), load_default=None, allow_none=True)
    action = Text(most=200, load_default="", metadata={"description": "What was done, where it is out of range."})


class ReadingsRequest(CommandRequest):
    """Readings of some zones at one moment."""

    readings = fields.List(fields.Nested(TypedRequest), required=True, validate=validate.Length(min=1, max=MANY_ZONES))
    late_reason = Text(
        most=200, load_default="", metadata={"description": "Why it is typed long after it was read (happened_at)."}
    )


class ExcursionRequest(CommandRequest):
    """What was done about a stay outside the range; `about` is the time of one of its readings."""

    about = Moment(required=True)
    action = Text(most=200, least=1, required=True)


class DayQuery(Strict):
    """Which day; today where none is named."""

    day = Day(load_default=None, allow_none=True)


class RecordQuery(Strict):
    """Which days of a zone; an inspector names the shop."""

    first = Day(load_default=None, allow_none=True)
    last = Day(load_default=None, allow_none=True)
    shop = Text(most=26, load_default="")


class LogQuery(Strict):
    """What goods on the way may have, in degrees Celsius; the acceptance their log belongs to."""

    low = Amount(least=Decimal(-200), most=Decimal(150), required=True)
    high = Amount(least=Decimal(-200), most=Decimal(150), required=True)
    acceptance = Text(most=26, least=1, load_default=None, allow_none=True)
