"""Photos in, codes out: what is kept of a photo, how often, and who may see it."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import ExifTags, Image
from sqlalchemy import func, select, update

from storage.objects import FolderObjects
from storage.tables import object_owner, scan, stored_object
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.town import NOW, Town
from trace.domain.failures import Invalid, NotFound, TooLarge, Unsupported
from trace.domain.permissions import Actor
from trace.services.scans import find_scan, get_object, get_scan, scan_photos

EAN = "6901234567892"


def photo_with_place(text: str = EAN, kind: str = "EAN13") -> bytes:
    """A photo of a code that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (37.0, 31.0, 0.0)})
    return file_of(on_paper(symbol(text, kind)), exif=exif)


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    """A folder of objects."""
    return FolderObjects(tmp_path / "objects")


def take(town: Town, actor: Actor, objects: FolderObjects, data: bytes) -> dict[str, Any]:
    """Scan a photo in a transaction of its own."""
    with town.store.writing() as session:
        return scan_photos(session, actor=actor, objects=objects, photos=[BytesIO(data)], seconds=5, now=NOW)[0]


def rows(town: Town, table: Any) -> int:
    with town.store.reading() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def files(objects: FolderObjects) -> list[Path]:
    return [path for path in objects.root.rglob("*") if path.is_file()]


def test_a_scan_tells_every_code_and_what_it_is(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation()
    answer = take(town, shop, objects, photo_with_place("83857930000879766660", "Code128"))
    (reading,) = answer["readings"]
    assert (reading["text"], reading["symbology"]) == ("83857930000879766660", "Code128")
    assert reading["code"]["kind"] == "drug_trace_code"
    assert (answer["width"], answer["height"], answer["media_type"]) == (1000, 700, "image/jpeg")


def test_a_scanned_upc_e_is_told_as_printed_and_known_by_its_gtin(town: Town, objects: FolderObjects) -> None:
    (reading,) = take(town, town.organisation(), objects, photo_with_place("01234565", "UPCE"))["readings"]
    assert (reading["text"], reading["symbology"]) == ("01234565", "UPC-E")
    assert (reading["code"]["text"], reading["code"]["gtin"]) == ("01234565", "00012345000065")
    assert reading["code"]["warnings"] == []


def test_a_known_product_is_recognised_in_the_photo(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation()
    product = town.product(shop, code=EAN)
    (reading,) = take(town, shop, objects, photo_with_place())["readings"]
    assert reading["code"]["product"]["id"] == product


def test_only_the_cleaned_picture_is_kept(town: Town, objects: FolderObjects) -> None:
    shop, upload = town.organisation(), photo_with_place()
    answer = take(town, shop, objects, upload)
    (kept,) = files(objects)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == answer["sha256"]
    assert answer["sha256"] != hashlib.sha256(upload).hexdigest()
    with Image.open(BytesIO(kept.read_bytes())) as picture:
        assert not picture.getexif()
    with town.store.reading() as session:
        assert find_scan(session, shop, answer["id"]).upload_sha256 == hashlib.sha256(upload).hexdigest()


def test_the_same_photo_twice_is_two_scans_of_one_object(town: Town, objects: FolderObjects) -> None:
    shop, upload = town.organisation(), photo_with_place()
    first, second = take(town, shop, objects, upload), take(town, shop, objects, upload)
    assert first["id"] != second["id"]
    assert first["sha256"] == second["sha256"]
    assert [reading["text"] for reading in first["readings"]] == [reading["text"] for reading in second["readings"]]
    assert (rows(town, scan), rows(town, stored_object), rows(town, object_owner)) == (2, 1, 1)
    assert len(files(objects)) == 1


def test_the_picture_comes_back_as_it_was_kept(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation()
    sha256 = take(town, shop, objects, photo_with_place())["sha256"]
    with town.store.reading() as session:
        data, media_type = get_object(session, actor=shop, objects=objects, sha256=sha256, now=NOW)
    assert (hashlib.sha256(data).hexdigest(), media_type) == (sha256, "image/jpeg")


def test_another_organisation_finds_neither_scan_nor_picture(town: Town, objects: FolderObjects) -> None:
    shop, stranger = town.organisation(), town.organisation()
    answer = take(town, shop, objects, photo_with_place())
    with town.store.reading() as session:
        with pytest.raises(NotFound) as hidden:
            find_scan(session, stranger, answer["id"])
        with pytest.raises(NotFound) as absent:
            find_scan(session, stranger, "0" * 26)
        with pytest.raises(NotFound):
            get_object(session, actor=stranger, objects=objects, sha256=answer["sha256"], now=NOW)
    assert hidden.value.message == absent.value.message  # one cannot tell what is there


def test_two_organisations_with_the_same_photo_each_see_their_own(town: Town, objects: FolderObjects) -> None:
    shops, upload = [town.organisation(), town.organisation()], photo_with_place()
    answers = [take(town, shop, objects, upload) for shop in shops]
    assert (rows(town, stored_object), rows(town, object_owner)) == (1, 2)
    with town.store.reading() as session:
        for shop, answer in zip(shops, answers, strict=True):
            assert find_scan(session, shop, answer["id"]).organisation == shop.organisation
            assert get_object(session, actor=shop, objects=objects, sha256=answer["sha256"], now=NOW)[0]


@pytest.mark.parametrize("data", [b"", b"not a photo", photo_with_place()[:2000]], ids=["empty", "text", "cut short"])
def test_of_what_is_no_photo_nothing_is_kept(town: Town, objects: FolderObjects, data: bytes) -> None:
    with pytest.raises((Invalid, Unsupported)):
        take(town, town.organisation(), objects, data)
    assert (rows(town, scan), rows(town, stored_object)) == (0, 0)
    assert not objects.root.exists() or not files(objects)


def test_a_photo_without_a_code_is_kept_and_says_so(town: Town, objects: FolderObjects) -> None:
    answer = take(town, town.organisation(), objects, file_of(Image.new("L", (400, 300), 200)))
    assert answer["readings"] == []
    assert len(files(objects)) == 1


@pytest.mark.parametrize("size", [(1, 30_000), (30_000, 12)])
def test_a_strip_is_kept_and_answered_as_a_photo_without_a_code(
    town: Town, objects: FolderObjects, size: tuple[int, int]
) -> None:
    answer = take(town, town.organisation(), objects, file_of(Image.new("L", size, 200), "PNG"))
    assert answer["readings"] == [] and answer["advice"]


def test_each_page_of_a_file_is_a_scan_of_its_own(town: Town, objects: FolderObjects) -> None:
    pages = [on_paper(symbol(text, "EAN13"), size=(500, 300)) for text in (EAN, "6901028075763")]
    upload = file_of(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    with town.store.writing() as session:
        answer = scan_photos(
            session, actor=town.organisation(), objects=objects, photos=[BytesIO(upload)], seconds=5, now=NOW
        )
    assert [(one["page"], one["pages"]) for one in answer] == [(1, 2), (2, 2)]
    assert [[reading["text"] for reading in one["readings"]] for one in answer] == [[EAN], ["6901028075763"]]


def test_more_pages_than_a_request_may_have_are_refused_and_none_is_kept(town: Town, objects: FolderObjects) -> None:
    blank = [Image.new("L", (60, 60), 255)] * 14
    upload = file_of(blank[0], "TIFF", save_all=True, append_images=blank[1:])
    with pytest.raises(TooLarge), town.store.writing() as session:
        scan_photos(
            session, actor=town.organisation(), objects=objects, photos=[BytesIO(upload)] * 3, seconds=0, now=NOW
        )
    assert rows(town, scan) == 0
    assert not objects.root.exists() or not files(objects)


def test_a_scan_kept_before_there_were_numbers_and_doubts_is_shown_as_it_was(
    town: Town, objects: FolderObjects
) -> None:
    shop = town.organisation()
    public_id = take(town, shop, objects, photo_with_place())["id"]
    with town.store.writing() as session:
        (old,) = find_scan(session, shop, public_id).readings
        del old["number"], old["evidence"]
    town.by_hand(update(scan).values(readings=[old], quality=None))
    with town.store.reading() as session:
        shown = get_scan(session, actor=shop, public_id=public_id)
    assert [(one["number"], one["text"], one["evidence"]) for one in shown["readings"]] == [(1, EAN, "pixels")]
    assert [box["numbers"] for box in shown["boxes"]] == [[1]]


def test_no_photo_is_read_or_stored_while_the_writer_waits(town: Town, tmp_path: Path) -> None:
    """On SQLite there is one writer: ten photos read inside its transaction would stop every other shop for seconds."""
    shop, began = town.organisation(), []

    class Watching(FolderObjects):
        def put_file(self, file: BinaryIO) -> str:
            began.append(session.in_transaction())
            return super().put_file(file)

    photos = [BytesIO(photo_with_place()), BytesIO(photo_with_place("83857930000879766660", "Code128"))]
    with town.store.writing() as session:
        scan_photos(session, actor=shop, objects=Watching(tmp_path), photos=photos, seconds=5, now=NOW)
    assert began == [False, False]
    assert rows(town, scan) == 2
