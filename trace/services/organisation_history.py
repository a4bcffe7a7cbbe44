"""Look up an organisation: its card, and its latest events as far as the reader may know them."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, select, tuple_
from sqlalchemy.orm import Session

from storage.parties import Viewer, taken_part
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor, in_region
from trace.services.organisations import get_organisation, get_organisation_row
from trace.services.story import load_story

MOST = 200


def history_of_organisation(
    session: Session,
    *,
    actor: Actor,
    public_id: str,
    now: datetime,
    reason: str = "",
    limit: int = 50,
    before: str | None = None,
) -> dict[str, Any]:
    """{organisation, events, next} of an organisation, its latest events first.

    An organisation reads all of its own events, and of another's those that both took part in. An inspector or auditor
    reads all events of an organisation in their region, and the look is written down (R18); of organisations elsewhere
    they read those that somebody of their region took part in, as everywhere. `next` is what to send as `before` for
    the page that follows, None on the last one. Raises `NotFound`, and `Invalid` for a `before` that is none.
    """
    row = get_organisation_row(session, public_id)
    card = get_organisation(session, actor=actor, public_id=public_id, reason=reason, now=now)
    most = min(limit, MOST)
    query = _events(actor, row)
    if before is not None:
        query = query.where(tuple_(taken_part.c.time, taken_part.c.event) < _parse_cursor(before))
    page = session.execute(query.limit(most + 1)).all()
    told = [number for _, number in page[:most]]
    story = load_story(session, told, actor)
    return {
        "organisation": card,
        "events": [story.tell(number) for number in told if number in story.open],
        "next": f"{page[most - 1].time}.{page[most - 1].event}" if len(page) > most else None,
    }


def _events(actor: Actor, row: Row[Any]) -> Select[Any]:
    """(time, event) of the organisation's events that the actor may read, the latest first."""
    query = (
        select(taken_part.c.time, taken_part.c.event)
        .where(taken_part.c.organisation == row.id)
        .order_by(taken_part.c.time.desc(), taken_part.c.event.desc())
    )
    if actor.organisation == row.id or (actor.watches and in_region(row.region, actor.region)):
        return query
    if actor.watches:
        return query.where(Viewer.of(actor).sees_event(taken_part.c.event))
    other = taken_part.alias()
    same = (other.c.time == taken_part.c.time) & (other.c.event == taken_part.c.event)
    return query.where(exists().where(other.c.organisation == actor.organisation, same))


def _parse_cursor(text: str) -> tuple[int, int]:
    """(time, event) of a cursor that an earlier page gave."""
    match = re.fullmatch(r"(-?\d{1,15})\.(\d{1,18})", text, re.ASCII)
    if match is None:
        raise Invalid(
            N_("{text} is no place to go on from: send the value of `next` as it came."), field="before", text=text
        )
    return int(match[1]), int(match[2])
