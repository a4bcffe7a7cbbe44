"""What every test may ask for: stores on both databases, the application, the demonstration, servers, a browser."""

import itertools
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
from sqlalchemy import Connection, Engine, create_engine, text

import storage
from storage.store import Store, driver_url
from storage.tables import metadata
from tests.servers import CannotRun, postgres, quick_folder, s3
from tests.town import NOW, Town
from trace.collector import settle
from trace.config import Settings, load_settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
BACKENDS = ("sqlite", "postgresql")
SERVICE = "sunshine_service"  # as whom applications run on PostgreSQL: it owns nothing
STOP_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    " AND pid <> ALL(:at_rest)"
)
TABLES = sorted(("alembic_version", *metadata.tables))
CHANGED = (
    'SELECT array_agg(tablename::text ORDER BY tablename::text COLLATE "C") <> :tables'
    " OR EXISTS (SELECT FROM pg_stats WHERE schemaname = 'public')"
    " FROM pg_tables WHERE schemaname = 'public'"
)
MANY = 500  # deleted rows leave holes behind, which a new database has not
FILLED = ", ".join(f"EXISTS (SELECT FROM {name}) AS {name}" for name in metadata.tables)
# Rows are deleted in any order: what refers to them goes, too. The same few statements come again and again.
OURS = {"options": "-c session_replication_role=replica", "prepare_threshold": 0}
RESTART = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE last_value IS NOT NULL"
)
# The files that take longest are begun first: no worker waits at the end while another is still at one of them.
LONGEST = (
    "tests/web/test_schemathesis_others.py",
    "tests/web/test_schemathesis.py",
    "tests/web/test_hostile_bodies.py",
    "tests/test_cli.py",
    "tests/browser",
    "tests/web/test_access.py",
    "tests/services/test_demonstration.py",
    "tests/properties",
    "tests/test_backup.py",
    "tests/deploy",
    "tests/test_worker.py",
)
# Programs that tests start load more than a thousand modules: compiled once, and not at each start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Settings of whoever runs the tests: what a test does not set would be done to their store.
for _name in [name for name in os.environ if name.startswith("SUNSHINE_")]:
    del os.environ[_name]
_numbers = itertools.count(1)
# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, the rest as they were; workers are given files in this order (`--no-loadscope-reorder`)."""
    items.sort(
        key=lambda item: next((n for n, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))
    )


def pytest_collection_finish() -> None:
    """As the service does: what was loaded until now stays to the end, and is not looked for garbage ever again."""
    settle()


@dataclass
class Databases:
    """Makes fresh prepared databases: copies of a template, which is quicker than migrating each time.

    To a new connection PostgreSQL knows neither tables nor statements, and reading of them anew takes it longer than
    most tests do. So connections that are at rest are kept, ours to each database and one of each of its stores.
    """

    folder: Path
    servers: ExitStack
    server: str | None = None
    templates: dict[str, object] | None = None
    clean: list[str] = field(default_factory=list)
    names: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    stores: dict[str, Store] = field(default_factory=dict)
    engines: dict[str, Engine] = field(default_factory=dict)

    def make(self, backend: str, template: str = "empty", fill: Callable[[str], object] | None = None) -> str:
        """The address of a new database; `fill(url)` makes the template the first time."""
        self.templates = {} if self.templates is None else self.templates
        name = f"{template}_{backend}"
        if name not in self.templates:
            url = self._create(backend, f"template_{name}", None)
            storage.prepare(url, SERVICE)
            self.templates[name] = fill(url) if fill else None
        free = self.names[backend]
        return self._create(backend, free.pop() if free else f"db_{next(_numbers)}", f"template_{name}")

    @contextmanager
    def lend(self, backend: str) -> Iterator[str]:
        """The address of an empty prepared database, for one test.

        On PostgreSQL, emptying the tables that the test filled is several times quicker than copying a template.
        """
        lent = self.clean.pop() if backend == "postgresql" and self.clean else self.make(backend)
        yield lent
        if backend == "postgresql" and self._empty(lent):
            self.clean.append(lent)
        else:
            self.drop(lent)

    def drop(self, url: str) -> None:
        """Remove a database with whoever is connected to it; a later one takes its name."""
        name = url.rpartition("/")[2]
        self._close(url)
        if url.startswith("sqlite"):
            for end in ("", "-wal", "-shm"):
                Path(url.removeprefix("sqlite:///") + end).unlink(missing_ok=True)
            self.names["sqlite"].append(name.removesuffix(".db"))
        else:
            with self._connected("postgres") as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            self.names["postgresql"].append(name)

    @contextmanager
    def opened(self, url: str) -> Iterator[Store]:
        """The store at an address, for one test: the same object for each database that has this address in turn.

        A store puts each statement into words once, and a test asks most of its statements but once or twice. Its
        connections end where its database is dropped or emptied.
        """
        store = self.stores.pop(url, None) or storage.open_store(url)
        try:
            yield store.seeing(store.sight)
        finally:
            self.stores[url] = store

    def close(self) -> None:
        """End all connections."""
        for open_yet in (*self.stores.values(), *self.engines.values()):
            open_yet.close() if isinstance(open_yet, Store) else open_yet.dispose()

    def _close(self, url: str) -> None:
        """End what is connected to a database from here, before it goes."""
        for store in self._stores_of(url):
            store.close()
        if engine := self.engines.pop(url.rpartition("/")[2], None):
            engine.dispose()

    def _stores_of(self, url: str) -> list[Store]:
        return [self.stores[address] for address in {url, as_service(url)} & self.stores.keys()]

    def _empty(self, url: str) -> bool:
        """Make a PostgreSQL database what it was at first; false where a new one is the surer or quicker way."""
        at_rest = [process for store in self._stores_of(url) for process in processes_at_rest(store)]
        with self._connected(url.rpartition("/")[2]) as connection:
            connection.execute(text(STOP_OTHERS), {"at_rest": at_rest})
            if connection.execute(text(CHANGED), {"tables": TABLES}).scalar_one():
                return False
            filled = connection.execute(text(f"SELECT {FILLED}")).one()._asdict()
            names = [name for name, is_filled in filled.items() if is_filled]
            rows = sum(connection.execute(text(f"DELETE FROM {name}")).rowcount for name in names)
            connection.execute(text(RESTART))
            return rows < MANY

    @contextmanager
    def _connected(self, name: str) -> Iterator[Connection]:
        if name not in self.engines:
            url = f"{driver_url(str(self.server))}/{name}"
            settings = {"isolation_level": "AUTOCOMMIT", "connect_args": OURS, "pool_pre_ping": True}
            self.engines[name] = create_engine(url, **settings)
        with self.engines[name].connect() as connection:
            yield connection

    def make_bare(self, backend: str) -> str:
        """The address of a new database without a single table."""
        return self._create(backend, f"bare_{next(_numbers)}", None)

    def _create(self, backend: str, name: str, source: str | None) -> str:
        if backend == "sqlite":
            path = self.folder / f"{name}.db"
            if source:
                shutil.copyfile(self.folder / f"{source}.db", path)
            return f"sqlite:///{path}"
        if self.server is None:
            self.server = self.servers.enter_context(postgres())
            with self._connected("postgres") as connection:
                connection.execute(text(f"CREATE ROLE {SERVICE} LOGIN"))
        with self._connected("postgres") as connection:
            copied = f" TEMPLATE {source} STRATEGY file_copy" if source else ""
            connection.execute(text(f"CREATE DATABASE {name}{copied}"))
        return f"{self.server}/{name}"


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The maker of databases; the PostgreSQL server starts when the first test asks for it."""
    with ExitStack() as servers, TemporaryDirectory(prefix="sunshine-db-", dir=quick_folder()) as folder:
        databases = Databases(Path(folder), servers)
        servers.callback(databases.close)
        yield databases


def processes_at_rest(store: Store) -> list[int]:
    """PostgreSQL's process of the one connection with which a store goes on in the next test, as if it were new."""
    pool = store.engine.pool
    # A test left one open, or took several: of those that are stopped now the pool would say that the server was gone.
    if pool.checkedout() or pool.checkedin() > 1:  # type: ignore[attr-defined]
        store.close()
    if not pool.checkedin():  # type: ignore[attr-defined]
        return []
    connection = store.engine.raw_connection()
    try:
        # The number: of a statement that came before, the driver does not see that it discards what was prepared.
        connection.cursor().execute(f"DISCARD ALL -- {next(_numbers)}")
        return [connection.dbapi_connection.info.backend_pid]  # type: ignore[union-attr]
    finally:
        connection.close()


def make_database(databases: Databases, backend: str, *args: object) -> str:
    """A fresh database, or a skip that says why there is none."""
    try:
        return databases.make(backend, *args)  # type: ignore[arg-type]
    except CannotRun as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """An empty prepared database of the test's own, once on SQLite and once on PostgreSQL."""
    try:
        with databases.lend(request.param) as url:
            yield url
    except CannotRun as reason:
        pytest.skip(str(reason))


@pytest.fixture
def store(databases: Databases, database_url: str) -> Iterator[Store]:
    """An open store on a fresh database."""
    with databases.opened(database_url) as opened:
        yield opened


@pytest.fixture
def town(store: Store) -> Town:
    """A small town over the store: organisations, products and commands in one line each."""
    return Town(store, NOW)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation over a fresh database."""
    return settings_for(database_url, tmp_path)


def as_service(database_url: str) -> str:
    """The address of a database for the role that owns nothing; `database_url` is its owner's."""
    return database_url.replace("//postgres@", f"//{SERVICE}@")


def settings_for(database_url: str, data: Path) -> Settings:
    """Settings over a database and a data folder, behind one reverse proxy, as in production."""
    return load_settings(
        {
            "SUNSHINE_DATA": str(data),
            "SUNSHINE_DATABASE_URL": as_service(database_url),
            "SUNSHINE_OWNER_URL": database_url,
            "SUNSHINE_DEMO": "0",
            "SUNSHINE_PROXIES": "1",
        }
    )


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of a real S3 store, without bucket."""
    with ExitStack() as servers:
        try:
            url = servers.enter_context(s3())
        except CannotRun as reason:
            pytest.skip(str(reason))
        yield url


@pytest.fixture(scope="session")
def shared() -> Path:
    """The team's folder of photos and specification files; tests that read it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared (photos, specification files) is not beside this checkout")
    return SHARED
