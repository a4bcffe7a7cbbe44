"""Every query that an index serves, in stores of several sizes: of the EPCIS query interface and of the pages.

In made-up cities (`benchmarks.city`) the same is asked in each: of the same stories their things and delivery notes, of
the busiest and of a middling organisation and place, of a day. Middling is who stands in the middle of those that have
`PAGES` pages to tell: of all, it is one that cannot fill a page in a small city, and no comparison. Warm: the best of
`ROUNDS` after a first, the stores taking turns, so that a busy machine slows all of them alike; a query's figure is the
median of its variants. Some match nothing: what is not there must not be looked for in all that is.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.city_people import BEGIN
from benchmarks.stores import Opened, Processor, measured, on_both
from storage.events import Named
from storage.parties import taken_part
from storage.store import Store
from storage.tables import event, event_item, event_mention, event_vocabulary, ident, lot
from trace.domain.epcis.query_language import parse_query
from trace.domain.failures import Failure
from trace.domain.links import Role as Part
from trace.domain.permissions import Actor, Role
from trace.services.event_queries import find_events
from trace.services.lookup import look_up
from trace.services.search import search
from trace.web.access import sight_of_actor

NAME = "filters"
SIZES = (10_000, 100_000)
VARIANTS, ROUNDS = 9, 3
PAGE, PAGES = 30, 10
NOW = datetime(2026, 12, 24, tzinfo=UTC)

Ask = Callable[[Store], int]  # a question asked once: how much was found


@dataclass(frozen=True, slots=True)
class Ground:
    """What is asked about in one store: organisations by how much they have, stories' things, days."""

    busy: Actor
    middling: Actor
    inspector: Actor
    places: Mapping[int, str]  # organisation -> its place
    never: Mapping[int, str]  # organisation -> a step of others that it never does
    stories: Sequence[Mapping[str, str]]  # of each story: lot, crate, pack ..., as far as it has them
    owners: Sequence[Actor]  # of each story somebody who took part


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """{backend: figures, or why it could not run}."""
    return on_both(asked, SIZES, lambda stores: measure(stores, asked.rounds or ROUNDS))


def measure(stores: Mapping[int, Opened], rounds: int = ROUNDS) -> dict[str, Any]:
    """{query: of each size median ms, the processor's, events found; growth from size to size} of one backend."""
    questions = {size: questions_of(ground_of(one)) for size, one in stores.items()}
    processors = {size: Processor(one.store) for size, one in stores.items()}
    names = [name for name in questions[min(stores)] if all(name in asked for asked in questions.values())]
    figures: dict[str, Any] = {}
    for name in names:
        variants = min(len(asked[name]) for asked in questions.values())
        tried = {size: _Tried() for size in stores}
        for variant in range(variants):
            for turn in range(rounds + 1):  # the first brings everything into memory
                for size in sorted(stores, reverse=bool(turn % 2)):
                    tried[size].ask(stores[size], questions[size][name][variant], processors[size], warm=turn > 0)
        pairs = list(pairwise(sorted(stores)))
        figures[name] = {
            "ms": {str(size): round(one.median() * 1000, 2) for size, one in tried.items()},
            "processor_ms": {str(size): round(one.processor() * 1000, 2) for size, one in tried.items()},
            "found": {str(size): statistics.median(one.found) for size, one in tried.items()},
            "growth": {f"{a} to {b}": round(tried[b].median() / tried[a].median(), 2) for a, b in pairs},
            "processor_growth": {
                f"{a} to {b}": round(tried[b].processor() / tried[a].processor(), 2) for a, b in pairs
            },
        }
    return figures


@dataclass(slots=True)
class _Tried:
    """Of one query in one store: each variant's quickest answer, what all took of the processor, what was found."""

    best: list[float] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    spent: float = 0.0
    answers: int = 0

    def ask(self, one: Opened, ask: Ask, processor: Processor, *, warm: bool) -> None:
        """Once more; -1 is found where it is refused as too much."""
        spent, started = processor.seconds(), time.perf_counter()
        try:
            count = ask(one.store)
        except Failure:
            count = -1
        took, spent = time.perf_counter() - started, processor.seconds() - spent
        if not warm:
            self.found.append(count)
            self.best.append(float("inf"))
            return
        self.best[-1] = min(self.best[-1], took)
        self.spent += spent
        self.answers += 1

    def median(self) -> float:
        """Seconds of the variant in the middle."""
        return statistics.median(self.best)

    def processor(self) -> float:
        """Seconds an answer, on the average of all."""
        return max(self.spent / self.answers, 1e-6)


# ---- what is asked about -------------------------------------------------------------------------------------------


def ground_of(one: Opened) -> Ground:
    """Look into a store for what can be asked about in it."""
    actors = {actor.organisation: actor for actor in one.filled.actors}
    with one.store.reading() as session:
        counts = session.execute(
            select(taken_part.c.organisation, func.count()).group_by(taken_part.c.organisation)
        ).tuples()
        ranked = sorted(counts, key=lambda pair: (-pair[1], pair[0]))
        stories, owners = [], []
        for _, (end, start) in sorted(one.filled.asked.items())[: VARIANTS * 4]:
            things, owner = _things(session, end, start)
            stories.append(things)
            owners.append(actors[owner])
        full = [organisation for organisation, count in ranked if count >= PAGES * PAGE] or [ranked[0][0]]
        busy, middling = actors[ranked[0][0]], actors[full[len(full) // 2]]
        places = {actor.organisation: _place(session, actor) for actor in (busy, middling)}
        never = {actor.organisation: _never(session, actor) for actor in (busy, middling)}
    inspector = Actor(busy.organisation, "", "regulator", "", busy.region, Role.INSPECTOR)
    return Ground(busy, middling, inspector, places, never, stories, owners)


def _place(session: Session, actor: Actor) -> str:
    query = select(ident.c.uri).join(event, event.c.biz_location == ident.c.id)
    return str(session.scalar(query.where(event.c.captured_by == actor.organisation).limit(1)))


def _never(session: Session, actor: Actor) -> str:
    v = event_vocabulary.c
    does = select(ident.c.uri).join(event_vocabulary, v.ident == ident.c.id)
    does = does.where(v.organisation == actor.organisation, v.kind == int(Named.BIZ_STEP))
    steps = ("dispensing", "retail_selling", "commissioning", "destroying", "packing")
    return next(step for step in steps if step not in set(session.scalars(does)))


def _things(session: Session, end: str, start: str) -> tuple[dict[str, str], int]:
    """({what it is: URI} of a story, the organisation that recorded its first event)."""
    found = {"end": end, "start": start}
    first = (
        select(event_item.c.event, event_item.c.time)
        .join(ident, ident.c.id == event_item.c.item)
        .where(ident.c.uri == start)
        .order_by(event_item.c.time)
    )
    rows = session.execute(first.limit(3)).all()
    owner = session.execute(select(event.c.captured_by).where(event.c.id == rows[0].event)).scalar_one()
    crate = (
        select(ident.c.uri)
        .join(event_item, event_item.c.peer == ident.c.id)
        .where(event_item.c.event.in_([row.event for row in rows]), event_item.c.role == Part.PACKED)
    )
    if (uri := session.scalar(crate.limit(1))) is not None:
        found["crate"] = uri
    number = session.scalar(select(lot.c.number).join(ident, ident.c.id == lot.c.item).where(ident.c.uri == start))
    found |= {"number": number} if number else {}
    sent = select(ident.c.uri).join(event_mention, event_mention.c.ident == ident.c.id).where(event_mention.c.kind == 1)
    near = event_mention.c.event >= rows[0].event
    if (uri := session.scalar(sent.where(near).limit(1))) is not None:
        found["note"] = uri
    return found, owner


# ---- what is asked -------------------------------------------------------------------------------------------------


def questions_of(ground: Ground) -> dict[str, list[Ask]]:
    """{query: its variants}."""
    busy, middling, inspector = ground.busy, ground.middling, ground.inspector
    days = [BEGIN + timedelta(days=20 + 28 * n) for n in range(VARIANTS)]
    found: dict[str, list[Ask]] = {}

    def query(name: str, actor: Actor, *variants: dict[str, Any]) -> None:
        if variants:
            found[name] = [_query(actor, one) for one in variants]

    for label, actor in (("busiest", busy), ("middling", middling), ("inspector", inspector)):
        day = [{"GE_eventTime": d.isoformat(), "LT_eventTime": (d + timedelta(days=1)).isoformat()} for d in days]
        query(f"{label}: all, newest first", actor, {"orderBy": "eventTime", "orderDirection": "DESC"})
        query(f"{label}: a day", actor, *day)
        recorded = [{"GE_recordTime": d.isoformat(), "orderBy": "recordTime"} for d in days]
        query(f"{label}: recorded since", actor, *recorded)
        query(f"{label}: a step", actor, *({"EQ_bizStep": [s]} for s in ("shipping", "receiving", "commissioning")))
        query(f"{label}: a disposition", actor, {"EQ_disposition": ["active"]}, {"EQ_disposition": ["in_transit"]})
        query(f"{label}: a type", actor, {"eventType": ["AggregationEvent"]}, {"EQ_action": ["OBSERVE"]})
        query(f"{label}: a rare type", actor, {"eventType": ["TransformationEvent"]})
        query(f"{label}: nothing, a type that there is none of", actor, {"eventType": ["TransactionEvent"]})
    for label, actor in (("busiest", busy), ("middling", middling)):
        here = {"EQ_bizLocation": [ground.places[actor.organisation]]}
        query(f"{label}: a place", actor, here, {"EQ_readPoint": [ground.places[actor.organisation]]})
        query(f"{label}: a step at a place", actor, here | {"EQ_bizStep": ["storing"]})
        never = {"EQ_bizStep": [ground.never[actor.organisation]]}
        query(f"{label}: nothing, a step that is never at a place", actor, here | never)
        query(f"{label}: nothing, an unknown thing", actor, {"MATCH_anyEPC": ["urn:epc:id:sgtin:0614141.107346.9"]})
    _add_stories(found, ground)
    return found


def _add_stories(found: dict[str, list[Ask]], ground: Ground) -> None:
    """What is asked of things, by somebody who took part in their story; and the pages."""
    asked: dict[str, list[Ask]] = {}
    for things, owner in zip(ground.stories, ground.owners, strict=True):
        for key, name, parameter in (
            ("start", "a lot", "MATCH_anyEPCClass"),
            ("crate", "a crate", "MATCH_parentID"),
            ("note", "a delivery note", "EQ_bizTransaction_desadv"),
        ):
            if key in things:
                asked.setdefault(name, []).append(_query(owner, {parameter: [things[key]]}))
        asked.setdefault("page: look-up", []).append(_look_up(owner, things["start"]))
        asked.setdefault("page: look-up of the public", []).append(_look_up(None, things["end"]))
        if "number" in things:
            asked.setdefault("page: search for a lot number", []).append(_search(owner, things["number"]))
        asked.setdefault("page: search for an organisation", []).append(
            _search(ground.middling, owner.organisation_name)
        )
    asked["page: search for a part of many names"] = [
        _search(actor, "超市") for actor in (ground.busy, ground.middling, ground.inspector)
    ]
    asked["page: search for nothing"] = [_search(ground.busy, "no such lot")]
    found |= {name: asks[:VARIANTS] for name, asks in asked.items()}


def _query(actor: Actor, parameters: Mapping[str, Any]) -> Ask:
    asked = parse_query(dict(parameters))
    return _asked_by(actor, lambda s: len(find_events(s, actor=actor, query=asked, page_size=PAGE, now=NOW).documents))


def _look_up(actor: Actor | None, uri: str) -> Ask:
    return _asked_by(actor, lambda session: len(look_up(session, actor=actor, text=uri, now=NOW)["timeline"]))


def _search(actor: Actor, text: str) -> Ask:
    def count(session: Session) -> int:
        found = search(session, actor=actor, text=text, now=NOW)
        return len(found["lots"]) + sum(1 + len(card["lots"]) for card in found["organisations"])

    return _asked_by(actor, count)


def _asked_by(actor: Actor | None, ask: Callable[[Session], int]) -> Ask:
    """A question as somebody's request asks it: in a session of its own that sees what is theirs to see."""

    def asked(store: Store) -> int:
        with store.seeing(sight_of_actor(actor)).reading() as session:
            return ask(session)

    return asked


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told: list[str] = []
    for backend, found in measured(figures, told):
        for name, row in found.items():
            times = ", ".join(
                f"{ms} ms of {size} (processor {row['processor_ms'][size]})" for size, ms in row["ms"].items()
            )
            growth = ", ".join(
                f"{ratio} times from {sizes} (processor {row['processor_growth'][sizes]})"
                for sizes, ratio in row["growth"].items()
            )
            told.append(f"{backend:>10}, {name}: {times}; {growth}; finds {max(row['found'].values()):.0f}")
    return told
