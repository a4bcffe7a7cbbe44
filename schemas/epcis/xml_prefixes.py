"""Namespaces of XML and prefixes of event documents: `{http://ex.org/}f` here is `ex:f` with its `@context` there."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec
from lxml import etree

from schemas.epcis.xml_names import CBVMDA_IN_XML, JSON, XML, XMLNS, XSD, is_name
from trace.domain.epcis.namespaces import GS1_PREFIXES
from trace.domain.failures import N_, Invalid

MOST_NAMESPACES = 200  # as in a JSON-LD context
CONTEXT = f"{{{JSON}}}context"  # attribute of an event: prefixes that XML cannot declare, as JSON

_GS1_BY_NAMESPACE = {iri: prefix for prefix, iri in GS1_PREFIXES.items()} | {CBVMDA_IN_XML: "cbvmda"}
_GS1_IN_XML = GS1_PREFIXES | {"cbvmda": CBVMDA_IN_XML}
# Schemes of URIs, which no JSON-LD context of ours gives another meaning; GS1's prefixes keep theirs.
_SCHEMES = frozenset({"did", "doi", "geo", "http", "https", "mailto", "ni", "tag", "tel", "urn", "uuid"})
_NOT_FREE = _SCHEMES | GS1_PREFIXES.keys()

for _prefix in ("cbv", "cbvmda", "gs1"):
    etree.register_namespace(_prefix, _GS1_IN_XML[_prefix])


class Prefixes:
    """The prefixes of one event that is read from XML; `context` is the map that its document must carry.

    A namespace keeps the prefix that the XML gives it, GS1's own have theirs; where there is none (a default
    namespace) or it is taken by another namespace, `ns1`, `ns2` ... are invented.
    """

    def __init__(self) -> None:
        self.context: dict[str, str] = {}
        self._invented = (f"ns{number}" for number in count(1))
        self._prefixes = dict(_GS1_BY_NAMESPACE)
        self._keys: dict[tuple[str, str | None], str] = {}

    def key(self, element: Any) -> str:
        """The key of an element: `prefix:local`, or its bare name where it has no namespace."""
        tag = element.tag
        if tag[0] != "{":
            return str(tag)
        spot = (tag, element.prefix)
        if (known := self._keys.get(spot)) is None:
            namespace, _, local = tag[1:].rpartition("}")
            known = self._keys[spot] = f"{self._prefix(namespace, element.prefix)}:{local}"
        return known

    def attribute(self, name: str, element: Any) -> str:
        """The key of an attribute of an element, without the `@` that most of them get."""
        if name[0] != "{":
            return name
        namespace, _, local = name[1:].rpartition("}")
        if namespace in self._prefixes:
            return f"{self._prefixes[namespace]}:{local}"
        scope = {"xml": XML} if namespace == XML else namespaces_of(element)
        wished = next((prefix for prefix, iri in scope.items() if prefix and iri == namespace), None)
        return f"{self._prefix(namespace, wished)}:{local}"

    def curie(self, text: str, element: Any) -> str:
        """A key that came as text (`ex:my field`, `@ex:f`), with the prefix that its namespace has in this event."""
        prefix, colon, local = text.removeprefix("@").partition(":")
        if not colon or prefix in _SCHEMES or (namespace := namespaces_of(element).get(prefix)) is None:
            return text
        return f"{text[: text[:1] == '@']}{self._prefix(namespace, prefix)}:{local}"

    def word(self, text: str, element: Any) -> str:
        """A word of a vocabulary that came as a CURIE, in full; anything else as it is."""
        prefix, colon, local = text.partition(":")
        if not colon or prefix in _SCHEMES or local.startswith("//"):
            return text
        namespace = namespaces_of(element).get(prefix) or GS1_PREFIXES.get(prefix)
        return text if namespace is None else namespace + local

    def declare(self, context: Mapping[str, str]) -> None:
        """Add prefixes that XML itself cannot declare."""
        for prefix, namespace in context.items():
            self.context[prefix] = namespace
            self._prefixes.setdefault(namespace, prefix)

    def forget(self, namespace: str) -> str | None:
        """Take a namespace out of the map again, and say which prefix it had."""
        prefix = self._prefixes.pop(namespace, None)
        self._keys.clear()
        self.context.pop(prefix or "", None)
        return prefix

    def _prefix(self, namespace: str, wished: str | None) -> str:
        if (known := self._prefixes.get(namespace)) is not None:
            return known
        prefix = wished or next(self._invented)
        while prefix in self.context or prefix in _NOT_FREE:
            prefix = next(self._invented)
        self._prefixes[namespace] = prefix
        self.context[prefix] = namespace
        return prefix


def namespaces_of(element: Any) -> dict[str | None, str]:
    """The namespaces in scope of an element, by prefix; None is the default one.

    Raises `Invalid` for more than 200: looking them up again and again would take hours.
    """
    scope: dict[str | None, str] = element.nsmap
    if len(scope) > MOST_NAMESPACES:
        raise Invalid(
            N_("The XML has more than {limit} namespaces in scope at line {line}. Nothing was recorded."),
            limit=MOST_NAMESPACES,
            line=element.sourceline,
        )
    return scope


class Names:
    """The XML names of the keys of one event document (or of a header) that is written.

    `declared` are the namespaces to declare on its element, `others` the prefixes that XML cannot declare, and `xsd`
    is the prefix with which `xsi:type` names its types.
    """

    def __init__(self, context: Mapping[str, str], fields: Mapping[str, Any]):
        self._namespaces = {**_GS1_IN_XML, **context}
        fit = {prefix: iri for prefix, iri in context.items() if _is_declarable(prefix, iri)}
        self.others = {prefix: iri for prefix, iri in context.items() if prefix not in fit and iri != XML}
        # Where GS1's prefixes stand deeper inside, lxml declares them on the spot.
        keys = [*fields, *(fields.get("ilmd") or ())]
        used = {key.partition(":")[0] for key in keys if ":" in key} & _GS1_IN_XML.keys() - context.keys()
        self.declared = fit | {prefix: _GS1_IN_XML[prefix] for prefix in sorted(used)}
        names = ("xsd", *(f"xsd{number}" for number in range(1, len(self.declared) + 2)))
        self.xsd = next(name for name in names if self.declared.get(name, XSD) == XSD)
        if self.xsd != "xsd":
            self.declared[self.xsd] = XSD
        self._tags: dict[str, str | None] = {}

    def tag(self, key: str) -> str | None:
        """The name of an element or attribute for a key, `{namespace}local` or bare; None where XML has no such."""
        if key not in self._tags:
            self._tags[key] = self._find_tag(key)
        return self._tags[key]

    def _find_tag(self, key: str) -> str | None:
        prefix, colon, local = key.partition(":")
        if not colon:
            return key if is_name(key) else None
        namespace = self._namespaces.get(prefix)
        if namespace is None or prefix in self.others or namespace == JSON or not is_name(local):
            return None
        return f"{{{namespace}}}{local}"


def read_context(text: str) -> dict[str, str]:
    """The prefixes in a `json:context` attribute; none where it holds something else."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError):
        return {}


@lru_cache(maxsize=1_000)
def _is_declarable(prefix: str, namespace: str) -> bool:
    """Whether `xmlns:prefix="namespace"` is XML (Namespaces in XML 1.0, section 3), and lxml thinks so, too."""
    if not is_name(prefix) or prefix.lower().startswith("xml"):
        return False
    if not namespace or namespace in (XML, XMLNS) or set("{}") & set(namespace):
        return False
    try:
        etree.Element("any", nsmap={prefix: namespace})
    except ValueError:
        return False
    return True
