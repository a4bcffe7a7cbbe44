"""Generated chains of events: few things, so that they meet often, and everything that partners may do to them.

Drawn values are small whole numbers, so that a failing chain shrinks to a few plain steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    ErrorDeclaration,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
)
from trace.domain.links import LOT_EXTENSION
from trace.domain.uris import UriKind, crate_uri, gtin_uri, key_uri, private_uri, transaction_uri, uri_kind

BEGIN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
GTIN = "06901234567892"
KINDS = (
    "harvest", "packs", "numbered", "see", "see_of_lot", "transform", "transform", "part", "part", "pack", "pack",
    "pack", "nest", "unpack", "empty", "see_inside", "ship", "ship", "end", "deal", "associate", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One event to be: its kind, which things (numbers into the universe), how much, how long after the last one."""

    kind: str
    one: int
    two: int
    other: int
    container: int
    amount: int | None
    wait: int


AMOUNTS = (1, 2, 3, None)
WAITS = (0, 1, 1, 2, 5, 5, -3)  # several events in one millisecond, and some that are told after later ones
MOST_STEPS = 22
STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(KINDS),
        one=st.integers(0, 7),
        two=st.integers(0, 7),
        other=st.integers(0, 7),
        container=st.integers(0, 5),
        amount=st.sampled_from(AMOUNTS),
        wait=st.sampled_from(WAITS),
    ),
    min_size=3,
    max_size=MOST_STEPS,
)


def drawn_steps(random: Random) -> list[Step]:
    """Steps drawn evenly, for many chains in little time."""
    return [
        Step(
            random.choice(KINDS),
            *(random.randrange(8) for _ in range(3)),
            random.randrange(6),
            random.choice(AMOUNTS),
            random.choice(WAITS),
        )
        for _ in range(random.randint(3, MOST_STEPS))
    ]


@dataclass(frozen=True)
class Universe:
    """The things of one chain; `tag` keeps the chains of one store apart."""

    tag: str

    @property
    def goods(self) -> list[str]:
        """Three lots, four packs, and one class, which is no single thing."""
        lots = [gtin_uri(GTIN, lot=f"L{n}-{self.tag}") for n in range(3)]
        packs = [gtin_uri(GTIN, serial=f"S{n}-{self.tag}") for n in range(4)]
        return [*lots, *packs, private_uri("goods", "class", f"anything-{self.tag}")]

    @property
    def containers(self) -> list[str]:
        """A case, two crates that are used again, a pallet, a pallet of our own kind, and a type of crate."""
        return [
            key_uri("00", f"1{self.tag}"),
            key_uri("8003", f"06901234567892{self.tag}"),
            crate_uri(f"crate-{self.tag}"),
            key_uri("00", f"2{self.tag}"),
            key_uri("8004", f"690pallet{self.tag}"),
            private_uri("cratetype", "class", self.tag),
        ]

    @property
    def things(self) -> list[str]:
        """What a trace may be asked of."""
        return [*self.goods, *self.containers]

    def events(self, steps: Sequence[Step]) -> list[Event]:
        """The steps as events, in order of capture."""
        made: list[Event] = []
        moment = BEGIN
        for number, step in enumerate(steps):
            moment += timedelta(milliseconds=step.wait)
            if step.kind == "error":
                event = self._error(made, step, moment)
            else:
                common = {"event_time": moment, "event_id": f"urn:event:{self.tag}:{number}"}
                event = getattr(self, "_" + step.kind)(step, common)
            if event is not None:
                made.append(event)
        return made

    def _split(self, *uris: str, amount: int | None = None) -> tuple[tuple[str, ...], tuple[Quantity, ...]]:
        """(EPC list, quantity list) of these things."""
        single = [uri for uri in uris if uri_kind(uri) not in (UriKind.LOT, UriKind.CLASS)]
        others = [uri for uri in uris if uri not in single]
        much = None if amount is None else Decimal(amount)
        return tuple(dict.fromkeys(single)), tuple(Quantity(uri, much, "EA") for uri in dict.fromkeys(others))

    def _seen(self, step: Step, common: dict[str, Any], *uris: str, action: Action) -> Event:
        epcs, quantities = self._split(*uris, amount=step.amount)
        return ObjectEvent(**common, action=action, epcs=epcs, quantities=quantities)

    def _harvest(self, step: Step, common: dict[str, Any]) -> Event:
        return self._seen(step, common, self.goods[step.one], action=Action.ADD)

    def _packs(self, step: Step, common: dict[str, Any]) -> Event:
        packs = self.goods[3 + step.one % 4], self.goods[3 + step.two % 4]
        return self._seen(step, common, *packs, self.goods[step.other % 3], action=Action.ADD)

    def _numbered(self, step: Step, common: dict[str, Any]) -> Event:
        lot = {"cbvmda:lotNumber": f"L{step.other % 3}-{self.tag}"}
        return self._seen(step, common | {"ilmd": lot}, self.goods[3 + step.one % 4], action=Action.ADD)

    def _see(self, step: Step, common: dict[str, Any]) -> Event:
        return self._seen(step, common, self.things[step.one + step.container], action=Action.OBSERVE)

    def _see_of_lot(self, step: Step, common: dict[str, Any]) -> Event:
        extensions = {LOT_EXTENSION: self.goods[step.other % 3]}
        action = Action.DELETE if step.amount == 3 else Action.OBSERVE
        return self._seen(step, common | {"extensions": extensions}, self.goods[3 + step.one % 4], action=action)

    def _end(self, step: Step, common: dict[str, Any]) -> Event:
        return self._seen(step, common, self.things[step.one + step.container], action=Action.DELETE)

    def _deal(self, step: Step, common: dict[str, Any]) -> Event:
        epcs, quantities = self._split(self.goods[step.one], amount=step.amount)
        parent = self.containers[step.container] if step.two % 2 else None
        return TransactionEvent(**common, action=Action.ADD, parent=parent, epcs=epcs, quantities=quantities)

    def _transform(self, step: Step, common: dict[str, Any], knot: str | None = None) -> Event:
        """Goods become goods: one to two, two to one, or a whole container's content to something."""
        into = [self.goods[step.one]] if step.amount != 2 else [self.goods[step.one], self.goods[step.two]]
        if step.amount is None:
            into = [self.containers[step.container]]
        out = [self.goods[step.other]] if step.amount != 1 else [self.goods[step.other], self.goods[step.two]]
        if knot and step.amount == 2:
            out = []
        if knot and step.amount == 3:
            into = []
        in_epcs, in_quantities = self._split(*into, amount=1)
        out_epcs, out_quantities = self._split(*out, amount=1)
        return TransformationEvent(
            **common,
            transformation_id=knot,
            input_epcs=in_epcs,
            input_quantities=in_quantities,
            output_epcs=out_epcs,
            output_quantities=out_quantities,
        )

    def _part(self, step: Step, common: dict[str, Any]) -> Event:
        return self._transform(step, common, transaction_uri("batch", f"{step.container % 2}-{self.tag}"))

    def _change(self, step: Step, common: dict[str, Any], action: Action, *children: str) -> Event:
        epcs, quantities = self._split(*children, amount=step.amount)
        return AggregationEvent(
            **common,
            action=action,
            parent=self.containers[step.container],
            child_epcs=epcs,
            child_quantities=quantities,
        )

    def _pack(self, step: Step, common: dict[str, Any]) -> Event:
        children = [self.goods[step.one]] if step.other % 2 else [self.goods[step.one], self.goods[step.two]]
        return self._change(step, common, Action.ADD, *children)

    def _nest(self, step: Step, common: dict[str, Any]) -> Event:
        return self._change(step, common, Action.ADD, self.containers[step.one % 6])

    def _unpack(self, step: Step, common: dict[str, Any]) -> Event:
        return self._change(
            step, common, Action.DELETE, self.things[step.one + (step.two if step.other > 4 else 0) % 6]
        )

    def _empty(self, step: Step, common: dict[str, Any]) -> Event:
        return self._change(step, common, Action.DELETE)

    def _see_inside(self, step: Step, common: dict[str, Any]) -> Event:
        return self._change(step, common, Action.OBSERVE, self.goods[step.one])

    def _ship(self, step: Step, common: dict[str, Any]) -> Event:
        """A container moves; nobody says what is in it."""
        if step.other % 2:
            return self._change(step, common, Action.OBSERVE)
        return ObjectEvent(**common, action=Action.OBSERVE, epcs=(self.containers[step.container],))

    def _associate(self, step: Step, common: dict[str, Any]) -> Event:
        return AssociationEvent(
            **common,
            action=Action.ADD if step.two % 2 else Action.DELETE,
            parent=self.containers[step.container],
            child_epcs=(self.containers[step.one % 6],),
        )

    def _error(self, made: Sequence[Event], step: Step, moment: datetime) -> Event | None:
        """The declaration that an event was wrong: the same event again, with the declaration."""
        open_ = [event for event in made if event.error_declaration is None]
        told = {event.event_id for event in made if event.error_declaration is not None}
        wrong = next((event for event in reversed(open_) if event.event_id not in told), None)
        return wrong and replace(wrong, error_declaration=ErrorDeclaration(moment, reason="incorrect_data"))
