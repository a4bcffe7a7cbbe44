"""What a hop is refused for: a stranger's goods."""

from decimal import Decimal

import pytest

from tests.town import NOW, Town
from trace.domain.failures import Conflict, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.uris import crate_uri
from trace.services import hops
from trace.services.certificates import get_certificate
from trace.services.hops import Some

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
