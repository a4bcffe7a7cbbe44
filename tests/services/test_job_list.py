"""Administrators see work in the background, their own and no other's, and what they decide is done and kept."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from storage import jobs
from storage.tables import alert, job, job_decision, subscription
from tests.post import HOUR, Post, ids
from tests.receiver import receiving
from tests.town import Town
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.jobs import Decision, JobState
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services import job_list
from trace.services.alerts import page_of_alerts
from trace.services.job_failing import BROKEN_OFF
from trace.services.prescription_images import ERASE
from trace.services.rounds import LEASE

DAY = timedelta(days=1)


@pytest.fixture
def post(town: Town) -> Iterator[Post]:
    """A town with a receiver of deliveries and a worker, on both databases."""
    with receiving() as receiver:
        yield Post(town, receiver)


def shop_of(post: Post) -> Actor:
    """The administrator of a shop."""
    return post.town.organisation(role=Role.ORGANISATION_ADMINISTRATOR)


def platform_of(post: Post) -> Actor:
    """The platform's administrator."""
    return post.town.organisation(OrganisationKind.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR)


def listed(post: Post, actor: Actor, state: JobState | None = None) -> dict[str, Any]:
    """The jobs an administrator sees."""
    with post.town.store.reading() as session:
        return job_list.list_jobs(session, actor=actor, now=post.now, state=state)


def decide(post: Post, actor: Actor, number: int, decision: Decision, reason: str = "") -> Any:
    """What an administrator says of a job."""
    command = post.town.command(actor)
    return post.town.do(job_list.decide_on_job, command, number=number, decision=decision, reason=reason)


def failing_for_days(post: Post, shop: Actor, step: timedelta = DAY / 4) -> None:
    """A subscription whose receiver answers 503 for more than a week, looked at once in a step."""
    post.subscribe(shop)
    post.record(shop, 1)
    post.receiver.answers[:] = [503] * 400
    for _ in range(8 * DAY // step):
        if post.work(step) == 0:
            return
    raise AssertionError("it is tried for ever")


def alerts_of(post: Post, actor: Actor) -> list[dict[str, Any]]:
    """What an organisation is told to look at."""
    with post.town.store.reading() as session:
        return list(page_of_alerts(session, actor=actor, now=post.now)["alerts"])


def test_work_that_stopped_raises_one_alert_with_whom_it_belongs_to_until_somebody_decides(post: Post) -> None:
    shop, other, platform = shop_of(post), shop_of(post), platform_of(post)
    failing_for_days(post, shop)
    (card,) = listed(post, shop)["jobs"]
    (told,) = alerts_of(post, shop)
    assert (told["kind"], told["subject"], told["facts"]) == ("job_dead", str(card["id"]), {"work": "job_subscription"})
    inspector = post.town.organisation(OrganisationKind.REGULATOR, role=Role.INSPECTOR)
    assert (alerts_of(post, other), alerts_of(post, inspector)) == ([], [])
    with post.town.store.reading() as session:
        assert [job_list.count_stopped(session, actor=one) for one in (shop, other, platform)] == [1, 0, 1]
    decide(post, shop, card["id"], Decision.TRY_AGAIN)
    assert alerts_of(post, shop) == []
    for _ in range(8 * 4):
        post.work(DAY / 4)
    assert len(alerts_of(post, shop)) == 1, "it stopped a second time: told once"
    with post.town.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(alert)) == 2
        newest = page_of_alerts(session, actor=shop, now=post.now, limit=1)
        older = page_of_alerts(session, actor=shop, now=post.now, limit=1, before=newest["next"])
    assert (len(newest["alerts"]), older) == (1, {"alerts": [], "next": None}), "nor on another page"


def test_what_fails_for_a_week_is_dead_until_somebody_has_it_tried_again_and_then_nothing_is_lost(post: Post) -> None:
    shop = shop_of(post)
    failing_for_days(post, shop, HOUR)
    (card,) = listed(post, shop)["jobs"]
    assert (card["state"], card["name"], card["said"]["message"]) == (
        JobState.DEAD,
        "query 0",
        "The receiver answered {status}.",
    )
    assert post.work(30 * DAY) == 0, "nobody takes it any more"
    (subscriber,) = post.subscribers
    assert "nextTryAt" not in post.told(subscriber)
    with post.town.store.reading() as session:
        assert "subscription 1" in (job_list.check_jobs(session, now=post.now) or "")
    post.receiver.answers.clear()
    post.record(shop, 2)
    decide(post, shop, card["id"], Decision.TRY_AGAIN)
    assert post.work() == 1
    assert post.came[-1] == ids(1, 2)
    assert listed(post, shop)["jobs"] == []
    assert [one["decision"] for one in listed(post, shop)["decisions"]] == [Decision.TRY_AGAIN]


def test_subscription_that_is_given_up_ends_and_the_reason_is_kept(post: Post) -> None:
    shop = shop_of(post)
    failing_for_days(post, shop)
    (card,) = listed(post, shop)["jobs"]
    with pytest.raises(Invalid):
        decide(post, shop, card["id"], Decision.GIVE_UP, " ")
    decide(post, shop, card["id"], Decision.GIVE_UP, "对方已停用")
    assert (post.town.count(job), post.town.count(subscription)) == (0, 0)
    with post.town.store.reading() as session:
        kept = session.execute(select(job_decision.c.decision, job_decision.c.reason, job_decision.c.whose)).one()
    assert tuple(kept) == ("give_up", "对方已停用", shop.organisation)
    with pytest.raises(NotFound):
        decide(post, shop, card["id"], Decision.TRY_AGAIN)


def test_anothers_work_looks_like_none_and_the_platform_ends_nobody_elses(post: Post) -> None:
    shop, other, platform = shop_of(post), shop_of(post), platform_of(post)
    failing_for_days(post, shop)
    assert listed(post, other)["jobs"] == []
    (card,) = listed(post, platform)["jobs"]
    assert (card["organisation"], card["name"]) == (shop.organisation_name, None)
    with pytest.raises(NotFound):
        decide(post, other, card["id"], Decision.TRY_AGAIN)
    with pytest.raises(Forbidden):
        decide(post, platform, card["id"], Decision.GIVE_UP, "aufräumen")
    with pytest.raises(Forbidden):
        listed(post, post.town.as_role(shop, Role.CLERK))
    decide(post, platform, card["id"], Decision.TRY_AGAIN)
    assert [one["decision"] for one in listed(post, shop)["decisions"]] == [Decision.TRY_AGAIN]


def test_work_in_hand_is_neither_tried_again_nor_given_up(post: Post) -> None:
    shop = shop_of(post)
    post.subscribe(shop)
    post.record(shop, 1)
    refused = []

    def meanwhile() -> int:
        (card,) = listed(post, shop, JobState.WORKING)["jobs"]
        for decision in Decision:
            with pytest.raises(Conflict):
                decide(post, shop, card["id"], decision, "why")
            refused.append(decision)
        return 204

    post.receiver.answers[:] = [meanwhile]
    assert post.work() == 1
    assert refused == list(Decision)


def test_erasing_is_given_up_by_nobody(post: Post) -> None:
    shop = shop_of(post)
    with post.town.store.writing() as session:
        jobs.put(session, kind=ERASE, subject=1, due_at=post.now, now=post.now, organisation=shop.organisation)
    (card,) = listed(post, shop, JobState.WAITING)["jobs"]
    assert not card["may_be_given_up"]
    with pytest.raises(Conflict):
        decide(post, shop, card["id"], Decision.GIVE_UP, "why")


def test_work_that_kills_its_workers_is_dead_one_day(post: Post) -> None:
    """Nobody is left to say that it failed: the lease that ran out says so."""
    shop = shop_of(post)
    post.subscribe(shop)
    post.record(shop, 1)
    for _ in range(8 * 24):
        post.town.do(jobs.take, now=post.now, lease=f"killed at {post.now}"[:36], until=post.now + LEASE)
        post.now += HOUR
    (card,) = listed(post, shop)["jobs"]
    assert (card["state"], card["last_error"]) == (JobState.FAILING, BROKEN_OFF)
    assert post.worker.work_once()
    assert [card["state"] for card in listed(post, shop)["jobs"]] == [JobState.DEAD]
    assert post.came == []


def test_counts_tell_every_kind_and_state(post: Post) -> None:
    shop = shop_of(post)
    failing_for_days(post, shop)
    post.subscribe(shop, stream=False, schedule={"hour": "3"})
    with post.town.store.reading() as session:
        (found,) = job_list.count_jobs(session, now=post.now)
    assert found["kind"] == "subscription"
    assert {state: many for state, many in found["states"].items() if many} == {JobState.DEAD: 1, JobState.WAITING: 1}
    assert found["due_since"] is None
