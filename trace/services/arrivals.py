"""The lines of a delivery, and what arrives with each: the lot recognised or opened, the goods listed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import find_idents, intern, lock_items
from storage.stock import items_here, lock_transit
from storage.tables import organisation, supplier
from trace.domain.acceptance import NoteLine, check_note
from trace.domain.codes import Code
from trace.domain.epcis.vocabulary import PIECE
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.papers import Finding, Paper, PaperState
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.uris import UriKind, lot_uri, uri_kind
from trace.services.commands import Command
from trace.services.drug_file import DrugCode, confirm_codes, packs_named
from trace.services.lots import (
    NewLot,
    agree_on_lot,
    container_uri,
    find_lots,
    get_product,
    lots_of,
    open_lot,
    parse_item,
)
from trace.services.making import Goods, stranger_uri
from trace.services.open_containers import goods_inside
from trace.services.organisations import get_organisation_row, new_public_id
from trace.services.rulebook import rules_on


class Decision(StrEnum):
    """What is done with a line: on the shelf, kept apart, or back on the lorry."""

    ACCEPT = "accept"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who delivered: an organisation on this system or one's own supplier's file (`public_id` of either), or name,
    address and contact (R1)."""

    public_id: str | None = None
    name: str = ""
    address: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a delivery. The lot is named by `code` (URI or scanned text) or described by product and number.

    `codes` are the trace codes of single packs, and what came is they; an `amount` beside them that differs is a
    finding. `new_identifiers` are those of their identifiers which the drug file does not know yet, and of which
    the clerk, pack in hand, says that they are this product's. `container` is a case or crate whose recorded content
    arrives whole.
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
    new_identifiers: tuple[str, ...] = ()
    no_code_reason: str = ""
    container: str | None = None
    certificates: tuple[str, ...] = ()
    cites: str = ""  # of cut meat: the number of the slaughter batch it was cut from
    celsius: Decimal | None = None
    price: Decimal | None = None
    decision: Decision = Decision.ACCEPT
    reason: str = ""
    told: tuple[Finding, ...] = ()  # what was found before: at acceptance, against note and order
    way: tuple[Mapping[str, Any], ...] = ()  # sensorElements of the way it came (trace.services.temperature_logs)


@dataclass(slots=True)
class Prepared:
    """A line with its lot recorded, its goods listed, its findings made.

    `goods` are what arrives, each thing once; `seen` the same as it stands in containers, and those containers.
    """

    line: Line
    lot: str
    product: Any
    goods: list[Goods]
    amount: Decimal
    unit: str
    seen: list[Goods] = field(default_factory=list)  # empty where all is loose
    new_identifiers: tuple[str, ...] = ()  # of its codes, which the file does not know and nobody confirmed
    numbered: bool = True  # the goods carry a lot number; else the lot is named by one of ours
    papers: list[PaperState] = field(default_factory=list)
    papers_there: list[dict[str, Any]] = field(default_factory=list)  # as the record keeps them (JSON)
    findings: list[Finding] = field(default_factory=list)
    paper_rows: list[Any] = field(default_factory=list)  # of the store: of its lot, named on the line, of its carcass
    carcass: dict[int, Paper] = field(default_factory=dict)  # those of them that are its slaughter batch's
    uses: list[Any] = field(default_factory=list)  # trace.services.paper_use.Share
    overridden_by: int | None = None  # the second person who accepts against a finding
    override_reason: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The supplier as the record needs it."""

    number: int | None
    name: str
    address: str
    contact: str
    party: str
    kind: str | None
    public_id: str | None = None  # of the organisation on this system


def sender_of(session: Session, actor: Actor, told: Supplier) -> Sender:
    """The supplier as recorded; raises `Invalid` where the law's name, address and contact are not there (R1),
    `NotFound` for an id that is neither an organisation's nor that of an own file."""
    told = on_file(session, actor, told)
    if told.public_id:
        row = get_organisation_row(session, told.public_id)
        if row.id == actor.organisation:
            raise Invalid(N_("Goods come from another organisation, not from yourself."), field="supplier.id")
        # What the card of the supplier lacks is what the delivery note says.
        address, contact = row.address or told.address.strip(), row.contact or told.contact.strip()
        return Sender(row.id, row.name, address, contact, row.party_uri, row.kind, row.public_id)
    for name in ("name", "address", "contact"):
        if not getattr(told, name).strip():
            raise Invalid(
                N_(
                    "The supplier's {name} is missing:"
                    " the law asks for name, address and contact (食品安全法 Art. 53, 65)."
                ),
                field=f"supplier.{name}",
                name=name,
            )
    party = stranger_uri(actor, told.name)
    return Sender(None, told.name, told.address, told.contact, party, None)


def on_file(session: Session, actor: Actor, told: Supplier) -> Supplier:
    """Who an own file is of, where the id is a file's: that is the one that the list of suppliers gives."""
    if not told.public_id:
        return told
    query = (
        select(supplier, organisation.c.public_id.label("partner_id"))
        .outerjoin(organisation, organisation.c.id == supplier.c.partner)
        .where(supplier.c.public_id == told.public_id, supplier.c.organisation == actor.organisation)
    )
    file = session.execute(query).one_or_none()
    if file is None:
        return told
    return Supplier(file.partner_id, file.name, file.address or told.address, file.contact or told.contact)


def prepare_lines(session: Session, command: Command, lines: Sequence[Line], day: date) -> list[Prepared]:
    """The lines prepared (`prepare_line`), in their order.

    Lots are opened in the order of their names, so that two clerks who bring the same new lots in another order do not
    wait for each other in a ring.
    """
    ready: dict[int, Prepared] = {}
    for number in sorted(range(len(lines)), key=lambda n: _opening_order(lines[n])):
        ready[number] = prepare_line(session, command, lines[number], number, day)
    return [ready[number] for number in range(len(lines))]


def _opening_order(line: Line) -> tuple[str, str, str]:
    return (line.product or "", line.lot_number, line.code or "")


def prepare_line(session: Session, command: Command, line: Line, number: int, day: date) -> Prepared:
    """A line with its lot recorded and its goods listed; raises `Invalid` naming the field `lines.<number>...`."""
    where = f"lines.{number}"
    if line.container:
        return _prepare_container(session, command.actor, line, where)
    code = parse_item(line.code, field=f"{where}.code") if line.code else None
    if code is not None and code.uri and uri_kind(code.uri) is UriKind.INSTANCE:
        line = replace(line, codes=(code.uri, *line.codes))  # a single pack's own code names the pack, too
    lot = _lot_of(session, command, line, code, where, day)
    known = find_lots(session, [lot]).get(lot)
    if known is None:
        raise Invalid(
            N_("The lot {lot} is not recorded yet: choose its product and type its number."),
            field=f"{where}.code",
            lot=lot,
        )
    made_of = get_product(session, known.product_public_id)
    numbered = bool(line.lot_number.strip() or (code is not None and (code.lot or code.lot_uri)))
    if line.codes:
        field = f"{where}.codes"
        codes, read = packs_named(session, line.codes, made_of=made_of, actor=command.actor, field=field)
        unknown = confirm_codes(session, command, read, made_of=made_of, confirmed=line.new_identifiers, field=field)
        _check_same_lot(read, known, field)
        line = replace(line, told=(*line.told, *_check_counted(session, command, line, made_of.unit, len(codes))))
        goods = [Goods(code) for code in codes]
        return Prepared(line, lot, known, goods, Decimal(len(codes)), PIECE, new_identifiers=unknown, numbered=numbered)
    if line.amount is None or line.amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"{where}.amount")
    goods = [Goods(lot, line.amount, made_of.unit)]
    return Prepared(line, lot, known, goods, line.amount, made_of.unit, numbered=numbered)


def _prepare_container(session: Session, actor: Actor, line: Line, where: str) -> Prepared:
    """A whole pallet, case or crate: the goods that were packed into it, by the records of who packed it."""
    parent = container_uri(line.container or "", field=f"{where}.container")
    inside, containers = goods_inside(session, parent)
    lots = set(lots_of(session, [g.item for g in inside], seen_by=actor.organisation).values())
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
    return Prepared(line, lot, known, _each_once(inside), amount, unit, inside + containers)


def _each_once(inside: Sequence[Goods]) -> list[Goods]:
    """The goods without their containers: what lies of one lot in several crates is added up."""
    parts: dict[str, list[Goods]] = {}
    for good in inside:
        parts.setdefault(good.item, []).append(good)
    return [
        Goods(item, None if any(g.amount is None for g in same) else sum(g.amount for g in same), same[0].unit)
        for item, same in parts.items()
    ]


def _lot_of(session: Session, command: Command, line: Line, code: Code | None, where: str, day: date) -> str:
    """The lot a line speaks of: named by a code, or opened from product and number.

    What the code itself says (lot, dates) stands where nothing else was typed; what was typed has to agree with the
    lot's record.
    """
    produced_on = line.produced_on or (code.produced_on if code else None)
    expires_on = line.expires_on or (code.expires_on if code else None)
    if code is not None and code.lot_uri:
        known = find_lots(session, [code.lot_uri]).get(code.lot_uri)
        if known is not None:
            said = NewLot(known.product_public_id, known.number, produced_on, expires_on)
            agree_on_lot(session, known.item, said, actor=command.actor, now=command.now, field=where)
        if known is not None or not line.product:
            return code.lot_uri
    if not line.product:
        raise Invalid(N_("Choose the product of this line."), field=f"{where}.product")
    number = (
        line.lot_number.strip()
        or (code.lot if code and code.lot else None)
        or (
            # What has no lot number gets one of ours: the day and a random part; one step back must work all the same.
            f"{produced_on or day:%Y%m%d}-{new_public_id()[:6]}"
        )
    )
    if expires_on is None:
        expires_on = _shelf_life_end(session, line.product, number, produced_on, f"{where}.product")
    new = NewLot(line.product, number, produced_on, expires_on, line.origin_region, line.origin)
    return open_lot(session, new, actor=command.actor, now=command.now, field=where)


def _shelf_life_end(session: Session, product: str, number: str, produced_on: date | None, field: str) -> date | None:
    """The day a food's shelf life (保质期) ends, so that nobody types it; a drug's date is read from its pack.

    A lot that is recorded keeps what its record says.
    """
    made_of = get_product(session, product, field=field)
    if produced_on is None or not made_of.shelf_life_days or made_of.category == Category.DRUG:
        return None
    uri = lot_uri(made_of.class_uri, number)
    if uri in find_lots(session, [uri]):
        return None
    return produced_on + timedelta(days=made_of.shelf_life_days)


def _check_same_lot(codes: Iterable[DrugCode], known: Any, field: str) -> None:
    """Raise `Invalid` for a pack whose own code (GS1) says another lot or expiry date than its line."""
    for code in codes:
        for said, stands in ((code.lot, known.number), (code.expires_on, known.expires_on)):
            if said and stands and said != stands:
                raise Invalid(
                    N_("The code {code} itself says {said}, and its line {stands}. Put the pack on a line of its own."),
                    field=field,
                    code=code.text[:80],
                    said=str(said),
                    stands=str(stands),
                )


def _check_counted(session: Session, command: Command, line: Line, unit: str, came: int) -> list[Finding]:
    """What somebody typed as the quantity of a line against its codes: the codes are what came, the rest is missing.

    Only where the product is counted in packs: 2 kg in four boxes is no difference.
    """
    if line.amount is None or unit != PIECE:
        return []
    noted = NoteLine(0, line.product or "", amount=line.amount)
    return check_note(noted, Decimal(came), rules_on(session, command.day, command.actor.organisation), noted=True)


def check_identifiers_known(prepared: Sequence[Prepared]) -> None:
    """Raise `Invalid` for codes of which nobody has said yet that they are of their line's product.

    A misread or a box of something else looks just like a product's new identifier: a person decides, once.
    """
    for number, ready in enumerate(prepared):
        if ready.new_identifiers:
            raise Invalid(
                N_(
                    "The drug file does not know the code identifier {identifier} yet. Look at the box:"
                    " if it is {product}, say so; else read the codes again."
                ),
                field=f"lines.{number}.new_identifiers",
                details={"new_identifiers": list(ready.new_identifiers)},
                identifier=ready.new_identifiers[0],
                product=ready.product.product_name,
            )


def lock_arrivals(session: Session, actor: Actor, sender: Sender, prepared: Sequence[Prepared]) -> None:
    """Line up with everybody who receives some of the same: what the checks after this see, nobody else changes.

    The rows of the lots and packs in `ident` (`storage.events.lock_items`), then what is on the way of them
    (`storage.stock.lock_transit`): all lines at once and in order, so that two clerks with the same lines in another
    order do not wait for each other in a ring.
    """
    kinds = {uri: int(uri_kind(uri)) for ready in prepared for uri in (ready.lot, *(g.item for g in ready.goods))}
    items = intern(session, kinds).values()
    lock_items(session, items)
    if sender.number is not None:
        lock_transit(session, sender=sender.number, receiver=actor.organisation, items=items)


def check_not_in_stock(session: Session, actor: Actor, ready: Prepared, where: str) -> None:
    """Raise `Conflict` for single packs that are in stock here: they cannot arrive again."""
    ids = find_idents(session, [g.item for g in ready.goods if g.amount is None])
    doubled = items_here(session, actor.organisation, ids.values())
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
