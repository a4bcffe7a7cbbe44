"""The rule book is written by administrators: who, what, from when; what was judged before stays as it was judged."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from storage.tables import rule_entry
from tests.town import TODAY, Town
from trace.domain.failures import Forbidden, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.domain.rules.book import Confidence
from trace.services.inspecting import look_at_delivery
from trace.services.receipts import get_receipt
from trace.services.receiving import Line, Supplier
from trace.services.rule_writing import is_house_rule, list_rules, rule_history, write_rule
from trace.services.rulebook import rules_on

TOMORROW = TODAY + timedelta(days=1)


def write(town: Town, actor: Actor, name: str, value: Any, key: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry of the book, from today on unless told otherwise."""
    said = {
        "effective_from": TODAY,
        "source": "a test",
        "confidence": Confidence.SEEN,
        "reason": "the law changed",
        "everywhere": actor.role is Role.PLATFORM_ADMINISTRATOR,
    }
    return dict(town.do(write_rule, town.command(actor, key), name=name, value=value, **said | more))


def platform(town: Town) -> Actor:
    return town.organisation(K.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR)


def administrator(town: Town) -> Actor:
    return town.organisation(role=Role.ORGANISATION_ADMINISTRATOR)


def in_force(town: Town, actor: Actor, name: str, on: Any = TODAY) -> Any:
    return town.do(rules_on, on, actor.organisation).value(name)


def test_the_platform_writes_for_everybody_from_a_day_on(town: Town) -> None:
    shop = town.organisation()
    write(town, platform(town), "retest.rapid", {"hours": 6}, effective_from=TOMORROW)
    assert in_force(town, shop, "retest.rapid") == {"hours": 4}
    assert in_force(town, shop, "retest.rapid", TOMORROW) == {"hours": 6}
    (card,) = [card for card in town.do(list_rules, actor=shop, on=TODAY) if card["name"] == "retest.rapid"]
    assert (card["value"], card["coming"], card["may_write"]) == ({"hours": 4}, TOMORROW, False)


def test_an_administrator_writes_house_rules_for_the_own_organisation_alone(town: Town) -> None:
    house, other = administrator(town), town.organisation()
    write(town, house, "weighing_tolerance", "0.05", confidence=Confidence.READ)
    assert in_force(town, house, "weighing_tolerance") == "0.05"
    assert in_force(town, other, "weighing_tolerance") == "0.02"
    (card,) = [card for card in town.do(list_rules, actor=house, on=TODAY) if card["name"] == "weighing_tolerance"]
    assert (card["everywhere"], card["confidence"]) == (False, "H")  # whatever it was taken from
    assert len(town.do(rule_history, actor=other, name="weighing_tolerance")["entries"]) == 1


@pytest.mark.parametrize(
    "name",
    [
        "retest.rapid",
        "papers.produce",
        "retention.food",
        "import.limits",
        "override.BLOCKED",
        "paper_use",
        "correction",
        "nobody.reads.this",
    ],
)
def test_what_the_law_says_is_no_house_rule(town: Town, name: str) -> None:
    assert not is_house_rule(name)
    with pytest.raises(Forbidden):
        write(town, administrator(town), name, {"hours": 1})


@pytest.mark.parametrize(
    ("role", "everywhere"),
    [
        (Role.ORGANISATION_ADMINISTRATOR, True),
        (Role.PLATFORM_ADMINISTRATOR, False),
        (Role.CLERK, True),
        (Role.CLERK, False),
        (Role.INSPECTOR, True),
    ],
)
def test_each_administrator_writes_where_it_may_and_nobody_else_does(town: Town, role: Role, everywhere: bool) -> None:
    actor = town.organisation(role=role)
    with pytest.raises(Forbidden):
        write(town, actor, "weighing_tolerance", "0.01", everywhere=everywhere)
    assert town.count(rule_entry) == 0


@pytest.mark.parametrize(
    "more",
    [{"value": {"hours": "4"}}, {"reason": " "}, {"source": ""}, {"name": "retest.never", "value": {"hours": 4}}],
)
def test_what_no_rule_could_use_is_refused_and_not_stored(town: Town, more: dict[str, Any]) -> None:
    said = {"name": "retest.rapid", "value": {"hours": 4}} | more
    with pytest.raises(Invalid):
        write(town, platform(town), **said)
    assert town.count(rule_entry) == 0


def test_an_entry_sent_twice_is_written_once(town: Town) -> None:
    actor = platform(town)
    assert write(town, actor, "retest.rapid", {"hours": 6}, "k1") == write(
        town, actor, "retest.rapid", {"hours": 6}, "k1"
    )
    assert town.count(rule_entry) == 1


def test_nothing_is_overwritten_and_the_history_says_who_and_why(town: Town) -> None:
    actor = platform(town)
    for hours in (5, 6):
        write(town, actor, "retest.rapid", {"hours": hours}, reason=f"order {hours}")
    found = town.do(rule_history, actor=actor, name="retest.rapid")
    told = [(entry["value"]["hours"], entry["reason"], entry["shipped"]) for entry in found["entries"]]
    assert told == [(6, "order 6", False), (5, "order 5", False), (4, "", True)]  # of one day, the later one counts
    assert in_force(town, actor, "retest.rapid") == {"hours": 6}
    town.refuses(NotFound, rule_history, actor=actor, name="retest.never")


def test_a_rule_written_for_the_past_judges_what_comes_late_and_leaves_what_was_judged(town: Town) -> None:
    farm, shop, actor = town.organisation(K.FARM), town.organisation(), platform(town)
    done = town.arrive(farm, shop, Line(code=town.grown(farm), amount=Decimal(5)))
    before = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"][0]["findings"]
    later = town.grown(farm)
    answer = write(
        town, actor, "papers.more",
        {"categories": [Category.VEGETABLE], "any_of": [CertificateKind.ENTRY], "severity": "block"},
        effective_from=town.day(30),
    )  # fmt: skip
    assert answer["in_the_past"]
    after = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"][0]["findings"]
    assert after == before
    (card,) = town.do(
        look_at_delivery, town.command(shop, days=2), supplier=Supplier(public_id=town.id_of(farm)),
        lines=[Line(code=later, amount=Decimal(5))],
    )  # fmt: skip
    assert [f["source"] for f in card["findings"] if f["rule"] == "R3" and f["severity"] == "block"] == ["a test"]


def test_what_is_dated_before_all_rules_is_refused_with_a_sentence(town: Town) -> None:
    rules = town.do(rules_on, day=date(1990, 1, 1), organisation=0)
    with pytest.raises(Invalid) as refused:
        rules.value("dispensing.never")
    assert refused.value.field == "happened_at"
    assert "1990-01-01" in str(refused.value)
