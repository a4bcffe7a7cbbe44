"""What lost against another transaction is run again, whole, few times; anything else is told as it came."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

import storage
from storage.again import PATIENCE, TRIES, is_out_of_reach, run_again
from storage.store import Store
from storage.tables import ident
from tests.conftest import Databases, make_database


def fault(sqlstate: str | None = None, code: int | None = None) -> OperationalError:
    """A fault as a driver of one of the databases tells it."""
    original = sqlite3.OperationalError("told")
    if sqlstate is not None:
        original.sqlstate = sqlstate  # type: ignore[attr-defined]
    if code is not None:
        original.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, original)


class Unit:
    """Fails with one fault after the other, then answers; counts its runs and the pauses between them."""

    def __init__(self, *faults: Exception):
        self.faults, self.runs, self.pauses = list(faults), 0, list[float]()

    def __call__(self) -> str:
        self.runs += 1
        if self.faults:
            raise self.faults.pop(0)
        return "done"


@pytest.mark.parametrize(
    "lost",
    [
        fault("40001"),
        fault("40P01"),
        fault(code=sqlite3.SQLITE_BUSY),
        fault(code=sqlite3.SQLITE_BUSY_SNAPSHOT),
    ],
)
def test_what_lost_against_another_is_run_again_after_a_pause(lost: OperationalError) -> None:
    unit = Unit(lost, lost)
    assert run_again(unit, pause=unit.pauses.append) == "done"
    assert (unit.runs, len(unit.pauses)) == (3, 2)


@pytest.mark.parametrize(
    "other",
    [
        fault(),  # a connection that was lost on the way: who knows what was kept
        fault("57P01"),
        fault("53100"),
        fault(code=sqlite3.SQLITE_FULL),
        fault(code=sqlite3.SQLITE_ERROR),
        ZeroDivisionError(),
    ],
)
def test_any_other_fault_is_told_at_once(other: Exception) -> None:
    unit = Unit(other)
    with pytest.raises(type(other)):
        run_again(unit, pause=unit.pauses.append)
    assert unit.runs == 1


def test_it_ends_after_a_few_tries_with_pauses_that_grow() -> None:
    unit = Unit(*[fault("40P01")] * 50)
    with pytest.raises(OperationalError):
        run_again(unit, pause=unit.pauses.append)
    assert unit.runs == TRIES
    assert sum(unit.pauses) < 2, "nobody waits long for it"


def test_nobody_who_waited_long_begins_anew() -> None:
    unit, times = Unit(*[fault(code=sqlite3.SQLITE_BUSY)] * 9), iter([0.0, PATIENCE - 1, PATIENCE + 1])
    with pytest.raises(OperationalError):
        run_again(unit, pause=unit.pauses.append, clock=lambda: next(times))
    assert unit.runs == 2


def test_what_cannot_be_made_ready_again_is_not_run_again() -> None:
    unit = Unit(fault("40P01"))
    with pytest.raises(OperationalError):
        run_again(unit, ready=lambda: False, pause=unit.pauses.append)
    assert unit.runs == 1


# ---- on the databases themselves -------------------------------------------------------------------------------------


@pytest.fixture
def postgresql(databases: Databases) -> Store:
    """A store on PostgreSQL with two things."""
    made = storage.open_store(make_database(databases, "postgresql"))
    made.write(lambda session: session.execute(insert(ident), [{"id": n, "uri": f"{n}", "kind": 0} for n in (1, 2)]))
    return made


def test_of_two_that_wait_for_each_other_both_are_kept_once(postgresql: Store) -> None:
    met, runs = threading.Barrier(2), list[int]()

    def change(session: Session, first: int, second: int) -> None:
        session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        runs.append(first)
        session.execute(update(ident).where(ident.c.id == first).values(kind=ident.c.kind + 1))
        if len(runs) <= 2:  # the first time each has what the other wants
            met.wait(timeout=30)
        session.execute(update(ident).where(ident.c.id == second).values(kind=ident.c.kind + 1))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda order: postgresql.write(change, *order), [(1, 2), (2, 1)]))
    assert len(runs) == 3, "one of the two was ended and run again"
    with postgresql.reading() as session:
        assert session.scalars(select(ident.c.kind)).all() == [2, 2]
    postgresql.close()


def test_what_a_process_that_stands_still_holds_is_let_go_and_it_is_told_as_it_wakes(postgresql: Store) -> None:
    """The time is the role's (docs/operating.md, Roles)."""

    def stand_still(session: Session) -> None:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
        session.execute(update(ident).where(ident.c.id == 1).values(kind=7))
        postgresql.write(lambda other: other.execute(update(ident).values(kind=ident.c.kind + 1)))  # waits for the row
        session.execute(select(ident.c.id)).all()

    with pytest.raises(DBAPIError) as found:
        postgresql.write(stand_still)
    assert found.value.connection_invalidated, "so that it is answered 503, and the connection is not used again"
    with postgresql.reading() as session:
        assert session.scalars(select(ident.c.kind)).all() == [1, 1]
    postgresql.close()


def test_who_comes_late_on_one_state_reads_and_writes_anew(postgresql: Store) -> None:
    states: list[int] = []

    def count_up(session: Session) -> None:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        states.append(session.scalar(select(ident.c.kind).where(ident.c.id == 1)))  # type: ignore[arg-type]
        if len(states) == 1:
            postgresql.write(lambda other: other.execute(update(ident).where(ident.c.id == 1).values(kind=5)))
        session.execute(update(ident).where(ident.c.id == 1).values(kind=states[-1] + 1))

    postgresql.write(count_up)
    assert states == [0, 5], "40001: could not serialize access"
    with postgresql.reading() as session:
        assert session.scalar(select(ident.c.kind).where(ident.c.id == 1)) == 6
    postgresql.close()


def test_sqlite_that_is_busy_is_asked_again(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.store, "BUSY_MILLISECONDS", 1)
    store = storage.open_store(make_database(databases, "sqlite"))
    with store.writing() as other:
        other.execute(insert(ident).values(uri="a", kind=1))
        with pytest.raises(DBAPIError, match="locked"):
            store.write(lambda session: session.execute(insert(ident).values(uri="b", kind=1)))
        tries = 0

        def wait(_seconds: float) -> None:
            nonlocal tries
            tries += 1
            other.commit()

        def once() -> None:
            with store.writing() as session:
                session.execute(insert(ident).values(uri="b", kind=1))

        run_again(once, pause=wait)
    assert tries == 1
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(ident)) == 2
    store.close()


def test_what_no_waiting_helps_is_not_out_of_reach(databases: Databases) -> None:
    asked = {"sqlite": "SELECT * FROM nothing", "postgresql": f"SELECT {','.join(['1'] * 2_000)}"}  # of 1,664 columns
    for backend, statement in asked.items():
        with closing(storage.open_store(make_database(databases, backend))) as store, store.reading() as session:
            with pytest.raises(OperationalError) as told:
                session.execute(text(statement))
            assert not is_out_of_reach(told.value)
    with closing(storage.open_store("postgresql://nobody@127.0.0.1:1/none")) as gone, gone.reading() as session:
        with pytest.raises(OperationalError) as told:
            session.execute(text("SELECT 1"))
        assert is_out_of_reach(told.value)
