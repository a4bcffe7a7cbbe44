"""Traces longer than one answer: what was found and not told, and the searches that paused, kept for a while.

The caller gets a random token. What is kept names events and things by their numbers only, and is of use to the
organisation alone that asked; what it may know of them is decided anew when the next part is told.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from storage.store import write_at_end
from storage.tables import trace_pause
from storage.trace_reader import TraceReader
from trace.domain.containment import Position
from trace.domain.failures import N_, Invalid
from trace.domain.genealogy import Direction, Trace
from trace.domain.permissions import Actor
from trace.domain.rules.book import EVERYWHERE
from trace.domain.trace_search import go_on, trace
from trace.domain.trace_state import as_state, search_of
from trace.services.choosing import Choice, choose
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on

SWEEP = "trace_sweep"  # kind of job, of the service itself
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pause:
    """Where an answer about `item` paused: events to be told next, each with its relation to the thing, in order, and
    the states of the searches to go on with after these."""

    item: int
    untold: Sequence[tuple[int, str]] = ()
    searches: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # Direction -> trace.domain.trace_state

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to go on with."""
        return not (self.untold or self.searches)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer: the searches as far as they came, and what is told of what they found.

    `relations` are those of events that were found before; `waiting` the states of searches that have their turn when
    all that was found is told.
    """

    traces: dict[Direction, Trace]
    choice: Choice
    is_first: bool = False
    relations: Mapping[int, str] = field(default_factory=dict)
    waiting: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_cut(self) -> bool:
        """Whether there is more that no search has found yet."""
        return bool(self.waiting) or any(found.truncated for found in self.traces.values())

    def relation(self, number: int, item: int) -> str:
        """Of an event: that it is the thing's own, or from before it or after it."""
        if number in self.relations:
            return self.relations[number]
        for found in self.traces.values():
            if any(row.item == item for row in found.events.get(number, ())):
                return "own"
        backward = self.traces.get(Direction.BACKWARD)
        return "before" if backward is not None and number in backward.events else "after"


def first_part(
    session: Session, item: int, directions: Iterable[Direction], *, at: Position, rows: int, most: int
) -> Part:
    """Search in these directions, and choose what is told of what was found."""
    reader = TraceReader(session)
    traces = {way: trace(reader, item, way, at=at, rows=rows) for way in directions}
    return Part(traces, choose(session, traces.values(), most), is_first=True)


def next_part(session: Session, pause: Pause, *, most: int, rows: int) -> Part:
    """What was found and not told; when all of that is told, the searches go on."""
    if pause.untold:
        told, rest = pause.untold[:most], pause.untold[most:]
        choice = Choice(tuple(n for n, _ in told), tuple(n for n, _ in rest), frozenset(), only_sales=not rest)
        return Part({}, choice, relations=dict(pause.untold), waiting=pause.searches)
    reader = TraceReader(session)
    traces = {Direction(way): go_on(search_of(reader, state), rows=rows) for way, state in pause.searches.items()}
    return Part(traces, choose(session, traces.values(), most))


def pause_after(part: Part, item: int) -> Pause:
    """What the next part begins with. Where nothing but sales is left, they are a number and no part of their own."""
    stopped = {way.value: as_state(found.rest) for way, found in part.traces.items() if found.rest is not None}
    searches = {**part.waiting, **stopped}
    untold = part.choice.left_out if searches or not part.choice.only_sales or not part.is_first else ()
    return Pause(item, [(number, part.relation(number, item)) for number in untold], searches)


def keep_pause(session: Session, pause: Pause, *, actor: Actor, now: datetime) -> str | None:
    """Keep a pause: the token that goes on from it; None where there is nothing to go on with.

    Written when the session ends, also where it only reads. Of one organisation `trace.pauses` keeps the newest. Two at
    once may both keep one more; the next one takes both away.
    """
    if pause.is_over:
        return None
    token = new_public_id()
    state = {"item": pause.item, "untold": pause.untold, "searches": pause.searches}
    packed = zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 1)
    mine = trace_pause.c.organisation == actor.organisation
    most: int = _terms(session, now)["most"]
    older = select(trace_pause.c.id).where(mine).order_by(trace_pause.c.id.desc()).offset(most - 1)
    write_at_end(session, delete(trace_pause).where(mine, trace_pause.c.id.in_(older)))
    write_at_end(
        session,
        insert(trace_pause).values(token=token, organisation=actor.organisation, state=packed, created_at=now),
    )
    return token


def get_pause(session: Session, token: str, *, actor: Actor, item: int, now: datetime) -> Pause:
    """What a token goes on from; raises `Invalid` for one that is none, is of another thing, or is kept no longer."""
    query = select(trace_pause.c.state).where(
        trace_pause.c.token == token,
        trace_pause.c.organisation == actor.organisation,
        trace_pause.c.created_at >= now - _kept(session, now),
    )
    packed = session.scalar(query)
    state: dict[str, Any] = json.loads(zlib.decompress(packed)) if packed is not None else {}
    if state.get("item") != item:
        raise Invalid(
            N_("This part of the history is not kept any more, or belongs to something else: look the code up again."),
            field="after",
        )
    return Pause(item, [(number, relation) for number, relation in state["untold"]], state["searches"])


def sweep_pauses(session: Session, *, now: datetime) -> int:
    """Remove the pauses that are kept no longer, also those of a clock that was ahead by more; how many.

    Two at once want the same rows gone.
    """
    kept, created_at = _kept(session, now), trace_pause.c.created_at
    over = (created_at < now - kept) | (created_at > now + kept)
    return len(session.execute(delete(trace_pause).where(over).returning(trace_pause.c.id)).all())


def next_sweep(session: Session, now: datetime) -> datetime:
    """When pauses are looked through again."""
    return now + _kept(session, now)


def _kept(session: Session, now: datetime) -> timedelta:
    return timedelta(minutes=_terms(session, now)["minutes"])


def _terms(session: Session, now: datetime) -> Mapping[str, int]:
    found: Mapping[str, int] = rules_on(session, now.date(), EVERYWHERE).value("trace.pauses")
    return found
