"""The demonstration's school canteen: what it was sent, what it cooked yesterday and today."""

from decimal import Decimal

from sqlalchemy.orm import Session

from trace.domain.dishes import Meal
from trace.domain.papers import CommitmentBasis
from trace.domain.products import Category
from trace.services import hops
from trace.services.commands import Batch, Some
from trace.services.demonstration_cast import Cast, arrive, certify, gtin, lots, product
from trace.services.dishes import cook
from trace.services.lots import NewLot
from trace.services.receiving import Line


def tell_canteen(session: Session, cast: Cast, tomatoes: str) -> None:
    """Mixed tomatoes and greens of the day before, cooked for lunch: two dishes today, one of them also yesterday."""
    _deliver(session, cast, "wholesaler", 1, Some(tomatoes, Decimal(20)), "PF-3002")
    what = product(session, cast, "coop_tomato", "小油菜", Category.VEGETABLE, "KGM", code=gtin("952070200006"))
    origin = {"origin": "宁夏中卫", "origin_region": cast.actors["coop_tomato"].region}
    picked = Batch(NewLot(what, f"YC{cast.day(1):%Y%m%d}", cast.day(1), cast.day(-3), **origin), Decimal(30))
    (greens,) = lots(hops.commission(session, cast.command("coop_tomato", 1, 15), batch=picked))
    certify(session, cast.command("coop_tomato", 1, 16), greens, "小油菜", "30 kg", [CommitmentBasis.SELF_TEST])
    _deliver(session, cast, "coop_tomato", 0, Some(greens, Decimal(8)), "LQ-1001")
    cold, soup = [Some(tomatoes, Decimal(3))], [Some(tomatoes, Decimal(4)), Some(greens, Decimal("2.5"))]
    cook(session, cast.command("canteen", 1, 10), name="糖拌番茄", meal=Meal.LUNCH, goods=cold, retained=True)
    cook(session, cast.command("canteen", 0, 10), name="糖拌番茄", meal=Meal.LUNCH, goods=cold, retained=True)
    cook(session, cast.command("canteen", 0, 10, 20), name="番茄油菜汤", meal=Meal.LUNCH, goods=soup, retained=True)


def _deliver(session: Session, cast: Cast, sender: str, days_ago: int, goods: Some, note: str) -> None:
    """Send to the canteen early in the morning; it receives all of it."""
    receiver = cast.ids["canteen"]
    hops.ship(session, cast.command(sender, days_ago, 5), receiver=receiver, goods=[goods], delivery_note=note)
    lines = [Line(code=goods.code, amount=goods.amount)]
    arrive(session, cast.command("canteen", days_ago, 6), cast.ids[sender], lines, note)
