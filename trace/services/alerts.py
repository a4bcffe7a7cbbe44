"""Alerts: what somebody has to look at now, told to the shop that it concerns and to the inspectors of its region.

Some end by themselves, with the work they ask for; of the others (`BY_HAND`) people say what they did, the shop for
itself and each office of inspectors for itself: such an alert leaves the list of who said so, and nothing is deleted.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, insert, select
from sqlalchemy.orm import Session

from storage.tables import alert, alert_settlement, api_key, job, organisation, person
from trace.domain.permissions import Actor, region_prefix
from trace.services.look_up_log import note_look_up

DEAD = "job_dead"  # work in the background that stopped: `subject` is the number of the job
PAGE = 100
BY_HAND = frozenset({"code_in_two_stocks", "second_sale"})  # kinds that nothing else ends


def raise_alert(
    session: Session,
    *,
    kind: str,
    item: int,
    organisation: int,
    region: str,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Tell an organisation, and through its region the inspectors, about a lot or pack (`item`, its number).

    `kind` has a word, and as `todo_<kind>` what to do now, in the word lists. Of `details` these are shown: `code` (the
    text by which people find the thing), `subject` (public id of what the alert's link opens), `sales` ([{event, at,
    organisation}], only the reader's own are named), `facts` ({name: value} that the organisation itself may read).
    Nothing is unique here: two at once are two alerts, and whoever raises one says what keeps it from being raised
    twice.
    """
    values = {
        "kind": kind,
        "item": item,
        "organisation": organisation,
        "region": region,
        "details": dict(details),
        "created_at": now,
    }
    session.execute(insert(alert).values(values))


def page_of_alerts(
    session: Session,
    *,
    actor: Actor,
    now: datetime,
    limit: int = PAGE,
    since: datetime | None = None,
    but: Collection[str] = (),
    before: int | None = None,
    settled: bool = False,
) -> dict[str, Any]:
    """{alerts, next}: alerts of the actor's organisation; for inspectors, of their region: with the shops' names, and
    written down. `next` is what to give as `before` for older ones, None where there are none.

    Newest first; those of before `since` and of the kinds `but` are left out, and of work that stopped those that
    somebody decided on. Those that the actor's organisation settled are left out, or (`settled`) are all there is.
    `settlements` tells what was done, and who did: an inspector reads the shop's, too, a shop its own only.
    """
    _note(session, actor, now)
    return _page(session, actor, limit=limit, since=since, but=but, before=before, settled=settled)


def open_and_settled(session: Session, *, actor: Actor, now: datetime) -> tuple[dict[str, Any], ...]:
    """The newest page of those that are open, and of those that were settled (`page_of_alerts`): one look."""
    _note(session, actor, now)
    return _page(session, actor), _page(session, actor, settled=True)


def _note(session: Session, actor: Actor, now: datetime) -> None:
    note_look_up(session, actor=actor, what="alert", subject=actor.region, now=now)


def _page(
    session: Session,
    actor: Actor,
    *,
    limit: int = PAGE,
    since: datetime | None = None,
    but: Collection[str] = (),
    before: int | None = None,
    settled: bool = False,
) -> dict[str, Any]:
    ours = is_settled_by(actor.organisation)
    query = (
        select(alert, organisation.c.name)
        .join(organisation, organisation.c.id == alert.c.organisation)
        .where(is_seen_by(actor), alert.c.kind.not_in(but), ours if settled else ~ours)
        .order_by(alert.c.id.desc())
        .limit(limit + 1)
    )
    if since is not None:
        query = query.where(alert.c.created_at >= since)
    if before is not None:
        query = query.where(alert.c.id < before)
    found = session.execute(query).all()
    rows = _without_decided(session, found[:limit], actor)
    next_ = found[limit - 1].id if len(found) > limit else None
    return {"alerts": _told(session, actor, rows), "next": next_}


def _told(session: Session, actor: Actor, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    sold_at = {sale["organisation"] for row in rows for sale in row.details.get("sales", [])}
    if not actor.watches:
        sold_at &= {actor.organisation}  # where else a code was sold is for the inspector to find out
    names = select(organisation.c.id, organisation.c.name).where(organisation.c.id.in_(sold_at))
    known = dict(session.execute(names).tuples().all())
    by_hand = [row.id for row in rows if row.kind in BY_HAND]
    settlements = settlements_of(session, by_hand, by=None if actor.watches else actor.organisation)
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "by_hand": row.kind in BY_HAND,
            "organisation": row.name,
            "code": row.details.get("code", ""),
            "subject": row.details.get("subject", ""),
            "facts": row.details.get("facts", {}),
            "sales": [
                {"event": sale["event"], "at": sale["at"], "by": known.get(sale["organisation"], "")}
                for sale in row.details.get("sales", [])
            ],
            "created_at": row.created_at,
            "settlements": settlements.get(row.id, []),
        }
        for row in rows
    ]


def is_settled_by(whose: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Whether an organisation (its number) has said what was done about an alert."""
    return exists().where(alert_settlement.c.alert == alert.c.id, alert_settlement.c.organisation == whose)


def is_seen_by(actor: Actor) -> ColumnElement[bool]:
    """Whether an alert is of the actor's organisation, or, for who watches, of their region."""
    if actor.watches:
        return alert.c.region.startswith(region_prefix(actor.region))
    return alert.c.organisation == actor.organisation


def settlements_of(session: Session, alerts: Sequence[int], *, by: int | None) -> dict[int, list[dict[str, Any]]]:
    """{alert: [{organisation, by, at, action}]}, what was done about it, the first first; `by` one organisation, or
    (None) whoever."""
    who = func.coalesce(person.c.name, api_key.c.label, "").label("who")
    query = (
        select(alert_settlement, organisation.c.name, who)
        .join(organisation, organisation.c.id == alert_settlement.c.organisation)
        .outerjoin(person, person.c.id == alert_settlement.c.person)
        .outerjoin(api_key, api_key.c.id == alert_settlement.c.api_key)
        .where(alert_settlement.c.alert.in_(alerts))
        .order_by(alert_settlement.c.settled_at)
    )
    if by is not None:
        query = query.where(alert_settlement.c.organisation == by)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in session.execute(query):
        told = {"organisation": row.name, "by": row.who, "at": row.settled_at, "action": row.action}
        found.setdefault(row.alert, []).append(told)
    return found


def _without_decided(session: Session, rows: Sequence[Row[Any]], actor: Actor) -> list[Row[Any]]:
    """The alerts without those of work that goes on again; of work that stopped twice, the latest."""
    told = {row.details["subject"]: row.id for row in reversed(rows) if row.kind == DEAD}
    if not told:
        return list(rows)
    subject = alert.c.details["subject"].as_string()
    later = select(subject).where(alert.c.kind == DEAD, alert.c.id > rows[0].id, is_seen_by(actor), subject.in_(told))
    still = select(job.c.id).where(job.c.id.in_([int(number) for number in told]), job.c.dead_at.is_not(None))
    open_ = {told[str(number)] for number in session.scalars(still)} - {told[one] for one in session.scalars(later)}
    return [row for row in rows if row.kind != DEAD or row.id in open_]
