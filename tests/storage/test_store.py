"""A session commits or rolls back as a whole, on both databases; what is committed on SQLite survives `kill -9`."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, func, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

import storage
from storage.postgresql import MOST_CONNECTIONS
from storage.store import Store, driver_url, once_kept
from storage.tables import ident
from storage.tenancy import EVERYTHING, across_organisations, sight_of
from tests.conftest import ROOT, Databases, make_database
from tests.gate import Gate


def add(store: Store, *uris: str) -> None:
    """Add things in one transaction."""
    with store.writing() as session:
        for uri in uris:
            session.execute(insert(ident).values(uri=uri, kind=1))


def count(store: Store) -> int:
    """How many things there are."""
    with store.reading() as session:
        return int(session.execute(select(func.count()).select_from(ident)).scalar_one())


@pytest.fixture
def sqlite(databases: Databases) -> Store:
    """A store on SQLite."""
    return storage.open_store(make_database(databases, "sqlite"))


def test_writing_is_kept_when_the_block_returns(store: Store) -> None:
    add(store, "a", "b")
    assert count(store) == 2


def test_writing_is_gone_when_the_block_raises(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as session:
        session.execute(insert(ident).values(uri="a", kind=1))
        assert 1 / 0
    assert count(store) == 0


def test_reading_keeps_nothing(store: Store) -> None:
    with store.reading() as session:
        session.execute(insert(ident).values(uri="a", kind=1))
    assert count(store) == 0


def test_a_glance_sees_what_is_there_and_writes_nothing(store: Store) -> None:
    add(store, "a")
    with store.glancing() as session:
        assert session.scalars(select(ident.c.uri)).all() == ["a"]
    if store.engine.dialect.name != "postgresql":
        return
    with pytest.raises(DBAPIError, match="read-only"), store.glancing() as session:
        session.execute(insert(ident).values(uri="b", kind=1))
    assert count(store) == 1


def test_statement_of_a_glance_at_postgresql_is_one_round_trip_and_sees_as_it_should(databases: Databases) -> None:
    url = make_url(make_database(databases, "postgresql"))
    sees = text("SELECT current_setting('sunshine.sees') || ' ' || current_setting('statement_timeout')")
    with Gate(url.port or 0) as way, closing(storage.open_store(str(url.set(port=way.port)))) as store:
        for _ in range(4):  # by then it is prepared
            before, seen = way.asked, list[str]()
            with store.seeing(sight_of(7)).within(3).glancing() as session:
                seen.append(session.scalar(sees) or "")
                with across_organisations(session, because="a test"):
                    seen.append(session.scalar(sees) or "")
                seen.append(session.scalar(sees) or "")
        assert seen == ["7 3s", "all 3s", "7 3s"]
        assert way.asked - before == 3
        with store.reading() as session:
            assert session.scalar(sees) == " 0", "nothing is left behind"
            assert session.scalar(text("SHOW transaction_read_only")) == "off"


def test_statement_that_a_glance_cannot_send_with_its_sight_is_refused(databases: Databases) -> None:
    with closing(storage.open_store(make_database(databases, "postgresql"))) as store:
        with pytest.raises(DBAPIError, match="semicolon"), store.seeing(EVERYTHING).glancing() as session:
            session.execute(text("INSERT INTO ident (uri, kind) VALUES ('a', 1) -- ;"))
        assert count(store) == 0
        with store.seeing(EVERYTHING).glancing() as session:
            assert session.scalar(text("SELECT current_setting('sunshine.sees')")) == "all"
            assert session.scalar(text("SELECT :value -- ;"), {"value": "its values"}) == "its values"


def test_a_reading_in_which_a_statement_failed_ends_like_any_other(store: Store) -> None:
    with store.reading() as session, pytest.raises(DBAPIError):
        session.execute(text("SELECT nothing_of_the_kind"))
    assert count(store) == 0


@pytest.mark.parametrize(
    "query", ["SELECT count(*) FROM ident", "WITH i AS (SELECT * FROM ident) SELECT count(*) FROM i"]
)
def test_reading_leaves_postgresql_its_prepared_statements(store: Store, query: str) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("of PostgreSQL's driver only")
    for _ in range(8):  # the driver prepares what it is asked for the sixth time
        with store.reading() as session:
            session.execute(text(query))
    with store.reading() as session:
        prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = :query"
        assert session.execute(text(prepared), {"query": query}).scalar_one() == 1


def test_what_is_refused_leaves_postgresql_its_prepared_statements(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("of PostgreSQL's driver only")
    for opened in (store.reading, store.writing) * 4:
        with pytest.raises(ZeroDivisionError), opened() as session:
            session.execute(select(func.count()).select_from(ident))
            assert 1 / 0
    with store.reading() as session:
        query = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM ident%'"
        assert session.execute(text(query)).scalar_one() == 1


def test_postgresql_keeps_all_connections_that_many_at_once_took(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's connections are made in no time")

    def at_once() -> set[int]:
        with ExitStack() as many:
            sessions = [many.enter_context(store.reading()) for _ in range(MOST_CONNECTIONS)]
            return {session.execute(text("SELECT pg_backend_pid()")).scalar_one() for session in sessions}

    first = at_once()
    assert len(first) == MOST_CONNECTIONS
    assert at_once() == first


def test_reading_whose_connection_was_lost_meanwhile_ends_like_any_other(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    with store.reading() as session, pytest.raises(OperationalError):
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert count(store) == 0


def test_what_was_lost_while_it_rested_is_given_to_nobody(databases: Databases) -> None:
    url = make_database(databases, "postgresql")
    with closing(storage.open_store(url)) as store, closing(storage.open_store(url)) as other:
        with ExitStack() as many:
            sessions = [many.enter_context(store.reading()) for _ in range(3)]
            ended = [session.execute(text("SELECT pg_backend_pid()")).scalar_one() for session in sessions]
        with other.reading() as session:
            session.execute(
                text("SELECT pg_terminate_backend(ended, 5000) FROM unnest(:ended) AS t(ended)"), {"ended": ended}
            )
        assert count(store) == 0


def test_only_a_connection_that_rested_for_long_is_asked_for_an_answer_before_it_is_used(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(make_database(databases, "postgresql"))
    with Gate(url.port or 0) as way, closing(storage.open_store(str(url.set(port=way.port)))) as store:

        def asked() -> int:
            before = way.asked
            count(store)
            return way.asked - before

        for _ in range(4):
            of_one_used_just_now = asked()
        monkeypatch.setattr(storage.pulse, "RESTED", 0.0)
        assert asked() == of_one_used_just_now + 1


def test_what_the_pages_of_a_desk_send_in_turn_stays_prepared(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("of PostgreSQL's driver only")
    for number in [*range(150)] * 3:  # the driver by itself would keep a hundred
        with store.reading() as session:
            session.execute(text(f"SELECT {number} AS page"))
    with store.reading() as session:
        query = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%AS page'"
        assert session.execute(text(query)).scalar_one() == 150


def test_reading_does_not_keep_what_a_with_wrote(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite knows no INSERT in a WITH")
    written = "WITH new AS (INSERT INTO ident (uri, kind) VALUES ('a', 1) RETURNING 1) SELECT * FROM new"
    with store.reading() as session:
        assert session.execute(text(written)).scalar_one() == 1
    assert count(store) == 0


def test_eight_writers_at_once_lose_nothing(store: Store) -> None:
    together = threading.Barrier(8)

    def write(writer: int) -> None:
        together.wait()
        for number in range(25):
            add(store, f"{writer}/{number}/a", f"{writer}/{number}/b")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert count(store) == 8 * 25 * 2


def test_reader_sees_one_state_while_others_write(sqlite: Store) -> None:
    add(sqlite, "a")
    with sqlite.reading() as session:
        before = session.execute(select(func.count()).select_from(ident)).scalar_one()
        add(sqlite, "b")
        assert session.execute(select(func.count()).select_from(ident)).scalar_one() == before
    assert count(sqlite) == before + 1


def test_every_sqlite_connection_is_durable_and_keeps_its_word(sqlite: Store) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}
    together = threading.Barrier(8)

    def look(_number: int) -> dict[str, object]:
        with sqlite.engine.connect() as connection:
            together.wait(timeout=30)  # eight connections at once, not one after the other
            return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(look, range(8))) == [wanted] * 8


def test_new_database_has_small_pages_and_writes_its_log_back_after_as_many_bytes(sqlite: Store) -> None:
    wanted = {"page_size": 1_024, "wal_autocheckpoint": 4_000}
    with sqlite.engine.connect() as connection:
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted} == wanted


def test_database_with_pages_of_another_size_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA page_size=4096")
        made.execute("PRAGMA journal_mode=WAL")
    storage.prepare(f"sqlite:///{path}")
    with closing(storage.open_store(f"sqlite:///{path}")) as opened:
        add(opened, "a")
        assert count(opened) == 1
        with opened.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA page_size").scalar_one() == 4_096


def test_only_writers_take_the_sqlite_lock_and_take_it_first(sqlite: Store) -> None:
    said: list[str] = []

    def listen(_c: Connection, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(sqlite.engine, "before_cursor_execute", listen)
    add(sqlite, "a")
    with sqlite.reading() as session:
        session.execute(select(1))
    assert [statement for statement in said if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN"]
    assert said[0] == "BEGIN IMMEDIATE"


def test_writer_that_has_done_nothing_yet_holds_no_lock(sqlite: Store) -> None:
    with sqlite.writing() as session:
        add(sqlite, "other")  # would wait for ever if the outer session had begun
        session.execute(insert(ident).values(uri="mine", kind=1))
    assert count(sqlite) == 2


def test_writer_kept_waiting_too_long_is_refused_not_hung(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.store, "BUSY_MILLISECONDS", 50)
    store = storage.open_store(make_database(databases, "sqlite"))
    with store.writing() as session:
        session.execute(insert(ident).values(uri="a", kind=1))
        with pytest.raises(OperationalError, match="locked"):
            add(store, "b")
    assert count(store) == 1


WRITER = """
import sys
from sqlalchemy import insert
import storage
from storage.tables import ident
store = storage.open_store(sys.argv[1])
number = 0
while True:
    with store.writing() as session:
        session.execute(insert(ident).values(uri=f"{number}/a", kind=1))
        session.execute(insert(ident).values(uri=f"{number}/b", kind=1))
    number += 1
    print(number, flush=True)
"""


def test_killed_writer_loses_nothing_it_had_committed(databases: Databases) -> None:
    url = make_database(databases, "sqlite")
    for _ in range(3):
        store = storage.open_store(url)
        before = count(store)
        store.close()
        with subprocess.Popen(
            [sys.executable, "-c", WRITER.replace("number = 0", f"number = {before // 2}"), url],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            promised = [int(process.stdout.readline()) for _ in range(40)][-1]
            process.send_signal(signal.SIGKILL)
            promised = max([promised, *(int(line) for line in process.stdout if line.endswith("\n"))])
        store = storage.open_store(url)
        kept = count(store)
        store.close()
        assert kept >= promised * 2, "what was promised is there"
        assert kept % 2 == 0, "a transaction is there whole or not at all"
    path = Path(url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_foreign_keys_hold(store: Store) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), store.writing() as session:
        session.execute(text("INSERT INTO event_withdrawn (event) VALUES (77)"))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_with_psycopg(scheme: str) -> None:
    assert driver_url(f"{scheme}://u:p@h/n") == "postgresql+psycopg://u:p@h/n"
    assert driver_url("sqlite:////x/postgres://y") == "sqlite:////x/postgres://y"


def test_a_reading_session_sees_one_state_whatever_is_committed_meanwhile(store: Store) -> None:
    with store.reading() as reading:
        before = reading.execute(select(func.count()).select_from(ident)).scalar_one()
        add(store, "urn:one:state")
        assert reading.execute(select(func.count()).select_from(ident)).scalar_one() == before


def test_what_is_to_be_done_afterwards_is_done_for_what_is_kept_and_for_nothing_else(store: Store) -> None:
    done: list[str] = []
    with store.writing() as session:
        once_kept(session, partial(done.append, "before"))
        with session.begin_nested():
            once_kept(session, partial(done.append, "kept savepoint"))
        nested = session.begin_nested()
        with session.begin_nested():
            once_kept(session, partial(done.append, "inside what is rolled back"))
        once_kept(session, partial(done.append, "rolled back savepoint"))
        nested.rollback()
        once_kept(session, partial(done.append, "after"))
        assert done == []
    assert done == ["before", "kept savepoint", "after"]
    with store.writing() as session:
        once_kept(session, partial(done.append, "rolled back"))
        session.execute(text("SELECT 1"))
        session.rollback()
    assert len(done) == 3
