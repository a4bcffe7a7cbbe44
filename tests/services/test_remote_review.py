"""远程审方: headquarters' pharmacists review for their chain's shops where the rule book lets them, and not else."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.objects import FolderObjects
from storage.tables import duty, prescription
from tests.services.test_chain import a_chain, a_shop_of
from tests.services.test_prescriptions import RX, check, refused
from tests.town import Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.domain.rules.book import Confidence
from trace.services.duty import end_duty, on_duty, remote_on_duty, take_duty
from trace.services.prescription_images import image_seal, keep_image, show_image
from trace.services.prescriptions import list_reviews, review
from trace.services.remote_review import shops_reviewed_for
from trace.services.rule_writing import write_rule


def write(town: Town, name: str, value: str) -> None:
    platform = town.organisation(K.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR)
    town.do(
        write_rule, town.command(platform), name=name, value=value, effective_from=town.day(0),
        source="the regulator of the region", confidence=Confidence.SEEN, reason="a test", everywhere=True,
    )  # fmt: skip


@pytest.fixture
def chain(town: Town) -> tuple[Actor, Actor]:
    """Where remote review is let: a shop, and a pharmacist of its headquarters who is not on duty yet."""
    write(town, "review.remote", "headquarters")
    head, (shop,) = a_chain(town, 1)
    return shop, town.pharmacist(head, on_duty=False)


def test_headquarters_reviews_for_its_shop_and_the_shop_sells(town: Town, chain: tuple[Actor, Actor]) -> None:
    shop, far = chain
    said: dict[str, Any] = {"reference": "RX-1", "shop": town.id_of(shop)}
    assert "for them first" in str(town.refuses(Conflict, review, town.command(far), **said))
    town.do(take_duty, town.command(far))
    assert "for them first" in str(
        town.refuses(Conflict, review, town.command(far), **said)
    )  # for the own counter only
    assert "go off duty" in str(town.refuses(Conflict, take_duty, town.command(far), remote=True))
    town.do(end_duty, town.command(far))
    town.do(take_duty, town.command(far), remote=True)
    assert refused(town, Conflict, shop, RX, reference="RX-1") == "prescription"  # nobody reviewed it yet
    done = town.do(review, town.command(far), **said)
    assert (done["shop"], done["remote"], done["reviewed_by"]) == (shop.organisation_name, True, town.id_of_person(far))
    assert check(town, shop, RX, reference="RX-1") is not None
    for actor in (shop, far):
        assert [one["id"] for one in town.do(list_reviews, actor=actor, since=town.now)] == [done["id"]]
    assert town.do(on_duty, organisation=shop.organisation, at=town.now) == []  # nobody stands in the shop
    assert [one["name"] for one in town.do(remote_on_duty, shop=shop.organisation, at=town.now)] == [far.name]
    after = replace(town, now=town.now + timedelta(minutes=5))
    town.do(end_duty, after.command(far))
    later = replace(town, now=town.now + timedelta(minutes=6))
    assert refused(later, Conflict, shop, RX, reference="RX-1") == "prescription"  # nobody is on duty, here or there


def test_a_shops_program_does_not_say_for_headquarters_that_it_reviewed(town: Town, chain: tuple[Actor, Actor]) -> None:
    shop, far = chain
    town.do(take_duty, town.command(far), remote=True)
    program = replace(shop, role=Role.PHARMACIST)
    assert refused(town, Conflict, program, RX, reference="RX-1", reviewed_by=town.id_of_person(far)) == "reviewed_by"
    assert town.count(prescription) == 0


def test_only_the_own_chains_shops_are_reviewed_for(town: Town, chain: tuple[Actor, Actor]) -> None:
    shop, far = chain
    town.do(take_duty, town.command(far), remote=True)
    stranger = town.organisation(K.PHARMACY)
    for other in (stranger, a_shop_of(town, town.organisation(K.PHARMACY_HEADQUARTERS))):
        assert town.refuses(NotFound, review, town.command(far), reference="RX-1", shop=town.id_of(other))
        assert refused(town, Conflict, other, RX, reference="RX-1") == "prescription"
    mine = town.pharmacist(shop)
    assert town.refuses(NotFound, review, town.command(mine), reference="RX-1", shop=town.id_of(stranger))
    assert town.count(prescription) == 0


def test_as_shipped_nobody_reviews_from_afar(town: Town) -> None:
    head, (shop,) = a_chain(town, 1)
    far = town.pharmacist(head, on_duty=False)
    assert town.do(shops_reviewed_for, actor=far, on=town.day(0)) == []
    assert town.refuses(Conflict, take_duty, town.command(far), remote=True)
    town.do(take_duty, town.command(far))
    assert town.refuses(Conflict, review, town.command(far), reference="RX-1", shop=town.id_of(shop))
    assert (town.count(duty), town.count(prescription)) == (1, 0)


def test_the_rule_is_judged_at_the_shop_also_for_the_picture(
    town: Town, chain: tuple[Actor, Actor], tmp_path: Path
) -> None:
    shop, far = chain
    town.do(take_duty, town.command(far), remote=True)
    boss = replace(shop, role=Role.ORGANISATION_ADMINISTRATOR)
    town.do(
        write_rule, town.command(boss), name="prescription.image", value="encrypted", effective_from=town.day(0),
        source="the county asks for it", confidence=Confidence.HOUSE, reason="asked for", everywhere=False,
    )  # fmt: skip
    done = town.do(review, town.command(far), reference="RX-1", shop=town.id_of(shop))
    own = town.do(review, town.command(far), reference="RX-1")
    assert (done["picture_wanted"], own["picture_wanted"]) == (True, False)
    assert refused(town, Conflict, shop, RX, reference="RX-1") == "prescription"
    said = {"objects": FolderObjects(tmp_path), "seal": image_seal("a secret key of the service that has its length")}
    photo = {"picture": b"a picture", "media_type": "image/jpeg"}
    assert town.refuses(Invalid, keep_image, town.command(far), public_id=own["id"], **photo, **said)
    town.do(keep_image, town.command(far), public_id=done["id"], **photo, **said)
    assert check(town, shop, RX, reference="RX-1") is not None
    for reader in (far, town.pharmacist(shop)):
        assert town.do(show_image, actor=reader, public_id=done["id"], now=town.now, **said) == b"a picture"
    other = town.pharmacist(a_shop_of(town, town.organisation(K.PHARMACY_HEADQUARTERS)))
    assert town.refuses(NotFound, show_image, actor=other, public_id=done["id"], now=town.now, **said)
