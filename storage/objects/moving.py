"""From one place to another: everything is copied and read back, while the service goes on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from itertools import groupby
from typing import BinaryIO

from storage.objects.kinds import Listed, NoLock, ObjectStore, Shown
from trace.domain.failures import Busy, NotFound

_END = Listed("g", 0, datetime.max.replace(tzinfo=UTC))  # behind every name


class MovedObjects:
    """A store that everything is being moved to, and the old one, which is read until that is done."""

    def __init__(self, new: ObjectStore, old: ObjectStore):
        self.new = new
        self.old = old

    def put(self, data: bytes) -> str:
        """The new store keeps it."""
        return self.new.put(data)

    def put_file(self, file: BinaryIO) -> str:
        """The new store keeps it."""
        return self.new.put_file(file)

    def get(self, sha256: str) -> bytes:
        """The bytes, from the new store or the old one."""
        with self.open(sha256) as file:
            return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """The object as a file, from the new store or the old one; what the new one raises, where it is in neither."""
        try:
            return self.new.open(sha256)
        except (NotFound, Busy) as fault:
            try:
                return self.old.open(sha256)
            except NotFound:
                raise fault from None

    def has(self, sha256: str) -> bool:
        """Whether it is in either."""
        return self.new.has(sha256) or self.old.has(sha256)

    def link(self, sha256: str, shown: Shown, *, life: timedelta) -> str | None:
        """The link of the store that has it."""
        return self._place(sha256).link(sha256, shown, life=life)

    def lock(self, sha256: str, until: date) -> None:
        """Lock it where it is; who moves it takes the lock along."""
        self._place(sha256).lock(sha256, until)

    def locked_until(self, sha256: str) -> date | None:
        """The lock of the store that has it."""
        return self._place(sha256).locked_until(sha256)

    def remove(self, sha256: str, *, now: datetime, grace: timedelta) -> bool:
        """False: nothing is removed while everything is being moved, it would come back."""
        return not self.has(sha256)

    def listed(self, *, after: str = "") -> Iterator[Listed]:
        """What either has, in the order of the names."""
        both = merge(self.new.listed(after=after), self.old.listed(after=after), key=_name)
        return (next(same) for _, same in groupby(both, key=_name))

    def tidy(self, *, before: datetime) -> None:
        """Both."""
        self.new.tidy(before=before)
        self.old.tidy(before=before)

    def check(self) -> None:
        """Raise if the new store cannot be written to."""
        self.new.check()

    def _place(self, sha256: str) -> ObjectStore:
        return self.new if self.new.has(sha256) else self.old


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one object: copied and read back, there already, or damaged where it was (and not copied).

    `unlocked`: it is locked where it was, and the new place cannot lock it.
    """

    one: Listed
    copied: bool
    damaged: bool = False
    unlocked: bool = False


def copy_all(source: ObjectStore, target: ObjectStore) -> Iterator[Copied]:
    """Copy what the source has and the target has not, in the order of the names, each with its lock.

    Each copy is read back and compared by its hash before it is told. Stopped at any moment and run again, it goes on
    where it was: what is there whole is not copied again. Raises what the stores raise.
    """
    there, last = target.listed(), None
    for one in source.listed():
        while last is None or last.sha256 < one.sha256:
            last = next(there, _END)
        is_there = (last.sha256, last.size) == (one.sha256, one.size)
        copied = Copied(one, copied=False) if is_there else _copy(source, target, one)
        if not copied.damaged and not _take_lock_along(source, target, one.sha256):
            copied = replace(copied, unlocked=True)
        yield copied


def _copy(source: ObjectStore, target: ObjectStore, one: Listed) -> Copied:
    try:
        file = source.open(one.sha256)
    except NotFound:  # damaged, or removed since
        return Copied(one, copied=False, damaged=source.has(one.sha256))
    with file:
        target.put_file(file)
    target.open(one.sha256).close()
    return Copied(one, copied=True)


def _take_lock_along(source: ObjectStore, target: ObjectStore, sha256: str) -> bool:
    """False where the target cannot lock what is locked where it was."""
    until = source.locked_until(sha256)
    try:
        if until is not None:
            target.lock(sha256, until)
    except NoLock:
        return False
    return True


def _name(one: Listed) -> str:
    return one.sha256
