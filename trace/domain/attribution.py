"""Of which lots was sold what a till names by product only (PLU, GTIN)? Attributed by a written policy, never known.

A shop that sells loose vegetables by PLU cannot say which lot went over the counter. What is attributed keeps the mass
balance; a recall has to ask, besides, which sales may have been of the lot: those at which it was open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Policy(StrEnum):
    """In which order open lots are sold out."""

    FEFO = "fefo"  # first expired, first out; without expiry in the order they came
    FIFO = "fifo"  # in the order they came


@dataclass(frozen=True, slots=True)
class OpenLot:
    """A lot on the shelf: `on_hand` in millionths of the product's unit; `came` orders lots by when they came.

    `later`: by the records it came after the sale; it is taken only where nothing else is left, for a delivery is
    often typed after the goods stand on the shelf.
    """

    item: int
    on_hand: int
    expires_on: date | None
    came: int
    later: bool = False


@dataclass(frozen=True, slots=True)
class Attribution:
    """{lot: millionths} of what is sold, in the order of the policy, and what no open lot has (`missing`)."""

    amounts: dict[int, int]
    missing: int


def attribute(amount: int, lots: Sequence[OpenLot], policy: Policy) -> Attribution:
    """Take an amount (millionths) from open lots in the order of the policy."""
    left, amounts = amount, dict[int, int]()
    for lot in sorted(lots, key=_order(policy)):
        taken = min(left, lot.on_hand)
        if taken > 0:
            amounts[lot.item] = taken
            left -= taken
    return Attribution(amounts, left)


def _order(policy: Policy) -> Callable[[OpenLot], tuple[bool, date, int, int]]:
    if policy is Policy.FIFO:
        return lambda lot: (lot.later, date.max, lot.came, lot.item)
    return lambda lot: (lot.later, lot.expires_on or date.max, lot.came, lot.item)
