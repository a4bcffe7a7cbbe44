"""Releases that arrive as bare EPCIS events: what only two people may put on the shelf, no event puts there alone.

An event of a partner's program, or of a clerk who sends one, is no signature. Putting away (CBV storing) what is held
here lifts the hold; so of goods that take two people, or that nobody may release, the event is refused.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from storage.events import EventKey, find_by_event_ids, find_idents, id_key
from storage.stock import on_hand_and_held
from trace.domain.epcis.vocabulary import BizStep
from trace.domain.events import Event
from trace.domain.failures import Conflict
from trace.domain.links import links_of
from trace.domain.permissions import Actor
from trace.domain.stock import Effect, movements_of
from trace.domain.uris import UriKind, uri_kind
from trace.services.commands import Command
from trace.services.making import Goods
from trace.services.releasing import allow_release


def find_unsigned(session: Session, events: Mapping[int, Event], *, actor: Actor, now: datetime) -> dict[int, Conflict]:
    """{position: why not} of those of these events that would release goods held here which takes two people.

    A release, or a hold declared wrong; what is stored already moves nothing again. What else may change meanwhile:
    `trace.services.releasing.allow_release`.
    """
    lifting = {n: one for n, one in events.items() if one.biz_step in (BizStep.STORING, BizStep.HOLDING)}
    keys = [(one.event_id, who) for one in lifting.values() for who in (0, actor.organisation)]
    known = set(find_by_event_ids(session, keys)) if keys else set()
    found: dict[int, Conflict] = {}
    for position, event in lifting.items():
        goods = _released(session, actor, event, known)
        try:
            if goods:
                allow_release(session, Command(actor, now), goods, "")
        except Conflict as failure:
            found[position] = failure
    return found


def _released(session: Session, actor: Actor, event: Event, known: Collection[EventKey]) -> list[Goods]:
    """What an event would release: of what it names, that of which some is held here."""
    key = id_key(event.event_id)
    told, wrong = (key, 0) in known, (key, actor.organisation) in known
    if event.error_declaration is None:
        lifts = None if told else Effect.RELEASE
    else:
        lifts = Effect.HOLD if told and not wrong else None
    moved = [move for move in movements_of(event, links_of(event)) if move.effect is lifts]
    held = on_hand_and_held(session, actor.organisation, find_idents(session, [move.item for move in moved]))
    return [
        Goods(move.item, None if uri_kind(move.item) is UriKind.INSTANCE else move.amount, move.unit)
        for move in moved
        if held.get(move.item, (0, 0))[1] > 0
    ]
