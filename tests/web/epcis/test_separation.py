"""Another organisation's events, jobs, queries and subscriptions look exactly like ones that do not exist."""

import re
from urllib.parse import quote

from sqlalchemy import select

from storage.tables import organisation
from tests.web.epcis.conftest import EPCIS, GTIN, Partner, events_of, ids_of

PHARMACY_NAME = "沙枣花大药房文昌店"


def told(partner: Partner, method: str, path: str, asked: str) -> tuple[int, str]:
    """The answer without what may differ: the request's number and what was asked for."""
    answer = partner.call(method, path.replace("*", quote(asked, safe="")))
    body = answer.text.replace(answer.headers["X-Request-ID"], "").replace(asked, "ASKED")
    return answer.status_code, re.sub(r'"instance":"[^"]*"', "", body)


def test_anothers_event_looks_like_one_that_does_not_exist(shop: Partner, pharmacy: Partner) -> None:
    sent = shop.captured(epcList=[f"{GTIN}/21/SECRET"], bizStep="https://shop.example.com/steps/secret")
    nothing = "urn:uuid:00000000-0000-4000-8000-00000000000e"
    for path, there, nowhere in (
        ("/events/*", sent["eventID"], nothing),
        ("/epcs/*", sent["epcList"][0], f"{GTIN}/21/NOBODY"),
        ("/epcs/*/events", sent["epcList"][0], f"{GTIN}/21/NOBODY"),
        ("/bizSteps/*", sent["bizStep"], "https://shop.example.com/steps/nobody"),
        ("/bizSteps/*/events", sent["bizStep"], "https://shop.example.com/steps/nobody"),
    ):
        for method in ("GET", "OPTIONS"):
            answers = [told(pharmacy, method, path, asked) for asked in (there, nowhere)]
            assert answers[0] == answers[1], path
            assert answers[0][0] == 404, path
        assert shop.get(path.replace("*", quote(there, safe=""))).status_code == 200


def test_a_query_finds_no_event_of_another_organisation(shop: Partner, pharmacy: Partner) -> None:
    sent = shop.captured(epcList=[f"{GTIN}/21/OURS"])
    for asked in ({"MATCH_anyEPC": f"{GTIN}/21/OURS"}, {"EQ_eventID": sent["eventID"]}):
        assert ids_of(shop.get("/events", query_string=asked)) == [sent["eventID"]]
        assert events_of(pharmacy.get("/events", query_string=asked)) == []
    everything, path = "", "/events?perPage=1000"
    while path:
        answer = pharmacy.get(path)
        everything += answer.text
        path = answer.headers.get("Link", "").partition(EPCIS)[2].partition(">")[0]
    assert sent["eventID"] not in everything


def test_lists_of_resources_hold_nothing_of_another_organisation(shop: Partner, pharmacy: Partner) -> None:
    secret = "https://shop.example.com/secret/obj/1"
    shop.captured(
        epcList=[secret], bizStep=secret, disposition=secret, readPoint={"id": secret}, bizLocation={"id": secret}
    )
    for resource in ("epcs", "bizSteps", "dispositions", "readPoints", "bizLocations"):
        assert secret in shop.get(f"/{resource}?perPage=1000").text
        assert secret not in pharmacy.get(f"/{resource}?perPage=1000").text


def test_the_receiver_of_goods_sees_the_event_and_nobody_else(shop: Partner, pharmacy: Partner) -> None:
    with shop.demo.store.reading() as session:
        query = select(organisation.c.party_uri).where(organisation.c.name == PHARMACY_NAME)
        receiver = session.scalars(query).one()
    sent = shop.captured(destinationList=[{"type": "owning_party", "destination": receiver}])
    assert ids_of(pharmacy.get(f"/events/{sent['eventID']}")) == [sent["eventID"]]
    assert sent["epcList"][0] in pharmacy.get("/epcs?perPage=1000").text


def test_anothers_job_query_and_subscription_look_like_ones_that_do_not_exist(shop: Partner, pharmacy: Partner) -> None:
    shop.captured()
    job = shop.get("/capture?perPage=1").json[0]["captureID"]
    assert shop.post("/queries", {"name": "ours", "query": {"EQ_bizStep": ["shipping"]}}).status_code == 201
    hook = {"dest": "https://partner.example.com/hook", "stream": True, "signatureToken": "s" * 40}
    subscription = shop.post("/queries/ours/subscriptions", hook).json["subscriptionID"]
    assert pharmacy.post("/queries", {"name": "theirs", "query": {}}).status_code == 201
    before = shop.demo.counts()
    for method, path, there, nowhere in (
        ("GET", "/capture/*", job, "0" * 26),
        ("OPTIONS", "/capture/*", job, "0" * 26),
        ("GET", "/queries/*", "ours", "nobodys"),
        ("DELETE", "/queries/*", "ours", "nobodys"),
        ("GET", "/queries/*/events", "ours", "nobodys"),
        ("GET", "/queries/*/subscriptions", "ours", "nobodys"),
        ("OPTIONS", "/queries/*/subscriptions", "ours", "nobodys"),
        ("GET", "/queries/theirs/subscriptions/*", subscription, "0" * 26),
        ("OPTIONS", "/queries/theirs/subscriptions/*", subscription, "0" * 26),
        ("DELETE", "/queries/theirs/subscriptions/*", subscription, "0" * 26),
    ):
        answers = [told(pharmacy, method, path, asked) for asked in (there, nowhere)]
        assert answers[0] == answers[1], path
        assert answers[0][0] == 404, path
    assert shop.demo.counts() == before
    assert "ours" not in pharmacy.get("/queries").text
    assert job not in pharmacy.get("/capture").text


def test_two_organisations_may_have_queries_of_the_same_name(shop: Partner, pharmacy: Partner) -> None:
    for partner, step in ((shop, "storing"), (pharmacy, "dispensing")):
        answer = partner.post("/queries", {"name": "daily", "query": {"EQ_bizStep": [step]}})
        assert answer.status_code == 201
    assert shop.get("/queries/daily").json["query"] == {"EQ_bizStep": ["storing"]}
    assert pharmacy.get("/queries/daily").json["query"] == {"EQ_bizStep": ["dispensing"]}


def test_an_event_id_of_another_organisation_is_not_taken_over(shop: Partner, pharmacy: Partner) -> None:
    sent = shop.captured()
    answer = pharmacy.capture(sent | {"bizStep": "receiving"})
    assert answer.status_code == 409
    assert "shipping" not in answer.text
    assert sent["eventTime"] not in answer.text
    assert ids_of(shop.get(f"/events/{sent['eventID']}")) == [sent["eventID"]]
    assert "shipping" in shop.capture(sent | {"bizStep": "receiving"}).text


def test_another_organisations_event_sent_once_more_shows_nothing_of_it(shop: Partner, pharmacy: Partner) -> None:
    sent = shop.captured()
    again = pharmacy.post("/events", sent)
    assert again.status_code == 201
    assert again.json["eventID"] == sent["eventID"]
    assert "recordTime" not in again.json


def test_an_inspector_sees_the_region_and_captures_nothing(inspector: Partner, shop: Partner) -> None:
    sent = shop.captured()
    assert ids_of(inspector.get(f"/events/{sent['eventID']}")) == [sent["eventID"]]
    for method, path in (("POST", "/capture"), ("GET", "/capture"), ("POST", "/events"), ("POST", "/queries")):
        assert inspector.call(method, path).status_code == 403
