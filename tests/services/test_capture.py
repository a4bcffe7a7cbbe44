"""Capture, the one way in: all or nothing, once, never overwritten, every event type lossless."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select

from storage.events import find_by_event_ids, find_idents, id_key, unpack_links
from storage.tables import event, event_document, event_item, event_party, ident, stock
from tests.town import NOW, Town
from trace.domain.epcis.document import as_document, canonical_bytes
from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    BizTransaction,
    Endpoint,
    ErrorDeclaration,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
)
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.capture import Captured, capture
from trace.services.events import get_event
from trace.services.look_up_log import list_look_ups

LOT = "https://id.gs1.org/01/06901234567892/10/A1"
PACK = "https://id.gs1.org/01/06901234567892/21/S1"
CASE = "https://id.gs1.org/00/069012345600000012"
SENSOR = "https://id.gs1.org/8004/690123456SENSOR"
FACTS = (event, event_document, event_item, event_party, stock, ident)


def common(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "event_time": NOW - timedelta(hours=1),
        "event_id": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
    } | more


def harvest(number: int = 1, amount: str = "10", **more: Any) -> ObjectEvent:
    """A lot comes to be."""
    quantities = (Quantity(LOT, Decimal(amount), "KGM"),)
    return ObjectEvent(**common(number, biz_step="commissioning", **more), action=Action.ADD, quantities=quantities)


def sale(number: int = 2, amount: str = "4") -> ObjectEvent:
    """Some of the lot is sold."""
    quantities = (Quantity(LOT, Decimal(amount), "KGM"),)
    return ObjectEvent(**common(number, biz_step="retail_selling"), action=Action.OBSERVE, quantities=quantities)


def every_type() -> list[Event]:
    """One event of each of the five types, with every field that any has."""
    rich: dict[str, Any] = {
        "biz_step": "commissioning",
        "disposition": "active",
        "persistent_disposition": {"set": ["completeness_verified"]},
        "read_point": "https://id.gs1.org/414/6901234567892",
        "biz_location": "https://id.gs1.org/414/6901234567892",
        "biz_transactions": (BizTransaction("urn:epcglobal:cbv:bt:1:PO-1", "po"), BizTransaction("urn:x:2")),
        "sources": (Endpoint("owning_party", "https://id.gs1.org/417/6901234567892"),),
        "destinations": (Endpoint("location", "https://id.gs1.org/414/6901234567892"),),
        "certification_info": "https://example.org/certificate",
        "sensor_elements": ({"sensorReport": [{"type": "Temperature", "value": Decimal("3.50"), "uom": "CEL"}]},),
        "extensions": {"sunshine:reason": "演示", "sunshine:big": 2**53 + 1},
    }
    quantities = (Quantity(LOT, Decimal("1.5"), "KGM"), Quantity(LOT.replace("A1", "A2")))
    return [
        ObjectEvent(**common(1, **rich), action=Action.ADD, epcs=(PACK,), ilmd={"cbvmda:lotNumber": "A1"}),
        AggregationEvent(**common(2), action=Action.ADD, parent=CASE, child_epcs=(PACK,), child_quantities=quantities),
        TransformationEvent(
            **common(3), transformation_id="urn:x:t1", input_epcs=(PACK,), input_quantities=quantities[:1],
            output_quantities=(Quantity(LOT.replace("A1", "B1"), Decimal(1), "KGM"),),
        ),
        TransactionEvent(
            **common(4, biz_transactions=rich["biz_transactions"]), action=Action.OBSERVE, parent=CASE, epcs=(PACK,)
        ),
        AssociationEvent(**common(5), action=Action.ADD, parent=CASE, child_epcs=(SENSOR,)),
    ]  # fmt: skip


def send(town: Town, actor: Actor, *events: Event, strict: bool = True) -> list[Captured]:
    return list(town.do(capture, events, actor=actor, now=NOW, strict=strict))


def counts(town: Town) -> list[int]:
    return [town.count(table) for table in FACTS]


def test_all_five_event_types_are_stored_and_read_back_as_they_were(town: Town) -> None:
    farm = town.organisation()
    events = every_type()
    done = send(town, farm, *events, strict=False)
    assert [captured.fresh for captured in done] == [True] * 5
    with town.store.reading() as session:
        stored = find_by_event_ids(session, [(e.event_id, False) for e in events])
        ids = find_idents(session, [CASE, SENSOR])
        links = session.execute(event.select().where(event.c.id == done[4].event)).one().links
    for one, captured in zip(events, done, strict=True):
        found = stored[(id_key(one.event_id), False)]
        assert (found.id, found.document) == (captured.event, canonical_bytes(as_document(one)))
    assert {link.item for link in unpack_links(links)} == {ids[CASE], ids[SENSOR]}
    assert town.count(event_document) == 5


def test_capture_sent_twice_is_stored_once(town: Town) -> None:
    farm = town.organisation()
    first = send(town, farm, harvest())
    before = counts(town)
    second = send(town, farm, harvest())
    assert [(c.event, c.fresh) for c in first + second] == [(first[0].event, True), (first[0].event, False)]
    assert counts(town) == before
    assert town.stock(farm, LOT) == (10, 0)


def test_the_same_event_twice_in_one_capture_is_stored_once(town: Town) -> None:
    farm = town.organisation()
    one, two = send(town, farm, harvest(), harvest())
    assert one.event == two.event
    assert (town.count(event), town.stock(farm, LOT)) == (1, (10, 0))


def test_the_same_event_id_with_other_content_is_refused_and_both_are_named(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, harvest())
    before = counts(town)
    with pytest.raises(Conflict) as found:
        send(town, farm, harvest(7), harvest(amount="11"))
    assert found.value.field == "eventID"
    assert found.value.values["event_id"] == harvest().event_id
    assert "commissioning" in str(found.value)
    assert counts(town) == before
    with pytest.raises(Conflict):
        send(town, farm, harvest(8), harvest(8, amount="12"))
    assert counts(town) == before


def test_a_correction_is_a_new_event_beside_the_old_one(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, harvest())
    declared = structs.replace(harvest(), error_declaration=ErrorDeclaration(NOW, "incorrect_data", ("urn:uuid:x",)))
    (captured,) = send(town, farm, declared)
    assert captured.fresh
    assert town.count(event) == 2
    # Not harvested twice, and not once: what was really harvested is told by the corrective event.
    assert town.stock(farm, LOT) == (0, 0)


def test_an_event_remembers_which_person_or_machine_did_it(town: Town) -> None:
    farm = town.organisation()
    send(town, replace(farm, person=41), harvest(1))
    send(town, replace(farm, api_key=7), harvest(2))
    with town.store.reading() as session:
        rows = session.execute(select(event.c.person, event.c.api_key).order_by(event.c.id)).tuples().all()
    assert rows == [(41, None), (None, 7)]


def test_capture_is_all_or_nothing(town: Town) -> None:
    farm = town.organisation()
    before = counts(town)
    with pytest.raises(Conflict):
        send(town, farm, harvest(), sale(2, "4"), sale(3, "7"))
    assert counts(town) == before
    send(town, farm, harvest(), sale(2, "4"), sale(3, "6"))
    assert town.stock(farm, LOT) == (0, 0)


def test_an_event_of_the_future_is_refused_but_a_clock_may_run_a_little_ahead(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, structs.replace(harvest(), event_time=NOW + timedelta(minutes=5)))
    with pytest.raises(Invalid) as found:
        send(town, farm, harvest(2), structs.replace(harvest(3), event_time=NOW + timedelta(minutes=5, seconds=1)))
    assert found.value.field == "events.1.eventTime"
    assert town.count(event) == 1


def test_a_partner_reports_goods_that_were_never_seen_to_arrive(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, sale(), strict=False)
    assert town.count(event) == 1
    assert town.stock(farm, LOT) == (0, 0)


def test_a_partner_reports_more_brought_back_than_was_sold_here(town: Town) -> None:
    shop = town.organisation()
    send(town, shop, harvest(), sale(2, "4"))
    back = structs.replace(sale(3, "9"), biz_step="receiving", disposition="returned")
    with pytest.raises(Conflict):
        send(town, shop, back)
    send(town, shop, back, strict=False)
    assert town.stock(shop, LOT) == (6, 9)
    with pytest.raises(Conflict):
        send(
            town, shop, structs.replace(sale(4, "1"), biz_step="receiving", disposition="returned")
        )  # all that was sold is back


def test_amounts_are_kept_in_millionths_exactly(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, harvest(1, "0.1"), harvest(2, "0.2"), sale(3, "0.299999"))
    assert town.stock(farm, LOT) == (Decimal("0.000001"), 0)


def test_a_party_reads_an_event_whole_and_for_others_it_does_not_exist(town: Town) -> None:
    farm, stranger = town.organisation(), town.organisation()
    send(town, farm, harvest())
    document = town.do(get_event, actor=farm, event_id=harvest().event_id, now=NOW)
    assert document["quantityList"][0]["epcClass"] == LOT
    messages = []
    for event_id in (harvest().event_id, "urn:uuid:none"):
        with pytest.raises(NotFound) as found:
            town.do(get_event, actor=stranger, event_id=event_id, now=NOW)
        messages.append(found.value.message)
    assert messages[0] == messages[1]


def test_an_inspectors_look_at_an_event_is_written_down(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, harvest())
    city = town.organisation(OrganisationKind.REGULATOR, region="640500", role=Role.INSPECTOR)
    town.do(get_event, actor=city, event_id=harvest().event_id, now=NOW)
    town.do(get_event, actor=farm, event_id=harvest().event_id, now=NOW)
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert [(entry["what"], entry["subject"]) for entry in log] == [("event", harvest().event_id)]
