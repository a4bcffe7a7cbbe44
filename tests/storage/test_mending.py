"""What is kept a second time is compared with what it was made from: each fault is told apart, and counted."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple

import pytest
from sqlalchemy import delete, func, insert, literal, select, text, update

import storage
from storage import mending
from storage.events import id_key, intern
from storage.mending import find_key_faults, find_wrong_kinds, has_unique_key, make_keys_anew
from storage.store import Store
from storage.tables import event, event_key
from tests.conftest import Databases
from tests.storage.test_event_keys import kept
from tests.storage.test_events import new, store_all
from tests.town import Town
from trace.domain.uris import UriKind

KEY, OF, STAGE = event_key.c.id_key, event_key.c.event, event_key.c.stage


@pytest.fixture
def embedded(databases: Databases) -> Iterator[Store]:
    """A store on SQLite with five events, whose keys stand in two stages."""
    with closing(storage.open_store(databases.make("sqlite"))) as opened:
        actor = Town(opened).organisation()
        with opened.writing() as session:
            store_all(session, [new(number, actor, []) for number in range(5)])
            session.execute(update(event_key).where(OF > 2).values(stage=1))
        yield opened


def copied(stage: int, number: int) -> object:
    """The key of an event once more, in another stage."""
    row = select(literal(stage), *list(event_key.c)[1:]).where(number == OF).limit(1)
    return insert(event_key).from_select(event_key.c.keys(), row)


@pytest.mark.parametrize(
    ("damage", "faults"),
    [
        ([], (0, 0, 0, 0)),
        ([delete(event_key).where(OF == 2)], (1, 0, 0, 0)),
        ([insert(event_key).values(stage=2, id_key=1, declarer=0, event=999)], (0, 1, 0, 0)),
        ([update(event_key).where(OF == 2).values(id_key=7)], (1, 1, 0, 0)),
        ([update(event_key).where(OF == 2).values(stage=9)], (1, 1, 0, 0)),
        ([copied(2, 1), copied(1, 1)], (0, 0, 2, 0)),
        ([delete(event_key).where(OF == 2), copied(2, 1)], (1, 0, 1, 0)),
        ([update(event).where(event.c.id == 1).values(id_key=id_key("other"))], (1, 1, 0, 0)),
        (
            [update(event).where(event.c.id == 2).values(id_key=select(KEY).where(OF == 1).scalar_subquery()),
             update(event_key).where(OF == 2).values(stage=0, id_key=select(KEY).where(OF == 1).scalar_subquery())],
            (0, 0, 0, 1),
        ),
    ],
    ids=["none", "lost", "of no event", "wrong", "in no stage", "again", "lost and again", "changed", "stored twice"],
)  # fmt: skip
def test_each_fault_of_the_keys_is_counted_as_what_it_is(
    embedded: Store, damage: list[object], faults: tuple[int, ...]
) -> None:
    with embedded.writing() as session:
        for statement in damage:
            session.execute(statement)  # type: ignore[call-overload]
        assert astuple(find_key_faults(session)) == faults


def test_keys_that_are_made_anew_are_those_of_all_events(embedded: Store) -> None:
    with embedded.writing() as session:
        before = kept(session)
        session.execute(delete(event_key).where(OF < 3))
        session.execute(insert(event_key).values(stage=2, id_key=1, declarer=0, event=999))
        make_keys_anew(session)
        assert kept(session) == before
        assert session.scalar(select(func.max(STAGE))) == 0


def test_postgresql_s_unique_key_is_missed_where_it_is_gone_or_of_other_columns(databases: Databases) -> None:
    with closing(storage.open_store(databases.make("postgresql"))) as opened, opened.writing() as session:
        assert has_unique_key(session)
        (name,) = session.scalars(
            text("SELECT conname FROM pg_constraint WHERE conrelid = 'event'::regclass AND contype = 'u'")
        )
        session.execute(text(f"ALTER TABLE event DROP CONSTRAINT {name}"))
        assert not has_unique_key(session)
        session.execute(text("CREATE UNIQUE INDEX other ON event (id_key, declarer, id)"))
        assert not has_unique_key(session)
        session.execute(text("ALTER TABLE event ADD UNIQUE (id_key, declarer)"))
        assert has_unique_key(session)


def test_identifiers_that_are_kept_as_something_else_are_found_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "PAGE", 2)
    lots = [f"https://id.gs1.org/01/06901234567892/10/L{number}" for number in range(5)]
    with store.writing() as session:
        kinds = {uri: UriKind.PLACE if number in (0, 4) else UriKind.LOT for number, uri in enumerate(lots)}
        numbers = intern(session, kinds)
        found = list(find_wrong_kinds(session))
        assert found == [(numbers[uri], uri, UriKind.LOT) for uri in (lots[0], lots[4])]
