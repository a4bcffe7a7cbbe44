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
_COMMON_KEYS = frozenset(
    (  # noqa: SIM905 - thirty lines of one word each would hide the rest
        "@context type eventID eventTime eventTimeZoneOffset recordTime action bizStep disposition"
        " persistentDisposition readPoint bizLocation bizTransactionList sourceList destinationList certificationInfo"
        " sensorElementList ilmd errorDeclaration epcList quantityList parentID childEPCs childQuantityList"
        " transformationID inputEPCList inputQuantityList outputEPCList outputQuantityList"
    ).split()
)


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
    common = _parse_common(document)
    match document.get("type"):
        case "ObjectEvent":
            return ObjectEvent(
                **common,
                action=_action(document["action"]),
                epcs=_uris(document, "epcList"),
                quantities=_parse_quantities(document, "quantityList"),
            )
        case "TransactionEvent":
            return TransactionEvent(
                **common,
                action=_action(document["action"]),
                parent=_uri_or_none(document, "parentID"),
                epcs=_uris(document, "epcList"),
                quantities=_parse_quantities(document, "quantityList"),
            )
        case "AggregationEvent":
            return AggregationEvent(
                **common,
                action=_action(document["action"]),
                parent=_uri_or_none(document, "parentID"),
                child_epcs=_uris(document, "childEPCs"),
                child_quantities=_parse_quantities(document, "childQuantityList"),
            )
        case "AssociationEvent":
            return AssociationEvent(
                **common,
                action=_action(document["action"]),
                parent=canonical_uri(_text(document, "parentID")),
                child_epcs=_uris(document, "childEPCs"),
                child_quantities=_parse_quantities(document, "childQuantityList"),
            )
        case "TransformationEvent":
            return TransformationEvent(
                **common,
                transformation_id=_uri_or_none(document, "transformationID"),
                input_epcs=_uris(document, "inputEPCList"),
                input_quantities=_parse_quantities(document, "inputQuantityList"),
                output_epcs=_uris(document, "outputEPCList"),
                output_quantities=_parse_quantities(document, "outputQuantityList"),
            )
    raise Invalid(
        N_("An EPCIS event has one of five types; {type} came."),
        field="type",
        type=str(document.get("type"))[:80],
    )


def _parse_common(document: Mapping[str, Any]) -> dict[str, Any]:
    # Somebody else's namespace under the prefix of ours: its fields are not those that are interpreted here.
    strange = "@context" in document and document["@context"].get(PREFIX[:-1], NAMESPACE) != NAMESPACE
    found: dict[str, Any] = {
        "event_time": parse_time(_text(document, "eventTime"), _text(document, "eventTimeZoneOffset")),
        "event_id": _text(document, "eventID"),
        "biz_step": _text_or_none(document, "bizStep"),
        "disposition": _text_or_none(document, "disposition"),
        "read_point": _parse_place(document, "readPoint"),
        "biz_location": _parse_place(document, "bizLocation"),
        "document": document,
    }
    # Most events have few of the rest.
    for name in document.keys() & _OPTIONAL.keys():
        field, parse = _OPTIONAL[name]
        found[field] = parse(document, name)
    if not document.keys() <= _COMMON_KEYS:
        found["extensions"] = {
            n: v for n, v in document.items() if n not in _COMMON_KEYS and not (strange and n.startswith(PREFIX))
        }
    return found


def _parse_transactions(document: Mapping[str, Any], name: str) -> tuple[BizTransaction, ...]:
    found = _elements(document, name)
    return tuple([BizTransaction(canonical_uri(_text(e, "bizTransaction")), _text_or_none(e, "type")) for e in found])


def _parse_ends(document: Mapping[str, Any], name: str) -> tuple[Endpoint, ...]:
    key = name.removesuffix("List")
    return tuple([Endpoint(_text(e, "type"), canonical_uri(_text(e, key))) for e in _elements(document, name)])


def _parse_place(document: Mapping[str, Any], name: str) -> str | None:
    place = document.get(name)
    return None if place is None else canonical_uri(_text(_object(place, name), "id"))


def _parse_error(document: Mapping[str, Any], name: str) -> ErrorDeclaration | None:
    if document[name] is None:
        return None
    element = _object(document[name], name)
    return ErrorDeclaration(
        parse_time(_text(element, "declarationTime"), None),
        _text_or_none(element, "reason"),
        _texts(element, "correctiveEventIDs"),
        {key: value for key, value in element.items() if key not in _ERROR_KEYS},
    )


# Fields that many events go without: what they are called in `Event`, and how they are read.
_OPTIONAL: dict[str, tuple[str, Callable[[Mapping[str, Any], str], Any]]] = {
    "persistentDisposition": ("persistent_disposition", lambda document, name: document[name]),
    "bizTransactionList": ("biz_transactions", _parse_transactions),
    "sourceList": ("sources", _parse_ends),
    "destinationList": ("destinations", _parse_ends),
    "certificationInfo": ("certification_info", lambda document, name: document[name]),
    "sensorElementList": ("sensor_elements", lambda document, name: tuple(_elements(document, name))),
    "ilmd": ("ilmd", lambda document, name: _object(document[name], name)),
    "errorDeclaration": ("error_declaration", _parse_error),
}


def _parse_quantities(document: Mapping[str, Any], name: str) -> tuple[Quantity, ...]:
    if name not in document:
        return ()
    return tuple([_parse_quantity(element) for element in _elements(document, name)])


def _parse_quantity(element: Mapping[str, Any]) -> Quantity:
    item = canonical_uri(_text(element, "epcClass"))
    return Quantity(item, _amount(element.get("quantity")), _text_or_none(element, "uom"))


def _amount(value: Any) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"a quantity is a number, {str(value)[:40]} is none")
    amount = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite():
        raise ValueError(f"a quantity is a number, {value} is none")
    return amount


def _action(value: Any) -> Action:
    return _ACTIONS.get(value) or Action(value)  # asking the enumeration takes ten times as long


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is a text, {str(value)[:40]} is none")
    return value


def _uri_or_none(document: Mapping[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else canonical_uri(_text(document, name))


def _uris(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(map(canonical_uri, _texts(document, name))) if name in document else ()


def _text_or_none(document: Mapping[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _text(document, name)


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = _list(document, name)
    if not all(isinstance(value, str) for value in found):
        raise TypeError(f"{name} is a list of texts")
    return tuple(found)


def _elements(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [_object(value, name) for value in _list(document, name)]


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name, [])
    if not isinstance(found, list):
        raise TypeError(f"{name} is a list")
    return found


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if value.__class__ is not dict and not isinstance(value, Mapping):  # asking for a Mapping takes its time
        raise TypeError(f"{name} holds an object, {str(value)[:40]} is none")
    return value


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
