"""Keys of events: each stands once, is found wherever it lies, and few pages are written for many of them."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

import storage
from storage import event_keys
from storage.event_keys import KEYS, SLICES, TICK, add_keys, find_keyed, slices_of
from storage.events import id_key
from storage.store import Store
from storage.tables import event, event_key
from tests.conftest import ROOT, Databases
from tests.storage.test_events import new, store_all
from tests.town import Town

FRAME, HEADER = 1_024 + 24, 32  # bytes of SQLite's log: https://sqlite.org/fileformat2.html#walformat
CAPTURE = """
import random, sys, storage
from storage.event_writing import insert_events, look
from storage.events import COLUMNS, NewEvent, id_key

known = {"event_time": 1, "record_time": 1, "offset_minutes": 0, "type": 0, "captured_by": 1}
values, whose = tuple(known.get(name) for name in COLUMNS), frozenset({1})
made = [NewEvent(b"{}", values, [], whose, (id_key(f"urn:uuid:{n}"), 0)) for n in range(600)]
random.Random(sys.argv[2]).shuffle(made)
store, stored = storage.open_store(sys.argv[1]), 0
print("ready", flush=True)
sys.stdin.read()
for start in range(0, len(made), 30):
    part = made[start : start + 30]
    with store.writing() as session:
        stored += len(insert_events(session, part, look(session, [], {}, len(part))))
print(stored)
"""


@pytest.fixture
def embedded(databases: Databases) -> Iterator[Store]:
    """An empty store on SQLite."""
    with closing(storage.open_store(databases.make("sqlite"))) as opened:
        yield opened


def kept(session: Session) -> list[tuple[int, int, int]]:
    """(key, declarer, event) of all that stand in any stage."""
    rows = session.execute(select(event_key.c.id_key, event_key.c.declarer, event_key.c.event))
    return sorted(rows.tuples())


def test_events_and_declarations_that_they_are_wrong_are_found_by_their_key(store: Store, town: Town) -> None:
    actor = town.organisation()
    with store.writing() as session:
        one, other, declaration = (new(1, actor, []), new(2, actor, []), new(1, actor, [], declarer=7))
        numbers = store_all(session, [one, other, declaration])
        found = find_keyed(session, [one.key[0], one.key[0], id_key("urn:uuid:3")])
        assert sorted(found) == [(numbers[e.key], *e.key, actor.organisation) for e in (one, declaration)]
        assert list(find_keyed(session, [])) == []


def test_event_is_found_in_every_stage_and_not_stored_again(embedded: Store) -> None:
    actor = Town(embedded).organisation()
    with embedded.writing() as session:
        made = [new(number, actor, []) for number in range(3)]
        numbers = store_all(session, made)
        for stage in (0, *SLICES):
            session.execute(update(event_key).where(event_key.c.event == numbers[made[1].key]).values(stage=stage))
            assert [row[0] for row in find_keyed(session, [made[1].key[0]])] == [numbers[made[1].key]]
            assert store_all(session, [made[1]]) == {}
        assert session.scalar(select(func.count()).select_from(event)) == len(made)


captures = st.lists(st.tuples(st.lists(st.integers(0, 300), min_size=1, max_size=80, unique=True), st.booleans()))


@given(captures)
def test_moves_lose_no_key_and_double_none(embedded_once: Store, done: Sequence[tuple[list[int], bool]]) -> None:
    """Captures of new keys, some rolled back, against a dict; many ticks pass in each."""
    known: dict[tuple[int, int], int] = {}
    with pytest.MonkeyPatch.context() as short, embedded_once.writing() as session:
        short.setattr(event_keys, "TICK", 5)
        short.setattr(event_keys, "SLICES", {3: 2, 2: 4, 1: 8})
        for names, is_kept in done:
            first = max(known.values(), default=0) + 1
            keys = {first + place: (id_key(str(name)), name % 2) for place, name in enumerate(names)}
            fresh = {number: key for number, key in keys.items() if key not in known}
            if not fresh:
                continue
            part = session.begin_nested()
            add_keys(session, fresh)
            part.commit() if is_kept else part.rollback()
            known |= {key: number for number, key in fresh.items()} if is_kept else {}
            assert kept(session) == sorted((*key, number) for key, number in known.items())
        session.rollback()


def test_keys_added_one_by_one_move_by_one_stage_each_time_their_slice_comes_round(
    embedded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick, slices = 5, {3: 2, 2: 4, 1: 8}
    monkeypatch.setattr(event_keys, "TICK", tick)
    monkeypatch.setattr(event_keys, "SLICES", slices)
    draw, stages = random.Random(1), dict[int, int]()
    with embedded.writing() as session:
        for number in range(1, 301):
            key = draw.getrandbits(63)
            add_keys(session, {number: (key, 0)})
            stages[key] = max(slices)
            turn, rest = divmod(number + 1, tick)
            if rest == 0:
                comes = {stage: (turn - 1) % many for stage, many in slices.items()} | {0: -1}
                parts = {key: key * slices.get(stage, 1) // KEYS for key, stage in stages.items()}
                stages = {key: stage - (parts[key] == comes[stage]) for key, stage in stages.items()}
            held = session.execute(select(event_key.c.id_key, event_key.c.stage)).tuples().all()
            assert dict(held) == stages
    assert set(stages.values()) == {0, *slices}


@pytest.fixture(scope="module")
def embedded_once(databases: Databases) -> Iterator[Store]:
    """An empty store on SQLite for all examples, which each leave it as it was."""
    with closing(storage.open_store(databases.make("sqlite"))) as opened:
        yield opened


@pytest.mark.parametrize("slices", SLICES.values())
def test_slices_of_a_round_are_all_keys_each_once(slices: int) -> None:
    told = [next(slices_of(range(tick, tick + 1), slices)) for tick in range(slices, 2 * slices)]
    assert (told[0][0], told[-1][1]) == (0, KEYS - 1)
    assert all(last + 1 == first for (_, last), (first, _) in pairwise(told))


def test_slices_of_many_ticks_are_those_of_each() -> None:
    width = KEYS // 32
    assert list(slices_of(range(30, 34), 32)) == [(30 * width, KEYS - 1), (0, 2 * width - 1)]
    assert list(slices_of(range(2, 4), 32)) == [(2 * width, 4 * width - 1)]
    assert list(slices_of(range(32, 64), 32)) == [(0, KEYS - 1)]
    assert set(chain(*slices_of(range(5, 99), 32))) == {5 * width, KEYS - 1, 0, 5 * width - 1}
    assert list(slices_of(range(5, 5), 32)) == []


def test_thousand_keys_write_few_pages_of_a_large_index(embedded: Store) -> None:
    draw = random.Random(1)
    there = sorted(draw.getrandbits(63) for _ in range(100_000))
    with embedded.writing() as session:
        rows = [{"stage": 0, "id_key": key, "declarer": 0, "event": n} for n, key in enumerate(there, 1)]
        session.execute(insert(event_key), rows)
    log, written = Path(f"{embedded.engine.url.database}-wal"), []
    for first in range(100_001, 180_001, 1_000):
        with embedded.engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        with embedded.writing() as session:
            add_keys(session, {number: (draw.getrandbits(63), 0) for number in range(first, first + 1_000)})
        written.append((log.stat().st_size - HEADER) // FRAME)
    assert max(written) < 390, "in one index nearly each of a thousand has a page of its own: some 1,100"
    with embedded.reading() as session:
        held = dict(session.execute(select(event_key.c.stage, func.count()).group_by(event_key.c.stage)).tuples().all())
    assert sum(held.values()) == 180_000
    assert held[3] < TICK * SLICES[3] < held[2] < TICK * SLICES[2]


def test_processes_that_store_the_same_events_at_once_store_each_once(embedded: Store) -> None:
    line = [sys.executable, "-c", CAPTURE, embedded.url]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as running:
        started = [
            running.enter_context(subprocess.Popen([*line, str(n)], cwd=ROOT, env=environ, text=True, **pipes))
            for n in range(3)
        ]
        assert [process.stdout.readline().strip() for process in started if process.stdout] == ["ready"] * 3
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
        stored = [int(process.stdout.read()) for process in started if process.stdout]
    assert sum(stored) == 600
    with embedded.reading() as session:
        told = session.execute(select(event.c.id_key, event.c.declarer, event.c.id)).tuples()
        assert kept(session) == sorted(told)
        assert {key for key, _, _ in kept(session)} == {id_key(f"urn:uuid:{n}") for n in range(600)}
