"""What is done while the object store is gone: the record is accepted, the photo waits on this machine's own disk.

A photo in the spool is as durable as one in a folder. Whoever works beside the service on this machine moves it to the
store when that is back (`move`). Until then it is shown from here; another machine does not see it yet.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import BinaryIO

import structlog

from storage.objects.folder import FolderObjects
from storage.objects.kinds import Listed, ObjectStore, Shown, Silent, gone
from trace.domain.failures import Busy, NotFound

PAUSE = 20.0  # seconds for which a store that did not answer is not asked again: nobody waits for it each time
log = structlog.get_logger()


class SpooledObjects:
    """An object store over the network, and a folder here for what it does not take at the moment."""

    def __init__(self, main: ObjectStore, spool: FolderObjects, *, clock: Callable[[], float] = time.monotonic):
        self.main = main
        self.spool = spool
        self._clock = clock
        self._asked_again_at = 0.0
        self._moving = threading.Lock()

    def put(self, data: bytes) -> str:
        """Keep the bytes, there or here; see `put_file`."""
        return self.put_file(BytesIO(data))

    def put_file(self, file: BinaryIO) -> str:
        """Keep what a file holds, in the store where it answers, else here. Raises `StorageFull` for either."""
        try:
            with self._asked(until=Busy) as main:
                return main.put_file(file)
        except Busy:
            return self.spool.put_file(file)

    def get(self, sha256: str) -> bytes:
        """The bytes, from wherever they are; raises as the store does."""
        with self.open(sha256) as file:
            return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """The object as a file, from here where it waits; raises as the store does."""
        if self.spool.has(sha256):
            with suppress(NotFound):  # moved since
                return self.spool.open(sha256)
        with self._asked() as main:
            return main.open(sha256)

    def has(self, sha256: str) -> bool:
        """Whether it is here or there."""
        if self.spool.has(sha256):
            return True
        with self._asked() as main:
            return main.has(sha256)

    def link(self, sha256: str, shown: Shown, *, life: timedelta) -> str | None:
        """The store's, None for what waits here."""
        return None if self.spool.has(sha256) else self.main.link(sha256, shown, life=life)

    def lock(self, sha256: str, until: date) -> None:
        """The store's; raises `Busy` for what waits here."""
        with self._asked() as main:
            main.lock(sha256, until)

    def locked_until(self, sha256: str) -> date | None:
        """The store's; what waits here has none yet."""
        if self.spool.has(sha256):
            return None
        with self._asked() as main:
            return main.locked_until(sha256)

    def remove(self, sha256: str, *, now: datetime, grace: timedelta) -> bool:
        """The store's; what waits here stays."""
        if self.spool.has(sha256):
            return False
        with self._asked() as main:
            return main.remove(sha256, now=now, grace=grace)

    def listed(self, *, after: str = "") -> Iterator[Listed]:
        """The store's: what waits here is not there yet."""
        return self.main.listed(after=after)

    def tidy(self, *, before: datetime) -> None:
        """Here and there."""
        self.spool.tidy(before=before)
        self.main.tidy(before=before)

    def check(self) -> None:
        """Raise `Busy` while the store is gone (not asked each time), `OSError` where photos cannot wait either.

        One that is only slower than a look is patient is asked for photos all the same.
        """
        self.spool.check()
        if self._clock() < self._asked_again_at:
            raise gone(Silent)
        self.main.check()

    def waiting(self) -> int:
        """How many objects wait here."""
        return sum(1 for _ in self.spool.listed())

    def move(self) -> bool:
        """Bring one object that waits to the store; False if there is none, raises `Busy` while the store is gone.

        It is removed here when the store has it for good: killed at any moment, it is in one of the two, or in both.
        Two processes at once bring the same bytes; of two threads one does. One that is damaged is told, and stays.
        """
        if not self._moving.acquire(blocking=False):
            return False
        try:
            return self._move()
        finally:
            self._moving.release()

    def _move(self) -> bool:
        for one in self.spool.listed():
            try:
                with self.spool.open(one.sha256) as file:
                    self.main.put_file(file)
            except NotFound:
                if self.spool.has(one.sha256):
                    log.error("spooled_object_damaged", sha256=one.sha256)
                continue
            self._asked_again_at = 0.0
            self.spool.discard(one.sha256)
            return True
        return False

    @contextmanager
    def _asked(self, *, until: type[Busy] = Silent) -> Iterator[ObjectStore]:
        """The store; raises `Silent` at once where it is left alone, and leaves it alone where it raises `until`.

        One that answers and cannot give this one object may have the next.
        """
        if self._clock() < self._asked_again_at:
            raise gone(Silent)
        try:
            yield self.main
        except until as fault:
            self._pause()
            log.warning("objects_gone", kind=type(fault).__name__, cause=type(fault.__cause__).__name__)
            raise

    def _pause(self) -> None:
        self._asked_again_at = self._clock() + PAUSE
