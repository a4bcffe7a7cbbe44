"""What it takes to accept goods against a finding is an entry of the rule book."""

from datetime import date

import pytest

from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Confidence, Entry, shipped
from trace.domain.rules.overrides import Override, gravest_override, override_of

DAY = date(2026, 11, 24)
RULES = shipped().on(DAY)


def finding(rule: str, severity: Severity) -> Finding:
    return Finding(rule, severity, "Something is wrong.", {}, "law")


@pytest.mark.parametrize(
    ("rule", "severity", "takes"),
    [
        ("R1", Severity.BLOCK, Override.NEVER),
        ("R2", Severity.WARN, Override.FREE),
        ("R3", Severity.BLOCK, Override.NEVER),
        ("R3", Severity.HOLD, Override.REASON),
        ("R7", Severity.BLOCK, Override.NEVER),
        ("R8", Severity.BLOCK, Override.NEVER),
        ("R8", Severity.HOLD, Override.TWO_PEOPLE),
        ("R11", Severity.BLOCK, Override.TWO_PEOPLE),
        ("R11", Severity.HOLD, Override.REASON),
        ("BLOCKED", Severity.BLOCK, Override.NEVER),
        ("STANDING", Severity.BLOCK, Override.TWO_PEOPLE),
        ("a rule without entry", Severity.BLOCK, Override.NEVER),
        ("a rule without entry", Severity.HOLD, Override.REASON),
        ("a rule without entry", Severity.WARN, Override.FREE),
    ],
)
def test_what_accepting_against_a_finding_takes(rule: str, severity: Severity, takes: Override) -> None:
    assert override_of(finding(rule, severity), RULES) is takes


def test_the_gravest_of_several_findings_decides_and_none_takes_nothing() -> None:
    several = [finding("R3", Severity.HOLD), finding("R11", Severity.BLOCK), finding("R2", Severity.WARN)]
    assert gravest_override(several, RULES) is Override.TWO_PEOPLE
    assert gravest_override([], RULES) is Override.FREE


def test_a_house_may_be_stricter_from_a_day_on() -> None:
    strict = Entry("override.R3", DAY, {"block": "never", "hold": "two_people"}, "house", Confidence.HOUSE, 7)
    book = shipped().and_also([strict])
    hold = finding("R3", Severity.HOLD)
    assert override_of(hold, book.on(DAY, 7)) is Override.TWO_PEOPLE
    assert override_of(hold, book.on(date(2026, 11, 23), 7)) is Override.REASON
    assert override_of(hold, book.on(DAY, 8)) is Override.REASON
