"""One's own papers: found, transcribed, corrected, linked, proved by their QR, watched until they end."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from storage.tables import certificate, correction, supplier, supplier_licence
from tests.services.deliveries import read
from tests.town import NOW, STRANGER, TODAY, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.certificates import file_certificate, get_certificate
from trace.services.commitment import Contents, issue_commitment
from trace.services.hops import Some
from trace.services.paper_corrections import correct_paper
from trace.services.paper_late import link_paper
from trace.services.papers import PaperQuery, due, get_paper, list_papers, open_lots
from trace.services.receiving import Line, receive

K = OrganisationKind
Papers = CertificateKind


def listed(town: Town, actor: Actor, **query: Any) -> tuple[list[str], str | None]:
    found = town.do(list_papers, actor=actor, query=PaperQuery(**query))
    return [card["id"] for card in found["papers"]], found["next"]


def shown(town: Town, actor: Actor, public_id: str) -> dict[str, Any]:
    return dict(town.do(get_paper, actor=actor, public_id=public_id, now=NOW))


def correct(town: Town, actor: Actor, public_id: str, reason: str = "", **changes: Any) -> list[str]:
    contents = changes.pop("contents", {})
    done = town.do(
        correct_paper, town.command(actor), public_id=public_id, changes=changes, contents=contents, reason=reason,
        device="Chrome, Android",
    )  # fmt: skip
    return list(done["changed"])


def photographed(town: Town, actor: Actor, kind: CertificateKind = Papers.QUARANTINE) -> str:
    done = town.do(file_certificate, town.command(actor), kind=kind, lots=[], issuer="", issued_on=None)
    return str(done["id"])


# ---- found ---------------------------------------------------------------------------------------------------------


def test_papers_to_be_transcribed_stand_on_top_and_pages_lose_none(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    full = {"product_name": "猪肉", "quantity": "5 kg"}
    whole = [town.paper(shop, Papers.QUARANTINE, number=f"Q{n}", contents=full) for n in range(3)]
    bare = [photographed(town, shop) for _ in range(3)]
    town.paper(other, Papers.QUARANTINE, number="Q0")
    pages, after = [], ""
    for _ in range(4):
        found, following = listed(town, shop, limit=2, after=after)
        pages += found
        after = following or ""
        if following is None:
            break
    assert pages == bare[::-1] + whole[::-1]
    assert listed(town, shop, incomplete=True)[0] == bare[::-1]
    assert listed(town, shop, kind=Papers.LICENCE) == ([], None)
    for broken in ("x", "1-x", "2-5", "1-" + "9" * 30, "1-٣"):
        assert town.refuses(Invalid, list_papers, actor=shop, query=PaperQuery(after=broken)).field == "after"


def test_a_paper_is_found_by_number_issuer_product_and_lot(town: Town) -> None:
    shop = town.organisation(name="城东100%超市（演示）")
    made = town.lot(shop, town.product(shop, name="西红柿"), number="LOT-7")
    one = town.paper(shop, Papers.TEST_REPORT, made, number="JC_55", contents={"product_name": "番茄"})
    town.paper(town.organisation(), Papers.TEST_REPORT, number="JC_55")
    for text in ("jc_5", "100%超", "番茄", "lot-7", "西红柿", " JC_55 "):
        assert listed(town, shop, text=text)[0] == [one], text
    for text in ("JCX55", "%", "土豆", "' OR 1=1"):
        assert listed(town, shop, text=text)[0] == ([one] if text == "%" else []), text


# ---- transcribed and corrected -------------------------------------------------------------------------------------


def test_what_is_typed_and_corrected_is_kept_old_beside_new(town: Town) -> None:
    shop = town.organisation()
    paper = photographed(town, shop)
    assert shown(town, shop, paper)["missing"] == ["issuer", "issued_on", "product_name", "quantity"]
    typed = {"product_name": "猪肉", "quantity": "1,200斤"}
    correct(town, shop, paper, number="6405020031", issuer="监督所（演示）", issued_on=town.day(2), contents=typed)
    card = shown(town, shop, paper)
    assert (card["missing"], card["amount"], card["unit"], card["issued_on"]) == ([], 600, "KGM", town.day(2))
    assert {change["reason"] for change in card["corrections"]} == {"transcribed"}
    assert town.refuses(Invalid, correct_paper, town.command(shop), public_id=paper,
                        changes={"number": "6405020032"}, device="x").field == "reason"  # fmt: skip
    assert correct(town, shop, paper, "看错一位", number="6405020032") == ["number"]
    last = shown(town, shop, paper)["corrections"][0]
    assert (last["old"], last["new"], last["reason"], last["device"]) == (
        "6405020031", "6405020032", "看错一位", "Chrome, Android",
    )  # fmt: skip
    assert correct(town, shop, paper, "证上是吨", contents={"quantity": "1.2吨"}) == ["amount", "quantity"]
    assert shown(town, shop, paper)["amount"] == 1200


def test_a_correction_is_judged_like_a_filing_and_only_of_ones_own_paper(town: Town) -> None:
    shop, stranger = town.organisation(), town.organisation()
    paper = photographed(town, shop)
    for changes, field in (
        ({"issued_on": town.day(-1)}, "issued_on"),
        ({"issued_on": town.day(1), "valid_until": town.day(3)}, "valid_until"),
        ({"form": "producer"}, "form"),
        ({"amount": Decimal(5)}, "unit"),
    ):
        failure = town.refuses(
            Invalid, correct_paper, town.command(shop), public_id=paper, changes=changes, reason="x", device="x"
        )
        assert failure.field == field
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    assert shown(town, city, paper)["own"] is False
    town.refuses(NotFound, correct_paper, town.command(city), public_id=paper, changes={"number": "1"}, device="x")
    hidden = town.refuses(NotFound, correct_paper, town.command(stranger), public_id=paper, changes={}, device="x")
    absent = town.refuses(NotFound, correct_paper, town.command(shop), public_id="0" * 26, changes={}, device="x")
    assert hidden.message == absent.message
    assert town.count(correction) == 0


def test_a_paper_is_linked_to_many_lots_of_the_stock_at_once(town: Town) -> None:
    shop, stranger = town.organisation(), town.organisation()
    lots = [town.lot(shop, town.product(shop, name=name)) for name in ("番茄", "黄瓜", "大番茄")]
    theirs = town.lot(stranger, town.product(stranger))
    paper = town.paper(shop, Papers.TEST_REPORT, contents={"product_name": "番茄"})
    offered = town.do(open_lots, actor=shop, public_id=paper)
    assert [(card["lot"], card["alike"]) for card in offered] == [
        (lots[2], True), (lots[0], True), (lots[1], False),
    ]  # fmt: skip
    town.do(link_paper, town.command(shop), public_id=paper, lots=lots[:2])
    town.do(link_paper, town.command(shop), public_id=paper, lots=lots[:2])
    assert {card["lot"] for card in shown(town, shop, paper)["lots"]} == set(lots[:2])
    assert [card["lot"] for card in town.do(open_lots, actor=shop, public_id=paper)] == [lots[2]]
    town.refuses(NotFound, link_paper, town.command(shop), public_id=paper, lots=[theirs])
    town.refuses(NotFound, link_paper, town.command(stranger), public_id=paper, lots=[theirs])


# ---- what a QR code proves -----------------------------------------------------------------------------------------


def issued(town: Town, farm: Actor) -> tuple[str, str]:
    """(id of a certificate issued here, its lot)."""
    made = town.lot(farm, town.product(farm, name="番茄"))
    done = town.do(
        issue_commitment, town.command(farm), lots=[made], basis=[CommitmentBasis.CONTROL], statement_accepted=True,
        contents=Contents(amount=Decimal(40), unit="KGM", origin="宁夏中卫", contact="0955-7000199"),
    )  # fmt: skip
    return str(done["id"]), made


def qr_filed(town: Town, shop: Actor, text: str, **more: Any) -> dict[str, Any]:
    contents = {"qr_payload": text, **more.pop("contents", {})}
    said = {"kind": Papers.COMMITMENT, "lots": [], "issuer": "", "issued_on": None, "contents": contents} | more
    return dict(town.do(file_certificate, town.command(shop), **said))


def test_the_qr_of_a_certificate_issued_here_is_that_certificate_and_not_filed_twice_or_once_it_is_revoked(
    town: Town,
) -> None:
    farm, shop, stranger = town.organisation(K.FARM), town.organisation(), town.organisation()
    paper, _ = issued(town, farm)
    before = town.count(certificate)
    done = qr_filed(
        town, shop, f"https://trace.example/c/{paper}", contents={"product_name": "黄瓜", "quantity": "50 kg"}
    )
    assert (done["id"], done["on_this_system"], town.count(certificate)) == (paper, True, before)
    assert [remark["values"].get("name") for remark in done["remarks"]] == ["product_name", "quantity"]
    town.refuses(NotFound, get_certificate, actor=stranger, public_id=paper, now=NOW)
    line = Line(product=town.product(shop), amount=Decimal(30), certificates=(paper,))
    town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    assert shown(town, shop, paper)["use"]["left"] == 10
    assert town.refuses(Conflict, correct_paper, town.command(farm), public_id=paper, changes={}, device="x")
    with town.store.writing() as session:
        values = {"revoked_at": NOW, "revoked_reason": "误开"}
        session.execute(update(certificate).where(certificate.c.public_id == paper).values(values))
    with pytest.raises(Conflict) as found:
        qr_filed(town, shop, f"https://trace.example/c/{paper}")
    assert "误开" in str(found.value)


def test_any_other_qr_text_is_kept_and_nothing_is_read_out_of_it(town: Town) -> None:
    shop, stranger = town.organisation(), town.organisation()
    filed = town.paper(shop, Papers.COMMITMENT, form="producer")  # from outside: it has no public page here
    for id_or_text in ("0" * 26, "x", filed, "https://nx.example/h?id=7", "{}"):
        text = id_or_text if ":" in id_or_text else f"https://trace.example/c/{id_or_text}"
        done = qr_filed(town, stranger, text)
        assert (done["on_this_system"], done["id"] == filed) == (False, False)
        assert shown(town, stranger, done["id"])["fields"] == {"qr_payload": text}


def test_who_of_ones_own_filed_the_same_paper_is_told_and_of_others_nothing(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    text = "https://nx.example/h?id=7"
    qr_filed(town, other, text)
    first = qr_filed(town, shop, text)
    assert first["filed_before"] == []
    assert [one["id"] for one in qr_filed(town, shop, text)["filed_before"]] == [first["id"]]


# ---- before and after a change of law ------------------------------------------------------------------------------


def test_the_older_form_of_the_commitment_is_told_in_new_words_and_judged_by_its_day(town: Town) -> None:
    shop = town.organisation()
    contents = {"basis": ["self_commitment", "commissioned_test"], "statement_accepted": True}
    for issued_on, told in ((date(2026, 1, 31), []), (date(2026, 2, 1), ["R4"])):
        paper = town.paper(shop, Papers.COMMITMENT, issued_on=issued_on, contents=contents)
        card = shown(town, shop, paper)
        assert (card["form"], card["fields"]["basis"]) == ("older", ["commissioned_test", "control"])
        line = Line(product=town.product(shop), amount=Decimal(1), certificates=(paper,))
        done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
        found = read(town, shop, done["id"])["lines"][0]["findings"]
        assert [finding["rule"] for finding in found if finding["rule"] == "R4"] == told


# ---- until they end ------------------------------------------------------------------------------------------------


def test_a_licence_is_told_sixty_thirty_and_seven_days_before_it_ends(town: Town) -> None:
    shop = town.organisation()
    for days, step in ((61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7), (-1, 0)):
        told = [one["step"] for one in town.do(due, actor=shop, day=TODAY + timedelta(365 - days))]
        assert told == ([] if step is None else [step]), days


def test_papers_are_watched_while_their_goods_are_here(town: Town) -> None:
    farm, shop, stranger = town.organisation(K.FARM), town.organisation(), town.organisation()
    made = town.lot(farm, town.product(farm))
    paper = town.paper(farm, Papers.COMMITMENT, made, valid_until=town.day(-5), number="N1")
    town.send(farm, shop, Some(made, Decimal(5)))
    assert town.do(due, actor=shop, day=TODAY) == []
    town.arrive(farm, shop, Line(code=made, amount=Decimal(5)))
    assert [(one["what"], one["id"], one["step"]) for one in town.do(due, actor=shop, day=TODAY)] == [
        ("paper", paper, 7)
    ]
    assert town.do(due, actor=stranger, day=TODAY) == []


def test_a_suppliers_licence_that_a_later_one_follows_is_not_told(town: Town) -> None:
    shop = town.organisation()
    town.do(receive, town.command(shop), supplier=STRANGER,
            lines=[Line(product=town.product(shop), amount=Decimal(1), reason="x")])  # fmt: skip
    with town.store.writing() as session:
        number = session.scalars(supplier.select()).first()
        for name, end in (("JY1", town.day(-3)), ("JY2", town.day(-400))):
            session.execute(
                supplier_licence.insert().values(
                    supplier=number, kind="food_business_licence", number=name, expires_on=end, filed_at=NOW
                )
            )
    assert town.do(due, actor=shop, day=TODAY) == []
    town.by_hand(supplier_licence.delete().where(supplier_licence.c.number == "JY2"))
    assert [(one["what"], one["number"]) for one in town.do(due, actor=shop, day=TODAY)] == [
        ("supplier_licence", "JY1")
    ]
