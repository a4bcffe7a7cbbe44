"""The self-checks (日管控、周排查、月调度): a draft made of what was recorded, signed by a person, never changed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.tables import (
    alert,
    correction,
    disposal,
    event_withdrawn,
    lot,
    organisation,
    person,
    rapid_test,
    recall,
    recall_notice,
    receipt,
    receipt_line,
    self_check,
    stock,
)
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor, in_region
from trace.domain.self_checks import CheckKind, answer_points, period_of, risk_points
from trace.domain.working_days import is_working_day
from trace.services.alerts import DEAD
from trace.services.commands import Command, run_once
from trace.services.look_up_log import note_look_up
from trace.services.organisations import get_organisation_row, new_public_id
from trace.services.papers import due
from trace.services.rulebook import rules_on

_SUPPLIER_RULES = ("R2", "BLOCKED", "STANDING", "FIRST")
MOST_LINES = 20_000  # of one period that are looked at


def draft(session: Session, *, actor: Actor, kind: CheckKind, day: date, now: datetime) -> dict[str, Any]:
    """The self-check of the period a day belongs to, as the records stand now: nothing to type.

    Raises `Invalid` for a period that has not begun.
    """
    first, last = period_of(kind, day)
    if first > now.date():
        raise Invalid(N_("The period from {first} has not begun."), field="day", first=first.isoformat())
    rules = rules_on(session, min(last, now.date()), actor.organisation)
    numbers = _numbers(session, actor, first, last, now)
    content: dict[str, Any] = {
        "kind": kind.value,
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "organisation": actor.organisation_name,
        "as_of": now.isoformat(timespec="seconds"),
        "numbers": numbers,
        "points": answer_points(risk_points(rules), numbers, {}),
    }
    if kind is not CheckKind.DAILY:
        below = CheckKind.DAILY if kind is CheckKind.WEEKLY else CheckKind.WEEKLY
        content["signed"], content["missing"] = _below(session, actor, below, first, min(last, now.date()))
    return content


def sign(
    session: Session, command: Command, *, kind: CheckKind, day: date, problems: Mapping[str, str], remarks: str = ""
) -> dict[str, Any]:
    """Sign a self-check: what stands in it then is kept as bytes with its hash.

    `problems`, {code: what is wrong}, are those points a person looks at. Raises `Invalid` for a machine (a person
    signs), for a point that is not on the list and for a period still to come, `Conflict` for one that is signed, or
    whose time to sign is over. Two at once: the unique key (organisation, kind, first day) decides.
    """

    def act() -> dict[str, Any]:
        if command.actor.person is None:
            raise Invalid(N_("A self-check is signed by a person: sign in as one."), field="person")
        content = draft(session, actor=command.actor, kind=kind, day=day, now=command.now)
        last = date.fromisoformat(content["last_day"])
        rules = rules_on(session, min(last, command.now.date()), command.actor.organisation)
        points = risk_points(rules)
        _check_points(points, problems)
        _check_in_time(session, command, kind, last)
        content["points"] = answer_points(points, content["numbers"], problems)
        content |= {"remarks": remarks, "signed_by": command.actor.name, "role": command.actor.role.value}
        document = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        values = {
            "public_id": new_public_id(),
            "organisation": command.actor.organisation,
            "kind": kind.value,
            "first_day": date.fromisoformat(content["first_day"]),
            "last_day": last,
            "content": document,
            "sha256": hashlib.sha256(document).hexdigest(),
            "remarks": remarks,
            "signed_by": command.actor.person,
            "signed_at": command.now,
        }
        try:
            with session.begin_nested():
                session.execute(insert(self_check).values(values))
        except IntegrityError as fault:
            raise Conflict(
                N_("The self-check of {first} is signed already; what is signed is not changed."),
                field="day",
                first=content["first_day"],
            ) from fault
        return {"id": values["public_id"], "sha256": values["sha256"]}

    return run_once(session, command, "sign_self_check", act)


def _check_points(points: Sequence[Any], problems: Mapping[str, str]) -> None:
    looked_at = {point.code for point in points if not point.source}
    for code in problems:
        if code not in looked_at:
            raise Invalid(N_("The list of risk points has no point {code} to look at."), field="problems", code=code)


def _check_in_time(session: Session, command: Command, kind: CheckKind, last: date) -> None:
    """A signature is of the moment it is given, whatever a program says of when it happened."""
    today = command.now.date()
    days = int(rules_on(session, today, command.actor.organisation).value("self_check.days_late"))
    if today - last > timedelta(days=days):
        raise Conflict(
            N_("The time to sign the self-check of {last} ended {days} days after it; the day stays open."),
            field="day",
            last=last.isoformat(),
            days=days,
        )
    if kind is not CheckKind.DAILY and today < last:
        raise Conflict(N_("The period ends on {last}; sign it then."), field="day", last=last.isoformat())


def get_check(
    session: Session, *, actor: Actor, kind: CheckKind, day: date, now: datetime, whose: str = ""
) -> dict[str, Any]:
    """The signed self-check of a period, or its draft: {content, signed, changed_since, recorded_since}.

    An inspector names an organisation of the region and sees signed ones only, written down (R18); raises `NotFound`.
    """
    if not actor.watches:
        row = _signed(session, actor.organisation, kind, period_of(kind, day)[0])
        if row is None:
            return {"content": draft(session, actor=actor, kind=kind, day=day, now=now), "signed": None}
        return _told(session, row, now)
    shop = get_organisation_row(session, whose)
    row = _signed(session, shop.id, kind, period_of(kind, day)[0]) if in_region(shop.region, actor.region) else None
    if row is None:
        raise NotFound(N_("There is no signed self-check of this day."))
    note_look_up(session, actor=actor, what="self_check", subject=shop.name, now=now)
    return _told(session, row, now)


def list_checks(session: Session, *, actor: Actor, first: date, last: date) -> list[dict[str, Any]]:
    """The organisation's signed self-checks whose first day lies in a span: {kind, first_day, signed_by, problems}."""
    query = (
        select(self_check, person.c.name)
        .join(person, person.c.id == self_check.c.signed_by)
        .where(self_check.c.organisation == actor.organisation, self_check.c.first_day.between(first, last))
        .order_by(self_check.c.first_day, self_check.c.kind)
    )
    return [
        {
            "kind": row.kind,
            "first_day": row.first_day,
            "last_day": row.last_day,
            "signed_by": row.name,
            "signed_at": row.signed_at,
            "problems": sum(not point["ok"] for point in json.loads(row.content)["points"]),
        }
        for row in session.execute(query)
    ]


def _signed(session: Session, number: int, kind: CheckKind, first: date) -> Row[Any] | None:
    query = (
        select(self_check, person.c.name, organisation.c.name.label("shop"))
        .join(person, person.c.id == self_check.c.signed_by)
        .join(organisation, organisation.c.id == self_check.c.organisation)
        .where(self_check.c.organisation == number, self_check.c.kind == kind.value, self_check.c.first_day == first)
    )
    found: Row[Any] | None = session.execute(query).one_or_none()
    return found


def _told(session: Session, row: Row[Any], now: datetime) -> dict[str, Any]:
    """A signed check as it was signed; beside it, how many records of its days were corrected since, and how many
    deliveries of its days were recorded only then."""
    begin, end = _bounds(row.first_day, row.last_day, now)
    of_its_days = (
        receipt.c.organisation == row.organisation,
        receipt.c.received_at >= begin,
        receipt.c.received_at < end,
    )
    corrected = (
        select(func.count())
        .select_from(correction)
        .where(
            correction.c.organisation == row.organisation,
            correction.c.kind.in_(("receipt", "receipt_line")),
            correction.c.corrected_at > row.signed_at,
            func.substr(correction.c.subject, 1, 26).in_(  # a receipt's public id; of a line, its number follows
                select(receipt.c.public_id).where(*of_its_days, receipt.c.recorded_at <= row.signed_at)
            ),
        )
    )
    recorded = (
        select(func.count())
        .select_from(receipt)
        .where(*of_its_days, receipt.c.recorded_at > row.signed_at, receipt.c.undone_at.is_(None))
    )
    return {
        "content": json.loads(row.content),
        "signed": {"by": row.name, "at": row.signed_at, "sha256": row.sha256},
        "changed_since": session.execute(corrected).scalar_one(),
        "recorded_since": session.execute(recorded).scalar_one(),
    }


def _below(
    session: Session, actor: Actor, kind: CheckKind, first: date, last: date
) -> tuple[list[dict[str, Any]], list[str]]:
    """The signed checks that a weekly or monthly one sums up, and the first days of those that nobody signed."""
    signed = list_checks(session, actor=actor, first=first, last=last)
    told = [
        {"first_day": one["first_day"].isoformat(), "signed_by": one["signed_by"], "problems": one["problems"]}
        for one in signed
        if one["kind"] == kind
    ]
    there = {one["first_day"] for one in told}
    rules = rules_on(session, last, actor.organisation)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    wanted = [day for day in days if (is_working_day(day, rules) if kind is CheckKind.DAILY else day.weekday() == 0)]
    return told, [day.isoformat() for day in wanted if day.isoformat() not in there]


def _bounds(first: date, last: date, now: datetime) -> tuple[datetime, datetime]:
    """From this moment to before that one: the days in the shop's own time, which `now` carries."""
    return (
        datetime.combine(first, time(), now.tzinfo),
        datetime.combine(last + timedelta(days=1), time(), now.tzinfo),
    )


def _numbers(session: Session, actor: Actor, first: date, last: date, now: datetime) -> dict[str, int]:
    """How often what happened in a period, and how stock stands now."""
    begin, end = _bounds(first, last, now)
    return {
        **_received(session, actor, begin, end),
        **_stock_now(session, actor, now.date()),
        **_safety(session, actor, begin, end),
        "ending": len(due(session, actor=actor, day=min(last, now.date()))),
    }


def _received(session: Session, actor: Actor, begin: datetime, end: datetime) -> dict[str, int]:
    query = (
        select(receipt.c.id, receipt_line.c.decision, receipt_line.c.findings, receipt_line.c.overridden_by)
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .where(receipt.c.organisation == actor.organisation, receipt.c.undone_at.is_(None))
        .where(receipt.c.received_at >= begin, receipt.c.received_at < end)
        .limit(MOST_LINES)
    )
    lines = session.execute(query).all()

    def with_rule(*rules: str) -> int:
        return sum(any(found["rule"] in rules for found in line.findings) for line in lines)

    return {
        "deliveries": len({line.id for line in lines}),
        "lines": len(lines),
        "refused": sum(line.decision == "refuse" for line in lines),
        "held_on_arrival": sum(line.decision == "hold" for line in lines),
        "papers_missing": with_rule("R3", "R4"),
        "supplier_faults": with_rule(*_SUPPLIER_RULES),
        "out_of_range": with_rule("R11"),
        "overridden": sum(line.overridden_by is not None for line in lines),
    }


def _stock_now(session: Session, actor: Actor, today: date) -> dict[str, int]:
    """Lots that are expired, about to expire, or held, as stock stands now."""
    days = int(rules_on(session, today, actor.organisation).value("self_check.near_days"))
    here = (
        select(func.count(stock.c.lot.distinct()))
        .join(lot, lot.c.item == stock.c.lot)
        .where(stock.c.organisation == actor.organisation)
    )
    left = stock.c.on_hand + stock.c.held > 0
    return {
        "expired": session.execute(here.where(left, lot.c.expires_on < today)).scalar_one(),
        "near_end": session.execute(
            here.where(left, lot.c.expires_on >= today, lot.c.expires_on <= today + timedelta(days=days))
        ).scalar_one(),
        "held": session.execute(here.where(stock.c.held > 0)).scalar_one(),
    }


def _safety(session: Session, actor: Actor, begin: datetime, end: datetime) -> dict[str, int]:
    def count(table: Any, column: Any, *where: Any) -> int:
        query = select(func.count()).select_from(table).where(column >= begin, column < end, *where)
        return int(session.execute(query).scalar_one())

    me = actor.organisation
    waiting = (
        select(func.count())
        .select_from(recall_notice)
        .join(recall, recall.c.id == recall_notice.c.recall)
        .where(recall_notice.c.organisation == me, recall_notice.c.acknowledged_at.is_(None))
        .where(recall.c.lifted_at.is_(None))
    )
    destroyed = (disposal.c.organisation == me, disposal.c.event.not_in(select(event_withdrawn.c.event)))
    failed = (rapid_test.c.organisation == me, rapid_test.c.passed.is_(False))
    return {
        "tests": count(rapid_test, rapid_test.c.result_at, rapid_test.c.organisation == me),
        "tests_failed": count(rapid_test, rapid_test.c.result_at, *failed),
        "recalls_open": int(session.execute(waiting).scalar_one()),
        "disposals": count(disposal, disposal.c.disposed_at, *destroyed),
        "alerts": count(alert, alert.c.created_at, alert.c.organisation == me, alert.c.kind != DEAD),
    }
