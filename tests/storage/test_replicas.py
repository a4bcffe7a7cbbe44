"""What is known of two servers, where no thread can ask them."""

import threading

import pytest
from sqlalchemy import create_engine

from storage.replicas import Replica


def test_the_primary_is_asked_again_after_no_thread_could_begin_to_ask_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []

    def refuse(thread: threading.Thread) -> None:
        begun.append(thread)
        raise RuntimeError("can't start new thread")

    replica = Replica(create_engine("sqlite://"), create_engine("sqlite://"))
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        for times in (1, 2):
            with pytest.raises(RuntimeError):
                replica.is_primary_silent()
            assert len(begun) == times
    assert replica.is_primary_silent(), "it is asked, and SQLite knows no positions"
