"""Recall notices: who is told what, until when to answer, and what they had when the notice went out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, union
from sqlalchemy.orm import Session

from storage.events import chunks, insert_for, uris_of
from storage.tables import lot, organisation, product, recall, recall_lot, recall_notice, stock
from trace.domain.products import Category
from trace.domain.recalls import RecallKind
from trace.domain.rules.safety import RecallClock, recall_clock
from trace.services.alerts import raise_alert
from trace.services.rulebook import rules_on

NOTICES = 500  # in one statement: five parameters each
NOTICE, ARRIVAL = "recall_notice", "recall_arrival"
ACCOUNTS = ("on_hand", "held", "sold", "came", "sent", "returned", "destroyed", "used", "missing")


def clock_of(session: Session, item: int, level: int, opened_at: datetime) -> RecallClock:
    """The clock of a recall of a lot (R13), by the rules of the day it was opened; `opened_at` in local time."""
    kind = session.execute(
        select(product.c.category).join(lot, lot.c.product == product.c.id).where(lot.c.item == item)
    ).scalar_one_or_none()
    rules = rules_on(session, opened_at.date(), 0)
    return recall_clock(opened_at, level, is_drug=kind == Category.DRUG, rules=rules)


def accounts_of(session: Session, recall_id: int, organisations: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """{organisation: what it has and had of what a recall reaches}, by lot and unit, in millionths.

    Each is {item, unit} and the accounts of stock; single packs are counted under their lot.
    """
    thing = func.coalesce(stock.c.lot, stock.c.item).label("thing")
    sums = [func.sum(stock.c[name]).label(name) for name in ACCOUNTS]
    by_item = select(stock.c.organisation, stock.c.item, stock.c.unit).join(
        recall_lot, recall_lot.c.item == stock.c.item
    )
    by_lot = select(stock.c.organisation, stock.c.item, stock.c.unit).join(recall_lot, recall_lot.c.item == stock.c.lot)
    mine = recall_lot.c.recall == recall_id
    rows = union(by_item.where(mine), by_lot.where(mine)).subquery()  # each by its own index
    same = [stock.c[name] == rows.c[name] for name in ("organisation", "item", "unit")]
    query = (
        select(stock.c.organisation, thing, stock.c.unit, *sums)
        .join(rows, and_(*same))
        .group_by(stock.c.organisation, thing, stock.c.unit)
        .order_by(stock.c.organisation, thing, stock.c.unit)
    )
    wanted = set(organisations)
    if wanted:
        query = query.where(stock.c.organisation.in_(wanted))
    found: dict[int, list[dict[str, Any]]] = {}
    for row in session.execute(query):
        accounts = {name: int(getattr(row, name)) for name in ACCOUNTS}
        if any(accounts.values()):
            found.setdefault(row.organisation, []).append({"item": row.thing, "unit": row.unit, **accounts})
    return found


def send_notices(
    session: Session,
    row: Row[Any],
    holders: Mapping[int, Sequence[Mapping[str, Any]]],
    *,
    now: datetime,
    arrived: bool = False,
) -> int:
    """Tell holders, {organisation: what it has and had (`accounts_of`)}, of a recall, each once: how many were told.

    An alert goes with each. None for a mere hold. Two at once: the primary key (recall, organisation) of
    `recall_notice` decides, the second inserts nothing and raises no alert.
    """
    if row.kind != RecallKind.RECALL or not holders:
        return 0
    due_at = clock_of(session, row.item, row.level, now).start_by
    told: list[int] = []
    for part in chunks(sorted(holders), NOTICES):
        rows = [
            {"recall": row.id, "organisation": one, "had": list(holders[one]), "due_at": due_at, "answer": ""}
            for one in part
        ]
        statement = insert_for(session, recall_notice).values(rows).on_conflict_do_nothing()
        told += session.scalars(statement.returning(recall_notice.c.organisation))
    code = uris_of(session, [row.item])[row.item]
    for part in chunks(sorted(told)):
        regions = select(organisation.c.id, organisation.c.region).where(organisation.c.id.in_(part))
        for holder, region in session.execute(regions.order_by(organisation.c.id)).tuples():
            raise_alert(
                session,
                kind=ARRIVAL if arrived else NOTICE,
                item=row.item,
                organisation=holder,
                region=region,
                details={"code": code, "subject": row.public_id},
                now=now,
            )
    return len(told)


def note_own(session: Session, row: Row[Any], organisation_id: int, person: int | None, now: datetime) -> None:
    """Who recalls knows of it: its own notice is answered as it is written; again is harmless."""
    values = {
        "recall": row.id,
        "organisation": organisation_id,
        "had": accounts_of(session, row.id, [organisation_id]).get(organisation_id, []),
        "due_at": now,
        "acknowledged_at": now,
        "acknowledged_by": person,
        "answer": "",
    }
    session.execute(insert_for(session, recall_notice).values(values).on_conflict_do_nothing())


def recall_row(session: Session, number: int) -> Row[Any]:
    """A recall by its number in the store."""
    return session.execute(select(recall).where(recall.c.id == number)).one()
