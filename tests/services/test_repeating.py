"""The last delivery of a supplier taken over: what comes again is proposed, what was true of those lots only is not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.services.deliveries import delivered, read
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import NotFound
from trace.domain.papers import CertificateKind
from trace.domain.products import Category
from trace.services.hops import Some
from trace.services.products import discontinue_product
from trace.services.receiving import Decision, Line, receive
from trace.services.repeating import last_delivery, recent_suppliers


def test_products_quantities_and_origin_come_again_and_nothing_of_the_former_lots(town: Town) -> None:
    shop = town.organisation()
    cabbage, eggs, biscuits, old = (
        town.product(shop),
        town.product(shop, Category.EGG),
        town.product(shop, Category.PACKAGED_FOOD, "EA"),
        town.product(shop, name="停产点心"),
    )
    paper = town.paper(shop, CertificateKind.COMMITMENT)
    first = Line(product=cabbage, amount=Decimal("20.5"), lot_number="L1", produced_on=town.day(1), origin="中宁")
    lines = [
        replace(first, certificates=(paper,)),
        Line(product=cabbage, amount=Decimal("4.5"), origin="中宁", decision=Decision.HOLD, reason="待查"),
        Line(product=eggs, amount=Decimal(9), decision=Decision.REFUSE, reason="破损"),
        Line(product=biscuits, amount=Decimal(12), lot_number="B7", expires_on=town.day(-90), reason="x"),
        Line(product=old, amount=Decimal(3), reason="x"),
    ]  # fmt: skip
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=lines)
    town.do(discontinue_product, actor=shop, public_id=old, on=town.day(0))
    proposal = town.do(last_delivery, actor=shop, public_id=done["id"])
    told = [(line["product"]["id"], line["amount"], line["unit"], line["origin"]) for line in proposal.lines]
    assert told == [(cabbage, Decimal(25), "KGM", "中宁"), (biscuits, Decimal(12), "EA", "")]
    assert {
        str(line[name]) for line in proposal.lines for name in ("lot", "lot_number", "produced_on", "expires_on")
    } == {"None", ""}
    assert proposal.left_out == ["停产点心"]
    assert proposal.supplier is not None
    assert {name: proposal.supplier[name] for name in ("name", "contact")} == {
        "name": STRANGER.name,
        "contact": STRANGER.contact,
    }


def test_what_a_supplier_announced_comes_before_what_came_last_time(town: Town) -> None:
    farm, shop, made = delivered(town)
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    assert [line["lot"] for line in town.do(last_delivery, actor=shop, public_id=done["id"]).lines] == [None]
    town.send(farm, shop, Some(made, Decimal(7)))
    (line,) = town.do(last_delivery, actor=shop, public_id=done["id"]).lines
    assert (line["lot"], line["amount"]) == (made, 7)


def test_who_was_here_today_stands_after_those_still_to_come_and_only_ones_own_deliveries_count(town: Town) -> None:
    farm, shop, made = delivered(town)
    other = town.organisation()
    town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    town.do(
        receive, town.command(shop, days=1), supplier=STRANGER,
        lines=[Line(product=town.product(shop), amount=Decimal(5), reason="x")],
    )  # fmt: skip
    cards = town.do(recent_suppliers, actor=shop, now=NOW)
    assert [(card["name"], card["today"]) for card in cards] == [(STRANGER.name, False), (farm.organisation_name, True)]
    assert town.do(recent_suppliers, actor=other, now=NOW + timedelta(days=1)) == []
    town.refuses(NotFound, last_delivery, actor=other, public_id=cards[0]["receipt"])


def test_shelf_life_tells_the_expiry_of_food_and_never_of_a_drug(town: Town) -> None:
    shop = town.organisation()
    milk = town.product(shop, Category.PACKAGED_FOOD, "EA", shelf_life_days=21)
    line = Line(product=milk, amount=Decimal(6), produced_on=town.day(2), reason="x")
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    assert read(town, shop, done["id"])["lines"][0]["expires_on"] == town.day(2) + timedelta(days=21)
