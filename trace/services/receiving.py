"""Receive goods: the supermarket's main job, and the pharmacy's.

A delivery comes with lines; each is recognised (`arrivals`), its papers are looked at (`inspecting`), and it is
accepted, held or refused. The result is the purchase inspection record (进货查验记录, 食品安全法 Art. 53, 65;
药品管理法 Art. 57) and one EPCIS event a line, with one more for each case on a pallet.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from storage import stock as stock_store
from storage.events import find_idents
from storage.tables import receipt, receipt_line, receipt_scan
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.events import Event
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.links import LOT_EXTENSION
from trace.domain.permissions import Actor
from trace.domain.rules.weighing import weighing_tolerance
from trace.services.arrivals import (
    Decision,
    Line,
    Prepared,
    Sender,
    Supplier,
    check_each_once,
    check_identifiers_known,
    lock_arrivals,
    prepare_lines,
    sender_of,
)
from trace.services.capture import capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.delivery import check_not_received_before
from trace.services.inspecting import find_faults, gather_papers
from trace.services.making import from_to, papers, seen
from trace.services.organisations import new_public_id
from trace.services.overrides import Agreement, check_decision, second_person
from trace.services.packs_elsewhere import alarm_elsewhere
from trace.services.paper_use import lock_papers, note_uses
from trace.services.rulebook import rules_on
from trace.services.scans import find_scan
from trace.services.stock_keeping import micro
from trace.services.suppliers import note_delivery

__all__ = ["Decision", "Line", "Supplier", "receive"]


def receive(
    session: Session,
    command: Command,
    *,
    supplier: Supplier,
    lines: Sequence[Line],
    delivery_note: str = "",
    scans: Sequence[str] = (),
    agreement: Agreement | None = None,
) -> dict[str, Any]:
    """Record a delivery: all lines or none. Answers the record's id and the number of its lines.

    Raises `Invalid` with the field at fault, `Conflict` for goods received before, for more than was sent, and for a
    line accepted against a finding that nobody may set aside, or only two people (`agreement` is what the second says).

    Two clerks who receive one delivery at once: both pass through the locked rows of its goods (`lock_arrivals`), so
    the later one finds it received. Two shops that receive under one paper: its locked row (`lock_papers`).
    """

    def act() -> dict[str, Any]:
        second = second_person(session, actor=command.actor, agreement=agreement) if agreement else None
        sender = sender_of(session, command.actor, supplier)
        prepared = prepare_lines(session, command, lines, command.day)
        check_identifiers_known(prepared)
        check_each_once(prepared)
        lock_arrivals(session, command.actor, sender, prepared)
        check_not_received_before(
            session,
            command.actor,
            sender.number,
            sender.name,
            delivery_note,
            [good.item for ready in prepared for good in ready.goods if good.amount is not None],
        )
        rules = rules_on(session, command.day, command.actor.organisation)
        for number, ready in enumerate(prepared):
            gather_papers(session, command, ready, sender, f"lines.{number}")
        lock_papers(session, prepared)
        for number, ready in enumerate(prepared):
            find_faults(session, command, ready, sender, f"lines.{number}", earlier=prepared[:number])
            check_decision(ready, rules, f"lines.{number}", agreement=agreement, second=second)
            _check_signers(command.actor, ready)
        numbers = _capture_lines(session, command, prepared, sender, delivery_note)
        goods = {number: ready.goods for number, ready in zip(numbers, prepared, strict=True)}
        alarm_elsewhere(session, actor=command.actor, sender=sender.number, goods=goods, now=command.now)
        return _record(session, command, prepared, sender, delivery_note, scans, numbers)

    if not lines:
        raise Invalid(N_("A delivery has at least one line."), field="lines")
    return run_once(session, command, "receive", act)


def _check_signers(actor: Actor, ready: Prepared) -> None:
    """Raise `Conflict` for a special drug (双人验收) that a program accepts with one person: two people have to sign.

    What only the house wants two people for (a finding), a program may put before the one who decides.
    """
    two = any(finding.rule == "TWO" for finding in ready.findings)
    if two and actor.person is None and ready.line.decision is Decision.ACCEPT:
        text = N_(
            "Two people sign for {product}, and the key of a program is nobody's signature:"
            " sign in and accept it on the page, or hold it."
        )
        raise Conflict(text, field="override.sign_in", product=ready.product.product_name)


def _capture_lines(
    session: Session, command: Command, prepared: Sequence[Prepared], sender: Sender, delivery_note: str
) -> list[int]:
    """One event a line, and one more for each case on a pallet; what is refused is recorded as seen and sent back.

    The answer is the first event of each line: of the goods, in the container they are in.
    """
    made = stamp_of(session, command)
    events: list[Event] = []
    firsts: list[int] = []
    for ready in prepared:
        fields: dict[str, Any] = {
            "biz_step": BizStep.INSPECTING if ready.line.decision is Decision.REFUSE else BizStep.RECEIVING,
            "disposition": {
                Decision.ACCEPT: Disposition.IN_PROGRESS,
                Decision.HOLD: Disposition.NON_SELLABLE,
                Decision.REFUSE: Disposition.NON_CONFORMANT,
            }[ready.line.decision],
            "biz_transactions": papers("desadv", delivery_note, sender.party),
            "sensor_elements": (*_temperature(ready.line.celsius), *ready.line.way),
            **from_to(sender.party, command.actor.party_uri),
        }
        if any(g.amount is None for g in ready.goods):
            fields["extensions"] = {LOT_EXTENSION: ready.lot}
        firsts.append(len(events))
        events += seen(made, ready.seen or ready.goods, number=len(events), **fields)
    done = capture(session, events, actor=command.actor, now=command.now)
    numbers = [done[first].event for first in firsts]
    for ready, number in zip(prepared, numbers, strict=True):
        if ready.line.decision is Decision.REFUSE and sender.number is not None:
            _send_back(session, command, sender.number, ready, number)
    return numbers


def _temperature(celsius: Decimal | None) -> tuple[dict[str, Any], ...]:
    if celsius is None:
        return ()
    return ({"sensorReport": [{"type": "Temperature", "value": celsius, "uom": "CEL"}]},)


def _send_back(session: Session, command: Command, sender: int, ready: Prepared, event: int) -> None:
    """Refused goods are on their way to where they came from: the sender sees them coming.

    Where the sender never recorded that they left, they still stand in the sender's stock and need no way back.
    """
    actor = command.actor
    rules = rules_on(session, command.day, actor.organisation)
    ids = find_idents(session, [g.item for g in ready.goods])
    sent = stock_store.lock_transit(session, sender=sender, receiver=actor.organisation, items=ids.values())
    lot = find_idents(session, [ready.lot])[ready.lot]
    for good in ready.goods:
        if sent.get(ids[good.item], -1) < 0:
            continue
        amount, unit = micro(good.amount if good.amount is not None else Decimal(1)), good.unit or PIECE
        item = ids[good.item]
        here, there = actor.organisation, sender
        crumb = int(amount * weighing_tolerance(unit, rules))
        came = stock_store.Passage(item, unit, there, here, -amount, event, lot, crumb)
        stock_store.note_passages(session, [came, stock_store.Passage(item, unit, here, there, amount, event, lot)])


def _record(
    session: Session,
    command: Command,
    prepared: Sequence[Prepared],
    sender: Sender,
    delivery_note: str,
    scans: Sequence[str],
    numbers: Sequence[int],
) -> dict[str, Any]:
    public_id = new_public_id()
    number = session.execute(
        insert(receipt)
        .values(
            public_id=public_id,
            organisation=command.actor.organisation,
            supplier=sender.number,
            supplier_file=note_delivery(session, command, sender),
            supplier_name=sender.name,
            supplier_address=sender.address,
            supplier_contact=sender.contact,
            delivery_note=delivery_note,
            received_at=command.happened_at or command.now,
            recorded_at=command.now,
            recorded_by=command.actor.person,
        )
        .returning(receipt.c.id)
    ).scalar_one()
    ids = find_idents(session, [ready.lot for ready in prepared])
    rows = [
        _line_row(number, position, ready, ids[ready.lot], event)
        for position, (ready, event) in enumerate(zip(prepared, numbers, strict=True))
    ]
    session.execute(insert(receipt_line), rows)
    note_uses(session, command, number, prepared, sender)
    photos = [find_scan(session, command.actor, public_id).id for public_id in dict.fromkeys(scans)]
    if photos:
        session.execute(insert(receipt_scan), [{"receipt": number, "scan": photo} for photo in photos])
    return {"id": public_id, "lines": len(rows)}


def _line_row(number: int, position: int, ready: Prepared, item: int, event: int) -> dict[str, Any]:
    line = ready.line
    return {
        "receipt": number,
        "line": position,
        "item": item,
        "product": ready.product.product,
        "amount": micro(ready.amount),
        "unit": ready.unit,
        "price": None if line.price is None else micro(line.price),
        "decision": line.decision.value,
        "reason": line.reason or line.no_code_reason,
        "findings": [finding.as_dict() for finding in ready.findings],
        "papers": ready.papers_there,
        "celsius": None if line.celsius is None else int(line.celsius * 100),
        "event": event,
        "overridden_by": ready.overridden_by,
        "override_reason": ready.override_reason,
    }
