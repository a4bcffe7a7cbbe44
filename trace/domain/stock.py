"""What an event does to the stock of the organisation that captured it.

Stock is a projection: every figure follows from events, and is kept beside them so that a counter need not trace.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from trace.domain.epcis.document import PREFIX
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.events import Event
from trace.domain.links import Link, Role
from trace.domain.uris import UriKind, uri_kind

ON_HAND, HELD, SOLD, CAME, SENT, RETURNED, DESTROYED, USED, MISSING = range(9)
# In the events that book the difference of a stock-taking; what a partner counted moves nothing without it.
STOCKTAKE = f"{PREFIX}stocktake"


class Effect(Enum):
    """Between which accounts of a `Balance` an item moves: from the first that has some, then the next, to another.

    What moves from nowhere comes anew.
    """

    IN = (), ON_HAND
    IN_HELD = (), HELD
    SELL = (ON_HAND,), SOLD
    TAKE_BACK = (SOLD,), HELD  # what a customer brings back is looked at before it is sold again
    SEND = (ON_HAND,), SENT  # what is held does not move (R7)
    RETURN = (HELD, ON_HAND), RETURNED
    DESTROY = (HELD, ON_HAND), DESTROYED
    USE = (ON_HAND,), USED
    SAMPLE = (HELD, ON_HAND), USED  # what is held is what gets tested
    HOLD = (ON_HAND,), HELD
    RELEASE = (HELD,), ON_HAND
    MISS = (ON_HAND, HELD), MISSING
    FIND = (MISSING,), HELD  # what nobody knew was there is looked at before it is sold


class Movement(Struct, frozen=True):
    """`amount` (exact) of `item` in `unit` moves by `effect`; `lot` is what a recall of the item would name."""

    item: str
    effect: Effect
    amount: Decimal
    unit: str
    lot: str | None


FULL = 2**62  # millionths: what the store has room for; no shop comes near it, a partner's nonsense must not break it


class Balance(NamedTuple):
    """What came to an organisation of an item in one unit and where it is, in millionths.

    `came` is the sum of all others, always (R6): each movement is booked twice.
    """

    on_hand: int = 0
    held: int = 0
    sold: int = 0  # and not brought back
    came: int = 0  # received, made, or brought back by a customer who bought it elsewhere
    sent: int = 0
    returned: int = 0  # to suppliers
    destroyed: int = 0
    used: int = 0  # made into something else, or sampled
    missing: int = 0  # not there when stock was taken, and not found since

    def after(self, effect: Effect, amount: int, *, strict: bool = True) -> "Balance | None":
        """The balance once `amount` moved; None where there is not that much to move, or no room for it.

        What is found need not have been missed, and, not strict, what comes back need not have been sold here: the
        rest comes anew.
        """
        accounts = list(self)
        sources, target = effect.value
        left = amount
        for source in sources:
            taken = min(accounts[source], left)
            accounts[source] -= taken
            left -= taken
        if left and sources and effect is not Effect.FIND and (strict or effect is not Effect.TAKE_BACK):
            return None
        accounts[CAME] += left
        accounts[target] += amount
        return Balance(*accounts) if max(accounts) < FULL else None

    def without(self, effect: Effect, amount: int, *, strict: bool = True) -> "Balance | None":
        """The balance had `amount` not moved; None where the goods have moved on since.

        What came is taken from wherever it still is here; what left comes back held where it might have been held.
        Not strict: as much as is there is taken back.
        """
        accounts = list(self)
        sources, target = effect.value
        here = (target, ON_HAND + HELD - target) if target in (ON_HAND, HELD) and effect not in _STAYS else (target,)
        left = amount
        for place in here:
            taken = min(accounts[place], left)
            accounts[place] -= taken
            left -= taken
        if left and strict:
            return None
        if sources:
            # Of what may have been held nobody knows how much was: all of it is looked at before it is sold (R7).
            accounts[HELD if HELD in sources else sources[0]] += amount - left
        else:
            accounts[CAME] -= amount - left
        return Balance(*accounts)


_STAYS = (Effect.HOLD, Effect.RELEASE)
_STEP_EFFECTS: dict[str, Effect] = {
    BizStep.SHIPPING: Effect.SEND,
    BizStep.RETAIL_SELLING: Effect.SELL,
    BizStep.DISPENSING: Effect.SELL,
    BizStep.SAMPLING: Effect.SAMPLE,
    BizStep.RECEIVING: Effect.IN,
    BizStep.HOLDING: Effect.HOLD,
    BizStep.STORING: Effect.RELEASE,
}
_COUNTED: dict[str, Effect] = {Disposition.UNAVAILABLE: Effect.MISS, Disposition.NON_SELLABLE: Effect.FIND}
_ROLE_EFFECTS = {Role.ADDED: Effect.IN, Role.OUTPUT: Effect.IN, Role.INPUT: Effect.USE}
_SEEN, _ENDED, _NAMES_LOT = (Role.OBSERVED, Role.SEEN_INSIDE), Role.ENDED, (Role.ADDED, Role.OBSERVED)
_ONE, _INSTANCE, _LOT = Decimal(1), UriKind.INSTANCE, UriKind.LOT
_UNSELLABLE = (Disposition.NON_SELLABLE, Disposition.NON_CONFORMANT, Disposition.RECALLED)


def movements_of(event: Event, links: tuple[Link, ...]) -> Iterator[Movement]:
    """The stock movements of one event. Assets (crates, pallets) and amounts left open ("some") move no stock."""
    for link in links:
        effect = _effect(event, link.role)
        if effect is None:
            continue
        kind = uri_kind(link.item)
        if kind is _INSTANCE:
            yield Movement(link.item, effect, _ONE, PIECE, link.peer if link.role in _NAMES_LOT else None)
        elif kind is _LOT and link.amount is not None and link.amount > 0:
            yield Movement(link.item, effect, link.amount, link.unit or PIECE, link.item)


def _effect(event: Event, role: Role) -> Effect | None:
    if role in _ROLE_EFFECTS:
        return _ROLE_EFFECTS[role]
    if role is _ENDED:
        return Effect.DESTROY if event.biz_step == BizStep.DESTROYING else Effect.SAMPLE
    if role not in _SEEN:
        return None
    if event.biz_step == BizStep.STOCK_TAKING:
        return _COUNTED.get(event.disposition or "") if STOCKTAKE in event.extensions else None
    effect = _STEP_EFFECTS.get(event.biz_step or "")
    if event.disposition == Disposition.PARTIALLY_DISPENSED:
        return None  # an open pack stays on the counter; its last part takes it out
    if effect is Effect.IN and event.disposition == Disposition.RETURNED and not event.sources:
        return Effect.TAKE_BACK  # from nobody who is named: a customer
    if effect is Effect.IN and event.disposition in _UNSELLABLE:
        return Effect.IN_HELD
    if effect is Effect.SEND and event.disposition == Disposition.RETURNED:
        return Effect.RETURN
    return effect
