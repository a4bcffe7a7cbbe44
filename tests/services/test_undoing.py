"""What was recorded a moment ago is taken back by one tap of who recorded it, as if it had not been."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import correction, event_document, receipt
from tests.services.test_concurrency import at_once
from tests.services.test_taking_back import books
from tests.town import STRANGER, Town
from trace.domain.epcis.document import load_document
from trace.domain.failures import Conflict, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.uris import crate_uri
from trace.services import hops
from trace.services.delivery import expected
from trace.services.disposal import list_disposals
from trace.services.hops import Command, Some
from trace.services.lookup import look_up
from trace.services.recalls import hold_lot, lift_recall
from trace.services.receipts import get_receipt, list_receipts
from trace.services.receiving import Decision, Line, receive
from trace.services.undoing import find_undoable, seconds_to_undo, undo_events, undo_receipt


def undo(town: Town, actor: Actor, done: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(town.do(undo_receipt, town.command(actor), receipt_id=done["id"], **more))


def test_an_undone_delivery_has_not_come_and_may_come_again(town: Town) -> None:
    farm, shop = town.organisation(), town.organisation()
    some, other = town.grown(farm, 10), town.grown(farm, 10)
    town.send(farm, shop, Some(some, Decimal(4)), Some(other, Decimal(3)))
    lines = [
        Line(code=some, amount=Decimal(4)),
        Line(code=other, amount=Decimal(3), decision=Decision.REFUSE, reason="wet"),
    ]
    done = town.arrive(farm, shop, *lines)
    assert [entry["lot"] for entry in town.do(expected, actor=farm)] == [other]
    assert town.do(seconds_to_undo, actor=shop, receipt_id=done["id"], now=town.now) == 10
    assert undo(town, shop, done, device="Chrome, Android") == undo(town, shop, done)
    assert town.stock(shop, some) == (0, 0)
    assert {entry["lot"]: entry["amount"] for entry in town.do(expected, actor=shop)} == {some: 4, other: 3}
    assert town.do(expected, actor=farm) == []
    record = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)
    assert (record["undone_at"], len(record["lines"])) == (town.now, 2)
    assert town.do(seconds_to_undo, actor=shop, receipt_id=done["id"], now=town.now) == 0
    with town.store.reading() as session:
        (kept,) = session.execute(select(correction).where(correction.c.kind == "receipt")).all()
    assert (kept.kind, kept.subject, kept.device, kept.old) == ("receipt", done["id"], "Chrome, Android", None)
    steps = [entry["step"] for entry in town.do(look_up, actor=shop, text=some, now=town.now)["timeline"]]
    assert "receiving" not in steps
    again = town.arrive(farm, shop, *lines)
    assert town.stock(shop, some) == (4, 0)
    assert [one["id"] for one in town.do(list_receipts, actor=shop)] == [again["id"], done["id"]]


def test_a_delivery_of_packs_and_of_a_pallet_is_undone_whole(town: Town) -> None:
    maker, shop = town.organisation(OrganisationKind.DRUG_MAKER), town.organisation(OrganisationKind.PHARMACY)
    packs = town.packs(4)
    town.lot(maker, town.drug(maker), 4, packs, expires_on=town.day(-300))
    cases, pallet = [crate_uri("C-1"), crate_uri("C-2")], crate_uri("P-1")
    for case, inside in zip(cases, (packs[:2], packs[2:]), strict=True):
        town.do(hops.pack, town.command(maker, hours=12), container=case, goods=[Some(one) for one in inside])
    town.do(hops.pack, town.command(maker, hours=11), container=pallet, goods=[Some(case) for case in cases])
    town.send(maker, shop, containers=[pallet])
    line = Line(container=pallet, decision=Decision.HOLD, reason="no papers")
    for _ in range(2):
        done = town.arrive(maker, shop, line)
        assert town.stock(shop, packs[3]) == (0, 1)
        undo(town, shop, done)
        assert [town.stock(shop, pack) for pack in packs] == [(0, 0)] * 4
    assert sum(entry["amount"] for entry in town.do(expected, actor=shop)) == 4


def late(town: Town, shop: Actor, done: dict[str, Any]) -> None:
    town.now += timedelta(seconds=10)


def sold(town: Town, shop: Actor, done: dict[str, Any]) -> None:
    lot = town.do(get_receipt, actor=shop, public_id=done["id"], now=town.now)["lines"][0]["lot"]
    town.do(hops.release, town.command(shop), goods=[Some(lot, Decimal(1))], reason="fine")
    town.do(hops.sell, town.command(shop), goods=[Some(lot, Decimal(1))])


@pytest.mark.parametrize(
    ("meanwhile", "who", "failure", "says"),
    [
        (late, {}, Conflict, "10 seconds"),
        (sold, {}, Conflict, "moved on"),
        (lambda *_: None, {"person": 41}, Conflict, "Only who recorded it"),
        (lambda *_: None, {"organisation": -1}, NotFound, "no receipt"),
    ],
)
def test_what_is_old_has_moved_on_or_is_anothers_is_not_undone(
    town: Town, meanwhile: Callable[..., None], who: dict[str, Any], failure: Any, says: str
) -> None:
    shop = town.organisation()
    line = Line(
        product=town.product(shop), lot_number="A", amount=Decimal(5), decision=Decision.HOLD, reason="no papers"
    )
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    meanwhile(town, shop, done)
    before = books(town, shop)
    command = town.command(replace(shop, **who))
    assert says in str(town.refuses(failure, undo_receipt, command, receipt_id=done["id"]))
    assert books(town, shop) == before


def test_two_who_undo_at_once_undo_once(town: Town) -> None:
    """The locked row of `receipt` decides."""
    shop = town.organisation()
    line = Line(
        product=town.product(shop), lot_number="A", amount=Decimal(5), decision=Decision.HOLD, reason="no papers"
    )
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    answers = at_once(*(lambda: undo(town, shop, done) for _ in range(4)))
    assert [answer for answer in answers if not isinstance(answer, dict)] == []
    assert books(town, shop) == {}
    with town.store.reading() as session:
        assert len(session.execute(select(correction).where(correction.c.kind == "receipt")).all()) == 1
    with town.store.reading() as session:
        assert session.scalars(select(receipt.c.undone_at)).all() == [town.now]


def test_what_was_just_done_with_goods_is_told_and_undone(town: Town) -> None:
    shop = town.organisation()
    made = town.lot(shop, town.product(shop, name="leek"), 10, number="L-1")
    before = books(town, shop)
    for hop, more in ((hops.sell, {}), (hops.hold, {"reason": "wet"})):
        done = town.do(hop, town.command(shop), goods=[Some(made, Decimal(4))], **more)
        told = town.do(find_undoable, actor=shop, event_ids=done["events"], now=town.now)
        assert (told["goods"][0]["product"], told["goods"][0]["amount"], told["seconds"]) == ("leek", 4, 10)
        for _ in range(2):
            town.do(undo_events, town.command(shop), event_ids=done["events"])
        assert books(town, shop) == before
        assert town.do(find_undoable, actor=shop, event_ids=done["events"], now=town.now) is None
    gone = town.destroy(shop, Some(made, Decimal(1)))
    town.do(undo_events, town.command(shop), event_ids=gone["events"])
    assert [one["undone"] for one in town.do(list_disposals, actor=shop, now=town.now)] == [True]
    stranger = town.organisation()
    town.refuses(NotFound, undo_events, town.command(stranger), event_ids=done["events"])
    assert town.do(find_undoable, actor=stranger, event_ids=done["events"], now=town.now) is None


def test_a_double_tap_undoes_once(town: Town) -> None:
    """The locked rows of `event` decide, whatever the clocks of the two say."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    done = town.do(hops.sell, town.command(shop), goods=[Some(made, Decimal(1))])
    moments = [town.now + timedelta(milliseconds=n) for n in range(3)]
    answers = at_once(
        *(lambda at=at: town.do(undo_events, Command(shop, at), event_ids=done["events"]) for at in moments)
    )
    assert answers == [{"undone": done["events"]}] * 3
    assert town.stock(shop, made) == (10, 0)


def test_the_hold_of_a_lot_is_lifted_and_not_undone(town: Town) -> None:
    """Else its goods stood on hand while it lasts, and lifting it released what is held for another reason."""
    shop = town.organisation()
    made = town.lot(shop, town.product(shop), 10)
    number = town.do(hold_lot, town.command(shop), lot=made, reason="smells")["id"]
    with town.store.reading() as session:
        held = load_document(
            session.scalars(select(event_document.c.document).order_by(event_document.c.event.desc())).first() or b""
        )
    town.refuses(Conflict, undo_events, town.command(shop), event_ids=[held["eventID"]])
    assert town.do(find_undoable, actor=shop, event_ids=[held["eventID"]], now=town.now) is None
    assert town.stock(shop, made) == (0, 10)
    town.do(lift_recall, town.command(shop), public_id=number, reason="fine")
    assert town.stock(shop, made) == (10, 0)


def test_a_delivery_is_undone_on_its_own_page_only(town: Town) -> None:
    shop = town.organisation()
    line = Line(
        product=town.product(shop), lot_number="A", amount=Decimal(5), decision=Decision.HOLD, reason="no papers"
    )
    town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    with town.store.reading() as session:
        (document,) = session.scalars(select(event_document.c.document)).all()
    event_id = load_document(document)["eventID"]
    town.refuses(Conflict, undo_events, town.command(shop), event_ids=[event_id])
    assert town.do(find_undoable, actor=shop, event_ids=[event_id], now=town.now) is None
