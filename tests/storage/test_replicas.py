"""What is known of two servers, where no thread can ask them."""

import sqlite3
import threading

import pytest
from sqlalchemy import create_engine

from storage.pulse import Pulse
from storage.replicas import Replica


def test_the_primary_is_asked_again_after_no_thread_could_begin_to_ask_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []

    def refuse(thread: threading.Thread) -> None:
        begun.append(thread)
        raise RuntimeError("can't start new thread")

    replica = Replica(create_engine("sqlite://"), create_engine("sqlite://"), Pulse())
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        for times in (1, 2):
            with pytest.raises(RuntimeError):
                replica.is_primary_silent()
            assert len(begun) == times
    assert replica.is_primary_silent(), "it is asked, and SQLite knows no positions"


def test_a_silence_that_somebody_else_found_is_known_without_waiting() -> None:
    held, pulse = threading.Event(), Pulse()

    def connect() -> sqlite3.Connection:
        held.wait()
        return sqlite3.connect(":memory:")

    pulse.is_silent = True
    replica = Replica(create_engine("sqlite://"), create_engine("sqlite://", creator=connect), pulse)
    assert replica.is_primary_silent()
    assert replica._question.left(), "nobody waited for the answer"
    held.set()
