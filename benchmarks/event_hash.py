"""Events a second of the event hash (CBV 2.0 section 8.9) and of reading them from JSON, on one core.

Each batch has serial numbers that were never seen before, as events have; the second pass over a batch shows what is
left when all its identifiers are known, as they are at capture, which needs their canonical form anyway.
"""

import json
import time
from typing import Any

from schemas.epcis.json_form import read_json
from trace.domain.epcis.event_hash import event_hash

NAME = "event hash"
BATCH, BATCHES = 1_000, 20
GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


def run() -> dict[str, Any]:
    """Figures over batches of documents with 1,000 events of about 1 kB."""
    size, reading, fresh, known = 0, 0.0, 0.0, 0.0
    for number in range(BATCHES):
        data = _document(number)
        size += len(data)
        started = time.process_time()
        events = read_json(data).events
        reading += time.process_time() - started
        fresh += _hash(events)
        known += _hash(events)
    count = BATCH * BATCHES
    return {
        "events": count,
        "bytes_an_event": round(size / count),
        "read_a_second": round(count / reading),
        "hashed_a_second": round(count / fresh),
        "hashed_with_known_identifiers_a_second": round(count / known),
    }


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    return [
        f"{figures['events']} events of {figures['bytes_an_event']} bytes, processor time of one core",
        f"read from JSON into event documents: {figures['read_a_second']}/s",
        f"hashed, all serial numbers new: {figures['hashed_a_second']}/s",
        f"hashed, all identifiers known: {figures['hashed_with_known_identifiers_a_second']}/s",
    ]


def _hash(events: list[dict[str, Any]]) -> float:
    started = time.process_time()
    for event in events:
        event_hash(event)
    return time.process_time() - started


def _document(number: int) -> bytes:
    events = [_event(number * BATCH + n) for n in range(BATCH)]
    return json.dumps({"@context": GS1, "type": "EPCISDocument", "epcisBody": {"eventList": events}}).encode()


def _event(serial: int) -> dict[str, Any]:
    """An ordinary event of about 1 kB: five items shipped under an order, with a quantity and both parties."""
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:374d95fc-9457-4a51-bd6a-{serial:012d}",
        "eventTime": f"2026-11-24T14:{serial // 60 % 60:02d}:{serial % 60:02d}.{serial % 1_000:03d}+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "bizStep": "shipping",
        "disposition": "in_transit",
        "epcList": [f"urn:epc:id:sgtin:0614141.107346.{serial * 5 + n}" for n in range(5)],
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200.5, "uom": "KGM"}],
        "readPoint": {"id": "urn:epc:id:sgln:0614141.07346.1234"},
        "bizLocation": {"id": "urn:epc:id:sgln:0614141.00888.0"},
        "bizTransactionList": [{"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:0614141073467:{serial}"}],
        "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"}],
        "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00777"}],
    }
