"""Subscriptions over HTTP; what they send is shown by the tests of the worker."""

from typing import Any

import pytest

from tests.web.epcis.conftest import EPCIS, Partner, expect_problem

HOOK = "https://partner.example.com/hook"
STREAM = {"dest": HOOK, "signatureToken": "13df38d8275b13f05704629e5f1cf3d45d6132d5", "stream": True}
SCHEDULED = {"dest": HOOK, "schedule": {"hour": "1", "minute": "5"}, "reportIfEmpty": True}


@pytest.fixture
def query(shop: Partner) -> str:
    """The name of a query."""
    if shop.get("/queries/followed").status_code == 404:
        assert shop.post("/queries", {"name": "followed", "query": {"EQ_bizStep": ["shipping"]}}).status_code == 201
    return "followed"


@pytest.mark.parametrize("body", [STREAM, SCHEDULED])
def test_a_subscription_is_made_with_201_and_its_location(shop: Partner, query: str, body: dict[str, Any]) -> None:
    answer = shop.post(f"/queries/{query}/subscriptions", body)
    assert answer.status_code == 201, answer.text
    made = answer.json
    assert answer.headers["Location"] == f"{EPCIS}/queries/{query}/subscriptions/{made['subscriptionID']}"
    told = shop.get(answer.headers["Location"].removeprefix(EPCIS)).json
    assert told == made
    assert (told["dest"], told["queryName"]) == (HOOK, query)
    assert told["createdAt"]
    assert ("stream" in told) != ("schedule" in told)
    assert told.get("schedule") == body.get("schedule")
    assert "13df38d8275b13f05704629e5f1cf3d45d6132d5" not in answer.text
    assert "signatureToken" not in told


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dest": HOOK},
        {"stream": True},
        {"dest": HOOK, "stream": False},
        STREAM | {"schedule": {"hour": "1"}},
        STREAM | {"dest": "http://127.0.0.1/"},
        STREAM | {"dest": "https://169.254.169.254/latest/meta-data/"},
        STREAM | {"dest": "file:///etc/passwd"},
        STREAM | {"dest": 7},
        STREAM | {"signatureToken": "x" * 10_000},
        STREAM | {"more": 1},
        STREAM | {"initialRecordTime": "yesterday"},
        {"dest": HOOK, "schedule": {"hour": "25"}},
        {"dest": HOOK, "schedule": {"century": "1"}},
        {"dest": HOOK, "schedule": {}},
    ],
)
def test_a_subscription_that_could_not_be_kept_to_is_400(shop: Partner, query: str, body: dict[str, Any]) -> None:
    before = shop.demo.counts()
    expect_problem(shop.post(f"/queries/{query}/subscriptions", body), 400, "SubscriptionControlsException")
    assert shop.demo.counts() == before


def test_a_subscription_that_asks_for_translated_identifiers_is_406(shop: Partner, query: str) -> None:
    before = shop.demo.counts()
    answer = shop.post(f"/queries/{query}/subscriptions", STREAM, headers={"GS1-EPC-Format": "Always_EPC_URN"})
    expect_problem(answer, 406, "NotAcceptableException", "Always_EPC_URN")
    assert shop.demo.counts() == before
    answer = shop.post(f"/queries/{query}/subscriptions", STREAM, headers={"GS1-EPC-Format": "Never_Translates"})
    assert answer.status_code == 201


def test_subscriptions_are_listed_page_by_page(shop: Partner, query: str) -> None:
    made = {shop.post(f"/queries/{query}/subscriptions", STREAM).json["subscriptionID"] for _ in range(3)}
    found, path = [], f"/queries/{query}/subscriptions?perPage=2"
    while path:
        answer = shop.get(path)
        assert len(answer.json) <= 2
        found += [one["subscriptionID"] for one in answer.json]
        path = answer.headers.get("Link", "").partition(EPCIS)[2].partition(">")[0]
    assert made <= set(found)
    assert len(found) == len(set(found))


def test_a_subscription_ends_with_204(shop: Partner, query: str) -> None:
    made = shop.post(f"/queries/{query}/subscriptions", STREAM)
    path = made.headers["Location"].removeprefix(EPCIS)
    assert shop.call("DELETE", path).status_code == 204
    expect_problem(shop.get(path), 404, "NoSuchResourceException")
    expect_problem(shop.call("DELETE", path), 404, "NoSuchResourceException")


def test_a_query_that_is_deleted_takes_its_subscriptions_with_it(shop: Partner) -> None:
    assert shop.post("/queries", {"name": "leaving", "query": {}}).status_code == 201
    assert shop.post("/queries/leaving/subscriptions", STREAM).status_code == 201
    before = shop.demo.counts()
    assert shop.call("DELETE", "/queries/leaving").status_code == 204
    after = shop.demo.counts()
    for table in ("named_query", "subscription", "job"):
        assert after[table] == before[table] - 1
    expect_problem(shop.get("/queries/leaving/subscriptions"), 404, "NoSuchNameException")


def test_subscriptions_of_no_query_are_404(shop: Partner) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("DELETE", "/x")):
        answer = shop.call(method, f"/queries/nothing/subscriptions{path}", json=STREAM if method == "POST" else None)
        assert answer.status_code == 404
        assert answer.json["type"] in ("epcisException:NoSuchNameException", "epcisException:NoSuchResourceException")


def test_a_subscription_is_told_as_xml_too(shop: Partner, query: str) -> None:
    made = shop.post(f"/queries/{query}/subscriptions", SCHEDULED, headers={"Accept": "application/xml"})
    assert (made.status_code, made.mimetype) == (201, "application/xml")
    assert HOOK.encode() in shop.get(f"/queries/{query}/subscriptions", headers={"Accept": "application/xml"}).data
