"""What the photo itself says about a linear reading: are its ends the code's ends, and do its bars go on to another?"""

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners.regions import Grey
from scanners.values import Reading

Line = NDArray[np.float32]

SAMPLES = 400  # of a line along a reading
ZONE, BEGIN = 0.06, 0.015  # of a reading's length: what must be white beside it, and how far from its end that begins
GLARE = 0.35  # of the contrast: a zone that much brighter than the code's white is a reflection that may hide bars
ALIKE = 0.6  # correlation of two lines across the same bars


def has_quiet_zones(grey: Grey, reading: Reading) -> bool:
    """Whether the paper beside both ends of a linear reading is as white as between its bars, and no whiter.

    A part of an Interleaved 2 of 5 reads as a shorter one (ISO/IEC 16390 asks for quiet zones of ten modules for that).
    """
    left, right = _ends(reading)
    beyond = (right - left) * (ZONE + BEGIN)
    line = _light(grey, left - beyond, right + beyond)
    whole = 1 + 2 * (ZONE + BEGIN)
    zone, edge = int(SAMPLES * ZONE / whole), int(SAMPLES * (ZONE + BEGIN) / whole)
    black, white = np.percentile(line[edge:-edge], (10, 90))
    for beside in (line[:zone], line[-zone:]):
        if beside.min() < (black + white) / 2 or beside.mean() > white + GLARE * (white - black):
            return False
    return True


def same_bars(grey: Grey, one: Reading, other: Reading) -> bool:
    """Whether the bars of one linear reading go on to the other, which says the same: then they are one symbol."""
    left, right = _ends(one)
    between = _middle(other) - _middle(one)
    if np.hypot(*between) > np.hypot(*(right - left)):
        return False
    here = _light(grey, left, right)
    return all(_likeness(here, _light(grey, left + between * t, right + between * t)) > ALIKE for t in (0.35, 0.65))


def _ends(reading: Reading) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    quad = np.array(reading.corners, dtype=np.float64)
    return (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2


def _middle(reading: Reading) -> NDArray[np.float64]:
    return np.asarray(np.mean(reading.corners, axis=0))


def _light(grey: Grey, left: NDArray[np.float64], right: NDArray[np.float64]) -> Line:
    """Brightness along a line of the photo; what lies outside is taken from its border."""
    points = left + np.linspace(0, 1, SAMPLES)[:, None] * (right - left)
    x, y = points.astype(np.float32).T
    return np.asarray(
        cv2.remap(grey, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0], np.float32
    )


def _likeness(one: Line, other: Line) -> float:
    """The best correlation of two lines, shifted a little against one another: bars may slant."""
    shift = SAMPLES // 20
    inner = one[shift:-shift, None]
    return float(cv2.matchTemplate(other[:, None], inner, cv2.TM_CCOEFF_NORMED).max())
