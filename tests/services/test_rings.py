"""Rings that PostgreSQL would have to break: who sells, makes, holds and recalls takes rows in one order.

One transaction is stopped half-way; the other begins and waits; then the first goes on with what the other would have
had in the wrong order. No call is run again here: a deadlock would be raised.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import storage
from storage.bulk import MANY
from storage.events import find_idents, lock_items, share_items
from storage.tables import ident
from tests.conftest import Databases
from tests.storage.test_events import new, store_all
from tests.town import Town
from trace.domain.epcis.vocabulary import WORDS
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services import hops
from trace.services.dispensing import dispense
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.recalls import hold_lot

WAITS = "SELECT count(*) FROM pg_stat_activity CROSS JOIN pg_sleep(0.01) WHERE :pid = ANY(pg_blocking_pids(pid))"

WAIT_FOR_ANY = """SELECT count(*) FROM pg_stat_activity CROSS JOIN pg_sleep(0.01)
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
def town(databases: Databases) -> Iterator[Town]:
    """A town on PostgreSQL, the only one of the two that lets two write at once."""
    with databases.lend("postgresql") as url:
        store = storage.open_store(url)
        yield Town(store)
        store.close()


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Threads for what happens at the same time."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def wait_for_one(town: Town, session: Session, *done: Future[Any]) -> None:
    """Come back as soon as somebody waits for this session's transaction; or is done, and never waited."""
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    with town.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as look:
        while not look.scalar(text(WAITS), {"pid": pid}) and not any(one.done() for one in done):
            pass


def wait_for_both(town: Town, *done: Future[Any]) -> None:
    """Come back as soon as these two wait, for whomever; or one is done, and never waited."""
    with town.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as look:
        while look.scalar(text(WAIT_FOR_ANY)) != len(done) and not any(one.done() for one in done):
            pass


def numbers(town: Town, *uris: str) -> list[int]:
    with town.store.reading() as session:
        found = find_idents(session, uris)
    return [found[uri] for uri in uris]


def test_a_basket_of_packs_and_of_goods_without_code_waits_in_the_order_of_the_lots(
    town: Town, beside: ThreadPoolExecutor
) -> None:
    shop = town.organisation(OrganisationKind.PHARMACY, role=Role.PHARMACIST)
    loose, packs = town.lot(shop, town.drug(shop), 5), town.packs(1)
    low, high = numbers(town, loose, town.drugs_at(shop, packs))
    assert low < high

    def sell() -> Any:
        goods = [Some(loose, Decimal(1))]
        return town.do(dispense, town.command(shop), codes=packs, goods=goods, no_code_reason="legacy")

    with town.store.writing() as holder:
        lock_items(holder, [low])
        sale = beside.submit(sell)
        wait_for_one(town, holder, sale)
        lock_items(holder, [high])  # of a basket that takes its packs first this would close the ring
        holder.rollback()
        assert len(sale.result(timeout=30)["events"]) == 2


def test_what_is_made_while_its_goods_are_waited_for_is_held_in_the_order_of_the_lots(
    town: Town, beside: ThreadPoolExecutor
) -> None:
    shop = town.organisation()
    into = town.product(shop)
    soup = town.lot(shop, into, 5, number="S1")  # its second batch is what the hold finds late
    raw = town.lot(shop, town.product(shop), 100)
    low, high = numbers(town, soup, raw)
    assert low < high
    more = [Batch(NewLot(into, "S1"), Decimal(2))]
    with town.store.writing() as first, town.store.writing() as basket:
        share_items(first, [high])
        hold = beside.submit(lambda: town.do(hold_lot, town.command(shop), lot=raw, reason="smell"))
        wait_for_one(town, first, hold)
        town.do(hops.process, town.command(shop), inputs=[Some(raw, Decimal(2))], outputs=more)
        share_items(basket, [low])
        first.rollback()
        wait_for_one(town, basket, hold)
        share_items(basket, [high])  # of a hold that keeps what it has and wants more this would close the ring
        basket.rollback()
        assert hold.result(timeout=30)["lots"] == 2
    assert (town.stock(shop, soup)[0], town.stock(shop, raw)[0]) == (0, 0)


def test_the_words_of_all_events_are_known_before_the_first(town: Town) -> None:
    shop = town.organisation()
    with town.store.reading() as session:
        assert set(find_idents(session, WORDS)) == set(WORDS)
        assert shop.party_uri in find_idents(session, [shop.party_uri])
        before = session.scalar(select(func.count()).select_from(ident))
    lot = town.lot(shop, town.product(shop), number="L1")
    town.do(hold_lot, town.command(shop), lot=lot, reason="smell")
    with town.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(ident)) == before + 1, "the lot, and nothing else"


def test_two_who_make_each_of_what_the_other_makes_wait_in_the_order_of_the_lots(
    town: Town, beside: ThreadPoolExecutor
) -> None:
    shop = town.organisation()
    into = town.product(shop)
    low, high = town.lot(shop, into, 9, number="S1"), town.lot(shop, town.product(shop), 9)
    first, second = numbers(town, low, high)
    assert first < second
    more = [Batch(NewLot(into, "S1"), Decimal(1))]
    with town.store.writing() as other:
        share_items(other, [first])
        made = beside.submit(
            lambda: town.do(hops.process, town.command(shop), inputs=[Some(high, Decimal(1))], outputs=more)
        )
        wait_for_one(town, other, made)
        lock_items(other, [second])  # of a maker that takes its goods first this would close the ring
        other.rollback()
        assert made.result(timeout=30)["lots"] == [low]


def test_two_who_capture_the_same_events_add_them_in_one_order(town: Town, beside: ThreadPoolExecutor) -> None:
    shop = town.organisation()
    made = [new(number, shop, []) for number in range(MANY)]

    def add(step: int) -> int:
        with town.store.writing() as session:
            return len(store_all(session, made[::step]))

    with town.store.writing() as holder:
        store_all(holder, [made[MANY // 2]])
        forth = beside.submit(add, 1)
        wait_for_one(town, holder, forth)
        back = beside.submit(add, -1)  # in the order in which it has them it would take what the other wants next
        wait_for_both(town, forth, back)
        holder.rollback()
    assert (forth.result(timeout=30), back.result(timeout=30)) == (MANY, 0)
