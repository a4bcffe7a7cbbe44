"""What runs out: licences, papers, registrations of pharmacists, calibrations (R17). Warnings at 60, 30 and 7 days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules


@dataclass(frozen=True, slots=True)
class Expiring:
    """Something with a last day: its kind (a word of the interface), its number or name, its last day."""

    kind: str
    name: str
    expires_on: date


def warning_step(expires_on: date, rules: Rules) -> int | None:
    """The narrowest of the days of warning that is reached: 60, 30, 7; 0 when it is over; None when it is far.

    On its last day a licence is good: 7 then, and 0 from the day after.
    """
    left = (expires_on - rules.day).days
    if left < 0:
        return 0
    return min((step for step in rules.value("expiry_warning") if left <= step), default=None)


def check_expiries(things: Iterable[Expiring], rules: Rules) -> Iterable[Finding]:
    """R17: what is over or ends within the days of warning, the soonest first."""
    source = rules.entries["expiry_warning"].source
    for thing in sorted(things, key=lambda thing: (thing.expires_on, thing.kind, thing.name)):
        step = warning_step(thing.expires_on, rules)
        if step is None:
            continue
        values = {
            "kind": thing.kind,
            "name": thing.name,
            "day": thing.expires_on.isoformat(),
            "days": str((thing.expires_on - rules.day).days),
        }
        text = N_("{kind} {name} ended on {day}.") if step == 0 else N_("{kind} {name} ends in {days} days, on {day}.")
        remedy = N_("Do without it until a new one is on file.") if step == 0 else N_("Renew it in time.")
        yield Finding("R17", Severity.WARN, text, values, source, remedy)
