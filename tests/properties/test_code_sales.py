"""One code, one sale: no interleaving of sell, return, part, transfer and correction sells a code twice unseen.

A machine does what two shops may do to two boxes that both of them have (they should not exist twice); a plain model
says what has to come of it.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

import storage
from storage.events import find_by_event_ids, find_idents, id_key
from storage.tables import alert, dispensing, dispensing_head
from tests.conftest import Databases, make_database
from tests.services.test_dispensing import second_sales
from tests.town import NOW, Town
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.failures import Failure
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.services import hops
from trace.services.capture import capture
from trace.services.code_sales import SECOND_SALE
from trace.services.commands import Some, stamp_of
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.drug_returns import take_back_lines
from trace.services.making import Goods, from_to, seen
from trace.services.undoing import declare_wrong

UNITS = 4


@dataclass
class Side:
    """A box in one shop: where it is, the event of its open whole sale, its open parts by event: (units, receipt)."""

    on: int = 1
    held: int = 0
    out: int = 0
    is_open: bool = False
    whole: str | None = None
    parts: dict[str, tuple[int, str]] = field(default_factory=dict)
    last: set[str] = field(default_factory=set)  # sales of parts that took the box out of stock
    kept: int = 0  # sales of parts that were not declared wrong

    @property
    def sold(self) -> int:
        return sum(units for units, _ in self.parts.values())


SIDES, BOXES = st.integers(0, 1), st.integers(0, 1)


class Counter(RuleBasedStateMachine):
    """The machine; every example has shops and boxes of its own."""

    town: ClassVar[Town]

    def __init__(self) -> None:
        super().__init__()
        maker = self.town.organisation(K.DRUG_MAKER)
        drug = self.town.drug(maker, split_units=UNITS, split_unit_name="片")
        self.shops = [self.town.organisation(K.PHARMACY, role=Role.PHARMACIST) for _ in range(2)]
        self.codes = self.town.packs(2)
        made = self.town.drugs_at(self.shops[0], self.codes, product=drug)
        self.arrive(maker, self.shops[1], self.codes, made)
        self.model = {(s, c): Side() for s in range(2) for c in range(2)}
        self.alarms = {(s, c): 0 for s in range(2) for c in range(2)}

    def arrive(self, sender: Actor, shop: Actor, codes: tuple[str, ...], made: str | None = None) -> None:
        def act(session: Any) -> None:
            command = self.town.command(shop)
            events = seen(
                stamp_of(session, command), [Goods(code) for code in codes], biz_step=BizStep.RECEIVING,
                disposition=Disposition.IN_PROGRESS, **from_to(sender.party_uri, shop.party_uri),
                extensions={"sunshine:lot": made} if made else {},
            )  # fmt: skip
            capture(session, events, actor=shop, now=self.town.now)

        self.town.do(act)

    def tried(self, allowed: bool, service: Any, s: int, *args: Any, **more: Any) -> Any:
        try:
            answer = self.town.do(service, self.town.command(self.shops[s]), *args, **more)
        except Failure as failure:
            assert not allowed, failure
            return None
        assert allowed, "was not refused"
        return answer

    def sold(self, s: int, c: int, answer: dict[str, Any]) -> None:
        """Whoever sold one box more than there is was told, and so was every shop that has it sold."""
        both = [self.model[n, c] for n in range(2)]
        whole, parts = sum(side.whole is not None for side in both), sum(side.sold for side in both)
        twice = whole > 1 or (whole > 0 and parts > 0) or parts > UNITS
        assert bool(answer["alerts"]) is twice
        for n in range(2):
            self.alarms[n, c] += twice and (both[n].whole is not None or both[n].sold > 0)

    @rule(s=SIDES, c=BOXES)
    def sell(self, s: int, c: int) -> None:
        side = self.model[s, c]
        allowed = side.whole is None and side.on > 0 and not side.is_open
        answer = self.tried(allowed, dispense, s, codes=[self.codes[c]])
        if answer is not None:
            side.on, side.out, side.whole = side.on - 1, side.out + 1, answer["events"][0]
            self.sold(s, c, answer)

    @rule(s=SIDES, c=BOXES, units=st.integers(1, UNITS))
    def sell_units(self, s: int, c: int, units: int) -> None:
        side = self.model[s, c]
        left = UNITS - side.sold
        there = side.on > 0 or (side.is_open and side.out > 0)
        allowed = side.whole is None and there and units <= left
        answer = self.tried(allowed, dispense, s, parts=[Part(self.codes[c], units)])
        if answer is not None:
            (event,) = answer["events"]
            side.parts[event], side.is_open, side.kept = (units, answer["receipt"]["id"]), True, side.kept + 1
            if side.sold == UNITS and side.on:
                side.on, side.out = side.on - 1, side.out + 1
                side.last.add(event)
            self.sold(s, c, answer)

    @rule(s=SIDES, c=BOXES)
    def bring_back(self, s: int, c: int) -> None:
        side = self.model[s, c]
        if self.tried(side.whole is not None, take_back_packs, s, codes=[self.codes[c]]) is not None:
            side.out, side.held, side.whole = side.out - 1, side.held + 1, None

    @rule(s=SIDES, c=BOXES, n=st.integers(0, 3))
    def bring_units_back(self, s: int, c: int, n: int) -> None:
        side = self.model[s, c]
        if not side.parts:
            return
        event = list(side.parts)[n % len(side.parts)]
        _, receipt = side.parts.pop(event)
        self.tried(True, take_back_lines, s, sale=receipt, lines=[1], reason="broken")
        if side.on:
            side.on, side.held = side.on - 1, side.held + 1
        elif not side.held:
            side.out, side.held = side.out - 1, side.held + 1

    @rule(s=SIDES, c=BOXES)
    def release(self, s: int, c: int) -> None:
        side = self.model[s, c]
        goods = [Some(self.codes[c])]
        if self.tried(side.held > 0, hops.release, s, goods=goods, reason="in order") is not None:
            side.held, side.on = side.held - 1, side.on + 1

    @rule(s=SIDES, c=BOXES)
    def transfer(self, s: int, c: int) -> None:
        side, there = self.model[s, c], self.model[1 - s, c]
        if there.on or there.held:
            return  # the same box twice in one shop is for acceptance to find
        goods, to = [Some(self.codes[c])], self.town.id_of(self.shops[1 - s])
        if self.tried(side.on > 0 and not side.is_open, hops.ship, s, receiver=to, goods=goods) is not None:
            self.arrive(self.shops[s], self.shops[1 - s], (self.codes[c],))
            side.on, there.on = side.on - 1, there.on + 1

    @rule(s=SIDES, c=BOXES, n=st.integers(0, 3))
    def declare(self, s: int, c: int, n: int) -> None:
        side = self.model[s, c]
        sales = [*side.parts, *([side.whole] if side.whole else [])]
        if not sales:
            return
        event = sales[n % len(sales)]
        moved = event == side.whole or event in side.last
        with self.town.store.reading() as session:
            number = find_by_event_ids(session, [(event, 0)])[id_key(event), 0].id
        if self.tried(not moved or side.out > 0, declare_wrong, s, [number]) is None:
            return
        if moved:
            side.out, side.on = side.out - 1, side.on + 1
        if event == side.whole:
            side.whole = None
            return
        del side.parts[event]
        side.kept -= 1
        side.is_open = side.kept > 0

    @invariant()
    def books_agree(self) -> None:
        with self.town.store.reading() as session:
            ids = find_idents(session, self.codes)
            rows = {row.item: row for row in session.execute(select(dispensing_head))}
        for c, code in enumerate(self.codes):
            head, both = rows.get(ids[code]), [self.model[s, c] for s in range(2)]
            told = (head.open_sales, head.split_units) if head is not None else (0, 0)
            assert told == (sum(side.whole is not None for side in both), sum(side.sold for side in both))
            for s, side in enumerate(both):
                assert self.town.stock(self.shops[s], code) == (side.on, side.held)
                assert side.whole is None or not side.sold

    def teardown(self) -> None:
        for s, shop in enumerate(self.shops):
            alarms = second_sales(self.town, shop)
            told = [sum(one["code"] == code.rpartition("/")[2] for one in alarms) for code in self.codes]
            assert told == [self.alarms[s, c] for c in range(2)]


def test_no_interleaving_sells_a_code_twice_unseen(databases: Databases) -> None:
    store = storage.open_store(make_database(databases, "sqlite"))
    try:
        Counter.town = Town(store, NOW)
        run_state_machine_as_test(Counter, settings=settings(max_examples=5, stateful_step_count=20, derandomize=True))
        with store.reading() as session:
            alarms = session.scalars(select(alert.c.id).where(alert.c.kind == SECOND_SALE)).all()
        assert Counter.town.count(dispensing) and alarms  # something was sold, and some of it twice
    finally:
        store.close()
