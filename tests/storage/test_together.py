"""What nobody waits for goes ahead of the next statement, however that is sent, and never without one."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from psycopg import connect
from psycopg.errors import (
    AdminShutdown,
    DivisionByZero,
    FeatureNotSupported,
    InFailedSqlTransaction,
    OperationalError,
    ProgrammingError,
    UniqueViolation,
)

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


def test_answers_are_binary_where_that_is_asked_for(connection: Connection) -> None:
    answer = connection.cursor().execute(SEEN, binary=True).pgresult
    assert answer is not None
    assert (answer.get_value(0, 0), answer.fformat(0)) == (b"7", 1)


def test_the_drivers_own_pipeline_takes_it_along(connection: Connection) -> None:
    with connection.pipeline():
        assert connection.execute(SEEN).fetchone() == ("7",)
    assert is_begun(connection)


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


def prepared_for(connection: Connection, statement: str) -> int:
    """How often the server holds a statement prepared for this connection."""
    query = "SELECT count(*)::int FROM pg_prepared_statements WHERE statement = %s"
    (count,) = connection.cursor().execute(query, (statement,), prepare=False).fetchone() or (0,)
    return int(count)


def test_the_same_statement_twice_ahead_is_prepared_once(connection: Connection) -> None:
    connection.prepare_threshold = 2
    for _ in range(3):
        connection.ahead += [("SELECT %s::int", (number,)) for number in (1, 2)]
        connection.commit()
        connection.ahead += [b"BEGIN", SET]
    assert (prepared_for(connection, "SELECT $1::int"), prepared_for(connection, "COMMIT")) == (1, 0)


def test_the_server_gives_up_what_had_to_make_room_for_others(connection: Connection) -> None:
    connection.prepare_threshold, connection.prepared_max = 1, 2
    for number in range(24):
        connection.ahead.append(SET)
        connection.execute(f"SELECT %s::int + {number // 2}", (1,))
    (held,) = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() or (0,)
    assert 0 < held <= 4, "it keeps two and, while these are met again, two more"


def test_what_fails_as_it_is_prepared_leaves_nothing_behind_and_others_are_prepared_as_ever(
    connection: Connection,
) -> None:
    connection.ahead, connection.prepare_threshold = [], 2
    for divisor in (1, 1, 0, 1, 1):
        connection.ahead.append(SET)
        with suppress(DivisionByZero):
            connection.execute("SELECT 1 / %s::int", (divisor,))
    assert prepared_for(connection, "SELECT 1 / $1::int") == 0
    for _ in range(2):
        connection.cursor().executemany("SELECT 1 / %s::int", [(1,), (2,)])
    assert prepared_for(connection, "SELECT 1 / $1::int") == 1


def test_a_glance_at_a_table_that_was_changed_meanwhile_fails_once(connection: Connection) -> None:
    connection.ahead, connection.prepare_threshold = [], 0
    told = list[str]()
    with connect(connection.info.dsn, autocommit=True) as other:
        other.execute("CREATE TABLE heap (n int)")
        for change in ("", "ALTER TABLE heap ALTER n TYPE bigint", "", ""):
            other.execute(change)
            connection.ahead.append(SET)
            try:
                told.append(str(connection.execute("SELECT n FROM heap").fetchall()))
            except FeatureNotSupported as fault:
                told.append(str(fault))
    assert told == ["[]", "cached plan must not change result type", "[]", "[]"]


END = "SELECT pg_terminate_backend(pg_backend_pid(), %s)"


def test_of_a_connection_that_is_lost_is_told_why_the_server_ended_it(connection: Connection) -> None:
    with pytest.raises(AdminShutdown):
        connection.execute(END, (0,))
    assert connection.closed


def test_so_it_is_where_that_was_ahead_of_the_commit(connection: Connection) -> None:
    connection.ahead.append((END, (0,)))
    with pytest.raises(AdminShutdown):
        connection.commit()
    assert connection.closed


def test_a_connection_on_which_not_all_could_be_sent_is_given_up(connection: Connection) -> None:
    too_many = 65_536
    with pytest.raises(OperationalError, match="number of parameters"):
        connection.execute(f"SELECT {', '.join(['%s'] * too_many)}", [1] * too_many)
    assert connection.closed


def test_a_commit_of_a_transaction_that_failed_is_told_and_it_is_over(connection: Connection) -> None:
    with pytest.raises(DivisionByZero):
        connection.execute("SELECT 1 / %s", (0,))
    with pytest.raises(InFailedSqlTransaction, match="nothing of its transaction is kept"):
        connection.commit()
    assert not is_begun(connection)


def test_what_is_larger_than_all_buffers_goes_together_both_ways(connection: Connection) -> None:
    large = "x" * 4_000_000
    connection.ahead += [("SELECT %s::text", (large,))] * 3
    assert connection.execute("SELECT length(%s)", (large,)).fetchone() == (4_000_000,)


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
