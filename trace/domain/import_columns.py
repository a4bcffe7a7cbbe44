"""Tables that shops bring in: which heading means which column, and how a cell is read as a value of its column."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from trace.domain.characters import half_width, without_blanks

HEADING_ROWS = 10  # among which the headings are looked for: titles and dates stand above them
EXAMPLE = "示例："  # begins the first cell of a row that shows how to fill the table in, and is not read
MOST_PAPERS = 3  # of one row: paper_kind, paper_kind_2, paper_kind_3
_NOISE = re.compile(r"[*:()\[\]【】/\\._\-]|必填|选填")
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,9})?")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,9})?")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]\d{1,2}:\d\d(?::\d\d)?(?:\.0+)?)?")
_BARE_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")


class TableKind(StrEnum):
    """What a table brings in."""

    DELIVERIES = "deliveries"
    PRODUCTS = "products"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its name here, how its cells are read, whether it must be there, what it is called."""

    name: str
    reads: str
    required: bool
    words: tuple[str, ...]
    repeats: bool = False

    @property
    def heading(self) -> str:
        """What the template calls it."""
        return self.words[0]


@dataclass(frozen=True, slots=True)
class Headings:
    """The row of headings: its number, the kind of table, which column stands where, what is not known or missing."""

    row: int
    kind: TableKind
    columns: Mapping[int, str]  # position: name (papers of a row: name, name_2, name_3)
    titles: Mapping[str, str]  # name: the heading as it came
    unknown: tuple[str, ...]
    missing: tuple[str, ...]  # headings of required columns that are not there
    doubled: tuple[str, ...]


def columns_of(kind: TableKind) -> tuple[Column, ...]:
    """The columns of a kind of table, in the order of the template."""
    return _read()[0][kind]


@cache
def _read() -> tuple[dict[TableKind, tuple[Column, ...]], dict[str, dict[str, Any]], dict[str, dict[str, list[str]]]]:
    data = tomllib.loads((resources.files("trace.domain") / "data" / "import_columns.toml").read_text(encoding="utf-8"))
    columns = {
        kind: tuple(
            Column(name, said.get("as", "text"), said.get("required", False), tuple(said["words"]), "repeats" in said)
            for name, said in data[kind].items()
        )
        for kind in TableKind
    }
    words: dict[str, dict[str, Any]] = {
        group: {plain(word): meaning for meaning, listed in entries.items() for word in (*listed, meaning)}
        for group, entries in data["words"].items()
        if group != "old_unit"
    }
    words["old_unit"] = {plain(word): meant for word, meant in data["words"]["old_unit"].items()}
    written = {group: entries for group, entries in data["words"].items() if group != "old_unit"}
    return columns, words, written


def plain(text: str) -> str:
    """A heading or word as it is compared: half width, without blanks, brackets and stars, small letters."""
    return _NOISE.sub("", without_blanks(text)).casefold()


def find_headings(rows: Sequence[tuple[int, Mapping[int, str]]]) -> Headings | None:
    """The row of headings among the first rows: the one in which most columns of one kind of table are known.

    None where no row knows at least two. Of two kinds the one whose required columns are all there counts, then the
    one that knows more.
    """
    read = [_as_headings(number, cells, kind) for number, cells in rows[:HEADING_ROWS] for kind in TableKind]
    best = max(read, key=lambda one: (not one.missing, len(one.columns), -one.row), default=None)
    return best if best is not None and len(best.columns) >= 2 else None


def _as_headings(number: int, cells: Mapping[int, str], kind: TableKind) -> Headings:
    known = {plain(word): column for column in columns_of(kind) for word in column.words}
    columns: dict[int, str] = {}
    titles: dict[str, str] = {}
    unknown: list[str] = []
    doubled: list[str] = []
    for position, text in sorted(cells.items()):
        bare = plain(text)
        column, place = known.get(bare), 1
        if column is None and bare[-1:] in "23" and (found := known.get(bare[:-1])) is not None and found.repeats:
            column, place = found, int(bare[-1])
        if column is None:
            unknown.append(text)
            continue
        name = column.name if place == 1 else f"{column.name}_{place}"
        if name in titles:
            doubled.append(text)
            continue
        columns[position], titles[name] = name, text
    missing = [column.heading for column in columns_of(kind) if column.required and column.name not in titles]
    if kind is TableKind.DELIVERIES and not {"product", "code"} & titles.keys():
        missing.append("商品名称")
    return Headings(number, kind, columns, titles, tuple(unknown), tuple(missing), tuple(doubled))


def reads_of(kind: TableKind, name: str) -> str:
    """How the cells of a column are read."""
    bare = re.sub(r"_[23]$", "", name)
    return next((column.reads for column in columns_of(kind) if column.name == bare), "text")


def word_of(group: str, text: str) -> str | None:
    """What a cell's word means here (unit, category, paper, decision, prescription); None for a word nobody knows."""
    found = _read()[1][group].get(plain(text))
    return None if found is None else str(found)


def unit_of(text: str) -> tuple[str, Decimal] | None:
    """(our unit, how much of it one of these is); None for a unit nobody knows."""
    unit = word_of("unit", text)
    if unit is not None:
        return unit.upper(), Decimal(1)
    old = _read()[1]["old_unit"].get(plain(text))
    return None if old is None else (old["unit"], Decimal(old["times"]))


def choices_of(group: str) -> list[str]:
    """What a cell of a group may mean, by its value here; people read the words of it."""
    return list(dict.fromkeys(str(meaning) for meaning in _read()[1][group].values()))


def heading_words(group: str) -> list[str]:
    """The words to choose from for the cells of a column, as people write them; empty where they are free."""
    meanings = _read()[2].get(group, {})
    return [listed[0] for listed in meanings.values()]


def parse_amount(text: str) -> Decimal | None:
    """A number as people type it, 1,200.50 included; None where it is none."""
    bare = without_blanks(text)
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    if not _NUMBER.fullmatch(bare):
        return None
    try:
        return Decimal(bare)
    except InvalidOperation:
        return None


def parse_day(text: str) -> date | None:
    """A day as people type it, the year first (2026-11-25, 2026/11/25, 2026年11月25日, 20261125), or None.

    Days that begin with the day or the month are not guessed at: 03/04/2026 is two days.
    """
    bare = half_width(text).strip()
    found = _DAY.fullmatch(bare) or _BARE_DAY.fullmatch(bare)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
