"""One database: its engine, its sessions, its migrations.

SQLite (embedded, WAL, `synchronous=FULL`) and PostgreSQL (production) behind the same code. A session either reads
or writes; on SQLite a writer begins with BEGIN IMMEDIATE, so that two writers wait for each other at the start and
never fail half-way (a deferred transaction that wants to write later can only be refused). Work that may lose against
other work goes through `Store.write`, or through `storage.again.run_again` with a session of its own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Executable, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from storage.again import CommitLost, run_again
from storage.one_writer import Line, begin_writing
from storage.patience import PatientConnection
from storage.postgresql import MOST_CONNECTIONS, has_only_read, open_primary, open_replica
from storage.pulse import Pulse
from storage.tenancy import NOTHING, Sight, connection_of, open_session, sight_in
from storage.turns import Turns

P = ParamSpec("P")
T = TypeVar("T")
BUSY_MILLISECONDS = 15_000
# Parameters stay out of error messages, and so out of the log: they hold names, prices, password hashes.
_COMMON: dict[str, Any] = {"hide_parameters": True}
# What each connection to SQLite is told, in this order: how large pages are holds for a new database alone, and before
# its journal is chosen. SQLite logs whole pages, of which a capture writes hundreds for a few entries each: small ones
# make the log shorter (docs/benchmarks-capture.md). It is written back after 4 MB, as of pages of the usual size.
_SQLITE = (
    "page_size=1024",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-65536",
    "wal_autocheckpoint=4000",
)
_AT_END = "statements at the end"  # in Session.info
_AFTERWARDS = "afterwards"  # in Session.info


class Store:
    """An open database. `reading()` and `writing()` give sessions: return commits, raise rolls back.

    `write` does both for a function and runs it again where its transaction lost against another one. `replica` is
    there where a replica's URL was given.
    """

    def __init__(self, url: str, replica_url: str = ""):
        self.url = driver_url(url)
        self.sight, self.patience = NOTHING, 0.0
        pulse = Pulse()
        self.engine = _engine(self.url, pulse)
        self.replica = open_replica(driver_url(replica_url), self.url, pulse, **_COMMON) if replica_url else None
        self.turns = Turns() if self.engine.dialect.name == "sqlite" else None
        self._read: Engine | Connection = self.engine

    def seeing(self, sight: Sight) -> "Store":
        """The same store, for sessions that see other records (`storage.tenancy`)."""
        other = copy(self)
        other.sight = sight
        return other

    def within(self, seconds: float) -> "Store":
        """The same store, for looks of which a statement is given up that takes longer; 0: as long as it takes.

        One question too dear does not keep a connection, and everybody who waits for one. What writes is left to end.
        """
        other = copy(self)
        other.patience = seconds
        return other

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that may write; commits when the block returns, rolls back when it raises.

        The transaction begins with the first statement, not before: work that needs no store holds no lock. Raises
        `CommitLost` where the connection went in the COMMIT: what was done may be kept, and may not.
        """
        with open_session(self.engine, self.sight, sunshine_writes=True) as session:
            with _ended_if_refused(session):
                yield session
            _write_down(session, session)
            try:
                session.commit()
            except DBAPIError as fault:
                if not fault.connection_invalidated:
                    raise
                raise CommitLost(None, None, fault.orig or fault, connection_invalidated=True) from fault
            for _, act in session.info.pop(_AFTERWARDS, ()):
                act()

    def write(self, unit: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`unit(session, ...)` in a session that may write; the whole of it again where it lost (`run_again`).

        So it must change nothing but what is in the store, or what it may change twice.
        """

        def once() -> T:
            with self.writing() as session:
                return unit(session, *args, **kwargs)

        return run_again(once, what=getattr(unit, "__qualname__", "-"))

    def reading(self) -> AbstractContextManager[Session]:
        """A session on one consistent state that is rolled back at the end: whatever it did is not kept.

        What `write_at_end` was asked for is written then, in a transaction of its own. On SQLite looks take turns
        (`storage.turns`).
        """
        # PostgreSQL would show every statement what was committed meanwhile; SQLite's readers see one state anyway.
        return self._looking(self._read, sunshine_snapshot=True)

    def glancing(self) -> AbstractContextManager[Session]:
        """A session for a statement or two that write nothing and need no common state, at the primary: on PostgreSQL
        each is a transaction of its own, and one round trip."""
        return self._looking(self.engine, sunshine_glance=True)

    @contextmanager
    def _looking(self, bind: Engine | Connection, **options: object) -> Iterator[Session]:
        with open_session(bind, self.sight, sunshine_patience=self.patience, **options) as session:
            with self.turns.turn() if self.turns else nullcontext():
                with _ended_if_refused(session):
                    yield session
                undo(session)
            if _AT_END in session.info:
                with self.seeing(sight_in(session)).writing() as short:
                    _write_down(session, short)

    @contextmanager
    def at_replica(self, wanted: int | None) -> Iterator["Store"]:
        """The same store, whose next reading the replica answers, in the state of a position or a later one.

        Raises what `storage.replicas.Replica.caught_up` raises; what is written, the primary is still given.
        """
        assert self.replica is not None
        with self.replica.caught_up(wanted) as connection:
            connection.rollback()
            other = copy(self)
            other._read = connection
            yield other

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
        if self.replica is not None:
            self.replica.close()


@contextmanager
def _ended_if_refused(session: Session) -> Iterator[None]:
    """Whatever raises, the transaction is ended, and what it did is not kept."""
    try:
        yield
    except DBAPIError:
        raise  # closing the session rolls back
    except Exception:
        undo(session)
        raise


def undo(session: Session) -> None:
    """End a transaction so that whatever it did is not kept.

    PostgreSQL's driver forgets its prepared statements at every ROLLBACK, and then each statement of the next request
    is parsed and planned anew, which takes longer than to carry it out: a page that is asked for and is not there would
    slow all others. So where nothing but SELECTs was sent it ends with COMMIT, which keeps nothing either.
    """
    session.commit() if _has_only_read(session) else session.rollback()


def _has_only_read(session: Session) -> bool:
    if not session.in_transaction() or session.in_nested_transaction():
        return False
    connection = connection_of(session)  # the session's own would look for the server once more
    return connection is not None and has_only_read(connection)


def write_at_end(session: Session, statement: Executable) -> None:
    """Have a statement carried out when the session's block returns; not if it raises.

    So a long reading that leaves a line in a log does not keep SQLite's one writer waiting while it reads.
    """
    session.info.setdefault(_AT_END, []).append(statement)


def once_kept(session: Session, act: Callable[[], None]) -> None:
    """Have something done when what a writing session did so far is kept, and never if it is rolled back."""
    noted = session.info.setdefault(_AFTERWARDS, [])
    noted.append((session.get_nested_transaction() or session.get_transaction(), act))


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    """What was to be done afterwards, without what belongs to a transaction or savepoint that was rolled back."""
    noted = [] if ended.parent is None else session.info.get(_AFTERWARDS, [])
    session.info[_AFTERWARDS] = [(begun, act) for begun, act in noted if ended not in _around(begun)]


def _around(begun: SessionTransaction | None) -> Iterator[SessionTransaction]:
    while begun is not None:
        yield begun
        begun = begun.parent


def is_written_at_end(session: Session) -> bool:
    """Whether something is to be written when a session's block returns, although it only reads."""
    return _AT_END in session.info


def _write_down(asked: Session, written: Session) -> None:
    for statement in asked.info.pop(_AT_END, ()):
        written.execute(statement)


def open_store(url: str, replica_url: str = "") -> Store:
    """Open the database at an SQLAlchemy URL (`sqlite:///path` or `postgresql://...`); nothing is read yet.

    `replica_url`: a PostgreSQL server that follows it, for `Store.at_replica`.
    """
    return Store(url, replica_url)


def prepare(url: str, service: str | None = None) -> None:
    """Create the database's tables or migrate them to this version; harmless when there is nothing to do.

    On PostgreSQL `url` is the owner's, and `service` the role as which the service runs, if it is another one.

    Two processes that start at once are lined up by a lock of the database itself (PostgreSQL advisory lock; SQLite's
    own write lock), see `storage/migrations/env.py`.
    """
    config = _migrations()
    config.attributes["url"] = driver_url(url)
    config.attributes["service"] = service
    command.upgrade(config, "head")


def revisions(store: Store) -> tuple[str | None, str]:
    """(the migration that the database is at, None for one that is empty yet; the one that this version needs)."""
    with store.engine.connect() as connection:
        return revision_of(connection), newest_revision()


def revision_of(connection: Connection) -> str | None:
    """The migration that a database is at, None for one that is empty yet."""
    found: str | None = MigrationContext.configure(connection).get_current_revision()
    return found


@cache
def newest_revision() -> str:
    """The migration that this version needs."""
    return str(ScriptDirectory.from_config(_migrations()).get_current_head())


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def driver_url(url: str) -> str:
    """The URL with the driver that we use: psycopg 3 for PostgreSQL."""
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def _engine(url: str, pulse: Pulse) -> Engine:
    if not url.startswith("sqlite"):
        return open_primary(url, pulse, **_COMMON)
    patience = {"timeout": BUSY_MILLISECONDS / 1000, "factory": PatientConnection}
    kept = {"pool_size": MOST_CONNECTIONS // 2, "max_overflow": MOST_CONNECTIONS // 2}
    engine = create_engine(url, connect_args=patience, **kept, **_COMMON)
    line = Line()
    event.listen(engine, "connect", lambda connection, _record: _set_up_sqlite(connection, line))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: PatientConnection, line: Line) -> None:
    connection.line = line
    # The driver's own transaction control is switched off: we say BEGIN ourselves.
    connection.isolation_level = None
    # Its own knows A to Z alone: names were found there in capital or small letters other than on PostgreSQL.
    connection.create_function("lower", 1, _lower, deterministic=True)
    for pragma in _SQLITE:
        connection.execute(f"PRAGMA {pragma}")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin_sqlite(connection: Any) -> None:
    options = connection.get_execution_options()
    connection.connection.dbapi_connection.wait_at_most(options.get("sunshine_patience", 0.0))
    if options.get("sunshine_writes"):
        begin_writing(connection, BUSY_MILLISECONDS / 1000)
    else:
        connection.exec_driver_sql("BEGIN")
