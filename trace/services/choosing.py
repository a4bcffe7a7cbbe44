"""Which events of a trace are told, when there are more than anybody reads.

First what is no sale, from the field on: what led from one thing to another before the rest, so that the way back to
the field is told whole. Sales over the counter come last, the newest first: a popular lot has thousands of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.bulk import Beside, select_among
from storage.events import chunks
from storage.one_of import one_of
from storage.tables import event, ident, organisation
from trace.domain.epcis.vocabulary import SALES, BizStep
from trace.domain.genealogy import Direction, Trace
from trace.domain.links import Role
from trace.domain.parties import PHARMACIES

HANDOVERS = frozenset({BizStep.SHIPPING, BizStep.RECEIVING})


@dataclass(frozen=True, slots=True)
class Choice:
    """The numbers of the events told and of those left out; the handovers among all of them; is only sales left out."""

    told: tuple[int, ...]
    left_out: tuple[int, ...]
    handovers: frozenset[int]
    only_sales: bool


def choose(session: Session, traces: Iterable[Trace], limit: int) -> Choice:
    """Choose at most `limit` of the events of these traces.

    A pack leads back to its lot, and the lot to every pack of it: how the lot came to be is told, what became of other
    packs is not.
    """
    traces = list(traces)
    numbers = {number for found in traces for number in found.events}
    others = numbers.difference(*(set(found.events) - _of_siblings(found) for found in traces))
    skeleton = {edge.event for found in traces for edge in found.edges}
    step_word = Beside(ident, ("uri",), "id", "step")
    ranked: list[tuple[int, int, int]] = []
    handovers = set()
    for number, moment, step in select_among(session, event, ("id", "event_time"), "id", numbers, step_word):
        if number in others and step != BizStep.COMMISSIONING:
            continue
        ranked.append((2, -moment, -number) if step in SALES else (number not in skeleton, moment, number))
        if step in HANDOVERS:
            handovers.add(number)
    ranked.sort()
    told, rest = ranked[:limit], ranked[limit:]
    return Choice(
        tuple(abs(number) for _, _, number in told),
        tuple(abs(number) for _, _, number in rest),
        frozenset(handovers),
        all(rank == 2 for rank, _, _ in rest),
    )


def without_pharmacies(session: Session, choice: Choice) -> Choice:
    """The choice without what pharmacies captured; who gave goods to whom still counts for the names that are told."""
    theirs: set[int] = set()
    captured = select(event.c.id).join(organisation, organisation.c.id == event.c.captured_by)
    for part in chunks(choice.told):
        theirs |= set(
            session.scalars(captured.where(one_of(session, event.c.id, part), organisation.c.kind.in_(PHARMACIES)))
        )
    return replace(choice, told=tuple(number for number in choice.told if number not in theirs))


def _of_siblings(found: Trace) -> set[int]:
    """Events on the way back that name a lot only for its other packs, not for the one asked for."""
    if found.direction is not Direction.BACKWARD:
        return set()
    return {
        number
        for number, reasons in found.events.items()
        if all(row.role == Role.SERIALISED and found.items[row.item] > 0 for row in reasons)
    }
