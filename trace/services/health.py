"""Is the service well: do the database, the photo store and the reading engines answer?"""

import errno
import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from scanners import available_engines, available_formats
from storage.event_feed import is_from_another_server
from storage.objects import ObjectStore, spool_of
from storage.replicas import BEHIND, GONE, STRANGE, Replica, ReplicaLeft
from storage.row_security import find_hole
from storage.store import newest_revision, revision_of
from storage.tenancy import across
from trace.domain.failures import Busy, Failure
from trace.services.rounds import waiting_since

PATIENCE = timedelta(minutes=5)  # longer than a busy worker takes to come by
MEBIBYTE = 1024**2
LEAST_FREE = 256 * MEBIBYTE  # of a disk: room for as many uploads as may wait at once, and what the database writes
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PRIMARY_ANSWERS = "until it is back the first server answers what it would"
_REPLICA = {
    BEHIND: f"it is more than three seconds behind; {_PRIMARY_ANSWERS}",
    GONE: f"it does not answer; {_PRIMARY_ANSWERS}",
    STRANGE: "what SUNSHINE_REPLICA_URL names is no replica of that database (any more): nothing is read from it",
}


@across(because="the service itself looks")
def check_health(
    session: Session,
    objects: ObjectStore,
    now: datetime,
    *,
    replica: Replica | None = None,
    folders: Iterable[Path] = (),
) -> dict[str, Any]:
    """{status, database, migrations, row_security, objects, photos_waiting, room, subscriptions, engines, formats}, and
    replica if any.

    `status` is ok while work can be done: also while photos wait on this machine because their store is gone, and while
    a replica is. It is degraded where a disk of the `folders` that the service writes to is full, or nearly: what is
    there can be read. Else it is failing.

    A reading engine that is missing is told and does no harm: the others read on; so is a kind of file. Subscriptions
    that wait for a worker are told, and are sent when there is one.
    """
    database, (kept, can_keep) = _database(session), _objects(objects)
    migrations = _migrations(session) if database == "ok" else "unknown"
    room = check_room(folders) or "ok"
    works = database == migrations == "ok" and can_keep
    return {
        "status": "failing" if not works else "ok" if room == "ok" else "degraded",
        "database": database,
        "migrations": migrations,
        "row_security": check_row_security(session, replica) if database == "ok" else "unknown",
        **({"replica": check_replica(replica) or "ok"} if replica and database == "ok" else {}),
        "objects": kept,
        "photos_waiting": waiting_photos(objects),
        "room": room,
        "subscriptions": check_subscriptions(session, now) or "ok",
        "engines": {name: problem or "ok" for name, problem in available_engines().items()},
        "formats": {name: problem or "ok" for name, problem in available_formats().items()},
    }


def check_subscriptions(session: Session, now: datetime) -> str | None:
    """None if subscribers are told in time, else a sentence."""
    try:
        since = waiting_since(session, now=now)
        if is_from_another_server(session):
            return "the events were restored from another PostgreSQL server: follow docs/subscriptions.md"
    except SQLAlchemyError as fault:
        return type(fault).__name__
    if since is None or now - since < PATIENCE:
        return None
    return f"work has waited since {since.isoformat(timespec='seconds')}: start the server, or ./run worker beside it"


def check_room(folders: Iterable[Path]) -> str | None:
    """None if there is room where these folders lie or will lie, else a sentence."""
    for folder in folders:
        with suppress(OSError):  # a folder that cannot be read is told by who reads it
            free = shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists())).free
            if free < LEAST_FREE:
                return (
                    f"only {free // MEBIBYTE} MiB are free where {folder} lies, and without room nothing more is"
                    " recorded (507); what is there can be read"
                )
    return None


def check_replica(replica: Replica) -> str | None:
    """None if the replica answers looks, else a sentence."""
    try:
        with replica.caught_up(0):
            pass
        replica.lag()  # where nothing is written a look need not ask how far it is
    except ReplicaLeft as left:
        return _REPLICA.get(left.why, _REPLICA[GONE])
    except SQLAlchemyError:
        return _REPLICA[GONE]
    return None


def _database(session: Session) -> str:
    try:
        return "ok" if session.execute(select(1)).scalar_one() == 1 else "failing"
    except SQLAlchemyError as fault:
        return type(fault).__name__


def _migrations(session: Session) -> str:
    """Whether the tables are those of this version: two versions may meet while one takes the other's place."""
    there, wanted = revision_of(session.connection()), newest_revision()
    return "ok" if there == wanted else f"the database is of version {there}, this service of {wanted}"


def check_row_security(session: Session, replica: Replica | None = None) -> str:
    """ok where the database itself keeps organisations apart, else a sentence: the WHERE is the only line then.

    The replica is the same database, but another role may be named for it.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return "SQLite has none"
    hole = find_hole(connection)
    if hole is None and replica is not None:
        with suppress(ReplicaLeft), replica.caught_up(0) as there:
            hole = find_hole(there) and "the role in SUNSHINE_REPLICA_URL is not the one that serves and owns nothing"
    return hole or "ok"


def _objects(objects: ObjectStore) -> tuple[str, bool]:
    """("ok", or what is wrong with the store of photos; whether photos are kept all the same, or given room for it)."""
    try:
        objects.check()
    except Busy:
        return "the store does not answer", spool_of(objects) is not None
    except Failure as fault:
        return str(fault), False
    except OSError as fault:
        return fault.strerror or "failing", fault.errno in _FULL
    return "ok", True


def waiting_photos(objects: ObjectStore) -> int:
    """How many photos wait on this machine until their store is back."""
    spool = spool_of(objects)
    try:
        return spool.waiting() if spool else 0
    except OSError:  # the folder cannot be read, which `_objects` tells
        return 0
