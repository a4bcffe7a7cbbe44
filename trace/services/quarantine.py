"""Quarantine: what is kept apart, why, since when; and keeping all of a lot apart with one tap (R7, R14; GSP)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, uris_of
from storage.tables import (
    event,
    event_item,
    ident,
    lot,
    person,
    product,
    receipt,
    receipt_line,
    stock,
    storage_zone,
)
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Event
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.stock import STOCKTAKE
from trace.domain.uris import UriKind, uri_kind
from trace.services.balance import as_amount
from trace.services.capture import Captured, capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.goods_told import stored_events
from trace.services.lots import item_uri
from trace.services.making import Goods, seen
from trace.services.recall_stock import OF_RECALL

LISTED = 200  # lots
CODES = 200  # of one reason
_STEPS = (BizStep.HOLDING, BizStep.RECEIVING, BizStep.STOCK_TAKING)
_TRIES = 3  # a sale may take one of them meanwhile


def keep_apart(session: Session, command: Command, *, lots: Sequence[str], reason: str) -> dict[str, Any]:
    """Hold everything on hand of these lots, packs by their codes: {events, held: how many things}.

    Raises `Invalid` without a reason, `NotFound` for a lot of which nothing is on hand. Two at once, and a sale at the
    same moment: `storage.stock.lock_stock` decides, and what is there is looked at again.
    """

    def act() -> dict[str, Any]:
        if not reason.strip():
            raise Invalid(N_("Say why."), field="reason")
        uris = [item_uri(text, field=f"lots.{n}") for n, text in enumerate(lots)]
        numbers = find_idents(session, uris)
        done = hold_all(session, command, list(numbers.values()), reason.strip())
        if not done:
            raise NotFound(N_("Nothing of it is on hand."), field="lots")
        return {"events": [one.event_id for one, _ in done], "held": sum(count for _, count in done)}

    return run_once(session, command, "keep_apart", act)


def hold_all(
    session: Session, command: Command, lots: Sequence[int], reason: str, *, number: int = 0
) -> list[tuple[Captured, int]]:
    """Hold what is on hand of lots (their numbers) inside another command: each event, and of how many things it is.

    `number` is that of the event among those of the command.
    """
    for attempt in range(_TRIES):
        goods = on_hand_of(session, command.actor, lots)
        if not goods:
            return []
        try:
            with session.begin_nested():
                events = seen(
                    stamp_of(session, command),
                    goods,
                    number=number,
                    biz_step=BizStep.HOLDING,
                    disposition=Disposition.NON_SELLABLE,
                    extensions={"sunshine:reason": reason},
                )
                done = capture(session, events, actor=command.actor, now=command.now)
                return [(one, len(goods)) for one in done]
        except Conflict:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def on_hand_of(session: Session, actor: Actor, lots: Iterable[int]) -> list[Goods]:
    """What is on hand of these lots (their numbers): packs one by one, the rest by quantity."""
    found: list[Any] = []
    for part in chunks(sorted(set(lots))):
        mine = (stock.c.organisation == actor.organisation) & (stock.c.on_hand > 0)
        query = select(stock.c.item, stock.c.unit, stock.c.on_hand).where(
            mine, or_(stock.c.item.in_(part), stock.c.lot.in_(part))
        )
        found += session.execute(query.order_by(stock.c.item)).all()
    uris = uris_of(session, [row.item for row in found])
    return [
        Goods(uris[row.item], as_amount(row.on_hand), row.unit)
        if uri_kind(uris[row.item]) is UriKind.LOT
        else Goods(uris[row.item])
        for row in found
    ]


# ---- read -----------------------------------------------------------------------------------------------------------


def quarantined(session: Session, *, actor: Actor) -> dict[str, Any]:
    """{zone, lots, more}: what is held, by lot, the longest first; `zone` is the name of the quarantine area, or "".

    Each lot is {lot, lot_number, product, category, expires_on, unit, held, since, whys}; each why {kind, reason,
    subject, since, by, amount, codes, more}: `kind` is hold, recall, arrival, brought_back or found, `subject` the
    public id of the recall or receipt it comes from.
    """
    rows = session.execute(_held(actor)).all()
    last = _last_events(session, actor, {row.item for row in rows})
    events = stored_events(session, sorted({number for number, _ in last.values()}))
    arrivals = _arrivals(session, events)
    uris = uris_of(session, {row.item for row in rows})
    lots: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        entry = lots.setdefault((row.lot, row.unit), _lot_entry(row) | {"whys": {}})
        entry["held"] += as_amount(row.held)
        number, by = last.get(row.item, (0, ""))
        why = entry["whys"].setdefault(number, _why(events.get(number), arrivals.get(number)) | {"by": by or ""})
        why["amount"] += as_amount(row.held)
        if uri_kind(uris[row.item]) is UriKind.INSTANCE:
            why["packs"] += 1
            if len(why["codes"]) < CODES:
                why["codes"].append(uris[row.item])
    found = sorted(lots.values(), key=_since)
    names = uris_of(session, {number for number, _ in lots})
    for (number, _), entry in lots.items():
        entry |= {"lot": names[number], "whys": sorted(entry["whys"].values(), key=_moment)}
        entry["since"] = entry["whys"][0]["since"]
    return {"zone": _zone(session, actor), "lots": found[:LISTED], "more": max(len(found) - LISTED, 0)}


def _moment(why: Mapping[str, Any]) -> float:
    since: datetime | None = why["since"]
    return since.timestamp() if since else float("inf")


def _held(actor: Actor) -> Any:
    return (
        select(
            stock.c.item,
            stock.c.unit,
            stock.c.held,
            lot.c.item.label("lot"),
            lot.c.number,
            lot.c.expires_on,
            product.c.name,
            product.c.category,
        )
        .join(lot, lot.c.item == stock.c.lot)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == actor.organisation, stock.c.held > 0)
        .order_by(stock.c.item)
    )


def _lot_entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "lot_number": row.number,
        "product": row.name,
        "category": row.category,
        "expires_on": row.expires_on,
        "unit": row.unit,
        "held": as_amount(0),
    }


def _last_events(session: Session, actor: Actor, items: Iterable[int]) -> dict[int, tuple[int, str | None]]:
    """{item: (the number of the last own event that may have put it there, who did it)}."""
    query = (
        select(event_item.c.item, event.c.id, person.c.name)
        .join(event, event.c.id == event_item.c.event)
        .join(ident, ident.c.id == event.c.step)
        .join(person, person.c.id == event.c.person, isouter=True)
        .where(event.c.captured_by == actor.organisation, ident.c.uri.in_(_STEPS))
        .order_by(event_item.c.item, event_item.c.time, event_item.c.event)
    )
    return {
        item: (number, name)
        for part in chunks(sorted(items))
        for item, number, name in session.execute(query.where(event_item.c.item.in_(part))).tuples()
    }


def _arrivals(session: Session, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    """{event: (why the line was held, public id of its receipt)} of events that are lines of deliveries."""
    query = select(receipt_line.c.event, receipt_line.c.reason, receipt.c.public_id).join(
        receipt, receipt.c.id == receipt_line.c.receipt
    )
    return {
        number: (reason, public_id)
        for part in chunks(sorted(numbers))
        for number, reason, public_id in session.execute(query.where(receipt_line.c.event.in_(part))).tuples()
    }


def _why(told: Event | None, arrival: tuple[str, str] | None) -> dict[str, Any]:
    """Why something is held, by the event that put it there."""
    why: dict[str, Any] = {"kind": "hold", "reason": "", "subject": "", "since": None}
    if told is not None:
        why |= {"since": told.event_time, "reason": str(told.extensions.get("sunshine:reason", ""))}
        if OF_RECALL in told.extensions:
            why |= {"kind": "recall", "subject": str(told.extensions[OF_RECALL])}
        elif STOCKTAKE in told.extensions:
            why |= {"kind": "found", "subject": str(told.extensions[STOCKTAKE])}
        elif arrival is not None:
            why |= {"kind": "arrival", "reason": arrival[0], "subject": arrival[1]}
        elif told.biz_step == BizStep.RECEIVING:
            why |= {"kind": "brought_back" if told.disposition == Disposition.RETURNED else "arrival"}
    return why | {"amount": as_amount(0), "codes": [], "packs": 0}


def _since(entry: Mapping[str, Any]) -> Any:
    return min(map(_moment, entry["whys"].values())), entry["product"], entry["lot_number"]


def _zone(session: Session, actor: Actor) -> str:
    query = (
        select(storage_zone.c.name)
        .where(
            storage_zone.c.organisation == actor.organisation,
            storage_zone.c.kind == "quarantine",
            storage_zone.c.closed_at.is_(None),
        )
        .order_by(storage_zone.c.id)
    )
    return session.scalars(query).first() or ""
