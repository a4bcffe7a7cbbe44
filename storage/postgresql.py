"""PostgreSQL's engines: how its servers are connected to, and what each of their transactions begins with."""

import re
from functools import lru_cache
from typing import Any

from psycopg import OperationalError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError

from storage.binary_arrays import take_columns
from storage.pulse import SILENCE, Pulse
from storage.pulse import Connection as ServerConnection
from storage.replicas import Replica
from storage.tenancy import begin_with_sight, begin_without, server_of, tell_sight

# After so many seconds without a sign of life PostgreSQL's machine is taken for gone (names as libpq has them).
GONE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
# A replica is not waited for so long: there is the primary.
GONE_REPLICA = GONE | {"connect_timeout": 2, "tcp_user_timeout": 3_000}
# A statement that a connection sends for the third time is prepared: what is asked once is not worth it.
PREPARED = {"prepare_threshold": 2}
# Whatever the environment says: `storage.binary_arrays` writes texts so.
ENCODED = {"client_encoding": "utf8"}
# The driver keeps a hundred: fewer than the pages of one desk send in turn, so that each would go before it is used.
MOST_PREPARED = 400
MOST_CONNECTIONS = 16
ASKING = 4  # more of them, which ask the primary how far it is, where there is a replica
_ONLY_SELECTS = "only selects"  # in Connection.info: whether the transaction sent nothing else
_ALONE = "alone"  # in Connection.info: what goes ahead of each statement that is a transaction of its own
_READ_ONLY = "SELECT set_config('transaction_read_only', 'on', true)"
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)


def open_primary(url: str, pulse: Pulse, **common: Any) -> Engine:
    """The engine of a server that is read and written; `common` are options of SQLAlchemy's."""
    return _checked(_engine(url, GONE, pulse, pool_timeout=10, **common))


def open_replica(url: str, primary: str, pulse: Pulse, **common: Any) -> Replica:
    """The replica at a URL, of the primary at another, whose pulse is known."""
    # Not looked at before each use: where a connection is lost, the primary answers. Of the primary is asked how far it
    # is by connections of their own: where all others are taken, it is busy, and not silent.
    looks = _engine(url, GONE_REPLICA, Pulse(), pool_timeout=1, **common)
    asks = _checked(_engine(primary, GONE, pulse, pool_timeout=SILENCE, pool_size=ASKING, **common))
    return Replica(looks, asks, pulse)


def _checked(engine: Engine) -> Engine:
    """The same engine, which lends no connection that was lost while it rested, and then none of those beside it.

    SQLAlchemy's own check asks the server before each use, a round trip for every transaction.
    """

    def check(connection: ServerConnection, _record: Any, _lent: Any) -> None:
        try:
            connection.check()
        except OperationalError as fault:
            raise InvalidatePoolError from fault

    event.listen(engine, "checkout", check)
    return engine


def _engine(url: str, gone: dict[str, int], pulse: Pulse, **options: Any) -> Engine:
    # The driver's own transaction control is switched off: we say BEGIN ourselves, and more with it.
    # Who gave a connection back last is lent first: it has the statements prepared, and the others may rest. All are
    # kept: a new one has to plan every statement anew, and many at once would find new ones again and again.
    options = {"pool_size": MOST_CONNECTIONS, "max_overflow": 0, "pool_use_lifo": True} | options
    options |= {"isolation_level": "AUTOCOMMIT", "connect_args": _patience(url, gone) | PREPARED | ENCODED}
    engine = create_engine(url, **options)
    event.listen(engine, "do_connect", lambda _dialect, _record, _more, address: pulse.connect(**address))
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _note_statement)
    return engine


def _patience(url: str, gone: dict[str, int]) -> dict[str, int]:
    """How long a PostgreSQL server that says nothing is waited for; what the address says itself holds.

    Without it a machine that vanished (no answer, no refusal) holds every request for a quarter of an hour. A server
    that stands still answers the network's own questions all the same: that is found out by `storage.pulse`.
    """
    return {name: value for name, value in gone.items() if name not in make_url(url).query}


def _set_up(connection: Any, _record: Any) -> None:
    connection.prepared_max = MOST_PREPARED
    take_columns(connection)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.info[_ALONE], connection.info[_ONLY_SELECTS] = (), True
    seconds = options.get("sunshine_patience")
    limit = [f"SELECT set_config('statement_timeout', '{int(seconds * 1000)}', true)"] if seconds else []
    if "sunshine_snapshot" in options:
        begin_with_sight(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ", *limit)
    elif "sunshine_glance" in options:
        begin_with_sight(connection)
        connection.info[_ALONE] = (_READ_ONLY, *limit)
    elif options.get("isolation_level") == "AUTOCOMMIT":  # VACUUM and its like, which stand in no transaction
        begin_without(connection)
    else:
        begin_with_sight(connection, "BEGIN")


def _note_statement(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
    tell_sight(connection, statement, connection.info.get(_ALONE, ()))
    if not _is_select(statement):
        connection.info[_ONLY_SELECTS] = False


def has_only_read(connection: Connection) -> bool:
    """Whether the transaction of a connection sent nothing but SELECTs, none of which failed."""
    return bool(connection.info.get(_ONLY_SELECTS)) and not server_of(connection).has_failed()


def _is_select(statement: str) -> bool:
    """Whether a statement only reads. WITH may stand before anything: there the words decide."""
    begun = statement.lstrip()
    return begun.startswith("SELECT") or (begun.startswith("WITH") and _reads_with(begun))


@lru_cache(maxsize=256)
def _reads_with(statement: str) -> bool:
    return _WRITES.search(statement) is None
