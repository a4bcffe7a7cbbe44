"""Correcting a line of a record: the wrong event is declared wrong, the right one stands beside it (R16)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.events import documents_of, lock_items
from storage.stock import lock_transit
from storage.tables import MICRO, correction, lot, product, receipt_line
from trace.domain.epcis.document import load_document, parse_document
from trace.domain.epcis.vocabulary import Disposition
from trace.domain.events import Event
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.papers import Finding, Severity
from trace.domain.permissions import Actor
from trace.domain.rules.corrections import Correction, check_correction
from trace.domain.rules.overrides import Override, gravest_override
from trace.domain.rules.weighing import weighing_tolerance
from trace.services.arrivals import Decision
from trace.services.commands import Command, run_once, stamp_of
from trace.services.lots import NewLot, agree_on_lot
from trace.services.paper_use import recount
from trace.services.prices import as_yuan
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro
from trace.services.undoing import declare_wrong, own_receipt

_DISPOSITIONS = {Decision.ACCEPT: Disposition.IN_PROGRESS, Decision.HOLD: Disposition.NON_SELLABLE}


@dataclass(frozen=True, slots=True)
class LineCorrection:
    """What a line should say; None: as it does. A line is corrected to accepted or held, never to refused."""

    amount: Decimal | None = None
    decision: Decision | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    price: Decimal | None = None  # yuan for one


def correct_receipt_line(
    session: Session,
    command: Command,
    *,
    receipt_id: str,
    line: int,
    to: LineCorrection,
    reason: str,
    device: str = "",
) -> dict[str, Any]:
    """Correct a line of an own record: {id, line, changed}; each change is kept, old beside new, with who, why and how.

    Amount and decision: the event of the line is declared wrong (incorrect_data) and names the right one; stock, goods
    on the way and what came under its papers follow by the difference. Dates belong to the lot
    (`trace.services.lots.agree_on_lot`: only who wrote them, where nobody on this system made it). The price stands in
    no event: the line says the right one. What was exported of the line is told anew, whatever changed.

    Raises `NotFound` for no such line, `Invalid` where nothing changes or no reason is given, `Conflict` where the
    goods have moved on beyond what would be left, for more than was sent, for a held line whose findings block it.
    Two at once: the locked row of `receipt` decides; the later corrects what the earlier made of it.
    """

    def act() -> dict[str, Any]:
        head = own_receipt(session, command.actor, receipt_id)
        row = _line_of(session, head, line)
        changes = _changes(row, to)
        _check_told(session, command, changes, reason, device)
        number = None
        if {"amount", "decision"} & set(changes):
            number = _correct_event(session, command, head, row, to)
        here = (receipt_line.c.receipt == head.id, receipt_line.c.line == line)
        values: dict[str, Any] = {"corrected_at": command.now}
        if to.price is not None and "price" in changes:
            values["price"] = micro(to.price)
        session.execute(update(receipt_line).where(*here).values(values))
        if {"produced_on", "expires_on"} & set(changes):
            said = NewLot(row.product_id, row.number, produced_on=to.produced_on, expires_on=to.expires_on)
            agree_on_lot(session, row.item, said, actor=command.actor, now=command.now, field="line")
        _keep(session, command, f"{receipt_id}/{line}", changes, reason, device, number)
        return {"id": receipt_id, "line": line, "changed": list(changes)}

    return run_once(session, command, "correct_receipt_line", act)


def _line_of(session: Session, head: Row[Any], line: int) -> Row[Any]:
    if head.undone_at is not None:
        raise Conflict(N_("The record {id} was undone; there is nothing to correct."), id=head.public_id)
    query = (
        select(receipt_line, lot.c.number, lot.c.produced_on, lot.c.expires_on, product.c.public_id.label("product_id"))
        .join(lot, lot.c.item == receipt_line.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(receipt_line.c.receipt == head.id, receipt_line.c.line == line)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such line."), field="line")
    return row


def _changes(row: Row[Any], to: LineCorrection) -> dict[str, tuple[str | None, str]]:
    """{field: (old, new)} of what is said differently, as text."""
    stands = {
        "amount": Decimal(row.amount) / MICRO,
        "decision": row.decision,
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
        "price": None if row.price is None else as_yuan(row.price),
    }
    said = {name: getattr(to, name) for name in stands}
    return {
        name: (None if stands[name] is None else _text(stands[name]), _text(value))
        for name, value in said.items()
        if value is not None and value != stands[name]
    }


def _text(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _check_told(
    session: Session, command: Command, changes: Mapping[str, tuple[str | None, str]], reason: str, device: str
) -> None:
    """R16: who, why, when, on what device; raises `Invalid`."""
    if not changes:
        raise Invalid(N_("Nothing is corrected: type what it should say."), field="amount")
    who = command.actor.name or command.actor.organisation_name
    rules = rules_on(session, command.day, command.actor.organisation)
    for name, (old, new) in changes.items():
        said = Correction(name, old, new, who, reason, command.now, device or "-")
        for fault in check_correction(said, command.now, rules):
            values: dict[str, Any] = dict(fault.values)
            raise Invalid(fault.message, field="reason", **values)


def _correct_event(session: Session, command: Command, head: Row[Any], row: Row[Any], to: LineCorrection) -> int:
    """The right event instead of the line's: its number. The line says what it says from now on."""
    decision = to.decision or Decision(row.decision)
    amount = row.amount if to.amount is None else micro(to.amount)
    if Decision(row.decision) not in _DISPOSITIONS or decision not in _DISPOSITIONS:
        raise Conflict(N_("What was refused is not corrected: record what came as a delivery."), field="decision")
    if amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field="amount")
    if row.decision == Decision.HOLD and decision is Decision.ACCEPT:
        _check_may_be_accepted(session, command, head, row)
    lock_items(session, [row.item])  # as whoever receives it does (`arrivals.lock_arrivals`)
    _check_sent(session, command, head, row, amount)
    right = _right_event(session, command, row, amount, _DISPOSITIONS[decision])
    (number,) = declare_wrong(session, command, [row.event], reason="incorrect_data", instead=[right])
    here = (receipt_line.c.receipt == head.id, receipt_line.c.line == row.line)
    values = {"amount": amount, "decision": decision.value, "event": number, "corrected_at": command.now}
    session.execute(update(receipt_line).where(*here).values(values))
    recount(session, command, number=head.id, line=row.line, amount=amount)
    return number


def _right_event(session: Session, command: Command, row: Row[Any], amount: int, disposition: Disposition) -> Event:
    """The event of a line with what it should say; raises `Conflict` where it is more than some of one lot."""
    document = load_document(documents_of(session, [row.event])[row.event])
    where = "childQuantityList" if "childQuantityList" in document else "quantityList"  # in a crate, or loose
    parts = document.get(where, [])
    if [part["quantity"] for part in parts] != [Decimal(row.amount) / MICRO]:
        raise Conflict(
            N_("Single packs and containers are not corrected line by line: send back or take out what is wrong."),
            field="amount",
        )
    (part,) = parts
    said = {
        "eventID": stamp_of(session, command).common()["event_id"],
        "disposition": str(disposition),
        where: [{**part, "quantity": Decimal(amount) / MICRO}],
    }
    return parse_document({**document, **said})


def _check_may_be_accepted(session: Session, command: Command, head: Row[Any], row: Row[Any]) -> None:
    """Raise `Conflict` where a finding of that day takes more than a reason: such goods are released, not corrected."""
    findings = [Finding(**{**kept, "severity": Severity(kept["severity"])}) for kept in row.findings]
    day = head.received_at.astimezone(command.now.tzinfo).date()
    needed = gravest_override(findings, rules_on(session, day, command.actor.organisation))
    if needed not in (Override.FREE, Override.REASON):
        raise Conflict(
            N_("A finding blocks this line. Hold it; release the goods once what was missing is there."),
            field="decision",
        )


def _check_sent(session: Session, command: Command, head: Row[Any], row: Row[Any], amount: int) -> None:
    """Raise `Conflict` for more than a sender on this system recorded as sent (`delivery.check_against_shipment`)."""
    if head.supplier is None or amount <= row.amount:
        return
    here = command.actor.organisation
    left = lock_transit(session, sender=head.supplier, receiver=here, items=[row.item]).get(row.item, -1)
    rules = rules_on(session, command.day, here)
    if left >= 0 and amount > (left + row.amount) * (1 + weighing_tolerance(row.unit, rules)):
        raise Conflict(
            N_("{sender} sent {sent} of {item} and {came} came: more than was sent. Correct the quantity."),
            field="amount",
            sender=head.supplier_name,
            sent=f"{Decimal(left + row.amount) / MICRO:f}",
            came=f"{Decimal(amount) / MICRO:f}",
            item=row.number,
        )


def _keep(
    session: Session,
    command: Command,
    subject: str,
    changes: Mapping[str, tuple[str | None, str]],
    reason: str,
    device: str,
    event: int | None,
) -> None:
    actor: Actor = command.actor
    rows = [
        {
            "organisation": actor.organisation,
            "kind": "receipt_line",
            "subject": subject,
            "field": name,
            "old": old,
            "new": new,
            "reason": reason,
            "event": event if name in ("amount", "decision") else None,
            "person": actor.person,
            "api_key": actor.api_key,
            "device": device[:120],
            "corrected_at": command.now,
        }
        for name, (old, new) in changes.items()
    ]
    session.execute(insert(correction), rows)
