"""The scan benchmark's figures for people: lines for a terminal, the page docs/benchmarks-photos.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.photo_sets import SETS


def lines(figures: dict[str, Any]) -> list[str]:
    """Sentences and two tables."""
    told = [f"{figures['photos']} photos with {figures['codes']} codes; milliseconds are processor time, median / p95"]
    for rows in (_by_set(figures), _by_symbology(figures)):
        told += ["", *_columns(rows)]
    told += ["", *_sentences(figures)]
    return told


def page(figures: dict[str, Any]) -> str:
    """The page docs/benchmarks-photos.md: how it was measured, on what, and the tables."""
    parts = [
        "# Reading photos: measurements",
        "Written by `./run bench scan --markdown docs/benchmarks-photos.md`; nothing here is typed by hand.",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}; {_versions()}.",
        "## Method",
        _METHOD.strip(),
        "## By set",
        _markdown(_by_set(figures)),
        "## By symbology",
        _markdown(_by_symbology(figures)),
        "## Time by the clock",
        "The same runs, in milliseconds of elapsed time: what else the machine did is in them.",
        _markdown(_clock(figures)),
        "## In sentences",
        "\n".join(f"* {sentence}" for sentence in _sentences(figures)),
        "## Again",
        _AGAIN.strip(),
    ]
    return "\n\n".join(parts) + "\n"


_METHOD = """
* Contenders: **ladder** is our reader (`scanners.ladder.climb`, 1.5 s a photo); **zxing**, **zbar** and **opencv** are
  the engines it is made of, each alone on the plain grey picture and taken at its word. They take turns photo by photo
  in one run, in an order that moves on with each; OpenCV is held to one thread, and nothing else is spread over cores.
* A cell tells the codes read (and their share), the readings that are *wrong*, for the ladder those that it calls
  *doubtful*, and the median / 95th percentile of processor time a photo, in milliseconds. Opening the file is not in
  it. The ladder's budget is of processor time; by the clock a photo may take twice that.
* Read is what the manifest says, in any form of the same content: GTINs are compared (UPC-A, EAN-13 with a zero before
  it, UPC-E written out), GS1 elements with and without brackets, ends of lines of any kind, Codabar without start and
  stop, Code 39 with its pairs spelt out, bytes where the content is no text. Everything else counts as it stands.
* Wrong is every other reading, also the second finding of a code that is there once; a photo with two boxes of one
  product has two codes. Texts that the manifest names as also present are neither wrong nor asked for.
* A code whose text nobody knows counts as read if a code of its symbology was. MaxiCode is not among the symbologies
  that the reader is for: those photos are counted as photos not read, in the set of other symbologies.
* "Aim" is the share that was to be reached. The sets come from public collections (Open Food Facts, ArTe-Lab 1D, the
  black box tests of zxing and zxing-cpp, jsQR, quagga2), a sample of each, and from scenes made for the purpose;
  those "drawn here" are made by the benchmark itself, the same everywhere (`benchmarks/drawn_photos.py`).
"""

_AGAIN = """
```
./run bench scan                                    everything that is there
./run bench scan --set qr --set drawn               some sets; drawn: all photos drawn here, in three severities
./run bench scan --photos FOLDER --json             other photos, with a manifest.csv of the same columns
./run bench scan --thorough                         also the ladder with five seconds a photo
./run bench scan --explain FILE                     one photo, rung by rung
./run bench scan --markdown docs/benchmarks-photos.md      this page
```
"""


def _by_set(figures: dict[str, Any]) -> list[list[str]]:
    rows = [["Set", "Photos", "Codes", "Aim", *figures["all"]["contenders"]]]
    for name, part in figures["sets"].items():
        aim = SETS[name].aim
        rows.append([f"{SETS[name].title} ({name})", *_sizes(part), "" if aim is None else f"{aim:.0%}", *_cells(part)])
    return [*rows, ["All", *_sizes(figures["all"]), "", *_cells(figures["all"])]]


def _by_symbology(figures: dict[str, Any]) -> list[list[str]]:
    rows = [["Symbology", "Photos", "Codes", *figures["all"]["contenders"]]]
    return rows + [[name, *_sizes(part), *_cells(part)] for name, part in figures["symbologies"].items()]


def _clock(figures: dict[str, Any]) -> list[list[str]]:
    rows = [["Set", *figures["all"]["contenders"]]]
    parts = {SETS[name].title: part for name, part in figures["sets"].items()} | {"All": figures["all"]}
    for title, part in parts.items():
        found = part["contenders"].values()
        rows.append([title, *(f"{row['clock_median_ms']:.0f} / {row['clock_p95_ms']:.0f}" for row in found)])
    return rows


def _sizes(part: dict[str, Any]) -> list[str]:
    return [str(part["photos"]), str(part["codes"])]


def _cells(part: dict[str, Any]) -> list[str]:
    return [_cell(name, row, part["codes"]) for name, row in part["contenders"].items()]


def _cell(name: str, row: dict[str, Any], codes: int) -> str:
    """For example "136 (83 %), 0 wrong, 4 doubtful, 120 / 900"."""
    told = [f"{row['read']} ({row['read'] / codes:.0%})"] if codes else []
    told.append(f"{row['wrong']} wrong")
    if row["doubtful"]:
        told.append(f"{row['doubtful']} doubtful")
    return ", ".join([*told, f"{row['cpu_median_ms']:.0f} / {row['cpu_p95_ms']:.0f}"])


def _sentences(figures: dict[str, Any]) -> list[str]:
    told = _against_aims(figures)
    if ratio := figures["where_zxing_reads"]:
        told.append(
            f"On the {ratio['photos']} photos that zxing alone reads whole, the ladder's median is {ratio['ladder']}"
            f" ms, zxing's {ratio['zxing']} ms: {ratio['ratio']} times as much."
        )
    empty = [part for name, part in figures["sets"].items() if name.endswith("none")]
    for part in empty:
        row = part["contenders"]["ladder"]
        told.append(
            f"{part['photos']} photos without a code: {row['wrong']} readings,"
            f" given up after {row['clock_median_ms']:.0f} ms by the clock (p95 {row['clock_p95_ms']:.0f} ms)."
        )
    told.append(f"A worker held at most {figures['peak_memory_mb']} MB while it opened and read the largest photos.")
    for name, photos in figures["wrong"].items():
        if name in ("ladder", "thorough") and photos:
            told.append(f"Wrong, {name}: " + "; ".join(f"{photo}: {', '.join(t)}" for photo, t in photos.items()))
    told += [f"{name} was not opened: {why}" for name, why in figures["unopened"].items()]
    return told + [f"{name} was not measured: {why}." for name, why in figures["missing"].items()]


def _against_aims(figures: dict[str, Any]) -> list[str]:
    """Where the ladder stays below its aim, or below the best engine."""
    short, behind = [], []
    for name, part in figures["sets"].items():
        read, aim = {who: row["read"] for who, row in part["contenders"].items()}, SETS[name].aim
        if aim is not None and read["ladder"] < aim * part["codes"]:
            short.append(f"{name} ({read['ladder']} of {part['codes']}, aim {aim:.0%})")
        if any(count > read["ladder"] for who, count in read.items() if who != "thorough"):
            behind.append(name)
    return [
        f"Below the aim: {', '.join(short) or 'no set'}.",
        f"Fewer codes than the best single engine reads: {', '.join(behind) or 'on no set'}.",
    ]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        told = []
    names = (line.partition(":")[2].strip() for line in told if line.startswith("model name"))
    return next(names, platform.processor() or "unnamed")


def _versions() -> str:
    packages = ("zxing-cpp", "opencv-python-headless", "pyzbar", "numpy")
    return ", ".join(f"{name} {version(name)}" for name in packages)
