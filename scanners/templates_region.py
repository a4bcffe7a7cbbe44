"""From a region of a picture to profiles of light along its bars, and where a symbol may begin and end in them."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Doubles = NDArray[np.float64]
Quad = NDArray[np.float64]  # top left, top right, bottom right, bottom left of the bars: (4, 2) x and y

LENGTH = 400  # samples of a profile between the ends of the region
BEYOND = 0.3  # of the region's length looked at on either side: detectors cut and overshoot
SAMPLES = round(LENGTH * (1 + 2 * BEYOND))
_PARTIAL = 0.25  # bars that go on by more than this share of a region: it is a part of a symbol
_ROWS = 48  # rows of a strip at most
# Blur mixes light, and the picture's grey is about the 2.2th root of it: bars are compared in light. On photos of five
# phones this halves what the model leaves unexplained.
_GREY = (np.arange(256) / 255).astype(np.float32)
_LIGHT = _GREY**2.2


@dataclass(frozen=True, slots=True)
class Strip:
    """A region turned so that its bars stand upright, and the way back into the picture."""

    grey: Grey
    matrix: Doubles  # (3, 3): homogeneous (sample, row, 1) to the picture's (x, y, 1)
    coherence: float  # 1: all edges have one direction

    def profile(self, top: float = 0.0, bottom: float = 1.0, *, linear: bool = True) -> Doubles:
        """Mean light (or grey, if not `linear`) of the rows between two shares of the height, from 0 to 1."""
        rows = len(self.grey)
        band = self.grey[int(top * rows) : max(int(top * rows) + 1, int(bottom * rows))]
        samples: Doubles = (_LIGHT if linear else _GREY)[band].mean(axis=0, dtype=np.float64)
        profile: Doubles = samples.reshape(SAMPLES, -1).mean(axis=1)
        return profile

    def in_picture(self, left: float, right: float) -> tuple[tuple[int, int], ...]:
        """The corners in the picture of the bars between two samples, clockwise from the top left."""
        rows, times = self.grey.shape[0], self.grey.shape[1] / SAMPLES
        places = np.array([(left, 0), (right, 0), (right, rows), (left, rows)]) * (times, 1)
        points = np.column_stack([places, np.ones(4)]) @ self.matrix.T
        return tuple((round(float(x / w)), round(float(y / w))) for x, y, w in points)


def strip(grey: Grey, quad: Quad) -> Strip | None:
    """The region of a quad turned upright by the direction of its edges; None if it is a sliver."""
    return next(strips(grey, quad), None)


def strips(grey: Grey, quad: Quad) -> Iterator[Strip]:
    """The region of a quad turned upright by the direction of its edges; then, if its bars go on, all of them."""
    left, right = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
    width = float(np.hypot(*(right - left)))
    height = float(min(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1]))))
    if width < 60 or height < 4:
        return
    centre, along, coherence, fan = (left + right) / 2, (right - left) / width, 0.0, 0.0
    for _ in range(2):
        angle, coherence, fan = _directions(grey, centre, along, width, height * 0.7)
        along = along * np.cos(angle) + _across(along) * np.sin(angle)
    yield _upright(grey, centre, along, (width, height * 0.8), fan, coherence)
    less, more = _grown(grey, centre, along, width, height * 0.6)
    if max(less, more) > _PARTIAL:
        centre, width = centre + along * width * (more - less) / 2, width * (1 + less + more)
        yield _upright(grey, centre, along, (width, height * 0.8), fan, coherence)


def _upright(
    grey: Grey, centre: Doubles, along: Doubles, size: tuple[float, float], fan: float, coherence: float
) -> Strip:
    """The strip about a centre, of `size` (along the bars' row, across) and what lies beyond its ends."""
    width, height = size
    # Never fewer samples than pixels: a sharp code would alias. More than needed are averaged afterwards.
    columns, rows = SAMPLES * max(1, round(width / LENGTH)), int(min(_ROWS, max(4, height)))
    half = width * (0.5 + BEYOND)
    turn = float(np.clip(fan * half, -0.5, 0.5))  # of the bars at the ends against those in the middle
    lean = along * np.sin(turn) * height / 2
    down = _across(along) * np.cos(turn) * height / 2
    first, last = centre - along * half, centre + along * half
    corners = np.array([first - down - lean, last - down + lean, last + down - lean, first + down + lean])
    edges = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(edges, corners.astype(np.float32))
    return Strip(_cut(grey, matrix, (columns, rows)), matrix, coherence)


def _across(along: Doubles) -> Doubles:
    """The direction a quarter turn on: down, for what goes to the right."""
    return np.array([-along[1], along[0]])


def _cut(grey: Grey, matrix: Doubles, size: tuple[int, int]) -> Grey:
    """A piece of the picture, of `size` (columns, rows), by the way from it into the picture."""
    middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # pixels have their places in their middles
    back = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut: Grey = cv2.warpPerspective(grey, back @ matrix @ middle, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cut


def _directions(grey: Grey, centre: Doubles, along: Doubles, width: float, height: float) -> tuple[float, float, float]:
    """The angle of the edges' common direction, how much they have one, and by how much it turns a pixel along."""
    finer = min(1.0, 64 / height)
    columns, rows = max(2, int(width * finer)), max(4, int(height * finer))
    step, rise = along * width / columns, _across(along) * height / rows
    first = centre - along * width / 2 - _across(along) * height / 2
    matrix = np.vstack([np.column_stack([step, rise, first]), (0.0, 0.0, 1.0)])
    smooth = cv2.GaussianBlur(_cut(grey, matrix, (columns, rows)), (0, 0), 1.0)
    right, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    # The structure tensor by columns: (difference of squares, twice the product, sum of squares).
    tensor = np.array([right * right - down * down, 2 * right * down, right * right + down * down]).sum(axis=1)
    halves = tensor[:, : columns // 2].sum(axis=1), tensor[:, columns // 2 :].sum(axis=1)
    whole = halves[0] + halves[1]
    if whole[2] == 0:
        return 0.0, 0.0, 0.0
    angle, coherence = 0.5 * float(np.arctan2(whole[1], whole[0])), float(np.hypot(whole[0], whole[1]) / whole[2])
    turn = 0.5 * float(np.arctan2(halves[1][1], halves[1][0]) - np.arctan2(halves[0][1], halves[0][0]))
    return angle, coherence, turn / (width / 2) if abs(turn) < 0.5 else 0.0


def _grown(grey: Grey, centre: Doubles, along: Doubles, width: float, height: float) -> tuple[float, float]:
    """How far bars go on before and after a region, in shares of its width: detectors see a part where light is bad."""
    step, rows = width / 200, 16
    matrix = np.eye(3)
    matrix[:2, 0], matrix[:2, 1] = along * step, _across(along) * height / rows
    matrix[:2, 2] = centre - along * 1.5 * width - _across(along) * height / 2
    mean = _cut(grey, matrix, (600, rows)).mean(axis=0)
    # Edges of the mean of all rows: bars have them, text and pictures much less.
    edges = cv2.blur(np.abs(np.gradient(mean))[None], (21, 1))[0]
    still = edges > 0.3 * float(np.median(edges[200:400]))
    before, after = ~still[:200][::-1], ~still[400:]
    return tuple(float(gap.argmax() if gap.any() else 200) / 200 for gap in (before, after))  # type: ignore[return-value]


def ends(light: Doubles, *, modules: int, most: int) -> tuple[list[int], list[int]]:
    """Samples where a symbol may begin and where it may end: edges between white and dark, the strongest first."""
    module = LENGTH / modules
    smooth = cv2.GaussianBlur(light[None], (0, 0), module * 0.6)[0]
    left = _falling(smooth, module)
    right = _falling(smooth[::-1], module)
    return left[:most], [len(light) - place for place in right[:most]]


def _falling(light: Doubles, module: float) -> list[int]:
    """Places where light falls from white, about where the region begins; the strongest first."""
    slope = np.diff(light)
    expected = LENGTH * BEYOND
    reach = min(expected * 0.9, LENGTH * 0.2)
    places = np.arange(int(expected - reach), int(expected + reach))
    steepest = places[(slope[places] < 0) & (slope[places] <= slope[places - 1]) & (slope[places] < slope[places + 1])]
    # Within a symbol four modules are white at most: the darkest of the five before an edge tells a quiet zone.
    before = steepest[:, None] - np.arange(int(module), int(4.5 * module))
    white = light[np.maximum(before, 0)].min(axis=1) / max(float(light.max()), 1e-9)
    order = np.argsort(slope[steepest] * white**2, kind="stable")
    return [int(place) + 1 for place in steepest[order]]
