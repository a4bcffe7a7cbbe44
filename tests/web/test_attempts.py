"""How often is counted by a clock that nobody sets."""

import time

import pytest

from tests.web.conftest import Demo
from trace.web.attempts import Attempts
from trace.web.parts import limiter

HOUR = 3600


def test_attempts_are_counted_anew_after_their_minute() -> None:
    now = 1000.0
    counts = Attempts(clock=lambda: now)
    assert [counts.incr("here", 60) for _ in range(3)] == [1, 2, 3]
    assert counts.incr("there", 60, amount=2) == 2
    now += 59.9
    assert (counts.get("here"), counts.incr("here", 60)) == (3, 4)
    now += 0.1
    assert (counts.get("here"), counts.incr("here", 60)) == (0, 1)


def test_counts_that_are_over_are_forgotten() -> None:
    now = 1000.0
    counts = Attempts(clock=lambda: now)
    for number in range(1000):
        counts.incr(f"address {number}", 60)
    now += 61
    counts.incr("another", 60)
    assert counts.reset() == 1


def test_count_is_cleared_for_one_and_for_all() -> None:
    counts = Attempts()
    for key in ("a", "b", "c"):
        counts.incr(key, 60)
    counts.clear("a")
    assert [counts.get(key) for key in ("a", "b", "c")] == [0, 1, 1]
    assert (counts.reset(), counts.get("b")) == (2, 0)
    assert counts.check()


def test_nobody_is_kept_waiting_longer_because_the_clock_was_put_back(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = demo.browser()
    visitor.token = visitor.token_at("/sign-in")
    wrong = {"sign_in": "station", "password": "wrong"}
    assert [visitor.post("/sign-in", wrong).status_code for _ in range(21)][-1] == 429
    present, steady = time.time, time.monotonic
    monkeypatch.setattr(time, "time", lambda: present() - 2 * HOUR)
    refused = visitor.post("/sign-in", wrong)
    assert (refused.status_code, 0 < int(refused.headers["Retry-After"]) <= 60) == (429, True)
    monkeypatch.setattr(limiter.storage, "clock", lambda: steady() + 61)
    assert visitor.post("/sign-in", wrong).status_code == 401
