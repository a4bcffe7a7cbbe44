"""Holds and recalls: they reach everything that was made of a lot, nothing of it moves, everybody answers."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from storage.tables import alert
from tests.services.test_concurrency import at_once
from tests.town import STRANGER, Town
from trace.domain.events import Action, Event, ObjectEvent, Quantity, TransformationEvent
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.domain.recalls import RecallKind
from trace.services import hops, recall_reach
from trace.services.alerts import page_of_alerts
from trace.services.capture import capture
from trace.services.dispensing import dispense
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.making import from_to, stamp
from trace.services.recalls import (
    acknowledge,
    close_recall,
    hold_lot,
    lift_recall,
    look_again,
    open_recall,
    put_back,
)
from trace.services.receiving import Decision, Line, receive

K = OrganisationKind


def some(lot: str, amount: float = 1) -> list[Some]:
    return [Some(lot, Decimal(str(amount)))]


def make(town: Town, actor: Actor, inputs: dict[str, float], amount: float, number: str) -> str:
    """Mix, cut or re-pack these lots into a new one: its URI."""
    new = NewLot(town.product(actor, Category.PACKAGED_FOOD), number, town.day(0), town.day(-30))
    goods = [Some(uri, Decimal(str(used))) for uri, used in inputs.items()]
    batch = Batch(new, Decimal(str(amount)))
    return str(town.do(hops.process, town.command(actor, hours=7), inputs=goods, outputs=[batch])["lots"][0])


def bring(town: Town, sender: Actor, receiver: Actor, lot: str, amount: float, **line: Any) -> None:
    """Send some of a lot and receive it."""
    town.send(sender, receiver, Some(lot, Decimal(str(amount))))
    line.setdefault("reason", "known")
    town.arrive(sender, receiver, Line(code=lot, amount=Decimal(str(amount)), **line))


def chain(town: Town) -> tuple[Actor, Actor, Actor, list[str]]:
    """Three steps over two firms: a farm's lot, mixed and cut at a processor, mixed again at a shop.

    (farm, processor, shop, [raw, mixed, cut, salad]); the processor keeps 20 of raw, 20 of mixed and 10 of cut, the
    shop 8 of cut.
    """
    farm, maker, shop = town.organisation(K.FARM), town.organisation(K.PROCESSOR), town.organisation()
    raw = town.grown(farm)
    bring(town, farm, maker, raw, 60)
    mixed = make(town, maker, {raw: 40, town.lot(maker, town.product(maker), 10): 10}, 50, "MIX")
    cut = make(town, maker, {mixed: 30}, 30, "CUT")
    bring(town, maker, shop, cut, 20)
    salad = make(town, shop, {cut: 12, town.lot(shop, town.product(shop), 5): 5}, 17, "SALAD")
    return farm, maker, shop, [raw, mixed, cut, salad]


def recall(town: Town, actor: Actor, lot: str, level: int = 1, **more: Any) -> dict[str, Any]:
    return dict(
        town.do(
            open_recall, town.command(actor), lot=lot, kind=RecallKind.RECALL, level=level, reason="pesticide", **more
        )
    )


def hold(town: Town, actor: Actor, lot: str, reason: str = "smells") -> str:
    return str(town.do(hold_lot, town.command(actor), lot=lot, reason=reason)["id"])


# ---- what is reached ------------------------------------------------------------------------------------------------


def test_a_recall_reaches_a_mix_of_a_cut_of_a_mix_in_every_shop(town: Town) -> None:
    farm, maker, shop, (raw, mixed, cut, salad) = chain(town)
    done = recall(town, farm, raw)
    assert (done["lots"], done["complete"], done["holders"]) == (4, True, 2)
    assert town.stock(farm, raw) == (0, 40)  # who recalls holds at once; others answer first, and cannot sell meanwhile
    for who, lot in ((maker, raw), (maker, mixed), (maker, cut), (shop, cut), (shop, salad)):
        assert town.stock(who, lot)[0] > 0
        refused = town.refuses(Conflict, hops.sell, town.command(who), goods=some(lot))
        assert refused.details["recall"] == done["id"]
        assert refused.values["who"] == farm.organisation_name


def test_a_hold_reaches_everything_made_of_the_lot_here_and_nobody_else(town: Town) -> None:
    _farm, maker, shop, (raw, mixed, cut, salad) = chain(town)
    hold(town, maker, raw)
    assert [town.stock(maker, lot) for lot in (raw, mixed, cut)] == [(0, 20), (0, 20), (0, 10)]
    assert [town.stock(shop, lot) for lot in (cut, salad)] == [(8, 0), (17, 0)]
    town.do(hops.sell, town.command(shop), goods=some(salad))


def test_what_is_held_is_not_sent_packed_mixed_or_released_but_goes_back_and_is_destroyed(town: Town) -> None:
    farm, maker, _shop, (raw, _mixed, cut, _salad) = chain(town)
    hold(town, maker, raw)
    receiver = town.id_of(farm)
    crate = "https://id.gs1.org/8003/06901234500004A1"
    new = Batch(NewLot(town.product(maker), "NEW"), Decimal(1))
    town.refuses(Conflict, hops.ship, town.command(maker), receiver=receiver, goods=some(cut))
    town.refuses(Conflict, hops.pack, town.command(maker), container=crate, goods=some(cut))
    town.refuses(Conflict, hops.process, town.command(maker), inputs=some(cut), outputs=[new])
    town.refuses(Conflict, hops.release, town.command(maker), goods=some(cut), reason="looks fine")
    town.do(hops.ship, town.command(maker), receiver=receiver, goods=some(raw, 5), returned=True)
    town.do(hops.sample, town.command(maker), goods=some(raw, 1))
    assert town.stock(maker, raw) == (0, 14)


def test_goods_held_by_their_quantity_are_not_packed(town: Town) -> None:
    shop = town.organisation()
    lot = town.lot(shop, town.product(shop), 10)
    town.do(hops.hold, town.command(shop, hours=1), goods=some(lot, 8), reason="wet")
    crate = "https://id.gs1.org/8003/06901234500004A1"
    town.refuses(Conflict, hops.pack, town.command(shop), container=crate, goods=some(lot, 3))
    assert town.do(hops.pack, town.command(shop), container=crate, goods=some(lot, 2))["events"]


def test_a_crate_that_is_used_again_does_not_spread_a_hold(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    crate = "https://id.gs1.org/8003/06901234500004A1"
    first, second = town.grown(farm), town.grown(farm)
    for hours, lot in ((9, first), (5, second)):
        town.do(hops.pack, town.command(farm, hours=hours), container=crate, goods=some(lot, 10))
        town.do(hops.ship, town.command(farm, hours=hours - 1), receiver=town.id_of(shop), containers=[crate])
        town.do(hops.unpack, town.command(farm, hours=hours - 2), container=crate)
    done = recall(town, farm, first)
    assert done["lots"] == 1
    town.do(hops.sell, town.command(farm), goods=some(second))


def test_new_goods_of_a_recalled_lot_are_received_held_and_told(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    lot = town.grown(farm)
    town.send(farm, shop, Some(lot, Decimal(40)))
    done = recall(town, farm, lot)
    assert done["holders"] == 0
    line = Line(code=lot, amount=Decimal(40))
    with pytest.raises(Conflict):
        town.arrive(farm, shop, line)
    town.arrive(farm, shop, Line(code=lot, amount=Decimal(40), decision=Decision.HOLD, reason="recalled"))
    assert town.stock(shop, lot) == (0, 40)
    (told,) = town.do(page_of_alerts, actor=shop, now=town.now)["alerts"]
    assert (told["kind"], told["subject"]) == ("recall_arrival", done["id"])


def test_what_is_recorded_as_made_of_held_goods_later_is_held_too(town: Town) -> None:
    """A partner's program reports what it did without asking; a late record may come with its own descendants."""
    _farm, maker, _shop, (raw, _mixed, _cut, _salad) = chain(town)
    late = town.lot(maker, town.product(maker), 3, number="LATE")
    of_late = make(town, maker, {late: 1}, 1, "OF-LATE")
    hold(town, maker, raw)
    turn = TransformationEvent(
        event_time=town.now, event_id="urn:uuid:6e0f2c1e-3d5b-4e5e-9d55-0b1a6a3f7c11",
        input_quantities=(Quantity(raw, Decimal(1), "KGM"),), output_quantities=(Quantity(late, Decimal(1), "KGM"),),
    )  # fmt: skip
    town.do(capture, [turn], actor=maker, now=town.now, strict=False)
    for lot in (late, of_late):
        assert town.refuses(Conflict, hops.sell, town.command(maker), goods=some(lot)).values["reason"] == "smells"


def test_a_search_that_comes_to_no_end_says_so_and_is_taken_up_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    _farm, maker, _shop, (raw, mixed, cut, _salad) = chain(town)
    monkeypatch.setattr(recall_reach, "BOUNDS", (2, 6))
    done = town.do(hold_lot, town.command(maker), lot=raw, reason="smells")
    assert not done["complete"]
    assert town.stock(maker, raw) == (0, 20)  # what was found is held all the same
    monkeypatch.undo()
    again = town.do(look_again, town.command(maker), public_id=done["id"])
    assert (again["complete"], again["lots"]) == (True, 3)  # the salad is made and stands elsewhere
    assert [town.stock(maker, lot) for lot in (mixed, cut)] == [(0, 20), (0, 10)]


# ---- who may --------------------------------------------------------------------------------------------------------


def test_who_made_a_lot_recalls_it_and_nobody_else_but_the_regulator(town: Town) -> None:
    farm, maker, shop, (raw, _mixed, cut, salad) = chain(town)
    ask = {"kind": RecallKind.RECALL, "level": 2, "reason": "mould"}
    town.refuses(Conflict, open_recall, town.command(maker), lot=raw, **ask)
    town.refuses(NotFound, open_recall, town.command(town.organisation()), lot=cut, **ask)
    town.refuses(NotFound, hold_lot, town.command(town.organisation()), lot=cut, reason="envy")
    town.refuses(Invalid, open_recall, town.command(farm), lot=raw, kind=RecallKind.RECALL, reason="no level")
    town.do(open_recall, town.command(shop), lot=salad, **ask)  # a shop recalls what it mixed
    near = town.organisation(K.REGULATOR, role=Role.INSPECTOR, region="640500", licensed=False)
    far = town.organisation(K.REGULATOR, role=Role.INSPECTOR, region="110000", licensed=False)
    town.refuses(NotFound, open_recall, town.command(far), lot=raw, **ask)
    town.refuses(Forbidden, hold_lot, town.command(near), lot=raw, reason="no")
    assert town.do(open_recall, town.command(near), lot=raw, **ask)["holders"] == 3


def test_a_single_pack_names_the_lot_that_is_held(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY, role=Role.PHARMACIST), town.packs(3)
    town.drugs_at(shop, packs)
    hold(town, shop, packs[0])
    assert [town.stock(shop, pack) for pack in packs] == [(0, 1)] * 3
    refused = town.refuses(Conflict, dispense, town.command(shop), codes=[packs[2]])
    assert refused.values["reason"] == "smells"


# ---- lifting, answering, closing ------------------------------------------------------------------------------------


def test_two_holds_on_one_lot_are_both_lifted(town: Town) -> None:
    shop = town.organisation()
    lot = town.lot(shop, town.product(shop), 10)
    of = make(town, shop, {lot: 4}, 4, "OF")
    one, two = hold(town, shop, lot), hold(town, shop, of)
    town.do(lift_recall, town.command(shop), public_id=one, reason="tested")
    assert (town.stock(shop, lot), town.stock(shop, of)) == ((6, 0), (0, 4))
    town.refuses(Conflict, hops.sell, town.command(shop), goods=some(of))
    town.do(lift_recall, town.command(shop), public_id=two, reason="tested")
    assert town.stock(shop, of) == (4, 0)
    town.refuses(Conflict, lift_recall, town.command(shop), public_id=two, reason="again")
    town.do(hops.sell, town.command(shop), goods=some(of))


def test_lifting_releases_what_the_hold_held_and_no_more(town: Town) -> None:
    shop = town.organisation()
    lot = town.lot(shop, town.product(shop), 10)
    town.do(hops.hold, town.command(shop, hours=2), goods=some(lot, 3), reason="wet")
    number = hold(town, shop, lot)
    town.do(hops.sample, town.command(shop), goods=some(lot, 2))
    done = town.do(lift_recall, town.command(shop), public_id=number, reason="tested")
    assert [one["amount"] for one in done["released"]] == ["5"]
    assert town.stock(shop, lot) == (5, 3)  # what was wet is held until somebody releases it


def test_every_holder_answers_a_recall_before_it_closes(town: Town) -> None:
    farm, maker, shop, (raw, _mixed, cut, salad) = chain(town)
    number = recall(town, farm, raw)["id"]
    assert town.count(alert) == 2
    (told,) = town.do(page_of_alerts, actor=shop, now=town.now)["alerts"]
    assert (told["kind"], told["subject"]) == ("recall_notice", number)
    town.refuses(NotFound, acknowledge, town.command(town.organisation()), public_id=number)
    town.do(acknowledge, town.command(shop), public_id=number, answer="off the shelf")
    assert [town.stock(shop, lot) for lot in (cut, salad)] == [(0, 8), (0, 17)]
    town.refuses(Conflict, acknowledge, town.command(shop), public_id=number)
    refused = town.refuses(Conflict, close_recall, town.command(farm), public_id=number, reason="all back")
    assert refused.values["count"] == 1
    town.refuses(NotFound, close_recall, town.command(maker), public_id=number, reason="mine")
    town.do(close_recall, town.command(farm), public_id=number, reason="all back", unanswered="out of business")
    town.refuses(Conflict, hops.sell, town.command(maker), goods=some(cut))  # closed, the goods stay blocked
    town.refuses(Conflict, lift_recall, town.command(farm), public_id=number, reason="changed our mind")


def test_holders_put_back_what_a_lifted_recall_held(town: Town) -> None:
    farm, _maker, shop, (raw, _mixed, cut, salad) = chain(town)
    number = recall(town, farm, raw)["id"]
    town.do(acknowledge, town.command(shop), public_id=number)
    town.refuses(Conflict, put_back, town.command(shop), public_id=number)
    town.do(lift_recall, town.command(farm), public_id=number, reason="the laboratory erred")
    assert town.stock(farm, raw) == (40, 0)
    town.do(put_back, town.command(shop), public_id=number)
    assert [town.stock(shop, lot) for lot in (cut, salad)] == [(8, 0), (17, 0)]
    assert town.do(put_back, town.command(shop), public_id=number)["released"] == []


# ---- at once --------------------------------------------------------------------------------------------------------


def test_after_a_hold_returned_nothing_made_of_the_lot_is_sold(town: Town) -> None:
    """Tills, a cook and a recall at once: who sold before is a sale, who comes after is refused, none slips through."""
    shop = town.organisation()
    raw = town.lot(shop, town.product(shop), 100)
    soup = make(town, shop, {raw: 20}, 20, "SOUP")
    returned: list[str] = []

    def till(lot: str) -> Any:
        late = bool(returned)
        done = town.do(hops.sell, town.command(shop), goods=some(lot))
        assert not late, "sold after the hold had returned"
        return done

    def cook(number: str) -> Any:
        late = bool(returned)
        batch = Batch(NewLot(town.product(shop), number), Decimal(1))
        done = town.do(hops.process, town.command(shop), inputs=some(raw), outputs=[batch])
        assert not late, "cooked after the hold had returned"
        return done

    def holder() -> Any:
        done = recall(town, shop, raw)
        returned.append(done["id"])
        return done

    acts = [lambda: till(raw), lambda: till(soup), lambda: cook("A"), lambda: cook("B"), holder]
    answers = at_once(*acts, lambda: till(raw), lambda: till(soup))
    assert all(isinstance(answer, dict | Conflict) for answer in answers), answers
    cooked = [answer["lots"][0] for answer in answers[2:4] if isinstance(answer, dict)]
    for lot in (raw, soup, *cooked):
        assert town.stock(shop, lot)[0] == 0
        town.refuses(Conflict, hops.sell, town.command(shop), goods=some(lot))


def test_two_holds_lifted_at_once_release_the_goods(town: Town) -> None:
    shop = town.organisation()
    lot = town.lot(shop, town.product(shop), 10)
    one, two = hold(town, shop, lot), hold(town, shop, lot)

    def lift(number: str) -> Any:
        return town.do(lift_recall, town.command(shop), public_id=number, reason="tested")

    answers = at_once(lambda: lift(one), lambda: lift(two))
    assert all(isinstance(answer, dict) for answer in answers), answers
    assert town.stock(shop, lot) == (10, 0)


def test_a_notice_is_answered_once(town: Town) -> None:
    farm, _maker, shop, (raw, *_) = chain(town)
    number = recall(town, farm, raw)["id"]

    def clerk() -> Any:
        return town.do(acknowledge, town.command(shop), public_id=number)

    answers = at_once(*[clerk] * 3)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 2


# ---- nobody stops what is another's ---------------------------------------------------------------------------------


@pytest.mark.parametrize("known_before", [True, False], ids=["made by a farm here", "made by nobody on this system"])
def test_a_stranger_who_says_to_have_made_a_lot_stops_it_nowhere(town: Town, known_before: bool) -> None:
    farm, shop, stranger = town.organisation(K.FARM), town.organisation(), town.organisation()
    if known_before:
        theirs = town.grown(farm)
        bring(town, farm, shop, theirs, 10)
    else:
        theirs = "https://id.gs1.org/01/06901234567892/10/FROM-AFAR"
        line = Line(
            product=town.product(shop, code="06901234567892"), lot_number="FROM-AFAR", amount=Decimal(10),
            produced_on=town.day(3), reason="known",
        )  # fmt: skip
        town.do(receive, town.command(shop, hours=8), supplier=STRANGER, lines=[line])
    own = town.grown(stranger)
    quantity = (Quantity(theirs, Decimal(1), "KGM"),)
    with town.store.reading() as session:
        made = stamp(session, actor=stranger, now=town.now, client_key=None)
    lies: list[Event] = [
        ObjectEvent(**made.common(1), action=Action.ADD, biz_step="commissioning", quantities=quantity),
        TransformationEvent(
            **made.common(2),
            biz_step="commissioning",
            input_quantities=(Quantity(own, Decimal(1), "KGM"),),
            output_quantities=quantity,
        ),
    ]
    town.do(capture, lies[:1], actor=stranger, now=town.now, strict=False)
    assert "Others made this lot" in str(
        town.refuses(
            Conflict, open_recall, town.command(stranger), lot=theirs, kind=RecallKind.RECALL, level=1, reason="spite"
        )
    )
    town.do(capture, lies[1:], actor=stranger, now=town.now, strict=False)
    assert recall(town, stranger, own)["lots"] == 1
    again = replace(lies[1], event_id=made.common(3)["event_id"])
    town.do(capture, [again], actor=stranger, now=town.now, strict=False)
    assert town.do(hops.sell, town.command(shop), goods=some(theirs))["events"]


def test_who_records_late_what_a_shop_received_from_it_may_recall_it(town: Town) -> None:
    maker, shop = town.organisation(K.PROCESSOR), town.organisation()
    lot = "https://id.gs1.org/01/06901234567892/10/LATE"
    with town.store.reading() as session:
        made = [stamp(session, actor=who, now=town.now, client_key=None) for who in (maker, shop)]
    quantity = (Quantity(lot, Decimal(10), "KGM"),)
    came = ObjectEvent(
        **made[1].common(), action=Action.OBSERVE, biz_step="receiving", quantities=quantity,
        **from_to(maker.party_uri, shop.party_uri),
    )  # fmt: skip
    town.do(capture, [came], actor=shop, now=town.now, strict=False)
    began = ObjectEvent(**made[0].common(), action=Action.ADD, biz_step="commissioning", quantities=quantity)
    town.do(capture, [began], actor=maker, now=town.now, strict=False)
    assert recall(town, maker, lot)["holders"] == 1
