"""JSON-LD contexts of events: every form of prefix, term and full name comes to the same event document."""

from typing import Any

import pytest

from schemas.epcis.json_form import read_json
from tests.schemas.epcis.test_json_form import GS1, a_document, an_event, read_one, refusal


@pytest.mark.parametrize(
    "context",
    [
        {"ex": "https://ex.org/"},
        [GS1, {"ex": "https://ex.org/"}],
        [{"ex": {"@id": "https://ex.org/"}}, GS1],
        [GS1, {"base": "https://ex.org/", "ex": "base:"}],
        [GS1, {"@version": 1.1, "@protected": True, "ex": {"@id": "https://ex.org/", "@prefix": True}}],
        [GS1, {"ex": "https://old.example/"}, {"ex": "https://ex.org/"}],
        [{"other": "https://other.example/"}, None, GS1, {"ex": "https://ex.org/"}],
    ],
)
def test_every_form_of_a_context_gives_the_same_event(context: Any) -> None:
    assert read_one(context, **{"ex:f": {"ex:g": [1]}}) == an_event() | {
        "ex:f": {"ex:g": [1]},
        "@context": {"ex": "https://ex.org/"},
    }


def test_an_events_context_has_the_prefixes_that_it_uses_and_no_others() -> None:
    context = [GS1, {"ex": "https://ex.org/", "not": "https://not.example/", "gs1": "https://gs1.org/voc/"}]
    event = read_one(context, ilmd={"cbvmda:lotNumber": "1", "gs1:x": {"ex:y": 1}})
    assert event["@context"] == {"ex": "https://ex.org/"}
    assert "@context" not in read_one(context, ilmd={"cbvmda:lotNumber": "1"})


def test_the_events_own_context_wins() -> None:
    event = an_event() | {"@context": {"ex": "https://event.example/"}, "ex:f": 1, "doc:g": 2}
    context = [GS1, {"ex": "https://document.example/", "doc": "https://doc.example/"}]
    assert read_json(a_document(event, context=context)).events == [
        an_event()
        | {"ex:f": 1, "doc:g": 2, "@context": {"doc": "https://doc.example/", "ex": "https://event.example/"}}
    ]


def test_a_prefix_of_gs1_that_a_sender_uses_otherwise_is_declared() -> None:
    event = read_one([GS1, {"cbvmda": "http://example.com/cbvmda/"}], ilmd={"cbvmda:lotNumber": "ABC"})
    assert event["@context"] == {"cbvmda": "http://example.com/cbvmda/"}


def test_full_names_and_terms_become_curies() -> None:
    context = [GS1, {"ex": "https://ex.org/a/", "short": "https://ex.org/a/long", "alone": "https://alone.example/f"}]
    fields = {"https://ex.org/a/b": 1, "short": 2, "alone": 3, "urn:epcglobal:cbv:mda:lotNumber": "L", "urn:q:z": 4}
    assert read_one(context, **fields) == an_event() | {
        "ex:b": 1,
        "ex:long": 2,
        "ns1:f": 3,
        "cbvmda:lotNumber": "L",
        "ns2:z": 4,
        "@context": {"ex": "https://ex.org/a/", "ns1": "https://alone.example/", "ns2": "urn:q:"},
    }


def test_an_invented_prefix_is_none_that_the_sender_uses() -> None:
    event = read_one([GS1, {"ns1": "https://ex.org/"}], **{"ns1:a": 1, "https://q.example/b": 2})
    assert event["@context"] == {"ns1": "https://ex.org/", "ns2": "https://q.example/"}


def test_a_vocabulary_gives_names_without_prefix_their_namespace() -> None:
    event = read_one([GS1, {"@vocab": "https://ex.org/"}], f={"g": 1})
    assert event == an_event() | {"ns1:f": {"ns1:g": 1}, "@context": {"ns1": "https://ex.org/"}}


def test_a_term_may_have_a_context_for_what_is_inside() -> None:
    scoped = {"batch": {"@id": "https://ex.org/batch", "@context": {"number": "https://in.example/number"}}}
    event = read_one([GS1, scoped], batch={"number": 7}, number=1)
    assert event["number"] == 1
    assert event["ns1:batch"] == {"ns11:number": 7}
    assert event["@context"] == {"ns1": "https://ex.org/", "ns11": "https://in.example/"}


def test_a_context_inside_of_an_extension_is_honoured_and_clashes_get_another_prefix() -> None:
    inner = {"@context": {"ex": "https://inner.example/"}, "ex:a": 1}
    event = read_one([GS1, {"ex": "https://ex.org/"}], **{"ex:f": inner})
    assert event["ex:f"] == {"ex1:a": 1}
    assert event["@context"] == {"ex": "https://ex.org/", "ex1": "https://inner.example/"}


def test_identifiers_stay_as_sent_but_for_the_prefixes_of_the_sender() -> None:
    link = "https://id.gs1.org/01/09506000134352/21/1"
    event = read_one([GS1, {"po": "https://buyer.example/po/"}], epcList=[link], parentID="po:1", eventID="ni:///x;1")
    assert event == an_event(epcList=[link], parentID="https://buyer.example/po/1", eventID="ni:///x;1")


def test_a_name_without_any_meaning_stays_for_the_validator() -> None:
    event = an_event(myField=1, **{"nobody:f": 2, "@value": 3})
    assert read_json(a_document(event)).events == [event]


def test_an_events_unreadable_context_stays_and_the_other_events_are_read() -> None:
    bad = an_event() | {"@context": "https://evil.example/context.jsonld"}
    assert read_json(a_document(bad, an_event())).events == [bad, an_event()]


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ("https://evil.example/context.jsonld", "none is fetched"),
        ([GS1, "file:///etc/passwd"], "none is fetched"),
        ([GS1, {"@base": "https://ex.org/"}], "@base"),
        ([GS1, {"@import": "https://ex.org/c"}], "@import"),
        ([GS1, {"@vocab": 7}], "@vocab"),
        ([GS1, {"urn": "https://ex.org/"}], "urn"),
        ([GS1, {"a": "b:", "b": "a:"}], "A context gives"),
        ([GS1, {"a": "relative"}], "relative"),
        ([GS1, {"a": 7}], "A context gives"),
        (7, "A context gives"),
        ([GS1, {f"p{n}": "https://ex.org/" for n in range(1_001)}], "at most"),
    ],
)
def test_a_documents_context_that_cannot_be_read_is_refused_with_a_sentence(context: Any, words: str) -> None:
    assert words in refusal(a_document(an_event(), context=context))
