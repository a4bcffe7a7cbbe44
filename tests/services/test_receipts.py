"""The purchase inspection record: what it keeps, its photos, and who may look."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storage.objects import FolderObjects
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.town import NOW, Town
from trace.domain.failures import NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.hops import Some
from trace.services.look_up_log import list_look_ups
from trace.services.receipts import get_receipt
from trace.services.receiving import Line
from trace.services.scans import get_object, scan_photos


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    """A folder of objects."""
    return FolderObjects(tmp_path / "objects")


def photograph(town: Town, actor: Actor, objects: FolderObjects, text: str) -> dict[str, Any]:
    """A photo of a code, scanned."""
    data = file_of(on_paper(symbol(text, "EAN13")))
    with town.store.writing() as session:
        return scan_photos(session, actor=actor, objects=objects, photos=[data], seconds=5, now=NOW)[0]


def delivery(town: Town, shop: Actor, *scans: str) -> str:
    """A delivery received from these photos: the record."""
    farm = town.organisation(OrganisationKind.FARM)
    lot = town.lot(farm, town.product(farm))
    town.send(farm, shop, Some(lot, Decimal(10)))
    line = Line(code=lot, amount=Decimal(10), reason="快检合格")
    return str(town.arrive(farm, shop, line, scans=list(scans))["id"])


def test_a_record_keeps_every_photo_it_was_made_from(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation()
    scans = [photograph(town, shop, objects, text) for text in ("6901234567892", "6901234567908")]
    record = delivery(town, shop, *(scan["id"] for scan in scans))
    with town.store.reading() as session:
        kept = get_receipt(session, actor=shop, public_id=record, now=NOW)["scans"]
    assert [photo["sha256"] for photo in kept] == [scan["sha256"] for scan in scans]
    assert [photo["readings"][0]["text"] for photo in kept] == ["6901234567892", "6901234567908"]


def test_anothers_photo_makes_no_record_and_leaves_nothing(town: Town, objects: FolderObjects) -> None:
    shop, stranger = town.organisation(), town.organisation()
    scan = photograph(town, stranger, objects, "6901234567892")
    with pytest.raises(NotFound):
        delivery(town, shop, scan["id"])


def test_the_inspector_of_the_region_sees_the_photos_and_that_is_written_down(
    town: Town, objects: FolderObjects
) -> None:
    shop = town.organisation(region="640502")
    here = town.organisation(OrganisationKind.REGULATOR, region="640500", role=Role.INSPECTOR, licensed=False)
    there = town.organisation(OrganisationKind.REGULATOR, region="640100", role=Role.INSPECTOR, licensed=False)
    scan = photograph(town, shop, objects, "6901234567892")
    record = delivery(town, shop, scan["id"])
    with town.store.writing() as session:
        assert get_receipt(session, actor=here, public_id=record, now=NOW)["scans"][0]["sha256"] == scan["sha256"]
        assert get_object(session, actor=here, objects=objects, sha256=scan["sha256"], now=NOW)[0]
        with pytest.raises(NotFound):
            get_object(session, actor=there, objects=objects, sha256=scan["sha256"], now=NOW)
        auditor = town.as_role(here, Role.AUDITOR)
        assert {entry["what"] for entry in list_look_ups(session, actor=auditor)} == {"receipt", "object"}
