"""What the photo itself says about a linear reading: are its ends the code's ends, and do its bars go on to another?"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners.regions import Grey
from scanners.values import LINEAR, Reading

Line = NDArray[np.float32]

SAMPLES = 400  # of a line along a reading
ZONE = 8.0  # modules that must be white beside an Interleaved 2 of 5 (ISO/IEC 16390 asks for ten)
SEEN = 2.5  # of them that must be in the photo: what lies beyond its border nobody knows
BEGIN = 0.015  # of a reading's length: how far from its end they begin
ROWS = (-0.1, -0.05, 0.05, 0.1)  # of its length, across it: where the zones are looked at
GLARE = 0.35  # of the contrast: a zone that much brighter than the code's white is a reflection that may hide bars
UNLIKE = 0.3  # correlation of a line of paper or print with the bars above it
MOST_ROWS, LEAST_ROWS = 32, 12  # lines looked at down a reading
LEAST_PART = 0.15  # of a tall reading's height that a code has
LEAST_GAP = 0.05  # of a code's length, between it and the one below: less is a scratch
ALIKE = 0.6  # correlation of two lines across the same bars


def has_quiet_zones(grey: Grey, reading: Reading) -> bool:
    """Whether the paper beside both ends of an Interleaved 2 of 5 is as white as between its bars, and no whiter.

    A part of an Interleaved 2 of 5 reads as a shorter one: a bar that was scratched off leaves seven white modules.
    Looked at above and below as well, where the same bars are: a scan line along the rim of leaning bars leaves them.
    """
    left, right = _ends(reading)
    white_part = ZONE / (8 * len(reading.text) + 8)  # a digit is eight modules wide, start and stop together as well
    beyond = white_part + BEGIN
    whole = 1 + 2 * beyond
    zone, edge = int(SAMPLES * white_part / whole), int(SAMPLES * beyond / whole)
    along = right - left
    down = np.array([-along[1], along[0]])

    def line(row: float, lean: float = 0.0) -> Line:
        middle = row * down + lean * whole / SAMPLES * along
        return _light(grey, left + middle - beyond * along, right + middle + beyond * along)

    bars = line(0.0)[edge:-edge]
    seen = BEGIN + white_part * SEEN / ZONE
    if not (_is_in(grey, left - seen * along) and _is_in(grey, right + seen * along)):
        return False
    if not _is_white_beside(line(0.0), zone, edge):
        return False
    for row in ROWS:
        alike, lean = _match(bars, line(row)[edge:-edge])
        if alike > ALIKE and not _is_white_beside(line(row, lean), zone, edge):
            return False
    return True


def _is_in(grey: Grey, point: NDArray[np.float64]) -> bool:
    height, width = grey.shape
    return bool(0 <= point[0] < width and 0 <= point[1] < height)


def _is_white_beside(line: Line, zone: int, edge: int) -> bool:
    """Both zones beside a line's middle part, each against the third of the bars next to it: shadows have edges."""
    bars = line[edge:-edge]
    third = len(bars) // 3
    for beside, near in ((line[:zone], bars[:third]), (line[-zone:], bars[-third:])):
        black, white = np.percentile(near, (10, 90))
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


def parts(grey: Grey, reading: Reading) -> list[Reading]:
    """The symbols that a linear reading is made of: equal codes one above the other may be read as one tall one.

    They are told apart by the paper between them: white lines that share nothing with the bars from end to end.
    """
    quad = np.array(reading.corners, dtype=np.float64)
    down = quad[3] - quad[0], quad[2] - quad[1]
    length, height = float(np.hypot(*(quad[1] - quad[0]))), float(np.hypot(*down[0]))
    count = int(min(MOST_ROWS, height / 2))
    if reading.symbology not in LINEAR or count < LEAST_ROWS:
        return [reading]
    begin, end = _longest_run(_is_paper(_rows(grey, quad, count)))
    is_gap = end - begin >= 2 and (end - begin) / count * height >= LEAST_GAP * length
    if not is_gap or min(begin, count - end) < LEAST_PART * count:
        return [reading]
    halves = []
    for top, bottom in ((0.0, begin / count), (end / count, 1.0)):
        corners = (
            quad[0] + down[0] * top,
            quad[1] + down[1] * top,
            quad[1] + down[1] * bottom,
            quad[0] + down[0] * bottom,
        )
        halves.append(replace(reading, corners=tuple((round(x), round(y)) for x, y in corners)))
    return [part for half in halves for part in parts(grey, half)]


def _rows(grey: Grey, quad: NDArray[np.float64], count: int) -> NDArray[np.float32]:
    """The brightness within four corners as so many lines of `SAMPLES`."""
    edges = np.array([(0, 0), (SAMPLES, 0), (SAMPLES, count), (0, count)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(edges, quad.astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpPerspective(grey, matrix, (SAMPLES, count), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.float32)


def _is_paper(lines: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which lines are as white as the paper, no whiter, and like the bars in neither half."""
    bars = np.median(lines, axis=0)
    black, white = np.percentile(bars, (10, 90))
    light = lines.mean(axis=1)
    bright = (light > white - GLARE * (white - black)) & (light < white + GLARE * (white - black))
    middle = SAMPLES // 2
    for half in (slice(0, middle), slice(middle, SAMPLES)):
        bright &= _correlations(lines[:, half], bars[half]) < UNLIKE
    return np.asarray(bright)


def _correlations(lines: NDArray[np.float32], bars: Line) -> NDArray[np.float64]:
    varied = lines - lines.mean(axis=1, keepdims=True)
    other = bars - bars.mean()
    scale = np.sqrt((varied**2).sum(axis=1) * (other**2).sum())
    return np.asarray(varied @ other / np.maximum(scale, 1e-6))


def _longest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Where the longest run of what is so begins and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return 0, 0
    begin, end = runs[int((runs[:, 1] - runs[:, 0]).argmax())]
    return int(begin), int(end)


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
    return _match(one, other)[0]


def _match(one: Line, other: Line) -> tuple[float, float]:
    """The best correlation of two lines, and by how many samples the other lies further on: bars may slant."""
    shift = SAMPLES // 20
    fits = cv2.matchTemplate(other[:, None], one[shift:-shift, None], cv2.TM_CCOEFF_NORMED)
    return float(fits.max()), float(fits.argmax() - shift)
