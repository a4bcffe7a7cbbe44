"""The commitment certificate: issued for what, of what it was made, read by everybody, revoked, asked for anew (R6)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage.objects import FolderObjects
from storage.tables import alert, certificate, certificate_source, correction
from tests.scanners.drawing import corner_marked, file_of
from tests.services.test_concurrency import at_once, conflicts
from tests.town import NOW, TODAY, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind, CommitmentBasis, CommitmentForm
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services.alerts import page_of_alerts
from trace.services.commitment import Contents, issue_commitment, needs_new_certificate, revoke_commitment
from trace.services.hops import Batch, Some, process, sell, ship
from trace.services.inspecting import look_at_delivery
from trace.services.issued_certificates import (
    draft_commitment,
    list_issued,
    own_certificate,
    public_certificate,
    signature_of,
    verify_address,
)
from trace.services.lots import NewLot
from trace.services.receiving import Line, Supplier
from trace.services.scans import keep_photo

K = OrganisationKind
SITE = "https://trace.example/c/"


def issue(town: Town, actor: Actor, *lots: str, amount: str = "40", **more: Any) -> str:
    """Issue with what is asked for, the rest from the records: the public id."""
    said: dict[str, Any] = {
        "contents": Contents(amount=Decimal(amount), origin="宁夏中卫", contact="0955-7000199"),
        "basis": [CommitmentBasis.CONTROL],
        "statement_accepted": True,
    } | more
    return str(town.do(issue_commitment, town.command(actor), lots=lots, **said)["id"])


def public(town: Town, public_id: str) -> dict[str, Any]:
    return dict(town.do(public_certificate, public_id=public_id))


def mixed(town: Town, kind: K = K.WHOLESALER, *, papers: bool = True) -> tuple[Actor, str, list[str]]:
    """A purchaser's mixture of two farms' lots, with or without their certificates: (purchaser, mixture, sources)."""
    buyer = town.organisation(kind)
    inputs, certificates = [], []
    for _ in range(2):
        farm = town.organisation(K.FARM)
        lot = town.lot(farm, town.product(farm))
        if papers:
            certificates.append(issue(town, farm, lot, amount="100"))
        town.send(farm, buyer, Some(lot, Decimal(30)))
        town.arrive(farm, buyer, Line(code=lot, amount=Decimal(30), reason="演示"))
        inputs.append(Some(lot, Decimal(30)))
    out = Batch(NewLot(town.product(buyer, name="精选番茄"), "JX-1", TODAY), Decimal(60))
    made = town.do(process, town.command(buyer), inputs=inputs, outputs=[out])
    return buyer, str(made["lots"][0]), certificates


# ---- issued --------------------------------------------------------------------------------------------------------


def test_everybody_reads_all_contents_of_article_14_and_nobodys_name(town: Town, tmp_path: Path) -> None:
    farm, objects = town.organisation(K.FARM, name="沙柳湾农场（演示）"), FolderObjects(tmp_path)
    first = town.lot(farm, town.product(farm, name="番茄"), origin_region="640521", origin="宁安镇", number="T1")
    kept = town.do(
        keep_photo, actor=farm, objects=objects, upload=BytesIO(file_of(corner_marked())), seconds=0.1, now=NOW
    )
    asked = [CommitmentBasis.SELF_TEST, CommitmentBasis.CONTROL]
    made = issue(town, farm, first, basis=asked, contents=Contents(amount=Decimal("40.50"), contact="0955-7000199"),
                 signature=kept["sha256"])  # fmt: skip
    told = public(town, made)
    assert {name: told[name] for name in ("product_name", "quantity", "origin", "region", "issued_on", "state")} == {
        "product_name": "番茄", "quantity": "40.5 kg", "origin": "宁安镇", "region": "宁夏回族自治区 中卫市 中宁县",
        "issued_on": TODAY, "state": "valid",
    }  # fmt: skip
    assert (told["issuer"], told["contact"], told["basis"]) == (
        "沙柳湾农场（演示）",
        "0955-7000199",
        ["control", "self_test"],
    )
    assert told["statement"].startswith("未使用禁用农药")
    assert [lot["lot_number"] for lot in told["lots"]] == ["T1"]
    assert not {"organisation", "person", "filed_by", "revoked_by"} & told.keys()
    data, media_type = town.do(signature_of, objects=objects, public_id=made)
    assert media_type == "image/jpeg" and data.startswith(b"\xff\xd8")


def test_what_the_records_know_is_not_typed(town: Town) -> None:
    farm = town.organisation(K.FARM)
    product = town.product(farm, name="鸡蛋", category=Category.EGG)
    lots = [town.lot(farm, product, 30, origin_region="640502"), town.lot(farm, product, 12)]
    draft = town.do(draft_commitment, actor=farm, lots=lots, now=NOW)
    assert (draft["product_name"], draft["amount"], draft["unit"], draft["region"]) == ("鸡蛋", "42", "KGM", "640502")
    assert (draft["form"], sorted(draft["lots"])) == ("producer", sorted(lots))
    assert len(public(town, issue(town, farm, *lots, amount="42"))["lots"]) == 2


def test_a_certificate_is_for_lots_of_one_product_that_such_a_certificate_is_for(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    two = [town.lot(farm, town.product(farm)), town.lot(farm, town.product(farm))]
    said: dict[str, Any] = {"contents": Contents(amount=Decimal(1), origin="中卫"), "basis": [CommitmentBasis.CONTROL],
                            "statement_accepted": True}  # fmt: skip
    assert town.refuses(Invalid, issue_commitment, town.command(farm), lots=two, **said).field == "lots"
    pork = town.lot(shop, town.product(shop, Category.PORK))
    refusal = town.refuses(Invalid, issue_commitment, town.command(shop), lots=[pork], **said)
    assert "Art. 3" in str(refusal)
    assert town.count(certificate) == 0


def test_no_more_is_certified_than_there_ever_was_of_the_lots(town: Town) -> None:
    farm = town.organisation(K.FARM)
    lot = town.lot(farm, town.product(farm), 42)
    for said in ({"amount": Decimal("42.1")}, {"amount": Decimal(42_001), "unit": "GRM"}, {"quantity": "85斤"}):
        contents = Contents(**said, origin="中卫")
        with pytest.raises(Conflict) as found:
            issue(town, farm, lot, contents=contents)
        assert found.value.field == "amount"
    town.send(farm, town.organisation(), Some(lot, Decimal(40)))
    assert issue(town, farm, lot, contents=Contents(amount=Decimal(42_000), unit="GRM", origin="中卫"))


def test_a_signature_of_somebody_else_is_none(town: Town, tmp_path: Path) -> None:
    farm, other = town.organisation(K.FARM), town.organisation(K.FARM)
    data = file_of(corner_marked())
    kept = town.do(keep_photo, actor=other, objects=FolderObjects(tmp_path), upload=BytesIO(data), seconds=0.1, now=NOW)
    lot = town.lot(farm, town.product(farm))
    with pytest.raises(NotFound):
        issue(town, farm, lot, signature=kept["sha256"])


# ---- mixed or re-packed (R6) ---------------------------------------------------------------------------------------


def test_what_a_purchaser_mixed_goes_nowhere_without_a_certificate_of_its_own(town: Town) -> None:
    buyer, mix, sources = mixed(town)
    shop = town.organisation()
    command, goods = town.command(buyer), [Some(mix, Decimal(5))]
    refusal = town.refuses(Conflict, ship, command, receiver=town.id_of(shop), goods=goods)
    assert (refusal.details["rule"], refusal.details["lots"]) == ("R6", [mix])
    assert town.refuses(Conflict, sell, command, goods=goods).details["rule"] == "R6"
    made = issue(town, buyer, mix, amount="60")
    told = public(town, made)
    assert told["form"] == "purchaser"
    assert sorted(source["id"] for source in told["sources"]) == sorted(sources)
    town.do(ship, town.command(buyer), receiver=town.id_of(shop), goods=goods)
    town.do(revoke_commitment, town.command(buyer), public_id=made, reason="写错产地")
    assert town.refuses(Conflict, sell, town.command(buyer), goods=goods).details["rule"] == "R6"


def test_form_two_is_refused_where_a_lot_that_went_in_has_no_paper(town: Town) -> None:
    buyer, mix, _ = mixed(town, papers=False)
    with pytest.raises(Conflict) as found:
        issue(town, buyer, mix)
    assert (found.value.details["rule"], len(found.value.details["lots"])) == ("R6", 2)
    assert town.count(certificate_source) == 0


def test_a_source_that_was_revoked_since_supports_nothing(town: Town) -> None:
    buyer, mix, sources = mixed(town)
    with town.store.reading() as session:
        told = public_certificate(session, public_id=sources[0])
    farm = replace(buyer, organisation=town.number_of(told["issuer"]), organisation_name=told["issuer"])
    town.do(revoke_commitment, town.command(farm), public_id=sources[0], reason="检出超标")
    with pytest.raises(Conflict) as found:
        issue(town, buyer, mix)
    assert len(found.value.details["lots"]) == 1


def test_certificates_together_are_for_no_more_than_there_was(town: Town) -> None:
    farm = town.organisation(K.FARM)
    lot = town.lot(farm, town.product(farm), 100)
    first = issue(town, farm, lot, amount="60")
    issue(town, farm, lot, amount="40")
    with pytest.raises(Conflict) as found:
        issue(town, farm, lot, amount="0.001")
    assert found.value.values["came"] == "0"
    second = issue(town, farm, lot, amount="55", replaces=first)
    town.do(revoke_commitment, town.command(farm), public_id=second, reason="写错")
    issue(town, farm, lot, amount="60")


def test_a_purchaser_vouches_for_what_it_bought_neither_by_an_earlier_certificate_nor_by_form_one(town: Town) -> None:
    farm, buyer = town.organisation(K.FARM), town.organisation(K.WHOLESALER)
    lot = town.lot(farm, town.product(farm))
    grown = issue(town, farm, lot, amount="30")
    town.send(farm, buyer, Some(lot, Decimal(30)))
    town.arrive(farm, buyer, Line(code=lot, amount=Decimal(30), reason="演示"))
    issue(town, buyer, lot, amount="10")
    assert [source["id"] for source in public(town, issue(town, buyer, lot, amount="20"))["sources"]] == [grown]
    town.do(revoke_commitment, town.command(farm), public_id=grown, reason="检出超标")
    for form in CommitmentForm:
        with pytest.raises(Conflict):
            issue(town, buyer, lot, amount="20", form=form)


@pytest.mark.parametrize(
    ("kind", "category", "on", "waits"),
    [
        (K.WHOLESALER, Category.VEGETABLE, TODAY, True),
        (K.SUPERMARKET, Category.EGG, TODAY, True),
        (K.WHOLESALER, Category.PORK, TODAY, False),  # meat takes other papers
        (K.COOPERATIVE, Category.VEGETABLE, TODAY, False),  # producers issue for what they sell, by form 1
        (K.WHOLESALER, Category.VEGETABLE, date(2023, 1, 1), True),  # the day the law came into force
        (K.WHOLESALER, Category.VEGETABLE, date(2022, 12, 31), False),
    ],
)
def test_who_has_to_issue_a_new_certificate_and_for_what(
    town: Town, kind: K, category: Category, on: date, waits: bool
) -> None:
    actor = town.organisation(kind)
    product = town.product(actor, category)
    went_in = town.lot(actor, product, 10)
    out = Batch(NewLot(product, "R1", TODAY), Decimal(10))
    made = town.do(process, town.command(actor), inputs=[Some(went_in, Decimal(10))], outputs=[out])["lots"]
    found = town.do(needs_new_certificate, actor, [went_in, *made], on=on)
    assert [row.uri for row in found] == (made if waits else [])


# ---- read, verified, revoked ---------------------------------------------------------------------------------------


def test_a_scanned_address_says_how_the_certificate_stands_and_whether_it_is_for_these_goods(town: Town) -> None:
    farm = town.organisation(K.FARM)
    lot, other = town.lot(farm, town.product(farm)), town.lot(farm, town.product(farm))
    made = issue(town, farm, lot)
    said = town.do(verify_address, SITE + made.upper(), lots=[lot])
    assert (said["id"], said["state"], said["other_lot"]) == (made, "valid", False)
    assert town.do(verify_address, SITE + made, lots=[other])["other_lot"]
    assert town.do(verify_address, SITE + "0" * 26) is None
    filed = town.paper(farm, CertificateKind.COMMITMENT, lot, form="producer")  # a photo of a paper: not issued here
    assert town.do(verify_address, SITE + filed) is None
    assert town.refuses(NotFound, public_certificate, public_id=filed)


def test_a_revoked_certificate_says_so_to_everybody_and_to_who_has_the_goods(town: Town) -> None:
    buyer, mix, sources = mixed(town)
    issue(town, buyer, mix, amount="60")
    shop = town.organisation()
    town.do(ship, town.command(buyer), receiver=town.id_of(shop), goods=[Some(mix, Decimal(20))])
    town.arrive(buyer, shop, Line(code=mix, amount=Decimal(20)))
    farm_name = public(town, sources[0])["issuer"]
    farm = replace(buyer, organisation=town.number_of(farm_name), organisation_name=farm_name)
    assert town.refuses(NotFound, revoke_commitment, town.command(shop), public_id=sources[0], reason="x")
    assert town.refuses(Invalid, revoke_commitment, town.command(farm), public_id=sources[0], reason=" ")
    done = town.do(revoke_commitment, town.command(farm), public_id=sources[0], reason="检出超标")
    assert done["alerts"] == 2  # the wholesaler and the shop have of the mixture; nobody of the farm's lot
    told = public(town, sources[0])
    assert (told["state"], told["reason"], told["ended_at"]) == ("revoked", "检出超标", NOW)
    inspector = town.organisation(K.REGULATOR, role=Role.INSPECTOR, region="640500")
    for actor, count in ((shop, 1), (inspector, 2)):
        alerts = town.do(page_of_alerts, actor=actor, now=NOW)["alerts"]
        assert [one["kind"] for one in alerts] == ["certificate_revoked"] * count
        assert alerts[0]["subject"] == sources[0]
    assert town.refuses(Conflict, revoke_commitment, town.command(farm), public_id=sources[0], reason="again")
    assert town.count(alert) == 2
    with town.store.reading() as session:
        kept = session.execute(select(correction).where(correction.c.kind == "certificate")).one()
    assert (kept.subject, kept.reason, kept.organisation) == (sources[0], "检出超标", farm.organisation)


def test_goods_that_come_under_a_revoked_certificate_are_found_at_fault(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    lot = town.lot(farm, town.product(farm))
    made = issue(town, farm, lot)
    town.send(farm, shop, Some(lot, Decimal(5)))
    lines, supplier = [Line(code=lot, amount=Decimal(5))], Supplier(public_id=town.id_of(farm))

    def rules_found() -> set[str]:
        cards = town.do(look_at_delivery, town.command(shop), supplier=supplier, lines=lines)
        return {finding["rule"] for finding in cards[0]["findings"]}

    assert "R3" not in rules_found()
    town.do(revoke_commitment, town.command(farm), public_id=made, reason="错")
    assert "R3" in rules_found()


def test_a_replaced_certificate_ends_and_names_the_one_in_its_place(town: Town) -> None:
    farm = town.organisation(K.FARM)
    lot = town.lot(farm, town.product(farm))
    first = issue(town, farm, lot, amount="40")
    second = issue(town, farm, lot, amount="50", replaces=first)
    told = public(town, first)
    assert (told["state"], told["replaced_by"]["id"]) == ("replaced", second)
    assert [one["state"] for one in town.do(list_issued, actor=farm)] == ["valid", "replaced"]
    with pytest.raises(Conflict):
        issue(town, farm, lot, replaces=first)
    assert town.refuses(NotFound, own_certificate, actor=town.organisation(K.FARM), public_id=second)


def test_a_certificate_that_two_revoke_at_once_ends_once(town: Town) -> None:
    farm = town.organisation(K.FARM)
    made = issue(town, farm, town.lot(farm, town.product(farm)))
    said = {"public_id": made, "reason": "写错产地"}
    assert conflicts(at_once(*(partial(town.do, revoke_commitment, town.command(farm), **said) for _ in range(2)))) == 1
