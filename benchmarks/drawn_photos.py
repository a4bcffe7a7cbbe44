"""Photos with known texts, drawn by seed: single labels under one trouble each, boxes of drugs, pictures without codes.

A label is drawn as it is printed, laid into the photo by a homography at twice the photo's resolution and averaged
down, as a sensor does; then come light, lens, noise and JPEG, in the order a camera adds them. The same arguments
give the same bytes on the same versions of numpy, OpenCV and zxing-cpp.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from benchmarks.photos import Photo

Plane = NDArray[np.float32]  # light, 0 to 255
Grey = NDArray[np.uint8]
Rng = np.random.Generator
FINE = 2  # the picture is laid out at this many times its size
INK, PAPER = 28, 232
SEVERITIES = (1, 2, 3)


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
    corners: tuple[NDArray[np.float32], ...]


def _inked(modules: Grey, scale: int) -> Grey:
    fine = cv2.resize(modules, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    return np.where(fine > 127, np.uint8(PAPER), np.uint8(INK))


def _square(x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], dtype=np.float32)


def _words(light: Grey, rng: Rng, x: int, y: int, height: int, lines: int) -> None:
    """Lines of print, `height` pixels each, from (x, y) down."""
    for number in range(lines):
        word = _WORDS[rng.integers(0, len(_WORDS))]
        place, thick = (x, y + int((number + 0.75) * height)), max(1, height // 14)
        cv2.putText(light, word, place, cv2.FONT_HERSHEY_SIMPLEX, height / 45, 60, thick, cv2.LINE_AA)


def _label(kind: str, scale: int, rng: Rng) -> Sheet:
    """One symbol on a label with a line of print above and below."""
    text, modules = symbol(kind, rng)
    inked = _inked(modules, scale)
    height, width = inked.shape
    edge = 9 * scale
    light = np.full((height + 4 * edge, width + 2 * edge), PAPER, dtype=np.uint8)
    light[2 * edge : 2 * edge + height, edge : edge + width] = inked
    _words(light, rng, edge, edge // 2, edge, 1)
    _words(light, rng, edge, height + 2 * edge + edge // 2, edge, 1)
    quiet = KINDS[kind].quiet * scale
    corners = _square(edge + quiet, 2 * edge + quiet, width - 2 * quiet, height - 2 * quiet)
    return Sheet(light, (text,), (corners,))


def _box(products: tuple[tuple[str, Grey], ...], scale: int, rng: Rng) -> Sheet:
    """The side of a drug box: a band of colour, print, the 20-digit code; on some also an EAN-13 or a 2-D symbol.

    `products` are EAN-13 of the few products that lie there: boxes of one product bear the same.
    """
    text, modules = symbol("drug128", rng)
    bars = _inked(modules[8:-8], scale)
    width, height = int(bars.shape[1] * 1.22), int(bars.shape[1] * 0.72)
    light = np.full((height, width), int(rng.integers(200, 240)), dtype=np.uint8)
    light[: height // 7] = rng.integers(70, 170)
    _words(light, rng, width // 20, height // 5, height // 11, 4)
    x, y = (width - bars.shape[1]) // 2, int(height * 0.62)
    pad = 2 * scale
    light[y - pad : y + bars.shape[0] + pad, x - pad : x + bars.shape[1] + pad] = PAPER
    light[y : y + bars.shape[0], x : x + bars.shape[1]] = bars
    texts, quiet = [text], KINDS["drug128"].quiet * scale
    corners = [_square(x + quiet, y, bars.shape[1] - 2 * quiet, bars.shape[0])]
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
        corners.append(_square(left + quiet, top + above, second.shape[1] - 2 * quiet, second.shape[0] - 2 * above))
    return Sheet(light, tuple(texts), tuple(corners))


# ---- the scene -----------------------------------------------------------------------------------------------------


def _ground(width: int, height: int, rng: Rng) -> Plane:
    """An uneven background: cloudy, lighter to one side, with a few dark joints as between boards."""
    clouds = rng.normal(0, 1, (height // 90 + 2, width // 90 + 2)).astype(np.float32)
    ground: Plane = 125 + 22 * cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    ground += np.linspace(-1, 1, width, dtype=np.float32)[None] * rng.uniform(-30, 30)
    for _ in range(3):
        x, slope = rng.uniform(0, width), rng.uniform(-0.2, 0.2)
        cv2.line(ground, (int(x), 0), (int(x + slope * height), height), float(rng.uniform(50, 90)), 5)
    return ground


def _lay(photo: Plane, sheet: Sheet, matrix: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    """Put a sheet into the photo by a homography (sheet pixels to photo pixels): where its symbols' corners are now."""
    height, width = sheet.light.shape
    outline = cv2.perspectiveTransform(_square(0, 0, width, height)[None], matrix)[0]
    (x0, y0), (x1, y1) = np.floor(outline.min(0)).astype(int) - 1, np.ceil(outline.max(0)).astype(int) + 2
    x0, y0, x1, y1 = max(0, x0), max(0, y0), min(photo.shape[1], x1), min(photo.shape[0], y1)
    into = np.diag((FINE, FINE, 1.0)) @ np.array([(1, 0, -x0), (0, 1, -y0), (0, 0, 1.0)]) @ matrix
    size = ((x1 - x0) * FINE, (y1 - y0) * FINE)
    light = cv2.warpPerspective(sheet.light, into, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full_like(sheet.light, 255), into, size, flags=cv2.INTER_LINEAR)
    light, cover = (cv2.resize(p, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA) for p in (light, cover))
    under, share = photo[y0:y1, x0:x1], cover.astype(np.float32) / 255
    under[:] = under * (1 - share) + light * share
    return [cv2.perspectiveTransform(corners[None], matrix)[0] for corners in sheet.corners]


def _placed(sheet: Sheet, centre: tuple[float, float], degrees: float, scale: float) -> NDArray[np.float64]:
    """The sheet's middle to `centre`, turned counter-clockwise, made smaller by `scale`."""
    height, width = sheet.light.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    turn[:, 2] += np.array(centre) - (width / 2, height / 2)
    return np.vstack([turn, (0, 0, 1)])


def _tilted(width: float, height: float, degrees: float, towards: float) -> NDArray[np.float64]:
    """A plane of this size leaning back about an axis through its middle, seen from 2.4 widths away."""
    lean, distance = np.radians(degrees), 2.4 * width
    away, along = np.array([np.cos(towards), np.sin(towards)]), np.array([-np.sin(towards), np.cos(towards)])
    middle = np.array([width / 2, height / 2])
    flat = _square(0, 0, int(width), int(height))
    seen = []
    for point in flat - middle:
        depth = float(point @ away)
        nearer = distance / (distance + depth * np.sin(lean))
        seen.append(middle + nearer * (along * float(point @ along) + away * depth * np.cos(lean)))
    return np.asarray(cv2.getPerspectiveTransform(flat, np.array(seen, dtype=np.float32)), dtype=np.float64)


# ---- light, lens, sensor, file -------------------------------------------------------------------------------------


def _defocused(photo: Plane, radius: float) -> Plane:
    """Convolved with a disk, its edge soft by a pixel: a lens out of focus."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return np.asarray(cv2.filter2D(photo, -1, disk / disk.sum(), borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def _smeared(photo: Plane, length: float, angle: float) -> Plane:
    """Convolved with a line: the hand moved while the shutter was open."""
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    for step in np.linspace(-length / 2, length / 2, 8 * reach):
        x, y = reach + step * np.cos(angle), reach + step * np.sin(angle)
        left, top = int(x), int(y)
        for across, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (1 - abs(x - left - across)) * (1 - abs(y - top - down))
            kernel[top + down, left + across] += weight
    return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


def _glared(photo: Plane, centre: NDArray[np.float32], reach: float, rng: Rng) -> Plane:
    """A lamp mirrored in foil: an ellipse that is white in the middle and fades."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    across = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    spot: Plane = np.exp(-(((along / reach) ** 2 + (across / (0.5 * reach)) ** 2) ** 2))
    return photo + 420 * spot


def _shaded(photo: Plane, centre: NDArray[np.float32], rest: float, angle: float) -> Plane:
    """The edge of a shadow through `centre`: beyond it `rest` of the light is left."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    beyond = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    lit: Plane = 1 / (1 + np.exp(-np.clip(beyond / 5, -30, 30)))
    return photo * (rest + (1 - rest) * lit)


def _underexposed(photo: Plane, exposure: float, rng: Rng) -> Plane:
    """Little light, amplified to half brightness: photon and reading noise grow with it."""
    electrons = rng.poisson(np.clip(photo, 0, None) * exposure * 1.5) / 1.5
    return np.asarray((electrons + rng.normal(0, 2.5, photo.shape)) * (0.5 / exposure), dtype=np.float32)


def _curved(sheet: Sheet, degrees: float) -> Sheet:
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


def _file(photo: Plane, noise: float, quality: int, rng: Rng) -> bytes:
    noisy = photo + rng.standard_normal(photo.shape, dtype=np.float32) * noise
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data)


# ---- what may be asked for -----------------------------------------------------------------------------------------

# {condition: what the three severities mean}; blur, motion and small modules are told in modules or pixels a module.
CONDITIONS: dict[str, tuple[float, float, float]] = {
    "defocus": (0.7, 1.1, 1.5),  # radius of the disk, modules
    "blur": (0.45, 0.75, 1.05),  # sigma of the Gaussian, modules
    "motion": (1.5, 2.5, 4.0),  # length of the line, modules
    "glare": (0.12, 0.2, 0.32),  # reach of the spot, of the symbol's length
    "shadow": (0.5, 0.25, 0.12),  # light left in the shadow
    "lowlight": (0.3, 0.12, 0.05),  # light there is
    "curved": (35, 52, 66),  # half angle of the bottle
    "perspective": (30, 48, 60),  # lean
    "rotated": (25, 45, 180),  # degrees
    "small": (0.6, 0.45, 0.38),  # of the usual pixels a module
    "jpeg": (30, 15, 8),  # quality
}
EMPTY = ("text", "stripes", "grid", "fabric", "noise", "gradient")


def draw_label(kind: str, condition: str = "clean", severity: int = 1, *, seed: int = 0) -> Photo:
    """One label of `KINDS` in a photo of 1280 x 960 under one of `CONDITIONS` (severity 1 to 3), or "clean"."""
    name = f"{kind}-{condition}{severity if condition != 'clean' else ''}-{seed}"
    rng = _rng(name)
    much = CONDITIONS[condition][severity - 1] if condition != "clean" else 0.0
    module = KINDS[kind].module * (much if condition == "small" else 1.0)
    fine = max(3, int(np.ceil(module * FINE)))
    sheet = _label(kind, fine, rng)
    if condition == "curved":
        sheet = _curved(sheet, much)
    width, height = 1280, 960
    photo = _ground(width, height, rng)
    centre = (width / 2 + rng.uniform(-60, 60), height / 2 + rng.uniform(-60, 60))
    degrees = rng.uniform(-5, 5) + (much if condition == "rotated" else 0.0)
    matrix = _placed(sheet, centre, degrees, module / fine)
    if condition == "perspective":
        matrix = _tilted(width, height, much, rng.choice((0.0, np.pi / 2)) + rng.uniform(-0.3, 0.3)) @ matrix
    (corners,) = _lay(photo, sheet, matrix)
    light = _troubled(photo, corners, condition, much, module, rng)
    quality = int(much) if condition == "jpeg" else 90
    data = _file(light, 2.0, quality, rng)
    return Photo(
        f"{name}.jpg", data, KINDS[kind].symbology, sheet.texts, set=f"drawn/{condition}", corners=(_pixels(corners),)
    )


def _troubled(
    photo: Plane, corners: NDArray[np.float32], condition: str, much: float, module: float, rng: Rng
) -> Plane:
    """What light and lens do to the scene."""
    length = float(np.ptp(corners, axis=0).max())
    middle = corners.mean(0) + rng.uniform(-0.25, 0.25, 2).astype(np.float32) * np.ptp(corners, axis=0)
    match condition:
        case "defocus":
            return _defocused(photo, much * module)
        case "blur":
            return np.asarray(cv2.GaussianBlur(photo, (0, 0), much * module), dtype=np.float32)
        case "motion":
            return _smeared(photo, much * module, rng.uniform(0, np.pi))
        case "glare":
            return _glared(photo, middle, much * length, rng)
        case "shadow":
            return _shaded(photo, middle, much, rng.uniform(0, 2 * np.pi))
        case "lowlight":
            return _underexposed(photo, much, rng)
    return photo


def draw_boxes(count: int, *, severity: int = 1, seed: int = 0) -> Photo:
    """`count` (1 to 40) drug boxes in a photo of 12 MP: askew, some upside down, the whole leaning, in uneven light."""
    name = f"boxes-{count}-{severity}-{seed}"
    rng = _rng(name)
    width, height = 4032, 3024
    columns = next(n for n in range(1, 8) if n * max(1, round(n * 0.86)) >= count)
    rows = -(-count // columns)
    module = min(4.0, 0.84 * width / columns / 201, 0.80 * height / rows / 119)  # a box is 201 x 119 modules
    fine = 4 * FINE if module > 3 else 3 * FINE
    products = tuple(symbol("ean13", rng) for _ in range(3))
    lean = _tilted(width, height, (10, 18, 25)[severity - 1], rng.uniform(0, 2 * np.pi))
    photo = _ground(width, height, rng)
    texts: list[str] = []
    corners: list[NDArray[np.float32]] = []
    for number in rng.permutation(columns * rows)[:count]:
        sheet = _box(products, fine, rng)
        shift = rng.uniform(-0.03, 0.03, 2)
        centre = (
            ((number % columns + 0.5) / columns * 0.96 + 0.02 + shift[0] / columns) * width,
            ((number // columns + 0.5) / rows * 0.96 + 0.02 + shift[1] / rows) * height,
        )
        degrees = rng.uniform(-6, 6) + (180 if rng.random() < 0.25 else 0)
        corners += _lay(photo, sheet, lean @ _placed(sheet, centre, degrees, module / fine))
        texts += sheet.texts
    light = photo * np.linspace(1, (0.8, 0.6, 0.4)[severity - 1], width, dtype=np.float32)[None]
    light = cv2.GaussianBlur(light, (0, 0), (0.5, 0.8, 1.2)[severity - 1])
    data = _file(light, (2.0, 4.0, 7.0)[severity - 1], (90, 80, 65)[severity - 1], rng)
    return Photo(f"{name}.jpg", data, "multi", tuple(texts), set="drawn/boxes", corners=tuple(map(_pixels, corners)))


def draw_empty(kind: str, *, seed: int = 0) -> Photo:
    """A picture of `EMPTY` without a code, 1280 x 960."""
    name = f"none-{kind}-{seed}"
    rng = _rng(name)
    width, height = 1280, 960
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 30)
    along = x * np.cos(angle) + y * np.sin(angle)
    match kind:
        case "text":
            page = np.full((height, width), PAPER, dtype=np.uint8)
            for column in range(3):
                _words(page, rng, 40 + column * 410, 30, 30, 30)
            light = page.astype(np.float32)
        case "stripes":  # of uneven widths, as on a shirt: the nearest thing to bars
            edges = np.cumsum(rng.choice((3, 4, 6, 8, 12), 1200))
            light = np.where(np.searchsorted(edges, along - along.min()) % 2, INK, PAPER).astype(np.float32)
        case "grid":
            light = np.where((x % period < 3) | (y % period < 3), INK, PAPER).astype(np.float32)
        case "fabric":
            light = 128 + 50 * np.sin(along * 2 * np.pi / period) * np.sin((x - y) * 2 * np.pi / (period * 0.8))
        case "noise":
            light = rng.integers(0, 2, (height // 6, width // 6)).astype(np.float32) * 200 + 25
            light = cv2.resize(light, (width, height), interpolation=cv2.INTER_NEAREST)
        case _:
            light = _ground(width, height, rng)
    return Photo(f"{name}.jpg", _file(light.astype(np.float32), 4.0, 85, rng), "none", (), set="drawn/none")


def drawn_photos(*, seed: int = 7, whole: bool = False) -> Iterator[Photo]:
    """The bench's selection, one by one: some 80 photos, or with `whole` every kind under every severity (some 400)."""
    for number, kind in enumerate(KINDS):
        yield draw_label(kind, seed=seed)
        for place, condition in enumerate(CONDITIONS):
            # The small selection goes round the severities, and takes every second pair of kind and condition.
            if not whole and (number + place) % 2:
                continue
            for severity in SEVERITIES if whole else (1 + (number + place // 2) % 3,):
                yield draw_label(kind, condition, severity, seed=seed)
    for count in (1, 5, 12, 24, 40):
        for severity in SEVERITIES if whole else (1 + count % 2,):
            yield draw_boxes(count, severity=severity, seed=seed)
    for turn in range(4 if whole else 1):
        for kind in EMPTY:
            yield draw_empty(kind, seed=seed + turn)


def _rng(name: str) -> Rng:
    """Random numbers that follow from the photo's name alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def _pixels(corners: NDArray[np.float32]) -> tuple[tuple[int, int], ...]:
    return tuple((int(x), int(y)) for x, y in np.rint(corners))
