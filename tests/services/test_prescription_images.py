"""The picture of a prescription: only where a setting asks, readable by nobody without its key, erased with it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.objects import FolderObjects
from storage.tables import lookup_log, prescription, record_key, stored_object
from tests.town import Town
from trace.domain.failures import Conflict, Failure, Forbidden, Invalid, NotFound
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.domain.rules.book import Confidence
from trace.services.prescription_images import image_seal, keep_image, show_image
from trace.services.prescriptions import check_review, review
from trace.services.rule_writing import write_rule
from trace.services.sealing import Seal, Unopened
from trace.worker import Worker

PICTURE = b"\xff\xd8\xff\xe0 prescription of somebody: amoxicillin \xff\xd9" * 40
SEAL = image_seal("a secret key of the service that has its length")


def asks_for_pictures(town: Town) -> Actor:
    """A pharmacist on duty of a pharmacy whose house rule asks for pictures."""
    shop = town.organisation(K.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)
    town.do(
        write_rule, town.command(shop), name="prescription.image", value="encrypted", effective_from=town.day(0),
        source="the county asks for it", confidence=Confidence.HOUSE, reason="asked for", everywhere=False,
    )  # fmt: skip
    return town.pharmacist(shop)


def keep(town: Town, pharmacist: Actor, objects: FolderObjects, reference: str = "RX-1") -> str:
    public_id = str(town.do(review, town.command(pharmacist), reference=reference)["id"])
    said = {"picture": PICTURE, "media_type": "image/jpeg", "objects": objects, "seal": SEAL}
    for _ in "sent", "sent again, because the answer was lost":
        town.do(keep_image, town.command(pharmacist, key=f"picture of {reference}"), public_id=public_id, **said)
    return public_id


def look(town: Town, actor: Actor, public_id: str, objects: FolderObjects, seal: Seal = SEAL) -> bytes:
    with town.store.reading() as session:
        return show_image(session, actor=actor, public_id=public_id, objects=objects, seal=seal, now=town.now)


def refused(town: Town, failure: type[Failure], actor: Actor, public_id: str, objects: FolderObjects) -> str:
    with pytest.raises(failure) as found:
        look(town, actor, public_id, objects)
    return str(found.value)


def test_no_picture_is_kept_unless_a_setting_asks_for_it(town: Town, tmp_path: Path) -> None:
    pharmacist, objects = town.pharmacist(town.organisation(K.PHARMACY)), FolderObjects(tmp_path)
    done = town.do(review, town.command(pharmacist), reference="RX-1")
    said = {"picture": PICTURE, "media_type": "image/jpeg", "objects": objects, "seal": SEAL}
    assert town.refuses(Invalid, keep_image, town.command(pharmacist), public_id=done["id"], **said)
    assert town.count(record_key) == 0
    assert list(tmp_path.iterdir()) == []


def test_where_pictures_are_asked_for_nothing_is_sold_without_one(town: Town, tmp_path: Path) -> None:
    pharmacist = asks_for_pictures(town)
    said = {"reference": "RX-1", "reviewed_by": None, "products": [("阿莫西林", "rx")]}
    assert "picture" in str(town.refuses(Conflict, check_review, town.command(pharmacist), **said))
    town.do(review, town.command(pharmacist), reference="RX-1")
    assert "picture" in str(town.refuses(Conflict, check_review, town.command(pharmacist), **said))
    keep(town, pharmacist, FolderObjects(tmp_path))
    assert town.do(check_review, town.command(pharmacist), **said)


def test_a_picture_is_read_by_its_pharmacists_only_and_each_look_is_written_down(town: Town, tmp_path: Path) -> None:
    pharmacist, objects = asks_for_pictures(town), FolderObjects(tmp_path)
    public_id = keep(town, pharmacist, objects)
    assert look(town, pharmacist, public_id, objects) == PICTURE
    assert look(town, pharmacist, public_id, objects) == PICTURE
    stranger = town.pharmacist(town.organisation(K.PHARMACY))
    clerk = town.colleague(pharmacist, Role.CLERK)
    refused(town, NotFound, stranger, public_id, objects)
    for nobody in (clerk, replace(pharmacist, role=Role.ORGANISATION_ADMINISTRATOR), replace(pharmacist, person=None)):
        refused(town, Forbidden, nobody, public_id, objects)
    with town.store.reading() as session:
        looks = session.execute(select(lookup_log.c.person, lookup_log.c.what, lookup_log.c.subject)).all()
    assert looks == [(pharmacist.person, "prescription_image", public_id)] * 2
    said = {"picture": PICTURE, "media_type": "image/jpeg", "objects": objects, "seal": SEAL}
    assert town.refuses(Conflict, keep_image, town.command(pharmacist), public_id=public_id, **said)
    assert town.count(record_key) == 1


def test_neither_the_objects_nor_the_database_hold_anything_readable(town: Town, tmp_path: Path) -> None:
    pharmacist, objects = asks_for_pictures(town), FolderObjects(tmp_path)
    public_id = keep(town, pharmacist, objects)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    held = file.read_bytes()
    if town.store.url.startswith("sqlite"):
        path = Path(town.store.url.removeprefix("sqlite:///"))
        held += b"".join(path.with_name(path.name + end).read_bytes() for end in ("", "-wal"))
    for readable in (b"\xff\xd8\xff", b"amoxicillin", b"somebody"):
        assert readable not in held
    with pytest.raises(Unopened):
        look(town, pharmacist, public_id, objects, image_seal("another secret key of the same length, so to speak"))
    other = keep(town, pharmacist, objects, "RX-2")
    with town.store.writing() as session:  # the key of one row opens no other
        key = session.scalar(select(record_key.c.wrapped).order_by(record_key.c.id))
        session.execute(record_key.update().values(wrapped=key))
    with pytest.raises(Unopened):
        look(town, pharmacist, other, objects)


def test_the_key_is_destroyed_when_its_time_is_over_and_not_before(town: Town, tmp_path: Path) -> None:
    pharmacist, objects = asks_for_pictures(town), FolderObjects(tmp_path)
    public_id = keep(town, pharmacist, objects)
    with town.store.reading() as session:
        until = session.scalar(select(prescription.c.keep_until))
        wrapped = session.scalar(select(record_key.c.wrapped))
    zone = town.now.tzinfo
    assert zone is not None and wrapped is not None
    # At 3 in the shop's night the clock's UTC still has the last day it is kept.
    over = datetime.combine(until + timedelta(days=1), time(3), zone).astimezone(UTC)
    assert over.date() == until

    def works(now: datetime) -> bool:
        return Worker(town.store, zone, private=False, now=lambda: now).work_once()

    moments = {0: town.now + (until - town.day(0)), 1: over}
    assert not works(moments[0])
    assert not works(over - timedelta(minutes=1))
    assert look(town, pharmacist, public_id, objects) == PICTURE
    assert works(moments[1])
    assert not works(moments[1])
    assert "erased" in refused(town, Conflict, pharmacist, public_id, objects)
    with town.store.reading() as session:
        row = session.execute(select(record_key.c.wrapped, record_key.c.destroyed_reason)).one()
        assert session.scalar(select(func.count()).select_from(stored_object)) == 1
    assert row == (None, "retention")
    if town.store.url.startswith("sqlite"):
        path = Path(town.store.url.removeprefix("sqlite:///"))
        town.store.close()  # the last connection takes the write-ahead log into the file
        assert wrapped not in path.read_bytes()
