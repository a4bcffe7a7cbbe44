"""What a query for events costs: statements, rows, and an end to it when nothing narrows it."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as engine_event
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage import event_routes, event_search
from storage.bulk import insert_rows
from storage.event_search import LONG, LONG_QUERIES, Budget, Meter
from storage.events import documents_of
from storage.tables import facts
from tests.services.asking import EX, ORDER_ID, RICH, SITE, START, ask, event, every_page, number_of, numbers, record
from tests.town import NOW, Town
from trace.domain.epcis.query_language import parse_query
from trace.domain.events import utc_milliseconds
from trace.domain.failures import QueryTooComplex
from trace.domain.permissions import Actor, Role

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop(town: Town) -> Actor:
    """An organisation with forty events, a minute apart."""
    shop = town.organisation()
    record(town, shop, *(event(number, after=number) for number in range(40)))
    return shop


def counted(town: Town, call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What a call gives, and the statements it sends."""
    sent: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine_event.listen(town.store.engine, "before_cursor_execute", note)
    try:
        return call(), [statement for statement in sent if "SELECT" in statement]
    finally:
        engine_event.remove(town.store.engine, "before_cursor_execute", note)


def test_query_that_no_index_serves_ends_with_its_budget(town: Town, shop: Actor) -> None:
    rare: Mapping[str, Any] = {"EQ_ILMD_ex:colour": ["red"]}
    for budget in (Budget(rows=30), Budget(documents=30), Budget(seconds=0)):
        with pytest.raises(QueryTooComplex, match="Narrow it by GE_eventTime"):
            record(town, shop, *(event(n, after=n) for n in range(1_000, 1_300)))
            ask(town, shop, dict(rare), budget=budget)
    assert numbers(town, shop, dict(rare)) == []


def test_clock_that_runs_out_ends_a_query(town: Town, shop: Actor) -> None:
    ticks = itertools.count(step=3)
    with pytest.raises(QueryTooComplex):
        ask(town, shop, {"EQ_ILMD_ex:colour": ["red"]}, budget=Budget(seconds=2), clock=lambda: next(ticks))


def test_more_long_queries_at_once_than_there_are_turns_are_refused_and_short_ones_are_not(
    town: Town, shop: Actor
) -> None:
    record(town, shop, *(event(n, after=n) for n in range(1_000, 1_400)))
    rare, budget = {"EQ_ILMD_ex:colour": ["red"]}, Budget(documents=300 * LONG, seconds=600)
    others = [Meter(Budget(), lambda: 0.0, rows=Budget().rows // LONG) for _ in range(LONG_QUERIES)]
    try:
        for other in others:
            other.check()
        with pytest.raises(QueryTooComplex, match="other long queries"):
            ask(town, shop, dict(rare), budget=budget)
        assert len(ask(town, shop, size=200, budget=budget).documents) == 200
    finally:
        for other in others:
            other.close()
    for _ in range(LONG_QUERIES + 1):  # each answer gives its turn back
        assert ask(town, shop, dict(rare), budget=budget).documents == []


def test_one_busy_value_among_many_does_not_make_a_range_of_each(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_routes, "SHORT", 20)
    busy = "urn:epc:id:sgtin:0614141.107346.1"
    record(town, shop, *(event(n, after=n, epcList=[busy]) for n in range(1_000, 1_050)))
    asked = {"MATCH_epc": [f"urn:epc:id:sgtin:0614141.107346.{number}" for number in range(10)]}
    page, statements = counted(town, lambda: ask(town, shop, asked, size=100))
    assert [number_of(document) for document in page.documents] == [*range(1_049, 999, -1), *range(9, -1, -1)]
    assert not any("UNION SELECT" in " ".join(statement.split()) for statement in statements)


def test_clock_is_looked_at_for_each_document_because_one_may_take_long(town: Town, shop: Actor) -> None:
    ticks = itertools.count()
    with pytest.raises(QueryTooComplex):
        ask(town, shop, {"EQ_ILMD_ex:colour": ["red"]}, budget=Budget(seconds=20), clock=lambda: next(ticks))
    assert next(ticks) < 30  # of forty documents


def test_page_that_the_budget_cuts_short_is_gone_on_from_where_it_ended(town: Town) -> None:
    shop = town.organisation()
    record(town, shop, *(event(n, after=n, **EX, **{"ex:n": n}) for n in range(700)))
    pages = every_page(town, shop, {"LT_ex:n": 350}, size=300, budget=Budget(documents=400))
    assert [number for page in pages for number in page] == list(range(349, -1, -1))
    assert len(pages[0]) < 300
    with pytest.raises(QueryTooComplex):
        ask(town, shop, {"LT_ex:n": 350, "orderBy": "https://ns.example.com/epcis/n"}, budget=Budget(documents=400))
    with pytest.raises(QueryTooComplex):
        ask(town, shop, {"LT_ex:n": 350, "maxEventCount": 600}, budget=Budget(documents=400))


def test_short_route_in_order_of_record_time_reads_the_documents_of_the_page_alone(town: Town, shop: Actor) -> None:
    asked = {"GE_recordTime": (NOW - timedelta(days=1)).isoformat(), "orderBy": "recordTime", "orderDirection": "ASC"}
    page = ask(town, shop, asked, size=6, budget=Budget(documents=8))
    assert [number_of(document) for document in page.documents] == [*range(6)]


def test_of_routes_of_the_same_length_the_one_in_the_querys_order_is_taken(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "FIRST_PIECE", 4)
    for order in ("recordTime", "eventTime"):
        asked = {"orderBy": order, "orderDirection": "ASC"}
        page = ask(town, shop, asked, size=2, budget=Budget(rows=8))  # the others are read whole: forty rows
        assert [number_of(document) for document in page.documents] == [0, 1], order


def test_what_an_organisation_may_see_of_what_was_recorded_since_is_found_without_what_others_recorded(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_routes, "SHORT", 3)
    other = town.organisation(licensed=False)
    to_shop = {"destinationList": [{"type": "owning_party", "destination": shop.party_uri}]}
    sent = [event(1_000, after=-9, **to_shop), *(event(n, after=n) for n in range(1_001, 1_060)), event(41, after=-3)]
    record(town, other, *sent, now=NOW + timedelta(minutes=1))
    record(town, shop, event(40), event(41, after=-3), now=NOW + timedelta(minutes=2))
    since = {"GE_recordTime": (NOW + timedelta(seconds=1)).isoformat(), "orderBy": "recordTime"}
    assert numbers(town, shop, since, budget=Budget(rows=4)) == [40, 41, 1_000], "41 is the other's, captured again"
    oldest_first = since | {"orderDirection": "ASC"}
    assert every_page(town, shop, oldest_first, size=2, budget=Budget(rows=4)) == [[1_000, 41], [40]]


def test_no_more_documents_are_loaded_than_a_page_takes(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[int] = []

    def noted(session: Session, events: Sequence[int]) -> dict[int, bytes]:
        loaded.append(len(events))
        return documents_of(session, events)

    monkeypatch.setattr(event_search, "documents_of", noted)
    for order in ("eventTime", "recordTime"):
        page = ask(town, shop, {"orderBy": order, "GE_recordTime": (NOW - timedelta(days=1)).isoformat()}, size=6)
        assert len(page.documents) == 6
    assert loaded == [7, 7], "one more tells whether there is a next page"
    loaded.clear()
    monkeypatch.setattr(event_search, "DOCUMENTS", 20)
    assert ask(town, shop, {"EQ_ILMD_ex:colour": ["red"]}, size=6).documents == []
    assert loaded == [7, 20, 13], "of forty, where none is taken, many at once"


def test_page_takes_a_handful_of_statements_whatever_the_number_of_events(town: Town, shop: Actor) -> None:
    record(town, shop, *(event(number, after=number) for number in range(40, 900)))
    query = parse_query({"EQ_bizStep": ["shipping"], "MATCH_anyEPC": ["urn:epc:id:sgtin:0614141.107346.500"]})
    page, statements = counted(town, lambda: ask(town, shop, query))
    assert [number_of(document) for document in page.documents] == [500]
    assert len(statements) <= 5  # newest, identifiers, lengths, a piece, documents
    page, statements = counted(town, lambda: ask(town, shop, size=100))
    assert len(page.documents) == 100
    assert len(statements) <= 5


def test_what_none_of_an_organisations_many_events_names_is_not_looked_for_in_them(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_routes, "SHORT", 20)
    other = town.organisation(licensed=False)
    record(town, other, *(event(n, after=n, bizStep="packing") for n in range(1_000, 1_050)))
    assert ask(town, shop, {"EQ_bizStep": ["packing"]}, budget=Budget(rows=1)).documents == []
    assert len(numbers(town, other, {"EQ_bizStep": ["packing"]})) == 50


def test_little_of_a_step_among_much_else_at_a_place_is_found_by_its_own_index(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_routes, "SHORT", 20)
    record(town, shop, *(event(n, after=n, bizLocation={"id": SITE}) for n in range(1_000, 1_050)))
    record(town, shop, *(event(n, after=n, bizLocation={"id": SITE}, bizStep="packing") for n in range(2_000, 2_025)))
    asked = {"EQ_bizLocation": [SITE], "EQ_bizStep": ["packing"]}
    assert sorted(numbers(town, shop, asked, budget=Budget(rows=26))) == list(range(2_000, 2_025))


def test_event_that_more_declared_wrong_than_a_statement_takes_parameters_is_found_by_its_id(
    town: Town, shop: Actor
) -> None:
    asked = {"EQ_eventID": [event(7)["eventID"]]}
    other, many = town.organisation(licensed=False).organisation, 40_000
    c = facts.event.c
    with town.store.writing() as session:
        row = session.execute(select(facts.event).where(c.event_time == utc_milliseconds(START + 7 * MINUTE))).one()
        copies = [row._asdict() | {"id": 1_000 + n, "declarer": n, "captured_by": other} for n in range(1, many + 1)]
        insert_rows(session, facts.event, tuple(copies[0]), [tuple(copy.values()) for copy in copies])
        if town.store.engine.dialect.name == "sqlite":
            keys = [(0, row.id_key, copy["declarer"], copy["id"]) for copy in copies]
            insert_rows(session, facts.event_key, ("stage", "id_key", "declarer", "event"), keys)
    assert numbers(town, shop, asked) == [7], "the others are not theirs to see"


RARE = {"type": "TransactionEvent", "bizTransactionList": [{"type": "po", "bizTransaction": ORDER_ID}]}


def test_rare_type_among_all_else_is_found_by_its_own_index(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_routes, "SHORT", 20)
    record(town, shop, *(event(n, after=n, **RARE) for n in range(1_000, 1_025)))
    record(town, shop, *(event(n, after=n) for n in range(2_000, 2_050)))
    inspector = town.organisation(licensed=False, role=Role.INSPECTOR)
    asked = {"eventType": ["TransactionEvent", "AssociationEvent"]}
    assert numbers(town, inspector, asked, budget=Budget(rows=26)) == list(range(1_024, 999, -1))
    window = {"GE_eventTime": (START + timedelta(minutes=1_010)).isoformat()}
    assert numbers(town, inspector, asked | window, budget=Budget(rows=16)) == list(range(1_024, 1_009, -1))
    assert numbers(town, inspector, {"eventType": ["AssociationEvent"]}, budget=Budget(rows=1)) == []


def test_types_that_none_of_an_organisations_many_events_has_are_not_looked_for(
    town: Town, shop: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_routes, "SHORT", 20)
    other = town.organisation(licensed=False)
    record(town, other, *(event(n, after=n, **RARE) for n in range(1_000, 1_050)))
    assert ask(town, shop, {"eventType": ["TransactionEvent"]}, budget=Budget(rows=1)).documents == []
    assert len(numbers(town, other, {"eventType": ["TransactionEvent"]})) == 50


def test_postgresql_knows_the_index_of_rare_types_for_whatever_type_is_asked(town: Town, shop: Actor) -> None:
    if town.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's plans are told with those of all other queries")
    record(town, shop, event(100, **RARE))
    with town.store.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        window = event_routes.Window({})
        (chosen,) = event_routes._of_types([3]).rows(window, None, descending=True, most=5, is_short=False)
        told = chosen.compile(connection)
        marks = str(told) % {name: f"${number}" for number, name in enumerate(told.params, start=1)}
        plan = "\n".join(connection.scalars(text(f"EXPLAIN (GENERIC_PLAN) {marks}")))
    assert "ix_event_type" in plan, plan
    assert "Sort" not in plan, plan


SINCE = {"GE_recordTime": (NOW + timedelta(minutes=1)).isoformat(), "orderBy": "recordTime"}
INDEXED: dict[str, dict[str, Any]] = {
    "ix_event_step": {"EQ_bizStep": ["packing"]},
    "ix_event_disposition": {"EQ_disposition": ["in_transit"]},
    "ix_event_read_point": {"EQ_readPoint": [SITE]},
    "ix_event_site": {"EQ_bizLocation": [SITE]},
    "ix_event_type": {"eventType": ["TransactionEvent"]},
    "ix_event_site_step": {"EQ_bizLocation": [SITE], "EQ_bizStep": ["packing"]},
    "ix_event_record_time": SINCE,
    "ix_event_captor_recorded": SINCE,
    "ix_event_party_recorded": SINCE,
    "ix_event_time": {"GE_eventTime": START.isoformat(), "LT_eventTime": (START + timedelta(minutes=2)).isoformat()},
    "event_item": {"MATCH_epc": ["urn:epc:id:sgtin:0614141.107346.100", "urn:epc:id:sgtin:0614141.107346.1"]},
    "event_mention": {"EQ_bizTransaction_po": [ORDER_ID]},
    "id_key": {"EQ_eventID": ["urn:uuid:00000000-0000-4000-8000-000000000100"]},
    "event_party": {},
}


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
def test_sqlite_reads_no_table_whole(town: Town, shop: Actor, analysed: bool) -> None:
    if town.store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says beforehand how it will read")
    record(town, shop, event(100, bizStep="packing", **RICH), now=NOW + timedelta(minutes=1))
    with town.store.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE" if analysed else "SELECT 1")
    inspector = town.organisation(licensed=False, role=Role.INSPECTOR)
    tables = ("event", "event_item", "event_mention", "event_party", "event_document", "ident")
    for index, asked in INDEXED.items():
        plans = plans_of(town, inspector if index in ("ix_event_time", "ix_event_record_time") else shop, asked)
        walked = [plan for plan in plans if plan.startswith(tuple(f"SCAN {table}" for table in tables))]
        # Only the count of a route without a window goes along an index, and no further than its bound.
        assert [plan for plan in walked if "USING" not in plan] == [], index
        assert any(index in plan for plan in plans), (index, plans)


def plans_of(town: Town, actor: Actor, asked: dict[str, Any]) -> list[str]:
    """How SQLite goes about each statement of a query."""
    plans: list[str] = []

    def explain(connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if statement.startswith("SELECT"):
            rows = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in rows)

    engine_event.listen(town.store.engine, "before_cursor_execute", explain)
    try:
        ask(town, actor, asked, size=5)
    finally:
        engine_event.remove(town.store.engine, "before_cursor_execute", explain)
    return plans
