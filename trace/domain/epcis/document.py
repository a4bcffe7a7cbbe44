"""Events as EPCIS 2.0 JSON (ISO/IEC 19987:2024, section 10), and back; and the canonical bytes that are stored.

The bytes are made once, at capture, and never rebuilt from columns: a change of code must not change a stored event.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

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

NAMESPACE = "https://ns.sunshine-trace.example/epcis/"  # of our extension fields, prefix "sunshine"
CONTEXT: tuple[Any, ...] = (
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"sunshine": NAMESPACE},
)
_COMMON_KEYS = frozenset(
    [
        "type",
        "eventID",
        "eventTime",
        "eventTimeZoneOffset",
        "recordTime",
        "bizStep",
        "disposition",
        "persistentDisposition",
        "readPoint",
        "bizLocation",
        "bizTransactionList",
        "sourceList",
        "destinationList",
        "certificationInfo",
        "sensorElementList",
        "ilmd",
        "errorDeclaration",
        "action",
        "epcList",
        "quantityList",
        "parentID",
        "childEPCs",
        "childQuantityList",
        "transformationID",
        "inputEPCList",
        "inputQuantityList",
        "outputEPCList",
        "outputQuantityList",
        "@context",
    ]
)


def as_document(event: Event) -> dict[str, Any]:
    """The event as an EPCIS 2.0 JSON object, absent fields left out, extension fields at the top level."""
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
        **event.extensions,
    }
    return {key: value for key, value in document.items() if value not in (None, [], {}, ())}


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
    """An event from its EPCIS 2.0 JSON object (as stored, or already checked against the schema).

    Raises `Invalid` with the field at fault where the object is no event.
    """
    try:
        common = _parse_common(document)
        match document.get("type"):
            case "ObjectEvent":
                return ObjectEvent(
                    **common,
                    action=Action(document["action"]),
                    epcs=tuple(document.get("epcList", ())),
                    quantities=_parse_quantities(document.get("quantityList", ())),
                )
            case "TransactionEvent":
                return TransactionEvent(
                    **common,
                    action=Action(document["action"]),
                    parent=document.get("parentID"),
                    epcs=tuple(document.get("epcList", ())),
                    quantities=_parse_quantities(document.get("quantityList", ())),
                )
            case "AggregationEvent" | "AssociationEvent" as name:
                kind = AggregationEvent if name == "AggregationEvent" else AssociationEvent
                return kind(
                    **common,
                    action=Action(document["action"]),
                    parent=document.get("parentID"),  # type: ignore[arg-type]
                    child_epcs=tuple(document.get("childEPCs", ())),
                    child_quantities=_parse_quantities(document.get("childQuantityList", ())),
                )
            case "TransformationEvent":
                return TransformationEvent(
                    **common,
                    transformation_id=document.get("transformationID"),
                    input_epcs=tuple(document.get("inputEPCList", ())),
                    input_quantities=_parse_quantities(document.get("inputQuantityList", ())),
                    output_epcs=tuple(document.get("outputEPCList", ())),
                    output_quantities=_parse_quantities(document.get("outputQuantityList", ())),
                )
    except (KeyError, ValueError, TypeError, AttributeError) as fault:
        raise Invalid(N_("This is no EPCIS 2.0 event: {fault}."), fault=str(fault)[:200]) from fault
    raise Invalid(
        N_("An EPCIS event has one of five types; {type} came."),
        field="type",
        type=str(document.get("type"))[:80],
    )


def _parse_common(document: Mapping[str, Any]) -> dict[str, Any]:
    moment = parse_time(document["eventTime"], document["eventTimeZoneOffset"])
    declared = document.get("errorDeclaration")
    return {
        "event_time": moment,
        "event_id": document["eventID"],
        "biz_step": document.get("bizStep"),
        "disposition": document.get("disposition"),
        "persistent_disposition": document.get("persistentDisposition"),
        "read_point": (document.get("readPoint") or {}).get("id"),
        "biz_location": (document.get("bizLocation") or {}).get("id"),
        "biz_transactions": tuple(
            BizTransaction(t["bizTransaction"], t.get("type")) for t in document.get("bizTransactionList", ())
        ),
        "sources": tuple(Endpoint(s["type"], s["source"]) for s in document.get("sourceList", ())),
        "destinations": tuple(Endpoint(d["type"], d["destination"]) for d in document.get("destinationList", ())),
        "certification_info": document.get("certificationInfo"),
        "sensor_elements": tuple(document.get("sensorElementList", ())),
        "ilmd": document.get("ilmd", {}),
        "extensions": {key: value for key, value in document.items() if key not in _COMMON_KEYS},
        "error_declaration": None
        if declared is None
        else ErrorDeclaration(
            parse_time(declared["declarationTime"], None),
            declared.get("reason"),
            tuple(declared.get("correctiveEventIDs", ())),
        ),
    }


def as_time(moment: datetime) -> str:
    """An aware datetime as RFC 3339 with milliseconds and its own offset: `2026-11-24T06:12:09.250+08:00`."""
    return moment.isoformat(timespec="milliseconds")


def as_offset(minutes: int) -> str:
    """Minutes east of UTC as EPCIS writes an offset: `+08:00`."""
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def parse_time(text: str, offset: str | None) -> datetime:
    """An RFC 3339 time, seen in `offset` (`+08:00`) where one is given; ValueError for a time without offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no offset")
    if offset is None:
        return moment
    hours, minutes = offset[1:].split(":")
    sign = -1 if offset[0] == "-" else 1
    return moment.astimezone(timezone(sign * timedelta(hours=int(hours), minutes=int(minutes))))


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """The document as UTF-8 JSON with sorted keys and no blanks.

    Decimals become JSON numbers; up to 15 significant digits a double's shortest form is the decimal's own, and the
    schemas let no longer ones in, so nothing is lost.
    """
    text = json.dumps(
        document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_number, allow_nan=False
    )
    return text.encode("utf-8")


def load_document(data: bytes) -> dict[str, Any]:
    """A stored document; fractions come back as Decimal, never as float."""
    document: dict[str, Any] = json.loads(data, parse_float=Decimal)
    return document


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no place in an EPCIS document")


def _quantities(quantities: Iterable[Quantity]) -> list[dict[str, Any]]:
    return [_without_none(epcClass=q.item, quantity=q.amount, uom=q.unit) for q in quantities]


def _parse_quantities(elements: Iterable[Mapping[str, Any]]) -> tuple[Quantity, ...]:
    return tuple(
        Quantity(e["epcClass"], None if e.get("quantity") is None else Decimal(str(e["quantity"])), e.get("uom"))
        for e in elements
    )


def _error_document(declared: ErrorDeclaration | None) -> dict[str, Any] | None:
    if declared is None:
        return None
    return _without_none(
        declarationTime=as_time(declared.declared_at),
        reason=declared.reason,
        correctiveEventIDs=list(declared.corrective_event_ids) or None,
    )


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
