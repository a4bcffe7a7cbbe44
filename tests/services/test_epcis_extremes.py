"""What the validator lets through and no honest partner sends: the store has room for it, or refuses with a sentence."""

from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import stock, transit
from tests.services.test_epcis_capture import LOT, partner_event, send
from tests.town import Town
from trace.domain.stock import FULL

MUCH = 10**12 - 1  # of a unit: the most that is not taken for "some"


def bulk(number: int, **more: Any) -> dict[str, Any]:
    """As much of one lot as an event can have."""
    return partner_event(number, epcList=[], quantityList=[{"epcClass": LOT, "quantity": MUCH, "uom": "KGM"}], **more)


def again_and_again(*kinds: dict[str, Any]) -> list[dict[str, Any]]:
    """Four times four events of each kind: five of what one event has are more than a row has room for."""
    events = [bulk(0, **kind) for _ in range(4) for kind in kinds for _ in range(4)]
    return [one | {"eventID": f"urn:uuid:00000000-0000-4000-8000-{n:012d}"} for n, one in enumerate(events)]


@pytest.mark.parametrize("step", ["retail_selling", "holding"])
def test_what_nobody_has_or_sells_stops_at_what_a_row_has_room_for(town: Town, step: str) -> None:
    events = again_and_again({}, {"action": "OBSERVE", "bizStep": step})
    assert send(town, town.organisation(), *events).stored == 32
    with town.store.reading() as session:
        rows = session.execute(select(stock.c.on_hand, stock.c.held, stock.c.sold)).all()
    assert all(type(amount) is int and 0 <= amount < FULL for row in rows for amount in row)


@pytest.mark.parametrize("step", ["shipping", "receiving"])
def test_what_nobody_can_send_stops_at_what_a_row_has_room_for(town: Town, step: str) -> None:
    here, there = town.organisation(), town.organisation()
    ends = {
        "sourceList": [{"type": "owning_party", "source": there.party_uri}],
        "destinationList": [{"type": "owning_party", "destination": there.party_uri}],
    }
    events = again_and_again({"action": "OBSERVE", "bizStep": step, **ends})
    assert send(town, here, *events).stored == 16
    with town.store.reading() as session:
        assert abs(session.scalars(select(transit.c.amount)).one()) == FULL
