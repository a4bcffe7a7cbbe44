"""The demonstration's produce and drug, written with the commands people use."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, ObjectEvent
from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.products import Category, Prescription
from trace.domain.uris import crate_uri, drug_code_uri
from trace.services import hops
from trace.services.capture import capture
from trace.services.certificates import file_certificate
from trace.services.commands import Batch, Some, stamp_of
from trace.services.demonstration_canteen import tell_canteen
from trace.services.demonstration_cast import Cast, arrive, certify, gtin, know_drug, lots, product
from trace.services.dispensing import dispense
from trace.services.lots import NewLot
from trace.services.receiving import Decision, Line, Supplier, receive

BOX, CASE = "8150231", "8150232"  # 药品标识码 of the two pack levels, made up


def tell_produce(session: Session, cast: Cast) -> dict[str, str]:
    """Tomatoes mixed and re-packed by a purchaser in a re-used crate, and dried goji straight from the co-operative."""
    tomato = product(session, cast, "coop_tomato", "番茄", Category.VEGETABLE, "KGM", code=gtin("952070200001"))
    carrot = product(session, cast, "coop_tomato_b", "胡萝卜", Category.VEGETABLE, "KGM", code=gtin("952070200002"))
    boxed = product(
        session, cast, "wholesaler", "精选番茄 5kg 装", Category.VEGETABLE, "KGM", code=gtin("952070200003")
    )
    crate = crate_uri("ZW-0017")
    # The crate's earlier trip: carrots, which must never appear in a tomato's story.
    carrots = grow(session, cast, "coop_tomato_b", carrot, "胡萝卜", 9, 90)
    send_in_crate(session, cast, "coop_tomato_b", crate, carrots, Decimal(25), 8)
    hops.unpack(session, cast.command("wholesaler", 8, 12), container=crate)
    mix = mix_tomatoes(session, cast, tomato, boxed, crate)
    hops.pack(session, cast.command("wholesaler", 1, 4), container=crate, goods=[Some(mix, Decimal(40))])
    hops.ship(
        session,
        cast.command("wholesaler", 1, 5),
        receiver=cast.ids["market_a"],
        containers=[crate],
        delivery_note="PF-3001",
    )
    arrive(
        session,
        cast.command("market_a", 1, 6),
        cast.ids["wholesaler"],
        [Line(container=crate, price=Decimal("6.5"))],
        "PF-3001",
    )
    hops.unpack(session, cast.command("market_a", 1, 7), container=crate)
    hops.sell(session, cast.command("market_a", 1, 17), goods=[Some(mix, Decimal("7.86"))])
    dried = dry_goji(session, cast)
    hops.ship(session, cast.command("coop_goji", 0, 5), receiver=cast.ids["market_a"], goods=[Some(dried, Decimal(15))])
    tell_canteen(session, cast, mix)
    return {"Tomatoes 精选番茄": mix, "Goji 枸杞干果": dried}


def dry_goji(session: Session, cast: Cast) -> str:
    """Goji of the season, dried for three days, which keep for eighteen months: the lot, committed to on its sale."""
    fresh = product(session, cast, "coop_goji", "中宁枸杞鲜果", Category.FRUIT, "KGM", code=gtin("952070200005"))
    dry = product(session, cast, "coop_goji", "中宁枸杞干果", Category.FRUIT, "KGM", code=gtin("952070200004"))
    harvested = (cast.day(0) - last_goji_harvest(cast.day(5))).days
    berries = harvest(session, cast, "coop_goji", fresh, harvested, 270)
    made = cast.day(harvested - 3)
    origin = {"origin": "宁夏中卫中宁县", "origin_region": cast.actors["coop_goji"].region}
    (lot,) = lots(
        hops.process(
            session,
            cast.command("coop_goji", harvested - 3, 16),
            inputs=[Some(berries, Decimal(270))],
            outputs=[
                Batch(NewLot(dry, f"GG{made:%Y%m%d}", made, cast.day(harvested - 3 - 548), **origin), Decimal(60))
            ],
        )
    )
    basis = [CommitmentBasis.CONTROL, CommitmentBasis.SELF_TEST]
    certify(session, cast.command("coop_goji", 1, 16), lot, "枸杞干果", "60 kg", basis, "宁夏中卫中宁县")
    return lot


def last_goji_harvest(day: date) -> date:
    """The last day of goji harvest up to this one: goji ripen in Zhongning from June to October."""
    if day.month in range(6, 11):
        return day
    return date(day.year if day.month > 10 else day.year - 1, 10, 31)


def mix_tomatoes(session: Session, cast: Cast, tomato: str, boxed: str, crate: str) -> str:
    """Tomatoes of two co-operatives are mixed by a wholesaler, who commits anew: the lot of the mixture."""
    first = grow(session, cast, "coop_tomato", tomato, "番茄", 3, 400)
    second = grow(session, cast, "coop_tomato_b", tomato, "番茄", 3, 260)
    send_in_crate(session, cast, "coop_tomato", crate, first, Decimal(20), 2)
    hops.unpack(session, cast.command("wholesaler", 2, 11), container=crate)
    hops.ship(
        session, cast.command("coop_tomato_b", 2, 6), receiver=cast.ids["wholesaler"], goods=[Some(second, Decimal(80))]
    )
    arrive(
        session, cast.command("wholesaler", 2, 10), cast.ids["coop_tomato_b"], [Line(code=second, amount=Decimal(80))]
    )
    origin = "宁夏中卫沙坡头区、中宁县"
    mixed = hops.process(
        session,
        cast.command("wholesaler", 2, 13),
        inputs=[Some(first, Decimal(20)), Some(second, Decimal(80))],
        outputs=[
            Batch(NewLot(boxed, f"JX{cast.day(2):%Y%m%d}", cast.day(2), cast.day(-8), origin=origin), Decimal(98))
        ],
    )
    (mix,) = lots(mixed)
    certify(session, cast.command("wholesaler", 2, 14), mix, "精选番茄", "60 kg", [CommitmentBasis.SELF_TEST], origin)
    return mix


def grow(session: Session, cast: Cast, who: str, what: str, name: str, days_ago: int, kilograms: int) -> str:
    """Harvest a lot with its commitment certificate: the lot."""
    lot = harvest(session, cast, who, what, days_ago, kilograms)
    basis = [CommitmentBasis.CONTROL, CommitmentBasis.SELF_TEST]
    certify(session, cast.command(who, days_ago, 7), lot, name, f"{kilograms} kg", basis)
    return lot


def harvest(session: Session, cast: Cast, who: str, what: str, days_ago: int, kilograms: int) -> str:
    """Bring in a lot from the field: the lot."""
    number = f"{who[-1].upper()}{cast.day(days_ago):%Y%m%d}"
    new = NewLot(what, number, cast.day(days_ago), origin="宁夏中卫", origin_region=cast.actors[who].region)
    (lot,) = lots(hops.commission(session, cast.command(who, days_ago, 6), batch=Batch(new, Decimal(kilograms))))
    return lot


def send_in_crate(session: Session, cast: Cast, who: str, crate: str, lot: str, amount: Decimal, days_ago: int) -> None:
    """Pack into the crate, send it to the wholesaler, who receives it."""
    hops.pack(session, cast.command(who, days_ago, 8), container=crate, goods=[Some(lot, amount)])
    hops.ship(session, cast.command(who, days_ago, 9), receiver=cast.ids["wholesaler"], containers=[crate])
    arrive(session, cast.command("wholesaler", days_ago, 10), cast.ids[who], [Line(container=crate)])


def tell_drug(session: Session, cast: Cast) -> dict[str, str]:
    """Five cases of fifty boxes, a distributor, two pharmacies, dispensing, and one code sold twice."""
    drug = product(
        session,
        cast,
        "drug_maker",
        "复方板蓝根颗粒（演示）",
        Category.DRUG,
        "EA",
        code=BOX,
        specification="15g×20袋",
        producer=cast.actors["drug_maker"].organisation_name,
        approval_no="国药准字Z64029999",
        dosage_form="颗粒剂",
        prescription=Prescription.OTC_B.value,
    )
    for buyer in ("distributor", "pharmacy_a", "pharmacy_b"):
        know_drug(session, cast.command(buyer, 61, 9), drug)
    boxes = [drug_code_uri(f"{BOX}{64_000_000_000 + n:013d}") for n in range(250)]
    cases = [drug_code_uri(f"{CASE}{64_000_000_000 + n:013d}") for n in range(5)]
    new = NewLot(drug, "B260901", cast.day(70), cast.day(-660))
    (lot,) = lots(
        hops.commission(session, cast.command("drug_maker", 60, 9), batch=Batch(new, Decimal(250), codes=tuple(boxes)))
    )
    for number, case in enumerate(cases):
        inside = [Some(box) for box in boxes[number * 50 : number * 50 + 50]]
        hops.pack(session, cast.command("drug_maker", 60, 10, number), container=case, goods=inside)
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        file_certificate(
            session,
            cast.command("drug_maker", 59, 9),
            kind=kind,
            lots=[lot],
            issuer=cast.actors["drug_maker"].organisation_name,
            issued_on=cast.day(60),
            number=f"{kind.value[:4].upper()}-B260901",
        )
    hops.ship(
        session,
        cast.command("drug_maker", 50, 9),
        receiver=cast.ids["distributor"],
        containers=cases,
        delivery_note="SH-0901",
    )
    arrive(
        session,
        cast.command("distributor", 48, 10),
        cast.ids["drug_maker"],
        [Line(container=case) for case in cases],
        "SH-0901",
    )
    supply_pharmacies(session, cast, lot, cases)
    for days_ago, number in ((12, 0), (9, 1), (5, 2), (1, 3)):
        dispense(session, cast.command("pharmacy_a", days_ago, 15), codes=[boxes[number]])
    dispense(session, cast.command("pharmacy_b", 3, 16), codes=[boxes[100]])
    sell_a_copied_code(session, cast, lot, boxes[0])
    return {"Drug box 药品追溯码": boxes[4].rpartition("/")[2]}


def supply_pharmacies(session: Session, cast: Cast, lot: str, cases: Sequence[str]) -> None:
    """The distributor sends two cases to one pharmacy and one to the other, each with its note; they open them."""
    for pharmacy, mine, note in (("pharmacy_a", cases[:2], "KD-1101"), ("pharmacy_b", cases[2:3], "KD-1102")):
        hops.ship(
            session,
            cast.command("distributor", 20, 9),
            receiver=cast.ids[pharmacy],
            containers=mine,
            delivery_note=note,
        )
        file_certificate(
            session,
            cast.command("distributor", 20, 9),
            kind=CertificateKind.DELIVERY_NOTE,
            lots=[lot],
            issuer=cast.actors["distributor"].organisation_name,
            issued_on=cast.day(20),
            number=note,
            contents={"receiver": cast.actors[pharmacy].organisation_name},
        )
        arrive(
            session,
            cast.command(pharmacy, 19, 9),
            cast.ids["distributor"],
            [Line(container=c, price=Decimal("18.5")) for c in mine],
            note,
        )
        for case in mine:
            hops.unpack(session, cast.command(pharmacy, 19, 11), container=case)


def sell_a_copied_code(session: Session, cast: Cast, lot: str, code: str) -> None:
    """A loose box from an unknown trader carries a code that the other pharmacy sold: held, sold all the same, alarmed.

    Nobody may release it at a desk (R2, R3, R8): the shop's old till program reports that it did, and asks nobody.
    """
    receive(
        session,
        cast.command("pharmacy_b", 4, 10),
        supplier=Supplier(name="流动药贩（演示）", address="不详", contact="不详"),
        lines=[Line(code=lot, codes=(code,), decision=Decision.HOLD, reason="来源不明，先隔离")],
    )
    command = cast.command("pharmacy_b", 4, 11)
    told = ObjectEvent(
        **stamp_of(session, command).common(),
        action=Action.OBSERVE,
        biz_step=BizStep.STORING,
        disposition=Disposition.SELLABLE_ACCESSIBLE,
        epcs=(code,),
        extensions={"sunshine:reason": "外观完好（演示：错误的放行）"},
    )
    capture(session, [told], actor=command.actor, now=command.now, strict=False)
    dispense(session, cast.command("pharmacy_b", 2, 17), codes=[code])
