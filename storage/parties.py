"""Who sees an event whole: who captured it, and who else is a party to it.

The captor stands in the event's own row, only the others in `event_party`: most events have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, select, union_all
from sqlalchemy.orm import Session

from storage.bulk import select_among
from storage.one_of import there_is
from storage.tables import event, event_item, event_party, organisation
from trace.domain.permissions import Actor, region_prefix

# (organisation, time, event, recorded): of one organisation all events that it is a party to, each once. By (time,
# event) and by (recorded, event) two ranges of two indices in the same order, which both databases merge as they read.
taken_part = union_all(
    select(
        event.c.captured_by.label("organisation"),
        event.c.event_time.label("time"),
        event.c.id.label("event"),
        event.c.record_time.label("recorded"),
    ),
    select(event_party.c.organisation, event_party.c.time, event_party.c.event, event_party.c.recorded),
).subquery("taken_part")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who sees an event whole: an organisation that is a party to it, or, where None, the inspectors of a region."""

    organisation: int | None
    region: str = ""

    @classmethod
    def of(cls, actor: Actor) -> "Viewer":
        """As whom somebody looks at events."""
        return cls(None, actor.region) if actor.watches else cls(actor.organisation)

    def sees(self, row: FromClause = event) -> ColumnElement[bool]:
        """Of a row of `event` (its id, event_time and captured_by): whether it may be seen."""
        party = event_party.c
        if self.organisation is not None:
            is_named = there_is(
                party.event,
                party.organisation == self.organisation,
                party.time == row.c.event_time,
                party.event == row.c.id,
            )
            return (row.c.captured_by == self.organisation) | is_named
        is_named = there_is(party.event, party.event == row.c.id, self._watches(party.organisation))
        return self._watches(row.c.captured_by) | is_named

    def sees_event(self, number: Any) -> ColumnElement[bool]:
        """Whether the event with this number may be seen."""
        return there_is(event.c.id, event.c.id == number, self.sees())

    def seen_by(self) -> Select[tuple[int]]:
        """The numbers of the organisations whose events are seen."""
        if self.organisation is not None:
            return select(organisation.c.id).where(organisation.c.id == self.organisation)
        return select(organisation.c.id).where(organisation.c.region.startswith(region_prefix(self.region)))

    def _watches(self, party: Any) -> ColumnElement[bool]:
        """Whether an organisation is in the region.

        Party by party: a list of all organisations of the region would be made for every statement. And in a SELECT of
        its own: under row-level security PostgreSQL knows no share of what LIKE would find, and begins with the
        organisations.
        """
        region = select(organisation.c.region).where(organisation.c.id == party).scalar_subquery()
        return region.startswith(region_prefix(self.region))


def took_part(organisation_id: int) -> ColumnElement[bool]:
    """Whether an organisation is a party to the event of a row of `event_item`.

    Asked row by row: of a join with `taken_part` SQLite makes a table of all events of the organisation first.
    """
    party = taken_part.c
    return there_is(
        party.event,
        party.organisation == organisation_id,
        party.time == event_item.c.time,
        party.event == event_item.c.event,
    )


def parties_of(session: Session, captors: Mapping[int, int]) -> dict[int, set[int]]:
    """Who may see these events whole, {event number: who captured it}: {event number: organisation numbers}."""
    found = {number: {captor} for number, captor in captors.items()}
    for number, party in select_among(session, event_party, ("event", "organisation"), "event", sorted(captors)):
        found[number].add(party)
    return found
