"""Files that are no photos, too many or too large are refused with a sentence, on the API and on the pages."""

from io import BytesIO

import pytest
from PIL import Image

from scanners import workers
from tests.scanners import hostile
from tests.scanners.drawing import corner_marked, file_of, png_of_size
from tests.web.conftest import Demo
from tests.web.hostile import bad_page, complaint, send


def gif() -> bytes:
    return file_of(Image.new("P", (50, 50)), "GIF")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
# name: (bytes, statuses)
FILES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "nothing": (b"", (422,)),
    "no image": (b"this is a text", (415,)),
    "a truncated JPEG": (file_of(corner_marked())[:400], (415, 422)),
    "the start of a JPEG": (b"\xff\xd8\xff", (415, 422)),
    "a truncated PNG": (png_of_size(100, 100)[:60], (415, 422)),
    "20 000 x 20 000 pixels": (png_of_size(20_000, 20_000), (413,)),
    "a header that lies": (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00\x00\x00\x00\x00",
        (413, 415, 422),
    ),
    "a GIF that is cut": (gif()[:20], (422,)),
    "an SVG": (SVG, (415,)),
    "a TIFF in a circle": (hostile.tiff_of(hostile.tiff_page(), hostile.tiff_page(), after=8), (422,)),
    "a TIFF of 3 000 pages": (hostile.tiff_of(*[hostile.tiff_page()] * 3_000), (413,)),
    "a TIFF packed oddly": (hostile.tiff_of(hostile.tiff_page(packing=50_000)), (415,)),
    "a HEIC that lies about its size": (hostile.heic_that_lies(30_000, 30_000), (413,)),
    "a JPEG of a thousand passes": (hostile.jpeg_of_scans(1_000), (413,)),
    "a ZIP": (b"PK\x03\x04" + bytes(100), (415,)),
    "a BMP": (file_of(corner_marked(), "BMP"), (415,)),
    "an EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", (415,)),
    "a HEIC that is none": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200), (415, 422)),
    "a WebP that is none": (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(50), (415, 422)),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_photo_is_refused_on_both_faces(standing: Demo, what: str) -> None:
    data, statuses = FILES[what]
    before = standing.counts()
    for path, name in (("/scans", "photo"), ("/objects", "file")):
        answer = standing.call("POST", path, data={name: (BytesIO(data), "photo.jpg")})
        assert complaint(answer, *statuses) is None, path
        assert answer.json["field"] == ("photo" if path == "/scans" or what else "file")
    for path in ("/station/scan", "/inspector/scan", "/scan"):
        page = standing.client.post(path, data={"photo": (BytesIO(data), "p.jpg")}, headers=standing.headers("clerk"))
        assert bad_page(page, *statuses) is None, path
    assert standing.counts() == before


@pytest.mark.parametrize(
    ("pdf", "status"),
    [
        (b"%PDF-1.4\n" + file_of(corner_marked()), 422),
        (hostile.locked_pdf(), 422),
        (hostile.pdf_of_pages(0), 422),
        (hostile.pdf_of_pages(21), 413),
        (hostile.pdf_with_picture(30_000, 30_000), 413),
    ],
    ids=["a photo behind its first line", "locked", "empty", "long", "a large picture"],
)
def test_a_scan_that_cannot_be_read_is_refused_on_both_faces(standing: Demo, pdf: bytes, status: int) -> None:
    before = standing.counts()
    assert complaint(standing.call("POST", "/scans", data={"photo": (BytesIO(pdf), "p.jpg")}), status) is None
    page = standing.client.post(
        "/station/scan", data={"photo": (BytesIO(pdf), "p.pdf")}, headers=standing.headers("clerk")
    )
    assert bad_page(page, status) is None
    assert standing.counts() == before


def test_of_a_gif_that_is_also_a_script_only_the_picture_is_kept(demo: Demo) -> None:
    both = b"GIF89a/*" + gif()[8:] + b"*/=1;alert(1)"
    kept = demo.call("POST", "/objects", data={"file": (BytesIO(both), "x.js")})
    assert kept.status_code == 201
    shown = demo.get(f"/objects/{kept.json['sha256']}")
    assert (shown.mimetype, shown.data[:2]) == ("image/jpeg", b"\xff\xd8")
    assert b"alert" not in shown.data


def test_no_page_of_a_paper_is_lost(demo: Demo) -> None:
    pages = [corner_marked(), corner_marked(200, 300)]
    kept = demo.call("POST", "/objects", data={"file": (BytesIO(file_of(pages[0], "TIFF", save_all=True,
                     append_images=pages[1:])), "x.tif")})  # fmt: skip
    assert (kept.status_code, kept.json["media_type"]) == (201, "application/pdf")
    shown = demo.get(f"/objects/{kept.json['sha256']}")
    assert shown.data.count(b"/Type/Page/") == 2
    assert shown.headers["Content-Disposition"].startswith("attachment")


def test_of_a_picture_that_is_also_a_page_only_the_picture_is_kept(demo: Demo) -> None:
    both = file_of(corner_marked(), comment=b"<script>alert(1)</script>") + b"<script>alert(2)</script>%PDF-1.4"
    kept = demo.call("POST", "/objects", data={"file": (BytesIO(both), "x.html")})
    assert kept.status_code == 201
    shown = demo.get(f"/objects/{kept.json['sha256']}")
    assert (shown.mimetype, shown.headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert b"script" not in shown.data
    assert b"%PDF" not in shown.data


@pytest.mark.parametrize("count", [0, 11])
def test_one_to_ten_photos_are_taken(standing: Demo, count: int) -> None:
    before = standing.counts()
    photos = [(BytesIO(file_of(corner_marked())), f"{n}.jpg") for n in range(count)]
    answer = standing.call("POST", "/scans", data={"photo": photos, "x": "y"})
    assert complaint(answer, 422) is None
    assert answer.json["field"] == "photo"
    page = standing.client.post(
        "/inspector/scan",
        data={"photo": [(BytesIO(file_of(corner_marked())), f"{n}.jpg") for n in range(count)], "x": "y"},
        headers=standing.headers("clerk"),
    )
    assert bad_page(page, 422) is None
    assert standing.counts() == before


def test_of_several_photos_all_are_kept_or_none(standing: Demo) -> None:
    before = standing.counts()
    photos = [(BytesIO(file_of(corner_marked())), "a.jpg"), (BytesIO(b"no photo"), "b.jpg")]
    assert complaint(standing.call("POST", "/scans", data={"photo": photos}), 415) is None
    assert standing.counts() == before


def test_one_photo_too_many_at_once_is_told_when_to_come_again_on_both_faces(standing: Demo) -> None:
    photo, places = file_of(corner_marked()), workers.CORES + workers.WAITING
    before = standing.counts()
    for _ in range(places):
        assert workers._places.acquire(blocking=False)
    try:
        answer = standing.call("POST", "/scans", data={"photo": (BytesIO(photo), "p.jpg")})
        page = standing.client.post(
            "/scan", data={"photo": (BytesIO(photo), "p.jpg")}, headers=standing.headers("clerk")
        )
    finally:
        workers._places.release(places)
    assert complaint(answer, 503) is None
    assert bad_page(page, 503) is None
    assert answer.headers["Retry-After"] == page.headers["Retry-After"] == "3"
    assert standing.counts() == before


def test_a_photo_sent_as_text_json_or_in_another_field_is_asked_for(standing: Demo) -> None:
    before = standing.counts()
    for path, field in (("/scans", "photo"), ("/objects", "file")):
        for more in (
            {"data": {field: "text"}},
            {"json": {field: "x"}},
            {"data": {"picture": (BytesIO(b"x"), "a.jpg")}},
            {"data": b"x"},
        ):
            answer = standing.call("POST", path, **more)
            assert complaint(answer, 415, 422) is None
            assert answer.json["field"] == field
    assert standing.counts() == before


def test_21_megabytes_are_refused_with_a_sentence(standing: Demo) -> None:
    before = standing.counts()
    big = b"x" * (21 * 1024 * 1024)
    asked = [
        standing.call("POST", "/scans", data={"photo": (BytesIO(big), "a.jpg")}),
        standing.call("POST", "/objects", data={"file": (BytesIO(b"%PDF-" + big), "a.pdf")}),
        send(standing, "/receipts", "clerk", b'"' + big + b'"'),
    ]
    for answer in asked:
        assert complaint(answer, 413) is None
        assert "20" in answer.json["detail"]
    for path in ("/station/scan", "/inspector/scan", "/scan", "/station/receive"):
        page = standing.client.post(path, data={"photo": (BytesIO(big), "a.jpg")}, headers=standing.headers("clerk"))
        assert bad_page(page, 413) is None
    assert standing.counts() == before


def test_10_001_form_fields_are_refused(standing: Demo) -> None:
    before = standing.counts()
    boundary = "x"
    parts = (
        b"".join(b'--x\r\nContent-Disposition: form-data; name="photo"\r\n\r\n1\r\n' for _ in range(10_001))
        + b"--x--\r\n"
    )
    media_type = f"multipart/form-data; boundary={boundary}"
    assert complaint(send(standing, "/scans", "clerk", parts, media_type), 413) is None
    for path in ("/station/scan", "/station/receive", "/station/stock"):
        page = standing.client.post(path, data=parts, content_type=media_type, headers=standing.headers("clerk"))
        assert bad_page(page, 413) is None, path
    urlencoded = b"&".join(b"lines-1-product=1" for _ in range(400_000))
    page = standing.client.post(
        "/station/receive",
        data=urlencoded,
        content_type="application/x-www-form-urlencoded",
        headers=standing.headers("clerk"),
    )
    assert bad_page(page, 413) is None
    assert standing.counts() == before


@pytest.mark.parametrize(
    "media_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 500],
)
def test_a_form_without_its_boundary_holds_nothing(standing: Demo, media_type: str) -> None:
    for body in (
        b"",
        b"--x\r\n",
        b"\x00" * 100,
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="\r\n\r\n',
    ):
        assert complaint(send(standing, "/scans", "clerk", body, media_type), 400, 413, 422) is None
        page = standing.client.post(
            "/station/scan", data=body, content_type=media_type, headers=standing.headers("clerk")
        )
        assert bad_page(page, 400, 413, 422) is None
