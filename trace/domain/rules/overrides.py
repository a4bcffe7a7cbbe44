"""What it takes to accept goods against a finding: entries `override.<rule>` of the rule book."""

from enum import StrEnum

from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules


class Override(StrEnum):
    """What accepting against a finding takes, from nothing to impossible; the order is that of gravity."""

    FREE = "free"  # a warning is a remark
    REASON = "reason"  # of who receives
    TWO_PEOPLE = "two_people"  # a reason, and a second person who agrees
    NEVER = "never"  # hold or refuse


_UNNAMED = {Severity.BLOCK: Override.NEVER, Severity.HOLD: Override.REASON, Severity.WARN: Override.FREE}


def override_of(finding: Finding, rules: Rules) -> Override:
    """What accepting against this finding takes on the day of these rules.

    A rule without entry: a block is final, a hold takes a reason. A warning takes nothing, whatever an entry says.
    """
    entry = rules.entry(f"override.{finding.rule}")
    if entry is None or finding.severity is Severity.WARN:
        return _UNNAMED[finding.severity]
    return Override(entry.value[finding.severity.value])


def gravest_override(findings: list[Finding], rules: Rules) -> Override:
    """What accepting against all of these takes together."""
    order = list(Override)
    return max((override_of(finding, rules) for finding in findings), key=order.index, default=Override.FREE)
