"""The one place that reads the wall clock; everything else is told the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC, cut to whole milliseconds (the resolution EPCIS events are stored in)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
