"""Services are tried as they run: on PostgreSQL as a role that owns nothing and sees its actor's organisation."""

from collections.abc import Iterator

import pytest

from storage.store import Store
from storage.tenancy import EVERYTHING
from tests.conftest import Databases, as_service


@pytest.fixture
def store(databases: Databases, database_url: str) -> Iterator[Store]:
    """An open store for the role that owns nothing; it sees everything where no service is asked."""
    with databases.opened(as_service(database_url)) as opened:
        yield opened.seeing(EVERYTHING)
