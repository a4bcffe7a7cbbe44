"""Exports: what is told of a pharmacy's records, once each, to a real server that takes, refuses, dies and loses."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml
from storage.tables import export_target, receipt
from tests.other_side import BUSY, DEAF, DIES, LOCKED, REFUSES, SECRET, other_side
from tests.services.export_shop import DAY, KEY, MINUTE, Shop
from tests.town import NOW, Town
from trace.domain.exports import Kind
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services import exports
from trace.services.commands import Some
from trace.services.corrections import LineCorrection, correct_receipt_line
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.exports import Setting, export_seal
from trace.services.hops import ship
from trace.services.insurance_codes import enter_codes, list_codes
from trace.services.prices import Priced, set_prices
from trace.services.receiving import Line
from trace.services.undoing import undo_receipt

# What the worker decides is the same on either database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(town: Town) -> Iterator[Shop]:
    """A pharmacy and the other side."""
    with other_side() as side:
        yield Shop(town, side)


def test_purchases_returns_sales_and_their_returns_are_told_once_with_their_codes(shop: Shop) -> None:
    town, codes = shop.town, shop.town.packs(5)
    town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.sell(codes[0], codes[1])
    town.do(take_back_packs, shop.command(shop.clerk), codes=[codes[1]])
    maker = next(public_id for number, public_id in town.ids.items() if number != shop.actor.organisation)
    town.do(ship, shop.command(shop.clerk), receiver=maker, goods=[Some(codes[2])], returned=True)
    assert shop.make(target)["records"] == 5
    shop.work()

    (bought,) = shop.records("3503")
    assert [one["drug_trac_codg"] for one in bought["drugtracinfo"]] == [code.rpartition("/")[2] for code in codes]
    assert (bought["purc_retn_cnt"], bought["rx_flag"], bought["med_list_codg"][:7]) == ("5", "0", "XN02BEB")
    (back,) = shop.records("3504")
    assert [one["drug_trac_codg"] for one in back["drugtracinfo"]] == [codes[2].rpartition("/")[2]]
    sold = shop.records("3505")
    assert [one["drugtracinfo"][0]["drug_trac_codg"] for one in sold] == [code.rpartition("/")[2] for code in codes[:2]]
    assert {(one["sel_retn_cnt"], one["trdn_flag"], one["sel_retn_time"]) for one in sold} == {
        ("1", "0", shop.now.strftime("%Y-%m-%d 10:00:00"))
    }
    (returned,) = shop.records("3506")
    assert returned["drugtracinfo"] == sold[1]["drugtracinfo"]
    assert len({one["fixmedins_bchno"] for one in [bought, back, *sold, returned]}) == 5
    assert shop.states() == ["confirmed"] * 4
    assert shop.make(target)["files"] == 0, "nothing is told twice"
    assert list(shop.side.held.values()) == [1, 1, 1, 1]
    patient = ("psn_", "certno", "prsc_dr")
    assert not any(name.startswith(patient) for one in sold for name in one)


@on_sqlite
def test_prices_are_told_for_one_and_a_return_has_that_of_what_comes_back(shop: Shop) -> None:
    town, codes = shop.town, shop.town.packs(3)
    maker = town.organisation(OrganisationKind.DRUG_MAKER)
    drug = town.drug(maker, split_units=24, split_unit_name="粒")
    made = town.lot(maker, drug, len(codes), codes, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, made)
    town.send(maker, shop.actor, *(Some(code) for code in codes))
    town.arrive(maker, shop.actor, Line(code=made, codes=codes, price=Decimal("12.83333")))
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.do(set_prices, prices=[Priced(drug, Decimal("19.9"))])
    shop.sell(codes[0])
    shop.do(set_prices, prices=[Priced(drug, Decimal(25))])
    town.do(take_back_packs, shop.command(shop.clerk), codes=[codes[0]])
    town.do(dispense, shop.command(shop.clerk), parts=[Part(codes[1], 3)])
    town.do(ship, shop.command(shop.clerk), receiver=town.id_of(maker), goods=[Some(codes[2])], returned=True)
    shop.make(target)
    shop.work()
    told = {form: [one["finl_trns_pric"] for one in shop.records(form)] for form in ("3503", "3504", "3505", "3506")}
    # 3.125 yuan for three of 24 are paid as 3.13: the insurance is told what makes that of an eighth of a pack.
    assert told == {"3503": ["12.83333"], "3504": ["12.83333"], "3505": ["19.9", "25.04"], "3506": ["19.9"]}


def test_two_who_make_at_once_tell_each_record_once(shop: Shop) -> None:
    codes = shop.town.packs(4)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM)
    for code in codes:
        shop.sell(code)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: shop.make(target), range(4)))
    assert sorted(one["records"] for one in made) == [0, 0, 0, 4]
    assert [one["records"] for one in shop.files()] == [4]


@on_sqlite
def test_a_drug_without_an_insurance_code_waits_until_it_has_one(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.MEDICAL_INSURANCE)
    shop.sell(codes[0])
    assert shop.make(target) == {"files": 0, "records": 0, "waiting": 2}
    shop.now += 2 * DAY
    assert shop.make(target)["waiting"] == 2, "two days later they still wait"
    shop.name_drugs()
    assert shop.make(target)["records"] == 2
    (card,) = _cards(shop)
    shop.do(enter_codes, codes={card["id"]: ""})
    shop.sell(codes[1])
    assert shop.make(target) == {"files": 0, "records": 0, "waiting": 0}, "what is not listed is not told"


def _cards(shop: Shop) -> list[dict[str, Any]]:
    with shop.town.store.reading() as session:
        return list_codes(session, actor=shop.actor)


def test_what_was_told_and_is_undone_is_withdrawn(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    done, never = shop.sell(codes[0]), shop.sell(codes[1])
    shop.declare_wrong(never["events"])
    shop.make(target)
    assert len(shop.records("3505")) == 1, "a sale that was taken back before it was told never was"
    shop.declare_wrong(done["events"])
    shop.make(target)
    shop.work()
    (gone,) = shop.records("3507")
    assert gone == {"fixmedins_bchno": shop.records("3505")[0]["fixmedins_bchno"], "inv_data_type": "4"}
    assert shop.records("3506") == []
    assert shop.make(target)["files"] == 0


def test_a_corrected_delivery_is_withdrawn_and_told_anew_and_one_taken_back_only_withdrawn(shop: Shop) -> None:
    town, maker = shop.town, shop.town.organisation(OrganisationKind.DRUG_MAKER)
    loose = town.lot(maker, town.drug(maker), 5, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, loose)
    town.send(maker, shop.actor, Some(loose, Decimal(5)))
    town.arrive(maker, shop.actor, Line(code=loose, amount=Decimal(5), no_code_reason="legacy"))
    shop.name_drugs()
    target = shop.target(Kind.MEDICAL_INSURANCE, "/insurance")
    shop.make(target)
    with shop.town.store.reading() as session:
        number = session.execute(select(receipt.c.public_id)).scalar_one()
    shop.now += timedelta(seconds=1)
    to = LineCorrection(amount=Decimal(4))
    shop.town.do(correct_receipt_line, shop.command(shop.clerk), receipt_id=number, line=0, to=to, reason="misread")
    shop.make(target)
    shop.work()
    assert [file["form"] for file in shop.files()] == ["3503", "3507", "3503"], "the withdrawal goes first"
    before, after = shop.records("3503")
    assert (before["purc_retn_cnt"], after["purc_retn_cnt"]) == ("5", "4")
    shop.town.do(undo_receipt, shop.command(shop.clerk), receipt_id=number)
    shop.make(target)
    assert shop.records("3507") == [
        {"fixmedins_bchno": told["fixmedins_bchno"], "inv_data_type": "3"} for told in (before, after)
    ]
    assert shop.make(target)["files"] == 0


@on_sqlite
def test_a_bill_of_more_codes_than_the_platform_takes_is_split(shop: Shop) -> None:
    codes = shop.town.packs(7)
    shop.town.drugs_at(shop.actor, codes)
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    with shop.town.store.writing() as session:
        _house_size(session, 3)
    for code in codes:
        shop.sell(code)
    assert shop.make(target) == {"files": 3, "records": 7, "waiting": 0}
    shop.work()
    assert shop.states() == ["confirmed"] * 3
    bills = list(shop.side.files)
    base = bills[0].removesuffix("_1")
    assert bills == [f"{base}_{n}" for n in (1, 2, 3)]
    sent = [code for bill in bills for code in shop.side.files[bill]["trace_codes"].split(",")]
    assert sent == [code.rpartition("/")[2] for code in codes]
    assert {bill["bill_type"] for bill in shop.side.files.values()} == {"321"}
    shop.town.do(take_back_packs, shop.command(shop.clerk), codes=[codes[0]])
    shop.make(target)
    assert shop.files()[-1]["form"] == "retail_return", "no retail bill: it is told that the code came back"
    assert shop.make(target)["files"] == 0


def _house_size(session: Any, most: int) -> None:
    from storage.tables import rule_entry

    session.execute(
        rule_entry.insert().values(
            name="export.sizes", effective_from=NOW.date() - DAY, value={"codes": most, "records": 2, "events": 2},
            source="test", confidence="H", organisation=0, written_at=NOW,
        )
    )  # fmt: skip


@on_sqlite
@pytest.mark.parametrize(("kind", "path"), [(Kind.TRACE_PLATFORM, "/platform"), (Kind.MEDICAL_INSURANCE, "/insurance")])
def test_an_answer_that_was_lost_doubles_nothing(shop: Shop, kind: Kind, path: str) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    target = shop.target(kind, path)
    shop.sell(codes[0])
    shop.make(target)
    shop.side.plan = [DIES]
    shop.work()
    first = shop.files()[0]
    assert (first["state"], first["attempts"]) == ("queued", 1)
    shop.work(until=MINUTE)
    assert set(shop.states()) == {"confirmed"}
    if kind is Kind.TRACE_PLATFORM:
        assert list(shop.side.held.values()) == [1], "it was asked for, and not sent again"
        assert [answer["status"] for answer in shop.files()[0]["answers"]] == [None, 200]
    else:
        assert len(shop.side.files) == 2, "the message came twice under one number, and is one"


@on_sqlite
def test_a_failing_network_is_tried_three_times_and_then_at_night(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.make(shop.target(Kind.TRACE_PLATFORM, "/platform"))
    shop.side.plan = [DEAF, BUSY, BUSY, BUSY, BUSY]  # after the first it is asked for, and not sent while nobody says
    shop.work(until=timedelta(hours=5))
    (file,) = shop.files()
    assert (file["state"], file["attempts"], len(shop.side.plan)) == ("queued", 4, 1)
    with shop.town.store.reading() as session:
        (card,) = exports.list_targets(session, actor=shop.actor)
    assert card["counts"]["queued"] == 1
    assert card["last_error"]
    shop.side.plan = []
    shop.work(until=timedelta(hours=6))
    assert shop.states() == ["reconciled"], "sent at 20:00, asked for at 20:30"


@on_sqlite
def test_a_refusal_is_kept_explained_and_never_sent_again_by_itself(shop: Shop) -> None:
    codes = shop.town.packs(2)
    shop.town.drugs_at(shop.actor, codes)
    shop.name_drugs()
    shop.make(shop.target(Kind.MEDICAL_INSURANCE, "/insurance"))
    shop.side.plan, shop.side.words = [REFUSES], "医疗目录编码不存在"
    shop.work(until=DAY)
    (file,) = shop.files()
    assert (file["state"], file["attempts"], file["advice"]) == ("refused", 1, "catalogue")
    assert "医疗目录编码不存在" in file["last_error"]
    assert "医疗目录编码不存在" in file["answers"][0]["body"]
    (card,) = _cards(shop)
    shop.do(enter_codes, codes={card["id"]: "XA01ABD075A002010100483"})
    shop.do(exports.send_again, file_id=file["id"])
    shop.work()
    assert shop.states() == ["refused", "confirmed"]
    assert shop.records("3503")[1]["med_list_codg"] == "XA01ABD075A002010100483"
    shop.town.refuses(Conflict, exports.send_again, shop.command(), file_id=file["id"])
    again = shop.files()[1]["id"]
    shop.town.refuses(Conflict, exports.send_again, shop.command(), file_id=again)


def test_a_bill_that_the_platform_lost_is_found_at_night_and_sent_again(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.work(until=timedelta(hours=10, minutes=10))  # 20:10
    assert shop.states() == ["confirmed"]
    shop.side.held.clear()
    shop.work(until=timedelta(minutes=25))
    (file,) = shop.files()
    assert (file["state"], list(shop.side.held.values())) == ("confirmed", [1])
    shop.work(until=DAY)
    assert shop.states() == ["reconciled"]
    assert len(file["answers"]) == 3, "taken, missing, taken again"


@on_sqlite
def test_nobody_is_bothered_while_the_account_is_not_let_in(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    shop.make(target)
    shop.side.plan = [LOCKED]
    shop.work(until=timedelta(hours=2))
    (file,) = shop.files()
    assert (file["state"], file["attempts"]) == ("queued", 1)
    shop.work(until=timedelta(hours=9))
    assert shop.states() == ["reconciled"]


@pytest.mark.parametrize(("kind", "read"), [(Kind.EPCIS_2_0, read_json), (Kind.EPCIS_1_2, read_xml)])
def test_own_events_go_to_a_partner_in_either_version(shop: Shop, kind: Kind, read: Any) -> None:
    codes = shop.town.packs(3)
    shop.town.drugs_at(shop.actor, codes)
    sold = [shop.sell(code)["events"][0] for code in codes]
    target = shop.target(kind, "/capture")
    shop.make(target)
    shop.side.working = True
    shop.work()
    assert shop.states() == ["sent"]
    told = [event["eventID"] for file in shop.side.files.values() for event in read(file).events]
    assert told[-3:] == sold
    assert len(told) == len(set(told)) == 4, "the maker's events are not ours to tell"
    shop.side.working = False
    shop.work(until=timedelta(minutes=10))
    assert shop.states() == ["reconciled"]
    assert shop.make(target)["files"] == 0


@on_sqlite
def test_files_without_an_address_are_fetched_and_settled_by_hand(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    shop.make(shop.target(Kind.TRACE_PLATFORM))
    shop.work(until=DAY)
    (file,) = shop.files()
    assert (file["state"], file["by_hand"], shop.side.held) == ("queued", True, {})
    assert json.loads(shop.content(file))["traceCodes"] == codes[0].rpartition("/")[2]
    shop.do(exports.settle_by_hand, file_id=file["id"], taken=True, note="平台网页上传 27 日")
    assert shop.states() == ["confirmed"]
    shop.town.refuses(Conflict, exports.settle_by_hand, shop.command(), file_id=file["id"], taken=False, note="x")


@on_sqlite
def test_the_secret_is_sealed_and_a_changed_key_stops_the_sending_with_a_reason(shop: Shop) -> None:
    codes = shop.town.packs(1)
    shop.town.drugs_at(shop.actor, codes)
    shop.sell(codes[0])
    target = shop.target(Kind.TRACE_PLATFORM, "/platform")
    with shop.town.store.writing() as session:
        kept = session.execute(select(export_target.c.secret)).scalar_one()
        session.execute(update(export_target).values(secret=kept[:-1] + bytes([kept[-1] ^ 1])))
    assert SECRET.encode() not in kept
    shop.make(target)
    shop.work()
    (file,) = shop.files()
    assert (file["state"], file["attempts"], shop.side.held) == ("queued", 0, {})
    assert "secret key" in file["last_error"]


@on_sqlite
def test_another_pharmacy_and_a_clerk_see_nothing_of_it(shop: Shop) -> None:
    target = shop.target(Kind.TRACE_PLATFORM)
    other = shop.town.organisation(OrganisationKind.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)
    supermarket = shop.town.organisation(role=Role.ORGANISATION_ADMINISTRATOR)
    shop.town.refuses(NotFound, exports.make_now, shop.command(other), target_id=target)
    shop.town.refuses(Forbidden, exports.make_now, shop.command(shop.clerk), target_id=target)
    with shop.town.store.reading() as session, pytest.raises(Conflict):
        exports.list_targets(session, actor=supermarket)


@on_sqlite
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"address": "http://platform.example.com"}, "address"),
        ({"address": "https://127.0.0.1:8443/"}, "address"),
        ({"account": {"app_key": "1"}}, "ref_user_id"),
        ({"secret": None, "address": "https://platform.example.com/router/rest"}, "secret"),
        ({"begins_on": NOW - 40 * DAY}, "begins_on"),
        ({"begins_on": NOW + DAY}, "begins_on"),
    ],
)
def test_settings_that_could_not_work_are_refused(shop: Shop, changed: dict[str, Any], field: str) -> None:
    right = Setting(Kind.TRACE_PLATFORM, "", {"app_key": "1", "ref_user_id": "2"}, SECRET, enabled=True)
    failure = shop.town.refuses(
        Invalid, exports.set_target, shop.command(), setting=replace(right, **changed), seal=export_seal(KEY),
        private=False,
    )  # fmt: skip
    assert failure.field == field
