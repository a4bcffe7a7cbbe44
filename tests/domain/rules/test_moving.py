"""Cases of what moves, is mixed, corrected, runs out or may be deleted: R6, R7, R15, R16, R17."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.papers import Severity
from trace.domain.rules.book import Confidence, Entry, shipped
from trace.domain.rules.corrections import Correction, check_correction
from trace.domain.rules.expiries import Expiring, check_expiries, warning_step
from trace.domain.rules.movement import LotState, Mixing, check_may_move, check_mixing
from trace.domain.rules.retention import KeptRecord, RecordKind, add_months, check_may_delete, keep_until

BLOCK, WARN = Severity.BLOCK, Severity.WARN
DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
RULES = shipped().on(DAY)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


# ---- R6 ------------------------------------------------------------------------------------------------------------


def mixing(went: str, came: str, **more: Any) -> Mixing:
    return Mixing({"KGM": Decimal(went)}, {"KGM": Decimal(came)}, **{"parents": ("L1", "L2")} | more)


@pytest.mark.parametrize(
    ("facts", "severities"),
    [
        (mixing("10", "10"), []),
        (mixing("10", "10.000001"), [BLOCK]),  # nothing comes of nothing
        (mixing("10", "9"), []),  # a tenth may be lost
        (mixing("10", "8.999"), [WARN]),
        (mixing("10", "0"), [WARN]),
        (mixing("10", "10", parents=()), [BLOCK]),
        (mixing("10", "10", collected=True), [BLOCK]),
        (mixing("10", "10", collected=True, certificate=True), []),
        (mixing("10", "11", collected=True), [BLOCK, BLOCK]),
        (Mixing({"KGM": Decimal(10)}, {"EA": Decimal(500)}, ("L1",)), []),  # pieces of a weight
        (Mixing({"KGM": Decimal(10), "EA": Decimal(3)}, {"KGM": Decimal(10), "EA": Decimal(4)}, ("L1",)), [BLOCK]),
    ],
)
def test_r6_what_comes_out_has_parents_and_is_no_more_than_went_in(facts: Mixing, severities: list[Severity]) -> None:
    assert [finding.severity for finding in check_mixing(facts, RULES)] == severities


@pytest.mark.parametrize(("day", "severities"), [(DAY, [BLOCK]), (TOMORROW, [])])
def test_r6_the_tolerance_is_that_of_its_day(day: date, severities: list[Severity]) -> None:
    wider = Entry("balance_tolerance", TOMORROW, {"gain": "0.01", "loss": "0.1"}, "house", Confidence.HOUSE)
    rules = shipped().and_also([wider]).on(day)
    assert [finding.severity for finding in check_mixing(mixing("10", "10.1"), rules)] == severities


# ---- R7 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "findings"),
    [
        (LotState("L1"), 0),
        (LotState("L1", DAY), 0),  # the last day is still good
        (LotState("L1", YESTERDAY), 1),
        (LotState("L1", held=True), 1),
        (LotState("L1", recalled="salmonella"), 1),
        (LotState("L1", YESTERDAY, held=True, recalled="salmonella"), 3),
    ],
)
def test_r7_nothing_expired_held_or_recalled_moves(state: LotState, findings: int) -> None:
    assert [(f.rule, f.severity) for f in check_may_move(state, RULES)] == [("R7", BLOCK)] * findings


@pytest.mark.parametrize(("day", "findings"), [(DAY, 0), (TOMORROW, 1)])
def test_r7_the_day_of_the_movement_counts(day: date, findings: int) -> None:
    assert len(list(check_may_move(LotState("L1", DAY), shipped().on(day)))) == findings


# ---- R15 -----------------------------------------------------------------------------------------------------------

RECEIVED = date(2026, 8, 31)


@pytest.mark.parametrize(
    ("record", "until"),
    [
        (KeptRecord(RecordKind.PRODUCE, RECEIVED), date(2028, 8, 31)),  # the house's 2 years, not the law's 6 months
        (KeptRecord(RecordKind.FOOD, RECEIVED, date(2026, 9, 10)), date(2027, 3, 10)),
        (KeptRecord(RecordKind.FOOD, RECEIVED, date(2026, 8, 31)), date(2027, 2, 28)),  # a shorter month
        (KeptRecord(RecordKind.FOOD, RECEIVED), date(2028, 8, 31)),  # no shelf life
        (KeptRecord(RecordKind.DRUG, RECEIVED, date(2027, 1, 1)), date(2031, 8, 31)),
        (KeptRecord(RecordKind.PRESCRIPTION, date(2024, 2, 29)), date(2029, 2, 28)),
        (KeptRecord(RecordKind.VACCINE, RECEIVED, date(2028, 2, 29)), date(2033, 2, 28)),
        (KeptRecord(RecordKind.CARE, RECEIVED), date(2031, 8, 31)),  # checks, stock-takings, temperatures
        (KeptRecord(RecordKind.PLATFORM, RECEIVED), date(2029, 8, 31)),
        (KeptRecord(RecordKind.RECALL, RECEIVED), date(2028, 8, 31)),
        (KeptRecord(RecordKind.FOOD, RECEIVED, date(2026, 9, 10), on_hold=True), None),
        (KeptRecord(RecordKind.FOOD, RECEIVED, date(2026, 9, 10), hold_lifted_on=date(2026, 10, 1)), date(2028, 10, 1)),
        (KeptRecord(RecordKind.DRUG, RECEIVED, hold_lifted_on=date(2026, 10, 1)), date(2031, 8, 31)),
    ],
)
def test_r15_each_kind_of_record_is_kept_its_time_and_a_hold_extends_it(record: KeptRecord, until: date | None) -> None:
    assert keep_until(record, RULES) == until


@pytest.mark.parametrize(("on", "findings"), [(date(2027, 3, 9), 1), (date(2027, 3, 10), 1), (date(2027, 3, 11), 0)])
def test_r15_nothing_is_deleted_before_its_time(on: date, findings: int) -> None:
    record = KeptRecord(RecordKind.FOOD, RECEIVED, date(2026, 9, 10))
    assert len(list(check_may_delete(record, on, RULES))) == findings


def test_r15_nothing_is_deleted_while_a_hold_is_on() -> None:
    record = KeptRecord(RecordKind.FOOD, RECEIVED, on_hold=True)
    assert [f.rule for f in check_may_delete(record, date(2099, 1, 1), RULES)] == ["R15"]


@pytest.mark.parametrize(
    ("day", "until"), [(date(2022, 12, 31), date(2027, 2, 28)), (date(2023, 1, 1), date(2028, 8, 31))]
)
def test_r15_before_the_house_kept_produce_longer_the_law_alone_counted(day: date, until: date) -> None:
    assert keep_until(KeptRecord(RecordKind.PRODUCE, RECEIVED), shipped().on(day)) == until


@given(st.dates(date(1990, 1, 1), date(2200, 1, 1)), st.integers(0, 1200))
def test_months_later_is_never_another_day_of_the_month_than_asked_but_for_short_months(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


# ---- R16 -----------------------------------------------------------------------------------------------------------


def correction(**more: Any) -> Correction:
    facts = {
        "field": "amount",
        "old": "10",
        "new": "12",
        "who": "王敏",
        "why": "misread",
        "when": NOW,
        "device": "phone",
    }
    return Correction(**facts | more)


@pytest.mark.parametrize(
    ("facts", "findings"),
    [
        (correction(), 0),
        (correction(old=None), 0),  # nothing was there
        (correction(new=None), 0),
        (correction(old="12"), 1),
        (correction(who=""), 1),
        (correction(why="  "), 1),
        (correction(device=""), 1),
        (correction(who="", why="", device=""), 1),
        (correction(when=NOW + timedelta(seconds=1)), 1),
    ],
)
def test_r16_a_correction_says_what_who_why_when_and_where(facts: Correction, findings: int) -> None:
    assert [f.rule for f in check_correction(facts, NOW, RULES)] == ["R16"] * findings


@pytest.mark.parametrize(("day", "findings"), [(DAY, 1), (TOMORROW, 0)])
def test_r16_what_it_must_say_is_data(day: date, findings: int) -> None:
    fewer = Entry("correction", TOMORROW, {"fields": ["who", "why"]}, "house", Confidence.HOUSE)
    rules = shipped().and_also([fewer]).on(day)
    assert len(list(check_correction(correction(device=""), NOW, rules))) == findings


# ---- R17 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "step"),
    [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (1, 7), (0, 7), (-1, 0), (-400, 0)],
)
def test_r17_warns_at_sixty_thirty_and_seven_days(days: int, step: int | None) -> None:
    assert warning_step(DAY + timedelta(days=days), RULES) == step


def test_r17_tells_the_soonest_first_and_nothing_of_what_is_far() -> None:
    ends = {"far": 61, "soon": 3, "over": -1, "month": 30}
    found = list(
        check_expiries([Expiring("drug_licence", name, DAY + timedelta(days=n)) for name, n in ends.items()], RULES)
    )
    assert [finding.values["name"] for finding in found] == ["over", "soon", "month"]
    assert {(finding.rule, finding.severity) for finding in found} == {("R17", WARN)}
    assert str(found[1]) == "drug_licence soon ends in 3 days, on 2026-11-27."


@pytest.mark.parametrize(("day", "step"), [(DAY, None), (TOMORROW, 90)])
def test_r17_the_days_of_warning_are_those_of_the_day(day: date, step: int | None) -> None:
    longer = Entry("expiry_warning", TOMORROW, [90, 60, 30, 7], "house", Confidence.HOUSE)
    assert warning_step(DAY + timedelta(days=80), shipped().and_also([longer]).on(day)) == step
