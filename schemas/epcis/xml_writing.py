"""EPCIS documents as XML, 2.0 and on request 1.2, valid by GS1's schemas.

What 1.2 does not have is written where its schema leaves room for later versions, as GS1's own stylesheet
convert-2.0-to-1.2.xsl does: `sensorElementList` and `persistentDisposition` in `extension/extension` of the event,
an `AssociationEvent` in `EventList/extension/extension`, `certificationInfo` in `baseExtension/extension`. A reader of
1.2 that does not know them passes over them; ours reads them back. Nothing is refused and nothing is lost.

What JSON can say and XML cannot (see `xml_values`, `xml_sensors`) carries marks in a namespace of our own. An empty
list of transactions, sources, destinations or sensor elements, which the schema does not have, is left out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lxml import etree

from schemas.epcis.xml_event_writing import CbvForm, Version, event_root, write_event, write_rest
from schemas.epcis.xml_names import EPCIS, QUERY, SBDH, XSD, XSI
from schemas.epcis.xml_prefixes import Names
from schemas.epcis.xml_values import fill, fill_literal, write_entry
from trace.domain.epcis.document import as_time

SIMPLE_QUERY = "SimpleEventQuery"  # the query every repository has (ISO/IEC 19987 section 8.2.7.1)

Item = Mapping[str, Any]
_SBDH = f"{{{SBDH}}}"
# Fields of a header that are written elsewhere, or that say what the document that was read was.
_KNOWN = frozenset(
    ["schemaVersion", "creationDate", "sender", "receiver", "instanceIdentifier", "sbdh", "queryName",
     "subscriptionID", "@context"]
)  # fmt: skip


def write_xml_document(
    events: Iterable[Item],
    *,
    created: datetime,
    version: Version = "2.0",
    header: Item | None = None,
    master_data: Iterable[Item] = (),
    cbv: CbvForm = "urn",
) -> bytes:
    """An EPCISDocument of event documents that the validator has passed; UTF-8 with declaration.

    `header` and `master_data` as in `EpcisDocument`; `cbv` says whether CBV's words become URNs or web URIs (words
    for which CBV has no URN, of sensors, are web URIs always).
    """
    header, master_data = header or {}, list(master_data)
    names = Names(header.get("@context") or {}, header)
    root = _root(f"{{{EPCIS[version]}}}EPCISDocument", created, version, names)
    _write_header(root, header, master_data, names, created)
    body = etree.SubElement(root, "EPCISBody")
    _write_events(etree.SubElement(body, "EventList"), events, version, cbv)
    write_rest(root, {key: value for key, value in header.items() if key not in _KNOWN}, names)
    return _as_bytes(root)


def write_xml_query_document(
    events: Iterable[Item],
    *,
    created: datetime,
    version: Version = "2.0",
    query_name: str | None = None,
    subscription_id: str | None = None,
    header: Item | None = None,
    master_data: Iterable[Item] = (),
    cbv: CbvForm = "urn",
) -> bytes:
    """An EPCISQueryDocument with the results of a query; arguments as for `write_xml_document`.

    The schema wants a `queryName`: without one it is that of the query every repository has.
    """
    header, master_data = header or {}, list(master_data)
    names = Names(header.get("@context") or {}, header)
    root = _root(f"{{{QUERY[version]}}}EPCISQueryDocument", created, version, names)
    _write_header(root, header, master_data, names, created)
    body = etree.SubElement(root, "EPCISBody")
    results = etree.SubElement(body, f"{{{QUERY[version]}}}QueryResults")
    etree.SubElement(results, "queryName").text = query_name or SIMPLE_QUERY
    if subscription_id is not None:
        etree.SubElement(results, "subscriptionID").text = subscription_id
    place = etree.SubElement(results, "resultsBody")
    _write_events(etree.SubElement(place, "EventList"), events, version, cbv)
    write_rest(root, {key: value for key, value in header.items() if key not in _KNOWN}, names)
    return _as_bytes(root)


def write_xml_event(document: Item, *, version: Version = "2.0", cbv: CbvForm = "urn") -> bytes:
    """A single event as root element, `epcis:ObjectEvent` and the like; the schema has no such document."""
    return _as_bytes(event_root(document, version, cbv))


def _root(tag: str, created: datetime, version: Version, names: Names) -> Any:
    namespaces = {"epcis": EPCIS[version], "xsi": XSI, "xsd": XSD}
    if QUERY[version] in tag:
        namespaces["epcisq"] = QUERY[version]
    attributes = {"schemaVersion": version, "creationDate": as_time(created)}
    return etree.Element(tag, attributes, nsmap=names.declared | namespaces)


def _write_events(parent: Any, events: Iterable[Item], version: Version, cbv: CbvForm) -> None:
    for event in events:
        write_event(parent, event, version, cbv)


def _write_header(root: Any, header: Item, master_data: list[Item], names: Names, created: datetime) -> None:
    business = header.get("sbdh") or _business_header(header, created)
    if not business and not master_data:
        return
    element = etree.SubElement(root, "EPCISHeader")
    if business:
        place = etree.SubElement(element, f"{_SBDH}StandardBusinessDocumentHeader", nsmap={"sbdh": SBDH})
        fill(place, business, names, _SBDH)
    if master_data:
        extension = etree.SubElement(element, "extension")
        _write_vocabularies(etree.SubElement(extension, "EPCISMasterData"), master_data, names)


def _business_header(header: Item, created: datetime) -> dict[str, Any]:
    """The Standard Business Document Header of what JSON says at its top: sender, receiver, instanceIdentifier.

    Its schema wants all of it, so what is not known is empty.
    """
    if not any(header.get(key) for key in ("sender", "receiver", "instanceIdentifier")):
        return {}
    return {
        "HeaderVersion": "1.0",
        "Sender": {"Identifier": header.get("sender") or ""},
        "Receiver": {"Identifier": header.get("receiver") or ""},
        "DocumentIdentification": {
            "Standard": "EPCglobal",
            "TypeVersion": "1.0",
            "InstanceIdentifier": header.get("instanceIdentifier") or "",
            "Type": "Events",
            "CreationDateAndTime": as_time(created),
        },
    }


def _write_vocabularies(parent: Any, master_data: list[Item], names: Names) -> None:
    by_kind: dict[str, list[Item]] = {}
    for item in master_data:
        by_kind.setdefault(item["type"], []).append(item)
    vocabularies = etree.SubElement(parent, "VocabularyList")
    for kind, items in by_kind.items():
        vocabulary = etree.SubElement(vocabularies, "Vocabulary", type=kind)
        place = etree.SubElement(vocabulary, "VocabularyElementList")
        for item in items:
            _write_item(place, item, names)


def _write_item(parent: Any, item: Item, names: Names) -> None:
    element = etree.SubElement(parent, "VocabularyElement", id=item["id"])
    for attribute in item.get("attributes") or ():
        _write_attribute(etree.SubElement(element, "attribute", id=attribute["id"]), attribute.get("attribute"), names)
    if children := item.get("children"):
        place = etree.SubElement(element, "children")
        for child in children:
            etree.SubElement(place, "id").text = child
    known = ("type", "id", "attributes", "children")
    write_rest(element, {key: value for key, value in item.items() if key not in known}, names)


def _write_attribute(element: Any, value: Any, names: Names) -> None:
    if isinstance(value, dict) and "@id" in value:  # the attribute `id` is taken: it names this one
        for key, item in value.items():
            write_entry(element, key, item, names)
    elif isinstance(value, str | dict | list):
        fill(element, value, names)
    else:
        fill_literal(element, value)


def _as_bytes(root: Any) -> bytes:
    made: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return made
