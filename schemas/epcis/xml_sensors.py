"""`sensorMetadata` and `sensorReport`: what is attributes in XML are the keys of an object in JSON, both ways.

Attributes are text. So that the extension fields of a sensor come back with their types, objects and lists of JSON,
the attribute `json:values` (namespace of our own, which the XSD allows) repeats those that are no text, as JSON.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from schemas.epcis.xml_names import JSON, XSI, is_text
from schemas.epcis.xml_prefixes import Names, Prefixes
from schemas.epcis.xml_values import BLANK, as_text, number_of, read_members
from trace.domain.epcis.cbv import Kind, word_of
from trace.domain.epcis.namespaces import GS1_PREFIXES

DEEPEST = 64  # levels of such values

_VALUES = f"{{{JSON}}}values"
_XSI = f"{{{XSI}}}"
_NUMBERS = frozenset({"value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"})
_WORDS = {"type": Kind.MEASUREMENT, "exception": Kind.SENSOR_ALERT, "component": Kind.COMPONENT}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NO_CHARACTER = re.compile("[\ufffe\uffff]")
Writing = Callable[[Kind, str], str]
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def read_sensor_attributes(element: Any, prefixes: Prefixes) -> dict[str, Any]:
    """The object of a sensorMetadata or sensorReport element."""
    found: dict[str, Any] = {}
    for name, text in element.items():
        if name[0] != "{":
            found[name] = _read_attribute(name, text, element, prefixes)
        elif name != _VALUES and not name.startswith(_XSI):
            found[prefixes.attribute(name, element)] = text
    if (values := element.get(_VALUES)) is not None:
        found |= _read_values(values, element, prefixes)
    if len(element):
        found |= read_members(element, prefixes)
    elif text := (element.text or "").strip(BLANK):
        found["#text"] = text
    return found


def write_sensor_attributes(element: Any, members: dict[str, Any], names: Names, say: Writing) -> None:
    """Set the attributes of a sensorMetadata or sensorReport element; `say` writes a word of CBV as URI."""
    others = {}
    for key, value in members.items():
        name = names.tag(key)
        if key in _WORDS and isinstance(value, str):
            element.set(key, say(_WORDS[key], value))
        elif name is None or key == "xmlns" or value is None or isinstance(value, dict | list):
            others[key] = value
        elif not isinstance(value, str):
            element.set(name, as_text(value))
            if key not in _NUMBERS and not (key == "booleanValue" and isinstance(value, bool)):
                others[key] = value
        elif is_text(value):
            element.set(name, value)
        else:
            others[key] = value
    if others:
        text = _encoder.encode(others).decode("utf-8")
        element.set(_VALUES, _NO_CHARACTER.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _read_attribute(name: str, text: str, element: Any, prefixes: Prefixes) -> Any:
    if name in _NUMBERS:
        number = number_of(text.strip(BLANK))
        return text if number is None else number
    if name == "booleanValue":
        return _BOOLEANS.get(text.strip(BLANK), text)
    if name in _WORDS:
        return _sensor_word(_WORDS[name], text.strip(BLANK), element, prefixes)
    return text


def _sensor_word(kind: Kind, text: str, element: Any, prefixes: Prefixes) -> str:
    """A private CURIE stays one here, as in JSON: the vectors of the event hash have it so."""
    word = word_of(kind, text)
    prefix, colon, rest = text.partition(":")
    if word != text or not colon or rest.startswith("//"):
        return word
    if prefix in GS1_PREFIXES:
        return word_of(kind, GS1_PREFIXES[prefix] + rest)
    return prefixes.curie(text, element)


def _read_values(text: str, element: Any, prefixes: Prefixes) -> dict[str, Any]:
    try:
        values = _renamed(_decoder.decode(text), element, prefixes, DEEPEST)
    except (msgspec.DecodeError, RecursionError):
        values = None
    return values if isinstance(values, dict) else {"@json:values": text}  # else it was not written by us


def _renamed(value: Any, element: Any, prefixes: Prefixes, levels: int) -> Any:
    """The value with the prefixes that its namespaces have in this event."""
    if levels == 0:
        raise RecursionError
    if isinstance(value, dict):
        return {
            prefixes.curie(key, element): _renamed(item, element, prefixes, levels - 1) for key, item in value.items()
        }
    return [_renamed(item, element, prefixes, levels - 1) for item in value] if isinstance(value, list) else value
