"""How much was received under one paper, over all shops (rule R5: one certificate, used again and again).

Goods that go on from one business on this system to the next under the same paper are the same goods, and count once.
What a business passed on under a paper counts only as far as it is more than what it had received under it itself:
the issuer received nothing, so all it hands out counts; a wholesaler's 300 kg count when they come to it, and not again
when they leave; a wholesaler that hands out 500 kg under the paper of 300 has 200 kg too many, and they count. The
order in which the two ends record it makes no difference. The policy is the entry `paper_use` of the rule book.

Goods sent back to their supplier and sold to somebody else under the same paper count twice: the paper was used twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class PassedOn(StrEnum):
    """What the rule book says of goods that go on under the same paper: only the excess counts, or all of it."""

    EXCESS = "excess"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Use:
    """So many millionths came to `receiver` under a paper, from `supplier` (None: one who is not on the system)."""

    receiver: int
    supplier: int | None
    amount: int


def counted(uses: Iterable[Use], policy: PassedOn) -> int:
    """Millionths that count against what the paper certifies."""
    total = 0
    came: dict[int, int] = {}
    went: dict[int, int] = {}
    for use in uses:
        came[use.receiver] = came.get(use.receiver, 0) + use.amount
        if use.supplier is None or policy is PassedOn.ALL:
            total += use.amount
        else:
            went[use.supplier] = went.get(use.supplier, 0) + use.amount
    return total + sum(max(0, amount - came.get(supplier, 0)) for supplier, amount in went.items())


def room(certified: int, uses: Sequence[Use], supplier: int | None, policy: PassedOn) -> int:
    """How much more may come from this supplier before more counts than the paper certifies."""
    slack = 0
    if supplier is not None and policy is PassedOn.EXCESS:
        came = sum(use.amount for use in uses if use.receiver == supplier)
        slack = max(0, came - sum(use.amount for use in uses if use.supplier == supplier))
    return max(0, certified - counted(uses, policy)) + slack


def shares(amount: int, rooms: Sequence[int | None]) -> list[int]:
    """A line's amount spread over its papers of one kind, in their order; `rooms` None is a paper that names no amount.

    Papers with an amount are filled first; what is left goes to one without, else it is too much on the last.
    """
    spread = [0] * len(rooms)
    for number, space in enumerate(rooms):
        if space is not None:
            spread[number] = min(amount, space)
            amount -= spread[number]
    if amount:
        spread[rooms.index(None) if None in rooms else len(rooms) - 1] += amount
    return spread
