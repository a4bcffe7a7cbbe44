"""Lots: what a lot is of, when it was made, when it expires; and finding the thing a text names."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.events import insert_for, intern
from storage.tables import ident, lot, product
from trace.domain.codes import Code, parse_code
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, lot_uri, uri_kind

MOVABLE = (UriKind.LOT, UriKind.INSTANCE)


@dataclass(frozen=True, slots=True)
class NewLot:
    """What is said of a lot when it is first recorded."""

    product: str  # public id
    number: str
    produced_on: date | None = None
    expires_on: date | None = None
    origin_region: str | None = None
    origin: str = ""


def get_product(session: Session, public_id: str, *, field: str = "product") -> Row[Any]:
    """The product with this public id; raises `NotFound`."""
    row = session.execute(select(product).where(product.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no product {id}. Register it first."), field=field, id=public_id)
    return row


def open_lot(session: Session, new: NewLot, *, actor: Actor, now: datetime, field: str = "lot") -> str:
    """The URI of a lot, recorded if it is new.

    Two shops that receive the same maker's lot share its record: `lot.item` is the primary key, the first one wins.
    What the second says differently of dates is refused (`Conflict`), because one of the two has misread the pack.
    """
    made_of = get_product(session, new.product, field=f"{field}.product")
    _check_dates(new, now, field)
    uri = lot_uri(made_of.class_uri, new.number)
    item = intern(session, {uri: UriKind.LOT})[uri]
    expires_on = new.expires_on
    values = {
        "item": item,
        "product": made_of.id,
        "number": new.number,
        "produced_on": new.produced_on,
        "expires_on": expires_on,
        "origin_region": new.origin_region,
        "origin": new.origin,
        "created_by": actor.organisation,
        "created_at": now,
    }
    session.execute(insert_for(session, lot).values(values).on_conflict_do_nothing(index_elements=["item"]))
    known = session.execute(select(lot).where(lot.c.item == item)).one()
    for name in ("produced_on", "expires_on"):
        said, stands = getattr(new, name), getattr(known, name)
        if said and stands and said != stands:
            raise Conflict(
                N_("Lot {number} is already recorded with {name} {stands}; {said} came. Read the pack again."),
                field=f"{field}.{name}",
                number=new.number,
                name=name,
                stands=stands.isoformat(),
                said=said.isoformat(),
            )
    return uri


def _check_dates(new: NewLot, now: datetime, field: str) -> None:
    if new.produced_on and new.produced_on > now.date():
        # A producer may print tomorrow's date; a record of goods that exist cannot carry it (R1).
        raise Invalid(
            N_("The production date {day} is in the future; goods that are here were made before today."),
            field=f"{field}.produced_on",
            day=new.produced_on.isoformat(),
        )
    if new.produced_on and new.expires_on and new.expires_on < new.produced_on:
        raise Invalid(
            N_("The expiry date {expires} is before the production date {produced}."),
            field=f"{field}.expires_on",
            expires=new.expires_on.isoformat(),
            produced=new.produced_on.isoformat(),
        )


def find_lots(session: Session, uris: list[str]) -> dict[str, Row[Any]]:
    """What is recorded of these lots, with their product: {uri: row}."""
    if not uris:
        return {}
    query = (
        select(
            ident.c.uri,
            ident.c.id.label("ident"),
            lot,
            product.c.name.label("product_name"),
            product.c.category,
            product.c.unit,
            product.c.public_id.label("product_public_id"),
            product.c.producer,
            product.c.specification,
            product.c.prescription,
            product.c.approval_no,
        )
        .join(lot, lot.c.item == ident.c.id)
        .join(product, product.c.id == lot.c.product)
        .where(ident.c.uri.in_(uris))
    )
    return {row.uri: row for row in session.execute(query)}


def parse_item(text: str, *, field: str) -> Code:
    """The lot or instance a text names (URI, scanned text, typed code); raises `Invalid` if it names no such thing."""
    code = parse_code(text)
    uri = code.lot_uri if code.uri is None or uri_kind(code.uri) not in MOVABLE else code.uri
    if uri is None:
        raise Invalid(
            N_(
                "{text} names no lot and no single pack: give a lot's identifier, a trace code or"
                " a GS1 code with lot or serial."
            ),
            field=field,
            text=code.text[:80],
        )
    return code


def item_uri(text: str, *, field: str) -> str:
    """The URI of the lot or instance that a text names; raises `Invalid`."""
    code = parse_item(text, field=field)
    return code.uri if code.uri and uri_kind(code.uri) in MOVABLE else str(code.lot_uri)


def container_uri(text: str, *, field: str) -> str:
    """The URI of the crate, case or pallet that a text names; raises `Invalid`."""
    code = parse_code(text)
    if code.uri is None or uri_kind(code.uri) not in (
        UriKind.CONTAINER_UNIT,
        UriKind.RETURNABLE,
        UriKind.INSTANCE,
    ):
        raise Invalid(
            N_("{text} names no container: give an SSCC, a GRAI, or the code on the crate or case."),
            field=field,
            text=code.text[:80],
        )
    return code.uri


def units_of(session: Session, uris: list[str]) -> dict[str, str]:
    """The unit each lot is counted in: its product's. Raises nothing for unknown lots: they are just not there."""
    return {uri: row.unit for uri, row in find_lots(session, uris).items()}


def check_not_expired(session: Session, uris: list[str], *, on: date, field: str) -> None:
    """Raise `Conflict` if a lot is past its expiry date (R7; 食品安全法 Art. 34, 54; 药品管理法 Art. 98)."""
    for uri, row in find_lots(session, uris).items():
        if row.expires_on and row.expires_on < on:
            raise Conflict(
                N_("{product} lot {number} expired on {day}; it may be returned or destroyed, nothing else."),
                field=field,
                details={"item": uri},
                product=row.product_name,
                number=row.number,
                day=row.expires_on.isoformat(),
            )


def amount_of(text: Decimal | None, uri: str, *, field: str) -> Decimal | None:
    """The amount that goes with an item: lots need one above zero, instances take none."""
    if uri_kind(uri) is not UriKind.LOT:
        return None
    if text is None or text <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=field)
    return text
