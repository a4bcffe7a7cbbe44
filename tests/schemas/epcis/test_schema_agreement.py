"""The compiled JSON Schema and the marshmallow schemas it was exported from say the same of every event."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.epcis.event_schemas import EVENT_SCHEMAS
from schemas.epcis.json_schema import compiled
from schemas.epcis.validation import find_faults
from tests.schemas.epcis.events import OBJECT, OURS, Steps, with_value, without

WORDS = [
    "receiving", "in_transit", "po", "owning_party", "Temperature", "ALARM_CONDITION", "x", "did_not_occur", "ADD",
    "ObjectEvent", "urn:epcglobal:cbv:disp:non_sellable_expired", "https://gs1.org/voc/Temprature", "KGM",
    "https://id.gs1.org/01/06901234567892", "https://id.gs1.org/01/06901234567893",
    "urn:epc:id:sscc:0614141.1234567890", "cbv:BizStep-x",
    "urn:epc:class:lgtin:4012345.012345.1", "2026-11-24T08:30:00Z", "2026-02-29T08:30:00Z", "+08:00", "aF", "aF0", "",
]  # fmt: skip
NUMBERS = st.integers(-(10**31), 10**31) | st.decimals(allow_nan=True) | st.floats() | st.just(Decimal("1E+30"))
TEXTS = st.sampled_from(WORDS) | st.text(max_size=20) | st.from_regex(r"[a-z]{1,5}:[!-~]{0,20}", fullmatch=True)
SPOILT = st.sampled_from(WORDS).flatmap(
    lambda word: st.integers(0, len(word)).map(lambda at: word[:at] + "\n" + word[at:])
)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS | SPOILT
KEYS = st.sampled_from(
    ["type", "id", "quantity", "uom", "set", "sensorReport", "exception", "example:a", "a b", "a:b\n"]
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXTS, inner, max_size=3), max_leaves=6
)


def all_places(value: Any, steps: Steps = ()) -> list[Steps]:
    """Every place in a document, extension fields and all."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [steps, *(place for key, item in items for place in all_places(item, (*steps, key)))]


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """One of our events with one to three changes somewhere: a value, a field less, a field more."""
    document = draw(st.sampled_from(list(OURS.values())))
    for _ in range(draw(st.integers(1, 3))):
        steps = draw(st.sampled_from(all_places(document)[1:]))
        change = draw(st.sampled_from(["value", "less", "more"]))
        if change == "less" and steps != ("type",):
            document = without(document, steps)
        elif change == "value" and steps != ("type",):
            document = with_value(document, steps, draw(VALUES))
        elif isinstance(steps[-1], str):
            document = with_value(
                document, (*steps[:-1], draw(KEYS | TEXTS.filter(lambda key: key != "type"))), draw(VALUES)
            )
    return document


def is_accepted(document: dict[str, Any]) -> bool:
    """What the compiled schema says; it raises for what is no JSON."""
    try:
        return bool(compiled(document["type"]).is_valid(document))
    except ValueError:
        return False


@given(mutants())
@example(OBJECT | {"eventTime": "2026-11-24T08:30:00Z\n"})
@example(OBJECT | {"example:a\n": 1})
@example(OBJECT | {"eventTimeZoneOffset": "+08:00\n"})
@example(
    OBJECT | {"quantityList": [{"epcClass": "https://id.gs1.org/01/06901234567892", "quantity": Decimal("1E+12")}]}
)
@settings(max_examples=300, deadline=None)
def test_both_say_the_same_of_events_changed_at_random(document: dict[str, Any]) -> None:
    if not isinstance(document.get("type"), str) or document["type"] not in EVENT_SCHEMAS:
        assert [fault.path for fault in find_faults(document)] == ["/type"]
        return
    messages = EVENT_SCHEMAS[document["type"]]().validate(document)
    assert is_accepted(document) == (not messages), messages


@given(mutants())
@settings(max_examples=150, deadline=None)
def test_a_refused_event_is_always_explained(document: dict[str, Any]) -> None:
    assert "This is no EPCIS 2.0 event." not in [fault.message for fault in find_faults(document)]


@pytest.mark.parametrize("name", OURS)
def test_both_take_every_example(name: str) -> None:
    assert is_accepted(OURS[name])
    assert EVENT_SCHEMAS[OURS[name]["type"]]().validate(OURS[name]) == {}
