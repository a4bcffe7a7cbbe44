"""Photos with known texts: what the ladder reads and what it costs, against each engine alone on the plain picture.

An engine alone is taken at its word: everything it reports counts, right or wrong; the ladder believes less, and tells
the rest as doubtful. The contenders take turns photo by photo, in an order that moves on with each. Every figure is
also given as processor time, which tells more than the clock on a machine that does other things; OpenCV is held to
one thread. Opening the file is left out, but not for the peak of memory.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import explain, scan_report
from benchmarks.drawn_photos import drawn_photos
from benchmarks.photo_sets import DRAWN, SETS, set_of, sets_named
from benchmarks.photos import LISTED, Photo, photos_in
from scanners import available_engines
from scanners.intake import open_picture
from scanners.ladder import ENGINES, Grey, climb
from scanners.values import Ascent, Reading
from trace.domain.failures import Failure

NAME = "scan"
LADDER, THOROUGH = "ladder", "thorough"
SECONDS = {LADDER: 1.5, THOROUGH: 5.0}  # a photo's budget: the service's own two
# The team's photos are too large and too differently licensed to be part of the project; they may lie beside it.
FOLDER = Path(__file__).resolve().parents[2] / "shared" / "barcodes"
LARGEST = 5  # photos that the peak of memory is measured with

Contender = Callable[[Grey], tuple[Iterable[Reading], int]]


@dataclass(frozen=True, slots=True)
class Take:
    """One contender on one photo: codes read, readings of what is not there, doubtful ones, milliseconds."""

    contender: str
    photo: str
    set: str
    symbology: str
    codes: int
    read: int
    wrong: tuple[str, ...]
    doubtful: int
    cpu: float
    clock: float


@dataclass(slots=True)
class Measured:
    """All takes, why some files could not be opened, and the files with the most pixels (pixels, bytes)."""

    takes: list[Take] = field(default_factory=list)
    unopened: dict[str, str] = field(default_factory=dict)
    largest: list[tuple[int, bytes]] = field(default_factory=list)


def add_options(parser: Any) -> None:
    """The options of `./run bench scan`."""
    parser.add_argument("--set", action="append", default=[], metavar="NAME", help=f"one of {', '.join(SETS)}, {DRAWN}")
    parser.add_argument("--photos", metavar="FOLDER", help="photos and a manifest.csv, instead of ../shared/barcodes")
    parser.add_argument("--thorough", action="store_true", help="also the ladder with its budget of five seconds")
    parser.add_argument("--explain", metavar="FILE", help="what each rung found in this file and cost, nothing else")
    parser.add_argument("--markdown", metavar="FILE", help="write the figures there, as docs/benchmarks-photos.md")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Figures of every contender over the same photos; or of one file, rung by rung."""
    cv2.setNumThreads(1)
    if asked.explain:
        return explain.explained(_from_here(asked.explain), SECONDS[THOROUGH if asked.thorough else LADDER])
    wanted = sets_named(asked.set)
    folder = _from_here(asked.photos) if asked.photos else FOLDER
    if asked.photos and not (folder / "manifest.csv").is_file():
        raise SystemExit(f"There is no manifest.csv in {folder}: it names the photos and their texts.")
    missing = {name: why for name, why in available_engines().items() if why}
    measured = _measure(_photos(folder, wanted, whole=DRAWN in asked.set), _contenders(asked.thorough, missing))
    if not measured.takes:
        raise SystemExit(f"There are no photos of these sets here ({', '.join(sorted(wanted))}).")
    figures = _figures(measured.takes) | {
        "source": str(folder),
        "missing": missing,
        "unopened": measured.unopened,
        "peak_memory_mb": _peak_memory([data for _, data in measured.largest]),
    }
    if asked.markdown:
        _from_here(asked.markdown).write_text(scan_report.page(figures), encoding="utf-8")
    return figures


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences and tables for people."""
    return explain.lines(figures) if "steps" in figures else scan_report.lines(figures)


def _from_here(path: str) -> Path:
    """`./run` changes its folder; files are named from where people stand."""
    return Path(os.environ.get("RUN_FROM", ".")) / path


def _photos(folder: Path, wanted: frozenset[str], *, whole: bool) -> Iterator[Photo]:
    beside = photos_in(folder) if (folder / "manifest.csv").is_file() else []
    drawn = drawn_photos(whole=whole) if any(name.startswith(DRAWN) for name in wanted) else ()
    return (photo for photo in chain(beside, drawn) if set_of(photo) in wanted)


def _contenders(thorough: bool, missing: dict[str, str]) -> dict[str, Contender]:
    def ladder(seconds: float) -> Contender:
        return lambda grey: _believed(climb(grey, seconds=seconds))

    def alone(read: Callable[[Grey], list[Reading]]) -> Contender:
        return lambda grey: (read(grey), 0)

    ladders = {name: ladder(seconds) for name, seconds in SECONDS.items() if thorough or name == LADDER}
    return ladders | {name: alone(read) for name, read in ENGINES.items() if name not in missing}


def _believed(ascent: Ascent) -> tuple[Iterable[Reading], int]:
    return ascent.readings, len(ascent.doubtful)


def _measure(photos: Iterable[Photo], contenders: dict[str, Contender]) -> Measured:
    """Every contender on every photo; a photo that cannot be opened is one that nobody reads."""
    measured, names = Measured(), list(contenders)
    for turn, photo in enumerate(photos):
        try:
            grey = open_picture(photo.data).grey
            measured.largest = sorted([*measured.largest, (grey.size, photo.data)], reverse=True)[:LARGEST]
        except Failure as failure:
            measured.unopened[photo.name] = str(failure)
            grey = np.full((1, 1), 255, dtype=np.uint8)
        if turn == 0:
            for read in contenders.values():
                read(grey)  # the first call of each loads its code
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            measured.takes.append(_take(photo, grey, name, contenders[name]))
    return measured


def _take(photo: Photo, grey: Grey, name: str, read: Contender) -> Take:
    clock, cpu = time.perf_counter(), time.process_time()
    readings, doubtful = read(grey)
    cpu, clock = (time.process_time() - cpu) * 1000, (time.perf_counter() - clock) * 1000
    verdict = photo.judge(readings)
    return Take(
        contender=name,
        photo=photo.name,
        set=set_of(photo),
        symbology={LISTED[0]: "several", LISTED[1]: "none"}.get(photo.symbology, photo.symbology),
        codes=len(photo.wanted),
        read=len(photo.wanted) - len(verdict.missing),
        wrong=tuple(reading.text for reading in verdict.wrong),
        doubtful=doubtful,
        cpu=cpu,
        clock=clock,
    )


# ---- figures -------------------------------------------------------------------------------------------------------


def _figures(takes: list[Take]) -> dict[str, Any]:
    def by(key: Callable[[Take], str], order: Iterable[str]) -> dict[str, Any]:
        parts = {name: [take for take in takes if key(take) == name] for name in order}
        return {name: _part(part) for name, part in parts.items() if part}

    ours = [take for take in takes if take.contender == LADDER]
    return {
        "photos": len(ours),
        "codes": sum(take.codes for take in ours),
        "all": _part(takes),
        "sets": by(lambda take: take.set, SETS),
        "symbologies": by(lambda take: take.symbology, sorted({take.symbology for take in takes})),
        "where_zxing_reads": _ratio(takes),
        "missed": {take.photo: take.codes - take.read for take in ours if take.read < take.codes},
        "wrong": {
            name: {take.photo: list(take.wrong) for take in takes if take.contender == name and take.wrong}
            for name in _in_order(takes)
        },
    }


def _part(takes: list[Take]) -> dict[str, Any]:
    """Photos, codes, and what each contender made of them."""
    contenders = {}
    for name in _in_order(takes):
        mine = [take for take in takes if take.contender == name]
        contenders[name] = {
            "read": sum(take.read for take in mine),
            "wrong": sum(len(take.wrong) for take in mine),
            "doubtful": sum(take.doubtful for take in mine),
            "cpu_median_ms": _share([take.cpu for take in mine], 0.5),
            "cpu_p95_ms": _share([take.cpu for take in mine], 0.95),
            "clock_median_ms": _share([take.clock for take in mine], 0.5),
            "clock_p95_ms": _share([take.clock for take in mine], 0.95),
        }
    ours = [take for take in takes if take.contender == LADDER]
    return {"photos": len(ours), "codes": sum(take.codes for take in ours), "contenders": contenders}


def _in_order(takes: list[Take]) -> list[str]:
    """The contenders of these takes: ours first."""
    return [name for name in (*SECONDS, *ENGINES) if any(take.contender == name for take in takes)]


def _share(values: list[float], share: float) -> float:
    """The smallest value that this share of all does not exceed (nearest rank)."""
    return round(sorted(values)[math.ceil(share * len(values)) - 1], 1)


def _ratio(takes: list[Take]) -> dict[str, float] | None:
    """Medians of processor time, ours and zxing's, over the photos that zxing alone reads whole; None without such."""
    whole = {take.photo for take in takes if take.contender == "zxing" and take.codes and take.read == take.codes}
    if not whole:
        return None
    ours, zxing = (
        statistics.median(take.cpu for take in takes if take.contender == name and take.photo in whole)
        for name in (LADDER, "zxing")
    )
    return {"photos": len(whole), LADDER: round(ours, 1), "zxing": round(zxing, 1), "ratio": round(ours / zxing, 2)}


def _peak_memory(files: list[bytes]) -> int:
    """Megabytes that a fresh process held at most while it opened and read these files, as a worker does."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_held, files).result()


def _held(files: list[bytes]) -> int:
    cv2.setNumThreads(1)
    for data in files:
        climb(open_picture(data).grey, seconds=SECONDS[LADDER])
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
