"""A statement that takes too long is given up on SQLite, too, as PostgreSQL's statement_timeout has it.

SQLite asks a function of ours after so many of its own steps whether to go on. Who is interrupted is told
SQLITE_INTERRUPT, and the transaction is rolled back by whoever began it, as after any other fault.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Any, cast

from storage.one_writer import WaitingConnection

OUT_OF_TIME = sqlite3.SQLITE_INTERRUPT
# Some 40 ms of work. Each question waits for Python's lock: asked every ten thousand steps, a long statement took five
# times as long beside four threads that calculate.
STEPS = 4_000_000


class PatientConnection(WaitingConnection):
    """A connection whose statements may take so many seconds each; 0: as long as they take."""

    patience = 0.0
    begun = 0.0  # when the statement at work would have been, by time.monotonic, had nobody paused between its rows

    def wait_at_most(self, seconds: float) -> None:
        """From here on give up what takes longer."""
        if seconds != self.patience:
            self.patience = seconds
            self.set_progress_handler(self._is_too_long if seconds else None, STEPS)

    def cursor(self, *arguments: Any) -> Any:
        """A cursor; each statement is given one of its own (SQLAlchemy)."""
        return super().cursor(PatientCursor) if self.patience else super().cursor(*arguments)

    def _is_too_long(self) -> bool:
        return time.monotonic() - self.begun > self.patience


class PatientCursor(sqlite3.Cursor):
    """What counts of a statement is the time that SQLite works on it, not what is done with its rows in between."""

    used = 0.0  # seconds

    def execute(self, *arguments: Any) -> Any:
        """Begin a statement."""
        self.used = 0.0
        return self._at_work(super().execute, *arguments)

    def fetchone(self) -> Any:
        """The next row."""
        return self._at_work(super().fetchone)

    def fetchmany(self, *size: Any) -> Any:
        """Some rows."""
        return self._at_work(super().fetchmany, *size)

    def fetchall(self) -> Any:
        """All rows that are left."""
        return self._at_work(super().fetchall)

    def _at_work(self, work: Callable[..., Any], *arguments: Any) -> Any:
        connection = cast("PatientConnection", self.connection)
        now = time.monotonic()
        connection.begun = now - self.used
        try:
            return work(*arguments)
        finally:
            self.used += time.monotonic() - now
