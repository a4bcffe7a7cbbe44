"""Objects as files `ab/cdef...` below a folder.

A lock is a file beside the object that says until when, and the object's file is made read-only. It holds against this
service and its commands; who may write to the disk may do anything.
"""

import errno
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from storage.objects.kinds import (
    CHUNK,
    MISSING,
    Listed,
    LockDamaged,
    Shown,
    check_name,
    checked,
    gone,
    hash_of,
    is_name,
)
from trace.domain.failures import N_, Busy, NotFound, StorageFull

_LOCK = ".until"  # what the name of an object's lock ends with
_UNREADABLE = date.max  # no day that a lock may be written down for
_DAMAGED = N_(
    "The note {note} is damaged: it does not say until which day its object is locked. Write the last day into it and"
    " nothing else, as 2028-12-31; where nobody knows it, two years from today: the service locks no further ahead."
)
_READ_ONLY = 0o400
_FOLDER = re.compile("[0-9a-f]{2}")
_PARTIAL = "tmp"  # what the name of a file begins with that is not whole yet
_ASIDE = re.compile(r"\.([0-9a-f]{62})\.[0-9a-f]{32}")  # and one that is being removed


class FolderObjects:
    """Objects as files `ab/cdef...` below a folder."""

    def __init__(self, root: Path):
        self.root = root

    def put(self, data: bytes) -> str:
        """Keep the bytes; see `put_file`."""
        return self.put_file(BytesIO(data))

    def put_file(self, file: BinaryIO) -> str:
        """Write to a temporary file, fsync, rename: a crash leaves the whole object or none."""
        sha256, size = hash_of(file)
        path = self._path(sha256)
        try:
            if _touch(path) != size:
                if not path.parent.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    _sync_folder(self.root)
                _write(path, file)
            _sync_folder(path.parent)  # also where another writer has only just renamed it
        except OSError as fault:
            raise _failure_of(fault) from fault
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of an object; raises `NotFound`."""
        with self.open(sha256) as file:
            return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """The object's file, read through once; raises `NotFound`."""
        try:
            return checked(self._path(sha256).open("rb"), sha256)
        except FileNotFoundError as fault:
            raise NotFound(MISSING, sha256=sha256) from fault
        except OSError as fault:
            raise gone() from fault

    def has(self, sha256: str) -> bool:
        """Whether the object's file is there."""
        return self._path(sha256).exists()

    def link(self, sha256: str, shown: Shown, *, life: timedelta) -> str | None:
        """None: nobody but this service gives a folder's files."""
        return None

    def lock(self, sha256: str, until: date) -> None:
        """Write the day beside the object, unless one as late stands there; the object becomes read-only.

        What stands there and cannot be read gives way: the day comes of the records, which know it.
        """
        path = self._path(sha256)
        if not path.exists():
            raise NotFound(MISSING, sha256=sha256)
        before = self._lock(sha256)
        if before is not None and _UNREADABLE > before >= until:
            return
        try:
            path.chmod(_READ_ONLY)
            _write(_lock_of(path), BytesIO(until.isoformat().encode()))
            _sync_folder(path.parent)
        except OSError as fault:
            raise _failure_of(fault) from fault

    def locked_until(self, sha256: str) -> date | None:
        """The last day of the object's lock, None for one without; raises `LockDamaged` for one that cannot be read."""
        until = self._lock(sha256)
        if until == _UNREADABLE:
            raise LockDamaged(_DAMAGED, note=_lock_of(self._path(sha256)))
        return until

    def remove(self, sha256: str, *, now: datetime, grace: timedelta) -> bool:
        """Take the object aside, look whether somebody put it meanwhile, and put it back or delete it.

        Who puts the same bytes touches the file first: either that is seen here, or the file was aside already and is
        written anew.
        """
        path, until = self._path(sha256), self._lock(sha256)
        if until is not None and until >= now.astimezone(UTC).date():
            return False
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            if _touched(path) > now - grace:
                return False
            path.rename(aside)
            if _touched(aside) > now - grace:
                aside.rename(path)
                return False
            aside.unlink()
            _lock_of(path).unlink(missing_ok=True)
            _sync_folder(path.parent)
        except FileNotFoundError:
            return True
        except OSError as fault:
            raise gone() from fault
        return True

    def listed(self, *, after: str = "") -> Iterator[Listed]:
        """The objects in the order of their names, sub-folder by sub-folder."""
        try:
            for folder in (folder for folder in self._folders() if folder.name >= after[:2]):
                for name in sorted(path.name for path in _inside(folder)):
                    if is_name(folder.name + name) and folder.name + name > after:
                        yield from _listed(folder / name)
        except OSError as fault:
            raise gone() from fault

    def discard(self, sha256: str) -> None:
        """Remove an object that is kept elsewhere now: of a spool, which has no locks."""
        self._path(sha256).unlink(missing_ok=True)

    def tidy(self, *, before: datetime) -> None:
        """Remove files that were never whole; put back an object that was taken aside and neither removed nor put back.

        Of the latter nobody knows whether it was wanted meanwhile: whoever removes looks at it once more.
        """
        try:
            for path in (path for folder in self._folders() for path in _inside(folder)):
                if path.name.startswith(_PARTIAL) and _changed_before(path, before):
                    path.unlink(missing_ok=True)
                elif (found := _ASIDE.fullmatch(path.name)) and _changed_before(path, before):
                    path.rename(path.with_name(found[1]))
        except OSError as fault:
            raise gone() from fault

    def check(self) -> None:
        """Raise if the folder cannot be written to."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.root):
            return

    def _lock(self, sha256: str) -> date | None:
        """The last day of the object's lock: `_UNREADABLE` for one that is damaged, which is a lock all the same."""
        try:
            return date.fromisoformat(_lock_of(self._path(sha256)).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except ValueError:
            return _UNREADABLE
        except OSError as fault:
            raise gone() from fault

    def _folders(self) -> list[Path]:
        """Those that hold objects, in the order of their names: on a disk of its own there is a lost+found, too."""
        return sorted(path for path in _inside(self.root) if _FOLDER.fullmatch(path.name) and path.is_dir())

    def _path(self, sha256: str) -> Path:
        """Where an object lies; raises `NotFound` for what is no SHA-256 and could lead elsewhere."""
        check_name(sha256)
        return self.root / sha256[:2] / sha256[2:]


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _listed(path: Path) -> Iterator[Listed]:
    with suppress(FileNotFoundError):  # removed since
        found = path.stat()
        yield Listed(path.parent.name + path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _failure_of(fault: OSError) -> Busy | StorageFull:
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(N_("There is no room left for photos. Make room and send it again."))
    return gone()


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + _LOCK)


def _changed_before(path: Path, moment: datetime) -> bool:
    """Whether a file was last written or renamed before a moment; not one that is gone."""
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(path.stat().st_ctime, UTC) < moment
    return False


def _touch(path: Path) -> int | None:
    """The size of a file that is there, None for none. That somebody wanted it is noted as the time of its last use:
    the time of its last change stays, what is stored is never written again."""
    try:
        found = path.stat()
        os.utime(path, ns=(int(datetime.now(UTC).timestamp() * 1e9), found.st_mtime_ns))
    except FileNotFoundError:
        return None
    return found.st_size


def _touched(path: Path) -> datetime:
    """When a file was last written or wanted."""
    found = path.stat()
    return datetime.fromtimestamp(max(found.st_atime, found.st_mtime), UTC)


def _write(path: Path, source: BinaryIO) -> None:
    """The whole file, durable, or none: under another name first, which goes away if there is no room."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_PARTIAL, delete=False) as file:
        try:
            shutil.copyfileobj(source, file, CHUNK)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            Path(file.name).unlink()
            raise
    Path(file.name).rename(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
