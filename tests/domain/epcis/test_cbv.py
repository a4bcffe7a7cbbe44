"""The words of the Core Business Vocabulary: every form is read, and all words of GS1's own files are there."""

import json
import re
from pathlib import Path

import pytest

from schemas.epcis.validation import find_faults
from tests.schemas.epcis.events import OURS
from trace.domain.epcis import cbv
from trace.domain.epcis.cbv import Kind
from trace.domain.epcis.vocabulary import BizStep, Disposition

SCHEMA_NAMES = {
    Kind.BIZ_STEP: "bizStep",
    Kind.DISPOSITION: "disposition",
    Kind.BIZ_TRANSACTION_TYPE: "bizTransaction-type",
    Kind.SOURCE_DESTINATION_TYPE: "source-dest-type",
    Kind.ERROR_REASON: "error-reason",
    Kind.MEASUREMENT: "measurementType",
    Kind.SENSOR_ALERT: "sensorAlertType",
    Kind.COMPONENT: "component",
}


@pytest.mark.parametrize(
    ("kind", "text", "word"),
    [
        (Kind.BIZ_STEP, "receiving", "receiving"),
        (Kind.BIZ_STEP, "cbv:BizStep-receiving", "receiving"),
        (Kind.BIZ_STEP, "https://ref.gs1.org/cbv/BizStep-receiving", "receiving"),
        (Kind.BIZ_STEP, "urn:epcglobal:cbv:bizstep:receiving", "receiving"),
        (Kind.DISPOSITION, "urn:epcglobal:cbv:disp:in_progress", "in_progress"),
        (Kind.BIZ_TRANSACTION_TYPE, "urn:epcglobal:cbv:btt:po", "po"),
        (Kind.SOURCE_DESTINATION_TYPE, "https://ref.gs1.org/cbv/SDT-owning_party", "owning_party"),
        (Kind.ERROR_REASON, "urn:epcglobal:cbv:er:incorrect_data", "incorrect_data"),
        (Kind.MEASUREMENT, "gs1:Temperature", "Temperature"),
        (Kind.MEASUREMENT, "https://gs1.org/voc/Temperature", "Temperature"),
        (Kind.SENSOR_ALERT, "https://gs1.org/voc/ALARM_CONDITION", "ALARM_CONDITION"),
        (Kind.COMPONENT, "urn:epcglobal:cbv:comp:x", "x"),
    ],
)
def test_every_form_of_a_word_is_read(kind: Kind, text: str, word: str) -> None:
    assert cbv.word_of(kind, text) == word
    assert cbv.is_word(kind, word)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_word_is_written_and_read_again(kind: Kind) -> None:
    for word in cbv.words(kind):
        assert cbv.word_of(kind, cbv.web_uri(kind, word)) == word
        assert cbv.word_of(kind, cbv.urn(kind, word)) == word


@pytest.mark.parametrize(
    "text",
    ["https://partner.example/step/smoking", "urn:epcglobal:cbv:bizstep:recieving", "recieving", "Receiving", ""],
)
def test_what_is_no_word_stays_as_it_is(text: str) -> None:
    assert cbv.word_of(Kind.BIZ_STEP, text) == text
    assert cbv.web_uri(Kind.BIZ_STEP, text) == text
    assert cbv.urn(Kind.BIZ_STEP, text) == text
    assert not cbv.is_word(Kind.BIZ_STEP, text)


def test_a_word_of_one_kind_is_none_of_another() -> None:
    assert cbv.word_of(Kind.DISPOSITION, "urn:epcglobal:cbv:bizstep:receiving") == "urn:epcglobal:cbv:bizstep:receiving"
    assert not cbv.is_word(Kind.DISPOSITION, "receiving")


def test_sensor_words_have_no_urn_and_keep_their_web_uri() -> None:
    assert cbv.urn(Kind.MEASUREMENT, "Temperature") == "https://gs1.org/voc/Temperature"


def test_a_former_word_stays_what_its_sender_said() -> None:
    urn = "urn:epcglobal:cbv:disp:non_sellable_expired"
    assert cbv.word_of(Kind.DISPOSITION, urn) == urn
    assert cbv.word_of(Kind.DISPOSITION, "https://ref.gs1.org/cbv/Disp-non_sellable_expired") == urn
    assert cbv.web_uri(Kind.DISPOSITION, urn) == "https://ref.gs1.org/cbv/Disp-non_sellable_expired"
    assert not cbv.is_word(Kind.DISPOSITION, "non_sellable_expired")


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("urn:epcglobal:cbv:bizstep:recieving", False),
        ("https://ref.gs1.org/cbv/BizStep-recieving", False),
        ("urn:epcglobal:cbv:bizstep:receiving", True),
        ("https://partner.example/step/smoking", True),
    ],
)
def test_a_misspelt_word_in_the_namespace_of_gs1_is_told_from_a_private_word(uri: str, good: bool) -> None:
    word = cbv.word_of(Kind.BIZ_STEP, uri)
    assert ([fault.path for fault in find_faults(OURS["object"] | {"bizStep": word})] == []) is good


def test_the_words_are_those_of_the_json_schema(shared: Path) -> None:
    schema = json.loads((shared / "epcis/spec/epcis-json-schema-2.0.1.json").read_text(encoding="utf-8"))
    for kind, name in SCHEMA_NAMES.items():
        listed = next(part["enum"] for part in schema["definitions"][name]["anyOf"] if "enum" in part)
        assert cbv.words(kind) == set(listed), kind


def test_the_uris_are_those_of_the_vocabulary_of_gs1(shared: Path) -> None:
    turtle = (shared / "epcis/spec/CBV.ttl").read_text(encoding="utf-8")
    same = re.findall(r"^cbv:(\w+-\w+)\s+a\s(?:(?!^cbv:).)*?owl:sameAs\s+<([^>]+)>", turtle, re.MULTILINE | re.DOTALL)
    known = {
        (cbv.web_uri(kind, word).rpartition("/")[2], cbv.urn(kind, word))
        for kind in Kind
        for word in cbv.words(kind)
        if cbv.urn(kind, word).startswith("urn:")
    }
    assert set(same) == known


def test_the_words_this_service_writes_are_words_of_the_standard() -> None:
    private = {"returning"}  # CBV 2.0 has no business step for goods that a customer brings back
    assert set(BizStep) - private <= cbv.words(Kind.BIZ_STEP)
    assert set(Disposition) <= cbv.words(Kind.DISPOSITION)
