"""What a reading is, on the way from the engines to the people who asked."""

from dataclasses import dataclass
from enum import StrEnum

Corners = tuple[tuple[int, int], ...]

EAN_UPC = frozenset({"EAN-13", "EAN-8", "UPC-A", "UPC-E"})
# Error correction or a strong checksum (DataBar Expanded: modulo 211 over all) make one clean reading evidence enough.
SELF_CHECKING = frozenset({"Aztec", "DataBarExp", "DataMatrix", "QR"})
# A checksum (Code 128: one wrong reading in 103 passes) or few correcting words are no proof: these are read twice.
CHECKSUM = frozenset({"Code128", "Code93", "DataBar", "GS1-128", "MicroQR", "PDF417", "rMQR"})
LINEAR = EAN_UPC | {"Codabar", "Code128", "Code39", "Code93", "DataBar", "GS1-128", "ITF"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One barcode found.

    `text` keeps FNC1 as 0x1D and has no AIM prefix; `identifier` is the AIM symbology identifier ("]d2"), "" where the
    engine cannot tell; `corners` are four (x, y) pixels of the upright picture, clockwise from the symbol's own top
    left; `raw` the bytes as read, for content that is not text.
    """

    text: str
    symbology: str
    identifier: str
    corners: Corners
    engine: str
    raw: bytes


class Doubt(StrEnum):
    """Why something was read and is not believed."""

    ALONE = "alone"  # one attempt saw it, and its symbology does not protect it well enough
    CHECK_DIGIT = "check_digit"  # its check digit is wrong
    FRAGMENT = "fragment"  # the bars seem to go on beyond its ends, or glare hides whether they do
    DISPUTED = "disputed"  # other attempts read something else off the same bars


@dataclass(frozen=True, slots=True)
class Doubtful:
    """What was read and is not believed, told with its reason and never as read."""

    reading: Reading
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class Step:
    """What one rung of the ladder found (corners in the photo's pixels) and cost."""

    rung: str
    milliseconds: float
    found: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Ascent:
    """What the ladder gave: the readings that are believed, in the order found, what is doubtful, and how it went."""

    readings: tuple[Reading, ...]
    doubtful: tuple[Doubtful, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """What one photo, or one page of a file with several, gave: its readings, its size, and the cleaned picture.

    Width and height are pixels once upright. `clean` is the only picture that is ever kept or shown: upright,
    re-encoded, without any metadata. `page` counts from 1 to `pages`.
    """

    readings: tuple[Reading, ...]
    doubtful: tuple[Doubtful, ...]
    page: int
    pages: int
    width: int
    height: int
    media_type: str
    clean: bytes
    clean_media_type: str
    milliseconds: float


def has_right_check_digit(digits: str) -> bool:
    """The mod 10 check of EAN, UPC and ITF-14."""
    if not digits.isdigit():
        return False
    total = sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(reversed(digits)))
    return total % 10 == 0
