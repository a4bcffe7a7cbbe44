"""Events of EPCIS XML 2.0 and 1.2 as event documents.

One table says what each standard element holds. The wrappers of the extension scheme of EPCIS 1.x (`extension`,
`baseExtension`, at any depth) add nothing to the meaning: what they hold is read as if it stood beside them, so that
the forms of 1.2 and 2.0 give the same document. Nothing is judged here: what stands at the wrong place becomes a
field of that name, for the validator to refuse.
"""

from collections.abc import Callable
from typing import Any

from schemas.epcis.xml_names import EPCIS
from schemas.epcis.xml_prefixes import CONTEXT, Prefixes, read_context
from schemas.epcis.xml_sensors import read_sensor_attributes
from schemas.epcis.xml_values import (
    BLANK,
    NIL,
    TRUE,
    gather,
    number_of,
    read_attributes,
    read_member,
    read_value,
)
from trace.domain.epcis.cbv import Kind, word_of

Reader = Callable[[Any, Prefixes], Any]
Fields = Callable[[Any, Prefixes], dict[str, Any]]

EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
WRAPPERS = ("extension", "baseExtension")
_QUANTITY_EVENT = "QuantityEvent"
# In 1.x these had to be there, even empty: there an empty one says as little as an absent one does in 2.0.
_REQUIRED_IN_1 = ("epcList", "childEPCs")


def as_event_type(tag: str) -> str | None:
    """The event type of an element's name, None if it is none; QuantityEvent (1.x, deprecated) is one."""
    namespace, _, local = tag.rpartition("}")
    is_epcis = namespace[1:] in EPCIS.values() if namespace else True
    return local if is_epcis and local in (*EVENT_TYPES, _QUANTITY_EVENT) else None


def flattened(element: Any) -> list[Any]:
    """The children of an element, with those of the wrappers of 1.x in the place of the wrappers."""
    children = list(element)
    if not any(child.tag in WRAPPERS for child in children):
        return children
    return [part for child in children for part in (flattened(child) if child.tag in WRAPPERS else (child,))]


def read_event(element: Any, version: str) -> dict[str, Any]:
    """The event document of an event element; `version` is that of the document's namespace."""
    prefixes = Prefixes()
    if (context := element.get(CONTEXT)) is not None:
        prefixes.declare(read_context(context))
    kind: Any = as_event_type(element.tag) or prefixes.key(element)
    fields = _read_event_fields(element, prefixes)
    if "type" in fields:  # somebody's element of that name: two types are none, says the validator
        kind = [kind, fields.pop("type")]
    event = {"type": kind} | fields | {"@context": prefixes.context}
    if version != "2.0":
        for key in _REQUIRED_IN_1:
            if event.get(key) == []:
                del event[key]
    if event["type"] == _QUANTITY_EVENT:
        event = _as_object_event(event)
    if not prefixes.context:
        del event["@context"]
    return event


def _as_object_event(event: dict[str, Any]) -> dict[str, Any]:
    """EPCIS 1.1 and later, section 7.4.4: a QuantityEvent says what an ObjectEvent with a quantity list says."""
    item = {key: event.pop(key) for key in ("epcClass", "quantity") if key in event}
    if isinstance(quantity := item.get("quantity"), str) and (number := number_of(quantity)) is not None:
        item["quantity"] = number
    return event | {"type": "ObjectEvent", "action": "OBSERVE", "quantityList": [item]}


# ---- what an element holds -----------------------------------------------------------------------------------------


def read_text(element: Any, prefixes: Prefixes) -> Any:
    """The text of a standard element without white space around it; None where it is nil.

    With children or attributes of its own it is no text, and comes as what it is.
    """
    if len(element) or element.attrib:
        if element.get(NIL, "").strip(BLANK) in TRUE:
            return None
        if len(element) or read_attributes(element, prefixes):
            return read_value(element, prefixes)
    return (element.text or "").strip(BLANK)


def _number(element: Any, prefixes: Prefixes) -> Any:
    text = read_text(element, prefixes)
    number = number_of(text) if isinstance(text, str) else None
    return text if number is None else number


def _word(kind: Kind) -> Reader:
    def read(element: Any, prefixes: Prefixes) -> Any:
        text = read_text(element, prefixes)
        return as_word(kind, text, element, prefixes) if isinstance(text, str) else text

    return read


def as_word(kind: Kind, text: str, element: Any, prefixes: Prefixes) -> str:
    """The bare word of CBV behind any of its forms; a private one in full."""
    word = word_of(kind, text)
    return word_of(kind, prefixes.word(text, element)) if word == text and ":" in text else word


def _list_of(name: str, read: Reader) -> Reader:
    """A list of equal elements; whatever else is in it comes as an object behind them."""

    def read_list(element: Any, prefixes: Prefixes) -> Any:
        items = [
            read(child, prefixes) if child.tag == name else {prefixes.key(child): read_value(child, prefixes)}
            for child in flattened(element)
        ]
        strays = _strays(element, prefixes)
        return [*items, strays] if strays else items

    return read_list


def _strays(element: Any, prefixes: Prefixes) -> dict[str, Any]:
    """What an element of the standard holds besides elements: attributes, and text where none belongs (`#text`)."""
    found: dict[str, Any] = read_attributes(element, prefixes) if element.attrib else {}
    text = "".join(piece for piece in (element.text, *(child.tail for child in element)) if piece).strip(BLANK)
    return found | {"#text": text} if text else found


def _typed(key: str, kind: Kind) -> Reader:
    """A `bizTransaction`, `source` or `destination`: its text under its own name, and its type."""

    def read(element: Any, prefixes: Prefixes) -> Any:
        item: dict[str, Any] = {}
        for name, text in read_attributes(element, prefixes).items():
            if name == "@type":
                item["type"] = as_word(kind, text.strip(BLANK), element, prefixes)
            else:
                item[name] = text
        item[key] = read_value(element, prefixes) if len(element) else (element.text or "").strip(BLANK)
        return item

    return read


def _fields(table: dict[str, Reader], plural: tuple[str, ...] = ()) -> Fields:
    """An element with standard children (`table`) and extension fields; those of `plural` are lists always."""

    def read(element: Any, prefixes: Prefixes) -> dict[str, Any]:
        pairs = []
        for child in flattened(element):
            reader = table.get(child.tag)
            if reader is None:
                pairs.append(read_member(child, prefixes))
            elif (value := reader(child, prefixes)) is not None:
                pairs.append((child.tag, value))
        fields = _strays(element, prefixes)
        for key in plural:
            if values := [value for name, value in pairs if name == key]:
                fields[key] = values
                pairs = [pair for pair in pairs if pair[0] != key]
        return fields | gather(pairs)

    return read


_EPCS = _list_of("epc", read_text)
_QUANTITY = _fields({"epcClass": read_text, "quantity": _number, "uom": read_text})
_QUANTITIES = _list_of("quantityElement", _QUANTITY)
_PLACE = _fields({"id": read_text})
_DISPOSITION = _word(Kind.DISPOSITION)

_read_event_fields = _fields(
    {
        "eventTime": read_text,
        "recordTime": read_text,
        "eventTimeZoneOffset": read_text,
        "eventID": read_text,
        "certificationInfo": read_text,
        "errorDeclaration": _fields(
            {
                "declarationTime": read_text,
                "reason": _word(Kind.ERROR_REASON),
                "correctiveEventIDs": _list_of("correctiveEventID", read_text),
            }
        ),
        "action": read_text,
        "bizStep": _word(Kind.BIZ_STEP),
        "disposition": _DISPOSITION,
        "persistentDisposition": _fields({"set": _DISPOSITION, "unset": _DISPOSITION}, plural=("set", "unset")),
        "readPoint": _PLACE,
        "bizLocation": _PLACE,
        "parentID": read_text,
        "transformationID": read_text,
        "epcList": _EPCS,
        "childEPCs": _EPCS,
        "inputEPCList": _EPCS,
        "outputEPCList": _EPCS,
        "quantityList": _QUANTITIES,
        "childQuantityList": _QUANTITIES,
        "inputQuantityList": _QUANTITIES,
        "outputQuantityList": _QUANTITIES,
        "bizTransactionList": _list_of("bizTransaction", _typed("bizTransaction", Kind.BIZ_TRANSACTION_TYPE)),
        "sourceList": _list_of("source", _typed("source", Kind.SOURCE_DESTINATION_TYPE)),
        "destinationList": _list_of("destination", _typed("destination", Kind.SOURCE_DESTINATION_TYPE)),
        "sensorElementList": _list_of(
            "sensorElement",
            _fields(
                {"sensorMetadata": read_sensor_attributes, "sensorReport": read_sensor_attributes},
                plural=("sensorReport",),
            ),
        ),
        "ilmd": _fields({}),
    }
)
