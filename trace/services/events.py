"""Reading single events as they were captured."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import NO_DECLARER, find_by_event_ids
from storage.parties import parties_of
from storage.tables import organisation
from trace.domain.epcis.document import GS1_CONTEXT, load_document
from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Actor, View, view_of
from trace.services.look_up_log import note_look_up


def get_event(session: Session, *, actor: Actor, event_id: str, now: datetime) -> dict[str, Any]:
    """An event's EPCIS 2.0 document, for those who see all of it; raises `NotFound` for everybody else."""
    found = find_by_event_ids(session, [(event_id, NO_DECLARER)])
    stored = next(iter(found.values()), None)
    if stored is not None:
        document = load_document(stored.document)
        parties = parties_of(session, {stored.id: stored.captured_by})[stored.id]
        query = select(organisation.c.id, organisation.c.region).where(organisation.c.id.in_(parties))
        regions = dict(session.execute(query).tuples().all())
        # Two IDs could share a key (storage.events.id_key): only the very event asked for is given.
        if document["eventID"] == event_id and view_of(actor, regions) is View.FULL:
            note_look_up(session, actor=actor, what="event", subject=event_id, now=now)
            return _with_context(document)
    raise NotFound(N_("There is no event {id}."), id=event_id[:120])


def _with_context(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as JSON-LD that stands alone: GS1's context before the event's own namespaces."""
    own = document.get("@context")
    return {
        "@context": [GS1_CONTEXT, own] if own else [GS1_CONTEXT],
        **{k: document[k] for k in document if k != "@context"},
    }
