"""What is looked at when goods arrive (进货查验): rules R1, R2, R3, R4, R7, R9, R11 as findings."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from trace.domain.failures import N_
from trace.domain.papers import CertificateKind, Finding, Paper, Severity, paper_states
from trace.domain.products import Category


@dataclass(frozen=True, slots=True)
class Arrival:
    """The facts about one line of a delivery, on the day it arrives.

    `lot_number` is empty where the goods carry none (what we name the lot by then is no number of theirs).
    `celsius_range` and `celsius` are hundredths of a degree; `licence_valid` None means that the supplier needs none.
    """

    day: date
    category: Category
    lot_number: str
    produced_on: date | None
    expires_on: date | None
    papers: tuple[Paper, ...]
    licence_valid: bool | None
    codes: int = 0
    no_code_reason: str = ""
    sold_before: str = ""
    celsius: int | None = None
    celsius_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class EndedForm:
    """Forms of a paper that are not issued any more from a day on."""

    kind: CertificateKind
    forms: frozenset[str]
    ended_on: date
    severity: Severity
    source: str


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is asked for from a day on."""

    effective_from: date
    severity: Severity
    source: str


@cache
def ended_forms() -> tuple[EndedForm, ...]:
    """All forms that were given up (`data/receiving_rules.toml`)."""
    return tuple(
        EndedForm(
            CertificateKind(entry["kind"]),
            frozenset(entry["forms"]),
            entry["ended_on"],
            Severity(entry["severity"]),
            entry["source"],
        )
        for entry in _receiving_rules()["ended_form"]
    )


@cache
def trace_code_duty() -> Duty:
    """From when on every pack of a drug is scanned (`data/receiving_rules.toml`)."""
    entry = _receiving_rules()["trace_codes"]
    return Duty(entry["effective_from"], Severity(entry["severity"]), entry["source"])


def _receiving_rules() -> dict[str, Any]:
    text = (resources.files("trace.domain") / "data" / "receiving_rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def check_arrival(arrival: Arrival) -> list[Finding]:
    """All findings about one line, gravest first."""
    found: list[Finding] = []
    for rule in _RULES:
        found += rule(arrival)
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def check_fields(arrival: Arrival) -> Iterable[Finding]:
    """R1: packed goods need production date or lot, drugs batch and expiry (食品安全法 Art. 53; 药品管理法 Art. 57)."""
    if arrival.category is Category.DRUG and arrival.expires_on is None:
        yield _finding(
            "R1",
            Severity.BLOCK,
            N_("The expiry date is missing; without it a drug counts as inferior."),
            "药品管理法 Art. 57, 98",
        )
    if arrival.category is Category.DRUG and not arrival.lot_number:
        yield _finding(
            "R1",
            Severity.BLOCK,
            N_("The batch number is missing; without it a drug counts as inferior."),
            "药品管理法 Art. 57, 98",
        )
    packed = arrival.category in (Category.PACKAGED_FOOD, Category.IMPORTED_FOOD)
    if packed and not arrival.lot_number and arrival.produced_on is None:
        yield _finding("R1", Severity.BLOCK, N_("Give the production date or the lot number."), "食品安全法 Art. 53")


def check_licence_held(arrival: Arrival) -> Iterable[Finding]:
    """R2: the supplier's licence is on file and valid on the day."""
    if arrival.licence_valid is False:
        severity = Severity.BLOCK if arrival.category is Category.DRUG else Severity.WARN
        yield _finding(
            "R2",
            severity,
            N_("No valid licence of the supplier is on file for this day."),
            "食品安全法 Art. 53; 药品管理法 Art. 55",
        )


def check_papers(arrival: Arrival) -> Iterable[Finding]:
    """R3: each group of papers the category needs on that day is there and valid."""
    for state in paper_states(arrival.category, arrival.papers, arrival.day):
        if state.satisfied_by:
            continue
        wanted = ", ".join(kind.value for kind in state.requirement.any_of)
        text = (
            N_("The paper is not valid on this day: {papers}.")
            if state.expired
            else N_("A paper is missing: {papers}.")
        )
        yield Finding("R3", state.requirement.severity, text, {"papers": wanted}, state.requirement.source)


def check_forms(arrival: Arrival) -> Iterable[Finding]:
    """R4: a paper on a form that was not issued any more on its day; cut meat shows the one of its carcass."""
    for paper in arrival.papers:
        for ended in ended_forms():
            if paper.kind is ended.kind and paper.form in ended.forms and paper.issued_on >= ended.ended_on:
                yield _finding(
                    "R4",
                    ended.severity,
                    N_("{paper}: form {form} ended on {ended}, this one is dated {issued}. Check it by its QR code."),
                    ended.source,
                    paper=paper.kind.value,
                    form=paper.form,
                    ended=ended.ended_on.isoformat(),
                    issued=paper.issued_on.isoformat(),
                )


def check_expiry(arrival: Arrival) -> Iterable[Finding]:
    """R7: expired goods are not taken in for sale."""
    if arrival.expires_on and arrival.expires_on < arrival.day:
        yield _finding(
            "R7",
            Severity.BLOCK,
            N_("Expired on {day}."),
            "食品安全法 Art. 34, 54; 药品管理法 Art. 98",
            day=arrival.expires_on.isoformat(),
        )


def check_trace_codes(arrival: Arrival) -> Iterable[Finding]:
    """R9: a drug without trace codes needs a reason, from the day of the duty on."""
    duty = trace_code_duty()
    missing = arrival.category is Category.DRUG and not arrival.codes and not arrival.no_code_reason.strip()
    if missing and arrival.day >= duty.effective_from:
        yield _finding("R9", duty.severity, N_("Scan the trace codes, or say why there are none."), duty.source)


def check_sold_before(arrival: Arrival) -> Iterable[Finding]:
    """R8: a box that a pharmacy has sold does not come from a supplier: diverted or copied (医保发〔2025〕7号)."""
    if arrival.sold_before:
        yield _finding(
            "R8",
            Severity.HOLD,
            N_("The code {code} was sold by a pharmacy already: the box may be diverted or copied."),
            "医保发〔2025〕7号",
            code=arrival.sold_before,
        )


def check_temperature(arrival: Arrival) -> Iterable[Finding]:
    """R11: cold goods arrive within the product's range."""
    if arrival.celsius_range is None:
        return
    low, high = arrival.celsius_range
    if arrival.celsius is None:
        yield _finding("R11", Severity.HOLD, N_("Measure the temperature on arrival."), "GB 31605-2020; GSP")
    elif not low <= arrival.celsius <= high:
        yield _finding(
            "R11",
            Severity.BLOCK,
            N_("{came} °C on arrival; {low} to {high} °C are wanted."),
            "GB 31605-2020; GSP",
            came=f"{arrival.celsius / 100:g}",
            low=f"{low / 100:g}",
            high=f"{high / 100:g}",
        )


def _finding(rule: str, severity: Severity, message: str, source: str, **values: str) -> Finding:
    found: Mapping[str, str] = values
    return Finding(rule, severity, message, found, source)


_RULES = (
    check_fields,
    check_licence_held,
    check_papers,
    check_forms,
    check_expiry,
    check_trace_codes,
    check_sold_before,
    check_temperature,
)
