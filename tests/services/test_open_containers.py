"""What is in a crate right now."""

from datetime import timedelta
from decimal import Decimal

from tests.town import NOW, Town
from trace.domain.events import Action, AggregationEvent, Event, ObjectEvent, Quantity, TransformationEvent
from trace.domain.parties import OrganisationKind
from trace.domain.uris import crate_uri, gtin_uri
from trace.services.capture import capture
from trace.services.open_containers import content_of

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
