"""A canteen's dishes: made of lots, reached by a trace, repeated, shown to everybody without a figure."""

from decimal import Decimal
from typing import Any

from storage.tables import dish
from tests.town import NOW, TODAY, Town
from trace.domain.dishes import Meal, take_first
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.genealogy import Direction
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.dishes import board, cook, cook_again, last_dishes, list_dishes, take_back
from trace.services.hops import Some, hold
from trace.services.lookup import look_up
from trace.services.receiving import Line

K = OrganisationKind


def kitchen(town: Town, **lot: Any) -> tuple[Actor, Actor, str]:
    """A canteen with 40 kg of a farm's vegetables: (canteen, farm, lot)."""
    farm, canteen = town.organisation(K.FARM), town.organisation(K.CANTEEN)
    made = town.grown(farm, **lot)
    town.send(farm, canteen, Some(made, Decimal(40)))
    town.arrive(farm, canteen, Line(code=made, amount=Decimal(40)))
    return canteen, farm, made


def cooked(town: Town, canteen: Actor, *goods: Some, **more: Any) -> dict[str, Any]:
    said = {"name": "番茄炒蛋", "meal": Meal.LUNCH} | more
    return dict(town.do(cook, town.command(canteen), goods=list(goods), **said))


def test_what_goes_into_a_dish_is_used_up_and_a_trace_forward_reaches_the_dish(town: Town) -> None:
    canteen, _, lot = kitchen(town)
    made = cooked(town, canteen, Some(lot, Decimal("12.5")), retained=True)
    assert town.stock(canteen, lot) == (Decimal("27.5"), 0)
    assert town.stock(canteen, made["lot"]) == (0, 0)
    inspector = town.organisation(K.REGULATOR, role=Role.INSPECTOR, region="640500")
    found = town.do(look_up, actor=inspector, text=lot, now=NOW, direction=Direction.FORWARD)
    assert {node["product"] for node in found["traces"]["forward"]["nodes"]} > {"番茄炒蛋"}
    (shown,) = town.do(list_dishes, actor=canteen, day=TODAY)
    assert [(one["lot"], one["amount"]) for one in shown["used"]] == [(lot, Decimal("12.5"))]
    assert (shown["retained_until"] - NOW).total_seconds() == 48 * 3600


def test_what_is_expired_held_or_not_there_goes_into_no_dish(town: Town) -> None:
    canteen, _, lot = kitchen(town)
    expired, _, old = kitchen(town, produced_on=town.day(5), expires_on=town.day(0))
    tomorrow = Town(town.store, NOW.replace(day=NOW.day + 1), town.ids)
    goods = [Some(old, Decimal(1))]
    tomorrow.refuses(Conflict, cook, tomorrow.command(expired), name="汤", meal=Meal.LUNCH, goods=goods)
    town.refuses(Conflict, cook, town.command(canteen), name="汤", meal=Meal.LUNCH, goods=[Some(lot, Decimal(41))])
    town.do(hold, town.command(canteen), goods=[Some(lot, Decimal(40))], reason="异味")
    town.refuses(Conflict, cook, town.command(canteen), name="汤", meal=Meal.LUNCH, goods=[Some(lot, Decimal(1))])
    town.refuses(Invalid, cook, town.command(canteen), name=" ", meal=Meal.LUNCH, goods=[Some(lot, Decimal(1))])
    shop = town.organisation()
    town.refuses(Forbidden, cook, town.command(shop), name="汤", meal=Meal.LUNCH, goods=[Some(lot, Decimal(1))])
    assert town.count(dish) == 0


def test_a_dish_of_yesterday_is_made_again_of_what_expires_first(town: Town) -> None:
    farm, canteen = town.organisation(K.FARM), town.organisation(K.CANTEEN)
    product = town.product(farm)
    lots = [town.grown(farm, product=product, expires_on=town.day(-days)) for days in (9, 2, 5)]
    for lot in lots:
        town.send(farm, canteen, Some(lot, Decimal(10)))
        town.arrive(farm, canteen, Line(code=lot, amount=Decimal(10)))
    said = {"name": "汤", "meal": Meal.DINNER, "goods": [Some(lots[0], Decimal(8))]}
    town.do(cook, town.command(canteen, days=1), **said)
    (before,) = town.do(last_dishes, actor=canteen, before=TODAY)
    for _ in range(2):  # two taps with one key are one dish
        town.do(cook_again, town.command(canteen, "k1"), public_id=before["id"])
    again = town.do(cook_again, town.command(canteen), public_id=before["id"])
    first, second = town.do(list_dishes, actor=canteen, day=TODAY)
    assert [(one["lot"], one["amount"]) for one in first["used"]] == [(lots[1], 8)]
    assert {(one["lot"], one["amount"]) for one in second["used"]} == {(lots[1], 2), (lots[2], 6)}
    assert (first["meal"], again["id"]) == ("dinner", second["id"])
    refusal = town.refuses(Conflict, cook_again, town.command(canteen), public_id=before["id"])
    assert refusal.field == "goods"
    other = town.organisation(K.CANTEEN)
    town.refuses(NotFound, cook_again, town.command(other), public_id=before["id"])


def test_a_dish_recorded_by_mistake_is_taken_back_with_a_reason_and_its_goods_are_there_again(town: Town) -> None:
    canteen, farm, lot = kitchen(town)
    made = cooked(town, canteen, Some(lot, Decimal(10)))
    told = {"public_id": made["id"], "reason": "记错了"}
    town.refuses(NotFound, take_back, town.command(farm), **told)
    town.refuses(Invalid, take_back, town.command(canteen), public_id=made["id"], reason=" ")
    town.do(take_back, town.command(canteen), **told)
    assert town.stock(canteen, lot) == (40, 0)
    assert town.do(list_dishes, actor=canteen, day=TODAY) == []
    assert town.do(board, public_id=town.id_of(canteen), day=TODAY)["meals"] == {}
    assert town.do(last_dishes, actor=canteen, before=NOW.date().replace(day=NOW.day + 1)) == []
    town.refuses(NotFound, take_back, town.command(canteen), **told)


def test_the_board_tells_where_each_ingredient_is_from_and_no_figure_or_supplier(town: Town) -> None:
    canteen, farm, lot = kitchen(town, origin_region="640521")
    cooked(town, canteen, Some(lot, Decimal("12.5")), meal=Meal.DINNER)
    cooked(town, canteen, Some(lot, Decimal(1)), name="凉拌", meal=Meal.BREAKFAST)
    found = town.do(board, public_id=town.id_of(canteen), day=TODAY)
    assert list(found["meals"]) == ["breakfast", "dinner"]
    (ingredient,) = found["meals"]["dinner"][0]["ingredients"]
    assert (ingredient["origin"], ingredient["papers"], ingredient["missing"]) == (
        "中宁县", ["commitment_certificate"], False
    )  # fmt: skip
    assert not [figure for figure in ("12.5", farm.organisation_name) if figure in str(found)]
    assert found["licence"]["number"].startswith("JY") and not found["licence"]["expired"]
    assert town.do(board, public_id=town.id_of(canteen), day=town.day(1))["meals"] == {}
    town.refuses(NotFound, board, public_id=town.id_of(farm), day=TODAY)


def test_lots_are_taken_in_their_order_until_there_is_enough() -> None:
    shelf = [("a", Decimal(2)), ("b", Decimal(0)), ("c", Decimal(5))]
    assert take_first(shelf, Decimal(2)) == [("a", 2)]
    assert take_first(shelf, Decimal(7)) == [("a", 2), ("c", 5)]
    assert take_first(shelf, Decimal(8)) is None
