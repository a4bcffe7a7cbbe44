"""Exports of what changes meanwhile: returned before it was told, declared wrong, lost and found, moved elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from storage.tables import job, receipt, rule_entry
from tests.other_side import REFUSES, other_side
from tests.services import asking
from tests.services.export_shop import DAY, KEY, Shop
from tests.town import STRANGER, Town
from trace.domain.exports import Kind
from trace.domain.failures import Conflict, Invalid
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.services import exports
from trace.services.commands import Some
from trace.services.corrections import LineCorrection, correct_receipt_line
from trace.services.dispensing import take_back_packs
from trace.services.drug_returns import take_back_lines
from trace.services.exports import Setting, export_seal
from trace.services.hops import ship
from trace.services.receiving import Decision, Line, receive

# What the worker decides is the same on either database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(town: Town) -> Iterator[Shop]:
    """A pharmacy and the other side."""
    with other_side() as side:
        yield Shop(town, side)


@on_sqlite
def test_a_bill_that_was_not_found_and_is_there_after_all_is_no_refusal(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.work(until=timedelta(hours=10, minutes=10))  # 20:10
    shop.side.held.clear()
    shop.side.plan, shop.side.words = ["", REFUSES], "单据已存在"
    shop.work(until=timedelta(minutes=25))
    assert (shop.states(), shop.side.plan) == (["confirmed"], [])


@on_sqlite
def test_the_sale_of_a_pack_that_a_partner_called_a_place_before_it_came_is_told(shop: Shop) -> None:
    codes = shop.town.packs(1)
    stranger = shop.town.organisation(licensed=False)
    asking.record(shop.town, stranger, asking.event(1, readPoint={"id": codes[0]}))
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(*codes)
    assert shop.make(shop.target(Kind.TRACE_PLATFORM, "/platform"))["records"] == 1


@on_sqlite
def test_a_code_that_comes_back_before_it_is_told_is_told_when_it_is_sold_again(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.sell(codes[0])
    shop.town.do(take_back_packs, shop.command(shop.clerk), codes=[codes[0]])
    assert shop.make(target)["records"] == 0, "it is in the shop"
    wrong = shop.sell(codes[1])
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    shop.declare_wrong(wrong["events"])
    (refused,) = shop.files()
    assert shop.do(exports.send_again, file_id=refused["id"])["files"] == 0, "as the records stand today"
    shop.now += DAY
    shop.sell(codes[1])
    assert shop.make(target)["records"] == 1


@on_sqlite
def test_a_refused_sale_that_was_declared_wrong_is_not_told_anew(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.make(target)
    shop.work()
    right, wrong = shop.sell(codes[0]), shop.sell(codes[1])
    assert right != wrong
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    shop.declare_wrong(wrong["events"])
    refused = next(one for one in shop.files() if one["state"] == "refused")
    shop.do(exports.send_again, file_id=refused["id"])
    assert shop.files()[-1]["records"] == 1
    assert shop.make(target)["files"] == 0, "what they refused is not withdrawn"


@on_sqlite
def test_a_kept_secret_is_not_sent_to_another_host(shop: Shop) -> None:
    shop.target(Kind.EPCIS_2_0, "/capture")
    kept = Setting(Kind.EPCIS_2_0, shop.side.url("/other"), {}, None, enabled=True)
    more = {"seal": export_seal(KEY), "private": True}
    shop.do(exports.set_target, setting=kept, **more)
    moved = replace(kept, address="http://127.0.0.1:9/capture")
    assert shop.town.refuses(Invalid, exports.set_target, shop.command(), setting=moved, **more).field == "secret"
    shop.do(exports.set_target, setting=replace(kept, address=""), **more)
    assert shop.town.refuses(Invalid, exports.set_target, shop.command(), setting=moved, **more).field == "secret"
    shop.do(exports.set_target, setting=replace(moved, secret="another"), **more)


def test_returns_that_never_were_are_withdrawn_and_told_anew_when_it_does_come_back(shop: Shop) -> None:
    town, codes = shop.town, shop.town.packs(3)
    town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    sold = shop.sell(codes[0], codes[1])
    back = town.do(take_back_packs, shop.command(shop.clerk), codes=codes[:2])
    maker = next(public_id for number, public_id in town.ids.items() if number != shop.actor.organisation)
    sent = town.do(ship, shop.command(shop.clerk), receiver=maker, goods=[Some(codes[2])], returned=True)
    shop.make(target)
    told = shop.records("3506") + shop.records("3504")
    assert len(told) == 3
    shop.now += DAY
    shop.declare_wrong([*back["events"], *sent["events"]])
    shop.make(target)
    assert {(one["fixmedins_bchno"], one["inv_data_type"]) for one in shop.records("3507")} == {
        (one["fixmedins_bchno"], kind) for one, kind in zip(told, "443", strict=True)
    }
    assert shop.make(target)["files"] == 0
    town.do(take_back_lines, shop.command(shop.clerk), sale=sold["receipt"]["id"], lines=[1], reason="受潮")
    shop.make(target)
    shop.work()
    numbers = [one["fixmedins_bchno"] for one in shop.records("3506")]
    assert len(numbers) == len(set(numbers)) == 3, "what comes back a second time is told a second time"
    assert set(shop.states()) == {"confirmed"}


@on_sqlite
def test_a_refused_withdrawal_of_a_return_is_made_anew(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.sell(codes[0])
    back = shop.town.do(take_back_packs, shop.command(shop.clerk), codes=codes)
    shop.make(target)
    shop.work()
    shop.declare_wrong(back["events"])
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    shop.do(exports.send_again, file_id=shop.files()[-1]["id"])
    shop.work()
    first, again = shop.records("3507")
    assert first == again
    assert shop.states()[-2:] == ["refused", "confirmed"]


def _bills(shop: Shop) -> list[tuple[str, list[str]]]:
    """(type, codes) of the bills that the platform holds."""
    return [(bill["bill_type"], bill["trace_codes"].split(",")) for bill in shop.side.files.values()]


def test_the_platform_is_told_what_came_back_after_it_was_told_as_sold(shop: Shop) -> None:
    codes = shop.town.packs(3)
    kept, wrong, back = (code.rpartition("/")[2] for code in codes)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.sell(codes[0])
    never = shop.sell(codes[1])
    shop.sell(codes[2])
    shop.make(target)
    shop.declare_wrong(never["events"])
    returned = shop.town.do(take_back_packs, shop.command(shop.clerk), codes=[codes[2]])
    assert shop.make(target)["files"] == 0, "whether they take the sale is not known yet"
    shop.now += timedelta(hours=1)
    shop.work()
    shop.now += timedelta(hours=1)
    assert shop.make(target) == {"files": 1, "records": 2, "waiting": 0}
    assert shop.make(target)["files"] == 0, "once"
    shop.work()
    shop.declare_wrong(returned["events"])
    shop.sell(codes[1])
    assert shop.make(target)["records"] == 2, "both are with customers, and the platform has them as come back"
    shop.work()
    assert _bills(shop) == [("321", [kept, wrong, back]), ("116", [wrong, back]), ("321", [back, wrong])]
    assert [file["form"] for file in shop.files()] == ["retail_bill", "retail_return", "retail_bill"]
    shop.work(until=DAY)
    assert set(shop.states()) == {"reconciled"}


@on_sqlite
def test_what_came_back_is_not_told_while_the_platform_never_took_the_sale(shop: Shop) -> None:
    codes = shop.town.packs(2)
    kept, back = (code.rpartition("/")[2] for code in codes)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.sell(codes[0])
    wrong = shop.sell(codes[1])
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    shop.declare_wrong(wrong["events"])
    assert shop.make(target)["files"] == 0
    shop.sell(codes[1])
    assert shop.make(target)["files"] == 0, "it is in the refused bill, which a person makes anew"
    shop.do(exports.send_again, file_id=shop.files()[0]["id"])
    shop.work()
    assert _bills(shop) == [("321", [kept, back])]


@on_sqlite
def test_a_refused_return_bill_ends_when_its_code_is_sold_again(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    first = shop.sell(codes[0])
    shop.make(target)
    shop.work()
    shop.declare_wrong(first["events"])
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    second = shop.sell(codes[0])
    assert shop.make(target)["files"] == 0, "they have it as sold, and so it is"
    assert shop.states() == ["confirmed", "dropped"]
    shop.declare_wrong(second["events"])
    assert shop.make(target)["records"] == 1, "they still have it as sold, and it is not"
    shop.work()
    assert [kind for kind, _ in _bills(shop)] == ["321", "116"]


@on_sqlite
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_refused_file_with_nothing_left_in_it_ends(shop: Shop, by_hand: bool) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.make(target)
    shop.work()
    wrong = shop.sell(codes[0])
    shop.make(target)
    shop.side.plan = [REFUSES]
    shop.work()
    refused = shop.files()[-1]
    assert refused["state"] == "refused"
    shop.declare_wrong(wrong["events"])
    if by_hand:
        assert shop.do(exports.send_again, file_id=refused["id"])["files"] == 0
    else:
        shop.work(until=timedelta(hours=11))  # past 20:00
    (ended,) = shop.files(state=exports.State.DROPPED)
    assert (ended["id"], ended["settled_at"], ended["advice"]) == (refused["id"], shop.files()[-1]["settled_at"], None)
    assert len(shop.files()) == 2, "nothing was made instead"
    shop.town.refuses(Conflict, exports.send_again, shop.command(), file_id=refused["id"])


@on_sqlite
def test_a_bill_that_the_platform_loses_every_night_is_told_to_a_person_in_the_end(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.work(until=timedelta(hours=10, minutes=10))  # 20:10, each day
    for _ in range(4):
        shop.side.held.clear()
        shop.work(until=DAY)
    (file,) = shop.files()
    assert (file["state"], file["trouble"]) == ("refused", "gone")
    assert shop.side.uploads == 3
    shop.do(exports.send_again, file_id=file["id"])
    shop.work(until=timedelta(hours=1))
    assert shop.states() == ["refused", "reconciled"], "under a new number they found it"


@on_sqlite
def test_what_they_work_on_for_ever_is_asked_for_no_longer_than_bills_are(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.target(Kind.EPCIS_2_0, "/capture")
    _ask_for_a_day(shop)
    shop.side.working = True
    shop.work(until=2 * DAY)
    with shop.town.store.reading() as session:
        (due,) = session.scalars(select(job.c.due_at).where(job.c.kind == "export_ask"))
    assert shop.states() == ["sent"], "what became of it is a person's to write down"
    assert due - shop.now > timedelta(hours=10), "the next round is tonight's"


def _ask_for_a_day(shop: Shop) -> None:
    entries = {
        "export.reach": {"days_back": 31, "reconcile_days": 1},
        "export.retry": {"times": 3, "pause_seconds": 600, "calls_a_second": 3, "lost_times": 3},
    }
    with shop.town.store.writing() as session:
        for name, value in entries.items():
            session.execute(
                rule_entry.insert().values(
                    name=name, effective_from=shop.now.date() - DAY, value=value, source="test", confidence="H",
                    organisation=0, written_at=shop.now,
                )
            )  # fmt: skip


@on_sqlite
def test_two_corrections_within_one_second_are_both_told(shop: Shop) -> None:
    town, maker = shop.town, shop.town.organisation(OrganisationKind.DRUG_MAKER)
    loose = town.lot(maker, town.drug(maker), 5, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, loose)
    town.send(maker, shop.actor, Some(loose, Decimal(5)))
    town.arrive(maker, shop.actor, Line(code=loose, amount=Decimal(5), no_code_reason="legacy"))
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.make(target)
    with town.store.reading() as session:
        number = session.scalars(select(receipt.c.public_id)).one()
    for amount in (4, 3):
        shop.now += timedelta(milliseconds=10)
        to = LineCorrection(amount=Decimal(amount))
        town.do(correct_receipt_line, shop.command(shop.clerk), receipt_id=number, line=0, to=to, reason="misread")
        shop.make(target)
    told = shop.records("3503")
    assert [one["purc_retn_cnt"] for one in told] == ["5", "4", "3"]
    assert [one["fixmedins_bchno"] for one in shop.records("3507")] == [one["fixmedins_bchno"] for one in told[:2]]
    assert shop.make(target)["files"] == 0


@on_sqlite
def test_each_correction_of_a_purchase_is_told_and_what_was_wrong_is_withdrawn(shop: Shop) -> None:
    bought = Line(
        product=shop.town.drug(shop.actor), lot_number="A1", amount=Decimal(5), expires_on=shop.town.day(-300),
        no_code_reason="legacy", price=Decimal("1.10"), decision=Decision.HOLD, reason="papers to come",
    )  # fmt: skip
    done = shop.town.do(receive, shop.command(shop.clerk), supplier=STRANGER, lines=[bought])
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.make(target)
    right, later = LineCorrection(amount=Decimal(4)), shop.town.day(-310)
    prices = [LineCorrection(price=Decimal(yuan)) for yuan in ("1.20", "1.30")]
    for to in (right, *prices, LineCorrection(expires_on=later)):
        shop.now += timedelta(hours=1)
        asked = {"receipt_id": done["id"], "line": 0, "to": to, "reason": "misread"}
        shop.town.do(correct_receipt_line, shop.command(shop.clerk), **asked)
        shop.make(target)
    told = shop.records("3503")
    assert [(one["purc_retn_cnt"], one["finl_trns_pric"]) for one in told] == [
        ("5", "1.1"), ("4", "1.1"), ("4", "1.2"), ("4", "1.3"), ("4", "1.3"),
    ]  # fmt: skip
    assert told[-1]["expy_end"] == later.isoformat() != told[-2]["expy_end"]
    assert [one["fixmedins_bchno"] for one in shop.records("3507")] == [one["fixmedins_bchno"] for one in told[:-1]]
    assert shop.make(target)["files"] == 0


@on_sqlite
def test_partner_set_up_while_the_clock_was_ahead_gets_what_is_sold_after_it_was_put_back(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.now += 400 * DAY
    setting = Setting(Kind.EPCIS_2_0, shop.side.url("/capture"), {}, None, enabled=True)
    target = shop.do(exports.set_target, setting=setting, seal=export_seal(KEY), private=True)["id"]
    shop.now -= 400 * DAY
    sold = shop.sell(codes[1])["events"]
    assert shop.make(target)["files"] == 1
    (file,) = shop.files()
    assert [event["eventID"] for event in json.loads(shop.content(file))["epcisBody"]["eventList"]] == sold
