"""The object store of an installation, as its settings say: used by the service, the worker and the commands."""

from storage.objects import ObjectStore, open_objects
from trace.config import Settings

SPOOL = "spool"  # in the data folder: photos that wait for an S3 store that is gone


def objects_of(settings: Settings) -> ObjectStore:
    """The store photos are kept in. Raises `Invalid` for an S3 address that is none."""
    return open_objects(
        settings.objects_url,
        spool=settings.data / SPOOL,
        old=settings.objects_old_url,
        public=settings.objects_link_url,
    )
