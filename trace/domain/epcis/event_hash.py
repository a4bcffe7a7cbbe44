"""The event hash of CBV 2.0 section 8.9: one name for one event, whichever form it is written in.

An event's values are put into one string in a fixed order, times in UTC, numbers without trailing zeros, words as web
URIs, GS1 identifiers as canonical Digital Links, and the SHA-256 of that string is the hash. The same event as JSON or
XML, with URNs or Digital Links, its lists in any order, has the same hash. Nothing is looked up anywhere.

The standard's text and the vectors its authors publish do not agree everywhere. The text holds, but where a vector
says otherwise the vector does, because partners compare hashes:

* Section 8.9.2 has bizTransactionList, sourceList and destinationList before sensorElementList; the vectors have them
  behind it, destinationList before sourceList (SensorDataExamples 11, epcisDocWithVariousEventTypes 1).
* `bizRules` of a sensor report has no place in the text's order; the vector has it behind all standard fields, with
  the names of what it lies in before it (SensorDataExamples 8).
* A text value that can be read as a number is changed to what a binary double makes of it (SensorDataExamples 7:
  a stringValue of 24 digits). That lets different values look alike, so it is done for `stringValue` only.
* A CURIE is to be written in full; types and components of sensor reports with a private prefix are not
  (SensorDataExamples 6 to 12). The readers leave these as they are.
* The namespace of GS1's master data attributes is `urn:epcglobal:cbv:mda:` in JSON (GS1's context) and commonly
  `urn:epcglobal:cbv:mda` in XML. They are one here, for an event has one hash in all its forms; the vectors have what
  each document declares (SensorDataExamples 12; epcisDocWithVariousEventTypes 4), which can be told (`namespaces`).
* A document can name extension fields to be left out (epcisDocHavingEventWithIgnoreFields); the text knows nothing of
  this, and no client's document may take fields out of what is compared here. It can be told, too (`ignoring`).
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from trace.domain.epcis.cbv import Kind
from trace.domain.epcis.hash_values import double_of, number_of, text_of, time_of, web_forms
from trace.domain.epcis.namespaces import GS1_PREFIXES

_Spaces = Mapping[str, str]  # {prefix: namespace} of an event, its `@context`
_Write = Callable[[str, Any, _Spaces], str]  # (name of a field, its value, namespaces) -> its part of the string
_WriteObject = Callable[[Any, _Spaces], str]

_COMMENT = f"{{{GS1_PREFIXES['rdfs']}}}comment"


def event_hash(document: Mapping[str, Any]) -> bytes:
    """The SHA-256 of an event document's pre-hash string, 32 bytes."""
    return digest(prehash(document))


def digest(string: str) -> bytes:
    """The hash of a pre-hash string."""
    return hashlib.sha256(string.encode("utf-8", "surrogatepass")).digest()


def hash_uri(event_hash_: bytes) -> str:
    """A hash as the URI that serves as eventID: `ni:///sha-256;<hex>?ver=CBV2.0` (RFC 6920)."""
    return f"ni:///sha-256;{event_hash_.hex()}?ver=CBV2.0"


def prehash(
    document: Mapping[str, Any], *, ignoring: Collection[str] = (), namespaces: Mapping[str, str] | None = None
) -> str:
    """The pre-hash string of an event document.

    The eventID, the recordTime, an error declaration and comments (`rdfs:comment`) are no part of it, nor are
    extension fields at the top that are named in `ignoring` (as `prefix:name`). `namespaces` ({prefix: namespace})
    come before the event's own.
    """
    declared = document.get("@context")
    spaces: _Spaces = declared if isinstance(declared, dict) else {}
    if namespaces:
        spaces = {**spaces, **namespaces}
    get = document.get
    parts = ["eventType=" + text_of(get("type"))]
    parts += [write(name, value, spaces) for name, write in _ORDER if (value := get(name))]
    strange = [name for name in document if name not in _STANDARD and name not in ignoring]
    if strange:
        parts.append(_extensions({name: document[name] for name in strange}, spaces))
    return "".join(parts)


def untold(document: Mapping[str, Any]) -> list[str]:
    """What an event says that its hash does not tell apart, sorted: comments, and texts of sensors letter by letter.

    Two events of one hash differ all the same if this differs. (So do their errorDeclarations, which are compared as
    they are.)
    """
    declared = document.get("@context")
    parts: list[str] = []
    _add_untold(parts, document, declared if isinstance(declared, dict) else {})
    return sorted(parts)


def _add_untold(parts: list[str], value: Any, spaces: _Spaces) -> None:
    if value.__class__ is list:
        for item in value:
            _add_untold(parts, item, spaces)
    elif value.__class__ is dict:
        for key, item in value.items():
            if key == "stringValue" or _full_name(key, spaces) == _COMMENT:
                text = item.strip() if item.__class__ is str else json.dumps(item, sort_keys=True, default=str)
                parts.append(f"{key.rpartition(':')[2]}={text}")
            else:
                _add_untold(parts, item, spaces)


# ---- fields --------------------------------------------------------------------------------------------------------


def _plain(name: str, value: Any, spaces: _Spaces) -> str:
    text = text_of(value)
    return f"{name}={text}" if text else ""


def _numeric(name: str, value: Any, spaces: _Spaces) -> str:
    return f"{name}={number_of(value)}"


def _moment(name: str, value: Any, spaces: _Spaces) -> str:
    return f"{name}={time_of(value) if value.__class__ is str else text_of(value)}"


def _mangled(name: str, value: Any, spaces: _Spaces) -> str:
    text = double_of(value)
    return f"{name}={text}" if text else ""


def _word(kind: Kind) -> _Write:
    forms = web_forms(kind)

    def write(name: str, value: Any, spaces: _Spaces) -> str:
        text = (forms.get(value) if value.__class__ is str else None) or text_of(value)
        return f"{name}={text}" if text else ""

    return write


def _repeated(write: _Write) -> _Write:
    """A field whose values, if there are several, are sorted, each under the field's name."""

    def write_all(name: str, value: Any, spaces: _Spaces) -> str:
        return _sorted(write(name, item, spaces) for item in _each(value))

    return write_all


def _identifiers(name: str, value: Any, spaces: _Spaces) -> str:
    if value.__class__ is not list:
        value = [value]
    return name + _sorted(["epc=" + text_of(item) for item in value])


def _object(fields: tuple[tuple[str, _Write], ...]) -> _WriteObject:
    """An object: its fields in this order, and behind them its extension fields."""
    standard = frozenset(name for name, _ in fields)

    def write(item: Any, spaces: _Spaces) -> str:
        if item.__class__ is not dict:
            return text_of(item)
        parts = [write(name, value, spaces) for name, write in fields if (value := item.get(name)) is not None]
        if not standard.issuperset(item):
            parts.append(_extensions({key: value for key, value in item.items() if key not in standard}, spaces))
        return "".join(parts)

    return write


def _one(write_object: _WriteObject) -> _Write:
    """A field that holds one object: its name, then the object."""

    def write(name: str, value: Any, spaces: _Spaces) -> str:
        text = write_object(value, spaces)
        return name + text if text else ""

    return write


def _many(write_object: _WriteObject, element: str = "") -> _Write:
    """A field that holds a list of objects: its name, then these, sorted, each behind the name XML has for it."""

    def write(name: str, value: Any, spaces: _Spaces) -> str:
        return name + _sorted([element + write_object(item, spaces) for item in _each(value)])

    return write


def _each(value: Any) -> list[Any]:
    return value if value.__class__ is list else [value]


def _sorted(parts: Iterable[str]) -> str:
    """Parts by the code points of their characters, which is the order of their bytes in UTF-8."""
    return "".join(sorted(parts))


def _extensions(fields: Mapping[str, Any], spaces: _Spaces) -> str:
    """Extension fields of one place, sorted, nested ones in each other."""
    parts: list[str] = []
    for key, value in fields.items():
        _add_extension(parts, _full_name(key, spaces), value, spaces)
    return _sorted(parts)


def _add_extension(parts: list[str], name: str, value: Any, spaces: _Spaces) -> None:
    if name == _COMMENT:
        return
    kind = value.__class__
    if kind is list:
        for item in value:
            _add_extension(parts, name, item, spaces)
    elif kind is dict:
        text = text_of(value.get("#text"))
        inner = {key: item for key, item in value.items() if key != "#text"}
        parts.append(f"{name}{'=' if text else ''}{text}{_extensions(inner, spaces)}")
    else:
        text = text_of(value)
        parts.append(f"{name}={text}" if text else name)


def _full_name(key: str, spaces: _Spaces) -> str:
    """`{namespace}name` of an extension field; XML attributes (`@prefix:name`) are like fields."""
    prefix, colon, local = key.removeprefix("@").partition(":")
    space = (spaces.get(prefix) or GS1_PREFIXES.get(prefix)) if colon else None
    return f"{{{space}}}{local}" if space else key.removeprefix("@")


def _sensor_rules(name: str, value: Any, spaces: _Spaces) -> str:
    """What the reports of sensors say of business rules, which the vectors have apart from all the rest."""
    elements = [
        "sensorElement" + _sorted(reports)
        for element in _each(value)
        if element.__class__ is dict
        if (
            reports := [
                "sensorReport" + _plain("bizRules", report["bizRules"], spaces)
                for report in _each(element.get("sensorReport"))
                if report.__class__ is dict and report.get("bizRules")
            ]
        )
    ]
    return name + _sorted(elements) if elements else ""


def _nothing(name: str, value: Any, spaces: _Spaces) -> str:
    """A field that has its place elsewhere."""
    return ""


_PLACE = _one(_object((("id", _plain),)))
_QUANTITIES = _many(_object((("epcClass", _plain), ("quantity", _numeric), ("uom", _plain))), "quantityElement")
_METADATA = _object(
    (
        ("time", _moment),
        ("startTime", _moment),
        ("endTime", _moment),
        ("deviceID", _plain),
        ("deviceMetadata", _plain),
        ("rawData", _plain),
        ("dataProcessingMethod", _plain),
        ("bizRules", _plain),
    )
)
_REPORT = _object(
    (
        ("type", _word(Kind.MEASUREMENT)),
        ("exception", _word(Kind.SENSOR_ALERT)),
        ("deviceID", _plain),
        ("deviceMetadata", _plain),
        ("rawData", _plain),
        ("dataProcessingMethod", _plain),
        ("time", _moment),
        ("microorganism", _plain),
        ("chemicalSubstance", _plain),
        ("value", _numeric),
        ("component", _word(Kind.COMPONENT)),
        ("stringValue", _mangled),
        ("booleanValue", _plain),
        ("hexBinaryValue", _plain),
        ("uriValue", _plain),
        ("minValue", _numeric),
        ("maxValue", _numeric),
        ("meanValue", _numeric),
        ("sDev", _numeric),
        ("percRank", _numeric),
        ("percValue", _numeric),
        ("uom", _plain),
        ("coordinateReferenceSystem", _plain),
        ("bizRules", _nothing),
    )
)
_SENSOR_ELEMENT = _object(
    (
        ("sensorMetadata", _one(_METADATA)),
        ("sensorReport", _repeated(_one(_REPORT))),
    )
)
_DISPOSITIONS = _repeated(_word(Kind.DISPOSITION))
_ENDPOINT_TYPE = _word(Kind.SOURCE_DESTINATION_TYPE)

# CBV 2.0 section 8.9.2, the canonical property order, with the changes that the vectors ask for.
_ORDER: tuple[tuple[str, _Write], ...] = (
    ("eventTime", _moment),
    ("eventTimeZoneOffset", _plain),
    ("certificationInfo", _repeated(_plain)),
    ("epcList", _identifiers),
    ("parentID", _plain),
    ("inputEPCList", _identifiers),
    ("childEPCs", _identifiers),
    ("quantityList", _QUANTITIES),
    ("childQuantityList", _QUANTITIES),
    ("inputQuantityList", _QUANTITIES),
    ("outputEPCList", _identifiers),
    ("outputQuantityList", _QUANTITIES),
    ("action", _plain),
    ("transformationID", _plain),
    ("bizStep", _word(Kind.BIZ_STEP)),
    ("disposition", _word(Kind.DISPOSITION)),
    ("persistentDisposition", _one(_object((("set", _DISPOSITIONS), ("unset", _DISPOSITIONS))))),
    ("readPoint", _PLACE),
    ("bizLocation", _PLACE),
    ("sensorElementList", _many(_SENSOR_ELEMENT, "sensorElement")),
    ("bizTransactionList", _many(_object((("type", _word(Kind.BIZ_TRANSACTION_TYPE)), ("bizTransaction", _plain))))),
    ("destinationList", _many(_object((("type", _ENDPOINT_TYPE), ("destination", _plain))))),
    ("sourceList", _many(_object((("type", _ENDPOINT_TYPE), ("source", _plain))))),
    ("sensorElementList", _sensor_rules),
    ("ilmd", _one(_object(()))),
)
_STANDARD = frozenset(name for name, _ in _ORDER) | {
    "@context",
    "type",
    "eventID",
    "recordTime",
    "errorDeclaration",
}
