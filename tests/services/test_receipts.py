"""The purchase inspection record: what it keeps, its photos, and who may look."""

from datetime import UTC
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from storage.objects import FolderObjects
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.services.deliveries import read
from tests.town import NOW, Town
from trace.domain.failures import NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.hops import Some
from trace.services.look_up_log import list_look_ups
from trace.services.recalls import hold_lot, lift_recall
from trace.services.receipts import get_receipt
from trace.services.receiving import Line
from trace.services.records import Period, list_records
from trace.services.scans import get_object, scan_photos


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    """A folder of objects."""
    return FolderObjects(tmp_path / "objects")


def photograph(town: Town, actor: Actor, objects: FolderObjects, text: str) -> dict[str, Any]:
    """A photo of a code, scanned."""
    data = file_of(on_paper(symbol(text, "EAN13")))
    with town.store.writing() as session:
        return scan_photos(session, actor=actor, objects=objects, photos=[BytesIO(data)], seconds=5, now=NOW)[0]


def delivery(town: Town, shop: Actor, *scans: str) -> str:
    """A delivery received from these photos: the record."""
    farm = town.organisation(OrganisationKind.FARM)
    lot = town.lot(farm, town.product(farm))
    town.send(farm, shop, Some(lot, Decimal(10)))
    line = Line(code=lot, amount=Decimal(10), reason="快检合格")
    return str(town.arrive(farm, shop, line, scans=list(scans))["id"])


def test_a_record_says_what_the_law_asks_of_the_goods(town: Town) -> None:
    """食品安全法 Art. 53: name, specification, quantity, dates, supplier; GSP: approval number, dosage form, maker."""
    shop, packs = town.organisation(OrganisationKind.PHARMACY), town.packs(2)
    maker = town.organisation(OrganisationKind.DRUG_MAKER)
    product = town.drug(
        maker,
        specification="0.25g×24粒",
        producer="宁夏制药（演示）",
        approval_no="国药准字H20260001",
        dosage_form="胶囊剂",
    )
    made = town.lot(maker, product, 2, packs, expires_on=town.day(-300))
    report = town.paper(maker, CertificateKind.DRUG_TEST_REPORT, made, number="T-1", issued_on=town.day(3))
    note = town.paper(maker, CertificateKind.DELIVERY_NOTE, made, number="N-1", valid_until=town.day(-30))
    town.send(maker, shop, *(Some(code) for code in packs))
    (line,) = read(town, shop, town.arrive(maker, shop, Line(code=made, codes=packs))["id"])["lines"]
    said = {name: line[name] for name in ("category", "specification", "producer", "approval_no", "dosage_form")}
    assert said == {
        "category": "drug",
        "specification": "0.25g×24粒",
        "producer": "宁夏制药（演示）",
        "approval_no": "国药准字H20260001",
        "dosage_form": "胶囊剂",
    }
    common = {"issuer": maker.organisation_name, "valid": True, "of_batch": ""}
    assert line["papers"] == [
        common
        | {"id": report, "kind": "drug_test_report", "number": "T-1"}
        | {"issued_on": town.day(3), "valid_until": None},
        common
        | {"id": note, "kind": "delivery_note", "number": "N-1"}
        | {"issued_on": town.day(1), "valid_until": town.day(-30)},
    ]


def test_a_record_keeps_the_papers_that_were_there_and_no_later_one(town: Town) -> None:
    farm, shop = town.organisation(OrganisationKind.FARM), town.organisation()
    made = town.lot(farm, town.product(farm))
    town.paper(farm, CertificateKind.COMMITMENT, made, issued_on=town.day(9), valid_until=town.day(2))
    town.send(farm, shop, Some(made, Decimal(20)))
    line = Line(code=made, amount=Decimal(10), reason="shown on the phone")
    first = town.arrive(farm, shop, line)
    town.paper(farm, CertificateKind.RAPID_TEST, made)
    second = town.arrive(farm, shop, line)
    kept = [read(town, shop, done["id"])["lines"][0]["papers"] for done in (first, second)]
    assert [[(paper["kind"], paper["valid"]) for paper in papers] for papers in kept] == [
        [("commitment_certificate", False)],
        [("commitment_certificate", False), ("rapid_test", True)],
    ]


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
    with town.store.reading() as session:
        auditor = town.as_role(here, Role.AUDITOR)
        assert {entry["what"] for entry in list_look_ups(session, actor=auditor)} == {"receipt", "object"}


def test_a_hold_keeps_the_record_until_it_is_lifted_and_a_while_after(town: Town) -> None:
    farm, shop = town.organisation(OrganisationKind.FARM), town.organisation()
    lot = town.grown(farm)
    town.send(farm, shop, Some(lot, Decimal(10)))
    number = town.arrive(farm, shop, Line(code=lot, amount=Decimal(10)))["id"]

    def kept() -> list[Any]:
        week = Period(town.day(6), town.day(0), NOW.tzinfo or UTC)
        (row,) = town.do(list_records, actor=shop, period=week, now=NOW)
        one = town.do(get_receipt, actor=shop, public_id=number, now=NOW)["lines"][0]
        return [row["keep_until"], one["keep_until"]]

    (before, _) = kept()
    held = town.do(hold_lot, town.command(shop), lot=lot, reason="抽检")
    assert kept() == [None, None]
    town.do(lift_recall, town.command(shop), public_id=held["id"], reason="合格")
    assert min(kept()) >= before
