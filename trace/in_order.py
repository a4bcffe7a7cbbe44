"""Several at once, told in their order, and ended by Ctrl-C at any place."""

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(act: Callable[[T], R], items: Iterable[T], *, threads: int, ahead: int) -> Generator[R, None, None]:
    """What `act` gives for each item, in their order, by as many threads; at most `ahead` are begun and not yet told.

    What `act` raises is raised in its item's place. Ctrl-C may interrupt this anywhere. Queues of C are all that is
    shared with the threads: an interrupted lock of Python's own may stay locked (https://bugs.python.org/issue29988),
    and a pool of threads waited for it for ever. The threads never see Ctrl-C, nor do processes that they start, and
    nobody waits for what they have in hand.
    """
    tasks: SimpleQueue[tuple[T, SimpleQueue[R | BaseException]] | None] = SimpleQueue()
    waiting: deque[SimpleQueue[R | BaseException]] = deque()

    def work() -> None:
        while (task := tasks.get()) is not None:
            item, answer = task
            try:
                answer.put(act(item))
            except BaseException as fault:  # noqa: BLE001 - raised again where the answer is taken
                answer.put(fault)

    try:
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(threads):
                Thread(target=work, daemon=True).start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        for item in items:
            answer: SimpleQueue[R | BaseException] = SimpleQueue()
            tasks.put((item, answer))
            waiting.append(answer)
            if len(waiting) >= ahead:
                yield _taken(waiting.popleft())
        while waiting:
            yield _taken(waiting.popleft())
    finally:
        with suppress(Empty):
            while True:
                tasks.get_nowait()
        for _ in range(threads):
            tasks.put(None)


def _taken(answer: SimpleQueue[R | BaseException]) -> R:
    result = answer.get()
    if isinstance(result, BaseException):
        raise result
    return result
