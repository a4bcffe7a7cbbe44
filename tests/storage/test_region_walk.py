"""An inspector's pages past the events of others: the same as those found one by one, for what they themselves cost."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from storage import event_routes, event_search, region_walk
from storage.event_routes import Ways, Window
from storage.event_search import Budget
from storage.parties import Viewer
from storage.region_walk import RegionWalk
from tests.services.asking import START, ask, event, every_page, number_of, numbers, record
from tests.town import NOW, Town
from trace.domain.permissions import Actor, Role

ELSEWHERE = "110101"
BY_RECORD_TIME: Mapping[str, Any] = {"orderBy": "recordTime", "GE_recordTime": START.isoformat()}


@pytest.fixture
def inspector(town: Town) -> Actor:
    return town.organisation(licensed=False, role=Role.INSPECTOR, region="640500")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes thousands of rows is tried with tens."""
    monkeypatch.setattr(event_routes, "SHORT", 2)
    monkeypatch.setattr(event_search, "FIRST_PIECE", 5)
    monkeypatch.setattr(region_walk, "PATIENCE", 5)


def test_a_page_costs_what_the_region_has_and_not_what_others_have(town: Town, inspector: Actor) -> None:
    shop, other = town.organisation(), town.organisation(region=ELSEWHERE)
    named = {"destinationList": [{"type": "owning_party", "destination": shop.party_uri}]}
    record(town, shop, *(event(n, after=n) for n in range(20)))
    record(town, other, event(20, after=20, **named), *(event(n, after=n) for n in range(1_000, 1_400)))
    few = Budget(rows=60)
    for order in ({}, BY_RECORD_TIME, {"EQ_bizStep": ["shipping"]}, {"EQ_action": ["OBSERVE"]}):
        assert sorted(numbers(town, inspector, dict(order), size=30, budget=few)) == list(range(21)), order
    page = ask(town, inspector, {}, size=8, budget=few)
    assert [number_of(document) for document in page.documents] == list(range(20, 12, -1))


def test_a_region_of_nobody_who_recorded_anything_is_told_at_once(town: Town, inspector: Actor) -> None:
    record(town, town.organisation(region=ELSEWHERE), *(event(n, after=n) for n in range(400)))
    assert numbers(town, inspector, {}, budget=Budget(rows=30)) == []


def test_what_the_region_does_without_a_match_does_not_keep_the_walk_off_its_index(
    town: Town, inspector: Actor
) -> None:
    shop, other = town.organisation(), town.organisation(region=ELSEWHERE)
    record(town, shop, *(event(n, after=n) for n in range(400)), event(500, after=-9, bizStep="packing"))
    record(town, other, *(event(n, after=n, bizStep="packing") for n in range(1_000, 1_050)))
    assert numbers(town, inspector, {"EQ_bizStep": ["packing"]}, budget=Budget(rows=300)) == [500]


@pytest.mark.parametrize("heads", [1, 3, 16])
@pytest.mark.parametrize("seed", range(3))
def test_pages_are_those_of_all_events_looked_at_one_by_one(
    town: Town, inspector: Actor, monkeypatch: pytest.MonkeyPatch, heads: int, seed: int
) -> None:
    monkeypatch.setattr(region_walk, "HEADS", heads)
    drawn = random.Random(seed)
    people = [town.organisation(licensed=False, region=drawn.choice(["640502", "640521"])) for _ in range(7)]
    people += [town.organisation(licensed=False, region=ELSEWHERE) for _ in range(2)]
    for number in range(12):
        sent, sender = [], drawn.choice(people) if drawn.random() < 0.4 else people[-1]
        for n in range(number * 20, number * 20 + 20):
            to = drawn.choice(people)
            named = {"destinationList": [{"type": "owning_party", "destination": to.party_uri}]}
            step = drawn.choice(["shipping", "packing"])
            # Few moments: many events are of the same one.
            sent.append(event(n, after=drawn.randrange(30), bizStep=step, **(named if drawn.random() < 0.1 else {})))
        record(town, sender, *sent, now=NOW + timedelta(minutes=number // 3))
    questions: list[dict[str, Any]] = [
        {}, {"orderBy": "recordTime"}, {"EQ_bizStep": ["packing"]},
        {"GE_eventTime": (START + timedelta(minutes=7)).isoformat(), "EQ_action": ["OBSERVE"]},
        {"GE_recordTime": (NOW + timedelta(minutes=1)).isoformat(), "orderBy": "recordTime"},
        {"GE_recordTime": (NOW + timedelta(minutes=1)).isoformat()},
    ]  # fmt: skip
    for question in questions:
        for direction in ("ASC", "DESC"):
            asked = question | ({"orderDirection": direction, "orderBy": question.get("orderBy", "eventTime")})
            found = every_page(town, inspector, asked, size=7)
            with monkeypatch.context() as plain:
                plain.setattr(region_walk, "PATIENCE", 1_000_000)
                assert found == every_page(town, inspector, asked, size=7), asked
    assert found[0], "the last question finds some"


def test_postgresql_and_sqlite_find_the_next_of_each_organisation_by_its_own_indices(town: Town) -> None:
    shop = town.organisation()
    record(town, shop, *(event(n, after=n) for n in range(40)))
    for order, indices in (
        ("eventTime", ("ix_event_captor", "event_party")),
        ("recordTime", ("ix_event_captor_recorded", "ix_event_party_recorded")),
    ):
        for place in (None, (9_999_999_999_999, 7)):
            with town.store.engine.begin() as connection:
                ways = Ways({}, Window({}), (), Viewer(None, "640500"))
                asked = RegionWalk(None, ways, order, descending=True)._heads(place)  # type: ignore[arg-type]
                told = str(asked.compile(connection, compile_kwargs={"literal_binds": True}))
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                    plan = "\n".join(connection.scalars(text(f"EXPLAIN {told}")))
                else:
                    plan = "\n".join(row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {told}")))
            for index in indices:
                assert index in plan, plan
            assert "SCAN event" not in plan and "ix_event_time" not in plan, plan
