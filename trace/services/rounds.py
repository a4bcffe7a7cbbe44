"""One round of a subscription: what is new behind its mark, and what becomes of the mark after the receiver's answer.

Reading, sending and writing down are three steps, each called by `trace.worker` in a transaction of its own, and none
while something is being sent. The mark moves after the receiver took the events and only if the lease is still ours:
a crash between the two sends them again, nothing is ever left out (at least once, low-water mark).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, select, tuple_, update
from sqlalchemy.orm import Session

from schemas.epcis.json_form import write_query_document
from storage import jobs
from storage.event_feed import Mark, newest, walk
from storage.jobs import Job
from storage.parties import Viewer
from storage.tables import job, named_query, subscription
from storage.tenancy import EVERYTHING, see_as
from trace.domain.epcis.document import as_time, load_document
from trace.domain.epcis.query_language import Query, parse_query
from trace.domain.epcis.schedules import parse_schedule
from trace.domain.failures import N_, Failure, Forbidden
from trace.domain.permissions import Actor, Permission, authorize
from trace.services.event_queries import master_data_for
from trace.services.job_failing import retry_or_bury
from trace.services.look_up_log import note_look_up
from trace.services.on_behalf import find_actor_behind
from trace.services.subscriptions import KIND

LEASE = timedelta(minutes=2)  # longer than reading a round and one delivery take
MOST_EVENTS = 500  # sent at once
MOST_BYTES = 4 * 1024 * 1024  # sent at once, but at least one event
MOST_WINDOWS = 20  # of the feed looked through in one round (storage.event_feed.WINDOW): 100,000 events, some seconds
MOST_SECONDS = 10.0  # of reading in one round: well within the lease
STREAM_PAUSE = timedelta(seconds=1)  # between two looks of a stream
STOPPED_PAUSE = timedelta(hours=1)  # between two looks whether somebody may look again
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found: `reached` is the mark once `documents` are taken, `more` says that it ended before the feed.

    `due` says whether there is something to send: events, or the news that there are none.
    """

    job: Job
    subscription: Row[Any]
    actor: Actor
    documents: list[Mapping[str, Any]]
    reached: Mark
    more: bool

    @property
    def due(self) -> bool:
        """Whether something is to be sent."""
        row = self.subscription
        # A round that goes on where another ended early became due at the moment the other's events were taken.
        goes_on = row.last_notified_at is not None and row.last_notified_at >= self.job.due_at
        return bool(self.documents) or (row.report_if_empty and not row.stream and not self.more and not goes_on)

    def body(self, now: datetime) -> bytes:
        """The EPCISQueryDocument to send, as UTF-8 JSON."""
        row = self.subscription
        return write_query_document(
            self.documents, created=now, query_name=row.query_name, subscription_id=row.public_id
        )


def waiting_since(session: Session, *, now: datetime) -> datetime | None:
    """Since when the round that has waited longest could have begun; None if none waits."""
    return jobs.waiting_since(session, now=now, ready=(job.c.kind == KIND) & has_news(session))


def has_news(session: Session) -> ColumnElement[bool]:
    """Of a subscription's row of `job`: the subscription, if it is a stream, has not read the feed to its end.

    So a thousand streams at rest cost a look at their marks, and not a write each second.
    """
    end = newest(session)
    mark = tuple_(subscription.c.mark_xact, subscription.c.mark_event)
    at_rest = select(subscription.c.id).where(subscription.c.stream, mark >= tuple_(end.xact, end.event))
    return job.c.subject.not_in(at_rest)


def read_round(
    session: Session, taken: Job, *, most: int = MOST_EVENTS, clock: Callable[[], float] = time.monotonic
) -> Round | None:
    """What is new for a subscription, at most so many events; None if there is no such subscription any more.

    Raises `Forbidden` if whoever subscribed may not look any more, `Invalid` if its query cannot be read any more.
    """
    query_of = select(subscription, named_query.c.name.label("query_name"), named_query.c.parameters)
    row = session.execute(
        query_of.join(named_query, named_query.c.id == subscription.c.query).where(subscription.c.id == taken.subject)
    ).one_or_none()
    if row is None:
        return None
    actor = _actor(session, row)
    if actor.watches:
        see_as(session, EVERYTHING)  # inspectors by their mandate; the feed is asked for their region
    query = parse_query(load_document(row.parameters))
    # What is sent in pieces is never too much: a piece holds as many events as the query lets an answer have.
    limits = [limit for limit in (query.max_event_count, query.event_count_limit) if limit]
    documents, reached, more = _new_events(session, row, actor, query, max(1, min([most, *limits])), clock)
    return Round(taken, row, actor, documents, reached, more)


def _new_events(
    session: Session, row: Row[Any], actor: Actor, query: Query, most: int, clock: Callable[[], float]
) -> tuple[list[Mapping[str, Any]], Mark, bool]:
    """The matching events behind the mark; how far they reach; whether the reading ended before the feed did."""
    found: list[Mapping[str, Any]] = []
    reached, size, windows, began = Mark(row.mark_xact, row.mark_event), 0, 0, clock()
    known = master_data_for(session, actor=actor, query=query)
    made = None if row.made_event is None else Mark(row.made_xact, row.made_event)
    since, viewer = row.initial_record_time, Viewer.of(actor)
    for mark, event in walk(session, after=reached, since=since, all_behind=made, viewer=viewer):
        if event is None:
            windows += 1
        else:
            document = load_document(event.document)
            document["recordTime"] = as_time(_EPOCH + timedelta(milliseconds=event.record_time))
            if query.matches(document, known):
                if found and size + len(event.document) > MOST_BYTES:
                    return found, reached, True
                found.append(document)
                size += len(event.document)
        reached = mark
        if len(found) >= most or windows >= MOST_WINDOWS or clock() - began >= MOST_SECONDS:
            return found, reached, True
    return found, reached, False


def end_round(session: Session, done: Round, *, sent: bool, now: datetime, zone: tzinfo) -> bool:
    """Move the mark behind what the receiver took; False, and nothing is changed, if the lease is no longer ours."""
    row = done.subscription
    notified = {"last_notified_at": now} if sent else {}
    if done.more:
        # What goes on is due since it began; after sending, since now: whoever waits longer comes first.
        next_due = now if sent else done.job.due_at
    elif row.stream:
        next_due = now + STREAM_PAUSE
    else:
        next_due = parse_schedule(msgspec.json.decode(row.schedule)).next_after(now, zone)
    if not jobs.reschedule(session, done.job, due_at=next_due, now=now):
        return False
    session.execute(
        update(subscription)
        .where(subscription.c.id == row.id)
        .values(mark_xact=done.reached.xact, mark_event=done.reached.event, failures=0, last_failure=None, **notified)
    )
    if sent and done.documents:
        note_look_up(session, actor=done.actor, what="subscription", subject=row.query_name, now=now)
    return True


def fail_round(session: Session, taken: Job, failure: Failure, *, now: datetime, jitter: float) -> bool:
    """Note what went wrong, and when it is tried again: with the mark where it was. False if the lease is not ours."""
    error = str(failure)[:500]
    pause = STOPPED_PAUSE if isinstance(failure, Forbidden) else jobs.back_off(taken.attempts + 1, jitter=jitter)
    if not retry_or_bury(session, taken, failure, due_at=now + pause, now=now):
        return False
    session.execute(
        update(subscription)
        .where(subscription.c.id == taken.subject)
        .values(failures=subscription.c.failures + 1, last_failure=error)
    )
    return True


def _actor(session: Session, row: Row[Any]) -> Actor:
    """For whom the events go out, as they stand today. Raises `Forbidden` if they may not look any more."""
    actor = find_actor_behind(session, organisation=row.organisation, person=row.person, api_key=row.api_key)
    if actor is None:
        raise Forbidden(N_("Whoever subscribed has left, or the key is revoked; nothing is sent. Subscribe anew."))
    authorize(actor, Permission.EVENT_READ)
    return actor
