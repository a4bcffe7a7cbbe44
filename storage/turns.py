"""Looks at an embedded database take turns: all threads of a process share one processor with it.

SQLite lets go of Python's one lock for each row and takes it again; of sixteen threads that look at once each waits for
the others at each row, and all that waiting takes as much of the processor again as the looks themselves (2026-11-27,
16 clients: 52 look-ups a second of 22 ms, one at a time 112 of 9 ms). A look that takes long, as an export does, loses
its turn and goes on beside the others, so nobody waits long for anybody, and nobody for ever: this orders, and guards
nothing.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 0.1  # seconds after which the next one's turn comes, whoever is still at it


class _Turn:
    """Somebody's turn: whose, and whether it has come."""

    __slots__ = ("has_come", "thread")

    def __init__(self) -> None:
        self.thread, self.has_come = threading.get_ident(), threading.Event()


class Turns:
    """Those of a process who look at one database, in the order they came. Safe for many threads."""

    def __init__(self, longest: float = LONGEST):
        self._longest = longest
        # Reentrant: the collector of garbage may end a forgotten generator's block in the midst of a change of ours.
        self._changing = threading.RLock()
        self._waiting: deque[_Turn] = deque()
        self._at_it: _Turn | None = None
        self._since = 0.0  # by time.monotonic

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do the block when it is its turn; a thread that is at it already goes on."""
        at_it = self._at_it
        if at_it is not None and at_it.thread == threading.get_ident():
            yield
            return
        mine = _Turn()
        self._wait(mine)
        try:
            yield
        finally:
            with self._changing:
                if self._at_it is mine:  # it was not too long
                    self._next()

    def _wait(self, mine: _Turn) -> None:
        with self._changing:
            self._waiting.append(mine)
            if self._at_it is None:
                self._next()
        while not mine.has_come.wait(self._left()):
            with self._changing:
                if mine not in self._waiting:  # it came, and who gave it was interrupted before saying so
                    return
                if self._left() <= 0:
                    self._next()

    def _left(self) -> float:
        """Seconds for which who is at it keeps the turn."""
        return max(0.0, self._since + self._longest - time.monotonic())

    def _next(self) -> None:
        self._at_it = self._waiting.popleft() if self._waiting else None
        if self._at_it is not None:
            self._since = time.monotonic()
            self._at_it.has_come.set()
