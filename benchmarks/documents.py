"""EPCIS documents as a partner's software sends them: what the benchmarks capture."""

import json
from typing import Any

GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


def document(first: int, count: int) -> bytes:
    """A document of `count` events, numbered from `first`, as JSON."""
    events = [event(number) for number in range(first, first + count)]
    body: dict[str, Any] = {"@context": [GS1, {"farm": "https://ns.example.org/farm/"}], "type": "EPCISDocument"}
    body |= {"schemaVersion": "2.0", "creationDate": "2026-11-24T06:00:00Z", "epcisBody": {"eventList": events}}
    return json.dumps(body, separators=(",", ":")).encode()


def event(number: int) -> dict[str, Any]:
    """Of five events two make a lot, two send one off, one packs three boxes into a case: some 700 bytes each."""
    common = {
        "eventID": f"urn:uuid:374d95fc-9457-4a51-bd6a-{number:012d}",
        "eventTime": f"2026-11-23T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "readPoint": {"id": f"urn:epc:id:sgln:6901234.{number % 50:05d}.0"},
        "bizLocation": {"id": f"urn:epc:id:sgln:6901234.{number % 50:05d}.0"},
        "bizTransactionList": [{"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:6901234000016:{number // 10}"}],
    }
    lot = f"urn:epc:class:lgtin:6901234.0{number % 200:05d}.L{number // 4}"
    quantities = [{"epcClass": lot, "quantity": 120.5, "uom": "KGM"}]
    match number % 5:
        case 0 | 1:
            said = {"cbvmda:lotNumber": f"L{number // 4}", "farm:field": f"{number % 90}", "farm:picker": "wet hands"}
            what = {"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "active"}
            return common | what | {"quantityList": quantities, "ilmd": said}
        case 2 | 3:
            what = {"type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit"}
            ends = {
                "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:6901234.00001"}],
                "destinationList": [
                    {"type": "owning_party", "destination": f"urn:epc:id:pgln:6901234.{number % 90:05d}"}
                ],
            }
            return common | what | ends | {"quantityList": quantities, "farm:lorry": f"宁E{number % 1000:05d}"}
    boxes = [f"urn:epc:id:sgtin:6901234.0{number % 200:05d}.{number * 3 + n}" for n in range(3)]
    what = {"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "disposition": "in_progress"}
    return common | what | {"parentID": f"urn:epc:id:sscc:6901234.0{number:09d}", "childEPCs": boxes}
