"""Two people accept what one may not: another of the same shop, who may receive goods, with the right password."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import client_request, person, receipt_line
from tests.services.deliveries import read, refused
from tests.town import STRANGER, Town
from trace.domain.failures import Conflict, Invalid
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services.overrides import Agreement
from trace.services.people import create_person
from trace.services.receiving import Decision, Line, receive

PASSWORD = "a long enough secret"


def colleague(town: Town, actor: Actor, role: Role = Role.CLERK) -> str:
    """A person at the actor's organisation: the sign-in."""
    sign_in = f"second-{town.count(person)}"
    town.do(
        create_person, sign_in=sign_in, name="店长", password=PASSWORD, role=role,
        organisation_id=actor.organisation, now=town.now,
    )  # fmt: skip
    return sign_in


def too_warm(town: Town, shop: Actor) -> Line:
    """A chilled vegetable that came at 9 degrees: R11 lets two people accept it, with a reason."""
    product = town.product(shop, Category.VEGETABLE, celsius_low=0, celsius_high=400)
    return Line(product=product, amount=Decimal(5), celsius=Decimal(9), reason="抽查正常")


def test_another_person_of_the_shop_accepts_with_the_receiver_and_the_record_names_them(town: Town) -> None:
    shop = town.organisation()
    agreement = Agreement(colleague(town, shop), PASSWORD)
    command = replace(town.command(shop, key="two"), request={"overridden": {"sign_in": agreement.sign_in}})
    asked: dict[str, Any] = {"supplier": STRANGER, "lines": [too_warm(town, shop)], "agreement": agreement}
    done = town.do(receive, command, **asked)
    line = read(town, shop, done["id"])["lines"][0]
    assert (line["decision"], line["overridden_by"], line["override_reason"]) == ("accept", "店长", "抽查正常")
    assert town.do(receive, command, **asked | {"agreement": replace(agreement, password="gone")}) == done
    with town.store.reading() as session:
        kept = session.execute(select(client_request)).all() + session.execute(select(receipt_line)).all()
    assert PASSWORD not in json.dumps([tuple(row) for row in kept], default=str)
    assert PASSWORD not in repr(agreement)


def test_one_alone_accepts_neither_without_a_second_nor_without_a_reason(town: Town) -> None:
    shop = town.organisation()
    line = too_warm(town, shop)
    failure = refused(town, Conflict, shop, STRANGER, line)
    assert (failure.field, failure.details["override"]) == ("override.sign_in", "two_people")
    agreement = Agreement(colleague(town, shop), PASSWORD)
    assert (
        refused(town, Conflict, shop, STRANGER, replace(line, reason=""), agreement=agreement).field == "lines.0.reason"
    )
    held = replace(line, decision=Decision.HOLD)
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[held], agreement=None)
    assert read(town, shop, done["id"])["lines"][0]["overridden_by"] == ""


def test_a_wrong_password_an_unknown_name_and_a_strangers_are_told_alike(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    line = too_warm(town, shop)
    tried = (
        Agreement(colleague(town, shop), "wrong"),
        Agreement("nobody-at-all", PASSWORD),
        Agreement(colleague(town, other), PASSWORD),
    )
    failures = [refused(town, Invalid, shop, STRANGER, line, agreement=agreement) for agreement in tried]
    assert {(str(failure), failure.field) for failure in failures} == {(str(failures[0]), "override.password")}


@pytest.mark.parametrize("role", [Role.CLERK, None])
def test_oneself_is_no_second_person(town: Town, role: Role | None) -> None:
    shop = town.organisation()
    sign_in = colleague(town, shop)
    with town.store.reading() as session:
        number = session.execute(select(person.c.id).where(person.c.sign_in == sign_in)).scalar_one()
    actor = replace(shop, person=number if role else None)  # a key is no person: whoever signs is the second
    asked = {"supplier": STRANGER, "lines": [too_warm(town, shop)], "agreement": Agreement(sign_in, PASSWORD)}
    if role:
        assert town.refuses(Invalid, receive, town.command(actor), **asked).field == "override.sign_in"
    else:
        assert town.do(receive, town.command(actor), **asked)["lines"] == 1


def test_what_the_book_forbids_two_people_do_not_accept_either(town: Town) -> None:
    shop = town.organisation()
    pork = Line(product=town.product(shop, Category.PORK), amount=Decimal(5), reason="老客户")
    agreement = Agreement(colleague(town, shop), PASSWORD)
    failure = refused(town, Conflict, shop, STRANGER, pork, agreement=agreement)
    assert (failure.field, failure.details["override"]) == ("lines.0.decision", "never")
