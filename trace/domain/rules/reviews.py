"""R10: what is handed out only with a reviewed prescription, and only while a pharmacist is on duty."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from trace.domain.rules.book import Rules


class HandedOut(NamedTuple):
    """A product at the counter: its name and its class (`Prescription`), None where the file does not say."""

    name: str
    prescription: str | None


def first_needing(what: str, products: Iterable[HandedOut], rules: Rules) -> HandedOut | None:
    """The first product that needs a `pharmacist` on duty, or the `reference` of a reviewed prescription."""
    entry = rules.entry(f"review.{what}")
    classes = entry.value["prescriptions"] if entry else ()
    return next((product for product in products if product.prescription in classes), None)


def counts_until(reviewed_on: date, rules: Rules) -> date:
    """The last day a review of that day counts."""
    return reviewed_on + timedelta(days=int(rules.number("review.valid_days")))
