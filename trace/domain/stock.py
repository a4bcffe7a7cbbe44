"""What an event does to the stock of the organisation that captured it.

Stock is a projection: every figure follows from events, and is kept beside them so that a counter need not trace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.events import Event
from trace.domain.links import Link, Role
from trace.domain.uris import UriKind, uri_kind


class Effect(Enum):
    """How much of an item moves between "gone", "sold" (and not brought back), "on hand" and "held"."""

    IN = "in"  # gone -> on hand
    IN_HELD = "in_held"  # gone -> held
    SELL = "sell"  # on hand -> sold
    TAKE_BACK = "take_back"  # sold -> held: what a customer brings back is looked at before it is sold again
    OUT = "out"  # on hand -> gone; what is held does not move (R7)
    OUT_ANY = "out_any"  # held first, then on hand -> gone: destruction and return to the supplier
    HOLD = "hold"  # on hand -> held
    RELEASE = "release"  # held -> on hand


@dataclass(frozen=True, slots=True)
class Movement:
    """`amount` (exact) of `item` in `unit` moves by `effect`; `lot` is what a recall of the item would name."""

    item: str
    effect: Effect
    amount: Decimal
    unit: str
    lot: str | None


FULL = 2**62  # millionths: what the store has room for; no shop comes near it, a partner's nonsense must not break it


@dataclass(frozen=True, slots=True)
class Balance:
    """What an organisation has of an item in one unit, in millionths: on hand, held, sold and not brought back."""

    on_hand: int = 0
    held: int = 0
    sold: int = 0

    def after(self, effect: Effect, amount: int, *, strict: bool = True) -> "Balance | None":
        """The balance once `amount` moved; None where there is not that much to move, or no room for it.

        Not strict: what comes back need not have been sold here.
        """
        moved = self._moved(effect, amount, strict)
        return moved if moved and max(moved.on_hand, moved.held, moved.sold) < FULL else None

    def _moved(self, effect: Effect, amount: int, strict: bool) -> "Balance | None":
        on_hand, held, sold = self.on_hand, self.held, self.sold
        match effect:
            case Effect.IN:
                return Balance(on_hand + amount, held, sold)
            case Effect.IN_HELD:
                return Balance(on_hand, held + amount, sold)
            case Effect.SELL:
                return Balance(on_hand - amount, held, sold + amount) if on_hand >= amount else None
            case Effect.TAKE_BACK:
                enough = sold >= amount or not strict
                return Balance(on_hand, held + amount, max(sold - amount, 0)) if enough else None
            case Effect.OUT:
                return Balance(on_hand - amount, held, sold) if on_hand >= amount else None
            case Effect.OUT_ANY:
                from_held = min(held, amount)
                left = on_hand - (amount - from_held)
                return Balance(left, held - from_held, sold) if left >= 0 else None
            case Effect.HOLD:
                return Balance(on_hand - amount, held + amount, sold) if on_hand >= amount else None
            case Effect.RELEASE:
                return Balance(on_hand + amount, held - amount, sold) if held >= amount else None


_STEP_EFFECTS: dict[str, Effect] = {
    BizStep.SHIPPING: Effect.OUT,
    BizStep.RETAIL_SELLING: Effect.SELL,
    BizStep.DISPENSING: Effect.SELL,
    BizStep.SAMPLING: Effect.OUT_ANY,  # what is held is what gets tested
    BizStep.RECEIVING: Effect.IN,
    BizStep.HOLDING: Effect.HOLD,
    BizStep.STORING: Effect.RELEASE,
}
_SEEN = (Role.OBSERVED, Role.SEEN_INSIDE)
_UNSELLABLE = (Disposition.NON_SELLABLE, Disposition.NON_CONFORMANT, Disposition.RECALLED)


def movements_of(event: Event, links: tuple[Link, ...]) -> Iterator[Movement]:
    """The stock movements of one event. Assets (crates, pallets) and amounts left open ("some") move no stock."""
    for link in links:
        effect = _effect(event, link.role)
        kind = uri_kind(link.item)
        if effect is None or kind not in (UriKind.INSTANCE, UriKind.LOT):
            continue
        if kind is UriKind.INSTANCE:
            yield Movement(link.item, effect, Decimal(1), PIECE, link.peer if _names_lot(link.role) else None)
        elif link.amount is not None and link.amount > 0:
            yield Movement(link.item, effect, link.amount, link.unit or PIECE, link.item)


def _names_lot(role: Role) -> bool:
    return role in (Role.ADDED, Role.OBSERVED)


def _effect(event: Event, role: Role) -> Effect | None:
    if role in (Role.ADDED, Role.OUTPUT):
        return Effect.IN
    if role is Role.INPUT:
        return Effect.OUT
    if role is Role.ENDED:
        return Effect.OUT_ANY
    if role not in _SEEN:
        return None
    effect = _STEP_EFFECTS.get(event.biz_step or "")
    if effect is Effect.IN and event.disposition == Disposition.RETURNED and not event.sources:
        return Effect.TAKE_BACK  # from nobody who is named: a customer
    if effect is Effect.IN and event.disposition in _UNSELLABLE:
        return Effect.IN_HELD
    if effect is Effect.OUT and event.disposition == Disposition.RETURNED:
        return Effect.OUT_ANY
    return effect
