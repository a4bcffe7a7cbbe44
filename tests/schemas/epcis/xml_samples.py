"""Written examples of EPCIS XML, and what they are compared with."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from schemas.epcis.xml_reading import read_xml
from trace.domain.epcis.namespaces import GS1_PREFIXES

CREATED = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
NAMESPACES = (
    'xmlns:epcis="urn:epcglobal:epcis:xsd:2" xmlns:ex="https://example.org/f/" xmlns:cbvmda="urn:epcglobal:cbv:mda" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
)  # fmt: skip
TIMES = "<eventTime>2026-11-25T08:00:00.5+08:00</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>"

# One event with every field of the standard that an ObjectEvent has, in the forms of both versions.
WHOLE_2 = """
<ObjectEvent xmlns:ex="https://example.org/f/">
  <eventTime>2026-11-25T08:00:00.5+08:00</eventTime>
  <recordTime>2026-11-25T08:00:01Z</recordTime>
  <eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
  <eventID>urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8</eventID>
  <errorDeclaration>
    <declarationTime>2026-11-26T08:00:00Z</declarationTime>
    <reason>urn:epcglobal:cbv:er:incorrect_data</reason>
    <correctiveEventIDs><correctiveEventID>urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8</correctiveEventID></correctiveEventIDs>
    <ex:who>Li</ex:who>
  </errorDeclaration>
  <certificationInfo>https://example.org/certificate/1</certificationInfo>
  <epcList><epc>urn:epc:id:sgtin:0614141.107346.2018</epc></epcList>
  <action>ADD</action>
  <bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
  <disposition>urn:epcglobal:cbv:disp:active</disposition>
  <readPoint><id>urn:epc:id:sgln:0012345.11111.400</id><ex:gate>3</ex:gate></readPoint>
  <bizLocation><id>urn:epc:id:sgln:0012345.11111.0</id><extension><floor>2</floor></extension></bizLocation>
  <bizTransactionList>
    <bizTransaction type="urn:epcglobal:cbv:btt:po">urn:epcglobal:cbv:bt:0614141073467:1</bizTransaction>
    <bizTransaction>urn:epcglobal:cbv:bt:0614141073467:2</bizTransaction>
  </bizTransactionList>
  <quantityList>
    <quantityElement>
      <epcClass>urn:epc:class:lgtin:4012345.012345.998877</epcClass><quantity>200.5</quantity><uom>KGM</uom>
    </quantityElement>
    <quantityElement><epcClass>urn:epc:class:lgtin:4012345.012345.998878</epcClass></quantityElement>
  </quantityList>
  <sourceList><source type="urn:epcglobal:cbv:sdt:owning_party">urn:epc:id:pgln:4012345.00225</source></sourceList>
  <destinationList>
    <destination type="https://ref.gs1.org/cbv/SDT-location">urn:epc:id:sgln:0614141.00777.0</destination>
  </destinationList>
  <sensorElementList><sensorElement>
    <sensorMetadata time="2026-11-25T08:00:00Z" deviceID="urn:epc:id:giai:4000001.111" ex:shelf="7"/>
    <sensorReport type="gs1:Temperature" value="-18.50" minValue="-20" uom="CEL" booleanValue="1"
      component="cbv:Comp-x" exception="gs1:ALARM_CONDITION" stringValue="12" ex:note="warm"/>
    <sensorReport type="https://gs1.org/voc/Speed" value="1E1" uom="KMH"/>
    <ex:calibrated xsi:type="xsd:boolean" xmlns:xsd="http://www.w3.org/2001/XMLSchema">true</ex:calibrated>
  </sensorElement></sensorElementList>
  <persistentDisposition>
    <unset>urn:epcglobal:cbv:disp:completeness_inferred</unset>
    <set>urn:epcglobal:cbv:disp:completeness_verified</set>
  </persistentDisposition>
  <ilmd><cbvmda:lotNumber>LOT 7</cbvmda:lotNumber><ex:field><ex:plot>11</ex:plot></ex:field></ilmd>
  <ex:vendor xml:lang="zh">阳光</ex:vendor>
</ObjectEvent>
"""
WHOLE_1 = """
<ObjectEvent xmlns:ex="https://example.org/f/">
  <eventTime>2026-11-25T08:00:00.5+08:00</eventTime>
  <recordTime>2026-11-25T08:00:01Z</recordTime>
  <eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
  <baseExtension>
    <eventID>urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8</eventID>
    <errorDeclaration>
      <declarationTime>2026-11-26T08:00:00Z</declarationTime>
      <reason>urn:epcglobal:cbv:er:incorrect_data</reason>
      <correctiveEventIDs><correctiveEventID>urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8</correctiveEventID></correctiveEventIDs>
      <ex:who>Li</ex:who>
    </errorDeclaration>
    <extension><certificationInfo>https://example.org/certificate/1</certificationInfo></extension>
  </baseExtension>
  <epcList><epc>urn:epc:id:sgtin:0614141.107346.2018</epc></epcList>
  <action>ADD</action>
  <bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
  <disposition>urn:epcglobal:cbv:disp:active</disposition>
  <readPoint><id>urn:epc:id:sgln:0012345.11111.400</id><ex:gate>3</ex:gate></readPoint>
  <bizLocation><id>urn:epc:id:sgln:0012345.11111.0</id><extension><floor>2</floor></extension></bizLocation>
  <bizTransactionList>
    <bizTransaction type="urn:epcglobal:cbv:btt:po">urn:epcglobal:cbv:bt:0614141073467:1</bizTransaction>
    <bizTransaction>urn:epcglobal:cbv:bt:0614141073467:2</bizTransaction>
  </bizTransactionList>
  <extension>
    <quantityList>
      <quantityElement>
        <epcClass>urn:epc:class:lgtin:4012345.012345.998877</epcClass><quantity>200.5</quantity><uom>KGM</uom>
      </quantityElement>
      <quantityElement><epcClass>urn:epc:class:lgtin:4012345.012345.998878</epcClass></quantityElement>
    </quantityList>
    <sourceList><source type="urn:epcglobal:cbv:sdt:owning_party">urn:epc:id:pgln:4012345.00225</source></sourceList>
    <destinationList>
      <destination type="urn:epcglobal:cbv:sdt:location">urn:epc:id:sgln:0614141.00777.0</destination>
    </destinationList>
    <ilmd><cbvmda:lotNumber>LOT 7</cbvmda:lotNumber><ex:field><ex:plot>11</ex:plot></ex:field></ilmd>
    <extension>
      <sensorElementList><sensorElement>
        <sensorMetadata time="2026-11-25T08:00:00Z" deviceID="urn:epc:id:giai:4000001.111" ex:shelf="7"/>
        <sensorReport type="gs1:Temperature" value="-18.50" minValue="-20" uom="CEL" booleanValue="true"
          component="https://ref.gs1.org/cbv/Comp-x" exception="gs1:ALARM_CONDITION" stringValue="12" ex:note="warm"/>
        <sensorReport type="https://gs1.org/voc/Speed" value="1E1" uom="KMH"/>
        <ex:calibrated xsi:type="xsd:boolean" xmlns:xsd="http://www.w3.org/2001/XMLSchema">true</ex:calibrated>
      </sensorElement></sensorElementList>
      <persistentDisposition>
        <unset>urn:epcglobal:cbv:disp:completeness_inferred</unset>
        <set>urn:epcglobal:cbv:disp:completeness_verified</set>
      </persistentDisposition>
    </extension>
  </extension>
  <ex:vendor xml:lang="zh">阳光</ex:vendor>
</ObjectEvent>
"""
WHOLE = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-25T08:00:00.5+08:00",
    "recordTime": "2026-11-25T08:00:01Z",
    "eventTimeZoneOffset": "+08:00",
    "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "errorDeclaration": {
        "declarationTime": "2026-11-26T08:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"],
        "ex:who": "Li",
    },
    "certificationInfo": "https://example.org/certificate/1",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2018"],
    "action": "ADD",
    "bizStep": "commissioning",
    "disposition": "active",
    "readPoint": {"id": "urn:epc:id:sgln:0012345.11111.400", "ex:gate": "3"},
    "bizLocation": {"id": "urn:epc:id:sgln:0012345.11111.0", "floor": "2"},
    "bizTransactionList": [
        {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:0614141073467:1"},
        {"bizTransaction": "urn:epcglobal:cbv:bt:0614141073467:2"},
    ],
    "quantityList": [
        {"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": Decimal("200.5"), "uom": "KGM"},
        {"epcClass": "urn:epc:class:lgtin:4012345.012345.998878"},
    ],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"}],
    "destinationList": [{"type": "location", "destination": "urn:epc:id:sgln:0614141.00777.0"}],
    "sensorElementList": [
        {
            "sensorMetadata": {
                "time": "2026-11-25T08:00:00Z", "deviceID": "urn:epc:id:giai:4000001.111", "ex:shelf": "7"
            },
            "sensorReport": [
                {
                    "type": "Temperature", "value": Decimal("-18.50"), "minValue": -20, "uom": "CEL",
                    "booleanValue": True, "component": "x", "exception": "ALARM_CONDITION", "stringValue": "12",
                    "ex:note": "warm",
                },
                {"type": "Speed", "value": 10, "uom": "KMH"},
            ],
            "ex:calibrated": True,
        }
    ],
    "persistentDisposition": {"unset": ["completeness_inferred"], "set": ["completeness_verified"]},
    "ilmd": {"cbvmda:lotNumber": "LOT 7", "ex:field": {"ex:plot": "11"}},
    "ex:vendor": {"@xml:lang": "zh", "#text": "阳光"},
    "@context": {"ex": "https://example.org/f/", "xml": "http://www.w3.org/XML/1998/namespace"},
}  # fmt: skip


def document(events: str, version: str = "2.0", before: str = "") -> bytes:
    """An EPCISDocument around some events; `before` is its header."""
    namespaces = NAMESPACES.replace("xsd:2", f"xsd:{version[0]}")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<epcis:EPCISDocument {namespaces} schemaVersion="{version}" '
        f'creationDate="2026-11-26T08:00:00Z">{before}<EPCISBody><EventList>{events}</EventList></EPCISBody>'
        "</epcis:EPCISDocument>"
    ).encode()


def object_event(inside: str) -> str:
    """An ObjectEvent with something besides what it must have."""
    return f"<ObjectEvent>{TIMES}<epcList/><action>OBSERVE</action>{inside}</ObjectEvent>"


def read_inside(inside: str, version: str = "2.0") -> dict[str, Any]:
    """What is read of such an event, besides what it must have."""
    [event] = read_xml(document(object_event(inside), version)).events
    assert event.pop("type") == "ObjectEvent"
    return {key: value for key, value in event.items() if key not in MUSTS}


MUSTS = ("eventTime", "eventTimeZoneOffset", "epcList", "action")


def expanded(event: dict[str, Any]) -> Any:
    """An event with full names in the place of prefixes: two that are equal so mean the same."""
    return _expanded(event, GS1_PREFIXES | event.get("@context", {}))


def _expanded(value: Any, namespaces: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_expanded(item, namespaces) for item in value]
    if not isinstance(value, dict):
        return value
    return {_full(key, namespaces): _expanded(item, namespaces) for key, item in value.items() if key != "@context"}


def _full(key: str, namespaces: dict[str, str]) -> str:
    mark, name = key[: key[:1] == "@"], key.removeprefix("@")
    prefix, colon, local = name.partition(":")
    return f"{mark}{{{namespaces[prefix]}}}{local}" if colon and prefix in namespaces else key


@lru_cache(maxsize=2)
def official(shared: Path, name: str) -> Any:
    """GS1's schema of EPCIS 2.0 documents (`epcis`) or query documents (`epcis-query`)."""
    return etree.XMLSchema(etree.parse(shared / "epcis" / "spec" / f"EPCglobal-{name}-2_0.xsd"))


_COMMON = {"eventTime": "2026-11-25T08:00:00+08:00", "eventTimeZoneOffset": "+08:00", "eventID": "urn:e:1"}
_REST = {
    "bizStep": "packing",
    "disposition": "in_progress",
    "readPoint": {"id": "urn:a:1"},
    "bizLocation": {"id": "urn:a:2"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:b:1"}],
    "sourceList": [{"type": "location", "source": "urn:s:1"}],
    "destinationList": [{"type": "location", "destination": "urn:d:1"}],
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": Decimal("4.5"), "uom": "CEL"}]}],
    "persistentDisposition": {"set": ["available"]},
    "ex:f": "g",
    "@context": {"ex": "https://example.org/f/"},
}
_QUANTITIES = [{"epcClass": "urn:c:1", "quantity": 3, "uom": "KGM"}]
_CHILDREN = {"parentID": "urn:p:1", "childEPCs": ["urn:a:1"], "childQuantityList": _QUANTITIES, "action": "ADD"}
EVENTS: list[dict[str, Any]] = [
    {"type": "ObjectEvent", **_COMMON, **_REST, "epcList": ["urn:a:1"], "quantityList": _QUANTITIES, "action": "ADD",
     "ilmd": {"ex:g": "h"}},
    {"type": "AggregationEvent", **_COMMON, **_REST, **_CHILDREN},
    {"type": "TransactionEvent", **_COMMON, **_REST, "parentID": "urn:p:1", "epcList": ["urn:a:1"],
     "quantityList": _QUANTITIES, "action": "DELETE"},
    {"type": "TransformationEvent", **_COMMON, **_REST, "inputEPCList": ["urn:a:1"], "inputQuantityList": _QUANTITIES,
     "outputEPCList": ["urn:a:2"], "outputQuantityList": _QUANTITIES, "transformationID": "urn:t:1",
     "ilmd": {"ex:g": "h"}},
    {"type": "AssociationEvent", **_COMMON, **_REST, **_CHILDREN},
]  # fmt: skip

# Values of extension fields that XML has no form of its own for, or a treacherous one.
JSON_ONLY: list[Any] = [
    [], {}, None, "", " ", "\n a\t", "\r", "<&]]>\"'", [""], ["a"], [1], [None], [{}], [[]], [[[]]], [["a"], ["b"]],
    [[1, 2], [3]], [[1]], ["a", ["b", None]], [{"ex:a": 1}], {"ex:a": []}, {"ex:a": {}}, {"ex:a": None}, {"b": "bare"},
    {"@a": "b"}, {"@a": "b", "#text": "c"}, {"@a": "b", "#text": ""}, {"@a": "b", "#text": 5}, {"#text": "alone"},
    {"@ex:a": "b", "ex:c": "d"}, {"@a": 5}, {"@xmlns": "a"}, {"@": "a"}, {"": "a"}, {"no name": 1}, {"1st": [1]},
    {"a:b:c": "d"}, {"ex:no name": "a"}, {"unknown:f": "a"}, {"extension": {"baseExtension": "a"}}, {"type": "x"},
    {"#content": ["a", {"ex:b": "c"}, "d"]}, {"@e": "f", "#content": [{"ex:b": None}, "d"]}, {"#content": ["a", "b"]},
    {"#content": [" ", {"ex:b": "c"}]}, {"#content": "a"}, {"#content": [{"ex:b": []}, "c"]}, {"#content": []},
    "\x00\x1f\ufffe \\u0041", {"\x01": "\x02"}, [["\x00"]], {"@a": "\x00"}, True, False, 0, -1, 10**39,
    Decimal("1.50"), Decimal("1E-7"), Decimal("-0.0"), [1, "1", True, "true"], "阳光\U0001f600",
]  # fmt: skip
