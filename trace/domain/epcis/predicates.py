"""What the parameters of the query language ask of an event document (EPCIS 2.0 section 8.2.7.1).

Each function here makes a test, `(document, master data) -> bool`. A parameter with several values holds where one of
them does; parameters are independent of one another: each may be met by another sensor report, as the standard has it.
"""

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from trace.domain.epcis.cbv import Kind, word_of
from trace.domain.epcis.extension_fields import (
    FieldName,
    comparable,
    moment_of,
    number_of,
    plain_values,
    values_in,
)
from trace.domain.epcis.units import compare

Document = Mapping[str, Any]
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq,
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")


class MasterData(Protocol):
    """What is known of places and other vocabulary elements (EPCIS 2.0 section 6.5)."""

    def attributes_of(self, uri: str) -> Mapping[str, Collection[str]]:
        """{attribute name without GS1's prefix: its values} of a canonical URI."""

    def within(self, uris: frozenset[str]) -> frozenset[str]:
        """These canonical URIs and their direct and indirect descendants."""


class _Nothing:
    def attributes_of(self, uri: str) -> Mapping[str, Collection[str]]:
        return {}

    def within(self, uris: frozenset[str]) -> frozenset[str]:
        return uris


NO_MASTER_DATA: MasterData = _Nothing()
Test = Callable[[Document, MasterData], bool]
Pick = Callable[[Document], Iterator[Any]]


# ---- where a parameter looks ---------------------------------------------------------------------------------------


def at(*path: str) -> Pick:
    """The values at a path of keys; lists on the way are gone through, and a list at its end gives its elements."""

    def pick(document: Document) -> Iterator[Any]:
        found: list[Any] = [document]
        for key in path:
            found = [part for value in found if isinstance(value, Mapping) for part in _listed(value.get(key))]
        return iter(found)

    return pick


def either(*picks: Pick) -> Pick:
    """What any of these finds."""

    def pick(document: Document) -> Iterator[Any]:
        for one in picks:
            yield from one(document)

    return pick


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


# ---- tests ---------------------------------------------------------------------------------------------------------


def text_in(pick: Pick, wanted: frozenset[Any], read: Callable[[str], Any] = str) -> Test:
    """Whether a text found, as `read` reads it, is one of those wanted."""
    return lambda document, _: any(isinstance(found, str) and read(found) in wanted for found in pick(document))


def identifier_in(pick: Pick, matches: Callable[[str], bool]) -> Test:
    """Whether an identifier found fits."""
    return lambda document, _: any(isinstance(found, str) and matches(found) for found in pick(document))


def within(pick: Pick, wanted: frozenset[str]) -> Test:
    """Whether a place found is one of those wanted or, by master data, inside one."""

    def holds(document: Document, known: MasterData) -> bool:
        places = known.within(wanted)
        return any(isinstance(found, str) and comparable(found) in places for found in pick(document))

    return holds


def exists(pick: Pick) -> Test:
    """Whether anything is found."""
    return lambda document, _: any(True for _ in pick(document))


def moment(pick: Pick, comparison: str, wanted: datetime) -> Test:
    """Whether a time found compares with the one given."""
    holds = COMPARISONS[comparison]
    return lambda document, _: any(
        isinstance(found, str) and (known := moment_of(found)) is not None and holds(known, wanted)
        for found in pick(document)
    )


def number(pick: Pick, comparison: str, wanted: Collection[Decimal]) -> Test:
    """Whether a number found compares with one of those given."""
    holds = COMPARISONS[comparison]
    return lambda document, _: any(
        isinstance(found, int | Decimal) and not isinstance(found, bool) and any(holds(found, one) for one in wanted)
        for found in pick(document)
    )


def truth(pick: Pick, wanted: bool) -> Test:
    """Whether a boolean found is the one given."""
    return lambda document, _: any(found is wanted for found in pick(document))


def pair_in(key: str, part: str, kind: Kind, type_: str, wanted: frozenset[str]) -> Test:
    """Whether one element of a list has the type asked for and one of the identifiers: both in the same element."""
    elements = at(key)

    def holds(document: Document, _: MasterData) -> bool:
        return any(
            isinstance(element, Mapping)
            and isinstance(element.get("type"), str)
            and word_of(kind, element["type"]) == type_
            and isinstance(element.get(part), str)
            and comparable(element[part]) in wanted
            for element in elements(document)
        )

    return holds


def amount(elements: Pick, field: str, comparison: str, wanted: Collection[Decimal], unit: str) -> Test:
    """Whether an element's amount compares, its own unit turned into the one asked for.

    The number and its unit stand in the same quantity element or sensor report. What is measured in a unit of another
    kind never matches.
    """
    holds, spread, ascending = COMPARISONS[comparison], field == "sDev", sorted(wanted)

    def any_holds(found: Decimal | int, uom: str) -> bool:
        """Halving the values that are left, for EQ takes a thousand; the others take one."""
        low, high = 0, len(ascending)
        while low < high:
            middle = (low + high) // 2
            order = compare(found, uom, ascending[middle], unit, spread=spread)
            if order is None or holds(order, 0):
                return order is not None
            low, high = (middle + 1, high) if order > 0 else (low, middle)
        return False

    def matches(document: Document, _: MasterData) -> bool:
        for element in elements(document):
            if not isinstance(element, Mapping) or not isinstance(element.get("uom"), str):
                continue
            found = element.get(field)
            if isinstance(found, bool) or not isinstance(found, int | Decimal):
                continue
            if any_holds(found, element["uom"]):
                return True
        return False

    return matches


# ---- extension fields and master data ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value asked for of a field whose type only the event knows: what it is as text, number and moment."""

    text: str | None
    number: Decimal | int | None
    moment: datetime | None

    @property
    def is_ordered(self) -> bool:
        """Whether greater and less mean anything."""
        return self.number is not None or self.moment is not None


def extension(elements: Pick, field: FieldName, comparison: str, wanted: Collection[Wanted], *, inner: bool) -> Test:
    """Whether a value of an extension field compares with one of those wanted."""
    if comparison == "EQ":
        holds = equal_to(wanted)
    else:
        compares = _ordered(COMPARISONS[comparison])
        holds = lambda value: any(compares(value, one) for one in wanted)  # noqa: E731 - one value, as a rule
    found = _field_values(elements, field, inner=inner)
    return lambda document, _: any(holds(value) for plain in found(document) for value in plain_values(plain))


def has_extension(elements: Pick, field: FieldName, *, inner: bool) -> Test:
    """Whether an extension field is there, whatever its value."""
    return exists(_field_values(elements, field, inner=inner))


def has_attribute(pick: Pick, name: str | None, wanted: frozenset[str]) -> Test:
    """Whether master data of an identifier found has an attribute that is `wanted`.

    For a `name`: whether one of the values of that attribute is.
    """

    def holds(document: Document, known: MasterData) -> bool:
        for found in pick(document):
            if isinstance(found, str):
                attributes = known.attributes_of(comparable(found))
                if not wanted.isdisjoint(attributes if name is None else attributes.get(name, ())):
                    return True
        return False

    return holds


def field_pick(field: FieldName) -> Pick:
    """The plain values of a top-level extension field."""
    found = _field_values(at(), field, inner=False)
    return lambda document: (value for plain in found(document) for value in plain_values(plain))


def _field_values(elements: Pick, field: FieldName, *, inner: bool) -> Pick:
    def pick(document: Document) -> Iterator[Any]:
        context = document.get("@context") or {}
        for element in elements(document):
            if isinstance(element, Mapping):
                yield from values_in(element, field, context, inner=inner)

    return pick


def equal_to(wanted: Collection[Wanted]) -> Callable[[Any], bool]:
    """Whether an event's value is one of those wanted, in the event's own type: a look into sets, however many.

    A number equals a number however it is written, a time the same moment elsewhere; texts are compared letter by
    letter and identifiers in their canonical form.
    """
    texts = {one.text for one in wanted if one.text is not None}
    identifiers = {comparable(text) for text in texts}
    numbers = {one.number for one in wanted if one.number is not None}
    unquoted = {one.number for one in wanted if one.text is None}  # asked for as numbers, in JSON
    moments = {one.moment for one in wanted if one.moment is not None}

    def holds(value: Any) -> bool:
        if isinstance(value, bool):
            return ("true" if value else "false") in texts
        if isinstance(value, int | Decimal):
            return value in numbers
        if not isinstance(value, str):
            return False
        if value in texts or comparable(value) in identifiers:
            return True
        return bool(unquoted and number_of(value) in unquoted) or bool(moments and moment_of(value) in moments)

    return holds


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Wanted], bool]:
    def compares(value: Any, wanted: Wanted) -> bool:
        if wanted.number is not None:
            known = number_of(value)
            return known is not None and holds(known, wanted.number)
        when = moment_of(value) if isinstance(value, str) else None
        return when is not None and wanted.moment is not None and holds(when, wanted.moment)

    return compares
