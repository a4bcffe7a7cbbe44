"""The worker carries subscriptions out: every event to a real receiver, at least once, whoever crashes or is late."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

import storage
from storage import jobs
from storage.jobs import Job
from storage.store import Store
from storage.tables import event_document, job, lookup_log, named_query, person, subscription
from storage.tenancy import EVERYTHING
from tests.conftest import ROOT, Databases, as_service, make_database
from tests.post import HOUR, MINUTE, SECOND, ZONE, Post, ids, seen
from tests.receiver import receiving
from tests.town import NOW, Town
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.capture import capture
from trace.services.health import check_subscriptions
from trace.services.job_kinds import JobKind
from trace.services.keys import find_actor_by_key, issue_key, revoke_key
from trace.services.named_queries import delete_query
from trace.services.people import create_person
from trace.services.rounds import LEASE
from trace.services.subscriptions import delete_subscription
from trace.worker import Crew, Worker
from trace.workplace import Workplace


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The store as workers have it: of a role that owns nothing on PostgreSQL."""
    with closing(storage.open_store(as_service(database_url)).seeing(EVERYTHING)) as opened:
        yield opened


@pytest.fixture
def post(town: Town) -> Iterator[Post]:
    """A town with a receiver of deliveries and a worker, on both databases."""
    with receiving() as receiver:
        yield Post(town, receiver)


@pytest.fixture
def postgresql(databases: Databases) -> Iterator[Post]:
    """A town with a receiver on PostgreSQL."""
    opened = storage.open_store(make_database(databases, "postgresql"))
    with receiving() as receiver:
        yield Post(Town(opened), receiver)
    opened.close()


# ---- what goes wrong -----------------------------------------------------------------------------------------------


def test_events_that_were_not_taken_come_again_after_a_while_and_none_is_lost(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)
    post.receiver.answers[:] = [500, 302, 204]
    assert post.work() == 1
    told = post.told(number)
    assert (told["failures"], told["lastError"]) == (1, "The receiver answered 500.")
    assert datetime.fromisoformat(told["nextTryAt"]) == NOW + 5 * SECOND
    assert "lastNotifiedAt" not in told
    assert post.work(4 * SECOND) == 0
    post.record(shop, 2)
    assert post.work(SECOND) == 1
    assert post.told(number)["failures"] == 2
    assert post.work(9 * SECOND) == 0
    assert post.work(SECOND) == 1
    assert post.came == [ids(1), ids(1, 2), ids(1, 2)]
    assert "failures" not in post.told(number)


def test_receiver_that_is_away_for_days_is_tried_every_hour_and_gets_everything(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)
    post.receiver.answers[:] = [503] * 40
    for _ in range(40):
        assert post.work(HOUR) == 1
    assert post.told(number)["failures"] == 40
    post.record(shop, 2)
    post.work(HOUR)
    assert post.came[-1] == ids(1, 2)


def test_worker_that_dies_between_the_answer_and_the_mark_makes_the_events_come_again(post: Post) -> None:
    """Its lease runs out while the receiver is still answering: another worker sends the same, and its end counts."""
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)

    def meanwhile() -> int:
        post.now += LEASE
        assert post.worker.work_once()
        return 204

    post.receiver.answers[:] = [meanwhile]
    assert post.worker.work_once()
    post.record(shop, 2)
    assert post.work(SECOND) == 1
    assert post.came == [ids(1), ids(1), ids(2)]
    assert "failures" not in post.told(number)


def test_late_end_of_a_worker_does_not_take_the_mark_of_its_successor_back(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop)
    post.record(shop, 1)

    def meanwhile() -> int:
        post.now += LEASE
        post.record(shop, 2)
        assert post.worker.work_once()
        return 204

    post.receiver.answers[:] = [meanwhile]
    assert post.worker.work_once()
    assert post.work(HOUR) == 0
    assert post.came == [ids(1, 2), ids(1)]


def test_late_failure_of_a_worker_does_not_undo_what_its_successor_sent(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)

    def meanwhile() -> int:
        post.now += LEASE
        assert post.worker.work_once()
        return 500

    post.receiver.answers[:] = [meanwhile]
    assert post.worker.work_once()
    assert post.work(HOUR) == 0
    assert "failures" not in post.told(number)


def test_nothing_of_the_store_is_held_while_something_is_sent(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop)
    post.record(shop, 1)
    held = []

    def meanwhile() -> int:
        post.record(shop, 2)  # on SQLite this waits for whoever writes
        if post.town.store.engine.dialect.name == "postgresql":
            idle = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
            with post.town.store.reading() as session:
                held.append(session.execute(idle).scalar_one())
        return 204

    post.receiver.answers[:] = [meanwhile]
    post.work()
    post.work(SECOND)
    assert post.came == [ids(1), ids(2)]
    assert sum(held) == 0


def test_two_workers_at_once_send_a_round_once(post: Post) -> None:
    shop = post.town.organisation()
    for _ in range(6):
        post.subscribe(shop)
    post.record(shop, 1, 2)
    together = threading.Barrier(4)

    def work(_number: int) -> int:
        together.wait(timeout=60)
        return sum(1 for _ in iter(post.worker.work_once, False))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, range(4))) == 6
    assert post.came == [ids(1, 2)] * 6


def test_event_of_a_slower_transaction_is_sent_when_it_commits(postgresql: Post) -> None:
    """The slower transaction began first: a mark that only counts numbers would pass its event by for ever."""
    shop = postgresql.town.organisation()
    postgresql.record(shop, 9, at=NOW - HOUR)  # so that the two have no new word in common and need not wait
    postgresql.subscribe(shop)
    stored, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with postgresql.town.store.writing() as session:
            capture(session, [seen(1, "storing")], actor=shop, now=NOW, strict=False)
            stored.set()
            assert go_on.wait(timeout=60)

    thread = threading.Thread(target=slow)
    thread.start()
    assert stored.wait(timeout=60)
    postgresql.record(shop, 2)
    postgresql.work()
    postgresql.work(MINUTE)
    go_on.set()
    thread.join(timeout=60)
    postgresql.work(MINUTE)
    assert [event for events in postgresql.came for event in events] == ids(1, 2)


def test_store_restored_on_another_server_says_so_and_goes_on_as_the_documentation_tells(postgresql: Post) -> None:
    town, shop = postgresql.town, postgresql.town.organisation()
    postgresql.subscribe(shop)
    postgresql.record(shop, 1)
    postgresql.work()
    postgresql.record(shop, 2)
    with town.store.engine.begin() as connection:  # as a dump of a server that had come to two thousand millions
        connection.execute(text("UPDATE event SET xact = xact + 2000000000"))
        as_well = "mark_xact = mark_xact + 2000000000, made_xact = made_xact + 2000000000"
        connection.execute(text(f"UPDATE subscription SET {as_well}"))
    assert postgresql.work(HOUR) == 0
    assert "docs/subscriptions.md" in str(town.do(check_subscriptions, postgresql.now))
    (statements,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "subscriptions.md").read_text(), re.DOTALL)
    with town.store.engine.begin() as connection:
        connection.execute(text(statements))
    postgresql.record(shop, 3)
    postgresql.work(HOUR)
    assert town.do(check_subscriptions, postgresql.now) is None
    assert [event for events in postgresql.came for event in events] == ids(1, 2, 3)


def test_receiver_inside_is_not_called_when_the_setting_was_taken_back(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)
    strict = Worker(post.town.store, ZONE, private=False, now=lambda: post.now, jitter=lambda: 0.0)
    assert strict.work_once()
    assert post.came == []
    assert "https" in post.told(number)["lastError"]


def test_fault_of_ours_is_told_and_tried_again_later(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)
    with post.town.store.writing() as session:
        session.execute(update(named_query).values(parameters=b"no JSON at all"))
    with pytest.raises(Exception, match="malformed"):
        post.worker.work_once()
    assert not post.worker.work_once()
    told = post.told(number)
    assert (told["failures"], told["lastError"]) == (
        1,
        "Something went wrong on our side; the log of the service has it.",
    )


# ---- who may -------------------------------------------------------------------------------------------------------


def test_nothing_is_sent_for_a_key_that_was_revoked(post: Post) -> None:
    shop = post.town.organisation()
    key = post.town.do(issue_key, role=Role.CLERK, organisation_id=shop.organisation, now=NOW)
    machine = post.town.do(find_actor_by_key, key)
    number = post.subscribe(machine)
    post.record(shop, 1)
    post.work()
    post.town.do(revoke_key, actor=shop, prefix=key.split("_")[1], now=NOW)
    post.record(shop, 2)
    post.work(MINUTE)
    post.work(HOUR)
    assert post.came == [ids(1)]
    assert "the key is revoked" in post.told(number)["lastError"]


def test_nothing_is_sent_for_somebody_who_left_until_they_come_back(post: Post) -> None:
    shop = post.town.organisation()
    made = post.town.do(
        create_person, sign_in="li", name="李", password="long enough to do", role=Role.CLERK,
        organisation_id=shop.organisation, now=NOW,
    )  # fmt: skip
    with post.town.store.writing() as session:
        number = session.scalars(select(person.c.id).where(person.c.public_id == made["id"])).one()
    post.subscribe(Actor(*(getattr(shop, name) for name in list(shop.__slots__)[:6]), person=number))

    def active(value: bool) -> None:
        with post.town.store.writing() as session:
            session.execute(update(person).values(active=value))

    active(False)
    post.record(shop, 1)
    post.work(MINUTE)
    assert post.came == []
    active(True)
    post.work(HOUR)
    assert post.came == [ids(1)]


def test_inspector_is_told_of_their_region_and_it_is_written_down(post: Post) -> None:
    inspector = post.town.organisation(OrganisationKind.REGULATOR, region="640500", role=Role.INSPECTOR)
    key = post.town.do(issue_key, role=Role.INSPECTOR, organisation_id=inspector.organisation, now=NOW)
    watcher = post.town.do(find_actor_by_key, key)
    here, there = post.town.organisation(region="640502"), post.town.organisation(region="640100")
    post.subscribe(watcher)
    post.record(there, 1)
    post.record(here, 2)
    post.work()
    assert post.came == [ids(2)]
    with post.town.store.reading() as session:
        looks = session.execute(select(lookup_log.c.what, lookup_log.c.subject, lookup_log.c.api_key)).all()
    assert [tuple(look) for look in looks] == [("subscription", "query 0", watcher.api_key)]


@pytest.mark.parametrize("end", ["subscription", "query"])
def test_subscription_that_ends_while_it_is_sent_leaves_nothing(post: Post, end: str) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop)
    post.record(shop, 1)

    def meanwhile() -> int:
        ends: dict[str, Callable[[], Any]] = {
            "subscription": lambda: post.town.do(
                delete_subscription, actor=shop, query_name="query 0", subscription_id=number
            ),
            "query": lambda: post.town.do(delete_query, actor=shop, name="query 0"),
        }
        ends[end]()
        return 204

    post.receiver.answers[:] = [meanwhile]
    assert post.worker.work_once()
    post.record(shop, 2)
    assert post.work(HOUR) == 0
    assert (post.town.count(job), post.town.count(subscription)) == (0, 0)


# ---- the crew ------------------------------------------------------------------------------------------------------


def test_work_sees_the_records_of_whose_it_is(post: Post) -> None:
    shop, other, counted = post.town.organisation(), post.town.organisation(), dict[int, int]()
    post.record(shop, 1)
    post.record(other, 2)

    def count(at: Workplace, taken: Job) -> None:
        with at.store.reading() as session:
            counted[taken.subject] = session.scalar(select(func.count()).select_from(event_document)) or 0
        at.store.write(jobs.finish, taken)

    with post.town.store.writing() as session:
        for subject, whose in enumerate((shop.organisation, None)):
            jobs.put(session, kind="count", subject=subject, due_at=NOW, now=NOW, organisation=whose)
    alone = replace(post.worker, kinds={"count": JobKind(LEASE)}, work={"count": count})
    while alone.work_once():
        pass
    forgot_the_where = 2 if post.town.store.url.startswith("sqlite") else 1
    assert counted == {0: forgot_the_where, 1: 2}


def test_crew_works_until_it_is_told_to_stop_and_finishes_what_it_has_in_hand(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop)
    post.record(shop, 1)
    crew = Crew(post.worker, 2)
    stopping = threading.Thread(target=crew.stop, args=(60.0,))

    def meanwhile() -> int:
        stopping.start()
        return 204

    post.receiver.answers[:] = [meanwhile]
    crew.start()
    post.receiver.wait_for(1)
    stopping.join(timeout=60)
    assert not stopping.is_alive()
    post.work()  # what the crew was to do besides is done by now
    assert len(post.came) == 1, "the mark moved behind what was sent"


def test_what_takes_longer_than_a_crew_may_take_to_stop_is_given_back_and_counts_as_no_failure(post: Post) -> None:
    begun, over, late = threading.Event(), threading.Event(), list[bool]()

    def take_long(at: Workplace, taken: Job) -> None:
        begun.set()
        assert over.wait(60)
        late.append(at.store.write(jobs.finish, taken))

    with post.town.store.writing() as session:
        jobs.put(session, kind="long", subject=1, due_at=NOW, now=NOW, organisation=None)
    alone = replace(post.worker, kinds={"long": JobKind(LEASE)}, work={"long": take_long})
    crew = Crew(alone, 1).start()
    assert begun.wait(60)
    crew.stop(0.0)
    with post.town.store.writing() as session:
        taken = jobs.take(session, now=NOW, lease="the next worker's", until=NOW + LEASE)
    assert (taken and taken.attempts) == 0, "nobody waits for the lease of who stopped"
    over.set()
    crew.stop()
    assert late == [False], "the one that was told to stop ends nothing any more"
