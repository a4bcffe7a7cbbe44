"""Every valid event with one thing spoilt is refused, and the fault names the place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.epcis.validation import check_events, find_faults
from tests.schemas.epcis.events import (
    CLOSED,
    OURS,
    REQUIRED,
    REQUIRED_BY_TYPE,
    TIMES,
    WORDS,
    Steps,
    as_pointer,
    elements,
    places,
    shared_events,
    with_value,
    without,
)
from trace.domain.checks import check_digit

Mutant = tuple[str, dict[str, Any]]  # where a fault is due, and the spoilt document


def required_key_dropped(document: dict[str, Any]) -> Iterator[Mutant]:
    """Each key that the standard wants, left out."""
    for name, steps, element in elements(document):
        wanted = REQUIRED.get(name, ()) if name else REQUIRED[""] + REQUIRED_BY_TYPE[document["type"]]
        for key in wanted:
            if key in element:
                yield as_pointer((*steps, key)), without(document, (*steps, key))


def type_changed(document: dict[str, Any]) -> Iterator[Mutant]:
    """Each value as one of other JSON types."""
    for steps, value in places(document):
        name = steps[-1] if isinstance(steps[-1], str) else steps[-2]
        others: list[Any] = [None, {"a": {}}] if isinstance(value, list) else [None, []]
        others += [] if name in _NUMBERS else [5]
        others += [] if name in _FREE_TEXTS else ["5"]
        for other in others:
            yield as_pointer(steps), with_value(document, steps, other)


_NUMBERS = {"quantity", "value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"}
_FREE_TEXTS = {"stringValue"}


def word_misspelt(document: dict[str, Any]) -> Iterator[Mutant]:
    """Each word of the vocabulary with two letters exchanged, in other cases, and as a URI of GS1 that names none."""
    for steps, value in places(document):
        name = steps[-1] if isinstance(steps[-1], str) else steps[-2]
        if name in WORDS and isinstance(value, str) and ":" not in value:
            for wrong in (value[1::-1] + value[2:], value.swapcase(), f"{value} ", f"urn:epcglobal:cbv:x:{value}s"):
                if wrong not in (value, "altitude", "latitude"):  # whose first letters exchanged are the other's
                    yield as_pointer(steps), with_value(document, steps, wrong)


_KEY = re.compile(r"(https?://[^?#]*?/(00|01|253|255|414|417|8003|8006|8017|8018)/)([0-9]{13,18})(.*)")
_CHECKED = {"00": 18, "01": 14, "8003": 14, "8006": 14, "8017": 18, "8018": 18}
_NOT_IDENTIFIERS = frozenset(
    ("eventID", "correctiveEventIDs", "rawData", "bizRules", "dataProcessingMethod", "uriValue", "deviceMetadata")
)


def check_digit_broken(document: dict[str, Any]) -> Iterator[Mutant]:
    """Each Digital Link with another check digit, each EPC URN with a digit too many."""
    for steps, value in places(document):
        name = steps[-1] if isinstance(steps[-1], str) else steps[-2]
        if not isinstance(value, str) or name in _NOT_IDENTIFIERS:
            continue
        if found := _KEY.fullmatch(value):
            head, key, digits, tail = found.groups()
            at = _CHECKED.get(key, 13) - 1
            assert digits[at] == check_digit(digits[:at]), value
            wrong = f"{head}{digits[:at]}{(int(digits[at]) + 3) % 10}{digits[at + 1 :]}{tail}"
            yield as_pointer(steps), with_value(document, steps, wrong)
        elif re.match("urn:epc:(id|class|idpat):(sgtin|lgtin|sscc|sgln|grai|gsrn|gdti|pgln|itip):", value):
            yield as_pointer(steps), with_value(document, steps, value.replace(".", "7.", 1))
            yield as_pointer(steps), with_value(document, steps, re.sub(r"(\d)\.", ".", value, count=1))


def field_without_namespace(document: dict[str, Any]) -> Iterator[Mutant]:
    """A field that is nobody's in each element, and a field of an undeclared namespace."""
    for name, steps, _element in elements(document):
        yield as_pointer((*steps, "myField")), with_value(document, (*steps, "myField"), "a")
        yield as_pointer((*steps, "nobody:myField")), with_value(document, (*steps, "nobody:myField"), "a")
        if name in CLOSED:
            key = (*steps, "cbvmda:lotNumber")
            yield as_pointer(key), with_value(document, key, "a")


def time_without_offset(document: dict[str, Any]) -> Iterator[Mutant]:
    """Each time without its offset, with a blank, of a day that no calendar has."""
    for steps, value in places(document):
        if steps[-1] in TIMES:
            bare = re.sub(r"(Z|[+-]\d\d:\d\d)$", "", value)
            for wrong in (bare, f"{bare} Z", bare.replace("T", " ") + "Z", f"2026-02-30{bare[10:]}Z", bare[:10]):
                yield as_pointer(steps), with_value(document, steps, wrong)
        if steps[-1] == "eventTimeZoneOffset":
            for wrong in ("Z", "+8", "08:00", "+14:01", "+08:60", "", "+08:00\n"):
                yield as_pointer(steps), with_value(document, steps, wrong)


MUTATIONS = (
    required_key_dropped,
    type_changed,
    word_misspelt,
    check_digit_broken,
    field_without_namespace,
    time_without_offset,
)


def survivors(mutants: Iterator[Mutant]) -> list[str]:
    """The places of spoilt documents that no fault names."""
    judged = ((where, [fault.path for fault in find_faults(document)]) for where, document in mutants)
    return [f"{where}: {paths}" for where, paths in judged if where not in paths]


@pytest.mark.parametrize("name", OURS)
def test_our_examples_of_every_type_are_valid(name: str) -> None:
    assert find_faults(OURS[name]) == []


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_our_examples_spoilt_are_refused_and_the_place_is_named(name: str, mutation: Any) -> None:
    mutants = list(mutation(OURS[name]))
    assert mutants or (mutation, name) == (check_digit_broken, "sensor")
    assert survivors(iter(mutants)) == []


def test_every_published_example_is_valid(shared: Path) -> None:
    names, events = zip(*shared_events(shared), strict=True)
    faults = {names[number]: faults for number, faults in check_events(events).items()}
    assert faults == {}
    assert len(events) > 100


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_published_example_spoilt_is_refused_and_the_place_is_named(shared: Path, mutation: Any) -> None:
    alive, count = {}, 0
    for name, event in shared_events(shared):
        mutants = list(mutation(event))
        mutants = mutants[:: 1 + len(mutants) // 25]  # some of each event, or this takes minutes
        count += len(mutants)
        if left := survivors(iter(mutants)):
            alive[name] = left
    assert alive == {}
    assert count > 100


def test_a_place_is_written_as_a_json_pointer() -> None:
    assert as_pointer(("quantityList", 0, "quantity")) == "/quantityList/0/quantity"
    steps: Steps = ("example:a/b~c",)
    fault = find_faults(with_value(OURS["aggregation"], steps, 1))[0]
    assert fault.path == "/example:a~1b~0c"
