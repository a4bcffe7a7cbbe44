"""Drugs that take two signatures on arrival (麻醉药品、精神药品...: 双人验收)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules

if TYPE_CHECKING:
    from trace.domain.rules.receiving import Arrival


def check_two_signatures(arrival: "Arrival", rules: Rules) -> Iterable[Finding]:
    """A special drug is accepted by two people, whatever else is found; the classes stand in the rule book."""
    entry = rules.entry("acceptance.two_signatures")
    if entry is not None and arrival.drug_class in entry.value["classes"]:
        yield Finding(
            "TWO",
            Severity(entry.value["severity"]),
            N_("Two people accept a drug of this class."),
            {},
            entry.source,
            N_("A colleague signs as the second person."),
        )
