"""What a canteen serves: meals, and which lots a dish takes (first expiring, first out)."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum


class Meal(StrEnum):
    """When a dish is served."""

    BREAKFAST = "breakfast"
    LUNCH = "lunch"
    DINNER = "dinner"


def meal_at(hour: int) -> Meal:
    """The meal that is most probably cooked at an hour of local time; only proposed, never recorded unasked."""
    return Meal.BREAKFAST if hour < 9 else Meal.LUNCH if hour < 14 else Meal.DINNER


def take_first(lots: Iterable[tuple[str, Decimal]], amount: Decimal) -> list[tuple[str, Decimal]] | None:
    """So much of lots given as (lot, on hand) in the order in which they expire; None where there is not that much."""
    taken = []
    for lot, here in lots:
        if amount <= 0:
            break
        some = min(here, amount)
        if some > 0:
            taken.append((lot, some))
            amount -= some
    return None if amount > 0 else taken
