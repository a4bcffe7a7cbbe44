"""What organisations told of places and other vocabulary elements, as the query language asks for it."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import ident, master_data
from trace.domain.epcis.document import load_document
from trace.domain.epcis.extension_fields import comparable
from trace.domain.epcis.query_parameters import attribute_name

MOST_DESCENDANTS = (
    10_000  # places inside the places asked for: a chain of shops has thousands, a tree that is none ends
)


class MasterDataReader:
    """`trace.domain.epcis.predicates.MasterData` over the word of these organisations; what was read is kept."""

    def __init__(self, session: Session, told_by: Select[tuple[int]]):
        self._session, self._told_by = session, told_by
        self._attributes: dict[str, Mapping[str, Collection[str]]] = {}
        self._within: dict[frozenset[str], frozenset[str]] = {}

    def attributes_of(self, uri: str) -> Mapping[str, Collection[str]]:
        """{attribute: its values} of a canonical URI."""
        if uri not in self._attributes:
            found: dict[str, set[str]] = {}
            for element in self._elements({uri}):
                for attribute in element.get("attributes", ()):
                    if isinstance(attribute.get("attribute"), str):
                        found.setdefault(attribute_name(attribute["id"]), set()).add(attribute["attribute"])
                    else:
                        found.setdefault(attribute_name(attribute["id"]), set())
            self._attributes[uri] = found
        return self._attributes[uri]

    def within(self, uris: frozenset[str]) -> frozenset[str]:
        """These canonical URIs and their direct and indirect descendants, one level of the tree in each statement."""
        if uris not in self._within:
            found, level = set(uris), set(uris)
            while level and len(found) < MOST_DESCENDANTS:
                children = {
                    comparable(child)
                    for element in self._elements(level)
                    for child in element.get("children", ())
                    if isinstance(child, str)
                }
                level = children - found
                found |= level
            self._within[uris] = frozenset(found)
        return self._within[uris]

    def _elements(self, uris: Collection[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for part in chunks(uris):
            query = (
                select(master_data.c.document)
                .join(ident, ident.c.id == master_data.c.item)
                .where(ident.c.uri.in_(part), master_data.c.organisation.in_(self._told_by))
            )
            found += [load_document(bytes(data)) for data in self._session.scalars(query)]
        return found
