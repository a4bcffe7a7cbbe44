"""The demonstration's pork: from two farms to two supermarkets, written with the commands people use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.products import Category
from trace.domain.uris import ear_tag_uri
from trace.services import hops
from trace.services.certificates import file_certificate, link_lots, visible_certificate_ids
from trace.services.commands import Batch, Some
from trace.services.demonstration_cast import Cast, arrive, certify, gtin, lots, product
from trace.services.lots import NewLot
from trace.services.receiving import Line

AUTHORITY = "中卫市动物卫生监督所（演示）"
PIGS = 8  # of each farm


@dataclass(frozen=True, slots=True)
class Herd:
    """Pigs of one farm: the first serial of their ear tags, their quarantine certificate, the carcasses' weight."""

    farm: str
    region: str
    first_tag: int
    certificate: str
    kilograms: Decimal


@dataclass(frozen=True, slots=True)
class Cut:
    """What the cutter makes of the carcasses: its product, the beginning of its lot's number, how much."""

    name: str
    code: str
    prefix: str
    kilograms: Decimal


HERDS = (
    Herd("farm_a", "640502", 20260001, "6405020027", Decimal("812.5")),
    Herd("farm_b", "640522", 20260101, "6405220014", Decimal(655)),
)
# Shares of a carcass as usual in the trade: leg 26 %, belly 20, fore-end 24, loin 10, ribs and bones 10, trimmings 7.5.
# The rest, 2.5 %, drips off and stays at the saw.
CUTS = (
    Cut("冷鲜猪后腿肉", "952070100002", "HT", Decimal("381.5")),
    Cut("冷鲜猪五花肉", "952070100003", "WH", Decimal("293.5")),
    Cut("冷鲜猪前腿肉", "952070100004", "QT", Decimal(352)),
    Cut("冷鲜猪大排", "952070100005", "DP", Decimal("146.5")),
    Cut("冷鲜猪肋排和骨", "952070100006", "PG", Decimal(147)),
    Cut("猪分割碎肉", "952070100007", "SR", Decimal(110)),
)
LEG_PRICE, BELLY_PRICE = Decimal("22.6"), Decimal("28.8")  # yuan a kilogram, what the supermarkets pay


def tell_pork(session: Session, cast: Cast) -> dict[str, str]:
    """Two farms, one slaughterhouse, cutting that mixes both carcass lots, a wholesaler, two supermarkets."""
    pig = product(session, cast, "farm_a", "育肥猪", Category.ANIMAL, "EA")
    carcass = product(session, cast, "slaughter", "猪白条肉", Category.PORK, "KGM", code=gtin("952070100001"))
    carcasses = [Some(slaughter(session, cast, pig, carcass, herd), herd.kilograms) for herd in HERDS]
    papers = papers_of_carcasses(session, cast, carcasses)
    hops.ship(
        session,
        cast.command("slaughter", 4, 5),
        receiver=cast.ids["cutter"],
        goods=carcasses,
        delivery_note="TZ-0411",
    )
    arrive(session, cast.command("cutter", 4, 6), cast.ids["slaughter"], lines(carcasses), "TZ-0411")
    cuts = cut_up(session, cast, carcasses, papers)
    trade_cuts(session, cast, leg=cuts[0], belly=cuts[1])
    return {"Pork 冷鲜猪后腿肉": cuts[0]}


def lines(goods: Sequence[Some], prices: Mapping[str, Decimal] | None = None) -> list[Line]:
    """The lines of a delivery of these lots, with the price of each where there is one."""
    return [Line(code=some.code, amount=some.amount, price=(prices or {}).get(some.code)) for some in goods]


def slaughter(session: Session, cast: Cast, pig: str, carcass: str, herd: Herd) -> str:
    """Pigs with ear tags grow up, are found healthy, travel and are slaughtered: the lot of their carcasses."""
    letter = herd.farm[-1].upper()
    tags = [ear_tag_uri(f"1{herd.region}{herd.first_tag + n:08d}") for n in range(PIGS)]
    new = NewLot(pig, f"{letter}-{cast.day(6):%Y%m%d}", cast.day(180))
    batch = Batch(new, Decimal(PIGS), codes=tuple(tags))
    (lot,) = lots(hops.commission(session, cast.command(herd.farm, 6, 7), batch=batch))
    certify(session, cast.command(herd.farm, 6, 8), lot, "育肥猪", f"{PIGS} 头", [CommitmentBasis.CONTROL])
    paper_of_animals(session, cast, herd, lot)
    hops.ship(session, cast.command(herd.farm, 5, 6), receiver=cast.ids["slaughter"], goods=[Some(t) for t in tags])
    arrive(session, cast.command("slaughter", 5, 8), cast.ids[herd.farm], [Line(code=lot, codes=tuple(tags))])
    made = hops.process(
        session,
        cast.command("slaughter", 5, 10, herd.first_tag % 50),
        inputs=[Some(t) for t in tags],
        outputs=[
            Batch(NewLot(carcass, f"BT{cast.day(5):%m%d}{letter}", cast.day(5), cast.day(-2)), herd.kilograms),
        ],
    )
    return lots(made)[0]


def paper_of_animals(session: Session, cast: Cast, herd: Herd, lot: str) -> None:
    """The pigs' own quarantine certificate: form 动物 B (within the province), good for the trip of that day."""
    file_certificate(
        session,
        cast.command(herd.farm, 5, 5),
        kind=CertificateKind.QUARANTINE,
        form="animal_b",
        lots=[lot],
        issuer=AUTHORITY,
        issued_on=cast.day(5),
        valid_until=cast.day(5),
        number=herd.certificate,
        contents={"product_name": "育肥猪", "quantity": f"{PIGS} 头", "origin": "宁夏中卫"},
    )


def papers_of_carcasses(session: Session, cast: Cast, carcasses: Sequence[Some]) -> list[str]:
    """两证一报告 of both lots of carcasses: the public ids of the papers. None of them names a last day."""
    weight = {"product_name": "猪白条肉", "quantity": f"{sum(herd.kilograms for herd in HERDS)} kg"}
    slaughterhouse = cast.actors["slaughter"].organisation_name
    papers: tuple[tuple[CertificateKind, str, str, dict[str, Any]], ...] = (
        (CertificateKind.QUARANTINE, "product", AUTHORITY, weight),
        (CertificateKind.MEAT_INSPECTION, "", slaughterhouse, weight | {"slaughtered_on": cast.day(5)}),
        (CertificateKind.ASF_REPORT, "", slaughterhouse, {"tested_on": cast.day(5), "conclusion": "阴性"}),
    )
    filed = [
        file_certificate(
            session,
            cast.command("slaughter", 5, 11),
            kind=kind,
            form=form,
            lots=[some.code for some in carcasses],
            issuer=issuer,
            issued_on=cast.day(5),
            number=f"6405020031{kind.value[:1].upper()}",
            contents=contents,
        )
        for kind, form, issuer, contents in papers
    ]
    return [str(paper["id"]) for paper in filed]


def cut_up(session: Session, cast: Cast, carcasses: Sequence[Some], papers: Sequence[str]) -> list[str]:
    """Both lots of carcasses become six cuts: their lots, in the order of `CUTS`.

    Nobody certifies meat anew for being cut (农业农村部 2025-09 通知): the cuts cite the papers of their carcasses.
    """
    products = [product(session, cast, "cutter", cut.name, Category.PORK, "KGM", code=gtin(cut.code)) for cut in CUTS]
    made = hops.process(
        session,
        cast.command("cutter", 4, 9),
        inputs=carcasses,
        outputs=[
            Batch(NewLot(meat, f"{cut.prefix}{cast.day(4):%Y%m%d}", cast.day(4), cast.day(-3)), cut.kilograms)
            for meat, cut in zip(products, CUTS, strict=True)
        ],
    )
    cuts = lots(made)
    command = cast.command("cutter", 4, 11)
    seen = visible_certificate_ids(session, actor=command.actor, public_ids=papers, field="certificates")
    for paper in seen.values():
        link_lots(session, command, certificate_id=paper.id, lots=cuts, had_only=True)
    return cuts


def trade_cuts(session: Session, cast: Cast, *, leg: str, belly: str) -> None:
    """Leg and belly go to a wholesaler and on to two supermarkets; more is on the way since this morning."""
    goods = [Some(leg, Decimal(300)), Some(belly, Decimal(200))]
    hops.ship(
        session, cast.command("cutter", 3, 4), receiver=cast.ids["wholesaler"], goods=goods, delivery_note="XQ-1190"
    )
    arrive(session, cast.command("wholesaler", 3, 5), cast.ids["cutter"], lines(goods), "XQ-1190")
    prices = {leg: LEG_PRICE, belly: BELLY_PRICE}
    for market, leg_kg, belly_kg, note in (("market_a", 60, 45, "PF-2001"), ("market_b", 80, 50, "PF-2002")):
        sent = [Some(leg, Decimal(leg_kg)), Some(belly, Decimal(belly_kg))]
        hops.ship(session, cast.command("wholesaler", 2, 4), receiver=cast.ids[market], goods=sent, delivery_note=note)
        arrive(session, cast.command(market, 2, 6), cast.ids["wholesaler"], lines(sent, prices), note)
        hops.sell(session, cast.command(market, 1, 18), goods=[Some(leg, Decimal("12.35"))])
    # On the way since this morning: what the station page offers before anybody types.
    hops.ship(
        session,
        cast.command("wholesaler", 0, 4),
        receiver=cast.ids["market_a"],
        goods=[Some(leg, Decimal(40)), Some(belly, Decimal(30))],
        delivery_note="PF-2051",
    )
