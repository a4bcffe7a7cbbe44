"""Where readings lie in a photo beside one another: as leaning rectangles, for upright ones would reach into a
neighbour's bars as soon as the photo is tilted.
"""

import math
from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np

from scanners.values import Corners, Reading

SLACK = 8  # pixels: linear readings may be a single scan line high
NEAR = 0.08  # of a reading's length: what is printed belongs to it that far around the scan lines that were read
Point = tuple[float, float]
Rectangle = tuple[tuple[float, float], tuple[float, float], float]  # middle, sides, degrees: as OpenCV has them


def place(reading: Reading) -> Rectangle:
    """The smallest rectangle about a reading."""
    return _about(reading.corners)


def surroundings(reading: Reading) -> Rectangle:
    """The same with some room; of a stacked DataBar zxing tells the first column only."""
    corners = np.array(reading.corners, dtype=np.float64)
    if reading.symbology == "DataBarExp":
        corners[1:3] += 1.5 * (corners[1:3] - corners[[0, 3]])
    middle, (width, height), degrees = _about(tuple((x, y) for x, y in corners.tolist()))
    room = 2 * NEAR * max(_about(reading.corners)[1])
    return middle, (width + room, height + room), degrees


def is_line(reading: Reading) -> bool:
    """Whether an engine told no more than the scan line that it read."""
    return min(place(reading)[1]) < 1


def is_point(reading: Reading) -> bool:
    """Whether an engine told no place but a point or an upright line, as ZBar does at times."""
    left, _, right, _ = _bounds(reading.corners)
    return left == right


def touch(one: Reading, other: Reading, room: float = 0.0) -> bool:
    """Whether two readings meet, with a little slack and `room` pixels about the other."""
    if _are_apart(one, other, SLACK + 1.5 * room):
        return False
    return _common(_grown(place(one), SLACK), _grown(place(other), SLACK + 2 * room)) > 0


def _are_apart(one: Reading, other: Reading, reach: float) -> bool:
    """Whether upright boxes about them tell it: quickly, for most pairs of a photo of many."""
    left, top, right, bottom = _bounds(one.corners)
    x, y, beyond, below = _bounds(other.corners)
    return left > beyond + reach or x > right + reach or top > below + reach or y > bottom + reach


def holds_middle(outer: Reading, inner: Reading) -> bool:
    """Whether the middle of a reading lies within another, with a little slack."""
    if _are_apart(outer, inner, 1.5 * SLACK):
        return False
    left, top, right, bottom = _bounds(inner.corners)
    ((x, y),) = _seen_from(_grown(place(outer), 2 * SLACK), [((left + right) / 2, (top + bottom) / 2)])
    return abs(x) <= 0.5 and abs(y) <= 0.5


def overlap(one: Rectangle, other: Rectangle) -> float:
    """The share of the smaller of two rectangles that lies within the other."""
    smaller = min(one[1][0] * one[1][1], other[1][0] * other[1][1])
    return _common(one, other) / smaller if smaller else 0.0


def _grown(rectangle: Rectangle, by: float) -> Rectangle:
    """Half as much wider at each side."""
    middle, (width, height), degrees = rectangle
    return middle, (width + by, height + by), degrees


def _common(one: Rectangle, other: Rectangle) -> float:
    """Square pixels that two rectangles share, neither of them empty.

    By Sutherland and Hodgman's clipping: OpenCV's own gives nothing for some that lie edge on edge.
    """
    points = _seen_from(one, [(float(x), float(y)) for x, y in cv2.boxPoints(other)])
    for axis in (0, 1):
        for side in (-1, 1):
            points = _clipped(points, axis, side)
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))
    return abs(twice) / 2 * one[1][0] * one[1][1]


def _seen_from(rectangle: Rectangle, points: list[Point]) -> list[Point]:
    """Points as a rectangle has them: from -0.5 to 0.5 along either side if they lie inside."""
    (x, y), (width, height), degrees = rectangle
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(((a - x) * cos + (b - y) * sin) / width, ((b - y) * cos - (a - x) * sin) / height) for a, b in points]


def _clipped(points: list[Point], axis: int, side: int) -> list[Point]:
    """What of a polygon lies on this side of half along an axis."""
    kept: list[Point] = []
    for before, point in zip(points[-1:] + points[:-1], points, strict=True):
        inside, was_inside = side * point[axis] <= 0.5, side * before[axis] <= 0.5
        if inside != was_inside:
            share = (side * 0.5 - before[axis]) / (point[axis] - before[axis])
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if inside:
            kept.append(point)
    return kept


def about(points: Iterable[Iterable[float]]) -> Rectangle:
    """The smallest rectangle about some points."""
    middle, sides, degrees = cv2.minAreaRect(np.array(points, dtype=np.float32))
    return (float(middle[0]), float(middle[1])), (float(sides[0]), float(sides[1])), float(degrees)


@lru_cache(maxsize=1024)  # of forty boxes each is compared with each, again after every reading
def _about(corners: tuple[tuple[float, float], ...]) -> Rectangle:
    return about(corners)


@lru_cache(maxsize=1024)
def _bounds(corners: Corners) -> tuple[int, int, int, int]:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)
