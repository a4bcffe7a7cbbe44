"""Event values: times as they are stored and compared."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.events import Action, ObjectEvent, offset_minutes, utc_milliseconds

MOMENTS = st.datetimes(
    datetime(1971, 1, 1),
    datetime(2100, 12, 30),
    timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(MOMENTS)
def test_milliseconds_are_those_of_the_instant_wherever_it_is_told(moment: datetime) -> None:
    count = utc_milliseconds(moment)
    assert count == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert utc_milliseconds(moment.astimezone(UTC)) == count


@given(MOMENTS, MOMENTS)
def test_earlier_is_never_counted_later(one: datetime, other: datetime) -> None:
    if one <= other:
        assert utc_milliseconds(one) <= utc_milliseconds(other)


@pytest.mark.parametrize(("hours", "minutes"), [(8, 480), (-9.5, -570), (0, 0), (5.75, 345), (14, 840)])
def test_the_offset_is_minutes_east_of_utc(hours: float, minutes: int) -> None:
    assert offset_minutes(datetime(2026, 11, 24, tzinfo=timezone(timedelta(hours=hours)))) == minutes


def test_a_naive_time_has_no_offset() -> None:
    with pytest.raises(ValueError, match="needs an offset"):
        offset_minutes(datetime(2026, 11, 24))


def test_events_do_not_change() -> None:
    event = ObjectEvent(event_time=datetime(2026, 11, 24, tzinfo=UTC), event_id="urn:uuid:1", action=Action.ADD)
    with pytest.raises(AttributeError, match="immutable"):
        event.action = Action.DELETE  # type: ignore[misc]
