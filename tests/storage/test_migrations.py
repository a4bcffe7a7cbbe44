"""An empty database becomes this version's, whoever else does the same at once."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import OperationalError

import storage
from storage.tables import organisation
from tests.conftest import BACKENDS, ROOT, Databases
from tests.differences import tables_of
from tests.servers import CannotRun
from tests.town import NOW
from trace.services.setup import ensure_platform

PREPARE = """
import sys, storage
print("ready", flush=True)
sys.stdin.read()
storage.prepare(sys.argv[1])
"""


@pytest.fixture(params=BACKENDS)
def bare_url(request: pytest.FixtureRequest, databases: Databases) -> str:
    """A database without a single table, once on SQLite and once on PostgreSQL."""
    try:
        return databases.make_bare(request.param)
    except CannotRun as reason:
        pytest.skip(str(reason))


def tables(url: str) -> set[str]:
    """The names of a database's tables."""
    store = storage.open_store(url)
    try:
        return set(inspect(store.engine).get_table_names())
    finally:
        store.close()


def tables_of_code(url: str) -> set[str]:
    """The names of the tables that it should have."""
    kinds = tables_of("sqlite" if url.startswith("sqlite") else "postgresql")
    return {name for kind in kinds for name in kind.tables} | {"alembic_version"}


def test_empty_database_gets_every_table(bare_url: str) -> None:
    assert tables(bare_url) == set()
    storage.prepare(bare_url)
    assert tables(bare_url) == tables_of_code(bare_url)


def test_preparing_twice_is_harmless(bare_url: str) -> None:
    storage.prepare(bare_url)
    store = storage.open_store(bare_url)
    with store.writing() as session:
        number = ensure_platform(session, now=NOW)
    storage.prepare(bare_url)
    with store.reading() as session:
        assert session.scalars(select(organisation.c.id)).all() == [number]
        assert len(session.execute(text("SELECT version_num FROM alembic_version")).all()) == 1
    store.close()


def test_processes_that_prepare_at_once_all_succeed(bare_url: str) -> None:
    with ExitStack() as running:
        started = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PREPARE, bare_url],
                    cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                )
            )
            for _ in range(4)
        ]  # fmt: skip
        assert [process.stdout.readline().strip() for process in started if process.stdout] == ["ready"] * 4
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
        complaints = [process.stderr.read() for process in started if process.stderr]
    assert [process.returncode for process in started] == [0] * 4, "\n".join(complaints)
    assert tables(bare_url) == tables_of_code(bare_url)


def test_migration_that_fails_leaves_nothing(bare_url: str) -> None:
    store = storage.open_store(bare_url)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE scan (id integer)")  # in the way of one of the last tables
    store.close()
    with pytest.raises(Exception, match=r"scan.* already exists"):
        storage.prepare(bare_url)
    assert tables(bare_url) - {"alembic_version"} == {"scan"}


def test_store_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="unable to open database file"):
        storage.prepare(f"sqlite:///{tmp_path}/nowhere/sunshine.db")


def test_migrations_keep_rows_in_order_of_their_key_where_the_tables_do(databases: Databases) -> None:
    url = databases.make_bare("sqlite")
    storage.prepare(url)
    store = storage.open_store(url)
    with store.reading() as session:
        made = session.execute(text("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")).all()
    store.close()
    without = {name for name, sql in made if sql.rstrip().endswith("WITHOUT ROWID")}
    every = [table for kind in tables_of("sqlite") for table in kind.tables.values()]
    assert without == {table.name for table in every if not table.dialect_options["sqlite"]["with_rowid"]}
