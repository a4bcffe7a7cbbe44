"""The shapes of a city's events: each is written once as a function that makes the event, and read once into a layout.

A `Shape` makes an event for `capture` from things and amounts; its `Layout` says which rows capture would store of any
such event, with numbers of its things for their identifiers. The layout is made by capture's own functions of one
event of that shape, so rows written by it are capture's rows (`tests/benchmarks/test_city.py` compares them).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from operator import itemgetter
from typing import Any

from trace.domain.dispensing import RETURN_EXTENSION
from trace.domain.epcis.document import as_time
from trace.domain.events import Event
from trace.domain.links import links_of
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.stock import Effect, movements_of
from trace.domain.uris import (
    UriKind,
    crate_uri,
    drug_class_uri,
    drug_code_uri,
    gtin_uri,
    key_uri,
    party_uri,
    transaction_uri,
)
from trace.services.capture import _Draft, _new_events
from trace.services.stock_keeping import micro

Build = Callable[[dict[str, Any], Sequence[str], Sequence[Decimal]], Event]

CHINA = timezone(timedelta(hours=8))
_TIME = datetime(1999, 9, 9, 9, 9, 9, tzinfo=CHINA)
_ID = "urn:uuid:99999999-9999-4999-8999-999999999999"
_CAPTOR = -1
# Something of each kind that stands for the thing of a slot, and is part of no other such name.
_STANDING_FOR: dict[UriKind, Callable[[int], str]] = {
    UriKind.PLACE: lambda n: key_uri("414", f"699999999{n:04d}"),
    UriKind.PARTY: lambda n: party_uri(f"slot{n:04d}"),
    UriKind.LOT: lambda n: gtin_uri("06999999999993", lot=f"slot{n:04d}"),
    UriKind.INSTANCE: lambda n: drug_code_uri(f"8999999{n:013d}"),
    UriKind.CONTAINER_UNIT: lambda n: key_uri("00", f"69999999999999{n:04d}"),
    UriKind.RETURNABLE: lambda n: crate_uri(f"slot{n:04d}"),
    UriKind.TRANSACTION: lambda n: transaction_uri("desadv", f"slot{n:04d}"),
    UriKind.CLASS: lambda n: drug_class_uri(f"{8_000_000 + n}"),
}


@dataclass(frozen=True, slots=True)
class Move:
    """A stock movement of a shape: of the thing in slot `item`, by `effect`; `amount` a slot, None for one piece."""

    item: int
    effect: Effect
    amount: int | None
    unit: str
    lot: int | None
    arrives: bool  # makes a row of stock where there is none
    way: int  # 1: goes on the way to `ends`, -1: arrives from there, 0: neither


@dataclass(frozen=True, slots=True)
class Layout:
    """What capture stores of an event of one shape; numbers are slots, amounts slots of amounts.

    `text` is the document with places for (time, id, things, amounts) in the order of `filled`. `lines` are (item,
    role, peer, amount); `values` those of `storage.events.COLUMNS` from `offset_minutes` to `biz_location`, the words
    as texts. `sale` is 1 where the packs `packs` are sold, -1 where they come back.
    """

    text: str
    filled: Callable[[Sequence[str]], tuple[str, ...]]
    lines: tuple[tuple[int, int, int | None, int | None], ...]
    offset: int
    type: int
    action: int | None
    step: str
    disposition: str | None
    read_point: int | None
    biz_location: int | None
    parties: tuple[int, ...]
    mentions: tuple[tuple[int, int], ...]
    named: tuple[tuple[int, int | str], ...]
    moves: tuple[Move, ...]
    ends: tuple[int, ...]  # slots of the parties at the other end of the way
    sale: int
    packs: tuple[int, ...]


@dataclass(eq=False)
class Shape:
    """How an event of one kind is made of things, whose kinds are given, and amounts."""

    build: Build
    kinds: tuple[UriKind, ...]
    amounts: int = 0

    def event(self, time: datetime, event_id: str, things: Sequence[str], amounts: Sequence[Decimal]) -> Event:
        """The event itself."""
        return self.build({"event_time": time, "event_id": event_id}, things, amounts)

    @cached_property
    def layout(self) -> Layout:
        """What capture stores of it."""
        names = [_STANDING_FOR[kind](slot) for slot, kind in enumerate(self.kinds)]
        amounts = [Decimal(f"{765_000 + n}.125") for n in range(self.amounts)]
        event = self.event(_TIME, _ID, names, amounts)
        return _layout(event, {name: slot for slot, name in enumerate(names)}, amounts)


def _layout(event: Event, slots: Mapping[str, int], amounts: Sequence[Decimal]) -> Layout:
    draft = _Draft(event, 0, _ACTOR)
    # Words get numbers behind those of the slots: they are told as texts.
    words = dict(zip((word for word in (event.biz_step, event.disposition) if word), (10_000, 10_001), strict=False))
    parties = {uri: slot for uri, slot in slots.items() if uri.startswith(_PARTIES)}
    (new,) = _new_events([draft], dict(slots) | words, parties, 0, _ACTOR)
    known = {number: word for word, number in words.items()}
    of_amount = {micro(amount): n for n, amount in enumerate(amounts)}
    text, filled = _as_template(draft.bytes.decode(), [as_time(_TIME), _ID, *slots, *map(str, amounts)])
    _, _, offset, type_, action, step, disposition, read_point, location, *_ = new.values
    return Layout(
        text=text,
        filled=filled,
        lines=tuple(
            (line.item, line.role, line.peer, None if line.amount is None else of_amount[line.amount])
            for line in new.lines
        ),
        offset=offset or 0,
        type=type_ or 0,
        action=action,
        step=known[step or 0],
        disposition=None if disposition is None else known[disposition],
        read_point=read_point,
        biz_location=location,
        parties=tuple(sorted(new.parties - {_CAPTOR})),
        mentions=tuple(sorted(new.mentions)),
        named=tuple((kind, known.get(number, number)) for kind, number in sorted(set(new.named))),
        moves=tuple(_moves(event, draft, slots, of_amount)),
        ends=tuple(parties[end.id] for end in (event.destinations if _leaves(event) else event.sources)),
        sale=-1 if RETURN_EXTENSION in event.extensions else int(event.biz_step == "dispensing"),
        packs=tuple(slots[link.item] for link in draft.links if slots[link.item] in _packs(slots)),
    )


def _packs(slots: Mapping[str, int]) -> set[int]:
    return {slot for uri, slot in slots.items() if uri.startswith(_PACK)}


def _moves(event: Event, draft: _Draft, slots: Mapping[str, int], of_amount: Mapping[int, int]) -> Any:
    for move in movements_of(event, links_of(event)):
        arrives = move.effect in (Effect.IN, Effect.IN_HELD, Effect.TAKE_BACK)
        way = 0
        if event.biz_step == "receiving":
            way = -1
        elif _leaves(event) and move.effect in (Effect.SEND, Effect.RETURN):
            way = 1
        lot = None if move.lot is None else slots[move.lot]
        amount = of_amount.get(micro(move.amount))
        yield Move(slots[move.item], move.effect, amount, move.unit, lot, arrives, way)


def _leaves(event: Event) -> bool:
    return event.biz_step == "shipping"


def _as_template(text: str, told: Sequence[str]) -> tuple[str, Callable[[Sequence[str]], tuple[str, ...]]]:
    """A text with each of these told parts made a place to fill in, and what picks the fillings in order."""
    places = {part: n for n, part in enumerate(told)}
    order: list[int] = []

    def place(found: re.Match[str]) -> str:
        order.append(places[found[0]])
        return "%s"

    pattern = "|".join(re.escape(part) for part in sorted(places, key=len, reverse=True))
    template = re.sub(pattern, place, text.replace("%", "%%"))
    return template, itemgetter(*order)


_PARTIES, _PACK = party_uri(""), drug_code_uri("")
_ACTOR = Actor(_CAPTOR, "", OrganisationKind.WHOLESALER.value, party_uri("captor"), "640502", Role.CLERK, None, None)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
