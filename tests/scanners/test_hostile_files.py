"""Files that want to hurt: each is refused with its sentence, from its header, or costs no more than a photo."""

import pytest

from scanners import intake, pdf, pixels, tiff
from scanners.headers import read_header
from scanners.intake import check_header, open_picture
from tests.scanners import hostile
from tests.scanners.drawing import corner_marked, file_of
from trace.domain.failures import Invalid, TooLarge, Unsupported


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (hostile.jpeg_of_size(65_500, 65_500), "65500 x 65500 pixels; at most 40 million"),
        (hostile.jpeg_of_size(7_000, 5_000, progressive=True, subsampling=0), "would take more memory"),
        (hostile.jpeg_of_scans(200), "more than 64 passes"),
        (hostile.gif_of_frame(65_535, 65_535), "65535 x 65535 pixels"),
        (hostile.heic_that_lies(30_000, 30_000), "30000 x 30000 pixels"),
        (hostile.tiff_of(hostile.tiff_page(30_000, 30_000)), "30000 x 30000 pixels"),
        (hostile.tiff_of(hostile.tiff_page(6_300, 6_300, t277=4)), "would take more memory"),
        (hostile.tiff_of(*[hostile.tiff_page()] * 3_000), "more than 20 pages"),
        (hostile.pdf_of_pages(21), "more than 20 pages"),
        (hostile.pdf_with_picture(30_000, 30_000), "on page 1 of the PDF has 30000 x 30000 pixels"),
        (hostile.pdf_page(b"0 0 1 1 re f " * 31_000), "more than 30000 parts"),
    ],
    ids=["jpeg size", "jpeg passes held", "jpeg passes", "gif size", "heic ispe", "tiff size", "tiff strip",
         "tiff pages", "pdf pages", "pdf picture", "pdf parts"],
)  # fmt: skip
def test_what_would_take_too_much_is_too_large(data: bytes, said: str) -> None:
    with pytest.raises(TooLarge, match=said) as refused:
        open_picture(data)
    assert refused.value.field == "photo"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (hostile.tiff_of(hostile.tiff_page(), hostile.tiff_page(), after=8), "damaged or cut short"),
        (hostile.tiff_of([(256, 4, 1, 8), (257, 4, 1, 8), (273, 4, 0xFFFFFFF, 8)]), "damaged or cut short"),
        (hostile.heic_that_lies(3_000, 3_000), "damaged or cut short"),
        (hostile.locked_pdf(), "locked with a password"),
        (hostile.pdf_of_pages(0), "PDF cannot be read"),
        (hostile.pdf_page()[:200], "PDF cannot be read"),
        (hostile.circular_pdf(), "PDF cannot be read"),
    ],
    ids=["tiff loop", "tiff counts", "heic ispe", "pdf locked", "pdf empty", "pdf cut", "pdf loop"],
)
def test_what_is_broken_is_told_as_broken(data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        open_picture(data)
    assert refused.value.field == "photo"


@pytest.mark.parametrize("number", [6, 34_712, 34_925, 50_000, 50_001])
def test_a_tiff_packed_as_no_scanner_does_is_not_unpacked(number: int) -> None:
    with pytest.raises(Unsupported, match=f"not read here .{number}."):
        open_picture(hostile.tiff_of(hostile.tiff_page(packing=number)))


def test_what_is_packed_beside_the_pixels_is_never_unpacked() -> None:
    bombs = [(name, b"a\0\0" + hostile.packed_zeros(4)) for name in (b"zTXt", b"iCCP")]
    header = read_header(hostile.png_with(*bombs), "PNG")
    assert len(header.picture) < 2_000
    assert open_picture(hostile.png_with(*bombs)).width == 300


def test_a_canvas_of_any_size_costs_nothing_around_a_small_frame() -> None:
    assert open_picture(hostile.gif_of_canvas(65_535, 65_535)).grey.shape == (200, 300)


@pytest.mark.parametrize("box", [b"0 0 1e9 1e9", b"0 0 14400 14400"])
def test_a_page_of_any_size_is_drawn_within_the_limit(box: bytes) -> None:
    picture = open_picture(hostile.pdf_page(box=box))
    assert picture.width * picture.height <= pixels.READ_PIXELS


@pytest.mark.parametrize("action", [b"<</S/JavaScript/JS(while\\(1\\){})>>", b"<</S/Launch/F(/bin/sh)>>"])
def test_what_a_pdf_wants_done_is_not_done(action: bytes) -> None:
    assert open_picture(hostile.pdf_page(more=b"/OpenAction" + action)).grey.min() == 255


def test_the_server_opens_no_scan_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((pdf, "pages"), (tiff, "directories"), (intake.pillow_heif, "HeifFile")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("opened beside the other requests"))
    for kind in ("TIFF", "PDF", "HEIF"):
        assert check_header(file_of(corner_marked(), kind)) == intake.KINDS[kind]


@pytest.mark.parametrize("piece", [b"\xff", b"\xff\xe2\0\x02"], ids=["fill", "empty segments"])
def test_a_jpeg_of_nothing_but_beginnings_is_damaged(piece: bytes) -> None:
    with pytest.raises(Invalid, match="damaged or cut short"):
        check_header(b"\xff\xd8\xff\xe2\0\x02" + piece * 200_000)


def test_a_gif_of_nothing_but_comments_is_damaged() -> None:
    small = file_of(corner_marked(), "GIF")
    with pytest.raises(Invalid, match="damaged or cut short"):
        check_header(small[: small.index(b"\x2c\0\0\0\0")] + b"!\xfe\x01a\0" * 200_000)
