"""Whatever is done with goods, in whatever order: what came is somewhere, and nothing is below nothing (R6)."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

import storage
from storage.tables import event_document, stock
from tests.conftest import Databases, make_database
from tests.services.test_taking_back import WRONG
from tests.town import NOW, STRANGER, Town
from trace.domain.epcis.document import load_document, parse_document
from trace.domain.events import Action, Event, ObjectEvent, Quantity
from trace.domain.failures import Failure
from trace.domain.permissions import Actor
from trace.domain.stock import Balance
from trace.services import hops
from trace.services.capture import capture
from trace.services.corrections import LineCorrection, correct_receipt_line
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.recalls import hold_lot, lift_recall
from trace.services.receiving import Decision, Line, receive
from trace.services.sales import sell_goods
from trace.services.till_lines import Sold
from trace.services.undoing import undo_events, undo_receipt

STEPS = 12


class Shop:
    """A shop, a second one it sends to, and what can be done in it; `amount` is in kilograms, `which` picks things."""

    def __init__(self, town: Town):
        self.town = town
        self.shop, self.other = town.organisation(), town.organisation()
        self.product = town.product(self.shop)
        self.lots = [town.lot(self.shop, self.product, amount, expires_on=town.day(-9)) for amount in (5, 3)]
        self.receipts: list[str] = []
        self.holds: list[str] = []

    def acts(self) -> list[Callable[[int, Decimal], Any]]:
        return [getattr(self, name) for name in sorted(vars(Shop)) if name.startswith("do_")]

    def _do(self, service: Callable[..., Any], **more: Any) -> Any:
        return self.town.do(service, self.town.command(self.shop), **more)

    def _some(self, which: int, amount: Decimal) -> list[Some]:
        return [Some(self.lots[which % len(self.lots)], amount)]

    def do_sell(self, which: int, amount: Decimal) -> None:
        self._do(hops.sell, goods=self._some(which, amount))

    def do_sell_by_product(self, which: int, amount: Decimal) -> None:
        self._do(sell_goods, sold=[Sold(product=self.product, amount=amount)])

    def do_take_back(self, which: int, amount: Decimal) -> None:
        self._do(hops.take_back, goods=self._some(which, amount))

    def do_hold(self, which: int, amount: Decimal) -> None:
        self._do(hops.hold, goods=self._some(which, amount), reason="wet")

    def do_release(self, which: int, amount: Decimal) -> None:
        self._do(hops.release, goods=self._some(which, amount), reason="dry")

    def do_hold_lot(self, which: int, amount: Decimal) -> None:
        self.holds.append(self._do(hold_lot, lot=self.lots[which % len(self.lots)], reason="smells")["id"])

    def do_lift(self, which: int, amount: Decimal) -> None:
        if self.holds:
            self._do(lift_recall, public_id=self.holds.pop(which % len(self.holds)), reason="fine")

    def do_send(self, which: int, amount: Decimal) -> None:
        receiver = self.town.id_of(self.other)
        self._do(hops.ship, receiver=receiver, goods=self._some(which, amount), returned=bool(which % 2))

    def do_destroy(self, which: int, amount: Decimal) -> None:
        self.town.destroy(self.shop, *self._some(which, amount))

    def do_make(self, which: int, amount: Decimal) -> None:
        new = Batch(NewLot(self.product, f"M{which}", expires_on=self.town.day(-9)), amount)
        (made,) = self._do(hops.process, inputs=self._some(which, amount), outputs=[new])["lots"]
        self.lots = [*dict.fromkeys([*self.lots, made])]

    def do_receive(self, which: int, amount: Decimal) -> None:
        line = Line(
            product=self.product, lot_number=f"R{which % 2}", amount=amount, decision=Decision.HOLD, reason="no papers"
        )
        self.receipts.append(
            self._do(receive, supplier=STRANGER, lines=[line], delivery_note=f"N{len(self.receipts)}")["id"]
        )

    def do_undo_receipt(self, which: int, amount: Decimal) -> None:
        if self.receipts:
            self._do(undo_receipt, receipt_id=self.receipts[which % len(self.receipts)])

    def do_correct(self, which: int, amount: Decimal) -> None:
        if self.receipts:
            to = LineCorrection(amount, Decision.ACCEPT if which % 2 else Decision.HOLD)
            self._do(
                correct_receipt_line, receipt_id=self.receipts[which % len(self.receipts)], line=0, to=to, reason="typo"
            )

    def do_undo(self, which: int, amount: Decimal) -> None:
        self._do(undo_events, event_ids=[self._event(which).event_id])

    def do_declare_wrong(self, which: int, amount: Decimal) -> None:
        self._capture(replace(self._event(which), error_declaration=WRONG, document=None))

    def do_report(self, which: int, amount: Decimal) -> None:
        """A partner's program, which asks nobody, sells twice as much, or takes it back."""
        step, disposition = (("retail_selling", "retail_sold"), ("receiving", "returned"), ("holding", None))[which % 3]
        like = self._event(which)
        told = ObjectEvent(
            event_time=like.event_time, event_id=f"urn:uuid:{self.town.photo(self.shop)[:32]}", action=Action.OBSERVE,
            biz_step=step, disposition=disposition,
            quantities=(Quantity(self.lots[which % len(self.lots)], amount * 2, "KGM"),),
        )  # fmt: skip
        self._capture(told)

    def _capture(self, event: Event) -> None:
        self.town.do(capture, [event], actor=self.shop, now=self.town.now, strict=False)

    def _event(self, which: int) -> Event:
        with self.town.store.reading() as session:
            here = select(event_document.c.document).order_by(event_document.c.event).offset(self.first)
            own = [parse_document(load_document(one)) for one in session.scalars(here)]
        return [one for one in own if one.error_declaration is None][which % len(own)]

    def start(self) -> None:
        self.first = self.town.count(event_document) - len(self.lots)


def balances(town: Town, actor: Actor) -> list[Balance]:
    with town.store.reading() as session:
        rows = session.execute(select(stock).where(stock.c.organisation == actor.organisation)).all()
    return [Balance(*(getattr(row, name) for name in Balance._fields)) for row in rows]


step = st.tuples(st.integers(0, 99), st.integers(0, 11), st.sampled_from([Decimal(1), Decimal("2.5"), Decimal(4)]))


@pytest.fixture(scope="module")
def quick_town(databases: Databases) -> Town:
    return Town(storage.open_store(make_database(databases, "sqlite")), NOW)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, min_size=4, max_size=STEPS))
def test_what_came_is_somewhere_whatever_was_done(quick_town: Town, steps: list[tuple[int, int, Decimal]]) -> None:
    told = Shop(quick_town)
    told.start()
    acts = told.acts()
    for act, which, amount in steps:
        with suppress(Failure, IndexError):
            acts[act % len(acts)](which, amount)
        for balance in balances(quick_town, told.shop):
            assert min(balance) >= 0
            assert balance.came == sum(balance) - balance.came
