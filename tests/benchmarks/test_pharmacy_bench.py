"""The measurements of the pharmacy run at a small size: what they fill in is what the shop's own services read."""

import pytest
from sqlalchemy import select

from benchmarks import dispense, pharmacy_year
from benchmarks.__main__ import main
from benchmarks.pharmacy_delivery import measure_delivery
from benchmarks.pharmacy_year_data import PACKS_A_LOT, fill_year
from storage.event_keys import find_keyed
from storage.store import Store
from storage.tables import event
from tests.conftest import Databases, make_database
from tests.town import NOW
from trace.domain.permissions import Actor
from trace.services.balance import mass_balance
from trace.services.drug_sales import list_sales
from trace.services.keys import find_actor_by_key
from trace.services.stock_list import Shelf, StockQuery, stock_page


def test_the_counter_is_measured_over_a_store_of_many_codes(databases: Databases) -> None:
    url = make_database(databases, "postgresql")
    counter = dispense.measure_counter(url, 4_000, checks=60, sales=10, warm=2)
    assert (counter["codes"], counter["shops"]) == (4_000, 10)
    assert {"ready", "sale"} <= counter["verdicts"].keys() <= {"ready", "sold", "held", "not_here", "sale"}
    assert counter["check"]["clock"]["p50"] > 0 < counter["sale"]["clock"]["p50"]
    delivery = measure_delivery(codes=60, times=1)
    told = dispense.lines({"counter": counter, "delivery": delivery})
    assert [line.split(":")[0] for line in told[2:]] == [
        "  sale of one or two packs, 10 times",
        "  answers",
        "SQLite, a delivery of 60 codes accepted in one request",
    ]


def test_a_store_with_fewer_packs_on_its_shelves_than_are_sold_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"--codes takes 10,000 or more"):
        main(["dispense", "--codes", "1000"])


def test_a_year_that_was_filled_in_agrees_with_itself(store: Store) -> None:
    year = fill_year(store, 20 * PACKS_A_LOT, NOW)
    with store.reading() as session:
        shop = find_actor_by_key(session, year.key)
        assert isinstance(shop, Actor)
        balance = mass_balance(session, actor=shop)
        assert sum(row["came"] for row in balance) == 20 * PACKS_A_LOT
        assert {row["difference"] for row in balance} == {0}
        lots = stock_page(session, actor=shop, query=StockQuery(shelf=Shelf.OPEN, limit=100), on=NOW.date())["stock"]
        assert sum(row["on_hand"] for row in lots) == sum(row["on_hand"] for row in balance) > 0
        assert len(list_sales(session, actor=shop, now=NOW, limit=5)) == 5
        keys = session.scalars(select(event.c.id_key)).all()
        assert len(find_keyed(session, keys)) == len(keys) > 0


def test_every_page_of_a_pharmacys_year_is_asked_for_and_answers() -> None:
    found = pharmacy_year.measure_year(3 * PACKS_A_LOT, times=1)
    assert found["refused"] == {}
    assert {"/pharmacy", "/station/stock", "/records"} <= found["addresses"].keys()
    assert all(took > 0 for took in found["addresses"].values())
    assert pharmacy_year.lines(found)
