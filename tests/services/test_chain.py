"""A chain: headquarters sees and acts for its own shops, moves goods between them, receives for all."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import update

from storage.tables import organisation, person
from tests.services.deliveries import with_codes
from tests.town import NOW, STRANGER, Town
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import ObjectEvent, Quantity
from trace.domain.failures import Conflict, Failure, Forbidden, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services import hops
from trace.services.capture import capture
from trace.services.chain import acting_for, chain_stock, overview, shops_of
from trace.services.chain_moves import Part, Share, move, receive_for_shops
from trace.services.delivery import expected
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Some
from trace.services.making import Goods, Stamp, seen
from trace.services.receipts import get_receipt
from trace.services.receiving import Line, Supplier, receive
from trace.services.supplier_list import list_suppliers

K = OrganisationKind


def a_chain(town: Town, shops: int = 2) -> tuple[Actor, list[Actor]]:
    """A headquarters, as its administrator, and its shops, as their clerks."""
    head = town.organisation(K.PHARMACY_HEADQUARTERS, role=Role.ORGANISATION_ADMINISTRATOR)
    return head, [a_shop_of(town, head) for _ in range(shops)]


def a_shop_of(town: Town, head: Actor) -> Actor:
    shop = town.organisation(K.PHARMACY)
    mine = organisation.c.id == shop.organisation
    town.by_hand(update(organisation).where(mine).values(headquarters=head.organisation))
    return shop


def moved(town: Town, head: Actor, sender: Actor, receiver: Actor, *goods: Some, **more: Any) -> dict[str, Any]:
    more.setdefault("arrived", True)
    command = more.pop("command", town.command(head))
    return dict(town.do(move, command, sender=town.id_of(sender), parts=[Part(town.id_of(receiver), goods)], **more))


def refused(town: Town, failure: type[Failure], *args: Any, **more: Any) -> Failure:
    with pytest.raises(failure) as found:
        moved(town, *args, **more)
    return found.value


def test_headquarters_sees_and_acts_for_its_own_shops_only(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    (theirs,) = a_chain(town, 1)[1]
    names = [card["name"] for card in town.do(shops_of, head)]
    assert names == sorted([shop.organisation_name, other.organisation_name])
    at_shop = town.do(acting_for, head, town.id_of(shop))
    assert (at_shop.organisation, at_shop.role) == (shop.organisation, Role.CLERK)
    assert town.do(acting_for, head, town.id_of(head)) == head
    for stranger in (theirs, town.organisation(K.DRUG_MAKER)):
        town.refuses(NotFound, acting_for, head, town.id_of(stranger))


def test_headquarters_sells_nothing_in_a_shops_name_but_takes_back_what_was_sold(town: Town) -> None:
    head, (shop, _) = a_chain(town)
    (pack,) = town.packs()
    lot = town.drugs_at(shop, (pack,))
    there = town.do(acting_for, head, town.id_of(shop))
    told = f"Headquarters sells no drugs in the name of {shop.organisation_name}"
    assert told in str(town.refuses(Forbidden, dispense, town.command(there), codes=[pack]))
    assert told in str(town.refuses(Forbidden, capture, [a_sale(there, pack)], actor=there, now=town.now))
    by_lot = structs.replace(a_sale(there, pack), epcs=(), quantities=(Quantity(lot, Decimal(1), "EA"),))
    assert told in str(town.refuses(Forbidden, capture, [by_lot], actor=there, now=town.now))
    sale = town.do(capture, [a_sale(shop, pack)], actor=shop, now=town.now)
    assert town.do(take_back_packs, town.command(there), codes=[pack])["events"]
    assert sale[0].fresh


def a_sale(actor: Actor, *packs: str) -> ObjectEvent:
    """A sale as somebody's software would report it."""
    made = Stamp(actor, NOW, str(uuid.uuid4()), actor.party_uri)
    return seen(made, [Goods(pack) for pack in packs], biz_step=BizStep.DISPENSING, disposition=Disposition.DISPENSED)[
        0
    ]


def test_a_shop_and_a_clerk_of_headquarters_see_no_chain(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    town.refuses(Forbidden, shops_of, town.as_role(head, Role.CLERK))
    leads = town.as_role(shop, Role.ORGANISATION_ADMINISTRATOR)
    assert town.do(shops_of, leads) == []
    for place in (other, head):
        town.refuses(NotFound, acting_for, leads, town.id_of(place))


def test_who_is_no_head_of_chains_has_no_shops_whatever_the_register_says(town: Town) -> None:
    farm = town.organisation(K.FARM, role=Role.ORGANISATION_ADMINISTRATOR)
    shop = a_shop_of(town, farm)
    assert town.do(shops_of, farm) == []
    town.refuses(NotFound, acting_for, farm, town.id_of(shop))


def test_packs_move_between_shops_in_one_step(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    codes = town.packs(3)
    made = town.drugs_at(shop, codes)
    done = moved(town, head, shop, other, Some(codes[0]), Some(codes[1]))
    assert [town.stock(shop, code)[0] for code in codes] == [0, 0, 1]
    assert [town.stock(other, code)[0] for code in codes] == [1, 1, 0]
    (event,) = town.events(*done["events"])
    assert (event["bizStep"], event["epcList"]) == ("shipping", [codes[0], codes[1]])
    record = town.do(get_receipt, actor=other, public_id=done["receipts"][0], now=NOW)
    assert record["delivery_note"] == done["delivery_notes"][0]
    assert record["supplier"]["name"] == shop.organisation_name
    assert record["lines"][0]["lot"] == made


def test_a_move_that_has_not_arrived_is_received_by_the_shop(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    (code,) = town.packs(1)
    made = town.drugs_at(shop, (code,))
    done = moved(town, head, shop, other, Some(code), arrived=False, delivery_note="DB-7")
    assert (done["receipts"], town.stock(other, code)) == ([], (0, 0))
    (coming,) = town.do(expected, actor=other)
    assert coming["codes"] == [code]
    supplier = Supplier(public_id=town.id_of(shop))
    line = Line(code=made, codes=(code,))
    town.do(receive, town.command(other), supplier=supplier, lines=[line], delivery_note="DB-7")
    assert town.stock(other, code) == (1, 0)


def test_old_stock_moves_by_quantity_to_several_shops_and_is_split_once(town: Town) -> None:
    head, (shop, other, third) = a_chain(town, 3)
    farm_lot = town.lot(shop, town.product(shop, unit="EA"), 10)
    town.paper(shop, CertificateKind.COMMITMENT, farm_lot, form="producer")
    parts = [Part(town.id_of(to), (Some(farm_lot, Decimal(n)),)) for to, n in ((other, 4), (third, 5))]
    done = town.do(move, town.command(head), sender=town.id_of(shop), parts=parts, arrived=True)
    assert len(done["delivery_notes"]) == len(set(done["delivery_notes"])) == 2
    assert [town.stock(place, farm_lot)[0] for place in (shop, other, third)] == [1, 4, 5]
    again = [
        Part(town.id_of(other), (Some(farm_lot, Decimal(1)),)),
        Part(town.id_of(third), (Some(farm_lot, Decimal(1)),)),
    ]
    failure = town.refuses(Conflict, move, town.command(head), sender=town.id_of(shop), parts=again, arrived=True)
    assert failure.field == f"parts.{1 if third.organisation > other.organisation else 0}.quantity"
    assert town.stock(shop, farm_lot) == (1, 0)  # all or nothing


def test_held_expired_and_sold_packs_do_not_move(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    held, sold = town.packs(2)
    town.drugs_at(shop, (held, sold))
    (old,) = town.packs(1)
    town.drugs_at(shop, (old,), expires_on=NOW.date(), produced_on=NOW.date() - timedelta(days=300))
    town.do(hops.hold, town.command(shop, hours=2), goods=[Some(held)], reason="to be looked at")
    town.do(dispense, town.command(town.as_role(shop, Role.PHARMACIST), hours=1), codes=[sold])
    for code in (held, sold):
        assert refused(town, Conflict, head, shop, other, Some(code)).field == "parts.0.quantity"
    tomorrow = replace(town.command(head), now=NOW + timedelta(days=1))
    assert "expired" in str(refused(town, Conflict, head, shop, other, Some(old), command=tomorrow))
    assert [town.stock(other, code) for code in (held, sold, old)] == [(0, 0)] * 3


def test_a_move_goes_between_two_places_of_the_chain(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    stranger = a_chain(town, 1)[1][0]
    (code,) = town.packs(1)
    town.drugs_at(shop, (code,))
    assert refused(town, NotFound, head, shop, stranger, Some(code)).field == "parts.0.shop"
    assert refused(town, Invalid, head, shop, shop, Some(code)).field == "parts.0.shop"
    twice = [Part(town.id_of(to), (Some(code),)) for to in (other, head)]
    failure = town.refuses(Invalid, move, town.command(head), sender=town.id_of(shop), parts=twice, arrived=True)
    assert failure.field == "parts.1.goods"
    named_twice = [Part(town.id_of(other), (Some(code),))] * 2
    town.refuses(Invalid, move, town.command(head), sender=town.id_of(shop), parts=named_twice, arrived=True)
    town.refuses(Invalid, move, town.command(head), sender=town.id_of(shop), parts=[], arrived=True)
    assert refused(town, Conflict, head, other, shop, Some(code))  # it is not there


def test_a_move_sent_twice_acts_once(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    (code,) = town.packs(1)
    town.drugs_at(shop, (code,))
    answers = [moved(town, head, shop, other, Some(code), command=town.command(head, "move-1")) for _ in range(2)]
    assert answers[0] == answers[1]
    assert town.stock(other, code) == (1, 0)


@pytest.mark.parametrize("named_by", ["id", "organisation"])  # of the list of suppliers
def test_one_delivery_is_received_for_several_shops_or_for_none(town: Town, named_by: str) -> None:
    head, (shop, other) = a_chain(town)
    maker = town.organisation(K.DRUG_MAKER)
    codes = town.packs(3)
    made = town.lot(maker, town.drug(maker), 3, codes, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, made)
    # Headquarters looked at the supplier; its shops need not, one by one.
    town.know(town.as_role(head, Role.CLERK), maker)
    (file,) = town.do(list_suppliers, actor=head, now=NOW)
    supplier = Supplier(file[named_by])
    shares = [
        Share(town.id_of(place), (Line(code=made, codes=(code,)),))
        for place, code in zip((shop, other, head), codes, strict=True)
    ]
    doubled = [*shares[:2], replace(shares[2], lines=(Line(code=made, codes=(codes[0],)),))]
    more = {"supplier": supplier, "delivery_note": "PS-1"}
    done = town.do(receive_for_shops, town.command(head), shares=shares, **more)
    for place, public_id in zip((shop, other, head), done["receipts"], strict=True):
        record = town.do(get_receipt, actor=place, public_id=public_id, now=NOW)
        assert (record["organisation"], record["delivery_note"]) == (place.organisation_name, "PS-1")
    assert [town.stock(place, code)[0] for place, code in zip((shop, other, head), codes, strict=True)] == [1, 1, 1]
    failure = town.refuses(Failure, receive_for_shops, town.command(head), shares=doubled, **more)
    assert (failure.field or "").startswith("parts.")


def test_a_supplier_that_headquarters_has_not_looked_at_is_new_to_its_shops(town: Town) -> None:
    head, (shop, _) = a_chain(town)
    line = Line(product=town.product(shop), lot_number="L1", amount=Decimal(1), produced_on=town.day(1))
    shares = [Share(town.id_of(shop), (with_codes(replace(line, product=town.drug(shop)), town.packs(1)),))]
    failure = town.refuses(Conflict, receive_for_shops, town.command(head), supplier=STRANGER, shares=shares)
    assert (failure.field or "").startswith("parts.0.lines.0")


def test_the_overview_tells_how_each_place_stands_today(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    near, held = town.packs(1), town.packs(1)
    town.drugs_at(shop, near, expires_on=NOW.date() + timedelta(days=30))
    town.drugs_at(shop, held)
    town.do(hops.hold, town.command(shop), goods=[Some(held[0])], reason="to be looked at")
    (code,) = town.packs(1)
    town.drugs_at(other, (code,))
    moved(town, head, other, shop, Some(code), arrived=False)
    cards = {card["id"]: card for card in town.do(overview, actor=head, now=NOW)}
    assert [cards[town.id_of(place)]["own"] for place in (head, shop, other)] == [True, False, False]
    assert cards[town.id_of(shop)]["shelves"] == {"open": 2, "near": 1, "expired": 0, "held": 1}
    assert [cards[town.id_of(place)]["coming"] for place in (shop, other)] == [1, 0]
    assert cards[town.id_of(other)]["shelves"]["open"] == 0
    assert cards[town.id_of(shop)]["on_duty"] == []
    gone, there = (town.pharmacist(shop) for _ in range(2))
    with town.store.writing() as session:
        session.execute(update(person).where(person.c.id == gone.person).values(active=False))
    (place,) = (card for card in town.do(overview, actor=head, now=NOW) if card["id"] == town.id_of(shop))
    assert [one["name"] for one in place["on_duty"]] == [there.name]  # as the shop's own sign says it


def test_stock_is_told_by_lot_and_shop(town: Town) -> None:
    head, (shop, other) = a_chain(town)
    codes = town.packs(3)
    made = town.drugs_at(shop, codes, number="AB12")
    moved(town, head, shop, other, Some(codes[0]))
    town.drugs_at(a_chain(town, 1)[1][0], town.packs(1), number="AB12")  # another chain's
    for asked in ({"text": "ab12"}, {"lot_uri": made}, {}):
        (card,) = town.do(chain_stock, actor=head, **asked)
        assert (card["lot"], {place["name"]: place["on_hand"] for place in card["places"]}) == (
            made, {shop.organisation_name: 2, other.organisation_name: 1},
        )  # fmt: skip
    assert town.do(chain_stock, actor=head, text="%") == []
