"""The object store of an installation, as its settings say: used by the service, the worker and the commands."""

from pathlib import Path

from sqlalchemy import make_url

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


def folders_of(settings: Settings) -> list[Path]:
    """Where the installation writes on this machine: the data folder, and those of SQLite and of photos."""
    found, database = {settings.data}, make_url(settings.database_url)
    if database.drivername.startswith("sqlite") and database.database:
        found.add(Path(database.database).parent)
    if not settings.objects_url.startswith("s3://"):
        found.add(Path(settings.objects_url))
    return sorted(found)
