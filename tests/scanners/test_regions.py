"""Where codes lie, and what is read in pieces of a photo that nothing reads in the whole of it."""

import math

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from scanners import regions, zxing
from scanners.regions import Grey, Region, find_regions

DRUG_CODE = "83012600012345678906"


def printed(text: str, kind: str, height: int = 34) -> Grey:
    """A symbol's modules, one pixel each; a linear one so many modules high."""
    modules = np.array(zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind)).to_image(scale=1))
    if kind in ("DataMatrix", "QRCode"):
        return np.asarray(modules, np.uint8)
    return np.asarray(np.repeat(modules[modules.shape[0] // 3][None], height, axis=0), np.uint8)


def photo(
    symbol: Grey,
    module: float,
    *,
    degrees: float = 0,
    blur: float = 0.5,
    size: tuple[int, int] = (900, 600),
    noise: float = 3,
) -> tuple[Grey, NDArray[np.float64]]:
    """A symbol on grey paper, turned, out of focus by so many pixels, with noise; and where its corners lie."""
    fine = 4
    high, wide = symbol.shape
    large = cv2.resize(symbol, None, fx=module * fine, fy=module * fine, interpolation=cv2.INTER_NEAREST)
    large = cv2.GaussianBlur(large, (0, 0), fine * 0.45)
    matrix = cv2.getRotationMatrix2D((large.shape[1] / 2, large.shape[0] / 2), degrees, 1 / fine)
    matrix[:, 2] += np.array(size) / 2 - np.array([large.shape[1], large.shape[0]]) / 2
    paper = cv2.warpAffine(large * 0.8 + 25, matrix, size, borderValue=200)
    blurred = cv2.GaussianBlur(paper.astype(np.float32), (0, 0), blur)
    noisy = blurred + np.random.default_rng(4).normal(0, noise, blurred.shape)
    quiet = 10 if high < wide / 2 else 1
    left, right, top, bottom = quiet, wide - quiet, 0 if quiet == 10 else 1, high if quiet == 10 else high - 1
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) * module * fine
    return np.clip(noisy, 0, 255).astype(np.uint8), corners @ matrix[:, :2].T + matrix[:, 2]


def text_photo() -> Grey:
    """Lines of print."""
    page = np.full((600, 900), 220, np.uint8)
    for row in range(40, 600, 30):
        cv2.putText(page, "Store below 25 C, keep dry. LOT 260801 EXP 2028.07", (20, row), 0, 0.8, 30, 2, cv2.LINE_AA)
    return page


def linear(grey: Grey) -> Region:
    """The likeliest linear region."""
    return next(region for region in find_regions(grey) if region.kind == "linear")


@pytest.mark.parametrize("degrees", [0, 12, -33, 90, 180])
def test_a_turned_code_is_found_where_it_lies(degrees: float) -> None:
    grey, corners = photo(printed(DRUG_CODE, "Code128"), 2.4, degrees=degrees)
    region = linear(grey)
    assert np.abs(region.quad.mean(axis=0) - corners.mean(axis=0)).max() < 8
    way, wanted = region.quad[1] - region.quad[0], corners[1] - corners[0]
    assert abs(way @ wanted) / np.linalg.norm(way) / np.linalg.norm(wanted) > math.cos(math.radians(3))
    assert 0.95 < region.length / np.linalg.norm(wanted) < 1.3


def test_a_matrix_code_is_found_where_it_lies() -> None:
    grey, corners = photo(printed("01069012345678921726080110A1B2", "DataMatrix"), 5, degrees=20)
    region = next(region for region in find_regions(grey) if region.kind == "matrix")
    assert np.abs(region.quad.mean(axis=0) - corners.mean(axis=0)).max() < 8


def test_noise_and_print_look_little_like_codes() -> None:
    noise = np.random.default_rng(1).normal(128, 25, (600, 900)).clip(0, 255).astype(np.uint8)
    assert find_regions(noise) == []
    assert find_regions(np.full((600, 900), 200, np.uint8)) == []
    assert len(find_regions(text_photo())) <= 3
    assert all(regions.fitted(regions.profile(text_photo(), region)) is None for region in find_regions(text_photo()))


@pytest.mark.parametrize("degrees", [7, 187])
@pytest.mark.parametrize("piece", ["cut", "strips", "fitted"])
def test_corners_read_in_a_piece_are_the_photos(degrees: float, piece: str) -> None:
    grey, corners = photo(printed(DRUG_CODE, "Code128"), 2.4, degrees=degrees)
    region = linear(grey)
    pieces = {
        "cut": lambda: [regions.cut(grey, region)],
        "strips": lambda: regions.strips(regions.profile(grey, region)),
        "fitted": lambda: [regions.fitted(regions.profile(grey, region))],
    }[piece]()
    reading = regions.read_pieces(pieces, zxing.read)[0]
    assert reading.text == DRUG_CODE
    found = np.array(reading.corners)
    # engines tell the first and the last line they read: along the bars that may be less than all
    for edge in ((0, 3), (1, 2)):
        ends = corners[list(edge)]
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        across = np.array([along[1], -along[0]])
        assert np.abs((found[list(edge)] - ends[0]) @ across).max() < 8


def test_bars_blurred_into_one_another_are_read_by_what_fits_them() -> None:
    grey, _ = photo(printed(DRUG_CODE, "Code128"), 2.0, degrees=4, blur=2.0)
    assert zxing.read(grey) == []
    clean = regions.fitted(regions.profile(grey, linear(grey)))
    assert clean is not None
    assert [reading.text for reading in regions.read_pieces([clean], zxing.read)] == [DRUG_CODE]


def test_a_little_blur_is_taken_off_any_linear_code() -> None:
    grey, _ = photo(printed("6901234567892", "EAN13", 40), 2.4, degrees=-5, blur=1.6)
    assert zxing.read(grey) == []
    strips = regions.strips(regions.profile(grey, linear(grey)))
    assert {reading.text for reading in regions.read_pieces(strips, zxing.read)} == {"6901234567892"}


@pytest.mark.parametrize(
    ("text", "kind"), [("6901234567892", "EAN13"), ("16901234567899", "ITF"), ("A1B2C3", "Code39")]
)
def test_other_bars_fit_no_code_128(text: str, kind: str) -> None:
    grey, _ = photo(printed(text, kind), 2.4, blur=1.5)
    assert all(regions.fitted(regions.profile(grey, region)) is None for region in find_regions(grey))


def test_rows_blinded_by_glare_have_no_say() -> None:
    grey, corners = photo(printed(DRUG_CODE, "Code128"), 3.0)
    x, y = corners.mean(axis=0)
    cv2.ellipse(grey, (int(x), int(y) - 20), (24, 26), 0.0, 0, 360, 255, -1)
    read = [
        reading.text
        for region in find_regions(grey)
        if region.kind == "linear"
        for reading in regions.read_pieces(regions.strips(regions.profile(grey, region)), zxing.read)
    ]
    assert set(read) == {DRUG_CODE}


def test_a_code_cut_in_two_by_glare_is_also_found_as_one() -> None:
    grey, corners = photo(printed(DRUG_CODE, "Code128"), 3.0)
    x, y = corners.mean(axis=0)
    cv2.rectangle(grey, (int(x) - 22, int(y) - 80), (int(x) + 22, int(y) + 80), 255, -1)
    lengths = [region.length for region in find_regions(grey) if region.kind == "linear"]
    assert max(lengths) > 0.95 * np.linalg.norm(corners[1] - corners[0])


def test_a_blurred_matrix_code_is_read_in_its_pieces() -> None:
    grey, _ = photo(printed("01069012345678921726080110A1B2", "DataMatrix"), 5, degrees=20, blur=3.2)
    assert zxing.read(grey) == []
    region = next(region for region in find_regions(grey) if region.kind == "matrix")
    read = regions.read_pieces(regions.squares(grey, region), zxing.read)
    assert {reading.text for reading in read} == {"01069012345678921726080110A1B2"}


def test_twelve_small_codes_in_one_photo_are_read_each_once_by_strips_and_fits() -> None:
    codes = [f"8301260001234567{number:04d}" for number in range(12)]
    sheet = np.full((760, 1500), 190, np.uint8)
    for number, code in enumerate(codes):
        part, _ = photo(printed(code, "Code128"), 1.6, degrees=number - 6, blur=1.1, size=(480, 180))
        row, column = divmod(number, 3)
        sheet[10 + row * 185 : 190 + row * 185, 10 + column * 490 : 490 + column * 490] = part
    read = []
    for region in find_regions(sheet):
        clean = regions.fitted(regions.profile(sheet, region)) if region.kind == "linear" else None
        if clean is not None:
            read += [reading.text for reading in regions.read_pieces([clean], zxing.read)]
    assert sorted(read) == codes
