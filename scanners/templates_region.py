"""From a region of a picture to profiles of light along its bars, and where a symbol may begin and end in them."""

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
_ROWS = 48  # rows of a strip at most
# Blur mixes light, and the picture's grey is about the 2.2th root of it: bars are compared in light. On photos of five
# phones this halves what the model leaves unexplained.
_GREY = (np.arange(256) / 255).astype(np.float32)
_LIGHT = _GREY**2.2


@dataclass(frozen=True, slots=True)
class Strip:
    """A region turned so that its bars stand upright, and where its rows lie in the picture."""

    grey: Grey
    origin: Doubles  # picture's (x, y) of the strip's first sample of the first row
    along: Doubles  # picture's way from sample to sample
    down: Doubles  # picture's way from row to row
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
        rows = len(self.grey)
        places = ((left, 0), (right, 0), (right, rows), (left, rows))
        points = [self.origin + self.along * sample + self.down * row for sample, row in places]
        return tuple((round(float(x)), round(float(y))) for x, y in points)


def strip(grey: Grey, quad: Quad) -> Strip | None:
    """The region of a quad turned upright by the direction of its edges; None if it is a sliver."""
    left, right = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
    width = float(np.hypot(*(right - left)))
    height = float(min(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1]))))
    if width < 60 or height < 4:
        return None
    centre, along, coherence = (left + right) / 2, (right - left) / width, 0.0
    for _ in range(2):
        size = (width, height * 0.7)
        finer = min(1.0, 64 / size[1])
        samples = (int(size[0] * finer), max(4, int(size[1] * finer)))
        angle, coherence = _direction(_cut(grey, centre, along, size, samples))
        cosine, sine = np.cos(angle), np.sin(angle)
        along = np.array([along[0] * cosine - along[1] * sine, along[1] * cosine + along[0] * sine])
    # Never fewer samples than pixels: a sharp code would alias. More than needed are averaged afterwards.
    times = max(1, round(width / LENGTH))
    size = (width * (1 + 2 * BEYOND), height * 0.8)
    rows = int(min(_ROWS, max(4, size[1])))
    upright = _cut(grey, centre, along, size, (SAMPLES * times, rows))
    across = np.array([-along[1], along[0]])
    step, rise = along * size[0] / SAMPLES, across * size[1] / rows
    origin = centre - along * size[0] / 2 - across * size[1] / 2
    return Strip(upright, origin, step, rise, coherence)


def _cut(grey: Grey, centre: Doubles, along: Doubles, size: tuple[float, float], samples: tuple[int, int]) -> Grey:
    """A turned rectangle of the picture, of `size` pixels, as `samples` (columns, rows)."""
    across = np.array([-along[1], along[0]])
    step, rise = along * size[0] / samples[0], across * size[1] / samples[1]
    first = centre - along * size[0] / 2 - across * size[1] / 2 + (step + rise) / 2
    matrix = np.column_stack([step, rise, first])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut: Grey = cv2.warpAffine(grey, matrix, samples, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cut


def _direction(region: Grey) -> tuple[float, float]:
    """The angle of the edges' common direction (structure tensor), and how much they have one."""
    smooth = cv2.GaussianBlur(region, (0, 0), 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    xx, yy, xy = float((across * across).sum()), float((down * down).sum()), float((across * down).sum())
    if xx + yy == 0:
        return 0.0, 0.0
    return 0.5 * float(np.arctan2(2 * xy, xx - yy)), float(np.hypot(2 * xy, xx - yy)) / (xx + yy)


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
