"""Work of every kind is taken once, by whichever worker, however clocks jump; the service's own work comes again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from storage import jobs
from storage.jobs import Job
from storage.store import Store
from storage.tables import job
from tests.post import ZONE
from trace.domain.failures import Conflict
from trace.domain.rules.book import shipped
from trace.services.job_failing import OURS, as_failure
from trace.services.job_kinds import KINDS, JobKind
from trace.web.words import WORDS
from trace.worker import WORK, Worker
from trace.workplace import Workplace

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, YEAR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=365)
LEASE = 5 * MINUTE


class Clock:
    """A clock that goes as the test says, also backwards."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """The moment."""
        return self.now


def worker_for(store: Store, clock: Clock, act: Callable[[Workplace, Job], None], **kind: Any) -> Worker:
    """A worker that knows one kind of work."""
    kinds = {"test": JobKind(LEASE, **kind)}
    return Worker(store, ZONE, private=False, now=clock, jitter=lambda: 0.0, kinds=kinds, work={"test": act})


def finish(at: Workplace, taken: Job) -> None:
    """Work that is done for good."""
    at.store.write(jobs.finish, taken)


def put(store: Store, *subjects: int, due_at: datetime = NOW, now: datetime = NOW) -> None:
    """Ask for work."""
    with store.writing() as session:
        for subject in subjects:
            jobs.put(session, kind="test", subject=subject, due_at=due_at, now=now, organisation=None)


def rows(store: Store) -> list[Any]:
    """The jobs there are."""
    with store.reading() as session:
        return list(session.execute(select(job).order_by(job.c.id)).all())


def test_every_kind_has_its_work_its_words_and_where_one_gives_up_what_becomes_of_it() -> None:
    assert KINDS.keys() == WORK.keys()
    assert [kind for kind in KINDS if f"job_{kind}" not in WORDS] == []
    assert [name for name, kind in KINDS.items() if kind.give_up is not None and not kind.outcome] == []
    assert shipped().on(NOW.date()).value("job.patience").keys() <= KINDS.keys()


def test_service_s_own_work_is_put_where_it_is_missing_and_comes_again_by_itself(store: Store) -> None:
    clock, done = Clock(), []
    worker = worker_for(
        store, clock, lambda at, taken: done.append(at.now()), again=lambda session, now: now + 24 * HOUR
    )
    worker.tend()
    worker.tend()
    assert worker.work_once()
    assert not worker.work_once()
    clock.now += 24 * HOUR
    assert worker.work_once()
    assert done == [NOW, NOW + 24 * HOUR]
    assert [row.due_at for row in rows(store)] == [NOW + 48 * HOUR]


def test_service_s_own_work_that_fails_is_tried_again_and_never_dead(store: Store) -> None:
    clock, times = Clock(), []

    def fails(at: Workplace, taken: Job) -> None:
        times.append(taken.attempts)
        if len(times) % 2:
            raise Conflict("{name} is away.", name="the store")
        raise ZeroDivisionError

    worker = worker_for(store, clock, fails, again=lambda session, now: now + HOUR)
    worker.tend()
    assert worker.work_once()
    (row,) = rows(store)
    assert (str(as_failure(row.last_error)), row.due_at) == ("the store is away.", NOW + 5 * SECOND)
    clock.now = row.due_at
    with pytest.raises(ZeroDivisionError):
        worker.work_once()
    for _ in range(60):
        (row,) = rows(store)
        clock.now = row.due_at
        with pytest.raises(ZeroDivisionError) if len(times) % 2 else threading.Lock():
            worker.work_once()
    assert times == list(range(62))
    (row,) = rows(store)
    assert (str(as_failure(row.last_error)), row.dead_at, row.failing_since) == (OURS, None, NOW)


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Conflict("{name} is away.", name="Wang"), "Conflict", "{name} is away."),
        (ValueError("Wang"), "ValueError", OURS),
        (OperationalError("SELECT 'Wang'", None, TimeoutError("Wang")), "TimeoutError", OURS),
    ],
    ids=["a failure", "a fault of ours", "the database's"],
)
def test_the_log_says_why_work_failed_and_names_nobody(store: Store, fault: Exception, kind: str, reason: str) -> None:
    def fails(at: Workplace, taken: Job) -> None:
        raise fault

    put(store, 7)
    with capture_logs() as entries, suppress(ValueError, OperationalError):
        worker_for(store, Clock(), fails).work_once()
    (told,) = (entry for entry in entries if entry["event"] == "job_failed")
    assert (told["job"], told["subject"], told["attempt"]) == ("test", 7, 1)
    assert (told["kind"], told["reason"]) == (kind, reason)
    assert "Wang" not in str(told)


def test_work_of_a_kind_that_is_not_known_here_is_left_for_who_knows_it(store: Store) -> None:
    put(store, 1)
    known = worker_for(store, Clock(), finish)
    stranger = replace(known, kinds={"other": JobKind(LEASE)}, work={"other": finish})
    assert not stranger.work_once()
    assert known.work_once()


def test_two_workers_never_do_one_job_twice_within_a_lease(store: Store) -> None:
    put(store, *range(30))
    clock, done, together = Clock(), [], threading.Barrier(4)

    def act(at: Workplace, taken: Job) -> None:
        done.append(taken.subject)
        at.store.write(jobs.reschedule, taken, due_at=NOW + HOUR, now=NOW)

    def work(_number: int) -> None:
        together.wait(timeout=60)
        worker = worker_for(store, clock, act)
        while worker.work_once():
            pass

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert sorted(done) == list(range(30))


def test_clock_that_was_a_year_ahead_keeps_nothing_waiting_for_a_year(store: Store) -> None:
    clock, done = Clock(), []

    def act(at: Workplace, taken: Job) -> None:
        done.append(at.now())
        at.store.write(jobs.reschedule, taken, due_at=at.now() + MINUTE, now=at.now())

    put(store, 1)
    worker = worker_for(store, clock, act)
    clock.now = NOW + YEAR
    assert worker.work_once()
    clock.now = NOW + SECOND  # put right
    assert not worker.work_once()
    worker.tend()
    assert not worker.work_once()
    clock.now += MINUTE
    assert worker.work_once()
    assert done == [NOW + YEAR, NOW + SECOND + MINUTE]


def test_clock_put_back_while_somebody_works_gives_the_job_to_nobody_else_before_its_lease_has_gone(
    store: Store,
) -> None:
    clock, seen = Clock(), []
    put(store, 1)
    other = worker_for(store, clock, finish)

    def act(at: Workplace, taken: Job) -> None:
        clock.now -= HOUR
        other.tend()
        seen.append(other.work_once())
        clock.now += LEASE - SECOND
        other.tend()
        seen.append(other.work_once())
        clock.now += 2 * HOUR  # and forward again: the lease is over, and another takes the job
        seen.append(other.work_once())
        seen.append(at.store.write(jobs.finish, taken))

    assert worker_for(store, clock, act).work_once()
    assert seen == [False, False, True, False], "the late end of the first changed nothing"
    assert rows(store) == []


def test_small_steps_of_the_clock_change_nothing(store: Store) -> None:
    put(store, 1, due_at=NOW + HOUR, now=NOW + 30 * SECOND)
    before = rows(store)
    worker_for(store, Clock(), finish).tend()
    assert rows(store) == before


def test_mending_leaves_alone_what_another_mended(store: Store) -> None:
    put(store, 1, due_at=NOW + YEAR, now=NOW + YEAR)
    with store.writing() as session:
        assert jobs.mend(session, now=NOW) == 1
        assert jobs.mend(session, now=NOW) == 0
        session.execute(update(job).values(set_at=None))  # of the version before
        assert jobs.mend(session, now=NOW) == 0
    assert [row.due_at for row in rows(store)] == [NOW]
