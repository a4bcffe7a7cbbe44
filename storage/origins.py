"""Who recorded first that a lot came to be, and whether that is to be believed: a recall stops it everywhere."""

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from storage.events import BEGAN, Mention, chunks
from storage.tables import event, event_item, event_mention, event_withdrawn, ident, organisation


def captors_of(session: Session, events: Iterable[int]) -> dict[int, int]:
    """{event: the organisation that captured it}."""
    found: dict[int, int] = {}
    for part in chunks(sorted(set(events))):
        query = select(event.c.id, event.c.captured_by).where(event.c.id.in_(part))
        found.update(session.execute(query).tuples().all())
    return found


def origins_of(session: Session, items: Iterable[int]) -> dict[int, tuple[int, bool]]:
    """{item: (the organisation that first recorded that it came to be, whether anybody believes it)}.

    An event may say what it likes of anybody's lot. What others named before is believed of who says to have made it
    only where one of them names that organisation as its source. Of what nobody recorded as made (a transformation id)
    it is who named it first. Events declared wrong say nothing.
    """
    found: dict[int, tuple[int, bool]] = {}
    stands = event.c.id.not_in(select(event_withdrawn.c.event))
    making = func.min(case((BEGAN, event.c.id))).label("making")
    for part in chunks(items):
        query = (
            select(event_item.c.item, event.c.captured_by, func.min(event.c.id).label("naming"), making)
            .join(event, event.c.id == event_item.c.event)
            .where(event_item.c.item.in_(part), stands)
            .group_by(event_item.c.item, event.c.captured_by)
        )
        for item, rows in groupby(sorted(session.execute(query).all()), key=lambda row: row.item):
            named = list(rows)
            made = [row for row in named if row.making is not None]
            origin = min(made, key=lambda row: row.making) if made else min(named, key=lambda row: row.naming)
            before = [row for row in named if row is not origin and made and row.naming < origin.making]
            found[item] = origin.captured_by, not before or _is_source(session, item, origin.captured_by)
    return found


def _is_source(session: Session, item: int, organisation_id: int) -> bool:
    """Whether another organisation's event of an item names this one as whom it is from."""
    query = (
        select(event.c.id)
        .join(event_item, event_item.c.event == event.c.id)
        .join(event_mention, (event_mention.c.time == event.c.event_time) & (event_mention.c.event == event.c.id))
        .join(ident, ident.c.id == event_mention.c.ident)
        .join(organisation, organisation.c.party_uri == ident.c.uri)
        .where(
            event_item.c.item == item,
            event.c.captured_by != organisation_id,
            event_mention.c.kind == Mention.SOURCE,
            organisation.c.id == organisation_id,
        )
    )
    return session.execute(query.limit(1)).one_or_none() is not None
