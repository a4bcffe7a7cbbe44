"""Who of the pharmacists is on duty: taken with one tap, ended by hand or in time, never without a registration."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from storage.tables import correction, duty
from tests.town import Town
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.services.commands import Command
from trace.services.duty import end_duty, may_take_duty, on_duty, own_duty, take_duty
from trace.services.people import deactivate_person
from trace.services.pharmacists import file_pharmacist, list_pharmacists, registration_warnings


def later(town: Town, actor: Actor, **after: float) -> Command:
    return Command(actor, town.now + timedelta(**after))


def names(town: Town, shop: Actor, **after: float) -> list[str]:
    found = town.do(on_duty, organisation=shop.organisation, at=town.now + timedelta(**after))
    return [one["name"] for one in found]


def test_a_pharmacist_goes_on_duty_with_one_tap_and_off_by_hand(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    pharmacist = town.pharmacist(shop, on_duty=False)
    assert town.do(may_take_duty, actor=pharmacist, at=town.now)
    taken = town.do(take_duty, town.command(pharmacist))
    assert datetime.fromisoformat(taken["until"]) == town.now + timedelta(hours=12)
    assert names(town, shop) == [pharmacist.name]
    assert not town.do(may_take_duty, actor=pharmacist, at=town.now)
    assert town.do(end_duty, later(town, pharmacist, hours=3)) == {"ended": 1}
    assert town.do(end_duty, later(town, pharmacist, hours=4)) == {"ended": 0}
    assert (names(town, shop, hours=2), names(town, shop, hours=3)) == ([pharmacist.name], [])


def test_a_duty_ends_in_time_and_the_next_day_has_one_of_its_own(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    pharmacist = town.pharmacist(shop)
    assert (names(town, shop, hours=11.9), names(town, shop, hours=12)) == ([pharmacist.name], [])
    town.do(take_duty, later(town, pharmacist, hours=22))
    assert (names(town, shop, hours=15), names(town, shop, hours=23)) == ([], [pharmacist.name])
    assert town.count(duty) == 2


def test_a_duty_ends_neither_before_it_begins_nor_later_than_a_shift_lasts(town: Town) -> None:
    pharmacist = town.pharmacist(town.organisation(K.PHARMACY), on_duty=False)
    for hours in (-1, 0, 12.1):
        until = town.now + timedelta(hours=hours)
        assert town.refuses(Invalid, take_duty, town.command(pharmacist), until=until).field == "until"
    until = town.now + timedelta(hours=12)
    assert datetime.fromisoformat(town.do(take_duty, town.command(pharmacist), until=until)["until"]) == until


def test_a_second_device_shows_the_same_duty(town: Town) -> None:
    pharmacist = town.pharmacist(town.organisation(K.PHARMACY), on_duty=False)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: town.do(take_duty, town.command(pharmacist)), range(8)))
    assert all(one == taken[0] for one in taken)
    assert town.count(duty) == 1


def test_nobody_is_on_duty_without_a_valid_registration(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    bare = town.colleague(shop, Role.PHARMACIST)
    assert "No registration" in str(town.refuses(Forbidden, take_duty, town.command(bare)))
    over = town.pharmacist(shop, expires_on=town.day(1), on_duty=False)
    assert town.refuses(Conflict, take_duty, town.command(over)).values["day"] == town.day(1).isoformat()
    # On its last day it is good, and the day after the pharmacist is no longer on duty.
    last = town.pharmacist(shop, expires_on=town.day(0))
    assert names(town, shop) == [last.name]
    late = replace(town, now=town.now + timedelta(hours=10))  # eight in the evening
    late.do(end_duty, late.command(last))
    late.do(take_duty, late.command(last))
    assert (names(late, shop, hours=3), names(late, shop, hours=5)) == ([last.name], [])


def test_who_left_is_not_on_duty(town: Town) -> None:
    shop = town.organisation(K.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)
    town.pharmacist(shop)
    (listed,) = town.do(list_pharmacists, actor=shop)
    town.do(deactivate_person, actor=shop, public_id=listed["id"])
    assert names(town, shop) == []


def test_a_key_names_who_signed_in_to_its_program(town: Town) -> None:
    shop = town.organisation(K.PHARMACY, role=Role.PHARMACIST)
    pharmacist = town.pharmacist(shop, on_duty=False)
    (listed,) = town.do(list_pharmacists, actor=shop)
    assert town.refuses(Invalid, take_duty, town.command(shop)).field == "person"
    elsewhere = town.organisation(K.PHARMACY, role=Role.PHARMACIST)
    assert town.refuses(Forbidden, take_duty, town.command(elsewhere), person_id=listed["id"])
    town.do(take_duty, town.command(shop), person_id=listed["id"])
    assert town.do(own_duty, actor=pharmacist, at=town.now)["person"] == listed["id"]
    assert town.do(end_duty, later(town, elsewhere, hours=1), person_id=listed["id"]) == {"ended": 0}
    assert town.do(end_duty, later(town, shop, hours=1), person_id=listed["id"]) == {"ended": 1}


def test_a_registration_is_filed_for_own_pharmacists_and_every_change_is_kept(town: Town) -> None:
    shop = town.organisation(K.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)
    town.pharmacist(shop, registration_no="642210000001", on_duty=False)
    (listed,) = town.do(list_pharmacists, actor=shop)
    said = {"registration_no": " 64221a000002 ", "expires_on": town.day(-900), "title": "主管药师"}
    town.do(file_pharmacist, town.command(shop), person_id=listed["id"], **said)
    (again,) = town.do(list_pharmacists, actor=shop)
    assert (again["registration_no"], again["title"]) == ("64221A000002", "主管药师")
    with town.store.reading() as session:
        kept = session.execute(
            select(correction.c.old, correction.c.new).where(correction.c.field == "registration_no")
        ).all()
    assert kept == [(None, "642210000001"), ("642210000001", "64221A000002")]
    clerk = town.colleague(shop, Role.CLERK)
    other = town.organisation(K.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)
    refused = {"registration_no": "1", "expires_on": None}
    assert town.refuses(Invalid, file_pharmacist, town.command(shop), person_id=town.id_of_person(clerk), **refused)
    assert town.refuses(NotFound, file_pharmacist, town.command(other), person_id=listed["id"], **refused)
    shopkeeper = town.organisation(K.SUPERMARKET, role=Role.ORGANISATION_ADMINISTRATOR)
    assert town.refuses(Forbidden, file_pharmacist, town.command(shopkeeper), person_id=listed["id"], **refused)


def test_a_registration_that_ends_is_told_60_30_and_7_days_before(town: Town) -> None:
    for left, told in ((61, False), (60, True), (30, True), (7, True), (0, True), (-1, True)):
        shop = town.organisation(K.PHARMACY)
        town.pharmacist(shop, expires_on=town.day(-left), on_duty=False)
        found = town.do(registration_warnings, actor=shop, on=town.day(0))
        assert [(finding.rule, finding.values["days"]) for finding in found] == ([("R17", str(left))] if told else [])
