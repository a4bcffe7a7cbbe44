"""What all records that are told share: which are looked for, the goods in them, codes as they are read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.events import documents_of
from storage.tables import MICRO, insurance_code, lot, product
from trace.domain.epcis.document import load_document
from trace.domain.uris import UriKind, parse_digital_link, split_private_uri, uri_kind


@dataclass(frozen=True, slots=True)
class Window:
    """Which records: of an organisation, recorded since a moment, or those of some subjects.

    `begins` is from when on records are told to the target.
    """

    organisation: int
    target: int
    zone: tzinfo | None
    begins: datetime
    since: datetime
    subjects: frozenset[str] | None = None

    @property
    def heads(self) -> set[int]:
        """The numbers of the receipts, sales or events in the subjects."""
        numbers = (subject.partition(".")[0] for subject in self.subjects or ())
        return {int(number) for number in numbers if number.isdigit()}


GOODS = (
    product.c.id.label("product"),
    product.c.public_id.label("product_id"),
    product.c.name,
    product.c.prescription,
    product.c.approval_no,
    product.c.producer,
    product.c.drug_class,
    lot.c.number.label("lot_number"),
    lot.c.produced_on,
    lot.c.expires_on,
)


def listing_of(window: Window) -> Any:
    """What the insurance calls the drug, by this pharmacy's latest entry."""
    return (
        select(insurance_code.c.code)
        .where(insurance_code.c.organisation == window.organisation, insurance_code.c.product == product.c.id)
        .order_by(insurance_code.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("listing")
    )


def goods_of(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """The fields of a `Record` that a row with `GOODS` and the listing tells."""
    return {
        "product": row.product,
        "product_id": row.product_id,
        "name": row.name,
        "prescription": row.prescription,
        "approval_no": row.approval_no or "",
        "producer": row.producer,
        "drug_class": row.drug_class or "",
        "listing": row.listing,
        "lot_number": row.lot_number,
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
    }


def amount_of(millionths: int) -> Decimal:
    """An amount as it is written, of millionths."""
    return Decimal(millionths) / MICRO


def codes_of_events(session: Session, events: Iterable[int]) -> Mapping[int, list[str]]:
    """{event: the codes of the single packs in it}."""
    found: dict[int, list[str]] = {}
    for number, data in documents_of(session, sorted(events)).items():
        seen = load_document(data).get("epcList") or ()
        found[number] = [code_text(uri) for uri in seen if uri_kind(uri) is UriKind.INSTANCE]
    return found


def code_text(uri: str) -> str:
    """A pack's code as it is read from the box: 20 digits, GS1's (01)(21) without brackets, a maker's own."""
    link = parse_digital_link(uri)
    if link is not None:
        return "".join(f"{ai}{value}" for ai, value in link.items() if ai in ("01", "21"))
    value = split_private_uri(uri)[2]
    return uri if value is None else unquote(value)
