"""Search: lots, certificates and organisations by what people type, as far as they may know them."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import organisation
from tests.services import asking
from tests.town import NOW, Town
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services import search as searching
from trace.services.hops import Some
from trace.services.look_up_log import list_look_ups
from trace.services.lookup import look_up
from trace.services.receiving import Line
from trace.services.search import search

K = OrganisationKind


def found(town: Town, actor: Actor, text: str, **more: Any) -> dict[str, Any]:
    return dict(town.do(search, actor=actor, text=text, now=NOW, **more))


def inspector(town: Town, region: str) -> Actor:
    return town.organisation(K.REGULATOR, region=region, role=Role.INSPECTOR, licensed=False)


@pytest.fixture
def trade(town: Town) -> tuple[Actor, Actor, Actor, str]:
    """A farm that delivered one lot to two shops: (farm, shop, other shop, lot)."""
    farm = town.organisation(K.FARM, name="沙坡头农场（演示）")
    shop, other = town.organisation(name="城南超市（演示）"), town.organisation(name="城北超市（演示）")
    lot = town.lot(farm, town.product(farm), number="SEARCH-1")
    town.paper(farm, CertificateKind.COMMITMENT, lot, form="producer", number="CERT-1")
    for receiver in (shop, other):
        town.send(farm, receiver, Some(lot, Decimal(20)))
        town.arrive(farm, receiver, Line(code=lot, amount=Decimal(20)))
    return farm, shop, other, lot


def test_a_lot_is_found_by_its_number_by_those_who_handled_it(
    town: Town, trade: tuple[Actor, Actor, Actor, str]
) -> None:
    farm, shop, _, lot = trade
    for reader in (farm, shop, inspector(town, "640500")):
        assert [row["lot"] for row in found(town, reader, "SEARCH-1")["lots"]] == [lot]
    for stranger in (town.organisation(), inspector(town, "640100")):
        assert found(town, stranger, "SEARCH-1")["lots"] == []


def test_a_lot_that_a_partner_calls_a_place_as_well_is_found_as_a_lot(
    town: Town, trade: tuple[Actor, Actor, Actor, str]
) -> None:
    lot, partner = trade[-1], town.organisation(licensed=False)
    seen = {"quantityList": [{"epcClass": lot, "quantity": 1, "uom": "KGM"}], "readPoint": {"id": lot}}
    asking.record(town, partner, asking.event(1, **seen))
    assert [row["lot"] for row in found(town, partner, "SEARCH-1")["lots"]] == [lot]


def test_a_certificate_gives_its_lots_and_their_traces(town: Town, trade: tuple[Actor, Actor, Actor, str]) -> None:
    farm, shop, _, lot = trade
    for reader in (farm, shop, inspector(town, "640500")):
        (card,) = found(town, reader, "CERT-1")["certificates"]
        (on_it,) = card["lots"]
        assert on_it["lot"] == lot
        told = town.do(look_up, actor=reader, text=on_it["lot"], now=NOW)
        assert "commissioning" in {entry["step"] for entry in told["timeline"]}
    for stranger in (town.organisation(), inspector(town, "640100")):
        assert found(town, stranger, "CERT-1")["certificates"] == []


def test_of_a_certificate_only_the_lots_one_handled(town: Town, trade: tuple[Actor, Actor, Actor, str]) -> None:
    farm, shop, _, _ = trade
    mine, others = (town.lot(farm, town.product(farm)) for _ in range(2))
    town.paper(farm, CertificateKind.COMMITMENT, mine, others, form="producer", number="CERT-2")
    town.send(farm, shop, Some(mine, Decimal(1)))
    assert [row["lot"] for card in found(town, shop, "CERT-2")["certificates"] for row in card["lots"]] == [mine]
    (card,) = found(town, farm, "CERT-2")["certificates"]
    assert {row["lot"] for row in card["lots"]} == {mine, others}


def test_a_list_that_is_not_whole_says_so(
    town: Town, trade: tuple[Actor, Actor, Actor, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    farm, shop, _, _ = trade
    lots = [town.lot(farm, town.product(farm), number=f"SAME-{product}") for product in range(2)]
    for _ in range(2):
        town.paper(farm, CertificateKind.COMMITMENT, *lots, form="producer", number="SAME")
    for text in ("SAME", "超市"):
        assert found(town, farm, text)["left_out"] == []
    monkeypatch.setattr(searching, "MOST", 1)
    monkeypatch.setattr(searching, "MOST_ORGANISATIONS", 1)
    told = found(town, farm, "SAME")
    assert (told["left_out"], [card["left_out"] for card in told["certificates"]]) == (["certificates"], [["lots"]])
    told = found(town, shop, "超市（演示）")
    assert (told["left_out"], len(told["organisations"])) == (["organisations"], 1)


def test_many_certificates_of_others_do_not_hide_ones_own(town: Town) -> None:
    for _ in range(52):
        farm = town.organisation(K.FARM, licensed=False)
        town.paper(farm, CertificateKind.TEST_REPORT, number="SAME")
    assert len(found(town, farm, "SAME")["certificates"]) == 1


def test_organisations_are_found_by_name_with_the_lots_one_shares_with_them(
    town: Town, trade: tuple[Actor, Actor, Actor, str]
) -> None:
    farm, shop, other, lot = trade
    (card,) = found(town, shop, "沙坡头农场")["organisations"]
    assert (card["name"], [row["lot"] for row in card["lots"]]) == (farm.organisation_name, [lot])
    (card,) = found(town, shop, "城北")["organisations"]
    assert card["name"] == other.organisation_name
    assert card["lots"] == [], "that a competitor has goods of the same lot is the competitor's affair"
    assert len(found(town, inspector(town, "640500"), "超市（演示）")["organisations"]) == 2
    assert found(town, inspector(town, "640100"), "超市（演示）")["organisations"] == []


def test_of_ones_own_organisation_ones_newest_lots_are_told(town: Town, trade: tuple[Actor, Actor, Actor, str]) -> None:
    farm, shop, _, lot = trade
    unsent = town.lot(farm, town.product(farm))
    for reader, name, told in ((farm, "沙坡头农场", [unsent, lot]), (shop, "城南超市", [lot])):
        (card,) = found(town, reader, name)["organisations"]
        assert ([row["lot"] for row in card["lots"]], card["left_out"]) == (told, [])


def test_lots_are_told_of_who_sent_them_as_packs(town: Town) -> None:
    pharmacy = town.organisation(K.PHARMACY, name="城南药店（演示）")
    made = town.drugs_at(pharmacy, town.packs(3))
    with town.store.reading() as session:
        maker = session.scalars(select(organisation.c.name).where(organisation.c.kind == K.DRUG_MAKER)).one()
    (card,) = found(town, pharmacy, maker)["organisations"]
    assert [row["lot"] for row in card["lots"]] == [made]
    (card,) = found(town, inspector(town, "640500"), "城南药店")["organisations"]
    assert [row["lot"] for row in card["lots"]] == [made]


def test_what_somebody_says_came_from_another_is_told_to_both(town: Town) -> None:
    farm, shop = town.organisation(K.FARM, name="沙坡头农场（演示）"), town.organisation(name="城南超市（演示）")
    lot = town.lot(farm, town.product(farm))
    town.arrive(farm, shop, Line(code=lot, amount=Decimal(20), reason="老客户"))
    for reader, name in ((shop, "沙坡头农场"), (farm, "城南超市")):
        (card,) = found(town, reader, name)["organisations"]
        assert [row["lot"] for row in card["lots"]] == [lot]


def test_wildcards_are_letters(town: Town, trade: tuple[Actor, Actor, Actor, str]) -> None:
    shop = trade[1]
    for text in ("%", "_", "城_超市"):
        assert found(town, shop, text)["organisations"] == []


def test_an_inspectors_search_is_written_down_and_a_shops_is_not(
    town: Town, trade: tuple[Actor, Actor, Actor, str]
) -> None:
    reader = inspector(town, "640500")
    found(town, trade[1], "SEARCH-1")
    found(town, reader, "SEARCH-1", reason="投诉")
    with town.store.reading() as session:
        logged = list_look_ups(session, actor=town.as_role(reader, Role.AUDITOR))
    assert [(row["what"], row["subject"], row["reason"]) for row in logged] == [("search", "SEARCH-1", "投诉")]
