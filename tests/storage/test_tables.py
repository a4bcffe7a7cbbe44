"""Columns that behave alike on both databases."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from storage.store import Store
from storage.tables import organisation

SHANGHAI = ZoneInfo("Asia/Shanghai")


def add(store: Store, created_at: datetime) -> datetime:
    """Store a row with this moment and read it back in another session."""
    values = {
        "public_id": "0" * 26,
        "name": "超市",
        "kind": "supermarket",
        "region": "640502",
        "party_uri": "urn:party",
        "created_at": created_at,
    }
    with store.writing() as session:
        session.execute(insert(organisation).values(values))
    with store.reading() as session:
        return session.execute(select(organisation.c.created_at)).scalar_one()


def test_a_local_moment_comes_back_as_the_same_moment_in_utc(store: Store) -> None:
    came = add(store, datetime(2026, 11, 25, 6, 0, tzinfo=SHANGHAI))
    assert came == datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    assert came.utcoffset() is not None


def test_a_moment_without_offset_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="needs an offset"):
        add(store, datetime(2026, 11, 25, 6, 0))
