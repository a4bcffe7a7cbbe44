"""What is asked of drugs alone on arrival: two signatures (双人验收), and the first-product file (首营品种)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules

if TYPE_CHECKING:
    from trace.domain.rules.receiving import Arrival


def check_two_signatures(arrival: "Arrival", rules: Rules) -> Iterable[Finding]:
    """A special drug is accepted by two people, whatever else is found, whichever way it is received."""
    return check_special_drug(arrival.drug_class, rules)


def check_special_drug(drug_class: str | None, rules: Rules) -> list[Finding]:
    """What is found of a drug of a class that two people answer for; the classes stand in the rule book."""
    entry = rules.entry("acceptance.two_signatures")
    if entry is None or drug_class not in entry.value["classes"]:
        return []
    text, remedy = N_("Two people accept a drug of this class."), N_("A colleague signs as the second person.")
    return [Finding("TWO", Severity(entry.value["severity"]), text, {}, entry.source, remedy)]


def check_first_purchase(arrival: "Arrival", rules: Rules) -> Iterable[Finding]:
    """首营品种: a drug is looked at before it is bought for the first time, whichever way it is received."""
    return check_first_product(arrival.first_product, rules)


def check_first_product(is_first: bool, rules: Rules) -> list[Finding]:
    """What is found of a product of which nobody has made the first-product file; nothing where it `is_first` not."""
    entry = rules.entry("acceptance.first_product")
    if not is_first or entry is None:
        return []
    text = N_("Nobody has made the file of this product yet (first-product check).")
    remedy = N_("Open the drug's file, look at its approval and its test report, and tick what you saw.")
    return [Finding("PRODUCT", Severity(entry.value["severity"]), text, {}, entry.source, remedy)]
