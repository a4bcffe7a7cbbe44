"""An error declaration by who captured an event takes back what it moved, once, as far as it is still there."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.services.test_concurrency import at_once
from tests.town import NOW, Town
from trace.domain.epcis.document import parse_document
from trace.domain.events import ErrorDeclaration, Event, Quantity
from trace.domain.failures import Conflict
from trace.domain.permissions import Actor
from trace.services import hops
from trace.services.balance import mass_balance
from trace.services.capture import capture
from trace.services.delivery import expected
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.receiving import Line

WRONG = ErrorDeclaration(NOW, "did_not_occur")


def events_of(town: Town, done: dict[str, Any]) -> list[Event]:
    return [parse_document(document) for document in town.events(*done["events"])]


def declare(town: Town, actor: Actor, *events: Event, **more: Any) -> Any:
    wrong = [replace(event, error_declaration=WRONG, document=None) for event in events]
    return town.do(capture, wrong, actor=actor, now=town.now, **more)


def refused(town: Town, actor: Actor, *events: Event) -> str:
    wrong = [replace(event, error_declaration=WRONG, document=None) for event in events]
    return str(town.refuses(Conflict, capture, wrong, actor=actor, now=town.now))


def books(town: Town, actor: Actor) -> dict[str, Any]:
    """What of one product is where; the law of the balance holds."""
    (row,) = town.do(mass_balance, actor=actor)
    assert row["difference"] == 0
    return {name: value for name, value in row.items() if isinstance(value, Decimal) and value}


def test_what_a_wrong_event_moved_comes_back_once(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    before = books(town, shop)
    some = [Some(made, Decimal(4))]
    for hop, more in ((hops.sell, {}), (hops.hold, {"reason": "wet"}), (hops.sample, {})):
        events = events_of(town, town.do(hop, town.command(shop), goods=some, **more))
        assert books(town, shop) != before
        for _ in range(2):
            declare(town, shop, *events)
    # What was tested might have been held: it comes back to be looked at.
    assert books(town, shop) == before | {"on_hand": 6, "held": 4}
    declare(town, shop, *events_of(town, town.destroy(shop, *some)))
    assert books(town, shop) == before | {"on_hand": 6, "held": 4}


def test_two_who_declare_the_same_event_wrong_take_it_back_once(town: Town) -> None:
    """The primary key of `event_withdrawn` decides, and before it the lane of the event's key."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    events = [
        event
        for _ in range(3)
        for event in events_of(town, town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(2))]))
    ]
    answers = at_once(*(lambda n=n: declare(town, shop, *(events if n % 2 else events[::-1])) for n in range(4)))
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert books(town, shop) == {"came": 10, "on_hand": 10}


def test_goods_that_have_moved_on_are_not_taken_back_at_the_desk_and_by_a_partner_as_far_as_they_are_there(
    town: Town,
) -> None:
    farm = town.organisation()
    product = town.product(farm)
    done = town.do(hops.commission, town.command(farm), batch=Batch(NewLot(product, "A"), Decimal(10)))
    (harvest,), lot = events_of(town, done), done["lots"][0]
    (sale,) = events_of(town, town.do(hops.sell, town.command(farm), goods=[Some(lot, Decimal(3))]))
    assert "moved on" in refused(town, farm, harvest)
    assert books(town, farm) == {"came": 10, "on_hand": 7, "sold": 3}
    declare(town, farm, harvest, strict=False)
    assert books(town, farm) == {"came": 3, "sold": 3}
    declare(town, farm, sale)
    assert books(town, farm) == {"came": 3, "on_hand": 3}


def test_a_shipment_taken_back_is_on_no_way_and_one_that_arrived_stays(town: Town) -> None:
    farm, shop = town.organisation(), town.organisation()
    made = town.grown(farm, 10)
    ship = {"receiver": town.id_of(shop), "goods": [Some(made, Decimal(4))]}
    (sent,) = events_of(town, town.do(hops.ship, town.command(farm, hours=9), **ship))
    declare(town, farm, sent)
    assert town.do(expected, actor=shop) == []
    assert books(town, farm) == {"came": 10, "on_hand": 10}
    (again,) = events_of(town, town.do(hops.ship, town.command(farm, hours=9), **ship))
    town.arrive(farm, shop, Line(code=made, amount=Decimal(4)))
    assert "moved on" in refused(town, farm, again)
    assert books(town, farm) == {"came": 10, "on_hand": 6, "sent": 4}


def test_a_declaration_that_comes_first_or_along_leaves_nothing_to_take_back(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    (sale,) = events_of(town, town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(2))]))
    other, third = (replace(sale, event_id=f"urn:uuid:{n}", document=None) for n in range(2))
    declare(town, shop, other)
    town.do(capture, [other], actor=shop, now=town.now)
    wrong = replace(third, error_declaration=WRONG)
    town.do(capture, [third, wrong], actor=shop, now=town.now)
    assert books(town, shop) == {"came": 10, "on_hand": 8, "sold": 2}


def test_a_strangers_declaration_moves_nothing(town: Town) -> None:
    shop, stranger = town.organisation(), town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    (sale,) = events_of(town, town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(2))]))
    declare(town, stranger, sale, strict=False)
    assert books(town, shop) == {"came": 10, "on_hand": 8, "sold": 2}


@pytest.mark.parametrize("amount", [3, 7])
def test_a_correction_needs_what_it_changes_and_no_more(town: Town, amount: int) -> None:
    """The wrong event and the right one in one capture: whichever order leaves enough on hand."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 7)
    (sale,) = events_of(town, town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(5))]))
    correct(town, shop, sale, amount)
    assert books(town, shop) == {"came": 7, "sold": amount} | ({"on_hand": 7 - amount} if amount < 7 else {})


def test_what_came_may_be_corrected_to_what_is_left_of_it(town: Town) -> None:
    shop = town.organisation()
    done = town.do(hops.commission, town.command(shop), batch=Batch(NewLot(town.product(shop), "A"), Decimal(10)))
    (harvest,) = events_of(town, done)
    town.do(hops.sell, town.command(shop), goods=[Some(done["lots"][0], Decimal(7))])
    with pytest.raises(Conflict):
        correct(town, shop, harvest, 6)
    correct(town, shop, harvest, 8)
    assert books(town, shop) == {"came": 8, "on_hand": 1, "sold": 7}


def correct(town: Town, actor: Actor, event: Any, amount: int) -> None:
    (part,) = event.quantities
    event_id = f"{event.event_id}-{amount}"
    right = replace(event, event_id=event_id, document=None, quantities=(replace(part, amount=Decimal(amount)),))
    wrong = replace(event, error_declaration=replace(WRONG, corrective_event_ids=(event_id,)), document=None)
    town.do(capture, [wrong, right], actor=actor, now=town.now)


def test_what_moved_nothing_brings_nothing_back(town: Town) -> None:
    """A partner's program that wrote 100 for 10 declares that wrong: what was sold before stays sold."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    (sold,) = events_of(town, town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(4))]))
    before = books(town, shop)
    too_much = replace(
        sold, event_id="urn:uuid:5c1f0f0e-3f0f-5d5b-9b1e-7a3f5d1c2b65", document=None,
        quantities=(Quantity(made, Decimal(100), "KGM"),),
    )  # fmt: skip
    town.do(capture, [too_much], actor=shop, now=town.now, strict=False)
    assert books(town, shop) == before
    declare(town, shop, too_much, strict=False)
    assert books(town, shop) == before
