"""The record of a lot that several share: who says its dates, and what stays of what was said before."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import lot, lot_change
from tests.services.test_concurrency import at_once, conflicts
from tests.town import STRANGER, Town
from trace.domain.failures import Conflict
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services import hops
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.receiving import Line, receive

K = OrganisationKind


def line(product: str, expires_on: date) -> Line:
    return Line(product=product, lot_number="A1", amount=Decimal(5), expires_on=expires_on, reason="papers follow")


def received(town: Town, shop: Actor, product: str, expires_on: date, **moment: float) -> Any:
    """A shop receives the lot from somebody who is not on the system, and reads this date off the pack."""
    note = f"{shop.organisation} {expires_on}"  # another delivery each time
    command = town.command(shop, **(moment or {"hours": 5}))
    return town.do(receive, command, supplier=STRANGER, lines=[line(product, expires_on)], delivery_note=note)


def record(town: Town) -> date | None:
    """The expiry date of the only lot."""
    with town.store.reading() as session:
        return session.execute(select(lot.c.expires_on)).scalar_one()


def changes(town: Town) -> list[tuple[Any, ...]]:
    """What was changed of lots: (field, old, new, organisation, person)."""
    names = (lot_change.c[name] for name in ("field", "old", "new", "organisation", "person"))
    with town.store.reading() as session:
        return [tuple(row) for row in session.execute(select(*names).order_by(lot_change.c.id))]


def of_two(town: Town) -> tuple[Actor, Actor, str]:
    """A shop, a maker, and a product of the maker's."""
    maker = town.organisation(K.PROCESSOR)
    return town.organisation(), maker, town.product(maker, Category.VEGETABLE)


def test_who_makes_the_lot_says_its_dates_and_what_a_shop_typed_before_is_kept(town: Town) -> None:
    shop, maker, product = of_two(town)
    typed, printed = town.day(-200), town.day(-20)
    received(town, shop, product, typed)
    made = town.lot(maker, product, number="A1", produced_on=None, expires_on=printed)
    assert record(town) == printed
    assert changes(town) == [("expires_on", typed.isoformat(), printed.isoformat(), maker.organisation, None)]
    assert town.stock(maker, made) == (100, 0)


def test_an_output_has_the_dates_its_processor_says(town: Town) -> None:
    shop, maker, product = of_two(town)
    raw = town.lot(maker, town.product(maker), number="RAW")
    received(town, shop, product, town.day(-200))
    outputs = [Batch(NewLot(product, "A1", expires_on=town.day(-20)), Decimal(9))]
    town.do(hops.process, town.command(maker, hours=4), inputs=[Some(raw, Decimal(10))], outputs=outputs)
    assert [(field, new) for field, _, new, *_ in changes(town)] == [("expires_on", town.day(-20).isoformat())]


def test_who_wrote_the_record_corrects_it_while_nobody_made_the_lot(town: Town) -> None:
    shop, _, product = of_two(town)
    received(town, shop, product, town.day(-200))
    received(town, shop, product, town.day(-20))
    assert record(town) == town.day(-20)
    assert [change[1:4] for change in changes(town)] == [
        (town.day(-200).isoformat(), town.day(-20).isoformat(), shop.organisation)
    ]


def test_another_receiver_corrects_nobodys_record(town: Town) -> None:
    shop, _, product = of_two(town)
    received(town, shop, product, town.day(-200))
    with pytest.raises(Conflict) as failure:
        received(town, town.organisation(), product, town.day(-20))
    assert failure.value.field == "lines.0.expires_on"
    assert (record(town), changes(town)) == (town.day(-200), [])


def test_a_receiver_who_disagrees_with_the_maker_is_refused_even_where_they_wrote_the_record(town: Town) -> None:
    shop, maker, product = of_two(town)
    received(town, shop, product, town.day(-200))
    town.lot(maker, product, number="A1", produced_on=None, expires_on=town.day(-20))
    with pytest.raises(Conflict):
        received(town, shop, product, town.day(-200), hours=1)
    assert record(town) == town.day(-20)


def test_a_date_that_was_unknown_is_added_and_the_addition_is_kept(town: Town) -> None:
    _, maker, product = of_two(town)
    town.lot(maker, product, number="A1", produced_on=None)
    town.lot(maker, product, number="A1", produced_on=None, expires_on=town.day(-20))
    assert [change[:3] for change in changes(town)] == [("expires_on", None, town.day(-20).isoformat())]


def test_of_a_correction_and_the_making_at_once_the_makers_date_stands(town: Town) -> None:
    """The row of `lot` decides: whoever comes second reads what the first wrote."""
    shop, maker, product = of_two(town)
    received(town, shop, product, town.day(-200))
    made = Batch(NewLot(product, "A1", expires_on=town.day(-20)), Decimal(9))
    answers = at_once(
        lambda: town.do(hops.commission, town.command(maker, hours=4), batch=made),
        lambda: received(town, shop, product, town.day(-100)),
    )
    assert conflicts(answers[:1]) == 0
    assert record(town) == town.day(-20)
    told = [(old, new) for _, old, new, *_ in changes(town)]
    assert told[-1][1] == town.day(-20).isoformat()
    assert [old for old, _ in told] == [town.day(-200).isoformat(), *(new for _, new in told[:-1])]
