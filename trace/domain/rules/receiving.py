"""What is looked at when goods arrive (进货查验): rules R1, R2, R3, R4, R7, R9, R11 as findings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trace.domain.checks import IdentifierWarning
from trace.domain.failures import N_
from trace.domain.papers import CertificateKind, Finding, Paper, Severity, paper_states
from trace.domain.products import Category
from trace.domain.rules.book import Rules
from trace.domain.rules.suppliers import check_blocked_here, check_business_block, check_first_delivery


@dataclass(frozen=True, slots=True)
class PaperUse:
    """What is received under one paper, over all shops: `before` this line and `now` with it, in `unit` (R5).

    `certified` is what the paper certifies, in `unit`, None where it names no amount that compares.
    """

    kind: CertificateKind
    number: str
    certified: Decimal | None
    unit: str
    before: Decimal
    now: Decimal
    issued_on: date


@dataclass(frozen=True, slots=True)
class Arrival:
    """The facts about one line of a delivery, on the day it arrives (the day of the rules it is judged by).

    `lot_number` is empty where the goods carry none (what we name the lot by then is no number of theirs).
    `celsius_range` and `celsius` are hundredths of a degree; `licence_valid` None means that the supplier needs none.
    `blocked` is the regulator's block of the supplier (its reason and number), `supplier_blocked_here` the one in the
    shop's own file, `first_delivery` that nobody checked this supplier yet, `recalled` why the lot is recalled or
    held, `carcass` the papers of the carcass or slaughter batch that cut meat cites (R4).
    """

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
    product_name: str = ""
    specification: str = ""
    shelf_life_days: int | None = None
    amount: Decimal | None = None
    unit: str = ""
    supplier_name: str = ""
    supplier_address: str = ""
    supplier_contact: str = ""
    blocked: str = ""
    supplier_blocked_here: str = ""
    first_delivery: bool = False
    recalled: str = ""
    uses: tuple[PaperUse, ...] = ()
    carcass: tuple[Paper, ...] = ()
    number_warnings: tuple[IdentifierWarning, ...] = ()


def check_arrival(arrival: Arrival, rules: Rules) -> list[Finding]:
    """All findings about one line by the rules of its day, gravest first."""
    found: list[Finding] = []
    for rule in _RULES:
        found += rule(arrival, rules)
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def check_fields(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
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


def check_licence_held(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R2: the supplier's licence is on file and valid on the day."""
    if arrival.licence_valid is False:
        severity = Severity.BLOCK if arrival.category is Category.DRUG else Severity.WARN
        yield _finding(
            "R2",
            severity,
            N_("No valid licence of the supplier is on file for this day."),
            "食品安全法 Art. 53; 药品管理法 Art. 55",
        )


def check_papers(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R3: each group of papers the category needs on that day is there and valid."""
    for state in paper_states(arrival.category, arrival.papers, rules):
        if state.satisfied_by:
            continue
        wanted = ", ".join(kind.value for kind in state.requirement.any_of)
        text = (
            N_("The paper is not valid on this day: {papers}.")
            if state.expired
            else N_("A paper is missing: {papers}.")
        )
        yield Finding("R3", state.requirement.severity, text, {"papers": wanted}, state.requirement.source)


def check_forms(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R4: a paper on a form that was not issued any more on its day; cut meat shows the one of its carcass."""
    for entry in rules.under("ended_form."):
        ended = entry.value
        for paper in arrival.papers:
            if paper.kind == ended["kind"] and paper.form in ended["forms"] and paper.issued_on >= entry.effective_from:
                yield _finding(
                    "R4",
                    Severity(ended["severity"]),
                    N_("{paper}: form {form} ended on {ended}, this one is dated {issued}. Check it by its QR code."),
                    entry.source,
                    paper=paper.kind.value,
                    form=paper.form,
                    ended=entry.effective_from.isoformat(),
                    issued=paper.issued_on.isoformat(),
                )


def check_expiry(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R7: expired goods are not taken in for sale."""
    if arrival.expires_on and arrival.expires_on < rules.day:
        yield _finding(
            "R7",
            Severity.BLOCK,
            N_("Expired on {day}."),
            "食品安全法 Art. 34, 54; 药品管理法 Art. 98",
            day=arrival.expires_on.isoformat(),
        )


def check_trace_codes(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R9: a drug without trace codes needs a reason, from the day of the duty on."""
    duty = rules.entry("trace_codes")
    missing = arrival.category is Category.DRUG and not arrival.codes and not arrival.no_code_reason.strip()
    if missing and duty is not None:
        severity = Severity(duty.value["severity"])
        yield _finding("R9", severity, N_("Scan the trace codes, or say why there are none."), duty.source)


def check_sold_before(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R8: a box that a pharmacy has sold does not come from a supplier: diverted or copied (医保发〔2025〕7号)."""
    if arrival.sold_before:
        yield _finding(
            "R8",
            Severity.HOLD,
            N_("The code {code} was sold by a pharmacy already: the box may be diverted or copied."),
            "医保发〔2025〕7号",
            code=arrival.sold_before,
        )


def check_temperature(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
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


_RULES: tuple[Callable[[Arrival, Rules], Iterable[Finding]], ...] = (
    check_fields,
    check_licence_held,
    check_papers,
    check_forms,
    check_expiry,
    check_trace_codes,
    check_sold_before,
    check_temperature,
    check_business_block,
    check_blocked_here,
    check_first_delivery,
)
