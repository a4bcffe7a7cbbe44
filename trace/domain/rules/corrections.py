"""What a correction has to say (R16): nothing is overwritten, the old value stands beside the new one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules


@dataclass(frozen=True, slots=True)
class Correction:
    """Old value, new value, who, why, when, on what device (kind of browser or program); None is no value."""

    field: str
    old: str | None
    new: str | None
    who: str
    why: str
    when: datetime
    device: str = ""


def check_correction(correction: Correction, now: datetime, rules: Rules) -> Iterable[Finding]:
    """R16: a correction changes something, and says by whom, why, when and where it was made."""
    entry = rules.entries["correction"]
    told = {"who": correction.who, "why": correction.why, "device": correction.device}
    missing = [name for name in entry.value["fields"] if not told[name].strip()]
    if missing:
        yield _finding(N_("The correction lacks: {fields}."), entry.source, fields=", ".join(missing))
    if correction.old == correction.new:
        yield _finding(
            N_("{field} is to become what it is: nothing is corrected."), entry.source, field=correction.field
        )
    if correction.when > now:
        yield _finding(
            N_("The correction is of {when}, which is still to come."), entry.source, when=correction.when.isoformat()
        )


def _finding(message: str, source: str, **values: str) -> Finding:
    remedy = N_("Correct it with the new value and the reason; the old one is kept.")
    return Finding("R16", Severity.BLOCK, message, values, source, remedy)
