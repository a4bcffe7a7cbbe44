"""The rule book's entries on the counter of a pharmacy, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

DISPENSING_TITLES: Mapping[str, str] = {
    "dispensing.never": N_("Drugs that shops do not sell"),
    "dispensing.most_packs": N_("Most packs to one customer"),
    "dispensing.without_code": N_("Drugs that need no trace code"),
    "dispensing.open_days": N_("How long an open pack is sold from"),
    "dispensing.late_hours": N_("Sales told late"),
    "dispensing.earlier_first": N_("Nearest expiry first"),
}


def _classes(value: Any) -> list[Said]:
    return [(N_("For: {categories}."), {"categories": ", ".join(value["classes"])})]


def _most(value: Any) -> list[Said]:
    return [
        (N_("{drug_class}: at most {most} packs."), {"drug_class": name, "most": str(most)})
        for name, most in value.items()
    ]


def _earlier(value: Any) -> list[Said]:
    if value["asks"] == "reason":
        return [(N_("An earlier lot on the shelf is passed by with a reason only."), {})]
    return [(N_("An earlier lot on the shelf is named; no reason is asked."), {})]


DISPENSING_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    "dispensing.never": _classes,
    "dispensing.most_packs": _most,
    "dispensing.without_code": _classes,
    "dispensing.open_days": lambda value: [(N_("{days} days."), {"days": str(value)})],
    "dispensing.late_hours": lambda value: [(N_("At most {hours} hours after the sale."), {"hours": str(value)})],
    "dispensing.earlier_first": _earlier,
}
