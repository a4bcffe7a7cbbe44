"""Capture by the standard alone: what is stored, what is refused, and what a job tells of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from schemas.epcis.document import EpcisDocument
from storage.events import find_by_event_ids, id_key, uris_of
from storage.tables import capture_job, event, event_document, event_item, event_mention, event_party, ident, stock
from tests.town import NOW, Town
from trace.domain.epcis.document import load_document
from trace.domain.epcis.event_hash import event_hash
from trace.domain.failures import Conflict, Invalid, NotFound, TooLarge
from trace.domain.permissions import Actor
from trace.services import epcis_capture
from trace.services.epcis_capture import CaptureJob, capture_document, capture_event, get_job, list_jobs
from trace.services.events import get_event
from trace.services.lookup import look_up
from trace.services.master_data import master_data_of, named_in

FACTS = (event, event_document, event_item, event_party, event_mention, stock, ident)
EPC = "urn:epc:id:sgtin:6901234.056789.S{}"
CASE = "urn:epc:id:sscc:6901234.0000000001"
LOT = "urn:epc:class:lgtin:6901234.056789.A1"
CARBON = "https://ns.example.org/carbon/"


def partner_event(number: int = 1, **more: Any) -> dict[str, Any]:
    """What a partner's software sends: URNs, its own eventID, an extension of its own."""
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        "eventTime": "2026-11-23T06:12:09.250+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "ADD",
        "bizStep": "commissioning",
        "epcList": [EPC.format(number)],
        "readPoint": {"id": "urn:epc:id:sgln:6901234.00001.0"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:6901234000016:PO-1"}],
        "c:kilograms": "1.50",
        "@context": {"c": CARBON},
    } | more


def document(*events: Mapping[str, Any], master_data: Any = ()) -> EpcisDocument:
    return EpcisDocument([dict(one) for one in events], list(master_data), {})


def send(town: Town, actor: Actor, *events: Mapping[str, Any], behaviour: str = "rollback", **more: Any) -> CaptureJob:
    job: CaptureJob = town.do(
        capture_document, actor=actor, document=document(*events, **more), behaviour=behaviour, now=NOW
    )
    return job


def stored(town: Town, number: int = 1, *, declarer: int = 0) -> dict[str, Any]:
    event_id = partner_event(number)["eventID"]
    with town.store.reading() as session:
        found = find_by_event_ids(session, [(event_id, declarer)])
    return load_document(found[(id_key(event_id), declarer)].document)


def counts(town: Town) -> list[int]:
    return [town.count(table) for table in FACTS]


def test_a_partners_event_is_stored_as_it_was_sent(town: Town) -> None:
    job = send(town, town.organisation(), partner_event())
    assert (job.success, job.stored, job.errors) == (True, 1, [])
    assert stored(town) == partner_event()


def test_a_partners_event_moves_stock_whatever_form_its_identifiers_have(town: Town) -> None:
    farm = town.organisation()
    quantity = {"epcClass": LOT, "quantity": 12, "uom": "KGM"}
    send(town, farm, partner_event(1, epcList=[], quantityList=[quantity]))
    sold = partner_event(
        2, action="OBSERVE", bizStep="retail_selling", epcList=[], quantityList=[quantity | {"quantity": 2}]
    )
    send(town, farm, sold)
    with town.store.reading() as session:
        row = session.execute(stock.select()).one()
        assert (uris_of(session, [row.item])[row.item], row.on_hand, row.sold) == (
            "https://id.gs1.org/01/06901234567892/10/A1", 10_000_000, 2_000_000,
        )  # fmt: skip


def test_an_event_without_an_id_is_named_by_its_hash_and_stored_once(town: Town) -> None:
    nameless = {key: value for key, value in partner_event().items() if key != "eventID"}
    farm = town.organisation()
    first, again = send(town, farm, nameless), send(town, farm, nameless)
    assert (first.stored, again.stored) == (1, 0)
    with town.store.reading() as session:
        found = load_document(bytes(session.execute(event_document.select()).one().document))
    assert found["eventID"].startswith("ni:///sha-256;")
    assert found["eventID"].endswith("?ver=CBV2.0")


def test_when_it_was_recorded_is_not_for_the_partner_to_say(town: Town) -> None:
    send(town, town.organisation(), partner_event(recordTime="1999-01-01T00:00:00Z"))
    assert "recordTime" not in stored(town)


def test_the_same_event_in_another_form_is_the_same_event(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, partner_event())
    before = counts(town)
    link = partner_event(epcList=["https://id.gs1.org/01/06901234567892/21/S1"], eventTime="2026-11-22T22:12:09.250Z")
    assert send(town, farm, link).stored == 0
    assert counts(town) == before


def test_a_known_event_id_with_other_content_is_refused_and_nothing_is_stored(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, partner_event())
    before = counts(town)
    with pytest.raises(Conflict) as refusal:
        send(town, farm, partner_event(2), partner_event(1, bizStep="storing", action="OBSERVE"))
    assert partner_event()["eventID"] in str(refusal.value)
    assert counts(town) == before


@pytest.mark.parametrize(
    "more",
    [
        {"rdfs:comment": "Counted twice."},
        {"sensorElementList": [{"sensorReport": [{"type": "example:Id", "stringValue": "0123456789012345678901"}]}]},
        {"sensorElementList": [{"sensorReport": [{"type": "example:Id", "stringValue": "123456789012345678902"}]}]},
    ],
)
def test_what_the_event_hash_does_not_tell_apart_is_other_content_all_the_same(
    town: Town, more: Mapping[str, Any]
) -> None:
    farm = town.organisation()
    report = {"type": "example:Id", "stringValue": "123456789012345678901"}
    made = {"rdfs:comment": "Counted.", "sensorElementList": [{"sensorReport": [report]}]}
    events = [partner_event(1, **made), partner_event(1, **made | more)]
    assert event_hash(events[0]) == event_hash(events[1])
    send(town, farm, events[0])
    with pytest.raises(Conflict, match="other content"):
        send(town, farm, events[1])
    link = ["https://id.gs1.org/01/06901234567892/21/S1"]
    assert send(town, farm, events[0] | {"epcList": link}).stored == 0


def test_one_bad_event_in_rollback_stores_nothing_and_names_every_fault(town: Town) -> None:
    farm = town.organisation()
    before = counts(town)
    bad = [partner_event(2, bizStep="comissioning"), partner_event(3, eventTimeZoneOffset="+8")]
    with pytest.raises(Invalid) as refusal:
        send(town, farm, partner_event(1), *bad)
    errors = refusal.value.details["errors"]
    assert {(error["event"], error["path"]) for error in errors} == {(1, "/bizStep"), (2, "/eventTimeZoneOffset")}
    assert counts(town) == before


def test_in_proceed_the_good_are_stored_and_the_job_lists_the_bad(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, partner_event(9))
    job = send(
        town, farm,
        partner_event(1), partner_event(2, action="LOOK"), partner_event(9, bizStep="storing", action="OBSERVE"),
        partner_event(3), partner_event(3, bizStep="storing", action="OBSERVE"),
        partner_event(4, eventTime=(NOW + timedelta(days=1)).isoformat()),
        behaviour="proceed",
    )  # fmt: skip
    assert (job.success, job.stored) == (False, 2)
    assert [(error["event"], error["conflict"]) for error in job.errors] == [
        (1, False), (2, True), (4, True), (5, False),
    ]  # fmt: skip
    assert stored(town, 3) == partner_event(3)
    with town.store.reading() as session:
        assert get_job(session, actor=farm, capture_id=job.capture_id).errors == job.errors


def test_what_two_partners_capture_alike_both_may_read_and_others_not(town: Town) -> None:
    farm, buyer, stranger = town.organisation(), town.organisation(), town.organisation()
    assert (send(town, farm, partner_event()).stored, send(town, buyer, partner_event()).stored) == (1, 0)
    for actor in (farm, buyer):
        assert (
            town.do(get_event, actor=actor, event_id=partner_event()["eventID"], now=NOW)["bizStep"] == "commissioning"
        )
    with pytest.raises(NotFound):
        town.do(get_event, actor=stranger, event_id=partner_event()["eventID"], now=NOW)


def test_an_error_declaration_stands_beside_the_event_it_takes_back(town: Town) -> None:
    farm = town.organisation()
    declared = {"declarationTime": "2026-11-23T09:00:00+08:00", "reason": "incorrect_data"}
    assert send(town, farm, partner_event()).stored == 1
    assert send(town, farm, partner_event(errorDeclaration=declared)).stored == 1
    assert send(town, farm, partner_event(errorDeclaration=declared)).stored == 0
    assert stored(town, declarer=farm.organisation)["errorDeclaration"] == declared
    with pytest.raises(Conflict):
        send(town, farm, partner_event(errorDeclaration=declared | {"reason": "did_not_occur"}))


def test_another_organisations_job_is_none(town: Town) -> None:
    job = send(town, town.organisation(), partner_event())
    with town.store.reading() as session, pytest.raises(NotFound):
        get_job(session, actor=town.organisation(), capture_id=job.capture_id)


def test_jobs_are_listed_newest_first_in_pages(town: Town) -> None:
    farm = town.organisation()
    made = [send(town, farm, partner_event(number)).capture_id for number in range(5)]
    send(town, town.organisation(), partner_event(9))
    with town.store.reading() as session:
        first, after = list_jobs(session, actor=farm, after=None, limit=3)
        rest, end = list_jobs(session, actor=farm, after=after, limit=3)
    assert [job.capture_id for job in [*first, *rest]] == made[::-1]
    assert end is None


def test_too_many_events_at_once_are_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epcis_capture, "MOST_EVENTS", 1)
    with pytest.raises(TooLarge):
        send(town, town.organisation(), partner_event(1), partner_event(2))
    assert town.count(capture_job) == 0


@pytest.mark.parametrize("amount", [10**20, 10**400])
def test_an_amount_nobody_has_is_kept_and_moves_no_stock(town: Town, amount: int) -> None:
    quantity = {"epcClass": LOT, "quantity": amount, "uom": "KGM"}
    one = partner_event(epcList=[], quantityList=[quantity])
    try:
        send(town, town.organisation(), one)
    except Invalid:
        assert town.count(event) == 0
    else:
        assert stored(town)["quantityList"] == [quantity]
        assert town.count(stock) == 0


def test_an_identifier_too_long_for_an_index_is_refused_with_a_sentence(town: Town) -> None:
    with pytest.raises(Invalid, match="characters"):
        send(town, town.organisation(), partner_event(epcList=["https://example.org/obj/" + "x" * 2000]))


def test_a_single_event_is_stored_or_found(town: Town) -> None:
    farm = town.organisation()
    first = town.do(capture_event, actor=farm, document=partner_event(), now=NOW)
    again = town.do(capture_event, actor=farm, document=partner_event(), now=NOW)
    assert (first.fresh, again.fresh, first.event) == (True, False, again.event)
    assert town.count(capture_job) == 0


def test_master_data_is_the_word_of_who_sent_it_and_the_latest_counts(town: Town) -> None:
    farm, other = town.organisation(), town.organisation()
    place = {
        "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
        "id": "urn:epc:id:sgln:6901234.00001.0",
        "attributes": [{"id": "urn:epcglobal:cbv:mda#name", "attribute": "一号大棚"}],
    }
    send(town, farm, master_data=[place | {"attributes": []}])
    send(town, farm, partner_event(), master_data=[place])
    with town.store.reading() as session:
        named = named_in([partner_event()])
        assert master_data_of(session, named, actor=farm) == [place]
        assert master_data_of(session, named, actor=other) == []


def test_master_data_without_an_id_is_refused(town: Town) -> None:
    with pytest.raises(Invalid, match="in the header: /epcisHeader/epcisMasterData"):
        send(town, town.organisation(), master_data=[{"type": "urn:epcglobal:epcis:vtype:Location"}])


def packed(number: int, **more: Any) -> dict[str, Any]:
    """The first pack goes into a case."""
    made = partner_event(number, type="AggregationEvent", bizStep="packing", parentID=CASE, childEPCs=[EPC.format(1)])
    return {name: value for name, value in made.items() if name != "epcList"} | more


def reached(town: Town, actor: Actor) -> set[str]:
    """Event IDs in the trace of the first pack, back and forward."""
    answer = town.do(look_up, actor=actor, text="https://id.gs1.org/01/06901234567892/21/S1", now=NOW)
    return {entry["event"][-2:] for entry in answer["timeline"] if "event" in entry}


@pytest.mark.parametrize("declaration_first", [False, True])
def test_no_trace_follows_what_its_captor_declared_wrong(town: Town, declaration_first: bool) -> None:
    farm = town.organisation()
    declared = {"errorDeclaration": {"declarationTime": "2026-11-23T09:00:00+08:00", "reason": "did_not_occur"}}
    send(town, farm, partner_event(1), packed(2))
    assert reached(town, farm) == {"01", "02"}
    pair = [packed(3, **declared), packed(3)]
    send(town, farm, packed(2, **declared), *(pair if declaration_first else pair[::-1]))
    assert reached(town, farm) == {"01"}


def test_a_strangers_error_declaration_takes_nothing_out_of_a_trace(town: Town) -> None:
    farm, stranger = town.organisation(), town.organisation()
    send(town, farm, partner_event(1))
    declared = {"declarationTime": "2026-11-23T09:00:00+08:00", "reason": "did_not_occur"}
    assert send(town, stranger, partner_event(1, errorDeclaration=declared)).stored == 1
    assert reached(town, farm) == {"01"}


def test_a_strangers_error_declaration_does_not_stand_in_the_way_of_the_captors_own(town: Town) -> None:
    farm, stranger = town.organisation(), town.organisation()
    send(town, farm, partner_event(1), packed(2))
    declared = {"declarationTime": "2026-11-23T09:00:00+08:00", "reason": "did_not_occur"}
    send(town, stranger, packed(2, errorDeclaration=declared | {"reason": "incorrect_data"}))
    assert reached(town, farm) == {"01", "02"}
    assert send(town, farm, packed(2, errorDeclaration=declared)).stored == 1
    assert reached(town, farm) == {"01"}
