"""Handlers for the XML of a sheet and of the strings: they keep what is wanted, and no more than is bounded."""

import re
from dataclasses import dataclass, field

from schemas.sheets import Limits, check_rows, check_width
from trace.domain.failures import N_, Invalid

_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_MANY_MERGES = 2_000
_EMPTY_CELLS = 4  # times as many as may have a value: programs write cells that are only coloured
_MANY_CELLS = N_("The sheet has far more cells than are filled. Copy the filled ones into a new workbook.")


class Enough(Exception):
    """Nothing further is read."""


@dataclass(slots=True)
class RawCell:
    """A cell as it stands in the file."""

    kind: str
    style: int
    text: str = ""
    formula: bool = False


@dataclass(slots=True)
class Found:
    """What the stream of a sheet leaves behind: cells by row and column, merged ranges, where it stopped."""

    rows: list[tuple[int, dict[int, RawCell]]] = field(default_factory=list)
    merges: list[tuple[int, int, int]] = field(default_factory=list)  # column, first row, last row
    stopped_at: int | None = None


class SheetStream:
    """Handlers for the XML of a sheet: cells with a text, row by row; what a sheet says of its own size is not read."""

    def __init__(self, limits: Limits):
        self.limits, self.found = limits, Found()
        self.row, self.column, self.empty = 0, -1, 0
        self.left = _EMPTY_CELLS * limits.rows * limits.columns
        self.cells: dict[int, RawCell] = {}
        self.raw: RawCell | None = None
        self.listening = self.phonetic = False

    def start(self, tag: str, one: dict[str, str]) -> None:
        """A row, a cell, or what stands in one."""
        if tag == "c":
            self._start_cell(one)
        elif tag == "row":
            self._start_row(one)
        elif tag == "f" and self.raw is not None:
            self.raw.formula = True
        elif tag in ("v", "t"):
            self.listening = not self.phonetic
        elif tag == "rPh":
            self.phonetic = True
        elif tag == "mergeCell" and len(self.found.merges) < _MANY_MERGES:
            self._merge(one.get("ref", ""))

    def data(self, text: str) -> None:
        """Characters: kept while a value is open, and no more than is needed to say that they are too many."""
        if self.listening and self.raw is not None and len(self.raw.text) <= self.limits.cell:
            self.raw.text += text[: self.limits.cell + 1]

    def end(self, tag: str) -> None:
        """A cell or row is complete."""
        if tag == "c" and self.raw is not None:
            if self.raw.text.strip() or self.raw.formula:
                check_width(self.row, self.column + 1, self.limits)
                self.cells[self.column] = self.raw
            self.raw = None
        elif tag in ("v", "t"):
            self.listening = False
        elif tag == "rPh":
            self.phonetic = False
        elif tag == "row":
            self._end_row()

    def _start_row(self, one: dict[str, str]) -> None:
        said = one.get("r", "")
        number = int(said) if said.isascii() and said.isdigit() and len(said) <= 7 else self.row + 1
        number = max(number, self.row + 1)
        self.empty += number - self.row - 1
        self.row, self.column, self.cells = number, -1, {}
        self._stop_when_empty()

    def _start_cell(self, one: dict[str, str]) -> None:
        place = _CELL.fullmatch(one.get("r", ""))
        self.column = _column(place[1]) if place else self.column + 1
        self.left -= 1
        if self.left < 0:
            raise Invalid(_MANY_CELLS, field="file")
        style = one.get("s", "0")
        self.raw = RawCell(one.get("t", "n"), int(style) if style.isdigit() and len(style) < 7 else 0)

    def _end_row(self) -> None:
        if not self.cells:
            self.empty += 1
            self._stop_when_empty()
            return
        self.empty = 0
        self.found.rows.append((self.row, self.cells))
        check_rows(len(self.found.rows), self.limits)

    def _stop_when_empty(self) -> None:
        if self.empty > self.limits.empty_rows:
            self.found.stopped_at = self.row
            raise Enough

    def _merge(self, ref: str) -> None:
        first, _, last = ref.partition(":")
        one, other = _CELL.fullmatch(first), _CELL.fullmatch(last)
        if one and other and int(other[2]) > int(one[2]):
            self.found.merges.append((_column(one[1]), int(one[2]), int(other[2])))


class StringStream:
    """Handlers for the XML of the shared strings: the wanted ones, cut."""

    def __init__(self, wanted: set[int], most: int):
        self.wanted, self.most, self.number = wanted, most, -1
        self.found: dict[int, str] = {}
        self.listening = self.phonetic = False

    def start(self, tag: str, _: dict[str, str]) -> None:
        """A string, or a run of text in it."""
        if tag == "si":
            self.number += 1
        elif tag == "rPh":
            self.phonetic = True
        elif tag == "t":
            self.listening = not self.phonetic and self.number in self.wanted

    def data(self, text: str) -> None:
        """Characters of a wanted string."""
        if self.listening and len(self.found.get(self.number, "")) < self.most:
            self.found[self.number] = (self.found.get(self.number, "") + text)[: self.most]

    def end(self, tag: str) -> None:
        """A run, or a string, is complete."""
        if tag == "t":
            self.listening = False
        elif tag == "rPh":
            self.phonetic = False
        elif tag == "si":
            if self.number in self.wanted:
                self.found.setdefault(self.number, "")
            if len(self.found) == len(self.wanted):
                raise Enough


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
