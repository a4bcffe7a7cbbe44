"""The rule book's entries on acceptance at a pharmacy, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

ACCEPTANCE_TITLES: Mapping[str, str] = {
    "acceptance.note": N_("Not as the delivery note says"),
    "acceptance.order": N_("Not as ordered"),
    "acceptance.way_log": N_("Cold drugs: log of the way"),
    "acceptance.first_product": N_("First-product check"),
    "acceptance.elsewhere": N_("Codes in another pharmacy's stock"),
    "acceptance.two_signatures": N_("Drugs that take two signatures"),
    "override.TWO": N_("Drugs that take two signatures"),
    "override.LOG": N_("Cold drugs: log of the way"),
    "override.PRODUCT": N_("First-product check"),
}


def _severity(value: Any) -> list[Said]:
    return [("{severity}.", {"severity": value["severity"]})]


def _two_signatures(value: Any) -> list[Said]:
    return [(N_("For: {categories}."), {"categories": ", ".join(value["classes"])}), *_severity(value)]


ACCEPTANCE_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    **dict.fromkeys(
        (
            "acceptance.note",
            "acceptance.order",
            "acceptance.way_log",
            "acceptance.first_product",
            "acceptance.elsewhere",
        ),
        _severity,
    ),
    "acceptance.two_signatures": _two_signatures,
}
