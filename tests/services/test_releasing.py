"""Held goods go back on the shelf only by what the law asks for the findings they came with, judged again today."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from schemas.epcis.document import EpcisDocument
from storage.tables import client_request, event_document
from tests.services.test_overrides import PASSWORD, colleague
from tests.town import STRANGER, Town
from trace.domain.failures import Conflict, Invalid
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services import hops
from trace.services.commands import Command, Some
from trace.services.corrections import LineCorrection, correct_receipt_line
from trace.services.epcis_capture import capture_document, capture_event
from trace.services.overrides import Agreement
from trace.services.receiving import Decision, Line, receive
from trace.services.stock_list import list_stock

TOO_WARM: dict[str, Any] = {"celsius_low": 0, "celsius_high": 400}


@dataclass(frozen=True)
class Held:
    """Goods that are held at a shop, five of one lot."""

    shop: Actor
    lot: str
    receipt: str = ""

    @property
    def goods(self) -> list[Some]:
        return [Some(self.lot, Decimal(5))]


def held_line(town: Town, shop: Actor, product: str, **line: Any) -> Held:
    """Five of a product that came from a stranger three days ago and were held."""
    asked = Line(
        product=product, lot_number="H1", amount=Decimal(5), decision=Decision.HOLD, reason="looked at", **line
    )
    done = town.do(receive, town.command(shop, days=3), supplier=STRANGER, lines=[asked])
    (row,) = town.do(list_stock, actor=shop)
    return Held(shop, row["lot"], done["id"])


def warm(town: Town) -> Held:
    """Chilled vegetables that came at nine degrees."""
    shop = town.organisation()
    return held_line(town, shop, town.product(shop, Category.VEGETABLE, **TOO_WARM), celsius=Decimal(9))


def bare(town: Town) -> Held:
    """Vegetables without a certificate."""
    shop = town.organisation()
    return held_line(town, shop, town.product(shop))


def pork(town: Town) -> Held:
    """Pork without any paper."""
    shop = town.organisation()
    return held_line(town, shop, town.product(shop, Category.PORK))


def drug(town: Town, **details: Any) -> Held:
    """Old packs of a drug from somebody whom nobody knows, without papers."""
    shop = town.organisation(OrganisationKind.PHARMACY)
    return held_line(town, shop, town.drug(shop, **details), no_code_reason="legacy", expires_on=town.day(-300))


def complete_drug(town: Town) -> Held:
    """The same once supplier, licence and papers are on file."""
    made = drug(town)
    town.complete(made.shop, made.lot)
    return made


def papers_ended(town: Town) -> Held:
    """Pork whose papers were valid on the day it came, and are not any more."""
    made = pork(town)
    for kind in (CertificateKind.QUARANTINE, CertificateKind.MEAT_INSPECTION):
        town.paper(made.shop, kind, made.lot, issued_on=town.day(4), valid_until=town.day(2))
    return made


def papers_ended_before(town: Town) -> Held:
    """Pork whose papers had ended when it came."""
    made = pork(town)
    for kind in (CertificateKind.QUARANTINE, CertificateKind.MEAT_INSPECTION):
        town.paper(made.shop, kind, made.lot, issued_on=town.day(9), valid_until=town.day(5))
    return made


def papers_came_after(town: Town) -> Held:
    """Pork that waited for its papers, which are dated after it came."""
    made = pork(town)
    for kind in (CertificateKind.QUARANTINE, CertificateKind.MEAT_INSPECTION):
        town.paper(made.shop, kind, made.lot, issued_on=town.day(1))
    return made


def expired_since(town: Town) -> Held:
    """Vegetables that were good when they came."""
    shop = town.organisation()
    return held_line(town, shop, town.product(shop), expires_on=town.day(1))


def special(town: Town) -> Held:
    """A narcotic that two people accepted, and that one of them doubts now."""
    maker, owner = town.organisation(OrganisationKind.DRUG_MAKER), town.organisation(OrganisationKind.PHARMACY)
    shop = town.colleague(owner, Role.CLERK)
    made = town.lot(maker, town.drug(maker, drug_class="narcotic"), 5, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, made)
    town.send(maker, shop, Some(made, Decimal(5)))
    both = Agreement(colleague(town, shop), PASSWORD)
    line = Line(code=made, amount=Decimal(5), no_code_reason="damaged", reason="two looked at it")
    town.arrive(maker, shop, line, agreement=both)
    town.do(hops.hold, town.command(shop, hours=2), goods=[Some(made, Decimal(5))], reason="wet box")
    return Held(shop, made)


def doubted(town: Town) -> Held:
    """Vegetables that were taken in without any finding, and taken off the shelf later."""
    shop = town.organisation()
    made = town.grown(shop, 5)
    town.do(hops.hold, town.command(shop, hours=2), goods=[Some(made, Decimal(5))], reason="smells")
    return Held(shop, made)


def doubted_and_expired(town: Town) -> Held:
    """The same, found past their last day."""
    shop = town.organisation()
    made = town.grown(shop, 5, produced_on=town.day(9), expires_on=town.day(1))
    town.do(hops.hold, town.command(shop, hours=2), goods=[Some(made, Decimal(5))], reason="old")
    return Held(shop, made)


@pytest.mark.parametrize(
    ("comes", "rule", "takes"),
    [
        (bare, None, "reason"),
        (doubted, None, "reason"),
        (complete_drug, None, "reason"),
        (papers_ended, None, "reason"),
        (papers_came_after, None, "reason"),
        (warm, "R11", "two_people"),
        (special, "TWO", "two_people"),
        (pork, "R3", "never"),
        (papers_ended_before, "R3", "never"),
        (drug, "R2", "never"),
        (expired_since, "R7", "never"),
        (doubted_and_expired, None, "never"),
    ],
)
def test_what_a_release_takes_is_what_its_findings_take_today(
    town: Town, comes: Callable[[Town], Held], rule: str | None, takes: str
) -> None:
    made = comes(town)
    asked: dict[str, Any] = {"goods": made.goods, "reason": "in order"}
    if takes != "reason":
        failure = town.refuses(Conflict, hops.release, town.command(made.shop), **asked)
        assert failure.details.get("rule") == rule
        assert town.stock(made.shop, made.lot) == (0, 5)
    both = asked | {"agreement": Agreement(colleague(town, made.shop), PASSWORD)}
    if takes == "never":
        town.refuses(Conflict, hops.release, town.command(made.shop), **both)
        return
    done = town.do(hops.release, town.command(made.shop), **(both if takes == "two_people" else asked))
    assert town.stock(made.shop, made.lot) == (5, 0)
    assert ("sunshine:secondPerson" in town.events(*done["events"])[0]) is (takes == "two_people")


def test_the_event_says_what_two_people_set_aside_and_who_the_second_was_and_no_password_is_kept(town: Town) -> None:
    made = warm(town)
    command = Command(made.shop, town.now, client_key="r1", request={"reason": "measured inside"})
    asked: dict[str, Any] = {"goods": made.goods, "reason": "measured inside"}
    said = Agreement(colleague(town, made.shop), PASSWORD)
    done = town.do(hops.release, command, **asked, agreement=said)
    assert town.do(hops.release, command, **asked, agreement=Agreement(said.sign_in, "gone")) == done
    (document,) = town.events(*done["events"])
    assert (document["sunshine:reason"], document["sunshine:against"]) == ("measured inside", ["R11", "R3"])
    assert len(document["sunshine:secondPerson"]) == 26
    with town.store.reading() as session:
        kept = session.execute(select(client_request)).all() + session.execute(select(event_document)).all()
    assert PASSWORD not in json.dumps([tuple(row) for row in kept], default=str)


def test_the_second_person_of_a_release_is_a_colleague_with_the_right_password(town: Town) -> None:
    made, stranger = warm(town), town.organisation()
    for said in (Agreement(colleague(town, made.shop), "wrong"), Agreement(colleague(town, stranger), PASSWORD)):
        asked: dict[str, Any] = {"goods": made.goods, "reason": "fine", "agreement": said}
        assert town.refuses(Invalid, hops.release, town.command(made.shop), **asked).field == "override.password"
    assert town.stock(made.shop, made.lot) == (0, 5)


def test_a_program_is_none_of_the_two_who_sign_for_a_special_drug(town: Town) -> None:
    made = special(town)
    program, second = replace(made.shop, person=None), Agreement(colleague(town, made.shop), PASSWORD)
    asked: dict[str, Any] = {"goods": made.goods, "reason": "dry", "agreement": second}
    failure = town.refuses(Conflict, hops.release, town.command(program), **asked)
    assert (failure.field, "nobody's signature" in str(failure)) == ("override.sign_in", True)
    assert town.stock(made.shop, made.lot) == (0, 5)


def test_packs_are_judged_by_the_delivery_they_came_with(town: Town) -> None:
    maker, shop = town.organisation(OrganisationKind.DRUG_MAKER), town.organisation(OrganisationKind.PHARMACY)
    codes = town.packs(4)
    made = town.lot(maker, town.drug(maker, **TOO_WARM), 4, codes, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, made)
    town.send(maker, shop, *(Some(code) for code in codes))
    for part, celsius, decision in ((codes[:2], 3, Decision.ACCEPT), (codes[2:], 9, Decision.HOLD)):
        line = Line(code=made, codes=part, celsius=Decimal(celsius), decision=decision, reason="driver waited")
        town.arrive(maker, shop, line, delivery_note=f"N{celsius}")
    town.do(hops.hold, town.command(shop, hours=2), goods=[Some(code) for code in codes[:2]], reason="wet box")
    town.do(hops.release, town.command(shop, hours=1), goods=[Some(code) for code in codes[:2]], reason="dry")
    mixed = [Some(code) for code in codes[1:3]]
    town.do(hops.hold, town.command(shop), goods=mixed[:1], reason="wet again")
    failure = town.refuses(Conflict, hops.release, town.command(shop), goods=mixed, reason="fine")
    assert (failure.field, failure.details["rule"]) == ("override.sign_in", "R11")


def test_a_line_that_was_corrected_to_held_is_judged_and_one_corrected_to_accepted_is_not(town: Town) -> None:
    made = bare(town)
    correct: dict[str, Any] = {"receipt_id": made.receipt, "line": 0, "reason": "looked again"}
    town.do(correct_receipt_line, town.command(made.shop), **correct, to=LineCorrection(decision=Decision.ACCEPT))
    town.do(hops.hold, town.command(made.shop), goods=made.goods, reason="smells")
    done = town.do(hops.release, town.command(made.shop), goods=made.goods, reason="fine")
    assert "sunshine:against" not in town.events(*done["events"])[0]
    town.do(correct_receipt_line, town.command(made.shop), **correct, to=LineCorrection(decision=Decision.HOLD))
    done = town.do(hops.release, town.command(made.shop), goods=made.goods, reason="fine")
    assert town.events(*done["events"])[0]["sunshine:against"] == ["R3"]


def test_who_has_no_stock_of_it_learns_nothing_of_anothers_findings(town: Town) -> None:
    made, other = warm(town), town.organisation()
    failure = town.refuses(Conflict, hops.release, town.command(other), goods=made.goods, reason="mine")
    assert "rule" not in failure.details


@pytest.mark.parametrize(("comes", "goes"), [(bare, True), (warm, False), (special, False), (pork, False)])
def test_a_bare_event_is_no_signature(town: Town, comes: Callable[[Town], Held], goes: bool) -> None:
    made = comes(town)
    (row,) = town.do(list_stock, actor=made.shop)
    event = {
        "type": "ObjectEvent", "eventTime": town.now.isoformat(), "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
        "bizStep": "storing", "disposition": "sellable_accessible",
        "quantityList": [{"epcClass": made.lot, "quantity": 5, "uom": row["unit"]}],
    }  # fmt: skip
    other = event | {"bizStep": "inspecting"}
    document = EpcisDocument([event, other], [], {})
    if not goes:
        town.refuses(Conflict, capture_event, actor=made.shop, document=event, now=town.now)
    job = town.do(capture_document, actor=made.shop, document=document, behaviour="proceed", now=town.now)
    assert (job.stored, len(job.errors)) == ((2, 0) if goes else (1, 1))
    assert town.stock(made.shop, made.lot) == ((5, 0) if goes else (0, 5))


def test_a_release_that_two_signed_is_known_when_it_is_sent_again_as_an_event(town: Town) -> None:
    made = warm(town)
    both = Agreement(colleague(town, made.shop), PASSWORD)
    done = town.do(hops.release, town.command(made.shop), goods=made.goods, reason="fine", agreement=both)
    town.do(hops.hold, town.command(made.shop), goods=made.goods, reason="wet box")
    (event,) = town.events(*done["events"])
    assert not town.do(capture_event, actor=made.shop, document=event, now=town.now).fresh
    assert town.stock(made.shop, made.lot) == (0, 5)


@pytest.mark.parametrize(("comes", "goes"), [(bare, True), (warm, False), (special, False)])
def test_a_hold_declared_wrong_by_a_bare_event_is_no_signature_either(
    town: Town, comes: Callable[[Town], Held], goes: bool
) -> None:
    made = comes(town)
    both = Agreement(colleague(town, made.shop), PASSWORD)
    town.do(hops.release, town.command(made.shop), goods=made.goods, reason="fine", agreement=both)
    done = town.do(hops.hold, town.command(made.shop), goods=made.goods, reason="wet box")
    (event,) = town.events(*done["events"])
    wrong = event | {"errorDeclaration": {"declarationTime": town.now.isoformat(), "reason": "incorrect_data"}}
    if goes:
        town.do(capture_event, actor=made.shop, document=wrong, now=town.now)
    else:
        town.refuses(Conflict, capture_event, actor=made.shop, document=wrong, now=town.now)
    assert town.stock(made.shop, made.lot) == ((5, 0) if goes else (0, 5))
