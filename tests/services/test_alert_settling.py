"""An alert of a code sold twice is settled by who answers for it: shop, other shop, inspector, each for itself."""

from typing import Any

from sqlalchemy import select

from storage.tables import alert, alert_settlement
from tests.services.test_concurrency import at_once, conflicts
from tests.services.test_dispensing import also_at, pharmacy, second_sales
from tests.town import Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.services.alert_settling import settle_alert
from trace.services.alerts import page_of_alerts, raise_alert
from trace.services.dispensing import dispense

DONE = "盒子单独存放，已电话告知市监局"


def sold_twice(town: Town) -> tuple[Actor, Actor, Actor]:
    """Two pharmacies that sold one code, and the inspector of both."""
    shop, other, (code,) = pharmacy(town), pharmacy(town), town.packs(1)
    also_at(town, other, (code,), town.drugs_at(shop, (code,)))
    town.do(dispense, town.command(shop, hours=1), codes=[code])
    town.do(dispense, town.command(other), codes=[code])
    return shop, other, town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)


def settled(town: Town, actor: Actor) -> list[dict[str, Any]]:
    return list(town.do(page_of_alerts, actor=actor, now=town.now, settled=True)["alerts"])


def settle(town: Town, actor: Actor, number: int, action: str = DONE, key: str | None = None) -> Any:
    return town.do(settle_alert, town.command(actor, key), number=number, action=action)


def test_each_side_settles_its_own_alert_and_leaves_the_others_open(town: Town) -> None:
    shop, other, inspector = sold_twice(town)
    (told,) = second_sales(town, shop)
    assert (told["by_hand"], told["settlements"]) == (True, [])
    settle(town, shop, told["id"])
    assert second_sales(town, shop) == []
    (kept,) = settled(town, shop)
    assert kept["settlements"] == [
        {"organisation": shop.organisation_name, "by": shop.name, "at": town.now, "action": DONE}
    ]
    assert [one["id"] for one in second_sales(town, other)] != []
    assert settled(town, other) == settled(town, inspector) == []
    of = {one["id"]: one["settlements"] for one in second_sales(town, inspector)}
    assert of[told["id"]] == kept["settlements"]  # the inspector reads what the shop says
    settle(town, inspector, told["id"], "已现场核查")
    assert told["id"] not in {one["id"] for one in second_sales(town, inspector)}
    (seen,) = settled(town, inspector)
    assert [one["action"] for one in seen["settlements"]] == [DONE, "已现场核查"]
    (own,) = settled(town, shop)
    assert [one["action"] for one in own["settlements"]] == [DONE]  # what the inspector wrote is the inspector's


def test_what_another_shop_answers_for_is_no_alert_of_ones_own(town: Town) -> None:
    shop, other, _ = sold_twice(town)
    (theirs,) = second_sales(town, other)
    elsewhere = town.organisation(K.REGULATOR, region="110000", role=Role.INSPECTOR)
    for actor, number in ((shop, theirs["id"]), (elsewhere, theirs["id"]), (shop, 10**30)):
        town.refuses(NotFound, settle_alert, town.command(actor), number=number, action=DONE)
    assert town.count(alert_settlement) == 0


def test_an_alert_is_settled_by_a_sentence_and_only_where_nothing_else_ends_it(town: Town) -> None:
    shop, _, _ = sold_twice(town)
    (told,) = second_sales(town, shop)
    failure = town.refuses(Invalid, settle_alert, town.command(shop), number=told["id"], action="  ")
    assert failure.field == "action"
    with town.store.writing() as session:
        item = session.scalars(select(alert.c.item).limit(1)).one()
        more = {"item": item, "organisation": shop.organisation, "region": shop.region, "details": {}, "now": town.now}
        raise_alert(session, kind="recall_notice", **more)
    (notice,) = [one for one in second_sales(town, shop) if one["kind"] == "recall_notice"]
    assert not notice["by_hand"]
    town.refuses(Conflict, settle_alert, town.command(shop), number=notice["id"], action=DONE)
    assert town.count(alert_settlement) == 0


def test_two_who_settle_at_once_are_one_settlement_and_the_other_reads_it(town: Town) -> None:
    shop, _, _ = sold_twice(town)
    (told,) = second_sales(town, shop)
    answers = at_once(*[lambda n=n: settle(town, shop, told["id"], f"说法{n}") for n in range(4)])
    assert conflicts(answers) == 3
    (kept,) = settled(town, shop)
    (said,) = kept["settlements"]
    refusals = [str(answer) for answer in answers if isinstance(answer, Conflict)]
    assert all(said["action"] in text and shop.name in text for text in refusals)


def test_a_settlement_sent_twice_is_one_and_answers_alike(town: Town) -> None:
    shop, _, _ = sold_twice(town)
    (told,) = second_sales(town, shop)
    answers = [settle(town, shop, told["id"], key="s-1") for _ in range(2)]
    assert answers[0] == answers[1] == {"id": told["id"], "action": DONE}
    assert town.count(alert_settlement) == 1
