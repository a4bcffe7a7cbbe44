"""Acceptance (验收) while it is going on: begun by a note, an order or an announcement, its lines typed and changed.

Nothing here is stock yet: `trace.services.accepting` makes the receipt. Everything that changes an acceptance passes
through its locked row, so that two people who scan at once open one line for a new product, not two.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, update
from sqlalchemy.orm import Session

from storage.tables import acceptance
from trace.domain.acceptance import AcceptanceState, OrderState
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.permissions import Actor
from trace.services.acceptance_codes import settle
from trace.services.acceptance_rows import (
    MORE,
    MOST_LINES,
    NewLine,
    end,
    line_update,
    lines_of,
    next_line,
    open_row,
    write_lines,
)
from trace.services.arrivals import Supplier, sender_of
from trace.services.commands import Command, run_once
from trace.services.delivery import expected
from trace.services.orders import find_order_row, get_order
from trace.services.organisations import new_public_id
from trace.services.stock_keeping import micro

_CHANGED = ("lot_number", "produced_on", "expires_on")


def open_acceptance(
    session: Session,
    command: Command,
    *,
    supplier: Supplier | None = None,
    order: str | None = None,
    announced: str | None = None,
    delivery_note: str = "",
    lines: Sequence[NewLine] = (),
) -> dict[str, Any]:
    """Begin to accept a delivery: by its note (`lines`), an order, what a sender announced (its public id), or nothing.

    The supplier is that of the order or the announcement where none is named. Raises `Invalid` where none is known.
    """

    def act() -> dict[str, Any]:
        return begin(
            session, command, supplier=supplier, order=order, announced=announced, note=delivery_note, lines=lines
        )

    return run_once(session, command, "open_acceptance", act)


def begin(
    session: Session,
    command: Command,
    *,
    supplier: Supplier | None,
    order: str | None,
    announced: str | None,
    note: str,
    lines: Sequence[NewLine],
) -> dict[str, Any]:
    """What `open_acceptance` does, within another command."""
    ordered = _order_of(session, command, order) if order else None
    if supplier is None and announced:
        supplier = Supplier(public_id=announced)
    if supplier is None and ordered is not None:
        card = get_order(session, actor=command.actor, public_id=str(order))["supplier"]
        supplier = Supplier(card["id"], card["name"], card["address"], card["contact"])
    if supplier is None:
        raise Invalid(N_("Say who delivers: a supplier, an order, or a shipment that was announced."), field="supplier")
    sender = sender_of(session, command.actor, supplier)
    public_id = new_public_id()
    values: dict[str, Any] = {
        "public_id": public_id,
        "organisation": command.actor.organisation,
        "purchase_order": ordered.id if ordered is not None else None,
        "supplier": {
            "id": sender.public_id,
            "name": sender.name,
            "address": sender.address,
            "contact": sender.contact,
        },
        "delivery_note": note,
        "state": AcceptanceState.OPEN.value,
        "transport": {},
        "scans": [],
        "person": command.actor.person,
        "opened_at": command.now,
    }
    number = session.execute(insert(acceptance).values(values).returning(acceptance.c.id)).scalar_one()
    note_lines = [*(_announced_lines(session, command.actor, announced) if announced else ()), *lines]
    write_lines(session, number, note_lines, first=0)
    return {"id": public_id, "lines": len(note_lines)}


def _order_of(session: Session, command: Command, public_id: str) -> Row[Any]:
    row = find_order_row(session, command.actor, public_id)
    if row.state != OrderState.OPEN:
        raise Conflict(N_("The order {number} is not open any more."), field="order", number=row.number)
    return row


def _announced_lines(session: Session, actor: Actor, sender: str) -> list[NewLine]:
    """What a sender recorded as on its way, as lines; what nobody described here is told when it is scanned."""
    return [
        NewLine(
            entry["product"]["id"],
            entry["amount"],
            entry["lot_number"],
            entry["produced_on"],
            entry["expires_on"],
            more={"lot": entry["lot"]} if entry["lot"] else {},
        )
        for entry in expected(session, actor=actor)
        if entry["sender"]["id"] == sender and entry["product"]
    ][:MOST_LINES]


def add_lines(session: Session, command: Command, *, public_id: str, lines: Sequence[NewLine]) -> dict[str, Any]:
    """Further lines of the delivery note; codes that were of no line yet fall to them where they fit.

    Two at once: the locked row of the acceptance.
    """

    def act() -> dict[str, Any]:
        row = open_row(session, command.actor, public_id)
        write_lines(session, row.id, lines, first=next_line(session, row.id))
        return {"id": public_id, "waiting": settle(session, command.actor, row.id)}

    return run_once(session, command, "add_acceptance_lines", act)


def change(
    session: Session,
    command: Command,
    *,
    public_id: str,
    lines: Mapping[int, Mapping[str, Any]],
    delivery_note: str | None = None,
    transport: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write what is typed on the lines ({line: {field: value}}), on the note's number, on how it came.

    `amount` and `price` are decimals, dates are dates, the rest are the fields of `MORE`. Codes fall again where a
    batch became known. The row's lock lines up two at once: of one field the later stands.
    """

    def act() -> dict[str, Any]:
        row = open_row(session, command.actor, public_id)
        known = {one.line: one for one in lines_of(session, row.id)}
        for number, told in lines.items():
            if number not in known:
                raise Invalid(N_("There is no such line."), field=f"lines.{number}")
            session.execute(line_update(row.id, number).values(_changes(known[number], told)))
        values: dict[str, Any] = {} if delivery_note is None else {"delivery_note": delivery_note}
        if transport is not None:
            values["transport"] = {**row.transport, **transport}
        if values:
            session.execute(update(acceptance).where(acceptance.c.id == row.id).values(values))
        return {"id": public_id, "waiting": settle(session, command.actor, row.id)}

    return run_once(session, command, "change_acceptance", act)


def _changes(row: Row[Any], told: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {name: told[name] for name in _CHANGED if name in told}
    for name in ("amount", "price"):
        if name in told:
            changes[name] = None if told[name] is None else micro(told[name])
    return {**changes, "more": {**row.more, **{name: value for name, value in told.items() if name in MORE}}}


def cancel(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """End an acceptance without receipt: nothing came, or it is begun anew. The row's lock lines up two at once."""

    def act() -> dict[str, Any]:
        row = open_row(session, command.actor, public_id)
        end(session, row.id, AcceptanceState.CANCELLED, closed_at=command.now)
        return {"id": public_id, "state": AcceptanceState.CANCELLED.value}

    return run_once(session, command, "cancel_acceptance", act)
