"""What a reading is, on the way from the engines to the people who asked."""

from dataclasses import dataclass

Corners = tuple[tuple[int, int], ...]

# Where one symbology goes by several names, ours is the one on the left of the field's usage.
EAN_UPC = frozenset({"EAN-13", "EAN-8", "UPC-A", "UPC-E"})
# Symbologies whose own redundancy (error correction, or a strong checksum) makes one clean reading evidence enough.
SELF_CHECKING = frozenset(
    {
        "Aztec",
        "Code128",
        "Code93",
        "DataBar",
        "DataBarExp",
        "DataMatrix",
        "GS1-128",
        "MicroQR",
        "PDF417",
        "QR",
    }
)


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


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """What one photo gave: its readings, its size in pixels once upright, and the cleaned picture.

    `clean` is the only picture that is ever kept or shown: upright, re-encoded, without any metadata.
    """

    readings: tuple[Reading, ...]
    width: int
    height: int
    media_type: str
    clean: bytes
    clean_media_type: str
    milliseconds: float
