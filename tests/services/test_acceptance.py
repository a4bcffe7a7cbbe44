"""Acceptance: codes fall to the lines of the note, differences are told, the receipt is made; by several at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from storage.objects import FolderObjects
from storage.tables import acceptance_code, event_document, product, product_check, receipt_line, temperature_log
from tests.services.deliveries import read
from tests.services.test_temperature_logs import log_of
from tests.town import NOW, Town
from trace.domain.epcis.document import load_document
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.acceptance import add_lines, cancel, change, open_acceptance
from trace.services.acceptance_codes import leave_out, name_identifier, scan, set_apart
from trace.services.acceptance_rows import NewLine
from trace.services.acceptance_view import get_acceptance
from trace.services.accepting import accept, accept_at_once, look
from trace.services.arrivals import Supplier
from trace.services.hops import Some, pack
from trace.services.orders import OrderLine, get_order, place_order
from trace.services.overrides import Agreement
from trace.services.people import create_person
from trace.services.supplier_list import list_suppliers
from trace.services.temperature_logs import file_log
from trace.services.undoing import undo_receipt

K = OrganisationKind
PASSWORD = "long enough for a test"


class Shop:
    """A pharmacy with a distributor it has looked at, and a drug in its file whose codes are known."""

    def __init__(self, town: Town, **drug: Any):
        self.town = town
        self.actor = town.organisation(K.PHARMACY, role=Role.PHARMACIST)
        self.seller = town.organisation(K.DRUG_DISTRIBUTOR)
        town.know(self.actor, self.seller)
        self.supplier = Supplier(public_id=town.id_of(self.seller))
        self.codes = town.packs(30)
        self.drug = town.drug(self.seller, code=self.codes[0].rpartition("/")[2][:7], **drug)
        self.check(self.drug)

    def check(self, drug: str) -> None:
        """The first-product file of a drug."""
        with self.town.store.writing() as session:
            number = session.execute(select(product.c.id).where(product.c.public_id == drug)).scalar_one()
            row = {"organisation": self.actor.organisation, "product": number, "checked": [], "checked_at": NOW}
            session.execute(insert(product_check).values(row))

    def line(self, amount: int | None = 3, lot: str = "B1", **more: Any) -> NewLine:
        """A line of the note, with the papers of its batch."""
        paper = self.town.paper(self.actor, CertificateKind.DRUG_TEST_REPORT)
        note = self.town.paper(self.actor, CertificateKind.DELIVERY_NOTE)
        papers = {"certificates": [paper, note], **more.pop("more", {})}
        amounts = None if amount is None else Decimal(amount)
        expires_on = more.pop("expires_on", self.town.day(-300))
        return NewLine(more.pop("product", self.drug), amounts, lot, None, expires_on, more=papers)

    def do(self, service: Any, **asked: Any) -> Any:
        """Ask a service as the shop's pharmacist."""
        return self.town.do(service, self.town.command(self.actor), **asked)

    def open(self, *lines: NewLine, **more: Any) -> str:
        """An acceptance with these lines: its id."""
        return str(self.do(open_acceptance, supplier=self.supplier, lines=lines, delivery_note="KD-1", **more)["id"])

    def colleague(self) -> Agreement:
        """The word of a second person."""
        self.town.do(
            create_person, sign_in="second", name="李四（演示）", password=PASSWORD, role=Role.PHARMACIST,
            organisation_id=self.actor.organisation, now=NOW,
        )  # fmt: skip
        return Agreement("second", PASSWORD, "双人验收")


@pytest.fixture
def shop(town: Town) -> Shop:
    return Shop(town)


def rules_in(card: dict[str, Any]) -> list[str]:
    """The rules of the findings; that the seller announced nothing on this system is told of every line here."""
    return [finding["rule"] for finding in card["findings"] if finding["rule"] != "TRACE"]


def lines_of(shop: Shop, done: dict[str, Any]) -> list[dict[str, Any]]:
    return list(read(shop.town, shop.actor, done["receipt"])["lines"])


def test_what_was_scanned_is_received_as_the_note_says(shop: Shop) -> None:
    opened = shop.open(shop.line(3))
    first = shop.do(scan, public_id=opened, texts=shop.codes[:2])
    again = shop.do(scan, public_id=opened, texts=shop.codes[1:3])
    assert (first["fresh"], again["fresh"], again["again"]) == (2, 1, 1)
    done = shop.do(accept, public_id=opened)
    (line,) = lines_of(shop, done)
    assert (line["amount"], line["accepted"], line["lot_number"], rules_in(line)) == (3, 3, "B1", [])
    assert shop.town.stock(shop.actor, shop.codes[0]) == (1, 0)
    assert "has ended" in str(shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened))


def test_a_delivery_is_opened_by_the_id_that_the_list_of_suppliers_gives(shop: Shop) -> None:
    (listed,) = shop.town.do(list_suppliers, actor=shop.actor, now=NOW)
    asked = {"supplier": Supplier(listed["id"]), "lines": [shop.line(1)], "delivery_note": "KD-2"}
    opened = shop.do(open_acceptance, **asked)["id"]
    shop.do(scan, public_id=opened, texts=shop.codes[:1])
    read_ = read(shop.town, shop.actor, shop.do(accept, public_id=opened)["receipt"])
    assert read_["supplier"]["name"] == shop.seller.organisation_name
    assert rules_in(read_["lines"][0]) == []


def test_a_code_falls_to_its_line_by_prefix_and_batch_and_is_asked_about_where_two_fit(shop: Shop) -> None:
    opened = shop.open(shop.line(1, "B1"), shop.line(1, "B2"))
    asked = shop.do(scan, public_id=opened, texts=[shop.codes[0]])
    assert (asked["fresh"], asked["waiting"]) == (1, 1)
    assert "several lines" in str(shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened))
    assert shop.do(scan, public_id=opened, texts=[shop.codes[0]], line=1)["waiting"] == 0
    shop.do(scan, public_id=opened, texts=[shop.codes[1]], line=0)
    done = shop.do(accept, public_id=opened)
    assert [(line["lot_number"], line["amount"]) for line in lines_of(shop, done)] == [("B1", 1), ("B2", 1)]


def test_a_gs1_code_says_its_batch_itself(shop: Shop) -> None:
    gtin = "06901234567892"
    drug = shop.town.drug(shop.seller, code=f"(01){gtin}")
    shop.check(drug)
    opened = shop.open(shop.line(1, "A7", product=drug), shop.line(1, "A8", product=drug))
    said = [f"(01){gtin}(21)S{n}(17)280930(10)A{n}" for n in (7, 8, 9)]
    read_ = shop.do(scan, public_id=opened, texts=said)
    assert (read_["fresh"], read_["waiting"]) == (3, 0)
    cards = shop.do(look, public_id=opened)
    assert [cards[n][0]["lot_number"] for n in cards] == ["A7", "A8", "A9"]
    rules = [rules_in(cards[n][0]) for n in cards]
    assert rules[0] == rules[1] == ["EXPIRY"]  # the note says another day than the codes
    assert "NOTE" in rules[2]  # that batch is not on the note


def test_an_unknown_prefix_is_asked_about_and_learnt_once(shop: Shop) -> None:
    strange = shop.town.packs(2)
    opened = shop.open(shop.line(1))
    asked = shop.do(scan, public_id=opened, texts=[shop.codes[0], *strange])
    identifier = strange[0].rpartition("/")[2][:7]
    assert (asked["unknown"], asked["waiting"]) == ([identifier], 2)
    failure = shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened)
    assert failure.details["unknown"] == [identifier]
    other = shop.town.drug(shop.seller)
    shop.check(other)
    named = shop.do(name_identifier, public_id=opened, identifier=identifier, product=other)
    assert named["waiting"] == 0
    cards = shop.do(look, public_id=opened)
    assert {card["amount"] for card in cards[1]} == {2}  # on a line of their own, which the note does not have


def test_codes_of_a_drug_that_came_into_the_file_after_they_were_scanned_are_taken_over(shop: Shop) -> None:
    strange = shop.town.packs(3)
    opened = shop.open()
    assert shop.do(scan, public_id=opened, texts=strange)["waiting"] == 3
    shop.town.drug(shop.seller, code=strange[0].rpartition("/")[2][:7])  # on the page of the drug file
    card = shop.do(get_acceptance, public_id=opened)
    assert (card["known_since"], card["unknown"], card["asked"], card["lines"]) == (3, [], [], [])
    refused = shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened)
    assert "came into the file since" in str(refused)
    assert shop.do(change, public_id=opened, lines={})["waiting"] == 0
    card = shop.do(get_acceptance, public_id=opened)
    assert (card["known_since"], [line["scanned"] for line in card["lines"]]) == (0, [3])


def test_of_an_acceptance_that_was_given_up_nobody_is_asked_anything(shop: Shop) -> None:
    known, opened = shop.town.packs(2), shop.open()
    assert shop.do(scan, public_id=opened, texts=[*known, *shop.town.packs(1)])["waiting"] == 3
    shop.town.drug(shop.seller, code=known[0].rpartition("/")[2][:7])
    before = shop.do(get_acceptance, public_id=opened)
    shop.do(cancel, public_id=opened)
    after = shop.do(get_acceptance, public_id=opened)
    told = [(card["known_since"], len(card["unknown"]), card["codes"]) for card in (before, after)]
    assert told == [(2, 1, 3), (0, 0, 3)]


def test_what_differs_from_the_note_is_accepted_with_a_reason_only(shop: Shop) -> None:
    opened = shop.open(shop.line(3))
    shop.do(scan, public_id=opened, texts=shop.codes[:2])
    failure = shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened)
    assert (failure.field, failure.details["rule"]) == ("lines.0.reason", "NOTE")
    shop.do(change, public_id=opened, lines={0: {"reason": "一盒少发，已在随货同行单上注明"}})
    (line,) = lines_of(shop, shop.do(accept, public_id=opened))
    assert (line["amount"], rules_in(line)) == (2, ["NOTE"])
    assert line["findings"][0]["values"] == {"note": "3", "came": "2"}


def test_boxes_without_code_need_a_reason_and_are_received_beside_the_coded_ones(shop: Shop) -> None:
    opened = shop.open(shop.line(3))
    failure = shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened)
    assert failure.details["rule"] == "R9"
    shop.do(change, public_id=opened, lines={0: {"no_code_reason": "damaged"}})
    shop.do(scan, public_id=opened, texts=shop.codes[:2])
    lines = lines_of(shop, shop.do(accept, public_id=opened))
    assert [(line["amount"], line["reason"]) for line in lines] == [(2, ""), (1, "damaged")]


def test_damaged_boxes_are_set_apart_and_refused(shop: Shop) -> None:
    opened = shop.open(shop.line(3))
    shop.do(scan, public_id=opened, texts=shop.codes[:3])
    asked = {"public_id": opened, "line": 0, "decision": "refuse", "reason": "外包装破损"}
    shop.town.refuses(Invalid, set_apart, shop.town.command(shop.actor), texts=[shop.codes[9]], **asked)
    shop.do(set_apart, texts=[shop.codes[2]], **asked)
    lines = lines_of(shop, shop.do(accept, public_id=opened))
    assert [(line["amount"], line["accepted"], line["decision"]) for line in lines] == [
        (2, 2, "accept"),
        (1, 0, "refuse"),
    ]
    assert shop.town.stock(shop.actor, shop.codes[2]) == (0, 0)


def test_a_code_that_was_accepted_before_is_refused_and_may_be_left_out(shop: Shop) -> None:
    earlier = shop.open(shop.line(1))
    shop.do(scan, public_id=earlier, texts=shop.codes[:1])
    shop.do(accept, public_id=earlier)
    opened = str(shop.do(open_acceptance, supplier=shop.supplier, lines=[shop.line(2)], delivery_note="KD-2")["id"])
    shop.do(scan, public_id=opened, texts=shop.codes[:3])
    failure = shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened)
    assert failure.field == "lines.0.codes"
    assert shop.do(leave_out, public_id=opened, texts=[shop.codes[0]])["left_out"] == 1
    assert shop.do(accept, public_id=opened)["lines"] == 1


def test_more_than_was_ordered_is_told_and_the_order_ends(shop: Shop) -> None:
    (file,) = shop.town.do(list_suppliers, actor=shop.actor, now=NOW)
    asked = [OrderLine(shop.drug, Decimal(2), Decimal("12.5"))]
    order = shop.do(place_order, supplier_file=file["id"], lines=asked, number="CG-1")["id"]
    assert "CG-1" in str(
        shop.town.refuses(
            Conflict,
            place_order,
            shop.town.command(shop.actor),
            supplier_file=file["id"],
            lines=asked,
            number="CG-1",
        )
    )
    opened = str(shop.do(open_acceptance, order=order, lines=[shop.line(3)], delivery_note="KD-1")["id"])
    shop.do(scan, public_id=opened, texts=shop.codes[:3])
    failure = shop.town.refuses(Conflict, accept, shop.town.command(shop.actor), public_id=opened)
    assert failure.details["rule"] == "ORDER"
    shop.do(change, public_id=opened, lines={0: {"reason": "赠送一盒"}})
    shop.do(accept, public_id=opened)
    assert shop.town.do(get_order, actor=shop.actor, public_id=order)["state"] == "received"


def test_an_order_is_received_when_all_of_it_came_and_open_again_when_a_delivery_is_undone(shop: Shop) -> None:
    (file,) = shop.town.do(list_suppliers, actor=shop.actor, now=NOW)
    asked = [OrderLine(shop.drug, Decimal(5), Decimal("12.5"))]
    order = shop.do(place_order, supplier_file=file["id"], lines=asked, number="CG-2")["id"]
    states, receipts = [], []
    for number, (first, last) in enumerate(((0, 3), (3, 5))):
        line = shop.line(last - first)
        opened = shop.do(open_acceptance, order=order, lines=[line], delivery_note=f"KD-{number}")["id"]
        shop.do(scan, public_id=opened, texts=shop.codes[first:last])
        receipts.append(shop.do(accept, public_id=opened)["receipt"])
        states.append(shop.town.do(get_order, actor=shop.actor, public_id=order)["state"])
    assert states == ["open", "received"]
    again = {"order": order, "lines": [shop.line(1)], "delivery_note": "KD-9"}
    assert "not open" in str(shop.town.refuses(Conflict, open_acceptance, shop.town.command(shop.actor), **again))
    shop.do(undo_receipt, receipt_id=receipts[1])
    assert shop.town.do(get_order, actor=shop.actor, public_id=order)["state"] == "open"
    opened = str(shop.do(open_acceptance, **again)["id"])
    shop.do(scan, public_id=opened, texts=shop.codes[5:8])
    (card,) = shop.do(look, public_id=opened)[0]
    (more,) = [found for found in card["findings"] if found["rule"] == "ORDER"]
    assert more["values"] == {"ordered": "5", "came": "6"}  # three came before


def test_two_deliveries_of_one_order_at_once_end_it(shop: Shop) -> None:
    (file,) = shop.town.do(list_suppliers, actor=shop.actor, now=NOW)
    order = shop.do(place_order, supplier_file=file["id"], lines=[OrderLine(shop.drug, Decimal(2), None)])["id"]
    opened = []
    for number in range(2):
        asked = {"lines": [shop.line(1)], "delivery_note": f"KD-{number}"}
        opened.append(shop.do(open_acceptance, order=order, **asked)["id"])
        shop.do(scan, public_id=opened[-1], texts=[shop.codes[number]])
    with ThreadPoolExecutor(2) as people:
        list(people.map(lambda one: shop.do(accept, public_id=one), opened))
    assert shop.town.do(get_order, actor=shop.actor, public_id=order)["state"] == "received"


def test_a_batch_retyped_after_the_codes_said_another_is_found(shop: Shop) -> None:
    gtin = "06901234567892"
    drug = shop.town.drug(shop.seller, code=f"(01){gtin}")
    shop.check(drug)
    opened = shop.open(shop.line(1, "A7", product=drug))
    shop.do(scan, public_id=opened, texts=[f"(01){gtin}(21)S7(17)280930(10)A7"])
    shop.do(change, public_id=opened, lines={0: {"lot_number": "A9", "expires_on": date(2028, 9, 30)}})
    assert "BATCH" in rules_in(shop.do(look, public_id=opened)[0][0])


def test_a_batch_that_the_note_names_twice_is_counted_once(shop: Shop) -> None:
    opened = shop.open(shop.line(3), shop.line(1))
    shop.do(scan, public_id=opened, texts=shop.codes[:3], line=0)
    shop.do(scan, public_id=opened, texts=shop.codes[3:4], line=1)
    cards = shop.do(look, public_id=opened)
    assert [rules_in(card) for number in cards for card in cards[number]] == [[], []]


def test_a_special_drug_takes_two_signatures(town: Town) -> None:
    shop = Shop(town, drug_class="psychotropic_2")
    opened = shop.open(shop.line(1))
    shop.do(scan, public_id=opened, texts=shop.codes[:1])
    failure = town.refuses(Conflict, accept, town.command(shop.actor), public_id=opened, agreement=None)
    assert failure.details["rule"] == "TWO"
    second = shop.colleague()
    # A program with one person are no two people.
    assert "sign in" in str(
        town.refuses(Conflict, accept, town.command(shop.actor), public_id=opened, agreement=second)
    )
    clerk = town.colleague(shop.actor, Role.CLERK)
    town.do(accept, town.command(clerk), public_id=opened, agreement=second)
    with town.store.reading() as session:
        assert session.execute(select(receipt_line.c.overridden_by)).scalar_one() is not None


def test_a_product_nobody_looked_at_takes_two_people(town: Town, shop: Shop) -> None:
    codes = town.packs(1)
    drug = town.drug(shop.seller, code=codes[0].rpartition("/")[2][:7])
    opened = shop.open(shop.line(1, product=drug))
    shop.do(scan, public_id=opened, texts=codes)
    cards = shop.do(look, public_id=opened)
    assert rules_in(cards[0][0]) == ["PRODUCT"]
    assert cards[0][0]["override"] == "two_people"


@pytest.mark.parametrize(
    ("degrees", "high", "rule"), [((), 800, "LOG"), ((4, 6), 800, ""), ((4, 12), 800, "R11"), ((4, 12), 3000, "R11")]
)
def test_a_cold_drug_brings_the_log_of_its_way(
    town: Town, tmp_path: Path, degrees: tuple[int, ...], high: int, rule: str
) -> None:
    shop = Shop(town, storage="cold", celsius_low=200, celsius_high=800)
    opened = shop.open(shop.line(1, more={"celsius": "5"}))
    shop.do(scan, public_id=opened, texts=shop.codes[:1])
    if degrees:
        upload = log_of(*degrees)
        shop.do(file_log, objects=FolderObjects(tmp_path), upload=upload, low=200, high=high, acceptance=opened)
    (card,) = shop.do(look, public_id=opened)[0]
    assert rules_in(card) == ([rule] if rule else [])
    if not rule:
        shop.do(accept, public_id=opened)
        with town.store.reading() as session:
            newest = select(event_document.c.document).order_by(event_document.c.event.desc()).limit(1)
            sensors = load_document(session.execute(newest).scalar_one())["sensorElementList"]
            assert session.execute(select(temperature_log.c.receipt)).scalar_one() is not None
        assert [one["sensorReport"][0].get("maxValue") for one in sensors] == [None, 6]


def test_a_case_brings_the_boxes_its_packer_recorded(town: Town, shop: Shop) -> None:
    maker = town.organisation(K.DRUG_MAKER)
    case = "https://id.gs1.org/00/106901234500000011"
    town.lot(maker, shop.drug, 3, shop.codes[:3], expires_on=town.day(-300), number="B1")
    town.do(pack, town.command(maker, hours=15), container=case, goods=[Some(code) for code in shop.codes[:3]])
    opened = shop.open(shop.line(3))
    assert shop.do(scan, public_id=opened, texts=[case])["fresh"] == 3
    with town.store.reading() as session:
        assert set(session.scalars(select(acceptance_code.c.parent))) == {case}
    empty = "https://id.gs1.org/00/106901234500000028"
    assert shop.do(scan, public_id=opened, texts=[empty])["empty_cases"] == [empty]


def test_another_shop_sees_no_acceptance_of_ours(town: Town, shop: Shop) -> None:
    opened = shop.open(shop.line(1))
    other = town.organisation(K.PHARMACY, role=Role.PHARMACIST)
    for service, asked in ((scan, {"texts": ["x"]}), (accept, {}), (cancel, {}), (add_lines, {"lines": []})):
        assert town.refuses(NotFound, service, town.command(other), public_id=opened, **asked)


def test_twelve_people_who_scan_the_same_new_boxes_at_once_open_one_line(town: Town, shop: Shop) -> None:
    opened = shop.open()

    with ThreadPoolExecutor(12) as people:
        list(people.map(lambda n: shop.do(scan, public_id=opened, texts=shop.codes[n : n + 6]), range(12)))
    with town.store.reading() as session:
        codes = session.execute(select(acceptance_code.c.uri, acceptance_code.c.line)).all()
    assert (len(codes), {code.line for code in codes}) == (17, {0})


def test_a_whole_delivery_is_accepted_in_one_request_and_sent_twice_is_accepted_once(town: Town, shop: Shop) -> None:
    command = replace(town.command(shop.actor, "K1"), request={"x": 1})
    asked: dict[str, Any] = {"supplier": shop.supplier, "lines": [(shop.line(20), ())], "codes": shop.codes[:20]}
    first = town.do(accept_at_once, command, **asked)
    assert town.do(accept_at_once, command, **asked) == first
    (line,) = lines_of(shop, first)
    assert (line["amount"], rules_in(line)) == (20, [])
