"""Photos in, codes out: each photo is read, cleaned of its metadata, kept, and every code in it is named."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from io import SEEK_END, BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from sqlalchemy import Row, exists, insert, select
from sqlalchemy.orm import Session

from scanners import PhotoReading, as_one_pdf, reading
from scanners.intake import MAX_BYTES
from scanners.outlines import Mark, draw_marks
from scanners.quality import measure
from schemas.requests import MANY_SCANS
from storage.events import insert_for
from storage.objects import CHUNK, ObjectStore
from storage.tables import disposal, object_owner, organisation, receipt_scan, scan, stored_object
from trace.domain.codes import Code
from trace.domain.failures import N_, NotFound, TooLarge
from trace.domain.permissions import Actor, region_prefix
from trace.domain.photo_advice import Taken, advise
from trace.metrics import count_photo
from trace.services.certificates import may_see_object
from trace.services.look_up_log import note_look_up
from trace.services.object_keeping import first_look
from trace.services.organisations import new_public_id
from trace.services.readings import REASONS, codes_of_boxes, describe_boxes, describe_photo, printed
from trace.services.supplier_list import is_of_a_file_in

PDF = "application/pdf"
_PDF_BEGINS = b"%PDF-"
LONGEST_QR = 4_000  # as a paper's field takes it; the largest QR code holds 2,953 bytes


def scan_photos(
    session: Session, *, actor: Actor, objects: ObjectStore, photos: Sequence[BinaryIO], seconds: float, now: datetime
) -> list[dict[str, Any]]:
    """Read photos and scans, all or none: of each page id, size, and every barcode with text, place, engine, meaning.

    Photos are seekable files. Raises what `scanners.read_file` raises for files that are no photo or too large, and
    `TooLarge` for more pages than `MANY_SCANS`. All are read, and lie in the object store, before the first is written
    down: the store's single writer waits for no picture. Until then they lie aside on the disk, not in memory.
    """
    with ExitStack() as aside:
        read: list[Page] = []
        for photo in photos:
            read += _pages(photo, seconds, aside)
            if len(read) > MANY_SCANS:
                text = N_("At most {most} pages are read at once. Send the files one after the other.")
                raise TooLarge(text, field="photo", most=MANY_SCANS)
        kept = [(objects.put_file(page.clean), page) for page in read]
    return [_keep_scan(session, actor, sha256, page, now) for sha256, page in kept]


@dataclass(frozen=True, slots=True)
class Page:
    """A photo or page that was read.

    The upload's SHA-256; what was read, whose `clean` is empty now; the clean picture as a file, its size in bytes, and
    what was measured of it.
    """

    upload_sha256: str
    read: PhotoReading
    clean: BinaryIO
    size: int
    quality: dict[str, float] | None


def _pages(photo: BinaryIO, seconds: float, aside: ExitStack) -> list[Page]:
    """The pages of a file, read, counted and put aside."""
    with reading(photo, seconds=seconds) as pages:
        _count(pages)
        photo.seek(0)
        upload_sha256 = hashlib.file_digest(photo, "sha256").hexdigest()  # type: ignore[arg-type]
        return [
            Page(
                upload_sha256,
                replace(page, clean=b""),
                aside.enter_context(put_aside(page.clean)),
                len(page.clean),
                _quality(page),
            )
            for page in pages
        ]


def put_aside(data: bytes) -> BinaryIO:
    """The bytes as a file without a name: what is large lies on the disk, and is gone when it is closed."""
    file = SpooledTemporaryFile(max_size=CHUNK)  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.seek(0)
    return cast(BinaryIO, file)


def _count(pages: Sequence[PhotoReading]) -> None:
    for page in pages:
        count_photo(page.milliseconds, Counter(one.engine for one in page.readings))


def _quality(page: PhotoReading) -> dict[str, float] | None:
    """What is measured of a picture in which too little was read, for advice on taking it again."""
    return None if page.readings and not page.doubtful else asdict(measure(page.clean))


def _keep_scan(session: Session, actor: Actor, sha256: str, page: Page, now: datetime) -> dict[str, Any]:
    """One photo that was read and lies in the object store: its id, size, and its barcodes.

    Only the cleaned picture is kept (no location, no camera data); of the upload itself the SHA-256.
    """
    photo = page.read
    _note_object(session, actor, sha256, photo.clean_media_type, page.size, now)
    readings, doubtful = describe_photo(session, actor=actor, photo=photo)
    values = {
        "public_id": new_public_id(),
        "organisation": actor.organisation,
        "object": sha256,
        "upload_sha256": page.upload_sha256,
        "page": photo.page,
        "pages": photo.pages,
        "readings": readings,
        "doubtful": doubtful,
        "quality": page.quality,
        "width": photo.width,
        "height": photo.height,
        "created_at": now,
    }
    row = session.execute(insert(scan).values(values).returning(scan)).one()
    return {**as_scan(row), "media_type": photo.media_type, "milliseconds": round(photo.milliseconds)}


def keep_object(
    session: Session, *, actor: Actor, objects: ObjectStore, data: bytes, media_type: str, now: datetime
) -> str:
    """Store bytes for the actor's organisation; their SHA-256. The object is durable before the record names it."""
    return _keep_file(session, actor, objects, BytesIO(data), media_type, now)


def _keep_file(
    session: Session, actor: Actor, objects: ObjectStore, file: BinaryIO, media_type: str, now: datetime
) -> str:
    size = file.seek(0, SEEK_END)
    sha256 = objects.put_file(file)
    _note_object(session, actor, sha256, media_type, size, now)
    return sha256


def _note_object(session: Session, actor: Actor, sha256: str, media_type: str, size: int, now: datetime) -> None:
    row = {"sha256": sha256, "media_type": media_type, "size": size, "stored_at": now}
    again = {"look_again_at": first_look(session, now=now), "missing_since": None}
    # Where the row is there it is written, and so locked: nobody forgets the object before a record names it
    # (`object_keeping.forget`).
    found = insert_for(session, stored_object).values(row | again)
    session.execute(found.on_conflict_do_update(index_elements=["sha256"], set_=again))
    owner = {"object": sha256, "organisation": actor.organisation}
    session.execute(insert_for(session, object_owner).values(owner).on_conflict_do_nothing())


def get_object(
    session: Session, *, actor: Actor, objects: ObjectStore, sha256: str, now: datetime
) -> tuple[bytes, str]:
    """(bytes, media type) of an object that the actor may see (`look_at_object`)."""
    media_type = look_at_object(session, actor=actor, sha256=sha256, now=now)
    return objects.get(sha256), media_type


def look_at_object(session: Session, *, actor: Actor, sha256: str, now: datetime) -> str:
    """The media type of an object that the actor's organisation uploaded, or that belongs to a paper it may see.

    The photo of a paper goes where the paper goes: to the receiver of the goods, to the inspector of the region (whose
    look is written down, R18); the photo of a delivery where its record goes. Raises `NotFound` for any other.
    """
    mine = exists().where(object_owner.c.object == sha256, object_owner.c.organisation == actor.organisation)
    query = select(stored_object.c.media_type, mine).where(stored_object.c.sha256 == sha256)
    row = session.execute(query).one_or_none()
    media_type, own = row if row is not None else (None, False)
    if media_type is None or not (
        own
        or may_see_object(session, actor, sha256)
        or _of_a_record_in(session, actor, sha256)
        or is_of_a_file_in(session, actor, sha256)
    ):
        raise NotFound(N_("There is no picture {sha256}."), sha256=sha256)
    if not own:
        note_look_up(session, actor=actor, what="object", subject=sha256, now=now)
    return str(media_type)


def _of_a_record_in(session: Session, actor: Actor, sha256: str) -> bool:
    """Whether a delivery or a destruction in an inspector's region was recorded with this photo."""
    if not actor.watches:
        return False
    received = (
        select(scan.c.id)
        .join(receipt_scan, receipt_scan.c.scan == scan.c.id)
        .join(organisation, organisation.c.id == scan.c.organisation)
        .where(scan.c.object == sha256)
    )
    destroyed = (
        select(disposal.c.id)
        .join(organisation, organisation.c.id == disposal.c.organisation)
        .where(disposal.c.object == sha256)
    )
    here = organisation.c.region.startswith(region_prefix(actor.region))
    return any(session.execute(query.where(here).limit(1)).one_or_none() for query in (received, destroyed))


def find_scan(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    """The organisation's own scan; raises `NotFound`."""
    query = select(scan).where(scan.c.public_id == public_id, scan.c.organisation == actor.organisation)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no scan {id}."), field="scan", id=public_id)
    return row


def get_scan(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """One of the organisation's own scans, as it was answered; raises `NotFound`."""
    return as_scan(find_scan(session, actor, public_id))


def as_scan(row: Row[Any]) -> dict[str, Any]:
    """A scan that was kept, as pages and records show it."""
    # Readings of the first version carry no number: they were kept in the order of their places, too.
    readings = [
        {"number": number, "evidence": "pixels", **reading, "printed": printed(reading)}
        for number, reading in enumerate(row.readings, start=1)
    ]
    measured = row.quality or {}
    too_little = not readings or bool(row.doubtful)
    return {
        "id": row.public_id,
        "sha256": row.object,
        "page": row.page,
        "pages": row.pages,
        "width": row.width,
        "height": row.height,
        "readings": readings,
        "doubtful": [
            {**one, "printed": printed(one), "reason": {"message": REASONS[one["doubt"]], "values": {}}}
            for one in row.doubtful
        ],
        "boxes": describe_boxes(readings),
        "advice": advise(Taken(row.width, row.height, **measured)) if too_little else [],
    }


def codes_in_scans(session: Session, *, actor: Actor, public_ids: Sequence[str]) -> list[Code]:
    """What the boxes in the organisation's own scans are, box by box; raises `NotFound`."""
    rows = [find_scan(session, actor, public_id) for public_id in dict.fromkeys(public_ids)]
    return [code for row in rows for _, code in codes_of_boxes(row.readings)]


def draw_scan(session: Session, *, actor: Actor, objects: ObjectStore, public_id: str) -> tuple[bytes, str]:
    """(JPEG, media type) of one of the organisation's own scans with every code outlined and numbered.

    Drawn when asked from what is kept. Raises `NotFound` for another's scan.
    """
    found = as_scan(find_scan(session, actor, public_id))
    marks = [
        Mark(one["number"], tuple((int(x), int(y)) for x, y in one["corners"]), doubtful="doubt" in one)
        for one in (*found["readings"], *found["doubtful"])
    ]
    return draw_marks(objects.get(found["sha256"]), marks), "image/jpeg"


@dataclass(frozen=True, slots=True)
class PaperPhoto:
    """The photo of a paper as it is kept, and the texts of the codes that were read on it.

    `file` is whoever's who read the paper to close. `qr` is the text of the one QR code among the codes, as it was
    read; "" where there is none, or several: which of them is the paper's is not known.
    """

    file: BinaryIO
    media_type: str
    texts: tuple[str, ...] = ()
    qr: str = ""


def read_paper(upload: BinaryIO, *, seconds: float) -> PaperPhoto:
    """The photo of a paper in a seekable file, cleaned of its metadata and read; a PDF is that file itself, unread.

    The cleaned pages of a file that has several (TIFF) become one PDF. Asks no store: reading takes seconds, and on
    SQLite there is one writer. Raises `TooLarge` beyond `scanners.MAX_BYTES`, and what `scanners.read_file` raises.
    """
    upload.seek(0)
    if upload.read(len(_PDF_BEGINS)) == _PDF_BEGINS:
        return _pdf(upload)
    with reading(upload, seconds=seconds) as pages:
        _count(pages)
        texts = tuple(dict.fromkeys(one.text for page in pages for one in page.readings if one.text))
        if len(pages) == 1:
            return PaperPhoto(put_aside(pages[0].clean), pages[0].clean_media_type, texts, _qr_of(pages))
        return PaperPhoto(put_aside(as_one_pdf(pages)), PDF, texts, _qr_of(pages))


def _pdf(upload: BinaryIO) -> PaperPhoto:
    size = upload.seek(0, SEEK_END)
    if size > MAX_BYTES:
        raise TooLarge(
            N_("The PDF has {came} MB; at most {limit} MB are kept. Send a smaller one, or a photo of the paper."),
            field="file",
            came=f"{size / 1024 / 1024:.1f}",
            limit=MAX_BYTES // 1024 // 1024,
        )
    return PaperPhoto(upload, PDF)


def _qr_of(pages: Sequence[PhotoReading]) -> str:
    texts = {one.text for page in pages for one in page.readings if one.symbology == "QR" and one.text}
    return text if len(texts) == 1 and len(text := texts.pop()) <= LONGEST_QR else ""


def keep_paper(session: Session, *, actor: Actor, objects: ObjectStore, photo: PaperPhoto, now: datetime) -> str:
    """Keep a paper that was read; its SHA-256."""
    return _keep_file(session, actor, objects, photo.file, photo.media_type, now)


def keep_photo(
    session: Session, *, actor: Actor, objects: ObjectStore, upload: BinaryIO, seconds: float, now: datetime
) -> dict[str, str]:
    """Read and keep the photo of a paper: {sha256, media_type}. Raises what `read_paper` raises."""
    photo = read_paper(upload, seconds=seconds)
    try:
        sha256 = keep_paper(session, actor=actor, objects=objects, photo=photo, now=now)
    finally:
        if photo.file is not upload:
            photo.file.close()
    return {"sha256": sha256, "media_type": photo.media_type}
