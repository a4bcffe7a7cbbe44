"""When a stay outside the range begins and is over, and how much of a thermometer that flickers is kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.town import NOW
from trace.domain.climate import Bounds, Reading
from trace.domain.climate_course import Course, Keeping, Kept, Standing, follow

MINUTE = timedelta(minutes=1)
KEEPING = Keeping(inside=30 * MINUTE, outside=2 * MINUTE, calm=30 * MINUTE)
COLD = Bounds(200, 800)
IN, OUT = 500, 900


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def readings(told: Sequence[tuple[float, int]]) -> list[Reading]:
    return [Reading(at(minute), celsius) for minute, celsius in told]


def course(told: Sequence[Reading], *, standing: Standing = Standing(), known: Sequence[Kept] = ()) -> Course:  # noqa: B008
    return follow(
        told, known, standing=standing, last=None, bounds=COLD, keeping=KEEPING, typed=False,
        seen=["day"], part_of=lambda _: "day",
    )  # fmt: skip


def minutes(moments: Sequence[datetime]) -> list[float]:
    return sorted((moment - NOW) / MINUTE for moment in moments)


@pytest.mark.parametrize(
    ("told", "alarms", "back"),
    [
        ([(0, IN), (1, OUT), (2, IN), (31, IN)], [1], []),
        ([(0, IN), (1, OUT), (2, IN), (32, IN)], [1], [2]),
        ([(0, OUT), (60, IN), (90, IN)], [0], [60]),
        ([(0, OUT), (5, IN), (20, OUT), (25, IN), (54, OUT)], [0], []),
        ([(0, OUT), (5, IN), (35, OUT)], [0, 35], [5]),  # half an hour of nothing: another stay
        ([(0, OUT), (240, OUT)], [0], []),
        ([(0, IN), (240, IN)], [], []),
    ],
)
def test_a_stay_begins_at_once_and_is_over_when_it_stayed_inside(
    told: list[tuple[float, int]], alarms: list[float], back: list[float]
) -> None:
    found = course(readings(told))
    assert minutes([one.reading.at for one in found.noted if one.alarm]) == alarms
    assert minutes(list(found.back)) == back


def test_what_comes_late_is_judged_by_what_is_known_after_it() -> None:
    """A logger's file that ends with the door closed again; the sensor told of later."""
    known = [Kept(at(60), True)]
    assert minutes(list(course(readings([(0, OUT), (10, IN)]), known=known).back)) == [10]
    known = [Kept(at(12), False)]
    assert not course(readings([(0, OUT), (10, IN)]), known=known).back


@given(st.lists(st.tuples(st.integers(1, 300), st.sampled_from((IN, OUT))), min_size=1, max_size=60))
def test_however_it_flickers_little_is_kept_and_one_by_one_is_as_all_at_once(steps: list[tuple[int, int]]) -> None:
    told, moment = [], 0
    for seconds, celsius in steps:
        moment += seconds
        told.append(Reading(NOW + timedelta(seconds=moment), celsius))
    whole = course(told)
    assert len(whole.noted) <= 4 + moment / 60  # two in two minutes
    standing, alarms, back = Standing(), 0, set()
    for one in told:
        step = course([one], standing=standing)
        alarms += sum(noted.alarm for noted in step.noted)
        back |= step.back
        if step.back:
            standing = standing.settled()
        for noted in step.noted:
            standing = standing.then(Kept(noted.reading.at, noted.inside))
    assert (alarms, back) == (sum(one.alarm for one in whole.noted), set(whole.back))
    assert len(back) <= alarms
    assert alarms <= 1 + moment // 1800
