"""What every test may ask for: stores on both databases, the application, the demonstration, servers, a browser."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import storage
from storage.store import Store
from tests.servers import CannotRun, postgres, s3
from tests.town import NOW, Town
from trace.config import Settings, load_settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
BACKENDS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@dataclass
class Databases:
    """Makes fresh prepared databases: copies of a template, which is quicker than migrating each time."""

    folder: Path
    servers: ExitStack
    server: str | None = None
    templates: dict[str, object] | None = None

    def make(self, backend: str, template: str = "empty", fill: Callable[[str], object] | None = None) -> str:
        """The address of a new database; `fill(url)` makes the template the first time."""
        self.templates = {} if self.templates is None else self.templates
        name = f"{template}_{backend}"
        if name not in self.templates:
            url = self._create(backend, f"template_{name}", None)
            storage.prepare(url)
            self.templates[name] = fill(url) if fill else None
        return self._create(backend, f"db_{next(_numbers)}", f"template_{name}")

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
        engine = create_engine(f"{storage.store.driver_url(self.server)}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}" + (f" TEMPLATE {source}" if source else "")))
        engine.dispose()
        return f"{self.server}/{name}"


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The maker of databases; the PostgreSQL server starts when the first test asks for it."""
    with ExitStack() as servers:
        yield Databases(tmp_path_factory.mktemp("databases"), servers)


def make_database(databases: Databases, backend: str, *args: object) -> str:
    """A fresh database, or a skip that says why there is none."""
    try:
        return databases.make(backend, *args)  # type: ignore[arg-type]
    except CannotRun as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> str:
    """A fresh empty prepared database, once on SQLite and once on PostgreSQL."""
    return make_database(databases, request.param)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store on a fresh database."""
    opened = storage.open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def town(store: Store) -> Town:
    """A small town over the store: organisations, products and commands in one line each."""
    return Town(store, NOW)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation over a fresh database."""
    return settings_for(database_url, tmp_path)


def settings_for(database_url: str, data: Path) -> Settings:
    """Settings over a database and a data folder, behind one reverse proxy, as in production."""
    return load_settings(
        {
            "SUNSHINE_DATA": str(data),
            "SUNSHINE_DATABASE_URL": database_url,
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
