"""People who sign in, keys for machines, and which role belongs where."""

import pytest
from argon2 import extract_parameters

from storage.tables import api_key, credential, person
from tests.town import NOW, Town
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.keys import find_actor_by_key, issue_key, list_keys, revoke_key
from trace.services.people import (
    NOBODY,
    check_password,
    create_colleague,
    deactivate_person,
    find_actor,
    hash_password,
    list_people,
)

K = OrganisationKind
PASSWORD = "ten characters and more"
FITTING = {
    Role.CLERK: K.SUPERMARKET,
    Role.PHARMACIST: K.PHARMACY,
    Role.ORGANISATION_ADMINISTRATOR: K.FARM,
    Role.INSPECTOR: K.REGULATOR,
    Role.AUDITOR: K.REGULATOR,
    Role.PLATFORM_ADMINISTRATOR: K.PLATFORM,
}
MISFITS = [
    (Role.INSPECTOR, K.SUPERMARKET),
    (Role.AUDITOR, K.PLATFORM),
    (Role.PHARMACIST, K.SUPERMARKET),
    (Role.CLERK, K.REGULATOR),
    (Role.ORGANISATION_ADMINISTRATOR, K.PLATFORM),
    (Role.PLATFORM_ADMINISTRATOR, K.REGULATOR),
]


def hire(town: Town, by: Actor, sign_in: str = "li", role: Role = Role.CLERK, password: str = PASSWORD) -> str:
    card = town.do(create_colleague, actor=by, sign_in=sign_in, name="李", password=password, role=role, now=NOW)
    return str(card["id"])


def sign_in(town: Town, name: str, password: str) -> str:
    return str(town.do(check_password, sign_in=name, password=password))


def test_a_colleague_signs_in_as_an_actor_of_the_organisation(town: Town) -> None:
    shop = town.organisation()
    public_id = hire(town, shop)
    assert sign_in(town, "li", PASSWORD) == public_id
    actor = town.do(find_actor, public_id)
    assert (actor.organisation, actor.role, actor.name) == (shop.organisation, Role.CLERK, "李")
    assert actor.party_uri == shop.party_uri
    assert [entry["sign_in"] for entry in town.do(list_people, actor=shop)] == ["li"]


def test_a_wrong_name_and_a_wrong_password_get_one_sentence(town: Town) -> None:
    hire(town, town.organisation())
    messages = []
    for name, password in (("li", "wrong password"), ("wang", PASSWORD)):
        with pytest.raises(Unauthenticated) as found:
            sign_in(town, name, password)
        messages.append(found.value.message)
    assert messages[0] == messages[1]


def test_a_sign_in_is_taken_once_whoever_has_it(town: Town) -> None:
    hire(town, town.organisation())
    with pytest.raises(Conflict) as found:
        hire(town, town.organisation())
    assert found.value.field == "sign_in"


def test_a_short_password_is_refused_and_no_password_is_kept(town: Town) -> None:
    shop = town.organisation()
    with pytest.raises(Invalid) as found:
        hire(town, shop, password="short")
    assert found.value.field == "password"
    hire(town, shop)
    with town.store.reading() as session:
        kept = session.execute(credential.select()).one()
    assert kept.password_hash.startswith("$argon2id$")
    assert PASSWORD not in kept.password_hash


def test_an_account_ends_and_with_it_the_sign_in_and_the_session(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    public_id = hire(town, shop)
    with pytest.raises(NotFound) as hidden:
        town.do(deactivate_person, actor=other, public_id=public_id)
    with pytest.raises(NotFound) as absent:
        town.do(deactivate_person, actor=other, public_id="0" * 26)
    assert hidden.value.message == absent.value.message
    town.do(deactivate_person, actor=shop, public_id=public_id)
    with pytest.raises(Unauthenticated):
        sign_in(town, "li", PASSWORD)
    assert town.do(find_actor, public_id) is None
    assert town.count(person) == 1  # nothing is deleted


def test_only_the_platform_gives_accounts_elsewhere(town: Town) -> None:
    shop, other = town.organisation(role=Role.ORGANISATION_ADMINISTRATOR), town.organisation()
    platform = town.organisation(K.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR)
    said = {"name": "李", "password": PASSWORD, "role": Role.CLERK, "now": NOW}
    there = {"organisation_public_id": town.id_of(other)}
    town.refuses(Forbidden, create_colleague, actor=shop, sign_in="li0", **there, **said)
    town.do(create_colleague, actor=platform, sign_in="li1", **there, **said)
    town.do(create_colleague, actor=shop, sign_in="li2", organisation_public_id=town.id_of(shop), **said)
    assert [[p["sign_in"] for p in town.do(list_people, actor=actor)] for actor in (shop, other)] == [["li2"], ["li1"]]


@pytest.mark.parametrize(("role", "kind"), FITTING.items())
def test_every_role_fits_a_kind_of_organisation(town: Town, role: Role, kind: OrganisationKind) -> None:
    at = town.organisation(kind)
    hire(town, at, role=role)
    key = town.do(issue_key, role=role, organisation_id=at.organisation, now=NOW)
    assert town.do(find_actor_by_key, key).role is role


@pytest.mark.parametrize(("role", "kind"), MISFITS)
def test_a_role_does_not_fit_every_kind_of_organisation(town: Town, role: Role, kind: OrganisationKind) -> None:
    at = town.organisation(kind)
    with pytest.raises(Invalid):
        hire(town, at, role=role)
    with pytest.raises(Invalid):
        town.do(issue_key, role=role, organisation_id=at.organisation, now=NOW)
    assert (town.count(person), town.count(api_key)) == (0, 0)


def test_a_key_speaks_for_its_organisation_until_it_is_revoked(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    key = town.do(issue_key, role=Role.CLERK, organisation_id=shop.organisation, now=NOW, label="till 1")
    actor = town.do(find_actor_by_key, key)
    assert (actor.organisation, actor.role, actor.name, actor.person) == (shop.organisation, Role.CLERK, "till 1", None)
    prefix = key.split("_")[1]
    with pytest.raises(NotFound):
        town.do(revoke_key, actor=other, prefix=prefix, now=NOW)
    town.do(revoke_key, actor=shop, prefix=prefix, now=NOW)
    town.do(revoke_key, actor=shop, prefix=prefix, now=NOW)
    assert town.do(find_actor_by_key, key) is None
    (listed,) = town.do(list_keys, actor=shop)
    assert (listed["prefix"], listed["revoked_at"]) == (prefix, NOW)


def test_of_a_key_only_the_hash_is_kept(town: Town) -> None:
    shop = town.organisation()
    key = town.do(issue_key, role=Role.CLERK, organisation_id=shop.organisation, now=NOW)
    with town.store.reading() as session:
        kept = session.execute(api_key.select()).one()
    assert key.split("_", 2)[2].encode() not in bytes(kept.secret_hash)
    assert len(bytes(kept.secret_hash)) == 32


@pytest.mark.parametrize("wrong", ["", "st_", "st__", "x", "st_{prefix}_", "st_{prefix}_wrong", "sk_{prefix}_{secret}"])
def test_a_wrong_key_speaks_for_nobody(town: Town, wrong: str) -> None:
    shop = town.organisation()
    _, prefix, secret = town.do(issue_key, role=Role.CLERK, organisation_id=shop.organisation, now=NOW).split("_", 2)
    assert town.do(find_actor_by_key, wrong.format(prefix=prefix, secret=secret)) is None


def test_keys_are_issued_for_ones_own_organisation(town: Town) -> None:
    shop, other = town.organisation(role=Role.ORGANISATION_ADMINISTRATOR), town.organisation()
    with pytest.raises(Forbidden):
        town.do(issue_key, role=Role.CLERK, organisation_id=other.organisation, now=NOW, by=shop)
    platform = town.organisation(K.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR)
    town.do(issue_key, role=Role.CLERK, organisation_id=other.organisation, now=NOW, by=platform)
    assert town.count(api_key) == 1


def test_a_name_that_nobody_has_is_checked_at_the_cost_of_one_that_somebody_has() -> None:
    assert extract_parameters(NOBODY) == extract_parameters(hash_password("long-enough-1"))
