"""The curve of temperatures as what an inline SVG draws: paths, the allowed band, marks of both axes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from trace.domain.climate import as_degrees

WIDTH, HEIGHT = 480, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 472, 10, 196  # of the drawing within the picture
_STEPS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)  # hundredths of a degree between two lines
_LINES = 5  # at most across the picture
_ALONE = 4  # pixels of the stroke that shows a reading with no other beside it

Point = tuple[int, int]  # seconds since the beginning, hundredths of a degree


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn: the whole course, its parts outside the band, the band's upper edge and height, and the marks as
    (where, text)."""

    course: str
    outside: str
    band: tuple[float, float] | None
    lines: tuple[tuple[float, str], ...]
    moments: tuple[tuple[float, datetime], ...]
    left: int = _LEFT
    right: int = _RIGHT
    bottom: int = _BOTTOM


def curve_of(
    points: Sequence[Sequence[int]], *, begin: datetime, end: datetime, low: Decimal | None, high: Decimal | None
) -> Curve | None:
    """The curve of points between two moments; None where there are none. `low` and `high` are what is allowed."""
    if not points:
        return None
    course: list[Point] = [(one[0], one[1]) for one in points]
    bounds = [None if value is None else int(value * 100) for value in (low, high)]
    values = [celsius for _, celsius in course] + [value for value in bounds if value is not None]
    margin = max((max(values) - min(values)) // 12, 50)
    least, most = min(values) - margin, max(values) + margin
    seconds = max((end - begin).total_seconds(), 1)

    def x(at: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * min(max(at / seconds, 0), 1), 1)

    def y(celsius: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (celsius - least) / (most - least), 1)

    def path(parts: Sequence[Sequence[tuple[float, float]]]) -> str:
        return "".join("M" + "L".join(f"{x(at)} {y(celsius)}" for at, celsius in part) for part in parts)

    top, floor = y(most if bounds[1] is None else bounds[1]), y(least if bounds[0] is None else bounds[0])
    whole = course if len(course) > 1 else [(course[0][0] - seconds * _ALONE / WIDTH, course[0][1]), course[0]]
    return Curve(
        path([whole]),
        path(list(_outside(whole, bounds[0], bounds[1]))),
        None if bounds == [None, None] else (top, round(floor - top, 1)),
        tuple((y(value), f"{as_degrees(value):f}") for value in _lines(least, most)),
        tuple((x(part * seconds), begin + timedelta(seconds=part * seconds)) for part in (0, 0.5, 1)),
    )


def _lines(least: int, most: int) -> list[int]:
    step = next((step for step in _STEPS if (most - least) / step <= _LINES), _STEPS[-1])
    return list(range(-(-least // step) * step, most + 1, step))


def _outside(
    course: Sequence[tuple[float, float]], low: int | None, high: int | None
) -> Iterator[list[tuple[float, float]]]:
    """The stretches of the course outside the band, cut where they cross its edges."""
    for edge, side in ((low, -1), (high, 1)):
        if edge is None:
            continue
        for one, other in pairwise(course):
            beyond = [side * (celsius - edge) > 0 for _, celsius in (one, other)]
            if all(beyond):
                yield [one, other]
            elif any(beyond):
                share = (edge - one[1]) / (other[1] - one[1])
                cut = (one[0] + share * (other[0] - one[0]), float(edge))
                yield [one, cut] if beyond[0] else [cut, other]
