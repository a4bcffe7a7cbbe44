"""Papers: which ones goods need is judged by the rules of their own day."""

from datetime import date, timedelta

import pytest

from trace.domain.papers import CertificateKind, Paper, is_valid_on, paper_states, requirements_for
from trace.domain.products import Category
from trace.domain.rules.book import Confidence, Entry, RuleBook, shipped

K = CertificateKind
DAY = date(2026, 11, 24)
RULES = shipped().on(DAY)


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
        (Category.DRUG, [{K.DELIVERY_NOTE}, {K.DRUG_TEST_REPORT}]),
    ],
)
def test_each_category_needs_its_own_papers(category: Category, groups: list[set[CertificateKind]]) -> None:
    assert [set(r.any_of) for r in requirements_for(category, RULES)] == groups


def test_slaughtered_meat_takes_no_commitment_certificate() -> None:
    for category in (Category.PORK, Category.BEEF_MUTTON, Category.POULTRY):
        assert not any(K.COMMITMENT in r.any_of for r in requirements_for(category, RULES))


def test_every_requirement_has_a_source_and_a_day() -> None:
    entries = [entry for entry in shipped().written if entry.name.startswith("papers.")]
    assert entries
    for entry in entries:
        assert entry.source.strip()
        assert set(entry.value["categories"]) <= set(Category)
        assert entry.effective_from < DAY


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
    eggs = {"categories": ["egg"], "severity": "hold"}
    old = Entry("papers.egg", date(2023, 1, 1), eggs | {"any_of": ["rapid_test"]}, "old law", Confidence.READ)
    new = Entry("papers.egg", date(2027, 3, 1), eggs | {"any_of": [K.COMMITMENT]}, "new law", Confidence.READ)
    rules = RuleBook((new, old)).on(day)
    assert [r.source for r in requirements_for(Category.EGG, rules)] == holding


@pytest.mark.parametrize("category", Category)
def test_no_category_has_the_same_group_twice_on_one_day(category: Category) -> None:
    groups = [r.any_of for r in requirements_for(category, RULES)]
    assert len(groups) == len(set(groups))


def test_a_receipt_of_before_a_rule_is_judged_without_it() -> None:
    imported = RULES.entry("papers.import_entry")
    assert imported is not None
    the_day_before, the_day = (imported.effective_from - timedelta(days=days) for days in (1, 0))
    assert paper_states(Category.IMPORTED_FOOD, [], shipped().on(the_day_before)) == []
    assert len(paper_states(Category.IMPORTED_FOOD, [], shipped().on(the_day))) == 1


def test_before_the_african_swine_fever_rule_pork_needed_no_report() -> None:
    groups = [r.any_of for r in requirements_for(Category.PORK, shipped().on(date(2019, 12, 31)))]
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
    (state,) = paper_states(Category.EGG, [stale, Paper(K.RAPID_TEST, DAY)], RULES)
    assert (state.satisfied_by, state.expired) == (K.RAPID_TEST, ())


def test_papers_that_are_there_but_not_valid_are_named() -> None:
    stale = Paper(K.COMMITMENT, date(2026, 1, 1), date(2026, 2, 1))
    revoked = Paper(K.TEST_REPORT, DAY, revoked=True)
    (state,) = paper_states(Category.EGG, [stale, revoked, Paper(K.QUARANTINE, DAY)], RULES)
    assert (state.satisfied_by, state.expired) == (None, (K.COMMITMENT, K.TEST_REPORT))
