"""Cases of what is looked at on arrival: each rule passes, fails, at its boundary day, before and after a change."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trace.domain.checks import IdentifierWarning, Reason
from trace.domain.papers import CertificateKind, Finding, Paper, Severity
from trace.domain.products import Category
from trace.domain.rules.book import Confidence, Entry, shipped
from trace.domain.rules.receiving import Arrival, PaperUse, check_arrival

K, C = CertificateKind, Category
BLOCK, HOLD, WARN = Severity.BLOCK, Severity.HOLD, Severity.WARN
DAY = date(2026, 11, 24)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
PAPERS: dict[Category, tuple[CertificateKind, ...]] = {
    C.PORK: (K.QUARANTINE, K.MEAT_INSPECTION, K.ASF_REPORT),
    C.BEEF_MUTTON: (K.QUARANTINE,),
    C.POULTRY: (K.QUARANTINE,),
    C.PACKAGED_FOOD: (K.FACTORY,),
    C.IMPORTED_FOOD: (K.ENTRY,),
    C.DRUG: (K.DELIVERY_NOTE, K.DRUG_TEST_REPORT),
    C.ANIMAL: (),
}


def arrival(category: Category = C.VEGETABLE, **more: Any) -> Arrival:
    """Goods of a category that arrive as they should, but for what is said otherwise."""
    facts: dict[str, Any] = {
        "category": category,
        "lot_number": "L1",
        "produced_on": YESTERDAY,
        "expires_on": DAY + timedelta(days=30),
        "papers": tuple(Paper(kind, YESTERDAY) for kind in PAPERS.get(category, (K.COMMITMENT,))),
        "licence_valid": True,
        "codes": 1,
        "product_name": "货品",
        "specification": "500 g",
        "amount": Decimal(10),
        "unit": "KGM",
        "supplier_name": "张家菜园",
        "supplier_address": "沙坡头区",
        "supplier_contact": "0955-7000199",
    }
    return Arrival(**facts | more)


def found(facts: Arrival, rule: str, day: date = DAY) -> list[Finding]:
    """What a rule finds on a day."""
    return [finding for finding in check_arrival(facts, shipped().on(day)) if finding.rule == rule]


def told(facts: Arrival, rule: str, day: date = DAY) -> list[Severity]:
    return [finding.severity for finding in found(facts, rule, day)]


@pytest.mark.parametrize("category", Category)
def test_goods_as_they_should_be_raise_nothing(category: Category) -> None:
    assert check_arrival(arrival(category), shipped().on(DAY)) == []


# ---- R1 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize(
    "lacking",
    [
        {"product_name": ""}, {"amount": None}, {"unit": ""},
        {"supplier_name": ""}, {"supplier_address": ""}, {"supplier_contact": ""},
    ],
)  # fmt: skip
def test_r1_every_record_names_goods_quantity_and_supplier(category: Category, lacking: dict[str, Any]) -> None:
    (finding,) = found(arrival(category, **lacking), "R1")
    assert (finding.severity, finding.values["fields"]) == (BLOCK, next(iter(lacking)))


NO_SHELF_LIFE = {"expires_on": None, "shelf_life_days": None}


@pytest.mark.parametrize(
    ("category", "lacking", "severities"),
    [
        (C.PACKAGED_FOOD, {"lot_number": "", "produced_on": None}, [BLOCK]),
        (C.PACKAGED_FOOD, {"lot_number": ""}, []),
        (C.PACKAGED_FOOD, {"produced_on": None}, []),
        (C.PACKAGED_FOOD, {"specification": ""}, [HOLD]),
        (C.PACKAGED_FOOD, NO_SHELF_LIFE, [HOLD]),
        (C.PACKAGED_FOOD, NO_SHELF_LIFE | {"shelf_life_days": 365}, []),
        (C.IMPORTED_FOOD, {"specification": ""}, [HOLD]),
        (C.VEGETABLE, {"lot_number": "", "produced_on": None, "specification": ""} | NO_SHELF_LIFE, []),
        (C.PORK, {"specification": ""} | NO_SHELF_LIFE, []),
        (C.DRUG, {"expires_on": None}, [BLOCK]),
        (C.DRUG, {"lot_number": ""}, [BLOCK]),
        (C.DRUG, {"lot_number": "", "expires_on": None}, [BLOCK, BLOCK]),
        (C.DRUG, {"produced_on": None}, []),
    ],
)
def test_r1_packed_food_and_drugs_say_more(
    category: Category, lacking: dict[str, Any], severities: list[Severity]
) -> None:
    assert told(arrival(category, **lacking), "R1") == severities


@pytest.mark.parametrize(("day", "severities"), [(date(2015, 9, 30), []), (date(2015, 10, 1), [BLOCK])])
def test_r1_records_are_asked_for_since_the_law_of_2015(day: date, severities: list[Severity]) -> None:
    assert told(arrival(papers=(), supplier_contact=""), "R1", day) == severities


# ---- R2 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "licence_valid", "severities"),
    [
        (C.DRUG, True, []),
        (C.DRUG, False, [BLOCK]),
        (C.VEGETABLE, False, [WARN]),
        (C.PACKAGED_FOOD, False, [WARN]),
        (C.VEGETABLE, None, []),  # who sells what he grows needs none
    ],
)
def test_r2_the_suppliers_licence(category: Category, licence_valid: bool | None, severities: list[Severity]) -> None:
    assert told(arrival(category, licence_valid=licence_valid), "R2") == severities


@pytest.mark.parametrize(("day", "severities"), [(date(2019, 11, 30), []), (date(2019, 12, 1), [BLOCK])])
def test_r2_of_drugs_since_the_law_of_2019(day: date, severities: list[Severity]) -> None:
    assert told(arrival(C.DRUG, licence_valid=False, papers=()), "R2", day) == severities


# ---- R3 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "papers", "severities"),
    [
        (C.VEGETABLE, (), [HOLD]),
        (C.FRUIT, (K.TEST_REPORT,), []),  # any one of the group
        (C.EGG, (K.RAPID_TEST,), []),
        (C.FISH, (K.QUARANTINE,), [HOLD]),
        (C.PORK, (K.QUARANTINE,), [BLOCK, WARN]),  # all of the groups
        (C.PORK, (K.QUARANTINE, K.MEAT_INSPECTION), [WARN]),
        (C.PORK, (K.COMMITMENT,), [BLOCK, BLOCK, WARN]),  # slaughtered meat takes no commitment certificate
        (C.BEEF_MUTTON, (), [BLOCK]),
        (C.POULTRY, (K.MEAT_INSPECTION,), [BLOCK]),
        (C.IMPORTED_FOOD, (K.FACTORY,), [BLOCK]),
        (C.PACKAGED_FOOD, (K.TEST_REPORT,), []),
        (C.PACKAGED_FOOD, (), [HOLD]),
        (C.DRUG, (K.DELIVERY_NOTE,), [HOLD]),
        (C.DRUG, (K.DRUG_TEST_REPORT,), [BLOCK]),
    ],
)
def test_r3_the_papers_of_each_category(
    category: Category, papers: tuple[CertificateKind, ...], severities: list[Severity]
) -> None:
    assert told(arrival(category, papers=tuple(Paper(kind, YESTERDAY) for kind in papers)), "R3") == severities


@pytest.mark.parametrize(
    ("paper", "severities"),
    [
        (Paper(K.COMMITMENT, DAY), []),
        (Paper(K.COMMITMENT, TOMORROW), [HOLD]),
        (Paper(K.COMMITMENT, YESTERDAY, valid_until=DAY), []),
        (Paper(K.COMMITMENT, YESTERDAY, valid_until=YESTERDAY), [HOLD]),
        (Paper(K.COMMITMENT, YESTERDAY, revoked=True), [HOLD]),
    ],
)
def test_r3_a_paper_counts_from_its_issue_to_its_last_day(paper: Paper, severities: list[Severity]) -> None:
    assert told(arrival(papers=(paper,)), "R3") == severities


@pytest.mark.parametrize(
    ("category", "day", "severities"),
    [
        (C.VEGETABLE, date(2022, 12, 31), []),
        (C.VEGETABLE, date(2023, 1, 1), [HOLD]),  # 农产品质量安全法
        (C.BEEF_MUTTON, date(2021, 4, 30), []),
        (C.BEEF_MUTTON, date(2021, 5, 1), [BLOCK]),  # 动物防疫法
        (C.PORK, date(2021, 7, 31), [BLOCK, WARN]),
        (C.PORK, date(2021, 8, 1), [BLOCK, BLOCK, WARN]),  # 生猪屠宰管理条例
    ],
)
def test_r3_each_day_has_the_papers_of_its_law(category: Category, day: date, severities: list[Severity]) -> None:
    assert told(arrival(category, papers=()), "R3", day) == severities


# ---- R4 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "form", "issued_on", "severities"),
    [
        (K.QUARANTINE, "product_a", date(2025, 12, 31), []),
        (K.QUARANTINE, "product_a", date(2026, 1, 1), [WARN]),
        (K.QUARANTINE, "product_b", date(2025, 12, 31), []),
        (K.QUARANTINE, "product_b", date(2026, 1, 1), [WARN]),
        (K.QUARANTINE, "product", date(2026, 1, 1), []),
        (K.QUARANTINE, "animal_a", date(2026, 1, 1), []),
        (K.QUARANTINE, "", date(2026, 1, 1), []),
        (K.MEAT_INSPECTION, "product_a", date(2026, 1, 1), []),
        (K.COMMITMENT, "older", date(2026, 1, 31), []),
        (K.COMMITMENT, "older", date(2026, 2, 1), [WARN]),
        (K.COMMITMENT, "producer", date(2026, 2, 1), []),
        (K.COMMITMENT, "purchaser", date(2026, 2, 1), []),
    ],
)
def test_r4_forms_dated_after_a_change_of_law_are_judged_by_the_new_form(
    kind: CertificateKind, form: str, issued_on: date, severities: list[Severity]
) -> None:
    assert told(arrival(C.PORK, papers=(Paper(kind, issued_on, form=form),)), "R4") == severities


def test_r4_says_the_day_the_form_ended_and_what_to_do() -> None:
    (finding,) = found(arrival(C.PORK, papers=(Paper(K.QUARANTINE, DAY, form="product_a"),)), "R4")
    assert (finding.values["form"], finding.values["ended"]) == ("paper_form_product_a", "2026-01-01")
    assert "slaughter batch" in finding.remedy


# ---- R5 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("issued_on", "severities"), [(YESTERDAY, []), (DAY, []), (TOMORROW, [WARN])])
def test_r5_no_paper_is_dated_after_the_goods(issued_on: date, severities: list[Severity]) -> None:
    assert told(arrival(papers=(Paper(K.COMMITMENT, issued_on),)), "R5") == severities


@pytest.mark.parametrize(
    ("certified", "before", "now", "severities"),
    [
        ("100", "0", "100", []),  # to the gram
        ("100", "99.999", "100", []),
        ("100", "0", "100.000001", [WARN]),
        ("100", "100", "110", [WARN]),
        ("0", "0", "1", [WARN]),
        (None, "0", "1000000", []),  # it names no amount that compares
    ],
)
def test_r5_no_paper_covers_more_than_it_certifies(
    certified: str | None, before: str, now: str, severities: list[Severity]
) -> None:
    amount = None if certified is None else Decimal(certified)
    use = PaperUse(K.QUARANTINE, "6405000123", amount, "KGM", Decimal(before), Decimal(now), YESTERDAY)
    assert told(arrival(uses=(use,)), "R5") == severities


# ---- R7, R9, R11, R20 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "severities"),
    [
        ({"expires_on": DAY}, []),
        ({"expires_on": YESTERDAY}, [BLOCK]),
        ({"expires_on": None}, []),
        ({"recalled": "salmonella"}, [BLOCK]),
        ({"recalled": "salmonella", "expires_on": YESTERDAY}, [BLOCK, BLOCK]),
    ],
)
def test_r7_what_is_expired_or_recalled_is_not_taken_in(more: dict[str, Any], severities: list[Severity]) -> None:
    assert told(arrival(**more), "R7") == severities


@pytest.mark.parametrize(
    ("day", "codes", "reason", "severities"),
    [
        (date(2025, 12, 31), 0, "", []),
        (date(2026, 1, 1), 0, "", [BLOCK]),
        (date(2026, 1, 1), 0, "legacy", []),
        (date(2026, 1, 1), 1, "", []),
    ],
)
def test_r9_trace_codes_since_2026(day: date, codes: int, reason: str, severities: list[Severity]) -> None:
    assert told(arrival(C.DRUG, codes=codes, no_code_reason=reason, papers=()), "R9", day) == severities


@pytest.mark.parametrize(
    ("celsius", "severities"),
    [(None, [HOLD]), (-1801, []), (-1800, []), (-1799, [BLOCK]), (-4001, [BLOCK])],
)
def test_r11_frozen_goods_arrive_frozen(celsius: int | None, severities: list[Severity]) -> None:
    assert told(arrival(celsius=celsius, celsius_range=(-4000, -1800)), "R11") == severities


@pytest.mark.parametrize(("day", "severities"), [(DAY, []), (TOMORROW, [BLOCK])])
def test_r11_the_range_chosen_for_a_product_is_that_of_its_day(day: date, severities: list[Severity]) -> None:
    stricter = Entry("temperature.chilled_meat", TOMORROW, {"low": "0", "high": "3"}, "GB 20799", Confidence.MEMORY, 0)
    keeping = shipped().and_also([stricter]).on(day, 7).value("temperature.chilled_meat")
    low, high = (int(Decimal(keeping[name]) * 100) for name in ("low", "high"))
    assert told(arrival(C.PORK, celsius=400, celsius_range=(low, high)), "R11", day) == severities


def test_r20_a_doubtful_number_is_doubted_and_not_refused() -> None:
    doubt = IdentifierWarning(Reason.CHECK_DIGIT, "The check digit of {number} is wrong.", {"number": "SC1"})
    (finding,) = found(arrival(number_warnings=(doubt,)), "R20")
    assert (finding.severity, str(finding)) == (WARN, "The check digit of SC1 is wrong.")
    assert told(arrival(), "R20") == []


@pytest.mark.parametrize(("day", "severities"), [(DAY, [WARN]), (TOMORROW, [HOLD])])
def test_r20_a_house_may_want_a_reason_from_a_day_on(day: date, severities: list[Severity]) -> None:
    strict = Entry("identifier_doubt", TOMORROW, {"severity": "hold"}, "house", Confidence.HOUSE, 7)
    doubt = IdentifierWarning(Reason.SHAPE, "{number} is none.", {"number": "x"})
    rules = shipped().and_also([strict]).on(day, 7)
    found_then = [f.severity for f in check_arrival(replace(arrival(), number_warnings=(doubt,)), rules)]
    assert found_then == severities
