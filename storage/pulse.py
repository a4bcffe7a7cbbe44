"""A PostgreSQL server that says nothing is told from one that is only busy, and nobody waits for it until it is back.

A machine that vanished is noticed by the network (`storage.postgresql.GONE`). A server that stands still is not: its
disk hangs, or its machine was stopped as it stood; the network's own questions are answered, and every statement waits.
So who waits while nobody was told anything for some seconds tries to connect anew, which a busy server lets happen
while it works: where nothing comes the connection is given up, and with it all others of its pool. Of one that was in
its COMMIT nobody knows then whether it is kept, as ever when a connection is lost: it is sent again with its key.
"""

import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from psycopg import IsolationLevel
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout, OperationalError, _WaitTimeout
from psycopg.waiting import Ready

from storage import together

T = TypeVar("T")
SILENCE = 5.0  # seconds for which nobody was told anything, after which who waits wants to know whether it will be
RESTED = 5.0  # seconds for which a connection is taken to be there still
FRESH = 1.0  # seconds for which nobody asks anew
log = structlog.get_logger()


class Connection(together.Connection):
    """A connection to a server with a pulse."""

    pulse: "Pulse"
    heard: float  # when the server last answered something here, by time.monotonic

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """What the server answers; raises `OperationalError` where it says nothing, to nobody."""
        waiting = gen
        while True:
            try:
                answer = super().wait(waiting, interval, SILENCE / 5)
            except _WaitTimeout:
                waiting = _going_on(gen)
                if not self.pulse.beats():
                    self.pgconn.finish()
                    raise OperationalError("the server says nothing") from None
            else:
                self.heard = time.monotonic()
                self.pulse.hear()
                return answer

    def check(self) -> None:
        """Raise `OperationalError` if the connection was lost while it was asked nothing.

        Of one that ended, or was ended by the server, this machine knows: there is something to read. A machine that
        vanished, or a network that forgot the connection, says nothing; so what rested for long is asked for an answer.
        """
        arrived = select.poll()
        arrived.register(self.pgconn.socket, select.POLLIN)
        if time.monotonic() - self.heard > RESTED or arrived.poll(0):
            self.execute(";")

    def set_autocommit(self, value: bool) -> None:
        """As psycopg's; what is so already is not waited for, which would pass for an answer of the server."""
        if value != self.autocommit:
            super().set_autocommit(value)

    def set_isolation_level(self, value: IsolationLevel | None) -> None:
        """Likewise."""
        if value != self.isolation_level:
            super().set_isolation_level(value)


class Pulse:
    """Whether one server says anything. Safe for many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.is_silent = False
        self._clock = clock
        self.heard = float("-inf")  # when it last answered anybody, by the clock
        self._felt = self._refused = float("-inf")  # when it was asked, and when it last said that nobody may come in
        self._asking = threading.Lock()
        self._address: dict[str, Any] = {}

    def connect(self, **address: Any) -> Connection:
        """A connection to the server at an address (as psycopg's `connect`).

        While it says nothing, one waits whether it does, and everybody else is told at once: `OperationalError`.
        """
        self._address = address
        if not self.is_silent:
            return self._connect()
        if self._is_known() or not self._asking.acquire(blocking=False):
            raise OperationalError("the server says nothing")
        try:
            return self._connect()
        finally:
            self._asking.release()

    def hear(self) -> None:
        """Note that the server answered something just now: it is busy at most, whoever waits."""
        self.heard = self._clock()
        if self.is_silent:
            self._note(is_silent=False)

    def beats(self) -> bool:
        """Whether the server says anything; of many who want to know one finds out."""
        if self._is_heard():
            return True
        if self.is_silent and self._asking.locked():
            return False
        with self._asking:
            if not self._is_known():
                with suppress(OperationalError):  # a refusal is an answer, too
                    self._connect().close()
            return not self.is_silent

    def _is_heard(self) -> bool:
        return self._clock() - max(self.heard, self._refused) < SILENCE

    def _is_known(self) -> bool:
        return self._clock() - self._felt < FRESH

    def _connect(self) -> Connection:
        try:
            made = Connection.connect(**self._address)
        except ConnectionTimeout:
            self._note(is_silent=not self._is_heard())
            raise
        except OperationalError:
            self._refused = self._clock()
            self._note(is_silent=False)
            raise
        self.hear()
        self._note(is_silent=False)
        made.pulse, made.heard = self, time.monotonic()
        return made

    def _note(self, *, is_silent: bool) -> None:
        changed, self.is_silent, self._felt = self.is_silent != is_silent, is_silent, self._clock()
        if changed:
            log.warning("database_silent") if is_silent else log.info("database_answers")


def _going_on(gen: PQGen[T]) -> PQGen[T]:
    """What a generator that waits was at: begun anew it would be sent None, which psycopg's own, in C, take for a fault
    while they send."""
    ready: int = Ready.NONE
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as end:
            answer: T = end.value
            return answer
        ready = yield wanted
