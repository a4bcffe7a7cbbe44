"""What comes back by its receipt (药品售出后因质量退回): whole packs, units of an open pack, packs without a code."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from storage.events import documents_of, uris_of
from storage.tables import MICRO, drug_sale, drug_sale_line
from trace.domain.dispensing import REASON_EXTENSION, RETURN_EXTENSION, UNITS_EXTENSION, Pack
from trace.domain.epcis.document import load_document
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, ObjectEvent, Quantity
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.money import money_text
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.counter import find_packs, line_up
from trace.services.making import Stamp
from trace.services.prices import as_yuan


def take_back_lines(
    session: Session, command: Command, *, sale: str, lines: Sequence[int], reason: str
) -> dict[str, Any]:
    """Lines of one's own receipt come back, all or none: {events, receipt, refund}; the packs are held, their codes
    open again. `refund` is what was paid for them, in yuan as text; None where no price is known.

    Units of an open pack put the whole pack on hold: what somebody had at home does not go back among the rest
    unseen. Raises `NotFound` for a receipt or line that is not there, `Conflict` for one that came back before,
    `Invalid` without a reason.

    Two at once: the locked row of the receipt decides between two who take back the same line, the locked row of the
    code between this and a sale (`code_sales.lock_heads`), that of the line between this and an error declaration.
    """

    def act() -> dict[str, Any]:
        receipt = _lock_receipt(session, command, sale)
        items = select(drug_sale_line.c.item).where(drug_sale_line.c.sale == receipt, drug_sale_line.c.line.in_(lines))
        uris = uris_of(session, session.scalars(items))
        packs = [uri for uri in uris.values() if uri_kind(uri) is UriKind.INSTANCE]
        made = stamp_of(session, command)
        line_up(session, made, packs, events=len(set(lines)))
        found = _lock_lines(session, receipt, lines)
        if not reason.strip():
            raise Invalid(N_("Say why it comes back: sold drugs come back for their quality only."), field="reason")
        known = find_packs(session, actor=command.actor, uris=packs)
        documents = documents_of(session, [row.event for row in found])
        events = []
        for number, row in enumerate(found):
            uri, sold_by = uris[row.item], load_document(documents[row.event])["eventID"]
            events.append(_event(made, number, row, uri, known.get(uri), sold_by, reason.strip()))
        done = capture(session, events, actor=command.actor, now=command.now)
        for row, captured in zip(found, done, strict=True):
            line = (drug_sale_line.c.sale == row.sale) & (drug_sale_line.c.line == row.line)
            values = {"returned_event": captured.event, "returned_at": command.now}
            session.execute(update(drug_sale_line).where(line).values(values))
        refund = _refund(found)
        return {"events": [captured.event_id for captured in done], "receipt": sale, "refund": refund}

    return run_once(session, command, "take_back_lines", act)


def _refund(rows: Sequence[Row[Any]]) -> str | None:
    prices = [as_yuan(row.price) for row in rows if row.price is not None]
    return money_text(sum(prices, Decimal(0))) if prices else None


def _lock_receipt(session: Session, command: Command, sale: str) -> int:
    mine = (drug_sale.c.public_id == sale) & (drug_sale.c.organisation == command.actor.organisation)
    receipt = session.execute(select(drug_sale.c.id).where(mine).with_for_update(key_share=True)).scalar_one_or_none()
    if receipt is None:
        raise NotFound(N_("There is no receipt {id}."), id=sale)
    return int(receipt)


def _lock_lines(session: Session, receipt: int, lines: Sequence[int]) -> list[Row[Any]]:
    """The lines, in their order, each once, locked: an error declaration closes them as well."""
    query = select(drug_sale_line).where(drug_sale_line.c.sale == receipt, drug_sale_line.c.line.in_(lines))
    rows = session.execute(query.order_by(drug_sale_line.c.line).with_for_update(key_share=True)).all()
    by_line = {row.line: row for row in rows}
    if not lines:
        raise Invalid(N_("Choose what comes back."), field="lines")
    for number in lines:
        if number not in by_line:
            raise NotFound(N_("The receipt has no line {line}."), field="lines", line=number)
        if by_line[number].returned_event is not None:
            text = N_("Line {line} of the receipt came back before, at {time}.")
            moment = by_line[number].returned_at.isoformat(timespec="minutes")
            raise Conflict(text, field="lines", line=number, time=moment)
    return [by_line[number] for number in sorted(set(lines))]


def _event(
    made: Stamp, number: int, row: Row[Any], uri: str, pack: Pack | None, sold_by: str, reason: str
) -> ObjectEvent:
    """What is recorded of one line: a customer brought it back. Of units, what becomes of the pack they belong to."""
    step, disposition, told = BizStep.RECEIVING, Disposition.RETURNED, {REASON_EXTENSION: reason}
    if row.split_units is not None:
        told |= {RETURN_EXTENSION: sold_by, UNITS_EXTENSION: str(row.split_units)}
        if pack is not None and pack.on_hand:
            step, disposition = BizStep.HOLDING, Disposition.NON_SELLABLE
        elif pack is not None and pack.held:
            step = BizStep.INSPECTING  # held already: nothing moves
    amount = Decimal(row.amount) / MICRO
    return ObjectEvent(
        **made.common(number),
        action=Action.OBSERVE,
        biz_step=step,
        disposition=disposition,
        epcs=(uri,) if pack is not None else (),
        quantities=() if pack is not None else (Quantity(uri, amount, row.unit),),
        extensions=told,
    )
