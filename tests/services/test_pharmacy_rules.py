"""Rules in a pharmacy, case by case: nothing expired, held or recalled moves (R7); records are kept (R15)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.town import SHANGHAI, Town
from trace.domain.care import CareOutcome
from trace.domain.failures import Conflict
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Prescription
from trace.domain.recalls import RecallKind
from trace.services import hops
from trace.services.care_checks import Looked, record_check
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.hops import Batch, Some
from trace.services.lots import NewLot
from trace.services.quarantine import keep_apart
from trace.services.recalls import hold_lot, open_recall
from trace.services.records import Period, list_records

K = OrganisationKind
Spoil = Callable[[Town, Actor, str, tuple[str, ...]], None]


def expired(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    town.now = town.now.replace(year=town.now.year + 1)


def held_pack_by_pack(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    town.do(hops.hold, town.command(shop), goods=[Some(pack) for pack in packs], reason="wet")


def lot_on_hold(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    town.do(hold_lot, town.command(shop), lot=lot, reason="doubtful")


def recalled(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    inspector = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    town.do(open_recall, town.command(inspector), lot=lot, kind=RecallKind.RECALL, level=1, reason="impure")


def in_quarantine(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    town.do(keep_apart, town.command(shop), lots=[lot], reason="expired soon")


def in_doubt(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    town.do(record_check, town.command(shop), looked=[Looked(lot, CareOutcome.HELD, "boxes are wet")])


def brought_back(town: Town, shop: Actor, lot: str, packs: tuple[str, ...]) -> None:
    town.do(dispense, town.command(shop, hours=2), codes=packs)
    town.do(take_back_packs, town.command(shop, hours=1), codes=packs)


class Shelf:
    """A pharmacy with packs of one lot, and everything that would move them."""

    def __init__(self, town: Town):
        self.town = town
        self.shop = town.organisation(K.PHARMACY, role=Role.PHARMACIST)
        self.other, maker = town.organisation(K.PHARMACY), town.organisation(K.DRUG_MAKER)
        details = {"prescription": Prescription.OTC_B.value, "split_units": 10, "split_unit_name": "片"}
        self.product = town.drug(maker, **details)
        self.packs, (self.case,) = town.packs(5), town.packs(1)
        self.lot = town.drugs_at(self.shop, self.packs, product=self.product)

    def moves(self) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
        """Each with a pack of its own: sell, sell in parts, send, pack, split."""
        goods = [Some(pack) for pack in self.packs]
        part = Batch(NewLot(self.product, "part", expires_on=self.town.day(-30)), Decimal(1))
        return [
            (dispense, {"codes": self.packs[:1]}),
            (dispense, {"parts": [Part(self.packs[1], 2)]}),
            (hops.ship, {"receiver": self.town.id_of(self.other), "goods": goods[2:3]}),
            (hops.pack, {"container": self.case, "goods": goods[3:4]}),
            (hops.process, {"inputs": goods[4:], "outputs": [part]}),
        ]


@pytest.mark.parametrize(
    "spoil", [expired, held_pack_by_pack, lot_on_hold, recalled, in_quarantine, in_doubt, brought_back]
)
def test_r7_what_may_not_be_sold_moves_nowhere_but_back_or_into_destruction(town: Town, spoil: Spoil) -> None:
    shelf = Shelf(town)
    spoil(town, shelf.shop, shelf.lot, shelf.packs)
    for act, what in shelf.moves():
        town.refuses(Conflict, act, town.command(shelf.shop), **what)
    assert all(sum(town.stock(shelf.shop, pack)) == 1 for pack in shelf.packs)
    town.destroy(shelf.shop, *(Some(pack) for pack in shelf.packs))
    assert all(town.stock(shelf.shop, pack) == (0, 0) for pack in shelf.packs)


def test_r7_what_is_in_order_moves(town: Town) -> None:
    shelf = Shelf(town)
    done = [town.do(act, town.command(shelf.shop), **what) for act, what in shelf.moves()]
    assert all(answer["events"] for answer in done)


def test_r15_the_record_of_a_vaccine_is_kept_five_years_beyond_its_expiry_that_of_a_drug_five_years(town: Town) -> None:
    shop, maker = town.organisation(K.PHARMACY), town.organisation(K.DRUG_MAKER)
    for number, more in (("tablets", {}), ("vaccine", {"drug_class": "vaccine"})):
        product = town.drug(maker, **more)
        town.drugs_at(shop, town.packs(1), product=product, number=number, expires_on=town.day(-300))
    period = Period(town.day(2), town.day(0), zone=SHANGHAI)
    kept = {
        row["lot_number"]: row["keep_until"] for row in town.do(list_records, actor=shop, period=period, now=town.now)
    }
    assert kept["tablets"] == town.day(0).replace(year=town.now.year + 5)
    assert kept["vaccine"] == town.day(-300).replace(year=town.day(-300).year + 5)
