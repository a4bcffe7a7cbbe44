"""Code 128 read off a blurred profile by fitting what the printed bars would look like, where no edge is left to see.

With a blur as wide as a module, single bars and spaces no longer reach black or white, and no threshold tells them.
But a profile is still the sum of its symbols' bars, each blurred: the sequence of symbols whose sum comes closest is
found by dynamic programming (Viterbi), each window of eleven modules judged together with what its neighbours'
nearest bars add to it. Position, width, foreshortening and light are then fitted by least squares and the sequence
sought again. The result is drawn as clean bars for an engine to read, so check character and code sets stay its work.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# ISO/IEC 15417: widths of bar, space, bar, space, bar, space of the 106 symbols and of the stop without its last bar.
_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 233111"
)
PATTERNS: tuple[tuple[int, ...], ...] = tuple(tuple(int(width) for width in word) for word in _WIDTHS.split())
STARTS, STOP, MODULES, LAST_BAR = range(103, 106), 106, 11, 2
SAMPLES = 4  # per module
_WINDOW = MODULES * SAMPLES
_INSIDE = slice(SAMPLES, -SAMPLES)  # where neighbours add little
_CANDIDATES = 24  # symbols thought of in one window
_USUAL = 0.8  # modules: the blur that is tried first
_WIDTHS_OF_BLUR: tuple[float, ...] = (0.4, 0.6, 0.8, 1.0, 1.25, 1.5)
_STRANGE = 0.4  # start and stop so unlike the line that there is no Code 128 here
_HOPELESS = 0.6
_ROUNDS = 4
# Of 590 readable codes blurred by up to 1.5 modules 555 are better than this, and no wrong sequence of 13 symbols.
_MISFIT, _LEAD, _SHORT = 0.08, 30.0, 5
_LEAST, _MOST = 4, 40  # symbols of a code, start, check character and stop included


@dataclass(frozen=True, slots=True)
class Fit:
    """The symbols that fit a profile best.

    `begin` and `end` are the samples where the first bar begins and the last one ends (end before begin if the code
    stands on its head); `misfit` is the share of the profile's variance that the bars leave unexplained; `lead` how
    much worse the closest other symbol in any one place would fit, in variances of what is left unexplained.
    """

    symbols: tuple[int, ...]
    begin: float
    end: float
    misfit: float
    lead: float

    @property
    def modules(self) -> int:
        """Modules from the first bar to the last."""
        return len(self.symbols) * MODULES + LAST_BAR

    @property
    def bars(self) -> list[tuple[int, int]]:
        """Modules where each bar begins and ends."""
        return _bars_of(self.symbols)


@dataclass(frozen=True, slots=True)
class _Templates:
    """Symbols as a blur shows them in a window of eleven modules, with what neighbours add from outside."""

    symbols: Floats  # (107, window)
    before: Floats  # (tails, window): what the last bar of the symbol before adds
    after: Floats  # (heads, window)
    tail_of: NDArray[np.intp]  # (107,)
    head_of: NDArray[np.intp]
    fixed: Floats  # (tails, 107, heads): the part of the squared distance that no profile changes
    quiet: int  # the tail of a quiet zone
    end: int  # the head of the stop's last bar


def _bars(centres: Floats, sigma: float, bars: list[tuple[float, float]]) -> Floats:
    """Darkness at some points of a line with bars (begin, end), blurred."""
    total = np.zeros_like(centres)
    for begin, end in bars:
        total += _step((centres - begin) / sigma) - _step((centres - end) / sigma)
    return total


_ERF = np.vectorize(math.erf)


def _step(x: Floats) -> Floats:
    return np.asarray(0.5 + 0.5 * _ERF(x / math.sqrt(2)), dtype=np.float64)


def _spans(pattern: tuple[int, ...]) -> list[tuple[float, float]]:
    places = np.cumsum((0, *pattern))
    return [(float(places[i]), float(places[i + 1])) for i in range(0, len(pattern), 2)]


@lru_cache(maxsize=16)
def _templates(sigma: float) -> _Templates:
    centres = (np.arange(MODULES * SAMPLES) + 0.5) / SAMPLES
    symbols = np.array([_bars(centres, sigma, _spans(pattern)) for pattern in PATTERNS])
    tails = sorted({pattern[4:6] for pattern in PATTERNS})
    heads = sorted({pattern[0:2] for pattern in PATTERNS})
    before = [_bars(centres, sigma, [(-space - bar, -space)]) for bar, space in tails]
    after = [
        _bars(centres + 0.0, sigma, [(11, 11 + bar), (11 + bar + space, 13 + bar + space)]) for bar, space in heads
    ]
    before.append(np.zeros_like(centres))
    after.append(_bars(centres, sigma, [(11, 11 + LAST_BAR)]))
    b, a = np.array(before), np.array(after)
    fixed = (
        (b**2).sum(1)[:, None, None]
        + (symbols**2).sum(1)[None, :, None]
        + (a**2).sum(1)[None, None, :]
        + 2 * (b @ symbols.T)[:, :, None]
        + 2 * (symbols @ a.T)[None, :, :]
        + 2 * (b @ a.T)[:, None, :]
    )
    return _Templates(
        symbols,
        b,
        a,
        np.array([tails.index(pattern[4:6]) for pattern in PATTERNS]),
        np.array([heads.index(pattern[0:2]) for pattern in PATTERNS]),
        fixed,
        len(tails),
        len(heads),
    )


def _best_sequence(darkness: Floats, sigma: float) -> list[int]:
    """The symbols whose blurred sum comes closest to a profile of whole windows."""
    t = _templates(sigma)
    windows = darkness[: len(darkness) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    alone = (t.symbols[:103, _INSIDE] ** 2).sum(1) - 2 * windows[:, _INSIDE] @ t.symbols[:103, _INSIDE].T
    likely = np.argpartition(alone, _CANDIDATES, axis=1)[:, :_CANDIDATES]
    groups = [np.array(STARTS), *likely[1:-1], np.array([STOP])]
    before, symbols, after = windows @ t.before.T, windows @ t.symbols.T, windows @ t.after.T
    so_far = np.zeros((1, t.after.shape[0]))  # of each symbol last taken, for each head of the one to come
    tails, backs = np.array([t.quiet]), []
    for k, here in enumerate(groups):
        cost = t.fixed[tails[:, None], here] - 2 * before[k, tails][:, None, None]
        cost += so_far[:, t.head_of[here]][:, :, None] - 2 * symbols[k, here][None, :, None]
        came_from = np.argmin(cost, axis=0)
        so_far = np.take_along_axis(cost, came_from[None], axis=0)[0] - 2 * after[k]
        backs.append(came_from)
        tails = t.tail_of[here]
    row, head = 0, t.end
    found: list[int] = []
    for here, came_from in zip(groups[::-1], backs[::-1], strict=True):
        found.append(int(here[row]))
        row, head = int(came_from[row, head]), int(t.head_of[here[row]])
    return found[::-1]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the code lies on a profile: first and last edge, and how far its middle is moved by perspective."""

    begin: float
    end: float
    bend: float
    modules: int

    def at(self, module: Floats) -> Floats:
        u = module / self.modules
        return self.begin + (self.end - self.begin) * u + self.bend * u * (1 - u)


def fit_code128(darkness: Floats, begins: list[float], ends: list[float], module: float) -> Fit | None:
    """The Code 128 that fits a profile (0 white, 1 black), beginning and ending about at one of some places.

    `module` is a guess of its samples per module; None if no sequence of symbols fits well and clearly best.
    """
    size = len(darkness)
    turned = [size - end for end in ends], [size - begin for begin in begins]
    guesses = [(strange, place, False) for strange, place in _guesses(darkness, begins, ends, module)]
    guesses += [(strange, place, True) for strange, place in _guesses(darkness[::-1], *turned, module)]
    for strange, place, backwards in sorted(guesses, key=lambda guess: guess[0])[:2]:
        if strange > _STRANGE:
            break
        fit = _fitted(darkness[::-1] if backwards else darkness, place)
        if fit.misfit <= (_MISFIT if len(fit.symbols) > _SHORT else _MISFIT / 3) and fit.lead >= _LEAD:
            return replace(fit, begin=size - fit.begin, end=size - fit.end) if backwards else fit
    return None


def _sampled(line: Floats, places: Floats) -> Floats:
    return np.interp(places, np.arange(len(line)) + 0.5, line)


def _guesses(line: Floats, begins: list[float], ends: list[float], module: float) -> list[tuple[float, _Place]]:
    """How badly start and stop lie on the line for each place that is thinkable."""
    places = [
        _Place(begin, end, 0.0, modules)
        for begin in begins
        for end in ends
        for count in range(_LEAST, _MOST)
        if 0.33 * module < (end - begin) / (modules := count * MODULES + LAST_BAR) < 1.4 * module
    ]
    if not places:
        return []
    begin, end = np.array([p.begin for p in places])[:, None], np.array([p.end for p in places])[:, None]
    width = (end - begin) / np.array([p.modules for p in places])[:, None]
    likeness = (_even(_sampled(line, begin + _HEAD * width)) @ _start_shapes().T).max(axis=1)
    likeness += _even(_sampled(line, end + _TAIL * width)) @ _stop_shape()
    return [(2 - float(like), place) for like, place in zip(likeness, places, strict=True)]


# Where start and stop are looked at, in modules from the code's begin and end: without what neighbours blur into.
_HEAD = (np.arange(9 * SAMPLES) + 0.5) / SAMPLES
_TAIL = (np.arange(12 * SAMPLES) + 0.5) / SAMPLES - 12


@lru_cache(maxsize=1)
def _start_shapes() -> Floats:
    return _even(np.array([_bars(_HEAD, _USUAL, _spans(PATTERNS[start])) for start in STARTS]))


@lru_cache(maxsize=1)
def _stop_shape() -> Floats:
    return _even(_bars(_TAIL + 13, _USUAL, _spans((*PATTERNS[STOP], LAST_BAR))))


def _even(rows: Floats) -> Floats:
    """Rows without their mean, of length one."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    return np.asarray(rows / (np.sqrt((rows**2).sum(axis=-1, keepdims=True)) + 1e-9))


def _fitted(line: Floats, place: _Place) -> Fit:
    modules = (np.arange(place.modules * SAMPLES) + 0.5) / SAMPLES
    lit, misfit, sigma, blurs = _sampled(line, place.at(modules)), 1.0, _USUAL, _WIDTHS_OF_BLUR
    symbols: tuple[int, ...] = ()
    for _ in range(_ROUNDS):
        again = tuple(_best_sequence(lit, sigma))
        if again == symbols:
            break
        symbols = again
        tried = [(_settled(line, place, symbols, width, modules), width) for width in blurs]
        (place, lit, misfit), sigma = min(tried, key=lambda one: one[0][2])
        blurs = (sigma,)
        if misfit > _HOPELESS:
            break
    return Fit(symbols, place.begin, place.end, misfit, _lead(lit, symbols, sigma))


def _lead(lit: Floats, symbols: tuple[int, ...], sigma: float) -> float:
    """How much worse the closest other symbol in any one place would fit, in variances of what is left unexplained."""
    rest = lit - _drawn(symbols, sigma)
    windows = rest[: len(symbols) * _WINDOW].reshape(-1, _WINDOW)[1:-1]
    other = _templates(sigma).symbols[None, :103] - _templates(sigma).symbols[list(symbols[1:-1])][:, None]
    worse = (other**2).sum(axis=2) - 2 * (other * windows[:, None]).sum(axis=2)
    worse[np.arange(len(windows)), symbols[1:-1]] = np.inf
    return float(worse.min()) / (float(rest @ rest) / len(rest) + 1e-9)


def _bars_of(symbols: tuple[int, ...]) -> list[tuple[int, int]]:
    widths = [width for symbol in symbols for width in PATTERNS[symbol]] + [LAST_BAR]
    places = [0, *accumulate(widths)]
    return list(zip(places[::2], places[1::2], strict=True))


def _settled(
    line: Floats, place: _Place, symbols: tuple[int, ...], sigma: float, modules: Floats
) -> tuple[_Place, Floats, float]:
    """Place and light fitted to some symbols by least squares; the profile so lit, and its misfit."""
    model = _drawn(symbols, sigma)
    u = modules / place.modules
    light = np.stack([np.ones_like(u), u - 0.5, (u - 0.5) ** 2], axis=1)
    for _ in range(2):
        at = place.at(modules)
        found = _sampled(line, at)
        slope = _sampled(line, at + 0.5) - _sampled(line, at - 0.5)
        moves = np.stack([slope * (1 - u), slope * u, slope * u * (1 - u)], axis=1)
        unknowns, *_ = np.linalg.lstsq(np.hstack([light * model[:, None], light, -moves]), found, rcond=None)
        limit = (place.end - place.begin) / place.modules
        move = np.clip(unknowns[6:], -limit, limit)
        place = _Place(place.begin + move[0], place.end + move[1], place.bend + move[2], place.modules)
    found = _sampled(line, place.at(modules))
    columns = np.hstack([light * model[:, None], light])
    lights, *_ = np.linalg.lstsq(columns, found, rcond=None)
    rest = found - columns @ lights
    misfit = float(rest @ rest) / (float(((found - found.mean()) ** 2).sum()) + 1e-9)
    gain = np.maximum(light @ lights[:3], 0.1)
    return place, (found - light @ lights[3:]) / gain, misfit


@lru_cache(maxsize=64)
def _drawn(symbols: tuple[int, ...], sigma: float) -> Floats:
    """Darkness of a whole code, blurred, by samples."""
    centres = (np.arange((len(symbols) * MODULES + LAST_BAR) * SAMPLES) + 0.5) / SAMPLES
    reach = int(5 * sigma * SAMPLES) + 1
    fine = np.zeros(len(centres) + 2 * reach)
    for begin, end in _bars_of(symbols):
        fine[reach + begin * SAMPLES : reach + end * SAMPLES] = 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma * SAMPLES)) ** 2)
    return np.convolve(fine, kernel / kernel.sum(), mode="valid")
