"""The demonstration's school canteen: what it was sent, what it cooked yesterday and today."""

from decimal import Decimal

from sqlalchemy.orm import Session

from trace.domain.dishes import Meal
from trace.services import hops
from trace.services.commands import Some
from trace.services.demonstration_cast import Cast, arrive
from trace.services.dishes import cook
from trace.services.receiving import Line


def tell_canteen(session: Session, cast: Cast, tomatoes: str, goji: str) -> None:
    """Mixed tomatoes and dried goji, cooked for lunch: two dishes today, one of them also yesterday."""
    _deliver(session, cast, "wholesaler", 1, Some(tomatoes, Decimal(20)), "PF-3002")
    _deliver(session, cast, "coop_goji", 0, Some(goji, Decimal(2)), "GQ-1001")
    cold, soup = [Some(tomatoes, Decimal(3))], [Some(tomatoes, Decimal(4)), Some(goji, Decimal("0.5"))]
    cook(session, cast.command("canteen", 1, 10), name="糖拌番茄", meal=Meal.LUNCH, goods=cold, retained=True)
    cook(session, cast.command("canteen", 0, 10), name="糖拌番茄", meal=Meal.LUNCH, goods=cold, retained=True)
    cook(session, cast.command("canteen", 0, 10, 20), name="枸杞番茄汤", meal=Meal.LUNCH, goods=soup, retained=True)


def _deliver(session: Session, cast: Cast, sender: str, days_ago: int, goods: Some, note: str) -> None:
    """Send to the canteen early in the morning; it receives all of it."""
    receiver = cast.ids["canteen"]
    hops.ship(session, cast.command(sender, days_ago, 5), receiver=receiver, goods=[goods], delivery_note=note)
    lines = [Line(code=goods.code, amount=goods.amount)]
    arrive(session, cast.command("canteen", days_ago, 6), cast.ids[sender], lines, note)
