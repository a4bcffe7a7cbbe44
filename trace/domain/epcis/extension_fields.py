"""Extension fields in an event document, and the values in them, as a query names and compares them.

A field is a pair of namespace and local name (EPCIS 2.0 section 8.2.7.1). A query writes it

* as namespace, `#` and local name: `http://ns.example.com/epcis#myField` (the standard's own form), or as one IRI,
  `https://ns.example.com/epcis/myField`; with nothing before the `#` it is in no namespace, which inner fields may be;
* as CURIE: `example:myField`. What the prefix stands for is said by the `@context` of a query's JSON body or by the
  header `GS1-Extensions` (`example=https://ns.example.com/epcis/`); GS1's own prefixes are known. A prefix that nobody
  has explained is compared as text with the prefix that the event itself uses.

Namespaces are equal also where one ends in `#` or `/` and the other does not: the same vocabulary is
`http://ns.example.com/epcis` in XML and `http://ns.example.com/epcis/` in JSON-LD.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from trace.domain.epcis.namespaces import GS1_PREFIXES
from trace.domain.failures import Invalid
from trace.domain.uris import canonical_uri

_CURIE = re.compile(r"(?P<prefix>[^\W\d][\w.-]*):(?P<local>[^\s:/#][^\s:#]*)")
_IRI = re.compile(r"(?P<namespace>[a-zA-Z][a-zA-Z0-9+.-]*:[^\s#]*[/:])(?P<local>[^\s/:#]+)")
_HASHED = re.compile(r"(?P<namespace>\S*)#(?P<local>[^\s#]+)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class FieldName:
    """A field's namespace (without `#` or `/` at its end; "" is none, None is not known), prefix and local name."""

    namespace: str | None
    prefix: str
    local: str

    def names(self, key: str, context: Mapping[str, str]) -> bool:
        """Whether an event's key, `prefix:local` under the event's own context, is this field."""
        prefix, colon, local = key.partition(":")
        if not colon:
            return self.namespace == "" and key == self.local
        if local != self.local:
            return False
        namespace = context.get(prefix) or GS1_PREFIXES.get(prefix)
        if self.namespace is None or namespace is None:
            return prefix == self.prefix
        return _trimmed(namespace) == self.namespace


def parse_field(text: str, namespaces: Mapping[str, str]) -> FieldName | None:
    """The field a query's text names; None where it is no qualified name."""
    if match := _HASHED.fullmatch(text):
        return FieldName(_trimmed(match["namespace"]), "", match["local"])
    if match := _CURIE.fullmatch(text):
        namespace = namespaces.get(match["prefix"]) or GS1_PREFIXES.get(match["prefix"])
        if namespace is not None or match["prefix"] not in ("http", "https", "urn"):
            return FieldName(None if namespace is None else _trimmed(namespace), match["prefix"], match["local"])
    if match := _IRI.fullmatch(text):
        return FieldName(_trimmed(match["namespace"]), "", match["local"])
    return None


def values_in(
    element: Mapping[str, Any], field: FieldName, context: Mapping[str, str], *, inner: bool
) -> Iterator[Any]:
    """The values of a field among an element's extension fields, or (`inner`) at any depth inside these."""
    for key, value in _nested(element) if inner else _extensions(element):
        if field.names(key, context):
            yield value


def plain_values(value: Any) -> Iterator[Any]:
    """What there is to compare in a field's value: each of a list; the text or identifier of an object."""
    if isinstance(value, list):
        for part in value:
            yield from plain_values(part)
    elif isinstance(value, Mapping):
        for key in ("#text", "@value", "@id", "id"):
            if key in value:
                yield value[key]
    elif value is not None:
        yield value


def number_of(value: Any) -> Decimal | int | None:
    """The number in a value; from XML, where types need not be said, it comes as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return value
    return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) <= 100 else None


@lru_cache(maxsize=16_384)
def moment_of(value: str) -> datetime | None:
    """The moment a text names, with its offset; None for anything else. Digits beyond microseconds are dropped."""
    if not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


@lru_cache(maxsize=65_536)
def comparable(text: str) -> str:
    """An identifier's canonical form, which URN and Digital Link of one thing share; other texts as they are."""
    try:
        return canonical_uri(text)
    except Invalid:
        return text


def _extensions(element: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in element.items():
        if ":" in key and key[0] != "@":
            yield key, value


def _nested(element: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields inside extension fields, at any depth; a stack of our own, for documents may be deep."""
    left = [value for _, value in _extensions(element)]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, Mapping):
            for key, part in value.items():
                if key[:1] not in ("@", "#"):
                    yield key, part
                    left.append(part)


def _trimmed(namespace: str) -> str:
    return namespace.rstrip("#/:")
