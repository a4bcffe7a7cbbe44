"""Subscriptions are kept as they were asked for, by the organisation that asked, and their secret is never told."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from storage.event_feed import START, Mark
from storage.tables import job, subscription
from tests.town import NOW, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.services import subscriptions
from trace.services.named_queries import create_query, delete_query
from trace.services.subscriptions import (
    create_subscription,
    delete_subscription,
    get_subscription,
    list_subscriptions,
    parse_subscription,
)

ZONE = ZoneInfo("Asia/Shanghai")
DEST = "https://receiver.example.com/epcis"
STREAM = {"dest": DEST, "stream": True}


def query(town: Town, actor: Actor, name: str = "all") -> str:
    """A query of the organisation that asks for everything: its name."""
    town.do(create_query, actor=actor, name=name, parameters={}, now=NOW)
    return name


def subscribe(town: Town, actor: Actor, name: str = "all", **body: Any) -> dict[str, Any]:
    """Subscribe to a query of the organisation."""
    body = body or STREAM
    return dict(
        town.do(create_subscription, actor=actor, query_name=name, body=body, now=NOW, zone=ZONE, private=False)
    )


def test_stream_is_told_as_it_was_asked_for_and_due_at_once(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    told = subscribe(town, shop, dest=DEST, stream=True, signatureToken="13df38d8275b13f0")
    assert told == {
        "subscriptionID": told["subscriptionID"],
        "queryName": "all",
        "dest": DEST,
        "createdAt": "2026-11-24T02:00:00.000+00:00",
        "initialRecordTime": "2026-11-24T02:00:00.000+00:00",
        "minRecordTime": "2026-11-24T02:00:00.000+00:00",
        "reportIfEmpty": False,
        "stream": True,
    }
    with town.store.reading() as session:
        assert session.scalars(select(job.c.due_at)).all() == [NOW]


def test_schedule_is_told_as_it_was_asked_for_and_due_at_its_first_time(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    asked = {
        "dest": DEST,
        "schedule": {"hour": "1", "minute": 5},
        "reportIfEmpty": True,
        "initialRecordTime": "2026-11-01T08:00:00+08:00",
    }
    told = subscribe(town, shop, **asked)
    assert told["schedule"] == {"hour": "1", "minute": "5"}
    assert told["reportIfEmpty"] is True
    assert told["initialRecordTime"] == told["minRecordTime"] == "2026-11-01T00:00:00.000+00:00"
    assert "stream" not in told
    with town.store.reading() as session:
        due = session.scalars(select(job.c.due_at)).one().astimezone(ZONE)
    assert (due.day, due.hour, due.minute, due.second) == (25, 1, 5, 0)


def test_token_is_kept_and_never_told(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    told = subscribe(town, shop, dest=DEST, stream=True, signatureToken="13df38d8275b13f0")
    read = town.do(get_subscription, actor=shop, query_name="all", subscription_id=told["subscriptionID"])
    listed = town.do(list_subscriptions, actor=shop, query_name="all", size=5, after=None)
    assert "13df38d8275b13f0" not in str((told, read, listed))
    with town.store.reading() as session:
        assert session.scalars(select(subscription.c.signature_token)).all() == ["13df38d8275b13f0"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, None),
        ([], None),
        ({}, "stream"),
        ({"dest": DEST}, "stream"),
        ({"dest": DEST, "stream": False}, "stream"),
        ({"dest": DEST, "stream": True, "schedule": {"hour": "1"}}, "schedule"),
        ({"dest": DEST, "stream": "true"}, "stream"),
        ({"dest": DEST, "stream": 1}, "stream"),
        ({"dest": DEST, "schedule": {}}, "schedule"),
        ({"dest": DEST, "schedule": {"hour": "25"}}, "schedule.hour"),
        ({"dest": DEST, "stream": True, "secret": "x"}, "secret"),
        ({"stream": True}, "dest"),
        ({"dest": "http://receiver.example.com/", "stream": True}, "dest"),
        ({"dest": "https://127.0.0.1/", "stream": True}, "dest"),
        ({**STREAM, "signatureToken": ""}, "signatureToken"),
        ({**STREAM, "signatureToken": 7}, "signatureToken"),
        ({**STREAM, "signatureToken": "\ud800"}, "signatureToken"),
        ({**STREAM, "signatureToken": "x" * 501}, "signatureToken"),
        ({**STREAM, "reportIfEmpty": "no"}, "reportIfEmpty"),
        ({**STREAM, "initialRecordTime": "yesterday"}, "initialRecordTime"),
        ({**STREAM, "initialRecordTime": "2026-11-01T08:00:00"}, "initialRecordTime"),
        ({**STREAM, "initialRecordTime": "0001-01-01T00:00:00+14:00"}, "initialRecordTime"),
        ({**STREAM, "initialRecordTime": 1}, "initialRecordTime"),
    ],
)
def test_body_that_could_not_be_kept_to_is_refused_by_the_name_of_its_field(body: object, field: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        parse_subscription(body, private=False)
    assert refused.value.field == field
    assert str(refused.value)


def test_refused_subscription_leaves_nothing(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    with pytest.raises(Invalid):
        subscribe(town, shop, dest="https://localhost/", stream=True)
    assert (town.count(subscription), town.count(job)) == (0, 0)


def test_subscription_is_found_by_its_own_organisation_under_its_own_query_only(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    query(town, shop)
    query(town, shop, "some")
    query(town, other)
    found = {"query_name": "all", "subscription_id": subscribe(town, shop)["subscriptionID"]}
    for service in (get_subscription, delete_subscription):
        town.refuses(NotFound, service, actor=other, **found)
        town.refuses(NotFound, service, actor=shop, **(found | {"query_name": "some"}))
        town.refuses(NotFound, service, actor=shop, **(found | {"subscription_id": "x"}))
    assert town.do(get_subscription, actor=shop, **found)["dest"] == DEST
    assert town.do(list_subscriptions, actor=other, query_name="all", size=9, after=None) == ([], None)


def test_query_of_another_organisation_cannot_be_subscribed_to(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    query(town, other, "theirs")
    for name in ("theirs", "none"):
        with pytest.raises(NotFound):
            subscribe(town, shop, name)


def test_list_goes_on_where_a_page_ended(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    made = [subscribe(town, shop)["subscriptionID"] for _ in range(5)]
    found, after = [], None
    for size in (2, 2, 2):
        page, after = town.do(list_subscriptions, actor=shop, query_name="all", size=size, after=after)
        found += [told["subscriptionID"] for told in page]
    assert (found, after) == (made, None)


def test_deleted_subscription_takes_its_job_along_and_leaves_the_others(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    one, two = subscribe(town, shop), subscribe(town, shop)
    town.do(delete_subscription, actor=shop, query_name="all", subscription_id=one["subscriptionID"])
    assert (town.count(subscription), town.count(job)) == (1, 1)
    assert town.do(get_subscription, actor=shop, query_name="all", subscription_id=two["subscriptionID"]) == two


def test_deleted_query_takes_its_subscriptions_along(town: Town) -> None:
    shop = town.organisation()
    for name in ("all", "some"):
        query(town, shop, name)
        subscribe(town, shop, name)
    town.do(delete_query, actor=shop, name="all")
    assert (town.count(subscription), town.count(job)) == (1, 1)


def test_organisation_has_a_bounded_number_of_subscriptions(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_SUBSCRIPTIONS", 2)
    shop, other = town.organisation(), town.organisation()
    for actor in (shop, other):
        query(town, actor)
        for _ in range(2):
            subscribe(town, actor)
        with pytest.raises(Conflict, match="has 2 subscriptions"):
            subscribe(town, actor)


def test_mark_begins_near_the_initial_record_time_and_never_behind_it(town: Town) -> None:
    shop = town.organisation()
    query(town, shop)
    earlier = (NOW - timedelta(days=9)).isoformat()
    subscribe(town, shop, **STREAM, initialRecordTime=earlier)
    with town.store.reading() as session:
        row = session.execute(select(subscription)).one()
    assert Mark(row.mark_xact, row.mark_event) == START
