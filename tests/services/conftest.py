"""Services are tried as they run: on PostgreSQL as a role that owns nothing and sees its actor's organisation."""

from collections.abc import Iterator
from contextlib import closing

import pytest

import storage
from storage.store import Store
from storage.tenancy import EVERYTHING
from tests.conftest import as_service


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store for the role that owns nothing; it sees everything where no service is asked."""
    with closing(storage.open_store(as_service(database_url)).seeing(EVERYTHING)) as opened:
        yield opened
