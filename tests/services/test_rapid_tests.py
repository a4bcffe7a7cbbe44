"""Rapid tests: a failed one holds at once and runs the clock of the re-test; a passed one is a paper (R12)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.services.test_concurrency import at_once
from tests.town import NOW, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.recalls import RetestMethod
from trace.services import hops
from trace.services.alerts import page_of_alerts
from trace.services.certificates import get_certificate
from trace.services.commands import Command
from trace.services.hops import Some
from trace.services.rapid_tests import ask_retest, list_tests, record_retest, record_test
from trace.services.recalls import lift_recall


def after_a_test(
    town: Town, *, passed: bool = False, official: bool = True, **more: Any
) -> tuple[Actor, str, dict[str, Any]]:
    """A shop, a lot of it, and what the record of its rapid test answered."""
    shop = town.organisation()
    lot = town.lot(shop, town.product(shop), 10)
    asked = {"lot": lot, "tested_for": "农药残留", "passed": passed, "official": official, **more}
    return shop, lot, town.do(record_test, town.command(shop), **asked)


def later(shop: Actor, **time: float) -> Command:
    """A command of the shop so much later."""
    return Command(shop, NOW + timedelta(**time))


def test_a_failed_test_holds_the_lot_and_the_clock_runs_four_hours_to_the_minute(town: Town) -> None:
    shop, lot, done = after_a_test(town, result_at=NOW - timedelta(seconds=30))
    assert town.stock(shop, lot) == (0, 10)
    assert done["retest_until"] == (NOW + timedelta(hours=4, minutes=-1)).isoformat(timespec="minutes")
    assert [(finding["rule"], finding["severity"]) for finding in done["findings"]] == [("R12", "block")]
    refused = town.refuses(Conflict, hops.sell, town.command(shop), goods=[Some(lot, Decimal(1))])
    assert "农药残留" in refused.values["reason"]
    inspector = town.organisation(OrganisationKind.REGULATOR, role=Role.INSPECTOR, region="640500", licensed=False)
    (told,) = town.do(page_of_alerts, actor=inspector, now=NOW)["alerts"]
    assert told["kind"] == "rapid_test_failed"
    (card,) = town.do(list_tests, actor=shop, now=NOW)
    assert (card["state"], card["minutes_left"], card["hold"]) == ("may_ask", 239, done["hold"]["id"])


def test_after_the_deadline_no_retest_is_asked_for(town: Town) -> None:
    shop, _lot, done = after_a_test(town)
    town.refuses(Conflict, ask_retest, later(shop, hours=4, minutes=1), public_id=done["id"])
    town.refuses(NotFound, ask_retest, later(town.organisation(), hours=1), public_id=done["id"])
    asked = town.do(ask_retest, later(shop, hours=4, seconds=50), public_id=done["id"])  # the last minute counts
    assert asked["asked_at"] == done["retest_until"]
    town.refuses(Conflict, ask_retest, later(shop, hours=4), public_id=done["id"])


def test_a_shop_s_own_test_has_seven_working_days(town: Town) -> None:
    shop, _lot, done = after_a_test(town, official=False)
    assert done["retest_until"].startswith("2026-12-03T23:59")  # Tuesday 24 November and seven working days
    town.do(ask_retest, later(shop, days=9), public_id=done["id"])


def test_a_retest_that_is_passed_lifts_the_hold_and_one_that_failed_ends_it(town: Town) -> None:
    for passed in (True, False):
        shop, lot, done = after_a_test(town)
        result = {"public_id": done["id"], "passed": passed, "laboratory": "市质检所"}
        town.refuses(Conflict, record_retest, later(shop, hours=1), method=RetestMethod.LABORATORY, **result)
        town.do(ask_retest, later(shop, hours=1), public_id=done["id"])
        town.refuses(Conflict, lift_recall, later(shop, hours=2), public_id=done["hold"]["id"], reason="looks fine")
        town.refuses(Invalid, record_retest, later(shop, hours=2), method=RetestMethod.RAPID, **result)
        town.do(record_retest, later(shop, days=3), method=RetestMethod.LABORATORY, **result)
        assert town.stock(shop, lot) == ((10, 0) if passed else (0, 10))
        town.refuses(Conflict, lift_recall, later(shop, days=3), public_id=done["hold"]["id"], reason="again")
        (card,) = town.do(list_tests, actor=shop, now=NOW)
        assert card["state"] == ("retest_passed" if passed else "retest_failed")


def test_a_test_that_was_passed_is_a_paper_of_the_lot(town: Town) -> None:
    shop, lot, done = after_a_test(town, passed=True)
    paper = town.do(get_certificate, actor=shop, public_id=done["paper"], now=NOW)
    assert (paper["kind"], paper["lots"], paper["fields"]["tested_for"]) == ("rapid_test", [lot], "农药残留")
    assert town.stock(shop, lot) == (10, 0)


def test_what_was_sent_twice_is_one_test_and_a_strangers_lot_is_none_of_ours(town: Town) -> None:
    shop, lot, _done = after_a_test(town)
    asked = {"lot": lot, "tested_for": "农药残留", "passed": False, "official": True}
    command = replace(town.command(shop, key="k1"), request=asked)
    assert town.do(record_test, command, **asked) == town.do(record_test, command, **asked)
    assert len(town.do(list_tests, actor=shop, now=NOW)) == 2
    for passed in (True, False):
        town.refuses(NotFound, record_test, town.command(town.organisation()), **(asked | {"passed": passed}))
    town.refuses(Invalid, record_test, town.command(shop), **asked, result_at=NOW + timedelta(hours=1))


def test_two_clerks_ask_for_a_retest_once(town: Town) -> None:
    shop, _lot, done = after_a_test(town)
    answers = at_once(*[lambda: town.do(ask_retest, later(shop, hours=1), public_id=done["id"])] * 3)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 2
