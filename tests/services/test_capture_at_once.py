"""Documents of partners that arrive at once, with real threads, on both databases."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text

from storage.tables import event, event_withdrawn, master_data, transit
from tests.services.test_concurrency import at_once
from tests.services.test_epcis_capture import LOT, document, partner_event, send, stored
from tests.town import NOW, Town
from trace.domain.permissions import Actor
from trace.services.epcis_capture import CaptureJob, capture_document

DECLARED = {"errorDeclaration": {"declarationTime": "2026-11-23T09:00:00+08:00", "reason": "did_not_occur"}}


def sending(town: Town, actor: Actor, *events: Mapping[str, Any], **more: Any) -> Callable[[], CaptureJob]:
    return lambda: send(town, actor, *events, **more)


def sending_alone(town: Town, actor: Actor, made: Mapping[str, Any]) -> Callable[[], CaptureJob]:
    """One event, which is sent again where another one was first."""
    said = {"actor": actor, "document": document(made), "behaviour": "rollback", "now": NOW}
    return lambda: town.do_again(capture_document, **said)


def numbers_stored(answers: list[Any]) -> list[int]:
    """How many events each call stored; a refusal is no way to end."""
    assert all(isinstance(answer, CaptureJob) for answer in answers), answers
    return [answer.stored for answer in answers]


def test_eight_clients_with_the_same_events_store_each_once(town: Town) -> None:
    """Their key decides."""
    farm = town.organisation()
    events = [partner_event(number) for number in range(5)]
    answers = at_once(*(sending(town, farm, *(events if n % 2 else events[::-1])) for n in range(8)))
    assert sorted(numbers_stored(answers)) == [0] * 7 + [5]
    assert [stored(town, number) for number in range(5)] == events


def test_an_event_and_the_declaration_that_it_is_wrong_know_of_each_other(town: Town) -> None:
    """The lane of their key decides (`storage.events.keep_declarations_apart`)."""
    farm = town.organisation()
    for number in range(6):
        pair = partner_event(number), partner_event(number, **DECLARED)
        assert numbers_stored(at_once(*(sending_alone(town, farm, one) for one in pair))) == [1, 1]
    assert town.count(event) == town.count(event_withdrawn) == 12


def until_somebody_waits(town: Town) -> None:
    """Until another session waits for a lock of this one (on SQLite it waits to begin, which nobody can see)."""
    waits = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    latest = time.monotonic() + 60
    while town.store.engine.dialect.name == "postgresql":
        with town.store.engine.connect() as connection:
            if connection.execute(waits).first() is not None:
                return
        assert time.monotonic() < latest


@pytest.mark.parametrize("declared_first", [False, True])
def test_of_an_event_and_its_declaration_who_waits_sees_whom_it_waited_for(town: Town, declared_first: bool) -> None:
    """A single event takes its lane while it looks, so what was stored until then it may not see: it looks again."""
    farm = town.organisation()
    pair = partner_event(), partner_event(**DECLARED)
    first, second = reversed(pair) if declared_first else pair
    with ThreadPoolExecutor(1) as other:
        with town.store.writing() as session:
            capture_document(session, actor=farm, document=document(first), behaviour="rollback", now=NOW)
            waiting = other.submit(sending_alone(town, farm, second))
            until_somebody_waits(town)
        assert waiting.result(timeout=60).stored == 1
    assert town.count(event) == town.count(event_withdrawn) == 2


def test_master_data_and_events_that_name_each_others_places_do_not_wait_in_a_ring(town: Town) -> None:
    """All new identifiers of a document are added at once, in order (`storage.events.intern`)."""
    farm = town.organisation()

    def message(number: int, round_: int) -> Callable[[], CaptureJob]:
        quantity = {"epcClass": LOT, "quantity": 1, "uom": "KGM"}
        place = f"urn:example:place:{round_}:{(number * 5) % 8}"
        elements = [
            {"type": "urn:epcglobal:epcis:vtype:ReadPoint", "id": f"urn:example:place:{round_}:{n}", "attributes": []}
            for n in range(8)
            if n % 8 != (number * 5) % 8
        ]
        made = partner_event(100 * round_ + number, epcList=[], quantityList=[quantity], readPoint={"id": place})
        return sending(town, farm, made, master_data=elements)

    for round_ in range(6):
        assert numbers_stored(at_once(*(message(number, round_) for number in range(8)))) == [1] * 8
    assert town.stock(farm, "https://id.gs1.org/01/06901234567892/10/A1") == (48, 0)
    assert town.count(master_data) == 48


def test_shipments_both_ways_at_once_are_all_on_the_way(town: Town) -> None:
    """The rows of `stock` and `transit` are locked in order of item."""
    here, there = town.organisation(), town.organisation()
    lots = [f"{LOT}{number}" for number in range(8)]

    def shipped(number: int, sender: Actor, receiver: Actor) -> Callable[[], CaptureJob]:
        events = [
            partner_event(
                100 * number + line,
                action="OBSERVE",
                bizStep="shipping",
                epcList=[],
                quantityList=[
                    {"epcClass": lots[(line * (3 if number % 4 < 2 else 5)) % 8], "quantity": 5, "uom": "KGM"}
                ],
                destinationList=[{"type": "owning_party", "destination": receiver.party_uri}],
            )
            for line in range(8)
        ]
        return sending(town, sender, *events)

    acts = [shipped(number, *((here, there) if number % 2 else (there, here))) for number in range(1, 9)]
    assert numbers_stored(at_once(*acts)) == [8] * 8
    with town.store.reading() as session:
        rows = session.execute(select(transit.c.receiver, func.sum(transit.c.amount)).group_by(transit.c.receiver))
        assert dict(rows.tuples().all()) == {here.organisation: 160_000_000, there.organisation: 160_000_000}
