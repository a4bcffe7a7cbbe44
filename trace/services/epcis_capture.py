"""Capture by the standard alone: EPCIS documents of partners, each a job that tells what became of it.

A document is captured within the request that brings it, so a job is finished when it is answered (EPCIS 2.0 section
12.6: a client asks for the job and finds it done). `rollback`: one bad event and nothing is stored. `proceed`: the rest
is stored, and the job lists the bad ones.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from schemas.epcis.document import EpcisDocument
from schemas.epcis.validation import check_events
from storage.tables import capture_job
from trace.domain.epcis.document import parse_document
from trace.domain.epcis.event_hash import event_hash, hash_uri
from trace.domain.events import Event
from trace.domain.failures import N_, Conflict, Failure, Invalid, NotFound, TooLarge
from trace.domain.permissions import Actor
from trace.domain.uris import uri_kind
from trace.metrics import count_refused
from trace.services.capture import Captured, capture
from trace.services.master_data import check_master_data, keep_master_data, right_elements
from trace.services.organisations import new_public_id
from trace.services.reported_releases import find_unsigned

# Events in one document, announced as GS1-EPCIS-Capture-Limit: on a slow disk still some seconds, not a minute, for
# which the one writer of SQLite is kept from the desks.
MOST_EVENTS = 5_000
# Things that its events name, once for every time: each has its rows in the indices, so five thousand events of a
# hundred EPCs each would keep the desks waiting for more than a minute.
MOST_THINGS = 100_000
HEADER = -1  # instead of an event's position: in the master data of the header
MOST_FAULTS = 100  # told of one document (a job names every event it left out); who sends more wrong has one cause


class Behaviour(StrEnum):
    """What one bad event does to the others of its document (`GS1-Capture-Error-Behaviour`)."""

    ROLLBACK = "rollback"
    PROCEED = "proceed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event was not stored: its position in the document (from 0, or `HEADER`), a JSON pointer, and a sentence.

    `message` is a translatable template for `values`; `conflict` says that the eventID is known with other content.
    """

    event: int
    event_id: str | None
    path: str
    message: str
    values: Mapping[str, Any]
    conflict: bool = False

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message

    def as_details(self) -> dict[str, Any]:
        """As it is kept with a job and sent with a refused document."""
        return {
            "event": self.event,
            "eventID": self.event_id,
            "path": self.path,
            "message": self.message,
            "values": {name: str(value)[:200] for name, value in self.values.items()},
            "conflict": self.conflict,
        }


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """What became of a captured document; `errors` are `Refusal.as_details`, one at least of each event not stored."""

    capture_id: str
    created_at: datetime
    finished_at: datetime
    success: bool
    behaviour: Behaviour
    stored: int
    errors: Sequence[Mapping[str, Any]]


def capture_document(
    session: Session, *, actor: Actor, document: EpcisDocument, behaviour: str, now: datetime
) -> CaptureJob:
    """Store a document's events and master data for the actor's organisation, and the job that tells of it.

    Raises, with `rollback`, `Invalid` with all faults as `details["errors"]`, and `Conflict` where nothing is wrong but
    a known eventID with other content; `TooLarge` for more than `check_size` lets through. The same event again is
    accepted and stored once.
    """
    check_size(document)
    job, _ = _capture(session, actor, document, Behaviour(behaviour), now)
    session.execute(
        insert(capture_job).values(
            public_id=job.capture_id,
            organisation=actor.organisation,
            behaviour=job.behaviour,
            success=job.success,
            created_at=job.created_at,
            finished_at=job.finished_at,
            stored=job.stored,
            errors=msgspec.json.encode(job.errors),
        )
    )
    return job


def capture_event(session: Session, *, actor: Actor, document: Mapping[str, Any], now: datetime) -> Captured:
    """Store one bare event, without a job (`POST /events`); raises as `capture_document` with `rollback`."""
    _, done = _capture(session, actor, EpcisDocument([dict(document)], [], {}), Behaviour.ROLLBACK, now)
    return done[0]


def check_size(document: EpcisDocument) -> None:
    """Raise `TooLarge` for a document of more events, or of events that name more things, than are captured at once."""
    if len(document.events) > MOST_EVENTS:
        raise TooLarge(
            N_("The document has {count} events; at most {most} are captured at once. Send it in parts."),
            field="epcisBody.eventList",
            count=len(document.events),
            most=MOST_EVENTS,
        )
    things = sum(_count_things(event) for event in document.events)
    if things > MOST_THINGS:
        raise TooLarge(
            N_("The events name {count} things; at most {most} are captured at once. Send the document in parts."),
            field="epcisBody.eventList",
            count=things,
            most=MOST_THINGS,
        )


def _count_things(event: Mapping[str, Any]) -> int:
    """How many elements the lists of an event have; the event may be wrong in any way."""
    return sum([len(value) for value in event.values() if value.__class__ is list])


def _capture(
    session: Session, actor: Actor, document: EpcisDocument, behaviour: Behaviour, now: datetime
) -> tuple[CaptureJob, list[Captured]]:
    events, refusals = read_events(document.events)
    refusals += [
        Refusal(HEADER, None, fault.path, fault.message, fault.values) for fault in check_master_data(document)
    ]
    if refusals and behaviour is Behaviour.ROLLBACK:
        _count(refusals)
        raise refused(refusals)
    unsigned = find_unsigned(session, events, actor=actor, now=now)
    refusals += [_refusal(position, document.events[position], failure) for position, failure in unsigned.items()]
    events = {position: event for position, event in events.items() if position not in unsigned}
    elements = right_elements(document)
    kinds = {uri: int(uri_kind(uri)) for uri, _ in elements}
    late: dict[int, Failure] = {}
    done = capture(session, list(events.values()), actor=actor, now=now, strict=False, refused=late, also=kinds)
    positions = list(events)
    refusals += [_refusal(positions[n], document.events[positions[n]], failure) for n, failure in late.items()]
    _count(refusals)
    failures = [*unsigned.values(), *late.values()]
    if failures and behaviour is Behaviour.ROLLBACK:
        raise failures[0] if all(one.conflict for one in refusals) else refused(refusals)
    keep_master_data(session, elements, actor=actor, now=now)
    errors = [refusal.as_details() for refusal in _listed(refusals)]
    stored = len({captured.event for captured in done if captured.fresh})
    return CaptureJob(new_public_id(), now, now, not refusals, behaviour, stored, errors), done


def _count(refusals: Sequence[Refusal]) -> None:
    """Each event that was refused counts once, whatever is wrong with it."""
    conflicts = {refusal.event: refusal.conflict for refusal in refusals if refusal.event != HEADER}
    for conflict in conflicts.values():
        count_refused("Conflict" if conflict else "Invalid")


def _listed(refusals: Iterable[Refusal]) -> list[Refusal]:
    """In order of the events: one fault of each that was not stored, and the others as long as there are not many."""
    listed: list[Refusal] = []
    events: set[int] = set()
    for refusal in sorted(refusals, key=lambda one: one.event):
        if refusal.event not in events or len(listed) < MOST_FAULTS:
            events.add(refusal.event)
            listed.append(refusal)
    return listed


def read_events(documents: Sequence[Mapping[str, Any]]) -> tuple[dict[int, Event], list[Refusal]]:
    """({position: event}, refusals) of event documents: checked, given an eventID where they bring none, parsed.

    An event that brings no ID gets its event hash for one (CBV 2.0 section 8.9): sent again, it is the same event.
    When it was recorded, this service says, and nobody else (EPCIS 2.0 section 7.4.1).
    """
    faults = check_events(documents)
    refusals = [
        Refusal(position, _event_id(documents[position]), fault.path, fault.message, fault.values)
        for position, found in faults.items()
        for fault in found
    ]
    events: dict[int, Event] = {}
    for position, document in enumerate(documents):
        if position in faults:
            continue
        try:
            events[position] = parse_document(_identified(document))
        except Failure as failure:
            refusals.append(_refusal(position, document, failure))
    return events, refusals


def refused(refusals: Sequence[Refusal]) -> Invalid:
    """One failure for all that is wrong with a document."""
    first = refusals[0]
    in_event = N_("Nothing was stored; faults found: {count}. The first: event {number}, {path}: {fault}")
    in_header = N_("Nothing was stored; faults found: {count}. The first, in the header: {path}: {fault}")
    return Invalid(
        in_header if first.event == HEADER else in_event,
        field=first.path,
        details={"errors": [refusal.as_details() for refusal in refusals[:MOST_FAULTS]]},
        count=len(refusals),
        number=first.event + 1,
        path=first.path or "/",
        fault=first,
    )


def list_jobs(session: Session, *, actor: Actor, after: int | None, limit: int) -> tuple[list[CaptureJob], int | None]:
    """The organisation's jobs, newest first, and where the next page begins (None on the last).

    Of each the first `MOST_FAULTS` errors; `get_job` has them all.
    """
    query = select(capture_job).where(capture_job.c.organisation == actor.organisation)
    if after is not None:
        query = query.where(capture_job.c.id < after)
    rows = session.execute(query.order_by(capture_job.c.id.desc()).limit(limit + 1)).all()
    return [_job(row, most=MOST_FAULTS) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None


def get_job(session: Session, *, actor: Actor, capture_id: str) -> CaptureJob:
    """One job of the organisation; raises `NotFound` for any other."""
    query = select(capture_job).where(
        capture_job.c.public_id == capture_id, capture_job.c.organisation == actor.organisation
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no capture job {id}."), id=capture_id[:120])
    return _job(row)


def _job(row: Any, *, most: int | None = None) -> CaptureJob:
    return CaptureJob(
        row.public_id,
        row.created_at,
        row.finished_at,
        row.success,
        Behaviour(row.behaviour),
        row.stored,
        msgspec.json.decode(bytes(row.errors))[:most],
    )


def _identified(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if document.get("eventID") is not None and "recordTime" not in document:
        return document
    ours = {name: value for name, value in document.items() if name != "recordTime"}
    if ours.get("eventID") is None:
        ours["eventID"] = hash_uri(event_hash(ours))
    return ours


def _refusal(position: int, document: Mapping[str, Any], failure: Failure) -> Refusal:
    path = re.sub(r"^events\.[0-9]+\.?", "", failure.field or "").replace(".", "/")
    return Refusal(
        position,
        _event_id(document),
        f"/{path}" if path else "",
        failure.message,
        failure.values,
        isinstance(failure, Conflict),
    )


def _event_id(document: Any) -> str | None:
    event_id = document.get("eventID") if isinstance(document, Mapping) else None
    return event_id[:200] if isinstance(event_id, str) else None
