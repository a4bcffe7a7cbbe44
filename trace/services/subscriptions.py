"""Subscriptions to named queries (EPCIS 2.0 section 8.2.5 and 12.8): who is told of new events, when and where.

What is kept here is the request; `trace.services.rounds` carries it out, one round after the other. The job of a
subscription is put in the transaction that makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.orm import Session

from storage import jobs
from storage.event_feed import last_stored, newest, place_before
from storage.tables import job, named_query, subscription
from trace.domain.characters import find_unreadable
from trace.domain.epcis.document import as_time
from trace.domain.epcis.extension_fields import moment_of
from trace.domain.epcis.schedules import Schedule, parse_schedule
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.services.organisations import new_public_id
from trace.services.webhooks import parse_destination

KIND = "subscription"  # of its job
FIELDS = ("dest", "signatureToken", "stream", "schedule", "reportIfEmpty", "initialRecordTime")
LONGEST_TOKEN = 500
MOST_SUBSCRIPTIONS = 100  # of one organisation: each is asked about every second, or sent to


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber asks for: a stream where there is no schedule, what comes from now on where no `since` is."""

    dest: str
    token: str | None
    schedule: Schedule | None
    report_if_empty: bool
    since: datetime | None


def create_subscription(
    session: Session,
    *,
    actor: Actor,
    query_name: str,
    body: object,
    now: datetime,
    zone: tzinfo,
    private: bool,
) -> dict[str, Any]:
    """Subscribe the actor's organisation to one of its queries; `body` as in GS1's OpenAPI file.

    `zone` is the clock of schedules, `private` allows receivers on this network (SUNSHINE_WEBHOOK_PRIVATE). Raises
    `NotFound` for another organisation's query, `Invalid` for a body that is none, `Conflict` for one too many.
    """
    query = _query_number(session, actor, query_name)
    wanted = parse_subscription(body, private=private)
    # Two at once may make one more: the limit guards the store, no rule of trade hangs on it.
    mine = select(func.count()).select_from(subscription).where(subscription.c.organisation == actor.organisation)
    if session.execute(mine).scalar_one() >= MOST_SUBSCRIPTIONS:
        raise Conflict(
            N_("Your organisation has {most} subscriptions, which is as many as one may have; end one first."),
            most=MOST_SUBSCRIPTIONS,
        )
    # From now on is told by the order of the events: a clock that is ahead now, and put back, would leave it silent.
    mark = newest(session) if wanted.since is None else place_before(session, wanted.since)
    made = last_stored(session) if wanted.since is None or wanted.since <= now else None
    public_id = new_public_id()
    values = {
        "public_id": public_id,
        "query": query,
        "organisation": actor.organisation,
        "person": actor.person,
        "api_key": actor.api_key,
        "dest": wanted.dest,
        "signature_token": wanted.token,
        "stream": wanted.schedule is None,
        "schedule": msgspec.json.encode(dict(wanted.schedule.fields)) if wanted.schedule else None,
        "report_if_empty": wanted.report_if_empty,
        "initial_record_time": wanted.since or now,
        "created_at": now,
        "mark_xact": mark.xact,
        "mark_event": mark.event,
        "made_xact": made and made.xact,
        "made_event": made and made.event,
        "failures": 0,
    }
    number = session.execute(insert(subscription).values(values).returning(subscription.c.id)).scalar_one()
    first = wanted.schedule.next_after(now, zone) if wanted.schedule else now
    jobs.put(session, kind=KIND, subject=number, due_at=first, now=now, organisation=actor.organisation)
    return get_subscription(session, actor=actor, query_name=query_name, subscription_id=public_id)


def parse_subscription(body: object, *, private: bool) -> Wanted:
    """A subscription's body. Raises `Invalid`, naming the field, for anything that could not be kept to."""
    if not isinstance(body, Mapping):
        raise Invalid(N_("A subscription is a JSON object with the fields {fields}."), fields=", ".join(FIELDS))
    for name in body:
        if name not in FIELDS:
            raise Invalid(
                N_("A subscription has no field {name}; it takes {fields}."),
                field=str(name)[:40],
                name=str(name)[:40],
                fields=", ".join(FIELDS),
            )
    stream, schedule = _flag(body, "stream"), body.get("schedule")
    # "If these are missing the query subscription is invalid", and a stream is never asked for by accident.
    if stream == (schedule is not None):
        raise Invalid(
            N_('A subscription takes either "stream": true or a schedule: one of the two, and not both.'),
            field="schedule" if stream else "stream",
        )
    return Wanted(
        dest=parse_destination(body.get("dest"), private=private).url,
        token=_token(body.get("signatureToken")),
        schedule=None if stream else parse_schedule(schedule),
        # A stream reports when something comes, and has no round that could be empty.
        report_if_empty=_flag(body, "reportIfEmpty"),
        since=_since(body.get("initialRecordTime")),
    )


def _flag(body: Mapping[Any, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Invalid(N_("{name} is true or false; {value} came."), field=name, name=name, value=str(value)[:40])
    return value


def _token(value: object) -> str | None:
    # "An optional string": GS1's OpenAPI file requires a field `secret`, which it then calls `signatureToken`.
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TOKEN or find_unreadable(value) is not None:
        raise Invalid(
            N_("signatureToken is a text of 1 to {most} readable characters."),
            field="signatureToken",
            most=LONGEST_TOKEN,
        )
    return value


def _since(value: object) -> datetime | None:
    if value is None:
        return None
    moment = moment_of(value) if isinstance(value, str) else None
    if moment is None or not 1970 <= moment.year < 3000:
        raise Invalid(
            N_("initialRecordTime is a time with an offset, such as 2026-11-26T08:00:00+08:00; {value} came."),
            field="initialRecordTime",
            value=str(value)[:40],
        )
    return moment


def list_subscriptions(
    session: Session, *, actor: Actor, query_name: str, size: int, after: int | None
) -> tuple[list[dict[str, Any]], int | None]:
    """A query's subscriptions, `size` at most; and the mark that the next page begins behind, if there is one."""
    query = _query_number(session, actor, query_name)
    found = session.execute(
        _told().where(subscription.c.query == query, subscription.c.id > (after or 0)).limit(size + 1)
    ).all()
    return [_as_dict(row) for row in found[:size]], found[size - 1].id if len(found) > size else None


def get_subscription(session: Session, *, actor: Actor, query_name: str, subscription_id: str) -> dict[str, Any]:
    """A subscription as it stands; never its token. Raises `NotFound`, also for another organisation's."""
    return _as_dict(_row(session, actor, query_name, subscription_id))


def delete_subscription(session: Session, *, actor: Actor, query_name: str, subscription_id: str) -> None:
    """End a subscription: what is being sent at this moment may still arrive. Raises `NotFound`."""
    end_subscription(session, _row(session, actor, query_name, subscription_id).id)


def delete_subscriptions_of(session: Session, *, query: int) -> None:
    """End all subscriptions to a query, by the query's number."""
    for number in session.scalars(select(subscription.c.id).where(subscription.c.query == query)).all():
        end_subscription(session, number)


def end_subscription(session: Session, number: int) -> None:
    """End a subscription, by its number, and its job with it."""
    jobs.drop(session, kind=KIND, subject=number)
    session.execute(delete(subscription).where(subscription.c.id == number))


def _query_number(session: Session, actor: Actor, name: str) -> int:
    mine = (named_query.c.organisation == actor.organisation) & (named_query.c.name == name[:200])
    number = session.execute(select(named_query.c.id).where(mine)).scalar_one_or_none()
    if number is None:
        raise NotFound(N_("There is no query {name}."), name=name[:120])
    return int(number)


def _told() -> Any:
    """Subscriptions with the name of their query and the time of their next round."""
    return (
        select(subscription, named_query.c.name, job.c.due_at, job.c.dead_at)
        .join(named_query, named_query.c.id == subscription.c.query)
        .join(job, (job.c.kind == KIND) & (job.c.subject == subscription.c.id), isouter=True)
        .order_by(subscription.c.id)
    )


def _row(session: Session, actor: Actor, query_name: str, public_id: str) -> Row[Any]:
    query = _query_number(session, actor, query_name)
    mine = (subscription.c.query == query) & (subscription.c.public_id == public_id[:40])
    row: Row[Any] | None = session.execute(_told().where(mine)).one_or_none()
    if row is None:
        raise NotFound(
            N_("There is no subscription {id} to the query {name}."), id=public_id[:40], name=query_name[:120]
        )
    return row


def _as_dict(row: Row[Any]) -> dict[str, Any]:
    """As GS1's OpenAPI file has it, and what went wrong last. "For security reasons" the token is not among it."""
    # "Set initially to initialRecordTime and then updated to the most recent execution": that the receiver took.
    smallest = max(row.initial_record_time, row.last_notified_at or row.initial_record_time)
    told: dict[str, Any] = {
        "subscriptionID": row.public_id,
        "queryName": row.name,
        "dest": row.dest,
        "createdAt": as_time(row.created_at),
        "initialRecordTime": as_time(row.initial_record_time),
        "minRecordTime": as_time(smallest),
        "reportIfEmpty": row.report_if_empty,
    }
    if row.stream:
        told["stream"] = True
    else:
        told["schedule"] = msgspec.json.decode(row.schedule)
    if row.last_notified_at is not None:
        told["lastNotifiedAt"] = as_time(row.last_notified_at)
    if row.failures:
        told |= {"failures": row.failures, "lastError": row.last_failure}
        if row.due_at is not None and row.dead_at is None:  # dead: an administrator decides (trace.services.job_list)
            told["nextTryAt"] = as_time(row.due_at)
    return told
