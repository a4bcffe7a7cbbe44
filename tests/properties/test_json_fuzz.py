"""Whatever JSON comes as event, with whatever context: it is read or refused with a sentence, and read once for all."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.epcis.event_names import TERMS
from schemas.epcis.json_form import read_json, write_document
from trace.domain.epcis.event_hash import event_hash
from trace.domain.failures import Invalid

NOW = datetime(2026, 11, 24, 6, 12, 9, tzinfo=UTC)
GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

prefixes = st.sampled_from(["a", "b", "ns1", "ex", "cbvmda", "gs1", "epcis", "term"])
spaces = st.sampled_from(
    [
        "https://a.example/",
        "https://b.example/x#",
        "urn:b:",
        "https://ref.gs1.org/epcis/",
        "a:",
        "b:c/",
        "@type",
        "@id",
        "x",
    ]
)
names = (
    st.sampled_from(sorted(TERMS))
    | st.builds("{}:{}".format, prefixes, st.sampled_from(["f", "bizStep", "", "x:y", "//x"]))
    | st.builds("{}{}".format, spaces, st.sampled_from(["f", "bizStep", ""]))
    | st.sampled_from(["@context", "@type", "@id", "@value", "id", "isA", "#text", "@a:f", "term", "", ":", "unknown"])
)
entries = (
    spaces
    | st.none()
    | st.integers(0, 2)
    | st.fixed_dictionaries(
        {}, optional={"@id": spaces, "@type": st.just("@id"), "@context": st.just({"a": "urn:in:"})}
    )
)
contexts = st.recursive(
    st.just(GS1)
    | st.none()
    | st.dictionaries(prefixes | st.sampled_from(["@vocab", "@base", "@version"]), entries, max_size=4),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        ["a:f", "urn:epc:id:sgtin:1.2.3", "shipping", "cbv:BizStep-shipping", "epcis:ObjectEvent", "term", ""]
    )
)
things: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=4)
        | st.builds(
            lambda thing, context: thing | {"@context": context}, st.dictionaries(names, inner, max_size=2), contexts
        )
    ),
    max_leaves=12,
)
events = st.dictionaries(names, things, max_size=8)


@QUICK
@given(st.lists(events | things, max_size=3), contexts)
def test_any_json_is_read_or_refused_with_a_sentence(sent: list[Any], context: Any) -> None:
    document = {"@context": context, "type": "EPCISDocument", "epcisBody": {"eventList": sent}}
    try:
        read = read_json(json.dumps(document).encode())
    except Invalid as refused:
        assert str(refused)
        return
    assert len(read.events) == len(sent)
    assert all(isinstance(event, dict) and len(event_hash(event)) == 32 for event in read.events)


@QUICK
@given(events, contexts)
def test_an_event_document_is_read_as_itself(sent: dict[str, Any], context: Any) -> None:
    document = {"@context": context, "type": "EPCISDocument", "epcisBody": {"eventList": [sent]}}
    try:
        (event,) = read_json(json.dumps(document).encode()).events
    except Invalid:
        return
    if is_prefix_map(event.get("@context", {})):  # else it is left for the validator, which refuses it
        (again,) = read_json(write_document([event], created=NOW)).events
        assert again == event or has_strange_names(event)


def is_prefix_map(declared: Any) -> bool:
    """Whether a context is {prefix: namespace} and nothing else: keywords such as @base are no prefixes."""
    return isinstance(declared, dict) and all(
        not prefix.startswith("@") and isinstance(space, str) and ":" in space for prefix, space in declared.items()
    )


def has_strange_names(value: Any) -> bool:
    """Whether names are left in it that nobody declared: they may mean something where something is declared."""
    if isinstance(value, dict):
        return any(":" not in key.lstrip("@") and key not in TERMS for key in value) or any(
            map(has_strange_names, value.values())
        )
    return isinstance(value, list) and any(map(has_strange_names, value))
