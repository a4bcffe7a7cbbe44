"""Uploaded bytes: what is accepted, what is refused with which sentence, and what is left of the file."""

from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from scanners import PhotoReading, as_one_pdf, intake, pixels
from scanners.intake import check_header, open_picture
from scanners.workers import read_here
from tests.scanners import hostile
from tests.scanners.drawing import corner_marked, file_of, on_paper, png_of_size, symbol
from trace.domain.failures import Failure, Invalid, TooLarge, Unsupported

ORIENTATION = ExifTags.Base.Orientation
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF exif:GPSLatitude="37,31.0N"/></x:xmpmeta>'


def exif_with(orientation: int = 1) -> Image.Exif:
    """Camera data as a phone writes it: which way up, who made it, and where it was taken."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[ExifTags.Base.Make] = "Sunshine Phones"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (37.0, 31.0, 0.0), 3: "E", 4: (105.0, 11.0, 0.0)})
    return exif


def quarter_that_is_dark(pixels: np.ndarray) -> str:
    """Which corner of a corner-marked picture is black."""
    corners = {"top left": (5, 5), "top right": (5, -6), "bottom left": (-6, 5), "bottom right": (-6, -6)}
    return min(corners, key=lambda name: int(pixels[corners[name]]))


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("HEIF", "image/heic")],
)
def test_a_photo_of_each_promised_kind_is_opened(kind: str, media_type: str) -> None:
    picture = open_picture(file_of(corner_marked(), kind))
    assert (picture.media_type, picture.width, picture.height) == (media_type, 300, 200)
    assert quarter_that_is_dark(picture.grey) == "top left"


@pytest.mark.parametrize(
    ("orientation", "dark"),
    [(1, "top left"), (2, "top right"), (3, "bottom right"), (4, "bottom left"),
     (5, "top left"), (6, "top right"), (7, "bottom right"), (8, "bottom left")],
)  # fmt: skip
def test_the_rotation_a_camera_notes_is_honoured(orientation: int, dark: str) -> None:
    picture = open_picture(file_of(corner_marked(), exif=exif_with(orientation)))
    assert (picture.width, picture.height) == ((200, 300) if orientation >= 5 else (300, 200))
    assert quarter_that_is_dark(picture.grey) == dark


def test_the_kept_picture_stands_as_the_engines_see_it() -> None:
    picture = open_picture(file_of(corner_marked(), exif=exif_with(6)))
    with Image.open(BytesIO(picture.clean)) as kept:
        assert kept.size == (200, 300)
        assert quarter_that_is_dark(np.asarray(kept.convert("L"))) == "top right"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_what_a_camera_wrote_beside_the_pixels_is_not_kept(kind: str) -> None:
    upload = file_of(corner_marked(), kind, exif=exif_with().tobytes(), xmp=XMP)
    with Image.open(BytesIO(upload)) as sent:  # the upload does carry what must go
        assert sent.getexif().get_ifd(ExifTags.IFD.GPSInfo)[2] == (37.0, 31.0, 0.0)
    clean = open_picture(upload).clean
    with Image.open(BytesIO(clean)) as kept:
        assert not kept.getexif()
        assert set(kept.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for word in (b"GPS", b"Exif", b"Sunshine Phones", b"xmpmeta", b"37,31"):
        assert word not in clean


def test_comments_and_colour_profiles_are_not_kept() -> None:
    upload = file_of(corner_marked(), comment=b"taken at Lin's house", icc_profile=b"profile of Lin's phone")
    assert b"Lin's" in upload
    assert b"Lin's" not in open_picture(upload).clean


def test_bytes_behind_the_picture_are_not_kept() -> None:
    assert b"37.51N" not in open_picture(file_of(corner_marked()) + b"place: 37.51N").clean


def test_transparent_paper_is_white() -> None:
    picture = open_picture(file_of(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG"))
    assert picture.grey.min() == 255


def test_sixteen_bits_a_pixel_are_scaled_to_eight() -> None:
    steps = np.linspace(0, 65_535, 300, dtype=np.uint16).reshape(1, 300).repeat(20, 0)
    picture = open_picture(file_of(Image.fromarray(steps), "PNG"))
    assert (int(picture.grey[10, 0]), int(picture.grey[10, 299])) == (0, 255)


def test_an_empty_file_is_told_as_empty() -> None:
    with pytest.raises(Invalid, match="The file is empty") as refused:
        check_header(b"")
    assert refused.value.field == "photo"


def test_one_byte_over_the_limit_is_too_large() -> None:
    small = file_of(corner_marked())
    assert check_header(small + b"\0" * (intake.MAX_BYTES - len(small))) == "image/jpeg"
    with pytest.raises(TooLarge, match="at most 20 MB are read"):
        check_header(small + b"\0" * (intake.MAX_BYTES - len(small) + 1))


def test_a_small_file_of_20_000_by_20_000_pixels_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = png_of_size(20_000, 20_000)
    assert len(bomb) < 100_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("a pixel was decoded"))
    with pytest.raises(TooLarge, match="20000 x 20000 pixels; at most 40 million are read"):
        open_picture(bomb)


def test_the_largest_picture_is_read_and_one_row_more_is_not() -> None:
    assert check_header(png_of_size(8_000, 5_000)) == "image/png"
    with pytest.raises(TooLarge):
        check_header(png_of_size(8_000, 5_001))


def test_a_header_that_lies_about_its_size_ends_in_a_sentence() -> None:
    small, large = png_of_size(10, 10), png_of_size(5_000, 5_000)
    with pytest.raises(Invalid, match="damaged or cut short"):
        open_picture(large[:33] + small[33:])  # 25 million pixels promised, ten rows delivered


def test_a_file_of_more_frames_than_a_photo_has_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Image.new("L", (16, 16), 40 * number) for number in range(6)]
    film = file_of(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    monkeypatch.setattr(intake, "MAX_FRAMES", 5)
    with pytest.raises(TooLarge, match="The file has 6 frames"):
        check_header(film)


def test_of_a_moving_picture_the_first_frame_is_looked_at() -> None:
    film = file_of(corner_marked(), "WEBP", save_all=True, append_images=[Image.new("RGB", (300, 200), "black")])
    assert quarter_that_is_dark(open_picture(film).grey) == "top left"
    assert open_picture(film).grey[150, 200] > 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_truncated_photo_is_told_as_cut_short(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    whole = file_of(Image.fromarray(noise), kind)
    with pytest.raises((Invalid, Unsupported)) as refused:
        open_picture(whole[: len(whole) // 2])
    assert refused.value.field == "photo"
    assert "Take it again" in str(refused.value) or "Send a photo as" in str(refused.value)


@pytest.mark.parametrize("kind", ["BMP", "PPM", "ICO", "JPEG2000", "AVIF", "TGA"])
def test_pictures_of_other_kinds_are_refused_by_name_of_the_wanted_ones(kind: str) -> None:
    with pytest.raises(Unsupported, match="JPEG, PNG, WebP or HEIC"):
        check_header(file_of(corner_marked(), kind))


@pytest.mark.parametrize(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><p>a page",
        "这不是照片".encode(),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"\0" * 4096,
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x04\0\0\0WEBP",
        b"\0\0\0\x18ftypheic",
        b"GIF89a",
        b"II*\0\x08\0\0\0",
        b"%PDF-1.7\n%%EOF",
    ],
    ids=[
        "svg",
        "html",
        "text",
        "eps",
        "zeros",
        "jpeg start",
        "png start",
        "webp start",
        "heic start",
        "gif start",
        "tiff start",
        "pdf start",
    ],
)
def test_what_is_no_photo_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises((Unsupported, Invalid)) as refused:
        open_picture(data)
    assert refused.value.field == "photo"
    assert str(refused.value).endswith((".", "。"))


# ---- every kind and mode that phones, messengers and scanners write ------------------------------------------------

EAN = "6901234567892"
SHEET = on_paper(symbol(EAN, "EAN13", scale=2), size=(320, 240))


def read(data: bytes) -> list[PhotoReading]:
    """The pages of a file, read in this process."""
    outcome = read_here(data, 1.0)
    if isinstance(outcome, Failure):
        raise outcome
    return list(outcome)


def deep(mode: str) -> Image.Image:
    """The sheet with more than eight bits a pixel."""
    values = np.asarray(SHEET)
    return Image.fromarray({"I;16": values.astype(np.uint16) * 257, "I": values.astype(np.int32) * 257,
                            "I;16 of twelve bits": values.astype(np.uint16) * 16,
                            "F": values.astype(np.float32) / 255}[mode])  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "modes"),
    [
        ("JPEG", ("L", "RGB", "CMYK")),
        ("PNG", ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16 of twelve bits")),
        ("WEBP", ("L", "RGB", "RGBA")),
        ("HEIF", ("L", "LA", "RGB", "RGBA")),
        ("GIF", ("1", "L", "P", "RGBA")),
        ("TIFF", ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")),
        ("PDF", ("1", "L", "RGB", "CMYK")),
    ],
)
def test_a_code_is_read_in_every_kind_of_file_and_of_pixel(kind: str, modes: tuple[str, ...]) -> None:
    for mode in modes:
        image = deep(mode) if mode[0] in "IF" else SHEET.convert(mode)
        (page,) = read(file_of(image, kind, **({"resolution": 72} if kind == "PDF" else {})))
        assert [reading.text for reading in page.readings] == [EAN], mode
        assert page.media_type == intake.KINDS[kind]


@pytest.mark.parametrize(
    ("packing", "mode"),
    [("group3", "1"), ("group4", "1"), ("tiff_ccitt", "1"), ("tiff_lzw", "L"), ("tiff_adobe_deflate", "RGB"),
     ("packbits", "L"), ("jpeg", "RGB")],
)  # fmt: skip
def test_a_scan_is_read_however_scanners_pack_it(packing: str, mode: str) -> None:
    (page,) = read(file_of(SHEET.convert(mode), "TIFF", compression=packing))
    assert [reading.text for reading in page.readings] == [EAN]


def test_a_code_is_read_in_a_photo_with_a_second_view_and_on_inks_turned_round() -> None:
    both = file_of(SHEET.convert("RGB"), "MPO", save_all=True, append_images=[Image.new("RGB", (50, 50))])
    inks = file_of(SHEET.convert("CMYK"))
    assert b"Adobe" in inks
    for data in (both, inks):
        (page,) = read(data)
        assert [reading.text for reading in page.readings] == [EAN]


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_each_page_of_a_scan_is_read_with_its_number(kind: str) -> None:
    codes = [EAN, "4006381333931", "5449000000996"]
    sheets = [on_paper(symbol(code, "EAN13", scale=2), size=(320, 240)) for code in codes]
    pages = read(file_of(sheets[0], kind, save_all=True, append_images=sheets[1:], resolution=72))
    assert [[reading.text for reading in page.readings] for page in pages] == [[code] for code in codes]
    assert [(page.page, page.pages) for page in pages] == [(1, 3), (2, 3), (3, 3)]


def test_the_pages_of_a_scan_are_kept_as_one_paper() -> None:
    sheets = [SHEET.convert("RGB"), SHEET.convert("1")]
    pages = read(file_of(sheets[0], "TIFF", save_all=True, append_images=sheets[1:], artist="Lin"))
    paper = as_one_pdf(pages)
    assert paper == as_one_pdf(pages)
    assert b"Lin" not in paper
    again = read(paper)
    assert [[reading.text for reading in page.readings] for page in again] == [[EAN], [EAN]]


def test_bars_of_a_quarter_millimetre_are_read_off_a_scanned_page() -> None:
    # At 400 dots an inch the narrowest bar is four dots: 0.254 mm.
    page = on_paper(symbol("(01)06901234567892(10)A1", "Code128", scale=4), size=(1300, 700))
    (read_page,) = read(file_of(page.convert("1"), "PDF", resolution=400))
    assert len(read_page.readings) == 1
    assert read_page.width * read_page.height <= pixels.READ_PIXELS


@pytest.mark.parametrize("orientation", range(1, 9))
def test_corners_lie_where_the_code_is_in_the_upright_photo(orientation: int) -> None:
    turned = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # Pillow's numbers of the turns back
    lone = Image.new("L", (400, 260), 230)
    lone.paste(symbol("A1B2C3", "QRCode", scale=4), (40, 30))
    stored = lone if turned is None else lone.transpose(Image.Transpose(turned))
    (page,) = read(file_of(stored, exif=exif_with(orientation)))
    (wanted,) = read(file_of(lone))
    assert (page.width, page.height) == (400, 260)
    corners = np.array(page.readings[0].corners), np.array(wanted.readings[0].corners)
    assert np.abs(corners[0] - corners[1]).max() <= 3
    dark = np.argwhere(np.asarray(lone)[:, :200] < 60)[:, ::-1]
    assert np.abs(np.array([corners[0].min(0), corners[0].max(0)]) - [dark.min(0), dark.max(0)]).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_the_rotation_is_honoured_wherever_a_file_notes_it(kind: str) -> None:
    exif = exif_with(6)
    picture = open_picture(file_of(corner_marked(), kind, exif=exif if kind == "TIFF" else exif.tobytes()))
    assert (picture.width, picture.height) == (200, 300)
    assert quarter_that_is_dark(picture.grey) == "top right"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_picture_of_a_film_is_the_one(kind: str) -> None:
    picture = open_picture(hostile.film(kind))
    assert quarter_that_is_dark(picture.grey) == "top left"
    assert picture.grey[150, 200] > 200


def test_a_large_picture_is_read_and_kept_smaller_and_both_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = Image.new("RGB", (1200, 900), "white")
    lone.paste(symbol("A1B2C3", "QRCode", scale=12), (100, 60))
    (whole,) = read(file_of(lone, "PNG"))
    monkeypatch.setattr(pixels, "READ_PIXELS", 1200 * 900 // 3)
    monkeypatch.setattr(pixels, "BAND", 50_000)  # many bands, whose seams nobody sees
    for kind in ("PNG", "JPEG", "WEBP", "HEIF", "TIFF"):
        (small,) = read(file_of(lone, kind))
        assert small.width * small.height <= 1200 * 900 // 3
        with Image.open(BytesIO(small.clean)) as kept:
            assert kept.size == (small.width, small.height)
        corners = np.array(small.readings[0].corners) * (1200 / small.width)
        assert np.abs(corners - np.array(whole.readings[0].corners)).max() <= 4, kind


@pytest.mark.parametrize("size", [(1, 1), (9, 2000), (60_000, 20)])
def test_a_picture_too_narrow_for_a_code_has_none(size: tuple[int, int]) -> None:
    (page,) = read(file_of(Image.new("L", size, 200), "PNG"))
    assert (page.readings, page.doubtful) == ((), ())
