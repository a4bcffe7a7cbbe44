"""Processor time of this process and of one connection's server, stage by stage; the log that a store writes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import event, text

from storage.store import Store

_COUNTED = Path("/proc/self/schedstat")


class Clock:
    """The processor seconds of this process (`here`) and of the server behind a store's connections (`there`).

    Linux counts a process's nanoseconds (`/proc/N/schedstat`); elsewhere it is hundredths of a second.
    """

    def __init__(self, store: Store):
        self._server: int | None = None
        if store.engine.dialect.name == "postgresql":
            with store.engine.connect() as connection:  # who asks one by one always has the same of the pool
                self._server = int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)

    def seconds(self) -> float:
        """Of both together."""
        return time.process_time() + self._there()

    def _there(self) -> float:
        if self._server is None:
            return 0.0
        if _COUNTED.exists():
            return int(Path(f"/proc/{self._server}/schedstat").read_bytes().split()[0]) / 1e9
        return float(sum(psutil.Process(self._server).cpu_times()[:2]))

    def of(self, work: Callable[[], object]) -> float:
        """What a piece of work takes."""
        begun = self.seconds()
        work()
        return self.seconds() - begun


class DatabaseStage:
    """What of a store's work is its statements and commits: in the driver, on the way, in the server."""

    def __init__(self, store: Store, clock: Clock):
        self.seconds = 0.0
        self.statements = 0
        self._clock = clock
        self._begun = 0.0
        event.listen(store.engine, "before_cursor_execute", self._begin)
        event.listen(store.engine, "after_cursor_execute", self._end)
        # A commit has no event behind it: the driver's own method is what is timed.
        dialect: Any = store.engine.dialect
        commit = dialect.do_commit

        def timed(connection: Any) -> None:
            self.seconds += clock.of(lambda: commit(connection))

        dialect.do_commit = timed

    def _begin(self, *_what: Any) -> None:
        self._begun = self._clock.seconds()

    def _end(self, *_what: Any) -> None:
        self.seconds += self._clock.seconds() - self._begun
        self.statements += 1


@contextmanager
def counting_log(store: Store, into: dict[str, int], name: str = "log") -> Iterator[None]:
    """`into[name]` grows by the bytes of the write-ahead log that the block's transactions write."""
    if store.engine.dialect.name == "postgresql":
        before = _insert_place(store)
        yield
        into[name] += _insert_place(store) - before
        return
    path = Path(f"{store.engine.url.database}-wal")
    with store.engine.connect() as connection:  # SQLite's log begins anew once it is empty
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    yield
    into[name] += path.stat().st_size


def _insert_place(store: Store) -> int:
    with store.engine.connect() as connection:
        place = int(connection.scalar(text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")) or 0)
        connection.commit()  # behind a ROLLBACK the driver would forget what it prepared
        return place
