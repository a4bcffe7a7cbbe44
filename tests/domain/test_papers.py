"""Papers: which ones goods need is judged by the rules of their own day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from trace.domain.papers import (
    CertificateKind,
    Paper,
    Requirement,
    Severity,
    is_in_force,
    is_valid_on,
    paper_states,
    requirements,
    requirements_for,
)
from trace.domain.products import Category

K = CertificateKind
DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("category", "groups"),
    [
        (Category.PORK, [{K.QUARANTINE}, {K.MEAT_INSPECTION}, {K.ASF_REPORT}]),
        (Category.BEEF_MUTTON, [{K.QUARANTINE}]),
        (Category.POULTRY, [{K.QUARANTINE}]),
        (Category.VEGETABLE, [{K.COMMITMENT, K.TEST_REPORT, K.RAPID_TEST}]),
        (Category.FRUIT, [{K.COMMITMENT, K.TEST_REPORT, K.RAPID_TEST}]),
        (Category.EGG, [{K.COMMITMENT, K.TEST_REPORT, K.RAPID_TEST}]),
        (Category.FISH, [{K.COMMITMENT, K.TEST_REPORT, K.RAPID_TEST}]),
        (Category.IMPORTED_FOOD, [{K.ENTRY}]),
        (Category.PACKAGED_FOOD, [{K.FACTORY, K.TEST_REPORT}]),
        (Category.DRUG, [{K.DRUG_TEST_REPORT}, {K.DELIVERY_NOTE}]),
    ],
)
def test_each_category_needs_its_own_papers(category: Category, groups: list[set[CertificateKind]]) -> None:
    assert [set(r.any_of) for r in requirements_for(category, DAY)] == groups


def test_slaughtered_meat_takes_no_commitment_certificate() -> None:
    for category in (Category.PORK, Category.BEEF_MUTTON, Category.POULTRY):
        assert not any(K.COMMITMENT in r.any_of for r in requirements_for(category, DAY))


def test_every_requirement_has_a_source_and_a_day() -> None:
    for requirement in requirements():
        assert requirement.source.strip()
        assert requirement.category in set(Category)
        assert requirement.effective_from < DAY


@pytest.mark.parametrize(
    ("day", "holding"),
    [
        (date(2022, 12, 31), []),
        (date(2023, 1, 1), ["old law"]),
        (date(2027, 2, 28), ["old law"]),
        (date(2027, 3, 1), ["new law"]),
        (date(2099, 1, 1), ["new law"]),
    ],
)
def test_where_the_law_changes_each_day_has_the_rule_of_that_day(day: date, holding: list[str]) -> None:
    old = Requirement("egg", (K.RAPID_TEST,), Severity.HOLD, date(2023, 1, 1), date(2027, 2, 28), "old law")
    new = replace(old, any_of=(K.COMMITMENT,), effective_from=date(2027, 3, 1), effective_until=None, source="new law")
    assert [r.source for r in (old, new) if is_in_force(r, day)] == holding


@pytest.mark.parametrize("category", Category)
def test_no_category_has_the_same_group_twice_on_one_day(category: Category) -> None:
    groups = [r.any_of for r in requirements_for(category, DAY)]
    assert len(groups) == len(set(groups))


def test_a_receipt_of_before_a_rule_is_judged_without_it() -> None:
    (imported,) = requirements_for(Category.IMPORTED_FOOD, DAY)
    before = imported.effective_from - timedelta(days=1)
    assert paper_states(Category.IMPORTED_FOOD, [], before) == []
    assert len(paper_states(Category.IMPORTED_FOOD, [], imported.effective_from)) == 1


def test_before_the_african_swine_fever_rule_pork_needed_no_report() -> None:
    groups = [r.any_of for r in requirements_for(Category.PORK, date(2019, 12, 31))]
    assert (K.ASF_REPORT,) not in groups


@pytest.mark.parametrize(
    ("paper", "valid"),
    [
        (Paper(K.QUARANTINE, DAY), True),
        (Paper(K.QUARANTINE, DAY - timedelta(days=9)), True),
        (Paper(K.QUARANTINE, DAY + timedelta(days=1)), False),  # issued after the goods arrived
        (Paper(K.QUARANTINE, DAY - timedelta(days=3), DAY), True),
        (Paper(K.QUARANTINE, DAY - timedelta(days=3), DAY - timedelta(days=1)), False),
        (Paper(K.QUARANTINE, DAY, revoked=True), False),
    ],
)
def test_a_paper_is_valid_from_its_issue_to_its_last_day_unless_revoked(paper: Paper, valid: bool) -> None:
    assert is_valid_on(paper, DAY) is valid


def test_one_valid_paper_of_a_group_is_enough() -> None:
    stale = Paper(K.COMMITMENT, date(2026, 1, 1), date(2026, 2, 1))
    (state,) = paper_states(Category.EGG, [stale, Paper(K.RAPID_TEST, DAY)], DAY)
    assert (state.satisfied_by, state.expired) == (K.RAPID_TEST, ())


def test_papers_that_are_there_but_not_valid_are_named() -> None:
    stale = Paper(K.COMMITMENT, date(2026, 1, 1), date(2026, 2, 1))
    revoked = Paper(K.TEST_REPORT, DAY, revoked=True)
    (state,) = paper_states(Category.EGG, [stale, revoked, Paper(K.QUARANTINE, DAY)], DAY)
    assert (state.satisfied_by, state.expired) == (None, (K.COMMITMENT, K.TEST_REPORT))
