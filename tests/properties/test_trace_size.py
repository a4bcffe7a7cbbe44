"""The work of a trace follows from its answer, not from the size of the store."""

import re
from typing import Any

import pytest
from sqlalchemy import event, text

import storage
from storage.store import Store
from tests.conftest import Databases, make_database
from tests.properties.plain_chains import EVENTS_A_CHAIN, ask, chain, fill

SMALL, LARGE = 300, 6_000
TABLE = re.compile(r"\b(ei|x|t|event|ident|event_item)\b")  # as the reader's statements call the tables


def cost(store: Store, size: int) -> list[tuple[str, int, int, int]]:
    """(direction, events, rows, statements) of traces of two chains in a store of `size` events."""
    chains = fill(store, size)
    with store.writing() as session:
        session.execute(text("ANALYZE"))
    asked = [answer for number in (1, chains // 2) for answer in ask(store, number)]
    return [(a["direction"], a["events"], a["rows"], a["statements"]) for a in asked]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_store_twenty_times_larger_takes_the_same_statements_and_rows(databases: Databases, backend: str) -> None:
    costs = []
    for size in (SMALL, LARGE):
        store = storage.open_store(make_database(databases, backend))
        costs.append(cost(store, size))
        store.close()
    assert costs[0] == costs[1]
    assert {(way, events) for way, events, _, _ in costs[0]} == {("backward", EVENTS_A_CHAIN), ("forward", 16)}


def test_a_chain_has_as_many_events_as_it_says() -> None:
    assert len(chain(7)) == EVENTS_A_CHAIN


def test_no_statement_of_the_trace_reads_a_whole_table(databases: Databases) -> None:
    store = storage.open_store(make_database(databases, "sqlite"))
    fill(store, SMALL)
    asked: list[tuple[str, Any]] = []
    with store.writing() as session:
        session.execute(text("ANALYZE"))

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    event.listen(store.engine, "before_cursor_execute", note)
    ask(store, 3)
    event.remove(store.engine, "before_cursor_execute", note)
    with store.engine.connect() as connection:
        for statement, values in asked:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert [step for step in plan if step.startswith("SCAN") and TABLE.search(step)] == [], (statement, plan)
    store.close()
