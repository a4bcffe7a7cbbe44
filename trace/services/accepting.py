"""The end of an acceptance: what came is compared with note and order, judged, and becomes a receipt."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.tables import (
    MICRO,
    acceptance_code,
    receipt,
    receipt_line,
    temperature_log,
)
from trace.domain.acceptance import (
    AcceptanceState,
    WayLog,
    check_batch_said,
    check_expiry_said,
    check_note,
    check_order,
    check_way,
)
from trace.domain.drugs import Storage
from trace.domain.failures import N_, Conflict, Failure, Invalid
from trace.domain.papers import Finding
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.rules.book import Rules
from trace.services.acceptance import begin
from trace.services.acceptance_codes import put, waiting_codes, would_fall
from trace.services.acceptance_rows import NewLine, end, find_row, lines_of, note_lines, open_row
from trace.services.arrivals import Decision, Line, Supplier
from trace.services.commands import Command, run_once
from trace.services.inspecting import look_at_delivery
from trace.services.order_progress import came_before, lock_order, ordered, settle_order
from trace.services.overrides import Agreement
from trace.services.prices import Purchase, agreed_prices, as_yuan
from trace.services.receiving import receive
from trace.services.rulebook import rules_on
from trace.services.temperature_logs import logs_of, sensor_elements, tie_to_receipt

ABSENT = "absent"  # the decision on a line of which nothing came


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one line: codes, and how much without codes (`loose`); all of it is `amount`."""

    row: Row[Any]
    codes: tuple[str, ...]
    said: frozenset[date]  # expiry dates that the codes name themselves
    batches: frozenset[str]  # batches that they name
    loose: Decimal

    @property
    def amount(self) -> Decimal:
        """Packs, or the unit of the product."""
        return len(self.codes) + self.loose


def came_of(session: Session, row: Row[Any]) -> list[Came]:
    """What came of each line of an acceptance, in the order of its lines."""
    codes: dict[int, list[Any]] = {}
    code = acceptance_code.c
    query = select(code.uri, code.line, code.lot_number, code.expires_on)
    mine = query.where(code.acceptance == row.id, code.line.is_not(None))
    for one in session.execute(mine.order_by(code.uri)):
        codes.setdefault(one.line, []).append(one)
    return [_came(line, codes.get(line.line, [])) for line in lines_of(session, row.id)]


def _came(line: Row[Any], codes: Sequence[Any]) -> Came:
    noted = Decimal(0) if line.amount is None else Decimal(line.amount) / MICRO
    # Without a reason for it, packs without code are not there: only what was scanned came.
    without = line.category != Category.DRUG or bool(line.more.get("no_code_reason")) or not codes
    loose = max(noted - len(codes), Decimal(0)) if without and line.more.get("decision") != ABSENT else Decimal(0)
    said = frozenset(code.expires_on for code in codes if code.expires_on)
    batches = frozenset(code.lot_number for code in codes if code.lot_number)
    return Came(line, tuple(code.uri for code in codes), said, batches, loose)


def findings_of(session: Session, row: Row[Any], came: Sequence[Came], rules: Rules) -> list[Any]:
    """What is found of each line before its papers are looked at: against note and order, of the way."""
    wanted = None if row.purchase_order is None else ordered(session, row.purchase_order)
    before = {} if row.purchase_order is None else came_before(session, row.purchase_order)
    ways = ways_of(session, row.id)
    lines = note_lines(one.row for one in came)
    noted = any(line.amount is not None for line in lines)
    of_batch, of_note, of_product = dict[Any, Decimal](), dict[Any, Decimal](), before
    for one, line in zip(came, lines, strict=True):
        batch = (one.row.product, one.row.lot_number)
        of_batch[batch] = of_batch.get(batch, Decimal(0)) + one.amount
        if line.amount is not None and not line.apart:  # a note may name a batch twice: bought, and given besides
            of_note[batch] = of_note.get(batch, Decimal(0)) + line.amount
        of_product[one.row.product] = of_product.get(one.row.product, Decimal(0)) + one.amount
    found: list[list[Finding]] = []
    for one, line in zip(came, lines, strict=True):
        batch = (one.row.product, one.row.lot_number)
        told = check_note(replace(line, amount=of_note.get(batch)), of_batch[batch], rules, noted=noted)
        if wanted is not None:
            told += check_order(wanted.get(one.row.product), of_product[one.row.product], rules)
        told += check_way(ways, cold_range(one.row, rules), rules) if is_cold(one.row) else []
        found.append(told + check_batch_said(line, one.batches) + check_expiry_said(line, one.said))
    return found


def is_cold(made_of: Row[Any]) -> bool:
    """Whether a product comes with the log of its way: a drug kept cold; where the file does not say, by its range."""
    if made_of.category != Category.DRUG:
        return False
    return bool(made_of.storage == Storage.COLD if made_of.storage else made_of.celsius_high is not None)


def cold_range(made_of: Any, rules: Rules) -> tuple[int, int]:
    """What a cold drug may have had on its way, in hundredths of a degree: its own range, else the law's."""
    if made_of.celsius_low is not None and made_of.celsius_high is not None:
        return made_of.celsius_low, made_of.celsius_high
    cold = rules.value("temperature.drug_cold")
    return int(Decimal(cold["low"]) * 100), int(Decimal(cold["high"]) * 100)


def ways_of(session: Session, number: int) -> list[WayLog]:
    """What the loggers of the way say."""
    query = select(temperature_log).where(temperature_log.c.acceptance == number).order_by(temperature_log.c.id)
    return [WayLog(log.coldest, log.warmest, log.excursion_count == 0) for log in session.execute(query)]


def _lines(session: Session, command: Command, row: Row[Any]) -> list[tuple[int, Line]]:
    """(line of the acceptance, line of the delivery): what is coded and what is loose of one line are two lines."""
    rules = rules_on(session, command.day, command.actor.organisation)
    came = came_of(session, row)
    found = findings_of(session, row, came, rules)
    logs = logs_of(session, actor=command.actor, acceptance=row.public_id)
    way = tuple(element for log in logs for element in sensor_elements(log))
    agreed = agreed_prices(session, row.purchase_order)
    made: list[tuple[int, Line]] = []
    for one, told in zip(came, found, strict=True):
        line = one.row
        if line.more.get("decision") == ABSENT:
            if one.codes:
                text = N_("Boxes of this line were scanned, so it came; choose another decision.")
                raise Invalid(text, field=f"lines.{line.line}.decision")
            continue
        common = replace(_common(line, agreed.get(line.product)), way=way if is_cold(line) else ())
        if one.codes:
            made.append((line.line, replace(common, codes=one.codes, told=tuple(told))))
        if one.loose:
            rest = replace(common, amount=one.loose, no_code_reason=line.more.get("no_code_reason") or "")
            made.append((line.line, rest if one.codes else replace(rest, told=tuple(told))))
    return made


def _common(line: Row[Any], agreed: Purchase | None) -> Line:
    """What the lines of a line share. What was agreed on when it was ordered is its price where the note says none."""
    more: Mapping[str, Any] = line.more
    price = None if line.price is None else as_yuan(line.price)
    return Line(
        product=line.public_id,
        code=more.get("lot"),
        lot_number=line.lot_number,
        produced_on=line.produced_on,
        expires_on=line.expires_on,
        origin=more.get("origin") or "",
        certificates=tuple(more.get("certificates") or ()),
        celsius=Decimal(more["celsius"]) if more.get("celsius") else None,
        price=agreed.price if price is None and agreed is not None else price,
        decision=Decision(more.get("decision") or Decision.ACCEPT),
        reason=more.get("reason") or "",
    )


@contextmanager
def _in_place(made: Sequence[tuple[int, Line]]) -> Iterator[None]:
    """A fault of a line of the delivery, told of the line of the acceptance it is of."""
    try:
        yield
    except Failure as failure:
        head, _, rest = (failure.field or "").removeprefix("lines.").partition(".")
        if failure.field and failure.field.startswith("lines.") and head.isdecimal():
            failure.field = f"lines.{made[int(head)][0]}" + (f".{rest}" if rest else "")
        raise


def look(session: Session, command: Command, *, public_id: str) -> dict[int, list[dict[str, Any]]]:
    """{line: how it would stand if it were accepted now}: its papers, all findings. Nothing of the look is kept.

    Raises what accepting would raise before anybody decides: a code that is in stock, a line without batch.
    """
    row = find_row(session, command.actor, public_id)
    made = _lines(session, command, row)
    if not made:
        return {}
    with session.begin_nested() as sandbox:
        with _in_place(made):
            lines = [line for _, line in made]
            cards = look_at_delivery(session, command, supplier=supplier_of(row), lines=lines)
        sandbox.rollback()
    found: dict[int, list[dict[str, Any]]] = {}
    for (number, _), card in zip(made, cards, strict=True):
        found.setdefault(number, []).append(card)
    return found


def supplier_of(row: Row[Any]) -> Supplier:
    """The supplier of an acceptance as a delivery names it."""
    told = row.supplier
    return Supplier(told["id"], told["name"] or "", told["address"] or "", told["contact"] or "")


def accept(session: Session, command: Command, *, public_id: str, agreement: Agreement | None = None) -> dict[str, Any]:
    """Accept the delivery: its receipt is made (`trace.services.receiving.receive`), the order is received.

    Raises `Conflict` while codes wait for an answer, and what `receive` raises; the acceptance stays open then.
    Two who accept at once: the locked row of the acceptance, the later finds it ended.
    """

    def act() -> dict[str, Any]:
        return _close(session, command, open_row(session, command.actor, public_id), agreement)

    return run_once(session, command, "accept_delivery", act)


def accept_at_once(
    session: Session,
    command: Command,
    *,
    supplier: Supplier | None = None,
    order: str | None = None,
    announced: str | None = None,
    delivery_note: str = "",
    lines: Sequence[tuple[NewLine, Sequence[str]]] = (),
    codes: Sequence[str] = (),
    agreement: Agreement | None = None,
) -> dict[str, Any]:
    """A whole acceptance in one request: opened, its codes put in (those of a line, those that fall by themselves),
    accepted. All or nothing; raises what its parts raise.
    """

    def act() -> dict[str, Any]:
        begun = begin(
            session,
            command,
            supplier=supplier,
            order=order,
            announced=announced,
            note=delivery_note,
            lines=[line for line, _ in lines],
        )
        row = open_row(session, command.actor, begun["id"])
        first = begun["lines"] - len(lines)  # those of the announcement come before
        for number, (_, of_line) in enumerate(lines, start=first):
            if of_line:
                put(session, command, row, of_line, line=number)
        if codes:
            put(session, command, row, codes)
        return _close(session, command, row, agreement)

    return run_once(session, command, "accept_at_once", act)


def _close(session: Session, command: Command, row: Row[Any], agreement: Agreement | None) -> dict[str, Any]:
    if row.purchase_order is not None:
        lock_order(session, row.purchase_order)
    _check_none_waits(session, command.actor, row)
    made = _lines(session, command, row)
    if not made:
        raise Invalid(N_("Nothing was scanned and nothing is on the note: there is nothing to accept."), field="codes")
    with _in_place(made):
        done = receive(
            session,
            replace(command, client_key=None),  # the acceptance's own key stands for both
            supplier=supplier_of(row),
            lines=[line for _, line in made],
            delivery_note=row.delivery_note,
            scans=row.scans,
            agreement=agreement,
        )
    number = session.execute(select(receipt.c.id).where(receipt.c.public_id == done["id"])).scalar_one()
    of_receipt = select(receipt_line.c.overridden_by).where(
        receipt_line.c.receipt == number, receipt_line.c.overridden_by.is_not(None)
    )
    second = session.scalars(of_receipt.limit(1)).one_or_none()
    end(session, row.id, AcceptanceState.DONE, receipt=number, closed_at=command.now, second_person=second)
    tie_to_receipt(session, acceptance=row.id, receipt=number)
    if row.purchase_order is not None:
        settle_order(session, row.purchase_order)
    return {"id": row.public_id, "receipt": done["id"], "lines": done["lines"]}


def _check_none_waits(session: Session, actor: Actor, row: Row[Any]) -> None:
    waiting = waiting_codes(session, actor, row.id)
    if not waiting:
        return
    unknown = sorted({code.identifier or code.text[:7] for code in waiting if not code.known})
    if unknown:
        text = N_("{count} codes are of a product nobody named yet ({identifiers}): say which product they are of.")
    elif would_fall(waiting, lines_of(session, row.id)).asked:
        text = N_("{count} codes fit several lines: say which line they are of.")
    else:  # the drug came into the file meanwhile, by another page
        text = N_("{count} codes are of a drug that came into the file since: take them over, and look at their lines.")
    raise Conflict(
        text,
        field="codes",
        details={"unknown": unknown, "codes": [str(code.uri) for code in waiting[:20]]},
        count=len(waiting),
        identifiers=", ".join(unknown[:5]),
    )
