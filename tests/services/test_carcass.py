"""Cut meat cites the papers of its slaughter batch, traced on this system or named by the batch's number."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.services.deliveries import read
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import Conflict, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.certificates import get_certificate
from trace.services.hops import Batch, Some, process
from trace.services.lots import NewLot
from trace.services.receiving import Line, receive

K = OrganisationKind
BOTH = (CertificateKind.QUARANTINE, CertificateKind.MEAT_INSPECTION)


def carcass(town: Town, house: Actor, number: str, *kinds: CertificateKind, **more: Any) -> str:
    made = town.lot(house, town.product(house, Category.PORK), 100, number=number)
    for kind in kinds:
        town.paper(house, kind, made, number=f"{number}-{kind.value}", **more)
    return made


def cut(town: Town, house: Actor, *carcasses: str) -> str:
    """All carcasses become one lot of cuts, twelve hours ago."""
    batch = Batch(NewLot(town.product(house, Category.PORK), "CUT1", town.day(0)), Decimal(90))
    done = town.do(
        process, town.command(house, hours=12), inputs=[Some(one, Decimal(100)) for one in carcasses], outputs=[batch]
    )
    return str(done["lots"][0])


def papers_of(town: Town, shop: Actor, done: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    (line,) = read(town, shop, done["id"])["lines"]
    return {paper["number"]: (paper["of_batch"], paper["valid"]) for paper in line["papers"]}


def test_cut_meat_is_received_under_the_papers_of_all_its_carcasses(town: Town) -> None:
    house, shop = town.organisation(K.SLAUGHTERHOUSE), town.organisation()
    lots = [carcass(town, house, number, *BOTH, valid_until=town.day(0)) for number in ("B1", "B2")]
    made = cut(town, house, *lots)
    town.send(house, shop, Some(made, Decimal(20)))
    done = town.arrive(house, shop, Line(code=made, amount=Decimal(20)))
    assert papers_of(town, shop, done) == {
        f"{number}-{kind.value}": (number, True) for number in ("B1", "B2") for kind in BOTH
    }
    paper = read(town, shop, done["id"])["lines"][0]["papers"][0]["id"]
    assert town.do(get_certificate, actor=shop, public_id=paper, now=NOW)["number"].startswith("B1")
    town.refuses(NotFound, get_certificate, actor=town.organisation(), public_id=paper, now=NOW)


def test_one_carcass_without_its_valid_paper_spoils_the_mixture(town: Town) -> None:
    over = {"issued_on": date(2026, 11, 20), "valid_until": date(2026, 11, 22)}  # the cutting was on the 23rd
    cases: list[tuple[tuple[CertificateKind, ...], dict[str, Any]]] = [((), {}), (BOTH[:1], {}), (BOTH, over)]
    for kinds, more in cases:
        house, shop = town.organisation(K.SLAUGHTERHOUSE), town.organisation()
        made = cut(town, house, carcass(town, house, "B1", *BOTH), carcass(town, house, "B2", *kinds, **more))
        town.send(house, shop, Some(made, Decimal(20)))
        with pytest.raises(Conflict) as found:
            town.arrive(house, shop, Line(code=made, amount=Decimal(20)))
        assert found.value.field == "lines.0.decision"


def test_a_batch_that_is_not_here_is_cited_by_its_number(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    product = town.product(shop, Category.BEEF_MUTTON)
    mine = town.paper(shop, BOTH[0], number="6405020031", contents={"batch": "NX-2026/77"})
    town.paper(other, BOTH[0], number="6405020032", contents={"batch": "B-OTHER"})

    def bring(**more: Any) -> dict[str, Any]:
        line = Line(product=product, amount=Decimal(5), **more)
        return dict(town.do(receive, town.command(shop), supplier=STRANGER, lines=[line], delivery_note=str(more)))

    for cites in ("", "NX-2026/78", "B-OTHER", "/"):
        with pytest.raises(Conflict):
            bring(cites=cites)
    done = bring(cites="nx 2026 77")
    assert papers_of(town, shop, done) == {"6405020031": ("NX-2026/77", True)}
    assert len(town.do(get_certificate, actor=shop, public_id=mine, now=NOW)["lots"]) == 1


def test_a_suppliers_paper_of_the_batch_counts_only_for_goods_it_recorded_sending(town: Town) -> None:
    house, shop = town.organisation(K.SLAUGHTERHOUSE), town.organisation()
    made = town.lot(house, town.product(house, Category.BEEF_MUTTON), 100)
    town.paper(house, BOTH[0], contents={"batch": "S-9"})
    line = Line(code=made, amount=Decimal(20), cites="S-9")
    with pytest.raises(Conflict):
        town.arrive(house, shop, line)
    town.send(house, shop, Some(made, Decimal(20)))
    assert [batch for batch, _ in papers_of(town, shop, town.arrive(house, shop, line)).values()] == ["S-9"]


def test_before_the_change_of_law_cut_meat_needed_its_own_papers(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, Category.BEEF_MUTTON)
    town.paper(shop, BOTH[0], issued_on=date(2025, 12, 20), contents={"batch": "OLD-1"})
    line = Line(product=product, amount=Decimal(5), cites="OLD-1")
    days = (NOW.date() - date(2025, 12, 31)).days
    with pytest.raises(Conflict):
        town.do(receive, town.command(shop, days=days), supplier=STRANGER, lines=[line])
    town.do(receive, town.command(shop, days=days - 1), supplier=STRANGER, lines=[line])
