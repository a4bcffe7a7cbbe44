"""A day in the life of a supermarket: thirty deliveries, and everything that goes wrong on one Tuesday.

The test keeps its own books, to the gram. At the end of the day the shop's must be the same.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.town import Town
from trace.domain.failures import Conflict
from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.balance import mass_balance
from trace.services.certificates import file_certificate
from trace.services.commitment import Contents, issue_commitment
from trace.services.hops import Some, ship, take_back
from trace.services.lots import find_lots
from trace.services.rapid_tests import record_test
from trace.services.receipts import get_receipt
from trace.services.receiving import Decision, Line, Supplier, receive
from trace.services.repacking import Portion, repack
from trace.services.sales import sell_goods
from trace.services.till_lines import Sold

DELIVERIES, LINES = 30, 200
WHERE = ("on_hand", "held", "sold", "sent", "returned", "destroyed", "used")


@dataclass
class Books:
    """What the test knows of the shop: grams by account, and of each lot what is on hand."""

    accounts: Counter[str] = field(default_factory=Counter)
    lots: dict[str, int] = field(default_factory=dict)

    def move(self, lot: str, source: str, target: str, grams: int) -> None:
        """So many grams go from one account to another."""
        self.accounts[source] -= grams
        self.accounts[target] += grams
        if source == "on_hand":
            self.lots[lot] -= grams
        if target == "on_hand":
            self.lots[lot] = self.lots.get(lot, 0) + grams


def kg(grams: int) -> Decimal:
    """Grams as the kilograms that a scale shows."""
    return Decimal(grams) / 1000


def paper(town: Town, shop: Actor, supplier: str, **more: Any) -> str:
    """A commitment certificate photographed once, before the lines it is for."""
    values = {"issued_on": town.day(1), "issuer": supplier, "form": "producer", **more}
    return str(town.do(file_certificate, town.command(shop), kind=CertificateKind.COMMITMENT, lots=[], **values)["id"])


def morning(town: Town, shop: Actor, products: list[str], books: Books, dice: random.Random) -> list[str]:
    """Thirty suppliers before eight: most goods are accepted; what lacks its paper waits, what is rotten goes back."""
    lots = []
    for number in range(DELIVERIES):
        name = f"菜农{number + 1}号（演示）"
        supplier = Supplier(name=name, address="沙坡头区", contact=f"0955-70{number:05d}")
        # One certificate in ten has ended: its lines wait.
        ended = number % 10 == 9
        certificate = paper(town, shop, name, **({"valid_until": town.day(1)} if ended else {}))
        count = LINES // DELIVERIES + (number < LINES % DELIVERIES)
        chosen = dice.sample(products, count)
        rotten = number == 4
        lines = [
            Line(
                product=product,
                lot_number=f"D{number}-{position}",
                amount=kg(dice.randint(1_000, 60_000)),
                produced_on=town.day(1),
                expires_on=town.day(-dice.randint(2, 9)),
                origin="沙坡头区",
                certificates=(certificate,),
                decision=Decision.REFUSE if rotten and position == 0 else Decision.HOLD if ended else Decision.ACCEPT,
                reason="腐烂" if rotten and position == 0 else "",
            )
            for position, product in enumerate(chosen)
        ]
        done = town.do(
            receive, town.command(shop, f"delivery {number}", hours=3), supplier=supplier, lines=lines,
            delivery_note=f"N-{number}",
        )  # fmt: skip
        record = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)
        assert [line["decision"] for line in record["lines"]] == [line.decision.value for line in lines]
        for told in record["lines"]:
            grams = int(told["amount"] * 1000)
            if told["decision"] != "refuse":
                books.move(told["lot"], "came", "held" if told["decision"] == "hold" else "on_hand", grams)
            if told["decision"] == "accept":
                lots.append(told["lot"])
    return lots


def mixing(town: Town, shop: Actor, portions: list[tuple[str, int]], books: Books) -> tuple[str, int]:
    """Two lots of one product become a salad mix, with a new certificate; a third of it is sold: (mix, grams left)."""
    made = sum(grams for _, grams in portions) - 150  # what the knife takes
    inputs = [Some(lot, kg(grams)) for lot, grams in portions]
    (mix,) = town.do(repack, town.command(shop), inputs=inputs, portions=[Portion(kg(made))])["lots"]
    for lot, grams in portions:
        books.move(lot, "on_hand", "used", grams)
    books.move(mix, "came", "on_hand", made)
    town.refuses(Conflict, sell_goods, town.command(shop), sold=[Sold(code=mix, amount=kg(100))])
    contents, basis = Contents(amount=kg(made), unit="KGM"), [CommitmentBasis.CONTROL]
    town.do(issue_commitment, town.command(shop), lots=[mix], contents=contents, basis=basis, statement_accepted=True)
    town.do(sell_goods, town.command(shop), sold=[Sold(code=mix, amount=kg(made // 3))])
    books.move(mix, "on_hand", "sold", made // 3)
    return mix, made - made // 3


def till(town: Town, shop: Actor, by_product: dict[str, str], products: list[str], books: Books) -> None:
    """A till reports products only: what it sold is attributed to the lots that were open."""
    for product in products:
        grams = sum(books.lots[lot] for lot, of in by_product.items() if of == product) // 4
        told = town.do(sell_goods, town.command(shop), sold=[Sold(product=product, amount=kg(grams))])
        for part in told["sales"][0]["lots"]:
            books.move(part["lot"], "on_hand", "sold", int(Decimal(part["amount"]) * 1000))


def failed_test(town: Town, shop: Actor, lot: str, mix: str, other: str, books: Books) -> None:
    """A lot fails its rapid test: it and the mix made of it are held, whatever is left of them; others sell on."""
    town.do(record_test, town.command(shop), lot=lot, tested_for="毒死蜱", passed=False, official=True)
    for reached in (lot, mix):
        books.move(reached, "on_hand", "held", books.lots[reached])
        town.refuses(Conflict, sell_goods, town.command(shop), sold=[Sold(code=reached, amount=kg(1))])
    town.do(sell_goods, town.command(shop), sold=[Sold(code=other, amount=kg(100))])
    books.move(other, "on_hand", "sold", 100)


def test_after_a_whole_day_the_books_of_the_shop_agree_to_the_gram(town: Town) -> None:
    shop, other = town.organisation(), town.organisation(OrganisationKind.SUPERMARKET)
    products = [town.product(shop, Category.VEGETABLE) for _ in range(12)]
    books = Books()
    lots = morning(town, shop, products, books, random.Random(640502))
    by_product = {lot: town.do(_product, lot) for lot in lots}
    first = lots[0]
    second = next(lot for lot in lots[1:] if by_product[lot] == by_product[first])
    away = next(lot for lot in lots if by_product[lot] == products[7])

    mix, left = mixing(town, shop, [(first, books.lots[first] // 2), (second, books.lots[second] // 3)], books)
    till(town, shop, by_product, [one for one in products[:7] if one != by_product[first]], books)
    town.do(ship, town.command(shop), receiver=town.id_of(other), goods=[Some(away, kg(700))])
    books.move(away, "on_hand", "sent", 700)
    town.do(take_back, town.command(shop), goods=[Some(mix, kg(250))])
    books.move(mix, "sold", "held", 250)
    failed_test(town, shop, first, mix, second, books)
    # The mix is destroyed, photographed and before a witness, and so is what a crate crushed.
    town.destroy(shop, Some(mix, kg(left + 250)))
    books.move(mix, "held", "destroyed", left + 250)
    town.destroy(shop, Some(away, kg(300)))
    books.move(away, "on_hand", "destroyed", 300)

    rows = town.do(mass_balance, actor=shop)
    assert {row["difference"] for row in rows} == {Decimal(0)}
    totals = {name: int(sum(row[name] for row in rows) * 1000) for name in WHERE}
    assert totals == {name: books.accounts[name] for name in WHERE}
    assert sum(totals.values()) == -books.accounts["came"]
    assert {lot: int(town.stock(shop, lot)[0] * 1000) for lot in books.lots} == books.lots


def _product(session: Any, lot: str) -> str:
    return str(find_lots(session, [lot])[lot].product_public_id)
