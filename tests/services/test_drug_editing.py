"""The drug file is everybody's: what is missing is added, what stands is corrected by who registered it and kept."""

from datetime import timedelta
from typing import Any

import pytest

from storage.tables import product_change, product_check
from tests.town import NOW, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor
from trace.services import drug_editing
from trace.services.drug_editing import (
    change_drug,
    check_product,
    correct_identifier,
    get_drug,
    list_drugs,
    register_drug,
)
from trace.services.drug_file import read_codes

CODE = "83857930000879766660"
ITEMS = (
    "approval_seen",
    "product_test_report",
    "label_and_leaflet",
    "quality_standard",
    "storage_suits",
    "price_approved",
)


def a_drug(town: Town, shop: Actor, **said: Any) -> str:
    said = {"name": "阿莫西林胶囊", "code": CODE, "prescription": "rx", **said}
    return str(town.do(register_drug, town.command(shop), **said)["id"])


def card(town: Town, actor: Actor, public_id: str) -> dict[str, Any]:
    return dict(town.do(get_drug, actor=actor, public_id=public_id))


def change(town: Town, actor: Actor, public_id: str, reason: str = "", **changes: Any) -> Any:
    return town.do(change_drug, town.command(actor), public_id=public_id, changes=changes, reason=reason)


def test_a_drug_is_registered_once_and_its_code_finds_it(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    drug = a_drug(town, shop, storage="cold")
    assert a_drug(town, other) == drug
    found = card(town, shop, drug)
    assert (found["celsius_low"], found["celsius_high"], found["mine"]) == (200, 800, True)
    assert [one["identifier"] for one in found["identifiers"]] == [CODE[:7]]
    for text in (CODE, CODE[:7], "莫西"):
        assert [one["id"] for one in town.do(list_drugs, actor=other, text=text)] == [drug]
    assert town.do(list_drugs, actor=other, text="%") == []


def test_drug_is_found_by_what_was_corrected_and_what_was_added(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = a_drug(town, shop)
    change(town, shop, drug, reason="on the pack", name="头孢克肟分散片")
    change(town, shop, drug, producer="宁夏制药", approval_no="国药准字H20043765")
    for text in ("克肟", "宁夏", "h2004"):
        assert [one["id"] for one in town.do(list_drugs, actor=shop, text=text)] == [drug], text
    assert town.do(list_drugs, actor=shop, text="莫西") == []


def test_anybody_adds_what_is_missing_and_only_who_registered_corrects_what_stands(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    drug = a_drug(town, shop)
    assert change(town, other, drug, approval_no="国药准字H20053579", storage="room")["changed"] == [
        "approval_no",
        "storage",
    ]
    said = {"public_id": drug, "changes": {"prescription": "otc_b"}, "reason": "x"}
    town.refuses(Conflict, change_drug, town.command(other), **said)
    assert town.refuses(Invalid, change_drug, town.command(shop), **(said | {"reason": " "})).field == "reason"
    change(town, shop, drug, reason="the label says so", prescription="otc_a", approval_no="国药准字H20053579")
    told = [(one["field"], one["old"], one["new"], one["reason"]) for one in card(town, shop, drug)["changes"]]
    assert told[0] == ("prescription", "rx", "otc_a", "the label says so")
    assert len(told) == town.count(product_change) == 3


def test_numbers_of_an_unknown_form_are_told_and_not_refused(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = a_drug(town, shop, approval_no="国药准字12345678", national_drug_code="86901234567890")
    assert card(town, shop, drug)["doubts"] == ["approval_no", "national_drug_code"]
    change(town, shop, drug, reason="x", approval_no="国药准字HJ20171234", national_drug_code="86900000000009")
    assert card(town, shop, drug)["doubts"] == ["national_drug_code"]


def test_an_identifier_that_was_learnt_wrongly_is_given_to_the_right_drug(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    wrong, right = a_drug(town, shop, code=None), a_drug(town, shop, code=None)
    said = {"public_id": wrong, "identifier": CODE[:7], "product_id": right, "level": 3, "reason": "another box"}
    town.refuses(NotFound, correct_identifier, town.command(shop), **said)
    town.do(drug_editing.add_identifier, town.command(shop), public_id=wrong, identifier=CODE[:7])
    town.refuses(Conflict, correct_identifier, town.command(other), **said)
    town.do(correct_identifier, town.command(shop), **said)
    with town.store.reading() as session:
        (code,) = read_codes(session, [CODE], actor=shop)
    assert (code.product and code.product["id"], code.pack_level) == (right, 3)
    assert ("product", wrong, right) in [(c["field"], c["old"], c["new"]) for c in card(town, shop, wrong)["changes"]]


def test_the_first_product_file_is_made_once_all_was_looked_at(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    drug = a_drug(town, shop)
    for seen in (ITEMS[:-1], (*ITEMS, "x")):
        assert town.refuses(Invalid, check_product, town.command(shop), public_id=drug, seen=seen).field == "seen"
    assert [one["id"] for one in town.do(list_drugs, actor=shop, unchecked=True)] == [drug]
    for day, remark in enumerate(("", "complete")):
        command = town.command(shop)
        command = type(command)(shop, NOW + timedelta(days=day))
        town.do(check_product, command, public_id=drug, seen=ITEMS, remark=remark)
    # Nobody's words are put in anybody's mouth: they would be English on a Chinese page.
    assert [change["reason"] for change in card(town, shop, drug)["changes"]] == ["complete", ""]
    assert card(town, shop, drug)["check"]["at"] == NOW + timedelta(days=1)
    assert card(town, other, drug)["check"]["at"] is None
    assert (town.count(product_check), town.do(list_drugs, actor=shop, unchecked=True)) == (1, [])


@pytest.mark.parametrize("public_id", ["0" * 26, ""])
def test_what_is_no_drug_is_not_found(town: Town, public_id: str) -> None:
    shop = town.organisation(K.PHARMACY)
    for one in (public_id, town.product(shop)):
        town.refuses(NotFound, get_drug, actor=shop, public_id=one)
        town.refuses(NotFound, change_drug, town.command(shop), public_id=one, changes={"name": "x"})
    assert town.count(product_change) == 0
