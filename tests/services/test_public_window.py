"""The public window: what it shows and what it never tells; the box for one's own pack; inspections and grades."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from storage.tables import climate_reading, correction, public_window, storage_zone
from tests.town import Town
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.inspections import Grade, Outcome
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.domain.recalls import RecallKind
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.duty import end_duty
from trace.services.inspections import list_inspections, record_inspection
from trace.services.look_up_log import list_look_ups
from trace.services.lookup import look_up
from trace.services.pack_check import check_pack
from trace.services.public_window import see_window, set_window, window_settings
from trace.services.recalls import open_recall
from trace.services.receiving import Line

HEAD = Role.ORGANISATION_ADMINISTRATOR


def opened(town: Town, **said: Any) -> tuple[Actor, str]:
    """A pharmacy with an open window: (its pharmacist on duty, the window's public id)."""
    shop = town.organisation(K.PHARMACY, role=HEAD)
    pharmacist = town.pharmacist(shop, registration_no="642219000777", title="执业药师")
    return pharmacist, window_of(town, shop, **said)


def window_of(town: Town, shop: Actor, **said: Any) -> str:
    done = town.do(set_window, town.command(shop), **{"shown": True, "names": False, **said})
    return str(done["id"])


def seen(town: Town, public_id: str) -> dict[str, Any]:
    return dict(town.do(see_window, public_id=public_id, now=town.now))


def answer(town: Town, public_id: str, text: str) -> tuple[str, str | None]:
    found = town.do(check_pack, public_id=public_id, text=text, now=town.now)
    assert found.keys() == {"answer", "day"}
    return found["answer"], found["day"]


def test_a_window_is_seen_when_the_pharmacy_opens_it_and_not_before(town: Town) -> None:
    shop = town.organisation(K.PHARMACY, role=HEAD)
    settings = town.do(window_settings, actor=shop)
    assert settings["id"] is None
    assert settings["registered"].keys() == {"name", "address", "contact"}  # what the window shows without a setting
    public_id = window_of(town, shop, shown=False)
    assert "no public window" in str(town.refuses(NotFound, see_window, public_id=public_id, now=town.now))
    assert town.refuses(NotFound, check_pack, public_id=public_id, text="8" * 20, now=town.now)
    assert window_of(town, shop, complaint_number="0955 7012315", notice=" 营业中 ") == public_id
    shown = seen(town, public_id)
    assert (shown["name"], shown["complaint_number"], shown["notice"]) == (
        shop.organisation_name,
        "0955 7012315",
        "营业中",
    )
    assert shown["licence"]["expired"] is False
    with town.store.reading() as session:
        kept = session.execute(select(correction.c.field, correction.c.old, correction.c.new)).all()
    assert ("shown", "False", "True") in kept


def test_what_a_window_cannot_be_set_to_is_refused(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY, role=HEAD), town.organisation(K.SUPERMARKET, role=HEAD)
    assert town.refuses(Conflict, set_window, town.command(other), shown=True, names=False)
    for said, failure in (({"complaint_number": "help"}, Invalid), ({"zone": "0" * 26}, NotFound)):
        assert town.refuses(failure, set_window, town.command(shop), shown=True, names=False, **said)
    assert town.count(public_window) == 0


def test_pharmacists_stand_with_their_registration_and_with_their_name_by_a_setting_only(town: Town) -> None:
    pharmacist, public_id = opened(town)
    (one,) = seen(town, public_id)["pharmacists"]
    assert (one["registration_no"], one["name"]) == ("642219000777", "")
    assert pharmacist.name not in json.dumps(seen(town, public_id), default=str)
    window_of(town, replace(pharmacist, role=HEAD), names=True)
    assert seen(town, public_id)["pharmacists"][0]["name"] == pharmacist.name
    later = replace(town, now=town.now + timedelta(hours=1))
    later.do(end_duty, later.command(pharmacist))
    shown = seen(later, public_id)
    assert (shown["pharmacists"], shown["nobody"][:30]) == ([], "The pharmacist is not on duty:")


def test_the_box_says_once_twice_in_parts_or_not_here_and_nothing_else(town: Town) -> None:
    pharmacist, public_id = opened(town)
    other, elsewhere = opened(town)
    maker = town.organisation(K.DRUG_MAKER)
    once, back, twice, part, unsold = packs = town.packs(5)
    product = town.drug(maker, split_units=12, split_unit_name="粒")
    lot = town.drugs_at(pharmacist, packs, product=product)
    note = town.paper(other, CertificateKind.DELIVERY_NOTE)
    town.arrive(
        town.organisation(K.DRUG_DISTRIBUTOR),
        other,
        Line(code=lot, codes=(twice,), certificates=(note,)),
    )
    day = town.day(0).isoformat()
    for code in (once, back, twice):
        town.do(dispense, town.command(pharmacist), codes=[code])
    town.do(take_back_packs, town.command(pharmacist), codes=[back])
    digits = once.rpartition("/")[2]
    for text in (once, digits, f"{digits[:7]} {digits[7:]}", f" {digits}\n"):
        assert answer(town, public_id, text) == ("sold_once", day)
    assert answer(town, elsewhere, once) == ("not_sold_here", None)  # that another shop sold it is not told
    for code in (back, unsold, "8" * 20):
        assert answer(town, public_id, code) == ("not_sold_here", None)
    for text in ("", "hello", "6901028075763", lot, "8" * 19, "\x00", "'; DROP TABLE"):
        assert answer(town, public_id, text) == ("no_trace_code", None)
    for units in (2, 10):
        town.do(dispense, town.command(pharmacist), parts=[Part(part, units)])
        assert answer(town, public_id, part) == ("sold_in_parts", day)
    assert answer(town, public_id, twice) == ("sold_once", day)
    town.do(dispense, town.command(other), codes=[twice])
    assert [answer(town, window, twice) for window in (public_id, elsewhere)] == [("sold_twice", day)] * 2
    inspector = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    town.do(open_recall, town.command(inspector), lot=lot, kind=RecallKind.RECALL, level=1, reason="impurity")
    assert [answer(town, public_id, code) for code in (once, twice, unsold)] == [
        ("recalled", day),
        ("recalled_and_sold_twice", day),
        ("not_sold_here", None),
    ]


def test_the_public_page_of_a_pack_says_of_its_sale_what_the_window_says_and_nothing_else(town: Town) -> None:
    pharmacist, _ = opened(town)
    other, _ = opened(town)
    maker = town.organisation(K.DRUG_MAKER)
    back, part, twice = packs = town.packs(3)
    product = town.drug(maker, split_units=2, split_unit_name="粒")
    lot = town.drugs_at(pharmacist, packs, product=product)
    note = town.paper(other, CertificateKind.DELIVERY_NOTE)
    town.arrive(town.organisation(K.DRUG_DISTRIBUTOR), other, Line(code=lot, codes=(twice,), certificates=(note,)))
    arrived = {pack: on_its_page(town, pack) for pack in packs}
    for found in arrived.values():
        assert found.pop("sold") == {"answer": "not_sold", "day": None}
        assert "pharmacy" not in {entry["by_kind"] for entry in found["timeline"]}

    def told(pack: str) -> tuple[str, str | None]:
        found = on_its_page(town, pack)
        sold = found.pop("sold")
        sales = [entry for entry in found["timeline"] if entry["by_kind"] == "pharmacy"]
        assert [(entry["day"].isoformat(), entry["region"]) for entry in sales] == [(sold["day"], "")] * bool(
            sold["day"]
        )
        assert {**found, "timeline": [e for e in found["timeline"] if e not in sales]} == arrived[pack]
        return sold["answer"], sold["day"]

    day = town.day(0).isoformat()
    town.do(dispense, town.command(pharmacist), codes=[back, twice])
    assert [told(pack) for pack in (back, twice)] == [("sold_once", day)] * 2
    town.do(take_back_packs, town.command(pharmacist), codes=[back])
    assert told(back) == ("not_sold", None)
    for _ in range(2):
        town.do(dispense, town.command(pharmacist), parts=[Part(part, 1)])
        assert told(part) == ("sold_in_parts", day)
    town.do(dispense, town.command(other), codes=[twice])
    assert told(twice) == ("sold_twice", day)
    inspector = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    town.do(open_recall, town.command(inspector), lot=lot, kind=RecallKind.RECALL, level=1, reason="impurity")
    answers = [on_its_page(town, pack)["sold"] for pack in (back, twice)]
    assert answers == [{"answer": "recalled", "day": None}, {"answer": "recalled_and_sold_twice", "day": day}]


def on_its_page(town: Town, pack: str) -> dict[str, Any]:
    return dict(town.do(look_up, actor=None, text=pack, now=town.now))


def test_a_reading_and_its_age_are_shown_and_an_old_one_as_old(town: Town) -> None:
    shop = town.organisation(K.PHARMACY, role=HEAD)
    row = {"organisation": shop.organisation, "kind": "cold", "created_at": town.now}
    with town.store.writing() as session:
        zone = session.execute(
            insert(storage_zone).values(**row, public_id="z" * 26, name="冷藏柜").returning(storage_zone.c.id)
        ).scalar_one()
    public_id = window_of(town, shop, zone="z" * 26)
    assert seen(town, public_id)["reading"] is None
    reading = {"zone": zone, "celsius": 430, "humidity": 5500, "source": "typed", "inside": True}
    with town.store.writing() as session:
        session.execute(insert(climate_reading).values(**reading, measured_at=town.now - timedelta(minutes=90)))
    shown = seen(town, public_id)["reading"]
    assert (shown["zone"], shown["celsius"], shown["minutes"], shown["old"]) == ("冷藏柜", 4.3, 90, False)
    assert shown["humidity"] == 55  # percent: they are kept in hundredths
    later = replace(town, now=town.now + timedelta(hours=13))
    assert seen(later, public_id)["reading"]["old"] is True


def test_an_inspection_is_recorded_by_two_and_its_grade_shown_without_their_names(town: Town) -> None:
    pharmacist, public_id = opened(town)
    shop = town.id_of(pharmacist)
    inspector = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    said = {
        "organisation_id": shop, "inspected_on": town.day(3), "outcome": Outcome.TO_CORRECT, "grade": Grade.C,
        "inspectors": ["马某", "李某"], "remarks": "冷藏柜门未关严",
    }  # fmt: skip
    away = town.organisation(K.REGULATOR, region="330000", role=Role.INSPECTOR)
    assert town.refuses(NotFound, record_inspection, town.command(away), **said)
    assert town.refuses(Forbidden, record_inspection, town.command(pharmacist), **said)
    for wrong in ({"inspectors": ["马某", " 马某 "]}, {"inspected_on": town.day(-1)}):
        assert town.refuses(Invalid, record_inspection, town.command(inspector), **{**said, **wrong})
    town.do(record_inspection, town.command(inspector), **said)
    town.do(record_inspection, town.command(inspector), **{**said, "inspected_on": town.day(400), "grade": Grade.A})
    shown = seen(town, public_id)
    assert shown["inspection"] == {"inspected_on": town.day(3), "outcome": "to_correct", "grade": "C"}
    assert not {"马某", "冷藏柜门未关严"} & set(json.dumps(shown, default=str, ensure_ascii=False).split('"'))
    (own, _) = town.do(list_inspections, actor=pharmacist, now=town.now)
    assert own["inspectors"] == ["马某", "李某"]
    assert town.do(list_inspections, actor=away, now=town.now) == []
    assert len(town.do(list_inspections, actor=inspector, now=town.now)) == 2
    log = town.do(list_look_ups, actor=replace(inspector, role=Role.AUDITOR))
    assert "inspection" in [entry["what"] for entry in log]
