"""A period of days: its bounds in the shop's own time, and how long it may be."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from trace.domain.failures import Invalid
from trace.domain.periods import LONGEST_DAYS, Days

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 1, 1)


def test_both_days_are_in_it_from_midnight_to_midnight() -> None:
    begin, end = Days(FIRST, FIRST, SHANGHAI).bounds
    assert begin == datetime(2026, 1, 1, tzinfo=SHANGHAI)
    assert end == datetime(2026, 1, 2, tzinfo=SHANGHAI)


@pytest.mark.parametrize(("days", "good"), [(0, False), (1, True), (LONGEST_DAYS, True), (LONGEST_DAYS + 1, False)])
def test_it_has_one_day_to_a_year_of_them_as_its_refusal_says(days: int, good: bool) -> None:
    period = Days(FIRST, FIRST + timedelta(days=days - 1), SHANGHAI)
    if good:
        period.check()
        assert (period.bounds[1] - period.bounds[0]).days == days
    else:
        with pytest.raises(Invalid, match="1 to 366 days"):
            period.check()
