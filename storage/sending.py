"""A statement of ours by the driver's own cursor, within a session's transaction.

`Connection.exec_driver_sql` puts together for each statement what nothing here asks for: a context, and a result that
knows its columns, 17 us of the processor. A scan that stores one event is nine statements on SQLite.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from storage.tenancy import server_of


class Sent(NamedTuple):
    """What came of a statement: the rows that it gives, as the driver makes them, and how many it wrote."""

    rows: Sequence[tuple[Any, ...]]
    changed: int


def is_postgresql(session: Session) -> bool:
    """Whether a session's database is PostgreSQL, else SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def send(session: Session, statement: str, values: Sequence[Any], *, many: bool = False) -> Sent:
    """Carry out a statement in the driver's style of parameters; with `many`, once for each of these `values`.

    As `exec_driver_sql` does it: whoever listens to the engine's statements hears of it (`storage.store` tells the
    database a sight by that), and what the driver raises is raised as SQLAlchemy's, with the values left out; a
    connection that is lost is given up.
    """
    connection = session.connection()
    cursor = connection.connection.cursor()
    listeners = connection.dispatch
    listeners.before_cursor_execute(connection, cursor, statement, values, None, many)
    try:
        if many:
            cursor.executemany(statement, values)
        else:
            cursor.execute(statement, values)
        listeners.after_cursor_execute(connection, cursor, statement, values, None, many)
        sent = Sent(cursor.fetchall() if _gives_rows(cursor) else (), cursor.rowcount)
    except connection.dialect.loaded_dbapi.Error as fault:
        # What it does is no method for everybody, but nothing else tells a lost connection and clears the pool of it.
        connection._handle_dbapi_exception(fault, statement, values, cursor, None)
    cursor.close()
    return sent


def send_along(session: Session, statement: str, values: Sequence[Any]) -> None:
    """Carry out a statement whose answer nobody asks for: on PostgreSQL with the next one, or with the COMMIT, in one
    round trip (`storage.together`). What it raises, that raises: the end of its savepoint, too, and then the savepoint
    does not save the transaction."""
    if not is_postgresql(session):
        send(session, statement, values)
        return
    connection = session.connection()
    listeners = connection.dispatch
    listeners.before_cursor_execute(connection, None, statement, values, None, False)
    server_of(connection).ahead.append((statement, values))
    listeners.after_cursor_execute(connection, None, statement, values, None, False)


def _gives_rows(cursor: Any) -> bool:
    """Whether a statement gives rows: its `description` says so, for which psycopg makes an object of each column."""
    result = getattr(cursor, "pgresult", None)
    return cursor.description is not None if result is None else result.nfields > 0
