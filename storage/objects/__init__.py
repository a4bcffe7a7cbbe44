"""Photos and papers as objects, named by their SHA-256: in a folder, or in any S3 store through the minio SDK.

The same bytes are stored once and never change; nothing is ever overwritten with something else.
"""

from pathlib import Path

from storage.objects.folder import FolderObjects
from storage.objects.kinds import CHUNK, Listed, LockDamaged, NoLock, ObjectStore, Refused, Shown
from storage.objects.moving import Copied, MovedObjects, copy_all
from storage.objects.spool import SpooledObjects

__all__ = [
    "CHUNK",
    "Copied",
    "FolderObjects",
    "Listed",
    "LockDamaged",
    "MovedObjects",
    "NoLock",
    "ObjectStore",
    "Refused",
    "Shown",
    "SpooledObjects",
    "copy_all",
    "open_objects",
    "spool_of",
]


def open_objects(url: str, *, spool: Path | None = None, old: str = "", public: str = "") -> ObjectStore:
    """The object store at `s3://KEY:SECRET@host:port/bucket[?secure=0]` or in a folder.

    `spool` is where photos wait while an S3 store is gone; `old` the place from which everything is being moved, read
    until that is done; `public` the address at which browsers reach the S3 store, where they are sent there for what
    they may see. Raises `Invalid` for an S3 address without host or bucket.
    """
    if not url.startswith("s3://"):
        new: ObjectStore = FolderObjects(Path(url))
    else:
        from storage.objects.s3 import S3Objects  # noqa: PLC0415 - loads the minio SDK, which takes a fifth of a start

        new = S3Objects(url, public=public)
        if spool is not None:
            new = SpooledObjects(new, FolderObjects(spool))
    return MovedObjects(new, open_objects(old, public=public)) if old else new


def spool_of(objects: ObjectStore) -> SpooledObjects | None:
    """The part of a store that keeps photos here while the store itself is gone; None for one without."""
    found = objects.new if isinstance(objects, MovedObjects) else objects
    return found if isinstance(found, SpooledObjects) else None
