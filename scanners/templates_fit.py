"""Fitting one profile: where the modules lie, how blurred they are, how bright black and white are, for given digits.

The model of a profile is light(x) = white(x) - contrast(x) * darkness(u(x)): darkness is the blurred picture of the
bars, u a cubic (perspective is nearly quadratic, a bottle's curve cubic), white and contrast are quadratic over the
symbol. Gauss-Newton finds all of it at once from the digits that fit best so far; better places give better digits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanners.templates_code import PER_MODULE, QUIET, Floats, Layout, blurred, fine_places

Doubles = NDArray[np.float64]

SIGMAS = (0.35, 2.2)  # blur in modules: narrower is not blurred, wider holds no digits any more
_SPREAD = 0.45  # more ink than that makes narrow spaces vanish
_WARP_LOOSE = (np.inf, np.inf, 3.0, 1.5)  # modules a coefficient of the warp may reach before it is held back
_MARGIN = 8  # modules of white modelled on either side


@dataclass(frozen=True, slots=True)
class Profile:
    """Light (linear, not the picture's grey) along a line across the bars, at even steps."""

    light: Doubles
    powers: Doubles  # of the place, from -1 at the first sample to 1 at the last: (samples, 4)

    @classmethod
    def of(cls, light: Doubles) -> "Profile":
        """A profile of evenly spaced samples."""
        places = np.linspace(-1, 1, len(light))
        return cls(light, np.vander(places, 4, increasing=True))

    def backwards(self) -> "Profile":
        """The profile seen from the other end."""
        return Profile.of(self.light[::-1])


@dataclass(frozen=True, slots=True)
class Fit:
    """The model fitted to a profile with the digits `text` ("" for none yet)."""

    text: str
    warp: Doubles  # module = powers @ warp
    levels: Doubles  # white 3 coefficients, minus contrast 3, over the symbol from -1 to 1
    sigma: float
    spread: float
    error: float = np.inf  # mean square of what is left
    explained: float = 0.0  # share of the profile's variance


def start(
    profile: Profile,
    layout: Layout,
    left: float,
    right: float,
    sigma: float,
    slant: float = 0.0,
    *,
    uneven: bool = False,
) -> Fit:
    """A fit to begin with: the symbol from sample `left` to sample `right`, black and white as `levels` has them.

    `slant`: modules that the middle between the two ends lies beyond the symbol's middle.
    """
    count = len(profile.light)
    low, high = (2 * np.array([left, right]) + 1) / count - 1
    half, middle = (high - low) / 2, (high + low) / 2
    # module = modules / 2 * (1 + s) + slant * (1 - s^2) with s from -1 to 1 between the ends
    mean, bend = layout.modules / 2, slant / half**2
    warp = np.array([mean + slant - mean / half * middle - bend * middle**2, mean / half + 2 * bend * middle, -bend, 0])
    places = layout.samples / layout.modules * (right - left) + left
    light = np.interp(places, np.arange(count) + 0.5, profile.light).astype(np.float32)
    black, white = (level[0] for level in levels(light[None], layout, uneven=uneven))
    across = 2 * layout.samples / layout.modules - 1
    lines = np.polyfit(across, white, 1)[::-1], np.polyfit(across, np.minimum(black - white, -1e-3), 1)[::-1]
    return Fit("", warp, np.array([*lines[0], 0, *lines[1], 0]), sigma, 0.0)


def levels(light: Floats, layout: Layout, *, uneven: bool) -> tuple[Floats, Floats]:
    """Black and white along profiles at the layout's samples, when nothing is known yet, by percentiles.

    `uneven` takes either half for itself: for light that changes along the symbol. Where bars have melted into one
    another a half may hold nothing as black or white as the whole does.
    """
    if not uneven:
        black, white = np.percentile(light, (4, 96), axis=1).astype(np.float32)[..., None]
        return np.broadcast_to(black, light.shape), np.broadcast_to(white, light.shape)
    inside = light[:, QUIET * PER_MODULE : -QUIET * PER_MODULE]
    half = inside.shape[1] // 2
    halves = np.percentile(inside[:, : 2 * half].reshape(-1, 2, half), (5, 95), axis=2).astype(np.float32)
    share = ((np.arange(light.shape[1]) - QUIET * PER_MODULE) / half - 0.5).clip(-0.3, 1.3).astype(np.float32)
    black, white = halves[..., :1] * (1 - share) + halves[..., 1:] * share
    return black, white


def as_darkness(profile: Profile, layout: Layout, fit: Fit) -> Floats:
    """The profile as darkness from 0 to 1 at the layout's samples: what is compared with templates."""
    modules = np.maximum.accumulate(profile.powers @ fit.warp)
    light = np.interp(layout.samples, modules, profile.light)
    powers = np.vander(2 * layout.samples / layout.modules - 1, 3, increasing=True)
    contrast = np.minimum(powers @ fit.levels[3:], -1e-6)
    return np.clip((light - powers @ fit.levels[:3]) / contrast, -0.5, 1.5).astype(np.float32)


def refined(profile: Profile, layout: Layout, fit: Fit, text: str, rounds: int) -> Fit:
    """The fit for these digits after some rounds of Gauss-Newton; weak priors hold what the profile does not tell."""
    bars = np.pad(layout.bars(text), _MARGIN)[None]
    grid = fine_places(bars.shape[1], -_MARGIN)
    step = float(grid[1] - grid[0])
    warp, sigma, spread = fit.warp.copy(), fit.sigma, fit.spread
    for turn in range(rounds + 1):
        modules = profile.powers @ warp
        used = (modules > -QUIET) & (modules < layout.modules + QUIET)
        light, places, powers = profile.light[used], modules[used], profile.powers[used]
        if len(light) < layout.modules:
            return Fit(text, warp, fit.levels, sigma, spread)
        fine_dark, fine_ink = (image[0] for image in blurred(bars, sigma))
        slope = np.gradient(fine_dark, step)
        bend = np.gradient(slope, step)
        dark = np.interp(places, grid, fine_dark + spread * fine_ink)
        across = np.vander(2 * places / layout.modules - 1, 3, increasing=True)
        linear = np.hstack([across, across * dark[:, None]])
        levels = np.linalg.solve(linear.T @ linear + 1e-9 * np.eye(6), linear.T @ light)
        rest = light - linear @ levels
        error = float(rest @ rest) / len(rest)
        if turn == rounds:
            break
        contrast = across @ levels[3:]
        moved = contrast * np.interp(places, grid, slope)
        columns = np.column_stack(
            [
                linear,
                moved[:, None] * powers,
                contrast * np.interp(places, grid, bend) * sigma,
                contrast * np.interp(places, grid, fine_ink),
            ]
        )
        hold = np.zeros(12)
        hold[8:10] = error / np.square(_WARP_LOOSE[2:])
        hold[10:] = error / 0.25, error / 0.04
        pull = np.zeros(12)
        pull[8:10], pull[11] = -hold[8:10] * warp[2:], -hold[11] * spread
        normal = columns.T @ columns + np.diag(hold + 1e-9)
        change = np.linalg.solve(normal, columns.T @ rest + pull)
        most = float(np.abs(powers @ change[6:10]).max())
        share = min(1.0, 0.7 / max(most, 1e-9))
        warp = warp + share * change[6:10]
        sigma = float(np.clip(sigma + np.clip(share * change[10], -0.3, 0.3), *SIGMAS))
        spread = float(np.clip(spread + share * change[11], -_SPREAD, _SPREAD))
    return Fit(text, warp, levels, sigma, spread, error, 1 - error / max(float(light.var()), 1e-12))
