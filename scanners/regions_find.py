"""Patches of a photo that look like codes, by the structure of their edges.

A linear code is a patch where nearly every spot has an edge and all edges run one way; a matrix code is a patch of
edges that run every way. Both show in the structure tensor (sums of gradient products over small cells), which tells
the direction of the bars as well.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners.regions_values import Grey, Line, Region, smaller

CELL = 4  # pixels of the working copy that one cell of the structure tensor sums up
LONGEST = 2048  # pixels of the working copy's longer side
SPREAD = 5  # cells a spot looks about itself
LINEAR = 0.36  # of a spot's surroundings that must run one way; flat paper and noise have under 0.2
MOST = 80  # regions of a kind that are given
PAIRED = 400  # regions that are compared with one another: of hostile patterns there are thousands
MATRIX = 0.40  # of a spot's surroundings that must have edges, of any way


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
    work = smaller(grey, shrink)
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


def find_regions(grey: Grey) -> list[Region]:
    """Patches that look like codes, at most `MOST` of each kind, the likeliest first."""
    fine = _ground(grey, LONGEST)
    found = _likeliest(_linear(fine), PAIRED)
    square = _likeliest(_matrix(fine), PAIRED)
    if max(grey.shape) > LONGEST // 3:  # codes that fill the picture have bars wider than a fine spot's surroundings
        coarse = _ground(grey, LONGEST // 3)
        found += [region for region in _linear(coarse) if not _known(region, found)]
        square += [region for region in _matrix(coarse) if not _known(region, square)]
    found += _joined(found)
    both = _likeliest(found, MOST) + _likeliest(square, MOST)
    return _likeliest(both, len(both))


def _likeliest(regions: list[Region], most: int) -> list[Region]:
    return sorted(regions, key=lambda region: -region.likeness)[:most]


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
    strength = min(part.score / math.sqrt(part.length * part.height) for part in (one, other))
    return Region(quad, "linear", one.lean, strength * math.sqrt((high - low) * np.linalg.norm(2 * half)))


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
