"""Valid event documents of our own, those of GS1's examples, and ways to spoil them."""

from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml

Steps = tuple[str | int, ...]
_WHEN = {"eventTime": "2026-11-24T08:30:00.250+08:00", "eventTimeZoneOffset": "+08:00"}
_GTIN, _LOT = "https://id.gs1.org/01/06901234567892", "https://id.gs1.org/01/06901234567892/10/A1"
_CONTEXT = {"example": "https://ns.example.com/epcis/", "ex2": "https://ns.example.org/two#"}

OBJECT = {
    "@context": _CONTEXT,
    "type": "ObjectEvent",
    "eventID": "urn:uuid:fd338495-0e6d-41dd-afee-a862ecd32518",
    **_WHEN,
    "recordTime": "2026-11-24T08:31:00Z",
    "action": "ADD",
    "epcList": [f"{_GTIN}/21/100", "urn:epc:id:sgtin:0614141.107346.2018", "https://farm.example/eartag/obj/1234"],
    "quantityList": [
        {"epcClass": _LOT, "quantity": Decimal("12.5"), "uom": "KGM"},
        {"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 7},
        {"epcClass": "urn:epc:idpat:sgtin:4012345.098765.*"},
    ],
    "bizStep": "commissioning",
    "disposition": "https://ns.example.com/disposition/half_ripe",
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
    "readPoint": {"id": "urn:epc:id:sgln:0614141.07346.1234", "example:gate": 7},
    "bizLocation": {"id": "https://id.gs1.org/414/9506000134307"},
    "bizTransactionList": [
        {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:ASN1099"},
        {"bizTransaction": "https://erp.example.com/bt/77"},
    ],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4000001.00012"}],
    "destinationList": [{"type": "location", "destination": "https://id.gs1.org/414/9506000134307/254/3"}],
    "certificationInfo": ["https://certificates.example.org/organic/77"],
    "ilmd": {"cbvmda:lotNumber": "A1", "example:growers": [{"ex2:name": "张家", "@id": "x", "bare": [True, None]}]},
    "example:field": {"#text": "12", "@unit": "kg", "@example:by": "hand"},
    "ex2:amount": Decimal("0.30"),
}
SENSOR: dict[str, Any] = {
    "@context": {"example": "https://ns.example.com/epcis/"},
    "type": "ObjectEvent",
    **_WHEN,
    "action": "OBSERVE",
    "bizStep": "sensor_reporting",
    "readPoint": {"id": "geo:42.698334,23.319941"},
    "sensorElementList": [
        {
            "sensorMetadata": {
                "time": "2026-11-24T08:00:00.000+08:00",
                "startTime": "2026-11-24T07:00:00.000+08:00",
                "endTime": "2026-11-24T08:00:00.000+08:00",
                "deviceID": "urn:epc:id:giai:4000001.111",
                "deviceMetadata": "https://id.gs1.org/8004/4000001111",
                "rawData": "https://example.org/8004/4000001111-20190402T150000000",
                "dataProcessingMethod": "https://example.com/253/4012345000054987",
                "bizRules": "https://example.org/253/4012345000054987",
                "example:calibrated": True,
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "deviceID": "https://id.gs1.org/8004/4000001112",
                    "time": "2026-11-24T07:30:00.000+08:00",
                    "value": Decimal("-18.5"),
                    "minValue": -20,
                    "maxValue": Decimal("-17.25"),
                    "meanValue": Decimal("-18.1"),
                    "sDev": Decimal("0.1"),
                    "percRank": 50,
                    "percValue": Decimal("-18.2"),
                    "uom": "CEL",
                },
                {
                    "type": "https://ns.example.com/sensors/ripeness",
                    "exception": "ALARM_CONDITION",
                    "component": "x",
                    "stringValue": "half ripe",
                    "booleanValue": False,
                    "hexBinaryValue": "f0F0",
                    "uriValue": "https://ns.example.com/ripeness/half",
                    "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                    "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                    "coordinateReferenceSystem": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
                    "example:camera": "left",
                },
                {"exception": "ERROR_CONDITION", "uriValue": "https://example.com/ErrorCode-A827"},
            ],
            "example:shelf": 3,
        }
    ],
}
AGGREGATION = {
    "type": "AggregationEvent",
    **_WHEN,
    "action": "ADD",
    "parentID": "urn:epc:id:sscc:0614141.1234567890",
    "childEPCs": [f"{_GTIN}/21/100"],
    "childQuantityList": [{"epcClass": _LOT, "quantity": 3}],
    "bizStep": "packing",
    "disposition": "container_closed",
    "persistentDisposition": {"set": ["conformant"]},
}
TRANSACTION = {
    "type": "TransactionEvent",
    **_WHEN,
    "action": "ADD",
    "bizTransactionList": [{"type": "desadv", "bizTransaction": "urn:epc:id:gdti:0614141.00001.1618034"}],
    "parentID": "https://id.gs1.org/00/040123451111111127",
    "epcList": ["urn:epc:id:grai:4012345.55555.987"],
    "quantityList": [{"epcClass": _GTIN, "quantity": 1}],
}
TRANSFORMATION = {
    "@context": {"example": "https://ns.example.com/epcis/"},
    "type": "TransformationEvent",
    **_WHEN,
    "transformationID": "urn:epc:id:gdti:0614141.12345.400",
    "inputEPCList": ["https://farm.example/eartag/obj/1234"],
    "inputQuantityList": [{"epcClass": _LOT, "quantity": Decimal("0.5"), "uom": "KGM"}],
    "outputEPCList": ["urn:epc:id:sgtin:4012345.077889.25"],
    "outputQuantityList": [{"epcClass": "urn:epc:class:lgtin:4054739.099914.20160711", "quantity": 200, "uom": "GRM"}],
    "bizStep": "creating_class_instance",
    "ilmd": {"example:bestBeforeDate": "2026-12-31"},
    "certificationInfo": "https://certificates.example.org/organic/77",
}
ASSOCIATION = {
    "@context": {"example": "https://ns.example.com/epcis/"},
    "type": "AssociationEvent",
    "eventID": "ni:///sha-256;00e1e6eba3a7cc6125be4793a631f0af50f8322e0ab5f2c0bab994a11cec1d79?ver=CBV2.0",
    **_WHEN,
    "errorDeclaration": {
        "declarationTime": "2026-11-24T09:30:00.000+08:00",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"],
        "example:by": "the clerk",
    },
    "action": "DELETE",
    "parentID": "urn:epc:id:sgln:4012345.00002.12",
    "childEPCs": ["urn:epc:id:giai:4000001.12345"],
}
OURS: dict[str, dict[str, Any]] = {
    "object": OBJECT,
    "sensor": SENSOR,
    "aggregation": AGGREGATION,
    "transaction": TRANSACTION,
    "transformation": TRANSFORMATION,
    "association": ASSOCIATION,
}

QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
# What the standard says of each element, written down once more: names of fields by the key that leads to them.
REQUIRED = {
    "": ("type", "eventTime", "eventTimeZoneOffset"),
    "bizTransactionList": ("bizTransaction",),
    "sourceList": ("type", "source"),
    "destinationList": ("type", "destination"),
    "readPoint": ("id",),
    "bizLocation": ("id",),
    "errorDeclaration": ("declarationTime",),
    "sensorElementList": ("sensorReport",),
    **dict.fromkeys(QUANTITY_LISTS, ("epcClass",)),
}
REQUIRED_BY_TYPE = {
    "ObjectEvent": ("action",),
    "AggregationEvent": ("action",),
    "TransactionEvent": ("action", "bizTransactionList"),
    "TransformationEvent": (),
    "AssociationEvent": ("action", "parentID"),
}
CLOSED = {*QUANTITY_LISTS, "bizTransactionList", "sourceList", "destinationList", "persistentDisposition"}
TIMES = frozenset({"eventTime", "recordTime", "declarationTime", "time", "startTime", "endTime"})
WORDS = frozenset({"bizStep", "disposition", "reason", "type", "exception", "component", "set", "unset"})


def shared_events(shared: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file and number, event document) of every event in GS1's examples, JSON and XML."""
    folder = shared / "epcis" / "examples"
    for path in sorted([*folder.rglob("*.jsonld"), *folder.rglob("*.xml")]):
        if "CaptureJob" in path.parts:
            continue
        read = read_json if path.suffix == ".jsonld" else read_xml
        for number, event in enumerate(read(path.read_bytes()).events):
            yield f"{path.relative_to(folder)}:{number}", event


def places(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every place within a document whose form the standard says, with what is there; extension fields are left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            if ":" not in key and key != "@context":
                yield (*steps, key), item
                yield from places(item, (*steps, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield (*steps, number), item
            yield from places(item, (*steps, number))


def elements(document: dict[str, Any]) -> Iterator[tuple[str, Steps, dict[str, Any]]]:
    """(key that leads to it, place, element) of every standard element of a document, itself included."""
    yield "", (), document
    for steps, value in places(document):
        if isinstance(value, dict):
            yield next(str(step) for step in reversed(steps) if isinstance(step, str)), steps, value


def with_value(document: Any, steps: Steps, value: Any) -> Any:
    """The document with another value at a place; the given one stays as it is."""
    changed = copy(document)
    first, *rest = steps
    changed[first] = with_value(document[first], tuple(rest), value) if rest else value
    return changed


def without(document: Any, steps: Steps) -> Any:
    """The document without what is at a place; the given one stays as it is."""
    changed = copy(document)
    first, *rest = steps
    if rest:
        changed[first] = without(document[first], tuple(rest))
    else:
        del changed[first]
    return changed


def as_pointer(steps: Steps) -> str:
    """A place as the validator names it."""
    return "".join(f"/{step}" for step in steps)
