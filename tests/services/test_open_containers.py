"""What is in a crate right now."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.town import NOW, Town
from trace.domain.events import Action, AggregationEvent, Event, ObjectEvent, Quantity, TransformationEvent
from trace.domain.failures import Conflict
from trace.domain.parties import OrganisationKind
from trace.domain.trace_search import LEVELS
from trace.domain.uris import crate_uri, gtin_uri
from trace.services.capture import capture
from trace.services.open_containers import content_of, goods_inside

CRATE = crate_uri("OC-1")
LOT, BOX = gtin_uri("06901234567892", lot="A"), gtin_uri("06901234567892", serial="1")


def content(town: Town, *changes: Event) -> dict[str, Decimal | None]:
    """{thing: amount} in the crate after these events, a minute apart, in this order."""
    actor = town.organisation(OrganisationKind.FARM)
    town.do(capture, list(changes), actor=actor, now=NOW, strict=False)
    with town.store.reading() as session:
        return {goods.item: goods.amount for goods in content_of(session, CRATE)}


def changed(number: int, action: Action, *, kilograms: int | None = None, box: bool = False) -> Event:
    return AggregationEvent(
        event_time=NOW - timedelta(minutes=60 - number),
        event_id=f"urn:event:{number}",
        action=action,
        parent=CRATE,
        child_epcs=(BOX,) if box else (),
        child_quantities=() if kilograms is None else (Quantity(LOT, Decimal(kilograms), "KGM"),),
    )


def test_a_crate_emptied_and_filled_again_with_the_same_lot_holds_what_was_put_in_last(town: Town) -> None:
    events = [
        changed(1, Action.ADD, kilograms=10),
        changed(2, Action.DELETE),
        changed(3, Action.ADD, kilograms=4),
        changed(4, Action.DELETE, kilograms=1),
    ]
    assert content(town, *events) == {LOT: Decimal(3)}


def test_what_was_used_up_with_its_crate_is_in_it_no_more(town: Town) -> None:
    used = TransformationEvent(
        event_time=NOW - timedelta(minutes=30), event_id="urn:event:used", input_epcs=(CRATE,),
        output_quantities=(Quantity(gtin_uri("06901234567892", lot="B"), Decimal(1), "KGM"),),
    )  # fmt: skip
    assert content(town, changed(1, Action.ADD, kilograms=10, box=True), used) == {}


def test_a_destroyed_box_is_in_no_crate(town: Town) -> None:
    gone = ObjectEvent(
        event_time=NOW - timedelta(minutes=9), event_id="urn:event:gone", action=Action.DELETE, epcs=(BOX,)
    )
    assert content(town, changed(1, Action.ADD, kilograms=10, box=True), gone) == {LOT: Decimal(10)}


def packed(number: int, parent: str, *children: str) -> Event:
    return AggregationEvent(
        event_time=NOW - timedelta(minutes=60), event_id=f"urn:event:{number}", action=Action.ADD,
        parent=parent, child_epcs=children,
    )  # fmt: skip


def test_crates_that_the_records_put_into_each_other_are_opened_once(town: Town) -> None:
    other = crate_uri("OC-2")
    content(town, packed(1, CRATE, other, BOX), packed(2, other, CRATE, other))
    with town.store.reading() as session:
        load = goods_inside(session, CRATE)
    assert ([goods.item for goods in load.goods], load.containers) == ([BOX], [])


def test_crates_deeper_in_one_another_than_a_trace_follows_are_refused(town: Town) -> None:
    crates = [CRATE, *(crate_uri(f"OC-D{number}") for number in range(LEVELS))]
    content(town, *(packed(n, outer, inner) for n, (outer, inner) in enumerate(pairwise([*crates, BOX]))))
    with town.store.reading() as session:
        assert [goods.item for goods in goods_inside(session, crates[1]).goods] == [BOX]
        with pytest.raises(Conflict):
            goods_inside(session, CRATE)
