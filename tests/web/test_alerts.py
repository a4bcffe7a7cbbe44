"""An alert of a code sold twice is settled on the page and over the API; then it stands with what was done."""

import re

from tests.web.conftest import Browser, Demo

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


def test_an_inspectors_look_at_open_and_settled_alerts_is_one_look(demo: Demo) -> None:
    inspector = demo.browser("inspector")
    before = demo.counts()["lookup_log"]
    assert inspector.get("/alerts").status_code == 200
    assert demo.counts()["lookup_log"] == before + 1
