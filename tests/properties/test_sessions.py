"""Whatever sessions on PostgreSQL do in turn on one connection, and whatever of it fails: what a statement sees and
adds is as its session sees at that moment, and it is kept if the blocks around it returned, else not.

The statements go in all ways that we use; what carries them is largely private to the driver (`storage.together`), so
that another version of it may break any of this.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import ProgrammingError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import storage
from storage import postgresql
from storage.sending import send, send_along
from storage.store import Store
from storage.tenancy import across_organisations, sight_in, sight_of
from tests.conftest import Databases, make_database

SEES = "SELECT current_setting('sunshine.sees')"
ADD = "INSERT INTO heap SELECT %s::int, current_setting('sunshine.sees')"
Row = tuple[int, str]
numbers = count(1)
ways = [("see", "sent"), ("see", "bound"), ("see", "several"), ("add", "sent"), ("add", "many"), ("add", "several")]
wrong = [("fail", "sent"), ("fail", "many"), ("fail", "unsendable"), ("raise", "")]
steps = st.recursive(
    st.sampled_from([*ways, *wrong, *[("add", "along")] * 4, *[("fail", "along")] * 2]),
    lambda inner: st.tuples(st.sampled_from(["nested", "across"]), st.lists(inner, min_size=1, max_size=4)),
    max_leaves=6,
)
sessions = st.tuples(st.sampled_from(["writing", "writing", "reading", "glancing"]), st.lists(steps, max_size=6))


class Raised(Exception):
    """A block that raises."""


@pytest.fixture(scope="module")
def store(databases: Databases) -> Iterator[Store]:
    """A store whose connections keep few statements prepared: one makes room for another all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "MOST_PREPARED", 3)
        opened = storage.open_store(make_database(databases, "postgresql"))
        with opened.engine.begin() as connection:
            connection.execute(text("CREATE TABLE heap (n int UNIQUE, sees text)"))
        yield opened
    opened.close()


def see(session: Session, how: str) -> None:
    """Ask what is seen."""
    if how == "several":  # in one text; its first is answered
        session.connection().exec_driver_sql(f"{SEES}; SELECT 1")
    elif how == "sent":
        assert send(session, f"{SEES} WHERE %s", (True,)).rows == [(sight_in(session).text,)]
    else:
        assert session.scalar(text(SEES)) == sight_in(session).text


def add(session: Session, how: str) -> list[Row]:
    """Add rows, which note what is seen."""
    added = [(next(numbers), sight_in(session).text) for _ in range(2 if how == "many" else 1)]
    if how == "many":
        send(session, ADD, [(number,) for number, _ in added], many=True)
    elif how == "several":
        session.connection().exec_driver_sql(f"{ADD.replace('%s', str(added[0][0]))}; SELECT 1")
    else:
        (send_along if how == "along" else send)(session, ADD, (added[0][0],))
    return added


def fail(session: Session, how: str) -> None:
    """Have something fail: on its way, at the server, with what follows."""
    if how == "unsendable":
        send(session, "SELECT %s", (object(),))
    elif how == "many":
        send(session, "INSERT INTO heap SELECT 1 / %s::int", [(1,), (0,)], many=True)
    else:
        (send_along if how == "along" else send)(session, "SELECT 1 / %s::int", (0,))


def carry_out(session: Session, program: list[tuple[str, Any]]) -> list[Row]:
    """The rows that are to be kept if the session's block returns; what a block of its own raises ends there."""
    added: list[Row] = []
    for step, how in program:
        if step == "raise":
            raise Raised
        if step == "see":
            see(session, how)
        elif step == "add":
            added += add(session, how)
        elif step == "fail":
            fail(session, how)
        elif step == "across":
            with across_organisations(session, because="a test"):
                added += carry_out(session, how)
        else:
            with suppress(Raised, DBAPIError), session.begin_nested():
                added += carry_out(session, how)
    return added


def has_failing(program: list[tuple[str, Any]]) -> bool:
    """Whether anything of it fails or raises."""
    return any(step in ("fail", "raise") or (isinstance(how, list) and has_failing(how)) for step, how in program)


@settings(max_examples=150)
@given(planned=st.lists(st.tuples(st.integers(1, 3), sessions), min_size=2, max_size=8))
def test_whatever_sessions_do_each_sees_its_own_and_keeps_what_its_blocks_say(
    store: Store, planned: list[tuple[int, tuple[str, list[tuple[str, Any]]]]]
) -> None:
    kept: list[Row] = []
    for organisation, (kind, program) in planned:
        try:
            with getattr(store.seeing(sight_of(organisation)), kind)() as session:
                added = carry_out(session, program)
        except (Raised, DBAPIError, ProgrammingError):
            assert kind == "glancing" or has_failing(program)
        else:
            kept += added if kind == "writing" else []
    with store.writing() as session:
        found = send(session, "DELETE FROM heap RETURNING n, sees", ()).rows
    assert sorted(found) == kept
