"""EPCIS documents in XML, 2.0 and 1.2 (and before), read into event documents.

The XML comes from strangers. lxml's parser is told to load nothing, to resolve nothing and to build no huge tree;
what it would still let through (declared entities, encodings that hide markup, a million empty elements) is refused
here. An empty `<!DOCTYPE ...>` is harmless and accepted: GS1's own examples have one. XInclude and processing
instructions are never carried out.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from schemas.epcis.document import EpcisDocument
from schemas.epcis.xml_event_reading import as_event_type, flattened, read_event, read_text
from schemas.epcis.xml_names import EPCIS, MASTER_DATA, QUERY, SBDH
from schemas.epcis.xml_prefixes import Prefixes
from schemas.epcis.xml_values import BLANK, gather, read_attributes, read_members, read_value
from trace.domain.failures import N_, Invalid

MOST_NODES = 1_000_000  # elements and attributes of a document: an honest one of 20 MB has fewer
MOST_ATTRIBUTES = 1_000  # of one element: lxml reads them in the square of their number
MAX_DEPTH = 64  # levels, as in JSON
LONGEST_REASON = 200

_PROLOG = 1_000  # bytes in which an XML declaration ends, also in UTF-16
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe)?\s*<")
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)[\"'][^>]*\?>")
# Where `<` is the byte 0x3C and nothing else is: what hides markup (UTF-7, EBCDIC) is of no use to a partner.
_ENCODINGS = frozenset(
    ["UTF-8", "UTF8", "UTF-16", "UTF-16LE", "UTF-16BE", "US-ASCII", "ASCII", "ISO-8859-1", "ISO-8859-15", "GB18030",
     "WINDOWS-1252", "GBK", "GB2312", "BIG5"]
)  # fmt: skip
_DEEP = "Excessive depth"  # libxml2's own limit, 256 levels
_find_too_many = etree.XPath(f"(//*[@*[{MOST_ATTRIBUTES + 1}]])[1]")
_find_too_deep = etree.XPath(f"({'/*' * (MAX_DEPTH + 1)})[1]")
_VERSIONS = {
    f"{{{iri}}}{name}": version
    for name, namespaces in (
        ("EPCISDocument", EPCIS), ("EPCISQueryDocument", QUERY), ("EPCISMasterDataDocument", MASTER_DATA)
    )
    for version, iri in namespaces.items()
}  # fmt: skip
_REQUESTS = tuple(f"{{{iri}}}" for iri in QUERY.values())  # Poll, Subscribe, their answers and exceptions
_RESULTS = tuple(f"{namespace}QueryResults" for namespace in _REQUESTS)
_HEADER, _SBDH = f"{{{SBDH}}}StandardBusinessDocumentHeader", f"{{{SBDH}}}"


def read_xml(data: bytes) -> EpcisDocument:
    """An EPCISDocument, EPCISQueryDocument, EPCISMasterDataDocument or one bare event from its bytes.

    Raises `Invalid` for what is no XML (with line and column), declares entities or an external subset, nests deeper
    than 64 levels, has more than a million elements and attributes or 200 namespaces in scope, or is no EPCIS
    document. The header keeps `schemaVersion`, `creationDate`, extension fields, the Standard Business Document
    Header as `sbdh` (and what JSON knows of it: `sender`, `receiver`, `instanceIdentifier`), and of query results
    `queryName` and `subscriptionID`. `xsi:schemaLocation` is not kept, and no schema is loaded.
    """
    root = _parse(data)
    version = _VERSIONS.get(root.tag)
    if version is None:
        if as_event_type(root.tag) is None:
            raise _no_document(root)
        return EpcisDocument([read_event(root, "1.2" if EPCIS["1.2"] in root.tag else "2.0")], [], {})
    return _read_document(root, version)


def _read_document(root: Any, version: str) -> EpcisDocument:
    body = root.find("EPCISBody")
    if body is None:
        raise Invalid(N_("This EPCIS document has no EPCISBody. Nothing was recorded."))
    prefixes = Prefixes()
    header, others = _read_root(root, prefixes)
    events: list[dict[str, Any]] = []
    master_data: list[dict[str, Any]] = []
    for part in (*_parts_of_header(root), *_parts_of_body(body)):
        if part.tag == "EventList":
            events += [read_event(event, version) for event in flattened(part)]
        elif part.tag == "VocabularyList":
            master_data += _read_vocabularies(part, prefixes)
        elif part.tag in ("queryName", "subscriptionID"):
            header[part.tag] = read_text(part, prefixes)
        elif part.tag == _HEADER:
            header |= _read_business_header(part, prefixes)
        elif part.tag.startswith(_REQUESTS):
            raise _no_document(part)
        else:
            others.append(part)
    header = read_members(others, prefixes) | header | {"@context": prefixes.context}
    if not prefixes.context:
        del header["@context"]
    return EpcisDocument(events, master_data, header)


def _parts_of_header(root: Any) -> Iterator[Any]:
    for header in root.iterchildren("EPCISHeader"):
        for part in flattened(header):
            yield from flattened(part) if part.tag == "EPCISMasterData" else (part,)


def _parts_of_body(body: Any) -> Iterator[Any]:
    for part in flattened(body):
        if part.tag not in _RESULTS:
            yield part
            continue
        for child in flattened(part):
            yield from flattened(child) if child.tag == "resultsBody" else (child,)


def _read_root(root: Any, prefixes: Prefixes) -> tuple[dict[str, Any], list[Any]]:
    """The fields of a document that are attributes, and the elements that are neither header nor body."""
    header: dict[str, Any] = {}
    for key, text in read_attributes(root, prefixes).items():
        header[key[1:] if key in ("@schemaVersion", "@creationDate") else key] = text
    return header, [part for part in flattened(root) if part.tag not in ("EPCISHeader", "EPCISBody")]


def _read_business_header(element: Any, prefixes: Prefixes) -> dict[str, Any]:
    """The Standard Business Document Header as an object without prefixes, and what JSON's document has of it."""
    value = read_value(element, prefixes)
    fields: dict[str, Any] = {"sbdh": _without(value, f"{prefixes.forget(SBDH)}:")}
    places = {
        "sender": f"{_SBDH}Sender/{_SBDH}Identifier",
        "receiver": f"{_SBDH}Receiver/{_SBDH}Identifier",
        "instanceIdentifier": f"{_SBDH}DocumentIdentification/{_SBDH}InstanceIdentifier",
    }
    for key, path in places.items():
        if text := (element.findtext(path) or "").strip(BLANK):
            fields[key] = text
    return fields


def _without(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {key.removeprefix(prefix): _without(item, prefix) for key, item in value.items()}
    return [_without(item, prefix) for item in value] if isinstance(value, list) else value


# ---- master data ---------------------------------------------------------------------------------------------------


def _read_vocabularies(element: Any, prefixes: Prefixes) -> Iterable[dict[str, Any]]:
    """The items of a VocabularyList. What GS1's schema allows beside them, but JSON has no place for, is left out:
    extensions of a vocabulary itself.
    """
    for vocabulary in flattened(element):
        kind = vocabulary.get("type", "")
        for items in flattened(vocabulary):
            if items.tag == "VocabularyElementList":
                yield from (_read_item(item, kind, prefixes) for item in flattened(items))


def _read_item(element: Any, kind: str, prefixes: Prefixes) -> dict[str, Any]:
    attributes, children, others = [], [], []
    for child in flattened(element):
        if child.tag == "attribute":
            attributes.append(_read_attribute(child, prefixes))
        elif child.tag == "children":
            children += ["".join(item.itertext()).strip(BLANK) for item in flattened(child)]
        else:
            others.append(child)
    extras = gather((key, text) for key, text in read_attributes(element, prefixes).items() if key != "@id")
    return {
        **extras,
        **read_members(others, prefixes),
        "type": kind.strip(BLANK),
        "id": element.get("id", "").strip(BLANK),
        "attributes": attributes,
        "children": children,
    }


def _read_attribute(element: Any, prefixes: Prefixes) -> dict[str, Any]:
    """An attribute of master data: `id` names it, and its value is a text or any XML."""
    name = element.attrib.pop("id", "").strip(BLANK)
    return {"id": name, "attribute": read_value(element, prefixes)}


# ---- hardening -----------------------------------------------------------------------------------------------------


def _parse(data: bytes) -> Any:
    _check_bytes(data)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal(error) from None
    info = root.getroottree().docinfo
    if (info.encoding or "UTF-8").upper() not in _ENCODINGS:
        raise _no_encoding(info.encoding)
    dtd = info.internalDTD
    if dtd is not None and (dtd.system_url or dtd.external_id or any(True for _ in dtd.iterentities())):
        raise Invalid(
            N_("The XML declares entities or an outside DTD; none is read here. Send it without. Nothing was recorded.")
        )
    if deep := _find_too_deep(root):
        raise _too_deep(deep[0].sourceline)
    if crowded := _find_too_many(root):
        raise Invalid(
            N_("The XML has an element of more than {limit} attributes at line {line}. Nothing was recorded."),
            limit=f"{MOST_ATTRIBUTES:,}",
            line=crowded[0].sourceline,
        )
    return root


def _check_bytes(data: bytes) -> None:
    """Refuse what would cost much memory before anything could be known of it."""
    prolog = data[:_PROLOG].replace(b"\x00", b"")
    if not _BEGINNING.match(prolog):
        raise Invalid(N_("This is no XML: it does not begin with <. Nothing was recorded."))
    declared = _DECLARED.search(prolog)
    if declared and declared[1].decode("latin-1").upper() not in _ENCODINGS:
        raise _no_encoding(declared[1].decode("latin-1"))
    # Every element begins with "<" and has "</" but once at most; every attribute has "=".
    if data.count(b"<") - data.count(b"</") + data.count(b"=") > MOST_NODES:
        raise Invalid(
            N_("The XML has more than {limit} elements and attributes: send it in parts. Nothing was recorded."),
            limit=f"{MOST_NODES:,}",
        )


def _refusal(error: Any) -> Invalid:
    line, column = error.position
    if _DEEP in (error.msg or ""):
        return _too_deep(line)
    reason = (error.msg or "").partition(", line ")[0].strip()[:LONGEST_REASON]
    return Invalid(
        N_("The XML cannot be read at line {line}, column {column}: {reason}. Nothing was recorded."),
        line=line,
        column=column,
        reason=reason,
    )


def _too_deep(line: int) -> Invalid:
    return Invalid(
        N_("The XML nests too deep at line {line}; {limit} levels are read. Nothing was recorded."),
        line=line,
        limit=MAX_DEPTH,
    )


def _no_encoding(encoding: str | None) -> Invalid:
    return Invalid(
        N_("XML in the encoding {encoding} is not read here; send UTF-8. Nothing was recorded."),
        encoding=str(encoding)[:40],
    )


def _no_document(element: Any) -> Invalid:
    return Invalid(
        N_("{element} is no EPCIS document and no event; what is read is {wanted}. Nothing was recorded."),
        element=str(element.tag)[:LONGEST_REASON],
        wanted="EPCISDocument, EPCISQueryDocument, EPCISMasterDataDocument",
    )
