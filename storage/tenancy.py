"""Whose records a transaction sees: the second line behind every WHERE (row-level security of PostgreSQL).

Every session is opened with a `Sight`: one organisation's, everybody's, or nothing. The database is told it ahead of
the first statement of a transaction (`storage.together`), for that transaction only, so that no pooled connection
carries it on; the policies (`storage.row_security`) compare it with each row. Without a sight nothing is visible and
nothing can be written. Where a service lawfully looks or writes across organisations it says so, and why, in the
narrowest place: `across_organisations`. SQLite has no such policies: there the WHERE is the only line.

It guards against a WHERE that was forgotten, not against whoever can make the service send statements of their own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import wraps
from inspect import isgeneratorfunction
from typing import Concatenate, ParamSpec, TypeVar

from psycopg import ProgrammingError
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from storage.together import Connection as ServerConnection

P = ParamSpec("P")
T = TypeVar("T")
SETTING = "sunshine.sees"  # of PostgreSQL: a number, "all", or empty
_TELL = f"SELECT set_config('{SETTING}', '%b', true)".encode()  # `Sight` holds digits or a word of ours
_SEER = "sunshine_seer"  # in Session.info, Connection.info, and an option of the session's engine
_TOLD = "sunshine_told"  # in Connection.info: the sight that the database was told last


@dataclass(frozen=True, slots=True)
class Sight:
    """What a transaction may see and write: `text` is what the database is told."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no sight: the text stands in a statement as it is."""
        if not re.fullmatch("all|[0-9]*", self.text):
            raise ValueError("a sight is an organisation's number, all, or nothing")


NOTHING = Sight("")
EVERYTHING = Sight("all")  # workers, the command line, inspectors by their mandate


def sight_of(organisation: int) -> Sight:
    """The records of one organisation (`organisation.id`), and what everybody shares."""
    return Sight(str(organisation))


@dataclass(slots=True)
class _Seer:
    """What a session sees at the moment; the connection on which its last transaction began, on PostgreSQL."""

    sight: Sight
    connection: Connection | None = None


def open_session(bind: Engine | Connection, sight: Sight, **options: object) -> Session:
    """A session whose transactions see what `sight` sees, until it is said otherwise.

    `options` are told to whoever begins its transactions, as execution options of their connection.
    """
    seer = _Seer(sight)
    options[_SEER] = seer
    if isinstance(bind, Connection):
        bind.execution_options(**options)
    else:
        # A plain copy: an engine made by `execution_options` asks the first one's listeners through objects made anew
        # for each engine and connection, which takes a quarter of a short transaction.
        bind = copy(bind)
        bind.update_execution_options(**options)
    session = Session(bind, autoflush=False)
    session.info[_SEER] = seer
    return session


def connection_of(session: Session) -> Connection | None:
    """The connection of a session's transaction on PostgreSQL; None where it has none: it may have found no server."""
    found: Connection | None = session.info[_SEER].connection
    return None if found is None or found.closed or found.invalidated else found


@contextmanager
def across_organisations(session: Session, *, because: str) -> Iterator[None]:
    """See and write everybody's records within the block.

    `because` is for who reads the code: which law, or which purpose, needs other organisations' records here. The
    database is told before the next statement, so a block that asks nothing costs nothing.
    """
    if not because:
        raise ValueError("say why")
    seer: _Seer = session.info[_SEER]
    before, seer.sight = seer.sight, EVERYTHING
    try:
        yield
    finally:
        seer.sight = before


def across(*, because: str) -> Callable[[Callable[Concatenate[Session, P], T]], Callable[Concatenate[Session, P], T]]:
    """Mark a function, whose first argument is the session, that looks or writes across organisations throughout."""
    if not because:
        raise ValueError("say why")

    def mark(act: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Session, P], T]:
        if isgeneratorfunction(act):  # its body begins when the mark is over
            raise TypeError(f"{act.__qualname__} gives its rows one by one: see across in its callers, or make a list")

        @wraps(act)
        def marked(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
            # What `across_organisations` does, without the making of a context: a scan comes by here five times.
            seer: _Seer = session.info[_SEER]
            before, seer.sight = seer.sight, EVERYTHING
            try:
                return act(session, *args, **kwargs)
            finally:
                seer.sight = before

        return marked

    return mark


def see_as(session: Session, sight: Sight) -> None:
    """From here on see what `sight` sees: who it is for has just been found out. Who sees everything goes on so."""
    seer: _Seer = session.info[_SEER]
    if seer.sight != EVERYTHING:
        seer.sight = sight


def sight_in(session: Session) -> Sight:
    """What a session sees at the moment."""
    seer: _Seer = session.info[_SEER]
    return seer.sight


# ---- towards the database -------------------------------------------------------------------------------------------


def begin_with_sight(connection: Connection, *begin: str) -> None:
    """Have a transaction of PostgreSQL begin with these commands, and see what the sight of its engine says."""
    seer: _Seer = connection.get_execution_options().get(_SEER) or _Seer(NOTHING)
    connection.info[_SEER], connection.info[_TOLD] = seer, None
    seer.connection = connection
    server_of(connection).ahead.extend(command.encode() for command in begin)


def begin_without(connection: Connection) -> None:
    """Forget the sight of the last transaction, where every statement stands alone and nothing is told with it."""
    connection.info.pop(_SEER, None)


def tell_sight(connection: Connection, statement: str, alone: Iterable[str] = ()) -> None:
    """Have PostgreSQL be told, ahead of a statement, a sight that it was not told yet in the transaction; mostly
    nothing to do. What goes before the sight where the statement is a transaction of its own: `alone`.

    Raises `ProgrammingError` where the transaction ended already (its BEGIN failed, or it was told a COMMIT as a
    statement): what follows would be kept by itself, and see nothing.
    """
    info, server = connection.info, server_of(connection)
    if statement.startswith("ROLLBACK"):  # to a savepoint: what was told since is rolled back with it
        info[_TOLD] = None  # no sight, and no other is like it
        server.ahead.clear()  # what was to go ahead as well
        return
    seer: _Seer | None = info.get(_SEER)
    if seer is None:
        return
    if alone:
        server.ahead.extend(command.encode() for command in alone)
        info[_TOLD] = None
    elif server.is_over():
        raise ProgrammingError("the transaction of this statement is over")
    if seer.sight != info[_TOLD]:
        info[_TOLD] = seer.sight
        server.ahead.append(_TELL % seer.sight.text.encode())


def server_of(connection: Connection) -> ServerConnection:
    """The driver's connection, with what goes to the server with its next statement (`storage.together`)."""
    server: ServerConnection = connection.connection.dbapi_connection  # type: ignore[assignment]
    return server
