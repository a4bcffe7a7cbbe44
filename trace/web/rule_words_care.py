"""The rule book's entries on stock care in a pharmacy, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

CARE_TITLES: Mapping[str, str] = {
    "care.check": N_("Maintenance check of every lot"),
    "care.key": N_("Maintenance check of what spoils easily"),
    "expiry_red.drug": N_("Near expiry in red: drugs"),
    "stocktaking.difference": N_("Difference of a stock-taking"),
    "retention.care": N_("Stock care and temperatures"),
}


def _key(value: Any) -> list[Said]:
    told: list[Said] = [(N_("Every {days} days."), {"days": str(value["days"])})]
    if value["storages"] or value["classes"]:
        kinds = ", ".join((*(f"storage_{kind}" for kind in value["storages"]), *value["classes"]))
        told.append((N_("For: {categories}."), {"categories": kinds}))
    if value["near_expiry"]:
        told.append((N_("For what is near its expiry."), {}))
    if value["open_packs"]:
        told.append((N_("For packs that are open on the counter."), {}))
    return told


def _difference(value: Any) -> list[Said]:
    return [(N_("Two people answer for it.") if value == "two_people" else N_("One person says why."), {})]


CARE_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    "care.check": lambda value: [(N_("Every {days} days."), {"days": str(value["days"])})],
    "care.key": _key,
    "expiry_red.": lambda value: [(N_("From {days} days before the end."), {"days": str(value)})],
    "stocktaking.difference": _difference,
}
