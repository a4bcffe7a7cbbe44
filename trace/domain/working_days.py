"""Working days, by the notices of the State Council: entries `calendar.<year>` of the rule book.

A notice for a year comes out in the autumn before. Of a year without one only the weekends are known: what is counted
then is a guess (`is_guess`), and whoever shows a deadline says so.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from trace.domain.rules.book import Rules

CALENDAR = "calendar."
SATURDAY = 5


def is_working_day(day: date, rules: Rules) -> bool:
    """Whether people work on a day: no weekend, no day off, or a weekend day that is worked instead of one."""
    entry = rules.entry(f"{CALENDAR}{day.year}")
    if entry is not None:
        if day in days_of(entry.value["worked"]):
            return True
        if day in days_of(entry.value["days_off"]):
            return False
    return day.weekday() < SATURDAY


def add_working_days(day: date, count: int, rules: Rules) -> date:
    """The last day of a term of so many working days: the day it begins on is not counted (民法典 Art. 201)."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, rules)
    return day


def is_guess(first: date, last: date, rules: Rules) -> bool:
    """Whether the calendar of some year between two days is not known: its holidays are not counted."""
    return any(rules.entry(f"{CALENDAR}{year}") is None for year in range(first.year, last.year + 1))


def days_of(spans: Iterable[str]) -> frozenset[date]:
    """The days that ISO 8601 texts name: a day, or the first and last of several (`2026-02-15/2026-02-23`)."""
    days: set[date] = set()
    for span in spans:
        first, last = span_of(span)
        days.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    return frozenset(days)


def span_of(text: str) -> tuple[date, date]:
    """The first and last day of `2026-02-15/2026-02-23`, or of a single day; raises `ValueError` for other texts."""
    first, _, last = text.partition("/")
    return date.fromisoformat(first), date.fromisoformat(last or first)
