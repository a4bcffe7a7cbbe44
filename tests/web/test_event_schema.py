"""The JSON Schema of events that partners can fetch."""

import jsonschema_rs

from tests.web.conftest import Demo


def test_the_schema_of_events_is_there_for_partners_and_judges_like_the_capture(standing: Demo) -> None:
    schema = standing.get("/epcis-event.schema.json", None).json
    judge = jsonschema_rs.validator_for(schema)
    whole = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-24T06:12:09+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "epcList": ["urn:epc:id:sgtin:6901234.056789.1"],
    }
    assert judge.is_valid(whole)
    assert not judge.is_valid(whole | {"bizStep": "shiping"})
    assert not judge.is_valid(whole | {"eventTime": "2026-11-24T06:12:09"})
