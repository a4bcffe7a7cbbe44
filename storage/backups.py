"""Copies of a database and back: SQLite while it is written to, PostgreSQL by its own pg_dump and pg_restore.

A copy is one state of the database. What it held is counted on that very state, so that a copy that was brought back
can be compared with what it was made of.
"""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy import Connection, LargeBinary, func, inspect, make_url, select, table, text, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage.bulk import select_among
from storage.packing import DamagedDocument, unpack
from storage.store import open_store
from storage.tables import event_document, stored_object

_SAID = 300  # characters of what another program says
_AT_ONCE = 1_000  # rows that are in memory at the same time


class BackupFailed(Exception):
    """A copy that cannot be made or brought back; the text is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a database holds: the migration it is at, and its rows by table."""

    revision: str
    rows: dict[str, int]


def kind_of(url: str) -> str:
    """`sqlite` or `postgresql`: a copy of the one cannot be brought back to the other."""
    return "sqlite" if url.startswith("sqlite") else "postgresql"


def copy_database(url: str, target: Path, names: Path) -> Content:
    """Copy the database to the file `target` while others write to it, and the SHA-256 of its objects to `names`, each
    with the last day of its lock where it has one.

    Both files are on the disk when it returns. Raises `BackupFailed` where there is no database, or no way to copy it.
    """
    try:
        content = _copy_sqlite(url, target, names) if kind_of(url) == "sqlite" else _dump(url, target, names)
        for path in (target, names):
            _sync(path)
    except (DBAPIError, sqlite3.Error) as fault:
        raise BackupFailed(f"The database cannot be copied: {_first_line(fault)}") from fault
    return content


def _copy_sqlite(url: str, target: Path, names: Path) -> Content:
    source = make_url(url).database
    if not source or not Path(source).is_file():
        raise BackupFailed(f"There is no database at {source}.")
    # All pages in one step: with pauses, SQLite begins anew whenever somebody wrote meanwhile, and may never end. A
    # reader keeps no writer waiting (WAL); only the log grows until the copy is made.
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
        sound = here.execute("PRAGMA quick_check").fetchone()[0]
    if sound != "ok":
        raise BackupFailed(f"The database is damaged, and so is its copy: {sound}")
    copied = open_store(f"sqlite:///{target}")
    with closing(copied), copied.reading() as session:
        content = _describe(session, names)
    with closing(sqlite3.connect(target)) as here:
        here.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    return content


def _dump(url: str, target: Path, names: Path) -> Content:
    store = open_store(url)
    with closing(store), store.reading() as session:
        snapshot = session.execute(select(func.pg_export_snapshot())).scalar_one()
        _call(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
              f"--file={target}")  # fmt: skip
        return _describe(session, names)


def _describe(session: Session, names: Path) -> Content:
    content = content_of(session.connection())
    with names.open("w", encoding="ascii") as file:
        query = select(stored_object.c.sha256, stored_object.c.kept_until).order_by(stored_object.c.sha256)
        for name, until in session.execute(query.execution_options(yield_per=_AT_ONCE)):
            file.write(f"{name} {until.isoformat()}\n" if until else f"{name}\n")
    return content


def known_objects(url: str, names: Iterable[str]) -> set[str]:
    """Those of some objects that the database knows by now: of the others the rows were removed, and then the bytes."""
    store = open_store(url)
    try:
        with closing(store), store.reading() as session:
            return {name for (name,) in select_among(session, stored_object, ("sha256",), "sha256", names)}
    except DBAPIError as fault:
        raise BackupFailed(f"The database cannot be asked: {_first_line(fault)}") from fault


def content_of(connection: Connection) -> Content:
    """What the database holds now. Raises `BackupFailed` where it was never prepared."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        raise BackupFailed("There is nothing in the database yet.")
    tables = sorted(inspect(connection).get_table_names())
    counted = {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in tables}
    return Content(revision, counted)


def verify_empty(url: str) -> None:
    """Nothing where a copy may be brought back to; raises `BackupFailed` where something is there already."""
    said = "Nothing is ever written over: name a database that is empty, or move what is there out of the way."
    if kind_of(url) == "sqlite":
        path = make_url(url).database or ""
        if Path(path).exists():
            raise BackupFailed(f"There is a database at {path} already. {said}")
        return
    store = open_store(url)
    try:
        with closing(store), store.engine.connect() as connection:
            found = inspect(connection).get_table_names()
    except DBAPIError as fault:
        raise BackupFailed(f"The database cannot be reached: {_first_line(fault)}") from fault
    if found:
        raise BackupFailed(f"There are tables in the database already ({found[0]} ...). {said}")


def bring_back(url: str, source: Path, content: Content) -> None:
    """Make the database of its copy and check it; an SQLite file takes its name only when nothing is wrong with it.

    Raises `BackupFailed` with what differs.
    """
    try:
        if kind_of(url) == "sqlite":
            _bring_back_sqlite(Path(make_url(url).database or ""), source, content)
        else:
            _call(url, "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error",
                  str(source))  # fmt: skip
            _verify(url, content)
            _analyze(url)
    except (DBAPIError, sqlite3.Error) as fault:
        raise BackupFailed(f"The database cannot be brought back: {_first_line(fault)}") from fault


def _bring_back_sqlite(path: Path, source: Path, content: Content) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        shutil.copyfile(source, partial)
        _verify(f"sqlite:///{partial}", content)
        with closing(sqlite3.connect(partial)) as here:
            here.execute("PRAGMA journal_mode=DELETE")  # else a log under the other name would be left behind
        _sync(partial)
        partial.rename(path)
        _sync(path.parent)
    finally:
        for end in ("", "-wal", "-shm"):
            partial.with_name(partial.name + end).unlink(missing_ok=True)


def _analyze(url: str) -> None:
    """A dump of PostgreSQL before 18 brings no statistics, and without them the first hours would be slow."""
    store = open_store(url)
    with closing(store), store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _verify(url: str, content: Content) -> None:
    store = open_store(url)
    with closing(store), store.reading() as session:
        wrong = next(_differences(session, content), None)
    if wrong:
        raise BackupFailed(f"What was brought back is not what was copied: {wrong}")


def _differences(session: Session, content: Content) -> Iterator[str]:
    """What is wrong with a database that was brought back, the worst first."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        sound = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        if sound != "ok":
            yield str(sound)
        for found in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"a row of {found[0]} names one of {found[2]} that is not there."
    now = content_of(connection)
    if now.revision != content.revision:
        yield f"it is at migration {now.revision}, not {content.revision}."
    for name, rows in content.rows.items():
        if now.rows.get(name) != rows:
            yield f"{name} has {now.rows.get(name, 'no')} rows, not {rows}."
    stored = type_coerce(event_document.c.document, LargeBinary)
    documents = select(event_document.c.event, stored, event_document.c.digest)
    for number, packed, digest in session.execute(documents.execution_options(yield_per=_AT_ONCE)):
        if not _is_of(packed, digest):
            yield f"the document of event {number} has changed."


def _is_of(packed: bytes, digest: bytes) -> bool:
    try:
        return hashlib.sha256(unpack(packed)).digest() == digest
    except DamagedDocument:
        return False


def _call(url: str, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL over the database; the password is not on its command line, where all could see it.

    Raises `BackupFailed` with what it says.
    """
    found = shutil.which(program)
    if found is None:
        raise BackupFailed(
            f"{program} is not installed (Debian: postgresql-client, of the server's version or a later one);"
            " docs/operating.md tells of other ways."
        )
    address = make_url(url).set(drivername="postgresql")
    environ = os.environ | ({"PGPASSWORD": address.password} if address.password else {})
    without = address._replace(password=None)  # `set` keeps a password that is to be none, and it is shown as ***
    line = [found, f"--dbname={without.render_as_string()}", *arguments]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise BackupFailed(f"{program} failed: {' '.join(done.stderr.split())[-_SAID:]}")


def _first_line(fault: Exception) -> str:
    return (str(getattr(fault, "orig", fault)).strip() or type(fault).__name__).splitlines()[0]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
