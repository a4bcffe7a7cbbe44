"""Lots: what a lot is of, when it was made, when it expires; and finding the thing a text names."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, insert_for, intern, line_up, makers_of, uris_of
from storage.one_of import ask_for, is_asked_for
from storage.stock import known_lots
from storage.tables import ident, lot, lot_change, product
from trace.domain.codes import Code, parse_code
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.rules.movement import LotState, check_may_move
from trace.domain.uris import UriKind, class_uri_of, drug_code_uri, lot_uri, uri_kind
from trace.services.rulebook import rules_on

MOVABLE = (UriKind.LOT, UriKind.INSTANCE)
_DATES = ("produced_on", "expires_on")
DRUG_CODES = drug_code_uri("")  # what the URIs of all 20-digit trace codes begin with


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


def open_lot(
    session: Session, new: NewLot, *, actor: Actor, now: datetime, field: str = "lot", makes: bool = False
) -> str:
    """The URI of a lot, recorded if it is new; `makes` says that the actor is making it just now.

    Two shops that receive the same maker's lot share its record: the primary key `lot.item` decides, the second
    insert passes over the first's row (waiting for it to commit, on PostgreSQL). What the second says differently of
    dates is refused, unless it is theirs to say (`agree_on_lot`).
    """
    made_of = get_product(session, new.product, field=f"{field}.product")
    _check_dates(new, now, field)
    uri = lot_uri(made_of.class_uri, new.number)
    item = intern(session, {uri: UriKind.LOT})[uri]
    values = {
        "item": item,
        "product": made_of.id,
        "number": new.number,
        "produced_on": new.produced_on,
        "expires_on": new.expires_on,
        "origin_region": new.origin_region,
        "origin": new.origin,
        "created_by": actor.organisation,
        "created_at": now,
    }
    session.execute(insert_for(session, lot).values(values).on_conflict_do_nothing(index_elements=["item"]))
    agree_on_lot(session, item, new, actor=actor, now=now, field=field, makes=makes)
    return uri


def agree_on_lot(
    session: Session, item: int, new: NewLot, *, actor: Actor, now: datetime, field: str, makes: bool = False
) -> None:
    """Bring what is said of a recorded lot's dates and its record together.

    A date that is not recorded yet is added, unless another organisation made the lot and left it out. A date that
    differs corrects the record where nobody on this system has made the lot before, and only by who `makes` it now or
    who wrote the record; for all others `Conflict`: one of the two has misread the pack. What stood before is kept
    (`lot_change`), and the events say what they said.

    Two at once: the locked row of the lot decides. A maker always locks it; whoever merely agrees changes nothing.
    """
    query = select(lot).where(lot.c.item == item)
    known = session.execute(query.with_for_update(key_share=True) if makes else query).one()
    if not makes and _said_differently(new, known):
        known = session.execute(query.with_for_update(key_share=True)).one()
    told = _said_differently(new, known)
    if not told:
        return
    makers = makers_of(session, [item]).get(item, set())
    for name, said in told.items():
        stands = getattr(known, name)
        if stands and (makers or not (makes or known.created_by == actor.organisation)):
            raise Conflict(
                N_("Lot {number} is already recorded with {name} {stands}; {said} came. Read the pack again."),
                field=f"{field}.{name}",
                number=known.number,
                name=name,
                stands=stands.isoformat(),
                said=said.isoformat(),
            )
    if makers - {actor.organisation}:
        return
    both = {name: getattr(new, name) or getattr(known, name) for name in _DATES}
    _check_dates(replace(new, **both), now, field)
    session.execute(update(lot).where(lot.c.item == item).values(told))
    session.execute(insert(lot_change), [_change(known, name, said, actor, now) for name, said in told.items()])


def _said_differently(new: NewLot, known: Row[Any]) -> dict[str, date]:
    """{field: date said} of the dates that the record does not have, or has differently."""
    said = {name: getattr(new, name) for name in _DATES}
    return {name: day for name, day in said.items() if day and day != getattr(known, name)}


def _change(known: Row[Any], name: str, said: date, actor: Actor, now: datetime) -> dict[str, Any]:
    """What is kept of one change in a lot's record (R16)."""
    stood = getattr(known, name)
    return {
        "item": known.item,
        "field": name,
        "old": stood.isoformat() if stood else None,
        "new": said.isoformat(),
        "organisation": actor.organisation,
        "person": actor.person,
        "api_key": actor.api_key,
        "changed_at": now,
    }


def check_not_made_before(
    session: Session, made: Mapping[str, str], *, actor: Actor, made_of: Collection[int] = ()
) -> None:
    """Raise `Conflict` for what came to be before; `made` is {lot or single pack: the field that names it}.

    A code is given once; a lot may be harvested in several goes, but by one organisation: whoever "makes" more of
    another's lot puts its name on other goods. Two at once: both pass through the locked rows of `ident`
    (`storage.events.lock_items`), so the later one sees what the earlier recorded. The goods it is `made_of` (numbers)
    are taken with them, shared: of two who make each of what the other makes, neither waits behind what it has.
    """
    ids = intern(session, {uri: uri_kind(uri) for uri in made})
    line_up(session, alone=ids.values(), shared=made_of)
    makers = makers_of(session, ids.values())
    for uri, field in made.items():
        before = makers.get(ids[uri], set())
        if uri_kind(uri) is not UriKind.LOT and before:
            raise Conflict(
                N_("The code {code} was given before, and a code is given once. Read the label again."),
                field=field,
                code=uri.rpartition("/")[2],
            )
        if before - {actor.organisation}:
            raise Conflict(
                N_("The lot {lot} was made by another organisation. Receive it from there, or give your lot a number."),
                field=field,
                lot=uri,
            )


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


def find_lots(session: Session, uris: Iterable[str]) -> dict[str, Row[Any]]:
    """What is recorded of these lots, with their product: {uri: row}."""
    return {row.uri: row for row in ask_for(session, _lots_by_uri, uris)}


def names_of(session: Session, items: Iterable[int]) -> dict[int, tuple[str, Any]]:
    """{item number: (URI, lot row as `find_lots` gives it, or None)} for labels."""
    rows = ask_for(session, _things_by_number, items)
    return {row.ident: (row.uri, None if row.item is None else row) for row in rows}


def _lots(*, isouter: bool = False) -> Select[Any]:
    """Lots with their product; `isouter`: and things that are no recorded lots."""
    return (
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
        .join(lot, lot.c.item == ident.c.id, isouter=isouter)
        .join(product, product.c.id == lot.c.product, isouter=isouter)
    )


@cache
def _lots_by_uri(postgres: bool) -> Select[Any]:
    return _lots().where(is_asked_for(ident.c.uri, postgres=postgres))


@cache
def _things_by_number(postgres: bool) -> Select[Any]:
    return _lots(isouter=True).where(is_asked_for(ident.c.id, postgres=postgres))


def lots_of(session: Session, uris: Iterable[str], *, seen_by: int | None = None) -> dict[str, str]:
    """{item: its lot}, as far as it is known: a lot is its own, a single pack's is in the stock of who had it.

    Where organisations say differently of a pack, the word of `seen_by` (an organisation's number) counts.
    """
    uris = list(uris)
    lots = {uri: uri for uri in uris if uri_kind(uri) is UriKind.LOT}
    ids = find_idents(session, [uri for uri in uris if uri not in lots])
    known = known_lots(session, ids.values(), seen_by=seen_by)
    names = uris_of(session, known.values())
    return lots | {uri: names[known[item]] for uri, item in ids.items() if item in known}


def drugs_among(session: Session, uris: Iterable[str], *, seen_by: int) -> list[str]:
    """Those of these lots and single packs that are drugs: by their lot's product, else by the class in the code."""
    uris = list(uris)
    lots = lots_of(session, uris, seen_by=seen_by)
    rows = find_lots(session, set(lots.values()))
    classes = {uri: class_uri_of(uri) for uri in uris if lots.get(uri) not in rows}
    drugs = {
        found
        for part in chunks({named for named in classes.values() if named})
        for found in session.scalars(
            select(product.c.class_uri).where(product.c.class_uri.in_(part), product.c.category == Category.DRUG)
        )
    }
    return [
        uri
        for uri in uris
        if (
            rows[lots[uri]].category == Category.DRUG
            if uri not in classes
            else classes[uri] in drugs or uri.startswith(DRUG_CODES)
        )
    ]


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


def content_uri(text: str, *, field: str) -> str:
    """The URI of what may be put into a container: a lot, a single thing, or a container; raises `Invalid`."""
    code = parse_code(text)
    if code.uri and uri_kind(code.uri) in (UriKind.CONTAINER_UNIT, UriKind.RETURNABLE):
        return code.uri
    return item_uri(text, field=field)


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


def units_of(session: Session, uris: Iterable[str]) -> dict[str, str]:
    """The unit each lot is counted in: its product's. Raises nothing for unknown lots: they are just not there."""
    return {uri: row.unit for uri, row in find_lots(session, uris).items()}


def check_not_expired(session: Session, uris: Iterable[str], *, seen_by: int, on: date, field: str) -> None:
    """Raise `Conflict` if a lot, or the lot of a single pack, is past its expiry date on a day.

    R7; 食品安全法 Art. 34, 54; 药品管理法 Art. 98.
    """
    lots = lots_of(session, uris, seen_by=seen_by)
    rules = rules_on(session, on, seen_by)
    for uri, row in find_lots(session, set(lots.values())).items():
        if any(check_may_move(LotState(uri, row.expires_on), rules)):
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
