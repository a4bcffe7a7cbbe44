"""A statement of a look that takes too long on SQLite is given up; what writes is not."""

from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

import storage
from storage import patience
from storage.patience import OUT_OF_TIME
from storage.store import Store
from storage.tables import store_setting
from tests.conftest import Databases

DEAR = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) SELECT count(*) FROM n")
SHORT = 0.001  # seconds: a statement has taken longer when SQLite first asks


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """A prepared SQLite store with one connection, which all sessions have in turn."""
    with closing(storage.open_store(databases.make("sqlite"))) as opened:
        yield opened


def test_look_that_takes_too_long_is_interrupted_and_its_connection_is_of_use(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(OperationalError) as given_up, store.within(SHORT).reading() as session:
            session.execute(DEAR)
        assert getattr(given_up.value.orig, "sqlite_errorcode", None) == OUT_OF_TIME
    with store.within(SHORT).reading() as session:
        assert session.scalar(select(store_setting.c.name)) is None
    assert store.engine.pool.checkedin() == 1  # type: ignore[attr-defined]


def test_what_writes_and_what_works_in_the_background_take_as_long_as_they_take(store: Store) -> None:
    with pytest.raises(OperationalError), store.within(SHORT).reading() as session:
        session.execute(DEAR)
    with store.within(SHORT).writing() as session:
        session.execute(insert(store_setting).values(name="a", value="b"))
        assert session.scalar(DEAR) == 2_000_000
    with store.reading() as session:
        assert session.scalar(DEAR) == 2_000_000
        assert session.scalars(select(store_setting.c.name)).all() == ["a"]


def test_only_the_time_that_sqlite_works_counts_and_not_what_is_done_with_the_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STEPS", 100_000)
    short = str(DEAR).replace("2000000", "200000")
    with store.reading() as beside:
        begun = monotonic()
        beside.execute(text(short))
        limit = 20 * (monotonic() - begun)
        with store.within(limit).reading() as session:
            rows = session.execute(text(f"SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT * FROM ({short})"))
            assert next(rows) == (1,)  # the driver has the second one, too, and works on no other yet
            begun = monotonic()
            while monotonic() - begun < limit:
                beside.execute(text(short))
            assert [tuple(row) for row in rows] == [(2,), (200_000,)]


def test_every_statement_has_its_own_time(store: Store) -> None:
    with store.within(60).reading() as session:
        connection = session.connection().connection.dbapi_connection
        session.scalar(text("SELECT 1"))
        begun = connection.begun  # type: ignore[union-attr]
        session.scalar(text("SELECT 1"))
        assert connection.begun > begun  # type: ignore[union-attr]
