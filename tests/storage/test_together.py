"""What nobody waits for goes ahead of the next statement, however that is sent, and never without one."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from psycopg.errors import DivisionByZero, OperationalError, ProgrammingError, UniqueViolation

from storage.pulse import Connection, Pulse
from tests.conftest import Databases, make_database

SET, SEEN = b"SET LOCAL sunshine.sees = '7'", "SELECT current_setting('sunshine.sees', true)"


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connection]:
    """A connection that begins its transactions itself; one is to begin."""
    url = make_database(databases, "postgresql")
    with closing(Pulse().connect(conninfo=url, autocommit=True)) as made:
        made.ahead += [b"BEGIN", SET]
        yield made


def is_begun(connection: Connection) -> bool:
    """Whether a transaction is open on the server."""
    return connection.info.transaction_status.name in ("INTRANS", "INERROR")


@pytest.mark.parametrize("query", [SEEN, f"SELECT 1; {SEEN}"])
def test_one_statement_takes_it_along_and_so_do_several(connection: Connection, query: str) -> None:
    cursor = connection.execute(query)
    while cursor.nextset():
        pass
    assert cursor.fetchone() == ("7",)
    assert is_begun(connection)
    connection.commit()
    assert connection.execute(SEEN).fetchone() != ("7",)


def test_many_a_copy_and_a_cursor_of_the_server_take_it_along(connection: Connection) -> None:
    connection.execute("CREATE TEMPORARY TABLE heap (n text)")
    connection.ahead.append(b"SET LOCAL sunshine.sees = '8'")
    connection.cursor().executemany(f"INSERT INTO heap {SEEN} WHERE %s", [(True,), (True,)])
    connection.ahead.append(b"SET LOCAL sunshine.sees = '9'")
    with connection.cursor().copy(f"COPY ({SEEN}) TO STDOUT") as copy:
        assert b"".join(map(bytes, copy)) == b"9\n"
    connection.ahead.append(b"SET LOCAL sunshine.sees = '10'")
    with connection.cursor("many") as cursor:
        assert cursor.execute(f"{SEEN} UNION ALL SELECT n FROM heap").fetchall() == [("10",), ("8",), ("8",)]
    connection.rollback()


@pytest.mark.parametrize("end", [Connection.commit, Connection.rollback])
def test_a_transaction_that_asks_nothing_is_never_begun(
    connection: Connection, end: Callable[[Connection], None]
) -> None:
    end(connection)
    connection.execute("SELECT 1")
    assert not is_begun(connection)


def test_what_fails_behind_it_is_told_as_ever_and_the_transaction_with_it(connection: Connection) -> None:
    with pytest.raises(DivisionByZero):
        connection.execute("SELECT 1 / %s", (0,))
    assert is_begun(connection)
    connection.rollback()
    assert connection.execute("SELECT 1 / %s", (1,)).fetchone() == (1,)


def test_a_command_ahead_that_fails_is_told_and_nothing_behind_it_is_done(connection: Connection) -> None:
    connection.ahead.append(b"SET LOCAL statement_timeout = 'never'")
    with pytest.raises(Exception, match="statement_timeout"):
        connection.execute("CREATE TABLE never_made ()")
    connection.rollback()
    assert connection.execute("SELECT to_regclass('never_made')").fetchone() == (None,)


def test_statement_behind_it_is_prepared_like_any_other(connection: Connection) -> None:
    connection.prepare_threshold = 2
    for number in range(5):
        assert connection.execute("SELECT %s::int", (number,)).fetchone() == (number,)
        connection.commit()
        connection.ahead += [b"BEGIN", SET]
    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1::int'"
    assert connection.execute(prepared).fetchone() == (1,)


def test_connection_that_is_lost_is_told(connection: Connection) -> None:
    with pytest.raises(OperationalError):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert connection.closed


def test_a_statement_that_nobody_waits_for_goes_with_the_next_or_with_the_commit(connection: Connection) -> None:
    connection.execute("CREATE TABLE heap (n int UNIQUE)")
    connection.ahead.append(("INSERT INTO heap VALUES (%s)", (1,)))
    assert connection.execute("SELECT n FROM heap").fetchall() == [(1,)]
    connection.ahead.append(("INSERT INTO heap VALUES (%s)", (2,)))
    connection.commit()
    assert not is_begun(connection)
    assert connection.execute("SELECT n FROM heap ORDER BY n").fetchall() == [(1,), (2,)]


def test_nothing_is_kept_where_such_a_statement_fails_and_the_transaction_is_over(connection: Connection) -> None:
    connection.execute("CREATE TABLE pile (n int UNIQUE)")
    connection.commit()
    for end in (connection.commit, lambda: connection.execute("SELECT 1")):
        connection.ahead += [b"BEGIN", *[("INSERT INTO pile VALUES (%s)", (number,)) for number in (1, 1, 2)]]
        with pytest.raises(UniqueViolation):
            end()
        connection.rollback()
        assert connection.execute("SELECT n FROM pile").fetchall() == []


def test_a_commit_that_fails_for_it_leaves_the_connection_at_rest(connection: Connection) -> None:
    connection.ahead.append(("SELECT 1 / %s", (0,)))
    with pytest.raises(DivisionByZero):
        connection.commit()
    assert not is_begun(connection)
    assert connection.execute("SELECT 2").fetchone() == (2,)


def test_a_commit_of_what_cannot_be_written_down_is_refused_and_the_transaction_is_over(connection: Connection) -> None:
    connection.execute("SELECT 1")
    connection.ahead.append(("SELECT %s::text", ["\ud800"]))
    with pytest.raises(UnicodeEncodeError):
        connection.commit()
    assert (connection.ahead, is_begun(connection)) == ([], False)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_what_is_rolled_back_is_never_sent(connection: Connection) -> None:
    connection.ahead.append(("SELECT 1 / %s", (0,)))
    connection.rollback()
    assert connection.execute("SELECT 3").fetchone() == (3,)


def test_what_cannot_be_sent_leaves_what_was_to_go_ahead_for_the_next(connection: Connection) -> None:
    with pytest.raises(ProgrammingError):
        connection.execute("SELECT %s", (object(),))
    assert connection.execute(SEEN).fetchone() == ("7",)
    assert is_begun(connection)
