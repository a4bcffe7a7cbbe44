"""Stock care in a pharmacy: what is due for a look, what expires, what is kept apart and why (R7, GSP)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.town import SHANGHAI, Town
from trace.domain.care import CareOutcome, InCare, KeyReason, due_on, key_reasons
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.rules.book import shipped
from trace.services import hops
from trace.services.care_checks import Looked, due_checks, list_checks, record_check
from trace.services.dispensing import dispense, take_back_packs
from trace.services.hops import Some
from trace.services.near_expiry import expiring
from trace.services.quarantine import keep_apart, quarantined
from trace.services.recalls import hold_lot
from trace.services.receiving import Decision, Line
from trace.services.undoing import undo_events

K = OrganisationKind


def pharmacy(town: Town) -> Actor:
    return town.organisation(K.PHARMACY, role=Role.PHARMACIST)


def due(town: Town, shop: Actor, days_on: int = 0, **more: Any) -> list[tuple[str, list[str]]]:
    found = town.do(due_checks, actor=shop, on=town.day(-days_on), zone=SHANGHAI, **more)
    return [(row["lot_number"], [reason.value for reason in row["reasons"]]) for row in found["due"]]


@pytest.mark.parametrize(
    ("more", "reasons", "days"),
    [
        ({}, (), 90),
        ({"storage": "room"}, (), 90),
        ({"storage": "cold"}, (KeyReason.STORAGE,), 30),
        ({"drug_class": "herbal_pieces"}, (KeyReason.CLASS,), 30),
        ({"near_expiry": True, "open_packs": True}, (KeyReason.NEAR_EXPIRY, KeyReason.OPEN_PACKS), 30),
    ],
)
def test_what_spoils_easily_is_looked_at_more_often(more: dict[str, Any], reasons: tuple[str, ...], days: int) -> None:
    rules = shipped().on(Town.now.date())
    lot = InCare(Town.now.date(), **more)
    assert key_reasons(lot, rules) == reasons
    assert (due_on(lot, key_reasons(lot, rules), rules) - Town.now.date()).days == days


def test_a_lot_is_due_by_its_kind_and_a_look_begins_the_time_anew(town: Town) -> None:
    shop = pharmacy(town)
    steady = town.drugs_at(shop, town.packs(2), number="steady", expires_on=town.day(-900))
    town.drugs_at(shop, town.packs(1), number="ending", expires_on=town.day(-60))
    assert due(town, shop) == []
    assert due(town, shop, 25) == [("ending", ["near_expiry"])]
    assert due(town, shop, 85) == [("ending", ["near_expiry"]), ("steady", [])]
    done = town.do(record_check, town.command(shop), looked=[Looked(steady)], remarks="shelf 3")
    (document,) = town.events(*done["events"])
    assert (document["bizStep"], document["disposition"], len(document["epcList"])) == ("inspecting", "conformant", 2)
    assert due(town, shop, 85, within=0) == [("ending", ["near_expiry"])]
    (record,) = town.do(list_checks, actor=shop)
    assert [(one["lot_number"], one["outcome"]) for one in record["lots"]] == [("steady", "good")]
    assert (record["keep_until"] - town.day(0)).days == 365 * 5 + 1  # five years (R15), with one leap day


def test_a_doubt_takes_all_of_the_lot_off_the_shelf_and_needs_a_note(town: Town) -> None:
    shop, packs = pharmacy(town), town.packs(2)
    lot = town.drugs_at(shop, packs)
    doubt = Looked(lot, CareOutcome.HELD)
    assert town.refuses(Invalid, record_check, town.command(shop), looked=[doubt]).field == "lots.0.note"
    done = town.do(record_check, town.command(shop), looked=[Looked(lot, CareOutcome.HELD, "boxes are wet")])
    assert done["held"] == 2
    assert [town.stock(shop, pack) for pack in packs] == [(0, 1)] * 2
    town.refuses(Conflict, dispense, town.command(shop), codes=packs[:1])
    town.refuses(Conflict, undo_events, town.command(shop), event_ids=done["events"])  # the check says what was seen
    town.refuses(NotFound, record_check, town.command(pharmacy(town)), looked=[Looked(lot)])


def test_what_expires_is_told_by_how_soon(town: Town) -> None:
    shop = pharmacy(town)
    for number, days in (("over", 1), ("today", 0), ("red", -90), ("warn", -91), ("last", -180), ("fresh", -181)):
        lot = town.lot(shop, town.drug(shop), 3, number=number, produced_on=town.day(700), expires_on=town.day(days))
    found = town.do(expiring, actor=shop, now=town.now, category="drug")
    told = {name: [(row["lot_number"], row["left"]) for row in found[name]] for name in ("expired", "red", "near")}
    assert told == {
        "expired": [("over", -1)],
        "red": [("today", 0), ("red", 90)],
        "near": [("warn", 91), ("last", 180)],
    }
    over = found["expired"][0]["lot"]
    town.do(keep_apart, town.command(shop), lots=[over], reason="expired")
    assert town.stock(shop, over) == (0, 3)
    town.refuses(NotFound, keep_apart, town.command(shop), lots=[over], reason="expired")
    town.refuses(Invalid, keep_apart, town.command(shop), lots=[lot], reason=" ")


def test_quarantine_says_why_each_thing_is_kept_apart(town: Town) -> None:
    shop, (held, sold), (recalled,) = pharmacy(town), town.packs(2), town.packs(1)
    lot = town.drugs_at(shop, (held, sold))
    other = town.drugs_at(shop, (recalled,))
    town.do(dispense, town.command(shop, hours=2), codes=[sold])
    town.do(take_back_packs, town.command(shop, hours=1), codes=[sold])
    town.do(hops.hold, town.command(shop), goods=[Some(held)], reason="crushed")
    hold = town.do(hold_lot, town.command(shop), lot=other, reason="doubtful")["id"]
    loose = town.lot(town.organisation(K.DRUG_MAKER), town.drug(shop), 5, expires_on=town.day(-300))
    delivered = Line(
        code=loose, amount=Decimal(5), decision=Decision.HOLD, reason="seal broken", no_code_reason="legacy"
    )
    supplier = town.organisation(K.DRUG_DISTRIBUTOR)
    town.arrive(supplier, shop, delivered)
    found = town.do(quarantined, actor=shop)
    whys = {
        row["lot"]: [(why["kind"], why["reason"], why["amount"], why["codes"]) for why in row["whys"]]
        for row in found["lots"]
    }
    assert whys == {
        lot: [("brought_back", "", 1, [sold]), ("hold", "crushed", 1, [held])],
        other: [("recall", "doubtful", 1, [recalled])],
        loose: [("arrival", "seal broken", 5, [])],
    }
    assert found["lots"][0]["lot"] == loose  # the longest kept apart stands first
    assert next(row for row in found["lots"] if row["lot"] == other)["whys"][0]["subject"] == hold
    assert town.do(quarantined, actor=pharmacy(town))["lots"] == []
