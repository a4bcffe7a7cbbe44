"""Sales by lot and by product: attributed to open lots, marked so, and told apart in a recall."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from storage.events import find_idents
from storage.tables import attributed_lot, attributed_sale, event_document, stock
from tests.services.test_concurrency import at_once
from tests.services.test_query_costs import counted
from tests.services.test_shop_codes import write_profile
from tests.town import Town
from trace.domain.failures import Conflict, Failure, Invalid
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.commands import Some
from trace.services.hops import hold
from trace.services.lots import find_lots
from trace.services.receiving import Line, Supplier, receive
from trace.services.repacking import Portion, repack
from trace.services.sales import LotSales, possible_sales, sell_goods
from trace.services.till_lines import Sold
from trace.services.undoing import undo_events

K = OrganisationKind
M = 1_000_000


def shelf(town: Town, *ends: int, amount: str = "10") -> tuple[Actor, str, list[str]]:
    """A shop with lots of one product that end in so many days: (shop, product, lots)."""
    shop = town.organisation()
    product = town.product(shop, Category.VEGETABLE)
    return shop, product, [town.lot(shop, product, amount, expires_on=town.day(-days)) for days in ends]


def sold_of(town: Town, shop: Actor, lots: list[str]) -> list[int]:
    """What stock says was sold of each lot, millionths."""
    with town.store.reading() as session:
        ids = find_idents(session, lots)
        query = select(stock.c.item, stock.c.sold).where(stock.c.organisation == shop.organisation)
        rows = dict(session.execute(query).tuples().all())
    return [rows[ids[uri]] for uri in lots]


def told(town: Town, lots: list[str]) -> list[LotSales]:
    """What a recall would tell of each lot, by whoever came to the town last: the shop, not the farm."""
    with town.store.reading() as session:
        ids = find_idents(session, lots)
        found = {item: sales for (_, item, _), sales in sorted(possible_sales(session, ids.values()).items())}
    return [found[ids[uri]] for uri in lots]


def sell(town: Town, shop: Actor, *sold: Sold, key: str | None = None, **moment: float) -> dict[str, Any]:
    """Record sales."""
    return dict(town.do(sell_goods, town.command(shop, key, **moment), sold=sold))


def test_what_names_a_product_only_is_taken_from_the_lot_that_expires_first_and_marked_so(town: Town) -> None:
    shop, product, (late, early) = shelf(town, 9, 3)
    done = sell(town, shop, Sold(product=product, amount=Decimal("12.5")))
    assert sold_of(town, shop, [late, early]) == [int(2.5 * M), 10 * M]
    assert [entry["lot"] for entry in done["sales"][0]["lots"]] == [early, late]
    with town.store.reading() as session:
        (number,) = session.scalars(select(attributed_sale.c.event))
        document = session.execute(
            select(event_document.c.document).where(event_document.c.event == number)
        ).scalar_one()
    assert b'"sunshine:attributedBy":"fefo"' in bytes(document)


def test_a_recall_tells_certain_and_possible_sales_apart(town: Town) -> None:
    shop, product, (first, second) = shelf(town, 3, 9)
    sell(town, shop, Sold(code=first, amount=Decimal(2)))
    sell(town, shop, Sold(product=product, amount=Decimal(4)))
    assert told(town, [first, second]) == [LotSales(2 * M, 4 * M, 4 * M), LotSales(0, 0, 4 * M)]


def test_a_lot_sold_out_by_the_books_may_still_lie_on_the_shelf_for_a_week(town: Town) -> None:
    shop, product, (first, second) = shelf(town, 3, 9, amount="4")
    sell(town, shop, Sold(product=product, amount=Decimal(4)), days=1)
    sell(town, shop, Sold(product=product, amount=Decimal(1)))
    with town.store.reading() as session:
        ids = find_idents(session, [first, second])
        rows = set(session.execute(select(attributed_lot.c.item, attributed_lot.c.amount)).tuples())
    assert rows == {(ids[first], 4 * M), (ids[second], 0), (ids[first], 0), (ids[second], M)}


def test_more_than_is_on_the_shelf_is_refused_but_for_what_two_scales_differ_by(town: Town) -> None:
    shop, product, lots = shelf(town, 3)
    refusal = town.refuses(
        Conflict, sell_goods, town.command(shop), sold=[Sold(product=product, amount=Decimal("10.5"))]
    )
    assert refusal.values["on_hand"] == "10"
    assert refusal.field == "sold.0.amount"
    sell(town, shop, Sold(product=product, amount=Decimal("10.1")))
    assert sold_of(town, shop, lots) == [10 * M]


def test_what_is_held_or_expired_is_on_no_shelf(town: Town) -> None:
    shop, product, (held, expired) = shelf(town, 3, -1)
    town.do(hold, town.command(shop), goods=[Some(held, Decimal(10))], reason="抽检")
    for lot in (held, expired):
        town.refuses(Conflict, sell_goods, town.command(shop), sold=[Sold(code=lot, amount=Decimal(1))])
    refusal = town.refuses(Conflict, sell_goods, town.command(shop), sold=[Sold(product=product, amount=Decimal(1))])
    assert refusal.values["on_hand"] == "0"


def test_a_till_report_is_all_or_nothing_and_once(town: Town) -> None:
    shop, product, lots = shelf(town, 3)
    good = Sold(product=product, amount=Decimal(1))
    for bad in (Sold(code="6901028075763", amount=Decimal(1)), Sold(product=product), Sold(code=lots[0])):
        town.refuses(Invalid, sell_goods, town.command(shop), sold=[good, bad])
    assert sold_of(town, shop, lots) == [0]
    answers = [sell(town, shop, good, good, key="till 7, 18:00") for _ in range(2)]
    assert answers[0] == answers[1]
    assert sold_of(town, shop, lots) == [2 * M]


def test_two_tills_at_once_never_sell_the_same_kilogram(town: Town) -> None:
    shop, product, lots = shelf(town, 3, 9, amount="5")
    start, refusals = threading.Barrier(4), []

    def till() -> None:
        start.wait()
        for _ in range(3):
            try:
                sell(town, shop, Sold(product=product, amount=Decimal(1)))
            except Failure as failure:
                refusals.append(failure)

    threads = [threading.Thread(target=till) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sold_of(town, shop, lots) == [5 * M, 5 * M]
    assert len(refusals) == 2
    assert {type(failure) for failure in refusals} == {Conflict}


def test_a_mix_ends_with_the_first_of_its_sources_and_is_sold_with_a_certificate_only(town: Town) -> None:
    shop, _, (late, early) = shelf(town, 9, 3)
    some = [Some(late, Decimal(4)), Some(early, Decimal(6))]
    done = town.do(repack, town.command(shop), inputs=some, portions=[Portion(Decimal("9.5"))])
    (mix,) = done["lots"]
    refusal = town.refuses(Conflict, repack, town.command(shop), inputs=some[:1], portions=[Portion(Decimal("4.5"))])
    assert refusal.field == "outputs"
    uncertified = town.refuses(Conflict, sell_goods, town.command(shop), sold=[Sold(code=mix, amount=Decimal(1))])
    assert uncertified.details["rule"] == "R6"
    with town.store.reading() as session:
        assert find_lots(session, [mix])[mix].expires_on == town.day(-3)


def test_a_lot_and_the_product_it_is_of_are_sold_in_one_report(town: Town) -> None:
    shop, product, lots = shelf(town, 3, 9)
    more = [
        Sold(code=lots[0], amount=Decimal(2)),
        Sold(product=product, amount=Decimal(9)),
        Sold(code=lots[1], amount=Decimal(1)),
    ]
    sell(town, shop, *more)
    assert sold_of(town, shop, lots) == [10 * M, 2 * M]
    assert told(town, lots) == [LotSales(2 * M, 8 * M, 8 * M), LotSales(M, M, 9 * M)]


def test_a_label_of_the_shops_own_scale_says_how_much_is_sold(town: Town) -> None:
    shop = town.organisation()
    write_profile(town, shop)
    label, priced = "2112340015004", "2212340015003"  # 1.5 kg of PLU 1234; five digits of no known measure
    apples = town.product(shop, code=label)
    lot = town.lot(shop, apples, 10)
    sell(town, shop, Sold(code=label), Sold(code=label))
    assert sold_of(town, shop, [lot]) == [3 * M]
    town.product(shop, code=priced)
    refusal = town.refuses(Invalid, sell_goods, town.command(shop), sold=[Sold(code=priced)])
    assert refusal.field == "sold.0.amount"


def test_a_pack_whose_serial_was_never_recorded_is_sold_as_one_of_its_lot_or_product(town: Town) -> None:
    shop = town.organisation()
    milk = town.product(shop, Category.PACKAGED_FOOD, "EA", code="6901028075763")
    lot = town.lot(shop, milk, 10, number="L1")
    codes = ("(01)06901028075763(10)L1(21)77", "(01)06901028075763(21)78", "(01)06901028075763(10)L1", "6901028075763")
    done = sell(town, shop, *(Sold(code=code) for code in codes))
    assert sold_of(town, shop, [lot]) == [4 * M]
    assert [sale["amount"] for sale in done["sales"]] == ["2"]


def test_first_in_first_out_goes_by_when_a_lot_came_to_this_shop(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    product = town.product(farm)
    old, new = town.grown(farm, product=product), town.grown(farm, product=product)
    for lot, hours in ((new, 9), (old, 2)):  # what was harvested last came first
        town.send(farm, shop, Some(lot, Decimal(10)))
        town.know(shop, farm)
        supplier = Supplier(public_id=town.id_of(farm))
        town.do(receive, town.command(shop, hours=hours), supplier=supplier, lines=[Line(code=lot, amount=Decimal(10))])
    sell(town, shop, Sold(product=product, amount=Decimal(4)), hours=1)
    assert sold_of(town, shop, [old, new]) == [0, 4 * M]
    # Before the older one came, only the other can have been sold; where it is not enough, a delivery was typed late.
    sell(town, shop, Sold(product=product, amount=Decimal(5)), hours=3)
    assert told(town, [old, new]) == [LotSales(0, 0, 4 * M), LotSales(0, 9 * M, 9 * M)]
    sell(town, shop, Sold(product=product, amount=Decimal(2)), hours=3)
    assert sold_of(town, shop, [old, new]) == [M, 10 * M]


def test_what_is_held_later_may_have_been_sold_before(town: Town) -> None:
    shop, product, (first, second) = shelf(town, 3, 9)
    sell(town, shop, Sold(product=product, amount=Decimal(4)), hours=2)
    town.do(hold, town.command(shop), goods=[Some(second, Decimal(10))], reason="抽检")
    assert told(town, [first, second]) == [LotSales(0, 4 * M, 4 * M), LotSales(0, 0, 4 * M)]
    sell(town, shop, Sold(product=product, amount=Decimal(1)), hours=1)  # reported in the evening
    assert told(town, [second]) == [LotSales(0, 0, 5 * M)]


def test_an_attributed_sale_that_is_undone_was_none(town: Town) -> None:
    shop, product, lots = shelf(town, 3)
    done = sell(town, shop, Sold(product=product, amount=Decimal(4)))
    town.do(undo_events, town.command(shop), event_ids=done["events"])
    assert told(town, lots) == [LotSales(0, 0, 0)]
    assert sold_of(town, shop, lots) == [0]


def test_two_tills_that_name_lot_and_product_crosswise_do_not_block_each_other(town: Town) -> None:
    shop = town.organisation()
    products = [town.product(shop) for _ in range(2)]
    lots = [town.lot(shop, product, 100) for product in products]

    def till(mine: int) -> Callable[[], object]:
        sold = [Sold(product=products[mine], amount=Decimal(1)), Sold(code=lots[1 - mine], amount=Decimal(1))]
        return lambda: [sell(town, shop, *sold) for _ in range(4)]

    assert [one for one in at_once(till(0), till(1)) if isinstance(one, Exception)] == []
    assert sold_of(town, shop, lots) == [8 * M, 8 * M]


def test_a_report_of_many_products_and_lots_takes_few_statements(town: Town) -> None:
    def statements(products: int, lots: int) -> int:
        shop = town.organisation()
        made = [town.product(shop) for _ in range(products)]
        for product in made:
            for _ in range(lots):
                town.lot(shop, product, 1)
        sold = [Sold(product=product, amount=Decimal(lots)) for product in made]
        return len(counted(town, lambda: sell(town, shop, *sold))[1])

    few = statements(2, 1)
    assert statements(2, 12) <= few + 2
    assert statements(8, 1) <= few + 6  # each product is looked up
