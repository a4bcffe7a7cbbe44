"""Who serves finds what is kept wrong beside the events, and who owns the tables puts it right."""

from contextlib import closing

import pytest
from sqlalchemy import text

import storage
from storage import mending
from storage.events import intern
from tests.conftest import BACKENDS, Databases, as_service
from trace.domain.uris import UriKind
from trace.services.mending import check_keys, check_kinds, mend_keys, mend_kinds

PACKS = [f"https://id.gs1.org/01/06901234567892/21/S{number}" for number in range(5)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_kinds_are_found_by_who_serves_and_mended_by_the_owner(
    databases: Databases, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trace.services.mending.PAGE", 3)
    monkeypatch.setattr(mending, "PAGE", 2)
    url = databases.make(backend)
    with closing(storage.open_store(as_service(url))) as service, closing(storage.open_store(url)) as owner:
        owner.write(intern, dict.fromkeys(PACKS, UriKind.PLACE))
        with service.reading() as session:
            assert check_keys(session) is None
            told = check_kinds(session) or ""
        assert told.startswith(f"5 are kept as another kind of thing than they are ({', '.join(PACKS[:3])} ...): stop")
        assert [owner.write(mend_kinds) for _ in range(3)] == [PACKS[:3], PACKS[3:], []]
        assert not owner.write(mend_keys)
        with service.reading() as session:
            assert check_kinds(session) is None


def test_a_unique_key_that_is_gone_is_told_with_what_to_do(databases: Databases) -> None:
    with closing(storage.open_store(databases.make("postgresql"))) as store, store.writing() as session:
        session.execute(text("ALTER TABLE event DROP CONSTRAINT uq_event_id_key_declarer"))
        told = check_keys(session) or ""
    assert told.startswith("the table event has no valid unique key")
    assert told.endswith("have its owner make it (docs/operating.md, What doctor finds)")
