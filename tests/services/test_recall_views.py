"""Who sees what of a recall: who recalls, each holder, the inspector, the customers of a shop."""

from decimal import Decimal

from sqlalchemy import select

from storage.tables import lookup_log
from tests.services.test_recalls import bring, chain, hold, recall, some
from tests.town import NOW, Town
from trace.domain.failures import NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services import hops
from trace.services.recall_views import customer_notice, get_recall, list_recalls, reach, urgent_notices
from trace.services.recalls import acknowledge
from trace.services.sales import sell_goods
from trace.services.till_lines import Sold

K = OrganisationKind


def test_who_recalls_knows_the_first_hands_by_name_and_of_all_others_only_whether_they_answered(town: Town) -> None:
    farm, maker, shop, (raw, _mixed, _cut, _salad) = chain(town)
    number = recall(town, farm, raw)["id"]
    town.do(acknowledge, town.command(shop), public_id=number, answer="off the shelf")
    found = town.do(get_recall, actor=farm, public_id=number, now=NOW)
    holders = {holder["kind"]: holder for holder in found["holders"]}
    assert holders["processor"]["name"] == maker.organisation_name
    assert {lot["on_hand"] for lot in holders["processor"]["lots"]} == {10, 20}
    stranger = holders["supermarket"]
    assert (stranger["name"], stranger["answer"], stranger["lots"]) == ("", "", [])
    assert stranger["acknowledged_at"] is not None
    assert (found["told"], found["answered"], found["late"]) == (3, 2, 0)  # the farm itself is one of them
    assert [lot["lot"] for lot in found["lots"]["known"]] == [raw]
    assert found["lots"]["others"] == 3
    (total,) = found["totals"]
    assert (total["on_hand"], total["held"]) == (50, 65)


def test_a_holder_sees_its_own_part_and_nobody_else_anything(town: Town) -> None:
    farm, _maker, shop, (raw, _mixed, cut, salad) = chain(town)
    town.do(hops.sell, town.command(shop), goods=some(salad, 3))
    number = recall(town, farm, raw)["id"]
    found = town.do(get_recall, actor=shop, public_id=number, now=NOW)
    assert (found["view"], found["holders"], found["totals"]) == ("holder", [], [])
    here = {lot["lot"]: (lot["had"], lot["on_hand"], lot["sold"]) for lot in found["mine"]["lots"]}
    assert here == {cut: (8, 8, 0), salad: (14, 14, 3)}
    assert {lot["lot"] for lot in found["lots"]["known"]} == {cut, salad}
    (notice,) = town.do(list_recalls, actor=shop, now=NOW)["notices"]
    assert (notice["id"], notice["by"], notice["late"]) == (number, farm.organisation_name, False)
    assert [one["id"] for one in town.do(urgent_notices, actor=shop, now=NOW)] == [number]
    paper = town.do(customer_notice, actor=shop, public_id=number, now=NOW)
    assert {lot["lot_number"] for lot in paper["lots"]} == {"CUT", "SALAD"}
    town.refuses(NotFound, get_recall, actor=town.organisation(), public_id=number, now=NOW)
    town.refuses(NotFound, reach, actor=town.organisation(), lot=raw, now=NOW)


def test_an_inspector_sees_who_is_late_and_what_came_back_and_the_look_is_written_down(town: Town) -> None:
    farm, maker, shop, (raw, _mixed, cut, _salad) = chain(town)
    number = recall(town, farm, raw, level=1)["id"]
    town.do(hops.ship, town.command(shop), receiver=town.id_of(maker), goods=some(cut, 5), returned=True)
    inspector = town.organisation(K.REGULATOR, role=Role.INSPECTOR, region="640500", licensed=False)
    tomorrow = NOW.replace(day=25, hour=NOW.hour + 1)
    found = town.do(get_recall, actor=inspector, public_id=number, now=tomorrow)
    assert found["late"] == 2  # 24 hours for level 1
    at_shop = next(holder for holder in found["holders"] if holder["name"] == shop.organisation_name)
    assert at_shop["late"]
    back = next(lot for lot in at_shop["lots"] if lot["lot"] == cut)
    assert (back["had"], back["on_hand"], back["returned"]) == (8, 3, 5)
    with town.store.reading() as session:
        assert session.scalars(select(lookup_log.c.subject)).all() == [number]
    far = town.organisation(K.REGULATOR, role=Role.INSPECTOR, region="110000", licensed=False)
    town.refuses(NotFound, get_recall, actor=far, public_id=number, now=NOW)
    assert town.do(list_recalls, actor=far, now=NOW)["recalls"] == []


def test_a_recall_says_what_was_sold_for_certain_and_what_may_have_been(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    product = town.product(farm)
    bad, good = town.grown(farm, product=product), town.grown(farm, product=product)
    for lot in (bad, good):
        bring(town, farm, shop, lot, 10)
    town.do(hops.sell, town.command(shop, hours=2), goods=some(bad, 2))
    town.do(sell_goods, town.command(shop, hours=1), sold=[Sold(product=product, amount=Decimal(3))])
    number = recall(town, farm, bad)["id"]
    found = town.do(get_recall, actor=shop, public_id=number, now=NOW)
    (lot,) = found["mine"]["lots"]
    assert (lot["sold"], lot["possible"]) == (2, 3)


def test_a_hold_is_nobody_elses_affair(town: Town) -> None:
    _farm, maker, shop, (raw, *_) = chain(town)
    number = hold(town, maker, raw)
    found = town.do(get_recall, actor=maker, public_id=number, now=NOW)
    assert (found["view"], found["told"], found["lots"]["others"]) == ("own", 0, 0)
    assert town.do(reach, actor=maker, lot=raw, now=NOW)["lots"] == 3
    for other in (shop, _farm):
        town.refuses(NotFound, get_recall, actor=other, public_id=number, now=NOW)
