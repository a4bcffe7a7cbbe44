"""Interning and storing events: many at once, in bulk, and a clash of keys that is told, never mixed up."""

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.event import listen, remove
from sqlalchemy.orm import Session

from storage import events
from storage.bulk import MANY
from storage.event_writing import insert_events, look
from storage.events import (
    COLUMNS,
    EventKey,
    ItemLine,
    Mention,
    Named,
    NewEvent,
    documents_of,
    find_by_event_ids,
    find_idents,
    id_key,
    intern,
    pack_links,
    unpack_links,
    uris_of,
)
from storage.parties import parties_of
from storage.store import Store
from storage.tables import (
    event,
    event_document,
    event_item,
    event_mention,
    event_party,
    event_vocabulary,
    ident,
)
from tests.town import NOW, Town
from trace.domain.events import Action, ObjectEvent, Quantity
from trace.domain.failures import Conflict
from trace.domain.permissions import Actor
from trace.services.capture import capture

FACTS = (event, event_document, event_item, event_party, event_mention)
ANOTHER = 9_999  # an organisation that is a party to what others captured
MENTIONS = frozenset({(1, int(Mention.SOURCE))})


def new(number: int, actor: Actor, items: Sequence[int], *, declarer: int = 0) -> NewEvent:
    """An event ready to be stored, that names these things."""
    columns: dict[str, Any] = dict.fromkeys(COLUMNS) | {
        "event_time": 1_000 + number,
        "record_time": 2_000,
        "offset_minutes": 480,
        "type": 0,
        "captured_by": actor.organisation,
    }
    lines = [ItemLine(item, 1, None) for item in items]
    document = f'{{"number":{number}}}'.encode()
    parties, named = frozenset({actor.organisation, ANOTHER}), frozenset((int(Named.EPC), item) for item in items)
    key = (id_key(f"urn:uuid:{number}"), declarer)
    values = tuple(columns[name] for name in COLUMNS)
    return NewEvent(document, values, lines, parties, key, MENTIONS, named)


def store_all(session: Session, made: Sequence[NewEvent]) -> dict[EventKey, int]:
    """`insert_events` under numbers that nobody else has."""
    return insert_events(session, made, look(session, [], {}, len(made)))


def store_new(session: Session, made: Sequence[NewEvent]) -> dict[EventKey, int]:
    """The same of those that are not there yet."""
    found = look(session, [e.key for e in made], {}, len(made))
    return insert_events(session, [e for e in made if e.key not in found.siblings], found)


def counts(store: Store) -> list[int]:
    """How many rows the tables of facts have."""
    with store.reading() as session:
        return [session.execute(select(func.count()).select_from(table)).scalar_one() for table in FACTS]


def test_interning_from_eight_threads_gives_each_thing_one_number(store: Store) -> None:
    uris = [f"https://example.org/obj/{n}" for n in range(300)]
    together = threading.Barrier(8)

    def add(thread: int) -> dict[str, int]:
        mine = uris[thread * 20 :] + uris[: thread * 20]  # each in another order, all of them the same
        together.wait()
        with store.writing() as session:
            return intern(session, dict.fromkeys(mine, 3))

    with ThreadPoolExecutor(8) as threads:
        first, *others = threads.map(add, range(8))
    assert all(other == first for other in others)
    assert len(set(first.values())) == len(uris)
    with store.reading() as session:
        assert session.execute(select(func.count()).select_from(ident)).scalar_one() == len(uris)
        assert uris_of(session, first.values()) == {number: uri for uri, number in first.items()}


def test_interning_keeps_the_kind_it_was_first_told(store: Store) -> None:
    with store.writing() as session:
        first = intern(session, {"a": 1})
        assert intern(session, {"a": 2, "b": 2})["a"] == first["a"]
        kinds = dict(session.execute(select(ident.c.uri, ident.c.kind)).tuples().all())
    assert (kinds["a"], kinds["b"]) == (1, 2)


def test_unknown_things_are_left_out_of_a_look_up(store: Store) -> None:
    with store.writing() as session:
        known = intern(session, {"a": 1})
        assert find_idents(session, ["a", "b"]) == known
        assert find_idents(session, []) == {}


def test_more_things_than_one_statement_holds_are_interned_and_found(store: Store) -> None:
    many = {f"https://example.org/obj/{n}": 1 for n in range(events.CHUNK * 2 + 1)}
    with store.writing() as session:
        numbers = intern(session, many)
        assert numbers.keys() == many.keys()
        assert find_idents(session, many) == numbers


def test_events_in_bulk_are_stored_with_all_that_belongs_to_them(store: Store, town: Town) -> None:
    actor = town.organisation()
    before = counts(store)
    with store.writing() as session:
        items = list(intern(session, {f"item {n}": 1 for n in range(5)}).values())
        made = [new(number, actor, items) for number in range(2_000)]
        numbers = store_all(session, made)
    assert [after - b for after, b in zip(counts(store), before, strict=True)] == [
        2_000,
        2_000,
        10_000,
        2_000,
        2_000,
    ]
    with store.reading() as session:
        for party in (actor.organisation, ANOTHER):
            named = select(event_vocabulary.c.ident).where(event_vocabulary.c.organisation == party)
            assert sorted(session.scalars(named)) == sorted(items)  # once, however many events name them
        found = find_by_event_ids(session, [(f"urn:uuid:{n}", False) for n in range(len(made))])
        assert {key: stored.id for key, stored in found.items()} == numbers
        for one in made[::97]:
            stored = found[one.key]
            assert stored.document == one.document == documents_of(session, [stored.id])[stored.id]
            assert parties_of(session, {stored.id: stored.captured_by}) == {stored.id: {actor.organisation, ANOTHER}}
            packed, digest = session.execute(
                select(event.c.links, event_document.c.digest)
                .join(event_document, event_document.c.event == event.c.id)
                .where(event.c.id == stored.id)
            ).one()
            assert [link.item for link in unpack_links(bytes(packed))] == items
            assert bytes(digest) == hashlib.sha256(one.document).digest()


def test_event_that_is_there_already_is_passed_over_whole(store: Store, town: Town) -> None:
    actor = town.organisation()
    with store.writing() as session:
        items = list(intern(session, {"item": 1}).values())
        store_all(session, [new(1, actor, items)])
    before = counts(store)
    with store.writing() as session:
        again = store_all(session, [new(1, actor, items), new(2, actor, items)])
    assert again.keys() == {(id_key("urn:uuid:2"), False)}
    assert [after - b for after, b in zip(counts(store), before, strict=True)] == [1] * len(FACTS)


@pytest.mark.parametrize("many", [1, MANY])
def test_same_events_from_eight_threads_are_stored_once(store: Store, town: Town, many: int) -> None:
    actor = town.organisation()
    with store.writing() as session:
        items = list(intern(session, {"item": 1}).values())
    before = counts(store)
    together = threading.Barrier(8)

    def add(thread: int) -> int:
        together.wait()
        made = [new(number, actor, items) for number in range(many)]
        # Each other thread has them in the other order.
        return store.write(lambda session: len(store_new(session, made[:: -1 if thread % 2 else 1])))

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(add, range(8))) == [0] * 7 + [many]
    assert [after - b for after, b in zip(counts(store), before, strict=True)] == [many] * len(FACTS)


def test_many_events_of_which_one_is_there_are_stored_but_for_that_one(store: Store, town: Town) -> None:
    actor = town.organisation()
    with store.writing() as session:
        items = list(intern(session, {"item": 1, "other": 1}).values())
        store_all(session, [new(1, actor, items[:1])])
    before = counts(store)
    made = [new(number, actor, items) for number in range(MANY)]
    with store.writing() as session:
        known = intern(session, {f"item {n}": 1 for n in range(MANY)} | {"item": 1}, {})
        assert known["item"] == items[0]
        again = store_all(session, made)
    assert again.keys() == {one.key for one in made} - {made[1].key}
    added = dict(zip(FACTS, [after - b for after, b in zip(counts(store), before, strict=True)], strict=True))
    assert added.pop(event_item) == len(items) * (MANY - 1)
    assert set(added.values()) == {MANY - 1}


def test_look_tells_which_of_many_things_are_new(store: Store) -> None:
    with store.writing() as session:
        known = intern(session, {f"known {number}": 1 for number in range(MANY)})
    asked = dict.fromkeys([*known, *[f"new {number}" for number in range(MANY)]], 1)
    with store.writing() as session:
        found = look(session, [(1, 0), (2, 0)], asked, 2)
    assert found.idents.keys() == asked.keys()
    new = {found.idents[uri] for uri in asked.keys() - known.keys()}
    assert found.new == (new if store.engine.dialect.name == "postgresql" else set())


def test_correction_stands_beside_what_it_corrects(store: Store, town: Town) -> None:
    actor = town.organisation()
    with store.writing() as session:
        items = list(intern(session, {"item": 1}).values())
        numbers = store_all(session, [new(1, actor, items), new(1, actor, items, declarer=7)])
        found = find_by_event_ids(session, [("urn:uuid:1", 7)])
    assert len(numbers) == 2
    assert found.keys() == {(id_key("urn:uuid:1"), 7)}


def test_two_event_ids_with_one_key_are_told_apart_with_a_sentence(
    store: Store, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two texts with one key are known, so the key is made short here: everything else is the real path."""
    monkeypatch.setattr(events, "id_key", lambda _event_id: 7)
    actor = town.organisation()
    first, second = (
        ObjectEvent(
            event_id=f"urn:uuid:{name}", event_time=NOW, action=Action.OBSERVE, epcs=("https://example.org/obj/1",)
        )
        for name in ("first", "second")
    )
    with store.writing() as session:
        capture(session, [first], actor=actor, now=NOW)
    with (
        pytest.raises(Conflict, match="urn:uuid:second is already recorded with other content"),
        store.writing() as session,
    ):
        capture(session, [second], actor=actor, now=NOW)
    with store.reading() as session:
        (stored,) = find_by_event_ids(session, [("urn:uuid:first", 0)]).values()
    assert b"urn:uuid:first" in stored.document


def test_id_key_fits_a_signed_number_of_64_bits() -> None:
    keys = [id_key(f"urn:uuid:{n}") for n in range(5_000)]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**63 for key in keys)


@given(
    st.lists(
        st.builds(
            ItemLine,
            item=st.integers(0, 2**63 - 1),
            role=st.integers(0, 255),
            peer=st.none() | st.integers(0, 2**63 - 1),
        )
    )
)
def test_packed_links_come_back_as_they_were(lines: list[ItemLine]) -> None:
    assert [tuple(link) for link in unpack_links(pack_links(lines))] == [(x.item, x.role, x.peer) for x in lines]


def test_a_scan_is_few_round_trips(store: Store, town: Town) -> None:
    """What a store's server is asked, one by one, is what a scan waits for."""
    actor = town.organisation()
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    made = ObjectEvent(
        event_id="urn:uuid:00000000-0000-4000-8000-000000000001",
        event_time=NOW,
        action=Action.ADD,
        quantities=(Quantity("https://id.gs1.org/01/06901234567892/10/A1", Decimal(5), "KGM"),),
        biz_step="commissioning",
    )
    listen(store.engine, "before_cursor_execute", note)
    try:
        with store.writing() as session:
            capture(session, [made], actor=actor, now=NOW)
    finally:
        remove(store.engine, "before_cursor_execute", note)
    most = {"postgresql": 5, "sqlite": 12}  # on SQLite BEGIN is one of them
    assert len(sent) <= most[store.engine.dialect.name], sent
