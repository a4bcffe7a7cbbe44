"""Tests that fail, recalls, destruction: how long there is, and what is missing (R12, R13, R14).

Moments are aware, in the shop's local time; a term in working days ends with its last day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Entry, Rules
from trace.domain.working_days import add_working_days, is_guess

_LAST_MOMENT = time(23, 59, 59)
_GUESSED = N_("The holidays of that year are not in the calendar yet: the day may be a later one.")


@dataclass(frozen=True, slots=True)
class TestResult:
    """An official test of a lot: whether it was a rapid one (快检), its result, and when that was made known."""

    __test__ = False  # it is no test of ours, whatever pytest makes of the name

    passed: bool
    rapid: bool
    result_at: datetime


@dataclass(frozen=True, slots=True)
class RecallClock:
    """Until when a recall runs everywhere, and is finished; `finish_by` None where the law names no day."""

    start_by: datetime
    finish_by: datetime | None


@dataclass(frozen=True, slots=True)
class RecallState:
    """How a recall stands at one holder: when it was opened, noticed, acknowledged, finished (None: not yet)."""

    level: int
    is_drug: bool
    opened_at: datetime
    noticed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Disposal:
    """What is written down of a destruction (食品安全法实施条例 Art. 29)."""

    reason: str
    method: str
    place: str
    witness: str
    has_photo: bool
    by: str


def retest_until(result_at: datetime, *, rapid: bool, rules: Rules) -> datetime:
    """Until when a re-test may be asked for: four hours after a rapid test, else seven working days (FSL Art. 88)."""
    return term_end(result_at, rules.value("retest.rapid" if rapid else "retest.other"), rules)


def term_end(since: datetime, term: dict[str, int], rules: Rules) -> datetime:
    """The end of a term of `{"hours": n}` or `{"working_days": n}`."""
    if "hours" in term:
        return since + timedelta(hours=term["hours"])
    last = add_working_days(since.date(), term["working_days"], rules)
    return datetime.combine(last, _LAST_MOMENT, since.tzinfo)


def check_test_result(result: TestResult, rules: Rules) -> Iterable[Finding]:
    """R12: what failed an official test is held at once, and a clock runs for the re-test."""
    if result.passed:
        return
    entry = rules.entries["retest.rapid" if result.rapid else "retest.other"]
    until = retest_until(result.result_at, rapid=result.rapid, rules=rules)
    text = (
        N_("The rapid test failed: the lot is held. A re-test, no rapid one, may be asked for until {until}.")
        if result.rapid
        else N_("The test failed: the lot is held. A re-test may be asked for until {until}.")
    )
    remedy = _GUESSED if is_guess(result.result_at.date(), until.date(), rules) else ""
    values = {"until": until.isoformat()}
    yield Finding("R12", Severity.BLOCK, text, values, entry.source, remedy or N_("Take it off the shelf now."))


def recall_clock(opened_at: datetime, level: int, *, is_drug: bool, rules: Rules) -> RecallClock:
    """The clock of a recall of a level (1 to 3): hours until it runs everywhere, working days until it is finished."""
    terms = _recall_entry(level, is_drug, rules).value
    finish = terms.get("finish_working_days")
    return RecallClock(
        opened_at + timedelta(hours=terms["start_hours"]),
        None if finish is None else term_end(opened_at, {"working_days": finish}, rules),
    )


def check_recall(state: RecallState, now: datetime, rules: Rules) -> Iterable[Finding]:
    """R13: what is late at one holder: the notice, its acknowledgement, the end of the recall."""
    clock = recall_clock(state.opened_at, state.level, is_drug=state.is_drug, rules=rules)
    source = _recall_entry(state.level, state.is_drug, rules).source

    def late(message: str, by: datetime, remedy: str) -> Finding:
        return Finding("R13", Severity.BLOCK, message, {"by": by.isoformat()}, source, remedy)

    if state.noticed_at is None and now > clock.start_by:
        yield late(N_("The notice was to be out by {by}."), clock.start_by, N_("Send it now; call the holder."))
    elif state.acknowledged_at is None and now > clock.start_by:
        yield late(
            N_("The holder was to acknowledge by {by}."), clock.start_by, N_("Call the holder, or send somebody there.")
        )
    if clock.finish_by and state.finished_at is None and now > clock.finish_by:
        yield late(
            N_("The recall was to be finished by {by}."),
            clock.finish_by,
            N_("Finish it, or ask the regulator for more time."),
        )


def check_disposal(disposal: Disposal, rules: Rules) -> Iterable[Finding]:
    """R14: a destruction is closed when its record is complete: reason, method, place, photo, witness."""
    told = {
        "reason": disposal.reason,
        "method": disposal.method,
        "place": disposal.place,
        "witness": disposal.witness,
        "photo": "yes" if disposal.has_photo else "",
    }
    entry = rules.entries["disposal"]
    severity = Severity(entry.value["severity"])
    missing = [name for name in entry.value["fields"] if not told[name].strip()]
    if missing:
        yield Finding(
            "R14",
            severity,
            N_("The record of the destruction lacks: {fields}."),
            {"fields": ", ".join(missing)},
            entry.source,
            N_("Keep the goods apart until it is complete."),
        )
    if disposal.witness.strip() and disposal.witness.strip().casefold() == disposal.by.strip().casefold():
        yield Finding(
            "R14",
            severity,
            N_("{who} cannot be the witness of the own work."),
            {"who": disposal.by},
            entry.source,
            N_("Ask somebody else to watch and sign."),
        )


def _recall_entry(level: int, is_drug: bool, rules: Rules) -> Entry:
    return rules.entries[f"recall.{'drug' if is_drug else 'food'}.{level}"]
