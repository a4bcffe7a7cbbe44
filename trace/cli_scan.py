"""`./run scan`: the codes in photos, scans and whole folders of them, from the command line.

The same reader, in the same worker processes, as behind the desks; no store, no server and no network. A table for
people, or a line of JSON a page for programs, in the order in which the files were named.

A program of its own and no command of `trace.cli`: a worker process loads first what its parent loaded, and the
database, the migrations and the demonstration take two seconds to load.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import partial
from io import TextIOWrapper
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import click
from babel.support import NullTranslations, Translations

from scanners import Doubt, PhotoReading, Reading, read_file
from scanners.intake import MAX_BYTES
from scanners.workers import CORES, close
from trace.domain.boxes import reading_order
from trace.domain.codes import Code, find_code
from trace.domain.failures import N_, Failure, Invalid, TooLarge
from trace.in_order import in_order
from trace.web.translate import FOLDER, compile_catalogues
from trace.web.words import WORDS

SECONDS, THOROUGH_SECONDS = 1.5, 5.0  # for one page
STANDARD_INPUT = "-"
# Of a folder, only what is named like a photo or a scan; a file that is named itself is tried whatever its name is.
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".hif", ".tif", ".tiff", ".pdf"})
AHEAD = 2 * CORES  # files read and not yet told: the order is kept, and memory does not grow with their number
LARGEST = 4 * MAX_BYTES  # no more than this is taken into memory to be told that it is too large

ALL_READ, NOT_ALL_READ, NOT_OPENED, INTERRUPTED = 0, 1, 2, 130
DOUBTS: Mapping[Doubt, str] = {
    Doubt.ALONE: N_("seen once only"),
    Doubt.CHECK_DIGIT: N_("wrong check digit"),
    Doubt.FRAGMENT: N_("perhaps a part"),
    Doubt.DISPUTED: N_("read in two ways"),
}
HEADS = (N_("File"), N_("Page"), N_("No."), N_("Symbology"), N_("What it is"), N_("Place"), N_("Text"))
SUM = N_(
    "{files} file(s), {pages} page(s): {read} codes read, {doubtful} doubtful; {without} page(s) without a code read,"
    " {faults} file(s) not readable"
)
_WIDTHS = (5, 3, 10, 18, 11)  # of the columns between the file and the text
_MOST_NAME = 40
_NAMED = {"\x1d": "<GS>", "\x1e": "<RS>", "\x04": "<EOT>", "\t": "<TAB>", "\n": "<LF>", "\r": "<CR>", "\x1b": "<ESC>"}
# What JSON lets stand as it is, and a terminal obeys or cannot show: C1, marks of direction, line ends, surrogates.
_NOT_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one file gave: its pages without their pictures, or the reason why there are none."""

    name: str
    pages: tuple[PhotoReading, ...] = ()
    fault: Failure | OSError | None = None


@dataclass(slots=True)
class Count:
    """What came of all files; `status` is the exit status."""

    files: int = 0
    pages: int = 0
    read: int = 0
    doubtful: int = 0
    without: int = 0
    faults: int = 0

    def add(self, scanned: Scanned) -> None:
        """Count one file."""
        self.files += 1
        self.pages += len(scanned.pages)
        self.read += sum(len(page.readings) for page in scanned.pages)
        self.doubtful += sum(len(page.doubtful) for page in scanned.pages)
        self.without += sum(not page.readings for page in scanned.pages)
        self.faults += scanned.fault is not None

    @property
    def status(self) -> int:
        """0: every page gave a reading; 1: some gave none, or only doubtful ones; 2: a file could not be read."""
        if self.faults:
            return NOT_OPENED
        return NOT_ALL_READ if self.without else ALL_READ


@click.command(
    "scan",
    epilog="Exit status: 0 every page gave a code; 1 some gave none, or only doubtful ones;"
    " 2 a file could not be read or was named wrongly, or the answer not be written; 130 interrupted.",
)
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each page, with all that was found.")
@click.option("--thorough", is_flag=True, help="Look for up to 5 seconds a page, not 1.5.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", help="Of the table and of what is wrong.")
def main(paths: tuple[str, ...], as_json: bool, thorough: bool, language: str) -> None:
    """Read the codes in photos, TIFFs and PDFs; folders are looked through to the bottom, - is standard input."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal set to GBK has not every character
    seconds = THOROUGH_SECONDS if thorough else SECONDS
    try:
        count = scan_to(click.echo, paths, seconds=seconds, as_json=as_json, language=language)
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        # A thread may have started new workers for the photo in its hand, and Python's own end would wait for them.
        close()
        os._exit(INTERRUPTED)
    except BrokenPipeError:  # who reads has enough
        raise
    except OSError as fault:  # those of the files that are read are told with them
        click.echo(f"The answer cannot be written: {fault.strerror}", err=True)
        # What is still in the buffer cannot be written at the end either, and Python's own status would hide ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOT_OPENED)
    sys.exit(count.status)


def scan_to(
    write: Callable[[str | bytes], None], paths: Iterable[str], *, seconds: float, as_json: bool, language: str
) -> Count:
    """Read files and write what they gave, as JSON lines or as a table; faults and the sum go to standard error."""
    texts = _texts(language)
    files = list(find_files(paths))
    names = (file.name if isinstance(file, Scanned) else file for file in files)
    heads = [texts.gettext(head) for head in HEADS]
    width = min(max(_width(text) for text in (heads[0], *map(shown, names))), _MOST_NAME)
    count = Count()
    hidden = not sys.stderr.isatty()
    if not as_json:
        write(_row(heads, width))
    with (
        click.progressbar(length=len(files), label="scan", show_pos=True, file=sys.stderr, hidden=hidden) as bar,
        closing(scan(files, seconds=seconds)) as all_scanned,  # at once: after Ctrl-C, too, nothing is left to the end
    ):
        for scanned in all_scanned:
            count.add(scanned)
            if not hidden:
                # Where both are one terminal, rows take the bar's line.
                click.echo("\r\x1b[K", file=sys.stderr, nl=False)
            for line in as_lines(scanned) if as_json else _rows(scanned, texts, width):
                write(line.encode() if as_json else line)  # JSON is UTF-8, whatever the terminal's encoding
            if scanned.fault is not None:
                click.echo(f"{shown(scanned.name)}: {shown(_sentence(scanned.fault, texts))}", err=True)
            bar.update(1)
    told = SUM if as_json else texts.gettext(SUM)
    click.echo(told.format(**asdict(count)), err=True)
    return count


# ---- in ------------------------------------------------------------------------------------------------------------


def find_files(paths: Iterable[str]) -> Iterator[str | Scanned]:
    """The files that paths name, folders looked through to the bottom in the order of their names.

    Hidden files are left out, links to folders are not followed. A folder that cannot be looked into, or that holds no
    photo, is a fault in its place.
    """
    for path in paths:
        if path not in ("", STANDARD_INPUT) and os.path.isdir(_place(path)):  # noqa: PTH112 - no error for odd names
            yield from _in_folder(path)
        else:
            yield path


def _in_folder(folder: str) -> Iterator[str | Scanned]:
    top = _place(folder)
    faults: list[OSError] = []
    count = 0
    for place, inner, names in os.walk(top, onerror=faults.append):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES and _ends(Path(place, name)):
                count += 1
                yield str(Path(folder) / (Path(place) / name).relative_to(top))
    for fault in faults:
        yield Scanned(str(Path(folder) / Path(fault.filename or top).relative_to(top)), fault=fault)
    if not count and not faults:
        empty = Invalid(N_("The folder holds no photo and no scan ({kinds})."), kinds=" ".join(sorted(SUFFIXES)))
        yield Scanned(folder, fault=empty)


def _ends(place: Path) -> bool:
    """Whether reading what lies there comes to an end: pipes and devices may not; a link to nothing is told later."""
    return place.is_file() or not place.exists()


def _place(path: str) -> Path:
    """Where a file lies: people name it from where they stand, and `./run` itself stands in the checkout."""
    return Path(os.environ.get("RUN_FROM", ""), path)


def scan(files: Iterable[str | Scanned], *, seconds: float) -> Generator[Scanned, None, None]:
    """What each file gives, in their order; as many are read at once as there are cores."""
    # Ctrl-C reaches every process of a terminal's group: the workers, which these threads start, never see it. The
    # tracker would let it through again when it starts.
    resource_tracker.ensure_running()
    try:
        with closing(in_order(partial(_scan_one, seconds=seconds), files, threads=CORES, ahead=AHEAD)) as scanned:
            yield from scanned
    finally:
        close()


def _scan_one(file: str | Scanned, seconds: float) -> Scanned:
    if isinstance(file, Scanned):
        return file
    try:
        pages = read_file(_bytes_of(file), seconds=seconds)
    except (Failure, OSError) as fault:
        return Scanned(file, fault=fault)
    # The cleaned pictures are what is large in a reading, and nobody asked for them.
    return Scanned(file, tuple(replace(page, clean=b"", readings=_in_order(page.readings)) for page in pages))


def _in_order(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """As people read a page; the pictures of the site are numbered alike."""
    return tuple(readings[number] for number in reading_order([reading.corners for reading in readings]))


def _bytes_of(file: str) -> bytes:
    if file == STANDARD_INPUT:
        data = sys.stdin.buffer.read(LARGEST + 1)
    else:
        with _place(file).open("rb") as stream:
            data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise TooLarge(N_("The file is larger than {limit} MB: no photo and no scan."), limit=LARGEST // 1024 // 1024)
    return data


# ---- out -----------------------------------------------------------------------------------------------------------


def shown(text: str) -> str:
    """A text that a terminal shows and does not obey: what cannot be printed stands as its name, `<GS>` or `<U+202E>`.

    A byte of a file's name that is no UTF-8 is a lone surrogate in Python, and is told as such.
    """
    return "".join(each if each.isprintable() else _NAMED.get(each, f"<U+{ord(each):04X}>") for each in text)


def as_lines(scanned: Scanned) -> Iterator[str]:
    """A line of JSON for each page; one with `error` for a file that could not be read."""
    if scanned.fault is not None:
        yield _json({"file": scanned.name, "error": _sentence(scanned.fault, NullTranslations())})
    for page in scanned.pages:
        yield _json(
            {
                "file": scanned.name,
                "page": page.page,
                "pages": page.pages,
                "media_type": page.media_type,
                "width": page.width,
                "height": page.height,
                "milliseconds": round(page.milliseconds, 1),
                "readings": [_as_dict(reading) for reading in page.readings],
                "doubtful": [{**_as_dict(each.reading), "doubt": each.doubt.value} for each in page.doubtful],
            }
        )


def _as_dict(reading: Reading) -> dict[str, Any]:
    """A reading with what it is; content that is no text is told as `bytes` (hexadecimal), and its `text` is null."""
    code = _code_of(reading)
    return {
        "text": reading.text if code else None,
        "bytes": None if code else reading.raw.hex(),
        "symbology": reading.symbology,
        "identifier": reading.identifier,
        "corners": [list(corner) for corner in reading.corners],
        "engine": reading.engine,
        "code": _code_dict(code) if code else None,
    }


def _code_of(reading: Reading) -> Code | None:
    """What was read; None for content that is no text."""
    return find_code(reading.text, symbology=reading.symbology, identifier=reading.identifier)


def _code_dict(code: Code) -> dict[str, Any]:
    """What a code says, without what it does not say."""
    said = {each.name: getattr(code, each.name) for each in fields(code) if each.name != "text"}
    said["warnings"] = [warning.as_dict() for warning in code.warnings]
    return {name: value for name, value in said.items() if value not in (None, [])}


def _json(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return _NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value.value if isinstance(value, Enum) else f"{value:f}" if isinstance(value, Decimal) else value)


def _rows(scanned: Scanned, texts: NullTranslations, width: int) -> Iterator[str]:
    for page in scanned.pages:
        start = (shown(scanned.name), f"{page.page}/{page.pages}")
        for number, reading in enumerate(page.readings, 1):
            code = _code_of(reading)
            what = texts.gettext(WORDS[code.kind.value]) if code else texts.gettext(N_("Bytes, no text"))
            yield _row((*start, str(number), *_about(reading, what, code)), width)
        for each in page.doubtful:
            yield _row(
                (*start, "?", *_about(each.reading, texts.gettext(DOUBTS[each.doubt]), _code_of(each.reading))), width
            )
        if not page.readings and not page.doubtful:
            yield _row((*start, "-", "", texts.gettext(N_("no code found")), "", ""), width)


def _about(reading: Reading, what: str, code: Code | None) -> tuple[str, str, str, str]:
    """Symbology, what it is, the pixel in its middle, what was read."""
    count = len(reading.corners) or 1
    middle = ",".join(str(sum(corner[axis] for corner in reading.corners) // count) for axis in (0, 1))
    return reading.symbology, what, middle, shown(reading.text) if code else reading.raw.hex()


def _row(cells: Iterable[str], width: int) -> str:
    first, *middle, last = cells
    if _width(first) > width:
        first = _ending(first, width)
    sizes = zip((first, *middle), (width, *_WIDTHS), strict=True)
    return "  ".join([cell + " " * (size - _width(cell)) for cell, size in sizes] + [last]).rstrip()


def _ending(text: str, width: int) -> str:
    """The end of a long name, where it differs from its neighbours."""
    while text and _width(text) >= width:
        text = text[1:]
    return f"…{text}"


def _width(text: str) -> int:
    """The columns that a text takes: a Chinese character takes two."""
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def _sentence(fault: Failure | OSError, texts: NullTranslations) -> str:
    if isinstance(fault, OSError):
        return fault.strerror or str(fault)
    return str(texts.gettext(fault.message)).format(**fault.values)


def _texts(language: str) -> NullTranslations:
    compile_catalogues()
    return Translations.load(FOLDER, [language])


if __name__ == "__main__":
    main(prog_name="./run scan")
