"""How long a record is kept (R15): what the law asks, what the house adds, what a hold extends."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules

LAW, HOUSE = "retention.", "keep."


class RecordKind(StrEnum):
    """Kinds of records with terms of their own: entries `retention.<kind>` and `keep.<kind>`."""

    PRODUCE = "produce"
    FOOD = "food"
    DRUG = "drug"
    PRESCRIPTION = "prescription"
    VACCINE = "vaccine"
    PLATFORM = "platform"
    RECALL = "recall"
    CARE = "care"


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record of a day, the last day of its goods if any; whether a hold is on them, or when it was lifted."""

    kind: RecordKind
    made_on: date
    expires_on: date | None = None
    on_hold: bool = False
    hold_lifted_on: date | None = None


def keep_until(record: KeptRecord, rules: Rules) -> date | None:
    """The last day a record has to be kept; None while a hold is on: there is no end yet.

    The later day of law and house rule counts, and of the hold that was lifted.
    """
    if record.on_hold:
        return None
    days = [record.made_on]
    for prefix in (LAW, HOUSE):
        entry = rules.entry(f"{prefix}{record.kind.value}")
        if entry is not None:
            days.append(_end(record, entry.value))
    if record.hold_lifted_on is not None:
        days.append(add_months(record.hold_lifted_on, rules.value("keep.after_hold")["months"]))
    return max(days)


def check_may_delete(record: KeptRecord, on: date, rules: Rules) -> Iterable[Finding]:
    """R15: nothing is deleted before its time, or while a hold is on."""
    until = keep_until(record, rules)
    entry = rules.entry(f"{LAW}{record.kind.value}")
    source = entry.source if entry else ""
    if until is None:
        text = N_("A hold is on these goods: their records are kept.")
        yield Finding("R15", Severity.BLOCK, text, {}, source, N_("Wait until the hold is lifted."))
    elif on <= until:
        yield Finding(
            "R15",
            Severity.BLOCK,
            N_("This record is kept until {until}."),
            {"until": until.isoformat()},
            source,
            N_("Delete nothing before that day."),
        )


def _end(record: KeptRecord, term: dict[str, int]) -> date:
    after_expiry = term.get("after_expiry_months")
    if after_expiry is not None and record.expires_on is not None:
        return add_months(record.expires_on, after_expiry)
    return add_months(record.made_on, term["months"])


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month (民法典 Art. 202)."""
    years, month = divmod(day.month - 1 + months, 12)
    year = min(day.year + years, date.max.year)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
