"""Cases of clocks: re-tests, recalls, destruction (R12, R13, R14), and the working days they count."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from trace.domain.rules.book import Confidence, Entry, shipped
from trace.domain.rules.safety import (
    Disposal,
    RecallState,
    TestResult,
    check_disposal,
    check_recall,
    check_test_result,
    recall_clock,
    retest_until,
)
from trace.domain.working_days import add_working_days, is_guess, is_working_day

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 24)
RULES = shipped().on(DAY)


def at(day: str, time: str = "09:00:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=SHANGHAI)


# ---- working days --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-11-24", True),  # a Tuesday
        ("2026-11-28", False),  # a Saturday
        ("2026-02-13", True),
        ("2026-02-14", True),  # a Saturday that is worked
        ("2026-02-15", False),
        ("2026-02-23", False),  # the last day of the Spring Festival, a Monday
        ("2026-02-24", True),
        ("2026-02-28", True),  # a Saturday that is worked
        ("2026-10-01", False),
        ("2026-10-08", True),
        ("2026-10-10", True),
        ("2025-10-08", False),  # National Day and Mid-Autumn in one
        ("2025-10-09", True),
        ("2025-10-11", True),
        ("2025-12-31", True),
        ("2026-01-01", False),  # the next notice
        ("2026-01-04", True),
    ],
)
def test_working_days_are_those_of_the_state_councils_notices(day: str, working: bool) -> None:
    assert is_working_day(date.fromisoformat(day), RULES) is working


@pytest.mark.parametrize(
    ("year", "working"),
    [(2025, 248), (2026, 248)],  # as the notices leave them, counted by hand and by chinesecalendar 1.11.0
)
def test_a_year_has_its_working_days(year: int, working: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    assert sum(is_working_day(day, RULES) for day in days) == working


@pytest.mark.parametrize(
    ("since", "count", "last"),
    [
        ("2026-11-24", 0, "2026-11-24"),
        ("2026-11-24", 1, "2026-11-25"),
        ("2026-11-24", 7, "2026-12-03"),  # over one weekend
        ("2026-02-13", 1, "2026-02-14"),
        ("2026-02-13", 2, "2026-02-24"),  # over the Spring Festival
        ("2026-09-30", 3, "2026-10-10"),
        ("2025-12-31", 1, "2026-01-04"),  # into the next year's notice
    ],
)
def test_terms_of_working_days_end_on_their_last_one(since: str, count: int, last: str) -> None:
    assert add_working_days(date.fromisoformat(since), count, RULES) == date.fromisoformat(last)


def test_of_a_year_without_its_notice_only_weekends_are_known_and_that_is_said() -> None:
    assert is_working_day(date(2027, 1, 1), RULES)  # surely a holiday, and not known yet
    assert not is_working_day(date(2027, 1, 2), RULES)
    assert is_guess(date(2026, 12, 30), date(2027, 1, 4), RULES)
    assert not is_guess(date(2026, 1, 1), date(2026, 12, 31), RULES)


def test_a_notice_counts_from_the_day_it_is_written_down() -> None:
    notice = {"days_off": ["2027-01-01/2027-01-03"], "worked": []}
    book = shipped().and_also([Entry("calendar.2027", DAY, notice, "notice", Confidence.SEEN)])
    assert not is_working_day(date(2027, 1, 1), book.on(DAY))
    assert is_working_day(date(2027, 1, 1), book.on(DAY - timedelta(days=1)))


# ---- R12 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result_at", "rapid", "until"),
    [
        (at("2026-11-24", "09:07:00"), True, at("2026-11-24", "13:07:00")),
        (at("2026-11-24", "22:30:00"), True, at("2026-11-25", "02:30:00")),
        (at("2026-11-24"), False, at("2026-12-03", "23:59:59")),
        (at("2026-09-30"), False, at("2026-10-15", "23:59:59")),  # the National Day's week is not counted
    ],
)
def test_r12_a_retest_may_be_asked_for_so_long(result_at: datetime, rapid: bool, until: datetime) -> None:
    assert retest_until(result_at, rapid=rapid, rules=RULES) == until


@pytest.mark.parametrize(("passed", "rapid", "findings"), [(True, True, 0), (False, True, 1), (False, False, 1)])
def test_r12_what_failed_is_held_at_once(passed: bool, rapid: bool, findings: int) -> None:
    found = list(check_test_result(TestResult(passed=passed, rapid=rapid, result_at=at("2026-11-24")), RULES))
    assert [(f.rule, f.severity.value) for f in found] == [("R12", "block")] * findings


def test_r12_says_where_a_term_runs_into_a_year_whose_holidays_are_not_known() -> None:
    (sure,) = check_test_result(TestResult(passed=False, rapid=False, result_at=at("2026-11-24")), RULES)
    (guess,) = check_test_result(TestResult(passed=False, rapid=False, result_at=at("2026-12-28")), RULES)
    assert "shelf" in sure.remedy
    assert "may be a later one" in guess.remedy


@pytest.mark.parametrize(("day", "hours"), [(DAY, 4), (date(2027, 1, 1), 6)])
def test_r12_the_hours_are_those_of_the_days_law(day: date, hours: int) -> None:
    changed = Entry("retest.rapid", date(2027, 1, 1), {"hours": 6}, "new law", Confidence.READ)
    until = retest_until(at("2026-11-24"), rapid=True, rules=shipped().and_also([changed]).on(day))
    assert until - at("2026-11-24") == timedelta(hours=hours)


# ---- R13 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "is_drug", "start_by", "finish_by"),
    [
        (1, False, at("2026-11-25"), at("2026-12-08", "23:59:59")),  # 24 hours, 10 working days
        (2, False, at("2026-11-26"), at("2026-12-22", "23:59:59")),
        (3, False, at("2026-11-27"), at("2027-01-05", "23:59:59")),
        (1, True, at("2026-11-25"), None),  # 1, 3, 7 days
        (2, True, at("2026-11-27"), None),
        (3, True, at("2026-12-01"), None),
    ],
)
def test_r13_the_clock_of_each_level(level: int, is_drug: bool, start_by: datetime, finish_by: datetime | None) -> None:
    clock = recall_clock(at("2026-11-24"), level, is_drug=is_drug, rules=RULES)
    assert (clock.start_by, clock.finish_by) == (start_by, finish_by)


def state(**moments: datetime) -> RecallState:
    return RecallState(1, False, at("2026-11-24"), **moments)


NOTICED, ANSWERED, DONE = (
    {"noticed_at": at("2026-11-24", "10:00:00")},
    {"acknowledged_at": at("2026-11-24", "11:00:00")},
    {"finished_at": at("2026-12-01")},
)


@pytest.mark.parametrize(
    ("facts", "now", "findings"),
    [
        (state(), at("2026-11-25"), 0),  # 24 hours to the second
        (state(), at("2026-11-25", "09:00:01"), 1),
        (state(**NOTICED), at("2026-11-25", "09:00:01"), 1),
        (state(**NOTICED, **ANSWERED), at("2026-11-25", "09:00:01"), 0),
        (state(**NOTICED, **ANSWERED), at("2026-12-08", "23:59:59"), 0),
        (state(**NOTICED, **ANSWERED), at("2026-12-09", "00:00:00"), 1),
        (state(**NOTICED, **ANSWERED, **DONE), at("2026-12-09", "00:00:00"), 0),
        (state(), at("2026-12-09", "00:00:00"), 2),
    ],
)
def test_r13_notice_answer_and_end_are_late_after_their_time(facts: RecallState, now: datetime, findings: int) -> None:
    assert [f.rule for f in check_recall(facts, now, RULES)] == ["R13"] * findings


@pytest.mark.parametrize(("day", "hours"), [(DAY, 24), (date(2027, 1, 1), 12)])
def test_r13_the_hours_are_those_of_the_days_order(day: date, hours: int) -> None:
    value = {"start_hours": 12, "finish_working_days": 10}
    book = shipped().and_also([Entry("recall.food.1", date(2027, 1, 1), value, "new order", Confidence.SEEN)])
    clock = recall_clock(at("2026-11-24"), 1, is_drug=False, rules=book.on(day))
    assert clock.start_by - at("2026-11-24") == timedelta(hours=hours)


# ---- R14 -----------------------------------------------------------------------------------------------------------

WHOLE = Disposal("expired", "incinerated", "yard", "李强", True, "王敏")


@pytest.mark.parametrize(
    ("disposal", "findings"),
    [
        (WHOLE, 0),
        (Disposal("", "incinerated", "yard", "李强", True, "王敏"), 1),
        (Disposal("expired", " ", "yard", "李强", True, "王敏"), 1),
        (Disposal("expired", "incinerated", "", "李强", True, "王敏"), 0),  # where it happened, its event knows
        (Disposal("expired", "incinerated", "yard", "", True, "王敏"), 1),
        (Disposal("expired", "incinerated", "yard", "李强", False, "王敏"), 1),
        (Disposal("expired", "incinerated", "yard", "王敏", True, "王敏"), 1),  # nobody watches oneself
        (Disposal("", "", "", "王敏 ", False, "王敏"), 2),
    ],
)
def test_r14_a_destruction_is_closed_when_its_record_is_complete(disposal: Disposal, findings: int) -> None:
    assert [(f.rule, f.severity.value) for f in check_disposal(disposal, RULES)] == [("R14", "block")] * findings


@pytest.mark.parametrize(("day", "findings"), [(DAY, 0), (date(2027, 1, 1), 1)])
def test_r14_what_it_must_say_is_data(day: date, findings: int) -> None:
    more = {"fields": ["reason", "method", "place", "witness", "photo"], "severity": "block"}
    book = shipped().and_also([Entry("disposal", date(2027, 1, 1), more, "law", Confidence.READ)])
    unplaced = Disposal("expired", "incinerated", "", "李强", True, "王敏")
    assert len(list(check_disposal(unplaced, book.on(day)))) == findings
