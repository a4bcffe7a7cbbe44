"""How long each photo and paper is kept: locked until the day the law demands, removed when nobody ever needed it.

Which records an object belongs to is asked when it is looked at: soon after it came, and again before its lock ends. A
record that is made in between needs nothing of this, and finds the object still locked. The day is that of the record
that is kept longest (R15, `retention.*`); the lock in the store follows it by steps (`objects.keeping`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Column, Row, delete, func, literal, select, update
from sqlalchemy.orm import Session

from storage.tables import metadata, object_owner, stored_object
from storage.tables.columns import Moment
from trace.domain.rules.book import EVERYWHERE
from trace.domain.rules.retention import add_months
from trace.services.object_terms import days_of
from trace.services.rulebook import rules_on

KEEP, SWEEP = "object_keeping", "object_sweep"  # kinds of jobs, of the service itself
LEASE = timedelta(minutes=5)  # of either, renewed after each batch
MANY = 100  # objects in one batch
_AT_NIGHT = time(2)
# Every column that names an object but its owners': found, not listed, so that no new table is forgotten.
REFERENCES: tuple[Column[Any], ...] = tuple(
    column
    for table in metadata.sorted_tables
    for column in table.columns
    if table is not object_owner and any(key.column is stored_object.c.sha256 for key in column.foreign_keys)
)


@dataclass(frozen=True, slots=True)
class Keeping:
    """The terms of `objects.keeping`."""

    first_look: timedelta
    grace: timedelta
    lock_months: int
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an object: whether a record names it, the last day of its lock (None: no record asks for one).

    Where no record names it and its grace is over it is `spent`.
    """

    sha256: str
    used: bool
    until: date | None
    spent: bool
    look_again_at: datetime


def keeping_on(session: Session, day: date) -> Keeping:
    """The terms in force on a day."""
    value = rules_on(session, day, EVERYWHERE).value("objects.keeping")
    return Keeping(
        timedelta(hours=value["first_look_hours"]),
        timedelta(days=value["grace_days"]),
        value["lock_months"],
        timedelta(days=value["ahead_days"]),
    )


def first_look(session: Session, *, now: datetime) -> datetime:
    """When an object that is kept now is looked at."""
    return now + keeping_on(session, now.date()).first_look


def judge_due(session: Session, *, now: datetime, most: int = MANY) -> list[Verdict]:
    """The objects whose time to be looked at has come, what becomes of each. `now` carries the zone of the shops."""
    due = select(stored_object).where(stored_object.c.look_again_at <= now).order_by(stored_object.c.look_again_at)
    rows = session.execute(due.limit(most)).all()
    terms, names = keeping_on(session, now.date()), [row.sha256 for row in rows]
    used, until = named(session, names), days_of(session, names, now=now)
    return [_verdict(row, row.sha256 in used, until.get(row.sha256), terms, now) for row in rows]


def _verdict(row: Row[Any], used: bool, wanted: date | None, terms: Keeping, now: datetime) -> Verdict:
    today, locked = now.date(), row.kept_until or date.min
    if not used:
        over = row.stored_at + terms.grace
        if row.kept_until is not None:  # a record named it once: its lock holds, to the end of a day in UTC
            over = max(over, datetime.combine(row.kept_until + timedelta(days=2), _AT_NIGHT, now.tzinfo))
        return Verdict(row.sha256, used, None, over <= now, max(over, now + terms.first_look))
    if wanted is None or wanted < today:  # not part of a record (yet), or one whose time is over
        return Verdict(row.sha256, used, None, False, now + (terms.grace if wanted is None else terms.ahead))
    until = max(locked, min(wanted, add_months(today, terms.lock_months)))
    # Before its end where it will be extended; a record made meanwhile may ask for that in any case.
    ahead = until - terms.ahead
    again = ahead if ahead > today else until if until > today else today + timedelta(days=1)
    return Verdict(row.sha256, used, until, False, datetime.combine(again, _AT_NIGHT, now.tzinfo))


def note_verdict(session: Session, verdict: Verdict, *, missing: bool, now: datetime) -> None:
    """Write down that an object was looked at; that it was not in the store, for an administrator to see.

    Two at once write the same.
    """
    again = now + timedelta(days=1) if missing else verdict.look_again_at
    values: dict[str, Any] = {"look_again_at": again, "missing_since": None}
    if missing:
        values["missing_since"] = func.coalesce(stored_object.c.missing_since, literal(now, Moment))
    elif verdict.until is not None:
        values["kept_until"] = verdict.until
    session.execute(update(stored_object).where(stored_object.c.sha256 == verdict.sha256).values(values))


def forget(session: Session, sha256: str, *, now: datetime) -> bool:
    """Remove the row of an object that no record names; False, and nothing is changed, if one does by now.

    The lock of the row lines this up with a record that is being made: that needs the row for its foreign key. Its
    bytes are removed afterwards, in the store's own way to leave alone what somebody sends at this moment.
    """
    locked = session.execute(select(stored_object).where(stored_object.c.sha256 == sha256).with_for_update())
    row = locked.one_or_none()
    if row is None or named(session, [sha256]) or (row.kept_until or date.min) >= now.date():
        return False
    session.execute(delete(object_owner).where(object_owner.c.object == sha256))
    session.execute(delete(stored_object).where(stored_object.c.sha256 == sha256))
    return True


def rows_after(session: Session, after: str, *, most: int) -> list[tuple[str, datetime]]:
    """(name, when it was stored) of the objects that the database knows, in the order of their names."""
    name = stored_object.c.sha256
    found = select(name, stored_object.c.stored_at).where(name > after).order_by(name).limit(most)
    return [(sha256, stored_at) for sha256, stored_at in session.execute(found).tuples()]


def note_missing(session: Session, sha256: str, *, now: datetime) -> None:
    """Write down that the store has an object no more; since when stays as it is where it is known to be missing."""
    since = func.coalesce(stored_object.c.missing_since, literal(now, Moment))
    session.execute(update(stored_object).where(stored_object.c.sha256 == sha256).values(missing_since=since))


def count_missing(session: Session) -> int:
    """How many objects that records name are not in the store."""
    missing = select(func.count()).select_from(stored_object).where(stored_object.c.missing_since.is_not(None))
    return int(session.execute(missing).scalar_one())


def named(session: Session, names: Sequence[str]) -> set[str]:
    """Those of some objects that a record names."""
    found: set[str] = set()
    for column in REFERENCES:
        found.update(session.scalars(select(column).where(column.in_(names)).distinct()))
    return found


def next_keeping(session: Session, now: datetime) -> datetime:
    """When objects are looked at again: in an hour."""
    return now + timedelta(hours=1)


def next_sweep(session: Session, now: datetime) -> datetime:
    """When the store is compared with the database again: in the night to Sunday, when there is least to do."""
    days = (6 - now.weekday()) % 7 or 7
    return datetime.combine(now.date() + timedelta(days=days), _AT_NIGHT, now.tzinfo)
