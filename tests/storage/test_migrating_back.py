"""A store that is in use goes back to the version before this one and forward again, and loses what is new only."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Table, delete, func, insert, select, text, type_coerce, update

import storage
from storage.events import THINGS, Named
from storage.packing import Packed
from storage.store import Store, _migrations
from storage.tables import (
    bulk_import,
    credential,
    event,
    event_document,
    event_key,
    event_party,
    event_vocabulary,
    event_withdrawn,
    job,
    job_decision,
    metadata,
    name_part,
    organisation,
    stored_object,
    trace_pause,
)
from tests.conftest import BACKENDS, Databases
from tests.differences import differences
from tests.services import asking
from tests.town import NOW, Town
from tests.web.conftest import demonstration
from trace.domain.epcis.document import load_document
from trace.domain.epcis.event_hash import event_hash

BEFORE = "0005"
FIRST = "0002"
DERIVED = (event_party, event_vocabulary, name_part)
FACTS = ("event", "event_document", "event_item", "event_mention", "event_party", "ident")
Rows = dict[str, list[str]]
WRONG = {"errorDeclaration": {"declarationTime": NOW.isoformat(), "reason": "did_not_occur"}}


@pytest.fixture(params=BACKENDS)
def used(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Store]:
    """The demonstration, with work that waits and work that died, a trace that goes on later, and what was reported
    long after it happened, to somebody else, or as wrong."""
    with demonstration(databases, request.param, tmp_path) as demo:
        town = Town(demo.store)
        maker, shop = town.organisation(licensed=False), town.organisation(licensed=False)
        to_shop = {"destinationList": [{"type": "owning_party", "destination": shop.party_uri}]}
        asking.record(town, maker, asking.event(1, **to_shop), asking.event(2), asking.event(2, **WRONG))
        with demo.store.writing() as session:
            whose = session.execute(select(func.min(organisation.c.id))).scalar_one()
            common = {"organisation": whose, "created_at": NOW}
            photo = {"sha256": "0" * 64, "media_type": "text/csv", "size": 1, "stored_at": NOW}
            session.execute(insert(stored_object).values(photo))
            session.execute(update(stored_object).values(kept_until=NOW.date(), look_again_at=NOW))
            file = {
                "public_id": "F",
                "name": "goods.csv",
                "object": "0" * 64,
                "state": "checking",
                "rows": 1,
                "report": [],
            }
            number = session.execute(insert(bulk_import).values(common | file)).inserted_primary_key[0]  # type: ignore[index]
            work = {"kind": "import", "subject": number, "due_at": NOW, "organisation": whose, "set_at": NOW}
            session.execute(insert(job).values(work))
            session.execute(insert(job).values(work | {"subject": number + 1, "organisation": None, "dead_at": NOW}))
            decided = {"job": 2, "kind": "import", "subject": number + 1, "decision": "again", "decided_at": NOW}
            session.execute(insert(job_decision).values(organisation=whose, **decided))
            session.execute(insert(trace_pause).values(common | {"token": "T", "state": b"{}"}))
        yield demo.owner


def migrate(store: Store, revision: str) -> None:
    """Take a database up or down to a revision."""
    config = _migrations()
    config.attributes["url"] = store.url
    (command.downgrade if revision != "head" else command.upgrade)(config, revision)


def as_it_was_made(databases: Databases, backend: str) -> MetaData:
    """The tables of a database that the version before made, as the database tells them."""
    url = databases.make_bare(backend)
    config = _migrations()
    config.attributes["url"] = url
    command.upgrade(config, BEFORE)
    store, found = storage.open_store(url), MetaData()
    with store.engine.connect() as connection:
        found.reflect(connection)
    store.close()
    databases.drop(url)
    return found


def rows(connection: Connection, tables: Iterable[Table], *, packed: bool = True) -> Rows:
    """All rows of these tables, as far as their columns go and both versions have them; documents are `packed`."""
    found: Rows = {}
    for table in tables:
        if table.name in metadata.tables:
            both = [column for column in table.c if column.name in metadata.tables[table.name].c]
            if packed and table.name == event_document.name:
                both = [type_coerce(column, Packed) if column.name == "document" else column for column in both]
            found[table.name] = sorted(map(repr, connection.execute(select(*both))))
    return found


def keys(connection: Connection) -> list[tuple[int, int, int]]:
    """By which keys which events are found: (key, declarer, event)."""
    of = event_key.c if connection.dialect.name == "sqlite" else event.c
    number = of.event if connection.dialect.name == "sqlite" else of.id
    return sorted(connection.execute(select(of.id_key, of.declarer, number)).tuples())


def test_store_in_use_goes_back_a_version_and_forward_again(used: Store, databases: Databases) -> None:
    old = as_it_was_made(databases, used.engine.dialect.name)
    old.remove(old.tables["alembic_version"])
    with used.engine.connect() as connection:
        before = rows(connection, old.sorted_tables)
        whose = connection.execute(select(job.c.subject, job.c.organisation)).all()
        hashes = dict(connection.execute(select(credential.c.person, credential.c.password_hash)).all())
        derived = rows(connection, DERIVED)
        keyed = keys(connection)
    assert sum(map(bool, before.values())) > 40, "most tables have rows"
    assert all(derived.values())
    with used.engine.connect() as connection:
        captors = connection.execute(select(event.c.captured_by, event.c.event_time, event.c.id)).all()
        names = connection.execute(select(event_vocabulary)).tuples().all()
        assert connection.execute(select(event_withdrawn)).first()
    assert {kind for _, kind, _ in names} >= set(THINGS)
    migrate(used, BEFORE)
    assert differences(used, old) == []
    with used.engine.connect() as connection:
        there = rows(connection, old.sorted_tables, packed=False)
        parties = {"event_party": sorted([*before["event_party"], *map(repr, captors)])}
        things = [(party, Named.EPC.value if kind == Named.LOT else kind, number) for party, kind, number in names]
        parties["event_vocabulary"] = sorted(map(repr, things))
        assert there == before | parties, "captors were parties like others, lots things like others"
        people = old.tables["person"]
        assert dict(connection.execute(select(people.c.id, people.c.password_hash)).all()) == hashes
        kept, waiting = old.tables["event_document"], old.tables["pending_proof"]
        both = select(kept, waiting.c.digest).where(kept.c.event == waiting.c.event)
        for number, document, known, digest in connection.execute(both):
            assert known == event_hash(load_document(document)), number
            assert digest == hashlib.sha256(document).digest(), number
    with used.engine.begin() as connection:  # the version before kept less of it
        connection.execute(delete(event_vocabulary))
    migrate(used, "head")
    assert differences(used) == []
    with used.engine.connect() as connection:
        assert rows(connection, old.sorted_tables) == before
        assert rows(connection, DERIVED) == derived, "made of what there is as of what comes"
        assert keys(connection) == keyed != []
        assert connection.execute(select(job.c.subject, job.c.organisation)).all() == whose
        assert dict(connection.execute(select(credential.c.person, credential.c.password_hash)).all()) == hashes
        told = connection.execute(select(event_document.c.document, event_document.c.digest)).all()
        assert [digest for _, digest in told] == [hashlib.sha256(document).digest() for document, _ in told]
        looked = select(stored_object.c.look_again_at == stored_object.c.stored_at, stored_object.c.kept_until)
        assert set(connection.execute(looked)) == {(True, None)}, "how long they are kept is looked up anew"


def test_store_in_use_goes_back_to_the_first_version_that_kept_events_and_keeps_them(used: Store) -> None:
    facts = [metadata.tables[name] for name in FACTS]
    with used.engine.connect() as connection:
        before = rows(connection, facts)
    migrate(used, FIRST)
    migrate(used, "head")
    assert differences(used) == []
    with used.engine.connect() as connection:
        assert rows(connection, facts) == before


def test_store_with_events_does_not_go_back_to_before_they_could_be_kept_and_is_as_it_was(used: Store) -> None:
    with used.engine.connect() as connection:
        before = rows(connection, metadata.sorted_tables)
    with pytest.raises(CommandError, match=r"^It holds events, which the version before 0002 cannot keep\. Nothing"):
        migrate(used, "0001")
    assert storage.store.revisions(used)[0] == storage.store.newest_revision()
    assert differences(used) == []
    with used.engine.connect() as connection:
        assert rows(connection, metadata.sorted_tables) == before


def test_migration_that_would_leave_a_row_without_what_it_refers_to_keeps_nothing(databases: Databases) -> None:
    store = storage.open_store(databases.make("sqlite"))
    migrate(store, BEFORE)
    with store.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.execute(text("INSERT INTO object_owner VALUES ('nothing', 42)"))
        connection.commit()
    with pytest.raises(CommandError, match="Rows in object_owner would refer to rows that are not there"):
        migrate(store, "head")
    assert storage.store.revisions(store)[0] == BEFORE
    store.close()
