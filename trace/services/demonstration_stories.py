"""The three stories of the demonstration, each written with the commands people use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from trace.domain.checks import check_digit
from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.permissions import Actor
from trace.domain.products import Category, Prescription
from trace.domain.uris import crate_uri, drug_code_uri, ear_tag_uri
from trace.services import hops
from trace.services.certificates import file_certificate, issue_commitment
from trace.services.dispensing import dispense
from trace.services.hops import Batch, Command, Some
from trace.services.lots import NewLot
from trace.services.products import register_product
from trace.services.receiving import Decision, Line, Supplier, receive

BOX, CASE = "8150231", "8150232"  # 药品标识码 of the two pack levels, made up


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: actors and public ids by key, and the local time of today."""

    actors: dict[str, Actor]
    ids: dict[str, str]
    today: datetime

    def command(self, who: str, days_ago: int, hour: int, minute: int = 0) -> Command:
        """A command by `who`, so many days ago at that hour of local time."""
        moment = (self.today - timedelta(days=days_ago)).replace(hour=hour, minute=minute, second=0, microsecond=0)
        moment = min(moment, self.today)
        return Command(self.actors[who], moment, happened_at=moment)

    def day(self, days: int) -> date:
        """So many days before (or, negative, after) today."""
        return (self.today - timedelta(days=days)).date()


def gtin(body: str) -> str:
    """A 13-digit GTIN from its first twelve digits."""
    return body + check_digit(body)


def product(session: Session, cast: Cast, who: str, name: str, category: Category, unit: str, **details: Any) -> str:
    """Register a product: its public id."""
    card = register_product(
        session, actor=cast.actors[who], name=name, category=category, unit=unit, now=cast.today, **details
    )
    return str(card["id"])


def lots(answer: dict[str, Any]) -> list[str]:
    """The lots a command made."""
    return list(answer["lots"])


def arrive(
    session: Session,
    command: Command,
    sender: str,
    lines: Sequence[Line],
    note: str = "",
) -> None:
    """Receive a delivery of a sender on the system."""
    receive(session, command, supplier=Supplier(public_id=sender), lines=lines, delivery_note=note)


def tell_pork(session: Session, cast: Cast) -> dict[str, str]:
    """Two farms, one slaughterhouse, cutting that mixes both carcass lots, a wholesaler, two supermarkets."""
    pig = product(session, cast, "farm_a", "育肥猪", Category.ANIMAL, "EA")
    carcass = product(session, cast, "slaughter", "猪白条肉", Category.PORK, "KGM", code=gtin("952070100001"))
    leg = product(session, cast, "cutter", "冷鲜猪后腿肉", Category.PORK, "KGM", code=gtin("952070100002"))
    belly = product(session, cast, "cutter", "冷鲜猪五花肉", Category.PORK, "KGM", code=gtin("952070100003"))
    carcasses = [
        slaughter_herd(session, cast, pig, carcass, "farm_a", "640502", 20260001, Decimal("812.5")),
        slaughter_herd(session, cast, pig, carcass, "farm_b", "640522", 20260101, Decimal(655)),
    ]
    papers_of_meat(session, cast, "slaughter", 5, carcasses, "6405020031")
    amounts = (Decimal("812.5"), Decimal(655))
    hops.ship(
        session,
        cast.command("slaughter", 4, 5),
        receiver=cast.ids["cutter"],
        goods=[Some(lot, amount) for lot, amount in zip(carcasses, amounts, strict=True)],
        delivery_note="TZ-0411",
    )
    arrive(
        session,
        cast.command("cutter", 4, 6),
        cast.ids["slaughter"],
        [Line(code=lot, amount=amount) for lot, amount in zip(carcasses, amounts, strict=True)],
        "TZ-0411",
    )
    cut = hops.process(
        session,
        cast.command("cutter", 4, 9),
        inputs=[Some(lot, amount) for lot, amount in zip(carcasses, amounts, strict=True)],
        outputs=[
            Batch(NewLot(leg, f"HT{cast.day(4):%Y%m%d}", cast.day(4), cast.day(-3)), Decimal(520)),
            Batch(NewLot(belly, f"WH{cast.day(4):%Y%m%d}", cast.day(4), cast.day(-3)), Decimal("384.6")),
        ],
    )
    cuts = lots(cut)
    papers_of_meat(session, cast, "cutter", 4, cuts, "6405020031")
    trade_cuts(session, cast, cuts)
    return {"Pork 冷鲜猪后腿肉": cuts[0]}


def slaughter_herd(
    session: Session, cast: Cast, pig: str, carcass: str, farm: str, region: str, first: int, kilograms: Decimal
) -> str:
    """Eight pigs with ear tags grow up, travel and are slaughtered: the lot of their carcasses."""
    tags = [ear_tag_uri(f"1{region}{first + n:08d}") for n in range(8)]
    batch = Batch(NewLot(pig, f"{farm[-1].upper()}-{cast.day(6):%Y%m%d}", cast.day(180)), Decimal(8), codes=tuple(tags))
    (herd,) = lots(hops.commission(session, cast.command(farm, 6, 7), batch=batch))
    issue_commitment(
        session,
        cast.command(farm, 6, 8),
        lots=[herd],
        product_name="育肥猪",
        quantity="8 头",
        origin="宁夏中卫",
        basis=[CommitmentBasis.CONTROL],
        statement_accepted=True,
    )
    hops.ship(session, cast.command(farm, 5, 6), receiver=cast.ids["slaughter"], goods=[Some(t) for t in tags])
    arrive(session, cast.command("slaughter", 5, 8), cast.ids[farm], [Line(code=herd, codes=tuple(tags))])
    number = f"BT{cast.day(5):%m%d}{farm[-1].upper()}"
    made = hops.process(
        session,
        cast.command("slaughter", 5, 10, first % 50),
        inputs=[Some(t) for t in tags],
        outputs=[Batch(NewLot(carcass, number, cast.day(5), cast.day(-2)), kilograms)],
    )
    return lots(made)[0]


def trade_cuts(session: Session, cast: Cast, cuts: Sequence[str]) -> None:
    """The cuts go to a wholesaler and on to two supermarkets, which sell; more is on the way since this morning."""
    goods = [Some(cuts[0], Decimal(300)), Some(cuts[1], Decimal(200))]
    hops.ship(
        session, cast.command("cutter", 3, 4), receiver=cast.ids["wholesaler"], goods=goods, delivery_note="XQ-1190"
    )
    arrive(
        session,
        cast.command("wholesaler", 3, 5),
        cast.ids["cutter"],
        [Line(code=g.code, amount=g.amount) for g in goods],
        "XQ-1190",
    )
    for market, leg_kg, belly_kg, note in (("market_a", 60, 45, "PF-2001"), ("market_b", 80, 50, "PF-2002")):
        sent = [Some(cuts[0], Decimal(leg_kg)), Some(cuts[1], Decimal(belly_kg))]
        hops.ship(session, cast.command("wholesaler", 2, 4), receiver=cast.ids[market], goods=sent, delivery_note=note)
        lines = [Line(code=g.code, amount=g.amount, price=Decimal("26.8")) for g in sent]
        arrive(session, cast.command(market, 2, 6), cast.ids["wholesaler"], lines, note)
        hops.sell(session, cast.command(market, 1, 18), goods=[Some(cuts[0], Decimal("12.35"))])
    # On the way since this morning: what the station page offers before anybody types.
    hops.ship(
        session,
        cast.command("wholesaler", 0, 4),
        receiver=cast.ids["market_a"],
        goods=[Some(cuts[0], Decimal(40)), Some(cuts[1], Decimal(30))],
        delivery_note="PF-2051",
    )


def papers_of_meat(session: Session, cast: Cast, who: str, days_ago: int, of: Sequence[str], number: str) -> None:
    """两证一报告 of pork; cut meat cites the number of its carcass's certificate."""
    for kind, form, end in (
        (CertificateKind.QUARANTINE, "product", cast.day(-5)),
        (CertificateKind.MEAT_INSPECTION, "", None),
        (CertificateKind.ASF_REPORT, "", None),
    ):
        file_certificate(
            session,
            cast.command(who, days_ago, 11),
            kind=kind,
            form=form,
            lots=of,
            issuer="中卫市动物卫生监督所（演示）"
            if kind is CertificateKind.QUARANTINE
            else cast.actors["slaughter"].organisation_name,
            issued_on=cast.day(5),
            valid_until=end,
            number=f"{number}{kind.value[:1].upper()}",
        )


def tell_produce(session: Session, cast: Cast) -> dict[str, str]:
    """Tomatoes mixed and re-packed by a purchaser in a re-used crate, and goji straight from the co-operative."""
    tomato = product(session, cast, "coop_tomato", "番茄", Category.VEGETABLE, "KGM", code=gtin("952070200001"))
    carrot = product(session, cast, "coop_tomato_b", "胡萝卜", Category.VEGETABLE, "KGM", code=gtin("952070200002"))
    boxed = product(
        session, cast, "wholesaler", "精选番茄 5kg 装", Category.VEGETABLE, "KGM", code=gtin("952070200003")
    )
    goji = product(session, cast, "coop_goji", "中宁枸杞鲜果", Category.FRUIT, "KGM", code=gtin("952070200004"))
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
    berries = grow(session, cast, "coop_goji", goji, "枸杞鲜果", 1, 60)
    hops.ship(
        session, cast.command("coop_goji", 0, 5), receiver=cast.ids["market_a"], goods=[Some(berries, Decimal(15))]
    )
    return {"Tomatoes 精选番茄": mix, "Goji 枸杞鲜果": berries}


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
    mixed = hops.process(
        session,
        cast.command("wholesaler", 2, 13),
        inputs=[Some(first, Decimal(20)), Some(second, Decimal(80))],
        outputs=[Batch(NewLot(boxed, f"JX{cast.day(2):%Y%m%d}", cast.day(2), cast.day(-8)), Decimal(98))],
    )
    (mix,) = lots(mixed)
    issue_commitment(
        session,
        cast.command("wholesaler", 2, 14),
        lots=[mix],
        product_name="精选番茄",
        quantity="98 kg",
        origin="宁夏中卫沙坡头区、中宁县",
        basis=[CommitmentBasis.SELF_TEST],
        statement_accepted=True,
    )
    return mix


def grow(session: Session, cast: Cast, who: str, what: str, name: str, days_ago: int, kilograms: int) -> str:
    """Harvest a lot with its commitment certificate: the lot."""
    number = f"{who[-1].upper()}{cast.day(days_ago):%Y%m%d}"
    batch = Batch(
        NewLot(what, number, cast.day(days_ago), origin="宁夏中卫", origin_region=cast.actors[who].region),
        Decimal(kilograms),
    )
    (lot,) = lots(hops.commission(session, cast.command(who, days_ago, 6), batch=batch))
    issue_commitment(
        session,
        cast.command(who, days_ago, 7),
        lots=[lot],
        product_name=name,
        quantity=f"{kilograms} kg",
        origin="宁夏中卫",
        basis=[CommitmentBasis.CONTROL, CommitmentBasis.SELF_TEST],
        statement_accepted=True,
    )
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
    """A loose box from an unknown trader carries a code that the other pharmacy sold: held, released, sold, alarmed."""
    receive(
        session,
        cast.command("pharmacy_b", 4, 10),
        supplier=Supplier(name="流动药贩（演示）", address="不详", contact="不详"),
        lines=[Line(code=lot, codes=(code,), decision=Decision.HOLD, reason="来源不明，先隔离")],
    )
    hops.release(session, cast.command("pharmacy_b", 4, 11), goods=[Some(code)], reason="外观完好（演示：错误的放行）")
    dispense(session, cast.command("pharmacy_b", 2, 17), codes=[code])
