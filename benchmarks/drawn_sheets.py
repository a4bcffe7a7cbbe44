"""What is printed: symbols of all kinds with random contents, on labels and on boxes of drugs."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]  # (n, 2): x, y
Rng = np.random.Generator
INK, PAPER = 28, 232


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of symbol is made; `make` gives (what zxing-cpp's writer takes, what must be read)."""

    symbology: str
    format_: zxingcpp.BarcodeFormat
    make: Callable[[Rng], tuple[str, str]]
    module: float  # pixels in a photo without trouble
    quiet: int  # modules beside the symbol
    options: tuple[tuple[str, bool], ...] = ()


def _digits(rng: Rng, count: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, count))


def _letters(rng: Rng, count: int, alphabet: str = "ABCDEFGHJKLMNPRSTUVWXYZ23456789") -> str:
    return "".join(alphabet[number] for number in rng.integers(0, len(alphabet), count))


def _checked(digits: str) -> str:
    """With the mod 10 digit of GS1 behind."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def _plain(text: str) -> tuple[str, str]:
    return text, text


def _gs1(*elements: tuple[str, str]) -> tuple[str, str]:
    """Element strings with brackets for the writer, and as read: a separator behind each of variable length."""
    fixed = ("01", "17", "3103")
    read = "".join(ai + value + ("" if ai in fixed else "\x1d") for ai, value in elements).removesuffix("\x1d")
    return "".join(f"({ai}){value}" for ai, value in elements), read


def _gtin(rng: Rng) -> str:
    return _checked("0690" + _digits(rng, 9))


def _date(rng: Rng) -> str:
    return f"{rng.integers(26, 31)}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"


def _lot(rng: Rng) -> tuple[str, str]:
    return "10", _letters(rng, 7)


_F = zxingcpp.BarcodeFormat
KINDS: dict[str, Kind] = {
    "ean13": Kind("EAN-13", _F.EAN13, lambda rng: _plain(_checked("690" + _digits(rng, 9))), 3, 11),
    "upca": Kind("UPC-A", _F.UPCA, lambda rng: _plain(_checked("0" + _digits(rng, 10))), 3, 9),
    "drug128": Kind("Code128", _F.Code128, lambda rng: _plain("8" + _digits(rng, 19)), 3, 10),
    "gs1128": Kind(
        "GS1-128",
        _F.Code128,
        lambda rng: _gs1(("01", _gtin(rng)), ("17", _date(rng)), _lot(rng)),
        2.6,
        10,
        (("gs1", True),),
    ),
    "itf14": Kind("ITF", _F.ITF, lambda rng: _plain(_checked("1690" + _digits(rng, 9))), 3, 10),
    "databar": Kind("DataBar", _F.DataBarOmni, lambda rng: (gtin := _gtin(rng), "01" + gtin), 3, 4),
    "databarexp": Kind(
        "DataBarExp",
        _F.DataBarExp,
        lambda rng: _gs1(("01", _checked("90690" + _digits(rng, 8))), ("3103", "00" + _digits(rng, 4))),
        2.6,
        4,
    ),
    "gs1dm": Kind(
        "DataMatrix",
        _F.DataMatrix,
        lambda rng: _gs1(("01", _gtin(rng)), ("17", _date(rng)), _lot(rng), ("21", _digits(rng, 8))),
        5,
        3,
        (("gs1", True), ("force_square", True)),
    ),
    "qr": Kind("QR", _F.QRCode, lambda rng: _plain("https://trace.example.cn/c/" + _letters(rng, 14).lower()), 5, 4),
    "pdf417": Kind("PDF417", _F.PDF417, lambda rng: _plain("中宁枸杞 " + _letters(rng, 10)), 2.6, 3),
}
_HEIGHTS = {"ean13": 60, "upca": 60, "drug128": 36, "gs1128": 50, "itf14": 44, "databar": 33, "databarexp": 34}


def symbol(kind: str, rng: Rng) -> tuple[str, Grey]:
    """What must be read, and the symbol with its quiet zone, one pixel a module (rows of linear ones repeated)."""
    how = KINDS[kind]
    given, text = how.make(rng)
    barcode = zxingcpp.create_barcode(given, how.format_, **dict(how.options))
    modules = np.array(barcode.to_image(scale=1, add_quiet_zones=False))
    if kind in _HEIGHTS:  # the middle row alone: without the writer's bearer bars and longer guards
        modules = np.repeat(modules[modules.shape[0] // 2][None], _HEIGHTS[kind], axis=0)
    elif kind == "pdf417":
        modules = np.repeat(modules, 3, axis=0) if modules.shape[0] < 30 else modules
    return text, np.pad(modules, ((how.quiet, how.quiet), (how.quiet, how.quiet)), constant_values=255)


# ---- the printed thing ---------------------------------------------------------------------------------------------

_WORDS = ("KEEP DRY BELOW 25 C", "BATCH 20260801", "EXP 2028.07", "NET WT 250 g", "0.25 g x 24 TABLETS", "LOT A1B2C3")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A printed thing, its pixels finer than the photo's, and the corners of its symbols (x, y), clockwise."""

    light: Grey
    texts: tuple[str, ...]
    corners: tuple[Points, ...]


def _inked(modules: Grey, scale: int) -> Grey:
    fine = cv2.resize(modules, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    return np.where(fine > 127, np.uint8(PAPER), np.uint8(INK))


def square(x: int, y: int, width: int, height: int) -> Points:
    """The corners of an upright rectangle, clockwise from the top left."""
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], dtype=np.float32)


def words(light: Grey, rng: Rng, x: int, y: int, height: int, lines: int) -> None:
    """Lines of print, `height` pixels each, from (x, y) down."""
    for number in range(lines):
        word = _WORDS[rng.integers(0, len(_WORDS))]
        place, thick = (x, y + int((number + 0.75) * height)), max(1, height // 14)
        cv2.putText(light, word, place, cv2.FONT_HERSHEY_SIMPLEX, height / 45, 60, thick, cv2.LINE_AA)


def label(kind: str, scale: int, rng: Rng) -> Sheet:
    """One symbol on a label with a line of print above and below."""
    text, modules = symbol(kind, rng)
    inked = _inked(modules, scale)
    height, width = inked.shape
    edge = 9 * scale
    light = np.full((height + 4 * edge, width + 2 * edge), PAPER, dtype=np.uint8)
    light[2 * edge : 2 * edge + height, edge : edge + width] = inked
    words(light, rng, edge, edge // 2, edge, 1)
    words(light, rng, edge, height + 2 * edge + edge // 2, edge, 1)
    quiet = KINDS[kind].quiet * scale
    corners = square(edge + quiet, 2 * edge + quiet, width - 2 * quiet, height - 2 * quiet)
    return Sheet(light, (text,), (corners,))


def box(products: tuple[tuple[str, Grey], ...], scale: int, rng: Rng) -> Sheet:
    """The side of a drug box: a band of colour, print, the 20-digit code; on some also an EAN-13 or a 2-D symbol.

    `products` are EAN-13 of the few products that lie there: boxes of one product bear the same.
    """
    text, modules = symbol("drug128", rng)
    bars = _inked(modules[8:-8], scale)
    width, height = int(bars.shape[1] * 1.22), int(bars.shape[1] * 0.72)
    light = np.full((height, width), int(rng.integers(200, 240)), dtype=np.uint8)
    light[: height // 7] = rng.integers(70, 170)
    words(light, rng, width // 20, height // 5, height // 11, 4)
    x, y = (width - bars.shape[1]) // 2, int(height * 0.62)
    pad = 2 * scale
    light[y - pad : y + bars.shape[0] + pad, x - pad : x + bars.shape[1] + pad] = PAPER
    light[y : y + bars.shape[0], x : x + bars.shape[1]] = bars
    texts, quiet = [text], KINDS["drug128"].quiet * scale
    corners = [square(x + quiet, y, bars.shape[1] - 2 * quiet, bars.shape[0])]
    more = rng.choice(("", "ean13", "gs1dm", "qr"), p=(0.4, 0.3, 0.15, 0.15))
    if more:
        linear = more == "ean13"
        text, modules = products[rng.integers(0, len(products))] if linear else symbol(str(more), rng)
        big = scale if linear else int(scale * 1.25)
        second = _inked(modules[12:-24] if linear else modules, big)
        top, left = height // 6, width - second.shape[1] - width // 40
        light[top : top + second.shape[0], left : left + second.shape[1]] = second
        quiet = KINDS[str(more)].quiet * big
        above = 0 if linear else quiet
        texts.append(text)
        corners.append(square(left + quiet, top + above, second.shape[1] - 2 * quiet, second.shape[0] - 2 * above))
    return Sheet(light, tuple(texts), tuple(corners))


def curved(sheet: Sheet, degrees: float) -> Sheet:
    """Wrapped round a bottle whose visible half angle is `degrees`: squeezed and darker towards its sides."""
    height, width = sheet.light.shape
    half = np.radians(degrees)
    angle = np.arcsin(np.linspace(-1, 1, width) * np.sin(half))
    source = ((angle / half + 1) / 2 * (width - 1)).astype(np.float32)
    rows = np.arange(height, dtype=np.float32)
    columns, down = np.tile(source, (height, 1)), np.tile(rows[:, None], (1, width))
    light = cv2.remap(sheet.light, columns, down, cv2.INTER_LINEAR) * np.cos(angle * 0.8)[None].astype(np.float32)
    moved = []
    for corners in sheet.corners:
        across = np.sin((corners[:, 0] / (width - 1) * 2 - 1) * half) / np.sin(half)
        moved.append(np.stack([(across + 1) / 2 * (width - 1), corners[:, 1]], axis=1).astype(np.float32))
    return Sheet(light.astype(np.uint8), sheet.texts, tuple(moved))
