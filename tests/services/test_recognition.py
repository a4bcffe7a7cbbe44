"""From codes to lines: nobody types what a label or a partner's record says already."""

from decimal import Decimal
from typing import Any

from tests.town import STRANGER, Town
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services import hops
from trace.services.hops import Some
from trace.services.receiving import Line, receive
from trace.services.recognition import lines_from, propose_lines

K = OrganisationKind
EAN = "6901234567892"
LABEL = f"(01)0{EAN}(17)270131(10)A1"


def propose(town: Town, actor: Actor, *texts: str) -> dict[str, Any]:
    with town.store.reading() as session:
        return propose_lines(session, actor=actor, texts=texts).as_dict()


def test_a_label_with_lot_and_date_becomes_a_line_with_them(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, Category.PACKAGED_FOOD, "EA", code=EAN)
    (line,) = propose(town, shop, LABEL, LABEL)["lines"]
    assert (line["product"]["id"], line["lot_number"], line["expires_on"].isoformat()) == (product, "A1", "2027-01-31")
    assert line["unit"] == "EA"


def test_an_unknown_product_offers_its_number_for_registration(town: Town) -> None:
    (line,) = propose(town, town.organisation(), EAN)["lines"]
    assert (line["product"], line["new_product_code"]) == (None, f"0{EAN}")


def test_what_is_on_its_way_is_proposed_with_what_the_sender_recorded(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    product = town.product(farm, code=EAN)
    one, two = (town.grown(farm, product=product, number=number) for number in ("A1", "A2"))
    town.send(farm, shop, Some(one, Decimal(40)), Some(two, Decimal(7)))
    answer = propose(town, shop, EAN)
    assert [(line["lot"], line["amount"], line["unit"]) for line in answer["lines"]] == [
        (one, 40, "KGM"),
        (two, 7, "KGM"),
    ]
    assert answer["sender"] == town.id_of(farm)
    assert propose(town, town.organisation(), EAN)["sender"] is None


def test_everything_a_sender_has_on_the_way_is_lines_with_their_codes(town: Town) -> None:
    maker, shop, packs = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY), town.packs(3)
    made = town.lot(maker, town.drug(maker), 3, packs, expires_on=town.day(-300))
    town.send(maker, shop, *(Some(code) for code in packs))
    with town.store.reading() as session:
        proposal = lines_from(session, actor=shop, sender=town.id_of(maker))
    (line,) = proposal.lines
    assert (line["lot"], line["codes"], line["amount"]) == (made, list(packs), None)


def test_trace_codes_of_one_lot_are_one_line(town: Town) -> None:
    maker, shop, packs = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY), town.packs(3)
    made = town.lot(maker, town.drug(maker), 3, packs)
    (line,) = propose(town, shop, *packs, packs[0].rpartition("/")[2])["lines"]
    assert (line["lot"], line["codes"]) == (made, list(packs))


def test_a_case_whose_content_its_packer_recorded_is_one_line(town: Town) -> None:
    maker, shop = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY)
    packs, (case,) = town.packs(3), town.packs(1)
    made = town.lot(maker, town.drug(maker), 3, packs)
    town.do(hops.pack, town.command(maker, hours=12), container=case, goods=[Some(code) for code in packs])
    town.send(maker, shop, containers=[case])
    (line,) = propose(town, shop, case)["lines"]
    assert (line["lot"], line["inside"], line["lots_inside"], line["codes"]) == (made, 3, 1, [])


def test_a_case_that_is_not_on_its_way_here_stays_shut(town: Town) -> None:
    maker, packs, (case,) = town.organisation(K.DRUG_MAKER), town.packs(3), town.packs(1)
    town.lot(maker, town.drug(maker), 3, packs)
    town.do(hops.pack, town.command(maker), container=case, goods=[Some(code) for code in packs])
    (line,) = propose(town, town.organisation(K.PHARMACY), case)["lines"]
    assert (line["lot"], line["container"], line["codes"]) == (None, None, [case])
    assert "inside" not in line


def test_an_in_store_code_gives_product_and_weight_in_its_own_shop(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, code="2112345015002")
    (line,) = propose(town, shop, "2112345015002")["lines"]
    assert line["product"]["id"] == product


def test_what_is_no_goods_is_told_apart(town: Town) -> None:
    answer = propose(town, town.organisation(), "91640502MA7TE5T19M", "https://example.org/x", "hello", "a\x00b")
    assert answer["lines"] == []
    assert [other["kind"] for other in answer["others"]] == ["uscc", "url", "unknown", "unknown"]


def test_a_lot_received_before_is_recognised_from_its_record(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, Category.PACKAGED_FOOD, "EA", code=EAN)
    line = Line(product=product, code=LABEL, amount=Decimal(5), produced_on=town.day(20), reason="no report yet")
    town.do(receive, town.command(shop, hours=3), supplier=STRANGER, lines=[line])
    (found,) = propose(town, shop, f"(01)0{EAN}(10)A1")["lines"]
    assert (found["produced_on"], found["expires_on"].isoformat()) == (town.day(20), "2027-01-31")
