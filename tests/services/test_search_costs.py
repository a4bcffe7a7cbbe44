"""What a search costs: how far it looks, and on SQLite, which tables are read whole (none)."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event as engine_event

from storage import names
from storage.events import find_idents
from storage.names import Name, find_some
from storage.tables import metadata, organisation
from tests.services.test_lookup import statements
from tests.town import NOW, Town
from trace.domain.events import Action, ObjectEvent, Quantity
from trace.domain.permissions import Actor, Role
from trace.services import search as searching
from trace.services.capture import capture
from trace.services.certificates import had_by
from trace.services.drug_editing import list_drugs
from trace.services.hops import Some
from trace.services.organisations import list_organisations
from trace.services.prices import list_prices
from trace.services.products import list_products


def plans_of(town: Town, look: Callable[..., Any], **asked: Any) -> list[str]:
    """How SQLite goes about each statement of a look."""
    plans: list[str] = []

    def explain(connection: object, _: object, statement: str, parameters: object, *__: object) -> None:
        if statement.startswith("SELECT"):
            driver = connection.connection.driver_connection  # type: ignore[attr-defined]
            rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    engine_event.listen(town.store.engine, "before_cursor_execute", explain)
    try:
        town.do(look, **asked)
    finally:
        engine_event.remove(town.store.engine, "before_cursor_execute", explain)
    return plans


def read_whole(plans: Iterable[str]) -> set[str]:
    """The tables of which one of these plans reads all rows."""
    return {plan.split()[1] for plan in plans if plan.startswith("SCAN")} & metadata.tables.keys()


def test_sqlite_reads_no_table_whole_for_a_search(town: Town) -> None:
    if town.store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says beforehand how it will read")
    shop, other = town.organisation(name="城南超市（演示）"), town.organisation(name="城北超市（演示）")
    lot = town.lot(shop, town.product(shop), number="SEARCH-1")
    town.send(shop, other, Some(lot, Decimal(1)))
    inspector = town.organisation(region="640500", role=Role.INSPECTOR, licensed=False)
    for text in ("SEARCH-1", "城南超市", "城南", "no such lot"):
        for actor in (shop, other, inspector):
            plans = plans_of(town, searching.search, actor=actor, text=text, now=NOW)
            assert plans
            assert read_whole(plans) == set(), (text, plans)


def test_sqlite_reads_no_names_whole_for_a_part_of_one(town: Town) -> None:
    if town.store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says beforehand how it will read")
    shop = town.organisation(name="城南药店（演示）")
    town.product(shop)
    for look in (list_organisations, list_products, list_drugs, list_prices):
        for text in ("城南", "no such name", "1234567"):
            plans = plans_of(town, look, actor=shop, text=text)
            assert plans
            assert read_whole(plans) & {"organisation", "product", "name_part"} == set(), (look, plans)


def test_what_many_names_have_is_come_by_in_order_of_the_names(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    if town.store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says beforehand how it will read")
    shop = town.organisation(name="城南药店（演示）")
    town.product(shop)
    monkeypatch.setattr(names, "MOST", -1)
    for look in (list_products, list_drugs):
        plans = plans_of(town, look, actor=shop, text="城")
        assert any("ix_product_name" in plan for plan in plans), plans
        assert not [plan for plan in plans if "ORDER BY" in plan], "to sort them, all would be read"


@pytest.fixture
def six(town: Town) -> tuple[Actor, Actor, Actor, list[str]]:
    """A farm that sent six lots to a shop: (farm, shop, an inspector, the lots, oldest first)."""
    farm, shop = town.organisation(name="沙坡头农场（演示）"), town.organisation()
    lots = [town.lot(farm, town.product(farm), number=f"NEW-{n}") for n in range(6)]
    for lot in lots:
        town.send(farm, shop, Some(lot, Decimal(1)))
    return farm, shop, town.organisation(region="640500", role=Role.INSPECTOR, licensed=False), lots


def told_of_the_farm(town: Town, actor: Actor) -> tuple[list[str], list[str]]:
    """(its lots, what was left out), as a search for its name tells."""
    (card,) = town.do(searching.search, actor=actor, text="沙坡头", now=NOW)["organisations"]
    return [row["lot"] for row in card["lots"]], card["left_out"]


def test_the_newest_lots_are_told_of_somebody_and_whether_there_are_older_ones(
    town: Town, six: tuple[Actor, Actor, Actor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shop, inspector, lots = six
    for actor in (shop, inspector):
        assert told_of_the_farm(town, actor) == (lots[::-1], [])
    for most in (2, 5):
        monkeypatch.setattr(searching, "MOST", most)
        for actor in (shop, inspector):
            assert told_of_the_farm(town, actor) == (lots[: 5 - most : -1], ["lots"])


def test_of_two_the_newest_things_between_them_are_looked_through_either_way(
    town: Town, six: tuple[Actor, Actor, Actor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    farm, shop, _, lots = six
    grown = town.grown(shop, number="BACK")
    town.send(shop, farm, Some(grown, Decimal(1)))
    assert told_of_the_farm(town, shop) == ([grown, *lots[::-1]], [])
    monkeypatch.setattr(searching, "NEWEST", 2)
    assert told_of_the_farm(town, shop) == ([grown, *lots[:3:-1]], ["lots"]), "it says that older ones were left out"


def test_lots_without_a_record_do_not_hide_those_that_have_one(
    town: Town, six: tuple[Actor, Actor, Actor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    farm, _, inspector, lots = six
    strange = (Quantity(f"https://id.gs1.org/01/06141410734642/10/S{n}", Decimal(1), "KGM") for n in range(9))
    seen = ObjectEvent(
        event_time=NOW, event_id="ni:///strange", action=Action.OBSERVE, biz_step="storing", quantities=tuple(strange)
    )
    town.do(capture, [seen], actor=farm, now=NOW, strict=False)
    monkeypatch.setattr(searching, "MOST", 3)
    assert told_of_the_farm(town, inspector) == (lots[:2:-1], ["lots"])
    for newest, told in ((15, lots[:2:-1]), (11, lots[:3:-1]), (7, [])):
        monkeypatch.setattr(searching, "NEWEST", newest)
        assert told_of_the_farm(town, inspector) == (told, ["lots"])


def test_of_strangers_no_lots_are_looked_for(town: Town) -> None:
    shop = town.organisation()
    asked: list[int] = []
    for street in ("东", "西"):
        for number in range(4):
            town.organisation(name=f"城南{street}街{number}号超市（演示）", licensed=False)
        with statements(town.store) as sent:
            found = town.do(searching.search, actor=shop, text="城南", now=NOW)["organisations"]
        asked.append(len(sent))
    assert (len(found), asked[0]) == (8, asked[1]), "so many statements, however many there are"


def test_of_many_organisations_with_a_text_in_their_name_few_more_are_looked_at_than_are_told(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_ORGANISATIONS", 3)
    shop = town.organisation()
    inspector = town.organisation(region="640500", role=Role.INSPECTOR, licensed=False)
    for number in range(12):
        town.organisation(name=f"城南{number}号超市", region="640100", licensed=False)
    ends = [town.organisation(name=f"{street}超市超市", licensed=False).organisation_name for street in "东南西北"]

    def told(actor: Actor, text: str) -> tuple[list[str], list[str]]:
        answer = town.do(searching.search, actor=actor, text=text, now=NOW)
        return [card["name"] for card in answer["organisations"]], answer["left_out"]

    assert told(shop, "超市超市") == told(inspector, "超市") == (sorted(ends)[:3], ["organisations"])
    assert len(set(told(shop, "超市")[0])) == 3
    assert told(shop, "南1号超") == (["城南1号超市"], [])
    with town.store.reading() as session, statements(town.store) as sent:
        assert len(find_some(session, Name.ORGANISATION, "超市", organisation.c.region == "640100", most=12)) == 12
        assert find_some(session, Name.ORGANISATION, "超市", organisation.c.region == "640300", most=12) == []
        assert len(find_some(session, Name.ORGANISATION, "超市", organisation.c.name == "东超市超市", most=2)) == 1
        assert len([statement for statement in sent if statement.startswith("SELECT")]) == 3


def test_sqlite_makes_no_table_of_an_organisations_events_to_tell_what_it_had(town: Town) -> None:
    if town.store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says beforehand how it will read")
    shop, other = town.organisation(), town.organisation()
    lots = [town.lot(shop, town.product(shop)) for _ in range(2)]
    town.send(shop, other, Some(lots[0], Decimal(1)))
    items = town.do(find_idents, uris=lots)
    for actor, had in ((shop, lots), (other, lots[:1])):
        assert town.do(had_by, actor=actor, items=items.values()) == {items[lot] for lot in had}
        plans = plans_of(town, had_by, actor=actor, items=items.values())
        assert plans
        assert not [plan for plan in plans if plan.startswith("MATERIALIZE")], plans
