"""Which codes in a photo are on one box: a product's number beside a lot and its date, a linear code and its 2-D twin.

Joined only where it is unambiguous: what the codes say fits together, they lie within reach of each other, each is the
other's nearest, and no other code could be meant instead. A value comes from a code or not at all: the print beside
the bars is never guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, pairwise
from math import hypot
from typing import Any

from trace.domain import gs1_codes
from trace.domain.code_values import Code, CodeKind

Corners = tuple[tuple[int, int], ...]
Point = tuple[float, float]

# How far apart two symbols of one box may lie, in the mean of their longer sides. The nearest of a code whose partner
# was not read stands on the next box. On drawn boxes that touch, with two of five codes left out, 0.35 joins 14 of 15
# pairs and none wrongly, 0.4 one in fifty wrongly.
_REACH = 0.35
_REACH_OF_THE_SAME = 1.0  # they say the same product or pack: content speaks for them, too
_CLEARLY_FARTHER = 2.0  # what could be meant instead lies at least this many times as far away,
_CLEAR_GAP = 0.15  # and by this part of the symbols' size farther
MOST = 400  # beyond, nothing is joined: no photo of goods has as many codes, and every pair of them is looked at
_KEYS = ("gtin", "drug", "sscc", "content", "other")  # by what a symbol names something; the rest tells of it
_GOODS = frozenset({CodeKind.GTIN, CodeKind.LGTIN, CodeKind.SGTIN})
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One code in a photo: what it is, in which symbology, its four corners in pixels clockwise, the product it names.

    `product` is the product file's id where the file knows the code: two codes of different products are on two boxes.
    """

    code: Code
    symbology: str
    corners: Corners
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """One thing in the photo: the positions of the sightings that are on it, ascending, and what they say together."""

    sightings: tuple[int, ...]
    code: Code


@dataclass(frozen=True, slots=True)
class _Part:
    """Sightings that are known to be on one box."""

    positions: tuple[int, ...]
    members: tuple[Sighting, ...]
    facts: Facts
    stamps: frozenset[tuple[str, str]]

    @property
    def size(self) -> float:
        return max(_size(member.corners) for member in self.members)

    @property
    def order(self) -> Any:
        """What a part is sorted by: nothing that depends on the order in which the sightings came."""
        return sorted((m.symbology, m.code.text, m.corners) for m in self.members)


def join(sightings: Sequence[Sighting]) -> tuple[Box, ...]:
    """The boxes of a photo, by their first sighting; every sighting is on exactly one.

    A linear and a 2-D symbol of the same content are one box; two symbols of one symbology and content are two.
    """
    parts = [_Part((n,), (s,), _facts(s), frozenset({(s.symbology, s.code.text)})) for n, s in enumerate(sightings)]
    while len(parts) <= MOST and (pairs := _pairs(parts)):
        joined = {id(part) for pair in pairs for part in pair}
        parts = [part for part in parts if id(part) not in joined] + [_merged(*pair) for pair in pairs]
    return tuple(sorted((Box(p.positions, _code_of(p)) for p in parts), key=lambda box: box.sightings))


def reading_order(places: Sequence[Corners]) -> list[int]:
    """The positions of places as people read them: row by row from the top, each from left to right.

    In a row stand those whose middles are about as high as the topmost one's and which are not below one another: of
    a linear code the engines often give a thin stripe only, so it is its length that says what "about" is.
    """
    middles = [(sum(y for _, y in p) / len(p), sum(x for x, _ in p) / len(p)) for p in places]
    sizes = sorted(_size(place) for place in places)
    about = 0.35 * sizes[len(sizes) // 2] if sizes else 0.0
    waiting = sorted(range(len(places)), key=lambda n: (middles[n], places[n]))
    order: list[int] = []
    while waiting:
        row: list[int] = []
        for n in waiting:
            if middles[n][0] > middles[waiting[0]][0] + about:
                break
            if not any(_is_below(places[n], places[other]) for other in row):
                row.append(n)
        order += sorted(row, key=lambda n: (middles[n][1], middles[n][0], places[n]))
        waiting = [n for n in waiting if n not in row]
    return order


def _is_below(one: Corners, other: Corners) -> bool:
    """Whether the two overlap from left to right."""
    return min(x for x, _ in one) < max(x for x, _ in other) and min(x for x, _ in other) < max(x for x, _ in one)


# ---- what fits together --------------------------------------------------------------------------------------------


def _facts(sighting: Sighting) -> Facts:
    """What a code says of the goods it is on, by name; nothing for codes that say nothing of goods."""
    code = sighting.code
    said: dict[str, Any] = {}
    if code.kind in _GOODS and code.text.startswith(("02", "(02)")) and "02" in gs1_codes.elements_of(code):
        said = {"content": code.gtin, "lot": code.lot}
    elif code.kind in _GOODS or code.kind is CodeKind.UNKNOWN:
        said = {"gtin": code.gtin, "lot": code.lot, "serial": code.serial}
    elif code.kind is CodeKind.SSCC:
        said = {"sscc": code.uri, "content": code.gtin, "lot": code.lot}
    elif code.kind is CodeKind.DRUG_TRACE_CODE:
        said = {"drug": code.text}
    else:
        return {"other": (code.kind, code.uri or code.text, sighting.product)}
    said |= {"produced_on": code.produced_on, "expires_on": code.expires_on, "product": sighting.product}
    said["amount"] = None if code.amount is None else (code.amount, code.unit)
    return {name: value for name, value in said.items() if value is not None}


def _fit(one: _Part, other: _Part) -> bool:
    """Whether both can be on one box: nothing contradicts, and one says what the other lacks, or both the same."""
    if not one.facts or not other.facts or one.stamps & other.stamps:
        return False
    if any(other.facts.get(name, value) != value for name, value in one.facts.items()):
        return False
    if _same(one, other):
        return True
    return _completes(one.facts, other.facts) or _completes(other.facts, one.facts)


def _completes(more: Facts, facts: Facts) -> bool:
    """Whether `more` says what may stand in a symbol of its own beside the one with these facts.

    A drug's code beside the product's number; a pallet's content (02) beside its SSCC; lot and dates beside a product.
    """
    if "gtin" in more:
        return "drug" in facts and "gtin" not in facts and "drug" not in more
    if "content" in more:
        return "sscc" in facts and "content" not in facts and "sscc" not in more
    named = more.keys() & {"drug", "sscc", "other"}
    return not named and bool(facts.keys() & {"gtin", "drug", "content"})


def _same(one: _Part, other: _Part) -> bool:
    """Whether both name the same pack or product."""
    return any(name in one.facts and name in other.facts for name in _KEYS) or one.facts == other.facts


def _merged(one: _Part, other: _Part) -> _Part:
    by_position = sorted(zip(one.positions + other.positions, one.members + other.members, strict=True))
    return _Part(
        tuple(position for position, _ in by_position),
        tuple(member for _, member in by_position),
        {**one.facts, **other.facts},
        one.stamps | other.stamps,
    )


def _code_of(part: _Part) -> Code:
    """What the members say together, as one code: of one that says it all, or put together from their elements."""
    members = sorted(part.members, key=lambda m: (m.symbology, m.code.text, m.corners))
    whole = next((m.code for m in members if {**_facts(m), "product": 0} == {**part.facts, "product": 0}), None)
    if whole is not None:
        return whole
    amount, unit = part.facts.get("amount", (None, None))
    drug = next((m.code for m in members if m.code.kind is CodeKind.DRUG_TRACE_CODE), None)
    elements: dict[str, str] = {}
    for member in members:
        elements |= gs1_codes.elements_of(member.code)
    text = "".join(f"({ai}){elements[ai]}" for ai in sorted(elements))
    code = drug or gs1_codes.code_of_values(elements, text) or members[0].code
    return replace(
        code,
        gtin=part.facts.get("gtin") or part.facts.get("content"),
        lot=part.facts.get("lot"),
        produced_on=part.facts.get("produced_on"),
        expires_on=part.facts.get("expires_on"),
        amount=amount,
        unit=unit,
        warnings=tuple(dict.fromkeys(doubt for member in members for doubt in member.code.warnings)),
    )


# ---- what lies together --------------------------------------------------------------------------------------------


def _pairs(parts: Sequence[_Part]) -> list[tuple[_Part, _Part]]:
    """The parts that are each other's nearest and that no third one competes for."""
    near: dict[int, list[tuple[float, _Part]]] = {id(part): [] for part in parts}
    for one, other in combinations(parts, 2):
        gap = _find_gap(one, other)
        if gap is not None:
            near[id(one)].append((gap, other))
            near[id(other)].append((gap, one))
    for found in near.values():
        found.sort(key=lambda candidate: (candidate[0], candidate[1].order))
    nearest = [(part, *near[id(part)][0]) for part in parts if near[id(part)]]
    return [
        (part, best)
        for part, gap, best in nearest
        if part.positions < best.positions
        and near[id(best)][0][1] is part
        and _within_reach(gap, part, best)
        and _is_clear(gap, part, best, near[id(part)])
        and _is_clear(gap, best, part, near[id(best)])
    ]


def _find_gap(one: _Part, other: _Part) -> float | None:
    """Pixels between two parts that fit and are near enough to be meant, or to be a rival; None for any others."""
    if not _fit(one, other):
        return None
    farthest = 3 * _mean_size(one, other)
    gaps = [_gap(a.corners, b.corners) for a in one.members for b in other.members if _near(a, b, farthest)]
    return min(gaps) if gaps and min(gaps) <= farthest else None


def _near(one: Sighting, other: Sighting, pixels: float) -> bool:
    """Whether two symbols may lie so near: quickly, by one corner of each."""
    (x, y), (u, v) = one.corners[0], other.corners[0]
    return hypot(x - u, y - v) <= pixels + 1.5 * (_size(one.corners) + _size(other.corners))


def _within_reach(gap: float, one: _Part, other: _Part) -> bool:
    return gap <= _mean_size(one, other) * (_REACH_OF_THE_SAME if _same(one, other) else _REACH)


def _is_clear(gap: float, part: _Part, best: _Part, candidates: Sequence[tuple[float, _Part]]) -> bool:
    """Whether whatever could be on the part's box instead of `best`, not beside it, lies clearly farther away."""
    both = _merged(part, best)
    rivals = [distance for distance, other in candidates if other is not best and not _fit(both, other)]
    clear = max(_CLEARLY_FARTHER * gap, gap + _CLEAR_GAP * _mean_size(part, best))
    return all(distance >= clear for distance in rivals)


def _mean_size(one: _Part, other: _Part) -> float:
    return (one.size + other.size) / 2


@lru_cache(2 * MOST)
def _size(corners: Corners) -> float:
    """The longer side of a symbol."""
    return max((hypot(a[0] - b[0], a[1] - b[1]) for a, b in _sides(corners)), default=0.0)


def _gap(one: Corners, other: Corners) -> float:
    """Pixels of free room between two symbols; 0 where they touch."""
    if (
        any(_cross(*a, *b) for a in _sides(one) for b in _sides(other))
        or _holds(one, other[0])
        or _holds(other, one[0])
    ):
        return 0.0
    ways = [_distance(p, *side) for p in one for side in _sides(other)]
    return min(ways + [_distance(p, *side) for p in other for side in _sides(one)])


def _sides(corners: Corners) -> list[tuple[Point, Point]]:
    return list(pairwise((*corners, corners[0])))


def _distance(point: Point, start: Point, end: Point) -> float:
    """From a point to a line segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / length
    along = min(1.0, max(0.0, along))
    return hypot(point[0] - start[0] - along * dx, point[1] - start[1] - along * dy)


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _holds(corners: Corners, point: Point) -> bool:
    """Whether a point is inside a convex quadrangle."""
    turns = [_turn(a, b, point) for a, b in _sides(corners)]
    return any(turns) and (all(t >= 0 for t in turns) or all(t <= 0 for t in turns))
