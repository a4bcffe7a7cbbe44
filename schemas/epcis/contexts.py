"""JSON-LD contexts as far as EPCIS needs them: which prefix means which namespace, which short name which full one.

JSON-LD 1.1 (W3C, 2020-07) lets a document rename almost everything; what is read here is what changes the names of
fields and the values of vocabulary fields: prefixes, terms (also expanded definitions with contexts of their own),
`@vocab`. What would have to be fetched, or would make relative identifiers of full ones, is refused. GS1's own
context is built in, its terms stay what they are (they are `@protected`), and nothing is ever fetched.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from trace.domain.epcis.namespaces import GS1_PREFIXES
from trace.domain.failures import N_, Invalid

# The address of the standard, its versions, and the one that drafts of EPCIS 2.0 had.
_GS1_CONTEXT = re.compile(
    r"https?://(?:ref\.gs1\.org/standards/epcis/(?:[0-9]+\.[0-9]+(?:\.[0-9]+)?/)?"
    r"|gs1\.github\.io/EPCIS/)epcis-context\.jsonld"
)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.DOTALL)
_PREFIX = re.compile("[^:@# \t\r\n]+")
# Schemes of URIs: a prefix of that name would turn every identifier of the document into something else.
_SCHEMES = frozenset({"did", "doi", "geo", "http", "https", "mailto", "ni", "tag", "tel", "urn", "uuid"})
_HARMLESS = frozenset({"@version", "@protected", "@language", "@direction"})
_KEYWORDS = frozenset({"@id", "@type"})
MOST_ENTRIES = 200  # of a context, and prefixes that are invented; an honest document has a dozen


@dataclass(frozen=True, slots=True)
class Context:
    """What names mean in one place of a document.

    `names`: {term or prefix: full IRI, or the keyword `@id` or `@type` it stands for}; `scopes`: {term: the context
    that holds inside of its value}; `vocab`: what is put before names that nothing defines.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    scopes: Mapping[str, Any] = field(default_factory=dict)
    vocab: str | None = None

    def namespace(self, prefix: str) -> str | None:
        """The namespace a prefix stands for: the sender's own meaning comes before GS1's."""
        found = self.names.get(prefix) or GS1_PREFIXES.get(prefix)
        return None if found in _KEYWORDS else found

    def prefixes(self) -> dict[str, str]:
        """{prefix or term: full IRI} of the sender's own."""
        return {name: iri for name, iri in self.names.items() if iri not in _KEYWORDS}


STANDARD = Context()


def read_context(raw: Any, base: Context = STANDARD) -> Context:
    """The context that holds where `raw` (address, object, list of these, or null) is stated inside of `base`.

    Raises `Invalid` for what is no context, for a foreign address (nothing is fetched), and for keywords that cannot
    be honoured here.
    """
    if raw is None:
        return STANDARD
    if isinstance(raw, str):
        if _GS1_CONTEXT.fullmatch(raw):
            return base
        raise Invalid(
            N_("The context {address} is not GS1's, and none is fetched: write its prefixes into the document."),
            field="@context",
            address=raw[:200],
        )
    if isinstance(raw, list):
        for part in raw:
            base = read_context(part, base)
        return base
    if isinstance(raw, dict):
        return _extended(base, raw)
    raise _no_context(raw)


def split_iri(iri: str) -> tuple[str, str]:
    """(namespace, local name) of a full IRI: cut behind the last `/`, `#` or `:`; the local name may be empty."""
    cut = max(iri.rfind("/"), iri.rfind("#"), iri.rfind(":")) + 1
    return iri[:cut], iri[cut:]


def _extended(base: Context, entries: dict[str, Any]) -> Context:
    if len(entries) + len(base.names) > MOST_ENTRIES:
        raise Invalid(N_("A context has at most {limit} entries."), field="@context", limit=MOST_ENTRIES)
    vocab = _vocab(entries, base)
    names, scopes = dict(base.names), dict(base.scopes)
    for name, entry in entries.items():
        if name.startswith("@"):
            _check_keyword(name, entry)
            continue
        iri = _meaning(name, entries, replace(base, vocab=vocab), set())
        names.pop(name, None)
        if iri is not None and GS1_PREFIXES.get(name) != iri:
            names[name] = iri
        scopes.pop(name, None)
        if isinstance(entry, dict) and "@context" in entry:
            scopes[name] = entry["@context"]
    return Context(names, scopes, vocab)


def _vocab(entries: dict[str, Any], base: Context) -> str | None:
    vocab = entries.get("@vocab", base.vocab)
    if vocab is None or (isinstance(vocab, str) and _ABSOLUTE.fullmatch(vocab)):
        return vocab
    raise _no_context({"@vocab": vocab})


def _check_keyword(name: str, value: Any) -> None:
    if name in _HARMLESS or name == "@vocab" or (name == "@base" and value is None):
        return
    raise Invalid(
        N_("{keyword} in a context is not honoured here: write names and identifiers in full."),
        field="@context",
        keyword=name[:40],
    )


def _meaning(name: str, entries: dict[str, Any], base: Context, waiting: set[str]) -> str | None:
    """The full IRI (or keyword) an entry defines; None for one that only says something of a name's type."""
    entry = entries[name]
    iri = entry.get("@id", name if ":" in name else None) if isinstance(entry, dict) else entry
    if iri is None or (isinstance(entry, dict) and iri == name):
        return None  # null takes a name away; {"@type": ...} of a CURIE gives it no new meaning
    if not isinstance(iri, str) or not _PREFIX.fullmatch(name) or name in _SCHEMES or name in waiting:
        raise _no_context({name: entry})
    if iri in _KEYWORDS:
        return iri
    prefix, colon, rest = iri.partition(":")
    if colon and not rest.startswith("//"):
        if prefix in entries and prefix != name:
            before = _meaning(prefix, entries, base, waiting | {name})
            return iri if before is None else before + rest
        return (base.namespace(prefix) or prefix + ":") + rest
    if not colon and base.vocab is not None:
        return base.vocab + iri
    if not _ABSOLUTE.fullmatch(iri):
        raise _no_context({name: entry})
    return iri


def _no_context(raw: Any) -> Invalid:
    return Invalid(
        N_("A context gives prefixes and their full namespaces, such as {example}; {came} came."),
        field="@context",
        example='{"ex": "https://example.org/"}',
        came=str(raw)[:120],
    )


class Names:
    """The names of fields in one context, as normal form: bare for GS1's, `prefix:local` for everybody else's.

    One of these serves all events of a document that share a context; prefixes it has to invent stay the same.
    """

    __slots__ = ("_keys", "_prefixes", "_spaces", "_terms", "_usual", "context", "own", "starts")

    def __init__(self, context: Context, terms: frozenset[str]):
        self.context = context
        self.own = bool(context.names)  # the sender has names of his own
        self._terms = terms  # GS1's own names of fields
        self._keys: dict[str, str] = {}
        self._usual: dict[str, tuple[str, str]] = {}
        self._prefixes = context.prefixes()
        self._spaces = {iri: name for name, iri in (GS1_PREFIXES | self._prefixes).items()}
        self.starts = tuple(f"{prefix}:" for prefix in self._prefixes)  # of identifiers that are CURIEs

    def key(self, name: str) -> str:
        """A field's name in normal form; a name that nothing defines stays as it is."""
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = self._key(name)
        return found

    def usual(self, name: str) -> tuple[str, str]:
        """The prefix of a field's name and its namespace, if the name is in normal form as it stands; else nothing."""
        found = self._usual.get(name)
        if found is None:
            prefix, colon, _ = name.partition(":")
            space = self.space(prefix) if colon and prefix[:1] != "@" and self.key(name) == name else None
            found = self._usual[name] = (prefix, space or "")
        return found

    def word(self, text: str) -> str:
        """A value of a vocabulary field with its CURIE or term written in full; anything else as it is."""
        prefix, colon, rest = text.partition(":")
        if not colon:
            iri = self.context.names.get(text)
            return text if iri is None or iri in _KEYWORDS else iri
        namespace = None if rest.startswith("//") else self.context.namespace(prefix)
        return text if namespace is None else namespace + rest

    def sensor_word(self, text: str) -> tuple[str, bool]:
        """(a type or component of a sensor report, whether it is a CURIE of a prefix the sender declared).

        CBV 2.0 section 8.9.2 wants every CURIE in full; but GS1's own vectors of the event hash leave those of
        private prefixes in these fields as they came (SensorDataExamples, cases 6 to 12), in XML they are no names
        but mere texts, and an event says the same in both forms. So only GS1's prefixes are written in full here.
        """
        prefix, colon, rest = text.partition(":")
        if colon and prefix in self._prefixes and not rest.startswith("//"):
            return text, True
        return self.word(text), False

    def identifier(self, text: str) -> str:
        """An identifier with the CURIE of a prefix that the sender declared written in full; others as they are."""
        if not text.startswith(self.starts):
            return text
        prefix, _, rest = text.partition(":")
        return text if rest.startswith("//") else self._prefixes[prefix] + rest

    def space(self, prefix: str) -> str | None:
        """The namespace of a prefix that was declared, invented or is GS1's."""
        return self._prefixes.get(prefix) or GS1_PREFIXES.get(prefix)

    def under(self, raw: Any) -> "Names":
        """The names where a further context is stated; raises `Invalid` as `read_context` does."""
        return Names(read_context(raw, self.context), self._terms)

    def inside(self, name: str) -> "Names":
        """The names inside of a field whose term has a context of its own; else these."""
        return self.under(self.context.scopes[name]) if name in self.context.scopes else self

    def _key(self, name: str) -> str:
        if name.startswith("@"):
            return name
        prefix, colon, rest = name.partition(":")
        if not colon:
            iri = self.context.names.get(name)
            if iri is None and self.context.vocab is not None:
                iri = self.context.vocab + name
            return name if iri is None else self._short(iri)
        namespace = None if rest.startswith("//") else self.context.namespace(prefix)
        if namespace is not None:
            if namespace == GS1_PREFIXES["epcis"] and rest in self._terms:
                return rest
            return name
        return self._short(name) if rest.startswith("//") or prefix in _SCHEMES else name

    def _short(self, iri: str) -> str:
        """A full IRI as CURIE of its namespace, under the prefix that is declared for it or else an invented one."""
        namespace, local = split_iri(iri)
        prefix = (self._spaces.get(namespace) or self._invent(namespace)) if local else None
        if prefix is None:
            return iri
        return local if prefix == "epcis" and local in self._terms else f"{prefix}:{local}"

    def _invent(self, namespace: str) -> str | None:
        if len(self._spaces) >= MOST_ENTRIES * 2 or not _ABSOLUTE.fullmatch(namespace):
            return None
        prefix = next(name for n in count(1) if (name := f"ns{n}") not in self._prefixes)
        self._prefixes[prefix] = namespace
        self._spaces[namespace] = prefix
        return prefix
