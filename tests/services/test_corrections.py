"""A line of a record is corrected: the old value stays beside the new one, and stock follows by the difference."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.services.test_concurrency import at_once
from tests.services.test_taking_back import books
from tests.town import STRANGER, Town
from trace.domain.failures import Conflict, Failure, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services import hops
from trace.services.corrections import LineCorrection, correct_receipt_line
from trace.services.delivery import expected
from trace.services.hops import Some
from trace.services.lookup import look_up
from trace.services.receipts import get_receipt
from trace.services.receiving import Decision, Line, receive
from trace.services.undoing import seconds_to_undo, undo_receipt

HELD: dict[str, Any] = {"decision": Decision.HOLD, "reason": "no papers"}


def asked(done: dict[str, Any], line: int = 0, **to: Any) -> dict[str, Any]:
    return {"receipt_id": done["id"], "line": line, "to": LineCorrection(**to), "reason": "misread", "device": "Edge"}


def correct(town: Town, shop: Actor, done: dict[str, Any], **to: Any) -> Any:
    return town.do(correct_receipt_line, town.command(shop), **asked(done, **to))


def kept_of(town: Town, shop: Actor, done: dict[str, Any]) -> list[dict[str, Any]]:
    (line,) = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"]
    return list(line["corrections"])


def received(town: Town, shop: Actor, **more: Any) -> tuple[dict[str, Any], str]:
    """A delivery of 10 kg from a stranger, held: the record, the lot."""
    more = {"product": town.product(shop), "lot_number": "A", "amount": Decimal(10), **HELD, **more}
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[Line(**more)])
    return done, town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"][0]["lot"]


def test_a_corrected_amount_moves_stock_and_what_is_on_the_way_by_the_difference(town: Town) -> None:
    farm, shop = town.organisation(), town.organisation()
    made = town.grown(farm, 20)
    town.send(farm, shop, Some(made, Decimal(12)))
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(10)))
    town.now += timedelta(days=1)
    assert correct(town, shop, done, amount=Decimal("9.5"))["changed"] == ["amount"]
    assert town.stock(shop, made) == (Decimal("9.5"), 0)
    assert [entry["amount"] for entry in town.do(expected, actor=shop)] == [Decimal("2.5")]
    town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(4))])
    assert isinstance(
        town.refuses(Conflict, correct_receipt_line, town.command(shop), **asked(done, amount=Decimal(3))), Conflict
    )
    assert "more than was sent" in str(
        town.refuses(Conflict, correct_receipt_line, town.command(shop), **asked(done, amount=Decimal(13)))
    )
    correct(town, shop, done, amount=Decimal(4))
    assert books(town, shop) == {"came": 4, "sold": 4}
    (line,) = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"]
    assert line["amount"] == 4
    kept = kept_of(town, shop, done)
    assert [(one["field"], one["old"], one["new"]) for one in kept] == [
        ("amount", "10", "9.5"),
        ("amount", "9.5", "4"),
    ]
    assert town.do(seconds_to_undo, actor=shop, receipt_id=done["id"], now=town.now) == 0  # it came yesterday
    assert (kept[0]["reason"], kept[0]["device"], kept[0]["corrected_at"]) == ("misread", "Edge", town.now)
    steps = [entry["step"] for entry in town.do(look_up, actor=shop, text=made, now=town.now)["timeline"]]
    assert steps.count("receiving") == 1


def test_a_decision_and_dates_are_corrected_and_a_blocked_line_is_not_accepted(town: Town) -> None:
    farm, shop = town.organisation(), town.organisation()
    made = town.grown(farm, 20)
    town.send(farm, shop, Some(made, Decimal(10)))
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(10)))
    correct(town, shop, done, decision=Decision.HOLD)
    assert town.stock(shop, made) == (0, 10)
    correct(town, shop, done, decision=Decision.ACCEPT, amount=Decimal(8))
    assert town.stock(shop, made) == (8, 0)
    held, lot = received(town, shop, product=town.product(shop, Category.PORK))  # without its quarantine certificate
    blocked = asked(held, decision=Decision.ACCEPT)
    assert town.refuses(Conflict, correct_receipt_line, town.command(shop), **blocked).field == "decision"
    assert correct(town, shop, held, produced_on=town.day(3))["changed"] == ["produced_on"]
    line = town.do(get_receipt, actor=shop, public_id=held["id"], now=town.now)["lines"][0]
    assert (line["produced_on"], town.stock(shop, lot)) == (town.day(3), (0, 10))


@pytest.mark.parametrize(
    ("failure", "more"),
    [
        (Invalid, {"to": LineCorrection()}),
        (Invalid, {"to": LineCorrection(amount=Decimal(10))}),  # as it is
        (Invalid, {"reason": " "}),
        (Invalid, {"to": LineCorrection(amount=Decimal(0))}),
        (Conflict, {"to": LineCorrection(decision=Decision.REFUSE)}),
        (NotFound, {"line": 1}),
        (NotFound, {"receipt_id": "0" * 26}),
    ],
)
def test_a_correction_says_what_and_why(town: Town, failure: type[Failure], more: dict[str, Any]) -> None:
    shop = town.organisation()
    done, lot = received(town, shop)
    wrong = asked(done, amount=Decimal(9)) | more
    town.refuses(failure, correct_receipt_line, town.command(shop), **wrong)
    assert town.stock(shop, lot) == (0, 10)


def test_another_shops_an_undone_and_a_line_of_packs_are_not_corrected(town: Town) -> None:
    shop, packs = town.organisation(OrganisationKind.PHARMACY), town.packs(2)
    done, _ = received(town, shop)
    wrong = asked(done, amount=Decimal(9))
    stranger = replace(town.command(shop), actor=town.organisation())
    town.refuses(NotFound, correct_receipt_line, stranger, **wrong)
    town.do(undo_receipt, town.command(shop), receipt_id=done["id"])
    town.refuses(Conflict, correct_receipt_line, town.command(shop), **wrong)
    drugs, _ = received(
        town, shop, product=town.drug(shop), amount=None, codes=packs, new_identifiers=(packs[0][-20:-13],),
        expires_on=town.day(-90), lot_number="B",
    )  # fmt: skip
    assert "packs" in str(
        town.refuses(Conflict, correct_receipt_line, town.command(shop), **asked(drugs, amount=Decimal(1)))
    )


def test_two_who_correct_at_once_correct_one_after_the_other(town: Town) -> None:
    """The locked row of `receipt` decides."""
    shop = town.organisation()
    done, _ = received(town, shop)
    amounts = [Decimal(n) for n in (7, 8, 9)]
    answers = at_once(*(lambda n=n: correct(town, shop, done, amount=n) for n in amounts))
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    kept = kept_of(town, shop, done)
    assert [one["old"] for one in kept] == ["10", *(one["new"] for one in kept[:-1])]
    assert books(town, shop) == {"came": Decimal(kept[-1]["new"]), "held": Decimal(kept[-1]["new"])}


def test_a_price_that_was_mistyped_is_corrected_beside_the_old_one_and_only_the_shop_reads_either(town: Town) -> None:
    shop, inspector = town.organisation(), town.organisation(role=Role.INSPECTOR)
    done, lot = received(town, shop, price=Decimal("128"))
    before = town.stock(shop, lot)
    assert correct(town, shop, done, price=Decimal("12.80"))["changed"] == ["price"]
    (line,) = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"]
    (kept,) = line["corrections"]
    assert (line["price"], kept["field"], kept["old"], kept["new"]) == (Decimal("12.8"), "price", "128", "12.8")
    assert town.stock(shop, lot) == before
    (seen,) = town.do(get_receipt, actor=inspector, public_id=done["id"], now=town.now)["lines"]
    assert (seen["price"], seen["corrections"], seen["corrected_at"] is not None) == (None, [], True)
