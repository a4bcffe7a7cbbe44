"""What is asked again and again is planned once: on PostgreSQL a plan takes longer than what it is made for."""

from typing import Any

import pytest
from sqlalchemy import event, text

from tests.services.test_lookup import chain
from tests.town import NOW, Town
from trace.domain.permissions import Actor
from trace.services.lookup import look_up

# The driver prepares what it sends for the sixth time; PostgreSQL compares five plans before it keeps one.
LEARNT = 12
_PLANS = text("SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements")


@pytest.fixture(autouse=True)
def _on_postgresql(town: Town) -> None:
    if town.store.engine.dialect.name != "postgresql":
        pytest.skip("of PostgreSQL's plans only")
    town.store.close()  # from here on one connection


def plans(town: Town) -> tuple[int, int]:
    """(plans made for one time, times a plan that was there served), of the statements that are kept."""
    with town.store.reading() as session:
        made, kept = session.execute(_PLANS).one()
    return int(made or 0), int(kept or 0)


def ask(town: Town, actor: Actor | None, uri: str) -> list[str]:
    """Look a thing up; the statements it took."""
    sent: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(town.store.engine, "before_cursor_execute", note)
    try:
        with town.store.reading() as session:
            look_up(session, actor=actor, text=uri, now=NOW)
    finally:
        event.remove(town.store.engine, "before_cursor_execute", note)
    return [statement for statement in sent if not statement.startswith("BEGIN")]


def test_look_up_asked_often_is_planned_no_more_whatever_it_finds(town: Town) -> None:
    told = chain(town)
    town.store.close()
    asked = [(actor, uri) for actor in (told.shop, None) for uri in (told.harvest, told.lot)]
    for _ in range(LEARNT):
        for actor, uri in asked:
            ask(town, actor, uri)
    made, kept = plans(town)
    statements = [ask(town, actor, uri) for actor, uri in asked]
    assert len({len(sent) for sent in statements}) > 1  # they do not all find the same
    assert plans(town) == (made, kept + sum(map(len, statements)))
