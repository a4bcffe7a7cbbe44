"""Objects in one bucket of an S3 store, through the minio SDK.

The bucket is made with object lock, and so with versions. A lock is COMPLIANCE: nobody, not even the store's own
administrator, deletes the object before its day. In a bucket that somebody else made without it nothing can be locked,
and nothing is ever removed: without versions, removing and putting the same bytes at once would lose them.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import MinioException, S3Error
from minio.retention import Retention

from storage.objects.kinds import (
    CHUNK,
    MISSING,
    Listed,
    NoLock,
    Refused,
    Shown,
    Silent,
    check_name,
    checked,
    gone,
    hash_of,
    is_name,
)
from trace.domain.failures import N_, Busy, Failure, Invalid, NotFound, StorageFull

# An object put so recently, or locked for longer than that, is not put again; it is not removed meanwhile either.
FRESH = timedelta(days=1)
TIMEOUT = urllib3.Timeout(connect=3, read=15)  # seconds
LOOK = urllib3.Timeout(connect=3, read=3)  # of who only wants to know whether the store answers
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion"})
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage"})
_NOT_LET_IN = frozenset({"AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId", "RequestTimeTooSkewed"})
_NO_LOCK = frozenset({"InvalidRequest", "NotImplemented", "ObjectLockConfigurationNotFoundError", "InvalidBucketState"})
_LOCK_HEADER = "x-amz-object-lock-retain-until-date"


class _Retry(urllib3.Retry):
    """A connection that was cut is tried again (it may have been kept too long), a silence is not: it lasts as long."""

    def increment(self, *what: Any, **more: Any) -> "_Retry":
        """As urllib3 asks after each failure; raises the error where nothing came in time."""
        if isinstance(error := more.get("error"), urllib3.exceptions.TimeoutError):
            raise error
        return super().increment(*what, **more)


class S3Objects:
    """Objects in one bucket of an S3 store, named by their SHA-256."""

    def __init__(self, url: str, *, public: str = ""):
        parts = urlsplit(url)
        self.bucket = parts.path.strip("/")
        if not parts.hostname or not self.bucket:
            raise Invalid(N_("An S3 address is s3://KEY:SECRET@host:port/bucket; host or bucket is missing."))
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        secure = parse_qs(parts.query).get("secure", ["1"])[0] not in ("0", "false", "no")
        self._secrets = {
            "access_key": unquote(parts.username or ""),
            "secret_key": unquote(parts.password or ""),
            "region": parse_qs(parts.query).get("region", ["us-east-1"])[0],
        }
        # Fail in seconds, not minutes, when the store is gone: the photo is kept elsewhere, or the person tries again.
        self.client, self._looks = (
            Minio(host, secure=secure, http_client=_pool(timeout), **self._secrets) for timeout in (TIMEOUT, LOOK)
        )
        self._signer = self._signer_for(public)
        self._has_bucket = False

    def _signer_for(self, public: str) -> Minio | None:
        """What signs links for browsers: the host is part of what is signed. None where they get no links."""
        where = urlsplit(public)
        return Minio(where.netloc, secure=where.scheme != "http", **self._secrets) if where.netloc else None

    def put(self, data: bytes) -> str:
        """Store the bytes; see `put_file`."""
        return self.put_file(BytesIO(data))

    def put_file(self, file: BinaryIO) -> str:
        """Store what a file holds; durable when the S3 store answers. What is there for sure is not sent again."""
        sha256, size = hash_of(file)
        try:
            with _answers():
                self._make_bucket()
                there = self._find(sha256)
                if there is None or there.size != size or not _is_safe(there):
                    self.client.put_object(self.bucket, sha256, file, size)
        except Busy:
            self._has_bucket = False  # somebody may have taken it away: the next try looks
            raise
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of an object; raises `NotFound`, or `Busy` where the store does not answer."""
        with self.open(sha256) as file:
            return file.read()

    def open(self, sha256: str) -> BinaryIO:
        """The object, fetched into a temporary file: checked whole, and no slow reader holds a connection."""
        check_name(sha256)
        file = cast(BinaryIO, SpooledTemporaryFile(max_size=CHUNK))  # noqa: SIM115 - the caller closes it
        try:
            with _answers(sha256):
                response = self.client.get_object(self.bucket, sha256)
                try:
                    for chunk in response.stream(CHUNK):
                        file.write(chunk)
                finally:
                    response.close()
                    response.release_conn()
        except Failure:
            file.close()
            raise
        return checked(file, sha256)

    def has(self, sha256: str) -> bool:
        """Whether the object is in the bucket; raises `Busy`."""
        with _answers(sha256):
            return self._find(check_name(sha256)) is not None

    def link(self, sha256: str, shown: Shown, *, life: timedelta) -> str | None:
        """An address signed for so long, at the public address of the store; None where there is none. Asks nobody."""
        if self._signer is None:
            return None
        wanted = {
            "response-content-type": shown.media_type,
            "response-content-disposition": shown.disposition,
            "response-cache-control": shown.cache,
        }
        return str(self._signer.get_presigned_url("GET", self.bucket, check_name(sha256), life, wanted))

    def lock(self, sha256: str, until: date) -> None:
        """COMPLIANCE until the end of the day, unless it is locked for longer. Raises `NoLock` for such a bucket."""
        end = datetime.combine(until + timedelta(days=1), time(), UTC)
        with _answers(check_name(sha256)):
            there = self.client.stat_object(self.bucket, sha256)
            before = _lock_of(there)
            if (before is not None and before >= until) or end <= datetime.now(UTC):  # the store refuses what is over
                return
            try:
                kept = Retention(COMPLIANCE, end)
                self.client.set_object_retention(self.bucket, sha256, kept, version_id=there.version_id)
            except S3Error as fault:
                if fault.code in _NO_LOCK:
                    raise NoLock(
                        N_("The bucket was made without object lock: its objects cannot be locked.")
                    ) from fault
                raise

    def locked_until(self, sha256: str) -> date | None:
        """The last day of the object's lock, None for one without."""
        with _answers(check_name(sha256)):
            return _lock_of(self.client.stat_object(self.bucket, sha256))

    def remove(self, sha256: str, *, now: datetime, grace: timedelta) -> bool:
        """Remove the versions that are there, by number: one that somebody puts meanwhile is another, and stays."""
        check_name(sha256)
        with _answers(sha256):
            there = list(self.client.list_objects(self.bucket, prefix=sha256, include_version=True))
            if any(_is_kept(version, now - grace) for version in there):
                return False
            held = (version for version in there if not version.is_delete_marker)  # somebody deleted it by hand
            until = max((_lock_of(self._version(version)) or date.min for version in held), default=date.min)
            if until >= now.astimezone(UTC).date():
                return False
            for version in there:
                self.client.remove_object(self.bucket, sha256, version_id=version.version_id)
        return True

    def listed(self, *, after: str = "") -> Iterator[Listed]:
        """The objects in the order of their names, a thousand in one answer of the store."""
        with _answers():
            self._make_bucket()
            for found in self.client.list_objects(self.bucket, start_after=after or None):
                if is_name(found.object_name):  # what somebody else put there is not ours to judge
                    yield Listed(found.object_name, found.size or 0, found.last_modified or datetime.now(UTC))

    def tidy(self, *, before: datetime) -> None:
        """Nothing: an S3 store has an object whole or not at all, and uploads in parts are its own to clear."""

    def check(self) -> None:
        """Raise if the bucket cannot be reached within some seconds."""
        with _answers():
            self._has_bucket = self._looks.bucket_exists(self.bucket)
            self._make_bucket()

    def has_lock(self) -> bool:
        """Whether the bucket was made with object lock."""
        with _answers():
            self._make_bucket()
            try:
                self.client.get_object_lock_config(self.bucket)
            except S3Error as fault:
                if fault.code in _NOT_LET_IN:
                    raise
                return False
        return True

    def _find(self, sha256: str) -> Any:
        """What the store says of an object, None for one that is not there."""
        try:
            return self.client.stat_object(self.bucket, sha256)
        except S3Error as fault:
            if fault.code in _NOT_THERE:
                return None
            raise

    def _version(self, version: Any) -> Any:
        return self.client.stat_object(self.bucket, version.object_name, version_id=version.version_id)

    def _make_bucket(self) -> None:
        if not self._has_bucket:
            if not self.client.bucket_exists(self.bucket):
                try:
                    self._create()
                except S3Error as fault:
                    if fault.code != "BucketAlreadyOwnedByYou":  # another process made it meanwhile
                        raise
            self._has_bucket = True

    def _create(self) -> None:
        try:
            self.client.make_bucket(self.bucket, object_lock=True)
        except S3Error as fault:
            if fault.code not in _NO_LOCK:
                raise
            self.client.make_bucket(self.bucket)  # a store that knows no locks keeps photos all the same


def _pool(timeout: urllib3.Timeout) -> urllib3.PoolManager:
    return urllib3.PoolManager(timeout=timeout, retries=_Retry(total=2, backoff_factor=0.2))


def _is_safe(there: Any) -> bool:
    """Whether an object that is there will not be removed before a record names it."""
    now = datetime.now(UTC)
    fresh = there.last_modified is not None and there.last_modified > now - FRESH
    return fresh or (_lock_of(there) or date.min) > (now + FRESH).date()


def _is_kept(version: Any, before: datetime) -> bool:
    """Whether a version may not be removed: put within the grace, or in a bucket that numbers no versions."""
    fresh = version.last_modified is None or version.last_modified > before
    return fresh or version.version_id in (None, "", "null")


def _lock_of(there: Any) -> date | None:
    """The last whole day of a lock. Some stores write nanoseconds, which the SDK's own reading refuses."""
    text = (there.metadata or {}).get(_LOCK_HEADER)
    return (datetime.fromisoformat(text[:19]) - timedelta(seconds=1)).date() if text else None


@contextmanager
def _answers(sha256: str = "") -> Iterator[None]:
    """What goes wrong in talking to the store, as the failure it means."""
    try:
        yield
    except S3Error as fault:
        if fault.code in _NOT_THERE and sha256:
            raise NotFound(MISSING, sha256=sha256) from fault
        if fault.code in _FULL:
            raise _full() from fault
        raise (gone(Refused) if fault.code in _NOT_LET_IN else gone()) from fault
    except MinioException as fault:
        raise gone() from fault
    except (urllib3.exceptions.HTTPError, OSError) as fault:
        if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):  # of the temporary file
            raise _full() from fault
        raise gone(Silent) from fault


def _full() -> StorageFull:
    return StorageFull(N_("There is no room left for photos. Make room and send it again."))
