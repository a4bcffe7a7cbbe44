"""Whatever an event says: it says it after a way through JSON, too, and its hash knows no form, order or spelling."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.epcis.json_form import read_json, write_document, write_event, write_query_document
from trace.domain.epcis import cbv
from trace.domain.epcis.cbv import Kind
from trace.domain.epcis.event_hash import event_hash
from trace.domain.uris import canonical_uri

NOW = datetime(2026, 11, 24, 6, 12, 9, tzinfo=UTC)
SPACES = {"ex": "https://ex.org/", "other": "https://other.example/ns#", "mine": "urn:mine:"}
Document = dict[str, Any]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
numbers = st.integers(-(10**20), 10**20) | st.decimals(-(10**6), 10**6, places=4)
serials = st.text("ABCxyz0123456789-_.", min_size=1, max_size=8)
epcs = st.builds("urn:epc:id:sgtin:0614141.107346.{}".format, serials) | st.builds(
    "urn:epc:id:sscc:0614141.{:010d}".format, st.integers(0, 10**10 - 1)
)
lots = st.builds("urn:epc:class:lgtin:4012345.012345.{}".format, serials)
places = st.builds("urn:epc:id:sgln:4012345.00{}.{}".format, st.integers(100, 999), st.integers(0, 9))
parties = st.builds("urn:epc:id:pgln:4012345.00{}".format, st.integers(100, 999))
times = st.builds(
    "2026-{:02d}-{:02d}T{:02d}:{:02d}:59{}+00:00".format,
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["", ".5", ".25", ".1234567", ".9995"]),
)
names = st.builds(
    "{}:{}".format, st.sampled_from([*SPACES, "gs1", "cbvmda"]), st.text("abcXYZ", min_size=1, max_size=5)
)
values = st.recursive(
    texts | numbers | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def words(kind: Kind) -> st.SearchStrategy[str]:
    """Words of a kind, and a private one."""
    return st.sampled_from([*sorted(cbv.words(kind)), "https://ex.org/word"])


def listed(element: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Short lists of it."""
    return st.lists(element, min_size=1, max_size=4)


reports = st.fixed_dictionaries(
    {"type": words(Kind.MEASUREMENT), "value": numbers},
    optional={"uom": st.sampled_from(["CEL", "KGM"]), "time": times, "deviceID": epcs, "ex:note": values},
)
events: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["ObjectEvent", "TransactionEvent"]),
        "eventTime": times,
        "eventTimeZoneOffset": st.sampled_from(["+00:00", "+08:00", "-05:30"]),
        "action": st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
    },
    optional={
        "eventID": st.uuids().map("urn:uuid:{}".format),
        "bizStep": words(Kind.BIZ_STEP),
        "disposition": words(Kind.DISPOSITION),
        "persistentDisposition": st.fixed_dictionaries({"set": listed(words(Kind.DISPOSITION))}),
        "epcList": listed(epcs),
        "quantityList": listed(
            st.fixed_dictionaries({"epcClass": lots}, optional={"quantity": numbers, "uom": st.just("KGM")})
        ),
        "readPoint": st.fixed_dictionaries({"id": places}, optional={"ex:a": values}),
        "bizLocation": st.fixed_dictionaries({"id": places}),
        "bizTransactionList": listed(
            st.fixed_dictionaries({"type": words(Kind.BIZ_TRANSACTION_TYPE), "bizTransaction": epcs})
        ),
        "sourceList": listed(st.fixed_dictionaries({"type": words(Kind.SOURCE_DESTINATION_TYPE), "source": parties})),
        "sensorElementList": listed(
            st.fixed_dictionaries({"sensorReport": listed(reports)}, optional={"ex:b": values})
        ),
        "ilmd": st.dictionaries(names, values, min_size=1, max_size=3),
        "ex:top": values,
        "other:top": values,
    },
)


def with_context(event: Document) -> Document:
    """The event with the prefixes that it uses declared."""
    used = {
        prefix: space for prefix, space in SPACES.items() if any(key.startswith(prefix + ":") for key in keys(event))
    }
    return event | ({"@context": used} if used else {})


def keys(value: Any) -> list[str]:
    """All names of fields in a document."""
    if isinstance(value, dict):
        return [*value, *(key for inner in value.values() for key in keys(inner))]
    return [key for inner in value for key in keys(inner)] if isinstance(value, list) else []


def rewritten(value: Any, change: Callable[[str], str]) -> Any:
    """A document with every text of it changed."""
    if isinstance(value, dict):
        return {key: rewritten(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [rewritten(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def shuffled(value: Any, random: Random) -> Any:
    """A document with its keys and the elements of its lists in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(inner, random)) for key, inner in value.items()]
        return dict(random.sample(items, len(items)))
    if isinstance(value, list):
        return [shuffled(inner, random) for inner in random.sample(value, len(value))]
    return value


@QUICK
@given(st.lists(events.map(with_context), max_size=4))
def test_events_are_the_same_after_a_way_through_json(sent: list[Document]) -> None:
    assert read_json(write_document(sent, created=NOW)).events == sent
    assert read_json(write_query_document(sent, created=NOW)).events == sent
    assert [read_json(write_event(event)).events for event in sent] == [[event] for event in sent]


@QUICK
@given(events.map(with_context), st.randoms(use_true_random=False))
def test_the_hash_knows_no_order(event: Document, random: Random) -> None:
    assert event_hash(shuffled(event, random)) == event_hash(event)


@QUICK
@given(events.map(with_context))
def test_the_hash_knows_no_form_of_identifiers(event: Document) -> None:
    def as_link(text: str) -> str:
        return canonical_uri(text) if text.startswith("urn:epc:") else text

    def elsewhere(text: str) -> str:
        return as_link(text).replace("https://id.gs1.org/", "https://links.example.cn/a/") + "?17=270228"

    assert event_hash(rewritten(event, as_link)) == event_hash(event)
    linked = rewritten(event, lambda text: elsewhere(text) if text.startswith("urn:epc:") else text)
    assert event_hash(linked) == event_hash(event)


@QUICK
@given(events.map(with_context))
def test_the_hash_knows_no_form_of_times_and_words(event: Document) -> None:
    def as_zulu(text: str) -> str:
        return text.replace("+00:00", "Z") if text.startswith("2026-") else text

    assert event_hash(rewritten(event, as_zulu)) == event_hash(event)
    for kind, name in ((Kind.BIZ_STEP, "bizStep"), (Kind.DISPOSITION, "disposition")):
        if name in event:
            assert event_hash(event | {name: cbv.urn(kind, event[name])}) == event_hash(event)
            assert event_hash(event | {name: cbv.web_uri(kind, event[name])}) == event_hash(event)


@QUICK
@example({"type": "ObjectEvent"}, [[]], "ex:new")
@given(events.map(with_context), values, st.sampled_from(["ex:new", "gs1:new", "bizLocation"]))
def test_the_hash_changes_with_every_field(event: Document, value: Any, name: str) -> None:
    changed = with_context(event | {name: {"id": "urn:x:somewhere"} if name == "bizLocation" else value})
    is_told = name == "bizLocation" or not is_of_empty_lists(value)
    assert (event_hash(changed) != event_hash(event)) is is_told


def is_of_empty_lists(value: Any) -> bool:
    """A list is its field so many times, however deep: one that ends in nothing is no field at all."""
    return isinstance(value, list) and all(map(is_of_empty_lists, value))


@QUICK
@given(events.map(with_context), st.integers(1, 10**6))
def test_the_hash_knows_no_trailing_zeros(event: Document, amount: int) -> None:
    whole, written = ({"epcClass": "urn:x:1", "quantity": q} for q in (amount, Decimal(f"{amount}.000")))
    assert event_hash(event | {"quantityList": [whole]}) == event_hash(event | {"quantityList": [written]})
