"""The reading ladder: the cheap attempt first, dearer ones while nothing is found and time is left.

Each rung is a preparation of the grey picture and an engine; the order is data, from the dearest gain per millisecond
down. A photo whose first rung reads something well is answered after one or two rungs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners import opencv, zbar, zxing
from scanners.evidence import Evidence
from scanners.values import Ascent, Reading, Step

Grey = NDArray[np.uint8]
Engine = Callable[[Grey], list[Reading]]
ENGINES: dict[str, Engine] = {zxing.NAME: zxing.read, zbar.NAME: zbar.read, opencv.NAME: opencv.read}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A changed picture, and how its pixels lie in the original: multiply by `scale`, after turning back."""

    grey: Grey
    scale: float = 1.0
    turned: float = 0.0  # degrees, counter-clockwise about the centre of the original


def plain(grey: Grey) -> Prepared:
    """The picture as it is."""
    return Prepared(grey)


def shrunk(grey: Grey, longest: int = 1000) -> Prepared:
    """Large photos made small: noise goes, wide bars stay."""
    factor = longest / max(grey.shape)
    if factor >= 0.8:
        return Prepared(grey[:0])
    return Prepared(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), 1 / factor)


def grown(grey: Grey) -> Prepared:
    """Small pictures doubled: bars of one pixel become readable."""
    if max(grey.shape) > 1600:
        return Prepared(grey[:0])
    return Prepared(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), 0.5)


def evened(grey: Grey) -> Prepared:
    """Local contrast (CLAHE): for dark cold rooms and glare."""
    return Prepared(cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(_at_most(grey)), _scale(grey))


def sharpened(grey: Grey) -> Prepared:
    """Unsharp mask: for a little blur."""
    small = _at_most(grey)
    blurred = cv2.GaussianBlur(small, (0, 0), 3)
    return Prepared(cv2.addWeighted(small, 2.2, blurred, -1.2, 0), _scale(grey))


def grown_sharp(grey: Grey) -> Prepared:
    """Doubled and sharpened: for phones without autofocus."""
    first = grown(_at_most(grey, 1200))
    if not first.grey.size:
        return first
    blurred = cv2.GaussianBlur(first.grey, (0, 0), 5)
    return Prepared(cv2.addWeighted(first.grey, 2.5, blurred, -1.5, 0), first.scale * _scale(grey, 1200))


def turned(degrees: float) -> Callable[[Grey], Prepared]:
    """Turned about its centre, the corners filled with white."""

    def prepare(grey: Grey) -> Prepared:
        small = _at_most(grey, 1400)
        height, width = small.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        whole = cv2.warpAffine(small, matrix, (width, height), borderValue=255)
        return Prepared(whole, _scale(grey, 1400), degrees)

    return prepare


def _at_most(grey: Grey, longest: int = 2200) -> Grey:
    scale = _scale(grey, longest)
    if scale == 1.0:
        return grey
    smaller: Grey = cv2.resize(grey, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    return smaller


def _scale(grey: Grey, longest: int = 2200) -> float:
    return max(1.0, float(max(grey.shape)) / longest)


@dataclass(frozen=True, slots=True)
class Rung:
    """One attempt: an engine on a preparation."""

    engine: str
    preparation: str
    prepare: Callable[[Grey], Prepared]


RUNGS: tuple[Rung, ...] = (
    Rung("zxing", "plain", plain),
    Rung("opencv", "plain", plain),
    Rung("zbar", "plain", plain),
    Rung("zxing", "shrunk", shrunk),
    Rung("opencv", "sharpened", sharpened),
    Rung("zxing", "sharpened", sharpened),
    Rung("opencv", "shrunk", shrunk),
    Rung("zbar", "sharpened", sharpened),
    Rung("zxing", "evened", evened),
    Rung("opencv", "grown_sharp", grown_sharp),
    Rung("zbar", "shrunk", shrunk),
    Rung("zxing", "grown", grown),
    Rung("zbar", "grown_sharp", grown_sharp),
    Rung("zxing", "grown_sharp", grown_sharp),
    Rung("opencv", "turned45", turned(45)),
    Rung("zbar", "turned45", turned(45)),
    Rung("zxing", "turned20", turned(20)),
    Rung("zxing", "turned-20", turned(-20)),
)
# Once something is believed, this many further rungs look for what the first ones missed or confirm it.
RUNGS_AFTER_SUCCESS = 2


def climb(grey: Grey, *, seconds: float, rungs: Sequence[Rung] = RUNGS) -> Ascent:
    """Read a grey picture within a time budget; the first rung always runs. Corners are in the picture's pixels."""
    evidence = Evidence()
    prepared: dict[str, Prepared] = {}
    steps: list[Step] = []
    deadline = time.monotonic() + seconds
    after_success = 0
    for number, rung in enumerate(rungs):
        started = time.monotonic()
        if number and (started >= deadline or after_success > RUNGS_AFTER_SUCCESS):
            break
        if rung.preparation not in prepared:
            prepared[rung.preparation] = rung.prepare(grey)
        view = prepared[rung.preparation]
        if view.grey.size:
            found = tuple(_in_original(reading, view, grey) for reading in ENGINES[rung.engine](view.grey))
            evidence.add(found, rung.preparation)
            steps.append(Step(f"{rung.engine} {rung.preparation}", (time.monotonic() - started) * 1000, found))
        if evidence.believed():
            after_success += 1
    return Ascent(tuple(evidence.believed()), tuple(evidence.doubtful()), tuple(steps))


def _in_original(reading: Reading, view: Prepared, grey: Grey) -> Reading:
    """The reading with its corners in the original's pixels."""
    if view.scale == 1.0 and not view.turned:
        return reading
    points = np.array(reading.corners, dtype=np.float64)
    if view.turned:
        height, width = view.grey.shape
        back = cv2.getRotationMatrix2D((width / 2, height / 2), -view.turned, 1.0)
        points = points @ back[:, :2].T + back[:, 2]
    points = points * view.scale
    limit = np.array([grey.shape[1] - 1, grey.shape[0] - 1])
    inside = np.clip(np.rint(points), 0, limit).astype(int)
    return replace(reading, corners=tuple((int(x), int(y)) for x, y in inside))
