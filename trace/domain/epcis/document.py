"""Events as event documents (EPCIS 2.0 JSON, ISO/IEC 19987:2024, section 10), and back; and the bytes that are stored.

An event document is one event as a JSON object that stands by itself: words of the Core Business Vocabulary bare,
identifiers and times as they were sent, extension fields as `prefix:name` with the namespaces of the prefixes in the
event's own `@context` (those of GS1's context aside), numbers as int or Decimal. The readers of `schemas.epcis` make it
of JSON and XML, the writers make both of it again, nothing of an event is lost.

The bytes are made once, at capture, and never rebuilt from columns: a change of code must not change a stored event.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec

from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    BizTransaction,
    Endpoint,
    ErrorDeclaration,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
    offset_minutes,
)
from trace.domain.failures import N_, Invalid
from trace.domain.uris import canonical_uri

NAMESPACE = "https://ns.sunshine-trace.example/epcis/"  # of our extension fields, prefix "sunshine"
PREFIX = "sunshine:"
GS1_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")  # the pattern of GS1's JSON schema
_ACTIONS = {action.value: action for action in Action}
_ERROR_KEYS = frozenset({"declarationTime", "reason", "correctiveEventIDs"})


def as_document(event: Event) -> dict[str, Any]:
    """The event document: as a partner sent it, else made of the values, absent fields left out."""
    if event.document is not None:
        return dict(event.document)
    document: dict[str, Any] = {
        "type": type(event).__name__,
        "eventID": event.event_id,
        "eventTime": as_time(event.event_time),
        "eventTimeZoneOffset": as_offset(offset_minutes(event.event_time)),
        "bizStep": event.biz_step,
        "disposition": event.disposition,
        "persistentDisposition": event.persistent_disposition,
        "readPoint": {"id": event.read_point} if event.read_point else None,
        "bizLocation": {"id": event.biz_location} if event.biz_location else None,
        "bizTransactionList": [_without_none(type=t.type, bizTransaction=t.id) for t in event.biz_transactions],
        "sourceList": [{"type": s.type, "source": s.id} for s in event.sources],
        "destinationList": [{"type": d.type, "destination": d.id} for d in event.destinations],
        "certificationInfo": event.certification_info,
        "sensorElementList": list(event.sensor_elements),
        "ilmd": dict(event.ilmd),
        "errorDeclaration": _error_document(event.error_declaration),
        **_objects(event),
    }
    # Empty standard fields say nothing; an empty or null extension field is somebody's data.
    made = {key: said for key, said in document.items() if said or said not in (None, [], {})} | dict(event.extensions)
    declared = event.error_declaration.extensions if event.error_declaration else ()
    if any(name.startswith(PREFIX) for name in (*event.extensions, *event.ilmd, *declared)):
        made["@context"] = {PREFIX[:-1]: NAMESPACE}
    return made


def _objects(event: Event) -> dict[str, Any]:
    """The what-dimension, which differs by type."""
    match event:
        case ObjectEvent():
            return {
                "action": event.action.value,
                "epcList": list(event.epcs),
                "quantityList": _quantities(event.quantities),
            }
        case TransactionEvent():
            return {
                "action": event.action.value,
                "parentID": event.parent,
                "epcList": list(event.epcs),
                "quantityList": _quantities(event.quantities),
            }
        case AggregationEvent() | AssociationEvent():
            return {
                "action": event.action.value,
                "parentID": event.parent,
                "childEPCs": list(event.child_epcs),
                "childQuantityList": _quantities(event.child_quantities),
            }
        case TransformationEvent():
            return {
                "transformationID": event.transformation_id,
                "inputEPCList": list(event.input_epcs),
                "inputQuantityList": _quantities(event.input_quantities),
                "outputEPCList": list(event.output_epcs),
                "outputQuantityList": _quantities(event.output_quantities),
            }
    raise TypeError(f"{type(event).__name__} is none of the five EPCIS event types")


def parse_document(document: Mapping[str, Any]) -> Event:
    """An event from its document, identifiers made canonical; the document itself is kept with it.

    Raises `Invalid` where the object is no event, or an identifier in it cannot be.
    """
    try:
        return _parse(document)
    except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError) as fault:
        missing = f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)
        raise Invalid(N_("This is no EPCIS 2.0 event: {fault}."), fault=missing[:200]) from fault


def _parse(document: Mapping[str, Any]) -> Event:
    type_ = document.get("type")
    known = _OF_TYPE.get(type_) if type_.__class__ is str else None
    if known is None:
        raise Invalid(N_("An EPCIS event has one of five types; {type} came."), field="type", type=str(type_)[:80])
    made, required, fields = known
    for name in required:
        document[name]  # what is missing is told by its name
    time, offset = document["eventTime"], document["eventTimeZoneOffset"]
    found: dict[str, Any] = {"event_time": parse_time(_text(time, "eventTime"), _text(offset, "eventTimeZoneOffset"))}
    others: dict[str, Any] = {}
    for name, value in document.items():
        field, parse = fields.get(name, _OTHER)
        if parse is not None:
            found[field] = parse(value, name)
        elif field:
            others[name] = value
    if others:
        found["extensions"] = _extensions(document, others)
    return made(document=document, **found)


def _extensions(document: Mapping[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Somebody else's namespace under the prefix of ours: its fields are not those that are interpreted here."""
    if document.get("@context", {}).get(PREFIX[:-1], NAMESPACE) == NAMESPACE:
        return fields
    return {name: value for name, value in fields.items() if not name.startswith(PREFIX)}


def _parse_transactions(value: Any, name: str) -> tuple[BizTransaction, ...]:
    found = _elements(value, name)
    return tuple([BizTransaction(canonical_uri(e["bizTransaction"]), _word(e.get("type"), "type")) for e in found])


def _parse_ends(value: Any, name: str) -> tuple[Endpoint, ...]:
    key = name.removesuffix("List")
    return tuple([Endpoint(_text(e["type"], "type"), canonical_uri(e[key])) for e in _elements(value, name)])


def _parse_place(value: Any, name: str) -> str | None:
    return None if value is None else canonical_uri(_object(value, name)["id"])


def _parse_error(value: Any, name: str) -> ErrorDeclaration | None:
    if value is None:
        return None
    element = _object(value, name)
    return ErrorDeclaration(
        parse_time(_text(element["declarationTime"], "declarationTime"), None),
        _word(element.get("reason"), "reason"),
        tuple(_texts(element.get("correctiveEventIDs", []), "correctiveEventIDs")),
        {key: value for key, value in element.items() if key not in _ERROR_KEYS},
    )


def _parse_quantities(value: Any, name: str) -> tuple[Quantity, ...]:
    found = _elements(value, name)
    return tuple(
        [Quantity(canonical_uri(e["epcClass"]), _amount(e.get("quantity")), _word(e.get("uom"), "uom")) for e in found]
    )


def _amount(value: Any) -> Decimal | None:
    if value is None or (value.__class__ is Decimal and value.is_finite()):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"a quantity is a number, {str(value)[:40]} is none")
    amount = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite():
        raise ValueError(f"a quantity is a number, {value} is none")
    return amount


def _parse_action(value: Any, _name: str) -> Action:
    return _ACTIONS.get(value) or Action(value)  # asking the enumeration takes ten times as long


def _as_it_is(value: Any, _name: str) -> Any:
    return value


def _parse_uri(value: Any, _name: str) -> str:
    return canonical_uri(value)


def _parse_uri_or_none(value: Any, _name: str) -> str | None:
    return None if value is None else canonical_uri(value)


def _parse_uris(value: Any, name: str) -> tuple[str, ...]:
    return tuple(map(canonical_uri, _list(value, name)))


def _word(value: Any, name: str) -> str | None:
    return None if value is None else _text(value, name)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a text, {str(value)[:40]} is none")
    return value


def _texts(value: Any, name: str) -> list[str]:
    found = _list(value, name)
    if not all(isinstance(one, str) for one in found):
        raise TypeError(f"{name} is a list of texts")
    return found


def _elements(value: Any, name: str) -> list[Mapping[str, Any]]:
    found = _list(value, name)
    for one in found:
        if one.__class__ is not dict:
            _object(one, name)
    return found


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{name} is a list")
    return value


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if value.__class__ is not dict and not isinstance(value, Mapping):  # asking for a Mapping takes its time
        raise TypeError(f"{name} holds an object, {str(value)[:40]} is none")
    return value


# How a field of a document is read: what it is called in `Event`, and what makes the value of it.
_Field = tuple[str, Callable[[Any, str], Any] | None]
_TOLD: _Field = ("", None)  # read with another, or a field that the type does not have
_OTHER: _Field = ("extensions", None)
_COMMON: dict[str, _Field] = {
    "eventID": ("event_id", _text),
    "bizStep": ("biz_step", _word),
    "disposition": ("disposition", _word),
    "persistentDisposition": ("persistent_disposition", _as_it_is),
    "readPoint": ("read_point", _parse_place),
    "bizLocation": ("biz_location", _parse_place),
    "bizTransactionList": ("biz_transactions", _parse_transactions),
    "sourceList": ("sources", _parse_ends),
    "destinationList": ("destinations", _parse_ends),
    "certificationInfo": ("certification_info", _as_it_is),
    "sensorElementList": ("sensor_elements", lambda value, name: tuple(_elements(value, name))),
    "ilmd": ("ilmd", _object),
    "errorDeclaration": ("error_declaration", _parse_error),
}
_ACTION: dict[str, _Field] = {"action": ("action", _parse_action)}
_PARENT: dict[str, _Field] = {"parentID": ("parent", _parse_uri_or_none)}
_OBJECTS: dict[str, _Field] = {"epcList": ("epcs", _parse_uris), "quantityList": ("quantities", _parse_quantities)}
_CHILDREN: dict[str, _Field] = {
    "childEPCs": ("child_epcs", _parse_uris),
    "childQuantityList": ("child_quantities", _parse_quantities),
}
_TRANSFORMED: dict[str, _Field] = {
    "transformationID": ("transformation_id", _parse_uri_or_none),
    "inputEPCList": ("input_epcs", _parse_uris),
    "inputQuantityList": ("input_quantities", _parse_quantities),
    "outputEPCList": ("output_epcs", _parse_uris),
    "outputQuantityList": ("output_quantities", _parse_quantities),
}
_ALL = ("@context", "type", "eventTime", "eventTimeZoneOffset", "recordTime")
_NONE = dict.fromkeys((*_ALL, *_ACTION, *_PARENT, *_OBJECTS, *_CHILDREN, *_TRANSFORMED), _TOLD) | _COMMON
_OF_TYPE: dict[str, tuple[Callable[..., Event], tuple[str, ...], dict[str, _Field]]] = {
    "ObjectEvent": (ObjectEvent, ("eventID", "action"), _NONE | _ACTION | _OBJECTS),
    "TransactionEvent": (TransactionEvent, ("eventID", "action"), _NONE | _ACTION | _PARENT | _OBJECTS),
    "AggregationEvent": (AggregationEvent, ("eventID", "action"), _NONE | _ACTION | _PARENT | _CHILDREN),
    "AssociationEvent": (
        AssociationEvent,
        ("eventID", "action", "parentID"),
        _NONE | _ACTION | {"parentID": ("parent", _parse_uri)} | _CHILDREN,
    ),
    "TransformationEvent": (TransformationEvent, ("eventID",), _NONE | _TRANSFORMED),
}


def as_time(moment: datetime) -> str:
    """An aware datetime as RFC 3339 with milliseconds and its own offset: `2026-11-24T06:12:09.250+08:00`."""
    return moment.isoformat(timespec="milliseconds")


def as_offset(minutes: int) -> str:
    """Minutes east of UTC as EPCIS writes an offset: `+08:00`."""
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def parse_time(text: str, offset: str | None) -> datetime:
    """An RFC 3339 time, seen in `offset` (`+08:00`, as EPCIS writes it) where one is given.

    Raises ValueError for a time without offset, and for an offset that no place on earth has.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no offset")
    return moment if offset is None else moment.astimezone(_zone(offset))


@lru_cache(maxsize=256)
def _zone(offset: str) -> timezone:
    if not _OFFSET.fullmatch(offset):
        raise ValueError(f"{offset} is no offset such as +08:00")
    return timezone(int(f"{offset[0]}1") * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:])))


def event_bytes(event: Event) -> bytes:
    """`canonical_bytes` of an event's document. One that came as a document holds nothing but JSON: it was read so."""
    return canonical_bytes(as_document(event)) if event.document is None else _encoder.encode(event.document)


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """The document as UTF-8 JSON with sorted keys and no blanks; numbers keep the digits they came with.

    Raises ValueError for a number that is none, TypeError for what JSON has no form for.
    """
    _check_json(document)
    return _encoder.encode(document)


def _check_json(value: Any) -> None:
    """The encoder writes NaN as null and a set as a list: facts would change without a word."""
    kind = value.__class__
    if kind is dict:
        value = value.values()
    elif kind is not list and kind is not tuple:
        _check_single(value)
        return
    for inner in value:
        kind = inner.__class__
        if kind is not str:  # most are
            if kind is dict or kind is list or kind is tuple:
                _check_json(inner)
            else:
                _check_single(inner)


def _check_single(value: Any) -> None:
    kind = value.__class__
    if kind is float or kind is Decimal:
        if not isfinite(value):
            raise ValueError(f"{value} is no number that an EPCIS document can hold")
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(f"{kind.__name__} has no place in an EPCIS document")


def load_document(data: bytes) -> dict[str, Any]:
    """A stored document; fractions come back as Decimal, never as float."""
    document: dict[str, Any] = _decoder.decode(data)
    return document


def _quantities(quantities: Iterable[Quantity]) -> list[dict[str, Any]]:
    return [_without_none(epcClass=q.item, quantity=q.amount, uom=q.unit) for q in quantities]


def _error_document(declared: ErrorDeclaration | None) -> dict[str, Any] | None:
    if declared is None:
        return None
    return _without_none(
        declarationTime=as_time(declared.declared_at),
        reason=declared.reason,
        correctiveEventIDs=list(declared.corrective_event_ids) or None,
    ) | dict(declared.extensions)


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
