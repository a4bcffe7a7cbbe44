"""Looking up an organisation: its own events whole, another's where both took part, inspectors' looks written down."""

from decimal import Decimal
from typing import Any

import pytest

from tests.town import NOW, Town
from trace.domain.failures import Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.hops import Some, sell
from trace.services.look_up_log import list_look_ups
from trace.services.organisation_history import history_of_organisation
from trace.services.receiving import Line

K = OrganisationKind


@pytest.fixture
def trade(town: Town) -> tuple[Actor, Actor, Actor]:
    """A farm that delivered to two shops, both of which sold some: (farm, shop, other shop)."""
    farm, shop, other = town.organisation(K.FARM), town.organisation(), town.organisation()
    lot = town.grown(farm)
    for receiver in (shop, other):
        town.send(farm, receiver, Some(lot, Decimal(20)))
        town.arrive(farm, receiver, Line(code=lot, amount=Decimal(20), price=Decimal("7.31")))
        town.do(sell, town.command(receiver, hours=2), goods=[Some(lot, Decimal(3))])
    return farm, shop, other


def history(town: Town, actor: Actor, of: Actor, **more: Any) -> dict[str, Any]:
    return dict(town.do(history_of_organisation, actor=actor, public_id=town.id_of(of), now=NOW, **more))


def steps(answer: dict[str, Any]) -> list[str]:
    return [entry["step"] for entry in answer["events"]]


def test_an_organisation_reads_all_of_its_own_history_latest_first(
    town: Town, trade: tuple[Actor, Actor, Actor]
) -> None:
    _, shop, _ = trade
    answer = history(town, shop, shop)
    assert steps(answer) == ["retail_selling", "receiving", "shipping"]
    assert answer["organisation"]["name"] == shop.organisation_name and answer["organisation"]["licences"]
    assert answer["next"] is None and "7.31" not in str(answer)


def test_of_another_organisation_only_what_both_took_part_in(town: Town, trade: tuple[Actor, Actor, Actor]) -> None:
    farm, shop, other = trade
    assert steps(history(town, farm, shop)) == ["receiving", "shipping"], "what the shop sold is its own affair"
    assert steps(history(town, shop, farm)) == ["receiving", "shipping"]
    assert steps(history(town, shop, other)) == []


@pytest.mark.parametrize("role", [Role.INSPECTOR, Role.AUDITOR])
def test_an_inspector_reads_all_in_the_region_and_it_is_written_down(
    town: Town, trade: tuple[Actor, Actor, Actor], role: Role
) -> None:
    _, shop, _ = trade
    reader = town.organisation(K.REGULATOR, region="640500", role=role, licensed=False)
    assert steps(history(town, reader, shop, reason="日常检查")) == ["retail_selling", "receiving", "shipping"]
    with town.store.reading() as session:
        logged = list_look_ups(session, actor=town.as_role(reader, Role.AUDITOR))
    assert [(row["what"], row["subject"], row["reason"]) for row in logged] == [
        ("organisation", shop.organisation_name, "日常检查")
    ]


def test_an_inspector_of_another_region_reads_none_of_it(town: Town, trade: tuple[Actor, Actor, Actor]) -> None:
    _, shop, _ = trade
    stranger = town.organisation(K.REGULATOR, region="640100", role=Role.INSPECTOR, licensed=False)
    assert steps(history(town, stranger, shop)) == []


def test_an_inspector_reads_what_somebody_of_the_region_did_with_one_elsewhere(town: Town) -> None:
    farm = town.organisation(K.FARM, region="640104")
    shop = town.organisation(region="640502")
    lot = town.grown(farm)
    town.send(farm, shop, Some(lot, Decimal(2)))
    reader = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR, licensed=False)
    assert steps(history(town, reader, farm)) == ["shipping"]


def test_pages_follow_one_another_without_a_gap(town: Town) -> None:
    shop = town.organisation()
    lot = town.grown(town.organisation(K.FARM))
    farm = town.organisation(K.FARM)
    own = town.grown(farm)
    assert lot != own
    for _ in range(7):  # all in one millisecond
        town.do(sell, town.command(farm, hours=2), goods=[Some(own, Decimal(1))])
    whole = [entry["event"] for entry in history(town, farm, farm)["events"]]
    read, before = [], None
    while True:
        page = history(town, farm, farm, limit=3, before=before)
        read += [entry["event"] for entry in page["events"]]
        before = page["next"]
        if before is None:
            break
    assert read == whole and len(whole) == 8
    assert history(town, shop, shop)["events"] == []


@pytest.mark.parametrize("before", ["", "x", "1", "1.2.3", "1e5.2", "9" * 30 + ".1", "1.٣"])
def test_a_page_that_is_none_is_refused_with_a_sentence(town: Town, before: str) -> None:
    shop = town.organisation()
    with pytest.raises(Invalid) as found:
        history(town, shop, shop, before=before)
    assert found.value.field == "before"


def test_an_organisation_that_does_not_exist_is_not_found(town: Town) -> None:
    shop = town.organisation()
    with pytest.raises(NotFound):
        town.do(history_of_organisation, actor=shop, public_id="0" * 26, now=NOW)
