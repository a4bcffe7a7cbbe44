"""All words of the Core Business Vocabulary (CBV 2.0 section 7, ISO/IEC 19988) and the forms they come in.

A word is written bare (`receiving`) in EPCIS 2.0 JSON, and as a CURIE (`cbv:BizStep-receiving`), a web URI
(`https://ref.gs1.org/cbv/BizStep-receiving`) or a URN (`urn:epcglobal:cbv:bizstep:receiving`) elsewhere; inside this
service it is bare. The words are data with a source (`data/cbv.toml`); those that this service itself interprets have
names of their own in `vocabulary`.
"""

import tomllib
from enum import StrEnum
from importlib import resources
from typing import Any


class Kind(StrEnum):
    """The lists of words; the values are the tables of `data/cbv.toml`."""

    BIZ_STEP = "biz_step"
    DISPOSITION = "disposition"
    BIZ_TRANSACTION_TYPE = "biz_transaction_type"
    SOURCE_DESTINATION_TYPE = "source_destination_type"
    ERROR_REASON = "error_reason"
    MEASUREMENT = "measurement"
    SENSOR_ALERT = "sensor_alert"
    COMPONENT = "component"


def _read_lists() -> dict[Kind, dict[str, Any]]:
    text = (resources.files("trace.domain") / "data" / "cbv.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {kind: tables[kind] for kind in Kind}


_LISTS = _read_lists()


def _prefixes(kind: Kind) -> list[str]:
    """How the URIs of a kind begin: CURIE, web URI and, where there is one, URN."""
    return [_LISTS[kind][form] for form in ("curie", "web", "urn") if form in _LISTS[kind]]


def _readings(kind: Kind) -> dict[str, str]:
    """{form: bare word}; a former word, which JSON 2.0 has no bare form for, becomes its URN."""
    table = _LISTS[kind]
    former = table.get("former", [])
    words = {prefix + word: word for prefix in _prefixes(kind) for word in table["words"]}
    return words | {prefix + word: table["urn"] + word for prefix in _prefixes(kind) for word in former}


def _writings(kind: Kind, form: str) -> dict[str, str]:
    """{bare word, or URN of a former one: URI}; a kind that has no URN is written as web URI everywhere."""
    table = _LISTS[kind]
    prefix = table.get(form, table["web"])
    words = {word: prefix + word for word in table["words"]}
    return words | {table["urn"] + word: prefix + word for word in table.get("former", [])}


_WORDS = {kind: frozenset(_LISTS[kind]["words"]) for kind in Kind}
_READ = {kind: _readings(kind) for kind in Kind}
_WEB = {kind: _writings(kind, "web") for kind in Kind}
_URN = {kind: _writings(kind, "urn") for kind in Kind}


def words(kind: Kind) -> frozenset[str]:
    """The bare words of a kind."""
    return _WORDS[kind]


def readable(kind: Kind) -> frozenset[str]:
    """The words of a kind as a document may hold them: bare ones, URNs of former ones, GS1's own slips of the pen."""
    return frozenset(_WEB[kind]) | frozenset(_LISTS[kind].get("tolerated", ()))


def is_word(kind: Kind, word: str) -> bool:
    """Whether a text is a bare word of CBV 2.0."""
    return word in _WORDS[kind]


def word_of(kind: Kind, text: str) -> str:
    """The bare word behind any of its standard forms; whatever is none (a private URI, a mistake) stays as it is.

    A word of an earlier version that CBV 2.0 no longer has becomes its URN: an event says what its sender said, so
    it is not replaced by its successor.
    """
    return _READ[kind].get(text, text)


def forms(kind: Kind) -> dict[str, str]:
    """{any standard form of a word, the bare one too: what `word_of` makes of it} of one kind, for fast loops."""
    return _READ[kind] | {word: word for word in _WORDS[kind]}


def web_uri(kind: Kind, word: str) -> str:
    """The web URI of a bare word (or of a former one's URN); private URIs stay as they are."""
    return _WEB[kind].get(word, word)


def urn(kind: Kind, word: str) -> str:
    """The URN of a bare word, as EPCIS 1.x writes it, or its web URI where CBV has no URN; private URIs stay."""
    return _URN[kind].get(word, word)
