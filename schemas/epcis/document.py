"""What a document on the wire says, whichever form it came in."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EpcisDocument:
    """An EPCISDocument, EPCISQueryDocument, master data document or bare event, read.

    `events` are event documents (EPCIS 2.0 JSON in the normal form, each with its own `@context` map where it needs
    one). `master_data` items are `{"type": vocabulary type, "id": ..., "attributes": [{"id", "attribute"}],
    "children": [ids]}`. `header` holds the other fields of the document: schemaVersion, creationDate, sender,
    receiver, instanceIdentifier, sbdh, extension fields, and the `@context` map of these and of the master data.
    """

    events: list[dict[str, Any]]
    master_data: list[dict[str, Any]]
    header: dict[str, Any]
