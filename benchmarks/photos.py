"""Photos with known texts for the scan benchmark and the golden test: from a folder with a manifest, or drawn."""

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image, ImageFilter

from scanners.values import EAN_UPC, Reading

UNKNOWN = "<unkown>"  # so spelt in the manifest: nobody knows the text
_LINEAR_LETTERS = "ABCDabcd"  # Codabar's start and stop, which are no data


@dataclass(frozen=True, slots=True)
class Photo:
    """A file's bytes and what stands in it: `wanted` must be read, `present` may be."""

    name: str
    data: bytes
    symbology: str
    wanted: frozenset[str]
    present: frozenset[str] = frozenset()

    def missing(self, readings: Iterable[Reading]) -> frozenset[str]:
        """The wanted texts that were not read."""
        return self.wanted - frozenset(text for reading in readings for text in forms(reading))

    def wrong(self, readings: Iterable[Reading]) -> list[str]:
        """The texts that were read and are not there."""
        if UNKNOWN in self.wanted:
            return []
        there = self.wanted | self.present
        return [reading.text for reading in readings if not there & set(forms(reading))]


def photos_in(folder: Path, *, every: int = 1) -> list[Photo]:
    """The photos of a folder with `manifest.csv` (columns file, symbology, text, also_present), by name; every n-th."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
    return [_photo(folder, row) for row in rows[::every]]


def _photo(folder: Path, row: dict[str, str]) -> Photo:
    symbology = row["symbology"]
    listed = symbology in ("none", "multi")
    texts = json.loads(row["text"]) if listed else [row["text"]]
    also = json.loads(row["also_present"] or "[]")
    return Photo(
        name=Path(row["file"]).name,
        data=(folder / row["file"]).read_bytes(),
        symbology=symbology,
        wanted=frozenset(_known(text, symbology) for text in texts),
        present=frozenset(form for text in also for form in (_known(text, ""), _known(text, "EAN-13"))),
    )


def _known(text: str, symbology: str) -> str:
    """A text of the manifest in the form that `forms` gives: escapes undone, brackets of GS1 text left out."""
    if text.startswith("BIN:"):
        return text
    plain = re.sub(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|n|r)", lambda found: _escape(found[1]), text)
    if symbology in ("DataBar", "DataBarLtd") and len(plain) == 14:
        plain = "01" + plain  # the symbol says that it is a GTIN
    if symbology == "Codabar":
        plain = plain.strip(_LINEAR_LETTERS)
    return _bare(plain).lstrip("0") if symbology in EAN_UPC else _bare(plain)


def _escape(name: str) -> str:
    return {"n": "\n", "r": "\r"}.get(name) or chr(int(name[1:], 16))


def _bare(text: str) -> str:
    """Without what writers and engines add or leave out: brackets, separators, blanks at the ends."""
    return re.sub(r"\((\d{2,4})\)", r"\1", text).replace("\x1d", "").strip()


def forms(reading: Reading) -> tuple[str, ...]:
    """How a reading may stand in a manifest: its text, its bytes in hex, a retail number with fewer zeros before it."""
    text = _bare(reading.text)
    zeros = (text.lstrip("0"),) if reading.symbology in EAN_UPC else ()
    return text, "BIN:" + reading.raw.hex(), *zeros


def drawn_photos(*, seed: int = 7, each: int = 10) -> list[Photo]:
    """Codes drawn on noisy paper, turned and blurred a little more from one to the next: `each` of five kinds."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(each):
        for symbology, text, format_ in _drawn_texts(rng):
            made.append(_drawn(f"{symbology}-{number}", text, symbology, format_, number / max(1, each - 1), rng))
    return made


def _drawn_texts(rng: np.random.Generator) -> list[tuple[str, str, zxingcpp.BarcodeFormat]]:
    def digits(count: int) -> str:
        return "".join(str(digit) for digit in rng.integers(0, 10, count))

    ean = zxingcpp.create_barcode("690" + digits(9), zxingcpp.BarcodeFormat.EAN13).text
    return [
        ("EAN-13", ean, zxingcpp.BarcodeFormat.EAN13),
        ("Code128", "8" + digits(19), zxingcpp.BarcodeFormat.Code128),
        ("QR", "https://trace.example.cn/c/" + digits(12), zxingcpp.BarcodeFormat.QRCode),
        ("DataMatrix", "LOT" + digits(10), zxingcpp.BarcodeFormat.DataMatrix),
        ("PDF417", "中宁枸杞" + digits(8), zxingcpp.BarcodeFormat.PDF417),
    ]


def _drawn(
    name: str, text: str, symbology: str, format_: zxingcpp.BarcodeFormat, trouble: float, rng: np.random.Generator
) -> Photo:
    """`trouble` from 0 (clean) to 1 (turned 25 degrees, blurred, noisy)."""
    symbol = Image.fromarray(np.array(zxingcpp.create_barcode(text, format_).to_image(scale=3))).convert("L")
    paper = Image.new("L", (1000, 750), 225)
    paper.paste(symbol, ((1000 - symbol.width) // 2, (750 - symbol.height) // 2))
    turned = paper.rotate(25 * trouble, resample=Image.Resampling.BICUBIC, fillcolor=225)
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(2.2 * trouble)), dtype=np.float64)
    noisy = np.clip(blurred + rng.normal(0, 4 + 14 * trouble, blurred.shape), 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=85)
    return Photo(name, file.getvalue(), symbology, frozenset({_bare(text)}))
