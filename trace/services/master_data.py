"""Master data that partners send in the headers of their documents: what they call places, parties and products.

It describes identifiers and records nothing that happened (EPCIS 2.0 section 6.1.1), so what an organisation sent last
counts; it is the organisation's own word, and shown with its own look-ups only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.epcis.document import EpcisDocument
from schemas.epcis.extensions import is_modest
from schemas.epcis.faults import Fault
from schemas.epcis.xml_names import is_text
from storage.bulk import insert_rows
from storage.events import chunks, find_idents, intern
from storage.tables import master_data
from trace.domain.characters import find_unreadable
from trace.domain.epcis.document import canonical_bytes, load_document
from trace.domain.events import utc_milliseconds
from trace.domain.failures import N_, Failure
from trace.domain.permissions import Actor
from trace.domain.uris import canonical_uri, uri_kind
from trace.services.capture import is_too_long

LONGEST_KIND, LONGEST_ID, LONGEST_ELEMENT = 120, 1_000, 20_000
MOST_ELEMENTS = 10_000
Elements = Mapping[tuple[str, str], Mapping[str, Any]]  # {(canonical id, vocabulary type): element}


def check_master_data(document: EpcisDocument) -> list[Fault]:
    """What is wrong with the vocabulary elements of a document's header; paths begin at the element."""
    elements = document.master_data
    if len(elements) > MOST_ELEMENTS:
        return [Fault("/epcisHeader", N_("More than 10000 vocabulary elements; send them in parts."))]
    found = []
    for number, element in enumerate(elements):
        message = _fault_of(element)
        if message:
            found.append(Fault(f"/epcisHeader/epcisMasterData/vocabularyElement/{number}", message))
    return found


def _fault_of(element: Mapping[str, Any]) -> str | None:
    kind, id_ = element.get("type"), element.get("id")
    if not (isinstance(kind, str) and 0 < len(kind) <= LONGEST_KIND):
        return N_("A vocabulary has a type, a URI of at most 120 characters.")
    if not (isinstance(id_, str) and 0 < len(id_) <= LONGEST_ID) or find_unreadable(kind + id_):
        return N_("A vocabulary element has an id, a URI of at most 1000 characters.")
    try:
        uri = canonical_uri(id_)
    except Failure:
        return N_("The id of a vocabulary element is no EPC whose parts fit together.")
    if is_too_long(uri):
        return N_("A vocabulary element has an id, a URI of at most 1000 characters.")
    if not all(map(is_text, _names_in(element))):
        return N_("An id in a vocabulary element holds a character that XML cannot carry.")
    if not all(map(is_modest, _numbers_in(element))):
        return N_("A number in a vocabulary element has at most 40 digits.")
    if len(canonical_bytes(element)) > LONGEST_ELEMENT:
        return N_("A vocabulary element has at most 20000 characters.")
    return None


def _names_in(element: Mapping[str, Any]) -> Iterator[str]:
    """What XML has no other form for than an attribute or a text of its own."""
    yield from (element["type"], element["id"], *element.get("children", ()))
    for attribute in element.get("attributes", ()):
        yield attribute["id"]


def _numbers_in(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers_in(inner)
    elif value is not None and not isinstance(value, str | bool):
        yield value


def right_elements(document: EpcisDocument) -> Elements:
    """The elements of a document's header that can be kept, each with the prefixes it uses; none of too many."""
    if len(document.master_data) > MOST_ELEMENTS:
        return {}
    context = document.header.get("@context", {})
    return {
        (canonical_uri(element["id"]), element["type"]): element | _own_context(element, context)
        for element in document.master_data
        if _fault_of(element) is None
    }


def keep_master_data(session: Session, elements: Elements, *, actor: Actor, now: datetime) -> None:
    """Keep vocabulary elements as the organisation's word, in place of earlier ones.

    Two documents at once: the rows are written in order of item, so that none waits for the other in a ring.
    """
    ids = intern(session, {uri: uri_kind(uri) for uri, _ in elements})
    rows = [
        (actor.organisation, ids[uri], kind, canonical_bytes(element), utc_milliseconds(now))
        for (uri, kind), element in elements.items()
    ]
    columns = ("organisation", "item", "kind", "document", "record_time")
    insert_rows(session, master_data, columns, sorted(rows, key=lambda row: row[1:3]), replace=columns[3:])


def _own_context(element: Mapping[str, Any], context: Mapping[str, str]) -> dict[str, Any]:
    """The prefixes an element uses, so that it can stand in another document."""
    written = canonical_bytes(element)
    used = {prefix: name for prefix, name in context.items() if f'"{prefix}:'.encode() in written}
    return {"@context": used} if used else {}


def master_data_of(session: Session, uris: Iterable[str], *, actor: Actor) -> list[dict[str, Any]]:
    """The vocabulary elements the organisation sent for these identifiers, in order of type and id."""
    numbers = find_idents(session, {canonical_uri(uri) for uri in uris}).values()
    found: list[dict[str, Any]] = []
    for part in chunks(numbers):
        query = select(master_data.c.document).where(
            master_data.c.organisation == actor.organisation, master_data.c.item.in_(part)
        )
        found += [load_document(bytes(data)) for data in session.scalars(query)]
    return sorted(found, key=lambda element: (element["type"], element["id"]))


def named_in(documents: Sequence[Mapping[str, Any]]) -> set[str]:
    """The identifiers of event documents that master data describes: places, parties, classes."""
    found: set[str] = set()
    for document in documents:
        found.update(document[name]["id"] for name in ("readPoint", "bizLocation") if name in document)
        for list_name, name in (("sourceList", "source"), ("destinationList", "destination")):
            found.update(end[name] for end in document.get(list_name, ()))
        for list_name in ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"):
            found.update(quantity["epcClass"] for quantity in document.get(list_name, ()))
    return found
