"""Linear codes read off their average along the bars.

Thirty rows of noise become one clean profile, and because the blur acts along one line only, a Wiener filter takes it
off for next to nothing; what is blurred beyond that is fitted (`regions_fit`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners.regions_fit import fit_code128
from scanners.regions_values import Floats, Grey, Line, Matrix, Piece, Region

QUIET = 0.12  # of a code's length that is cut with it on both sides
FINE = 3  # samples of a profile per pixel of the photo
KEEP = 0.7  # of a region's height that is averaged
WINDOW = 0.15  # of a code's length in which both black and white are bound to come
SOFT = 0.35  # of a module too large by guess: a blur that is there at least
STRIP_ROWS = 8
BLIND, BANDS = 252, 12  # grey from which on light is glare, and bands of rows that may each have glare of their own
FIT_QUIET, FIT_SCALE = 12, 3  # of the clean bars that are drawn: modules of quiet zone, pixels per module


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
        return np.asarray(rows.mean(axis=0), dtype=np.float32)
    bands = min(BANDS, rows.shape[0])
    lines = cv2.resize(rows, (rows.shape[1], bands), interpolation=cv2.INTER_AREA)
    return np.asarray(np.sort(lines, axis=0)[: max(1, bands // 3)].mean(axis=0), dtype=np.float32)


def _module(line: Line, length: float) -> float:
    """Samples per module, guessed from how often a profile of a code of this length turns: a bar is 1.8 modules."""
    first = _seldom(line[None], length)
    # Blur has made turns go: some of it taken off shows more of them, and so how much there is.
    return min(first, _seldom(deblurred(line, [(first * SOFT, 0.01)]), length))


def _seldom(row: NDArray[np.float32], length: float) -> float:
    black = evened(row, length * WINDOW)[0] < 128
    turns = int(np.count_nonzero(black[1:] != black[:-1]))
    return length / max(turns, 8) / 1.8


# Blurs that are taken off, and how much noise each is trusted with: sigma in modules, noise power; best first.
BLURS: tuple[tuple[float, float], ...] = (
    (0.55, 0.003),
    (0.3, 0.01),
    (0.65, 0.01),
    (0.45, 0.003),
    (0.6, 0.001),
    (0.4, 0.01),
    (0.7, 0.001),
    (0.8, 0.001),
    (0.95, 0.001),
)


def strips(profile: Profile) -> list[Piece]:
    """A profile as pictures a few rows high, each with another blur taken off."""
    sharp = deblurred(profile.line, [(sigma * profile.module, noise) for sigma, noise in BLURS])
    even = evened(sharp, profile.length * WINDOW)
    return [
        Piece(np.repeat(row[None], STRIP_ROWS, axis=0), profile.to_photo, f"strip {sigma:g} {noise:g}")
        for row, (sigma, noise) in zip(even, BLURS, strict=True)
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
