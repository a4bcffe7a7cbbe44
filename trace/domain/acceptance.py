"""Acceptance (验收): scanned packs fall to the lines of the delivery note, and what differs is told.

A 20-digit code names its product and no batch; a GS1 code names batch and expiry too. So a pack falls to the one line
that it fits; where several fit, people are asked. Nothing is guessed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.rules.book import Rules


class AcceptanceState(StrEnum):
    """How far an acceptance is."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class OrderState(StrEnum):
    """How far a purchase order is."""

    OPEN = "open"
    RECEIVED = "received"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A line to accept: a product and its batch. `amount` is what the delivery note says, None where it says nothing.

    A line set `apart` (damaged boxes of another line) takes only what is put there by hand.
    """

    number: int
    product: str
    lot_number: str = ""
    expires_on: date | None = None
    amount: Decimal | None = None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Pack:
    """A sales package that was scanned: its code, its product, and what the code itself says (GS1)."""

    uri: str
    product: str
    lot_number: str = ""
    expires_on: date | None = None


@dataclass(slots=True)
class Sorted:
    """Where packs fell: `placed` {code: line}, `asked` {code: lines that fit}; `lines` as they are then."""

    placed: dict[str, int] = field(default_factory=dict)
    asked: dict[str, list[int]] = field(default_factory=dict)
    lines: list[NoteLine] = field(default_factory=list)


def sort_packs(packs: Iterable[Pack], lines: Sequence[NoteLine], *, into: int | None = None) -> Sorted:
    """Put each pack on the line of its product and batch; `into` decides where several lines fit.

    A line without batch takes that of the first code that says one. A pack that fits no line opens one, which the
    delivery note does not have.
    """
    found = Sorted(lines=list(lines))
    for pack in packs:
        fitting = _fitting(pack, found.lines, into)
        if len(fitting) > 1 and into not in [line.number for line in fitting]:
            found.asked[pack.uri] = [line.number for line in fitting]
            continue
        chosen = next((line for line in fitting if line.number == into), fitting[0] if fitting else None)
        if chosen is None:
            number = max((line.number for line in found.lines), default=-1) + 1
            chosen = NoteLine(number, pack.product, pack.lot_number, pack.expires_on)
            found.lines.append(chosen)
        elif pack.lot_number and not chosen.lot_number:
            told = replace(chosen, lot_number=pack.lot_number, expires_on=chosen.expires_on or pack.expires_on)
            found.lines[found.lines.index(chosen)] = told
        found.placed[pack.uri] = chosen.number
    return found


def _fitting(pack: Pack, lines: Sequence[NoteLine], into: int | None) -> list[NoteLine]:
    same = [line for line in lines if line.product == pack.product and (not line.apart or line.number == into)]
    if not pack.lot_number:
        return same
    of_lot = [line for line in same if line.lot_number == pack.lot_number]
    return of_lot or [line for line in same if not line.lot_number]


def check_note(line: NoteLine, came: Decimal, rules: Rules, *, noted: bool) -> list[Finding]:
    """What came against what the delivery note says; `noted` is whether the note names any goods at all."""
    entry = rules.entry("acceptance.note")
    if entry is None or not noted or line.apart or line.amount == came:
        return []
    severity = Severity(entry.value["severity"])
    if line.amount is None:
        text, remedy = N_("This is not on the delivery note."), N_("Ask the supplier, or refuse it.")
        return [Finding("NOTE", severity, text, {}, entry.source, remedy)]
    text = N_("The delivery note says {note}, {came} came.")
    values = {"note": f"{line.amount.normalize():f}", "came": f"{came.normalize():f}"}
    remedy = N_("Count again; then write the difference on the note and say why here.")
    return [Finding("NOTE", severity, text, values, entry.source, remedy)]


def check_order(ordered: Decimal | None, came: Decimal, rules: Rules) -> list[Finding]:
    """What came of a product against its order; less may follow, so only more is a finding. None: not ordered."""
    entry = rules.entry("acceptance.order")
    if entry is None or (ordered is not None and came <= ordered):
        return []
    severity = Severity(entry.value["severity"])
    if ordered is None:
        return [Finding("ORDER", severity, N_("This was not ordered."), {}, entry.source)]
    values = {"ordered": f"{ordered.normalize():f}", "came": f"{came.normalize():f}"}
    return [Finding("ORDER", severity, N_("{ordered} were ordered, {came} came."), values, entry.source)]


@dataclass(frozen=True, slots=True)
class WayLog:
    """What the logger of a cold delivery says: hundredths of a degree, and whether all of it was in the range."""

    coldest: int
    warmest: int
    inside: bool


def check_way(logs: Sequence[WayLog], allowed: tuple[int, int], rules: Rules) -> list[Finding]:
    """R11 for a cold drug on its way: the whole log is there, and within the range (GSP; SAMR 84 Art. 41).

    `allowed` is the drug's own range, in hundredths of a degree: whoever files a log may name a wider one.
    """
    entry = rules.entry("acceptance.way_log")
    if entry is None:
        return []
    if not logs:
        severity = Severity(entry.value["severity"])
        text, remedy = N_("The temperature log of the way is missing."), N_("Ask the driver for the logger's file.")
        return [Finding("LOG", severity, text, {}, entry.source, remedy)]
    return [
        Finding(
            "R11",
            Severity.BLOCK,
            N_("On the way it was {coldest} to {warmest} °C, out of the range."),
            {"coldest": f"{log.coldest / 100:g}", "warmest": f"{log.warmest / 100:g}"},
            entry.source,
            N_("Refuse it, or hold it and let two people decide."),
        )
        for log in logs
        if not log.inside or log.coldest < allowed[0] or log.warmest > allowed[1]
    ]


def check_batch_said(line: NoteLine, said: Iterable[str], source: str = "药品管理法 Art. 98") -> list[Finding]:
    """What the codes say of the batch against what the line says: a wrong batch is recalled in vain."""
    text, remedy = N_("The codes say batch {said}, the line says {line}."), N_("Read the pack again.")
    return [
        Finding("BATCH", Severity.HOLD, text, {"said": number, "line": line.lot_number}, source, remedy)
        for number in sorted(set(said) - {line.lot_number})
    ]


def check_expiry_said(line: NoteLine, said: Iterable[date], source: str = "药品管理法 Art. 98") -> list[Finding]:
    """What the codes say of the expiry against what the line says: one of the two is misread."""
    other = sorted({day for day in said if line.expires_on and day != line.expires_on})
    text = N_("The codes say {said} for the expiry, the line says {line}.")
    return [
        Finding(
            "EXPIRY",
            Severity.HOLD,
            text,
            {"said": day.isoformat(), "line": line.expires_on.isoformat() if line.expires_on else ""},
            source,
            N_("Read the pack again."),
        )
        for day in other
    ]
