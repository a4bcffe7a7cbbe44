"""What the counter of a pharmacy looks up: packs by their codes, set-wise, and what should be sold first."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Row, and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from storage.events import NO_DECLARER, chunks, find_idents, id_key, intern, keep_declarations_apart
from storage.tables import (
    MICRO,
    dispensing,
    dispensing_head,
    ident,
    lot,
    product,
    receipt,
    receipt_line,
    split_pack,
    stock,
)
from storage.tenancy import across
from trace.domain.dispensing import NoCodeReason, Opened, Pack, Verdict, code_text, find_refusal
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.events import BizTransaction
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor
from trace.domain.rules.book import Rules
from trace.domain.rules.reviews import HandedOut, first_needing
from trace.domain.uris import UriKind, uri_kind
from trace.services.code_sales import lock_heads
from trace.services.drug_file import DrugCode, read_codes
from trace.services.making import Stamp
from trace.services.prices import selling_prices
from trace.services.recall_reach import recalls_over
from trace.services.rulebook import rules_on

# What events of the counter say of a pack.
_WORDS = (
    BizStep.DISPENSING, BizStep.RECEIVING, BizStep.HOLDING, BizStep.INSPECTING, Disposition.DISPENSED,
    Disposition.PARTIALLY_DISPENSED, Disposition.RETURNED, Disposition.NON_SELLABLE,
)  # fmt: skip
_LOT = {name: lot.c[name].label(f"lot_{name}") for name in ("item", "number", "produced_on", "expires_on")}
_PRODUCT = {
    name: product.c[name].label(f"product_{name}")
    for name in (
        "id", "public_id", "name", "category", "specification", "unit", "producer", "prescription", "drug_class",
        "split_units", "split_unit_name",
    )
}  # fmt: skip
_LOT_IDENT = ident.alias("lot_ident")
_HERE: BindParameter[int] = bindparam("here", type_=BigInteger)
_PARTS = dispensing.alias("parts")
# Not `split_pack.sold`: of what the shop's own program reports nobody here opened the pack.
_UNITS_HERE = (
    select(func.sum(_PARTS.c.split_units))
    .where(_PARTS.c.item == stock.c.item, _PARTS.c.organisation == _HERE, _PARTS.c.returned_event.is_(None))
    .scalar_subquery()
)
# What a counter asks at every scan is written once, here: to put such a statement together takes longer than to run it.
# Packs that the shop has or had, with their lots and products, their open sale and what is open of them.
_PACKS = (
    select(
        stock.c.item,
        stock.c.on_hand,
        stock.c.held,
        stock.c.sold.label("out"),
        *_LOT.values(),
        _LOT_IDENT.c.uri.label("lot_uri"),
        *_PRODUCT.values(),
        dispensing.c.dispensed_at,
        split_pack.c.units,
        split_pack.c.unit_name,
        split_pack.c.sold,
        split_pack.c.use_by,
        dispensing_head.c.open_sales.label("sales_anywhere"),
        dispensing_head.c.split_units.label("units_anywhere"),
        _UNITS_HERE.label("units_here"),
    )
    .outerjoin(lot, lot.c.item == stock.c.lot)
    .outerjoin(_LOT_IDENT, _LOT_IDENT.c.id == lot.c.item)
    .outerjoin(product, product.c.id == lot.c.product)
    .outerjoin(
        dispensing,
        and_(
            dispensing.c.item == stock.c.item,
            dispensing.c.organisation == _HERE,
            dispensing.c.returned_event.is_(None),
            dispensing.c.split_units.is_(None),
        ),
    )
    .outerjoin(split_pack, and_(split_pack.c.item == stock.c.item, split_pack.c.organisation == _HERE))
    .outerjoin(dispensing_head, dispensing_head.c.item == stock.c.item)
    .where(
        stock.c.organisation == _HERE,
        stock.c.unit == PIECE,
        stock.c.item.in_(bindparam("items", expanding=True)),
    )
)
# The lots of these products on the shelf that expire before a day, what expires first on top; packs that are open
# already are not counted. Later lots are left alone: to count them is to read the row of every pack of the product.
_ON_SHELF = (
    select(
        lot.c.item,
        lot.c.product,
        lot.c.number,
        lot.c.expires_on,
        func.sum(case((split_pack.c.item.is_(None), stock.c.on_hand), else_=0)).label("there"),
    )
    .join(stock, stock.c.lot == lot.c.item)
    .outerjoin(split_pack, and_(split_pack.c.item == stock.c.item, split_pack.c.organisation == stock.c.organisation))
    .where(
        stock.c.organisation == _HERE,
        stock.c.on_hand > 0,
        lot.c.expires_on >= bindparam("on"),
        lot.c.expires_on < bindparam("before"),
        lot.c.product.in_(bindparam("products", expanding=True)),
    )
    .group_by(lot.c.item)
    .order_by(lot.c.expires_on, lot.c.number)
)


def pack_uris(session: Session, actor: Actor, texts: Mapping[str, str]) -> dict[str, str]:
    """{field: URI of the pack} of scanned texts, {field: text}; raises `Invalid` for one that names no single pack."""
    read = dict(zip(texts, read_codes(session, list(texts.values()), actor=actor), strict=True))
    for field, code in read.items():
        if not code.is_pack or code.uri is None:
            text = N_("{code} names no single pack: scan the trace code on the box.")
            raise Invalid(text, field=field, code=code.text[:80])
    return {field: str(code.uri) for field, code in read.items()}


def line_up(
    session: Session, made: Stamp, packs: Collection[str], *, events: int, papers: Iterable[BizTransaction] = ()
) -> None:
    """`lock_heads` of packs (URIs) for who will capture so many events of the counter about them.

    What `capture` takes before the rows of codes is taken before them here, too: the lanes of the events, the words and
    papers they name. The other way round, who has the row of a code and brings a new word (the first prescription of
    that number) would wait for a program that brings the same word and waits for the row: a ring, and PostgreSQL ends
    one of them.
    """
    ids = [made.common(number)["event_id"] for number in range(events)]
    keep_declarations_apart(session, [(id_key(event_id), NO_DECLARER) for event_id in ids])
    named = (made.place, *(paper.id for paper in papers))
    intern(session, {name: int(uri_kind(name)) for name in named} | dict.fromkeys(_WORDS, int(UriKind.OTHER)))
    lock_heads(session, find_idents(session, packs).values())


@across(because="one code is sold once in the whole network (R8)")
def find_packs(session: Session, *, actor: Actor, uris: Iterable[str]) -> dict[str, Pack]:
    """Every one of these codes (URIs) as the actor's shop has it, known or not: two statements for any number."""
    uris = list(uris)
    ids = find_idents(session, uris)
    rows: dict[int, Row[Any]] = {}
    for part in chunks(ids.values()):
        asked = {"here": actor.organisation, "items": list(part)}
        rows |= {row.item: row for row in session.execute(_PACKS, asked)}
    return {uri: _pack(uri, ids.get(uri), rows.get(ids.get(uri, -1))) for uri in uris}


def _pack(uri: str, item: int | None, row: Row[Any] | None) -> Pack:
    if row is None or row.lot_item is None:
        return Pack(code_text(uri), uri, item)
    opened = None if row.units is None else Opened(row.units, row.unit_name, row.sold, row.use_by)
    where = (row.on_hand > 0, row.held > 0, row.out > 0)
    sales, units = (row.sales_anywhere or 0) - (row.dispensed_at is not None), (row.units_anywhere or 0)
    elsewhere = sales > 0 or units > (row.units_here or 0)
    return Pack(code_text(uri), uri, item, *where, *_cards(row), row.dispensed_at, opened, elsewhere)


def _cards(row: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(lot, product) as the domain wants them."""
    told = row._mapping
    lot_card = {name: told[f"lot_{name}"] for name in (*_LOT, "uri")}
    return lot_card, {name: told[f"product_{name}"] for name in _PRODUCT}


def find_cards(session: Session, lots: Iterable[str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """{lot's URI: (lot, product)} of lots that are recorded."""
    found = {}
    query = (
        select(*_LOT.values(), _LOT_IDENT.c.uri.label("lot_uri"), *_PRODUCT.values())
        .join(_LOT_IDENT, _LOT_IDENT.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
    )
    for part in chunks(lots):
        for row in session.execute(query.where(_LOT_IDENT.c.uri.in_(part))):
            found[row.lot_uri] = _cards(row)
    return found


def reasons_on_arrival(session: Session, *, actor: Actor, lots: Collection[int]) -> dict[int, NoCodeReason]:
    """{lot: why its packs came without codes (R9)}, as the shop recorded it on arrival."""
    query = (
        select(receipt_line.c.item, receipt_line.c.reason)
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .where(receipt.c.organisation == actor.organisation, receipt.c.undone_at.is_(None))
    )
    known = {reason.value: reason for reason in NoCodeReason}
    found: dict[int, NoCodeReason] = {}
    for part in chunks(lots):
        for item, reason in session.execute(query.where(receipt_line.c.item.in_(part))):
            said = known.get((reason or "").removeprefix("no_code_"))
            if said is not None:
                found[item] = said
    return found


@dataclass(frozen=True, slots=True)
class Earlier:
    """A lot that expires before the one that is sold, and is on the shelf."""

    product: str
    number: str
    expires_on: date
    instead_of: str  # number of the lot that is sold

    def as_told(self) -> dict[str, str]:
        """As answers tell it."""
        return {
            "product": self.product,
            "lot_number": self.number,
            "expires_on": self.expires_on.isoformat(),
            "instead_of": self.instead_of,
        }


def find_earlier(
    session: Session,
    *,
    actor: Actor,
    leaving: Sequence[tuple[Mapping[str, Any], Mapping[str, Any], int]],
    on: date,
) -> dict[int, Earlier]:
    """{lot that is sold: the lot to be sold first} (近效期先出); `leaving` is [(lot, product, millionths)] of one sale.

    What is sold in the same sale is not on the shelf any more; packs that are open already, held or past are not
    counted either. One statement.
    """
    going: dict[int, int] = defaultdict(int)
    for sold, _, amount in leaving:
        going[sold["item"]] += amount
    before = max((sold["expires_on"] or date.max for sold, _, _ in leaving), default=on)
    first: dict[int, Any] = {}
    for part in chunks({card["id"] for _, card, _ in leaving}):
        asked = {"here": actor.organisation, "on": on, "before": before, "products": list(part)}
        for row in session.execute(_ON_SHELF, asked):
            if row.there > going.get(row.item, 0):
                first.setdefault(row.product, row)
    found = {}
    for sold, card, _ in leaving:
        other = first.get(card["id"])
        if other is not None and other.expires_on < (sold["expires_on"] or date.max):
            found[sold["item"]] = Earlier(card["name"], other.number, other.expires_on, sold["number"])
    return found


def check_codes(session: Session, texts: Sequence[str], *, actor: Actor, on: date) -> list[dict[str, Any]]:
    """What the counter is told of scanned texts before they are sold, each pack once, in their order.

    {text, code, uri, verdict, message, values, product, lot_number, expires_on, review, earlier, opened,
    sold_elsewhere, price} each: `verdict` is one of `Verdict`, or "unknown" for a text that names no pack; `message`
    with its `values` is a sentence, None where it may be sold; `review` is whether a pharmacist has to (R10);
    `sold_elsewhere` says that another shop has sold it, or some of its units: mostly a sale is alarmed then (R8). Takes
    no lock: the sale decides.
    """
    read = {code.uri or code.text: code for code in read_codes(session, texts, actor=actor)}
    packs = find_packs(session, actor=actor, uris=[str(code.uri) for code in read.values() if _names_pack(code)])
    numbers = [pack.item for pack in packs.values() if pack.item is not None]
    recalls = recalls_over(session, numbers, organisation=actor.organisation) if numbers else {}
    sold = [pack for pack in packs.values() if pack.lot is not None and pack.opened is None]
    leaving = [(pack.lot, pack.product, MICRO) for pack in sold if pack.lot is not None]
    earlier = find_earlier(session, actor=actor, leaving=leaving, on=on) if leaving else {}
    rules = rules_on(session, on, actor.organisation)
    prices = selling_prices(session, actor, {pack.product["id"] for pack in packs.values() if pack.product})
    told = []
    for code in read.values():
        pack = packs.get(code.uri or "")
        if pack is None:
            told.append(_unknown(code))
            continue
        units = None if pack.opened is None else 1
        refusal = find_refusal(pack, day=on, rules=rules, units=units)
        entry = _told(code, pack, rules) | {"price": prices.get(pack.product.get("id", 0))}
        if pack.item in recalls and (refusal is None or refusal.verdict is not Verdict.SOLD):
            over = recalls[pack.item][0]
            text = N_("Held or recalled ({reason}): it is not sold.")
            entry |= {"verdict": Verdict.HELD.value, "message": text, "values": {"reason": over.reason}}
        elif refusal is not None:
            entry |= {"verdict": refusal.verdict.value, "message": refusal.message, "values": dict(refusal.values)}
        elif pack.lot is not None and pack.lot["item"] in earlier:
            entry["earlier"] = earlier[pack.lot["item"]].as_told()
        told.append(entry)
    return told


def _names_pack(code: DrugCode) -> bool:
    return code.is_pack and code.uri is not None


def _unknown(code: DrugCode) -> dict[str, Any]:
    text = N_("{code} names no single pack: scan the trace code on the box.")
    return {
        "text": code.text,
        "code": code.text,
        "uri": None,
        "verdict": "unknown",
        "message": text,
        "values": {"code": code.text[:80]},
        "product": dict(code.product) if code.product is not None else None,
        "lot_number": None,
        "expires_on": None,
        "review": False,
        "earlier": None,
        "sold_elsewhere": False,
        "opened": None,
        "price": None,
    }


def _told(code: DrugCode, pack: Pack, rules: Rules) -> dict[str, Any]:
    card = pack.product
    handed = [HandedOut(card["name"], card["prescription"])] if card else []
    shown = ("name", "specification", "prescription", "split_units", "split_unit_name")
    named = {name: card[name] for name in shown} if card else {}
    opened = pack.opened
    return {
        "text": code.text,
        "code": pack.code,
        "uri": pack.uri,
        "verdict": Verdict.READY.value if opened is None else Verdict.OPEN.value,
        "message": None,
        "values": {},
        "product": {"id": card["public_id"], **named} if card else dict(code.product) if code.product else None,
        "lot_number": pack.lot["number"] if pack.lot else None,
        "expires_on": pack.lot["expires_on"] if pack.lot else None,
        "review": first_needing("pharmacist", handed, rules) is not None,
        "earlier": None,
        "sold_elsewhere": pack.sold_elsewhere,
        "opened": None
        if opened is None
        else {"units": opened.units, "left": opened.left, "unit_name": opened.unit_name, "use_by": opened.use_by},
    }
