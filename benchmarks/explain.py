"""One file on the ladder: what each rung found and cost, what is believed, what is doubtful and why."""

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.photos import forms
from scanners.intake import open_picture
from scanners.ladder import climb
from scanners.values import Ascent, Reading
from trace.domain.failures import Failure


def explained(path: Path, seconds: float) -> dict[str, Any]:
    """{steps, believed, doubtful, ...} of one photo; raises `SystemExit` with a sentence for what is none."""
    started = time.process_time()
    try:
        grey = open_picture(path.read_bytes()).grey
    except OSError as fault:
        raise SystemExit(f"{path} cannot be opened: {fault.strerror}.") from fault
    except Failure as failure:
        raise SystemExit(f"{path}: {failure}") from failure
    opened = time.process_time()
    ascent = climb(grey, seconds=seconds)
    return {
        "file": str(path),
        "width": grey.shape[1],
        "height": grey.shape[0],
        "budget_seconds": seconds,
        "opening_cpu_ms": round((opened - started) * 1000, 1),
        "reading_cpu_ms": round((time.process_time() - opened) * 1000, 1),
        "steps": [
            {"rung": step.rung, "ms": round(step.milliseconds, 1), "found": [_told(r) for r in step.found]}
            for step in ascent.steps
        ],
        "believed": [_told(reading) | {"seen_by": _seen_by(reading, ascent)} for reading in ascent.readings],
        "doubtful": [
            _told(doubtful.reading) | {"doubt": doubtful.doubt.value, "seen_by": _seen_by(doubtful.reading, ascent)}
            for doubtful in ascent.doubtful
        ],
    }


def _told(reading: Reading) -> dict[str, Any]:
    return {
        "text": reading.text,
        "symbology": reading.symbology,
        "identifier": reading.identifier,
        "corners": [list(corner) for corner in reading.corners],
    }


def _seen_by(reading: Reading, ascent: Ascent) -> list[str]:
    """The rungs that read the same content, wherever in the photo."""
    return [step.rung for step in ascent.steps if any(forms(reading) & forms(other) for other in step.found)]


def lines(figures: dict[str, Any]) -> list[str]:
    """The same, readable in a terminal."""
    told = [
        f"{figures['file']}: {figures['width']} x {figures['height']}, budget {figures['budget_seconds']} s;"
        f" opened in {figures['opening_cpu_ms']} ms, read in {figures['reading_cpu_ms']} ms of processor time"
    ]
    width = max((len(step["rung"]) for step in figures["steps"]), default=0)
    for number, step in enumerate(figures["steps"], start=1):
        told.append(f"{number:>3}. {step['rung']:<{width}} {step['ms']:>8.1f} ms  {_found(step['found'])}")
    for reading in figures["believed"]:
        told.append(f"believed: {_line(reading)}, seen by {', '.join(reading['seen_by'])}")
    for reading in figures["doubtful"]:
        why = reading["doubt"].replace("_", " ")
        told.append(f"doubtful ({why}): {_line(reading)}, seen by {', '.join(reading['seen_by'])}")
    if not figures["believed"]:
        told.append("nothing is believed")
    return told


def _found(readings: list[dict[str, Any]]) -> str:
    return "; ".join(f"{reading['symbology']} {_text(reading)}" for reading in readings) or "-"


def _line(reading: dict[str, Any]) -> str:
    xs, ys = [x for x, _ in reading["corners"]], [y for _, y in reading["corners"]]
    place = f"at {min(xs)}, {min(ys)} to {max(xs)}, {max(ys)}"
    return f"{reading['symbology']} {reading['identifier']} {_text(reading)} {place}".replace("  ", " ")


def _text(reading: dict[str, Any]) -> str:
    """With what does not print escaped, and not longer than a line."""
    text = json.dumps(reading["text"], ensure_ascii=False)
    return text if len(text) <= 80 else text[:76] + '..."'
