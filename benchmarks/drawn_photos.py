"""Photos with known texts, drawn by seed: single labels under one trouble each, boxes of drugs, pictures without codes.

A label is drawn as it is printed, laid into the photo by a homography at twice the photo's resolution and averaged
down, as a sensor does; then come light, lens, noise and JPEG, in the order a camera adds them. The same arguments
give the same bytes on the same versions of numpy, OpenCV and zxing-cpp.
"""

import zlib
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks import drawn_scene as scene
from benchmarks.drawn_scene import FINE, Plane
from benchmarks.drawn_sheets import INK, KINDS, PAPER, Points, Rng, box, curved, label, symbol, words
from benchmarks.photos import Photo

SEVERITIES = (1, 2, 3)

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
    sheet = label(kind, fine, rng)
    if condition == "curved":
        sheet = curved(sheet, much)
    width, height = 1280, 960
    photo = scene.ground(width, height, rng)
    centre = (width / 2 + rng.uniform(-60, 60), height / 2 + rng.uniform(-60, 60))
    degrees = rng.uniform(-5, 5) + (much if condition == "rotated" else 0.0)
    matrix = scene.placed(sheet, centre, degrees, module / fine)
    if condition == "perspective":
        matrix = scene.tilted(width, height, much, rng.choice((0.0, np.pi / 2)) + rng.uniform(-0.3, 0.3)) @ matrix
    (corners,) = scene.lay(photo, sheet, matrix)
    light = _troubled(photo, corners, condition, much, module, rng)
    quality = int(much) if condition == "jpeg" else 90
    data = scene.file(light, 2.0, quality, rng)
    return Photo(
        f"{name}.jpg", data, KINDS[kind].symbology, sheet.texts, set=f"drawn/{condition}", corners=(_pixels(corners),)
    )


def _troubled(photo: Plane, corners: Points, condition: str, much: float, module: float, rng: Rng) -> Plane:
    """What light and lens do to the scene."""
    length = float(np.ptp(corners, axis=0).max())
    middle = corners.mean(0) + rng.uniform(-0.25, 0.25, 2).astype(np.float32) * np.ptp(corners, axis=0)
    match condition:
        case "defocus":
            return scene.defocused(photo, much * module)
        case "blur":
            return np.asarray(cv2.GaussianBlur(photo, (0, 0), much * module), dtype=np.float32)
        case "motion":
            return scene.smeared(photo, much * module, rng.uniform(0, np.pi))
        case "glare":
            return scene.glared(photo, middle, much * length, rng)
        case "shadow":
            return scene.shaded(photo, middle, much, rng.uniform(0, 2 * np.pi))
        case "lowlight":
            return scene.underexposed(photo, much, rng)
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
    lean = scene.tilted(width, height, (10, 18, 25)[severity - 1], rng.uniform(0, 2 * np.pi))
    photo = scene.ground(width, height, rng)
    texts: list[str] = []
    corners: list[Points] = []
    for number in rng.permutation(columns * rows)[:count]:
        sheet = box(products, fine, rng)
        shift = rng.uniform(-0.03, 0.03, 2)
        centre = (
            ((number % columns + 0.5) / columns * 0.96 + 0.02 + shift[0] / columns) * width,
            ((number // columns + 0.5) / rows * 0.96 + 0.02 + shift[1] / rows) * height,
        )
        degrees = rng.uniform(-6, 6) + (180 if rng.random() < 0.25 else 0)
        corners += scene.lay(photo, sheet, lean @ scene.placed(sheet, centre, degrees, module / fine))
        texts += sheet.texts
    light = photo * np.linspace(1, (0.8, 0.6, 0.4)[severity - 1], width, dtype=np.float32)[None]
    light = cv2.GaussianBlur(light, (0, 0), (0.5, 0.8, 1.2)[severity - 1])
    data = scene.file(light, (2.0, 4.0, 7.0)[severity - 1], (90, 80, 65)[severity - 1], rng)
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
                words(page, rng, 40 + column * 410, 30, 30, 30)
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
            light = scene.ground(width, height, rng)
    return Photo(f"{name}.jpg", scene.file(light.astype(np.float32), 4.0, 85, rng), "none", (), set="drawn/none")


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


def _pixels(corners: Points) -> tuple[tuple[int, int], ...]:
    return tuple((int(x), int(y)) for x, y in np.rint(corners))
