"""Event documents as event elements of EPCIS XML 2.0 or 1.2, in the order that GS1's schemas demand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec
from lxml import etree

from schemas.epcis.xml_event_reading import WRAPPERS
from schemas.epcis.xml_names import EPCIS, XSD, XSI
from schemas.epcis.xml_prefixes import CONTEXT, Names
from schemas.epcis.xml_sensors import write_sensor_attributes
from schemas.epcis.xml_values import NIL, fill, write_attributes, write_entry, write_members
from trace.domain.epcis.cbv import Kind, urn, web_uri

Version = Literal["2.0", "1.2"]
CbvForm = Literal["urn", "web"]
Layout = tuple[Any, ...]  # names of fields, and (wrapper, Layout)


@dataclass(frozen=True, slots=True)
class Manner:
    """How one event is written: the names of its extension fields, and the form of CBV's words."""

    names: Names
    say: Callable[[Kind, str], str]


Write = Callable[[Any, str, Any, Manner], None]


def _row(names: str) -> Layout:
    return tuple(names.split())


_BASE = "eventTime recordTime eventTimeZoneOffset eventID errorDeclaration certificationInfo"
_WHY_WHERE = "bizStep disposition readPoint bizLocation"
_PARTIES = "sourceList destinationList"
_NEW = "sensorElementList persistentDisposition"
_TRANSFORMED = "inputEPCList inputQuantityList outputEPCList outputQuantityList transformationID"
_AGGREGATED = f"parentID childEPCs action {_WHY_WHERE} bizTransactionList"
_ASSOCIATED = f"parentID childEPCs childQuantityList action {_WHY_WHERE} bizTransactionList {_PARTIES} {_NEW}"
_BASE_1: Layout = (
    *_row("eventTime recordTime eventTimeZoneOffset"),
    ("baseExtension", ("eventID", "errorDeclaration", ("extension", ("certificationInfo",)))),
)
_NEW_1: Layout = ("extension", _row(_NEW))
_LAYOUTS: dict[str, dict[str, Layout]] = {
    "2.0": {
        "ObjectEvent": _row(
            f"{_BASE} epcList action {_WHY_WHERE} bizTransactionList quantityList {_PARTIES} {_NEW} ilmd"
        ),
        "AggregationEvent": _row(f"{_BASE} {_AGGREGATED} childQuantityList {_PARTIES} {_NEW}"),
        "TransactionEvent": _row(
            f"{_BASE} bizTransactionList parentID epcList action {_WHY_WHERE} quantityList {_PARTIES} {_NEW}"
        ),
        "TransformationEvent": _row(f"{_BASE} {_TRANSFORMED} {_WHY_WHERE} bizTransactionList {_PARTIES} {_NEW} ilmd"),
        "AssociationEvent": _row(f"{_BASE} {_ASSOCIATED}"),
    },
    "1.2": {
        "ObjectEvent": (
            *_BASE_1,
            *_row(f"epcList action {_WHY_WHERE} bizTransactionList"),
            ("extension", (*_row(f"quantityList {_PARTIES} ilmd"), _NEW_1)),
        ),
        "AggregationEvent": (
            *_BASE_1,
            *_row(_AGGREGATED),
            ("extension", (*_row(f"childQuantityList {_PARTIES}"), _NEW_1)),
        ),
        "TransactionEvent": (
            *_BASE_1,
            *_row(f"bizTransactionList parentID epcList action {_WHY_WHERE}"),
            ("extension", (*_row(f"quantityList {_PARTIES}"), _NEW_1)),
        ),
        "TransformationEvent": (
            *_BASE_1,
            *_row(f"{_TRANSFORMED} {_WHY_WHERE} bizTransactionList {_PARTIES} ilmd"),
            _NEW_1,
        ),
        "AssociationEvent": (*_BASE_1, *_row(_ASSOCIATED)),
    },
}
_KEYS = {name: frozenset((*layout, "type", "@context")) for name, layout in _LAYOUTS["2.0"].items()}
# The schema of 1.2 wants these elements, even empty.
_REQUIRED_IN_1 = {"ObjectEvent": "epcList", "AggregationEvent": "childEPCs", "TransactionEvent": "epcList"}
# Where in the list of events of 1.2 the types stand that it does not know, or only as an extension.
_WRAPPED_IN_1 = {"TransformationEvent": 1, "AssociationEvent": 2}
_SAY = {"urn": urn, "web": web_uri}


def write_event(parent: Any, event: Mapping[str, Any], version: Version, cbv: CbvForm) -> None:
    """Append the element of an event to an EventList."""
    for _ in range(_WRAPPED_IN_1.get(event["type"], 0) if version == "1.2" else 0):
        parent = etree.SubElement(parent, "extension")
    names = Names(event.get("@context") or {}, event)
    _fill_event(etree.SubElement(parent, event["type"], nsmap=names.declared), event, version, Manner(names, _SAY[cbv]))


def event_root(event: Mapping[str, Any], version: Version, cbv: CbvForm) -> Any:
    """The element of a single event; its name lies in the namespace of EPCIS, which tells the version."""
    names = Names(event.get("@context") or {}, event)
    namespaces = {"xsi": XSI, "xsd": XSD} | names.declared
    element = etree.Element(f"{{{EPCIS[version]}}}{event['type']}", nsmap={"epcis": EPCIS[version]} | namespaces)
    _fill_event(element, event, version, Manner(names, _SAY[cbv]))
    return element


def write_rest(element: Any, members: Mapping[str, Any], names: Names) -> None:
    """What a standard element has besides standard fields: attributes, elements of other namespaces, and, as the
    schemas demand, those without a namespace before them in `extension`.
    """
    left = write_attributes(element, dict(members), names)
    bare = {key: value for key, value in left.items() if ":" not in key and names.tag(key) and key not in WRAPPERS}
    if bare:
        write_members(etree.SubElement(element, "extension"), bare.items(), names)
    for key, value in left.items():
        if key in WRAPPERS:
            write_entry(element, key, value, names)
        elif key not in bare:
            write_members(element, [(key, value)], names)


def _fill_event(element: Any, event: Mapping[str, Any], version: Version, manner: Manner) -> None:
    kind = event["type"]
    if manner.names.others:
        element.set(CONTEXT, msgspec.json.encode(manner.names.others).decode("utf-8"))
    fields: Mapping[str, Any] = event
    if version == "1.2" and (required := _REQUIRED_IN_1.get(kind)):
        fields = {required: [], **event}
    _write_layout(element, _LAYOUTS[version][kind], fields, manner)
    rest = {key: value for key, value in event.items() if key not in _KEYS[kind]}
    if rest:
        write_rest(element, rest, manner.names)


def _write_layout(parent: Any, layout: Layout, fields: Mapping[str, Any], manner: Manner) -> None:
    for part in layout:
        if isinstance(part, tuple):
            wrapper = etree.SubElement(parent, part[0])
            _write_layout(wrapper, part[1], fields, manner)
            if not len(wrapper):
                parent.remove(wrapper)
        elif (value := fields.get(part)) is not None:
            _WRITERS[part](parent, part, value, manner)


# ---- what an element holds -----------------------------------------------------------------------------------------


def _text(parent: Any, key: str, value: Any, manner: Manner) -> None:
    fill(etree.SubElement(parent, key), value, manner.names)


def _word(kind: Kind) -> Write:
    def write(parent: Any, key: str, value: Any, manner: Manner) -> None:
        _text(parent, key, manner.say(kind, value) if isinstance(value, str) else value, manner)

    return write


def _list_of(name: str, write_item: Write, *, least: int = 0) -> Write:
    """A list; GS1's schema has no empty lists of some kinds, which say as little as no list."""

    def write(parent: Any, key: str, value: Any, manner: Manner) -> None:
        if not isinstance(value, list):
            _text(parent, key, value, manner)
        elif len(value) >= least:
            element = etree.SubElement(parent, key)
            for item in value:
                write_item(element, name, item, manner)

    return write


def _fields(table: dict[str, Write]) -> Write:
    """An element with standard children, in the order of the table, and extension fields."""

    def write(parent: Any, key: str, value: Any, manner: Manner) -> None:
        element = etree.SubElement(parent, key)
        if not isinstance(value, dict):
            fill(element, value, manner.names)
            return
        for name, write_field in table.items():
            if (item := value.get(name)) is not None:
                write_field(element, name, item, manner)
        if len(value.keys() - table.keys()):
            write_rest(element, {name: item for name, item in value.items() if name not in table}, manner.names)

    return write


def _each(write: Write) -> Write:
    """A field that is a list in JSON and the same element again and again in XML."""

    def write_all(parent: Any, key: str, value: Any, manner: Manner) -> None:
        for item in value if isinstance(value, list) else [value]:
            write(parent, key, item, manner)

    return write_all


def _typed(kind: Kind) -> Write:
    def write(parent: Any, key: str, value: Any, manner: Manner) -> None:
        element = etree.SubElement(parent, key)
        members = dict(value)
        if isinstance(word := members.pop("type", None), str):
            element.set("type", manner.say(kind, word))
        fill(element, members.pop(key, ""), manner.names)
        write_attributes(element, members, manner.names)

    return write


def _quantity(parent: Any, key: str, value: Any, manner: Manner) -> None:
    element = etree.SubElement(parent, key)
    if value is _NOT_KNOWN:
        element.set(NIL, "true")
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        element.text = format(value, "f") if isinstance(value, Decimal) else str(value)  # xsd:decimal: no exponent
    else:
        fill(element, value, manner.names)


_NOT_KNOWN = object()
_write_known_quantity = _fields({"epcClass": _text, "quantity": _quantity, "uom": _text})


def _quantity_element(parent: Any, key: str, value: Any, manner: Manner) -> None:
    if isinstance(value, dict) and "uom" in value and "quantity" not in value:
        value = {**value, "quantity": _NOT_KNOWN}  # the schema has no unit without a quantity, but a nil one
    _write_known_quantity(parent, key, value, manner)


def _certification(parent: Any, key: str, value: Any, manner: Manner) -> None:
    """2.0 has one element, JSON may have a list: the others follow in `baseExtension`, where the schema allows it."""
    first, *others = value if isinstance(value, list) and value else [value]
    if value == []:
        return
    _text(parent, key, first, manner)
    if parent.tag in WRAPPERS:  # 1.2, where any number may stand
        for item in others:
            _text(parent, key, item, manner)
    elif others:
        wrapper = etree.SubElement(parent, "baseExtension")
        for item in others:
            write_entry(wrapper, key, item, manner.names)


def _sensed(parent: Any, key: str, value: Any, manner: Manner) -> None:
    element = etree.SubElement(parent, key)
    if isinstance(value, dict):
        write_sensor_attributes(element, value, manner.names, manner.say)
    else:
        fill(element, value, manner.names)


_EPCS = _list_of("epc", _text)
_QUANTITIES = _list_of("quantityElement", _quantity_element)
_PLACE = _fields({"id": _text})
_DISPOSITION = _word(Kind.DISPOSITION)
_SOURCE_OR_DESTINATION = _typed(Kind.SOURCE_DESTINATION_TYPE)
_WRITERS: dict[str, Write] = {
    **dict.fromkeys(("eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "action"), _text),
    **dict.fromkeys(("parentID", "transformationID"), _text),
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), _EPCS),
    **dict.fromkeys(("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), _QUANTITIES),
    **dict.fromkeys(("readPoint", "bizLocation"), _PLACE),
    "certificationInfo": _certification,
    "errorDeclaration": _fields(
        {
            "declarationTime": _text,
            "reason": _word(Kind.ERROR_REASON),
            "correctiveEventIDs": _list_of("correctiveEventID", _text),
        }
    ),
    "bizStep": _word(Kind.BIZ_STEP),
    "disposition": _DISPOSITION,
    "bizTransactionList": _list_of("bizTransaction", _typed(Kind.BIZ_TRANSACTION_TYPE), least=1),
    "sourceList": _list_of("source", _SOURCE_OR_DESTINATION, least=1),
    "destinationList": _list_of("destination", _SOURCE_OR_DESTINATION, least=1),
    "persistentDisposition": _fields({"unset": _each(_DISPOSITION), "set": _each(_DISPOSITION)}),
    "sensorElementList": _list_of(
        "sensorElement", _fields({"sensorMetadata": _sensed, "sensorReport": _each(_sensed)}), least=1
    ),
    "ilmd": _fields({}),
}
