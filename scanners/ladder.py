"""The reading ladder: the cheap attempt first, dearer ones while something is left to be read and there is time.

What is left is known from the picture itself: regions that look like codes and hold nothing believed. A photo whose
codes are all read by the first rung is answered after it.
"""

import time
from collections.abc import Sequence

from scanners.bars import parts
from scanners.preparations import LONGEST
from scanners.regions import Grey
from scanners.rungs import RUNGS, Rung, When
from scanners.sight import ENGINES, Sight
from scanners.values import Ascent, Reading, Step

__all__ = ["ENGINES", "RUNGS", "Grey", "climb"]


def climb(grey: Grey, *, seconds: float, rungs: Sequence[Rung] = RUNGS) -> Ascent:
    """Read a grey picture within a time budget. Corners are in the picture's pixels.

    The first rung always runs, and what it read is always looked at a second time: both are quick.
    """
    sight = Sight(grey, deadline=time.monotonic() + seconds)
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
