"""Organisations, their places and licences."""

from typing import Any

import pytest

from storage.tables import organisation, place
from tests.town import NOW, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Role
from trace.services.keys import find_actor_by_key, issue_key
from trace.services.look_up_log import list_look_ups
from trace.services.organisations import (
    add_licence,
    add_place,
    create_organisation,
    get_organisation,
    list_organisations,
    list_places,
)
from trace.services.people import check_password, create_person, find_actor

K = OrganisationKind


def register(town: Town, **more: Any) -> dict[str, Any]:
    said = {"name": "沙柳湾养殖场（演示）", "kind": K.FARM, "region": "640502"} | more
    return dict(town.do(create_organisation, now=NOW, **said))


def test_an_organisation_begins_with_a_place_of_its_name(town: Town) -> None:
    card = register(town, uscc="91640502MA7TE5T19M", address="沙坡头区", contact="0955-7000101")
    assert (card["warnings"], card["licences"], card["uscc"]) == ([], [], "91640502MA7TE5T19M")
    assert card["party"].endswith("/org/party/91640502MA7TE5T19M")
    assert (town.count(organisation), town.count(place)) == (1, 1)


@pytest.mark.parametrize("uscc", ["91640502MA7TE5T19N", "91350211M0000XUF46", "12345"])
def test_a_credit_code_that_fails_is_taken_with_a_warning(town: Town, uscc: str) -> None:
    card = register(town, uscc=uscc)
    assert len(card["warnings"]) == 1
    assert card["uscc"] == uscc


def test_a_name_or_credit_code_is_registered_once(town: Town) -> None:
    register(town, uscc="91640502MA7TE5T19M")
    for other in ({"uscc": "92640521MA7TE5T27X"}, {"name": "another", "uscc": " 91640502ma7te5t19m"}):
        with pytest.raises(Conflict):
            register(town, **other)
    assert (town.count(organisation), town.count(place)) == (1, 1)


def test_an_unknown_region_and_an_unknown_headquarters_are_refused(town: Town) -> None:
    with pytest.raises(Invalid) as region:
        register(town, region="999999")
    assert region.value.field == "region"
    with pytest.raises(NotFound):
        register(town, headquarters="0" * 26)
    assert town.count(organisation) == 0


def test_a_store_of_a_chain_names_its_headquarters(town: Town) -> None:
    above = register(town, name="总部（演示）", kind=K.PHARMACY_HEADQUARTERS)
    register(town, kind=K.PHARMACY, headquarters=above["id"])
    assert town.count(organisation) == 2


# ---- places --------------------------------------------------------------------------------------------------------


def test_a_further_place_stands_behind_the_first(town: Town) -> None:
    farm = town.organisation(K.FARM)
    added = town.do(add_place, actor=farm, name="东大棚", region="640521")
    places = town.do(list_places, actor=farm)
    assert [entry["name"] for entry in places] == [farm.organisation_name, "东大棚"]
    assert places[1] == added
    assert town.do(add_place, actor=farm, name="西大棚")["region"] == farm.region


def test_a_place_has_its_name_once_in_its_organisation(town: Town) -> None:
    farm, other = town.organisation(K.FARM), town.organisation(K.FARM)
    town.do(add_place, actor=farm, name="东大棚")
    with pytest.raises(Conflict):
        town.do(add_place, actor=farm, name="东大棚")
    with pytest.raises(Invalid):
        town.do(add_place, actor=farm, name="月球", region="000000")
    town.do(add_place, actor=other, name="东大棚")
    assert [len(town.do(list_places, actor=actor)) for actor in (farm, other)] == [2, 2]


# ---- licences ------------------------------------------------------------------------------------------------------


def test_a_licence_is_on_file_once_and_a_wrong_digit_is_told(town: Town) -> None:
    shop, other = town.organisation(licensed=False), town.organisation(licensed=False)
    kept = town.do(
        add_licence, actor=shop, kind=LicenceKind.FOOD_BUSINESS, number=" jy16405020000016 ", expires_on=town.day(-9)
    )
    assert (kept["number"], kept["warnings"]) == ("JY16405020000016", [])
    with pytest.raises(Conflict):
        town.do(add_licence, actor=other, kind=LicenceKind.FOOD_BUSINESS, number="JY16405020000016", expires_on=None)
    doubtful = town.do(
        add_licence, actor=other, kind=LicenceKind.FOOD_BUSINESS, number="JY16405020000017", expires_on=None
    )
    assert len(doubtful["warnings"]) == 1
    (card,) = town.do(get_organisation, actor=other, public_id=town.id_of(shop), now=NOW)["licences"]
    assert card["expires_on"] == town.day(-9)


# ---- who sees ------------------------------------------------------------------------------------------------------


def test_everybody_in_trade_finds_everybody_and_an_inspector_those_of_the_region(town: Town) -> None:
    shop = town.organisation(name="a shop 100%")
    town.organisation(K.FARM, name="b farm", region="640521")
    city = town.organisation(K.REGULATOR, name="c city", region="640500", role=Role.INSPECTOR)
    county = town.organisation(K.REGULATOR, name="d county", region="640502", role=Role.INSPECTOR)
    names = [[card["name"] for card in town.do(list_organisations, actor=actor)] for actor in (shop, city, county)]
    assert names[0] == names[1] == ["a shop 100%", "b farm", "c city", "d county"]
    assert names[2] == ["a shop 100%", "d county"]
    assert [card["name"] for card in town.do(list_organisations, actor=shop, text="100%")] == ["a shop 100%"]
    assert [card["name"] for card in town.do(list_organisations, actor=shop, kind=K.FARM)] == ["b farm"]
    assert town.do(list_organisations, actor=shop, text="_") == []


def test_an_inspectors_look_at_a_card_is_written_down(town: Town) -> None:
    shop = town.organisation()
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    for actor in (shop, city):
        assert town.do(get_organisation, actor=actor, public_id=town.id_of(shop), now=NOW)["name"]
    with pytest.raises(NotFound):
        town.do(get_organisation, actor=city, public_id="0" * 26, now=NOW)
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert [(entry["what"], entry["subject"]) for entry in log] == [("organisation", shop.organisation_name)]


def test_an_auditor_reads_the_log_of_the_region_only(town: Town) -> None:
    shop = town.organisation()
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    town.do(get_organisation, actor=city, public_id=town.id_of(shop), now=NOW)
    elsewhere = town.organisation(K.REGULATOR, region="640100", role=Role.AUDITOR)
    province = town.organisation(K.REGULATOR, region="640000", role=Role.AUDITOR)
    assert [len(town.do(list_look_ups, actor=actor)) for actor in (elsewhere, province)] == [0, 1]


def test_an_inspectors_list_is_of_the_region_before_it_is_cut(town: Town) -> None:
    watcher = town.organisation(OrganisationKind.REGULATOR, region="640500", role=Role.INSPECTOR, licensed=False)
    for number in range(3):
        town.organisation(name=f"AAA {number}", region="110101")
    found = town.do(list_organisations, actor=watcher, limit=2)
    assert [card["name"] for card in found] == [watcher.organisation_name]


def test_the_log_says_which_person_or_key_looked(town: Town) -> None:
    city = town.organisation(OrganisationKind.REGULATOR, region="640500", role=Role.INSPECTOR, licensed=False)
    shop = town.organisation()
    with town.store.writing() as session:
        create_person(
            session, sign_in="inspector-li", name="检查员甲", password="a long password", role=Role.INSPECTOR,
            organisation_id=city.organisation, now=NOW,
        )  # fmt: skip
        public_id = check_password(session, sign_in="inspector-li", password="a long password")
        person = find_actor(session, public_id)
        key = issue_key(session, role=Role.INSPECTOR, organisation_id=city.organisation, now=NOW)
        machine = find_actor_by_key(session, key)
    for reader in (person, machine):
        assert reader is not None
        town.do(get_organisation, actor=reader, public_id=town.id_of(shop), now=NOW)
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert [entry["by"] for entry in log] == ["_".join(key.split("_")[:2]), "检查员甲"]
