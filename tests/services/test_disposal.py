"""Destruction with photo and witness (R14)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.town import Town
from trace.domain.failures import Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.balance import mass_balance
from trace.services.disposal import dispose, list_disposals
from trace.services.hops import Some, hold


def test_what_is_destroyed_has_a_record_with_photo_method_and_witness(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop, name="leek"), 10, number="L-9")
    town.do(hold, town.command(shop), goods=[Some(made, Decimal(2))], reason="wet")
    photo = town.photo(shop)
    done = town.destroy(shop, Some(made, Decimal(3)), sha256=photo, place="后院（演示）", witness=" 王五（演示） ")
    (listed,) = town.do(list_disposals, actor=shop, now=town.now)
    assert listed["id"] == done["id"]
    assert listed["goods"] == [{"lot": made, "product": "leek", "lot_number": "L-9", "amount": 3, "unit": "KGM"}]
    assert (listed["witness"], listed["method"], listed["place"]) == ("王五（演示）", "denatured", "后院（演示）")
    assert (listed["sha256"], listed["disposed_at"]) == (photo, town.now)
    (row,) = town.do(mass_balance, actor=shop)
    assert (row["on_hand"], row["held"], row["destroyed"], row["difference"]) == (7, 0, 3, 0)
    (document,) = town.events(*done["events"])
    assert "王五" not in str(document)


@pytest.mark.parametrize(
    ("field", "value"), [("witness", " "), ("witness", " 张三 "), ("method", "eaten"), ("sha256", "0" * 64)]
)
def test_nothing_is_destroyed_without_photo_method_and_another_pair_of_eyes(town: Town, field: str, value: str) -> None:
    shop = replace(town.organisation(), name="张三")
    made = town.lot(shop, town.product(shop), 10)
    record = {"reason": "rotten", "method": "buried", "witness": "李四", "sha256": town.photo(shop), field: value}
    refusal = NotFound if field == "sha256" else Invalid
    failure = town.refuses(refusal, dispose, town.command(shop), goods=[Some(made, Decimal(1))], **record)
    assert failure.field == field
    assert town.stock(shop, made) == (10, 0)


def test_anothers_photo_proves_nothing(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    record = {"reason": "rotten", "method": "buried", "witness": "李四", "sha256": town.photo(town.organisation())}
    failure = town.refuses(NotFound, dispose, town.command(shop), goods=[Some(made, Decimal(1))], **record)
    assert failure.field == "sha256"


def test_inspectors_see_what_was_destroyed_in_their_region_and_shops_their_own(town: Town) -> None:
    shop, elsewhere = town.organisation(), town.organisation(region="640121")
    for one in (shop, elsewhere):
        town.destroy(one, Some(town.lot(one, town.product(one)), Decimal(1)))
    assert len(town.do(list_disposals, actor=shop, now=town.now)) == 1
    inspector = town.organisation(OrganisationKind.REGULATOR, region="640500", role=Role.INSPECTOR)
    seen = town.do(list_disposals, actor=inspector, now=town.now)
    assert [one["organisation"] for one in seen] == [shop.organisation_name]
