"""What moves, is mixed or split: only what may be sold, and no more than there was (R6, R7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules


@dataclass(frozen=True, slots=True)
class LotState:
    """How a lot stands at a holder: its last day, whether it is kept apart, why it is recalled or held ("": not)."""

    lot: str
    expires_on: date | None = None
    held: bool = False
    recalled: str = ""


@dataclass(frozen=True, slots=True)
class Mixing:
    """What was split, mixed or re-packed: amounts by unit, and by whom.

    `collected` says that the goods were bought from others (从事农产品收购), `certificate` that a new one was issued.
    `parents` are the lots that went in; a part without its parents cannot be traced.
    """

    went_in: Mapping[str, Decimal]
    came_out: Mapping[str, Decimal]
    parents: tuple[str, ...]
    collected: bool = False
    certificate: bool = False


def check_may_move(state: LotState, rules: Rules) -> Iterable[Finding]:
    """R7: nothing expired, held or recalled is sold, transferred or split; the last day is still good."""
    if state.expires_on and state.expires_on < rules.day:
        yield _stop(
            N_("{lot} expired on {day}."),
            "食品安全法 Art. 54; 药品管理法 Art. 98",
            N_("Take it off the shelf and destroy it, or send it back."),
            lot=state.lot,
            day=state.expires_on.isoformat(),
        )
    if state.recalled:
        yield _stop(
            N_("{lot} is recalled or held: {reason}."),
            "食品安全法 Art. 63; 药品管理法 Art. 82",
            N_("Keep it apart until the hold is lifted."),
            lot=state.lot,
            reason=state.recalled,
        )
    if state.held:
        yield _stop(
            N_("{lot} is kept apart."),
            "食品安全法实施条例 Art. 29",
            N_("Decide on it first: release it with a reason, send it back or destroy it."),
            lot=state.lot,
        )


def check_mixing(mixing: Mixing, rules: Rules) -> Iterable[Finding]:
    """R6: what comes out has its parents and is no more than went in; who collected it issues a new certificate."""
    entry = rules.entries["balance_tolerance"]
    gain, loss = Decimal(entry.value["gain"]), Decimal(entry.value["loss"])
    if not mixing.parents:
        yield _balance(Severity.BLOCK, N_("It is not said which lots went in."), N_("Scan or choose them."))
    for unit, came in sorted(mixing.came_out.items()):
        went = mixing.went_in.get(unit)
        if went is None:
            continue  # counted pieces of a weight: no sum compares them
        values = {"out": f"{came:f}", "into": f"{went:f}", "unit": unit}
        if came > went * (1 + gain):
            text = N_("{out} {unit} cannot come out of {into} {unit}.")
            yield _balance(Severity.BLOCK, text, N_("Check the quantities of what went in and came out."), **values)
        elif came < went * (1 - loss):
            text = N_("Of {into} {unit} only {out} {unit} came out.")
            yield _balance(Severity.WARN, text, N_("Record the rest as waste, or correct the quantities."), **values)
    if mixing.collected and not mixing.certificate:
        yield _balance(
            Severity.BLOCK,
            N_("Mixed or re-packed goods of others need a certificate of your own."),
            N_("Issue the commitment certificate, form for purchasers."),
        )


def _stop(message: str, source: str, remedy: str, **values: str) -> Finding:
    return Finding("R7", Severity.BLOCK, message, values, source, remedy)


def _balance(severity: Severity, message: str, remedy: str, **values: str) -> Finding:
    return Finding("R6", severity, message, values, "农产品质量安全法 Art. 39", remedy)
