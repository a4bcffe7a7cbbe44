"""An event that has everything, and for each query parameter a value that finds it and one that does not."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from trace.domain.epcis.query_language import parse_query
from trace.domain.uris import canonical_uri

EX = "https://ns.example.com/epcis/"
SGTIN = "urn:epc:id:sgtin:0614141.107346.2018"
SGTIN_LINK = "https://id.gs1.org/01/10614141073464/21/2018"
OTHER = "urn:epc:id:sgtin:0614141.107346.2019"
LGTIN = "urn:epc:class:lgtin:4012345.012345.998877"
LGTIN_LINK = "https://example.com/01/04012345123456/10/998877"
OTHER_CLASS = "urn:epc:class:lgtin:4012345.012345.998878"
PLACE = "urn:epc:id:sgln:0614141.07346.1234"
PLACE_LINK = "https://id.gs1.org/414/0614141073467/254/1234"
PARTY = "urn:epc:id:pgln:4000001.00005"
NOON, LATER = "2026-04-03T12:00:00Z", "2026-04-03T20:00:00.001+08:00"

EXTENSIONS: dict[str, Any] = {
    "ex:text": "red",
    "ex:count": 20,
    "ex:share": Decimal("0.5"),
    "ex:at": "2026-04-03T20:00:00+08:00",
    "ex:flag": True,
    "ex:thing": SGTIN,
    "ex:many": ["one", "two"],
    "ex:typed": {"#text": "7", "@ex:unit": "kg"},
    "ex:outer": {"ex:text": "blue", "deeper": [{"ex:count": 99, "plain": "here"}]},
}

# Every field of every type at once: no such event may be captured, but each parameter finds its field here.
EVENT: dict[str, Any] = {
    "@context": {"ex": EX},
    "type": "ObjectEvent",
    "eventID": "ni:///sha-256;df7bb3c352fef055578554f09f5e2aa41782150ced7bd0b8af24dd3ccb30ba69?ver=CBV2.0",
    "eventTime": NOON,
    "eventTimeZoneOffset": "+00:00",
    "recordTime": NOON,
    "action": "OBSERVE",
    "bizStep": "shipping",
    "disposition": "in_transit",
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
    "readPoint": {"id": PLACE, **EXTENSIONS},
    "bizLocation": {"id": PLACE, **EXTENSIONS},
    "transformationID": "urn:epc:id:gdti:0614141.06012.1234",
    "parentID": SGTIN,
    "epcList": [SGTIN],
    "inputEPCList": [SGTIN],
    "outputEPCList": [SGTIN],
    "quantityList": [{"epcClass": LGTIN, "quantity": 10, "uom": "KGM"}],
    "inputQuantityList": [{"epcClass": LGTIN, "quantity": 10, "uom": "KGM"}],
    "outputQuantityList": [{"epcClass": LGTIN, "quantity": 10, "uom": "KGM"}],
    "bizTransactionList": [
        {"type": "po", "bizTransaction": "urn:epc:id:gdti:0614141.00001.1618034"},
        {"type": "inv", "bizTransaction": "urn:epc:id:gdti:0614141.00002.1618034"},
    ],
    "sourceList": [{"type": "owning_party", "source": PARTY}, {"type": "location", "source": PLACE}],
    "destinationList": [{"type": "owning_party", "destination": PARTY}, {"type": "location", "destination": PLACE}],
    "errorDeclaration": {
        "declarationTime": NOON,
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"],
        **EXTENSIONS,
    },
    "sensorElementList": [
        {
            "sensorMetadata": {
                "startTime": NOON,
                "endTime": NOON,
                "deviceID": "urn:epc:id:giai:4000001.111",
                **EXTENSIONS,
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "time": NOON,
                    "deviceID": "urn:epc:id:giai:4000001.222",
                    "dataProcessingMethod": "https://id.gs1.org/253/4012345000054987",
                    "bizRules": "https://id.gs1.org/253/4012345000054988",
                    "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                    "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                    "stringValue": "SomeString",
                    "hexBinaryValue": "F0F0F0",
                    "uriValue": "https://id.gs1.org/8004/401234599999",
                    "booleanValue": True,
                    **dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percValue"), 10),
                    "percRank": 50,
                    "uom": "CEL",
                    **EXTENSIONS,
                }
            ],
            **EXTENSIONS,
        }
    ],
    "ilmd": EXTENSIONS,
    **EXTENSIONS,
}

_BEFORE, _AFTER = "2026-04-03T11:59:59.999Z", "2026-04-03T14:00:00.001+02:00"
_EPCS = ([OTHER, SGTIN_LINK], [OTHER])
_CLASSES = ([OTHER_CLASS, LGTIN_LINK], [OTHER_CLASS])
_TIMES = {"GE": (NOON, _AFTER), "LT": (_AFTER, NOON)}
# (found, not found) for a number that is 10
_TENS: dict[str, tuple[Any, Any]] = {
    "EQ": ([9, 10], [9]), "GT": (9, 10), "GE": (10, Decimal("10.5")), "LT": (11, 10), "LE": (10, Decimal("9.5"))
}  # fmt: skip

# The parameters with fixed names, without @context and those that order and limit: (finds EVENT, does not).
FIXED: dict[str, tuple[Any, Any]] = {
    "eventType": (["AggregationEvent", "ObjectEvent"], ["AggregationEvent"]),
    **{f"{c}_{name}": _TIMES[c] for c in _TIMES for name in ("eventTime", "recordTime")},
    "EQ_action": (["ADD", "OBSERVE"], ["ADD"]),
    "EQ_bizStep": (["receiving", "https://ref.gs1.org/cbv/BizStep-shipping"], ["receiving"]),
    "EQ_disposition": (["urn:epcglobal:cbv:disp:in_transit"], ["active"]),
    "EQ_persistentDisposition_set": (["completeness_verified"], ["completeness_inferred"]),
    "EQ_persistentDisposition_unset": (["cbv:Disp-completeness_inferred"], ["completeness_verified"]),
    "EQ_readPoint": ([PLACE_LINK], ["urn:epc:id:sgln:0614141.07346.0"]),
    "WD_readPoint": ([PLACE_LINK], ["urn:epc:id:sgln:0614141.07346.0"]),
    "EQ_bizLocation": ([PLACE], ["urn:epc:id:sgln:0614141.07346.0"]),
    "WD_bizLocation": ([PLACE], ["urn:epc:id:sgln:0614141.07346.0"]),
    "EQ_transformationID": (["urn:epc:id:gdti:0614141.06012.1234"], ["urn:epc:id:gdti:0614141.06012.1"]),
    **{f"MATCH_{name}": _EPCS for name in ("epc", "parentID", "inputEPC", "outputEPC", "anyEPC")},
    **{f"MATCH_{name}": _CLASSES for name in ("epcClass", "inputEPCClass", "outputEPCClass", "anyEPCClass")},
    **{f"{c}_quantity": values for c, values in _TENS.items()},
    "EQ_eventID": ([EVENT["eventID"]], ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"]),
    **{f"{c}_errorDeclarationTime": values for c, values in _TIMES.items()},
    "EQ_errorReason": (["incorrect_data"], ["did_not_occur"]),
    "EQ_correctiveEventID": (["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"], ["urn:uuid:0"]),
    **{f"{c}_{name}": _TIMES[c] for c in _TIMES for name in ("time", "startTime", "endTime")},
    "EQ_type": (["AbsoluteHumidity", "gs1:Temperature"], ["AbsoluteHumidity"]),
    "EQ_deviceID": (["https://id.gs1.org/8004/4000001222"], ["https://id.gs1.org/8004/4000001333"]),
    "EQ_dataProcessingMethod": (["urn:epc:id:gdti:4012345.00005.987"], ["urn:epc:id:gdti:4012345.00005.9"]),
    "EQ_bizRules": (["https://id.gs1.org/253/4012345000054988"], ["https://id.gs1.org/253/4012345000054987"]),
    "EQ_microorganism": ([EVENT["sensorElementList"][0]["sensorReport"][0]["microorganism"]], ["https://x.example/1"]),
    "EQ_chemicalSubstance": (
        [EVENT["sensorElementList"][0]["sensorReport"][0]["chemicalSubstance"]],
        ["https://x.example/1"],
    ),
    "EQ_stringValue": (["AnotherString", "SomeString"], ["somestring"]),
    "EQ_booleanValue": (True, False),
    "EQ_hexBinaryValue": (["f0f0f0"], ["F0F0"]),
    "EQ_uriValue": (["https://id.gs1.org/8004/401234599999"], ["https://id.gs1.org/8004/4012345999990"]),
    "GE_percRank": (50, 51), "GT_percRank": (49, 50), "LE_percRank": (50, 49), "LT_percRank": (51, 50),
}  # fmt: skip
# What the event has, its copy without it has not.
THERE = {"EXISTS_errorDeclaration": "errorDeclaration", "EXISTS_sensorElementList": "sensorElementList"}
SYNONYMS = {f"{c}_errorDeclaration_Time": values for c, values in _TIMES.items()}
ORDER = ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount")

_ORDERED: dict[str, tuple[Any, Any]] = {"GT": (19, 20), "GE": (20, 21), "LT": (21, 20), "LE": (20, 19)}
_SENSOR = ("value", "minValue", "maxValue", "meanValue", "sDev", "percValue")


def _extensions() -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for section in ("", "ILMD_", "ERROR_DECLARATION_", "SENSORELEMENT_", "SENSORMETADATA_", "SENSORREPORT_"):
        found[f"EQ_{section}ex:text"] = (["green", "red"], ["blue"])
        found[f"EQ_INNER_{section}ex:text"] = (["blue"], ["red"])
        for comparison, (low, high) in _ORDERED.items():
            found[f"{comparison}_{section}ex:count"] = (low, high)
            found[f"{comparison}_INNER_{section}ex:count"] = (low + 79, high + 79)
        found[f"EXISTS_{section}ex:text"] = (True, "ex:none")
        if not section.startswith("SENSOR"):
            found[f"EXISTS_INNER_{section}ex:count"] = (True, "ex:many")
    for place in ("readPoint", "bizLocation"):
        found[f"EQ_{place}_ex:text"] = (["red"], ["blue"])
        found[f"EQ_INNER_{place}_ex:text"] = (["blue"], ["red"])
    return found


# One parameter of each of the 108 families. For EXISTS_ the second is a field that is not there.
FAMILIES: dict[str, tuple[Any, Any]] = {
    "EQ_bizTransaction_po": (
        ["https://id.gs1.org/253/06141410000121618034"],
        ["urn:epc:id:gdti:0614141.00002.1618034"],
    ),
    "EQ_source_owning_party": ([PARTY], [PLACE]),
    "EQ_destination_location": ([PLACE_LINK], [PARTY]),
    **_extensions(),
    "HASATTR_bizLocation": (["urn:epcglobal:cbv:mda:city", "name"], ["cbvmda:name"]),
    "EQ_ATTR_bizLocation_city": (["Yanqing", "Yinchuan"], ["Yanqing"]),
    "EQ_value_CEL": ([9, 10], [9]),
    **{f"{c}_{name}_CEL": values for c, values in _TENS.items() if c != "EQ" for name in _SENSOR},
    **{f"{c}_quantity_KGM": values for c, values in _TENS.items()},
}

NAMESPACES = {"ex": EX}


class Atlas:
    """Master data of one place inside another."""

    def attributes_of(self, uri: str) -> Mapping[str, Collection[str]]:
        return {"city": ["Yinchuan"]} if uri == PLACE_LINK else {}

    def within(self, uris: frozenset[str]) -> frozenset[str]:
        return uris | {PLACE_LINK} if canonical_uri("urn:epc:id:sgln:0614141.00001.0") in uris else uris


def finds(parameters: dict[str, Any], event: Mapping[str, Any] = EVENT) -> bool:
    """Whether a query with these parameters, in JSON, finds an event."""
    return parse_query(parameters, namespaces=NAMESPACES).matches(event, Atlas())
