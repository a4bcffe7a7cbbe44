"""`./run doctor`: what is installed, what is missing, and what to do about it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.exc import DBAPIError

import storage
from storage.objects import spool_of
from storage.tenancy import EVERYTHING
from trace import clock
from trace.cli_objects import check_lock
from trace.config import Settings
from trace.domain.failures import Failure
from trace.kept_objects import objects_of
from trace.services.health import check_replica, check_row_security, check_subscriptions
from trace.services.job_list import check_jobs
from trace.services.mending import check_keys, check_kinds
from trace.services.object_keeping import count_missing


def examine(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """(what, None or what is wrong and what to do), one after the other."""
    from scanners import available_engines, available_formats  # noqa: PLC0415 - loads OpenCV

    yield f"python {sys.version.split()[0]}", None
    for engine, problem in available_engines().items():
        yield f"reading engine {engine}", problem
    for kind, problem in available_formats().items():
        yield f"scans as {kind}", problem
    for program, use in (
        ("chromium", "the browser tests are skipped; install the package chromium"),
        ("radosgw", "the S3 tests are skipped; install radosgw ceph-mon ceph-osd"),
    ):
        yield f"{program} (tests)", None if shutil.which(program) else use
    yield from _examine_database(settings)
    yield from _examine_objects(settings)
    free = shutil.disk_usage(settings.data).free / 1024**3
    yield f"disk: {free:.1f} GiB free", None if free > 1 else "less than 1 GiB is free; make room"


def _examine_objects(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Whether photos are kept, and locked where the law asks for that; whether some wait here."""
    kept = objects_of(settings)
    problem = _attempt(kept.check)
    yield "store: objects", problem
    spool = spool_of(kept)
    waiting = 0 if spool is None else spool.waiting()
    yield "photos waiting for their store", f"{waiting}: the worker on this machine brings them" if waiting else None
    if problem is None:
        yield "photos: lock", check_lock(kept)


def _examine_database(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """The database, and what is in it where it is this version's."""
    store = storage.open_store(settings.database_url, settings.replica_url).seeing(EVERYTHING)
    said = "store: database"
    try:
        there, wanted = storage.revisions(store)
        if there is None:
            yield f"{said} (empty; ./run prepares it)", None
        elif there != wanted:
            yield said, f"it is of version {there}, not {wanted}: ./run brings it up to date, or says why it cannot"
        else:
            yield said, None
            with store.reading() as session:
                if store.engine.dialect.name == "postgresql":
                    kept = check_row_security(session, store.replica)
                    yield "row-level security", None if kept == "ok" else kept
                yield "subscriptions", check_subscriptions(session, clock.now())
                yield "work in the background", check_jobs(session, now=clock.now())
                yield "keys of events", check_keys(session)
                yield "kinds of identifiers", check_kinds(session)
                lost = count_missing(session)
                yield "photos that records name", f"{lost} are missing: ./run objects check" if lost else None
        if store.replica is not None:
            yield "replica of the database", check_replica(store.replica)
    except DBAPIError as fault:
        yield said, first_line(fault)
    finally:
        store.close()


def _attempt(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except (Failure, OSError, DBAPIError) as fault:
        return first_line(fault)
    return None


def first_line(fault: Exception) -> str:
    """What went wrong, in the first line of what it says, or its name."""
    return (str(fault).strip() or type(fault).__name__).splitlines()[0]
