"""Containers in containers: boxes in cases, cases on a pallet; what moves is the goods, what is told is all of it."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from storage.events import documents_of, find_idents, uris_of
from storage.trace_reader import TraceReader
from tests.services.deliveries import refused
from tests.town import NOW, Town
from trace.domain.checks import check_digit
from trace.domain.epcis.document import load_document
from trace.domain.events import Action, AggregationEvent
from trace.domain.failures import Conflict, Invalid
from trace.domain.genealogy import Direction
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.trace_search import trace
from trace.domain.uris import crate_uri, drug_code_uri, key_uri
from trace.services import hops
from trace.services.capture import capture
from trace.services.delivery import expected
from trace.services.dispensing import dispense
from trace.services.hops import Some
from trace.services.lookup import look_up
from trace.services.open_containers import goods_inside
from trace.services.receiving import Line, Supplier
from trace.services.recognition import propose_lines

K = OrganisationKind
BODY = "06901234567800001"
PALLET = key_uri("00", BODY + check_digit(BODY))


@dataclass(frozen=True)
class Load:
    """Six boxes of one lot in two cases on a pallet at the maker, with their papers."""

    maker: Actor
    shop: Actor
    lot: str
    cases: tuple[str, ...]
    boxes: tuple[str, ...]


def loaded(town: Town, pallet: str = PALLET) -> Load:
    maker, shop = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY)
    cases, boxes = town.packs(2), town.packs(6)
    made = town.lot(maker, town.drug(maker), 6, boxes, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(maker, kind, made)
    for case, inside in zip(cases, (boxes[:3], boxes[3:]), strict=True):
        town.do(hops.pack, town.command(maker, hours=19), container=case, goods=[Some(box) for box in inside])
    town.do(hops.pack, town.command(maker, hours=18), container=pallet, goods=[Some(case) for case in cases])
    return Load(maker, shop, made, cases, boxes)


def stocks(town: Town, actor: Actor, items: tuple[str, ...]) -> list[int]:
    """How many of each are on hand and held."""
    return [int(sum(town.stock(actor, item))) for item in items]


def found(town: Town, item: str, direction: Direction) -> tuple[set[str], list[tuple[str, str]]]:
    """What the trace of a thing leads to, and (step, parent) of its events in order of time."""
    with town.store.reading() as session:
        (number,) = find_idents(session, [item]).values()
        answer = trace(TraceReader(session), number, direction)
        told = [load_document(document) for document in documents_of(session, answer.events).values()]
        told.sort(key=lambda document: document["eventTime"])
        return set(uris_of(session, answer.items).values()), [
            (document["bizStep"], document.get("parentID", "")) for document in told
        ]


@pytest.mark.parametrize("pallet", [PALLET, crate_uri("PALLET-7"), drug_code_uri("89999990000000000007")])
def test_a_pallet_goes_from_the_maker_to_the_counter(town: Town, pallet: str) -> None:
    load = loaded(town, pallet)
    case, other = load.cases
    town.send(load.maker, load.shop, containers=[pallet])
    assert stocks(town, load.maker, (*load.boxes, *load.cases, pallet)) == [0] * 9
    assert [(entry["packs"], entry["amount"]) for entry in town.do(expected, actor=load.shop)] == [(6, 6)]
    town.arrive(load.maker, load.shop, Line(container=pallet))
    assert stocks(town, load.shop, load.boxes) == [1] * 6
    assert stocks(town, load.shop, (*load.cases, pallet, load.lot)) == [0] * 4
    assert town.do(expected, actor=load.shop) == []
    town.do(hops.unpack, town.command(load.shop, hours=7), container=pallet)
    town.do(hops.unpack, town.command(load.shop, hours=6), container=case)
    town.do(dispense, town.command(load.shop, hours=5), codes=load.boxes[:1])
    assert stocks(town, load.shop, load.boxes) == [0, 1, 1, 1, 1, 1]

    story = town.do(look_up, actor=load.shop, text=load.boxes[0], now=NOW)
    assert {entry["by"] for entry in story["timeline"]} == {load.maker.organisation_name, load.shop.organisation_name}
    for direction in Direction:
        things, told = found(town, load.boxes[0], direction)
        assert not things & {*load.boxes[1:], other}
        assert {case, pallet} <= things
        assert told == [
            ("commissioning", ""), ("packing", case), ("packing", pallet), ("shipping", case), ("shipping", pallet),
            ("receiving", case), ("receiving", pallet), ("unpacking", pallet), ("unpacking", case), ("dispensing", ""),
        ]  # fmt: skip


def test_a_case_taken_off_the_pallet_leaves_it_behind(town: Town) -> None:
    load = loaded(town)
    town.send(load.maker, load.shop, containers=[PALLET])
    town.arrive(load.maker, load.shop, Line(container=PALLET))
    town.do(hops.unpack, town.command(load.shop, hours=7), container=PALLET, goods=[Some(load.cases[0])])
    with town.store.reading() as session:
        assert {good.item for good in goods_inside(session, PALLET).goods} == set(load.boxes[3:])


def test_a_case_emptied_on_its_pallet_is_no_goods(town: Town) -> None:
    load = loaded(town)
    town.do(hops.unpack, town.command(load.maker, hours=17), container=load.cases[0])
    town.send(load.maker, load.shop, containers=[PALLET])
    assert stocks(town, load.maker, load.boxes) == [1, 1, 1, 0, 0, 0]
    town.arrive(load.maker, load.shop, Line(container=PALLET))
    assert stocks(town, load.shop, load.boxes) == [0, 0, 0, 1, 1, 1]
    town.do(hops.unpack, town.command(load.shop, hours=7), container=PALLET)


def test_a_pallet_and_its_case_named_together_are_sent_once(town: Town) -> None:
    load = loaded(town)
    town.send(load.maker, load.shop, containers=[PALLET, load.cases[0]])
    assert [(entry["packs"], entry["amount"]) for entry in town.do(expected, actor=load.shop)] == [(6, 6)]


def test_crates_of_one_lot_on_a_pallet_arrive_as_its_sum_and_no_more_than_was_sent(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made, crates = town.grown(farm), (crate_uri("P-1"), crate_uri("P-2"))
    for crate in crates:
        town.do(hops.pack, town.command(farm, hours=19), container=crate, goods=[Some(made, Decimal(20))])
    town.do(hops.pack, town.command(farm, hours=18), container=PALLET, goods=[Some(crate) for crate in crates])
    town.send(farm, shop, containers=[PALLET])
    assert town.stock(farm, made) == (60, 0)
    done = town.arrive(farm, shop, Line(container=PALLET))
    assert town.stock(shop, made) == (40, 0)
    assert done["lines"] == 1
    refused(town, Conflict, shop, Supplier(public_id=town.id_of(farm)), Line(container=PALLET))


def test_a_pallet_of_several_lots_is_received_line_by_line(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    for name in ("P-3", "P-4"):
        some = [Some(town.grown(farm), Decimal(20))]
        town.do(hops.pack, town.command(farm, hours=19), container=crate_uri(name), goods=some)
    crates = [Some(crate_uri("P-3")), Some(crate_uri("P-4"))]
    town.do(hops.pack, town.command(farm, hours=18), container=PALLET, goods=crates)
    town.send(farm, shop, containers=[PALLET])
    failure = refused(town, Invalid, shop, Supplier(public_id=town.id_of(farm)), Line(container=PALLET))
    assert failure.field == "lines.0.container"


def test_two_pallets_and_a_loose_line_are_one_delivery(town: Town) -> None:
    load, loose = loaded(town), town.packs(1)
    made = town.lot(load.maker, town.drug(load.maker), 1, loose, expires_on=town.day(-300))
    for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
        town.paper(load.maker, kind, made)
    town.send(load.maker, load.shop, Some(loose[0]), containers=[PALLET])
    town.arrive(load.maker, load.shop, Line(container=PALLET), Line(code=made, codes=loose))
    assert stocks(town, load.shop, (*load.boxes, *loose)) == [1] * 7


def test_a_pallet_tells_what_was_on_it(town: Town) -> None:
    load = loaded(town)
    town.send(load.maker, load.shop, containers=[PALLET])
    things, told = found(town, PALLET, Direction.BACKWARD)
    assert {load.lot, *load.cases, *load.boxes} <= things
    assert [step for step, _ in told].count("commissioning") == 1
    assert town.do(look_up, actor=load.shop, text=PALLET, now=NOW)["timeline"]


def test_a_partners_message_of_a_pallet_brings_the_boxes_and_no_case(town: Town) -> None:
    shop, (case, *boxes) = town.organisation(K.PHARMACY), town.packs(3)
    pallet, inside = (
        AggregationEvent(
            event_time=NOW, event_id=f"urn:event:{number}", action=Action.OBSERVE, biz_step="receiving",
            parent=parent, child_epcs=children,
        )
        for number, parent, children in ((1, PALLET, (case,)), (2, case, tuple(boxes)))
    )  # fmt: skip
    town.do(capture, [pallet, inside], actor=shop, now=NOW, strict=False)
    assert stocks(town, shop, (*boxes, case)) == [1, 1, 0]


def test_nothing_goes_into_itself(town: Town) -> None:
    load = loaded(town)
    for container in (PALLET, load.cases[0]):
        failure = town.refuses(
            Conflict, hops.pack, town.command(load.maker, hours=3), container=container, goods=[Some(PALLET)]
        )
        assert failure.field == "goods"


def test_a_strangers_pallet_is_neither_packed_nor_unpacked(town: Town) -> None:
    load = loaded(town)
    for hop, more in ((hops.pack, {"container": crate_uri("P-5"), "goods": [Some(PALLET)]}),
                      (hops.unpack, {"container": PALLET})):  # fmt: skip
        assert town.refuses(Conflict, hop, town.command(load.shop, hours=3), **more).field == "goods"


@pytest.mark.parametrize("case", [False, True])
def test_a_strangers_pallet_or_case_is_not_emptied_by_packing_into_it(town: Town, case: bool) -> None:
    load = loaded(town)
    mine = town.lot(load.shop, town.product(load.shop))
    container = load.cases[0] if case else PALLET
    failure = town.refuses(
        Conflict, hops.pack, town.command(load.shop, hours=3), container=container, goods=[Some(mine, Decimal(1))]
    )
    assert (failure.field, failure.values["item"]) == ("container", container.rpartition("/")[2])


def test_a_scanned_pallet_is_one_line_with_all_that_is_in_it(town: Town) -> None:
    load = loaded(town)
    town.send(load.maker, load.shop, containers=[PALLET])
    with town.store.reading() as session:
        (line,) = propose_lines(session, actor=load.shop, texts=[PALLET]).lines
    assert (line["lot"], line["inside"], line["lots_inside"]) == (load.lot, 6, 1)
