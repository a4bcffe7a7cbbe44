"""The demonstration's pharmacy on an ordinary day: its shelves, its zones, what it sold, its chain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import person
from trace.domain.climate import ZoneKind
from trace.domain.drugs import DrugClass, Storage
from trace.domain.papers import CertificateKind
from trace.domain.permissions import Role
from trace.domain.products import Category, Prescription
from trace.domain.uris import drug_code_uri
from trace.services import hops
from trace.services.certificates import file_certificate
from trace.services.chain_moves import Part as Moved
from trace.services.chain_moves import move
from trace.services.climate import Typed, type_readings
from trace.services.commands import Batch, Command, Some
from trace.services.demonstration_cast import Cast, arrive, gtin, lots, product
from trace.services.dispensing import Part, dispense
from trace.services.drug_editing import check_product
from trace.services.lots import NewLot
from trace.services.people import find_actor
from trace.services.prescriptions import review
from trace.services.prices import Priced, set_prices
from trace.services.public_window import set_window
from trace.services.receiving import Line
from trace.services.rulebook import rules_on
from trace.services.zones import open_zone

SHOP, BRANCH, MAKER, NOTE = "pharmacy_a", "pharmacy_c", "drug_maker", "KD-1120"
DAYS_AGO, KILOGRAMS = 6, 5


@dataclass(frozen=True, slots=True)
class _Drug:
    """A drug on the shelf: how its codes begin (7 digits, a GTIN; none: herbs by weight), its batch, packs and days."""

    name: str
    code: str
    lot: str
    packs: int
    made: int  # days ago
    left: int  # days until it expires
    details: dict[str, Any]


RX, OTC_A, OTC_B = (Prescription.RX.value, Prescription.OTC_A.value, Prescription.OTC_B.value)
DRUGS = (
    _Drug(
        "阿莫西林胶囊（演示）", "8900101", "A2607", 30, 120, 600,
        {"prescription": RX, "dosage_form": "胶囊剂", "specification": "0.25g×24粒", "approval_no": "国药准字H64029101",
         "storage": Storage.ROOM.value, "split_units": 24, "split_unit_name": "粒"},
    ),
    _Drug(
        "布洛芬缓释胶囊（演示）", "8900102", "B2605", 24, 200, 530,
        {"prescription": OTC_A, "dosage_form": "胶囊剂", "specification": "0.3g×20粒",
         "approval_no": "国药准字H64029102", "storage": Storage.ROOM.value},
    ),
    _Drug(
        "维生素C片（演示）", "8900103", "C2503", 20, 640, 90,
        {"prescription": OTC_B, "dosage_form": "片剂", "specification": "0.1g×100片",
         "approval_no": "国药准字H64029103", "storage": Storage.COOL.value,
         "split_units": 100, "split_unit_name": "片"},
    ),
    _Drug(
        "人胰岛素注射液（演示）", gtin("952070300001"), "GS2608", 10, 60, 500,
        {"prescription": RX, "dosage_form": "注射剂", "specification": "3ml:300单位",
         "approval_no": "国药准字SJ20249104", "storage": Storage.COLD.value, "celsius_low": 200, "celsius_high": 800},
    ),
    _Drug(
        "枸杞子饮片（演示）", "", "Y2610", 0, 30, 700,
        {"dosage_form": "饮片", "approval_no": "", "drug_class": DrugClass.HERBAL_PIECES.value,
         "storage": Storage.COOL.value},
    ),
)  # fmt: skip
# What they are sold for, in yuan a pack or kilogram; the new insulin has no price yet, so the counter asks for one.
PRICES = {DRUGS[0].name: "18.8", DRUGS[1].name: "25.9", DRUGS[2].name: "16.5", DRUGS[4].name: "68"}


def fill_pharmacies(session: Session, cast: Cast) -> dict[str, str]:
    """Shelves, zones with a week's readings, sales, a branch that was helped out; codes to try."""
    codes = _deliver(session, cast)
    cabinet = _look_after(session, cast)
    set_window(
        session,
        Command(cast.actors[SHOP], cast.today),
        shown=True,
        names=False,
        notice="营业时间 08:00—22:00",
        zone=cabinet,
    )
    _sell(session, cast, codes)
    _help_out(session, cast, codes["布洛芬缓释胶囊（演示）"][-6:])
    return {"Drug not sold yet 未售药品": codes["维生素C片（演示）"][-1].rpartition("/")[2]}


def _codes_of(drug: _Drug) -> list[str]:
    if len(drug.code) == 7:
        return [drug_code_uri(f"{drug.code}{65_000_000_000 + number:013d}") for number in range(drug.packs)]
    return [f"https://id.gs1.org/01/{drug.code:0>14}/21/S{number:04d}" for number in range(drug.packs)]


def _deliver(session: Session, cast: Cast) -> dict[str, list[str]]:
    """One delivery of the maker with a test report for each batch and its note; first products looked at before."""
    looked = cast.command(SHOP, DAYS_AGO + 1, 9)
    items = rules_on(session, looked.day, looked.actor.organisation).value("first_product.items")
    lines, codes, goods, prices = list[Line](), dict[str, list[str]](), list[Some](), list[Priced]()
    for drug in DRUGS:
        public_id = product(
            session, cast, MAKER, drug.name, Category.DRUG, "EA" if drug.code else "KGM",
            producer=cast.actors[MAKER].organisation_name, mah=cast.actors[MAKER].organisation_name,
            **({"code": drug.code} if drug.code else {}), **drug.details,
        )  # fmt: skip
        check_product(session, looked, public_id=public_id, seen=items)
        if drug.name in PRICES:
            prices.append(Priced(public_id, Decimal(PRICES[drug.name])))
        codes[drug.name] = mine = _codes_of(drug)
        new = NewLot(public_id, drug.lot, cast.day(drug.made), cast.day(-drug.left))
        batch = Batch(new, Decimal(drug.packs or KILOGRAMS), codes=tuple(mine))
        (lot,) = lots(hops.commission(session, cast.command(MAKER, DAYS_AGO + 2, 9), batch=batch))
        for kind, number in (
            (CertificateKind.DRUG_TEST_REPORT, f"YJ-{drug.lot}"),
            (CertificateKind.DELIVERY_NOTE, NOTE),
        ):
            file_certificate(
                session, cast.command(MAKER, DAYS_AGO + 2, 10), kind=kind, lots=[lot], number=number,
                issuer=cast.actors[MAKER].organisation_name, issued_on=cast.day(DAYS_AGO + 2),
            )  # fmt: skip
        goods += [Some(code) for code in mine] or [Some(lot, Decimal(KILOGRAMS))]
        lines.append(
            Line(
                code=lot,
                amount=None if mine else Decimal(KILOGRAMS),
                codes=tuple(mine),
                celsius=Decimal("4.6") if "celsius_low" in drug.details else None,
                price=Decimal("12.8"),
                no_code_reason="" if mine else "exempt",
            )
        )
    sent = cast.command(MAKER, DAYS_AGO + 1, 10)
    hops.ship(session, sent, receiver=cast.ids[SHOP], goods=goods, delivery_note=NOTE)
    arrive(session, cast.command(SHOP, DAYS_AGO, 9), cast.ids[MAKER], lines, NOTE)
    set_prices(session, cast.command(SHOP, DAYS_AGO, 10), prices=prices)
    return codes


def _look_after(session: Session, cast: Cast) -> str:
    """Three zones, read twice a day for five days, once too warm; the public id of the cold cabinet."""
    begun = cast.command(SHOP, 60, 8)
    room, cool, cold = (
        str(open_zone(session, begun, name=name, kind=kind)["id"])
        for name, kind in (("常温区", ZoneKind.ROOM), ("阴凉区", ZoneKind.COOL), ("冷藏柜", ZoneKind.COLD))
    )
    for days_ago in range(5, -1, -1):
        for hour in (9, 15):
            at = cast.command(SHOP, days_ago, hour)
            if at.happened_at != at.now or at.now > cast.today - timedelta(minutes=1):
                continue  # later today
            warm = (days_ago, hour) == (2, 15)
            readings = [
                Typed(room, Decimal("22.5") + days_ago, Decimal(48)),
                Typed(cool, Decimal("17.8"), Decimal(52)),
                Typed(
                    cold,
                    Decimal("9.1") if warm else Decimal("4.2"),
                    Decimal(60),
                    "柜门未关严，已关好，两小时后复测正常" if warm else "",
                ),
            ]
            type_readings(session, at, readings=readings)
    return cold


def _sell(session: Session, cast: Cast, codes: dict[str, list[str]]) -> None:
    """A few receipts of the last days; today's by the pharmacist on duty, who reviewed a prescription for one."""
    vitamins, amoxicillin = codes["维生素C片（演示）"], codes["阿莫西林胶囊（演示）"]
    for days_ago, first in ((4, 0), (3, 2), (2, 3), (1, 5)):
        dispense(session, cast.command(SHOP, days_ago, 11), codes=vitamins[first : first + 1])
    at_work = (person.c.organisation == cast.actors[SHOP].organisation) & (person.c.role == Role.PHARMACIST)
    pharmacist = find_actor(session, session.scalars(select(person.c.public_id).where(at_work)).first() or "")
    assert pharmacist is not None  # the cast has one
    counter = Command(pharmacist, cast.today)
    review(session, counter, reference="CF-2026-0001", prescribed_on=cast.today.date())
    dispense(session, counter, codes=amoxicillin[:2], prescription="CF-2026-0001")
    dispense(session, counter, parts=[Part(vitamins[6], 30)])


def _help_out(session: Session, cast: Cast, packs: Sequence[str]) -> None:
    """Headquarters moves some packs from one of its shops to the other, which gets them in the same step."""
    command = Command(replace(cast.actors["headquarters"], role=Role.ORGANISATION_ADMINISTRATOR), cast.today)
    move(
        session,
        command,
        sender=cast.ids[SHOP],
        parts=[Moved(cast.ids[BRANCH], tuple(Some(pack) for pack in packs))],
        arrived=True,
    )
