"""A slow, obviously right trace: the rules of `trace.domain.genealogy` and `containment`, read aloud.

No batches, no index, no bounds kept: every question runs over all events again, and facts are added until there are
no new ones. It works on plain `Event` values and shares nothing with the real search but the kinds of URIs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
)
from trace.domain.uris import UriKind, lot_uri_of_instance, uri_kind

Moment = tuple[int, int]  # (milliseconds, number of the event)
START: Moment = (-(10**15), 0)
NEVER: Moment = (10**15, 0)
SINGLE = (UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE)
NO_SINGLE_THING = (UriKind.CLASS, UriKind.PLACE, UriKind.PARTY, UriKind.TRANSACTION)


@dataclass(frozen=True)
class What:
    """What one event says of things, whatever its type."""

    at: Moment
    named: frozenset[str] = frozenset()  # everything the event speaks of
    moved: frozenset[str] = frozenset()  # what it happened to in a way that is shared by what is inside
    ended: frozenset[str] = frozenset()  # what is empty after it
    gone: frozenset[str] = frozenset()  # instances that are in nothing after it
    inputs: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    knot: str | None = None
    lot_of: Mapping[str, str] = field(default_factory=dict)
    packed: tuple[tuple[str, str, Decimal | None], ...] = ()  # (child, parent, amount)
    unpacked: tuple[tuple[str, str, Decimal | None], ...] = ()


def read(event: Event, number: int) -> What:
    """An event as the oracle sees it."""
    at = (milliseconds(event.event_time), number)
    if isinstance(event, ObjectEvent):
        lot_of = {epc: lot for epc in event.epcs if (lot := _lot(event, epc))}
        things = {*event.epcs, *(q.item for q in event.quantities)}
        gone = things if event.action is Action.DELETE else set()
        moved = set() if event.action is Action.ADD else things
        # A lot that stands beside its own packs is spoken of, and does not itself move or end with them.
        beside = {q.item for q in event.quantities} & set(lot_of.values())
        return What(
            at,
            frozenset(things | set(lot_of.values())),
            moved=frozenset(moved - beside),
            ended=frozenset(gone - beside),
            gone=frozenset(gone - beside),
            lot_of=lot_of,
        )
    if isinstance(event, TransactionEvent):
        things = {*event.epcs, *(q.item for q in event.quantities), *filter(None, [event.parent])}
        return What(at, frozenset(things), moved=frozenset(things))
    if isinstance(event, TransformationEvent):
        inputs = frozenset((*event.input_epcs, *(q.item for q in event.input_quantities)))
        outputs = frozenset((*event.output_epcs, *(q.item for q in event.output_quantities)))
        return What(
            at,
            inputs | outputs,
            moved=inputs,
            ended=inputs,
            gone=inputs,
            inputs=inputs,
            outputs=outputs,
            knot=event.transformation_id,
        )
    assert isinstance(event, AggregationEvent | AssociationEvent)
    children = {*event.child_epcs, *(q.item for q in event.child_quantities)}
    parents = {event.parent} if event.parent else set()
    emptied = parents if event.action is Action.DELETE and not children else set()
    seen = parents if event.action is Action.OBSERVE else set()
    lines = tuple(_lines(event)) if event.parent else ()
    return What(
        at,
        frozenset(children | parents),
        moved=frozenset(children | seen | emptied),
        ended=frozenset(emptied),
        packed=lines if event.action is Action.ADD else (),
        unpacked=lines if event.action is Action.DELETE else (),
    )


def _lines(event: AggregationEvent | AssociationEvent) -> Iterator[tuple[str, str, Decimal | None]]:
    amounts: dict[tuple[str, str | None], list[Decimal | None]] = {}
    for quantity in (*(Quantity(epc) for epc in event.child_epcs), *event.child_quantities):
        amounts.setdefault((quantity.item, quantity.unit), []).append(quantity.amount)
    for (item, _), values in amounts.items():
        known = [value for value in values if value is not None]
        yield item, str(event.parent), sum(known, Decimal(0)) if len(known) == len(values) else None


def _lot(event: ObjectEvent, epc: str) -> str | None:
    """The lot of an instance: named outright, the only lot commissioned beside it, or told by a lot number."""
    if "sunshine:lot" in event.extensions:
        return str(event.extensions["sunshine:lot"])
    if event.action is not Action.ADD:
        return None
    lots = [q.item for q in event.quantities if uri_kind(q.item) is UriKind.LOT]
    if len(lots) == 1:
        return lots[0]
    number = event.ilmd.get("cbvmda:lotNumber")
    return lot_uri_of_instance(epc, number) if number else None


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def standing(events: Mapping[int, Event]) -> dict[int, Event]:
    """Events that nobody declared wrong; a declaration itself tells nothing that happened."""
    wrong = {event.event_id for event in events.values() if event.error_declaration is not None}
    return {number: event for number, event in events.items() if event.event_id not in wrong}


@dataclass
class Oracle:
    """All events up to a moment, in their order, and what follows from them."""

    events: Mapping[int, Event]
    at: int | None = None  # milliseconds; nothing later counts
    stays_known: dict[tuple[str, bool], list[tuple[str, Moment, Moment]]] = field(default_factory=dict)

    @cached_property
    def story(self) -> list[What]:
        """The events in order of (time, number)."""
        told = (read(event, number) for number, event in standing(self.events).items())
        return sorted((w for w in told if self.at is None or w.at[0] <= self.at), key=lambda w: w.at)

    @property
    def things(self) -> set[str]:
        """Everything that is named anywhere."""
        return {thing for what in self.story for thing in what.named}

    def backward(self, start: str) -> tuple[set[int], set[str]]:
        """(numbers of events, items) of the trace back to the field."""
        return _Backward(self, start).answer()

    def forward(self, start: str) -> tuple[set[int], set[str]]:
        """(numbers of events, items) of the trace forward to every shelf."""
        return _Forward(self, start).answer()

    def together(self, what: What) -> list[What]:
        """The events that are one transformation with this one."""
        return [w for w in self.story if w.knot == what.knot] if what.knot else [what]

    def stays(self, thing: str, single: bool) -> list[tuple[str, Moment, Moment]]:
        """(parent, from, until) of every stay of a thing in a container."""
        if (thing, single) not in self.stays_known:
            self.stays_known[thing, single] = list(self._stays(thing, single))
        return self.stays_known[thing, single]

    def _stays(self, thing: str, single: bool) -> Iterator[tuple[str, Moment, Moment]]:
        inside: dict[str, tuple[Moment, Decimal | None]] = {}
        for what in self.story:
            leaving = set(inside) & what.ended
            if single and thing in what.gone:
                leaving |= set(inside)
            for child, parent, amount in what.unpacked:
                if child == thing and parent in inside:
                    since, balance = inside[parent]
                    left = None if balance is None or amount is None else balance - amount
                    inside[parent] = (since, left)
                    if single or left is None or left <= 0:
                        leaving.add(parent)
            for child, parent, amount in what.packed:
                if child == thing != parent:
                    if single:
                        leaving |= set(inside) - {parent}
                    since, balance = inside.get(parent, (what.at, Decimal(0)))
                    inside[parent] = (since, None if balance is None or amount is None else balance + amount)
            for parent in leaving:
                yield parent, inside.pop(parent)[0], what.at
        for parent, (since, _) in inside.items():
            yield parent, since, NEVER


def just_before(moment: Moment) -> Moment:
    """The moment before an event."""
    return (moment[0], moment[1] - 1)


class _Trace:
    """Facts that are still to be looked at, facts that have been, and what they say."""

    def __init__(self, oracle: Oracle, start: str):
        self.oracle, self.start = oracle, start
        self.events: set[int] = set()
        self.items: set[str] = {start}
        self.facts: set[tuple[str, str, Moment, Moment]] = set()
        self.agenda: list[tuple[str, str, Moment, Moment]] = []

    def answer(self) -> tuple[set[int], set[str]]:
        """Begin, and go on until nothing new follows."""
        self.add("life", self.start, START, NEVER)
        sscc = uri_kind(self.start) is UriKind.CONTAINER_UNIT
        self.add("content", self.start, START if sscc else just_before(NEVER), NEVER)
        while self.agenda:
            kind, thing, after, until = self.agenda.pop()
            {"life": self.life, "ride": self.ride, "content": self.content}[kind](thing, after, until)
        return self.events, self.items

    def add(self, kind: str, thing: str, after: Moment, until: Moment) -> None:
        """A fact: `thing` counts, carried something, or is opened, between two moments."""
        fact = (kind, thing, after, until)
        if fact not in self.facts:
            self.facts.add(fact)
            self.agenda.append(fact)
        if kind != "content":
            self.items.add(thing)

    def life(self, thing: str, after: Moment, until: Moment) -> None:
        raise NotImplementedError

    def contained(self, thing: str, since: Moment, until: Moment) -> None:
        raise NotImplementedError

    def used_up(self, what: What) -> None:
        """Something inside a container that was an input."""

    def ride(self, container: str, after: Moment, until: Moment) -> None:
        """Something was inside `container`: what the container went through, it went through."""
        if uri_kind(container) in NO_SINGLE_THING:
            return
        for what in self.oracle.story:
            if after < what.at <= until and container in what.moved:
                self.events.add(what.at[1])
                if container in what.inputs:
                    self.used_up(what)
        for outer, since, end in self.oracle.stays(container, True):
            if max(after, since) < min(until, end):
                self.add("ride", outer, max(after, since), min(until, end))

    def content(self, container: str, after: Moment, until: Moment) -> None:
        """Everything that was inside `container` at some moment after `after` and up to `until`."""
        if uri_kind(container) not in SINGLE:
            return
        for thing in self.oracle.things:
            for parent, since, end in self.oracle.stays(thing, uri_kind(thing) in SINGLE):
                if parent == container and since < until and after < end:
                    self.contained(thing, since, min(end, until))
                    self.add("content", thing, max(after, since), min(end, until))


class _Backward(_Trace):
    def life(self, thing: str, after: Moment, until: Moment) -> None:
        terminal = uri_kind(thing) in NO_SINGLE_THING
        if terminal and thing != self.start:
            return
        for what in self.oracle.story:
            if thing not in what.named or what.at > until:
                continue
            self.events.add(what.at[1])
            if thing in what.lot_of and not terminal:
                self.add("life", what.lot_of[thing], START, what.at)
            if thing in what.outputs and not terminal:
                self.items |= {what.knot} if what.knot else set()
                for part in self.oracle.together(what):
                    for source in part.inputs:
                        self.events.add(part.at[1])
                        self.add("life", source, START, part.at)
                        self.add("content", source, just_before(part.at), part.at)
        if not terminal:
            for parent, since, end in self.oracle.stays(thing, uri_kind(thing) in SINGLE):
                if since < min(end, until):
                    self.add("ride", parent, since, min(end, until))

    def contained(self, thing: str, since: Moment, until: Moment) -> None:
        self.add("life", thing, START, until)


class _Forward(_Trace):
    def life(self, thing: str, after: Moment, until: Moment) -> None:
        terminal = uri_kind(thing) in NO_SINGLE_THING
        if terminal and thing != self.start:
            return
        for what in self.oracle.story:
            if thing not in what.named or what.at < after:
                continue
            self.events.add(what.at[1])
            if terminal:
                continue
            for pack, lot in what.lot_of.items():
                if lot == thing:
                    self.add("life", pack, after, NEVER)
            if thing in what.inputs:
                self.used_up(what)
        if terminal:
            return
        for parent, since, end in self.oracle.stays(thing, uri_kind(thing) in SINGLE):
            packings = [
                w.at for w in self.oracle.story for child, into, _ in w.packed if (child, into) == (thing, parent)
            ]
            since_then = [at for at in packings if max(since, after) <= at < end]
            if since_then:
                self.add("ride", parent, min(since_then), end)

    def used_up(self, what: What) -> None:
        self.items |= {what.knot} if what.knot else set()
        for part in self.oracle.together(what):
            for target in part.outputs:
                self.events.add(part.at[1])
                self.add("life", target, part.at, NEVER)

    def contained(self, thing: str, since: Moment, until: Moment) -> None:
        self.add("life", thing, since, NEVER)


def differences(ours: Iterable[object], theirs: Iterable[object]) -> dict[str, list[str]]:
    """What one side has and the other has not, for the message of a failing test."""
    one, other = set(ours), set(theirs)
    return {"only the oracle": sorted(map(str, one - other)), "only the search": sorted(map(str, other - one))}
