"""The rule book's entries on duty, prescriptions and the public window, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

DUTY_TITLES: Mapping[str, str] = {
    "duty.longest_hours": N_("Longest duty of a pharmacist"),
    "review.pharmacist": N_("Sold only while a pharmacist is on duty"),
    "review.reference": N_("Sold only on a reviewed prescription"),
    "review.valid_days": N_("How long a review counts"),
    "review.remote": N_("Remote review of prescriptions"),
    "prescription.image": N_("Picture of a prescription"),
    "window.reading_hours": N_("Public window: when a reading is too old"),
    "window.share_days": N_("Public window: receipts that are counted"),
    "window.recall_days": N_("Public window: recalls that are counted"),
    "inspection.inspectors": N_("Inspectors of an inspection"),
}


def _hours(value: Any) -> list[Said]:
    return [(N_("{hours} hours."), {"hours": str(value)})]


def _classes(value: Any) -> list[Said]:
    return [(N_("For: {categories}."), {"categories": ", ".join(value["prescriptions"])})]


def _last_days(value: Any) -> list[Said]:
    return [(N_("Those of the last {days} days."), {"days": str(value)})]


def _image(value: Any) -> list[Said]:
    if value == "encrypted":
        return [(N_("Each prescription is photographed; the picture is kept encrypted."), {})]
    return [(N_("None is taken."), {})]


def _remote(value: Any) -> list[Said]:
    if value == "headquarters":
        return [(N_("Pharmacists on duty at the chain's headquarters review for its shops, too."), {})]
    return [(N_("Only a pharmacist on duty in the shop reviews."), {})]


DUTY_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    "duty.longest_hours": _hours,
    "review.": _classes,
    "review.valid_days": lambda value: [(N_("{days} days."), {"days": str(value)})],
    "review.remote": _remote,
    "prescription.image": _image,
    "window.reading_hours": _hours,
    "window.share_days": _last_days,
    "window.recall_days": _last_days,
    "inspection.inspectors": lambda value: [(N_("At least {least}."), {"least": str(value)})],
}
