"""What the driver's own cursor is sent is, to everybody else, a statement like any other, on both databases."""

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, PendingRollbackError

from storage.sending import Sent, is_postgresql, send, send_along
from storage.store import Store
from storage.tenancy import across_organisations, sight_of

ADD = "INSERT INTO ident (id, uri, kind) VALUES ({0}, {0}, 1)"
LOOK = "SELECT id, uri FROM ident ORDER BY id"


def add(store: Store) -> str:
    """An INSERT of a thing's number and URI, in the driver's style."""
    return ADD.format("?" if store.engine.dialect.name == "sqlite" else "%s")


def test_tells_rows_as_the_driver_makes_them_and_how_many_were_written(store: Store) -> None:
    with store.writing() as session:
        assert send(session, add(store), (1, "1")) == Sent((), 1)
        assert send(session, add(store), [(2, "2"), (3, "3")], many=True) == Sent((), 2)
        assert send(session, f"{add(store)} RETURNING id", (4, "4")).rows == [(4,)]
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == [(1, "1"), (2, "2"), (3, "3"), (4, "4")]


def test_is_kept_and_given_up_with_the_session(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as session:
        send(session, add(store), (1, "1"))
        assert 1 / 0
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == []
        send(session, add(store), (1, "1"))
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == []


def test_listeners_hear_of_each_statement_before_and_after(store: Store) -> None:
    heard: list[object] = []

    def before(_of: Connection, _cursor: object, statement: str, values: object, _context: object, many: bool) -> None:
        heard.append(("before", statement, values, many))

    def after(_of: Connection, _cursor: object, statement: str, values: object, _context: object, many: bool) -> None:
        heard.append(("after", statement, values, many))

    with store.writing() as session:
        session.connection()
        event.listen(store.engine, "before_cursor_execute", before)
        event.listen(store.engine, "after_cursor_execute", after)
        send(session, LOOK, ())
        send(session, add(store), [(1, "1")], many=True)
    event.remove(store.engine, "before_cursor_execute", before)
    event.remove(store.engine, "after_cursor_execute", after)
    assert heard == [
        (when, *sent) for sent in ((LOOK, (), False), (add(store), [(1, "1")], True)) for when in ("before", "after")
    ]


def test_a_fault_is_told_as_any_other_without_the_values(store: Store) -> None:
    with pytest.raises(IntegrityError) as told, store.writing() as session:
        send(session, add(store), (1, "a secret"))
        send(session, add(store), (1, "a secret"))
    assert "SQL parameters hidden" in str(told.value)
    assert told.value.statement == add(store)
    assert isinstance(told.value.orig, store.engine.dialect.loaded_dbapi.IntegrityError)
    assert not told.value.connection_invalidated


def test_a_fault_while_rows_are_fetched_is_told_as_any_other(store: Store) -> None:
    # SQLite gives the first row before it comes to the fault.
    query = "SELECT abs(n) FROM (SELECT 1 AS n UNION ALL SELECT -9223372036854775808) AS many"
    if store.engine.dialect.name == "postgresql":
        query = "SELECT 1 / n FROM (VALUES (1), (0)) AS many(n)"
    with store.reading() as session, pytest.raises(DBAPIError):
        send(session, query, ())


def test_a_savepoint_saves_the_transaction_from_a_fault(store: Store) -> None:
    with store.writing() as session:
        send(session, add(store), (1, "1"))
        with pytest.raises(IntegrityError), session.begin_nested():
            send(session, add(store), (1, "1"))
        send(session, add(store), (2, "2"))
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == [(1, "1"), (2, "2")]


def test_a_connection_that_is_lost_is_given_up(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    with store.reading() as session:
        with pytest.raises(OperationalError) as told:
            send(session, "SELECT pg_terminate_backend(pg_backend_pid())", ())
        assert told.value.connection_invalidated
        with pytest.raises(PendingRollbackError):
            send(session, LOOK, ())
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == []


def test_postgresql_is_told_a_sight_that_has_changed_first(store: Store) -> None:
    sees = "SELECT current_setting('sunshine.sees')"
    with store.seeing(sight_of(7)).reading() as session:
        if not is_postgresql(session):
            pytest.skip("SQLite has no row-level security")
        assert send(session, sees, ()).rows == [("7",)]
        with across_organisations(session, because="a test"):
            assert send(session, sees, ()).rows == [("all",)]
        assert send(session, sees, ()).rows == [("7",)]


def test_what_goes_along_is_kept_and_seen_by_what_follows(store: Store) -> None:
    with store.writing() as session:
        send_along(session, add(store), (1, "1"))
        assert send(session, LOOK, ()).rows == [(1, "1")]
        send_along(session, add(store), (2, "2"))
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == [(1, "1"), (2, "2")]


def test_a_fault_of_what_goes_along_is_told_by_what_follows_and_nothing_is_kept(store: Store) -> None:
    with store.writing() as session:
        send(session, add(store), (1, "1"))
    for follows in (lambda session: send(session, LOOK, ()), lambda _session: None):
        with pytest.raises(IntegrityError), store.writing() as session:
            send(session, add(store), (2, "2"))
            send_along(session, add(store), (1, "1"))
            follows(session)
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == [(1, "1")]


def test_what_goes_along_is_rolled_back_with_its_savepoint(store: Store) -> None:
    with store.writing() as session:
        send_along(session, add(store), (1, "1"))
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            send_along(session, add(store), (2, "2"))
            assert 1 / 0
        send_along(session, add(store), (3, "3"))
    with store.reading() as session:
        assert send(session, LOOK, ()).rows == [(1, "1"), (3, "3")]


def test_what_goes_along_sees_what_was_seen_when_it_was_sent(store: Store) -> None:
    seen = "INSERT INTO heap SELECT current_setting('sunshine.sees')"
    with store.seeing(sight_of(7)).writing() as session:
        if not is_postgresql(session):
            pytest.skip("SQLite has no row-level security")
        send(session, "CREATE TEMPORARY TABLE heap (sees text) ON COMMIT DROP", ())
        with across_organisations(session, because="a test"):
            send_along(session, seen, ())
        send_along(session, seen, ())
        assert send(session, "SELECT * FROM heap", ()).rows == [("all",), ("7",)]
