"""Several at once, told in their order."""

import signal
import threading
from collections.abc import Iterator

import pytest

from trace.in_order import in_order


def test_answers_come_in_the_order_of_the_items_and_a_fault_in_its_place() -> None:
    second_is_done = threading.Event()

    def act(number: int) -> int:
        if number == 0:
            second_is_done.wait(30)
        if number == 1:
            second_is_done.set()
        if number == 2:
            raise ValueError("two")
        return number

    told = in_order(act, range(9), threads=2, ahead=4)
    assert [next(told), next(told)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(told)


def test_no_more_is_begun_than_was_asked_for_and_the_threads_end() -> None:
    taken, before = list[int](), set(threading.enumerate())

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    told = in_order(str, items(), threads=2, ahead=3)
    assert next(told) == "0"
    mine = set(threading.enumerate()) - before
    assert (len(taken), len(mine)) == (3, 2)
    told.close()
    for thread in mine:
        thread.join(30)
        assert not thread.is_alive()


def test_who_did_not_hear_ctrl_c_before_does_not_hear_it_afterwards() -> None:
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        assert list(in_order(str, range(3), threads=1, ahead=1)) == ["0", "1", "2"]
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
