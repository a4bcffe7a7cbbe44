"""Prices stand in the records of drugs (药品管理法 Art. 57): nobody types one that is known, nobody else sees one."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from storage.tables import event_document, organisation, product, selling_price
from tests.services.test_acceptance import Shop
from tests.services.test_dispensing import stocked
from tests.town import NOW, SHANGHAI, TODAY, Town
from trace.domain.failures import Forbidden, Invalid, NotFound, TooLarge
from trace.domain.parties import OrganisationKind
from trace.domain.periods import Days
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category, Prescription
from trace.services.acceptance import open_acceptance
from trace.services.acceptance_codes import scan
from trace.services.acceptance_view import get_acceptance
from trace.services.accepting import accept, accept_at_once
from trace.services.counter import check_codes
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.drug_returns import take_back_lines
from trace.services.drug_sales import get_sale
from trace.services.orders import OrderLine, place_order
from trace.services.prices import Priced, list_prices, set_prices
from trace.services.receipts import get_receipt
from trace.services.repeating import last_delivery
from trace.services.sale_records import sale_records
from trace.services.supplier_list import list_suppliers

K = OrganisationKind


def priced(town: Town, shop: Actor, price: str, code: str) -> str:
    """Say what the product of a pack is sold for: the product's public id."""
    public_id = looked(town, shop, code)["product"]["id"]
    town.do(set_prices, town.command(shop), prices=[Priced(public_id, Decimal(price))])
    return str(public_id)


def looked(town: Town, shop: Actor, code: str) -> dict[str, Any]:
    with town.store.reading() as session:
        (entry,) = check_codes(session, [code], actor=shop, on=TODAY)
    return entry


def receipt(town: Town, shop: Actor, done: dict[str, Any]) -> dict[str, Any]:
    with town.store.reading() as session:
        return get_sale(session, done["receipt"]["id"], actor=shop)


def test_a_sale_takes_the_shops_price_and_the_receipt_adds_up(town: Town) -> None:
    shop, packs = stocked(town, 3)
    public_id = priced(town, shop, "19.9", packs[0])
    with town.store.writing() as session:
        file = product.c.public_id == public_id
        session.execute(update(product).where(file).values(split_units=24, split_unit_name="粒"))
    assert looked(town, shop, packs[0])["price"] == Decimal("19.9")
    clerk = replace(shop, role=Role.CLERK)
    done = town.do(dispense, town.command(clerk), codes=packs[:2], parts=[Part(packs[2], 3)])
    assert done["receipt"]["total"] == "42.29"
    found = receipt(town, shop, done)
    assert [line["price"] for line in found["lines"]] == [Decimal("19.9"), Decimal("19.9"), Decimal("2.49")]
    assert (found["total"], found["refund"]) == (Decimal("42.29"), None)
    with town.store.reading() as session:  # what goes into events is told to partners: no price is in them
        documents = session.scalars(select(event_document.c.document)).all()
    assert not any(b"price" in document.lower() or b"19.9" in document for document in documents)


def test_a_price_that_was_typed_at_the_counter_is_known_from_then_on(town: Town) -> None:
    shop, packs = stocked(town, 2)
    clerk = replace(shop, role=Role.CLERK)
    public_id = looked(town, shop, packs[0])["product"]["id"]
    first = town.do(dispense, town.command(clerk), codes=packs[:1], prices=[Priced(public_id, Decimal("8.5"))])
    second = town.do(dispense, town.command(clerk), codes=packs[1:])
    assert (first["receipt"]["total"], second["receipt"]["total"]) == ("8.50", "8.50")


def test_a_sale_goes_on_where_nobody_knows_the_price_and_the_receipt_has_none(town: Town) -> None:
    shop, packs = stocked(town)
    done = town.do(dispense, town.command(shop), codes=packs)
    assert done["receipt"]["total"] is None
    assert receipt(town, shop, done)["lines"][0]["price"] is None


@pytest.mark.parametrize(("role", "may_depart"), [(Role.CLERK, False), (Role.PHARMACIST, True)])
def test_departing_from_the_price_takes_who_may_set_prices_and_is_for_that_sale_only(
    town: Town, role: Role, may_depart: bool
) -> None:
    shop, packs = stocked(town, 2)
    public_id = priced(town, shop, "19.9", packs[0])
    seller, less = replace(shop, role=role), [Priced(public_id, Decimal(15))]
    if may_depart:
        assert town.do(dispense, town.command(seller), codes=packs[:1], prices=less)["receipt"]["total"] == "15.00"
    else:
        failure = town.refuses(Forbidden, dispense, town.command(seller), codes=packs[:1], prices=less)
        assert (failure.field, "19.9" in str(failure)) == ("prices.0", True)
        assert looked(town, shop, packs[0])["verdict"] == "ready"
    assert looked(town, shop, packs[1])["price"] == Decimal("19.9")


def test_prices_of_what_is_not_sold_named_twice_or_beyond_measure_are_refused(town: Town) -> None:
    shop, packs = stocked(town)
    other = town.product(shop, Category.DRUG, "EA", prescription=Prescription.OTC_B.value)
    public_id = looked(town, shop, packs[0])["product"]["id"]
    one = Priced(other, Decimal(1))
    assert town.refuses(Invalid, dispense, town.command(shop), codes=packs, prices=[one]).field == "prices.0"
    dear = [Priced(public_id, Decimal(999_999_999) + Decimal("0.5"))]
    assert town.refuses(Invalid, dispense, town.command(shop), codes=packs, prices=dear).field == "codes.0"
    assert town.refuses(Invalid, set_prices, town.command(shop), prices=[one, one]).field == "prices"
    town.refuses(Invalid, set_prices, town.command(shop), prices=[])
    town.refuses(NotFound, set_prices, town.command(shop), prices=[Priced("no such product", Decimal(1))])


def test_a_return_gives_the_price_of_its_sale_whatever_stands_since(town: Town) -> None:
    shop, packs = stocked(town, 2)
    public_id = priced(town, shop, "19.9", packs[0])
    done = town.do(dispense, town.command(shop), codes=packs)
    town.do(set_prices, town.command(shop), prices=[Priced(public_id, Decimal("25.8"))])
    by_code = town.do(take_back_packs, town.command(shop), codes=packs[:1])
    by_receipt = town.do(take_back_lines, town.command(shop), sale=done["receipt"]["id"], lines=[2], reason="受潮")
    assert (by_code["refund"], by_receipt["refund"]) == ("19.90", "19.90")
    found = receipt(town, shop, done)
    assert (found["total"], found["refund"]) == (Decimal("39.8"), Decimal("39.8"))


def test_what_stood_is_kept_and_the_same_price_again_is_no_news(town: Town) -> None:
    shop, (code,) = stocked(town)
    public_id = priced(town, shop, "19.9", code)
    assert town.do(set_prices, town.command(shop), prices=[Priced(public_id, Decimal("19.90"))])["changed"] == []
    assert town.do(set_prices, town.command(shop), prices=[Priced(public_id, Decimal(21))])["changed"] == [public_id]
    with town.store.reading() as session:
        kept = session.scalars(select(selling_price.c.price).order_by(selling_price.c.id)).all()
    assert kept == [19_900_000, 21_000_000]


def test_a_shop_has_its_headquarters_price_until_it_has_its_own_and_no_other_shop_sees_it(town: Town) -> None:
    shop, (code,) = stocked(town)
    head, stranger = town.organisation(K.PHARMACY_HEADQUARTERS), town.organisation(K.PHARMACY)
    mine = organisation.c.id == shop.organisation
    town.by_hand(update(organisation).where(mine).values(headquarters=head.organisation))
    public_id = looked(town, shop, code)["product"]["id"]
    town.do(set_prices, town.command(head), prices=[Priced(public_id, Decimal("19.9"))])
    assert looked(town, shop, code)["price"] == Decimal("19.9")
    (card,) = listed(town, shop)
    assert (card["price"], card["own"], card["set_by"]) == (Decimal("19.9"), False, "")
    priced(town, shop, "18.5", code)
    assert (looked(town, shop, code)["price"], listed(town, head)[0]["price"]) == (Decimal("18.5"), Decimal("19.9"))
    assert listed(town, stranger) == []
    name = card["product"]["name"]
    assert [one["price"] for one in listed(town, stranger, text=name)] == [None]


def listed(town: Town, shop: Actor, **more: Any) -> list[dict[str, Any]]:
    with town.store.reading() as session:
        return list_prices(session, actor=shop, **more)


# ---- what things were bought for -----------------------------------------------------------------------------------


def test_an_acceptance_proposes_the_price_of_the_last_delivery_and_keeps_what_the_note_says(town: Town) -> None:
    shop = Shop(town)
    bought = {"supplier": shop.supplier, "lines": [(replace(shop.line(), price=Decimal("12.8333")), shop.codes[:3])]}
    received = shop.do(accept_at_once, **bought)["receipt"]
    line = first_line(shop, shop.open(shop.line(lot="B2")))
    assert (line["price"], line["proposed_price"]) == (None, {"price": Decimal("12.8333"), "source": "delivery"})
    noted = first_line(shop, shop.open(replace(shop.line(lot="B2"), price=Decimal(13))))
    assert (noted["price"], noted["proposed_price"]) == (Decimal(13), None)
    stranger = Shop(town)
    assert first_line(stranger, stranger.open(shop.line(product=shop.drug)))["proposed_price"] is None
    with town.store.reading() as session:
        again = last_delivery(session, actor=shop.actor, public_id=received)
        record = get_receipt(session, actor=shop.actor, public_id=received, now=NOW)
    assert again.lines[0]["price"] == record["lines"][0]["price"] == Decimal("12.8333")


def test_what_was_agreed_on_when_it_was_ordered_is_the_price_where_the_note_says_none(town: Town) -> None:
    shop = Shop(town)
    (file,) = town.do(list_suppliers, actor=shop.actor, now=NOW)
    asked = [OrderLine(shop.drug, Decimal(3), Decimal("12.5"))]
    order = shop.do(place_order, supplier_file=file["id"], lines=asked)["id"]
    opened = str(shop.do(open_acceptance, order=order, lines=[shop.line()], delivery_note="KD-1")["id"])
    assert first_line(shop, opened)["proposed_price"] == {"price": Decimal("12.5"), "source": "order"}
    shop.do(scan, public_id=opened, texts=shop.codes[:3])
    received = shop.do(accept, public_id=opened)["receipt"]
    with town.store.reading() as session:
        record = get_receipt(session, actor=shop.actor, public_id=received, now=NOW)
    assert record["lines"][0]["price"] == Decimal("12.5")


def first_line(shop: Shop, public_id: str) -> dict[str, Any]:
    """The first line of an acceptance, as its page shows it."""
    with shop.town.store.reading() as session:
        return dict(get_acceptance(session, shop.town.command(shop.actor), public_id=public_id)["lines"][0])


# ---- the sale record -----------------------------------------------------------------------------------------------


def test_the_sale_record_has_what_the_law_asks_and_what_came_back_says_so(town: Town) -> None:
    shop, packs = stocked(town, 2)
    priced(town, shop, "19.9", packs[0])
    done = town.do(dispense, town.command(shop), codes=packs)
    town.do(take_back_lines, town.command(shop), sale=done["receipt"]["id"], lines=[2], reason="受潮")
    period = Days(TODAY, TODAY, SHANGHAI)
    with town.store.reading() as session:
        first, second = sale_records(session, actor=shop, period=period)
        assert sale_records(session, actor=town.organisation(K.PHARMACY), period=period) == []
        with pytest.raises(TooLarge):
            sale_records(session, actor=shop, period=period, most=1)
        with pytest.raises(Invalid):
            sale_records(session, actor=shop, period=Days(TODAY, town.day(1), SHANGHAI))
    assert (first["price"], first["each"], first["amount"]) == (Decimal("19.9"), Decimal("19.9"), 1)
    assert first["product"] and first["lot_number"] and first["expires_on"] and first["code"]
    assert (first["returned_at"], second["returned_at"] is not None) == (None, True)
