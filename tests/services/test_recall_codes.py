"""A recall in a pharmacy: what is here by code, on which receipts the rest went, stop, answer, return, close."""

from storage.events import find_by_event_ids
from tests.town import Town
from trace.domain.failures import Conflict, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.recalls import RecallKind
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Some
from trace.services.recall_codes import recall_codes
from trace.services.recall_views import get_recall
from trace.services.recalls import acknowledge, close_recall, open_recall
from trace.services.undoing import declare_wrong

K = OrganisationKind


def pharmacy(town: Town) -> Actor:
    return town.organisation(K.PHARMACY, role=Role.PHARMACIST)


def test_a_recall_is_worked_off_in_the_shop_pack_by_pack(town: Town) -> None:
    shop, bystander = pharmacy(town), pharmacy(town)
    stays, sold, back = packs = town.packs(3)
    inspector = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    lot = town.drugs_at(shop, packs)
    for hours, pack in ((3, sold), (2, back)):
        town.do(dispense, town.command(shop, hours=hours), codes=[pack])
    town.do(take_back_packs, town.command(shop, hours=1), codes=[back])
    recall = town.do(open_recall, town.command(inspector), lot=lot, kind=RecallKind.RECALL, level=1, reason="impurity")[
        "id"
    ]
    seen = town.do(recall_codes, actor=shop, public_id=recall)
    assert [(one["uri"], one["held"]) for one in seen["here"]] == [(stays, False), (back, True)]
    assert [(one["uri"], one["number"], one["returned_at"] is None) for one in seen["gone"]] == [
        (sold, 1, True),
        (back, 2, False),
    ]
    assert not {"name", "person", "prescription"} & seen["gone"][0].keys()  # by code and receipt, never by person
    assert "recalled" in str(town.refuses(Conflict, dispense, town.command(shop), codes=[stays]))
    town.do(acknowledge, town.command(shop), public_id=recall, answer="off the shelf")
    assert all(one["held"] for one in town.do(recall_codes, actor=shop, public_id=recall)["here"])
    assert town.do(get_recall, actor=shop, public_id=recall, now=town.now)["mine"]["answer"] == "off the shelf"
    town.destroy(shop, Some(stays), Some(back), reason="recalled")
    assert town.do(recall_codes, actor=shop, public_id=recall)["here"] == []
    town.do(close_recall, town.command(inspector), public_id=recall, reason="destroyed", unanswered="the maker is shut")
    assert town.refuses(Conflict, dispense, town.command(shop), codes=[stays])
    town.refuses(NotFound, recall_codes, actor=bystander, public_id=recall)
    assert town.do(recall_codes, actor=inspector, public_id=recall)["gone"] == []


def test_a_sale_that_was_declared_wrong_went_nowhere(town: Town) -> None:
    shop, (pack,) = pharmacy(town), town.packs(1)
    lot = town.drugs_at(shop, [pack])
    sale = town.do(dispense, town.command(shop), codes=[pack])
    with town.store.writing() as session:
        (sold,) = find_by_event_ids(session, [(sale["events"][0], 0)]).values()
        declare_wrong(session, town.command(shop), [sold.id])
    held = town.do(open_recall, town.command(shop), lot=lot, kind=RecallKind.HOLD, reason="impurity")["id"]
    seen = town.do(recall_codes, actor=shop, public_id=held)
    assert ([one["uri"] for one in seen["here"]], seen["gone"]) == ([pack], [])
