"""What an event does to the stock of who captured it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain import uris
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    Endpoint,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
)
from trace.domain.links import LOT_EXTENSION, links_of
from trace.domain.stock import Balance, Effect, Movement, movements_of

CLASS = "https://id.gs1.org/01/06901234567892"
LOT, OTHER_LOT = f"{CLASS}/10/A1", f"{CLASS}/10/B2"
PACK = uris.drug_code_uri("83857930000879766660")
PACK_LOT = uris.lot_uri(uris.drug_class_uri("8385793"), "B1")
CRATE, PALLET = uris.crate_uri("K-7"), uris.key_uri("00", "069012340000000016")
WHEN: dict[str, Any] = {"event_time": datetime(2026, 11, 24, tzinfo=UTC), "event_id": "urn:uuid:1"}
KILOS = Quantity(LOT, Decimal("12.5"), "KGM")


def moved(event: Event) -> list[Movement]:
    return list(movements_of(event, links_of(event)))


def seen(step: str, disposition: str | None = None, **what: Any) -> ObjectEvent:
    return ObjectEvent(**WHEN, action=Action.OBSERVE, biz_step=step, disposition=disposition, **what)


@pytest.mark.parametrize(
    ("step", "disposition", "effect"),
    [
        (BizStep.SHIPPING, Disposition.IN_TRANSIT, Effect.SEND),
        (BizStep.SHIPPING, Disposition.RETURNED, Effect.RETURN),  # held goods may go back
        (BizStep.RETAIL_SELLING, Disposition.RETAIL_SOLD, Effect.SELL),
        (BizStep.DISPENSING, Disposition.DISPENSED, Effect.SELL),
        (BizStep.SAMPLING, None, Effect.SAMPLE),
        (BizStep.RECEIVING, Disposition.IN_PROGRESS, Effect.IN),
        (BizStep.RECEIVING, Disposition.NON_SELLABLE, Effect.IN_HELD),
        (BizStep.RECEIVING, Disposition.NON_CONFORMANT, Effect.IN_HELD),
        (BizStep.RECEIVING, Disposition.RECALLED, Effect.IN_HELD),
        (BizStep.RECEIVING, Disposition.RETURNED, Effect.TAKE_BACK),
        (BizStep.HOLDING, None, Effect.HOLD),
        (BizStep.STORING, None, Effect.RELEASE),
    ],
)
def test_a_step_moves_what_it_sees(step: str, disposition: str | None, effect: Effect) -> None:
    assert moved(seen(step, disposition, quantities=(KILOS,))) == [Movement(LOT, effect, Decimal("12.5"), "KGM", LOT)]
    assert moved(seen(step, disposition, epcs=(PACK,))) == [Movement(PACK, effect, Decimal(1), "EA", None)]


@pytest.mark.parametrize("step", [BizStep.INSPECTING, BizStep.ACCEPTING, "https://example.cn/own_step", None])
def test_other_steps_move_nothing(step: str | None) -> None:
    assert moved(seen(step, quantities=(KILOS,), epcs=(PACK,))) == []  # type: ignore[arg-type]


def test_what_a_named_party_sends_back_is_received_and_was_sold_by_nobody_here() -> None:
    source = (Endpoint("owning_party", "https://id.gs1.org/417/6901234567892"),)
    back = seen(BizStep.RECEIVING, Disposition.RETURNED, quantities=(KILOS,), sources=source)
    assert [movement.effect for movement in moved(back)] == [Effect.IN]


def test_what_comes_to_be_is_on_hand_and_what_ends_is_gone_even_if_held() -> None:
    made = ObjectEvent(**WHEN, action=Action.ADD, quantities=(KILOS,))
    ended = ObjectEvent(**WHEN, action=Action.DELETE, quantities=(KILOS,))
    destroyed = ObjectEvent(**WHEN, action=Action.DELETE, biz_step=BizStep.DESTROYING, quantities=(KILOS,))
    assert [m.effect for m in moved(made)] == [Effect.IN]
    assert [m.effect for m in moved(ended)] == [Effect.SAMPLE]  # what became of it is not told
    assert [m.effect for m in moved(destroyed)] == [Effect.DESTROY]


def test_packs_are_counted_one_by_one_with_their_lot_and_their_lot_is_not_counted_besides() -> None:
    event = ObjectEvent(
        **WHEN,
        action=Action.ADD,
        epcs=(PACK,),
        quantities=(Quantity(PACK_LOT, Decimal(1)),),
        extensions={LOT_EXTENSION: PACK_LOT},
    )
    assert moved(event) == [Movement(PACK, Effect.IN, Decimal(1), "EA", PACK_LOT)]


def test_a_transformation_takes_its_inputs_and_gives_its_outputs() -> None:
    event = TransformationEvent(
        **WHEN, input_quantities=(KILOS,), output_quantities=(Quantity(OTHER_LOT, Decimal(12), "KGM"),)
    )
    assert [(m.item, m.effect, m.amount) for m in moved(event)] == [
        (LOT, Effect.USE, Decimal("12.5")),
        (OTHER_LOT, Effect.IN, Decimal(12)),
    ]


@pytest.mark.parametrize("kind", [AggregationEvent, AssociationEvent])
@pytest.mark.parametrize("action", [Action.ADD, Action.DELETE])
def test_packing_and_unpacking_move_no_stock(kind: Any, action: Action) -> None:
    event = kind(
        **WHEN, action=action, parent=CRATE, biz_step=BizStep.PACKING, child_epcs=(PACK,), child_quantities=(KILOS,)
    )
    assert moved(event) == []


def test_a_crate_that_is_shipped_takes_its_content_along_and_is_no_stock_itself() -> None:
    event = AggregationEvent(
        **WHEN,
        action=Action.OBSERVE,
        parent=PALLET,
        biz_step=BizStep.SHIPPING,
        child_epcs=(PACK, CRATE),
        child_quantities=(KILOS,),
    )
    assert [(m.item, m.effect) for m in moved(event)] == [(PACK, Effect.SEND), (LOT, Effect.SEND)]


def test_a_transaction_event_that_sells_moves_stock_too() -> None:
    event = TransactionEvent(**WHEN, action=Action.OBSERVE, biz_step=BizStep.RETAIL_SELLING, quantities=(KILOS,))
    assert [m.effect for m in moved(event)] == [Effect.SELL]


@pytest.mark.parametrize("amount", [None, Decimal(0), Decimal("-1")])
def test_amounts_left_open_or_not_above_zero_move_nothing(amount: Decimal | None) -> None:
    assert moved(seen(BizStep.RECEIVING, quantities=(Quantity(LOT, amount, "KGM"),))) == []


@pytest.mark.parametrize("item", [CLASS, CRATE, PALLET, uris.place_uri("a"), "https://example.cn/"])
def test_what_is_neither_lot_nor_pack_is_no_stock(item: str) -> None:
    assert moved(seen(BizStep.RECEIVING, quantities=(Quantity(item, Decimal(1), "EA"),))) == []


def test_one_lot_in_two_units_is_two_movements_and_in_one_unit_one() -> None:
    twice = seen(BizStep.RECEIVING, quantities=(KILOS, KILOS, Quantity(LOT, Decimal(3))))
    assert [(m.amount, m.unit) for m in moved(twice)] == [(Decimal("25.0"), "KGM"), (Decimal(3), "EA")]


def balance(on_hand: int, held: int = 0, sold: int = 0, **more: int) -> Balance:
    """A balance whose law holds: what is anywhere came."""
    return Balance(on_hand, held, sold, came=on_hand + held + sold + sum(more.values()), **more)


def came_somewhere(one: Balance) -> bool:
    """The law of the balance (R6)."""
    return one.came == sum(one) - one.came and min(one) >= 0


AMOUNTS = st.integers(0, 5)
BALANCES = st.builds(balance, AMOUNTS, AMOUNTS, AMOUNTS, sent=AMOUNTS, destroyed=AMOUNTS, used=AMOUNTS, missing=AMOUNTS)


@given(BALANCES, st.sampled_from(Effect), st.integers(1, 5), st.booleans())
def test_a_balance_is_never_below_nothing_and_moves_make_nothing_of_nothing(
    before: Balance, effect: Effect, amount: int, strict: bool
) -> None:
    after = before.after(effect, amount, strict=strict)
    if after is None:
        assert effect not in (Effect.IN, Effect.IN_HELD)
        return
    assert min(after) >= 0
    change = (after.on_hand + after.held) - (before.on_hand + before.held)
    comes = (Effect.IN, Effect.IN_HELD, Effect.TAKE_BACK, Effect.FIND)
    stays = (Effect.HOLD, Effect.RELEASE)
    assert change == (amount if effect in comes else 0 if effect in stays else -amount)


STEPS = st.tuples(st.sampled_from(["after", "without"]), st.sampled_from(Effect), st.integers(1, 5), st.booleans())


@given(st.lists(STEPS, max_size=30))
def test_what_came_is_somewhere_after_any_story(story: list[tuple[str, Effect, int, bool]]) -> None:
    now = Balance()
    for told, effect, amount, strict in story:
        now = getattr(now, told)(effect, amount, strict=strict) or now
        assert came_somewhere(now)


@given(BALANCES, st.sampled_from(Effect), st.integers(1, 5))
def test_what_is_taken_back_at_once_never_was_but_may_be_held(before: Balance, effect: Effect, amount: int) -> None:
    after = before.after(effect, amount)
    if after is None:
        return
    again = after.without(effect, amount)
    assert again is not None
    assert again.on_hand + again.held == before.on_hand + before.held
    # Found without having been missed it came anew; found wrongly it is missing from then on (the table below).
    anew = max(0, amount - before.missing) if effect is Effect.FIND else 0
    assert again[2:] == before._replace(came=before.came + anew, missing=before.missing + anew)[2:]
    if effect not in (Effect.DESTROY, Effect.RETURN, Effect.SAMPLE, Effect.MISS) and not anew:
        assert again == before


@pytest.mark.parametrize(
    ("before", "effect", "amount", "strict", "after"),
    [
        (balance(3, 2), Effect.IN, 4, True, balance(0, 1)),  # held since: it is still here
        (balance(3, 0, 2), Effect.IN, 4, True, None),  # sold since
        (balance(3, 0, 2), Effect.IN, 4, False, balance(0, 0, 2)),
        (balance(3, 0, 2), Effect.SELL, 2, True, balance(5)),
        (balance(3, 1, 1), Effect.SELL, 2, True, None),  # one came back since
        (balance(0, 1, sent=3), Effect.HOLD, 2, True, None),  # released since
        (balance(1, 0, destroyed=4), Effect.DESTROY, 3, True, balance(1, 3, destroyed=1)),
        (balance(0, 1), Effect.FIND, 1, True, balance(0, missing=1)),  # nobody knows whether it came anew
        (balance(0, missing=1), Effect.MISS, 1, True, balance(0, 1)),  # a recalled pack may have been missing
        (balance(1), Effect.SEND, 2, False, balance(1)),  # a partner's that never moved anything here
    ],
)
def test_what_has_moved_on_is_not_taken_back(
    before: Balance, effect: Effect, amount: int, strict: bool, after: Balance | None
) -> None:
    assert before.without(effect, amount, strict=strict) == after


@pytest.mark.parametrize(
    ("before", "effect", "amount", "after"),
    [
        (balance(5), Effect.HOLD, 2, balance(3, 2)),
        (balance(3, 2), Effect.SEND, 4, None),
        (balance(3, 2), Effect.SEND, 2, balance(1, 2, sent=2)),
        (balance(3, 2), Effect.USE, 2, balance(1, 2, used=2)),
        (balance(3, 2), Effect.RETURN, 4, balance(1, 0, returned=4)),
        (balance(3, 2), Effect.DESTROY, 4, balance(1, 0, destroyed=4)),
        (balance(3, 2), Effect.SAMPLE, 4, balance(1, 0, used=4)),
        (balance(3, 2), Effect.DESTROY, 6, None),
        (balance(3, 2), Effect.RELEASE, 3, None),
        (balance(3, 2), Effect.HOLD, 4, None),
        (balance(5), Effect.TAKE_BACK, 1, None),
        (balance(5), Effect.SELL, 6, None),
        (balance(5), Effect.SELL, 2, balance(3, 0, 2)),
        (balance(3, 0, 2), Effect.TAKE_BACK, 3, None),
        (balance(3, 0, 2), Effect.TAKE_BACK, 1, balance(3, 1, 1)),
        (balance(3, sent=2), Effect.IN, 2, balance(5, sent=2)),  # what was sent and comes again comes anew
    ],
)
def test_what_is_held_does_not_leave_and_no_more_comes_back_than_was_sold(
    before: Balance, effect: Effect, amount: int, after: Balance | None
) -> None:
    assert before.after(effect, amount) == after


def test_a_partner_may_take_back_what_was_never_sold_here() -> None:
    assert balance(1).after(Effect.TAKE_BACK, 2, strict=False) == balance(1, 2)
    assert balance(1, 0, 1).after(Effect.TAKE_BACK, 2, strict=False) == balance(1, 2)
