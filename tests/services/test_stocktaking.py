"""Stock-taking: what agrees, is missing, too much or strange; what moves meanwhile; who answers for a difference."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import MICRO, stock, stocktake_count
from tests.services.test_concurrency import at_once
from tests.town import Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.stock import Balance
from trace.services import hops
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Some
from trace.services.overrides import Agreement
from trace.services.people import create_person
from trace.services.recalls import hold_lot
from trace.services.receiving import Line
from trace.services.stocktake_result import get_stocktake, list_stocktakes, standing
from trace.services.stocktaking import close, count, start
from trace.services.undoing import undo_events

K = OrganisationKind
PASSWORD = "long enough to be one"


def pharmacy(town: Town) -> Actor:
    return town.organisation(K.PHARMACY, role=Role.PHARMACIST)


def begun(town: Town, shop: Actor, **scope: Any) -> str:
    number = str(town.do(start, town.command(shop), **scope)["id"])
    town.now += timedelta(minutes=1)  # what is recorded from now on is recorded meanwhile
    return number


def counted(town: Town, shop: Actor, number: str, *codes: str, **more: Any) -> dict[str, Any]:
    return dict(town.do(count, town.command(shop), public_id=number, codes=codes, **more))


def colleague(town: Town, shop: Actor) -> Agreement:
    """A second person of the shop, who signs."""
    sign_in = f"colleague-{shop.organisation}"
    town.do(
        create_person, sign_in=sign_in, name="李四", password=PASSWORD, role=Role.CLERK,
        organisation_id=shop.organisation, now=town.now,
    )  # fmt: skip
    return Agreement(sign_in, PASSWORD)


def balance(town: Town, shop: Actor, unit: str) -> Balance:
    """All of a unit at a shop together."""
    with town.store.reading() as session:
        query = select(*(stock.c[name] for name in Balance._fields))
        rows = session.execute(query.where(stock.c.organisation == shop.organisation, stock.c.unit == unit)).all()
    return Balance(*(sum(column) for column in zip(*rows, strict=True)))


def test_what_agrees_is_missing_too_much_and_strange_is_told_apart_and_booked_by_two(town: Town) -> None:
    shop, packs, strange = pharmacy(town), town.packs(4), town.packs(1)
    lot = town.drugs_at(shop, packs)
    town.do(dispense, town.command(shop, hours=2), codes=[packs[3]])
    number = begun(town, shop)
    told = counted(town, shop, number, packs[0], packs[0], packs[3], *strange)
    assert [one["state"] for one in told["counted"]] == ["counted", "surplus", "strange"]
    assert [one["state"] for one in counted(town, shop, number, packs[0])["counted"]] == ["again"]
    counted(town, shop, number, packs[1])
    shown = town.do(get_stocktake, actor=shop, public_id=number)["result"]
    assert shown["totals"] == {"agreed": 2, "missing": 1, "surplus": 1, "strange": 1, "moved": 0}
    assert {(one["outcome"], one["code"], one["gone"]) for one in shown["things"]} == {
        ("missing", packs[2].rpartition("/")[2], ""),
        ("surplus", packs[3].rpartition("/")[2], "sold"),
        ("strange", strange[0].rpartition("/")[2], ""),
    }
    closing = {"public_id": number, "reason": "shelf fell over"}
    assert town.refuses(Invalid, close, town.command(shop), public_id=number).field == "reason"
    assert town.refuses(Invalid, close, town.command(shop), **closing).field == "override.sign_in"
    done = town.do(close, town.command(shop), **closing, agreement=colleague(town, shop))
    (document,) = town.events(*done["events"])
    assert (document["bizStep"], document["disposition"]) == ("stock_taking", "unavailable")
    assert (document["epcList"], document["sunshine:reason"]) == ([packs[2]], "shelf fell over")
    assert town.stock(shop, packs[2]) == (0, 0)
    assert balance(town, shop, "EA") == Balance(on_hand=2 * MICRO, sold=MICRO, came=4 * MICRO, missing=MICRO)
    card = town.do(get_stocktake, actor=shop, public_id=number)
    assert (card["agreed_by"], card["reason"], card["result"]["totals"]["missing"]) == ("李四", "shelf fell over", 1)
    assert card["result"]["lots"][0]["lot"] == lot
    with pytest.raises(Conflict, match="closed"):
        counted(town, shop, number, packs[2])
    assert [one["totals"]["strange"] for one in town.do(list_stocktakes, actor=shop)] == [1]


def test_what_was_missing_and_is_found_comes_back_held_and_once(town: Town) -> None:
    shop, (pack, other) = pharmacy(town), town.packs(2)
    town.drugs_at(shop, (pack, other))
    second = colleague(town, shop)
    first = begun(town, shop)
    counted(town, shop, first, other)
    lost = town.do(close, town.command(shop), public_id=first, reason="not there", agreement=second)
    town.refuses(Conflict, undo_events, town.command(shop), event_ids=lost["events"])
    assert town.refuses(Conflict, dispense, town.command(shop), codes=[pack])
    later = begun(town, shop)
    counted(town, shop, later, pack, other)
    town.do(close, town.command(shop), public_id=later, reason="behind the shelf", agreement=second)
    assert town.stock(shop, pack) == (0, 1)
    town.do(hops.release, town.command(shop), goods=[Some(pack)], reason="looked at, in order")
    assert town.stock(shop, pack) == (1, 0)
    assert balance(town, shop, "EA").missing == 0


def test_shelves_add_up_and_a_lot_that_is_sold_between_two_of_them_is_counted_again(town: Town) -> None:
    shop = town.organisation()
    lot = town.grown(shop, 10)
    number = begun(town, shop)
    counted(town, shop, number, goods=[Some(lot, Decimal(4))])
    counted(town, shop, number, goods=[Some(lot, Decimal(6))])
    assert town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]["agreed"] == 1
    town.do(hops.sell, town.command(shop), goods=[Some(lot, Decimal(3))])  # counted before: agrees all the same
    assert town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]["agreed"] == 1
    counted(town, shop, number, goods=[Some(lot, Decimal(1))])
    assert "Count them again" in str(town.refuses(Conflict, close, town.command(shop), public_id=number, reason="x"))
    counted(town, shop, number, goods=[Some(lot, Decimal(9))], anew=True)
    town.do(close, town.command(shop), public_id=number, reason="2 kg more", agreement=colleague(town, shop))
    assert town.stock(shop, lot) == (7, 2)  # what nobody knew of is looked at before it is sold
    assert balance(town, shop, "KGM").came == 12 * MICRO


def test_what_is_sold_received_or_not_yet_written_down_meanwhile_is_no_difference(town: Town) -> None:
    shop, (sold, counted_first, stays), late = pharmacy(town), town.packs(3), town.packs(1)
    town.drugs_at(shop, (sold, counted_first, stays))
    number = begun(town, shop)
    counted(town, shop, number, counted_first, stays, *late)
    for pack in (sold, counted_first):
        town.do(dispense, town.command(shop), codes=[pack])
    town.do(take_back_packs, town.command(shop), codes=[sold])  # here again, held, and counted by nobody
    town.drugs_at(shop, late)
    totals = town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]
    assert totals == {"agreed": 3, "missing": 0, "surplus": 0, "strange": 0, "moved": 1}
    assert town.do(close, town.command(shop), public_id=number)["events"] == []
    assert town.stock(shop, sold) == (0, 1)


def test_a_case_counts_for_its_boxes_and_an_unknown_one_is_asked_about(town: Town) -> None:
    shop, packs = pharmacy(town), town.packs(2)
    lot, (case,) = town.drugs_at(shop, packs), town.packs(1)
    town.do(hops.pack, town.command(shop, hours=1), container=case, goods=[Some(pack) for pack in packs])
    number = begun(town, shop)
    told = counted(town, shop, number, case, lot, "((", "00069012340000000016")
    assert len(told["counted"]) == 2
    assert {(one["why"]) for one in told["asked"]} == {"lot", "unread", "case"}
    assert town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]["missing"] == 0


def test_a_pack_that_was_read_by_mistake_is_taken_out_again(town: Town) -> None:
    shop, (pack,) = pharmacy(town), town.packs(1)
    town.drugs_at(shop, (pack,))
    number = begun(town, shop)
    counted(town, shop, number, pack)
    counted(town, shop, number, goods=[Some(pack, Decimal(0))], anew=True)
    assert town.do(standing, actor=shop, public_id=number)["counted"] == 0
    assert town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]["missing"] == 1
    counted(town, shop, number, pack)
    assert town.do(standing, actor=shop, public_id=number)["counted"] == 1


def test_held_stock_is_counted_too_and_one_product_alone_can_be(town: Town) -> None:
    shop, packs, others = pharmacy(town), town.packs(2), town.packs(1)
    product = town.drug(shop)
    lot = town.drugs_at(shop, packs, product=product)
    town.drugs_at(shop, others)
    town.do(hold_lot, town.command(shop), lot=lot, reason="dented")
    number = begun(town, shop, product_id=product)
    counted(town, shop, number, *packs)
    assert town.do(close, town.command(shop), public_id=number)["totals"] == {
        "agreed": 2, "missing": 0, "surplus": 0, "strange": 0, "moved": 0
    }  # fmt: skip


def test_nobody_counts_in_another_shop(town: Town) -> None:
    shop, other = pharmacy(town), pharmacy(town)
    number = begun(town, shop)
    with pytest.raises(NotFound):
        counted(town, other, number, *town.packs(1))
    for service in (get_stocktake, standing):
        town.refuses(NotFound, service, actor=other, public_id=number)
    town.refuses(NotFound, close, town.command(other), public_id=number)


def test_many_who_count_at_once_count_a_pack_once_and_add_up_a_lot(town: Town) -> None:
    shop, packs = pharmacy(town), town.packs(3)
    town.drugs_at(shop, packs)
    loose = town.lot(shop, town.drug(shop), 8)
    number = begun(town, shop)
    people = [replace(shop, name=f"{n}") for n in range(4)]
    answers = at_once(
        *(
            lambda who=who: counted(town, who, number, *packs, goods=[Some(loose, Decimal(2))])  # type: ignore[misc]
            for who in people
        )
    )
    states = [one["state"] for answer in answers for one in answer["counted"] if one["code"] != loose]
    assert sorted(states) == ["again"] * 9 + ["counted"] * 3
    assert town.count(stocktake_count) == 4
    assert town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]["agreed"] == 4


def test_two_who_close_at_once_book_a_difference_once_and_a_sale_is_never_booked_as_missing(town: Town) -> None:
    shop, packs = pharmacy(town), town.packs(2)
    town.drugs_at(shop, packs)
    number, second = begun(town, shop), colleague(town, shop)
    closing = {"public_id": number, "reason": "not there", "agreement": second}
    answers = at_once(
        lambda: town.do(close, town.command(shop), **closing),
        lambda: town.do(close, town.command(shop), **closing),
        lambda: town.do(dispense, town.command(shop), codes=packs[:1]),
    )
    assert sum(isinstance(answer, Conflict) for answer in answers[:2]) == 1
    sold = 0 if isinstance(answers[2], Conflict) else 1
    left = balance(town, shop, "EA")
    assert (left.sold, left.missing, left.on_hand) == (sold * MICRO, (2 - sold) * MICRO, 0)


def test_two_stock_takings_of_one_lot_book_its_difference_once(town: Town) -> None:
    shop = town.organisation()
    lot = town.grown(shop, 10)
    second = colleague(town, shop)
    kitchen, cellar = begun(town, shop), begun(town, shop)
    for number in (kitchen, cellar):
        counted(town, shop, number, goods=[Some(lot, Decimal(8))])
    town.now += timedelta(minutes=1)
    town.do(close, town.command(shop), public_id=kitchen, reason="2 kg less", agreement=second)
    closing = {"public_id": cellar, "reason": "2 kg less", "agreement": second}
    assert "Count them again" in str(town.refuses(Conflict, close, town.command(shop), **closing))
    counted(town, shop, cellar, goods=[Some(lot, Decimal(8))], anew=True)
    town.now += timedelta(minutes=1)
    assert town.do(close, town.command(shop), **closing)["events"] == []
    assert town.stock(shop, lot) == (8, 0)


def test_what_another_shop_sells_of_the_same_lot_hides_nothing_that_is_missing_here(town: Town) -> None:
    grower, shop = town.organisation(K.COOPERATIVE), town.organisation()
    lot = town.grown(grower, 10)
    town.send(grower, shop, Some(lot, Decimal(5)))
    town.arrive(grower, shop, Line(code=lot, amount=Decimal(5)))
    number = begun(town, shop)
    town.do(hops.sell, town.command(grower), goods=[Some(lot, Decimal(1))])
    totals = town.do(get_stocktake, actor=shop, public_id=number)["result"]["totals"]
    assert (totals["missing"], totals["moved"]) == (1, 0)
