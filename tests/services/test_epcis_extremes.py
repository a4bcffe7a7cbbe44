"""What the validator lets through and no honest partner sends: stored, or refused with a sentence that says where."""

import random
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import event, ident, master_data, stock, transit
from tests.services.test_epcis_capture import LOT, partner_event, send
from tests.town import Town
from trace.domain.epcis.document import NAMESPACE
from trace.domain.failures import Invalid, TooLarge
from trace.domain.stock import FULL
from trace.services.epcis_capture import MOST_FAULTS, MOST_THINGS, get_job, list_jobs
from trace.services.master_data import MOST_ELEMENTS

MUCH = 10**12 - 1  # of a unit: the most that is not taken for "some"
# No two alike: what repeats itself, PostgreSQL packs before it measures.
CHINESE = "".join(random.Random(1).sample([chr(code) for code in range(0x4E00, 0x9FA5)], 900))


def bulk(number: int, **more: Any) -> dict[str, Any]:
    """As much of one lot as an event can have."""
    return partner_event(number, epcList=[], quantityList=[{"epcClass": LOT, "quantity": MUCH, "uom": "KGM"}], **more)


def in_lot(lot: str) -> dict[str, Any]:
    """A pack that our own extension says to be of this lot."""
    made = partner_event(len(lot), **{"@context": {"sunshine": NAMESPACE}, "sunshine:lot": lot})
    return {name: value for name, value in made.items() if name != "c:kilograms"}


def element(id_: str) -> dict[str, Any]:
    return {"type": "urn:example:vtype:shipment", "id": id_, "attributes": [], "children": []}


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


# ---- identifiers ---------------------------------------------------------------------------------------------------


def test_a_text_that_is_no_uri_is_measured_in_bytes(town: Town) -> None:
    """An index of PostgreSQL counts bytes; our own field of a lot takes any text from a partner."""
    farm = town.organisation()
    job = send(town, farm, in_lot(CHINESE[:700]), in_lot(CHINESE[:600]), behaviour="proceed")
    assert [(error["event"], error["path"]) for error in job.errors] == [(0, "")]
    assert job.stored == 1


def test_master_data_of_a_name_that_no_index_takes_is_refused(town: Town) -> None:
    long = [CHINESE[:900], f"https://id.gs1.org/01/06901234567892/10/{CHINESE[:900]}"]
    job = send(town, town.organisation(), master_data=[*map(element, long), element("urn:a:b")], behaviour="proceed")
    assert len(job.errors) == 2
    assert town.count(master_data) == 1


@pytest.mark.parametrize("number", ["", "\ud7ff" * 400])
def test_a_lot_number_that_cannot_be_one_refuses_its_event_alone(town: Town, number: str) -> None:
    good, bad = partner_event(1), partner_event(2, ilmd={"cbvmda:lotNumber": number})
    job = send(town, town.organisation(), good, bad, behaviour="proceed")
    assert (job.stored, [error["event"] for error in job.errors]) == (1, [1])


def test_a_lot_of_our_own_field_is_known_in_any_form(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, in_lot("urn:epc:class:lgtin:6901234.056789.A1"))
    with town.store.reading() as session:
        lots = session.scalars(select(ident.c.uri).join(stock, stock.c.lot == ident.c.id)).all()
    assert lots == ["https://id.gs1.org/01/06901234567892/10/A1"]


def test_more_things_than_are_captured_at_once_are_refused(town: Town) -> None:
    packs = [f"{LOT}{number}" for number in range(MOST_THINGS // 4)]
    events = [partner_event(number, epcList=packs) for number in range(5)]
    with pytest.raises(TooLarge, match="things"):
        send(town, town.organisation(), *events, behaviour="proceed")
    assert town.count(event) == 0


# ---- what a job tells ----------------------------------------------------------------------------------------------


def test_a_job_names_every_event_that_was_not_stored(town: Town) -> None:
    farm = town.organisation()
    bad = [partner_event(number, action="XX", bizStep="recieving") for number in range(2 * MOST_FAULTS)]
    job = send(town, farm, *bad, partner_event(999), behaviour="proceed")
    assert {error["event"] for error in job.errors} == set(range(2 * MOST_FAULTS))
    assert town.do(get_job, actor=farm, capture_id=job.capture_id).errors == job.errors
    assert len(town.do(list_jobs, actor=farm, after=None, limit=1)[0][0].errors) == MOST_FAULTS


def test_an_event_sent_twice_in_a_document_is_counted_once(town: Town) -> None:
    assert send(town, town.organisation(), partner_event(), partner_event()).stored == 1


def test_a_fault_that_only_the_store_finds_is_at_its_place_in_the_document(town: Town) -> None:
    to_come = partner_event(2, eventTime="2026-12-23T06:12:09.250+08:00")
    events = partner_event(1, action="XX"), to_come, partner_event(3)
    job = send(town, town.organisation(), *events, behaviour="proceed")
    assert [(error["event"], error["path"]) for error in job.errors] == [(0, "/action"), (1, "/eventTime")]


def test_what_only_the_store_finds_is_listed_in_rollback_too(town: Town) -> None:
    to_come = [partner_event(number, eventTime="2026-12-23T06:12:09.250+08:00") for number in (1, 2)]
    with pytest.raises(Invalid) as refusal:
        send(town, town.organisation(), partner_event(3), *to_come)
    assert [error["event"] for error in refusal.value.details["errors"]] == [1, 2]
    assert town.count(event) == 0


def test_of_too_much_master_data_nothing_is_kept(town: Town) -> None:
    elements = [element(f"urn:example:{number}") for number in range(MOST_ELEMENTS + 1)]
    job = send(town, town.organisation(), partner_event(), master_data=elements, behaviour="proceed")
    assert (job.stored, len(job.errors), town.count(master_data)) == (1, 1, 0)
