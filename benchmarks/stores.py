"""Stores of several sizes for the benchmarks of reading: made-up cities, filled, opened, gone at the end."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

import storage
from benchmarks.city_people import City
from benchmarks.city_store import Filled, fill
from storage.store import Store
from storage.tenancy import EVERYTHING
from tests.servers import CannotRun, postgres

BACKENDS = ("sqlite", "postgresql")
# Nothing of this need survive a fall of the machine; memory as a small server gives it.
SETTINGS = "fsync=off full_page_writes=off max_wal_size=4GB shared_buffers=512MB checkpoint_timeout=30min jit=off"

# As in production: what is acknowledged is on the disk.
DURABLE = "fsync=on synchronous_commit=on shared_buffers=256MB max_wal_size=1GB"

# As whom the service runs on PostgreSQL: it owns nothing, row-level security binds it.
SERVICE = "sunshine_service"
# What the benchmarks themselves need beyond it: to look at the server, to bring its statistics up to date, and tables
# to write into for comparison.
_MORE = f"GRANT pg_monitor, pg_checkpoint, pg_maintain TO {SERVICE}; GRANT CREATE ON SCHEMA public TO {SERVICE}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is full, opened as the service opens it and seeing everything, and what it was filled with."""

    store: Store
    filled: Filled


@contextmanager
def opened(
    backend: str, sizes: Sequence[int], folder: str | None, *, settings: str = SETTINGS
) -> Iterator[Mapping[int, Opened]]:
    """{size: a store of about so many events} of one backend; raises `CannotRun`."""
    with ExitStack() as stack:
        where = stack.enter_context(tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True))
        urls = _urls(stack, backend, sizes, where, settings)
        found: dict[int, Opened] = {}
        for size, url in urls.items():
            served = prepare_as_in_production(url)
            filled = fill(url, City(size))
            found[size] = Opened(storage.open_store(served).seeing(EVERYTHING), filled)
            stack.callback(found[size].store.close)
        yield found


def prepare_as_in_production(url: str) -> str:
    """Prepare an empty database; `url` is its owner's, what comes back is that of the service."""
    if url.startswith("sqlite"):
        storage.prepare(url)
        return url
    owner = storage.open_store(url)
    with owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": SERVICE}):
            connection.exec_driver_sql(f"CREATE ROLE {SERVICE} LOGIN")
        storage.prepare(url, SERVICE)
        for statement in _MORE.split("; "):
            connection.exec_driver_sql(statement)
    owner.close()
    return url.replace("//postgres@", f"//{SERVICE}@")


def _urls(stack: ExitStack, backend: str, sizes: Sequence[int], where: str, settings: str) -> dict[int, str]:
    if backend == "sqlite":
        return {size: f"sqlite:///{Path(where) / f'{size}.db'}" for size in sizes}
    Path(where).chmod(0o755)  # as root, the server runs as somebody else
    server = stack.enter_context(postgres(where, settings))
    engine = storage.open_store(f"{server}/postgres").engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for size in sizes:
            connection.exec_driver_sql(f"CREATE DATABASE city_{size}")
    engine.dispose()
    return {size: f"{server}/city_{size}" for size in sizes}


def let_go(store: Store) -> bool:
    """Have the system forget what it holds of a store's files in memory, so that they are read anew.

    False where it cannot be asked to: another user's files, or another system than Linux.
    """
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if store.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("CHECKPOINT")
            oid = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
            files = list((Path(str(connection.scalar(text("SHOW data_directory")))) / "base" / str(oid)).iterdir())
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            files = [Path(str(store.engine.url.database))]
    store.close()
    try:
        os.sync()
        for file in files:
            number = os.open(file, os.O_RDONLY)
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(number)
    except (OSError, AttributeError):
        return False
    return True


def server_of(store: Store) -> list[psutil.Process]:
    """PostgreSQL's first process, which all others of its server are children of; none on SQLite."""
    if store.engine.dialect.name != "postgresql":
        return []
    with store.engine.connect() as connection:
        folder = Path(str(connection.scalar(text("SHOW data_directory"))))
    return [psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))]


class Processor:
    """What a store's answers take of the processor, here and in its server: says more than the clock where others work
    beside it. A server's time is told in hundredths of a second: for many answers together."""

    def __init__(self, store: Store):
        self._servers: list[psutil.Process] = []
        if store.engine.dialect.name == "postgresql":
            with store.engine.connect() as connection:  # who asks one by one always has the same of the pool
                self._servers = [psutil.Process(int(connection.scalar(text("SELECT pg_backend_pid()")) or 0))]

    def seconds(self) -> float:
        """Until now."""
        return time.process_time() + sum(sum(server.cpu_times()[:2]) for server in self._servers)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so much of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def sizes_of(asked: argparse.Namespace, default: Sequence[int]) -> Sequence[int]:
    """The sizes that were asked for (`--size 100000,1000000`), smallest first."""
    told = getattr(asked, "size", None)
    return sorted({int(part) for part in told.split(",")}) if told else default


def on_both(
    asked: argparse.Namespace, sizes: Sequence[int], measure: Callable[[Mapping[int, Opened]], dict[str, Any]]
) -> dict[str, Any]:
    """{backend: the figures that `measure` finds in stores of several sizes, or why it could not run}."""
    figures: dict[str, Any] = {}
    for backend in [asked.store] if asked.store else BACKENDS:
        try:
            with opened(backend, sizes_of(asked, sizes), asked.folder) as stores:
                figures[backend] = measure(stores)
        except CannotRun as reason:
            figures[backend] = {"skipped": str(reason)}
    return figures


def measured(figures: Mapping[str, Any], told: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(backend, its figures) of those that ran; why another could not is added to what is told."""
    for backend in BACKENDS:
        found = figures.get(backend)
        if found is not None and "skipped" in found:
            told.append(f"{backend}: skipped, {found['skipped']}")
        elif found is not None:
            yield backend, found
