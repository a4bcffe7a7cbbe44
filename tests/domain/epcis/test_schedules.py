"""When a standing query is run: the query schedule of EPCIS on the installation's clock."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trace.domain.epcis.schedules import parse_schedule
from trace.domain.failures import Invalid

YINCHUAN = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def times(fields: dict[str, Any], start: datetime, count: int = 3) -> list[str]:
    """The next query times, on the clock of the start."""
    schedule, found, moment = parse_schedule(fields), [], start
    for _ in range(count):
        moment = schedule.next_after(moment, start.tzinfo or UTC)
        found.append(moment.astimezone(start.tzinfo).strftime("%Y-%m-%d %H:%M:%S"))
    return found


THURSDAY = datetime(2026, 11, 26, 9, 0, 0, tzinfo=YINCHUAN)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"hour": "1", "minute": "5"}, ["2026-11-27 01:05:00", "2026-11-28 01:05:00", "2026-11-29 01:05:00"]),
        ({"hour": 1}, ["2026-11-27 01:00:00", "2026-11-28 01:00:00", "2026-11-29 01:00:00"]),
        ({"minute": "0,30"}, ["2026-11-26 09:30:00", "2026-11-26 10:00:00", "2026-11-26 10:30:00"]),
        ({"second": "0/30"}, ["2026-11-26 09:00:30", "2026-11-26 09:01:00", "2026-11-26 09:01:30"]),
        ({"second": "5", "hour": "[8-9]"}, ["2026-11-26 09:00:05", "2026-11-26 09:01:05", "2026-11-26 09:02:05"]),
        ({"dayOfWeek": "[6-7]"}, ["2026-11-28 00:00:00", "2026-11-29 00:00:00", "2026-12-05 00:00:00"]),
        ({"dayOfWeek": "1", "hour": "6"}, ["2026-11-30 06:00:00", "2026-12-07 06:00:00", "2026-12-14 06:00:00"]),
        ({"dayOfWeek": "1", "month": "3"}, ["2027-03-01 00:00:00", "2027-03-08 00:00:00", "2027-03-15 00:00:00"]),
        ({"dayOfMonth": "1"}, ["2026-12-01 00:00:00", "2027-01-01 00:00:00", "2027-02-01 00:00:00"]),
        ({"month": "3"}, ["2027-03-01 00:00:00", "2028-03-01 00:00:00", "2029-03-01 00:00:00"]),
        ({"hour": "1", "minute": ""}, ["2026-11-27 01:00:00", "2026-11-28 01:00:00", "2026-11-29 01:00:00"]),
    ],
)
def test_schedule_runs_at_these_times_of_the_local_clock(fields: dict[str, Any], wanted: list[str]) -> None:
    assert times(fields, THURSDAY) == wanted


def test_day_of_month_and_day_of_week_must_both_match() -> None:
    assert times({"dayOfMonth": "13", "dayOfWeek": "5"}, THURSDAY, 1) == ["2027-08-13 00:00:00"]  # a Friday the 13th


def test_query_time_itself_is_not_after_itself() -> None:
    assert times({"hour": "9"}, THURSDAY, 1) == ["2026-11-27 09:00:00"]


def test_hour_that_summer_time_skips_is_made_up_for() -> None:
    spring = datetime(2027, 3, 27, 12, tzinfo=BERLIN)
    assert times({"hour": "2", "minute": "30"}, spring, 2) == ["2027-03-28 03:00:00", "2027-03-29 02:30:00"]


def test_schedule_keeps_its_fields_as_they_were_given() -> None:
    assert parse_schedule({"minute": 5, "hour": "[1-3],7"}).fields == {"minute": "5", "hour": "[1-3],7"}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("every day", "schedule"),
        ({}, "schedule"),
        ({"hour": ""}, "schedule"),
        ({"hours": "1"}, "schedule"),
        ({"hour": "24"}, "schedule.hour"),
        ({"hour": "-1"}, "schedule.hour"),
        ({"hour": 1.5}, "schedule.hour"),
        ({"hour": True}, "schedule.hour"),
        ({"hour": ["1"]}, "schedule.hour"),
        ({"hour": "*"}, "schedule.hour"),
        ({"hour": "[5-1]"}, "schedule.hour"),
        ({"hour": "1-5"}, "schedule.hour"),
        ({"hour": "1,"}, "schedule.hour"),
        ({"hour": "١"}, "schedule.hour"),
        ({"second": "0/0"}, "schedule.second"),
        ({"minute": "60"}, "schedule.minute"),
        ({"dayOfMonth": "0"}, "schedule.dayOfMonth"),
        ({"dayOfWeek": "0"}, "schedule.dayOfWeek"),
        ({"dayOfWeek": "8"}, "schedule.dayOfWeek"),
        ({"month": "13"}, "schedule.month"),
        ({"minute": "1," * 200}, "schedule.minute"),
        ({"dayOfMonth": "31", "month": "2"}, "schedule"),
    ],
)
def test_schedule_that_is_none_is_refused_by_the_name_of_its_field(value: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_schedule(value)
    assert refused.value.field == field
    assert str(refused.value)
