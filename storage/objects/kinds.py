"""What the service asks of an object store, and what every kind of store has in common."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import BinaryIO, Protocol

from trace.domain.failures import N_, Busy, Conflict, NotFound

CHUNK = 1024 * 1024  # bytes in memory at a time
_SHA256 = re.compile("[0-9a-f]{64}")
MISSING = N_("The stored object {sha256} is not there.")


class Refused(Busy):
    """The store answers, and does not let us in: no waiting helps, somebody has to look at the settings."""


class Silent(Busy):
    """The store does not answer at all: whoever asks next waits as long, and in vain."""


class NoLock(Conflict):
    """The bucket was made without object lock: the store itself keeps nobody from deleting."""


class LockDamaged(Conflict):
    """What says until when an object is locked cannot be read: no waiting helps, somebody has to write it anew."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the store lists it; its size in bytes, when it was stored."""

    sha256: str
    size: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """How a browser is to take an object: its media type, Content-Disposition and Cache-Control."""

    media_type: str
    disposition: str
    cache: str


class ObjectStore(Protocol):
    """A place where bytes are kept under their SHA-256: stored once, never changed."""

    def put(self, data: bytes) -> str:
        """Keep the bytes; their SHA-256 in hex. Durable when it returns."""

    def put_file(self, file: BinaryIO) -> str:
        """Keep what a seekable file holds, without having it in memory as a whole; as `put`."""

    def get(self, sha256: str) -> bytes:
        """The bytes of an object; raises `NotFound` (also for damaged ones), `Busy` where the store does not answer."""

    def open(self, sha256: str) -> BinaryIO:
        """An object as a seekable file, checked to be what was stored, never in memory as a whole; raises as `get`."""

    def has(self, sha256: str) -> bool:
        """Whether the object is there; raises `Busy`."""

    def link(self, sha256: str, shown: Shown, *, life: timedelta) -> str | None:
        """An address at which whoever knows it may fetch the object for so long; None where there is no such thing."""

    def lock(self, sha256: str, until: date) -> None:
        """Let nobody delete the object until the end of a day (UTC). A lock is extended, never shortened.

        Raises `NotFound`, `Busy`, and `NoLock` where the store cannot.
        """

    def locked_until(self, sha256: str) -> date | None:
        """The last day of an object's lock; raises as `get`, and `LockDamaged` for one that cannot be read."""

    def remove(self, sha256: str, *, now: datetime, grace: timedelta) -> bool:
        """Remove an object for good unless it is locked, or somebody put it within the grace; whether it is gone.

        Somebody who puts the same bytes at this moment finds them kept, or keeps them anew.
        """

    def listed(self, *, after: str = "") -> Iterator[Listed]:
        """All objects in the order of their names, those after a name; raises `Busy`."""

    def tidy(self, *, before: datetime) -> None:
        """Put right what a process that was killed before a moment left half-way; raises `Busy`."""

    def check(self) -> None:
        """Raise if the store cannot be written to."""


def is_name(text: str) -> bool:
    """Whether a text is a SHA-256 in hex, the only name an object has."""
    return _SHA256.fullmatch(text) is not None


def check_name(text: str) -> str:
    """The name of an object; raises `NotFound` for what is none and could lead elsewhere."""
    if not is_name(text):
        raise NotFound(MISSING, sha256=text[:64])
    return text


def hash_of(file: BinaryIO) -> tuple[str, int]:
    """(SHA-256 in hex, size in bytes) of a seekable file, which stands at its beginning afterwards."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    return digest.hexdigest(), size


def checked(file: BinaryIO, sha256: str) -> BinaryIO:
    """The file, if it is what was stored: a paper that changed on the disk is no evidence."""
    if hash_of(file)[0] != sha256:
        file.close()
        raise NotFound(N_("The stored object {sha256} is damaged and is not shown."), sha256=sha256)
    return file


def gone(kind: type[Busy] = Busy) -> Busy:
    """The failure of a store that does not give what was asked, does not answer (`Silent`) or let us in (`Refused`)."""
    return kind(N_("The photo store does not answer. Nothing was recorded; try again in a minute."))
