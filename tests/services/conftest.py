"""Services are tried as they run: on PostgreSQL as a role that owns nothing and sees its actor's organisation."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from storage.store import Store
from storage.tenancy import EVERYTHING
from tests.conftest import Databases, as_service
from tests.scans import watch


@pytest.fixture
def store(databases: Databases, database_url: str) -> Iterator[Store]:
    """An open store for the role that owns nothing; it sees everything where no service is asked."""
    with databases.opened(as_service(database_url)) as opened:
        yield opened.seeing(EVERYTHING)


@pytest.fixture(scope="module", autouse=True)
def whole_tables_are_found() -> Iterator[None]:
    """Fails whoever reads a whole table that grows: SQLite is asked how it reads each statement."""
    event.listen(Engine, "before_cursor_execute", watch)
    yield
    event.remove(Engine, "before_cursor_execute", watch)
