"""Identifiers of an event as GS1 Digital Link or as EPC URN: the header `GS1-EPC-Format` (EPCIS 2.0 section 12.3)."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from trace.domain.epc_urns import as_epc_urn
from trace.domain.failures import Invalid
from trace.domain.uris import canonical_uri


class EpcFormat(StrEnum):
    """What a client may ask for; the first and the last give identifiers as they were captured."""

    NO_PREFERENCE = "No_Preference"
    ALWAYS_GS1_DIGITAL_LINK = "Always_GS1_Digital_Link"
    ALWAYS_EPC_URN = "Always_EPC_URN"
    NEVER_TRANSLATES = "Never_Translates"


# Where an event names things by identifier: texts, lists of texts, and the key that holds it in (lists of) objects.
_TEXTS = ("parentID", "transformationID")
_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_KEYED = {
    "quantityList": "epcClass",
    "childQuantityList": "epcClass",
    "inputQuantityList": "epcClass",
    "outputQuantityList": "epcClass",
    "readPoint": "id",
    "bizLocation": "id",
    "bizTransactionList": "bizTransaction",
    "sourceList": "source",
    "destinationList": "destination",
}
_SENSOR_KEYS = ("deviceID", "dataProcessingMethod", "bizRules")
Rewrite = Callable[[Any], Any]


def translate(document: Mapping[str, Any], wanted: EpcFormat) -> Mapping[str, Any]:
    """The event document with every identifier in the form asked for; what has no such form stays as it was sent.

    Vocabulary words, eventIDs, ilmd and extensions are no identifiers of this kind. The document given is not changed.
    """
    rewrite = _REWRITES.get(wanted)
    return document if rewrite is None else _rewritten(document, rewrite)


def with_canonical_uris(document: Mapping[str, Any]) -> dict[str, Any]:
    """The event document with every identifier in the one form that is compared here (`canonical_uri`)."""
    return _rewritten(document, lambda value: _canonical(value) if isinstance(value, str) else value)


def _rewritten(document: Mapping[str, Any], rewrite: Rewrite) -> dict[str, Any]:
    found = dict(document)
    for key, value in document.items():
        if key in _TEXTS:
            found[key] = rewrite(value)
        elif key in _LISTS:
            found[key] = _all(value, rewrite)
        elif key in _KEYED:
            found[key] = _within(value, (_KEYED[key],), rewrite)
        elif key == "sensorElementList":
            found[key] = _all(value, lambda element: _sensor(element, rewrite))
    return found


def translate_element(element: Mapping[str, Any], wanted: EpcFormat) -> dict[str, Any]:
    """A vocabulary element of master data with its id and its children in the form asked for, as `translate` does it.

    Else an answer would describe places by other names than its events have.
    """
    rewrite, found = _REWRITES.get(wanted), dict(element)
    if rewrite is not None:
        found["id"] = rewrite(element["id"])
        if "children" in element:
            found["children"] = _all(element["children"], rewrite)
    return found


def translate_uri(uri: str, wanted: EpcFormat) -> str:
    """One identifier in the form asked for; unchanged where it has none."""
    rewrite = _REWRITES.get(wanted)
    return uri if rewrite is None else str(rewrite(uri))


def _sensor(element: Any, rewrite: Rewrite) -> Any:
    if not isinstance(element, Mapping):
        return element
    parts = ("sensorMetadata", "sensorReport")
    return {k: _within(v, _SENSOR_KEYS, rewrite) if k in parts else v for k, v in element.items()}


def _within(value: Any, keys: tuple[str, ...], rewrite: Rewrite) -> Any:
    """The value of these keys rewritten, in an object or in every object of a list."""
    if isinstance(value, list):
        return [_within(element, keys, rewrite) for element in value]
    if not isinstance(value, Mapping):
        return value
    return {k: rewrite(v) if k in keys else v for k, v in value.items()}


def _all(value: Any, rewrite: Rewrite) -> Any:
    return [rewrite(element) for element in value] if isinstance(value, list) else value


def _as_link(value: Any) -> Any:
    # A Digital Link on somebody's own domain is one already; only URNs change.
    return _canonical(value) if isinstance(value, str) and value.startswith("urn:epc:") else value


def _as_urn(value: Any) -> Any:
    if not isinstance(value, str) or value.startswith("urn:"):
        return value
    urn = as_epc_urn(_canonical(value))
    return urn if urn.startswith("urn:") else value


def _canonical(uri: str) -> str:
    try:
        return canonical_uri(uri)
    except Invalid:  # a URN whose parts do not fit together: stored by nobody who was checked, shown as it is
        return uri


_REWRITES: Mapping[EpcFormat, Rewrite] = {
    EpcFormat.ALWAYS_GS1_DIGITAL_LINK: _as_link,
    EpcFormat.ALWAYS_EPC_URN: _as_urn,
}
