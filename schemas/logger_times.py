"""Times as data loggers write them: 2026-11-24 10:30:00, 2026年11月24日 10时30分, 24.11.2026 10:30, 11/24/26 10:30 PM.

What 03/04/26 means, only the whole file can tell: each text is read as far as it is certain, then the order of year,
month and day is found for all of them at once, or asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from trace.domain.failures import N_, Invalid

_CLOCK = re.compile(r"(\d{1,2})[:点时](\d{1,2})(?:[:分](\d{1,2})(?:[.,]\d{1,6})?)?[分秒]?")
_DAY = re.compile(r"(\d{4}|\d{1,2})[-/.年](\d{1,2})[-/.月](\d{4}|\d{1,2})日?")
_NAMED = re.compile(r"(\d{1,2})[- ./]([A-Za-z]{3})[a-z]*[- ./,]+(\d{4})")
_NAMED_FIRST = re.compile(r"([A-Za-z]{3})[a-z]*[- ./]+(\d{1,2})[- ./,]+(\d{4})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})[T ]?(\d{2}):?(\d{2}):?(\d{2})?")
_MONTHS = {"janfebmaraprmayjunjulaugsepoctnovdec"[3 * n : 3 * n + 3]: n + 1 for n in range(12)}
_OFFSET = re.compile(r"(?:([zZ])|([+-])(\d{2}):?(\d{2}))$")
_AFTERNOON = re.compile(r"(?i)下午|晚上|\bp\.?m\b\.?|(?<=\d)pm")
_FORENOON = re.compile(r"(?i)上午|凌晨|\ba\.?m\b\.?|(?<=\d)am")
_ORDERS = ("ymd", "dmy", "mdy")
_LATE = timedelta(days=1)  # a logger's clock may be a zone ahead
_OLD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Written:
    """A time as far as its text alone is certain: three numbers of a day in the order written, the orders they allow,
    the clock in seconds since midnight, and the offset where one is written."""

    day: tuple[int, int, int]
    orders: tuple[str, ...]
    seconds: int
    offset: timezone | None


def read_time(text: str) -> Written | None:
    """What a text in half width says of a day and a clock; None where it is no such text, or a part cannot be."""
    offset, rest = _offset(text.strip())
    compact = _COMPACT.fullmatch(rest)
    if compact:
        year, month, date, hour, minute, second = (int(part or 0) for part in compact.groups())
        return _written((year, month, date), ("ymd",), (hour, minute, second), offset)
    late, early = bool(_AFTERNOON.search(rest)), bool(_FORENOON.search(rest))
    rest = _AFTERNOON.sub(" ", _FORENOON.sub(" ", rest))
    found = _day(rest)
    if found is None:
        return None
    day, orders, end = found
    clock = _CLOCK.fullmatch(rest[end:].strip(" T,"))
    if clock is None:
        return None
    hour, minute, second = (int(part or 0) for part in clock.groups())
    if (late or early) and hour <= 12:
        hour = hour % 12 + (12 if late else 0)
    return _written(day, orders, (hour, minute, second), offset)


def _offset(text: str) -> tuple[timezone | None, str]:
    found = _OFFSET.search(text)
    # "-" before four digits is an offset after a clock only; else it parts a date.
    if found is None or ":" not in text[: found.start()]:
        return None, text
    zulu, sign, hours, minutes = found.groups()
    if zulu:
        return timezone(timedelta()), text[: found.start()].strip()
    span = timedelta(hours=int(hours), minutes=int(minutes))
    if span >= timedelta(hours=15):
        return None, text
    return timezone(-span if sign == "-" else span), text[: found.start()].strip()


def _day(text: str) -> tuple[tuple[int, int, int], tuple[str, ...], int] | None:
    """(three numbers, orders they allow, where the rest begins)."""
    named = _NAMED.match(text)
    if named and named[2].lower() in _MONTHS:
        return (int(named[1]), _MONTHS[named[2].lower()], int(named[3])), ("dmy",), named.end()
    named = _NAMED_FIRST.match(text)
    if named and named[1].lower() in _MONTHS:
        return (_MONTHS[named[1].lower()], int(named[2]), int(named[3])), ("mdy",), named.end()
    found = _DAY.match(text)
    if found is None:
        return None
    first, last = found[1], found[3]
    if "年" in found[0] or len(first) == 4:
        orders: tuple[str, ...] = ("ymd",)
    else:
        orders = ("dmy", "mdy") if len(last) == 4 else _ORDERS
    return (int(first), int(found[2]), int(last)), orders, found.end()


def _written(
    day: tuple[int, int, int], orders: tuple[str, ...], clock: tuple[int, int, int], offset: timezone | None
) -> Written | None:
    hour, minute, second = clock
    possible = tuple(order for order in orders if _moment(day, order, 0) is not None)
    if hour > 23 or minute > 59 or second > 59 or not possible:
        return None
    return Written(day, possible, hour * 3600 + minute * 60 + second, offset)


def _moment(day: tuple[int, int, int], order: str, seconds: int) -> datetime | None:
    parts = dict(zip(order, day, strict=True))
    year = parts["y"] + (2000 if parts["y"] < 100 else 0)
    try:
        return datetime(year, parts["m"], parts["d"]) + timedelta(seconds=seconds)  # noqa: DTZ001 (a zone is put on)
    except (ValueError, OverflowError):
        return None


def as_moments(written: Sequence[Written], *, zone: tzinfo, now: datetime) -> list[datetime]:
    """The times of one file, aware: those without an offset are of the `zone`.

    Of several orders of year, month and day that all texts allow, those are out in which the log ends in the future or
    more than a year ago, then the one counts in which it is shortest (read wrongly, the days of a log jump from month
    to month). Raises `Invalid` where that does not decide.
    """
    allowed = set(_ORDERS).intersection(*(one.orders for one in written))
    if not allowed:
        raise Invalid(N_("The dates in the file are not all in the same order of day, month and year."), field="file")
    read = {order: [_aware(one, order, zone) for one in written] for order in _ORDERS if order in allowed}
    if len(read) > 1:
        likely = {order: moments for order, moments in read.items() if -_LATE <= now - max(moments) <= _OLD}
        read = likely or read
        spans = {order: max(moments) - min(moments) for order, moments in read.items()}
        shortest = min(spans.values())
        read = {order: moments for order, moments in read.items() if spans[order] == shortest}
    found = list(read.values())
    if any(one != found[0] for one in found[1:]):
        one, other = (min(moments).date().isoformat() for moments in found[:2])
        text = N_("The log may begin on {one} or on {other}: save it with dates written as {one}.")
        raise Invalid(text, field="file", one=one, other=other)
    return found[0]


def _aware(one: Written, order: str, zone: tzinfo) -> datetime:
    moment = _moment(one.day, order, one.seconds)
    assert moment is not None  # `_written` tried it
    return moment.replace(tzinfo=one.offset or zone)
