"""Holds and recalls as they are read: by who recalls, by each holder, by the inspector, by the customers of a shop.

A holder sees its own part. Who recalls sees those it dealt with by name and with quantities, and of all further ones
kind of business, county and whether they answered: who buys from one's customers is their secret. An inspector sees the
region, and the look is written down (R18).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, or_, select
from sqlalchemy.orm import Session

from storage.events import makers_of
from storage.stock import dealt_with, items_ever_here
from storage.tables import (
    MICRO,
    ident,
    lot,
    organisation,
    person,
    product,
    recall,
    recall_held,
    recall_lot,
    recall_notice,
)
from storage.tenancy import across
from trace.domain.permissions import Actor, in_region, region_prefix
from trace.domain.recalls import RecallKind, Standing, answers_of, state_of
from trace.domain.regions import region_name
from trace.domain.working_days import is_guess
from trace.services.look_up_log import note_look_up
from trace.services.lots import names_of
from trace.services.recall_notices import ACCOUNTS, accounts_of
from trace.services.recall_reach import reach_of
from trace.services.recalls import check_may_open, get_recall_row, is_maker, lot_number, no_recall
from trace.services.rulebook import rules_on
from trace.services.sales import possible_sales

LISTED = 100


@across(because="who opened a recall sees what its holders answered")
def list_recalls(session: Session, *, actor: Actor, now: datetime, limit: int = LISTED) -> dict[str, Any]:
    """{notices: the own organisation's, unanswered first; recalls: the own, for inspectors the region's}, newest first.

    An inspector's look is written down.
    """
    note_look_up(session, actor=actor, what="recall", subject=actor.region, now=now)
    rows = session.execute(_with_names().where(_of(actor)).order_by(recall.c.id.desc()).limit(limit)).all()
    own_notice = (recall_notice.c.recall == recall.c.id) & (recall_notice.c.organisation == actor.organisation)
    query = _with_names(recall_notice.c.due_at.label("answer_by"), recall_notice.c.acknowledged_at)
    notices = session.execute(
        query.join(recall_notice, own_notice)
        .where(recall.c.organisation != actor.organisation)
        .order_by(recall_notice.c.acknowledged_at.is_not(None), recall.c.id.desc())
        .limit(limit)
    ).all()
    waiting = _still_held(session, actor, [row.id for row in notices])
    counts = _answers(session, [row.id for row in rows], now)
    return {
        "notices": [
            {
                **_card(row, now),
                "answer_by": row.answer_by,
                "acknowledged_at": row.acknowledged_at,
                "late": row.acknowledged_at is None and row.lifted_at is None and now > row.answer_by,
                "to_put_back": row.lifted_at is not None and row.id in waiting,
            }
            for row in notices
        ],
        "recalls": [{**_card(row, now), **counts.get(row.id, _NO_ANSWERS)} for row in rows],
    }


_NO_ANSWERS = {"told": 0, "answered": 0, "late": 0}


def _with_names(*more: Any) -> Any:
    return (
        select(
            recall,
            *more,
            organisation.c.name.label("by"),
            ident.c.uri,
            lot.c.number,
            product.c.name.label("product_name"),
            product.c.category,
        )
        .join(organisation, organisation.c.id == recall.c.organisation)
        .join(ident, ident.c.id == recall.c.item)
        .join(lot, lot.c.item == recall.c.item, isouter=True)
        .join(product, product.c.id == lot.c.product, isouter=True)
    )


def _of(actor: Actor) -> ColumnElement[bool]:
    """Whose holds and recalls the actor's list has: the own, for inspectors those that touch the region."""
    own = recall.c.organisation == actor.organisation
    if not actor.watches:
        return own
    region = region_prefix(actor.region)
    told = (
        select(recall_notice.c.recall)
        .join(organisation, organisation.c.id == recall_notice.c.organisation)
        .where(recall_notice.c.recall == recall.c.id, organisation.c.region.startswith(region))
        .correlate(recall)
    )
    return or_(own, recall.c.region.startswith(region), exists(told))


def _card(row: Row[Any], now: datetime) -> dict[str, Any]:
    standing = state_of(row.lifted_at, row.closed_at)
    return {
        "id": row.public_id,
        "kind": row.kind,
        "level": row.level,
        "by": row.by,
        "reason": row.reason,
        "lot": row.uri,
        "lot_number": row.number or "",
        "product": row.product_name or "",
        "category": row.category or "",
        "opened_at": row.opened_at,
        "due_at": row.due_at,
        "overdue": standing is Standing.OPEN and row.due_at is not None and now > row.due_at,
        "state": standing.value,
        "ended_at": row.lifted_at or row.closed_at,
        "ended_reason": row.lifted_reason or row.closed_reason,
        "complete": row.complete,
    }


def _answers(session: Session, recalls: Iterable[int], now: datetime) -> dict[int, dict[str, int]]:
    query = select(recall_notice.c.recall, recall_notice.c.due_at, recall_notice.c.acknowledged_at)
    found: dict[int, list[tuple[datetime, datetime | None]]] = {}
    for number, due, answered in session.execute(query.where(recall_notice.c.recall.in_(list(recalls)))):
        found.setdefault(number, []).append((due, answered))
    return {
        number: {"told": (a := answers_of(notices, now)).told, "answered": a.answered, "late": a.late}
        for number, notices in found.items()
    }


def _still_held(session: Session, actor: Actor, recalls: Iterable[int]) -> set[int]:
    query = select(recall_held.c.recall).where(
        recall_held.c.recall.in_(list(recalls)),
        recall_held.c.organisation == actor.organisation,
        recall_held.c.amount > 0,
    )
    return set(session.scalars(query.distinct()))


# ---- one of them ----------------------------------------------------------------------------------------------------


@across(because="who opened a recall sees what its holders answered")
def get_recall(session: Session, *, actor: Actor, public_id: str, now: datetime) -> dict[str, Any]:
    """One hold or recall as the reader may see it: {..., view: own, holder or inspector, lots, holders, totals, mine}.

    Amounts are exact, by lot and unit: what was there when the notice went out, what is there now, what went back and
    was destroyed since, what was sold for certain and what may have been. Raises `NotFound` for a recall that is none
    of the reader's business.
    """
    found = get_recall_row(session, public_id)
    row = session.execute(_with_names().where(recall.c.id == found.id)).one()
    notices = _notices(session, row.id)
    view = _view(session, actor, row, notices)
    note_look_up(session, actor=actor, what="recall", subject=public_id, now=now)
    told = {row.organisation} if row.kind == RecallKind.HOLD else {notice.organisation for notice in notices}
    having = accounts_of(session, row.id, told if view != "holder" else (actor.organisation,))
    sold = possible_sales(session, {entry["item"] for lots in having.values() for entry in lots})
    names = names_of(session, {entry["item"] for lots in having.values() for entry in lots})
    before = {notice.organisation: _by_lot(notice.had) for notice in notices}
    holders = {
        number: [_amounts(number, entry, before.get(number, {}), sold, names) for entry in lots]
        for number, lots in having.items()
    }
    # Of whom it dealt with who recalls knows the names anyway.
    near = dealt_with(session, row.organisation, before) if view == "own" else set()
    cards = [_holder(notice, holders.get(notice.organisation, []), actor, view, near, now) for notice in notices]
    mine = next((n for n in notices if n.organisation == actor.organisation), None)
    return {
        **_card(row, now),
        "due_guessed": _is_guessed(session, row, now),
        "view": view,
        "lots": _reached(session, row, actor, view, holders.get(actor.organisation, [])),
        "holders": [card for card in cards if card is not None] if view != "holder" else [],
        "totals": _totals(holders.values()) if view != "holder" else [],
        "mine": {
            "lots": holders.get(actor.organisation, []),
            "answer_by": mine.due_at if mine else None,
            "acknowledged_at": mine.acknowledged_at if mine else None,
            "answer": mine.answer if mine else "",
            "late": mine is not None and mine.acknowledged_at is None and now > mine.due_at,
            "to_put_back": row.lifted_at is not None and bool(_still_held(session, actor, [row.id])),
        },
        **answers_as_dict(notices, now),
    }


def _is_guessed(session: Session, row: Row[Any], now: datetime) -> bool:
    """Whether the day it is due was counted without the holidays of some year (R13)."""
    if row.due_at is None:
        return False
    opened, due = (moment.astimezone(now.tzinfo).date() for moment in (row.opened_at, row.due_at))
    return is_guess(opened, due, rules_on(session, opened, row.organisation))


def answers_as_dict(notices: Iterable[Row[Any]], now: datetime) -> dict[str, int]:
    """How many holders were told, answered, are late."""
    answers = answers_of([(notice.due_at, notice.acknowledged_at) for notice in notices], now)
    return {"told": answers.told, "answered": answers.answered, "late": answers.late}


def _notices(session: Session, recall_id: int) -> list[Row[Any]]:
    query = (
        select(
            recall_notice,
            organisation.c.name,
            organisation.c.kind,
            organisation.c.region,
            organisation.c.contact,
            person.c.name.label("answered_by"),
        )
        .join(organisation, organisation.c.id == recall_notice.c.organisation)
        .join(person, person.c.id == recall_notice.c.acknowledged_by, isouter=True)
        .where(recall_notice.c.recall == recall_id)
        .order_by(recall_notice.c.acknowledged_at.is_not(None), recall_notice.c.due_at, organisation.c.name)
    )
    return list(session.execute(query))


def _view(session: Session, actor: Actor, row: Row[Any], notices: Iterable[Row[Any]]) -> str:
    if actor.watches:
        seen = row.organisation == actor.organisation or in_region(row.region, actor.region)
        if seen or any(in_region(notice.region, actor.region) for notice in notices):
            return "inspector"
    elif row.organisation == actor.organisation:
        return "own"
    elif any(notice.organisation == actor.organisation for notice in notices):
        return "holder"
    raise no_recall(row.public_id)


def _by_lot(had: Iterable[Mapping[str, Any]]) -> dict[tuple[int, str], Mapping[str, Any]]:
    return {(entry["item"], entry["unit"]): entry for entry in had}


def _amounts(
    holder: int,
    entry: Mapping[str, Any],
    before: Mapping[tuple[int, str], Mapping[str, Any]],
    sold: Mapping[tuple[int, int, str], Any],
    names: Mapping[int, tuple[str, Any]],
) -> dict[str, Any]:
    """One lot at one holder: then, now, since."""
    uri, known = names[entry["item"]]
    had = before.get((entry["item"], entry["unit"]), {})
    sales = sold.get((holder, entry["item"], entry["unit"]))
    then = {name: int(had.get(name, 0)) for name in ACCOUNTS}
    figures = {
        "had": then["on_hand"] + then["held"],
        "on_hand": entry["on_hand"],
        "held": entry["held"],
        "returned": entry["returned"] - then["returned"] if had else 0,
        "destroyed": entry["destroyed"] - then["destroyed"] if had else 0,
        "sold": max(entry["sold"] - (sales.attributed if sales else 0), 0),  # what was brought back counts here
        "possible": sales.possible if sales else 0,
    }
    return {
        "lot": uri,
        "product": known.product_name if known else "",
        "lot_number": known.number if known else "",
        "unit": entry["unit"],
        **{name: Decimal(value) / MICRO for name, value in figures.items()},
    }


def _totals(holders: Iterable[Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The amounts of all holders together, by unit."""
    sums: dict[str, dict[str, Any]] = {}
    for entry in (entry for lots in holders for entry in lots):
        total = sums.setdefault(entry["unit"], {"unit": entry["unit"]})
        for name, value in entry.items():
            if isinstance(value, Decimal):
                total[name] = total.get(name, Decimal(0)) + value
    return [sums[unit] for unit in sorted(sums)]


def _holder(
    notice: Row[Any], lots: list[dict[str, Any]], actor: Actor, view: str, near: set[int], now: datetime
) -> dict[str, Any] | None:
    """A holder as the reader may know it."""
    known = notice.organisation in near or notice.organisation == actor.organisation
    known |= view == "inspector" and in_region(notice.region, actor.region)
    return {
        "name": notice.name if known else "",
        "contact": notice.contact if known else "",
        "kind": notice.kind,
        "region": region_name(notice.region),
        "answer_by": notice.due_at,
        "acknowledged_at": notice.acknowledged_at,
        "by": notice.answered_by or "" if known else "",
        "answer": notice.answer if known else "",
        "late": notice.acknowledged_at is None and now > notice.due_at,
        "lots": lots if known else [],
    }


def _reached(
    session: Session, row: Row[Any], actor: Actor, view: str, mine: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """{known: the lots that the reader knows by name, others: how many more}."""
    items = set(session.scalars(select(recall_lot.c.item).where(recall_lot.c.recall == row.id)))
    names = names_of(session, items)
    if view == "inspector":
        known = items
    else:
        made = {item for item, makers in makers_of(session, items).items() if actor.organisation in makers}
        here = {entry["lot"] for entry in mine}
        known = made | {item for item, (uri, _) in names.items() if uri in here}
        known |= {row.item} if view == "own" else set()
    told = [
        {"lot": uri, "product": of.product_name if of else "", "lot_number": of.number if of else ""}
        for item, (uri, of) in sorted(names.items())
        if item in known
    ]
    # A hold is set by who had the lot: into what others made it is no business of theirs.
    return {"known": told, "others": 0 if row.kind == RecallKind.HOLD or view == "holder" else len(items - known)}


# ---- before it is opened, and for customers -------------------------------------------------------------------------


@across(because="who may recall sees where the goods went")
def reach(session: Session, *, actor: Actor, lot: str, now: datetime) -> dict[str, Any]:
    """What a hold or recall of a lot would reach: {lot, product, lots, complete, without_lot (kinds of
    goods it went into that name no lot and cannot be stopped), may_hold, may_recall}.

    Nothing is locked or kept; an inspector's look is written down. Raises `NotFound` for what is none of the actor's
    business, `Invalid` for a text that names no lot.
    """
    item = lot_number(session, actor, lot)
    note_look_up(session, actor=actor, what="recall", subject=lot[:200], now=now)
    found = reach_of(session, item)
    check_may_open(session, actor, item, found, RecallKind.RECALL if actor.watches else RecallKind.HOLD, lot)
    uri, of = names_of(session, [item])[item]
    made = is_maker(session, actor, item)
    return {
        "lot": uri,
        "product": of.product_name if of else "",
        "lot_number": of.number if of else "",
        "category": of.category if of else "",
        "lots": len(
            found.items if actor.watches or made else items_ever_here(session, actor.organisation, found.items)
        ),
        "complete": found.complete,
        "without_lot": len(found.without_lot) if actor.watches or made else 0,
        "may_hold": not actor.watches,
        "may_recall": actor.watches or made,
    }


def customer_notice(session: Session, *, actor: Actor, public_id: str, now: datetime) -> dict[str, Any]:
    """What a shop puts up for its customers: goods and lots it sold, why, whom to ask (食品安全法 Art. 63)."""
    found = get_recall(session, actor=actor, public_id=public_id, now=now)
    own = session.execute(select(organisation).where(organisation.c.id == actor.organisation)).one()
    return {
        **{name: found[name] for name in ("id", "kind", "level", "by", "reason", "opened_at")},
        "lots": found["mine"]["lots"] or found["lots"]["known"],
        "shop": own.name,
        "address": own.address,
        "contact": own.contact,
        "day": now.date(),
    }


def urgent_notices(session: Session, *, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """The notices that the own organisation has to answer."""
    waiting = (recall_notice.c.recall == recall.c.id) & (recall_notice.c.organisation == actor.organisation)
    query = (
        _with_names(recall_notice.c.due_at.label("answer_by"))
        .join(recall_notice, waiting)
        .where(recall_notice.c.acknowledged_at.is_(None), recall.c.lifted_at.is_(None))
        .order_by(recall_notice.c.due_at)
    )
    return [{**_card(row, now), "answer_by": row.answer_by} for row in session.execute(query)]
