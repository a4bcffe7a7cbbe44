"""Photos with known texts, and what counts as read: a folder with a manifest, as the scan benchmark and tests take it.

A reading is right if it says what the manifest says, in whatever form the engine tells that: the GTIN of a retail code
(UPC-A, EAN-13 with a zero before it, a UPC-E written out), the bytes of what is no text, GS1 elements with or without
brackets. Each text of the manifest is used up by one reading: a second finding of it is one that is not there.
"""

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanners.evidence import plain_code39
from scanners.values import EAN_UPC, Corners, Reading

UNKNOWN = "<unkown>"  # so spelt in the manifest: there is a code, nobody knows its text
BYTES = "BIN:"  # before hexadecimal bytes where the content is no text
LISTED = ("multi", "none")  # symbologies of rows whose text is a JSON list, of any symbologies
_CODABAR_ENDS = "ABCDabcd"  # start and stop, which are no data
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[nrt\\])")
_ELEMENT = re.compile(r"\((\d{2,4})\)")
_UPC_E = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a photo's readings are worth: the texts that nobody read, the readings of what is not there."""

    missing: tuple[str, ...]
    wrong: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Photo:
    """A file's bytes and what stands in it: each of `wanted` must be read once, each of `present` may be.

    `corners`, where known, are those of the symbols in `wanted`, four (x, y) pixels each, clockwise.
    """

    name: str
    data: bytes
    symbology: str
    wanted: tuple[str, ...]
    present: tuple[str, ...] = ()
    set: str = ""
    corners: tuple[Corners, ...] = ()

    def judge(self, readings: Iterable[Reading]) -> Verdict:
        """Set readings against what is there, text by text."""
        open_ = [(text, _forms_of_text(text, self.symbology)) for text in self.wanted]
        spare = [_forms_of_text(text, LISTED[0]) for text in self.present]
        wrong = []
        for reading in readings:
            said = forms(reading)
            if (place := _first(said, [there for _, there in open_])) is not None:
                del open_[place]
            elif (place := _first(said, spare)) is not None:
                del spare[place]
            elif UNKNOWN in self.wanted and _family(reading.symbology) == _family(self.symbology):
                open_ = [pair for pair in open_ if pair[0] != UNKNOWN]  # it cannot be told whether it is right
            else:
                wrong.append(reading)
        return Verdict(tuple(text for text, _ in open_), tuple(wrong))

    def missing(self, readings: Iterable[Reading]) -> tuple[str, ...]:
        """The wanted texts that were not read."""
        return self.judge(readings).missing

    def wrong(self, readings: Iterable[Reading]) -> list[str]:
        """The texts that were read and are not there, or not that often."""
        return [reading.text for reading in self.judge(readings).wrong]


def photos_in(folder: Path, *, every: int = 1) -> list[Photo]:
    """The photos of a folder with `manifest.csv` (file, symbology, text, set, also_present), every n-th by name."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
    return [_photo(folder, row) for row in rows[::every]]


def _photo(folder: Path, row: dict[str, str]) -> Photo:
    texts = json.loads(row["text"]) if row["symbology"] in LISTED else [row["text"]]
    return Photo(
        name=Path(row["file"]).name,
        data=(folder / row["file"]).read_bytes(),
        symbology=row["symbology"],
        wanted=tuple(map(_unescaped, texts)),
        present=tuple(map(_unescaped, json.loads(row.get("also_present") or "[]"))),
        set=row.get("set", ""),
    )


def _unescaped(text: str) -> str:
    """The manifest writes characters that do not print as in Python's strings."""
    return _ESCAPE.sub(lambda found: _character(found[1]), text)


def _character(name: str) -> str:
    return {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}.get(name) or chr(int(name[1:], 16))


def _first(said: frozenset[str], there: Sequence[frozenset[str]]) -> int | None:
    return next((place for place, known in enumerate(there) if said & known), None)


# ---- one content, several forms ------------------------------------------------------------------------------------


def forms(reading: Reading) -> frozenset[str]:
    """The forms of what an engine says, each marked with its sort: a retail number is no text, bytes neither."""
    if reading.symbology in EAN_UPC:
        return frozenset({_gtin(reading.text, reading.symbology)})
    content = _content(reading.text, reading.symbology)
    return frozenset({f"text:{content}", f"bytes:{reading.raw.hex()}", *_elements(content, "bracketed", "plain")})


def _forms_of_text(text: str, symbology: str) -> frozenset[str]:
    """The forms of a text of the manifest; where the symbology is not said, of each that the text may be."""
    if text == UNKNOWN:
        return frozenset()
    if text.startswith(BYTES):
        return frozenset({"bytes:" + text.removeprefix(BYTES).lower()})
    if symbology in EAN_UPC:
        return frozenset({_gtin(text, symbology)})
    content = _content(text, symbology)
    said = {f"text:{content}", *_elements(content, "plain", "bracketed")}
    if symbology in LISTED and text.isdigit() and len(text) in (8, 12, 13):
        said.add(_gtin(text, "EAN-13"))
    if symbology in LISTED and text.isdigit() and len(text) == 14:
        said.add("text:" + _content(text, "DataBar"))
    return frozenset(said)


def _elements(content: str, bracketed: str, plain: str) -> tuple[str]:
    """GS1 elements, brackets and separators left out, named so that a bracketed text meets plain ones only.

    Brackets say where elements end, so a separator need not; of two plain texts that differ in one, one is misread.
    """
    if _ELEMENT.match(content):
        return (f"{bracketed}:" + _ELEMENT.sub(r"\1", content).replace("\x1d", ""),)
    return (f"{plain}:" + content.replace("\x1d", ""),)


def _gtin(digits: str, symbology: str) -> str:
    return "gtin:" + (_written_out(digits) if symbology == "UPC-E" and len(digits) == _UPC_E else digits).zfill(14)


def _written_out(digits: str) -> str:
    """The UPC-A that eight digits of UPC-E stand for (GS1 General Specifications, 5.2.2.4.2)."""
    system, body, last, check = digits[0], digits[1:6], digits[6], digits[7]
    if last in "012":
        return f"{system}{body[:2]}{last}0000{body[2:]}{check}"
    if last == "3":
        return f"{system}{body[:3]}00000{body[3:]}{check}"
    if last == "4":
        return f"{system}{body[:4]}00000{body[4]}{check}"
    return f"{system}{body}0000{last}{check}"


def _content(text: str, symbology: str) -> str:
    """Without what is not content: ends of lines of one kind, Codabar's start and stop; a DataBar's GTIN as element."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    match _family(symbology):
        case "Codabar":
            return plain.strip(_CODABAR_ENDS)
        case "DataBar" if len(plain) == 14:
            return "01" + plain
        case "Code39":
            return plain_code39(plain)
    return plain


def _family(symbology: str) -> str:
    return {"DataBarLtd": "DataBar", "DataBarExpStk": "DataBarExp", "MicroQR": "QR"}.get(symbology, symbology)
