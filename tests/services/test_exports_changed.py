"""Exports of what changes meanwhile: returned before it was told, declared wrong, lost and found, moved elsewhere."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.other_side import REFUSES, other_side
from tests.services.export_shop import DAY, KEY, Shop
from tests.town import Town
from trace.domain.exports import Kind
from trace.domain.failures import Invalid
from trace.services import exports
from trace.services.dispensing import take_back_packs
from trace.services.exports import Setting, export_seal

# What the worker decides is the same on either database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(town: Town) -> Iterator[Shop]:
    """A pharmacy and the other side."""
    with other_side() as side:
        yield Shop(town, side)


@on_sqlite
def test_a_bill_that_was_not_found_and_is_there_after_all_is_no_refusal(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.work(until=timedelta(hours=10, minutes=10))  # 20:10
    shop.side.held.clear()
    shop.side.plan, shop.side.words = ["", REFUSES], "单据已存在"
    shop.work(until=timedelta(minutes=25))
    assert (shop.states(), shop.side.plan) == (["confirmed"], [])


@on_sqlite
def test_a_code_that_comes_back_before_it_is_told_is_told_when_it_is_sold_again(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.sell(codes[0])
    shop.town.do(take_back_packs, shop.command(shop.clerk), codes=[codes[0]])
    assert shop.make(target)["records"] == 0, "it is in the shop"
    wrong = shop.sell(codes[1])
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    shop.declare_wrong(wrong["events"])
    (refused,) = shop.files()
    assert shop.do(exports.send_again, file_id=refused["id"])["files"] == 0, "as the records stand today"
    shop.now += DAY
    shop.sell(codes[1])
    assert shop.make(target)["records"] == 1


@on_sqlite
def test_a_refused_sale_that_was_declared_wrong_is_not_told_anew(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.make(target)
    shop.work()
    right, wrong = shop.sell(codes[0]), shop.sell(codes[1])
    assert right != wrong
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    shop.declare_wrong(wrong["events"])
    refused = next(one for one in shop.files() if one["state"] == "refused")
    shop.do(exports.send_again, file_id=refused["id"])
    assert shop.files()[-1]["records"] == 1
    assert shop.make(target)["files"] == 0, "what they refused is not withdrawn"


@on_sqlite
def test_a_kept_secret_is_not_sent_to_another_host(shop: Shop) -> None:
    shop.target(Kind.EPCIS_2_0, "/capture")
    kept = Setting(Kind.EPCIS_2_0, shop.side.url("/other"), {}, None, enabled=True)
    more = {"seal": export_seal(KEY), "private": True}
    shop.do(exports.set_target, setting=kept, **more)
    moved = replace(kept, address="http://127.0.0.1:9/capture")
    assert shop.town.refuses(Invalid, exports.set_target, shop.command(), setting=moved, **more).field == "secret"
    shop.do(exports.set_target, setting=replace(kept, address=""), **more)
    assert shop.town.refuses(Invalid, exports.set_target, shop.command(), setting=moved, **more).field == "secret"
    shop.do(exports.set_target, setting=replace(moved, secret="another"), **more)
