"""Jobs are taken once, kept under a lease, and never lost, by real workers at once on both databases."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

import storage
from storage import jobs
from storage.jobs import Job
from storage.store import Store
from storage.tables import job
from tests.conftest import Databases, make_database

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def put(store: Store, *subjects: int, due_at: datetime = NOW) -> None:
    """Ask for work on these subjects in one transaction."""
    with store.writing() as session:
        for subject in subjects:
            jobs.put(session, kind="test", subject=subject, due_at=due_at, now=NOW, organisation=None)


def take(store: Store, now: datetime = NOW) -> Job | None:
    """Take a job for a minute in a transaction of its own."""
    with store.writing() as session:
        return jobs.take(session, now=now, lease=str(uuid.uuid4()), until=now + MINUTE)


def taken(store: Store, now: datetime = NOW) -> Job:
    """A job that is surely there."""
    found = take(store, now)
    assert found is not None
    return found


def test_job_is_put_with_the_fact_or_not_at_all(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as session:
        jobs.put(session, kind="test", subject=1, due_at=NOW, now=NOW, organisation=None)
        assert 1 / 0
    assert take(store) is None


def test_job_asked_for_twice_is_done_once(store: Store) -> None:
    put(store, 1)
    put(store, 1, 1)
    assert taken(store).subject == 1
    assert take(store) is None


def test_job_is_not_taken_before_it_is_due_and_the_longest_waiting_first(store: Store) -> None:
    put(store, 1, due_at=NOW + MINUTE)
    put(store, 2, due_at=NOW - MINUTE)
    put(store, 3, due_at=NOW - 2 * MINUTE)
    assert [taken(store).subject, taken(store).subject, take(store)] == [3, 2, None]
    assert taken(store, NOW + MINUTE).subject == 3  # its lease ran out, and it is still the oldest


def test_eight_workers_take_every_job_exactly_once(store: Store) -> None:
    put(store, *range(40))
    together = threading.Barrier(8)

    def work(_worker: int) -> list[int]:
        together.wait(timeout=60)
        found = []
        while (mine := take(store)) is not None:
            found.append(mine.subject)
        return found

    with ThreadPoolExecutor(8) as threads:
        done = [subject for found in threads.map(work, range(8)) for subject in found]
    assert sorted(done) == list(range(40))


@pytest.fixture
def postgresql(databases: Databases) -> Iterator[Store]:
    """A store on PostgreSQL."""
    opened = storage.open_store(make_database(databases, "postgresql"))
    yield opened
    opened.close()


def test_worker_that_is_just_taking_a_job_does_not_make_another_wait(postgresql: Store) -> None:
    put(postgresql, 1, 2)
    with postgresql.writing() as one, postgresql.writing() as two:
        first = jobs.take(one, now=NOW, lease="one", until=NOW + MINUTE)
        second = jobs.take(two, now=NOW, lease="two", until=NOW + MINUTE)
    assert first is not None
    assert second is not None
    assert {first.subject, second.subject} == {1, 2}


def test_job_of_a_crashed_worker_is_taken_when_its_lease_runs_out(store: Store) -> None:
    put(store, 1)
    taken(store)
    assert take(store, NOW + MINUTE * 0.99) is None
    assert taken(store, NOW + MINUTE).subject == 1


@pytest.mark.parametrize("end", ["finish", "reschedule", "retry", "extend"])
def test_late_worker_whose_lease_was_taken_over_cannot_end_the_job(store: Store, end: str) -> None:
    put(store, 1)
    late = taken(store)
    later = taken(store, NOW + MINUTE)
    acts = {
        "finish": lambda session: jobs.finish(session, late),
        "reschedule": lambda session: jobs.reschedule(session, late, due_at=NOW, now=NOW),
        "retry": lambda session: jobs.retry(session, late, due_at=NOW, error="late", now=NOW),
        "extend": lambda session: jobs.extend(session, late, until=NOW + 9 * MINUTE, now=NOW),
    }
    with store.writing() as session:
        assert not acts[end](session)
    with store.writing() as session:
        assert jobs.finish(session, later)
    assert take(store, NOW + 99 * MINUTE) is None


def test_worker_and_its_successor_end_a_job_at_once_and_one_of_them_counts(store: Store) -> None:
    """The guarded update decides: the row's lock lines the two up, and the later finds another's token, or no row."""
    put(store, 1)
    late, later = taken(store), taken(store, NOW + MINUTE)
    together = threading.Barrier(2)

    def end(mine: Job) -> bool:
        together.wait(timeout=60)
        with store.writing() as session:
            return jobs.reschedule(session, mine, due_at=NOW + 5 * MINUTE, now=NOW)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(end, (late, later))) == [False, True]


def test_extended_lease_keeps_others_away(store: Store) -> None:
    put(store, 1)
    mine = taken(store)
    with store.writing() as session:
        assert jobs.extend(session, mine, until=NOW + 3 * MINUTE, now=NOW)
    assert take(store, NOW + 2 * MINUTE) is None
    assert taken(store, NOW + 3 * MINUTE).subject == 1


def test_failed_job_comes_back_with_its_failures_and_a_success_forgets_them(store: Store) -> None:
    put(store, 1)
    for failures in range(3):
        mine = taken(store)
        assert mine.attempts == failures
        with store.writing() as session:
            assert jobs.retry(session, mine, due_at=NOW, error="no answer", now=NOW)
    mine = taken(store)
    with store.writing() as session:
        assert jobs.reschedule(session, mine, due_at=NOW + MINUTE, now=NOW)
    assert take(store) is None
    assert taken(store, NOW + MINUTE).attempts == 0


def test_dropped_job_cannot_be_ended_by_the_worker_that_has_it(store: Store) -> None:
    put(store, 1, 2)
    mine = taken(store)
    with store.writing() as session:
        jobs.drop(session, kind="test", subject=1)
    with store.writing() as session:
        assert not jobs.finish(session, mine)
    assert [taken(store).subject, take(store)] == [2, None]


def test_further_condition_holds_jobs_back_that_are_due(store: Store) -> None:
    put(store, 1, due_at=NOW - MINUTE)
    put(store, 2)
    with store.writing() as session:
        assert jobs.waiting_since(session, now=NOW) == NOW - MINUTE
        assert jobs.waiting_since(session, now=NOW, ready=job.c.subject > 1) == NOW
        found = jobs.take(session, now=NOW, lease="x", until=NOW + MINUTE, ready=job.c.subject > 1)
        assert found is not None
        assert found.subject == 2
        assert jobs.waiting_since(session, now=NOW, ready=job.c.subject > 1) is None


def test_waiting_doubles_up_to_an_hour_and_jitter_only_shortens_it() -> None:
    waits = [jobs.back_off(attempts, jitter=0).total_seconds() for attempts in (1, 2, 3, 10, 11, 500)]
    assert waits == [5, 10, 20, 2560, 3600, 3600]
    assert jobs.back_off(3, jitter=1).total_seconds() == 10
