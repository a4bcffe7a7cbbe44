"""Extension fields of an event document at any depth: whose they are, and whether every form can carry them."""

from collections.abc import Iterable, Iterator, Mapping, Set
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

from schemas.epcis.event_fields import LARGEST, MOST_TEXT, is_extension_key
from schemas.epcis.event_schemas import (
    EVENT_SCHEMAS,
    ErrorDeclaration,
    Location,
    Open,
    SensorElement,
    SensorMetadata,
    SensorReport,
)
from schemas.epcis.faults import MOST_FAULTS, Fault, pointer, shown
from schemas.epcis.identifiers import MOST_URI
from schemas.epcis.xml_names import is_text
from trace.domain.epcis.namespaces import GS1_PREFIXES
from trace.domain.failures import N_

DEEPEST = 32  # levels of objects and lists in one extension field
MOST_DIGITS = 40  # of a number as it is written, as the readers have it; and as many zeros before its first digit


def _keys(schema: type[Open]) -> frozenset[str]:
    return frozenset(field.data_key or name for name, field in schema().fields.items())


_EVENT_KEYS = {name: _keys(schema) for name, schema in EVENT_SCHEMAS.items()}
_LOCATION, _ERROR = _keys(Location), _keys(ErrorDeclaration)
_ELEMENT, _METADATA, _REPORT = _keys(SensorElement), _keys(SensorMetadata), _keys(SensorReport)
_NONE: Mapping[str, str] = {}


def find_extension_faults(document: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the extension fields of an event that is otherwise of the right form."""
    own = document.get("@context", _NONE)
    fields = _usual_fields(document)
    if not _has_more(document) and (not fields or all(_is_usual(key, value, own) for key, value in fields)):
        return []
    unusual = [field for field in _extension_fields(document) if not _is_usual(*field[1:], own)]
    if not unusual:
        return []
    # An event may give a prefix of GS1's context another meaning (GS1's own example does): its map wins.
    declared = GS1_PREFIXES.keys() | own.keys()
    return list(islice(_faults(unusual, declared), MOST_FAULTS))


def _is_usual(key: Any, value: Any, own: Mapping[str, str]) -> bool:
    """Whether a field is a text under a declared prefix, as nearly all are: in those nothing else can be wrong."""
    if value.__class__ is not str or len(value) > MOST_TEXT or not value.isprintable() or len(key) > _USUAL_KEY:
        return False
    prefix = _prefix(key)
    return prefix in GS1_PREFIXES or prefix in own


@lru_cache(maxsize=4_096)
def _prefix(key: str) -> str | None:
    """The prefix of an extension field, None of what is none. Partners' fields come again and again."""
    return key.removeprefix("@").partition(":")[0] if is_extension_key(key) else None


_USUAL_KEY = 120  # characters; what is longer shall not fill the cache


def _faults(fields: Iterable[tuple[tuple[str | int, ...], str, Any]], declared: Set[str]) -> Iterator[Fault]:
    for place, key, value in fields:
        yield from _key_faults(place, key, declared)
        yield from _value_faults((*place, key), value, declared, 0)


def _usual_fields(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The extension fields of the event itself and of its master data: most events have no others, if any."""
    known = _EVENT_KEYS[document["type"]]
    fields = [] if known.issuperset(document) else [(key, document[key]) for key in document.keys() - known]
    return [*fields, *document["ilmd"].items()] if "ilmd" in document else fields


def _has_more(document: Mapping[str, Any]) -> bool:
    """Whether other elements may have extension fields."""
    if "sensorElementList" in document or "errorDeclaration" in document:
        return True
    return len(document.get("readPoint", ())) > 1 or len(document.get("bizLocation", ())) > 1


def _extension_fields(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """(place, key, value) of every extension field of a standard element."""
    yield from _foreign((), document, _EVENT_KEYS[document["type"]])
    for name in ("readPoint", "bizLocation"):
        if name in document and len(document[name]) > 1:
            yield from _foreign((name,), document[name], _LOCATION)
    if "ilmd" in document:
        yield from _foreign(("ilmd",), document["ilmd"], frozenset())
    if "errorDeclaration" in document:
        yield from _foreign(("errorDeclaration",), document["errorDeclaration"], _ERROR)
    for number, element in enumerate(document.get("sensorElementList", ())):
        place = ("sensorElementList", number)
        yield from _foreign(place, element, _ELEMENT)
        yield from _foreign((*place, "sensorMetadata"), element.get("sensorMetadata", {}), _METADATA)
        for nth, report in enumerate(element["sensorReport"]):
            yield from _foreign((*place, "sensorReport", nth), report, _REPORT)


def _foreign(
    place: tuple[str | int, ...], element: Mapping[str, Any], known: frozenset[str]
) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    for key in element.keys() - known:
        yield place, key, element[key]


def _key_faults(place: tuple[str | int, ...], key: Any, declared: Set[str]) -> Iterator[Fault]:
    if not is_extension_key(key):
        message = N_("{key} is no field of this element; an extension field has a prefix, as in example:{key}.")
        yield Fault(pointer(*place, key), message, {"key": shown(key)})
        return
    prefix = key.removeprefix("@").partition(":")[0]
    if prefix not in declared:
        message = N_("The context of this event has no prefix {prefix}: declare its namespace.")
        yield Fault(pointer(*place, key), message, {"prefix": shown(prefix)})


def _value_faults(place: tuple[str | int, ...], value: Any, declared: Set[str], depth: int) -> Iterator[Fault]:
    if depth > DEEPEST:
        message = N_("Is deeper than {most} levels.")
        yield Fault(pointer(*place[: depth + 1]), message, {"most": str(DEEPEST)})
    elif isinstance(value, str):
        yield from _text_faults(place, value)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _value_faults((*place, number), item, declared, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inner_key_faults((*place, key), key, declared)
            if key == "#text" and isinstance(item, dict | list):  # what XML has beside attributes
                yield Fault(pointer(*place, key), N_("#text is the text of an element and holds no other elements."))
            yield from _value_faults((*place, key), item, declared, depth + 1)
    elif value is not None and not isinstance(value, bool) and not is_modest(value):
        message = N_("{value} is no number of at most {most} digits.")
        yield Fault(pointer(*place), message, {"value": shown(value), "most": str(MOST_DIGITS)})


def _inner_key_faults(place: tuple[str | int, ...], key: Any, declared: Set[str]) -> Iterator[Fault]:
    """Inside somebody's element bare keys are his (XML elements without namespace, `@type`), prefixes are checked."""
    if is_extension_key(key):
        yield from _key_faults(place[:-1], key, declared)
    elif not isinstance(key, str) or not key or len(key) > MOST_URI or not is_text(key):
        yield Fault(pointer(*place), N_("{key} is no name of a field."), {"key": shown(key)})


def _text_faults(place: tuple[str | int, ...], text: str) -> Iterator[Fault]:
    if len(text) > MOST_TEXT:
        message = N_("Has {came} characters; at most {most} are possible.")
        yield Fault(pointer(*place), message, {"came": str(len(text)), "most": str(MOST_TEXT)})
    elif not is_text(text):
        message = N_("Holds a character that XML cannot carry (a control character or half of a pair).")
        yield Fault(pointer(*place), message)


_LARGEST = Decimal(LARGEST)  # made once: each comparison with a whole number makes one


def is_modest(value: Any) -> bool:
    """Whether a value is a number that stays short when it is written out: no 1e999999, no NaN."""
    if isinstance(value, Decimal):
        is_short = value.is_finite() and -MOST_DIGITS < value.adjusted() < MOST_DIGITS
        return is_short and len(str(value)) <= MOST_DIGITS and abs(value) < _LARGEST
    return isinstance(value, int | float) and abs(value) < LARGEST
