"""Relation files (关联关系): which boxes are in which case, as the maker's packing line wrote it down.

A case's code says nothing of what is inside; only such a file does. What cannot be true (a ring, a box in two cases, a
case smaller than its boxes) is refused whole: half a file would leave boxes behind in silence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from trace.domain.drugs import LEVELS
from trace.domain.failures import N_, Invalid


@dataclass(frozen=True, slots=True)
class Relation:
    """One row: a code, its level of packing (1 the smallest; None: not said), and the code of what it is in, if any."""

    code: str
    parent: str | None
    level: int | None
    row: int


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """The rows of one production batch; its number and dates as far as the file says them."""

    lot_number: str
    produced_on: date | None
    expires_on: date | None
    cascade: str
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """What is in what: {case: what is directly inside}, outer cases first; the boxes; the level of each code."""

    inside: Mapping[str, tuple[str, ...]]
    boxes: tuple[str, ...]
    levels: Mapping[str, int]


def as_tree(relations: Sequence[Relation]) -> Tree:
    """What the rows say together; raises `Invalid` naming the row where it cannot be true.

    What nothing is in is a box, unless the file says that its level is another: an empty case tells nothing.
    """
    rows: dict[str, Relation] = {}
    for one in relations:
        before = rows.setdefault(one.code, one)
        if (before.parent, before.level) != (one.parent, one.level):
            raise Invalid(
                N_("Row {row}: {code} stands in row {before} already, in another case or at another level."),
                field="file",
                row=one.row,
                code=one.code[-60:],
                before=before.row,
            )
    inside: dict[str, list[str]] = {}
    for one in rows.values():
        if one.parent is not None:
            inside.setdefault(one.parent, []).append(one.code)
    depths = _depths(rows)
    levels = _levels(rows, inside, depths)
    cases = sorted(inside, key=lambda case: (depths.get(case, 0), case))
    boxes = tuple(code for code in rows if code not in inside and levels[code] == 1)
    return Tree({case: tuple(inside[case]) for case in cases}, boxes, levels)


def _depths(rows: Mapping[str, Relation]) -> dict[str, int]:
    """{code: how many cases are around it}; raises `Invalid` for a ring and for too many."""
    depths: dict[str, int] = {}
    for one in rows.values():
        around: list[str] = []
        code: str | None = one.code
        while code is not None and code not in depths and len(around) <= LEVELS:
            around.append(code)
            code = rows[code].parent if code in rows else None
        depth = -1 if code is None else depths.get(code, LEVELS)
        for offset, inner in enumerate(reversed(around), start=1):
            depths[inner] = depth + offset
        if len(around) > LEVELS or depths[one.code] >= LEVELS:
            raise Invalid(
                N_("Row {row}: {code} is in itself, or more than {levels} levels deep."),
                field="file",
                row=one.row,
                code=one.code[-60:],
                levels=LEVELS,
            )
    return depths


def _levels(
    rows: Mapping[str, Relation], inside: Mapping[str, Iterable[str]], depths: Mapping[str, int]
) -> dict[str, int]:
    """{code: level}: as the file says, else one above the highest inside; raises `Invalid` for a contradiction."""
    levels: dict[str, int] = {}
    for code in sorted(depths, key=lambda code: -depths[code]):
        highest = max((levels[inner] for inner in inside.get(code, ())), default=0)
        said = rows[code].level if code in rows else None
        if said is not None and said <= highest:
            raise Invalid(
                N_("Row {row}: {code} is said to be at level {level}, and holds what is at level {highest}."),
                field="file",
                row=rows[code].row,
                code=code[-60:],
                level=said,
                highest=highest,
            )
        levels[code] = said if said is not None else highest + 1
    return levels
