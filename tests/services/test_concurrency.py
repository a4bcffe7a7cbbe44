"""Two at once, with real threads, each in a transaction of its own, on both databases.

All wait at a barrier and then act; what the constraint or lock named in each docstring decides is looked at afterwards.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from storage.tables import (
    alert,
    client_request,
    dispensing,
    dispensing_head,
    event,
    lot,
    organisation,
    product,
    receipt,
)
from tests.services.deliveries import with_codes
from tests.services.test_dispensing import second_sales
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import Conflict, Failure
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services import hops
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot, open_lot
from trace.services.organisations import create_organisation
from trace.services.products import register_product
from trace.services.receiving import Decision, Line, Supplier, receive

K = OrganisationKind


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each call answered, or the failure it ended in; all begin together."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait(timeout=60)
        try:
            return act()
        except Failure as failure:
            return failure

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def conflicts(answers: list[Any]) -> int:
    """How many were refused; anything but an answer or a `Conflict` is no way to end."""
    assert all(isinstance(answer, dict | str | Conflict) for answer in answers), answers
    return sum(isinstance(answer, Conflict) for answer in answers)


def pharmacy(town: Town) -> Actor:
    return town.organisation(K.PHARMACY, role=Role.PHARMACIST)


# ---- receiving -----------------------------------------------------------------------------------------------------


def test_two_clerks_receive_one_delivery_once(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    one, two = town.grown(farm), town.grown(farm)
    town.send(farm, shop, Some(one, Decimal(40)), Some(two, Decimal(10)))
    lines = [Line(code=one, amount=Decimal(40)), Line(code=two, amount=Decimal(10))]
    supplier = Supplier(public_id=town.id_of(farm))

    def clerk(mine: list[Line]) -> Callable[[], Any]:
        return lambda: town.do(receive, town.command(shop, hours=8), supplier=supplier, lines=mine)

    answers = at_once(clerk(lines), clerk(lines[::-1]), clerk(lines), clerk(lines[::-1]))
    assert conflicts(answers) == 3
    assert town.count(receipt) == 1
    assert (town.stock(shop, one), town.stock(shop, two)) == ((40, 0), (10, 0))


def test_two_clerks_receive_one_delivery_of_a_stranger_once(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), lot_number="A1", amount=Decimal(5), reason="known for years")

    def clerk(note: str = "N1") -> Any:
        return town.do(receive, town.command(shop), supplier=STRANGER, lines=[line], delivery_note=note)

    clerk("N0")  # the lot is known from before: no new row of it lines the clerks up
    assert conflicts(at_once(*[clerk] * 4)) == 3
    assert town.count(receipt) == 2


def test_two_clerks_log_the_same_trace_codes_once(town: Town) -> None:
    shop, packs = pharmacy(town), town.packs(3)
    made = town.drugs_at(pharmacy(town), packs)  # all of it is known from before: no new row lines the clerks up
    distributor = town.organisation(K.DRUG_DISTRIBUTOR)
    town.know(shop, distributor)
    supplier = Supplier(public_id=town.id_of(distributor))

    note = (town.paper(shop, CertificateKind.DELIVERY_NOTE),)

    def clerk(codes: tuple[str, ...]) -> Callable[[], Any]:
        lines = [Line(code=made, codes=codes, certificates=note)]
        return lambda: town.do(receive, town.command(shop), supplier=supplier, lines=lines)

    assert conflicts(at_once(*[clerk(packs), clerk(packs[::-1])] * 2)) == 3
    assert [town.stock(shop, code) for code in packs] == [(1, 0)] * 3


def test_two_shops_bring_the_same_new_lots_in_another_order(town: Town) -> None:
    """Without an order of their own each would open what the other waits for, and PostgreSQL would end one of them."""
    shops = [town.organisation(), town.organisation()]
    lines = [
        Line(product=town.product(shops[0]), lot_number="N1", amount=Decimal(1), decision=Decision.HOLD, reason="new")
        for _ in range(40)
    ]

    def shop(number: int, mine: list[Line]) -> Callable[[], Any]:
        return lambda: town.do(receive, town.command(shops[number]), supplier=STRANGER, lines=mine)

    at_once(shop(0, lines), shop(1, lines[::-1]))
    assert town.count(receipt) == 2


# ---- selling and dispensing ----------------------------------------------------------------------------------------


def test_two_sales_of_the_last_kilogram_sell_it_once(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 1)

    def counter() -> Any:
        return town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(1))])

    assert conflicts(at_once(*[counter] * 6)) == 5
    assert town.stock(shop, made) == (0, 0)


def test_two_clerks_take_back_the_last_kilogram_once(town: Town) -> None:
    """The guarded update of the shop's stock row decides (`storage.stock.take_back`)."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 3)
    town.do(hops.sell, town.command(shop, hours=1), goods=[Some(made, Decimal(1))])

    def clerk() -> Any:
        return town.do(hops.take_back, town.command(shop), goods=[Some(made, Decimal(1))])

    assert conflicts(at_once(*[clerk] * 6)) == 5
    assert town.stock(shop, made) == (2, 1)


def test_two_counters_dispense_one_code_once(town: Town) -> None:
    shop, (code,) = pharmacy(town), town.packs(1)
    town.drugs_at(shop, (code,))

    def counter() -> Any:
        return town.do(dispense, town.command(shop), codes=[code])

    assert conflicts(at_once(*[counter] * 4)) == 3
    assert (town.count(dispensing), town.count(alert), town.stock(shop, code)) == (1, 0, (0, 0))


def test_two_shops_dispense_one_code_and_exactly_one_alert_is_raised(town: Town) -> None:
    one, two, packs = pharmacy(town), pharmacy(town), town.packs(2)
    made = town.drugs_at(one, packs)
    note = (town.paper(two, CertificateKind.DELIVERY_NOTE),)
    town.arrive(town.organisation(K.DRUG_DISTRIBUTOR), two, Line(code=made, codes=packs, certificates=note))
    answers = at_once(
        lambda: town.do(dispense, town.command(one), codes=packs),
        lambda: town.do(dispense, town.command(two), codes=packs[::-1]),
    )
    assert conflicts(answers) == 0
    assert sorted(len(answer["alerts"]) for answer in answers) == [0, 2]  # one of the two saw both codes sold twice
    assert town.count(dispensing) == 4
    for shop in (one, two):
        assert [len(told["sales"]) for told in second_sales(town, shop)] == [2, 2]


def test_two_counters_take_one_pack_back_once(town: Town) -> None:
    shop, (code,) = pharmacy(town), town.packs(1)
    town.drugs_at(shop, (code,))
    town.do(dispense, town.command(shop, hours=1), codes=[code])

    def counter() -> Any:
        return town.do(take_back_packs, town.command(shop), codes=[code])

    answers = at_once(*[counter] * 3)
    assert sum(isinstance(answer, Failure) for answer in answers) == 2
    assert town.stock(shop, code) == (0, 1)
    with town.store.reading() as session:
        assert session.scalars(select(dispensing_head.c.open_sales)).one() == 0


# ---- once ----------------------------------------------------------------------------------------------------------


def test_one_client_key_from_eight_threads_acts_once_and_answers_alike(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    before = town.count(event)

    def client() -> Any:
        return town.do(hops.sell, town.command(shop, key="offline-7"), goods=[Some(made, Decimal(1))])

    answers = at_once(*[client] * 8)
    assert conflicts(answers) == 0
    assert all(answer == answers[0] for answer in answers)
    assert town.stock(shop, made) == (9, 0)
    assert (town.count(event) - before, town.count(client_request)) == (1, 1)


def test_when_the_first_of_a_key_fails_the_next_acts_itself(town: Town) -> None:
    """Who comes second waits for the row of the first and, when that is rolled back, is the first."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 1)
    goods = [Some(made, Decimal(1))]
    arrived, answers = threading.Event(), []

    def second() -> None:
        arrived.set()
        answers.append(town.do(hops.sell, town.command(shop, key="k"), goods=goods))

    other = threading.Thread(target=second)
    try:
        with town.store.writing() as session:
            hops.sell(session, town.command(shop, key="k"), goods=goods)
            other.start()
            arrived.wait(timeout=60)
            raise ConnectionError
    except ConnectionError:
        other.join(timeout=60)
    assert len(answers) == 1
    assert town.stock(shop, made) == (0, 0)


# ---- registering ---------------------------------------------------------------------------------------------------


def test_two_registrations_of_one_product_are_one_product(town: Town) -> None:
    shops = [town.organisation() for _ in range(4)]

    def register(shop: Actor, code: str) -> Callable[[], Any]:
        return lambda: town.do(
            register_product, actor=shop, name="酱油", category=Category.PACKAGED_FOOD, unit="EA", now=NOW, code=code
        )["id"]

    answers = at_once(*(register(shop, "6901234567892") for shop in shops))
    assert len(set(answers)) == 1
    assert town.count(product) == 1


def test_two_registrations_of_one_plu_in_one_shop_are_one_product(town: Town) -> None:
    shop = town.organisation()

    def register() -> Any:
        return town.do(
            register_product, actor=shop, name="番茄", category=Category.VEGETABLE, unit="KGM", now=NOW,
            code="2112345015002",
        )["id"]  # fmt: skip

    assert len(set(at_once(*[register] * 4))) == 1
    assert town.count(product) == 1


def test_two_registrations_of_one_organisation_are_one_and_a_refusal(town: Town) -> None:
    def register(name: str) -> Callable[[], Any]:
        return lambda: town.do(
            create_organisation, name=name, kind=K.FARM, region="640502", now=NOW, uscc="91640502MA7TE5T19M"
        )

    assert conflicts(at_once(register("one"), register("two"), register("one"))) == 2
    assert town.count(organisation) == 1


def test_two_records_of_one_lot_are_one_lot(town: Town) -> None:
    shops = [town.organisation() for _ in range(4)]
    new = NewLot(town.product(shops[0]), "A1", expires_on=town.day(-5))

    def record(shop: Actor) -> Callable[[], Any]:
        return lambda: town.do(open_lot, new, actor=shop, now=NOW)

    assert len(set(at_once(*map(record, shops)))) == 1
    assert town.count(lot) == 1


def test_two_makers_of_one_lot_are_one_maker_and_a_refusal(town: Town) -> None:
    makers = [town.organisation(K.DRUG_MAKER), town.organisation(K.DRUG_MAKER)]
    new, packs, shop = NewLot(town.drug(makers[0]), "A1"), town.packs(2), pharmacy(town)
    line = Line(product=new.product, lot_number="A1", decision=Decision.HOLD, reason="no papers")
    town.do(
        receive, town.command(shop, hours=3), supplier=STRANGER, lines=[with_codes(line, packs)]
    )  # known before: no row is new

    def make(maker: Actor) -> Callable[[], Any]:
        return lambda: town.do(hops.commission, town.command(maker), batch=Batch(new, Decimal(2), codes=packs))

    assert conflicts(at_once(*map(make, makers))) == 1
    assert sorted(town.stock(maker, packs[0])[0] for maker in makers) == [0, 1]
