"""The sets that photos are counted in, by the names that `./run bench scan --set` takes."""

from dataclasses import dataclass

from benchmarks.drawn_photos import CONDITIONS
from benchmarks.photos import Photo

DRAWN = "drawn"  # all sets whose photos are drawn here


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """What a set holds, and the share of its codes that is to be read, if an aim was set."""

    title: str
    aim: float | None = None


SETS: dict[str, PhotoSet] = {
    "shoppers": PhotoSet("Groceries, by shoppers", 0.85),
    "autofocus": PhotoSet("EAN, phone with autofocus", 1.0),
    "no-autofocus": PhotoSet("EAN, phone without autofocus", 0.85),
    "ean-13": PhotoSet("EAN-13", 0.88),
    "ean-8": PhotoSet("EAN-8"),
    "upc-a": PhotoSet("UPC-A", 0.8),
    "upc-e": PhotoSet("UPC-E"),
    "code128": PhotoSet("Code 128", 0.97),
    "itf": PhotoSet("ITF", 0.95),
    "code39": PhotoSet("Code 39"),
    "code93": PhotoSet("Code 93"),
    "codabar": PhotoSet("Codabar"),
    "databar": PhotoSet("GS1 DataBar", 0.85),
    "qr": PhotoSet("QR", 0.95),
    "datamatrix": PhotoSet("DataMatrix", 1.0),
    "pdf417": PhotoSet("PDF417"),
    "aztec": PhotoSet("Aztec"),
    "other": PhotoSet("Other symbologies"),
    "labels": PhotoSet("Labels, synthetic"),
    "many": PhotoSet("Many codes in one photo", 0.95),
    "none": PhotoSet("No code to be read"),
    f"{DRAWN}-clean": PhotoSet("Drawn here: clean"),
    **{f"{DRAWN}-{condition}": PhotoSet(f"Drawn here: {condition}") for condition in CONDITIONS},
    f"{DRAWN}-boxes": PhotoSet("Drawn here: boxes of drugs", 0.95),
    f"{DRAWN}-none": PhotoSet("Drawn here: no code"),
}
# {first part of a manifest's `set`: ours}; what is not named here goes by its symbology.
_COLLECTIONS = {"off": "shoppers", "artelab1": "autofocus", "artelab2": "no-autofocus", "syn": "labels"}
_BY_SYMBOLOGY = {
    "none": "none",
    "multi": "many",
    "DataBarLtd": "databar",
    "DataBarExp": "databar",
    "DataBarExpStk": "databar",
    "GS1-128": "code128",
    "MicroQR": "qr",
}


def set_of(photo: Photo) -> str:
    """The name of the set that a photo is counted in."""
    first, _, rest = photo.set.partition("/")
    if first == DRAWN:
        return f"{DRAWN}-{rest}"
    if first in _COLLECTIONS:
        return _COLLECTIONS[first]
    name = _BY_SYMBOLOGY.get(photo.symbology, photo.symbology.lower())
    return name if name in SETS else "other"


def sets_named(names: list[str]) -> frozenset[str]:
    """The sets asked for; all where none is named. Raises `SystemExit` with a sentence for a name that is none."""
    unknown = [name for name in names if name not in SETS and name != DRAWN]
    if unknown:
        raise SystemExit(f"There is no set of photos named {unknown[0]}. There are: {', '.join((*SETS, DRAWN))}.")
    asked = {name for name in SETS if name in names or (DRAWN in names and name.startswith(DRAWN))}
    return frozenset(asked or SETS)
