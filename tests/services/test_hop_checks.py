"""What a hop is refused for: a stranger's goods."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.town import NOW, Town
from trace.domain.failures import Conflict, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.uris import crate_uri
from trace.services import hops
from trace.services.certificates import get_certificate
from trace.services.hops import Command, Some
from trace.services.recalls import hold_lot
from trace.services.receiving import Line

CRATE, OTHER = crate_uri("HC-1"), crate_uri("HC-2")


@pytest.mark.parametrize("hop", ["pack", "unpack", "unpack by name", "take_back"])
def test_strangers_goods_are_neither_packed_nor_unpacked_nor_taken_back(town: Town, hop: str) -> None:
    farm, shop = town.organisation(OrganisationKind.FARM), town.organisation()
    made = town.grown(farm)
    paper = town.paper(farm, CertificateKind.TEST_REPORT, made)
    some = [Some(made, Decimal(5))]
    town.do(hops.pack, town.command(farm, hours=3), container=CRATE, goods=some)
    command = town.command(shop)
    match hop:
        case "pack":
            failure = town.refuses(Conflict, hops.pack, command, container=OTHER, goods=some)
        case "unpack":
            failure = town.refuses(Conflict, hops.unpack, command, container=CRATE)
        case "unpack by name":
            failure = town.refuses(Conflict, hops.unpack, command, container=CRATE, goods=some)
        case _:
            failure = town.refuses(Conflict, hops.take_back, command, goods=some)
    assert failure.field == "goods"
    town.refuses(NotFound, get_certificate, actor=shop, public_id=paper, now=NOW)


def test_a_case_goes_onto_a_pallet_with_what_is_in_it(town: Town) -> None:
    maker, (case, *packs) = town.organisation(OrganisationKind.DRUG_MAKER), town.packs(3)
    town.lot(maker, town.drug(maker), 2, tuple(packs), expires_on=town.day(-300))
    town.do(hops.pack, town.command(maker, hours=3), container=case, goods=[Some(code) for code in packs])
    town.do(hops.pack, town.command(maker, hours=2), container=OTHER, goods=[Some(case)])
    done = town.do(hops.unpack, town.command(maker, hours=1), container=OTHER)
    (document,) = town.events(*done["events"])
    assert document["childEPCs"] == [case]


@pytest.mark.parametrize("why", ["expired", "held", "on hold"])
def test_what_may_not_move_goes_back_to_who_delivered_it_and_to_nobody_else(town: Town, why: str) -> None:
    farm, shop, other = town.organisation(OrganisationKind.FARM), town.organisation(), town.organisation()
    made = town.grown(farm, expires_on=town.day(0))
    town.send(farm, shop, Some(made, Decimal(10)))
    town.arrive(farm, shop, Line(code=made, amount=Decimal(10), reason="known"))
    some, command = [Some(made, Decimal(5))], town.command(shop)
    if why == "held":
        town.do(hops.hold, town.command(shop), goods=some, reason="wet")
    elif why == "on hold":
        town.do(hold_lot, town.command(shop), lot=made, reason="smells")
    else:
        command = Command(shop, NOW + timedelta(days=1))
    failure = town.refuses(Conflict, hops.ship, command, receiver=town.id_of(other), goods=some, returned=True)
    assert (failure.field, failure.details["rule"]) == ("receiver", "R7")
    assert town.do(hops.ship, command, receiver=town.id_of(farm), goods=some, returned=True)["events"]
