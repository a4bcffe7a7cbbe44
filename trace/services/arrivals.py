"""The lines of a delivery, and what arrives with each: the lot recognised or opened, the goods listed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import find_idents, uris_of
from storage.tables import stock
from trace.domain.epcis.vocabulary import PIECE
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.papers import Finding, PaperState
from trace.domain.permissions import Actor
from trace.domain.uris import PRIVATE, UriKind, party_uri, uri_kind
from trace.services.hops import Command
from trace.services.lots import NewLot, container_uri, find_lots, get_product, item_uri, open_lot
from trace.services.making import Goods
from trace.services.open_containers import content_of
from trace.services.organisations import get_organisation_row, new_public_id
from trace.services.products import EVERYWHERE, learn_code, product_id_of_code


class Decision(StrEnum):
    """What is done with a line: on the shelf, kept apart, or back on the lorry."""

    ACCEPT = "accept"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who delivered: an organisation on this system (`public_id`), or name, address and contact (R1)."""

    public_id: str | None = None
    name: str = ""
    address: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a delivery. The lot is named by `code` (URI or scanned text) or described by product and number.

    `codes` are the trace codes of single packs; `container` a case or crate whose recorded content arrives whole.
    """

    product: str | None = None
    code: str | None = None
    lot_number: str = ""
    amount: Decimal | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    origin_region: str | None = None
    origin: str = ""
    codes: tuple[str, ...] = ()
    no_code_reason: str = ""
    container: str | None = None
    certificates: tuple[str, ...] = ()
    celsius: Decimal | None = None
    price: Decimal | None = None
    decision: Decision = Decision.ACCEPT
    reason: str = ""


@dataclass(slots=True)
class Prepared:
    """A line with its lot recorded, its goods listed, its findings made."""

    line: Line
    lot: str
    product: Any
    goods: list[Goods]
    amount: Decimal
    unit: str
    papers: list[PaperState] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sender:
    """The supplier as the record needs it."""

    number: int | None
    name: str
    address: str
    contact: str
    party: str
    kind: str | None


def sender_of(session: Session, actor: Actor, supplier: Supplier) -> Sender:
    """The supplier as recorded; raises `Invalid` where the law's name, address and contact are not there (R1)."""
    if supplier.public_id:
        row = get_organisation_row(session, supplier.public_id)
        if row.id == actor.organisation:
            raise Invalid(N_("Goods come from another organisation, not from yourself."), field="supplier.id")
        return Sender(row.id, row.name, row.address, row.contact, row.party_uri, row.kind)
    for name in ("name", "address", "contact"):
        if not getattr(supplier, name).strip():
            raise Invalid(
                N_(
                    "The supplier's {name} is missing:"
                    " the law asks for name, address and contact (食品安全法 Art. 53, 65)."
                ),
                field=f"supplier.{name}",
                name=name,
            )
    party = party_uri(f"{actor.party_uri.removeprefix(PRIVATE)}:{supplier.name}")
    return Sender(None, supplier.name, supplier.address, supplier.contact, party, None)


def prepare_line(session: Session, command: Command, line: Line, number: int, day: date) -> Prepared:
    """A line with its lot recorded and its goods listed; raises `Invalid` naming the field `lines.<number>...`."""
    where = f"lines.{number}"
    if line.container:
        return _prepare_container(session, line, where)
    lot = _lot_of(session, command, line, where, day)
    known = find_lots(session, [lot]).get(lot)
    if known is None:
        raise Invalid(
            N_("The lot {lot} is not recorded yet: choose its product and type its number."),
            field=f"{where}.code",
            lot=lot,
        )
    made_of = get_product(session, known.product_public_id)
    if line.codes:
        codes = tuple(dict.fromkeys(item_uri(code, field=f"{where}.codes") for code in line.codes))
        _check_codes(session, command.actor, made_of, codes, where)
        goods = [Goods(code) for code in codes]
        return Prepared(line, lot, known, goods, Decimal(len(codes)), PIECE)
    if line.amount is None or line.amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"{where}.amount")
    return Prepared(line, lot, known, [Goods(lot, line.amount, made_of.unit)], line.amount, made_of.unit)


def _prepare_container(session: Session, line: Line, where: str) -> Prepared:
    """A whole case or crate: what was packed into it, by the records of who packed it."""
    parent = container_uri(line.container or "", field=f"{where}.container")
    inside = content_of(session, parent)
    lots = _lots_of_goods(session, inside)
    if len(lots) != 1:
        raise Invalid(
            N_("The container {container} holds {count} known lots; receive its content line by line."),
            field=f"{where}.container",
            container=line.container or "",
            count=len(lots),
        )
    lot = next(iter(lots))
    known = find_lots(session, [lot])[lot]
    amount = sum((g.amount if g.amount is not None else Decimal(1) for g in inside), Decimal(0))
    unit = PIECE if any(g.amount is None for g in inside) else known.unit
    return Prepared(line, lot, known, inside, amount, unit)


def _lots_of_goods(session: Session, goods: Sequence[Goods]) -> set[str]:
    """The lots that goods are, or belong to: an instance's lot is kept in the stock of who made or sent it."""
    lots = {g.item for g in goods if uri_kind(g.item) is UriKind.LOT}
    instances = [g.item for g in goods if uri_kind(g.item) is not UriKind.LOT]
    if instances:
        ids = find_idents(session, instances)
        query = select(stock.c.lot).where(stock.c.item.in_(ids.values()), stock.c.lot.is_not(None)).distinct()
        lots |= set(uris_of(session, session.scalars(query).all()).values())
    return lots


def _lot_of(session: Session, command: Command, line: Line, where: str, day: date) -> str:
    """The lot a line speaks of: named by a code, or opened from product and number."""
    if line.code:
        uri = item_uri(line.code, field=f"{where}.code")
        if uri_kind(uri) is UriKind.LOT and (not line.product or uri in find_lots(session, [uri])):
            return uri
    if not line.product:
        raise Invalid(N_("Choose the product of this line."), field=f"{where}.product")
    number = line.lot_number.strip() or (
        # What has no lot number gets one of ours: the day and a random part; one step back must work all the same.
        f"{line.produced_on or day:%Y%m%d}-{new_public_id()[:6]}"
    )
    new = NewLot(line.product, number, line.produced_on, line.expires_on, line.origin_region, line.origin)
    return open_lot(session, new, actor=command.actor, now=command.now, field=where)


def _check_codes(session: Session, actor: Actor, made_of: Any, codes: Sequence[str], where: str) -> None:
    """The codes' identifiers belong to this product (learnt if new), and none is here already."""
    for identifier in {uri.rpartition("/")[2][:7] for uri in codes if "/drug/obj/" in uri}:
        learn_code(session, product_id=made_of.id, organisation=EVERYWHERE, code=identifier)
        if product_id_of_code(session, identifier) != made_of.id:
            raise Invalid(
                N_("The code identifier {identifier} belongs to another product in the file; scan again or choose it."),
                field=f"{where}.codes",
                identifier=identifier,
            )
    ids = find_idents(session, codes)
    here = select(stock.c.item).where(
        stock.c.organisation == actor.organisation,
        stock.c.item.in_(ids.values()),
        stock.c.on_hand + stock.c.held > 0,
    )
    doubled = set(session.scalars(here))
    if doubled:
        first = next(uri for uri, number in ids.items() if number in doubled)
        raise Conflict(
            N_(
                "The code {code} is in stock here already; {count} codes of this line are."
                " Look at the earlier delivery."
            ),
            field=f"{where}.codes",
            code=first.rpartition("/")[2],
            count=len(doubled),
        )


def check_each_once(prepared: Sequence[Prepared]) -> None:
    """Raise `Invalid` for goods that stand on two lines of one delivery."""
    seen_items: set[str] = set()
    for number, ready in enumerate(prepared):
        for good in ready.goods:
            if good.item in seen_items:
                raise Invalid(
                    N_("{item} stands on two lines of this delivery; put it on one line with the whole quantity."),
                    field=f"lines.{number}",
                    item=good.item,
                )
            seen_items.add(good.item)
