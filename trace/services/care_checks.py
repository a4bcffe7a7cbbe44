"""Maintenance checks (养护检查, GSP): which lots are due, what was found, what was taken off the shelf."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.tables import (
    care_check,
    care_check_line,
    ident,
    lot,
    person,
    product,
    receipt,
    receipt_line,
    split_pack,
    stock,
)
from trace.domain.care import CareOutcome, InCare, due_on, key_reasons
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, ObjectEvent
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.rules.retention import KeptRecord, RecordKind, keep_until
from trace.services.balance import as_amount
from trace.services.capture import Captured, capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.lots import item_uri
from trace.services.making import split
from trace.services.organisations import new_public_id
from trace.services.quarantine import hold_all, on_hand_of
from trace.services.rulebook import rules_on
from trace.services.stock_list import near_lots

LISTED = 500


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of one lot (any text that names it)."""

    lot: str
    outcome: CareOutcome = CareOutcome.GOOD
    note: str = ""


def due_checks(session: Session, *, actor: Actor, on: date, zone: tzinfo, within: int = 7) -> dict[str, Any]:
    """{due, ahead: how many are not due within so many days, last: the day of the last check}.

    `due` are the lots of drugs in stock that are due by then, the longest overdue first: {lot, lot_number, product,
    expires_on, unit, on_hand, held, storage, since, due_on, overdue, reasons}.
    """
    rules = rules_on(session, on, actor.organisation)
    rows = session.execute(_in_stock(actor)).all()
    numbers = [row.item for row in rows]
    checked, came = _checked(session, actor, numbers), _came(session, actor, numbers, zone)
    near, opened = near_lots(session, actor=actor, on=on), _open_lots(session, actor)
    found = []
    for row in rows:
        since = checked.get(row.item) or came.get(row.item) or row.created_at.astimezone(zone).date()
        in_care = InCare(since, row.storage or "", row.drug_class or "", row.item in near, row.item in opened)
        reasons = key_reasons(in_care, rules)
        found.append({**_card(row), "since": since, "due_on": due_on(in_care, reasons, rules), "reasons": reasons})
    found.sort(key=lambda one: (one["due_on"], one["product"], one["lot_number"]))
    due = [{**one, "overdue": one["due_on"] < on} for one in found if (one["due_on"] - on).days <= within]
    return {"due": due[:LISTED], "more": max(len(due) - LISTED, 0), "ahead": len(found) - len(due)}


_HERE = stock.c.on_hand + stock.c.held


def _in_stock(actor: Actor) -> Any:
    return (
        select(
            lot.c.item,
            ident.c.uri,
            lot.c.number,
            lot.c.expires_on,
            lot.c.created_at,
            product.c.name,
            product.c.storage,
            product.c.drug_class,
            stock.c.unit,
            func.sum(stock.c.on_hand).label("on_hand"),
            func.sum(stock.c.held).label("held"),
        )
        .join(lot, lot.c.item == stock.c.lot)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == actor.organisation, product.c.category == Category.DRUG)
        .group_by(lot.c.item, ident.c.uri, product.c.id, stock.c.unit)
        .having(func.sum(_HERE) > 0)
    )


def _card(row: Row[Any]) -> dict[str, Any]:
    return {
        "lot": row.uri,
        "lot_number": row.number,
        "product": row.name,
        "expires_on": row.expires_on,
        "storage": row.storage or "",
        "unit": row.unit,
        "on_hand": as_amount(row.on_hand),
        "held": as_amount(row.held),
    }


def _checked(session: Session, actor: Actor, items: Sequence[int]) -> dict[int, date]:
    """{lot: the day of its last check here}."""
    query = (
        select(care_check_line.c.item, func.max(care_check.c.checked_on))
        .join(care_check, care_check.c.id == care_check_line.c.care_check)
        .where(care_check.c.organisation == actor.organisation)
        .group_by(care_check_line.c.item)
    )
    return _by_item(session, query, care_check_line.c.item, items)


def _came(session: Session, actor: Actor, items: Sequence[int], zone: tzinfo) -> dict[int, date]:
    """{lot: the day it came here first}."""
    query = (
        select(receipt_line.c.item, func.min(receipt.c.received_at))
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .where(receipt.c.organisation == actor.organisation, receipt.c.undone_at.is_(None))
        .group_by(receipt_line.c.item)
    )
    found: dict[int, datetime] = _by_item(session, query, receipt_line.c.item, items)
    return {item: moment.astimezone(zone).date() for item, moment in found.items()}


def _by_item(session: Session, query: Any, column: Any, items: Sequence[int]) -> dict[int, Any]:
    return {
        item: value for part in chunks(items) for item, value in session.execute(query.where(column.in_(part))).tuples()
    }


def _open_lots(session: Session, actor: Actor) -> set[int]:
    """The lots of which a pack is open on the counter."""
    same = (stock.c.organisation == split_pack.c.organisation) & (stock.c.item == split_pack.c.item)
    query = select(stock.c.lot).join(split_pack, same).where(split_pack.c.organisation == actor.organisation)
    return set(session.scalars(query.where(split_pack.c.sold < split_pack.c.units).distinct()))


def record_check(session: Session, command: Command, *, looked: Sequence[Looked], remarks: str = "") -> dict[str, Any]:
    """Record a look at lots of drugs: {id, held: how many things went off the shelf, events}.

    What is good is seen (CBV inspecting, conformant); what is in doubt is held with all that is on hand of it, until a
    person decides (GSP: 撤柜, 停止销售). Raises `Invalid` for a doubt without a note, `NotFound` for a lot of which
    nothing is here. Two at once are two checks; `storage.stock.lock_stock` decides who holds the goods.
    """

    def act() -> dict[str, Any]:
        numbers = _numbers(session, command.actor, looked)
        public_id = new_public_id()
        values = {
            "public_id": public_id,
            "organisation": command.actor.organisation,
            "checked_on": command.day,
            "remarks": remarks.strip(),
            "person": command.actor.person,
            "recorded_at": command.now,
        }
        number = session.execute(insert(care_check).values(values).returning(care_check.c.id)).scalar_one()
        done = _act_on(session, command, list(zip(numbers, looked, strict=True)))
        lines = [
            {
                "care_check": number,
                "item": item,
                "outcome": one.outcome.value,
                "note": one.note.strip(),
                "event": done[item][0].event if item in done else None,
            }
            for item, one in zip(numbers, looked, strict=True)
        ]
        session.execute(insert(care_check_line), lines)
        events = list(dict.fromkeys(captured.event_id for captured, _ in done.values()))
        return {"id": public_id, "held": sum(held for _, held in done.values()), "events": events}

    return run_once(session, command, "record_care_check", act)


def _numbers(session: Session, actor: Actor, looked: Sequence[Looked]) -> list[int]:
    """The numbers of the lots, in their order, each of them here and named once."""
    uris = [item_uri(one.lot, field=f"lots.{n}.lot") for n, one in enumerate(looked)]
    if not uris or len(set(uris)) != len(uris):
        raise Invalid(N_("Name the lots that were looked at, each once."), field="lots")
    ids = find_idents(session, uris)
    mine = _in_stock(actor).where(lot.c.item.in_(list(ids.values())))
    here = {row.item for row in session.execute(mine)}
    for n, (uri, one) in enumerate(zip(uris, looked, strict=True)):
        if ids.get(uri) not in here:
            raise NotFound(N_("Nothing of the lot {lot} is in stock here."), field=f"lots.{n}.lot", lot=one.lot[:80])
        if one.outcome is CareOutcome.HELD and not one.note.strip():
            raise Invalid(N_("Say what is wrong with it."), field=f"lots.{n}.note")
    return [ids[uri] for uri in uris]


def _act_on(
    session: Session, command: Command, looked: Sequence[tuple[int, Looked]]
) -> dict[int, tuple[Captured, int]]:
    """{lot: (its event, how many things of it were held)}: what is good is seen, what is in doubt is held."""
    found: dict[int, tuple[Captured, int]] = {}
    good = [item for item, one in looked if one.outcome is CareOutcome.GOOD]
    goods = on_hand_of(session, command.actor, good)
    if goods:
        epcs, quantities = split(goods)[None]
        event = ObjectEvent(
            **stamp_of(session, command).common(),
            action=Action.OBSERVE,
            biz_step=BizStep.INSPECTING,
            disposition=Disposition.CONFORMANT,
            epcs=epcs,
            quantities=quantities,
        )
        (seen_good,) = capture(session, [event], actor=command.actor, now=command.now)
        found = dict.fromkeys(good, (seen_good, 0))
    for number, (item, one) in enumerate(looked, start=1):
        if one.outcome is CareOutcome.HELD:
            for held in hold_all(session, command, [item], one.note.strip(), number=number):
                found[item] = held
    return found


def list_checks(session: Session, *, actor: Actor, limit: int = 20, before: int | None = None) -> list[dict[str, Any]]:
    """Checks of the organisation with their lots, the newest first: {id, number, checked_on, recorded_at, by, remarks,
    lots, keep_until}; `before` is the `number` of the last one of the page before."""
    query = (
        select(care_check, person.c.name)
        .join(person, person.c.id == care_check.c.person, isouter=True)
        .where(care_check.c.organisation == actor.organisation)
        .order_by(care_check.c.id.desc())
        .limit(limit)
    )
    rows = session.execute(query.where(care_check.c.id < before) if before else query).all()
    lines = _lines(session, [row.id for row in rows])
    return [
        {
            "id": row.public_id,
            "number": row.id,
            "checked_on": row.checked_on,
            "recorded_at": row.recorded_at,
            "by": row.name or "",
            "remarks": row.remarks,
            "lots": lines.get(row.id, []),
            "keep_until": kept_until(session, row.checked_on),
        }
        for row in rows
    ]


def kept_until(session: Session, made_on: date) -> date | None:
    """The last day a record of stock care is kept (R15)."""
    return keep_until(KeptRecord(RecordKind.CARE, made_on), rules_on(session, made_on, 0))


def _lines(session: Session, checks: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    query = (
        select(care_check_line, ident.c.uri, lot.c.number, product.c.name)
        .join(ident, ident.c.id == care_check_line.c.item)
        .join(lot, lot.c.item == care_check_line.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(care_check_line.c.care_check.in_(list(checks)))
        .order_by(care_check_line.c.outcome.desc(), product.c.name, lot.c.number)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in session.execute(query):
        found.setdefault(row.care_check, []).append(
            {"lot": row.uri, "lot_number": row.number, "product": row.name, "outcome": row.outcome, "note": row.note}
        )
    return found
