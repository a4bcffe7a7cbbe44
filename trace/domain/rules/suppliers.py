"""Who delivers: blocked by the regulator, blocked in the shop's own file, or never looked at yet."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules

if TYPE_CHECKING:
    from trace.domain.rules.receiving import Arrival

_FIRST = "first_delivery."


def check_business_block(arrival: "Arrival", rules: Rules) -> Iterable[Finding]:
    """一处违法、处处受限: whom a regulator blocked delivers nowhere until the block is lifted."""
    entry = rules.entry("business_block")
    if arrival.blocked and entry is not None:
        yield Finding(
            "BLOCKED",
            Severity(entry.value["severity"]),
            N_("The regulator has blocked this supplier: {reason}."),
            {"reason": arrival.blocked},
            entry.source,
            N_("Refuse the goods, or hold them apart and ask the market regulator."),
        )


def check_blocked_here(arrival: "Arrival", rules: Rules) -> Iterable[Finding]:
    """The shop's own decision: who is blocked in its file delivers nothing to it."""
    if arrival.supplier_blocked_here:
        yield Finding(
            "STANDING",
            Severity.BLOCK,
            N_("Your own file blocks this supplier: {reason}."),
            {"reason": arrival.supplier_blocked_here},
            "食品安全法 Art. 53",
            N_("Refuse the goods, or change the supplier's standing with a reason."),
        )


def check_first_delivery(arrival: "Arrival", rules: Rules) -> Iterable[Finding]:
    """首营企业审核, 首次进货查验: a supplier is looked at before its goods are taken in as a matter of course."""
    if not arrival.first_delivery:
        return
    for entry in rules.under(_FIRST):
        if arrival.category in entry.value["categories"]:
            yield Finding(
                "FIRST",
                Severity(entry.value["severity"]),
                N_("Nobody has made the first-delivery check of this supplier."),
                {},
                entry.source,
                N_("Open the supplier's file, look at its licence and papers, and tick what you saw."),
            )
