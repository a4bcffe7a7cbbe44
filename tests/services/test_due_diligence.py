"""The due-diligence pack: what a shop can show of a lot, and nothing of anybody else's."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from storage.objects import open_objects
from tests.services.deliveries import delivered
from tests.services.test_self_checks import named
from tests.town import NOW, STRANGER, TODAY, Town
from trace.domain.failures import NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.self_checks import CheckKind
from trace.services.commands import Command, Some
from trace.services.due_diligence import pack_of
from trace.services.hops import sell
from trace.services.receipts import get_receipt
from trace.services.receiving import Decision, Line, receive
from trace.services.sales import sell_goods
from trace.services.self_checks import sign
from trace.services.till_lines import Sold
from trace.services.undoing import undo_receipt


def packed(town: Town, shop: Actor, lot: str, tmp_path: Path) -> Any:
    """The pack of a lot."""
    return town.do(pack_of, actor=shop, lot=lot, objects=open_objects(str(tmp_path)), now=NOW)


def test_goods_that_came_before_eight_belong_to_the_self_check_of_that_day(town: Town, tmp_path: Path) -> None:
    farm, shop, made = delivered(town)
    town.know(shop, farm)
    town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))  # 10:00 less 8 hours: the day before in UTC
    shop = named(town, shop)
    town.do(sign, town.command(shop), kind=CheckKind.DAILY, day=TODAY, problems={})
    town.do(sign, town.command(shop), kind=CheckKind.DAILY, day=town.day(1), problems={})
    content = packed(town, shop, made, tmp_path).content
    assert [check["first_day"] for check in content["self_checks"]] == [TODAY.isoformat()]


def test_what_was_refused_has_a_pack_and_what_was_undone_is_in_none(town: Town, tmp_path: Path) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), amount=Decimal(3), decision=Decision.REFUSE, reason="腐烂")
    now = Command(shop, NOW)
    refused = town.do(receive, now, supplier=STRANGER, lines=[line])
    undone = town.do(
        receive, now, supplier=STRANGER, delivery_note="2", lines=[replace(line, product=town.product(shop))]
    )
    read = [town.do(get_receipt, actor=shop, public_id=one["id"], now=NOW) for one in (refused, undone)]
    lots = [one["lines"][0]["lot"] for one in read]
    town.do(undo_receipt, now, receipt_id=undone["id"])
    content = packed(town, shop, lots[0], tmp_path).content
    assert [one["decision"] for one in content["purchase_records"][0]["lines"]] == ["refuse"]
    for actor, lot in ((shop, lots[1]), (town.organisation(), lots[0])):
        town.refuses(NotFound, pack_of, actor=actor, lot=lot, objects=open_objects(str(tmp_path)), now=NOW)


def test_a_pack_names_its_own_sales_and_no_other_shops(town: Town, tmp_path: Path) -> None:
    farm, shop = town.organisation(OrganisationKind.FARM), town.organisation()
    other = town.organisation(name="别家超市（演示）")
    product = town.product(farm)
    lot = town.grown(farm, product=product)
    for one in (shop, other):
        town.send(farm, one, Some(lot, Decimal(10)))
        town.arrive(farm, one, Line(code=lot, amount=Decimal(10)))
    town.do(sell, town.command(other), goods=[Some(lot, Decimal(7))])
    town.do(
        sell_goods,
        town.command(shop),
        sold=[Sold(code=lot, amount=Decimal(1)), Sold(product=product, amount=Decimal(2))],
    )
    pack = packed(town, shop, lot, tmp_path)
    (sales,) = pack.content["sales"]
    assert (sales["certain"], sales["attributed"], sales["possible"]) == ("1", "2", "2")
    assert other.organisation_name not in json.dumps(pack.content, ensure_ascii=False)
    assert packed(town, shop, lot, tmp_path).document == pack.document
