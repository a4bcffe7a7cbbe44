"""An application over the demonstration's data, on both databases, with a client and a key for every role."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from storage.objects import open_objects
from storage.store import Store, open_store
from storage.tables import credential, metadata
from storage.tenancy import EVERYTHING
from tests.conftest import BACKENDS, Databases, as_service, make_database, settings_for
from trace import create_app
from trace.config import Settings
from trace.services.demonstration import Demonstration, load_demonstration
from trace.web.parts import Parts, limiter

API = "/api/v1"
_idle: list[Flask] = []
_COUNTS = select(
    *(select(func.count()).select_from(table).scalar_subquery().label(table.name) for table in metadata.sorted_tables)
)
# The same passwords under the same check: only the costs that are kept within a hash are lower (RFC 9106, 3.1).
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Browser:
    """Somebody's browser: keeps cookies, and sends the token of our own pages with every form."""

    client: FlaskClient
    password: str
    token: str = ""

    def sign_in(self, who: str, onward: str = "") -> TestResponse:
        """Sign in through the page; what follows carries the new session's token."""
        answer = self.post("/sign-in", {"sign_in": who, "password": self.password, "next": onward}, at="/sign-in")
        self.token = self.token_at("/") if answer.status_code == 302 else ""
        return answer

    def token_at(self, path: str) -> str:
        """The token that a page's form carries."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, **more)

    def post(self, path: str, form: dict[str, Any], *, at: str | None = None, **more: Any) -> TestResponse:
        """Send a form, with the token of the page `at`, or else the one of the session."""
        token = self.token_at(at) if at else self.token
        return self.client.post(path, data={**form, "csrf_token": token}, **more)


@dataclass
class Demo:
    """A running application over the demonstration: requests in one line each.

    `store` sees what the service's role may at all; `owner` may change tables.
    """

    app: Flask
    client: FlaskClient
    store: Store
    shown: Demonstration
    backend: str
    owner: Store

    def headers(self, role: str) -> dict[str, str]:
        """The headers of the demonstration's key of a role."""
        return {"Authorization": f"Bearer {self.shown.keys[role]}"}

    def get(self, path: str, role: str | None = "clerk", **more: Any) -> TestResponse:
        """Ask the API as a role (None: as nobody)."""
        return self.call("GET", path, role, **more)

    def post(self, path: str, body: Any, role: str | None = "clerk", **more: Any) -> TestResponse:
        """Send a JSON body to the API as a role (None: as nobody)."""
        return self.call("POST", path, role, json=body, **more)

    def call(self, method: str, path: str, role: str | None = "clerk", **more: Any) -> TestResponse:
        """Call the API, by a path that begins after /api/v1."""
        headers = (self.headers(role) if role else {}) | more.pop("headers", {})
        return self.client.open(API + path, method=method, headers=headers, **more)

    def browser(self, who: str | None = None) -> Browser:
        """A new browser, signed in as one of the demonstration's people if named."""
        made = Browser(self.app.test_client(), self.shown.password)
        if who is not None:
            assert made.sign_in(who).status_code == 302, who
        return made

    def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        with self.store.reading() as session:
            return session.execute(_COUNTS).one()._asdict()


@contextmanager
def demonstration(databases: Databases, backend: str, data: Path) -> Iterator[Demo]:
    """The application over a fresh copy of the demonstration, which is loaded once a session and backend."""
    url = make_database(databases, backend, "demonstration", _fill)
    shown = databases.templates[f"demonstration_{backend}"]  # type: ignore[index]
    with databases.opened(as_service(url)) as served, databases.opened(url) as owner:
        app = application(settings_for(url, data), served)
        store = served.seeing(EVERYTHING)  # a request sees less
        yield Demo(app, app.test_client(), store, shown, backend, owner)  # type: ignore[arg-type]
    databases.drop(url)
    _idle.append(app)


def application(settings: Settings, store: Store) -> Flask:
    """The application over these settings and their store.

    It is one that an earlier test is done with, which differ in the store, the data folder and the secret only: to
    build one takes longer than most tests do.
    """
    if _idle:
        app = _idle.pop()
    else:
        app = create_app(settings)
        app.extensions["sunshine"].store.close()
    app.extensions["sunshine"] = Parts(settings, store, open_objects(settings.objects_url))
    app.secret_key = settings.secret_key
    limiter.reset()
    return app


def _fill(url: str) -> Demonstration | None:
    store = open_store(url)
    try:
        shown = load_demonstration(store, ZoneInfo("Asia/Shanghai"), datetime.now(UTC))
        if shown is not None:
            with store.writing() as session:
                session.execute(update(credential).values(password_hash=_QUICK.hash(shown.password)))
        return shown
    finally:
        store.close()


@pytest.fixture(params=BACKENDS)
def demo(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Demo]:
    """The demonstration on a database of the test's own, once on SQLite and once on PostgreSQL."""
    with demonstration(databases, request.param, tmp_path) as made:
        yield made


@pytest.fixture
def demos(databases: Databases, tmp_path: Path) -> Iterator[list[Demo]]:
    """The demonstration on both databases at once."""
    with ExitStack() as stack:
        folders = {backend: tmp_path / backend for backend in BACKENDS}
        yield [stack.enter_context(demonstration(databases, backend, data)) for backend, data in folders.items()]


@pytest.fixture(params=BACKENDS, scope="module")
def standing(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Demo]:
    """The demonstration on a database that the file's tests share; for requests that must leave nothing behind."""
    with demonstration(databases, request.param, tmp_path_factory.mktemp("standing")) as made:
        yield made
