"""Photos a second and the share read by the ladder, against each engine alone on the plain picture.

An engine alone is taken at its word: everything it reports counts as read, right or wrong; the ladder believes less.
The contenders take turns photo by photo, in an order that moves on with each.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.drawn_photos import drawn_photos
from benchmarks.photos import Photo, photos_in
from scanners import available_engines
from scanners.intake import open_picture
from scanners.ladder import ENGINES, Grey, climb
from scanners.values import Reading

NAME = "scan"
BUDGET = 1.5  # seconds a photo may take on the ladder: the service's own default
# The team's photos are too large and too differently licensed to be part of the project; they may lie beside it.
FOLDER = Path(__file__).resolve().parents[2] / "shared" / "barcodes"


def run() -> dict[str, Any]:
    """Figures of every contender over the same photos."""
    beside = (FOLDER / "manifest.csv").is_file()
    photos = photos_in(FOLDER) if beside else list(drawn_photos())
    missing = {name: why for name, why in available_engines().items() if why}
    contenders: dict[str, Callable[[Grey], list[Reading]]] = {
        "ladder": lambda grey: list(climb(grey, seconds=BUDGET).readings)
    }
    contenders |= {name: read for name, read in ENGINES.items() if name not in missing}
    tally = {name: {"seconds": 0.0, "read": 0, "wrong_photos": 0} for name in contenders}
    opening, names, slow = 0.0, list(contenders), []
    for turn, photo in enumerate(photos):
        started = time.perf_counter()
        grey = open_picture(photo.data).grey
        opening += time.perf_counter() - started
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds = _take(photo, grey, contenders[name], tally[name])
            if name == "ladder":
                slow.append(seconds)
    with_code = sum(bool(photo.wanted) for photo in photos)
    return {
        "photos": len(photos),
        "with_code": with_code,
        "megabytes": round(sum(len(photo.data) for photo in photos) / 1e6, 1),
        "source": "photos with known texts" if beside else "drawn here (no folder shared/barcodes beside the checkout)",
        "opening_photos_a_second": round(len(photos) / opening, 1),
        "ladder_median_ms": round(sorted(slow)[len(slow) // 2] * 1000),
        "ladder_p95_ms": round(sorted(slow)[int(len(slow) * 0.95)] * 1000),
        "missing": missing,
        "contenders": {name: _figures(row, len(photos), with_code) for name, row in tally.items()},
    }


def _take(photo: Photo, grey: Grey, read: Callable[[Grey], list[Reading]], row: dict[str, float]) -> float:
    started = time.perf_counter()
    readings = read(grey)
    seconds = time.perf_counter() - started
    row["seconds"] += seconds
    row["read"] += bool(photo.wanted) and not photo.missing(readings)
    row["wrong_photos"] += bool(photo.wrong(readings))
    return seconds


def _figures(row: dict[str, float], photos: int, with_code: int) -> dict[str, float]:
    return {
        "photos_a_second": round(photos / row["seconds"], 1),
        "read": int(row["read"]),
        "share_read": round(row["read"] / with_code, 3),
        "photos_with_wrong_readings": int(row["wrong_photos"]),
    }


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told = [
        f"{figures['photos']} photos ({figures['megabytes']} MB, {figures['with_code']} of them with a code),"
        f" {figures['source']}; opened at {figures['opening_photos_a_second']}/s, not counted below"
    ]
    for name, row in figures["contenders"].items():
        told.append(
            f"{name:>6}: {row['share_read']:6.1%} read ({row['read']}),"
            f" {row['photos_with_wrong_readings']} photos with a wrong reading, {row['photos_a_second']} photos/s"
        )
    told.append(f"ladder: median {figures['ladder_median_ms']} ms, 95 % within {figures['ladder_p95_ms']} ms a photo")
    return told + [f"{name}: not measured, {why}" for name, why in figures["missing"].items()]
