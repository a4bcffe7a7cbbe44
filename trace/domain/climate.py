"""Temperature and humidity: what a zone or a cold delivery may have, what was measured, and where it left the range.

Temperatures are whole hundredths of a degree Celsius, humidities whole hundredths of a percent: no floats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from math import exp, fsum, log
from typing import Any

HUNDRED = Decimal(100)


class ZoneKind(StrEnum):
    """What a zone is for: normal temperature (常温), cool (阴凉), cold (冷藏), or what may not be sold (不合格品)."""

    ROOM = "room"
    COOL = "cool"
    COLD = "cold"
    QUARANTINE = "quarantine"


class Source(StrEnum):
    """Who read the thermometer: a person, a logger whose file was brought in, a sensor."""

    TYPED = "typed"
    FILE = "file"
    SENSOR = "sensor"


_KELVIN = 273.15  # of 0 °C
_GAS = 8.314462618  # J/(mol K)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be, both ends included; None where an end is open. Hundredths of a degree and of a percent."""

    low: int | None = None
    high: int | None = None
    humidity_low: int | None = None
    humidity_high: int | None = None

    def within(self, wider: "Bounds") -> bool:
        """Whether nothing is allowed here that the wider bounds do not allow."""
        return (
            _ends_within(self.low, self.high, wider.low, wider.high)
            and _ends_within(self.humidity_low, self.humidity_high, wider.humidity_low, wider.humidity_high)
        )  # fmt: skip

    def hold(self, reading: "Reading") -> bool:
        """Whether what was measured lies within; what was not measured does."""
        return _lies(reading.celsius, self.low, self.high) and _lies(
            reading.humidity, self.humidity_low, self.humidity_high
        )


def _ends_within(low: int | None, high: int | None, least: int | None, most: int | None) -> bool:
    return (least is None or (low is not None and low >= least)) and (
        most is None or (high is not None and high <= most)
    )


def _lies(value: int | None, low: int | None, high: int | None) -> bool:
    return value is None or ((low is None or low <= value) and (high is None or value <= high))


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: when (aware), hundredths of a degree Celsius, hundredths of a percent of relative humidity."""

    at: datetime
    celsius: int | None
    humidity: int | None = None


@dataclass(frozen=True, slots=True)
class Excursion:
    """One stay outside the bounds: from its first reading outside until the next inside, or the last of all.

    `coldest` and `warmest` are of the readings outside; None where only the humidity was.
    """

    begin: datetime
    until: datetime
    coldest: int | None
    warmest: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A log in short; `gap_seconds` is the longest time between two readings."""

    begin: datetime
    end: datetime
    readings: int
    coldest: int
    warmest: int
    kinetic: int
    gap_seconds: int
    excursions: tuple[Excursion, ...]

    @property
    def inside(self) -> bool:
        """Whether the whole log lies within its bounds."""
        return not self.excursions


def summarise(readings: Sequence[Reading], bounds: Bounds, *, activation_energy: Decimal) -> Summary:
    """A log of temperatures in order of time, in short; raises `ValueError` for one without any.

    `activation_energy`, in kJ/mol, is that of the mean kinetic temperature.
    """
    known = [reading.celsius for reading in readings if reading.celsius is not None]
    if not known:
        raise ValueError("a log without a temperature has no summary")
    return Summary(
        readings[0].at,
        readings[-1].at,
        len(readings),
        min(known),
        max(known),
        mean_kinetic(known, activation_energy),
        max((int((after.at - before.at).total_seconds()) for before, after in pairwise(readings)), default=0),
        tuple(excursions(readings, bounds)),
    )


def excursions(readings: Sequence[Reading], bounds: Bounds) -> Iterator[Excursion]:
    """The stays outside the bounds, of readings in order of time."""
    outside: list[Reading] = []
    for reading in readings:
        if not bounds.hold(reading):
            outside.append(reading)
        elif outside:
            yield _excursion(outside, reading.at)
            outside = []
    if outside:
        yield _excursion(outside, outside[-1].at)


def _excursion(outside: Sequence[Reading], until: datetime) -> Excursion:
    known = [reading.celsius for reading in outside if reading.celsius is not None]
    return Excursion(outside[0].at, until, min(known, default=None), max(known, default=None))


def mean_kinetic(celsius: Sequence[int], activation_energy: Decimal) -> int:
    """The mean kinetic temperature (USP <1079>) of readings at equal intervals, in hundredths of a degree.

    The one temperature at which as much would have decayed as at all of these: warm hours weigh more than cold ones.
    """
    slope = float(activation_energy) * 1000 / _GAS
    rate = fsum(exp(-slope / (value / 100 + _KELVIN)) for value in celsius) / len(celsius)
    return round((slope / -log(rate) - _KELVIN) * 100)


def thinned(readings: Sequence[Reading], most: int) -> list[tuple[int, int]]:
    """At most so many points of the curve, (seconds since the first reading, hundredths of a degree).

    Of each stretch of time the coldest and the warmest reading stay, so that no peak is lost.
    """
    known = [(reading.at, reading.celsius) for reading in readings if reading.celsius is not None]
    points = [(int((at - readings[0].at).total_seconds()), celsius) for at, celsius in known]
    if len(points) <= most:
        return points
    stretch = -(-len(points) // max(most // 2, 1))
    kept: list[tuple[int, int]] = []
    for first in range(0, len(points), stretch):
        part = points[first : first + stretch]
        ends = {min(range(len(part)), key=lambda n: part[n][1]), max(range(len(part)), key=lambda n: part[n][1])}
        kept += [part[n] for n in sorted(ends)]
    return kept


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day that wants a reading of each zone: its word and its hours [first, last)."""

    word: str
    first: int
    last: int

    def bounds(self, day: date, zone: Any) -> tuple[datetime, datetime]:
        """When it begins and ends on a day, in a zone of time."""
        midnight = datetime.combine(day, time(), zone)
        return midnight + timedelta(hours=self.first), midnight + timedelta(hours=self.last)


def as_degrees(hundredths: int) -> Decimal:
    """Hundredths as an exact number of degrees or percent, without needless zeros."""
    return (Decimal(hundredths) / HUNDRED).normalize() + 0
