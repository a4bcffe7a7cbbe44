"""What a round of a subscription brings: the new events of one organisation, by streams and schedules, in pieces."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from storage import event_feed
from tests.post import HOUR, MINUTE, SECOND, Post, ids
from tests.receiver import receiving
from tests.town import NOW, Town
from trace.services import rounds
from trace.services.webhooks import sign


@pytest.fixture
def post(town: Town) -> Iterator[Post]:
    """A town with a receiver of deliveries and a worker, on both databases."""
    with receiving() as receiver:
        yield Post(town, receiver)


# ---- streams -------------------------------------------------------------------------------------------------------


def test_stream_sends_what_is_new_signed_and_once(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop, signatureToken="secret")
    assert post.work() == 0, "nothing is new, and nothing is written"
    post.record(shop, 1, 2)
    assert post.work() == 1
    (request,) = post.receiver.requests
    results = request.document["epcisBody"]["queryResults"]
    assert (request.document["type"], request.document["schemaVersion"]) == ("EPCISQueryDocument", "2.0")
    assert (results["queryName"], results["subscriptionID"]) == ("query 0", number)
    assert request.events == ids(1, 2)
    assert datetime.fromisoformat(results["resultsBody"]["eventList"][0]["recordTime"]) == NOW
    assert request.headers["GS1-Signature"] == sign(request.body, "secret", NOW)
    assert post.work(HOUR) == 0
    post.record(shop, 3)
    post.work()
    assert post.came == [ids(1, 2), ids(3)]
    told = post.told(number)
    assert told["lastNotifiedAt"] == told["minRecordTime"] == "2026-11-24T03:00:00.000+00:00"


def test_subscriber_is_told_of_their_own_events_that_their_query_asks_for(post: Post) -> None:
    shop, other = post.town.organisation(), post.town.organisation()
    post.subscribe(shop, {"EQ_bizStep": ["storing"]})
    post.record(other, 1)
    post.record(shop, 2)
    post.record(shop, 3, step="inspecting")
    post.record(other, 4)
    post.work()
    assert post.came == [ids(2)]


def test_initial_record_time_brings_what_was_recorded_since_and_else_it_begins_now(post: Post) -> None:
    shop = post.town.organisation()
    post.record(shop, 1, at=NOW - 3 * HOUR)
    post.record(shop, 2, at=NOW - HOUR)
    post.record(shop, 3, at=NOW - SECOND)
    post.subscribe(shop)
    post.subscribe(shop, initialRecordTime=(NOW - 2 * HOUR).isoformat())
    post.record(shop, 4)
    post.work()
    assert sorted(post.came) == [ids(2, 3, 4), ids(4)]


def test_subscription_that_was_made_while_the_clock_was_ahead_is_told_what_comes_after_it_was_put_back(
    post: Post,
) -> None:
    shop, ahead = post.town.organisation(), 400 * 24 * HOUR
    post.record(shop, 1)
    post.now += ahead
    post.record(shop, 2)
    post.subscribe(shop)
    post.subscribe(shop, initialRecordTime=(NOW + ahead).isoformat())
    post.subscribe(shop, initialRecordTime=(NOW + 2 * ahead).isoformat())  # not before then, as asked
    post.now -= ahead
    post.record(shop, 3)
    post.subscribe(shop)  # what was recorded by the clock that was ahead is over
    post.record(shop, 4)
    post.worker.tend()
    post.work()
    assert sorted(post.came) == [ids(2, 3, 4), ids(3, 4), ids(4)]


def test_many_events_come_in_pieces_and_none_twice(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "WINDOW", 3)
    monkeypatch.setattr(rounds, "MOST_WINDOWS", 2)
    shop, other = post.town.organisation(), post.town.organisation()
    post.subscribe(shop, {"maxEventCount": 4})
    post.record(other, *range(100, 120))
    post.record(shop, *range(1, 11))
    assert post.work() > 5, "a round looks through six events at the most"
    assert [event for events in post.came for event in events] == ids(*range(1, 11))
    assert max(map(len, post.came)) == 4


def test_round_that_reads_for_long_ends_and_another_goes_on(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_SECONDS", 0.0)
    shop = post.town.organisation()
    post.subscribe(shop)
    post.record(shop, *range(1, 6))
    post.work()
    assert post.came == [[event] for event in ids(*range(1, 6))]


def test_large_events_come_in_pieces_of_a_bounded_size(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_BYTES", 1_000)
    shop = post.town.organisation()
    post.subscribe(shop)
    post.record(shop, *range(1, 8))
    post.work()
    assert [event for events in post.came for event in events] == ids(*range(1, 8))
    assert all(1 <= len(events) < 4 for events in post.came)


def test_receiver_that_finds_it_too_large_gets_less_at_once(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop)
    post.record(shop, *range(1, 9))
    post.receiver.answers[:] = [413, 413, 204]
    post.work()
    assert [len(events) for events in post.came[:3]] == [8, 4, 2]
    assert [event for events in post.came[2:] for event in events] == ids(*range(1, 9))


# ---- schedules -----------------------------------------------------------------------------------------------------


def test_schedule_sends_at_its_times_and_only_when_something_is_new(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop, schedule={"minute": "30"})  # it is ten o'clock
    post.record(shop, 1)
    assert post.work(29 * MINUTE) == 0
    assert post.work(MINUTE) == 1
    assert post.work(HOUR) == 1
    post.record(shop, 2)
    assert post.work(59 * MINUTE) == 0
    assert post.work(MINUTE) == 1
    assert post.came == [ids(1), ids(2)]


def test_round_without_events_is_told_where_that_is_wanted(post: Post) -> None:
    shop = post.town.organisation()
    number = post.subscribe(shop, schedule={"minute": "30"}, reportIfEmpty=True)
    post.work(30 * MINUTE)
    post.work(HOUR)
    assert post.came == [[], []]
    assert post.told(number)["lastNotifiedAt"] == "2026-11-24T03:30:00.000+00:00"


def test_round_in_several_pieces_is_not_followed_by_news_of_nothing(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop, {"eventCountLimit": 2, "orderBy": "eventTime"}, schedule={"minute": "30"}, reportIfEmpty=True)
    post.record(shop, 1, 2, 3, 4)
    post.work(30 * MINUTE)
    assert post.came == [ids(1, 2), ids(3, 4)]
    post.work(HOUR)
    assert post.came[2:] == [[]]


def test_rounds_that_were_missed_are_made_up_for_once(post: Post) -> None:
    shop = post.town.organisation()
    post.subscribe(shop, schedule={"minute": "30"}, reportIfEmpty=True)
    assert post.work(9 * HOUR) == 1
    assert post.work(29 * MINUTE) == 0
    assert post.work(MINUTE) == 1
