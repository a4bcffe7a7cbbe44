"""EPCIS 2.0 documents as JSON (JSON-LD, ISO/IEC 19987 section 10): read into event documents, and written again.

Reading judges the document, never single events: what is no JSON, no EPCIS document or nests too deep is refused
with a sentence; an event that is wrong in itself is read as it came, for the validator to say what is wrong with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from schemas.epcis.contexts import STANDARD, Context, Names, read_context
from schemas.epcis.document import EpcisDocument
from schemas.epcis.event_names import TERMS, normalise, normalise_object
from trace.domain.epcis.document import GS1_CONTEXT, as_time
from trace.domain.epcis.namespaces import GS1_PREFIXES
from trace.domain.failures import N_, Invalid

MAX_DEPTH = 64  # levels of a document; extensions nest, but nothing honest nests deeper
MAX_DIGITS = 40  # of one number
SIMPLE_QUERY = "SimpleEventQuery"  # the query every repository has (ISO/IEC 19987 section 8.2.7.1)


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DOCUMENTS = {
    form + name: name
    for name in ("EPCISDocument", "EPCISQueryDocument")
    for form in ("", "epcis:", "https://ref.gs1.org/epcis/")
}
_PARTS = frozenset({"@context", "type", "@type", "isA", "epcisHeader", "epcisBody"})


def read_json(data: bytes) -> EpcisDocument:
    """An EPCISDocument, an EPCISQueryDocument or one bare event from its bytes in UTF-8.

    Raises `Invalid` for what is no JSON (also NaN, fractions of more than 40 digits, lone surrogates), nests deeper
    than 64 levels, is no EPCIS document, or has a context that cannot be read. A context of a single event that cannot
    be read stays in the event as it came, and its names stay as sent. Of a key that an object names twice the last
    holds, as JSON-LD processors have it: GS1's own example AssociationEvent-h has two eventIDs.
    """
    document = _decode(data)
    type_ = _type_of(document)
    if not isinstance(document, dict) or type_ not in _DOCUMENTS:
        if not isinstance(document, dict) or not ("eventTime" in document or type_.endswith("Event")):
            raise _no_document(document)
        return EpcisDocument([_Reader(STANDARD).event(document)], [], {})
    reader = _Reader(read_context(document.get("@context", [])))
    place = _object(document, "epcisBody")
    if _DOCUMENTS[type_] == "EPCISQueryDocument":
        place = _object(_object(place, "queryResults"), "resultsBody")
    master_data = _vocabularies(_object(_object(document, "epcisHeader"), "epcisMasterData")) + _vocabularies(place)
    events = _list(place, "event" if "event" in place else "eventList", missing=bool(master_data))
    header = _header(document, reader.names)
    return EpcisDocument([reader.event(event) for event in events], master_data, header)


class _Reader:
    """Reads the events of one document; events with the same context share their names."""

    def __init__(self, context: Context):
        self.names = Names(context, TERMS)
        self._others: dict[bytes, Names] = {}

    def event(self, event: Any) -> dict[str, Any]:
        """The event document of one event; what is no object has none of the fields of an event."""
        if not isinstance(event, dict):
            return {}
        try:
            return normalise(event, self._names_under(event["@context"]) if "@context" in event else self.names)
        except Invalid:
            return event

    def _names_under(self, raw: Any) -> Names:
        key = msgspec.json.encode(raw)
        if key not in self._others:
            self._others[key] = self.names.under(raw)
        return self._others[key]


# ---- JSON, strictly ------------------------------------------------------------------------------------------------


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"the number {text[:MAX_DIGITS]}... is out of range")
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"the number {text} is out of range") from None


_decoder = msgspec.json.Decoder(float_hook=_decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def _decode(data: bytes) -> Any:
    try:
        document = _decoder.decode(data.removeprefix(_BYTE_ORDER_MARK))
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise Invalid(N_("The body is not JSON that can be read: {fault}."), fault=str(fault)[:200]) from fault
    if document.__class__ in (dict, list):
        _check_depth(document, MAX_DEPTH)
    return document


def _check_depth(value: Any, room: int) -> None:
    """Raise `Invalid` for what nests deeper than `room` levels."""
    if not room:
        raise _too_deep()
    for inner in value.values() if value.__class__ is dict else value:
        if inner.__class__ is dict or inner.__class__ is list:
            _check_depth(inner, room - 1)


def _too_deep() -> Invalid:
    return Invalid(N_("The document nests deeper than {limit} levels."), limit=MAX_DEPTH)


# ---- the document around the events --------------------------------------------------------------------------------


def _type_of(document: Any) -> str:
    if not isinstance(document, dict):
        return ""
    return str(document.get("type", document.get("@type", document.get("isA", ""))))


def _no_document(came: Any) -> Invalid:
    type_ = _type_of(came) or type(came).__name__
    return Invalid(
        N_("An EPCISDocument, an EPCISQueryDocument or one event was wanted; {type} came."),
        field="type",
        type=type_[:80],
    )


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name, {})
    if isinstance(value, dict):
        return value
    raise Invalid(N_("{name} holds an object; {came} came."), field=name, name=name, came=str(value)[:80])


def _list(document: Mapping[str, Any], name: str, *, missing: bool) -> list[Any]:
    """A list of the document; one object alone stands for a list of one. `missing`: it may be left out."""
    value = document.get(name)
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    if value is None and missing and name not in document:
        return []
    raise Invalid(N_("{name} holds a list; {came} came."), field=name, name=name, came=str(value)[:80])


def _header(document: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The other fields of the document, and those of its header, which is nothing but a place for master data."""
    fields = {name: value for name, value in document.items() if name not in _PARTS}
    others = {name: value for name, value in _object(document, "epcisHeader").items() if name != "epcisMasterData"}
    header: dict[str, Any] = normalise_object(others | fields, names)
    prefixes = {p: space for p, space in names.context.prefixes().items() if GS1_PREFIXES.get(p) != space}
    return header | ({"@context": prefixes} if prefixes else {})


def _vocabularies(place: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Master data items of a place that holds a `vocabularyList`."""
    items = []
    for vocabulary in _list(place, "vocabularyList", missing=True):
        for element in _list(_member(vocabulary), "vocabularyElementList", missing=True):
            item = _member(element)
            attributes = [_member(a) for a in _list(item, "attributes", missing=True)]
            items.append(
                {
                    "type": _type_of(vocabulary),
                    "id": str(item.get("id", item.get("@id", ""))),
                    "attributes": [
                        {"id": str(a.get("id", a.get("@id", ""))), "attribute": a.get("attribute")} for a in attributes
                    ],
                    "children": [str(child) for child in _list(item, "children", missing=True)],
                }
            )
    return items


def _member(value: Any) -> dict[str, Any]:
    return _object({"vocabularyList": value}, "vocabularyList")


# ---- writing -------------------------------------------------------------------------------------------------------


def write_document(
    events: Iterable[Mapping[str, Any]],
    *,
    created: datetime,
    header: Mapping[str, Any] | None = None,
    master_data: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """An EPCISDocument of event documents, as UTF-8 JSON; `header` as `EpcisDocument.header` has it."""
    fields = {name: value for name, value in (header or {}).items() if name not in _OURS}
    context, written = _hoisted(events, (header or {}).get("@context", {}))
    document = {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": as_time(created),
        **fields,
    }
    if master_data:
        document["epcisHeader"] = {"epcisMasterData": {"vocabularyList": _as_vocabularies(master_data)}}
    return _encoder.encode(document | {"epcisBody": {"eventList": written}})


def write_query_document(
    events: Iterable[Mapping[str, Any]],
    *,
    created: datetime,
    query_name: str | None = None,
    subscription_id: str | None = None,
    master_data: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """An EPCISQueryDocument: the answer to a query, or what a subscription sends, as UTF-8 JSON.

    A master data item may have an `@context` map of its own, of the prefixes it uses.
    """
    context, written = _hoisted(events, dict(pair for item in master_data for pair in item.get("@context", {}).items()))
    results: dict[str, Any] = {"queryName": query_name or SIMPLE_QUERY}
    if subscription_id is not None:
        results["subscriptionID"] = subscription_id
    results["resultsBody"] = {"eventList": written}
    if master_data:
        results["resultsBody"]["vocabularyList"] = _as_vocabularies(master_data)
    return _encoder.encode(
        {
            "@context": context,
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": as_time(created),
            "epcisBody": {"queryResults": results},
        }
    )


def write_event(document: Mapping[str, Any]) -> bytes:
    """One event alone, as UTF-8 JSON, with GS1's context and its own prefixes."""
    return _encoder.encode({**document, "@context": _as_context(document.get("@context", {}))})


_OURS = frozenset({"@context", "type", "schemaVersion", "creationDate", "sbdh", "epcisHeader", "epcisBody"})


def _as_context(prefixes: Mapping[str, str]) -> list[Any]:
    return [GS1_CONTEXT, dict(prefixes)] if prefixes else [GS1_CONTEXT]


def _hoisted(events: Iterable[Mapping[str, Any]], prefixes: Mapping[str, str]) -> tuple[list[Any], list[msgspec.Raw]]:
    """(context of the document, its events): each event's prefixes become the document's, said once.

    An event for which one of these means something else says so itself; so does one that declares none of them but
    writes a text that would now be read as such a name (`null` takes a prefix away, JSON-LD 1.1 section 4.1).
    """
    shared = dict(prefixes)
    parts: list[tuple[Mapping[str, str], dict[str, Any], bytes]] = []
    for event in events:
        own = event.get("@context", _NONE)
        for prefix, space in own.items():
            shared.setdefault(prefix, space)
        fields = {name: value for name, value in event.items() if name != "@context"}
        parts.append((own, fields, _encoder.encode(fields)))
    written = []
    for own, fields, data in parts:
        apart: dict[str, str | None] = {p: space for p, space in own.items() if shared[p] != space}
        apart |= {p: None for p in shared if p not in own and _mentions(data, p)}
        written.append(msgspec.Raw(_encoder.encode({**fields, "@context": apart}) if apart else data))
    return _as_context(shared), written


_NONE: Mapping[str, str] = {}


def _mentions(data: bytes, prefix: str) -> bool:
    name = _encoder.encode(prefix)[1:-1]
    return any(mark + name + b":" in data for mark in (b'"', b'"@'))


def _as_vocabularies(master_data: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Master data items by vocabulary, as `vocabularyList` has them."""
    lists: dict[str, list[dict[str, Any]]] = {}
    for item in master_data:
        element = {name: item[name] for name in ("id", "attributes", "children") if item.get(name)}
        lists.setdefault(item["type"], []).append(element)
    return [{"type": type_, "vocabularyElementList": elements} for type_, elements in lists.items()]
