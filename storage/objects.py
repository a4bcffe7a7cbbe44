"""Photos and papers as objects, named by their SHA-256: in a folder, or in any S3 store through the minio SDK.

The same bytes are stored once and never change; nothing is ever overwritten with something else.
"""

import errno
import hashlib
import os
import re
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from trace.domain.failures import N_, Busy, Invalid, NotFound, StorageFull

_SHA256 = re.compile("[0-9a-f]{64}")
_MISSING = N_("The stored object {sha256} is not there.")


class ObjectStore(Protocol):
    """What the service asks of an object store."""

    def put(self, data: bytes) -> str:
        """Keep the bytes; their SHA-256 in hex. Durable when it returns."""

    def get(self, sha256: str) -> bytes:
        """The bytes of an object; raises `NotFound` (also for damaged ones), `Busy` where the store does not answer."""

    def check(self) -> None:
        """Raise if the store cannot be written to."""


def open_objects(url: str) -> ObjectStore:
    """The object store at `s3://KEY:SECRET@host:port/bucket[?secure=0]` or in a folder.

    Raises `Invalid` for an S3 address without host or bucket.
    """
    return S3Objects(url) if url.startswith("s3://") else FolderObjects(Path(url))


class FolderObjects:
    """Objects as files `ab/cdef...` below a folder."""

    def __init__(self, root: Path):
        self.root = root

    def put(self, data: bytes) -> str:
        """Write to a temporary file, fsync, rename: a crash leaves the whole object or none."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if path.exists():
            return sha256
        try:
            if not path.parent.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _sync_folder(self.root)
            _write(path, data)
        except OSError as fault:
            if fault.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(N_("There is no room left for photos. Make room and send it again.")) from fault
            raise _store_gone() from fault
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of an object; raises `NotFound`."""
        try:
            return _checked(self._path(sha256).read_bytes(), sha256)
        except FileNotFoundError as fault:
            raise NotFound(_MISSING, sha256=sha256) from fault
        except OSError as fault:
            raise _store_gone() from fault

    def check(self) -> None:
        """Raise if the folder cannot be written to."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.root):
            return

    def _path(self, sha256: str) -> Path:
        """Where an object lies; raises `NotFound` for what is no SHA-256 and could lead elsewhere."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound(_MISSING, sha256=sha256[:64])
        return self.root / sha256[:2] / sha256[2:]


class S3Objects:
    """Objects in one bucket of an S3 store, named by their SHA-256."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self.bucket = parts.path.strip("/")
        if not parts.hostname or not self.bucket:
            raise Invalid(N_("An S3 address is s3://KEY:SECRET@host:port/bucket; host or bucket is missing."))
        secure = parse_qs(parts.query).get("secure", ["1"])[0] not in ("0", "false", "no")
        # Fail in seconds, not minutes, when the store is gone: the caller answers 503 and the person tries again.
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=3, read=15), retries=urllib3.Retry(total=2, backoff_factor=0.2)
        )
        self.client = Minio(
            f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname,
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
            secure=secure,
            region=parse_qs(parts.query).get("region", ["us-east-1"])[0],
            http_client=pool,
        )
        self._has_bucket = False

    def put(self, data: bytes) -> str:
        """Store the bytes; the S3 store answers when they are durable."""
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._make_bucket()
            self.client.put_object(self.bucket, sha256, BytesIO(data), len(data))
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as fault:
            raise _store_gone() from fault
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of an object; raises `NotFound`, or `Busy` where the store does not answer."""
        try:
            response = self.client.get_object(self.bucket, sha256)
            try:
                return _checked(bytes(response.read()), sha256)
            finally:
                response.close()
                response.release_conn()
        except S3Error as fault:
            if fault.code in ("NoSuchKey", "NoSuchBucket"):
                raise NotFound(_MISSING, sha256=sha256) from fault
            raise _store_gone() from fault
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as fault:
            raise _store_gone() from fault

    def check(self) -> None:
        """Raise if the bucket cannot be reached."""
        try:
            self._make_bucket()
            self.client.bucket_exists(self.bucket)
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as fault:
            raise _store_gone() from fault

    def _make_bucket(self) -> None:
        if not self._has_bucket:
            if not self.client.bucket_exists(self.bucket):
                try:
                    self.client.make_bucket(self.bucket)
                except S3Error as fault:
                    if fault.code != "BucketAlreadyOwnedByYou":  # another process made it meanwhile
                        raise
            self._has_bucket = True


def _checked(data: bytes, sha256: str) -> bytes:
    """The bytes, if they are what was stored: a paper that changed on the disk is no evidence."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotFound(N_("The stored object {sha256} is damaged and is not shown."), sha256=sha256)
    return data


def _store_gone() -> Busy:
    return Busy(N_("The photo store does not answer. Nothing was recorded; try again in a minute."))


def _write(path: Path, data: bytes) -> None:
    """The whole file, durable, or none: under another name first, which goes away if there is no room."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            Path(file.name).unlink()
            raise
    Path(file.name).rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
