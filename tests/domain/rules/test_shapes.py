"""Whatever an administrator writes into the rule book is refused with a sentence, or every rule still runs."""

import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.checks import IdentifierWarning, Reason
from trace.domain.failures import Invalid
from trace.domain.papers import CertificateKind, Finding, Paper, Severity, paper_states
from trace.domain.products import Category
from trace.domain.rules.book import Confidence, Entry, Rules, shipped
from trace.domain.rules.corrections import Correction, check_correction
from trace.domain.rules.expiries import Expiring, check_expiries
from trace.domain.rules.movement import LotState, Mixing, check_may_move, check_mixing
from trace.domain.rules.overrides import override_of
from trace.domain.rules.receiving import Arrival, PaperUse, check_arrival
from trace.domain.rules.retention import KeptRecord, RecordKind, check_may_delete
from trace.domain.rules.safety import Disposal, RecallState, TestResult, check_disposal, check_recall, check_test_result
from trace.domain.rules.shapes import check_entry, find_family
from trace.domain.rules.weighing import weighing_tolerance

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
NAMES = sorted({entry.name for entry in shipped().written} | {"calendar.2027", "papers.more", "override.R5"})
WORST = Arrival(
    category=Category.PORK,
    lot_number="",
    produced_on=None,
    expires_on=DAY - timedelta(days=1),
    papers=(Paper(CertificateKind.QUARANTINE, DAY + timedelta(days=1), form="product_a"),),
    licence_valid=False,
    sold_before="81234567890123456789",
    celsius=900,
    celsius_range=(0, 400),
    blocked="no licence",
    supplier_blocked_here="late",
    first_delivery=True,
    recalled="salmonella",
    uses=(PaperUse(CertificateKind.QUARANTINE, "1", Decimal(1), "KGM", Decimal(0), Decimal(2), DAY),),
    number_warnings=(IdentifierWarning(Reason.SHAPE, "{number} is none.", {"number": "x"}),),
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_WORDS = st.sampled_from(
    [*Category, *CertificateKind, *Severity, "never", "2026-02-30", "2027-01-01/2027-01-03", "0.5", ""]
)
JSON = st.recursive(
    _LEAVES | _WORDS.map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def run_all(rules: Rules) -> list[Finding]:
    """Every rule over facts with which each has something to look at."""
    found: list[Finding] = []
    for category in Category:
        found += check_arrival(replace(WORST, category=category), rules)
        paper_states(category, WORST.papers, rules)
    for rapid in (True, False):
        found += check_test_result(TestResult(passed=False, rapid=rapid, result_at=NOW), rules)
    for level in (1, 2, 3):
        for is_drug in (True, False):
            found += check_recall(RecallState(level, is_drug, NOW - timedelta(days=300)), NOW, rules)
    found += check_disposal(Disposal("", "", "", "li", False, "li"), rules)
    for kind in RecordKind:
        for expires in (None, DAY):
            found += check_may_delete(KeptRecord(kind, DAY, expires, hold_lifted_on=DAY), DAY, rules)
    found += check_expiries([Expiring("licence", "1", DAY + timedelta(days=n)) for n in (-1, 0, 7, 60)], rules)
    found += check_may_move(LotState("L1", DAY - timedelta(days=1), True, "salmonella"), rules)
    found += check_mixing(Mixing({"KGM": Decimal(10)}, {"KGM": Decimal(11)}, (), collected=True), rules)
    found += check_correction(Correction("amount", "1", "1", "", "", NOW + timedelta(days=1)), NOW, rules)
    weighing_tolerance("KGM", rules)
    for finding in found:
        override_of(finding, rules)
        assert str(finding)
    return found


def with_value(name: str, value: Any) -> Rules:
    return shipped().and_also([Entry(name, DAY, value, "written", Confidence.HOUSE)]).on(DAY)


def test_every_entry_that_is_shipped_has_the_shape_of_its_name_and_a_source() -> None:
    for entry in shipped().written:
        check_entry(entry.name, entry.value, shipped())
        assert entry.source.strip()
    rules = {finding.rule for finding in run_all(shipped().on(DAY))}
    assert rules >= {f"R{number}" for number in (*range(1, 10), *range(11, 18), 20)}


def test_every_finding_says_what_to_do_now() -> None:
    for finding in run_all(shipped().on(DAY)):
        assert finding.remedy, finding
        assert finding.source, finding


@given(name=st.sampled_from(NAMES), value=JSON)
def test_any_value_is_refused_or_every_rule_runs_on(name: str, value: Any) -> None:
    try:
        check_entry(name, value, shipped())
    except Invalid as refused:
        assert str(refused).encode()  # no lone surrogate of what came: a page can show it
        return
    run_all(with_value(name, value))


@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_value_that_is_nearly_right_is_refused_or_every_rule_runs_on(name: str, data: st.DataObject) -> None:
    value = copy.deepcopy(next((e.value for e in shipped().written if e.name == name), None))
    places = list(_places(value))
    if not places:
        return
    inside, key = data.draw(st.sampled_from(places))
    inside[key] = data.draw(JSON)
    try:
        check_entry(name, value, shipped())
    except Invalid:
        return
    run_all(with_value(name, value))


def _places(value: Any) -> Any:
    """Every (container, key) inside a value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weighing_tolerance", 0.02),  # floating point
        ("weighing_tolerance", "2"),  # 200 %
        ("weighing_tolerance", "NaN"),
        ("weighing_tolerance", "０.０２"),  # full width
        ("expiry_warning", [True]),
        ("expiry_warning", [7, 7]),
        ("expiry_warning", []),
        ("papers.pork_asf", {"categories": ["pork"], "any_of": ["asf_report"]}),
        ("papers.pork_asf", {"categories": ["horse"], "any_of": [], "severity": "warn"}),
        ("override.R1", {"block": "free", "hold": "free"}),
        ("retest.rapid", {"working_days": 4}),
        ("calendar.2027", {"days_off": ["2026-01-01"], "worked": []}),
        ("calendar.2027", {"days_off": ["2027-01-03/2027-01-01"], "worked": []}),
        ("calendar.2027", {"days_off": ["2027-01-01"], "worked": ["2027-01-01"]}),
        ("calendar.27", {"days_off": [], "worked": []}),
        ("ended_form.quarantine_product_a_b", {"kind": "quarantine_certificate", "forms": ["a\0"], "severity": "warn"}),
    ],
)
def test_what_no_rule_could_read_is_refused(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        check_entry(name, value, shipped())
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "name", ["", "nobody.reads.this", "papers.", "licence.toys", "recall.food.4", "keep.cats", "papers.a b"]
)
def test_a_name_that_no_rule_reads_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_entry(name, {"severity": "warn"}, shipped())


def test_a_shops_own_codes_are_a_house_rule_whatever_their_source() -> None:
    family = find_family("in_store_codes")
    assert family is not None
    assert family.house
