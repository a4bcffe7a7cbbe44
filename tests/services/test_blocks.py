"""一处违法、处处受限: who a regulator blocked delivers nowhere, is known by number first, and may be set free."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from storage.tables import business_block
from tests.services.deliveries import delivered, refused
from tests.services.test_concurrency import at_once, conflicts
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.arrivals import Decision, Line, Supplier
from trace.services.blocks import block_business, block_of, blocked_among, blocks_on, lift_block, list_blocks, own_block
from trace.services.organisations import create_organisation, get_organisation_row
from trace.services.receiving import receive
from trace.services.supplier_list import list_suppliers
from trace.services.suppliers import open_file

K = OrganisationKind
ONE, TWO = "91640502MA7TE5T19M", "92640521MA7TE5T27X"
WHY = {"reason": "出售病死猪肉", "decision_no": "卫市监罚〔2026〕12号"}
SAID = "出售病死猪肉（卫市监罚〔2026〕12号）"


def inspector(town: Town, region: str = "640500") -> Actor:
    return town.organisation(K.REGULATOR, region=region, role=Role.INSPECTOR)


def block(town: Town, who: Actor, **more: Any) -> str:
    return str(town.do(block_business, town.command(who), **{**WHY, **more})["id"])


def why(town: Town, *, days: int = 0, **business: Any) -> str:
    asked = {"organisation": None, "uscc": None, "name": "甲店", **business}
    return str(town.do(block_of, on=town.day(-days), **asked))


def registered(town: Town, name: str, uscc: str | None, region: str = "640502") -> tuple[int, str]:
    with town.store.writing() as session:
        card = create_organisation(session, name=name, kind=K.WHOLESALER, region=region, now=NOW, uscc=uscc)
        return int(get_organisation_row(session, card["id"]).id), str(card["id"])


def test_who_is_blocked_delivers_to_no_shop_of_any_region(town: Town) -> None:
    farm, shop, made = delivered(town)
    far = town.organisation(region="650102")
    block(town, inspector(town), organisation_id=town.id_of(farm))
    line = Line(code=made, amount=Decimal(40), reason="we know them")
    for receiver in (shop, far):
        failure = refused(town, Conflict, receiver, Supplier(public_id=town.id_of(farm)), line)
        assert failure.details["rule"] == "BLOCKED"
        assert SAID in str(failure)
    held = replace(line, decision=Decision.HOLD)
    town.do(receive, town.command(shop), supplier=Supplier(public_id=town.id_of(farm)), lines=[held])
    assert town.stock(shop, made) == (0, 40)
    assert town.do(blocked_among, [town.id_of(farm), town.id_of(shop)], on=town.day(0)) == {town.id_of(farm): SAID}
    assert [file["blocked"] for file in town.do(list_suppliers, actor=shop, now=NOW)] == [SAID]


def test_the_blocked_business_sees_its_block_and_the_reason(town: Town) -> None:
    farm = town.organisation(K.FARM)
    block(town, inspector(town), organisation_id=town.id_of(farm))
    assert town.do(own_block, actor=farm, on=town.day(0)) == SAID
    (seen,) = town.do(blocks_on, public_id=town.id_of(farm), actor=farm)
    assert (seen["text"], seen["mine"]) == (SAID, False)


def test_a_block_counts_from_its_day_on_until_the_day_it_is_lifted(town: Town) -> None:
    who = inspector(town)
    blocked = block(town, who, uscc=ONE, name="甲店")
    assert [why(town, uscc=ONE, days=days) for days in (-1, 0, 1)] == ["", SAID, SAID]
    later = replace(town.command(who), now=NOW + timedelta(days=3))
    town.do(lift_block, later, public_id=blocked, reason="整改合格")
    assert [why(town, uscc=ONE, days=days) for days in (2, 3)] == [SAID, ""]
    assert town.refuses(Conflict, lift_block, later, public_id=blocked, reason="again")


@pytest.mark.parametrize(
    ("blocked", "asked", "found"),
    [
        ({"uscc": ONE, "name": "甲店"}, {"uscc": ONE, "name": "换了名"}, True),  # a new name does not help
        ({"uscc": ONE, "name": "甲店"}, {"uscc": None, "name": f" {ONE.lower()} "}, True),  # the code as the name
        ({"uscc": ONE, "name": "甲店"}, {"uscc": TWO, "name": "甲店"}, False),  # somebody else of the same name
        ({"uscc": ONE, "name": "甲店（一）"}, {"uscc": None, "name": " 甲店(一)"}, True),  # nobody knows the code here
        ({"uscc": ONE, "name": "甲店"}, {"uscc": None, "name": "甲店二"}, False),  # a part of a name is no name
    ],
)
def test_a_business_is_known_by_its_code_and_by_its_name_only_without_one(
    town: Town, blocked: dict[str, str], asked: dict[str, Any], found: bool
) -> None:
    block(town, inspector(town), **blocked)
    assert bool(why(town, **asked)) is found


def test_a_registered_namesake_with_another_code_stays_free(town: Town) -> None:
    one, one_id = registered(town, "中卫甲店", ONE)
    two, _ = registered(town, "中卫 甲店", TWO)
    three, _ = registered(town, "乙店", None)
    block(town, inspector(town), organisation_id=one_id)
    assert [bool(why(town, organisation=number)) for number in (one, two, three)] == [True, False, False]
    assert why(town, name="中卫甲店") == SAID  # a stranger without a code, of exactly this name


def test_an_inspector_blocks_businesses_of_the_own_region_only(town: Town) -> None:
    here, far = inspector(town, "640500"), inspector(town, "650100")
    _, public_id = registered(town, "甲店", ONE)
    registered(town, "丁店", None)
    for business in ({"organisation_id": public_id}, {"uscc": ONE, "name": "另名"}, {"uscc": TWO, "name": "丁店"}):
        town.refuses(Forbidden, block_business, town.command(far), **WHY, **business)
    assert town.refuses(Invalid, block_business, town.command(here), **WHY, name="路边摊").field == "uscc"
    blocked = block(town, here, organisation_id=public_id)
    town.refuses(NotFound, lift_block, town.command(far), public_id=blocked, reason="x")
    assert [(row["name"], row["mine"]) for row in town.do(list_blocks, actor=far)] == [("甲店", False)]


def test_one_office_blocks_a_business_once_and_two_offices_each_lift_their_own(town: Town) -> None:
    """The unique index of `business_block` on what is in force decides."""
    city, county = inspector(town, "640500"), inspector(town, "640502")
    _, public_id = registered(town, "甲店", ONE)

    def act() -> Any:
        return town.do(block_business, town.command(city), organisation_id=public_id, **WHY)

    assert conflicts(at_once(*[act] * 4)) == 3
    second = block(town, county, organisation_id=public_id)
    assert town.count(business_block) == 2
    town.do(lift_block, town.command(county), public_id=second, reason="整改合格")
    assert why(town, uscc=ONE) == SAID
    (first,) = [row for row in town.do(list_blocks, actor=city) if not row["lifted_at"]]
    town.do(lift_block, town.command(city), public_id=first["id"], reason="整改合格")
    assert why(town, uscc=ONE) == ""
    block(town, city, organisation_id=public_id)  # and may be blocked again


def test_a_stranger_whose_file_names_the_blocked_code_is_blocked(town: Town) -> None:
    shop = town.organisation()
    town.do(open_file, town.command(shop), name=STRANGER.name, uscc=TWO)
    block(town, inspector(town), uscc=TWO, name="旧名")
    line = Line(product=town.product(shop), lot_number="A1", amount=Decimal(5), reason="x")
    assert refused(town, Conflict, shop, STRANGER, line).details["rule"] == "BLOCKED"
