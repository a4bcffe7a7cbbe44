"""What a sensor tells in one MQTT message: `4.5`, or JSON with temperature, humidity and time, as gateways write it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from trace.domain.climate import Reading
from trace.domain.failures import N_, Invalid

LONGEST = 4_096  # bytes of a message
_CELSIUS = ("temperature", "temp", "t", "celsius", "温度")
_HUMIDITY = ("humidity", "hum", "h", "rh", "湿度")
_TIME = ("time", "timestamp", "ts", "measured_at", "at")
_COLDEST, _WARMEST = Decimal(-60), Decimal(80)  # of a shop; what lies beyond is no thermometer in order
_OLDEST = timedelta(days=31)  # that a gateway may have kept back
_MILLISECONDS = Decimal(10) ** 11  # a number of seconds as large is the year 5138


def read_message(payload: bytes, *, received: datetime, retained: bool = False) -> Reading:
    """The reading of a message: its own time, else when it was received.

    A message that the broker kept for us (`retained`) was told some time ago: without a time of its own it says
    nothing. Raises `Invalid` for what is no reading, or one of a time that cannot be.
    """
    told = _told(payload)
    celsius = _number(told, _CELSIUS)
    if celsius is None or not _COLDEST <= celsius <= _WARMEST:
        raise Invalid(N_("The message has no temperature between {low} and {high} °C."), low=_COLDEST, high=_WARMEST)
    humidity = _number(told, _HUMIDITY)
    if humidity is not None and not 0 <= humidity <= 100:
        humidity = None
    at = _moment(told)
    if at is None and retained:
        raise Invalid(N_("The message was kept by the broker and says no time."))
    if at is not None and received - at > _OLDEST:
        raise Invalid(N_("The message is of {time}: the sensor's clock is wrong."), time=at.isoformat())
    moment = (at or received).replace(microsecond=0)
    return Reading(moment, round(celsius * 100), None if humidity is None else round(humidity * 100))


def _told(payload: bytes) -> Mapping[str, Any]:
    """What a message holds by name; a number alone is a temperature."""
    if len(payload) > LONGEST:
        raise Invalid(N_("A message has at most {most} bytes."), most=LONGEST)
    try:
        told = json.loads(payload.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise Invalid(N_("The message is neither a number nor JSON.")) from fault
    if isinstance(told, dict):
        return {name.lower(): value for name, value in told.items()}
    return {"temperature": told}


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)  # NaN, Infinity


def _number(told: Mapping[str, Any], names: tuple[str, ...]) -> Decimal | None:
    """The first of the names that is a number, also as text."""
    for name in names:
        value = told.get(name)
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool) and len(str(value)) <= 24:
            try:
                number = Decimal(value)
            except InvalidOperation:
                continue
            if number.is_finite() and abs(number) < 10**15:
                return number
    return None


def _moment(told: Mapping[str, Any]) -> datetime | None:
    """The time that a message says, aware: ISO 8601 with an offset, or seconds (milliseconds) since 1970.

    A time without an offset may mean two things and is none.
    """
    seconds = _number(told, _TIME)
    try:
        if seconds is not None:
            seconds = seconds / 1000 if seconds > _MILLISECONDS else seconds
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
        text = next((told[name] for name in _TIME if isinstance(told.get(name), str)), "")
        at = datetime.fromisoformat(text[:40])
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo is not None else None
