"""The address of a self-check: its kind and a day of its period."""

from datetime import date

from trace.domain.failures import N_, NotFound
from trace.domain.self_checks import CheckKind


def kind_of(text: str) -> CheckKind:
    """The kind an address names; raises `NotFound`."""
    try:
        return CheckKind(text)
    except ValueError:
        raise NotFound(N_("There is no such self-check: daily, weekly and monthly there are.")) from None


def day_of(text: str) -> date:
    """The day an address names (YYYY-MM-DD, 1990 to 2100); raises `NotFound`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1990 <= day.year <= 2100 or len(text) != 10:
        raise NotFound(N_("There is no such day: {day}. Write it as 2026-11-24."), day=text[:40])
    return day
