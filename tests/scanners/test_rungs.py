"""Every rung of the ladder has a picture that only it can read, and says where in the picture what it read lies."""

from collections.abc import Callable

import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from scanners.ladder import RUNGS, climb
from scanners.rungs import Rung
from scanners.values import Reading
from tests.scanners.drawing import Grey
from tests.scanners.test_regions import photo, printed

Drawn = tuple[Grey, list[tuple[str, NDArray[np.float64]]]]  # a photo; each text in it and the corners of its symbol
LONG = 60.0  # seconds: time for every rung, so that a busy machine reads the same
DRUG_CODE = "83012600012345678906"
GTIN = "6901234567892"
BRACKETS = {ord("("): None, ord(")"): None}  # of GS1 elements, which are printed only
PARTLY_TOLD = ("PDF417", "DataBarExp")  # engines may tell the first columns only
SMALL, WIDE = (360, 240), (2400, 200)


def drawn(
    text: str,
    kind: str,
    module: float,
    *,
    degrees: float = 0,
    blur: float = 0.2,
    noise: float = 3,
    size: tuple[int, int] = SMALL,
) -> Drawn:
    """One symbol out of focus by so many modules."""
    symbol = modules(text, kind)
    grey, assumed = photo(symbol, module, degrees=degrees, blur=blur * module, noise=noise, size=size)
    high, wide = symbol.shape
    quiet = (10, 0) if high < wide / 2 else (1, 1)  # what `photo` takes to be around each
    dark = np.argwhere(symbol < 128)[:, ::-1]
    (left, top), (right, bottom) = dark.min(0) - quiet, dark.max(0) + 1 - quiet
    across, down = (assumed[1] - assumed[0]) / (wide - 2 * quiet[0]), (assumed[3] - assumed[0]) / (high - 2 * quiet[1])
    corners = np.array(
        [assumed[0] + across * x + down * y for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    )
    return grey, [(text.translate(BRACKETS), corners)]


def modules(text: str, kind: str) -> Grey:
    """A symbol's modules, one pixel each, with its quiet zone; linear ones lower than printed, for small photos."""
    if kind in ("Aztec", "PDF417", "MicroQRCode", "DataBarExpStk"):
        options = {"gs1": True} if kind == "DataBarExpStk" else {}
        barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **options)
        return np.asarray(np.array(barcode.to_image(scale=1)), np.uint8)
    return printed(text, kind)


def beside(*photos: Drawn) -> Drawn:
    """Photos of one height as one."""
    left, found = 0, []
    for grey, symbols in photos:
        found += [(text, corners + np.array([left, 0])) for text, corners in symbols]
        left += grey.shape[1]
    return np.ascontiguousarray(np.hstack([grey for grey, _ in photos])), found


def darker(drawn: Drawn, light: NDArray[np.float64] | float) -> Drawn:
    """With less light, everywhere or by column."""
    return np.asarray(drawn[0] * light, np.uint8), drawn[1]


PICTURES: dict[str, Callable[[], Drawn]] = {
    # more codes than are looked for one by one
    "zxing plain": lambda: beside(*(drawn(f"SN {n}", "QRCode", 3, size=(120, 120)) for n in range(6))),
    # beside a large code a small one is not looked for, only looked at a second time
    "confirmed": lambda: beside(
        drawn("SN 1", "QRCode", 9, size=(300, 300)), drawn("AB12", "Code128", 1, size=(120, 300))
    ),
    "strips": lambda: drawn("AB-1234", "Code39", 1.5, degrees=20, blur=0.5, noise=5),
    "drawn anew": lambda: drawn(DRUG_CODE, "Code128", 1.25, degrees=12, blur=1, noise=8),
    "stacked": lambda: drawn("AB12CD34", "PDF417", 2, degrees=30),
    "zxing whole": lambda: drawn("AB12CD34", "DataMatrix", 1.5, size=WIDE),
    "whole confirmed": lambda: drawn("AB12CD34", "PDF417", 1.5, blur=0.5, size=WIDE),
    "matrices": lambda: drawn("AB12CD34", "DataMatrix", 4, degrees=5, blur=0.55),
    "templates": lambda: drawn(GTIN, "EAN13", 1.25, blur=1.1),
    "cut out": lambda: darker(
        drawn("(01)06901234567892(10)A12", "DataBarExpStk", 2), np.where(np.arange(SMALL[0]) < SMALL[0] / 2, 1, 0.2)
    ),
    "templates plain": lambda: drawn(GTIN, "EAN13", 2, blur=1.33, noise=9, size=(300, 160)),
    "zxing evened": lambda: darker(drawn("AB12CD34", "Aztec", 3, degrees=42, blur=0.33, size=(240, 200)), 0.06),
    "zxing grown": lambda: drawn("SN 12345678", "QRCode", 1.3),
    "zxing turned": lambda: drawn("AB12CD34", "PDF417", 2.5, degrees=20, size=(700, 500)),
    "last confirmed": lambda: drawn("12345", "MicroQRCode", 3, blur=0.4),
}


@pytest.mark.parametrize("number", range(len(RUNGS)), ids=[rung.name for rung in RUNGS])
def test_what_a_rung_is_there_for_is_read_with_it_only_and_lies_where_it_was_drawn(number: int) -> None:
    assert RUNGS[number].name in PICTURES, "a rung without a picture that only it can read"
    grey, symbols = PICTURES[RUNGS[number].name]()
    readings = climb(grey, seconds=LONG).readings
    assert sorted(reading.text for reading in readings) == sorted(text for text, _ in symbols)
    assert all(any(_lies_on(reading, *symbol) for symbol in symbols) for reading in readings)
    assert len(climb(grey, seconds=LONG, rungs=_without(number)).readings) < len(symbols)


def test_rungs_have_names_of_their_own() -> None:
    assert {rung.name for rung in RUNGS} == set(PICTURES)
    assert len(PICTURES) == len(RUNGS)


def _without(number: int) -> list[Rung]:
    """The ladder without a rung, and without those further up that try the same."""
    attempt = RUNGS[number].attempt
    return [*RUNGS[:number], *(rung for rung in RUNGS[number + 1 :] if rung.attempt is not attempt)]


def _lies_on(reading: Reading, text: str, corners: NDArray[np.float64]) -> bool:
    """Whether a reading's text is the symbol's, its middle the symbol's and its corners within, give or take a bit.

    Engines tell the lines they read first and last, which may be fewer than all, and may have read upside down.
    """
    found = np.array(reading.corners, dtype=np.float64)
    slack = 4 + 0.04 * float(np.ptp(corners, axis=0).max())
    u = (corners[1] - corners[0]) / np.linalg.norm(corners[1] - corners[0])
    axes = np.array([u, [-u[1], u[0]]]).T
    inside, wanted = found @ axes, corners @ axes
    within = bool((inside > wanted.min(0) - slack).all() and (inside < wanted.max(0) + slack).all())
    ends = abs(inside[:, 0].min() - wanted[:, 0].min()), abs(inside[:, 0].max() - wanted[:, 0].max())
    whole = reading.symbology in PARTLY_TOLD or max(ends) < slack
    return reading.text == text and within and whole
