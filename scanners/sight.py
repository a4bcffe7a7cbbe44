"""One photo on its way up the ladder: its pixels, what lies where in it, what was read, and how long it may take."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from scanners import opencv, zbar, zxing
from scanners.evidence import Evidence
from scanners.preparations import Preparation
from scanners.regions import Engine, Grey, Piece, Profile, Region, find_regions, profile, smaller
from scanners.values import LINEAR, Reading

ENGINES: dict[str, Engine] = {zxing.NAME: zxing.read, zbar.NAME: zbar.read, opencv.NAME: opencv.read}
Attempt = tuple[str, list[Reading]]  # a preparation's name, and what was read on it, in the photo's pixels

SHORTEST = 50  # pixels of a linear code: the shortest (UPC-E, ISO/IEC 15420) has 51 modules
# Of the likeness of the best region of its kind: below the first nothing is looked into, and below the second nothing
# once something was read, for text and edges look a little like codes too; where many were read, some of the rest are
# blurred: there the third counts.
POSSIBLE, LIKELY, LIKELY_AMONG_MANY, MANY = 0.05, 0.8, 0.2, 3
# Beside one or two that were read: of the largest region's score, to be looked into, and for what is dear.
SMALL, LARGE = 0.3, 0.6
PATIENCE = 2  # times its budget that a photo may take by the clock, on a machine that is busy with other things
DEAR = 0.3  # seconds that a dear look takes
FILLED = 0.3  # of the photo by one code
ENOUGH, FINE = 2.0, 6.0  # pixels of a module: seen as an edge in a smaller picture; too fine for a smaller picture
MODULES, MATRIX_MODULES = 95, 25  # of an EAN-13 and of a QR code of version 2


@dataclass(slots=True)
class Sight:
    """A grey photo, the evidence gathered, and the seconds of work it may take."""

    grey: Grey
    seconds: float
    evidence: Evidence = field(init=False)
    _worked: float = field(default_factory=time.thread_time)
    _began: float = field(default_factory=time.monotonic)
    looked_at: set[Reading] = field(default_factory=set)  # a second time
    _regions: list[Region] | None = None
    _pieces: dict[Preparation, Piece | None] = field(default_factory=dict)
    _profiles: dict[int, Profile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.evidence = Evidence(self.grey)

    def is_late(self, needed: float = 0.0) -> bool:
        """Whether less than so many seconds are left."""
        worked, waited = time.thread_time() - self._worked, time.monotonic() - self._began
        return worked + needed >= self.seconds or waited + needed >= PATIENCE * self.seconds

    def piece(self, prepare: Preparation) -> Piece | None:
        """The whole photo prepared, once."""
        if prepare not in self._pieces:
            self._pieces[prepare] = prepare(self.grey)
        return self._pieces[prepare]

    def regions(self) -> list[Region]:
        """Where codes seem to lie, the likeliest first; once something was read, others are taken to be as coarse."""
        if self._regions is None and self._is_filled():
            self._regions = []
        if self._regions is None:
            factor = max(1.0, min(map(_module, self.evidence.believed()), default=0.0) / ENOUGH)
            found = find_regions(smaller(self.grey, factor))
            self._regions = [replace(region, quad=region.quad * factor) for region in found]
        return self._regions

    def _is_filled(self) -> bool:
        """Whether one code that was read takes up so much of the photo that nothing else is to be expected."""
        boxes = (np.ptp(reading.corners, axis=0) for reading in self.evidence.believed())
        return any(width * height > FILLED * self.grey.size for width, height in boxes)

    def has_fine_codes(self) -> bool:
        """Whether the whole of a large photo should be looked at: what was read is small, or nothing was."""
        return min((_module(case.reading) for case in self.evidence.cases), default=0.0) < FINE

    def profile(self, region: Region) -> Profile:
        """A linear region averaged along its bars, once."""
        if id(region) not in self._profiles:
            self._profiles[id(region)] = profile(self.grey, region)
        return self._profiles[id(region)]

    def unread(self, kind: str, *, dear: bool = False) -> Iterator[Region]:
        """The regions of a kind in which nothing believed lies, while there is time; looked at anew after each.

        Text and edges look a little like codes too: once something was read, only what looks much like a code counts,
        and for what is `dear` to look into, only what is about as large as the best as well.
        """
        regions = [region for region in self.regions() if region.length >= SHORTEST]
        if dear:  # the largest first: what people photograph is not the least thing in the picture
            regions = sorted(regions, key=lambda region: -region.score)
        best = max((region.likeness for region in regions if region.kind == kind), default=0.0)
        largest = max((region.score for region in regions), default=0.0)
        for region in regions:
            if self.is_late(DEAR if dear else 0.0):
                return
            if region.kind != kind or self.evidence.explains(region.quad):
                continue
            believed = len(self.evidence.believed())
            share = POSSIBLE if not believed else LIKELY if believed < MANY else LIKELY_AMONG_MANY
            small = 0 < believed < MANY and region.score < (LARGE if dear else SMALL) * largest
            if region.likeness > share * best and not small:
                yield region


def _module(reading: Reading) -> float:
    """About the pixels of a module of what was read."""
    modules = MODULES if reading.symbology in LINEAR else MATRIX_MODULES
    return float(max(np.ptp(reading.corners, axis=0))) / modules
