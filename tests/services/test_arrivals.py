"""What arrives: twice, refused, without its number, counted, with another's papers, from whom it may come."""

from decimal import Decimal

import pytest

from tests.services.deliveries import delivered, refused
from tests.town import NOW, Town
from trace.domain.failures import Conflict, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.products import Category
from trace.services import hops
from trace.services.certificates import get_certificate
from trace.services.delivery import expected
from trace.services.hops import Some
from trace.services.organisations import add_licence
from trace.services.receiving import Decision, Line, Supplier, receive

K = OrganisationKind
DRUG_PAPERS = (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE)


def test_a_delivery_that_its_sender_never_recorded_is_received_once(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    supplier, line = Supplier(public_id=town.id_of(farm)), Line(code=town.grown(farm), amount=Decimal(10))
    first = town.do(receive, town.command(shop, hours=9), supplier=supplier, lines=[line], delivery_note="N1")
    failure = refused(town, Conflict, shop, supplier, line, delivery_note="N1")
    assert (failure.field, failure.details) == ("delivery_note", {"receipt": first["id"]})
    town.do(receive, town.command(shop), supplier=supplier, lines=[line], delivery_note="N2")


def test_goods_are_refused_and_sent_back_once(town: Town) -> None:
    farm, shop, made = delivered(town)
    line = Line(code=made, amount=Decimal(40), decision=Decision.REFUSE, reason="rotten")
    town.arrive(farm, shop, line)
    refused(town, Conflict, shop, Supplier(public_id=town.id_of(farm)), line)
    assert [entry["amount"] for entry in town.do(expected, actor=farm)] == [Decimal(40)]


def test_goods_that_never_left_their_sender_need_no_way_back(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    town.arrive(farm, shop, Line(code=town.grown(farm), amount=Decimal(5), decision=Decision.REFUSE, reason="late"))
    assert town.do(expected, actor=farm) == []


@pytest.mark.parametrize(("category", "expires"), [(Category.DRUG, -100), (Category.PACKAGED_FOOD, None)])
def test_packed_goods_without_their_number_are_not_accepted(
    town: Town, category: Category, expires: int | None
) -> None:
    maker, shop = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY)
    papers = tuple(town.paper(shop, kind) for kind in (*DRUG_PAPERS, CertificateKind.FACTORY))
    line = Line(
        product=town.product(maker, category, "EA"), amount=Decimal(3), certificates=papers, no_code_reason="damaged",
        expires_on=None if expires is None else town.day(expires),
    )  # fmt: skip
    failure = refused(town, Conflict, shop, Supplier(public_id=town.id_of(maker)), line)
    assert (failure.field, failure.details["rule"]) == ("lines.0.decision", "R1")


def test_pieces_are_counted_not_weighed(town: Town) -> None:
    maker, shop = town.organisation(K.PROCESSOR), town.organisation()
    made = town.lot(maker, town.product(maker, Category.PACKAGED_FOOD, "EA"), 1000)
    town.paper(maker, CertificateKind.FACTORY, made)
    town.send(maker, shop, Some(made, Decimal(1000)))
    refused(town, Conflict, shop, Supplier(public_id=town.id_of(maker)), Line(code=made, amount=Decimal(1001)))
    town.arrive(maker, shop, Line(code=made, amount=Decimal(1000)))
    assert town.stock(shop, made) == (1000, 0)


def test_another_shops_delivery_note_is_neither_shown_nor_counted(town: Town) -> None:
    maker, one, two = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    packs = town.packs(2)
    made = town.lot(maker, town.drug(maker), 2, packs, expires_on=town.day(-300))
    town.paper(maker, CertificateKind.DRUG_TEST_REPORT, made)
    town.send(maker, one, Some(packs[0]))
    town.send(maker, two, Some(packs[1]))
    town.arrive(maker, one, Line(code=made, codes=packs[:1], decision=Decision.HOLD, reason="no note yet"))
    note = town.paper(one, CertificateKind.DELIVERY_NOTE, made, number="KD-1")
    failure = refused(town, Conflict, two, Supplier(public_id=town.id_of(maker)), Line(code=made, codes=packs[1:]))
    assert failure.details["rule"] == "R3"
    town.arrive(maker, two, Line(code=made, codes=packs[1:], decision=Decision.HOLD, reason="no note yet"))
    town.refuses(NotFound, get_certificate, actor=two, public_id=note, now=NOW)
    assert town.do(get_certificate, actor=maker, public_id=note, now=NOW)["number"] == "KD-1"


@pytest.mark.parametrize("kind", [LicenceKind.BUSINESS, LicenceKind.FOOD_BUSINESS])
def test_drugs_come_from_who_may_trade_in_drugs(town: Town, kind: LicenceKind) -> None:
    maker, shop = town.organisation(K.DRUG_MAKER, licensed=False), town.organisation(K.PHARMACY)
    town.do(add_licence, actor=maker, kind=kind, number=town.id_of(maker), expires_on=None)
    packs = town.packs()
    made = town.lot(maker, town.drug(maker), 1, packs, expires_on=town.day(-300))
    for paper in DRUG_PAPERS:
        town.paper(maker, paper, made)
    town.send(maker, shop, Some(packs[0]))
    failure = refused(town, Conflict, shop, Supplier(public_id=town.id_of(maker)), Line(code=made, codes=packs))
    assert failure.details["rule"] == "R2"


def test_papers_of_packs_that_came_by_the_case_are_seen_and_filed(town: Town) -> None:
    maker, shop, (case, *packs) = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY), town.packs(3)
    made = town.lot(maker, town.drug(maker), 2, tuple(packs), expires_on=town.day(-300))
    report, _ = (town.paper(maker, kind, made) for kind in DRUG_PAPERS)
    town.do(hops.pack, town.command(maker, hours=12), container=case, goods=[Some(code) for code in packs])
    town.send(maker, shop, containers=[case])
    town.arrive(maker, shop, Line(container=case))
    assert town.do(get_certificate, actor=shop, public_id=report, now=NOW)["lots"] == [made]
    note = town.paper(shop, CertificateKind.DELIVERY_NOTE, made)
    assert town.do(get_certificate, actor=maker, public_id=note, now=NOW)["lots"] == [made]
