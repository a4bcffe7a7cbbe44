"""Stock, kept beside the events in the same transaction: what capture stored moves goods, and announces what left.

Stock is a projection of the events; a counter at the shop cannot wait for a trace.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal

from msgspec import Struct
from sqlalchemy.orm import Session

from storage import events as store
from storage import stock as stock_store
from storage.tables import MICRO
from trace.domain.events import Endpoint, Event
from trace.domain.failures import N_, Conflict
from trace.domain.links import Link
from trace.domain.permissions import Actor
from trace.domain.rules.weighing import weighing_tolerance
from trace.domain.stock import FULL, Balance, Effect, Movement, movements_of
from trace.services.rulebook import rules_on


class Recorded(Struct, frozen=True):
    """An event that was just stored under `number`, and its links; or, `undone`, one that was just declared wrong."""

    event: Event
    links: tuple[Link, ...]
    number: int
    undone: bool = False


def micro(amount: Decimal) -> int:
    """An amount in millionths of its unit, as it is stored; finer than that is rounded half to even."""
    return int((amount * MICRO).to_integral_value())


class _Planned(Struct, frozen=True):
    """One movement to be applied: which item (its number) in which unit, of which event."""

    key: tuple[int, str]
    movement: Movement
    recorded: Recorded

    @property
    def item(self) -> int:
        return self.key[0]


_NOTHING = Balance()


def keep_stock(
    session: Session,
    recorded: Sequence[Recorded],
    ids: Mapping[str, int],
    *,
    actor: Actor,
    strict: bool,
    containers: set[str],
    ours: Set[int] = frozenset(),
) -> None:
    """Apply the stock movements of what was stored: lock the rows of all items, work out, write back.

    `ids` are the numbers of everything the events name; `ours` are those that this transaction gave, and nobody else
    can know; `containers` moved with something in them: of a case on a pallet, what is in it is goods, and not the case
    as well. Raises `Conflict`, with `strict`, where more would go than is there, or come back than has not moved on
    since.

    Two captures that move the same item line up at its row (`storage.stock.lock_stock`), in order of item.
    An event that declares an error repeats an earlier one and moves nothing again (EPCIS 2.0 section 7.4.1.2): what the
    earlier one moved comes back, and what was really moved is told by the corrective events.
    """
    movements = [
        (movement, one)
        for one in recorded
        if one.event.error_declaration is None
        for movement in movements_of(one.event, one.links)
        if movement.item not in containers
    ]
    if not movements:
        return
    # Of one item in the order of the capture: the sort is stable.
    planned = sorted([_Planned((ids[m.item], m.unit), m, one) for m, one in movements], key=lambda plan: plan.key[0])
    lots = _lots(session, planned, ids, ours)
    _settle(session, planned, lots, actor, strict, ours)
    _note_passages(session, planned, lots, actor, strict)


def _lots(session: Session, planned: Sequence[_Planned], ids: Mapping[str, int], ours: Set[int]) -> dict[int, int]:
    """{item: its lot}: what the events say, else what was known of the item when it was last in stock anywhere."""
    lots = {plan.item: ids[plan.movement.lot] for plan in planned if plan.movement.lot}
    unknown = [plan.item for plan in planned if plan.item not in lots and plan.item not in ours]
    return stock_store.known_lots(session, unknown) | lots if unknown else lots


def _settle(
    session: Session,
    planned: Sequence[_Planned],
    lots: dict[int, int],
    actor: Actor,
    strict: bool,
    ours: Set[int],
) -> None:
    """Apply the movements, in order, to the balances of the actor's organisation."""
    first, idle = _of_new_rows(planned, strict)
    found, made = stock_store.lock_stock(
        session,
        actor.organisation,
        {p.key for p in planned},
        arriving={(item, unit): (lots.get(item), first[item, unit]) for item, unit in first},
        ours=ours,
    )
    if idle is None:
        found, idle = found | made, set()
    else:
        planned, idle = [p for p in planned if p.key not in made], {one for one in idle if one[1:] in made}
    if planned:
        idle |= _move(session, planned, found, actor, strict)
    stock_store.note_unmoved(session, idle)


def _move(
    session: Session,
    planned: Sequence[_Planned],
    found: Mapping[tuple[int, str], Balance],
    actor: Actor,
    strict: bool,
) -> set[tuple[int, int, str]]:
    """Apply the movements to rows that are there, and locked: as (event, item, unit), what moved nothing."""
    moved_nothing = stock_store.unmoved_by(session, {p.recorded.number for p in planned if p.recorded.undone})
    planned = [p for p in planned if not p.recorded.undone or (p.recorded.number, *p.key) not in moved_nothing]
    now, refused, unmoved = _applied(found, planned, strict)
    if refused is not None and any(plan.recorded.undone for plan in planned):
        # A correction comes back before it goes, or goes before it comes back: either way must do.
        now, refused, unmoved = _applied(found, sorted(planned, key=lambda plan: plan.recorded.undone), strict)
    if refused is not None:
        raise _refusal(refused, now.get(refused.key, _NOTHING))
    stock_store.set_balances(
        session, actor.organisation, {key: balance for key, balance in now.items() if balance != found.get(key)}
    )
    return unmoved


def _of_new_rows(
    planned: Sequence[_Planned], strict: bool
) -> tuple[dict[tuple[int, str], Balance], set[tuple[int, int, str]] | None]:
    """({(item, unit): balance after all its movements} of what comes, if it never was here, and of what moved nothing).

    Balances of nothing, and None, where that cannot be told before it is known what is there: something is taken back,
    or more goes than came.
    """
    coming = {p.key for p in planned if not p.recorded.undone and _arrives(p.movement.effect, strict)}
    nothing = dict.fromkeys(coming, _NOTHING)
    if any(plan.recorded.undone for plan in planned):
        return nothing, None
    first, refused, unmoved = _applied(nothing, [plan for plan in planned if plan.key in coming], strict)
    return (first, unmoved) if refused is None else (nothing, None)


def _applied(
    found: Mapping[tuple[int, str], Balance], planned: Iterable[_Planned], strict: bool
) -> tuple[dict[tuple[int, str], Balance], _Planned | None, set[tuple[int, int, str]]]:
    """The balances after the movements; with `strict`, the first of them that cannot be, else, as (event, item, unit),
    those of them; of what never was here nothing is kept.
    """
    now, unmoved = dict(found), set[tuple[int, int, str]]()
    for plan in planned:
        movement, undone = plan.movement, plan.recorded.undone
        if undone and plan.key not in now:
            continue  # where there is no row, it moved nothing: a case on a pallet that was seen with it
        before = now.get(plan.key, _NOTHING)
        told = before.without if undone else before.after
        after = told(movement.effect, micro(movement.amount), strict=strict)
        if after is not None:
            now[plan.key] = after
        elif strict:
            return now, plan, unmoved
        elif plan.key in found:
            unmoved.add((plan.recorded.number, *plan.key))
    return now, None, unmoved


def _arrives(effect: Effect, strict: bool) -> bool:
    """Whether the movement makes a row where there is none: what was never here can come, but not come back."""
    return effect in (Effect.IN, Effect.IN_HELD) or (effect is Effect.TAKE_BACK and not strict)


def _refusal(plan: _Planned, balance: Balance) -> Conflict:
    if plan.recorded.undone:
        return _moved_on(plan.movement)
    told = _not_that_much_sold if plan.movement.effect is Effect.TAKE_BACK else _not_that_much
    return told(plan.movement, balance)


def _moved_on(movement: Movement) -> Conflict:
    return Conflict(
        N_(
            "This cannot be taken back: of {item}, {amount} {unit} have moved on since. Take back what was done with"
            " them first, or correct the quantity to what is left."
        ),
        field="quantity",
        details={"item": movement.item},
        item=movement.item,
        amount=f"{movement.amount.normalize():f}",
        unit=movement.unit,
    )


def _not_that_much(movement: Movement, balance: Balance) -> Conflict:
    return Conflict(
        N_(
            "{amount} {unit} of {item} cannot go: {on_hand} {unit} are on hand and {held} {unit} are held."
            " Check the quantity, or receive or release the goods first."
        ),
        field="quantity",
        details={"item": movement.item, "on_hand": balance.on_hand / MICRO, "held": balance.held / MICRO},
        amount=f"{movement.amount.normalize():f}",
        unit=movement.unit,
        item=movement.item,
        on_hand=f"{Decimal(balance.on_hand) / MICRO:f}",
        held=f"{Decimal(balance.held) / MICRO:f}",
    )


def _not_that_much_sold(movement: Movement, balance: Balance) -> Conflict:
    return Conflict(
        N_(
            "{amount} {unit} of {item} cannot come back: {sold} {unit} were sold here and not brought back yet."
            " Check the quantity, or read the code again."
        ),
        field="quantity",
        details={"item": movement.item, "sold": balance.sold / MICRO},
        amount=f"{movement.amount.normalize():f}",
        unit=movement.unit,
        item=movement.item,
        sold=f"{Decimal(balance.sold) / MICRO:f}",
    )


def _note_passages(
    session: Session, planned: Sequence[_Planned], lots: dict[int, int], actor: Actor, strict: bool
) -> None:
    """Goods that left for an organisation on this system are on the way to it until it receives them."""
    moving = [p for p in planned if _leaves(p) or p.recorded.event.biz_step == "receiving"]
    ends = {end.id for p in moving for end in (*p.recorded.event.sources, *p.recorded.event.destinations)}
    if not ends:
        return
    organisations = store.organisations_by_party(session, ends)
    passages = []
    for plan in moving:
        event, leaves = plan.recorded.event, _leaves(plan)
        for other in _others(event.destinations if leaves else event.sources, organisations, actor):
            sender, receiver = (actor.organisation, other) if leaves else (other, actor.organisation)
            passages.append(_passage(session, plan, sender, receiver, lots.get(plan.item), actor))
            if leaves and plan.recorded.undone and strict:
                _check_on_the_way(session, plan, sender, receiver)
    stock_store.note_passages(session, passages)


def _passage(
    session: Session, plan: _Planned, sender: int, receiver: int, lot: int | None, actor: Actor
) -> stock_store.Passage:
    """What a movement adds to the goods on the way, or takes from them."""
    event, amount, unit = plan.recorded.event, micro(plan.movement.amount), plan.movement.unit
    comes, crumb = not _leaves(plan), 0
    if plan.recorded.undone:
        comes, crumb = not comes, -FULL  # what is taken back is taken whole: no scale was asked
    elif comes:
        rules = rules_on(session, event.event_time.date(), actor.organisation)
        crumb = int(amount * weighing_tolerance(unit, rules))
    left = -amount if comes else amount
    return stock_store.Passage(plan.item, unit, sender, receiver, left, plan.recorded.number, lot, crumb)


def _check_on_the_way(session: Session, plan: _Planned, sender: int, receiver: int) -> None:
    """Raise `Conflict` for goods whose sending is taken back although the other side has received them."""
    on_the_way = stock_store.lock_transit(session, sender=sender, receiver=receiver, items=[plan.item])
    if on_the_way.get(plan.item, 0) < micro(plan.movement.amount):
        raise _moved_on(plan.movement)


def _leaves(plan: _Planned) -> bool:
    return plan.recorded.event.biz_step == "shipping" and plan.movement.effect in (Effect.SEND, Effect.RETURN)


def _others(ends: Iterable[Endpoint], organisations: dict[str, int], actor: Actor) -> set[int]:
    return {organisations[end.id] for end in ends if end.id in organisations} - {actor.organisation}
