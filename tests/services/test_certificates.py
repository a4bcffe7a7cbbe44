"""Certificates: issued, filed, linked to lots one had, seen by whom the goods concern."""

import hashlib
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storage.objects import FolderObjects
from storage.tables import certificate, certificate_lot
from tests.scanners.drawing import file_of
from tests.town import NOW, Town
from trace.domain.certificate_fields import CONTENTS, SHAPES
from trace.domain.failures import Failure, Invalid, NotFound, TooLarge, Unsupported
from trace.domain.papers import CertificateKind, CommitmentBasis, CommitmentForm
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.certificates import file_certificate, get_certificate, list_certificates
from trace.services.commitment import Contents, issue_commitment
from trace.services.hops import Some
from trace.services.look_up_log import list_look_ups
from trace.services.receiving import Line
from trace.services.scans import PDF, get_object, keep_photo

K = OrganisationKind
Papers = CertificateKind
A_PDF = b"%PDF-1.7\n%demonstration\n"


def issue(town: Town, actor: Actor, *lots: str, **more: Any) -> dict[str, Any]:
    said = {
        "contents": Contents(product_name="番茄", quantity="40 kg", origin="宁夏中卫"), "statement_accepted": True,
        "basis": [CommitmentBasis.SELF_TEST, CommitmentBasis.CONTROL, CommitmentBasis.CONTROL],
    } | more  # fmt: skip
    return dict(town.do(issue_commitment, town.command(actor), lots=lots, **said))


def read(town: Town, actor: Actor, public_id: str) -> dict[str, Any]:
    return dict(town.do(get_certificate, actor=actor, public_id=public_id, now=NOW))


def refused(town: Town, failure: type[Failure], actor: Actor, **paper: Any) -> Failure:
    said = {"kind": Papers.TEST_REPORT, "lots": [], "issuer": "检测所（演示）", "issued_on": town.day(1)} | paper
    with pytest.raises(failure) as found:
        town.do(file_certificate, town.command(actor), **said)
    assert (town.count(certificate), town.count(certificate_lot)) == (0, 0)
    return found.value


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    """A folder of objects."""
    return FolderObjects(tmp_path / "objects")


def keep(town: Town, actor: Actor, objects: FolderObjects, data: bytes) -> dict[str, str]:
    return dict(town.do(keep_photo, actor=actor, objects=objects, upload=BytesIO(data), seconds=5, now=NOW))


# ---- issued --------------------------------------------------------------------------------------------------------


def test_a_producer_commits_by_form_one_and_a_purchaser_by_form_two(town: Town) -> None:
    for kind, form, words in (
        (K.FARM, "producer", "未使用禁用农药"),
        (K.WHOLESALER, "purchaser", "已按规定收取并保存"),
    ):
        actor = town.organisation(kind)
        paper = read(town, actor, issue(town, actor, town.lot(actor, town.product(actor)))["id"])
        assert (paper["form"], paper["issuer"]) == (form, actor.organisation_name)
        assert paper["fields"]["statement"].startswith(words)
        assert paper["fields"]["basis"] == ["control", "self_test"]
        assert paper["number"].startswith(f"HGZ{NOW:%Y%m%d}")
        assert paper["issued_on"] == NOW.date()


def test_a_commitment_needs_its_statement_its_basis_and_a_lot_of_ones_own(town: Town) -> None:
    farm, other = town.organisation(K.FARM), town.organisation(K.FARM)
    mine, theirs = town.lot(farm, town.product(farm)), town.lot(other, town.product(other))
    with pytest.raises(Invalid) as found:
        issue(town, farm, mine, statement_accepted=False)
    assert found.value.field == "statement_accepted"
    with pytest.raises(Invalid) as found:
        issue(town, farm, mine, basis=[])
    assert found.value.field == "basis"
    messages = []
    for stranger in (theirs, f"{mine}x"):
        with pytest.raises(NotFound) as hidden:
            issue(town, farm, mine, stranger)
        assert hidden.value.field == "lots.1"
        messages.append(hidden.value.message)
    assert messages[0] == messages[1]
    assert town.count(certificate) == 0


def test_a_new_certificate_may_replace_one_that_the_issuer_can_see(town: Town) -> None:
    farm, other = town.organisation(K.FARM), town.organisation(K.FARM)
    mine = town.lot(farm, town.product(farm))
    first = issue(town, farm, mine)
    issue(town, farm, mine, replaces=first["id"], form=CommitmentForm.PRODUCER)
    with pytest.raises(NotFound):
        issue(town, other, town.lot(other, town.product(other)), replaces=first["id"])


# ---- filed ---------------------------------------------------------------------------------------------------------


def test_a_paper_keeps_what_stands_on_it_and_tells_what_is_missing(town: Town) -> None:
    shop = town.organisation()
    contents = {"product_name": "冻虾", "importer": "宁夏进出口（演示）", "produced_on": date(2026, 5, 1), "lot": ""}
    paper = town.paper(shop, Papers.ENTRY, contents=contents, number="RJ-1", valid_until=town.day(-30))
    card = read(town, shop, paper)
    assert card["fields"] == {"product_name": "冻虾", "importer": "宁夏进出口（演示）", "produced_on": "2026-05-01"}
    assert card["missing"] == ["customs_declaration_no", "lot"]
    assert (card["number"], card["valid_until"]) == ("RJ-1", town.day(-30))


def test_a_commitment_certificate_from_outside_keeps_its_basis_statement_and_raw_qr_text(town: Town) -> None:
    shop = town.organisation()
    contents = {
        "product_name": "番茄", "quantity": "40 kg", "origin": "宁夏中卫", "contact": "0955-7000199",
        "basis": [CommitmentBasis.COMMISSIONED_TEST], "statement_accepted": True, "qr_payload": "https://example/h?x=1",
    }  # fmt: skip
    card = read(town, shop, town.paper(shop, Papers.COMMITMENT, contents=contents, form="producer"))
    assert card["missing"] == []
    assert card["fields"]["qr_payload"] == "https://example/h?x=1"
    assert card["fields"]["basis"] == ["commissioned_test"]
    assert card["fields"]["statement"].startswith("未使用禁用农药")


def test_a_field_or_form_that_such_a_paper_does_not_have_is_refused(town: Town) -> None:
    shop = town.organisation()
    failure = refused(town, Invalid, shop, kind=Papers.RAPID_TEST, contents={"importer": "x"})
    assert failure.field == "fields.importer"
    assert "tested_for" in str(failure)
    assert refused(town, Invalid, shop, contents={"statement": "faked"}).field == "fields.statement"
    assert refused(town, Invalid, shop, kind=Papers.QUARANTINE, form="product_c").field == "form"


def test_every_kind_of_paper_has_its_fields_and_every_field_its_shape() -> None:
    assert set(CONTENTS) == set(CertificateKind)
    named = [name for content in CONTENTS.values() for name in content.names]
    assert set(named) == set(SHAPES)
    assert all(len(set(content.names)) == len(content.names) for content in CONTENTS.values())


def test_a_paper_from_the_future_or_one_that_ends_before_it_begins_was_misread(town: Town) -> None:
    shop = town.organisation()
    assert refused(town, Invalid, shop, issued_on=town.day(-1)).field == "issued_on"
    assert refused(town, Invalid, shop, valid_until=town.day(2)).field == "valid_until"


def test_a_paper_speaks_only_of_goods_one_had(town: Town) -> None:
    farm, shop, stranger = town.organisation(K.FARM), town.organisation(), town.organisation()
    made = town.lot(farm, town.product(farm))
    hidden = refused(town, NotFound, stranger, lots=[made])
    absent = refused(town, NotFound, stranger, lots=[f"{made}x"])
    assert (hidden.message, hidden.field) == (absent.message, "lots.0")
    town.send(farm, shop, Some(made, Decimal(5)))
    town.paper(shop, Papers.TEST_REPORT, made)  # what is on its way here concerns us already


# ---- seen ----------------------------------------------------------------------------------------------------------


def test_a_certificate_goes_where_the_goods_go_and_nowhere_else(town: Town) -> None:
    farm, shop, stranger = town.organisation(K.FARM), town.organisation(), town.organisation()
    made = town.lot(farm, town.product(farm))
    paper = issue(town, farm, made)["id"]
    for actor in (shop, stranger):
        with pytest.raises(NotFound) as hidden:
            read(town, actor, paper)
        with pytest.raises(NotFound) as absent:
            read(town, actor, "0" * 26)
        assert hidden.value.message == absent.value.message
    town.send(farm, shop, Some(made, Decimal(5)))
    assert read(town, shop, paper)["lots"] == [made]
    with pytest.raises(NotFound):
        read(town, stranger, paper)
    assert [card["id"] for card in town.do(list_certificates, actor=farm)] == [paper]
    assert town.do(list_certificates, actor=shop) == []


def test_an_inspectors_look_at_a_certificate_is_written_down(town: Town) -> None:
    farm = town.organisation(K.FARM)
    paper = issue(town, farm, town.lot(farm, town.product(farm)))["id"]
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    elsewhere = town.organisation(K.REGULATOR, region="640100", role=Role.INSPECTOR)
    read(town, city, paper)
    read(town, farm, paper)
    with pytest.raises(NotFound):
        read(town, elsewhere, paper)
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert [(entry["what"], entry["subject"]) for entry in log] == [("certificate", paper)]


# ---- photos of papers ----------------------------------------------------------------------------------------------


def test_a_paper_names_only_an_upload_of_ones_own(town: Town, objects: FolderObjects) -> None:
    shop, other = town.organisation(), town.organisation()
    kept = keep(town, other, objects, A_PDF)
    hidden = refused(town, NotFound, shop, sha256=kept["sha256"])
    absent = refused(town, NotFound, shop, sha256="0" * 64)
    assert hidden.message == absent.message


def test_the_photo_of_a_paper_goes_where_the_paper_goes(town: Town, objects: FolderObjects) -> None:
    farm, shop, stranger = town.organisation(K.FARM), town.organisation(), town.organisation()
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    made = town.lot(farm, town.product(farm))
    sha256 = keep(town, farm, objects, A_PDF)["sha256"]

    def fetch(actor: Actor) -> tuple[bytes, str]:
        return town.do(get_object, actor=actor, objects=objects, sha256=sha256, now=NOW)  # type: ignore[no-any-return]

    assert fetch(farm) == (A_PDF, PDF)
    with pytest.raises(NotFound):
        fetch(city)  # an upload alone is nobody else's, until a paper names it
    town.paper(farm, Papers.TEST_REPORT, made, sha256=sha256)
    for actor in (shop, stranger):
        with pytest.raises(NotFound):
            fetch(actor)
    town.send(farm, shop, Some(made, Decimal(5)))
    assert fetch(shop) == fetch(city) == (A_PDF, PDF)
    with pytest.raises(NotFound):
        fetch(stranger)
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert [(entry["what"], entry["subject"]) for entry in log] == [("object", sha256)]


def test_a_photo_of_a_paper_is_cleaned_and_a_pdf_is_kept_as_it_is(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation()
    exif = Image.Exif()
    exif[271] = "camera"
    photo = file_of(Image.new("L", (400, 300), 200), exif=exif)
    kept = keep(town, shop, objects, photo)
    data, media_type = town.do(get_object, actor=shop, objects=objects, sha256=kept["sha256"], now=NOW)
    assert media_type == kept["media_type"] == "image/jpeg"
    with Image.open(BytesIO(data)) as picture:
        assert not picture.getexif()
    assert keep(town, shop, objects, A_PDF) == {"sha256": hashlib.sha256(A_PDF).hexdigest(), "media_type": PDF}


def test_a_pdf_is_bounded_like_a_photo_and_anything_else_is_refused(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation()
    with pytest.raises(TooLarge) as found:
        keep(town, shop, objects, A_PDF + bytes(20 * 1024 * 1024))
    assert found.value.field == "file"
    with pytest.raises((Unsupported, Invalid)):
        keep(town, shop, objects, b"MZ not a paper")
    assert not objects.root.exists() or not [path for path in objects.root.rglob("*") if path.is_file()]


def test_receiving_links_a_paper_filed_beforehand_to_its_lot(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm))
    town.send(farm, shop, Some(made, Decimal(5)))
    paper = town.paper(shop, Papers.COMMITMENT)
    town.arrive(farm, shop, Line(code=made, amount=Decimal(5), certificates=(paper,)))
    assert read(town, shop, paper)["lots"] == [made]


def test_a_delivery_note_is_read_by_who_was_sent_the_goods_not_by_who_says_so(town: Town) -> None:
    farm, buyer, stranger = town.organisation(OrganisationKind.FARM), town.organisation(), town.organisation()
    made = town.grown(farm)
    note = town.paper(farm, CertificateKind.DELIVERY_NOTE, made)
    town.send(farm, buyer, Some(made, Decimal(10)))
    town.arrive(farm, buyer, Line(code=made, amount=Decimal(10), reason="快检合格"))
    town.arrive(farm, stranger, Line(code=made, amount=Decimal(1), reason="自称来自该农场"))
    assert town.do(get_certificate, actor=buyer, public_id=note, now=NOW)["id"] == note
    town.refuses(NotFound, get_certificate, actor=stranger, public_id=note, now=NOW)
