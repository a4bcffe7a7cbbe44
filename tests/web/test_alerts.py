"""An alert of a code sold twice is settled on the page and over the API; then it stands with what was done."""

import re
from datetime import UTC, datetime

from sqlalchemy import select

from storage.tables import alert
from tests.web.conftest import Browser, Demo
from trace.services.alerts import PAGE, raise_alert

ALERT = re.compile(r"<li><strong>[^<]+</strong> <code>(\w+)</code>")
DONE = "盒子单独存放，已告知市监局"


def forms(browser: Browser, page: str) -> list[str]:
    """The addresses at which the page lets an alert be settled."""
    return re.findall(r'action="(/alerts/[0-9]+/settlement)"', browser.get(page).text)


def test_a_pharmacist_settles_an_alert_and_it_leaves_the_counter_and_stays_in_the_record(demo: Demo) -> None:
    browser = demo.browser("pharmacist")
    address, *others = forms(browser, "/pharmacy")
    missing = browser.post(address, {"action": " "})
    assert (missing.status_code, "请说明该盒药品如何处置" in missing.text) == (422, True)
    done = browser.post(address, {"action": DONE})
    assert (done.status_code, done.location) == (303, "/alerts")
    assert forms(browser, "/pharmacy") == others
    assert DONE in browser.get("/alerts").text
    again = browser.post(address, {"action": "另一种说法"})
    assert (again.status_code, DONE in again.text) == (409, True)


def test_the_inspector_reads_what_the_shop_said_and_settles_the_alert_apart(demo: Demo) -> None:
    address, *_ = forms(demo.browser("pharmacist"), "/pharmacy")
    demo.browser("pharmacist").post(address, {"action": DONE})
    inspector = demo.browser("inspector")
    assert address in forms(inspector, "/inspector")
    assert DONE in inspector.get("/inspector").text
    assert inspector.post(address, {"action": "已现场核查"}).status_code == 303
    assert address not in forms(inspector, "/inspector")
    assert "已现场核查" not in demo.browser("pharmacist").get("/alerts").text


def test_over_the_api_an_alert_is_settled_once_and_read_among_the_settled(demo: Demo) -> None:
    alert, *_ = [one for one in demo.get("/alerts", "pharmacist").json["alerts"] if one["by_hand"]]
    address = f"/alerts/{alert['id']}/settlement"
    assert demo.post(address, {"action": ""}, "pharmacist").status_code == 422
    assert demo.post(address, {"action": DONE}, "clerk").status_code == 404  # another shop's
    assert demo.post(address, {"action": DONE}, "pharmacist").status_code == 201
    assert demo.post(address, {"action": DONE}, "pharmacist").status_code == 409
    assert alert["id"] not in [one["id"] for one in demo.get("/alerts", "pharmacist").json["alerts"]]
    (kept,) = demo.get("/alerts?settled=true", "pharmacist").json["alerts"]
    assert (kept["id"], [one["action"] for one in kept["settlements"]]) == (alert["id"], [DONE])


def more_alerts(demo: Demo, kind: str, *codes: str) -> None:
    """The pharmacy is told of so many more things."""
    with demo.store.writing() as session:
        query = select(alert.c.organisation, alert.c.region, alert.c.item).where(alert.c.kind == "second_sale").limit(1)
        at = session.execute(query).one()._asdict()
        for code in codes:
            raise_alert(session, kind=kind, details={"code": code}, now=datetime.now(UTC), **at)


def test_alerts_are_read_a_page_at_a_time_until_the_oldest(demo: Demo) -> None:
    browser = demo.browser("pharmacist")
    known = ALERT.findall(browser.get("/alerts").text)
    codes = [f"C{number}" for number in range(PAGE * 2)]
    more_alerts(demo, "recall_arrival", *codes)
    address, seen = "/alerts", list[str]()
    for is_last in (False, False, True):
        page = browser.get(address).text
        assert "目前没有预警" not in page
        assert ("第一页" in page) == (address != "/alerts")
        seen += ALERT.findall(page)
        older = re.findall(r'href="(/alerts\?before=[0-9]+)"', page)
        assert len(older) == (not is_last)
        address = older[0] if older else ""
    assert seen == codes[::-1] + known
    assert browser.get("/alerts?before=x").status_code == 422
    first = demo.get("/alerts?limit=200", "pharmacist").json
    last = demo.get(f"/alerts?limit=200&before={first['next']}", "pharmacist").json
    assert (len(first["alerts"]), len(last["alerts"]), last["next"]) == (200, len(known), None)


def test_settled_alerts_are_read_a_page_at_a_time(demo: Demo) -> None:
    browser = demo.browser("pharmacist")
    more_alerts(demo, "second_sale", "C1", "C2")
    for address in forms(browser, "/alerts"):
        browser.post(address, {"action": DONE})
    many = browser.get("/alerts").text.count(DONE)
    newest = demo.get("/alerts?settled=true&limit=1", "pharmacist").json
    older = browser.get(f"/alerts?settled=true&before={newest['next']}").text
    assert (many > 1, older.count(DONE)) == (True, many - 1)


def test_an_inspectors_look_at_open_and_settled_alerts_is_one_look(demo: Demo) -> None:
    inspector = demo.browser("inspector")
    before = demo.counts()["lookup_log"]
    assert inspector.get("/alerts").status_code == 200
    assert demo.counts()["lookup_log"] == before + 1


def test_a_desk_that_shows_some_of_the_alerts_says_that_there_are_more(demo: Demo) -> None:
    count = re.compile(r'预警 <span class="count">([0-9]+\+?)</span>')
    assert "+" not in count.findall(demo.browser("pharmacist").get("/pharmacy").text)[0]
    more_alerts(demo, "recall_arrival", *(f"C{number}" for number in range(20)))
    for who, desk in (("pharmacist", "/pharmacy"), ("inspector", "/inspector")):
        assert count.findall(demo.browser(who).get(desk).text) == ["20+"], desk
