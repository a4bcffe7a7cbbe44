"""Where codes lie in a photo, and pieces of it that the engines can read.

A linear code is a patch where nearly every spot has an edge and all edges run one way; a matrix code is a patch of
edges that run every way. Both show in the structure tensor (sums of gradient products over small cells), which tells
the direction of the bars as well.

A linear code is then read off its average along the bars: thirty rows of noise become one clean profile, and because
the blur acts along one line only, a Wiener filter takes it off for next to nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners.regions_fit import fit_code128
from scanners.values import Reading

Grey = NDArray[np.uint8]
Line = NDArray[np.float32]
Floats = NDArray[np.float64]
Matrix = NDArray[np.float64]
Engine = Callable[[Grey], list[Reading]]

CELL = 4  # pixels of the working copy that one cell of the structure tensor sums up
LONGEST = 2048  # pixels of the working copy's longer side
SPREAD = 5  # cells a spot looks about itself
LINEAR = 0.36  # of a spot's surroundings that must run one way; flat paper and noise have under 0.2
MATRIX = 0.40  # of a spot's surroundings that must have edges, of any way
QUIET = 0.12  # of a code's length that is cut with it on both sides
FINE = 3  # samples of a profile per pixel of the photo
KEEP = 0.7  # of a region's height that is averaged
WINDOW = 0.15  # of a code's length in which both black and white are bound to come
STRIP_ROWS = 8
BLIND, BANDS = 252, 12  # grey from which on light is glare, and bands of rows that may each have glare of their own
FIT_QUIET, FIT_SCALE = 12, 3  # of the clean bars that are drawn: modules of quiet zone, pixels per module


@dataclass(frozen=True, slots=True)
class Region:
    """A patch of the photo that looks like a code.

    `quad` are its corners (4 x 2, x and y in photo pixels), clockwise from the top left of its reading direction (which
    may be upside down: engines read both ways); `lean` is how far the bars slant (x per y) once the quad lies straight;
    `score` says how much like a code, times its size.
    """

    quad: NDArray[np.float64]
    kind: Literal["linear", "matrix"]
    lean: float = 0.0
    score: float = 0.0

    @property
    def length(self) -> float:
        """Pixels along the reading direction."""
        return float(np.linalg.norm(self.quad[1] - self.quad[0]))

    @property
    def height(self) -> float:
        """Pixels across the reading direction."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))

    def holds(self, point: Sequence[float]) -> bool:
        """Whether a point of the photo lies inside."""
        return cv2.pointPolygonTest(self.quad.astype(np.float32), (float(point[0]), float(point[1])), False) >= 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture taken out of a photo; `to_photo` (3 x 3) takes its pixels to the photo's."""

    grey: Grey
    to_photo: Matrix
    name: str = ""

    def in_photo(self, reading: Reading) -> Reading:
        """A reading of this piece with its corners in the photo's pixels."""
        points = cv2.perspectiveTransform(np.array([reading.corners], dtype=np.float64), self.to_photo)[0]
        return replace(reading, corners=tuple((round(x), round(y)) for x, y in points))


# ------------------------------------------------------------------ where codes lie


@dataclass(frozen=True, slots=True)
class _Ground:
    """The structure of a picture by cells: how one-way its edges are (a doubled-angle vector), and how dense."""

    along: Line
    across: Line
    oneway: Line
    dense: Line
    cell: float  # photo pixels per cell


def _ground(grey: Grey, longest: int) -> _Ground:
    shrink = max(1.0, max(grey.shape) / longest)
    work = grey if shrink == 1.0 else cv2.resize(grey, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    cells = (max(1, work.shape[1] // CELL), max(1, work.shape[0] // CELL))
    gx, gy = cv2.spatialGradient(np.ascontiguousarray(work))

    def mean(a: NDArray[np.int16], b: NDArray[np.int16]) -> Line:
        product = cv2.multiply(a, b, dtype=cv2.CV_32F)
        return np.asarray(cv2.resize(product, cells, interpolation=cv2.INTER_AREA), dtype=np.float32)

    xx, yy, xy = mean(gx, gx), mean(gy, gy), mean(gx, gy)
    energy = xx + yy
    floor = float(np.median(energy))  # most of a photo is no code: its noise and texture
    # Strong edges count no more than weak ones: a box's edge must not outshine the bars printed beside it.
    whole = np.maximum(energy - 0.7 * floor, 0) + 1.5 * floor + 400
    spread = (SPREAD, SPREAD)
    along, across = cv2.blur((xx - yy) / whole, spread), cv2.blur(2 * xy / whole, spread)
    dense = cv2.blur(np.maximum(energy - 1.5 * floor, 0) / whole, spread)
    return _Ground(along, across, cv2.magnitude(along, across), dense, shrink * CELL)


def find_regions(grey: Grey, *, most: int = 80) -> list[Region]:
    """Patches that look like codes, the likeliest first, linear and matrix ones mixed by score."""
    fine = _ground(grey, LONGEST)
    found = _linear(fine)
    square = _matrix(fine)
    if max(grey.shape) > LONGEST // 3:  # codes that fill the picture have bars wider than a fine spot's surroundings
        coarse = _ground(grey, LONGEST // 3)
        found += [region for region in _linear(coarse) if not _known(region, found)]
        square += [region for region in _matrix(coarse) if not _known(region, square)]
    found += _joined(found)
    return sorted(found + square, key=lambda region: -region.score)[:most]


def _joined(regions: list[Region]) -> list[Region]:
    """Linear regions that lie end to end, as one: glare or wide spaces cut a code in two."""
    if len(regions) < 2:
        return []
    middles = np.array([region.quad.mean(axis=0) for region in regions])
    lengths = np.array([region.length for region in regions])
    heights = np.array([region.height for region in regions])
    ways = np.array([region.quad[1] - region.quad[0] for region in regions]) / lengths[:, None]
    apart = middles[None] - middles[:, None]
    along = (apart * ways[:, None]).sum(axis=2)
    across = np.abs(apart[..., 1] * ways[:, None, 0] - apart[..., 0] * ways[:, None, 1])
    sums = lengths[:, None] + lengths[None]
    gaps = np.abs(along) - sums / 2
    lower, higher = np.minimum(heights[:, None], heights[None]), np.maximum(heights[:, None], heights[None])
    fits = (np.abs(ways @ ways.T) > 0.997) & (across < 0.3 * lower) & (higher < 1.5 * lower)
    fits &= (gaps < 0.12 * sums) & (gaps > -0.1 * sums)
    return [_union(regions[i], regions[j]) for i, j in np.argwhere(fits) if i < j]


def _union(one: Region, other: Region) -> Region:
    u = (one.quad[1] - one.quad[0]) / one.length
    v = (one.quad[3] - one.quad[0]) / one.height
    points = np.vstack([one.quad, other.quad])
    low, high = (points @ u).min(), (points @ u).max()
    middle = (one.quad.mean(axis=0) + other.quad.mean(axis=0)) / 2 @ v * v
    half = v * min(one.height, other.height) / 2
    quad = np.array([u * low - half, u * high - half, u * high + half, u * low + half]) + middle
    return Region(quad, "linear", one.lean, one.score + other.score)


def _matrix(ground: _Ground) -> list[Region]:
    """Patches about as high as wide with edges all over, of which no way has most."""
    mask = ((ground.dense > MATRIX) & (ground.oneway < 0.75 * ground.dense)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    found = []
    for rows, columns in _parts(mask, 16):
        points = np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32)
        (x, y), (width, height), degrees = cv2.minAreaRect(points)
        short, long = sorted((width + 1, height + 1))
        filled = len(rows) / (long * short)
        if long > 2.2 * short or filled < 0.5 or short < 4:
            continue
        angle = (math.radians(degrees) + math.pi / 4) % (math.pi / 2) - math.pi / 4
        if abs(math.radians(degrees) - angle) % math.pi > 0.1:
            width, height = height, width
        size = ((width + 1) * ground.cell, (height + 1) * ground.cell)
        quad = _quad((x * ground.cell - 0.5, y * ground.cell - 0.5), size, angle)
        density = float(ground.dense[rows, columns].mean())
        found.append(Region(quad, "matrix", 0.0, density * filled * math.sqrt(size[0] * size[1])))
    return found


def _known(region: Region, others: Iterable[Region]) -> bool:
    """Whether another region of about this size lies about here."""
    middle = region.quad.mean(axis=0)
    return any(other.holds(middle) and other.length > 0.7 * region.length for other in others)


def _linear(ground: _Ground) -> list[Region]:
    return [
        region
        for part in _parts((ground.oneway > LINEAR).astype(np.uint8), 15)
        if (region := _linear_region(ground, part)) is not None
    ]


def _parts(mask: NDArray[np.uint8], least: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows and columns of each connected part of a mask of at least so many cells."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    for number in range(1, count):
        x, y, width, height, area = (int(value) for value in boxes[number])
        if area >= least:
            rows, columns = np.nonzero(labels[y : y + height, x : x + width] == number)
            yield rows + y, columns + x


def _linear_region(ground: _Ground, part: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Region | None:
    rows, columns = part
    p, q = float(ground.along[part].sum()), float(ground.across[part].sum())
    normal = 0.5 * math.atan2(q, p)  # the direction across the bars, in which the code is read
    centre, size, angle = _box(rows, columns, ground.cell, normal)
    length, height = size
    if length < 6 * ground.cell or height < 1.4 * ground.cell or length < 0.7 * height:
        return None  # an edge or a line of text: long across the direction its gradients point in
    lean = math.tan(angle - normal)
    strength = math.hypot(p, q) / len(rows)
    return Region(_quad(centre, size, angle), "linear", lean, strength * math.sqrt(length * height))


def _box(
    rows: NDArray[np.intp], columns: NDArray[np.intp], cell: float, direction: float
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """The upright-most rectangle about some cells: centre, (length, height), angle of its length near a direction."""
    points = np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32)
    (x, y), (width, height), degrees = cv2.minAreaRect(points)
    angle = math.radians(degrees)
    if abs(_turn(angle - direction)) > math.pi / 4:
        width, height, angle = height, width, angle + math.pi / 2
    angle = direction + _turn(angle - direction)
    if abs(angle - direction) > math.radians(25) or min(width, height) < 0.3 * height:
        angle = direction
    # a reading direction to the right, so that most pieces stand upright
    angle = _turn(angle)
    return (x * cell - 0.5, y * cell - 0.5), ((width + 1) * cell, (height + 1) * cell), angle


def _turn(angle: float) -> float:
    """The same line's angle between -90 and 90 degrees."""
    return (angle + math.pi / 2) % math.pi - math.pi / 2


def _quad(centre: tuple[float, float], size: tuple[float, float], angle: float) -> NDArray[np.float64]:
    u = np.array([math.cos(angle), math.sin(angle)]) * size[0] / 2
    v = np.array([-math.sin(angle), math.cos(angle)]) * size[1] / 2
    middle = np.array(centre)
    return np.array([middle - u - v, middle + u - v, middle + u + v, middle - u + v])


# ------------------------------------------------------------------ pieces


def cut(
    grey: Grey, region: Region, *, scale: tuple[float, float] = (2.0, 2.0), keep: float = 1.0, quiet: float = QUIET
) -> Piece:
    """The region laid straight with its bars upright, `scale` pixels per pixel, with a quiet zone left and right.

    `keep` is the share of its height that is kept, about the middle; a matrix code gets the quiet zone on all sides.
    """
    margin = quiet * region.length + 6
    above = margin if region.kind == "matrix" else (keep - 1) * region.height / 2
    width = max(8, int((region.length + 2 * margin) * scale[0]))
    height = max(3, int((region.height + 2 * above) * scale[1]))
    u = (region.quad[1] - region.quad[0]) / region.length
    v = np.array([-u[1], u[0]]) + u * region.lean
    middle = region.quad.mean(axis=0)
    u, v = u / scale[0], v / scale[1]
    corner = middle - u * (width - 1) / 2 - v * (height - 1) / 2
    to_photo = np.array([[u[0], v[0], corner[0]], [u[1], v[1], corner[1]], [0.0, 0.0, 1.0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    straight = cv2.warpAffine(grey, to_photo[:2], (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Piece(np.asarray(straight, dtype=np.uint8), to_photo, "cut")


def straightened(grey: Grey, region: Region) -> Region:
    """The region with its bars' slant measured on the photo's own pixels."""
    gx, gy = cv2.spatialGradient(np.ascontiguousarray(cut(grey, region, scale=(1, 1), keep=0.7, quiet=0).grey))
    x, y = gx.astype(np.float32), gy.astype(np.float32)
    normal = 0.5 * math.atan2(2 * float((x * y).sum()), float((x * x - y * y).sum()))
    slant = -math.tan(normal)
    return replace(region, lean=region.lean + slant) if abs(slant) < 0.6 else region


@dataclass(frozen=True, slots=True)
class Profile:
    """A linear region as its average along the bars.

    `line` has FINE samples per photo pixel, `length` of which (in the middle) are the region; `module` is a guess of
    the samples per module; `to_photo` takes (sample, 0 to STRIP_ROWS down the region) to the photo's pixels.
    """

    line: Line
    length: float
    module: float
    to_photo: Matrix


def profile(grey: Grey, region: Region) -> Profile:
    """The average along the bars of a linear region, its outer rows left out."""
    piece = cut(grey, straightened(grey, region), scale=(FINE, 1), keep=KEEP)
    length = region.length * FINE
    line = _averaged(piece.grey)
    rows = piece.grey.shape[0] / KEEP
    upright = np.array([[1.0, 0.0, 0.0], [0.0, rows / STRIP_ROWS, (KEEP - 1) / 2 * rows], [0.0, 0.0, 1.0]])
    return Profile(line, length, _module(line, length), piece.to_photo @ upright)


def _averaged(rows: Grey) -> Line:
    """The mean of some rows; where glare blinds some of them, the mean of the darker ones at each place."""
    if np.count_nonzero(rows >= BLIND) < 0.01 * rows.size:
        return rows.mean(axis=0, dtype=np.float32)
    bands = min(BANDS, rows.shape[0])
    lines = cv2.resize(rows, (rows.shape[1], bands), interpolation=cv2.INTER_AREA)
    return np.sort(lines, axis=0)[: max(1, bands // 3)].mean(axis=0, dtype=np.float32)


def _module(line: Line, length: float) -> float:
    """Samples per module, guessed from how often a profile of a code of this length turns: a bar is 1.8 modules."""
    black = evened(line[None], length * WINDOW)[0] < 128
    turns = int(np.count_nonzero(black[1:] != black[:-1]))
    return length / max(turns, 8) / 1.8


# Blurs that are taken off, and how much noise each is trusted with: sigma in modules, noise power; best first.
BLURS: tuple[tuple[float, float], ...] = (
    (0.45, 0.003),
    (0.55, 0.001),
    (0.35, 0.003),
    (0.55, 0.01),
    (0.65, 0.003),
    (0.45, 0.001),
    (0.25, 0.01),
    (0.75, 0.003),
)


def strips(profile: Profile, blurs: Sequence[tuple[float, float]] = BLURS) -> list[Piece]:
    """A profile as pictures a few rows high, each with another blur taken off."""
    sharp = deblurred(profile.line, [(sigma * profile.module, noise) for sigma, noise in blurs])
    even = evened(sharp, profile.length * WINDOW)
    return [
        Piece(np.repeat(row[None], STRIP_ROWS, axis=0), profile.to_photo, f"strip {sigma:g} {noise:g}")
        for row, (sigma, noise) in zip(even, blurs, strict=True)
    ]


def fitted(profile: Profile) -> Piece | None:
    """A profile as the clean bars of the Code 128 that fits it, if one fits well; its top left is the symbol's own."""
    darkness, sharp = _darkness(profile)
    begins, ends = _ends(sharp, profile.length)
    fit = fit_code128(darkness, begins, ends, profile.module)
    if fit is None:
        return None
    row = np.full(fit.modules + 2 * FIT_QUIET, 255, np.uint8)
    for begin, end in fit.bars:
        row[FIT_QUIET + begin : FIT_QUIET + end] = 0
    clean = np.repeat(np.repeat(row, FIT_SCALE)[None], STRIP_ROWS, axis=0)
    step = (fit.end - fit.begin) / (fit.modules * FIT_SCALE)
    down = -1.0 if step < 0 else 1.0  # upside down is turned in both ways
    place = np.array([[step, 0.0, fit.begin - FIT_QUIET * FIT_SCALE * step], [0.0, down, 0.0], [0.0, 0.0, 1.0]])
    place[1, 2] = STRIP_ROWS if step < 0 else 0.0
    return Piece(np.ascontiguousarray(clean), profile.to_photo @ place, "fitted")


def _darkness(profile: Profile) -> tuple[Floats, Floats]:
    """The profile from 0 (white) to 1 (black) by its surroundings, as it is and sharpened."""
    rows = np.vstack([profile.line[None], deblurred(profile.line, [(profile.module / 2, 0.01)])])
    low, high = _around(rows, profile.length * 0.2)
    span = high - low
    span = np.maximum(span, 0.3 * np.median(span, axis=1, keepdims=True)) + 1e-3
    dark = ((high - rows) / span).astype(np.float64)
    return dark[0], dark[1]


def _ends(sharp: Floats, length: float) -> tuple[list[float], list[float]]:
    """Samples where bars may begin and end: a region is rather found too long than too short."""
    dark = sharp > 0.5
    margin = (len(sharp) - length) / 2
    outward, inward = 0.06 * length + 8, 0.06 * length + 25 * FINE
    begins = [float(x) + 1 for x in np.flatnonzero(dark[1:] & ~dark[:-1]) if -outward < x - margin < inward]
    ends = [float(x) + 1 for x in np.flatnonzero(~dark[1:] & dark[:-1]) if -outward < len(sharp) - margin - x < inward]
    return begins[:4], ends[-4:]


def deblurred(line: Line, blurs: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
    """A profile with Gaussian blurs of (sigma in samples, noise power) taken off by Wiener's filter, one a row."""
    border = int(6 * max(sigma for sigma, _ in blurs)) + 8
    padded = np.pad(line - line.mean(), border, mode="edge")
    waves = 2 * np.pi * np.fft.rfftfreq(len(padded))
    sigmas = np.array([sigma for sigma, _ in blurs])[:, None]
    noises = np.array([noise for _, noise in blurs])[:, None]
    blur = np.exp(-0.5 * (sigmas * waves) ** 2)
    rows = np.fft.irfft(np.fft.rfft(padded) * blur / (blur**2 + noises), len(padded))
    return np.asarray(rows[:, border : border + len(line)], dtype=np.float32)


def evened(rows: NDArray[np.float32], window: float) -> Grey:
    """Profiles with their local black and white drawn to 0 and 255."""
    low, high = _around(rows, window)
    even: Grey = np.clip((rows - low) / np.maximum(high - low, 1e-3) * 255, 0, 255).astype(np.uint8)
    return even


def _around(rows: NDArray[np.float32], window: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The darkest and the lightest about each sample."""
    across = (int(window) | 1, 1)
    kernel = np.ones((1, across[0]), np.uint8)
    low, high = cv2.blur(cv2.erode(rows, kernel), across), cv2.blur(cv2.dilate(rows, kernel), across)
    return low.reshape(rows.shape), high.reshape(rows.shape)


def tiles(grey: Grey, *, side: int = 1100, overlap: int = 500) -> Iterator[Piece]:
    """Overlapping squares of a large photo, so that an engine spends its lines on every part of it."""
    height, width = grey.shape
    step = side - overlap
    for top in range(0, max(1, height - overlap), step):
        for left in range(0, max(1, width - overlap), step):
            to_photo = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
            yield Piece(np.ascontiguousarray(grey[top : top + side, left : left + side]), to_photo, "tile")


def read_pieces(pieces: Iterable[Piece], engine: Engine) -> list[Reading]:
    """What an engine reads in each piece, with corners in the photo's pixels."""
    return [piece.in_photo(reading) for piece in pieces for reading in engine(piece.grey)]
