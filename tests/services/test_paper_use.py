"""R5 over all shops: what is received under one paper is summed, told, and never counted twice for the same goods."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.tables import alert, certificate, certificate_use, receipt
from tests.services.deliveries import read
from tests.services.test_concurrency import at_once
from tests.town import NOW, STRANGER, Town
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.alerts import page_of_alerts
from trace.services.certificates import file_certificate
from trace.services.commands import Command
from trace.services.hops import Some
from trace.services.paper_corrections import correct_paper
from trace.services.paper_late import link_paper
from trace.services.paper_use import recount
from trace.services.papers import get_paper
from trace.services.receiving import Decision, Line, receive

K = OrganisationKind
COMMITMENT = CertificateKind.COMMITMENT
NUMBER = "HGZ-2026/0017"


def paper(town: Town, actor: Actor, quantity: str = "500 kg", **more: Any) -> str:
    """A commitment certificate as a shop types it: one paper, whoever files it, by number and issuer."""
    said = {"number": NUMBER, "contents": {"quantity": quantity}} | more
    done = town.do(_file, town.command(actor, hours=15), issued_on=town.day(1), **said)
    return str(done["id"])


def _file(session: Session, command: Command, **said: Any) -> Any:
    issuer = said.pop("issuer", "中卫市张家农场（演示）")
    return file_certificate(session, command, kind=COMMITMENT, lots=[], issuer=issuer, **said)


def _forget(session: Session, public_id: str) -> None:
    """A paper without its number says nothing of another one's: take it out of the way."""
    session.execute(update(certificate).where(certificate.c.public_id == public_id).values(paper_key="0" * 64))


def bring(town: Town, shop: Actor, amount: str | int, *papers: str, **more: Any) -> dict[str, Any]:
    """A delivery of a new lot by somebody who is not on the system: its only line as recorded."""
    line = Line(product=town.product(shop), amount=Decimal(amount), certificates=papers, reason="资料已核", **more)
    done = town.do(receive, town.command(shop, hours=8), supplier=STRANGER, lines=[line], delivery_note=str(amount))
    return dict(read(town, shop, done["id"])["lines"][0]) | {"receipt": done["id"]}


def r5(line: dict[str, Any]) -> list[dict[str, str]]:
    return [finding["values"] for finding in line["findings"] if finding["rule"] == "R5"]


def uses(town: Town) -> list[tuple[int, int]]:
    with town.store.reading() as session:
        rows = session.execute(
            select(certificate_use.c.line, certificate_use.c.amount).order_by(certificate_use.c.receipt)
        )
        return [(row.line, row.amount // 1_000_000) for row in rows]


def alerts(town: Town, actor: Actor) -> list[dict[str, Any]]:
    found = town.do(page_of_alerts, actor=actor, now=NOW)["alerts"]
    return [one for one in found if one["kind"] == "certificate_overused"]


def test_one_paper_in_two_shops_is_summed_and_the_excess_is_told_to_both_and_the_inspector(town: Town) -> None:
    one, other = town.organisation(), town.organisation()
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    first, second = paper(town, one), paper(town, other, number="hgz 2026 0017")
    assert r5(bring(town, one, 400, first)) == []
    (said,) = r5(bring(town, other, 200, second))
    assert (said["certified"], said["now"]) == ("500", "600")
    assert len(alerts(town, one)) == len(alerts(town, other)) == 1
    assert {told["organisation"] for told in alerts(town, city)} == {one.organisation_name, other.organisation_name}
    assert alerts(town, one)[0]["facts"]["received_here"] == "400 KGM"
    assert other.organisation_name not in str(alerts(town, one))  # of others a sum, never who
    seen = town.do(get_paper, actor=city, public_id=first, now=NOW)["use"]["receipts"]
    assert [told["organisation"] for told in seen] == [other.organisation_name, one.organisation_name]
    bring(town, other, 50, second)
    assert len(alerts(town, one)) == len(alerts(town, other)) == 1  # once a paper and shop
    use = town.do(get_paper, actor=one, public_id=first, now=NOW)["use"]
    assert (use["own"], use["elsewhere"], use["left"]) == (400, 250, 0)
    assert [receipt["amount"] for receipt in use["receipts"]] == [400]


def test_exactly_what_is_certified_is_no_excess_and_refused_goods_do_not_count(town: Town) -> None:
    shop = town.organisation()
    mine = paper(town, shop)
    assert r5(bring(town, shop, 300, mine, decision=Decision.REFUSE)) == []
    assert r5(bring(town, shop, 500, mine)) == []
    assert [said["now"] for said in r5(bring(town, shop, "0.5", mine))] == ["500.5"]
    assert alerts(town, shop) == []  # no more than two scales differ by
    assert uses(town) == [(0, 500), (0, 0)]


def test_lines_of_one_delivery_count_together(town: Town) -> None:
    shop = town.organisation()
    mine = paper(town, shop, "100 kg")
    lines = [Line(product=town.product(shop), amount=Decimal(60), certificates=(mine,)) for _ in range(2)]
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=lines)
    first, second = read(town, shop, done["id"])["lines"]
    assert (r5(first), [said["now"] for said in r5(second)]) == ([], ["120"])


def test_goods_that_go_on_under_their_paper_count_once_and_what_is_more_counts(town: Town) -> None:
    farm, wholesaler, shop = town.organisation(K.FARM), town.organisation(K.WHOLESALER), town.organisation()
    made = town.lot(farm, town.product(farm), 900)
    town.paper(farm, COMMITMENT, made, contents={"quantity": "300 kg"}, number="N1")
    town.send(farm, wholesaler, Some(made, Decimal(300)))
    town.arrive(farm, wholesaler, Line(code=made, amount=Decimal(300)))
    town.send(wholesaler, shop, Some(made, Decimal(300)))
    on = town.arrive(wholesaler, shop, Line(code=made, amount=Decimal(300)))
    assert r5(read(town, shop, on["id"])["lines"][0]) == []
    town.send(farm, shop, Some(made, Decimal(50)))
    more = town.arrive(farm, shop, Line(code=made, amount=Decimal(50)))
    assert [said["now"] for said in r5(read(town, shop, more["id"])["lines"][0])] == ["350"]


def test_a_line_under_two_papers_fills_the_older_one_first(town: Town) -> None:
    shop = town.organisation()
    papers = [paper(town, shop, "100 kg", number=f"N{n}") for n in range(2)]
    assert r5(bring(town, shop, 200, *papers)) == []
    assert uses(town) == [(0, 100), (0, 100)]
    assert len(r5(bring(town, shop, 10, *papers))) == 1


def test_a_paper_known_here_by_its_qr_and_there_by_its_number_is_one(town: Town) -> None:
    one, two, three = (town.organisation() for _ in range(3))
    qr = {"quantity": "500 kg", "qr_payload": "https://nx.example/h?id=77"}
    both = paper(town, one, contents=qr)
    by_number = paper(town, two)
    by_qr = paper(town, three, contents=qr, number="")
    bring(town, one, 300, both)
    assert [said["now"] for said in r5(bring(town, two, 300, by_number))] == ["600"]
    assert [said["now"] for said in r5(bring(town, three, 300, by_qr))] == ["600"]  # its QR's filing, not the number's
    other = paper(town, one, contents=qr, number="HGZ-2026/9999", issuer="海原县李家合作社（演示）")
    town.do(_forget, by_qr)
    assert r5(bring(town, one, 300, other)) == []  # some QR codes open one page for all papers


def test_differing_transcriptions_are_told_and_the_smallest_counts(town: Town) -> None:
    one, other = town.organisation(), town.organisation()
    paper(town, one, "100 kg")
    line = bring(town, other, 150, paper(town, other, "1000 kg"))
    assert {said.get("certified") or said["amounts"] for said in r5(line)} == {"100", "100 / 1000"}


def test_a_receipt_taken_back_or_corrected_counts_as_it_is_now(town: Town) -> None:
    shop = town.organisation()
    mine = paper(town, shop)
    line = bring(town, shop, 500, mine)
    command = town.command(shop)
    with town.store.writing() as session:
        number = session.execute(select(receipt.c.id).where(receipt.c.public_id == line["receipt"])).scalar_one()
        recount(session, command, number=number, line=0, amount=900 * 1_000_000)
    assert len(alerts(town, shop)) == 1  # a correction exceeds no more silently than a delivery
    with town.store.writing() as session:
        recount(session, command, number=number, line=0, amount=200 * 1_000_000)
    assert r5(bring(town, shop, 300, mine)) == []
    with town.store.writing() as session:
        session.execute(update(receipt).where(receipt.c.id == number).values(undone_at=NOW))
    assert r5(bring(town, shop, 200, mine)) == []
    assert len(r5(bring(town, shop, 1, mine))) == 1


def test_two_shops_that_receive_under_one_paper_at_once_cannot_both_see_room(town: Town) -> None:
    shops = [town.organisation() for _ in range(4)]
    papers = [(paper(town, shop, number="A"), paper(town, shop, number="B")) for shop in shops]
    products = [town.product(shop) for shop in shops]

    def act(n: int) -> Callable[[], Any]:
        # In another order each: without the order of the keys two would wait for each other.
        named = papers[n] if n % 2 else papers[n][::-1]
        lines = [
            Line(product=products[n], lot_number=f"L{n}{m}", amount=Decimal(300), certificates=(one,))
            for m, one in enumerate(named)
        ]
        return lambda: town.do(receive, town.command(shops[n]), supplier=STRANGER, lines=lines)

    answers = at_once(*[act(n) for n in range(4)])
    records = [read(town, shop, done["id"]) for shop, done in zip(shops, answers, strict=True)]
    now = sorted(Decimal(said["now"]) for record in records for line in record["lines"] for said in r5(line))
    assert now == [600, 600, 900, 900, 1200, 1200]
    assert town.count(alert) == 8


def test_a_paper_that_names_no_plain_amount_certifies_none(town: Town) -> None:
    shop = town.organisation()
    mine = paper(town, shop, "20 箱")
    assert r5(bring(town, shop, 9000, mine)) == []
    use = town.do(get_paper, actor=shop, public_id=mine, now=NOW)["use"]
    assert (use["certified"], use["left"], use["own"]) == (None, None, 9000)


def test_a_number_that_is_typed_after_the_goods_came_tells_what_exceeds_its_paper(town: Town) -> None:
    one, other = town.organisation(), town.organisation()
    photographed = paper(town, one, number="", contents={}, issuer="")
    bring(town, one, 300, photographed)
    bring(town, other, 300, paper(town, other))
    assert alerts(town, one) == alerts(town, other) == []
    said = {"number": NUMBER, "issuer": "中卫市张家农场（演示）"}
    town.do(correct_paper, town.command(one), public_id=photographed, changes=said)
    assert len(alerts(town, one)) == len(alerts(town, other)) == 1


def test_goods_that_were_here_before_their_paper_count_under_it(town: Town) -> None:
    shop = town.organisation()
    lots = [bring(town, shop, 200, decision=Decision.HOLD)["lot"] for _ in range(2)]
    linked = town.do(link_paper, town.command(shop), public_id=paper(town, shop, "300 kg"), lots=lots)
    assert uses(town) == [(0, 200), (0, 200)]
    assert [told["facts"]["received_everywhere"] for told in alerts(town, shop)] == ["400 KGM"]
    town.do(link_paper, town.command(shop), public_id=linked["id"], lots=lots)
    town.do(link_paper, town.command(shop), public_id=paper(town, shop, number="N2"), lots=lots)
    assert sum(amount for _, amount in uses(town)) == 400  # the same goods, once


def test_a_paper_in_a_unit_that_does_not_compare_says_so(town: Town) -> None:
    shop = town.organisation()
    (said,) = r5(bring(town, shop, 77, paper(town, shop, "100 盒")))
    assert (said["certified"], said["of"], said["unit"]) == ("100", "EA", "KGM")
