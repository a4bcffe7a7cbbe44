"""A unit of work that lost against another one is run again as a whole: the one place where that is decided.

PostgreSQL ends one of two transactions that wait for each other in a ring (40P01, deadlock_detected), and one that
cannot be lined up with others (40001, serialization_failure: also a reading on a replica); SQLite refuses who would
wait for itself or for too long (SQLITE_BUSY). Of each the database says itself that nothing was kept, so that it may be
run again. A connection that was lost on the way says nothing of the kind: that is told, and not tried again. Before its
COMMIT was sent nothing is kept; while it was in it nobody knows (`CommitLost`).
"""

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

T = TypeVar("T")
TRIES = 6  # of ten that meet again at once, one wins each time
FIRST_PAUSE = 0.02  # seconds at most, doubled each time; any part of it, so that the same two do not meet again
# Seconds after which nobody begins anew: who waited so long for SQLite's one writer has had its turn to wait.
PATIENCE = 10.0
_LOST = frozenset({"40001", "40P01"})
_PRIMARY = 0xFF  # of SQLite's extended result codes
log = structlog.get_logger()


class CommitLost(OperationalError):
    """The connection was lost while a transaction was in its COMMIT: it may be kept, and it may not."""


def has_lost(fault: DBAPIError) -> bool:
    """Whether a transaction ended only because of another one, and kept nothing."""
    code = getattr(fault.orig, "sqlite_errorcode", None)
    busy = code is not None and code & _PRIMARY == sqlite3.SQLITE_BUSY
    return busy or getattr(fault.orig, "sqlstate", None) in _LOST


def is_out_of_reach(fault: Exception) -> bool:
    """Whether the database is busy, gone or out of room, and not asked for what it has not (SQLite: no such table) or
    cannot (PostgreSQL's class 54, program limit exceeded)."""
    told = getattr(fault, "orig", None)
    asked_wrongly = getattr(told, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    asked_wrongly = asked_wrongly or (getattr(told, "sqlstate", None) or "").startswith("54")
    return isinstance(fault, OperationalError | InterfaceError | TimeoutError) and not asked_wrongly


def run_again(
    unit: Callable[[], T],
    *,
    ready: Callable[[], bool] = lambda: True,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    **said: Any,
) -> T:
    """What `unit` answers, which begins and ends a transaction of its own and is run again where that has lost.

    `ready` is asked before each further run: it brings back to its beginning what the unit uses up, or says False where
    that cannot be. The last fault is raised as it came. `said` stands in the line of the log that each further run
    leaves.
    """
    begun = clock()
    for attempt in range(1, TRIES):
        try:
            return unit()
        except DBAPIError as fault:
            if not has_lost(fault) or clock() - begun > PATIENCE or not ready():
                raise
            log.warning("run_again", kind=type(fault.orig).__name__, attempt=attempt, **said)
        pause(random.uniform(0, FIRST_PAUSE * 2**attempt))  # noqa: S311 - no secret
    return unit()
