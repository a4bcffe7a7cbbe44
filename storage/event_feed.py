"""Events in the order in which they became visible: what subscribers read on from, each from a mark of their own.

The order is (event.xact, event.id): the number of PostgreSQL's transaction that stored the event, then the event's own.
On PostgreSQL a transaction may begin first and commit last, so the highest number seen is no mark: what was being
written meanwhile would be passed by for ever. An event is *settled* when every transaction with a number up to its own
has ended (`xact < pg_snapshot_xmin(pg_current_snapshot())`); behind a settled mark nothing can appear any more. So a
mark waits for the oldest writing transaction of the server, and never passes one. On SQLite there is one writer at a
time and `xact` is 0: the order of the numbers is the order of the commits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, exists, literal_column, select, true, tuple_
from sqlalchemy.orm import Session

from storage.events import documents_of
from storage.parties import Viewer
from storage.tables import event
from trace.domain.events import utc_milliseconds

WINDOW = 5_000  # events looked at with one statement, whoever may see them
DOCUMENTS = 100  # documents fetched at once
# No request that records events takes longer, and no two machines' clocks differ more.
SLACK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in the feed: everything up to and including this event has been read."""

    xact: int
    event: int


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event in the feed: its canonical bytes, and when it was recorded in UTC milliseconds."""

    document: bytes
    record_time: int


START = Mark(-(2**62), -1)  # before everything, also what a dump of another server brought (docs/subscriptions.md)


def newest(session: Session) -> Mark:
    """The place of the last settled event; `START` if there is none."""
    row = session.execute(_last(session).where(_settled(session))).one_or_none()
    return Mark(*row) if row else START


def last_stored(session: Session) -> Mark:
    """The last place of the feed that is taken, settled or not: what is stored from here on is behind it.

    But for what is being written at this moment; that was begun before.
    """
    row = session.execute(_last(session)).one_or_none()
    return Mark(*row) if row else START


def is_from_another_server(session: Session) -> bool:
    """Whether events bear numbers of transactions that this PostgreSQL server has not come to: a dump brought them.

    Then the feed stands still until docs/subscriptions.md is followed. What a transaction later than this statement
    stores is not seen by it, so no event of this server can look like that.
    """
    if not _is_postgresql(session):
        return False
    coming = literal_column("(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)", BigInteger)
    return bool(session.execute(select(exists().where(event.c.xact >= coming))).scalar_one())


def place_before(session: Session, moment: datetime) -> Mark:
    """A mark behind which there is no event that was recorded at the moment or later, as near to it as can be told.

    Record times are those of requests, which overtake one another: hence `SLACK`, and `walk` leaves out what is older.
    """
    latest = (
        select(event.c.xact, event.c.id)
        .where(event.c.record_time < utc_milliseconds(moment - SLACK), _settled(session))
        .order_by(event.c.record_time.desc(), event.c.id.desc())
        .limit(1)
    )
    row = session.execute(latest).one_or_none()
    return Mark(*row) if row else START


def walk(
    session: Session,
    *,
    after: Mark,
    since: datetime | None,
    all_behind: Mark | None = None,
    viewer: Viewer | None = None,
    captured_by: int | None = None,
) -> Iterator[tuple[Mark, FeedEvent | None]]:
    """Settled events after a mark, in order, of those that the viewer sees whole, recorded since then.

    `all_behind`: what is stored behind this mark is wanted whatever its record time says: the clock may have been ahead
    when `since` was read from it. `since` None leaves out none. `captured_by`: only those that this organisation
    captured itself.

    Yields (mark reached, event), and (mark reached, None) after each `WINDOW` events of the whole store: the caller
    may stop at either and go on from that mark another time, so that a subscriber of few events passes by the many of
    others in pieces. Ends when there is nothing more now.
    """
    reached = after
    while True:
        window = (
            select(event.c.xact, event.c.id, event.c.event_time, event.c.record_time, event.c.captured_by)
            .where(_behind(session, reached), _settled(session))
            .order_by(*_order(session))
            .limit(WINDOW)
            .subquery()
        )
        wanted = true() if since is None else window.c.record_time >= utc_milliseconds(since)
        if all_behind is not None:
            wanted |= _behind(session, all_behind, window)
        if viewer is not None:
            wanted &= viewer.sees(window)
        if captured_by is not None:
            wanted &= window.c.captured_by == captured_by
        seen = wanted.label("seen")
        rows = sorted(session.execute(select(window, seen)).all(), key=lambda row: (row.xact, row.id))
        visible = [row for row in rows if row.seen]
        for start in range(0, len(visible), DOCUMENTS):
            part = visible[start : start + DOCUMENTS]
            documents = documents_of(session, [row.id for row in part])
            for row in part:
                yield Mark(row.xact, row.id), FeedEvent(documents[row.id], row.record_time)
        if not rows:
            return
        reached = Mark(rows[-1].xact, rows[-1].id)
        yield reached, None
        if len(rows) < WINDOW:
            return


def _last(session: Session) -> Select[Any]:
    return select(event.c.xact, event.c.id).order_by(*(column.desc() for column in _order(session))).limit(1)


def _order(session: Session) -> tuple[ColumnElement[int], ...]:
    return (event.c.xact, event.c.id) if _is_postgresql(session) else (event.c.id,)


def _behind(session: Session, mark: Mark, among: FromClause = event) -> ColumnElement[bool]:
    # SQLite reads an index for (xact, id) > (0, 7) from xact 0 on; there the numbers alone are the order.
    if _is_postgresql(session):
        return tuple_(among.c.xact, among.c.id) > tuple_(mark.xact, mark.event)
    return among.c.id > mark.event


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _settled(session: Session) -> ColumnElement[bool]:
    if not _is_postgresql(session):
        return true()
    # xid8 has no order with bigint, so it goes through text; as a query of its own it is asked once a statement.
    oldest = literal_column("(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)", BigInteger)
    return event.c.xact < oldest
