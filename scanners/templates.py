"""Our own reader of blurred EAN-13, UPC-A and EAN-8: for phones without autofocus, where bars have melted together.

After O. Gallo and R. Manduchi, "Reading 1D barcodes with mobile phones using deformable templates" (IEEE TPAMI 33(9),
2011): nothing is made black and white. The bars of a region become one profile of light; blurred pictures of pairs of
digits are laid over it, dynamic programming finds the number that fits best, and ends, perspective, curve, blur, ink
and light are fitted to it in turn (`templates_code`, `templates_fit`, `templates_region`).

A number is told only if it fits clearly better than every rival: the next best numbers are fitted to the same profile,
too, and their errors must be larger by `_MARGINS`; three bands of the bars must agree, two of them at least. The
margins come from drawn scenes (perspective, cylinders, defocus as a disk and as a Gaussian, motion, glare over the
code, sharpening, noise, JPEG; blur up to 1.9 modules). Of 661, 567 with an EAN-13, wrong numbers with a right check
digit left over / right ones told, by the two margins and with the bands agreeing:

    1.02 1.05   10 / 342       1.05 1.2   1 / 322        1.1 1.3   0 / 309        1.2 1.5   0 / 285

Each step of 2 % and 5 % about halves the wrong ones: drawn on to 1.2 and 1.5 that is less than one in 10,000.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from scanners.templates_code import EAN8, EAN13, Floats, Layout, best_words, least_costs, outer_costs, window_costs
from scanners.templates_fit import Fit, Profile, as_darkness, levels, refined, start
from scanners.templates_region import LENGTH, Doubles, Grey, Quad, Strip, ends, strips
from scanners.values import Reading, has_right_check_digit

NAME = "templates"
_DETECTOR = cv2.barcode.BarcodeDetector()
_REGIONS = 4  # of a whole picture at most, the widest first: a photo of many boxes is cut up by others
_SCALES = (1, 0.5, 0.25)
_COHERENCE = 0.6  # of a region's edges; bars have 0.75 and more, text and QR codes less
_SEARCH = (0.6, 1.2)  # blur in modules that places are looked for with
_ENDS = 5  # edges taken as ends at either side
_TRIED = 2  # places fitted, of either direction
_ENOUGH, _HOPELESS = 0.94, 0.66  # explained: no other place is tried; nothing else is, after one of either direction
_BLURRED_AWAY = 1.8  # modules of blur, from which on wrong numbers begin to fit as well
# Share of the profile's variance explained, error of any other number over this one's, and the same for those with a
# right check digit, at least. An EAN-8 is short and any part of an EAN-13 has its guards: it has to fit much better.
_MARGINS = {"EAN-13": (0.85, 1.2, 1.5), "EAN-8": (0.95, 1.6, 2.5)}

Place = tuple[float, float, float, float]  # first and last sample, blur, slant


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which part of the bars is looked at, and what is reckoned with."""

    top: float = 0.0  # shares of the bars' height
    bottom: float = 1.0
    linear: bool = True  # blur mixed light (a lens does), not grey (a program does, and some phones' noise filters)
    uneven: bool = False  # light changes along the symbol
    slants: tuple[float, ...] = (0.0, -1.0, 1.0, -2.0, 2.0)  # modules by which the middle is off: perspective


ATTEMPTS = (
    Attempt(),
    Attempt(top=0.35, bottom=0.65, uneven=True, slants=(0.0, -1.2, 1.2, -2.4, 2.4, -3.6, 3.6, -5.0, 5.0)),
    Attempt(linear=False),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Digits that fit a profile, and how much better than any others: ratios of what is left unexplained."""

    fit: Fit
    profile: Profile
    backwards: bool
    over_any: float  # the best other number's error over this one's
    over_checked: float  # the same for the best other number with a right check digit


def spans(light: Doubles, layout: Layout) -> Doubles:
    """Where the symbol may lie: (pairs of ends, nine places about each, first and last sample)."""
    lefts, rights = ends(light, modules=layout.modules, most=_ENDS)
    pairs = np.array([(a, b) for a in lefts for b in rights if 0.6 * LENGTH < b - a < 1.4 * LENGTH], dtype=np.float64)
    around = np.array([-0.5, 0.0, 0.5]) * LENGTH / layout.modules
    shifts = np.stack(np.meshgrid(around, around), axis=-1).reshape(1, 9, 2)
    return pairs.reshape(-1, 1, 2) + shifts


def starts(light: Doubles, layout: Layout, attempt: Attempt) -> Iterator[tuple[Profile, bool, Fit]]:
    """Fits to begin with, the most promising first: ends, slant, direction, blur whose best digits cost least."""
    places = spans(light, layout)
    if not places.size:
        return
    ahead = Profile.of(light)
    ways = (
        (ahead, False, _promising(ahead, layout, places, attempt)),
        (ahead.backwards(), True, _promising(ahead.backwards(), layout, len(light) - places[..., ::-1], attempt)),
    )
    # By turns, since costs of the wrong direction may be the lower ones as long as places are rough.
    for _ in range(_TRIED):
        for profile, backwards, way in ways:
            place = next(way, None)
            if place is not None:
                left, right, sigma, slant = place
                yield profile, backwards, start(profile, layout, left, right, sigma, slant, uneven=attempt.uneven)


def _promising(profile: Profile, layout: Layout, places: Doubles, attempt: Attempt) -> Iterator[Place]:
    """The places of least cost, each at some distance from those before."""
    near = 0.8 * LENGTH / layout.modules
    taken: list[Doubles] = []
    for _, (left, right, sigma, slant) in sorted(_searched(profile, layout, places, attempt)):
        at = np.array([left, right, (left + right) / 2 - slant * LENGTH / layout.modules])
        if all(np.abs(at - other).max() > near for other in taken):
            taken.append(at)
            yield left, right, sigma, slant


def _searched(profile: Profile, layout: Layout, places: Doubles, attempt: Attempt) -> Iterator[tuple[float, Place]]:
    """Costs of places; for each pair of ends the place whose guards and outer digits fit."""
    around = places.reshape(-1, 2)
    values = _sampled(profile, layout, around, 0.0)
    black, white = levels(values, layout, uneven=attempt.uneven)
    contrast = np.maximum(white - black, 1e-3)
    dark = (white - values) / contrast
    scale = np.maximum(dark.var(axis=1) * dark.shape[1], 1e-6)
    for sigma in _SEARCH:
        outer = (outer_costs(dark, layout, sigma) / scale).reshape(places.shape[:2])
        best = outer.argmin(axis=1) + np.arange(len(places)) * places.shape[1]
        for slant in attempt.slants:
            slanted = (white[best] - _sampled(profile, layout, around[best], slant)) / contrast[best]
            costs = least_costs(window_costs(slanted, layout, sigma), layout) / scale[best]
            for cost, (left, right) in zip(costs.tolist(), around[best].tolist(), strict=True):
                yield cost, (left, right, sigma, slant)


def _sampled(profile: Profile, layout: Layout, places: Doubles, slant: float) -> Floats:
    """Light at the layout's samples for each place (first and last sample of the symbol)."""
    shares = layout.samples / layout.modules
    shares = shares - slant / layout.modules * 4 * shares * (1 - shares)
    samples = places[:, :1] + (places[:, 1:] - places[:, :1]) * shares
    values = np.interp(samples.ravel(), np.arange(len(profile.light)) + 0.5, profile.light)
    return values.reshape(samples.shape).astype(np.float32)


def settled(profile: Profile, layout: Layout, fit: Fit) -> Fit:
    """Digits and places in turn, until the digits stay."""
    for _ in range(5):
        word = best_words(_costs(profile, layout, fit), layout, 1, checked=False)[0][1]
        if word == fit.text:
            break
        fit = refined(profile, layout, fit, word, 3)
    return fit


def _costs(profile: Profile, layout: Layout, fit: Fit) -> list[Floats]:
    return window_costs(as_darkness(profile, layout, fit)[None], layout, round(fit.sigma, 1), fit.spread)


def weighed(profile: Profile, layout: Layout, fit: Fit, backwards: bool) -> Found:
    """The fit beside its best rivals: the next best numbers, with and without a right check digit, each fitted too."""
    costs = _costs(profile, layout, fit)
    words = [word for checked in (False, True) for _, word in best_words(costs, layout, 3, checked=checked)]
    fits = {word: refined(profile, layout, fit, word, 2) for word in dict.fromkeys([fit.text, *words])}
    best = min(fits.values(), key=lambda rival: rival.error)
    others = [rival for rival in fits.values() if rival.text != best.text]
    checked = [rival.error for rival in others if has_right_check_digit(rival.text)]
    least = max(best.error, 1e-12)
    return Found(best, profile, backwards, min(rival.error for rival in others) / least, min(checked) / least)


def decode(light: Doubles, layout: Layout, attempt: Attempt = ATTEMPTS[0]) -> Found | None:
    """The digits that fit a profile best, or None if nothing fits: then other bands of it won't either."""
    tried: list[tuple[Profile, bool, Fit]] = []
    for profile, backwards, begin in starts(light, layout, attempt):
        tried.append((profile, backwards, settled(profile, layout, begin)))
        best = max(tried, key=lambda entry: entry[2].explained)
        if best[2].explained > _ENOUGH and has_right_check_digit(best[2].text):
            break
        if len(tried) > 1 and best[2].explained < _HOPELESS:
            return None
    return weighed(best[0], layout, best[2], best[1]) if tried else None


def sure(found: Found, layout: Layout) -> bool:
    """Whether a reading may be told (see the module for how the margins were found)."""
    fit = found.fit
    explained, over_any, over_checked = _MARGINS[layout.symbology]
    return (
        has_right_check_digit(fit.text)
        and fit.explained >= explained
        and fit.sigma < _BLURRED_AWAY
        and found.over_any >= over_any
        and found.over_checked >= over_checked
    )


def seconded(piece: Strip, layout: Layout, found: Found, *, linear: bool) -> bool:
    """Whether most of three bands of the bars, each fitted and read for itself, say the same digits."""
    agreed = 0
    for top in (0.0, 1 / 3, 2 / 3):
        light = piece.profile(top, top + 1 / 3, linear=linear)
        profile = Profile.of(light[::-1] if found.backwards else light)
        fit = refined(profile, layout, found.fit, found.fit.text, 2)
        agreed += best_words(_costs(profile, layout, fit), layout, 1, checked=False)[0][1] == found.fit.text
    return agreed >= 2


def read_quad(grey: Grey, quad: Quad) -> list[Reading]:
    """The code between four corners (top left, top right, bottom right, bottom left of the bars), or nothing."""
    for number, piece in enumerate(strips(grey, np.asarray(quad, dtype=np.float64))):
        if piece.coherence < _COHERENCE:
            break
        for layout, attempts in ((EAN13, ATTEMPTS[: 1 if number else None]), (EAN8, ATTEMPTS[:1])):
            found = best_of(piece, layout, attempts)
            if found:
                return [_reading(piece, layout, found)]
    return []


def best_of(piece: Strip, layout: Layout, attempts: tuple[Attempt, ...]) -> Found | None:
    """The digits that one of the attempts finds and that are sure, or None."""
    for attempt in attempts:
        found = decode(piece.profile(attempt.top, attempt.bottom, linear=attempt.linear), layout, attempt)
        if found is None:
            break
        if sure(found, layout) and seconded(piece, layout, found, linear=attempt.linear):
            return found
    return None


def read(grey: Grey) -> list[Reading]:
    """Every blurred code in the regions where OpenCV's detector sees bars, in the picture or in smaller ones."""
    found: list[Reading] = []
    seen: list[Quad] = []
    for scale in _SCALES:
        for quad in _regions(grey, scale)[: _REGIONS - len(seen)]:
            # Of a symbol that is in two pieces to the detector either piece may have told the whole.
            if not any(_holds_middle(before, quad) for before in [*seen, *(np.array(r.corners) for r in found)]):
                seen.append(quad)
                found += read_quad(grey, quad)
        if found:
            break
    return found


def _regions(grey: Grey, scale: float) -> list[Quad]:
    """Where the detector sees bars in the picture made smaller: what is blurred there is sharp enough here."""
    if min(grey.shape) * scale < 40:
        return []
    small = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, quads = _DETECTOR.detect(small)
    # OpenCV begins at the bottom left.
    ours = [np.roll(quad, -1, axis=0).astype(np.float64) / scale for quad in (() if quads is None else quads)]
    return sorted(ours, key=lambda quad: -float(np.hypot(*(quad[1] - quad[0]))))


def _holds_middle(outer: Quad, inner: Quad) -> bool:
    middle = (float(inner[:, 0].mean()), float(inner[:, 1].mean()))
    return bool(cv2.pointPolygonTest(outer.astype(np.float32), middle, False) >= 0)


def _reading(piece: Strip, layout: Layout, found: Found) -> Reading:
    modules = np.maximum.accumulate(found.profile.powers @ found.fit.warp)
    left, right = np.interp((0, layout.modules), modules, np.arange(len(modules)) + 0.5)
    if found.backwards:
        corners = piece.in_picture(len(modules) - right, len(modules) - left)
        corners = corners[2:] + corners[:2]
    else:
        corners = piece.in_picture(left, right)
    text = found.fit.text
    return Reading(text, layout.symbology, "", corners, NAME, text.encode("ascii"))
