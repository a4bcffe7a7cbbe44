"""A second opinion on a linear code that an engine read: do the bars in the photo say the same?

Engines follow edges, and a shadow or a smear may move a few of them together: two engines then agree on a wrong number
with a right check digit. Here the reading's own bars are laid over the photo. Where they fit everywhere at once it is
confirmed; else a retail number is fitted with blur and curvature as our templates do, which is quicker than reading
anew because where the code lies is known.
"""

from dataclasses import replace

import cv2
import numpy as np
import zxingcpp

from scanners.regions import Grey
from scanners.templates import NAME
from scanners.templates_code import EAN13, best_words, window_costs
from scanners.templates_fit import Profile, as_darkness, refined, start
from scanners.templates_region import SAMPLES, Strip, strip
from scanners.values import Reading

BARS = "bars"  # the engine's name where the photo's own bars agreed
WRITERS = {  # not GS1-128, which is written from bracketed elements only
    "EAN-13": zxingcpp.BarcodeFormat.EAN13,
    "EAN-8": zxingcpp.BarcodeFormat.EAN8,
    "UPC-A": zxingcpp.BarcodeFormat.UPCA,
    "Code128": zxingcpp.BarcodeFormat.Code128,
}
ALIKE = 0.8
PER_MODULE, WINDOW, EDGE, STEP = 4, 12, 2, 3  # samples; modules; modules; samples
WHITE = 128
EXPLAINED = 0.8  # of the profile's variance by the number's own bars
TALL = 0.1  # of its length, that a retail code is high at least (clipped ones too)
BLUR = 0.5  # modules, to begin with
DIGITS = 13


def confirmed(grey: Grey, reading: Reading) -> Reading | None:
    """The reading seconded by its own bars, or None where they do not say the same (or the symbology is another)."""
    if reading.symbology in WRITERS and likeness(grey, reading) >= ALIKE:
        return replace(reading, engine=BARS, identifier="")
    return fitted(grey, reading)


def likeness(grey: Grey, reading: Reading) -> float:
    """How well the bars of a reading's text lie over the photo where they lie worst: a correlation from -1 to 1.

    Windows of twelve modules are compared one after another, each where the last one lay, give or take half a module.
    Of 230 right readings of engines 83 % reach 0.8, of 650 with two characters changed none does (at most 0.76).
    """
    bars = _modules(reading.text, reading.symbology)
    if bars is None:
        return -1.0
    expected = cv2.GaussianBlur(np.repeat(np.pad(bars, EDGE), PER_MODULE)[None], (0, 0), BLUR * PER_MODULE)[0]
    seen = _darkness(grey, reading, len(bars))
    shift, worst, size = 0, 1.0, WINDOW * PER_MODULE
    for begin in range(0, len(expected) - size + 1, size // 2):
        first = begin + (EDGE * PER_MODULE) + shift - STEP
        around = seen[max(first, 0) : first + size + 2 * STEP]
        if len(around) < size:
            return -1.0
        fits = cv2.matchTemplate(around[None], expected[None, begin : begin + size], cv2.TM_CCOEFF_NORMED)[0]
        best = int(fits.argmax())
        worst = min(worst, float(fits[best]))
        if worst < ALIKE:
            break
        shift = int(np.clip(shift + best - STEP + max(-first, 0), -EDGE * PER_MODULE, EDGE * PER_MODULE))
    return worst


def _modules(text: str, symbology: str) -> np.ndarray | None:
    """The modules of a text, 1 for black, as they are printed most often; None where it cannot be written."""
    try:
        symbol = zxingcpp.create_barcode(text, WRITERS[symbology])
        return np.asarray(np.array(symbol.to_image(scale=1, add_quiet_zones=False))[0] < WHITE, np.float32)
    except ValueError:
        return None


def _darkness(grey: Grey, reading: Reading, count: int) -> np.ndarray:
    """The photo along a reading, `PER_MODULE` samples a module and twice `EDGE` modules beyond both ends."""
    quad = np.array(reading.corners, dtype=np.float64)
    left, right = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
    step = (right - left) / count
    across = np.array([-step[1], step[0]]) / max(float(np.hypot(*step)), 1e-6)
    places = (np.arange((count + 4 * EDGE) * PER_MODULE) + 0.5) / PER_MODULE - 2 * EDGE
    lines = [left + across * row + places[:, None] * step for row in (-1, 0, 1)]
    x, y = np.stack(lines).astype(np.float32).transpose(2, 0, 1)
    light = cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(-light.sum(axis=0, dtype=np.float32))


def fitted(grey: Grey, reading: Reading) -> Reading | None:
    """A retail number as our templates' own, or None where they do not say the same."""
    text = reading.text.zfill(DIGITS)
    if reading.symbology not in ("EAN-13", "UPC-A") or len(text) != DIGITS:
        return None
    quad = bars_of(reading)
    piece = strip(grey, quad)
    if piece is None:
        return None
    profile = Profile.of(piece.profile())
    left, right = _ends(piece, quad)
    if not 0 <= left < right <= SAMPLES:
        return None
    fit = refined(profile, EAN13, start(profile, EAN13, left, right, BLUR), text, 3)
    costs = window_costs(as_darkness(profile, EAN13, fit)[None], EAN13, round(fit.sigma, 1), fit.spread)
    said = best_words(costs, EAN13, 1, checked=False)[0][1]
    if said != text or fit.explained < EXPLAINED:
        return None
    return Reading(reading.text, reading.symbology, "", reading.corners, NAME, reading.raw)


def bars_of(reading: Reading) -> np.ndarray:
    """The corners of a reading, drawn up and down where an engine told a scan line only: bars are taller."""
    quad = np.array(reading.corners, dtype=np.float64)
    middle, along = quad.mean(axis=0), (quad[1] + quad[2] - quad[0] - quad[3]) / 2
    down = (quad[3] + quad[2] - quad[0] - quad[1]) / 2
    least = TALL * np.hypot(*along)
    if np.hypot(*down) >= least:
        return quad
    down = np.array([-along[1], along[0]]) * TALL
    return np.array(
        [
            middle - along / 2 - down / 2,
            middle + along / 2 - down / 2,
            middle + along / 2 + down / 2,
            middle - along / 2 + down / 2,
        ]
    )


def _ends(piece: Strip, quad: np.ndarray) -> tuple[float, float]:
    """The samples of the strip between which the reading lies."""
    middles = np.array([(quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2])
    places = np.column_stack([middles, np.ones(2)]) @ np.linalg.inv(piece.matrix).T
    left, right = places[:, 0] / places[:, 2] * SAMPLES / piece.grey.shape[1]
    return float(left), float(right)
