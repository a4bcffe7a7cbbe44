"""Brings the names and words of one event, as JSON (JSON-LD) has them, into the normal form of event documents.

Nothing is judged here: what is not understood stays as it came, and the validator says what is wrong with it.
"""

from itertools import count
from typing import Any

from schemas.epcis.contexts import Names
from trace.domain.epcis.cbv import Kind, forms
from trace.domain.epcis.namespaces import GS1_PREFIXES

# What a field of the standard holds. None: nothing that is ever rewritten; a shape: the fields of an object, or of
# each object of a list; words: of which {form: bare word} is kept.
_ID = "identifier, or a list of these"
_STRANGE = "no field of the standard here"
_Shape = dict[str, Any]
_Used = dict[str, str]  # {prefix: namespace} of an event, GS1's among them


class _Words(dict[str, str]):
    """{any standard form of a word: the bare word} of one kind, the bare words themselves among the forms."""

    def __init__(self, kind: Kind, *, is_sensors: bool = False):
        super().__init__(forms(kind))
        self.is_sensors = is_sensors


class _Types(dict[str, str]):
    """{any form of the type of an event: the bare type}."""


_BIZ_STEP, _DISPOSITION = _Words(Kind.BIZ_STEP), _Words(Kind.DISPOSITION)
_TRANSACTION_TYPE, _ENDPOINT_TYPE = _Words(Kind.BIZ_TRANSACTION_TYPE), _Words(Kind.SOURCE_DESTINATION_TYPE)
_EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
_PLACE: _Shape = {"id": _ID}
_QUANTITY: _Shape = {"epcClass": _ID, "quantity": None, "uom": None}
_SENSED: _Shape = dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), _ID)
_METADATA: _Shape = _SENSED | dict.fromkeys(("time", "startTime", "endTime"))
_REPORT: _Shape = (
    _SENSED
    | dict.fromkeys(("microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"), _ID)
    | dict.fromkeys(("time", "value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom"))
    | dict.fromkeys(("stringValue", "booleanValue", "hexBinaryValue"))
    | {
        "type": _Words(Kind.MEASUREMENT, is_sensors=True),
        "exception": _Words(Kind.SENSOR_ALERT, is_sensors=True),
        "component": _Words(Kind.COMPONENT, is_sensors=True),
    }
)
_EVENT: _Shape = {
    "type": _Types({form + name: name for name in _EVENT_TYPES for form in ("", "epcis:", GS1_PREFIXES["epcis"])}),
    "eventID": _ID,
    "eventTime": None,
    "eventTimeZoneOffset": None,
    "recordTime": None,
    "action": None,
    "bizStep": _BIZ_STEP,
    "disposition": _DISPOSITION,
    "persistentDisposition": {"set": _DISPOSITION, "unset": _DISPOSITION},
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": {"type": _TRANSACTION_TYPE, "bizTransaction": _ID},
    "sourceList": {"type": _ENDPOINT_TYPE, "source": _ID},
    "destinationList": {"type": _ENDPOINT_TYPE, "destination": _ID},
    "epcList": _ID,
    "quantityList": _QUANTITY,
    "parentID": _ID,
    "childEPCs": _ID,
    "childQuantityList": _QUANTITY,
    "transformationID": _ID,
    "inputEPCList": _ID,
    "inputQuantityList": _QUANTITY,
    "outputEPCList": _ID,
    "outputQuantityList": _QUANTITY,
    "sensorElementList": {"sensorMetadata": _METADATA, "sensorReport": _REPORT},
    "ilmd": {},
    "certificationInfo": _ID,
    "errorDeclaration": {"declarationTime": None, "reason": _Words(Kind.ERROR_REASON), "correctiveEventIDs": _ID},
}


def _without_ids(shape: _Shape) -> Any:
    """The shape for senders without prefixes of their own: no identifier is rewritten.

    Objects in which then nothing is left to be rewritten become the set of their fields, which is quicker to test.
    """
    made = {
        name: None if holds is _ID else _without_ids(holds) if holds.__class__ is dict else holds
        for name, holds in shape.items()
    }
    return frozenset(made) if made and not any(made.values()) else made


_EVENT_WITHOUT_IDS: _Shape = _without_ids(_EVENT)
# JSON-LD writes the standard's names in other ways, too; drafts of EPCIS 2.0 had isA.
_KEYWORDS_AT_EVENT = {"@type": "type", "isA": "type", "@id": "eventID", "id": "eventID"}
_KEYWORDS_INSIDE = {"@type": "type", "@id": "id"}


def _terms(shape: _Shape) -> set[str]:
    return set(shape).union(*(_terms(inner) for inner in shape.values() if inner.__class__ is dict))


TERMS = frozenset(_terms(_EVENT))


def normalise(event: dict[str, Any], names: Names) -> dict[str, Any]:
    """The event document of an event as it was sent; `event` is changed and may be the one that is returned.

    It carries its own `@context` ({prefix: namespace}) with just the prefixes it uses, and none if it uses none.
    Raises `Invalid` where a context inside of the event cannot be read; the event may then be half rewritten.
    """
    used: _Used = {}
    event = _walk(event, _EVENT if names.own else _EVENT_WITHOUT_IDS, names, used)
    if used:
        prefixes = {p: space for p, space in sorted(used.items()) if GS1_PREFIXES.get(p) != space}
        if prefixes:
            event["@context"] = prefixes
    return event


def normalise_object(value: Any, names: Names) -> Any:
    """An extension field's value, or an object of extension fields, in normal form; prefixes are not gathered."""
    return _extension(value, names, {})


def _walk(node: dict[str, Any], shape: Any, names: Names, used: _Used) -> dict[str, Any]:
    """An object of the standard with words, identifiers and names in normal form; the same object where it can be."""
    if shape.__class__ is frozenset:
        return node if shape.issuperset(node) else _renamed(node, shape, names, used)
    strange: list[str] = []
    for name, value in node.items():
        holds = shape.get(name, _STRANGE)
        if holds is None:
            continue
        kind = holds.__class__
        if kind is _Words or kind is _Types:
            known = holds.get(value) if value.__class__ is str else None
            node[name] = _reworded(value, holds, names, used) if known is None else known
        elif kind is dict or kind is frozenset:
            if value.__class__ is dict:
                node[name] = _walk(value, holds, names, used)
            elif value.__class__ is list:
                node[name] = [_walk(x, holds, names, used) if x.__class__ is dict else x for x in value]
        elif holds is _STRANGE:
            strange.append(name)
        elif value.__class__ is not str:
            node[name] = _identified(value, names)
        elif value.startswith(names.starts):
            node[name] = names.identifier(value)
    return _renamed(node, shape, names, used) if strange and not _are_usual(node, strange, names, used) else node


def _are_usual(node: dict[str, Any], strange: list[str], names: Names, used: _Used) -> bool:
    """Whether all strange names of a node stay as they are and hold no objects, as nearly all do; notes prefixes."""
    if "@context" in node:
        return False
    for name in strange:
        prefix, space = names.usual(name)
        if not space or used.setdefault(prefix, space) != space or node[name].__class__ in _OBJECTS:
            return False
    return True


_OBJECTS = (dict, list)


def _reworded(value: Any, words: dict[str, str], names: Names, used: _Used) -> Any:
    """A value of a vocabulary field that is no word as it stands: a list of words, a CURIE, a term, a private URI."""
    if value.__class__ is list:
        return [_reworded(item, words, names, used) if item.__class__ is str else item for item in value]
    if value.__class__ is not str or value in words or not isinstance(words, _Words):
        return words.get(value, value) if value.__class__ is str else value
    if not words.is_sensors:
        full = names.word(value)
    else:
        full, is_private = names.sensor_word(value)
        if is_private:
            return _settled(full, names, used)
    return words.get(full, full)


def _identified(value: Any, names: Names) -> Any:
    """A list of identifiers; anything else as it is."""
    if value.__class__ is list:
        return [names.identifier(item) if item.__class__ is str else item for item in value]
    return value


def _renamed(node: dict[str, Any], shape: Any, names: Names, used: _Used) -> dict[str, Any]:
    """The node with its strange names in normal form, and everything inside of extensions, too."""
    at_event = "eventTime" in shape
    keywords = _KEYWORDS_AT_EVENT if at_event else _KEYWORDS_INSIDE
    made: dict[str, Any] = {}
    late: dict[str, Any] = {}  # standard fields under another name, which are read as what they are
    if not at_event:
        names = _here(node, names)
    for name, value in node.items():
        if name in shape:
            made[name] = value
            continue
        if name == "@context":
            continue
        key = names.key(name)
        key = keywords.get(key, key)
        if key in shape and key not in node and key not in late:
            late[key] = value
        else:
            key = _settled(key, names, used)
            made[_free(key, name, made)] = _extension(value, names.inside(name), used)
    return made | _walk(late, shape, names, used) if late else made


def _extension(value: Any, names: Names, used: _Used) -> Any:
    """The value of an extension field with the names inside of it in normal form."""
    if value.__class__ is list:
        return [_extension(item, names, used) for item in value]
    if value.__class__ is not dict:
        return value
    names = _here(value, names)
    made: dict[str, Any] = {}
    for name, inner in value.items():
        if name != "@context":
            key = _settled(names.key(name), names, used)  # before what is inside of it: prefixes keep their meaning
            made[_free(key, name, made)] = _extension(inner, names.inside(name), used)
    return made


def _here(node: dict[str, Any], names: Names) -> Names:
    """The names inside of an object that may have a context of its own."""
    return names.under(node["@context"]) if "@context" in node else names


def _free(key: str, name: str, made: dict[str, Any]) -> str:
    """The key, or the name as it was sent where two names of one object mean the same: neither may be lost."""
    return name if key in made else key


def _settled(key: str, names: Names, used: _Used) -> str:
    """The key with a prefix that means the same in the whole event; the prefix is noted with its namespace.

    Contexts inside of an event may give a prefix another meaning: it then gets another name.
    """
    at, name = ("@", key[1:]) if key[:1] == "@" else ("", key)
    prefix, colon, local = name.partition(":")
    space = names.space(prefix) if colon else None
    if space is None or used.setdefault(prefix, space) == space:
        return key
    other = next((p for p, known in used.items() if known == space), None)
    if other is None:
        other = next(p for n in count(1) if (p := f"{prefix}{n}") not in used and names.space(p) is None)
        used[other] = space
    return f"{at}{other}:{local}"
