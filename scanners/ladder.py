"""The reading ladder: the cheap attempt first, dearer ones while something is left to be read and there is time.

What is left is known from the picture itself: regions that look like codes and hold nothing believed. A photo whose
codes are all read by the first rung is answered after it.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from scanners.bars import parts
from scanners.preparations import LONGEST
from scanners.regions import Grey, smaller
from scanners.rungs import RUNGS, Rung, When
from scanners.sight import ENGINES, Sight
from scanners.values import Ascent, Reading, Step

__all__ = ["ENGINES", "RUNGS", "Grey", "climb"]

LONGEST_SIDE = 16_000  # pixels: a region's profile is up to four times as long


def climb(grey: Grey, *, seconds: float, rungs: Sequence[Rung] = RUNGS) -> Ascent:
    """Read a grey picture within a budget of `seconds`. Corners are in the picture's pixels.

    The seconds are of work (this thread's processor time), so that a busy machine reads as much as an idle one; by the
    clock they may become twice as many. The first rung always runs, and what it read is always looked at a second time:
    both are quick. A picture longer than any camera's is read on a smaller copy: OpenCV and zxing-cpp have no more than
    16 bits for a side.
    """
    factor = max(grey.shape) / LONGEST_SIDE
    if factor > 1.0:
        return _scaled(climb(smaller(grey, factor), seconds=seconds, rungs=rungs), factor)
    sight = Sight(grey, seconds)
    steps: list[Step] = []
    for rung in rungs:
        if steps and sight.is_late(rung.seconds) and rung.when is not When.UNSURE:
            continue
        started = time.monotonic()
        if not _is_worth(rung, sight):
            continue
        found: list[Reading] = []
        for preparation, readings in rung.attempt(sight):
            sight.evidence.add(readings, preparation)
            found += readings
        steps.append(Step(rung.name, (time.monotonic() - started) * 1000, tuple(found)))
    readings = [part for reading in sight.evidence.believed() for part in parts(grey, reading)]
    return Ascent(tuple(readings), tuple(sight.evidence.doubtful()), tuple(steps))


def _scaled(ascent: Ascent, factor: float) -> Ascent:
    """What was read on a picture so many times smaller, with the corners of the picture itself."""

    def larger(reading: Reading) -> Reading:
        return replace(reading, corners=tuple((round(x * factor), round(y * factor)) for x, y in reading.corners))

    return Ascent(
        tuple(map(larger, ascent.readings)),
        tuple(replace(one, reading=larger(one.reading)) for one in ascent.doubtful),
        tuple(replace(step, found=tuple(map(larger, step.found))) for step in ascent.steps),
    )


def _is_worth(rung: Rung, sight: Sight) -> bool:
    match rung.when:
        case When.LINES:
            return next(sight.unread("linear"), None) is not None
        case When.SQUARES:
            return next(sight.unread("matrix"), None) is not None
        case When.UNSURE:
            return bool(sight.evidence.unsure())
        case When.FINE:
            return max(sight.grey.shape) > LONGEST and sight.has_fine_codes()
        case When.NOTHING:
            return not sight.evidence.believed()
        case _:
            return True
