"""What is looked at when goods arrive (进货查验), one function per rule; the list of them stands at the end.

Numbers, groups and how grave a finding is stand in the rule book (`trace.domain.rules.book`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trace.domain.checks import IdentifierWarning
from trace.domain.dispensing import NoCodeReason
from trace.domain.failures import N_
from trace.domain.papers import CertificateKind, Finding, Paper, Severity, paper_states
from trace.domain.products import Category
from trace.domain.rules.book import Rules
from trace.domain.rules.special_drugs import check_first_purchase, check_two_signatures
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
    shop's own file, `first_delivery` that nobody checked this supplier yet,
    `first_product` that nobody looked at this drug before its first purchase, `recalled` why the lot is recalled.
    `again_on` is the later day on which held goods are judged again: by the rules of the day they came, but what spoils
    does not wait, and papers may have come since.
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
    number_warnings: tuple[IdentifierWarning, ...] = ()
    drug_class: str = ""
    first_product: bool = False
    again_on: date | None = None


def check_arrival(arrival: Arrival, rules: Rules) -> list[Finding]:
    """All findings about one line by the rules of its day, gravest first."""
    found: list[Finding] = []
    for rule in _RULES:
        found += rule(arrival, rules)
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def check_fields(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R1: what the record of a purchase must say (食品安全法 Art. 53, 65; 药品管理法 Art. 57)."""
    for entry in rules.under("fields."):
        if arrival.category not in entry.value["categories"]:
            continue
        for group in entry.value["all_of"]:
            if all(getattr(arrival, name) in ("", None) for name in group):
                yield _finding(
                    "R1",
                    Severity(entry.value["severity"]),
                    N_("The record lacks: {fields}.") if len(group) == 1 else N_("The record lacks one of: {fields}."),
                    entry.source,
                    N_("Type what stands on the goods or the delivery note."),
                    fields=", ".join(group),
                )


def check_licence_held(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R2: the supplier's licence is on file and valid on the day; who sells what he grows needs none."""
    entry = rules.entry("licence.drug" if arrival.category is Category.DRUG else "licence.food")
    if arrival.licence_valid is False and entry is not None:
        yield _finding(
            "R2",
            Severity(entry.value["severity"]),
            N_("No valid licence of the supplier is on file for this day."),
            entry.source,
            N_("Ask for the licence, photograph it, and put it into the supplier's file."),
        )


def check_papers(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R3: each group of papers the category needs on that day is there and valid."""
    for state in paper_states(arrival.category, arrival.papers, rules, again_on=arrival.again_on):
        if state.satisfied_by:
            continue
        wanted = ", ".join(kind.value for kind in state.requirement.any_of)
        text = (
            N_("The paper is not valid on this day: {papers}.")
            if state.expired
            else N_("A paper is missing: {papers}.")
        )
        yield _finding("R3", state.requirement.severity, text, state.requirement.source, _ASK, papers=wanted)


def check_forms(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R4: a paper on a form that was not issued any more on its day; cut meat shows the one of its carcass."""
    for entry in rules.under("ended_form."):
        ended = entry.value
        for paper in arrival.papers:
            if paper.kind == ended["kind"] and paper.form in ended["forms"] and paper.issued_on >= entry.effective_from:
                yield _finding(
                    "R4",
                    Severity(ended["severity"]),
                    N_("{paper}: form {form} ended on {ended}, this one is dated {issued}."),
                    entry.source,
                    N_("Check it by its QR code; for cut meat ask for the paper of the slaughter batch."),
                    paper=paper.kind.value,
                    form=f"paper_form_{paper.form}",  # the word it is said by
                    ended=entry.effective_from.isoformat(),
                    issued=paper.issued_on.isoformat(),
                )


def check_paper_use(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R5: no paper is dated after the goods, and none covers more than it certifies, over all shops."""
    dated, excess = rules.entry("paper_date"), rules.entry("paper_excess")
    for paper in arrival.papers:
        if paper.issued_on > (arrival.again_on or rules.day) and dated is not None:
            yield _finding(
                "R5",
                Severity(dated.value["severity"]),
                N_("{paper} is dated {issued}, after the goods arrived."),
                dated.source,
                N_("Ask for the paper that came with these goods."),
                paper=paper.kind.value,
                issued=paper.issued_on.isoformat(),
            )
    for use in arrival.uses:
        if use.certified is not None and use.now > use.certified and excess is not None:
            yield _finding(
                "R5",
                Severity(excess.value["severity"]),
                N_("{paper} {number} certifies {certified} {unit}; with this line {now} {unit} came under it."),
                excess.source,
                N_("Ask the supplier for the paper of the rest; the inspector is told."),
                paper=use.kind.value,
                number=use.number,
                certified=f"{use.certified:f}",
                now=f"{use.now:f}",
                unit=use.unit,
            )


def check_still_good(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R7: what is expired or recalled is not taken in for sale; the last day is still good."""
    if arrival.recalled:
        yield _finding(
            "R7",
            Severity.BLOCK,
            N_("This lot is recalled or held: {reason}."),
            "食品安全法 Art. 63; 药品管理法 Art. 82",
            N_("Refuse it, or keep it apart until the recall is lifted."),
            reason=arrival.recalled,
        )
    if arrival.expires_on and arrival.expires_on < (arrival.again_on or rules.day):
        yield _finding(
            "R7",
            Severity.BLOCK,
            N_("Expired on {day}."),
            "食品安全法 Art. 34, 54; 药品管理法 Art. 98",
            N_("Refuse it: it goes back on the lorry."),
            day=arrival.expires_on.isoformat(),
        )


def check_trace_codes(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R9: a drug without trace codes needs one of the reasons there are, from the day of the duty on.

    Exempt are the classes that are sold without code, too (`dispensing.without_code`): nobody exempts another drug.
    """
    duty = rules.entry("trace_codes")
    if arrival.category is not Category.DRUG or arrival.codes or duty is None:
        return
    severity, reason = Severity(duty.value["severity"]), arrival.no_code_reason.strip()
    remedy = N_("Reasons are: bought before the duty, damaged, exempt.")
    if reason not in set(NoCodeReason):
        yield _finding("R9", severity, N_("Scan the trace codes, or say why there are none."), duty.source, remedy)
    elif reason == NoCodeReason.EXEMPT and arrival.drug_class not in rules.value("dispensing.without_code")["classes"]:
        text = N_("Drugs of this class are not exempt from trace codes.")
        yield _finding("R9", severity, text, duty.source, N_("Scan the trace codes, or correct the class in the file."))


def check_sold_before(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R8: a box that a pharmacy has sold does not come from a supplier: diverted or copied (医保发〔2025〕7号)."""
    if arrival.sold_before:
        yield _finding(
            "R8",
            Severity.HOLD,
            N_("The code {code} was sold by a pharmacy already: the box may be diverted or copied."),
            "医保发〔2025〕7号",
            N_("Keep the box apart and call the pharmacy that sold it."),
            code=arrival.sold_before,
        )


def check_temperature(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R11: cold goods arrive within the product's range."""
    if arrival.celsius_range is None:
        return
    low, high = arrival.celsius_range
    if arrival.celsius is None:
        text = N_("Measure the temperature on arrival.")
        yield _finding("R11", Severity.HOLD, text, "GB 31605-2020; GSP", N_("Type what the thermometer says."))
    elif not low <= arrival.celsius <= high:
        yield _finding(
            "R11",
            Severity.BLOCK,
            N_("{came} °C on arrival; {low} to {high} °C are wanted."),
            "GB 31605-2020; GSP",
            N_("Refuse it, or hold it and let two people decide."),
            came=f"{arrival.celsius / 100:g}",
            low=f"{low / 100:g}",
            high=f"{high / 100:g}",
        )


def check_numbers(arrival: Arrival, rules: Rules) -> Iterable[Finding]:
    """R20: a number that cannot be right is doubted, not refused: real ones fail their check digit."""
    entry = rules.entry("identifier_doubt")
    if entry is None:
        return
    for doubt in arrival.number_warnings:
        severity = Severity(entry.value["severity"])
        remedy = N_("Read it again; if it is printed like this, accept it with that as the reason.")
        yield Finding("R20", severity, doubt.message, doubt.values, entry.source, remedy)


def _finding(rule: str, severity: Severity, message: str, source: str, remedy: str, **values: str) -> Finding:
    found: Mapping[str, str] = values
    return Finding(rule, severity, message, found, source, remedy)


_ASK = N_("Ask the supplier for it and photograph it; until then the goods wait.")


_RULES: tuple[Callable[[Arrival, Rules], Iterable[Finding]], ...] = (
    check_fields,
    check_licence_held,
    check_papers,
    check_forms,
    check_paper_use,
    check_still_good,
    check_trace_codes,
    check_sold_before,
    check_temperature,
    check_numbers,
    check_business_block,
    check_blocked_here,
    check_first_delivery,
    check_two_signatures,
    check_first_purchase,
)
