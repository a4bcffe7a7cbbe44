"""Stock as the desks see it, and questions longer than one statement may be."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from storage import stock as stock_store
from storage.events import find_idents, lock_items, makers_of, uris_of
from tests.services.deliveries import with_codes
from tests.town import STRANGER, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.stock import Balance
from trace.services import hops
from trace.services.balance import mass_balance
from trace.services.certificates import papers_of
from trace.services.hops import Some
from trace.services.lots import drugs_among, find_lots, lots_of
from trace.services.receiving import Decision, Line, receive
from trace.services.returning import takers_of
from trace.services.stock_list import Shelf, StockQuery, list_stock, stock_page

K = OrganisationKind
MANY = 40_000  # more than the 32,766 parameters that one statement of SQLite takes


def test_stock_is_listed_by_lot_with_what_expires_first_on_top(town: Town) -> None:
    shop = town.organisation()
    later = town.lot(shop, town.product(shop, name="later"), 5, expires_on=town.day(-9))
    never = town.lot(shop, town.product(shop, name="never"), 6)
    sooner = town.lot(shop, town.product(shop, name="sooner"), 7, expires_on=town.day(-3))
    gone = town.lot(shop, town.product(shop, name="gone"), 1)
    town.do(hops.sell, town.command(shop, hours=2), goods=[Some(gone, Decimal(1))])
    town.do(hops.hold, town.command(shop, hours=1), goods=[Some(later, Decimal(2))], reason="dented")
    listed = town.do(list_stock, actor=shop)
    assert [(row["lot"], row["on_hand"], row["held"]) for row in listed] == [
        (sooner, 7, 0),
        (later, 3, 2),
        (never, 6, 0),
    ]


def test_single_packs_are_counted_together_with_their_lot(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(3)
    made = town.drugs_at(shop, packs)
    town.do(hops.hold, town.command(shop), goods=[Some(packs[0])], reason="crushed")
    (row,) = town.do(list_stock, actor=shop, category="drug")
    assert (row["lot"], row["on_hand"], row["held"], row["unit"]) == (made, 2, 1, "EA")
    assert town.do(list_stock, actor=shop, category="pork") == []


def test_nobody_sees_anothers_stock(town: Town) -> None:
    shop = town.organisation()
    town.lot(shop, town.product(shop), 5)
    assert town.do(list_stock, actor=town.organisation()) == []


def shown(town: Town, shop: Actor, **query: Any) -> list[str]:
    page = town.do(stock_page, actor=shop, query=StockQuery(**query), on=town.day(0))
    return [row["lot_number"] for row in page["stock"]]


def test_stock_is_found_by_state_category_and_text_and_an_earlier_lot_is_named(town: Town) -> None:
    shop = town.organisation()
    milk = town.product(shop, Category.PACKAGED_FOOD, name="milk 100%", shelf_life_days=40)
    kale = town.product(shop, name="kale")
    soon = town.lot(shop, milk, 5, number="soon", expires_on=town.day(-10))
    late = town.lot(shop, milk, 5, number="late", expires_on=town.day(-11))
    town.lot(shop, milk, 5, number="over", produced_on=town.day(41), expires_on=town.day(1))
    loose = town.lot(shop, kale, 3, number="loose")
    sold = town.lot(shop, kale, 3, number="none")
    town.do(hops.sell, town.command(shop), goods=[Some(sold, Decimal(3))])
    town.do(hops.hold, town.command(shop), goods=[Some(loose, Decimal(1))], reason="wet")
    assert shown(town, shop) == ["over", "soon", "late", "loose"]
    assert shown(town, shop, shelf=Shelf.NEAR) == ["soon"]  # ten days of forty; the eleventh is not near yet
    assert shown(town, shop, shelf=Shelf.EXPIRED) == ["over"]
    assert shown(town, shop, shelf=Shelf.HELD) == ["loose"]
    assert shown(town, shop, shelf=Shelf.GONE) == ["none"]
    assert shown(town, shop, category="packaged_food") == ["over", "soon", "late"]
    assert shown(town, shop, text="0%") == shown(town, shop, text="MILK") == ["over", "soon", "late"]
    assert shown(town, shop, text=late) == ["late"]
    rows = {row["lot"]: row for row in town.do(stock_page, actor=shop, query=StockQuery(), on=town.day(0))["stock"]}
    assert rows[late]["earlier"] == {"lot_number": "soon", "expires_on": town.day(-10)}
    assert rows[soon]["earlier"] is rows[loose]["earlier"] is None
    done = town.do(hops.sell, town.command(shop), goods=[Some(late, Decimal(1)), Some(loose, Decimal(1))])
    assert done["earlier"] == [{"lot": late, "lot_number": "soon", "expires_on": town.day(-10).isoformat()}]
    assert "earlier" not in town.do(hops.sell, town.command(shop), goods=[Some(soon, Decimal(1))])


def test_stock_is_told_page_by_page_and_a_made_up_page_is_refused(town: Town) -> None:
    shop = town.organisation()
    for number in range(5):
        town.lot(shop, town.product(shop, name=f"p{number % 2}"), 1, number=str(number))
    pages, after = [], None
    for _ in range(3):
        page = town.do(stock_page, actor=shop, query=StockQuery(after=after, limit=2), on=town.day(0))
        pages.append([row["lot_number"] for row in page["stock"]])
        after = page["next"]
    assert (pages, after) == ([["0", "2"], ["4", "1"], ["3"]], None)
    for made_up in ("x", "W10", "WyIyMDI2LTAxLTAxIiwgIngiLCA5OTk5OTk5OTk5OTk5OTk5OTk5OSwgIkVBIl0", "é"):
        query = StockQuery(after=made_up)
        assert town.refuses(Invalid, stock_page, actor=shop, query=query, on=town.day(0)).field == "after"


def test_what_came_is_told_with_where_all_of_it_is(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    product = town.product(shop, name="leek")
    made = town.lot(shop, product, "10.000001")
    town.send(shop, other, Some(made, Decimal(1)))
    town.send(shop, other, Some(made, Decimal(2)), returned=True)
    town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal("0.000001"))])
    town.do(hops.sample, town.command(shop), goods=[Some(made, Decimal(3))])
    town.do(hops.hold, town.command(shop), goods=[Some(made, Decimal("0.5"))], reason="wet")
    town.arrive(other, shop, Line(code=made, amount=Decimal(1), decision=Decision.HOLD, reason="no papers"))
    (row,) = town.do(mass_balance, actor=shop)
    assert row.pop("product")["name"] == "leek"
    assert row == {
        "unit": "KGM", "came": Decimal("11.000001"), "on_hand": Decimal("3.5"), "held": Decimal("1.5"),
        "sold": Decimal("0.000001"), "sent": 1, "returned": 2, "destroyed": 0, "used": 3, "missing": 0, "difference": 0,
    }  # fmt: skip
    assert town.do(mass_balance, actor=town.organisation()) == []


def test_questions_may_name_more_things_than_one_statement_takes(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 5)
    uris = [*(f"https://id.gs1.org/01/06901234567892/10/{n}" for n in range(MANY)), made]
    with town.store.writing() as session:
        ids = find_idents(session, uris)
        numbers = [*range(1_000_000, 1_000_000 + MANY), ids[made]]
        assert set(find_lots(session, uris)) == {made}
        assert len(lots_of(session, uris)) == MANY + 1
        assert drugs_among(session, uris, seen_by=shop.organisation) == []
        assert papers_of(session, numbers) == {}
        assert uris_of(session, numbers) == {ids[made]: made}
        assert makers_of(session, numbers) == {ids[made]: {shop.organisation}}
        assert stock_store.known_lots(session, numbers) == {ids[made]: ids[made]}
        assert stock_store.items_here(session, shop.organisation, numbers) == {ids[made]}
        assert stock_store.lock_transit(session, sender=1, receiver=2, items=numbers) == {}
        lock_items(session, numbers)


def test_of_two_words_about_a_packs_lot_ones_own_counts(town: Town) -> None:
    (code,) = town.packs(1)
    shops = [town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)]
    product = town.drug(shops[0])
    for shop, number in zip(shops, ("B1", "B2"), strict=True):
        line = Line(
            product=product, lot_number=number, decision=Decision.HOLD, reason="no papers",
        )  # fmt: skip
        town.do(receive, town.command(shop), supplier=STRANGER, lines=[with_codes(line, (code,))])
    with town.store.reading() as session:
        said = [lots_of(session, [code], seen_by=shop.organisation)[code] for shop in shops]
    assert [lot.rpartition(".")[2] for lot in said] == ["B1", "B2"]


def test_two_captures_of_the_same_new_goods_add_up(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 5)
    with town.store.writing() as session:
        item = find_idents(session, [made])[made]
        here = (session, shop.organisation)
        key, other = (item, "KGM"), (item, "EA")
        there, new = Balance(5_000_000, came=5_000_000), Balance(8, came=8)
        locked = stock_store.lock_stock(*here, [key, other], arriving={key: (item, new), other: (item, new)})
        assert locked == ({key: there}, {other: new})
        whole = Balance(1, 2, 3, 28, 4, 5, 6, 7)
        stock_store.set_balances(*here, {other: whole})
        assert stock_store.lock_stock(*here, [other], arriving={other: (None, new)}) == ({other: whole}, {})
        assert stock_store.lock_stock(*here, [(item, "LTR")], arriving={}) == ({}, {})


def test_what_arrives_before_it_was_sent_is_below_nothing_and_a_crumb_is_nothing(town: Town) -> None:
    sender, receiver = town.organisation(), town.organisation()
    made = town.lot(sender, town.product(sender), 5)
    with town.store.writing() as session:
        item = find_idents(session, [made])[made]
        ends = {"sender": sender.organisation, "receiver": receiver.organisation}

        def way(amount: int, crumb: int = 0) -> int:
            passage = stock_store.Passage(item, "KGM", *ends.values(), amount, event=1, lot=item, crumb=crumb)
            stock_store.note_passages(session, [passage])
            return stock_store.lock_transit(session, **ends, items=[item])[item]

        assert [way(-7), way(7), way(10), way(-9, crumb=1), way(-1, crumb=1)] == [-7, 0, 10, 0, -1]


def test_goods_go_back_to_who_delivered_them_though_held_and_not_on_this_system(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop)
    town.do(
        receive, town.command(shop), supplier=replace(STRANGER, name="别家（演示）"), lines=[held(product, "other")]
    )
    town.do(receive, town.command(shop), supplier=STRANGER, lines=[held(product, "bad")])
    lot = next(row["lot"] for row in town.do(list_stock, actor=shop) if row["lot_number"] == "bad")
    taker, other = town.do(takers_of, actor=shop, lot=lot)
    assert (taker["name"], taker["delivered"], other["delivered"]) == (STRANGER.name, True, False)
    some = [Some(lot, Decimal(2))]
    town.refuses(Conflict, hops.ship, town.command(shop), receiver=taker["id"], goods=some)  # held: only as a return
    done = town.do(hops.ship, town.command(shop), receiver=taker["id"], goods=some, returned=True)
    assert done["receiver"] == STRANGER.name
    (sent,) = town.events(*done["events"])
    assert sent["destinationList"][0]["destination"].endswith(quote(STRANGER.name))
    (row,) = town.do(mass_balance, actor=shop)
    assert (row["returned"], row["held"]) == (2, 8)
    strange = town.refuses(NotFound, hops.ship, town.command(town.organisation()), receiver=taker["id"], goods=some)
    assert strange.field == "receiver"


def held(product: str, number: str) -> Line:
    return Line(product=product, lot_number=number, amount=Decimal(5), decision=Decision.HOLD, reason="no papers")
