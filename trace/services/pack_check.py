"""What everybody may know of the sale of a pack in their hand: was it sold, once (R8, R18)?

The box on a pharmacy's window and the public page of a code answer for the one code that somebody holds, with a word
and a day: no time, no person, no other shop.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.tables import dispensing, split_pack
from storage.tenancy import across
from trace.services.drug_file import read_codes
from trace.services.public_window import find_window
from trace.services.recall_reach import recalls_over


class Sold(StrEnum):
    """What the public is told of a code: by a window of its own pharmacy, by the page of a code of all."""

    ONCE = "sold_once"
    IN_PARTS = "sold_in_parts"
    TWICE = "sold_twice"  # here, and once more: here or elsewhere
    RECALLED = "recalled"  # sold here, and called back since
    RECALLED_TWICE = "recalled_and_sold_twice"
    NOT_HERE = "not_sold_here"
    NOT_YET = "not_sold"
    NO_CODE = "no_trace_code"


@across(because="the code of a pack is looked up for whoever bought it, whichever shop sold it")
def check_pack(session: Session, *, public_id: str, text: str, now: datetime) -> dict[str, Any]:
    """{answer, day}: what this pharmacy's window says of a code; `day` of the last sale here, None where there is none.

    Raises `NotFound` for a window that is closed. A sale that was taken back is none.
    """
    window = find_window(session, public_id)
    (code,) = read_codes(session, [text], actor=None)
    uri = code.uri if code.is_pack else None
    item = find_idents(session, [uri]).get(uri) if uri else None
    if item is None:
        return {"answer": (Sold.NOT_HERE if uri else Sold.NO_CODE).value, "day": None}
    sales = _open_sales(session, item)
    here = [sale for sale in sales if sale.organisation == window.number]
    if not here:
        return {"answer": Sold.NOT_HERE.value, "day": None}
    return _judge(session, item, sales, here, now)


@across(because="the code of a pack is looked up for whoever bought it, whichever shop sold it")
def check_pack_anywhere(session: Session, *, item: int, now: datetime) -> dict[str, Any]:
    """{answer, day}: the same of a pack (its number), whoever sold it; one that is called back is told as such unsold.

    A recall is for everybody to know: who has the pack at home may have it from elsewhere.
    """
    sales = _open_sales(session, item)
    if sales:
        return _judge(
            session, item, sales, [sale for sale in sales if sale.organisation == sales[-1].organisation], now
        )
    recalled = recalls_over(session, [item], organisation=None)
    return {"answer": (Sold.RECALLED if recalled else Sold.NOT_YET).value, "day": None}


def _open_sales(session: Session, item: int) -> Sequence[Row[Any]]:
    """The sales of a pack that were not taken back, the first one first."""
    query = select(dispensing).where(dispensing.c.item == item, dispensing.c.returned_event.is_(None))
    return session.execute(query.order_by(dispensing.c.dispensed_at, dispensing.c.id)).all()


def _judge(
    session: Session, item: int, sales: Sequence[Row[Any]], here: Sequence[Row[Any]], now: datetime
) -> dict[str, Any]:
    """What to say of a pack with these sales, of which those `here` are one shop's, one at least."""
    day = here[-1].dispensed_at.astimezone(now.tzinfo).date().isoformat()
    sold = _how_sold(session, item, sales, here)
    if recalls_over(session, [item], organisation=None):
        sold = Sold.RECALLED_TWICE if sold is Sold.TWICE else Sold.RECALLED
    return {"answer": sold.value, "day": day}


def _how_sold(session: Session, item: int, sales: Sequence[Row[Any]], here: Sequence[Row[Any]]) -> Sold:
    parts = [sale.split_units for sale in sales if sale.split_units is not None]
    one_shop = len(here) == len(sales)
    if one_shop and len(parts) == len(sales) and sum(parts) <= _units(session, here[0].organisation, item):
        return Sold.IN_PARTS
    return Sold.ONCE if len(sales) == 1 and not parts else Sold.TWICE


def _units(session: Session, number: int, item: int) -> int:
    """How many of its smallest units the pack has."""
    opened = select(split_pack.c.units).where(split_pack.c.organisation == number, split_pack.c.item == item)
    return session.scalar(opened) or 0
