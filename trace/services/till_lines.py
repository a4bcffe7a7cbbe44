"""What the lines of a till's report name: lots and single packs for certain, or products only, and how much of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.stock import items_ever_here
from trace.domain.codes import Code, parse_code
from trace.domain.epcis.vocabulary import KILOGRAM, PIECE
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.products import Category
from trace.domain.uris import UriKind, uri_kind
from trace.services.commands import Command
from trace.services.hop_checks import GRAM
from trace.services.lots import MOVABLE, get_product, units_of
from trace.services.making import Goods
from trace.services.products import find_product
from trace.services.shop_codes import as_shop_reads
from trace.services.stock_keeping import micro

_GRAMS = {GRAM: Decimal(1), KILOGRAM: Decimal(1_000)}


@dataclass(frozen=True, slots=True)
class Sold:
    """What the till says of one sale: a code (lot, pack, GTIN, PLU, scale label) or a product, and how much of it."""

    code: str | None = None
    product: str | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ByProduct:
    """So much (millionths) of a product was sold; `line` is the first that says so."""

    product: Row[Any]
    amount: int
    line: int


def resolve_lines(session: Session, command: Command, sold: Sequence[Sold]) -> tuple[list[Goods], list[ByProduct]]:
    """What is certain (lots, single packs, each once) and what is known by its product only (each once)."""
    codes = [_read(session, command, one) for one in sold]
    items = _items(session, command, codes)
    units = units_of(session, {item for item in items if item})
    lots: dict[str, Decimal | None] = {}
    products: dict[int, ByProduct] = {}
    known: dict[Any, Row[Any]] = {}  # 500 lines of a till report name few products
    for number, (one, code, item) in enumerate(zip(sold, codes, items, strict=True)):
        if item is not None:
            amount = one.amount if one.amount is not None else _amount_in(code, units.get(item))
            lots[item] = _and_more(lots, item, amount, f"sold.{number}")
            continue
        key = (one.product, code and (code.plu or code.class_uri or code.text))
        if key not in known:
            known[key] = _product_of(session, command, one, code, number)
        _add(products, known[key], one.amount, code, number)
    return [Goods(item, amount, units.get(item)) for item, amount in lots.items()], list(products.values())


def _read(session: Session, command: Command, one: Sold) -> Code | None:
    """The code of a line as the shop reads it: what the digits of its own labels mean is its own affair."""
    if not one.code:
        return None
    return as_shop_reads(session, actor=command.actor, code=parse_code(one.code), on=command.day)


def _items(session: Session, command: Command, codes: Sequence[Code | None]) -> list[str | None]:
    """The lot or single pack each code names, None where it names a product only.

    A serial number that was never recorded here says no more than its lot; goods mostly come by lot and quantity.
    """
    named = [code.uri if code and code.uri and uri_kind(code.uri) in MOVABLE else None for code in codes]
    serials = [
        uri for code, uri in zip(codes, named, strict=True) if code and uri and uri != code.lot_uri and code.gtin
    ]
    ids = find_idents(session, serials)
    here = items_ever_here(session, command.actor.organisation, ids.values())
    strange = {uri for uri in serials if ids.get(uri) not in here}
    return [
        code.lot_uri if code and (uri is None or uri in strange) else uri
        for code, uri in zip(codes, named, strict=True)
    ]


def _amount_in(code: Code | None, unit: str | None) -> Decimal | None:
    """How much a code says by itself, in the unit its goods are counted in; None where it does not say."""
    if unit == PIECE:
        return code.amount if code and code.amount and code.unit in (None, PIECE) else Decimal(1)  # one scan, one piece
    if code is None or code.amount is None or code.unit not in _GRAMS or unit not in _GRAMS:
        return code.amount if code and code.unit in (None, unit) else None
    return code.amount * _GRAMS[code.unit] / _GRAMS[unit]


def _and_more(lots: Mapping[str, Decimal | None], item: str, amount: Decimal | None, where: str) -> Decimal | None:
    if uri_kind(item) is not UriKind.LOT:
        if item in lots:
            raise Invalid(
                N_("The same lot or pack is named twice; name it once with the whole quantity."), field=f"{where}.code"
            )
        return None
    if amount is None or amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"{where}.amount")
    return (lots.get(item) or Decimal(0)) + amount


def _product_of(session: Session, command: Command, one: Sold, code: Code | None, number: int) -> Row[Any]:
    """The product a line names; raises `Invalid` for a code that names none here and `Conflict` for a drug."""
    if one.product:
        found = get_product(session, one.product, field=f"sold.{number}.product")
    else:
        known = find_product(session, actor=command.actor, code=code or parse_code(""))
        if known is None:
            raise Invalid(
                N_("{code} is no product of the file here. Type its name, or register it when it is received."),
                field=f"sold.{number}.code",
                code=(one.code or "")[:80],
            )
        found = get_product(session, known["id"])
    if found.category == Category.DRUG:
        raise Conflict(
            N_("{product} is a drug: dispense it at the pharmacy desk."), field=f"sold.{number}", product=found.name
        )
    return found


def _add(
    products: dict[int, ByProduct], product: Row[Any], amount: Decimal | None, code: Code | None, number: int
) -> None:
    if amount is None:
        amount = _amount_in(code, product.unit)
    if amount is None and code is not None and code.plu:
        raise Invalid(
            N_("The label {code} does not say how much of {product} it is: type the quantity behind it."),
            field=f"sold.{number}.amount",
            code=code.text,
            product=product.name,
        )
    if amount is None or amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"sold.{number}.amount")
    before = products.get(product.id)
    products[product.id] = ByProduct(
        product, micro(amount) + (before.amount if before else 0), before.line if before else number
    )
