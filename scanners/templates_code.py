"""The bars of EAN-13 and EAN-8 as blurred templates, and which digits fit a profile best.

A profile is cut into windows that reach from the middle of one digit to the middle of the next, so that a window's
look depends on two digits only as long as the blur is narrower than half a digit. Every window is compared with the
blurred picture of every pair, and dynamic programming puts the pairs together. Widths are in modules (the narrowest
bar), darkness goes from 0 (white) to 1 (black), patterns are those of the GS1 General Specifications, section 5.2.
"""

import heapq
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PER_MODULE = 4  # samples a module of a profile that is compared with templates
QUIET = 3  # modules of white looked at on either side; more is asked for by the standard, less is printed by some
_FINE = 16  # samples a module while blurring
_SETS = ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"]
SET_A = np.array([[int(module) for module in pattern] for pattern in _SETS], dtype=np.float32)
SET_C = 1 - SET_A
SET_AB = np.vstack([SET_A, SET_C[:, ::-1]])  # set B is set C backwards
_GUARD, _CENTRE = (1, 0, 1), (0, 1, 0, 1, 0)
_WHITE = (0,) * (QUIET + 4)


@dataclass(frozen=True)
class Layout:
    """A symbology: digits in either half, and for each first digit which of its left digits are of set B."""

    symbology: str
    half: int
    parities: tuple[tuple[int, ...], ...]

    @property
    def modules(self) -> int:
        """Width of the symbol without its quiet zones."""
        return 11 + 14 * self.half

    @cached_property
    def windows(self) -> tuple[tuple[slice, int], ...]:
        """Where the windows lie in a profile of `samples`, and which of a bank's sets of templates they take."""
        edges = [0.0, QUIET + 6.5]
        edges += [edges[-1] + 7 * step for step in range(1, self.half)]
        edges.append(edges[-1] + 12)
        edges += [edges[-1] + 7 * step for step in range(1, self.half)]
        edges.append(edges[-1] + 6.5 + QUIET)
        kinds = [0] + [1] * (self.half - 1) + [2] + [3] * (self.half - 1) + [4]
        places = [round(edge * PER_MODULE) for edge in edges]
        return tuple((slice(a, b), kind) for a, b, kind in zip(places[:-1], places[1:], kinds, strict=True))

    @cached_property
    def samples(self) -> Floats:
        """Places, in modules from the first bar's left edge, of the samples that are compared with templates."""
        count = (self.modules + 2 * QUIET) * PER_MODULE
        return ((np.arange(count) + 0.5) / PER_MODULE - QUIET).astype(np.float32)

    def bars(self, text: str) -> Floats:
        """The modules of a number: 1 for black."""
        digits = [int(digit) for digit in text]
        parity = self.parities[digits.pop(0)] if len(self.parities) > 1 else self.parities[0]
        left = [SET_AB[digit + 10 * other] for digit, other in zip(digits[: self.half], parity, strict=True)]
        right = [SET_C[digit] for digit in digits[self.half :]]
        return np.concatenate([_GUARD, *left, _CENTRE, *right, _GUARD]).astype(np.float32)


_PARITIES = ["000000", "001011", "001101", "001110", "010011", "011001", "011100", "010101", "010110", "011010"]
EAN13 = Layout("EAN-13", 6, tuple(tuple(int(digit) for digit in row) for row in _PARITIES))
EAN8 = Layout("EAN-8", 4, ((0, 0, 0, 0),))


def blurred(modules: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Rows of modules on a fine grid, blurred by a Gaussian: darkness, and what a module more of ink would add.

    The second is for ink that spreads (bars wider than they should be) by one module, half of it at either edge.
    """
    fine = np.repeat(modules, _FINE, axis=1)
    edges = np.abs(np.diff(fine, axis=1, prepend=fine[:, :1])) * (_FINE / 2)
    reach = int(np.ceil(3.5 * sigma * _FINE))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma * _FINE)) ** 2)[None].astype(np.float32)
    kernel /= kernel.sum()
    dark = cv2.filter2D(fine, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
    ink = cv2.filter2D(edges, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    # An edge lies between two samples of the fine grid: its blurred impulse is moved back by half a sample.
    return dark, (ink + np.roll(ink, -1, axis=1)) / 2


def fine_places(count: int, first: float) -> Floats:
    """The places of the fine grid's samples, in modules, for rows that begin at module `first`."""
    return ((np.arange(count * _FINE) + 0.5) / _FINE + first).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Bank:
    """Templates of one blur, by kind of window: start, pairs left, pairs over the middle, pairs right, end."""

    dark: tuple[Floats, ...]
    ink: tuple[Floats, ...]

    def with_spread(self, spread: float) -> tuple[tuple[Floats, Floats], ...]:
        """Templates (a row each) and their sums of squares, for ink spread by so many modules."""
        both = [dark + spread * ink if spread else dark for dark, ink in zip(self.dark, self.ink, strict=True)]
        return tuple((rows, np.einsum("ij,ij->i", rows, rows)) for rows in both)


@lru_cache(maxsize=32)
def bank(sigma: float) -> Bank:
    """The templates blurred by `sigma` modules."""

    def kind(rows: list[tuple[object, ...]], first: float, length: float) -> tuple[Floats, Floats]:
        modules = np.array([np.concatenate(parts) for parts in rows], dtype=np.float32)  # type: ignore[arg-type]
        at = np.rint((first + (np.arange(round(length * PER_MODULE)) + 0.5) / PER_MODULE) * _FINE).astype(int)
        # A sample between two fine ones is their mean.
        return tuple((image[:, at - 1] + image[:, at]) / 2 for image in blurred(modules, sigma))  # type: ignore[return-value]

    kinds = [
        kind([(_WHITE, _GUARD, a, (0, 0)) for a in SET_AB], len(_WHITE) - QUIET, QUIET + 6.5),
        kind([((0, 1), a, b, (0, 0)) for a in SET_AB for b in SET_AB], 5.5, 7),
        kind([((0, 1), a, _CENTRE, b, (1, 1)) for a in SET_AB for b in SET_C], 5.5, 12),
        kind([((1, 0), a, b, (1, 1)) for a in SET_C for b in SET_C], 5.5, 7),
        kind([((1, 0), a, _GUARD, _WHITE) for a in SET_C], 5.5, 6.5 + QUIET),
    ]
    return Bank(tuple(dark for dark, _ in kinds), tuple(ink for _, ink in kinds))


def window_costs(profiles: Floats, layout: Layout, sigma: float, spread: float = 0.0) -> list[Floats]:
    """Squared differences of every window and every template: an array (profiles, templates) for each window."""
    templates = bank(sigma).with_spread(spread)
    costs = []
    for place, kind in layout.windows:
        rows, squares = templates[kind]
        window = profiles[:, place]
        costs.append(np.einsum("ij,ij->i", window, window)[:, None] - 2 * (window @ rows.T) + squares)
    return costs


def outer_costs(profiles: Floats, layout: Layout, sigma: float) -> Floats:
    """The costs of both ends: quiet zone, guard and half a digit, whichever digit it is."""
    templates = bank(sigma).with_spread(0.0)
    costs = np.zeros(len(profiles), dtype=np.float32)
    for place, kind in (layout.windows[0], layout.windows[-1]):
        rows, squares = templates[kind]
        window = profiles[:, place]
        costs += np.einsum("ij,ij->i", window, window) + (squares - 2 * (window @ rows.T)).min(axis=1)
    return costs


def least_costs(costs: list[Floats], layout: Layout) -> Floats:
    """The cost of the best digits for each profile, of any parity: a bound from below, for choosing among profiles."""
    count, best = len(costs[0]), costs[0]
    for number, cost in enumerate(costs[1:-1], start=1):
        wide, narrow = (20, 20) if number < layout.half else (20, 10) if number == layout.half else (10, 10)
        best = (best[:, :, None] + cost.reshape(count, wide, narrow)).min(axis=1)
    least: Floats = (best + costs[-1]).min(axis=1)
    return least


def best_words(costs: list[Floats], layout: Layout, count: int, *, checked: bool) -> list[tuple[float, str]]:
    """The `count` numbers of least cost for the first profile, in order; `checked`: with a right check digit only.

    Exact: costs from the end backwards say what each beginning can come to, and the best beginnings are lengthened
    first. A state is (first digit, sum modulo 10, digit); without the check the sum is not kept.
    """
    half, digits = layout.half, np.arange(10)
    parity = np.array(layout.parities)
    rows = 10 * parity[:, :, None] + digits  # first digit, place, digit -> row of sets A and B
    steps = []
    for number, cost in enumerate(costs[1:-1], start=1):
        if number < half:
            steps.append(cost[0].reshape(20, 20)[rows[:, number - 1, :, None], rows[:, number, None, :]])
        elif number == half:
            steps.append(cost[0].reshape(20, 10)[rows[:, half - 1, :]])
        else:
            steps.append(np.broadcast_to(cost[0].reshape(10, 10), (len(parity), 10, 10)))
    sums = 10 if checked else 1
    weights = [3 - 2 * (place % 2) for place in range(2 * half)]
    ahead = np.broadcast_to(costs[-1][0], (len(parity), sums, 10)).copy()
    if checked:
        ahead[:, 1:, :] = np.inf
    tables = [ahead]
    for place in range(2 * half - 2, -1, -1):
        after = (np.arange(sums)[:, None] + weights[place + 1] * digits) % sums
        coming = tables[0][:, after, digits]
        tables.insert(0, (coming[:, :, None, :] + steps[place][:, None, :, :]).min(axis=3))
    begun = costs[0][0][rows[:, 0, :]]
    heap: list[tuple[float, float, int, int, tuple[int, ...]]] = []
    for first in range(len(parity)):
        for digit in range(10):
            total = (first + weights[0] * digit) % sums
            spent = float(begun[first, digit])
            heap.append((spent + float(tables[0][first, total, digit]), spent, first, total, (digit,)))
    heapq.heapify(heap)
    found: list[tuple[float, str]] = []
    while heap and len(found) < count:
        bound, spent, first, total, word = heapq.heappop(heap)
        if len(word) == 2 * half:
            found.append((bound, "".join(map(str, word if len(parity) == 1 else (first, *word)))))
            continue
        place = len(word)
        totals = (total + weights[place] * digits) % sums
        spends = spent + steps[place - 1][first, word[-1]]
        bounds = spends + tables[place][first, totals, digits]
        for digit in range(10):
            if np.isfinite(bounds[digit]):
                entry = (float(bounds[digit]), float(spends[digit]), first, int(totals[digit]), (*word, digit))
                heapq.heappush(heap, entry)
    return found
