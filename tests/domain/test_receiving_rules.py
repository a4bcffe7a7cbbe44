"""What is looked at when goods arrive: each rule alone, its severity, the day from which it holds."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from trace.domain.papers import CertificateKind, Finding, Paper, Severity
from trace.domain.products import Category
from trace.domain.rules.book import shipped
from trace.domain.rules.receiving import Arrival, check_arrival

K = CertificateKind
DAY = date(2026, 11, 24)
RULES = shipped().on(DAY)
SOLD_BY = {"supplier_name": "张家菜园", "supplier_address": "沙坡头区", "supplier_contact": "0955-7000199"}
PORK = Arrival(
    product_name="猪后腿",
    amount=Decimal(20),
    unit="KGM",
    **SOLD_BY,
    category=Category.PORK,
    lot_number="C1",
    produced_on=DAY,
    expires_on=DAY + timedelta(days=5),
    papers=(Paper(K.QUARANTINE, DAY, form="product"), Paper(K.MEAT_INSPECTION, DAY), Paper(K.ASF_REPORT, DAY)),
    licence_valid=True,
)
DRUG = Arrival(
    product_name="感冒灵颗粒",
    amount=Decimal(50),
    unit="EA",
    **SOLD_BY,
    category=Category.DRUG,
    lot_number="B1",
    produced_on=date(2026, 3, 1),
    expires_on=date(2028, 2, 29),
    papers=(Paper(K.DRUG_TEST_REPORT, date(2026, 3, 9)), Paper(K.DELIVERY_NOTE, DAY)),
    licence_valid=True,
    codes=50,
)


def told(arrival: Arrival, day: date = DAY) -> list[tuple[str, Severity]]:
    return [(finding.rule, finding.severity) for finding in check_arrival(arrival, shipped().on(day))]


def sentence(finding: Finding) -> str:
    return finding.message.format(**finding.values)


def test_goods_with_all_their_papers_raise_no_finding() -> None:
    assert told(PORK) == []
    assert told(DRUG) == []


def test_findings_come_gravest_first_and_each_is_a_sentence_with_its_source() -> None:
    found = check_arrival(
        replace(DRUG, expires_on=None, papers=(), licence_valid=False, codes=0, celsius_range=(200, 800)), RULES
    )
    gravity = [list(Severity).index(finding.severity) for finding in found]
    assert gravity == sorted(gravity)
    assert {finding.rule for finding in found} == {"R1", "R2", "R3", "R9", "R11"}
    for finding in found:
        assert sentence(finding).endswith(".")
        assert finding.source
        assert finding.as_dict()["severity"] == finding.severity.value


def test_r1_a_drug_without_expiry_date_is_blocked() -> None:
    assert told(replace(DRUG, expires_on=None)) == [("R1", Severity.BLOCK)]


@pytest.mark.parametrize(("lot_number", "produced_on", "findings"), [("", None, 1), ("L1", None, 0), ("", DAY, 0)])
def test_r1_packaged_food_needs_a_lot_or_a_production_date(
    lot_number: str, produced_on: date | None, findings: int
) -> None:
    packed = replace(
        PORK,
        category=Category.PACKAGED_FOOD,
        lot_number=lot_number,
        produced_on=produced_on,
        papers=(Paper(K.FACTORY, DAY),),
        specification="500 g",
    )
    assert told(packed) == [("R1", Severity.BLOCK)] * findings


@pytest.mark.parametrize(
    ("arrival", "licence_valid", "findings"),
    [
        (PORK, False, [("R2", Severity.WARN)]),
        (DRUG, False, [("R2", Severity.BLOCK)]),
        (PORK, None, []),  # a farm needs none
        (PORK, True, []),
    ],
)
def test_r2_a_missing_licence_blocks_drugs_and_warns_for_food(
    arrival: Arrival, licence_valid: bool | None, findings: list[tuple[str, Severity]]
) -> None:
    assert told(replace(arrival, licence_valid=licence_valid)) == findings


def test_r3_each_missing_paper_of_pork_is_told_with_its_own_severity() -> None:
    assert told(replace(PORK, papers=())) == [("R3", Severity.BLOCK), ("R3", Severity.BLOCK), ("R3", Severity.WARN)]


def test_r3_a_paper_that_is_not_valid_is_told_otherwise_than_one_that_is_missing() -> None:
    eggs = replace(PORK, category=Category.EGG, papers=())
    (missing,) = check_arrival(eggs, RULES)
    (expired,) = check_arrival(replace(eggs, papers=(Paper(K.COMMITMENT, DAY, revoked=True),)), RULES)
    assert sentence(missing).startswith("A paper is missing: commitment_certificate, test_report, rapid_test")
    assert sentence(expired).startswith("The paper is not valid on this day")


@pytest.mark.parametrize("form", ["product_a", "product_b"])
@pytest.mark.parametrize(
    ("issued", "findings"),
    [(date(2025, 12, 31), []), (date(2026, 1, 1), [("R4", Severity.WARN)]), (DAY, [("R4", Severity.WARN)])],
)
def test_r4_forms_a_and_b_are_doubted_from_the_day_they_ended(
    form: str, issued: date, findings: list[tuple[str, Severity]]
) -> None:
    papers = (Paper(K.QUARANTINE, issued, form=form), *PORK.papers[1:])
    assert told(replace(PORK, papers=papers)) == findings


@pytest.mark.parametrize("form", ["product", "animal_a", "animal_b", ""])
def test_r4_other_forms_are_not_doubted(form: str) -> None:
    assert told(replace(PORK, papers=(replace(PORK.papers[0], form=form), *PORK.papers[1:]))) == []


def test_r4_other_papers_may_have_such_forms() -> None:
    assert told(replace(PORK, papers=(*PORK.papers, Paper(K.TEST_REPORT, DAY, form="product_a")))) == []


@pytest.mark.parametrize(("days", "findings"), [(-1, [("R7", Severity.BLOCK)]), (0, []), (1, [])])
def test_r7_goods_are_taken_in_until_their_last_day(days: int, findings: list[tuple[str, Severity]]) -> None:
    assert told(replace(PORK, expires_on=DAY + timedelta(days=days))) == findings


@pytest.mark.parametrize(
    ("day", "codes", "reason", "findings"),
    [
        (date(2025, 12, 31), 0, "", []),
        (date(2026, 1, 1), 0, "", [("R9", Severity.BLOCK)]),
        (DAY, 0, "  ", [("R9", Severity.BLOCK)]),
        (DAY, 0, "legacy", []),
        (DAY, 0, "because", [("R9", Severity.BLOCK)]),
        (DAY, 0, "exempt", [("R9", Severity.BLOCK)]),
        (DAY, 1, "", []),
    ],
)
def test_r9_a_drug_without_codes_needs_a_reason_from_2026_on(
    day: date, codes: int, reason: str, findings: list[tuple[str, Severity]]
) -> None:
    papers = tuple(replace(paper, issued_on=date(2025, 3, 9)) for paper in DRUG.papers)
    assert told(replace(DRUG, papers=papers, codes=codes, no_code_reason=reason), day) == findings


@pytest.mark.parametrize("drug_class", ["herbal_pieces", "herbal_granules"])
def test_r9_the_exempt_classes_may_say_so(drug_class: str) -> None:
    assert told(replace(DRUG, codes=0, no_code_reason="exempt", drug_class=drug_class), DAY) == []


def test_r9_food_needs_no_trace_codes() -> None:
    assert told(replace(PORK, codes=0)) == []


@pytest.mark.parametrize(
    ("celsius", "findings"),
    [
        (None, [("R11", Severity.HOLD)]),
        (199, [("R11", Severity.BLOCK)]),
        (200, []),
        (800, []),
        (801, [("R11", Severity.BLOCK)]),
    ],
)
def test_r11_cold_goods_arrive_within_their_range(celsius: int | None, findings: list[tuple[str, Severity]]) -> None:
    assert told(replace(DRUG, celsius=celsius, celsius_range=(200, 800))) == findings


def test_r11_tells_the_degrees() -> None:
    (finding,) = check_arrival(replace(PORK, celsius=450, celsius_range=(-1850, 400)), RULES)
    assert sentence(finding) == "4.5 °C on arrival; -18.5 to 4 °C are wanted."


def test_r11_goods_without_a_range_need_no_temperature() -> None:
    assert told(replace(PORK, celsius=None, celsius_range=None)) == []
