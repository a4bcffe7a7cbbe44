"""Looks take turns, and nobody waits long for one that takes long."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from storage.store import Store
from storage.turns import Turns

PATIENCE = 30.0  # seconds; a broken test ends, a good one waits for nothing


def beside(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_one_is_at_it_at_a_time() -> None:
    turns, counting, at_it, most, done = Turns(longest=60), threading.Lock(), 0, 0, 0

    def look() -> None:
        nonlocal at_it, most, done
        for _ in range(200):
            with turns.turn():
                with counting:
                    at_it += 1
                    most = max(most, at_it)
                sum(range(200))
                with counting:
                    at_it -= 1
                    done += 1

    threads = [beside(look) for _ in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert (most, done) == (1, 1_600)


def test_turns_come_in_the_order_they_were_waited_for() -> None:
    turns, order, threads = Turns(longest=60), list[int](), list[threading.Thread]()

    def look(number: int) -> None:
        with turns.turn():
            order.append(number)

    with turns.turn():
        for number in range(6):
            threads.append(beside(partial(look, number)))
            while len(turns._waiting) <= number:
                threads[-1].join(0.001)
    for thread in threads:
        thread.join(PATIENCE)
    assert order == list(range(6))


def test_who_takes_long_goes_on_beside_the_others() -> None:
    turns, began, ended, seen = Turns(longest=0.01), threading.Event(), threading.Event(), list[str]()

    def export() -> None:
        with turns.turn():
            began.set()
            ended.wait(PATIENCE)
            seen.append("export")

    slow = beside(export)
    assert began.wait(PATIENCE)
    for name in ("first", "second"):
        with turns.turn():
            seen.append(name)
    ended.set()
    slow.join(PATIENCE)
    with turns.turn():
        seen.append("third")
    assert seen == ["first", "second", "export", "third"]


def test_a_look_within_a_look_waits_for_nobody() -> None:
    turns = Turns(longest=60)
    with turns.turn(), turns.turn():
        pass
    with turns.turn():
        assert turns._at_it is not None
    assert turns._at_it is None


def test_a_look_that_fails_gives_its_turn_back() -> None:
    turns = Turns(longest=60)
    with pytest.raises(ValueError, match="a fault"), turns.turn():
        raise ValueError("a fault")
    assert turns._at_it is None


def test_a_forgotten_look_may_be_ended_in_the_midst_of_a_change() -> None:
    turns = Turns(longest=60)

    def look() -> Iterator[None]:
        with turns.turn():
            yield

    def collect() -> None:
        forgotten = look()
        next(forgotten)
        with turns._changing:
            del forgotten

    thread = beside(collect)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert turns._at_it is None


class Interrupted(deque[Any]):
    """Whoever waits is taken out at once, by somebody who is interrupted before saying so."""

    def append(self, _turn: Any) -> None:
        """Not there any more."""


def test_a_look_whose_turn_came_untold_goes_on() -> None:
    turns = Turns(longest=0.01)

    def look() -> None:
        with turns.turn():
            pass

    with turns.turn():
        turns._waiting = Interrupted()
        thread = beside(look)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_looks_at_an_embedded_store_take_turns_and_end(store: Store) -> None:
    def look(_: int) -> int:
        with store.reading() as session:
            return int(session.connection().exec_driver_sql("SELECT 1").scalar_one())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(200))) == [1] * 200
    on_sqlite = store.engine.dialect.name == "sqlite"
    assert (store.turns is not None, on_sqlite and store.turns._at_it is not None) == (on_sqlite, False)
