"""How often somebody tried, in memory, by a clock that nobody sets."""

import time
from collections.abc import Callable
from threading import Lock

from limits.storage import Storage


class Attempts(Storage):
    """Counts for `limits`, one a key, which ends its seconds after it began.

    The storage of that library (`memory://`) goes by the wall clock: who was at their limit when it was put back by two
    hours could not sign in for two hours. It also starts a thread for every attempt.
    """

    STORAGE_SCHEME = ["attempts"]  # noqa: RUF012 - the library's registry reads a list
    base_exceptions = ValueError

    def __init__(self, uri: str | None = None, clock: Callable[[], float] = time.monotonic, **more: bool) -> None:
        super().__init__(uri, **more)
        self.clock = clock
        self._counts: dict[str, tuple[int, float]] = {}  # how many, and until when they count
        self._looked = clock()  # when those that are over were last forgotten
        self._lock = Lock()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """So many more: how many there are now, in the `expiry` seconds that began with the first of them."""
        now = self.clock()
        with self._lock:
            if now - self._looked > expiry:
                self._counts = {key: (many, end) for key, (many, end) in self._counts.items() if end > now}
                self._looked = now
            many, end = self._counts.get(key, (0, 0.0))
            many, end = (many + amount, end) if end > now else (amount, now + expiry)
            self._counts[key] = many, end
        return many

    def get(self, key: str) -> int:
        """How many there are."""
        many, end = self._counts.get(key, (0, 0.0))
        return many if end > self.clock() else 0

    def get_expiry(self, key: str) -> float:
        """When they count no more, as the wall clock will show it if nobody sets it: seconds since 1970."""
        _, end = self._counts.get(key, (0, 0.0))
        return time.time() + max(0.0, end - self.clock())

    def check(self) -> bool:
        """It is there."""
        return True

    def reset(self) -> int:
        """Forget all: how many keys there were."""
        with self._lock:
            forgotten, self._counts = len(self._counts), {}
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one."""
        with self._lock:
            self._counts.pop(key, None)
