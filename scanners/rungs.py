"""The rungs of the ladder: small functions that try something, and their order, which is data.

The order is by measured gain per millisecond (`./run bench scan --explain FILE` shows a photo's climb): the quickest
engine on the whole picture, then what lies in the regions that look like codes, then dearer changes of the whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import numpy as np

from scanners import confirm, opencv, preparations, regions, templates, zbar, zxing
from scanners.preparations import Preparation, around
from scanners.regions import Piece, Region
from scanners.sight import ENGINES, Attempt, Sight
from scanners.values import EAN_UPC, LINEAR, Reading

LARGER = 1.4
DOZEN = 12  # regions
GRACE = 0.5  # seconds after the end of the time, in which what was read is still looked at in every way
FEW = 3  # regions that a dear rung looks into: the likeliest


class When(StrEnum):
    """What must be so for a rung to be worth its time."""

    ALWAYS = "always"
    LINES = "lines"  # something that looks like a linear code is unread
    SQUARES = "squares"  # something that looks like a matrix code is unread
    UNSURE = "unsure"  # something was read once, by an engine that may be wrong
    FINE = "fine"  # a large photo, of which a smaller copy was read, holds fine codes
    NOTHING = "nothing"  # nothing at all is believed yet


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing to try on a photo, and when."""

    name: str
    attempt: Callable[[Sight], Iterator[Attempt]]
    when: When
    seconds: float = 0.0  # that it, or one region of it, usually takes at most: with less time left it is not begun


def _on(engine: str, prepare: Preparation) -> Callable[[Sight], Iterator[Attempt]]:
    """An engine on the whole picture, prepared."""

    def attempt(sight: Sight) -> Iterator[Attempt]:
        piece = sight.piece(prepare)
        if piece is not None:
            yield piece.name, regions.read_pieces([piece], ENGINES[engine])

    return attempt


def confirmed(sight: Sight) -> Iterator[Attempt]:
    """What lacks a second witness: do its bars say the same, and what do the other engines read just there?

    Once each: the same pixels say the same again. However late it is each is looked at, when it is very late once only.
    """
    for reading in sight.evidence.unsure():
        if reading in sight.looked_at:
            continue
        sight.looked_at.add(reading)
        for preparation, attempt in _second_looks(sight, reading):
            yield preparation, attempt()
            if not sight.evidence.is_open(reading) or sight.is_late(-GRACE):
                break


def _second_looks(sight: Sight, reading: Reading) -> Iterator[tuple[str, Callable[[], list[Reading]]]]:
    """The cheapest first."""
    yield "bars", lambda: [second for second in [confirm.confirmed(sight.grey, reading)] if second]
    piece = around(sight.grey, reading)
    if reading.symbology in EAN_UPC:
        yield "around", lambda: regions.read_pieces([piece], opencv.read) + regions.read_pieces([piece], zbar.read)
        if reading.symbology != "UPC-E":  # which the templates do not know
            yield "around", lambda: templates.read_quad(sight.grey, confirm.bars_of(reading))
        return
    if reading.symbology in LINEAR:
        region = Region(confirm.bars_of(reading), "linear")
        if region.length > 0:  # of what is seen end on an engine may tell one point
            strips_ = regions.strips(regions.profile(sight.grey, region))
            yield strips_[0].name, lambda: regions.read_pieces(strips_[:1], zxing.read_strip)
        yield "around", lambda: regions.read_pieces([piece], zbar.read)
    else:  # a PDF417 read on a turned picture reads nowhere else
        region = Region(np.array(reading.corners, dtype=np.float64), "matrix")
        if region.length > 0:
            piece = _doubled(sight, region)
            yield "straight", lambda: regions.read_pieces([piece], zxing.read)
    # Not the same pixels again: an engine that errs on them would err alike.
    yield "larger", lambda: regions.read_pieces([around(sight.grey, reading, LARGER)], zxing.read)


def _doubled(sight: Sight, region: Region) -> Piece:
    """A region laid straight and doubled; one that fills a large photo no larger than other pictures are."""
    scale = min(2.0, preparations.LONGEST / max(region.length, region.height))
    return regions.cut(sight.grey, region, scale=(scale, scale))


def strips(sight: Sight) -> Iterator[Attempt]:
    """Each unread linear region as its average along the bars, its blur taken off step by step until two agree."""
    for region in sight.unread("linear"):
        for piece in regions.strips(sight.profile(region)):
            yield piece.name, regions.read_pieces([piece], zxing.read_strip)
            if sight.evidence.explains(region.quad):
                break


def drawn_anew(sight: Sight) -> Iterator[Attempt]:
    """Unread linear regions as the clean bars of the Code 128 that fits them, for the engine to check.

    Where a dozen gave nothing the rest is print, unless the photo turns out to hold many codes.
    """
    for tried, region in enumerate(sight.unread("linear")):
        if tried >= DOZEN and len(sight.evidence.believed()) < FEW:
            return
        piece = regions.fitted(sight.profile(region))
        if piece is not None:
            yield piece.name, regions.read_pieces([piece], zxing.read_strip)


def stacked(sight: Sight) -> Iterator[Attempt]:
    """Unread regions of bars laid straight: the rows of a PDF417 look like bars, and it is read upright only."""
    for region in sight.unread("linear"):
        piece = regions.cut(sight.grey, region, scale=(1.0, 1.0))
        yield "cut", regions.read_pieces([piece], zxing.read_stacked)


def templated(sight: Sight) -> Iterator[Attempt]:
    """The likeliest unread linear regions by our own templates of blurred retail codes."""
    for region in islice(sight.unread("linear", dear=True), FEW):
        yield "region", templates.read_quad(sight.grey, region.quad)


def turned(sight: Sight) -> Iterator[Attempt]:
    """Turned a little both ways, against the lines along which engines look."""
    for degrees in (20, -20):
        if sight.is_late():
            return
        piece = preparations.turned(sight.grey, degrees)
        yield piece.name, regions.read_pieces([piece], zxing.read)


def templates_on_whole(sight: Sight) -> Iterator[Attempt]:
    """Blurred retail codes where OpenCV's detector sees bars: its regions differ from ours."""
    yield "plain", templates.read(sight.grey)


def cut_out(sight: Sight) -> Iterator[Attempt]:
    """Unread linear regions laid straight and doubled, for the engines that look at edges their own way."""
    for region in sight.unread("linear"):
        piece = _doubled(sight, region)
        for engine in (opencv, zbar):
            yield "cut", regions.read_pieces([piece], engine.read)


def matrices(sight: Sight) -> Iterator[Attempt]:
    """Unread matrix regions at one size: as they are, thresholded, deblurred.

    A few of them; all among many codes; beside one or two that were read, as they are only.
    """
    believed = len(sight.evidence.believed())
    pieces = 1 if 0 < believed < FEW else None
    for region in islice(sight.unread("matrix"), FEW if believed < FEW else None):
        for piece in islice(regions.squares(sight.grey, region), pieces):
            yield piece.name, regions.read_pieces([piece], zxing.read)
            if sight.evidence.explains(region.quad) or sight.is_late():
                break


RUNGS: tuple[Rung, ...] = (
    Rung("zxing plain", _on("zxing", preparations.plain), When.ALWAYS),
    Rung("confirmed", confirmed, When.UNSURE),
    Rung("strips", strips, When.LINES),
    Rung("drawn anew", drawn_anew, When.LINES),
    Rung("stacked", stacked, When.LINES),
    Rung("zxing whole", _on("zxing", preparations.whole), When.FINE, 0.4),
    Rung("whole confirmed", confirmed, When.UNSURE),
    Rung("matrices", matrices, When.SQUARES),
    Rung("templates", templated, When.LINES, 0.3),
    Rung("cut out", cut_out, When.LINES),
    Rung("templates plain", templates_on_whole, When.NOTHING, 0.3),
    Rung("zxing evened", _on("zxing", preparations.evened), When.NOTHING, 0.15),
    Rung("zxing grown", _on("zxing", preparations.grown), When.NOTHING, 0.15),
    Rung("zxing turned", turned, When.NOTHING),
    Rung("last confirmed", confirmed, When.UNSURE),
)
