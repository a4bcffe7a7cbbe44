"""SQLite's one writer: who wants to write has its turn in the order they came, and nobody keeps it by mistake."""

import threading

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError

import storage
from storage import store as store_module
from storage.again import has_lost
from storage.one_writer import Line
from storage.store import Store, undo
from storage.tables import ident
from tests.conftest import Databases, make_database


@pytest.fixture
def sqlite(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on SQLite whose writers wait for a moment only."""
    monkeypatch.setattr(store_module, "BUSY_MILLISECONDS", 50)
    return storage.open_store(make_database(databases, "sqlite"))


def add(store: Store, uri: str) -> None:
    """Add a thing."""
    with store.writing() as session:
        session.execute(insert(ident).values(uri=uri, kind=1))


def count(store: Store) -> int:
    """How many things there are."""
    with store.reading() as session:
        return int(session.execute(select(func.count()).select_from(ident)).scalar_one())


def test_writers_have_their_turn_in_the_order_they_came() -> None:
    line, order = Line(), list[int]()
    assert line.take(0)

    def write(number: int) -> None:
        assert line.take(60)
        order.append(number)
        line.give_back()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for number, thread in enumerate(threads):
        thread.start()
        while len(line._waiting) <= number:
            thread.join(0.001)
    line.give_back()
    for thread in threads:
        thread.join()
    assert order == [*range(8)]
    assert line.take(0)


def test_who_gave_up_waiting_is_passed_by() -> None:
    line = Line()
    assert line.take(0)
    assert not line.take(0.01)
    line.give_back()
    assert line.take(0)


def test_writer_that_waits_in_vain_is_refused_as_by_sqlite_and_may_try_again(sqlite: Store) -> None:
    with sqlite.writing() as session:
        session.execute(insert(ident).values(uri="first", kind=1))
        with pytest.raises(OperationalError, match="database is locked") as refused:
            add(sqlite, "second")
        assert has_lost(refused.value)
    add(sqlite, "second")
    assert count(sqlite) == 2


def test_turn_is_given_back_however_a_writing_ends(sqlite: Store) -> None:
    add(sqlite, "kept")
    with pytest.raises(ZeroDivisionError), sqlite.writing() as session:
        session.execute(insert(ident).values(uri="raised", kind=1))
        assert 1 / 0
    with sqlite.writing() as session:
        session.execute(insert(ident).values(uri="undone", kind=1))
        undo(session)
        add(sqlite, "meanwhile")
        session.execute(insert(ident).values(uri="afterwards", kind=1))
    with sqlite.writing() as session:
        session.execute(insert(ident).values(uri="lost", kind=1))
        session.connection().invalidate()
        session.rollback()
    add(sqlite, "last")
    assert count(sqlite) == 4


def test_other_process_that_writes_is_waited_for_and_the_line_goes_on_afterwards(sqlite: Store) -> None:
    other = storage.open_store(sqlite.url)  # with a line of its own, as in another process
    with other.writing() as session:
        session.execute(insert(ident).values(uri="theirs", kind=1))
        with pytest.raises(OperationalError, match="database is locked"):
            add(sqlite, "ours")
    add(sqlite, "ours")
    assert count(sqlite) == 2
